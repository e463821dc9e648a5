// SPDX-License-Identifier: GPL-2.0-only
/*
 * GRPCRoute: what the schema of the Gateway API (its patterns, lengths and
 * validation rules) refuses, and what only the slow path does.
 */
#include "classify_rules.h"
#include "schema.h"
#include "../kmod/uapi/l7fp.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct ctx {
	struct node_arena *arena;
	const struct document *document;
};

/* "package.Service" or "Method": names with dots between, if @dots. */
static bool name_valid(const char *s, bool dots)
{
	bool first = true;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '.' && dots && !first && s[1]) {
			first = true;
			continue;
		}
		if (!(isalpha(c) || (c == '_' && (!first || !dots)) || (isdigit(c) && !first)))
			return false;
		first = false;
	}
	return true;
}

static void check_name(struct ctx *c, struct node *n, bool dots, bool regex)
{
	const char *s = node_string(n);

	if (!s)
		return;
	if (n->length > 1024)
		mark_invalid(c->arena, n, "longer than 1024 bytes");
	else if (!regex && !name_valid(s, dots))
		mark_invalid(c->arena, n, "\"%.100s\" is no name of a %s; expected one like %s", s,
			     dots ? "service" : "method", dots ? "\"shop.Reviews\"" : "\"Get\"");
	else if (n->length > L7FP_MAX_STRING / 2 - 2)
		mark_slow(c->arena, n, "longer than the kernel compares");
}

static void check_method(struct ctx *c, struct node *method)
{
	bool regex = !strcmp(node_text(method, "type", "Exact"), "RegularExpression");

	if (!method || method->kind != NODE_MAP)
		return;
	if (!*node_text(method, "service", "") && !*node_text(method, "method", ""))
		mark_invalid(c->arena, method, "one or both of service and method are needed");
	check_name(c, node_get(method, "service"), true, regex);
	check_name(c, node_get(method, "method"), false, regex);
}

static void check_header_name(struct ctx *c, struct node *holder, struct node *name)
{
	const char *s = node_string(name);

	if (!name)
		mark_invalid(c->arena, holder, "a header needs a name");
	else if (s && !header_name_valid(s))
		mark_invalid(c->arena, name, "\"%.100s\" is no name of a header", s);
	else if (s && strlen(s) > L7FP_MAX_NAME)
		mark_slow(c->arena, name, "longer than the %d bytes that the kernel looks up",
			  L7FP_MAX_NAME);
}

static void check_value(struct ctx *c, struct node *holder, struct node *value)
{
	if (!value)
		mark_invalid(c->arena, holder, "a header needs a value");
	else if (node_string(value) && !header_value_valid(value->text))
		mark_invalid(c->arena, value, "a control character in the value");
	else if (node_string(value) && value->length > L7FP_MAX_STRING)
		mark_slow(c->arena, value, "longer than %d bytes", L7FP_MAX_STRING);
}

static void check_changed_header(struct ctx *c, struct node *holder, struct node *name)
{
	const char *s = node_string(name);

	check_header_name(c, holder, name);
	if (!s)
		return;
	if (header_is_authority(s))
		mark_slow(c->arena, name, "the host is not changed by the kernel here");
	else if (header_frames_message(s))
		mark_slow(c->arena, name,
			  "%s belongs to the framing of the message, which the kernel does not let policies change",
			  s);
}

static void check_modifier(struct ctx *c, struct node *modifier)
{
	static const char * const kinds[] = { "set", "add" };
	struct node *list;
	size_t i, k, total = 0;

	if (!modifier || modifier->kind != NODE_MAP)
		return;
	for (k = 0; k < 2; k++) {
		list = node_get(modifier, kinds[k]);
		total += node_count(list);
		for (i = 0; i < node_count(list); i++) {
			struct node *h = list->child[i];

			if (h->kind != NODE_MAP)
				continue;
			check_changed_header(c, h, node_get(h, "name"));
			check_value(c, h, node_get(h, "value"));
		}
	}
	list = node_get(modifier, "remove");
	total += node_count(list);
	for (i = 0; i < node_count(list); i++)
		check_changed_header(c, list, list->child[i]);
	if (total > L7FP_MAX_HEADER_OPS)
		mark_slow(c->arena, modifier, "more than %d changes of headers",
			  L7FP_MAX_HEADER_OPS);
}

static void check_filters(struct ctx *c, struct node *filters)
{
	static const struct {
		const char *type, *field;
		bool once;
	} kinds[] = {
		{ "RequestHeaderModifier", "requestHeaderModifier", true },
		{ "ResponseHeaderModifier", "responseHeaderModifier", true },
		{ "RequestMirror", "requestMirror", false },
		{ "ExtensionRef", "extensionRef", false },
	};
	size_t i, k, seen[4] = { 0 };

	for (i = 0; i < node_count(filters); i++) {
		struct node *f = filters->child[i];
		const char *type = node_text(f, "type", "");

		if (f->kind != NODE_MAP)
			continue;
		if (!node_get(f, "type"))
			mark_invalid(c->arena, f, "a filter needs a type");
		for (k = 0; k < 4; k++) {
			bool is = !strcmp(type, kinds[k].type), has = node_get(f, kinds[k].field);

			if (is && !has)
				mark_invalid(c->arena, f, "a filter of type %s needs %s", type,
					     kinds[k].field);
			else if (has && !is && *type)
				mark_invalid(c->arena, node_get(f, kinds[k].field),
					     "%s is not for a filter of type %s", kinds[k].field,
					     type);
			if (is && seen[k]++ && kinds[k].once)
				mark_invalid(c->arena, f, "only one filter of type %s is allowed",
					     type);
		}
		check_modifier(c, node_get(f, "requestHeaderModifier"));
		check_modifier(c, node_get(f, "responseHeaderModifier"));
	}
}

static bool is_service(const struct node *ref, const char *group, const char *kind)
{
	return !*node_text(ref, "group", group) && !strcmp(node_text(ref, "kind", kind), "Service");
}

static void check_backends(struct ctx *c, struct node *backends)
{
	size_t i, used = 0;

	for (i = 0; i < node_count(backends); i++) {
		struct node *b = backends->child[i], *weight = node_get(b, "weight");
		const char *namespace = node_text(b, "namespace", c->document->namespace);

		if (b->kind != NODE_MAP)
			continue;
		used += !weight || weight->integer;
		if (!node_get(b, "name"))
			mark_invalid(c->arena, b, "a backend needs a name");
		if (!is_service(b, "", "Service"))
			mark_slow(c->arena, b, "backends other than Services are not known to the kernel");
		else if (!node_get(b, "port"))
			mark_invalid(c->arena, b, "a Service as backend needs a port");
		if (strcmp(namespace, c->document->namespace))
			mark_slow(c->arena, node_get(b, "namespace"),
				  "ReferenceGrants, which would allow it, are not read yet");
		check_filters(c, node_get(b, "filters"));
	}
	if (used > L7FP_MAX_ROUTE_CLUSTERS)
		mark_slow(c->arena, backends, "more than %d destinations", L7FP_MAX_ROUTE_CLUSTERS);
}

static void check_matches(struct ctx *c, struct node *matches)
{
	size_t i, k;

	for (i = 0; i < node_count(matches); i++) {
		struct node *headers = node_get(matches->child[i], "headers");

		check_method(c, node_get(matches->child[i], "method"));
		for (k = 0; k < node_count(headers); k++) {
			struct node *h = headers->child[k];

			if (h->kind != NODE_MAP)
				continue;
			check_header_name(c, h, node_get(h, "name"));
			check_value(c, h, node_get(h, "value"));
		}
	}
}

static void check_parents(struct ctx *c, struct node *spec)
{
	struct node *parents = node_get(spec, "parentRefs");
	size_t i;

	if (!node_count(parents)) {
		mark_slow(c->arena, spec, "without parentRefs it belongs to nothing");
		return;
	}
	for (i = 0; i < parents->n; i++) {
		struct node *p = parents->child[i];

		if (p->kind != NODE_MAP)
			continue;
		if (!node_get(p, "name"))
			mark_invalid(c->arena, p, "a parent needs a name");
		if (!is_service(p, "gateway.networking.k8s.io", "Gateway"))
			mark_slow(c->arena, p, !strcmp(node_text(p, "kind", "Gateway"), "Gateway") ?
				  "ingress gateways are not served by the kernel yet" :
				  "parents other than Services are not known to the kernel yet");
	}
}

void classify_grpc_route(struct node_arena *arena, struct document *d)
{
	struct node *spec = node_get(d->root, "spec"), *rules = node_get(spec, "rules");
	struct ctx c = { arena, d };
	size_t i;

	if (!spec || spec->kind != NODE_MAP) {
		mark_invalid(arena, d->root, "a GRPCRoute needs spec with parentRefs and rules");
		return;
	}
	check_parents(&c, spec);
	for (i = 0; i < node_count(rules); i++) {
		check_matches(&c, node_get(rules->child[i], "matches"));
		check_filters(&c, node_get(rules->child[i], "filters"));
		check_backends(&c, node_get(rules->child[i], "backendRefs"));
	}
}
