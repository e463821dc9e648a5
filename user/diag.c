// SPDX-License-Identifier: GPL-2.0-only
#include "diag.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct diagnostics *diag_new(void)
{
	return must(calloc(1, sizeof(struct diagnostics)));
}

void diag_free(struct diagnostics *diag)
{
	size_t i;

	if (!diag)
		return;
	for (i = 0; i < diag->n; i++) {
		free(diag->list[i].file);
		free(diag->list[i].text);
	}
	free(diag->list);
	free(diag);
}

void diag_addv(struct diagnostics *diag, enum diag_level level, const struct position *at,
	       const char *format, va_list args)
{
	struct diagnostic *d;
	char *text;
	int length;
	va_list copy;

	if (level == DIAG_ERROR)
		diag->n_errors++;
	else if (level == DIAG_WARNING)
		diag->n_warnings++;
	if (diag->n >= DIAG_MAX_MESSAGES) {
		diag->dropped++;
		return;
	}

	va_copy(copy, args);
	length = vsnprintf(NULL, 0, format, copy);
	va_end(copy);
	if (length < 0)
		length = 0;
	text = must(malloc((size_t)length + 1));
	text[0] = '\0';
	vsnprintf(text, (size_t)length + 1, format, args);

	if (!(diag->n & (diag->n - 1)))
		diag->list = must(realloc(diag->list,
					  (diag->n ? 2 * diag->n : 1) * sizeof(*diag->list)));
	d = &diag->list[diag->n++];
	d->level = level;
	d->file = at && at->file ? must(strdup(at->file)) : NULL;
	d->line = at ? at->line : 0;
	d->column = at ? at->column : 0;
	d->text = text;
}

void diag_add(struct diagnostics *diag, enum diag_level level, const struct position *at,
	      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diag_addv(diag, level, at, format, args);
	va_end(args);
}

void diag_print(const struct diagnostics *diag, FILE *out, enum diag_level worst)
{
	static const char * const names[] = { "error", "warning", "information" };
	size_t i;

	for (i = 0; i < diag->n; i++) {
		const struct diagnostic *d = &diag->list[i];

		if (d->level > worst)
			continue;
		if (d->file && d->line)
			fprintf(out, "%s:%d:%d: ", d->file, d->line, d->column);
		else if (d->file)
			fprintf(out, "%s: ", d->file);
		fprintf(out, "%s: %s\n", names[d->level], d->text);
	}
	if (diag->dropped)
		fprintf(out, "%zu more messages are not shown\n", diag->dropped);
}
