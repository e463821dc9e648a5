/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts: where each rule of each document runs, and why.
 */
#ifndef _L7FP_CLASSIFY_H
#define _L7FP_CLASSIFY_H

#include <stdbool.h>
#include <stdio.h>
#include "input.h"

enum verdict_kind {
	VERDICT_KERNEL,
	VERDICT_SLOW_PATH,
	VERDICT_INVALID,
	VERDICT_INPUT,		/* describes services or workloads; no rule */
	VERDICT_IGNORED,	/* not a policy */
};

struct verdict {
	enum verdict_kind kind;
	struct position at;
	const struct document *document;
	const struct node *node;	/* the rule */
	const char *path;		/* of the rule within the document, "spec.http[0]" */
	const char *what;		/* "VirtualService default/reviews http[0]" */
	const char *reason;		/* of the worst field; "" in the kernel */
	const struct node *where;	/* that field */
};

/* Belongs with the documents: verdicts point into them. */
struct verdicts {
	size_t n;
	struct verdict *list;
	size_t n_kernel, n_slow_path, n_invalid, n_input, n_ignored;
};

struct verdicts *verdicts_new(void);
void verdicts_free(struct verdicts *verdicts);

/* Give every field of every document its verdict. Called by translate(). */
void classify(struct documents *docs, struct diagnostics *diag);
/* Collect the verdicts of the rules from those of their fields. */
void verdicts_collect(struct verdicts *verdicts, struct documents *docs);

/* "41 of 43 rules in the kernel, 2 on the slow path, 0 invalid" with a newline. */
void verdicts_print_summary(const struct verdicts *verdicts, FILE *out);
/* One line for each rule of @kind, with the reason. */
void verdicts_print(const struct verdicts *verdicts, FILE *out, enum verdict_kind kind);

int cmd_check(int argc, char **argv);

#endif /* _L7FP_CLASSIFY_H */
