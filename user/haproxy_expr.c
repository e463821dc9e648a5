// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conditions of the IR as HAProxy's: an OR of ANDs of tests, which may be
 * negated. A header that is looked at may have one line only (haproxy.c sees to
 * that): Envoy joins several, and HAProxy looks at each.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "haproxy.h"

/* A line of a configuration is cut at 2048 bytes. */
#define MAX_TERM	1500

void haproxy_word(FILE *out, const char *text, size_t len, bool format)
{
	size_t i;

	if (!len)
		fputs("\"\"", out);
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (format && c == '%')
			fputs("%%", out);
		else if (isalnum(c) || strchr("-_./:*", c))
			putc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
}

void haproxy_terms_free(struct haproxy_terms *terms)
{
	size_t i;

	for (i = 0; i < terms->n; i++)
		free(terms->text[i]);
	terms->n = 0;
}

static struct haproxy_terms refuse(const char *reason)
{
	return (struct haproxy_terms){ .refusal = reason };
}

static struct haproxy_terms constant(bool value)
{
	struct haproxy_terms t = { 0 };

	if (value)
		t.text[t.n++] = strdup("");
	return t;
}

static struct haproxy_terms both(struct haproxy_terms a, struct haproxy_terms b)
{
	struct haproxy_terms all = { .refusal = a.refusal ? a.refusal : b.refusal };
	size_t i, k;

	if (!all.refusal && a.n * b.n > HAPROXY_MAX_TERMS)
		all.refusal = "a condition with too many alternatives for HAProxy";
	for (i = 0; !all.refusal && i < a.n; i++) {
		for (k = 0; !all.refusal && k < b.n; k++) {
			if (asprintf(&all.text[all.n], "%s%s", a.text[i], b.text[k]) < 0)
				abort();
			if (strlen(all.text[all.n++]) > MAX_TERM)
				all.refusal = "a condition too long for a line of HAProxy";
		}
	}
	haproxy_terms_free(&a);
	haproxy_terms_free(&b);
	return all;
}

static struct haproxy_terms either(struct haproxy_terms a, struct haproxy_terms b)
{
	size_t i;

	if (!a.refusal)
		a.refusal = b.refusal;
	if (!a.refusal && a.n + b.n > HAPROXY_MAX_TERMS)
		a.refusal = "a condition with too many alternatives for HAProxy";
	for (i = 0; i < b.n; i++) {
		if (a.refusal)
			free(b.text[i]);
		else
			a.text[a.n++] = b.text[i];
	}
	return a;
}

static bool plain_name(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

/* The sample of a field; NULL: there is none. */
static const char *sample(const struct ir *ir, uint32_t field, char text[512])
{
	const struct ir_slot *slot;

	switch (field) {
	case L7FP_FIELD_PATH:
		return "path";
	case L7FP_FIELD_METHOD:
		return "method";
	case L7FP_FIELD_HOST:
		return "req.hdr(host)";
	case L7FP_FIELD_AUTHORITY:
		return "var(txn.host)";
	case L7FP_FIELD_SOURCE_PRINCIPAL:
		return "fc_pp_authority";
	default:
		break;
	}
	if (field < L7FP_FIELD_SLOT)
		return NULL;
	slot = &ir->slot[field - L7FP_FIELD_SLOT];
	if (!plain_name(slot->name))
		return NULL;
	snprintf(text, 512, slot->kind == L7FP_SLOT_QUERY ? "urlp(%s)" : "req.fhdr(%s)",
		 slot->name);
	return text;
}

static const char *method(uint32_t op)
{
	switch (op) {
	case L7FP_MATCH_EXACT:
		return "str";
	case L7FP_MATCH_PREFIX:
		return "beg";
	case L7FP_MATCH_SUFFIX:
		return "end";
	case L7FP_MATCH_CONTAINS:
		return "sub";
	case IR_MATCH_REGEX:
		return "reg";
	default:
		return NULL;
	}
}

static struct haproxy_terms string(const struct ir *ir, const struct ir_expr *x, bool negated)
{
	uint32_t op = x->op & ~L7FP_MATCH_IGNORE_CASE;
	const char *no = negated ? " !{ " : " { ", *from, *how = method(op);
	struct haproxy_terms t = { 0 };
	char text[512], *out = NULL;
	size_t len = strlen(x->value ? x->value : ""), n;
	FILE *f;

	from = sample(ir, x->field, text);
	if (!from)
		return refuse("a name that HAProxy cannot look up");
	if (!how && op != L7FP_MATCH_PRESENT && op != L7FP_MATCH_NOT_EMPTY)
		return refuse("templates of paths are not matched by HAProxy");
	f = open_memstream(&out, &n);
	if (!f)
		abort();
	if (op == L7FP_MATCH_PRESENT) {
		fprintf(f, "%s%s -m found }", no, from);
	} else if (op == L7FP_MATCH_NOT_EMPTY) {
		fprintf(f, "%s%s -m len gt 0 }", no, from);
	} else if (op == L7FP_MATCH_EXACT && !len) {
		fprintf(f, "%s%s -m len 0 }", no, from);
	} else if (!len && op != IR_MATCH_REGEX) {
		fprintf(f, "%s%s -m found }", no, from);
	} else {
		fprintf(f, "%s%s -m %s%s -- ", no, from, how,
			x->op & L7FP_MATCH_IGNORE_CASE ? " -i" : "");
		if (op == IR_MATCH_REGEX)
			haproxy_word(f, "^(?:", 4, false);
		if (len)
			haproxy_word(f, x->value, len, false);
		if (op == IR_MATCH_REGEX)
			haproxy_word(f, ")$", 2, false);
		fputs(" }", f);
	}
	fclose(f);
	t.text[t.n++] = out;
	return t;
}

static struct haproxy_terms address(const struct ir_expr *x, const char *from, bool negated)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)x->addr) && x->prefix >= 96;
	char text[INET6_ADDRSTRLEN];
	struct haproxy_terms t = { 0 };

	if (v4)
		inet_ntop(AF_INET, &x->addr[3], text, sizeof(text));
	else
		inet_ntop(AF_INET6, x->addr, text, sizeof(text));
	if (asprintf(&t.text[t.n++], " %s{ %s %s/%u }", negated ? "!" : "", from, text,
		     v4 ? x->prefix - 96 : x->prefix) < 0)
		abort();
	return t;
}

static struct haproxy_terms number(const char *from, const char *value, bool negated)
{
	struct haproxy_terms t = { 0 };

	if (asprintf(&t.text[t.n++], " %s{ %s %s }", negated ? "!" : "", from, value) < 0)
		abort();
	return t;
}

static struct haproxy_terms convert(const struct ir *ir, const struct ir_expr *x, bool negated)
{
	static const char * const methods[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_GET] = "GET", [L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST", [L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE", [L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS", [L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};
	struct haproxy_terms t;
	char port[16];
	size_t i;

	switch (x->kind) {
	case IR_TRUE:
	case IR_FALSE:
		return constant((x->kind == IR_TRUE) != negated);
	case IR_NOT:
		return convert(ir, x->child[0], !negated);
	case IR_AND:
	case IR_OR:
		t = constant((x->kind == IR_AND) != negated);
		for (i = 0; i < x->n_children; i++) {
			struct haproxy_terms one = convert(ir, x->child[i], negated);

			t = (x->kind == IR_AND) != negated ? both(t, one) : either(t, one);
		}
		return t;
	case IR_STRING:
		return string(ir, x, negated);
	case IR_SOURCE_IP:
		return address(x, "src", negated);
	case IR_DESTINATION_IP:
		return address(x, "dst", negated);
	case IR_SOURCE_PORT:
	case IR_DESTINATION_PORT:
		snprintf(port, sizeof(port), "%u", x->port);
		return number(x->kind == IR_SOURCE_PORT ? "src_port" : "dst_port", port, negated);
	case IR_METHOD:
		return number("method", methods[x->method], negated);
	case IR_REMOTE_IP:
		return refuse("X-Forwarded-For is not read by HAProxy as Envoy reads it");
	case IR_UNKNOWN:
		return refuse(x->reason);
	default:
		return refuse("a condition that HAProxy has no test for");
	}
}

struct haproxy_terms haproxy_terms(const struct ir *ir, const struct ir_expr *expr)
{
	struct haproxy_terms t = expr ? convert(ir, expr, false) : constant(true);

	if (t.refusal)
		haproxy_terms_free(&t);
	return t;
}
