/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be said about the input: file:line:column, what is wrong, what
 * was expected and what to do about it.
 */
#ifndef _L7FP_DIAG_H
#define _L7FP_DIAG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Messages that are kept; further ones are counted. */
#define DIAG_MAX_MESSAGES	10000

/* Where something was written. @file belongs to the documents. */
struct position {
	const char *file;
	int line, column;	/* from 1; 0: the file as a whole */
};

enum diag_level {
	DIAG_ERROR,		/* nothing may be applied */
	DIAG_WARNING,
	DIAG_INFORMATION,
};

struct diagnostic {
	enum diag_level level;
	char *file;
	int line, column;
	char *text;
};

struct diagnostics {
	size_t n;
	struct diagnostic *list;
	size_t n_errors, n_warnings;
	size_t dropped;		/* past DIAG_MAX_MESSAGES */
};

struct diagnostics *diag_new(void);
void diag_free(struct diagnostics *diag);

/* @at may be NULL: the message is not about one place. */
void diag_add(struct diagnostics *diag, enum diag_level level, const struct position *at,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
void diag_addv(struct diagnostics *diag, enum diag_level level, const struct position *at,
	       const char *format, va_list args);

/* "file:12:3: error: text" each, those of @worst or more severe. */
void diag_print(const struct diagnostics *diag, FILE *out, enum diag_level worst);

#endif /* _L7FP_DIAG_H */
