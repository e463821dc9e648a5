// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the files on a command line to a translated policy.
 */
#include <string.h>
#include <time.h>
#include "policy_files.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int policy_files_read(struct policy_files *files, char *const *path, size_t n)
{
	double start = now_ms();
	int err = 0;
	size_t i;

	memset(files, 0, sizeof(*files));
	files->docs = documents_new();
	files->diag = diag_new();
	files->verdicts = verdicts_new();
	for (i = 0; i < n; i++)
		if (documents_read(files->docs, path[i], files->diag))
			err = -1;
	if (!err)
		files->ir = translate(files->docs, files->diag, files->verdicts);
	files->translate_ms = now_ms() - start;
	return files->ir ? 0 : -1;
}

void policy_files_explain(const struct policy_files *files, FILE *out)
{
	diag_print(files->diag, out, DIAG_WARNING);
	verdicts_print(files->verdicts, out, VERDICT_INVALID);
}

void policy_files_free(struct policy_files *files)
{
	if (files->ir)
		ir_free(files->ir);
	if (files->verdicts)
		verdicts_free(files->verdicts);
	if (files->diag)
		diag_free(files->diag);
	if (files->docs)
		documents_free(files->docs);
	memset(files, 0, sizeof(*files));
}
