// SPDX-License-Identifier: GPL-2.0-only
/* A match block of a VirtualService as a condition. */
#include "translation.h"
#include "classify_rules.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool header_field(struct translation *tr, const char *name, uint32_t *field)
{
	char lower[L7FP_MAX_NAME + 1];
	size_t i, n = strlen(name);
	int slot;

	if (header_is_authority(name)) {
		*field = L7FP_FIELD_HOST;
		return true;
	}
	if (!strcmp(name, ":method")) {
		*field = L7FP_FIELD_METHOD;
		return true;
	}
	if (n > L7FP_MAX_NAME)
		return false;
	for (i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	slot = ir_slot(tr->ir, L7FP_SLOT_HEADER, lower);
	if (slot < 0)
		return false;
	*field = L7FP_FIELD_SLOT + (uint32_t)slot;
	return true;
}

static const char *match_value(const struct node *match, const char *kind)
{
	return node_string(node_get(match, kind));
}

struct ir_expr *string_expr(struct translation *tr, uint32_t field, uint32_t flags,
			    const struct node *match)
{
	const char *slow = match ? slow_reason(match) : NULL;
	const char *value;

	if (slow)
		return unknown(tr, slow);
	value = match_value(match, "exact");
	if (value)
		return ir_string(tr->ir, field, L7FP_MATCH_EXACT | flags,
				 ir_strdup(tr->ir, value));
	value = match_value(match, "prefix");
	if (value)
		return ir_string(tr->ir, field, L7FP_MATCH_PREFIX | flags,
				 ir_strdup(tr->ir, value));
	/* Only where a route of the Gateway API was made into this. */
	value = match_value(match, "template");
	if (value)
		return ir_string(tr->ir, field, L7FP_MATCH_TEMPLATE, ir_strdup(tr->ir, value));
	value = match_value(match, "regex");
	if (value)
		return ir_string(tr->ir, field, IR_MATCH_REGEX, ir_strdup(tr->ir, value));
	return ir_string(tr->ir, field, L7FP_MATCH_PRESENT, "");
}

/*
 * Envoy takes a header that is missing for an empty one here
 * (treat_missing_header_as_empty), unless only presence is asked.
 */
static struct ir_expr *without_expr(struct translation *tr, uint32_t field,
				    const struct node *match)
{
	const char *exact = match_value(match, "exact"), *prefix = match_value(match, "prefix");

	if (exact && !*exact)
		return ir_string(tr->ir, field, L7FP_MATCH_NOT_EMPTY, "");
	if (prefix && !*prefix)
		return ir_false(tr->ir);
	return ir_not(tr->ir, string_expr(tr, field, 0, match));
}

static struct ir_expr *too_many(struct translation *tr, struct node *n)
{
	mark_slow(tr->docs->arena, n,
		  "more than %d different headers and query parameters are looked at",
		  L7FP_MAX_SLOTS);
	return unknown(tr, n->reason);
}

/* The kernel serves http, and so :scheme is known. */
static struct ir_expr *scheme_expr(struct translation *tr, const struct node *match)
{
	const char *slow = slow_reason(match);
	const char *exact = match_value(match, "exact"), *prefix = match_value(match, "prefix");

	if (slow)
		return unknown(tr, slow);
	if (tr->for_proxy && match_value(match, "regex")) {
		int slot = ir_slot(tr->ir, L7FP_SLOT_HEADER, ":scheme");

		return slot < 0 ? unknown(tr, "too many headers") :
		       string_expr(tr, L7FP_FIELD_SLOT + (uint32_t)slot, 0, match);
	}
	if ((exact && strcmp(exact, "http")) || (prefix && strncmp("http", prefix, strlen(prefix))))
		return ir_false(tr->ir);
	return ir_true(tr->ir);
}

static struct ir_expr *method_expr(struct translation *tr, const struct node *match)
{
	static const char * const names[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_GET] = "GET", [L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST", [L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE", [L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS", [L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};
	const char *exact = match_value(match, "exact");
	struct ir_expr *e;
	uint32_t i;

	for (i = 1; exact && !slow_reason(match) && i < __L7FP_METHOD_MAX; i++) {
		if (strcmp(exact, names[i]))
			continue;
		e = ir_alloc(tr->ir, sizeof(*e));
		e->kind = IR_METHOD;
		e->method = i;
		return e;
	}
	return string_expr(tr, L7FP_FIELD_METHOD, 0, match);
}

static bool holds_mesh(const struct node *gateways)
{
	size_t i;

	for (i = 0; i < gateways->n; i++)
		if (node_string(gateways->child[i]) && !strcmp(gateways->child[i]->text, "mesh"))
			return true;
	return false;
}

/* Conditions on who calls: with gateways Istio does not look at the labels. */
static struct ir_expr *source_expr(struct translation *tr, const struct node *match)
{
	const struct node *gateways = node_get(match, "gateways");
	const struct node *labels = node_get(match, "sourceLabels");
	const struct node *namespace = node_get(match, "sourceNamespace");

	if (node_count(gateways) && gateways->kind == NODE_LIST)
		return holds_mesh(gateways) ? ir_true(tr->ir) : ir_false(tr->ir);
	if (tr->self)
		return self_matches(tr, labels, namespace);
	if (node_count(labels))
		return unknown(tr, labels->reason ? labels->reason : "sourceLabels");
	if (namespace && namespace->length)
		return unknown(tr, namespace->reason ? namespace->reason : "sourceNamespace");
	return ir_true(tr->ir);
}

struct ir_expr *match_expr(struct translation *tr, struct node *match, uint32_t port)
{
	struct node *uri = node_get(match, "uri"), *method = node_get(match, "method");
	struct node *authority = node_get(match, "authority"), *scheme = node_get(match, "scheme");
	struct node *headers = node_get(match, "headers"), *params = node_get(match, "queryParams");
	struct node *without = node_get(match, "withoutHeaders"), *want = node_get(match, "port");
	struct ir_expr **child;
	uint32_t field;
	size_t i, n = 0;

	if (!match || match->kind != NODE_MAP)
		return ir_true(tr->ir);
	if (want && want->kind == NODE_INT && want->integer && want->integer != (int64_t)port)
		return ir_false(tr->ir);
	child = ir_alloc(tr->ir, (8 + node_count(headers) + node_count(params) +
				  node_count(without)) * sizeof(struct ir_expr *));
	child[n++] = source_expr(tr, match);
	if (uri)
		child[n++] = string_expr(tr, L7FP_FIELD_PATH,
					 node_true(node_get(match, "ignoreUriCase")) ?
					 L7FP_MATCH_IGNORE_CASE : 0, uri);
	if (method)
		child[n++] = method_expr(tr, method);
	if (authority)
		child[n++] = string_expr(tr, L7FP_FIELD_HOST, 0, authority);
	if (scheme)
		child[n++] = scheme_expr(tr, scheme);
	for (i = 0; headers && headers->kind == NODE_MAP && i < headers->n; i++) {
		const char *slow = slow_reason(headers->child[i]);

		if (slow)
			child[n++] = unknown(tr, slow);
		else if (header_field(tr, headers->key[i]->text, &field))
			child[n++] = string_expr(tr, field, 0, headers->child[i]);
		else
			child[n++] = too_many(tr, headers->child[i]);
	}
	for (i = 0; without && without->kind == NODE_MAP && i < without->n; i++) {
		const char *slow = slow_reason(without->child[i]);

		if (slow)
			child[n++] = unknown(tr, slow);
		else if (header_field(tr, without->key[i]->text, &field))
			child[n++] = without_expr(tr, field, without->child[i]);
		else
			child[n++] = too_many(tr, without->child[i]);
	}
	for (i = 0; params && params->kind == NODE_MAP && i < params->n; i++) {
		const char *slow = slow_reason(params->child[i]);
		int slot;

		if (slow) {
			child[n++] = unknown(tr, slow);
			continue;
		}
		slot = ir_slot(tr->ir, L7FP_SLOT_QUERY, params->key[i]->text);
		if (slot < 0)
			child[n++] = too_many(tr, params->child[i]);
		else
			child[n++] = string_expr(tr, L7FP_FIELD_SLOT + (uint32_t)slot, 0,
						 params->child[i]);
	}
	return ir_and(tr->ir, child, n);
}
