// SPDX-License-Identifier: GPL-2.0-only
/*
 * GRPCRoutes of the Gateway API whose parents are Services, as the items of a
 * VirtualService that mean the same: conditions, destinations and changes of
 * headers are translated from there on as Istio's are.
 *
 * All routes of a Service are one list. Which of several matches goes first is
 * not their order but how much each says (GRPCRouteRule.matches).
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONSUMER "a route in another namespace than its Service is for the callers of its own, which are not known here"

/* A match, and what its place depends on. */
struct place {
	struct host_rule rule;
	size_t service, method, headers;	/* characters, characters, number */
	size_t order;				/* of the documents by age, and within them */
};

struct lowering {
	struct translation *tr;
	const struct document *document;
	const char *slow;		/* of the parent, or NULL */
	int64_t port;			/* of the parent, or 0 */
	LIST(struct place) place;
};

/* ---- trees */

static struct node *new_node(struct translation *tr, enum node_kind kind, const struct node *at)
{
	struct node *n = node_alloc(tr->docs->arena, sizeof(*n));

	n->kind = kind;
	n->at = at->at;
	n->verdict = NODE_KERNEL;
	return n;
}

static struct node *new_string(struct translation *tr, const char *text, const struct node *at)
{
	struct node *n = new_node(tr, NODE_STRING, at);

	n->text = text;
	n->length = strlen(text);
	return n;
}

static struct node *new_int(struct translation *tr, int64_t value, const struct node *at)
{
	struct node *n = new_node(tr, NODE_INT, at);

	n->integer = value;
	n->text = node_printf(tr->docs->arena, "%lld", (long long)value);
	return n;
}

/* Appends to a list, or under @key to a map. */
static void put(struct translation *tr, struct node *to, const char *key, struct node *child)
{
	struct node **children = node_alloc(tr->docs->arena, (to->n + 1) * sizeof(*children));
	struct node **keys = node_alloc(tr->docs->arena, (to->n + 1) * sizeof(*keys));

	if (to->n) {
		memcpy(children, to->child, to->n * sizeof(*children));
		if (key)
			memcpy(keys, to->key, to->n * sizeof(*keys));
	}
	children[to->n] = child;
	if (key)
		keys[to->n] = new_string(tr, key, child);
	to->child = children;
	to->key = key ? keys : NULL;
	to->n++;
}

static struct node *put_map(struct translation *tr, struct node *to, const char *key)
{
	struct node *n = node_get(to, key);

	if (!n) {
		n = new_node(tr, NODE_MAP, to);
		put(tr, to, key, n);
	}
	return n;
}

static bool is_regex(const struct node *match)
{
	return !strcmp(node_text(match, "type", "Exact"), "RegularExpression");
}

/* ---- conditions */

/* The path of a call is "/service/method" (gRPC over HTTP/2). */
static void lower_method(struct lowering *l, struct node *block, const struct node *method)
{
	const char *service = node_text(method, "service", "");
	const char *name = node_text(method, "method", "");
	struct translation *tr = l->tr;
	struct node_arena *arena = tr->docs->arena;
	const char *kind = "exact", *text, *slow = slow_reason(method);
	struct node *uri;

	if (is_regex(method)) {
		kind = "regex";
		text = node_printf(arena, "/%s/%s", *service ? service : "[^/]+",
				   *name ? name : "[^/]+");
	} else if (!*name) {
		kind = "prefix";
		text = node_printf(arena, "/%s/", service);
	} else if (*service) {
		text = node_printf(arena, "/%s/%s", service, name);
	} else if (tr->for_proxy) {
		/* No byte that a name may have means something else there. */
		kind = "regex";
		text = node_printf(arena, "/[^/]+/%s", name);
	} else {
		kind = "template";
		text = node_printf(arena, "/*/%s", name);
	}
	uri = new_node(tr, NODE_MAP, method);
	put(tr, uri, kind, new_string(tr, text, method));
	if (slow)
		node_mark(uri, NODE_SLOW_PATH, slow);
	put(tr, block, "uri", uri);
}

/* Of several with one name only the first counts. */
static void lower_headers(struct lowering *l, struct node *block, const struct node *headers)
{
	struct translation *tr = l->tr;
	struct node *map = new_node(tr, NODE_MAP, headers), *value;
	size_t i, k;

	for (i = 0; i < headers->n; i++) {
		const struct node *h = headers->child[i];
		const char *name = node_text(h, "name", ""), *slow = slow_reason(h);

		for (k = 0; k < map->n && strcasecmp(map->key[k]->text, name); k++)
			;
		if (k < map->n)
			continue;
		value = new_node(tr, NODE_MAP, h);
		put(tr, value, is_regex(h) ? "regex" : "exact",
		    new_string(tr, node_text(h, "value", ""), h));
		if (slow)
			node_mark(value, NODE_SLOW_PATH, slow);
		put(tr, map, name, value);
	}
	put(tr, block, "headers", map);
}

/* NULL: all calls. */
static struct node *lower_match(struct lowering *l, const struct node *match)
{
	const struct node *method = node_get(match, "method");
	const struct node *headers = node_get(match, "headers");
	struct node *block = new_node(l->tr, NODE_MAP, match);

	if (method && (*node_text(method, "service", "") || *node_text(method, "method", "")))
		lower_method(l, block, method);
	if (node_count(headers))
		lower_headers(l, block, headers);
	if (l->port)
		put(l->tr, block, "port", new_int(l->tr, l->port, match));
	return block->n ? block : NULL;
}

/* ---- actions */

/* The value as it is: what a proxy would take for a variable is told to be none. */
static const char *plain_value(struct translation *tr, const char *value)
{
	char *text = node_alloc(tr->docs->arena, 2 * strlen(value) + 1), *p = text;

	for (; *value; value++) {
		*p++ = *value;
		if (*value == '%' && tr->for_proxy)
			*p++ = '%';
	}
	return text;
}

static void lower_modifier(struct translation *tr, struct node *to, const char *direction,
			   const struct node *modifier)
{
	static const char * const kinds[] = { "set", "add" };
	struct node *ops = put_map(tr, put_map(tr, to, "headers"), direction);
	const struct node *removed = node_get(modifier, "remove"), *list;
	size_t i, k;

	for (k = 0; k < 2; k++) {
		list = node_get(modifier, kinds[k]);
		for (i = 0; i < node_count(list); i++)
			put(tr, put_map(tr, ops, kinds[k]), node_text(list->child[i], "name", ""),
			    new_string(tr, plain_value(tr, node_text(list->child[i], "value", "")),
				       list->child[i]));
	}
	if (node_count(removed))
		put(tr, ops, "remove", (struct node *)removed);
}

/* What the kernel does not do has marked the filter. */
static void lower_filters(struct translation *tr, struct node *to, const struct node *filters)
{
	size_t i;

	for (i = 0; i < node_count(filters); i++) {
		const struct node *f = filters->child[i];

		if (node_get(f, "requestHeaderModifier"))
			lower_modifier(tr, to, "request", node_get(f, "requestHeaderModifier"));
		if (node_get(f, "responseHeaderModifier"))
			lower_modifier(tr, to, "response", node_get(f, "responseHeaderModifier"));
	}
}

static struct node *lower_backend(struct lowering *l, const struct node *backend)
{
	struct translation *tr = l->tr;
	const struct node *port = node_get(backend, "port"), *weight = node_get(backend, "weight");
	struct node *one = new_node(tr, NODE_MAP, backend);
	struct node *destination = put_map(tr, one, "destination");

	put(tr, destination, "host",
	    new_string(tr, node_printf(tr->docs->arena, "%s.%s.svc.%s",
				       node_text(backend, "name", ""),
				       node_text(backend, "namespace", l->document->namespace),
				       tr->domain), backend));
	if (port && port->kind == NODE_INT)
		put(tr, put_map(tr, destination, "port"), "number",
		    new_int(tr, port->integer, port));
	put(tr, one, "weight", new_int(tr, weight ? weight->integer : 1, backend));
	lower_filters(tr, one, node_get(backend, "filters"));
	return one;
}

static struct node *lower_action(struct lowering *l, struct node *rule)
{
	const struct node *backends = node_get(rule, "backendRefs");
	struct translation *tr = l->tr;
	struct node *action = new_node(tr, NODE_MAP, rule), *route;
	const char *slow = l->slow;
	size_t i;

	route = new_node(tr, NODE_LIST, rule);
	for (i = 0; i < node_count(backends); i++) {
		const struct node *weight = node_get(backends->child[i], "weight");

		if (!weight || weight->integer)
			put(tr, route, NULL, lower_backend(l, backends->child[i]));
	}
	if (route->n) {
		put(tr, action, "route", route);
	} else {
		/* UNAVAILABLE, where gRPC is spoken. */
		put(tr, put_map(tr, action, "directResponse"), "status", new_int(tr, 503, rule));
	}
	lower_filters(tr, action, node_get(rule, "filters"));
	for (i = 0; !slow && i < rule->n; i++)
		if (strcmp(rule->key[i]->text, "matches"))
			slow = slow_reason(rule->child[i]);
	if (slow)
		node_mark(action, NODE_SLOW_PATH, slow);
	*list_add(tr, &tr->lowered) = (struct lowered){ rule, action };
	return action;
}

/* ---- routes */

static void add_place(struct lowering *l, struct node *action, struct node *match,
		      const char *what, const char *what_match)
{
	const struct node *method = node_get(match, "method");
	struct place *p = list_add(l->tr, &l->place);

	p->rule.document = l->document;
	p->rule.action = action;
	p->rule.match = match ? lower_match(l, match) : NULL;
	p->rule.what = what;
	p->rule.what_match = what_match;
	p->service = strlen(node_text(method, "service", ""));
	p->method = strlen(node_text(method, "method", ""));
	p->headers = node_count(node_get(match, "headers"));
	p->order = l->place.n;
	if (p->rule.match)
		*list_add(l->tr, &l->tr->lowered) = (struct lowered){ match, p->rule.match };
}

static void lower_rule(struct lowering *l, struct node *rule, size_t index)
{
	struct node_arena *arena = l->tr->docs->arena;
	const char *what = node_printf(arena, "%s rules[%zu]", l->document->what, index);
	struct node *matches = node_get(rule, "matches"), *action = lower_action(l, rule), *any;
	size_t k;

	for (k = 0; k < node_count(matches); k++)
		add_place(l, action, matches->child[k], what,
			  node_printf(arena, "%s.matches[%zu]", what, k));
	if (node_count(matches))
		return;
	any = new_node(l->tr, NODE_MAP, rule);
	add_place(l, action, any, what, what);
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->service != y->service)
		return x->service > y->service ? -1 : 1;
	if (x->method != y->method)
		return x->method > y->method ? -1 : 1;
	if (x->headers != y->headers)
		return x->headers > y->headers ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool names_service(const struct document *d, const struct node *parent,
			  const struct service *s)
{
	const char *group = node_text(parent, "group", "gateway.networking.k8s.io");

	return s->name && !*group && !strcmp(node_text(parent, "kind", "Gateway"), "Service") &&
	       !strcmp(node_text(parent, "name", ""), s->name) &&
	       !strcmp(node_text(parent, "namespace", d->namespace), s->namespace);
}

/* The rules of @d for @s, once for each parent that is it: their ports differ. */
static void lower_document(struct lowering *l, struct document *d, const struct service *s)
{
	struct node *parents = node_path(d->root, "spec", "parentRefs", NULL);
	struct node *rules = node_path(d->root, "spec", "rules", NULL);
	bool consumer = strcmp(d->namespace, s->namespace);
	size_t i, k;

	if (consumer && l->tr->self && strcmp(l->tr->self->namespace, d->namespace))
		return;
	l->document = d;
	for (i = 0; i < node_count(parents); i++) {
		struct node *parent = parents->child[i];
		const struct node *port = node_get(parent, "port");

		if (!names_service(d, parent, s))
			continue;
		if (consumer && !l->tr->self)
			node_mark(parent, NODE_SLOW_PATH, CONSUMER);
		l->slow = slow_reason(parent);
		l->port = port && port->kind == NODE_INT ? port->integer : 0;
		for (k = 0; k < node_count(rules); k++)
			lower_rule(l, rules->child[k], k);
	}
}

static void build_host(struct translation *tr, struct service *s)
{
	struct lowering l = { .tr = tr };
	struct document *oldest = NULL;
	struct gateway_host *g;
	size_t i, before;

	for (i = 0; i < tr->gateway_route.n; i++) {
		before = l.place.n;
		lower_document(&l, tr->gateway_route.item[i], s);
		if (!oldest && l.place.n > before)
			oldest = tr->gateway_route.item[i];
	}
	if (!oldest)
		return;
	qsort(l.place.item, l.place.n, sizeof(*l.place.item), compare_places);
	g = list_add(tr, &tr->gateway_host);
	memset(g, 0, sizeof(*g));
	g->service = s;
	g->document = oldest;
	for (i = 0; i < l.place.n; i++)
		*list_add(tr, &g->rule) = l.place.item[i].rule;
}

static void report_orphans(struct translation *tr)
{
	size_t i, k, j;

	for (i = 0; i < tr->gateway_route.n; i++) {
		const struct document *d = tr->gateway_route.item[i];
		const struct node *parents = node_path(d->root, "spec", "parentRefs", NULL);

		for (k = 0; k < node_count(parents); k++) {
			const struct node *parent = parents->child[k];

			for (j = 0; j < tr->service.n; j++)
				if (names_service(d, parent, tr->service.item[j]))
					break;
			if (tr->service.n && j == tr->service.n &&
			    !strcmp(node_text(parent, "kind", "Gateway"), "Service"))
				diag_add(tr->diag, DIAG_WARNING, &parent->at,
					 "no Service %s/%s is described: the rules of %s do not apply to it",
					 node_text(parent, "namespace", d->namespace),
					 node_text(parent, "name", "?"), d->what);
		}
	}
}

void gateway_build(struct translation *tr)
{
	size_t i;

	if (!tr->gateway_route.n)
		return;
	for (i = 0; i < tr->service.n; i++)
		build_host(tr, tr->service.item[i]);
	report_orphans(tr);
}

void gateway_report(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->lowered.n; i++) {
		const char *slow = slow_reason(tr->lowered.item[i].to);

		if (slow)
			node_mark(tr->lowered.item[i].from, NODE_SLOW_PATH, slow);
	}
}
