/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the front end share. */
#ifndef _L7FP_FRONT_END_H
#define _L7FP_FRONT_END_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec_test.h"
#include "classify_rules.h"
#include "translate.h"

struct front_end {
	struct documents *docs;
	struct diagnostics *diag;
	struct verdicts *verdicts;
	struct ir *ir;
};

static inline void front_end_read(struct front_end *f, const char *text)
{
	f->docs = documents_new();
	f->diag = diag_new();
	f->verdicts = verdicts_new();
	f->ir = NULL;
	documents_read_buffer(f->docs, "test.yaml", text, strlen(text), f->diag);
}

static inline void front_end_translate(struct front_end *f, const char *text)
{
	front_end_read(f, text);
	f->ir = translate(f->docs, f->diag, f->verdicts);
}

static inline void front_end_free(struct front_end *f)
{
	ir_free(f->ir);
	verdicts_free(f->verdicts);
	diag_free(f->diag);
	documents_free(f->docs);
}

/* The first message that holds @text; NULL: none. */
static inline const struct diagnostic *front_end_message(const struct front_end *f,
							 const char *text)
{
	size_t i;

	for (i = 0; i < f->diag->n; i++)
		if (strstr(f->diag->list[i].text, text))
			return &f->diag->list[i];
	return NULL;
}

#endif /* _L7FP_FRONT_END_H */
