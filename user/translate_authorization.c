// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule of an AuthorizationPolicy as a condition. Istio makes each list of
 * values an OR, joins the fields by AND, and a not-list is NOT of its OR; a
 * value with "*" in front is a suffix, at the end a prefix, alone "not empty".
 */
#include "translation.h"
#include "classify_rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How a list of values is compared. */
enum leaf {
	LEAF_HOST,
	LEAF_METHOD,
	LEAF_PATH,
	LEAF_HEADER,
	LEAF_SOURCE_IP,
	LEAF_REMOTE_IP,
	LEAF_PORT,
	LEAF_DESTINATION_IP,
	LEAF_PRINCIPAL,
	LEAF_NAMESPACE,
	LEAF_SERVICE_ACCOUNT,
	LEAF_TRUST_DOMAIN,
	LEAF_UNKNOWN,
};

struct building {
	struct translation *tr;
	const struct authorization_view *view;
	uint32_t field;		/* of LEAF_HEADER */
};

static bool leaf_is_http(enum leaf leaf)
{
	return leaf <= LEAF_HEADER;
}

static struct ir_expr *wildcard(struct building *b, uint32_t field, uint32_t flags,
				uint32_t any, const char *value)
{
	struct ir *ir = b->tr->ir;
	size_t n = strlen(value);
	char *copy;

	if (!strcmp(value, "*"))
		return ir_string(ir, field, any, "");
	if (*value == '*')
		return ir_string(ir, field, L7FP_MATCH_SUFFIX | flags,
				 ir_strdup(ir, value + 1));
	copy = ir_strdup(ir, value);
	if (copy[n - 1] == '*') {
		copy[n - 1] = '\0';
		return ir_string(ir, field, L7FP_MATCH_PREFIX | flags, copy);
	}
	return ir_string(ir, field, L7FP_MATCH_EXACT | flags, copy);
}

static struct ir_expr *path_leaf(struct building *b, const char *value)
{
	char *pattern;

	if (!strstr(value, "{*}") && !strstr(value, "{**}"))
		return wildcard(b, L7FP_FIELD_PATH, 0, L7FP_MATCH_NOT_EMPTY, value);
	pattern = ir_alloc(b->tr->ir, strlen(value) + 4);
	if (!authorization_template(value, pattern, strlen(value) + 4))
		return unknown(b->tr, "no template");
	return ir_string(b->tr->ir, L7FP_FIELD_PATH, L7FP_MATCH_TEMPLATE, pattern);
}

static struct ir_expr *method_leaf(struct building *b, const char *value)
{
	static const char * const names[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_GET] = "GET", [L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST", [L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE", [L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS", [L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};
	struct ir_expr *e;
	uint32_t i;

	for (i = 1; i < __L7FP_METHOD_MAX; i++) {
		if (strcmp(names[i], value))
			continue;
		e = ir_alloc(b->tr->ir, sizeof(*e));
		e->kind = IR_METHOD;
		e->method = i;
		return e;
	}
	/* A request has a method always. */
	if (!strcmp(value, "*"))
		return ir_true(b->tr->ir);
	return wildcard(b, L7FP_FIELD_METHOD, 0, L7FP_MATCH_PRESENT, value);
}

static struct ir_expr *address_leaf(struct building *b, enum ir_expr_kind kind, const char *value)
{
	uint32_t addr[4], bits;

	if (!parse_address(value, true, addr, &bits))
		return unknown(b->tr, "no address");
	return ir_address_in(b->tr, kind, addr, bits);
}

/* NAMESPACE/ACCOUNT, or an account of the policy's own namespace. */
static struct ir_expr *account_leaf(struct building *b, const char *value)
{
	const char *slash = strchr(value, '/');
	const char *suffix;

	if (slash)
		suffix = node_printf(b->tr->docs->arena, "/ns/%.*s/sa/%s", (int)(slash - value),
				     value, slash + 1);
	else
		suffix = node_printf(b->tr->docs->arena, "/ns/%s/sa/%s", b->view->namespace, value);
	return ir_string(b->tr->ir, L7FP_FIELD_SOURCE_PRINCIPAL, L7FP_MATCH_SUFFIX,
			 ir_strdup(b->tr->ir, suffix));
}

/* A proxy is told the principal, which has it: TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT. */
static struct ir_expr *namespace_leaf(struct building *b, const char *value)
{
	size_t n = strlen(value);
	const char *part;

	if (!b->tr->for_proxy)
		return wildcard(b, L7FP_FIELD_SOURCE_NAMESPACE, 0, L7FP_MATCH_PRESENT, value);
	if (!strcmp(value, "*"))
		return ir_string(b->tr->ir, L7FP_FIELD_SOURCE_PRINCIPAL, L7FP_MATCH_PRESENT, "");
	/* No namespace has one, so that nothing but the whole part is compared. */
	if (strchr(value, '/'))
		return ir_false(b->tr->ir);
	if (*value == '*')
		part = node_printf(b->tr->docs->arena, "%s/sa/", value + 1);
	else if (value[n - 1] == '*')
		part = node_printf(b->tr->docs->arena, "/ns/%.*s", (int)n - 1, value);
	else
		part = node_printf(b->tr->docs->arena, "/ns/%s/sa/", value);
	return ir_string(b->tr->ir, L7FP_FIELD_SOURCE_PRINCIPAL, L7FP_MATCH_CONTAINS,
			 ir_strdup(b->tr->ir, part));
}

/* All that are known have one trust domain. */
static struct ir_expr *trust_domain_leaf(struct building *b, const char *value)
{
	size_t n = strlen(value), m = strlen(b->tr->domain);
	bool matches;

	if (*value == '*')
		matches = n - 1 <= m && !strcmp(b->tr->domain + m - (n - 1), value + 1);
	else if (value[n - 1] == '*')
		matches = !strncmp(b->tr->domain, value, n - 1);
	else
		matches = !strcmp(b->tr->domain, value);
	return matches ? ir_string(b->tr->ir, L7FP_FIELD_SOURCE_PRINCIPAL, L7FP_MATCH_PRESENT, "") :
			 ir_false(b->tr->ir);
}

/* The destination is known when the policy is translated, or is where the connection arrived. */
static struct ir_expr *destination_leaf(struct building *b, const char *value)
{
	uint32_t addr[4], bits, full, rest;
	const uint8_t *a = (const uint8_t *)addr;

	if (b->view->inbound)
		return address_leaf(b, IR_DESTINATION_IP, value);
	if (!parse_address(value, true, addr, &bits) || !b->view->address)
		return unknown(b->tr, "the address of the destination is not known");
	full = bits / 8;
	rest = bits % 8;
	if (memcmp(a, b->view->address->s6_addr, full))
		return ir_false(b->tr->ir);
	if (rest && (a[full] ^ b->view->address->s6_addr[full]) >> (8 - rest))
		return ir_false(b->tr->ir);
	return ir_true(b->tr->ir);
}

static struct ir_expr *one_value(struct building *b, enum leaf leaf, const struct node *n)
{
	struct ir *ir = b->tr->ir;
	const char *s = node_string(n);
	const char *slow = slow_reason(n);

	if (!s || !*s || slow)
		return unknown(b->tr, slow ? slow : "no value");
	switch (leaf) {
	case LEAF_HOST:
		return wildcard(b, L7FP_FIELD_HOST, L7FP_MATCH_IGNORE_CASE, L7FP_MATCH_PRESENT, s);
	case LEAF_METHOD:
		return method_leaf(b, s);
	case LEAF_PATH:
		return path_leaf(b, s);
	case LEAF_HEADER:
		return wildcard(b, b->field, 0, L7FP_MATCH_PRESENT, s);
	case LEAF_SOURCE_IP:
		return address_leaf(b, IR_SOURCE_IP, s);
	case LEAF_REMOTE_IP:
		return address_leaf(b, IR_REMOTE_IP, s);
	case LEAF_DESTINATION_IP:
		return destination_leaf(b, s);
	case LEAF_PRINCIPAL:
		return wildcard(b, L7FP_FIELD_SOURCE_PRINCIPAL, 0, L7FP_MATCH_PRESENT, s);
	case LEAF_NAMESPACE:
		return namespace_leaf(b, s);
	case LEAF_SERVICE_ACCOUNT:
		return account_leaf(b, s);
	case LEAF_TRUST_DOMAIN:
		return trust_domain_leaf(b, s);
	case LEAF_PORT:
		if (b->view->inbound)
			return ir_port_is(b->tr, (uint32_t)strtoul(s, NULL, 10));
		return strtoul(s, NULL, 10) == b->view->port ? ir_true(ir) : ir_false(ir);
	case LEAF_UNKNOWN:
		break;
	}
	return unknown(b->tr, "it needs the slow path");
}

/*
 * The values of one list. NULL: the list says nothing. On TCP what only HTTP
 * has cannot be compared: such an ALLOW never matches, such a DENY goes
 * without it, and so denies more (as Istio generates it).
 */
static struct ir_expr *list_expr(struct building *b, enum leaf leaf, const struct node *list,
				 bool negated)
{
	struct ir *ir = b->tr->ir;
	struct ir_expr **child, *e;
	const char *slow;
	size_t i;

	if (!list || !list->n)
		return NULL;
	if (b->view->tcp && leaf_is_http(leaf))
		return b->view->deny ? NULL : ir_false(ir);
	slow = leaf == LEAF_UNKNOWN || list->verdict >= NODE_SLOW_PATH ? slow_reason(list) : NULL;
	if (slow || leaf == LEAF_UNKNOWN || list->kind != NODE_LIST)
		return unknown(b->tr, slow ? slow : "it needs the slow path");
	child = ir_alloc(ir, list->n * sizeof(struct ir_expr *));
	for (i = 0; i < list->n; i++)
		child[i] = one_value(b, leaf, list->child[i]);
	e = ir_or(ir, child, list->n);
	return negated ? ir_not(ir, e) : e;
}

struct joined {
	struct ir_expr *child[64];
	size_t n;
};

static void join(struct joined *j, struct ir_expr *e)
{
	if (e && j->n < sizeof(j->child) / sizeof(j->child[0]))
		j->child[j->n++] = e;
}

static struct ir_expr *source_expr(struct building *b, const struct node *source)
{
	static const struct {
		const char *name;
		enum leaf leaf;
		bool negated, http;
	} fields[] = {
		{ "ipBlocks", LEAF_SOURCE_IP, false, false },
		{ "notIpBlocks", LEAF_SOURCE_IP, true, false },
		{ "principals", LEAF_PRINCIPAL, false, false },
		{ "notPrincipals", LEAF_PRINCIPAL, true, false },
		{ "requestPrincipals", LEAF_UNKNOWN, false, true },
		{ "notRequestPrincipals", LEAF_UNKNOWN, true, true },
		{ "namespaces", LEAF_NAMESPACE, false, false },
		{ "notNamespaces", LEAF_NAMESPACE, true, false },
		{ "serviceAccounts", LEAF_SERVICE_ACCOUNT, false, false },
		{ "notServiceAccounts", LEAF_SERVICE_ACCOUNT, true, false },
		{ "trustDomains", LEAF_TRUST_DOMAIN, false, false },
		{ "notTrustDomains", LEAF_TRUST_DOMAIN, true, false },
		{ "remoteIpBlocks", LEAF_REMOTE_IP, false, false },
		{ "notRemoteIpBlocks", LEAF_REMOTE_IP, true, false },
	};
	struct joined j = { .n = 0 };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct node *list = node_get(source, fields[i].name);

		if (b->view->tcp && fields[i].http && node_count(list)) {
			if (!b->view->deny)
				join(&j, ir_false(b->tr->ir));
			continue;
		}
		join(&j, list_expr(b, fields[i].leaf, list, fields[i].negated));
	}
	return ir_and(b->tr->ir, j.child, j.n);
}

static struct ir_expr *operation_expr(struct building *b, const struct node *operation)
{
	static const struct {
		const char *name, *not_name;
		enum leaf leaf;
	} fields[] = {
		{ "ports", "notPorts", LEAF_PORT },
		{ "methods", "notMethods", LEAF_METHOD },
		{ "paths", "notPaths", LEAF_PATH },
		{ "hosts", "notHosts", LEAF_HOST },
	};
	struct joined j = { .n = 0 };
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		join(&j, list_expr(b, fields[i].leaf, node_get(operation, fields[i].name), false));
		join(&j, list_expr(b, fields[i].leaf, node_get(operation, fields[i].not_name),
				   true));
	}
	return ir_and(b->tr->ir, j.child, j.n);
}

static enum leaf condition_leaf(struct building *b, const struct node *key)
{
	const char *s = node_string(key);
	char name[L7FP_MAX_NAME + 1];
	size_t n, i;

	if (!s || key->verdict >= NODE_SLOW_PATH)
		return LEAF_UNKNOWN;
	if (!strcmp(s, "source.ip"))
		return LEAF_SOURCE_IP;
	if (!strcmp(s, "remote.ip"))
		return LEAF_REMOTE_IP;
	if (!strcmp(s, "destination.ip"))
		return LEAF_DESTINATION_IP;
	if (!strcmp(s, "destination.port"))
		return LEAF_PORT;
	if (!strcmp(s, "source.principal"))
		return LEAF_PRINCIPAL;
	if (!strcmp(s, "source.namespace"))
		return LEAF_NAMESPACE;
	if (!strcmp(s, "source.serviceAccount"))
		return LEAF_SERVICE_ACCOUNT;
	if (!strcmp(s, "source.trustDomain"))
		return LEAF_TRUST_DOMAIN;
	n = strlen("request.headers[");
	if (strncmp(s, "request.headers[", n) || key->length < n + 2 ||
	    key->length - n - 1 > L7FP_MAX_NAME)
		return LEAF_UNKNOWN;
	for (i = 0; i < key->length - n - 1; i++)
		name[i] = (char)tolower((unsigned char)s[n + i]);
	name[i] = '\0';
	if (!header_field(b->tr, name, &b->field))
		return LEAF_UNKNOWN;
	return LEAF_HEADER;
}

static struct ir_expr *when_expr(struct building *b, struct node *when)
{
	struct node *key = node_get(when, "key");
	const char *s = node_string(key);
	bool http = s && !strncmp(s, "request.", 8);
	struct ir_expr *child[2];
	enum leaf leaf;
	size_t n = 0;

	if (b->view->tcp && http)
		return b->view->deny ? ir_true(b->tr->ir) : ir_false(b->tr->ir);
	leaf = condition_leaf(b, key);
	if (leaf == LEAF_UNKNOWN) {
		if (key && key->verdict < NODE_SLOW_PATH)
			mark_slow(b->tr->docs->arena, key,
				  "more than %d different headers and query parameters are looked at",
				  L7FP_MAX_SLOTS);
		return unknown(b->tr, key && key->reason ? key->reason : "it needs the slow path");
	}
	child[0] = list_expr(b, leaf, node_get(when, "values"), false);
	if (child[0])
		n++;
	child[n] = list_expr(b, leaf, node_get(when, "notValues"), true);
	if (child[n])
		n++;
	return ir_and(b->tr->ir, child, n);
}

static struct ir_expr *any_of(struct building *b, const struct node *list, const char *field,
			      struct ir_expr *(*build)(struct building *, const struct node *))
{
	struct ir_expr **child;
	size_t i;

	if (!list || list->kind != NODE_LIST || !list->n)
		return ir_true(b->tr->ir);
	child = ir_alloc(b->tr->ir, list->n * sizeof(struct ir_expr *));
	for (i = 0; i < list->n; i++)
		child[i] = build(b, node_get(list->child[i], field));
	return ir_or(b->tr->ir, child, list->n);
}

struct ir_expr *authorization_expr(struct translation *tr, const struct node *rule,
				   const struct authorization_view *view)
{
	struct building b = { .tr = tr, .view = view };
	const struct node *when = node_get(rule, "when");
	struct ir_expr **child;
	size_t i, n = 2;

	child = ir_alloc(tr->ir, (2 + node_count(when)) * sizeof(struct ir_expr *));
	child[0] = any_of(&b, node_get(rule, "from"), "source", source_expr);
	child[1] = any_of(&b, node_get(rule, "to"), "operation", operation_expr);
	for (i = 0; when && when->kind == NODE_LIST && i < when->n; i++)
		child[n++] = when_expr(&b, when->child[i]);
	return ir_and(tr->ir, child, n);
}

static void needs_callers(struct node *n, const char *reason)
{
	if (n)
		node_mark(n, NODE_SLOW_PATH, reason);
}

void authorization_without_callers(const struct node *rule)
{
	static const char * const fields[] = {
		"principals", "notPrincipals", "namespaces", "notNamespaces", "serviceAccounts",
		"notServiceAccounts", "trustDomains", "notTrustDomains",
	};
	static const char * const keys[] = {
		"source.principal", "source.namespace", "source.serviceAccount",
		"source.trustDomain",
	};
	const struct node *from = node_get(rule, "from"), *when = node_get(rule, "when");
	static const char reason[] = "nothing says who callers are: give their Pods or Workloads";
	size_t i, k;

	for (i = 0; from && from->kind == NODE_LIST && i < from->n; i++)
		for (k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
			needs_callers(node_path(from->child[i], "source", fields[k], NULL), reason);
	for (i = 0; when && when->kind == NODE_LIST && i < when->n; i++) {
		struct node *key = node_get(when->child[i], "key");

		for (k = 0; node_string(key) && k < sizeof(keys) / sizeof(keys[0]); k++)
			if (!strcmp(key->text, keys[k]))
				needs_callers(key, reason);
	}
}
