/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the files on a command line to a translated policy.
 */
#ifndef _L7FP_POLICY_FILES_H
#define _L7FP_POLICY_FILES_H

#include "translate.h"

/**
 * struct policy_files - what the files say
 * @ir: NULL when nothing may be applied
 * @translate_ms: reading and translating
 */
struct policy_files {
	struct documents *docs;
	struct diagnostics *diag;
	struct verdicts *verdicts;
	struct ir *ir;
	double translate_ms;
};

/* Always to be freed. 0, or -1 when there is no policy: policy_files_explain() says why. */
int policy_files_read(struct policy_files *files, char *const *path, size_t n);
/* Likewise; @ir is for a proxy, see translate_for_proxy(); @view may be NULL. */
int policy_files_read_for_proxy(struct policy_files *files, char *const *path, size_t n,
				const struct translate_view *view);
/* Likewise; @ir is for one workload, see translate_for_workload(). */
int policy_files_read_for_workload(struct policy_files *files, char *const *path, size_t n,
				   const struct translate_view *view);
/* What tells the configuration of a proxy for these files from others. 0 or -1. */
int policy_files_token(char *const *path, size_t n, const struct translate_view *view,
		       char *token, size_t size);
/* Every error and invalid rule on @out. */
void policy_files_explain(const struct policy_files *files, FILE *out);
void policy_files_free(struct policy_files *files);

#endif /* _L7FP_POLICY_FILES_H */
