/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _L7FP_HAPROXY_H
#define _L7FP_HAPROXY_H

#include <stddef.h>
#include <stdio.h>
#include "ir.h"

/* ORs of ANDs that one condition may become. */
#define HAPROXY_MAX_TERMS	64

/* A condition as HAProxy has it: lines of tests that are joined by AND. */
struct haproxy_terms {
	size_t n;
	char *text[HAPROXY_MAX_TERMS];
	const char *refusal;	/* why it cannot be written; NULL: it can */
};

/* The caller frees them. */
struct haproxy_terms haproxy_terms(const struct ir *ir, const struct ir_expr *expr);
void haproxy_terms_free(struct haproxy_terms *terms);
/* One word of a configuration line; @format: of a log-format string. */
void haproxy_word(FILE *out, const char *text, size_t len, bool format);

#endif /* _L7FP_HAPROXY_H */
