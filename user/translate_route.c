// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an item of http does with a request: the tables' route. One item makes
 * several where a rewrite depends on which block matched, or on the port.
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_CONNECT_RETRIES 2	/* Istio's default: attempts 2 */

struct pair {
	const char *name, *value;
};

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static void add_op(struct translation *tr, struct ir_header_ops *ops, uint32_t kind,
		   const char *name, const char *value)
{
	struct ir_header_op *more = ir_alloc(tr->ir, (ops->n + 1) * sizeof(*more));

	if (ops->n)
		memcpy(more, ops->op, ops->n * sizeof(*more));
	more[ops->n].kind = kind;
	more[ops->n].name = ir_strdup(tr->ir, name);
	more[ops->n].value = ir_strdup(tr->ir, value);
	ops->op = more;
	ops->n++;
}

/* Envoy removes before it adds; Istio sorts by name, set before add. */
static void add_removes(struct translation *tr, struct ir_header_ops *ops, const struct node *from)
{
	const struct node *list = node_get(from, "remove");
	size_t i;

	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (node_string(list->child[i]))
			add_op(tr, ops, L7FP_HEADER_REMOVE, list->child[i]->text, "");
}

static void add_values(struct translation *tr, struct ir_header_ops *ops, const struct node *from,
		       const char **authority)
{
	static const char * const kinds[] = { "add", "set" };
	size_t i, k, n;
	struct pair *pair;

	/* The host of "set" goes before that of "add". */
	for (k = 0; k < 2; k++) {
		const struct node *map = node_get(from, kinds[k]);

		for (i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
			if (header_is_authority(map->key[i]->text) && node_string(map->child[i]) &&
			    authority)
				*authority = map->child[i]->text;
	}
	for (k = 2; k-- > 0; ) {
		const struct node *map = node_get(from, kinds[k]);

		if (!map || map->kind != NODE_MAP)
			continue;
		pair = ir_alloc(tr->ir, (map->n + 1) * sizeof(*pair));
		for (i = 0, n = 0; i < map->n; i++) {
			if (!node_string(map->child[i]) ||
			    header_is_authority(map->key[i]->text))
				continue;
			pair[n].name = map->key[i]->text;
			pair[n++].value = map->child[i]->text;
		}
		qsort(pair, n, sizeof(*pair), compare_pairs);
		for (i = 0; i < n; i++)
			add_op(tr, ops, k ? L7FP_HEADER_SET : L7FP_HEADER_ADD, pair[i].name,
			       pair[i].value);
	}
}

static uint32_t milliseconds(const struct node *n)
{
	const char *s = node_string(n);
	int64_t ns = s ? schema_duration(s) : 0;

	if (ns <= 0)
		return 0;
	ns = (ns + 999999) / 1000000;
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static size_t decode_base64(const char *s, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	size_t n = 0, have = 0;

	for (; *s && *s != '='; s++) {
		char c = *s == '-' ? '+' : *s == '_' ? '/' : *s;
		const char *at = strchr(digits, c);

		if (!at)
			break;
		bits = bits << 6 | (uint32_t)(at - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
	}
	return n;
}

static void direct_response(struct translation *tr, struct ir_route *r, const struct node *direct)
{
	const struct node *status = node_get(direct, "status");
	const struct node *text = node_path(direct, "body", "string", NULL);
	const struct node *bytes = node_path(direct, "body", "bytes", NULL);

	r->kind = L7FP_ROUTE_DIRECT;
	r->status = status && status->kind == NODE_INT ? (uint32_t)status->integer : 503;
	if (node_string(text)) {
		char *body = ir_alloc(tr->ir, text->length + 1);

		memcpy(body, text->text, text->length);
		r->body = body;
		r->body_len = text->length;
	} else if (node_string(bytes)) {
		char *body = ir_alloc(tr->ir, bytes->length + 1);

		r->body_len = decode_base64(bytes->text, body);
		r->body = body;
	}
}

static void redirect(struct translation *tr, struct ir_route *r, const struct node *redirect,
		     uint32_t listen_port)
{
	const struct node *code = node_get(redirect, "redirectCode");
	const struct node *port = node_get(redirect, "port");
	const char *uri = node_string(node_get(redirect, "uri"));
	const char *authority = node_string(node_get(redirect, "authority"));
	const char *scheme = node_string(node_get(redirect, "scheme"));
	const char *derive = node_string(node_get(redirect, "derivePort"));

	r->kind = L7FP_ROUTE_REDIRECT;
	r->status = code && code->kind == NODE_INT && code->integer ? (uint32_t)code->integer : 301;
	if (uri && *uri)
		r->redirect_path = ir_strdup(tr->ir, uri);
	if (authority && *authority)
		r->redirect_authority = ir_strdup(tr->ir, authority);
	if (scheme && *scheme)
		r->redirect_scheme = ir_strdup(tr->ir, scheme);
	if (port && port->kind == NODE_INT)
		r->redirect_port = (uint32_t)port->integer;
	else if (derive && !strcmp(derive, "FROM_REQUEST_PORT"))
		r->redirect_port = listen_port;
	/* No ":80" and ":443" where they are the scheme's own. */
	if (!scheme || !*scheme)
		scheme = "http";
	if ((r->redirect_port == 80 && !strcmp(scheme, "http")) ||
	    (r->redirect_port == 443 && !strcmp(scheme, "https")))
		r->redirect_port = 0;
}

static void rewrite(struct translation *tr, struct ir_route *r, const struct node *rewrite,
		    const struct node *match)
{
	const char *uri = node_string(node_get(rewrite, "uri"));
	const char *prefix = node_string(node_path(match, "uri", "prefix", NULL));

	if (!uri || !*uri)
		return;
	r->rewrite_path = ir_strdup(tr->ir, uri);
	if (prefix || !node_get(match, "uri")) {
		r->rewrite_kind = L7FP_REWRITE_PREFIX;
		/* Without a condition on the path Istio's is the prefix "/". */
		r->rewrite_match_len = prefix ? (uint32_t)strlen(prefix) : 1;
	} else {
		r->rewrite_kind = L7FP_REWRITE_FULL;
	}
}

/* The port that a destination means: its own, the only one, or that of the request. */
static uint32_t destination_port(const struct service *s, const struct node *destination,
				 uint32_t listen_port)
{
	const struct node *number = node_path(destination, "port", "number", NULL);

	if (number && number->kind == NODE_INT)
		return (uint32_t)number->integer;
	if (s && s->port.n == 1)
		return s->port.item[0].number;
	return listen_port;
}

static uint32_t destination_cluster(struct translation *tr, const struct document *d,
				    const struct node *destination, uint32_t listen_port)
{
	const char *host = node_string(node_get(destination, "host"));
	const char *subset = node_string(node_get(destination, "subset"));
	const char *full = host_in_full(tr, host ? host : "unknown", d->namespace);
	struct service *s = registry_find(tr, full);
	uint32_t port = destination_port(s, destination, listen_port), before, index;
	struct service_port *p = s ? service_port_find(s, port) : NULL;

	if (subset && !*subset)
		subset = NULL;
	if (p)
		return cluster_of(tr, s, p, subset, destination);
	before = (uint32_t)tr->cluster.n;
	index = cluster_empty(tr, node_printf(tr->docs->arena, "outbound|%u|%s|%s", port,
					      subset ? subset : "", full), destination, d);
	if (index == before && tr->service.n)
		diag_add(tr->diag, DIAG_WARNING, &destination->at,
			 s ? "%s has no port %u; its requests are answered with 503" :
			 "no Service or ServiceEntry has the host %s (port %u); its requests are answered with 503",
			 full, port);
	return index;
}

static void become_slow(struct translation *tr, struct ir_route *r, const char *reason)
{
	r->kind = L7FP_ROUTE_SLOW_PATH;
	r->slow_path_reason = ir_strdup(tr->ir, reason);
	r->n_clusters = 0;
	r->cluster = NULL;
}

/* A destination with a host of its own among several needs more than the tables have. */
static bool sets_authority(const struct node *headers)
{
	static const char * const kinds[] = { "add", "set" };
	size_t i, k;

	for (k = 0; k < 2; k++) {
		const struct node *map = node_path(headers, "request", kinds[k], NULL);

		for (i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
			if (header_is_authority(map->key[i]->text))
				return true;
	}
	return false;
}

static void destinations(struct translation *tr, struct ir_route *r, const struct document *d,
			 struct node *http, uint32_t listen_port)
{
	struct node *list = node_get(http, "route");
	size_t i;

	if (!list || list->kind != NODE_LIST || !list->n) {
		become_slow(tr, r, "no destination");
		return;
	}
	r->cluster = ir_alloc(tr->ir, list->n * sizeof(*r->cluster));
	for (i = 0; i < list->n; i++) {
		struct node *one = list->child[i];
		const struct node *destination = node_get(one, "destination");
		const struct node *weight = node_get(one, "weight");
		const struct node *headers = node_get(one, "headers");
		struct ir_weighted *w = &r->cluster[r->n_clusters];
		const char *slow;

		if (list->n > 1 && (!weight || weight->kind != NODE_INT || !weight->integer))
			continue;
		w->weight = list->n > 1 ? (uint32_t)weight->integer : 1;
		w->cluster = destination_cluster(tr, d, destination ? destination : one,
						 listen_port);
		slow = tr->cluster_slow.item[w->cluster];
		if (slow) {
			node_mark(one, NODE_SLOW_PATH,
				  node_printf(tr->docs->arena, "its destination: %s", slow));
			become_slow(tr, r, slow);
			return;
		}
		if (list->n == 1) {
			/* Istio puts those of the only destination with the route's. */
			r->n_clusters = 1;
			break;
		}
		if (sets_authority(headers)) {
			mark_slow(tr->docs->arena, one,
				  "a host of its own for one of several destinations is not set by the kernel yet");
			become_slow(tr, r, one->reason);
			return;
		}
		add_removes(tr, &w->request, node_get(headers, "request"));
		add_values(tr, &w->request, node_get(headers, "request"), NULL);
		add_removes(tr, &w->response, node_get(headers, "response"));
		add_values(tr, &w->response, node_get(headers, "response"), NULL);
		r->n_clusters++;
	}
}

/* Where a slow route would go, for slow_paths_judge(). */
static void destined(struct translation *tr, struct ir_route *r, const struct document *d,
		     const struct node *http, uint32_t listen_port)
{
	const struct node *list = node_get(http, "route");
	size_t i;

	if (!list || list->kind != NODE_LIST || node_get(http, "headers") ||
	    node_get(http, "rewrite") || node_get(http, "redirect") ||
	    node_get(http, "directResponse"))
		return;
	for (i = 0; i < list->n; i++)
		if (node_get(list->child[i], "headers"))
			return;
	r->destined = ir_alloc(tr->ir, (list->n + 1) * sizeof(*r->destined));
	for (i = 0; i < list->n; i++) {
		const struct node *destination = node_get(list->child[i], "destination");

		r->destined[r->n_destined++] =
			destination_cluster(tr, d, destination ? destination : list->child[i],
					    listen_port);
	}
}

static uint32_t millionths(const struct node *percent)
{
	const struct node *value = node_get(percent, "value");
	double x = value && value->text ? strtod(value->text, NULL) : 0;

	return x <= 0 ? 0 : x >= 100 ? 1000000 : (uint32_t)(x * 10000 + 0.5);
}

static void add_mirror(struct translation *tr, struct ir_route *r, const struct document *d,
		       const struct node *destination, uint32_t millionth, uint32_t listen_port)
{
	struct ir_mirror *m = &r->mirror[r->n_mirrors];

	if (!destination || !millionth)
		return;
	m->cluster = destination_cluster(tr, d, destination, listen_port);
	m->millionth = millionth;
	r->n_mirrors++;
}

/* What only a proxy does is left to whoever writes its configuration. */
static void for_proxy(struct translation *tr, struct ir_route *r, const struct document *d,
		      const struct node *http, uint32_t listen_port)
{
	const struct node *mirror = node_get(http, "mirror"), *list = node_get(http, "mirrors");
	const struct node *percentage = node_get(http, "mirrorPercentage");
	const struct node *percent = node_get(http, "mirrorPercent");
	uint32_t share = 1000000;
	size_t i;

	r->node = http;
	r->mirror = ir_alloc(tr->ir, (1 + node_count(list)) * sizeof(*r->mirror));
	if (percentage)
		share = millionths(percentage);
	else if (percent && percent->kind == NODE_INT)
		share = (uint32_t)percent->integer * 10000;
	add_mirror(tr, r, d, mirror, share, listen_port);
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		percentage = node_get(list->child[i], "percentage");
		add_mirror(tr, r, d, node_get(list->child[i], "destination"),
			   percentage ? millionths(percentage) : 1000000, listen_port);
	}
}

static void header_ops(struct translation *tr, struct ir_route *r, const struct node *http)
{
	const struct node *list = node_get(http, "route");
	const struct node *own = node_get(http, "headers"), *only = NULL;
	const char *authority = NULL, *of_only = NULL;

	if (list && list->kind == NODE_LIST && list->n == 1)
		only = node_get(list->child[0], "headers");
	add_removes(tr, &r->request, node_get(own, "request"));
	add_removes(tr, &r->request, node_get(only, "request"));
	add_values(tr, &r->request, node_get(own, "request"), &authority);
	add_values(tr, &r->request, node_get(only, "request"), &of_only);
	add_removes(tr, &r->response, node_get(own, "response"));
	add_removes(tr, &r->response, node_get(only, "response"));
	add_values(tr, &r->response, node_get(own, "response"), NULL);
	add_values(tr, &r->response, node_get(only, "response"), NULL);
	if (node_string(node_path(http, "rewrite", "authority", NULL)))
		authority = node_path(http, "rewrite", "authority", NULL)->text;
	if (!authority || !*authority)
		authority = of_only;
	if (authority && *authority)
		r->rewrite_authority = ir_strdup(tr->ir, authority);
}

/* What stands in the way of doing @http in the kernel, its conditions left out. */
static const char *action_slow(const struct node *http)
{
	size_t i;

	for (i = 0; http->kind == NODE_MAP && i < http->n; i++)
		if (strcmp(http->key[i]->text, "match") && slow_reason(http->child[i]))
			return slow_reason(http->child[i]);
	return http->verdict == NODE_SLOW_PATH ? http->reason : NULL;
}

bool route_depends_on_port(struct translation *tr, const struct document *d,
			   const struct node *http)
{
	const struct node *list = node_get(http, "route");
	size_t i;

	if (node_path(http, "redirect", "derivePort", NULL))
		return true;
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *destination = node_get(list->child[i], "destination");
		const char *host = node_string(node_get(destination, "host"));
		const struct service *s;

		if (node_path(destination, "port", "number", NULL))
			continue;
		s = registry_find(tr, host_in_full(tr, host ? host : "unknown", d->namespace));
		if (!s || s->port.n != 1)
			return true;
	}
	return false;
}

uint32_t route_of(struct translation *tr, const struct host_rule *rule, const struct node *match,
		  uint32_t port, const char *slow)
{
	const struct document *d = rule->document;
	struct node *http = rule->action;
	const struct node *attempts = node_path(http, "retries", "attempts", NULL);
	const struct node *retries = node_get(http, "retries");
	struct ir_route r = { .connect_retries = DEFAULT_CONNECT_RETRIES };

	source_of(tr, &r.source, d, http, rule->what);
	if (!slow)
		slow = action_slow(http);
	if (slow) {
		become_slow(tr, &r, slow);
	} else if (node_get(http, "redirect")) {
		redirect(tr, &r, node_get(http, "redirect"), port);
	} else if (node_get(http, "directResponse")) {
		direct_response(tr, &r, node_get(http, "directResponse"));
	} else {
		r.kind = L7FP_ROUTE_FORWARD;
		destinations(tr, &r, d, http, port);
	}
	if (r.kind != L7FP_ROUTE_SLOW_PATH) {
		header_ops(tr, &r, http);
		if (r.request.n > L7FP_MAX_HEADER_OPS || r.response.n > L7FP_MAX_HEADER_OPS) {
			mark_slow(tr->docs->arena, http,
				  "more than %d changes of headers, its only destination's included",
				  L7FP_MAX_HEADER_OPS);
			become_slow(tr, &r, http->reason);
		}
		if (r.kind == L7FP_ROUTE_FORWARD) {
			rewrite(tr, &r, node_get(http, "rewrite"), match);
			r.timeout_ms = milliseconds(node_get(http, "timeout"));
			if (retries && (!attempts || !attempts->integer))
				r.connect_retries = 0;
		} else {
			r.rewrite_authority = NULL;
		}
	}
	if (tr->for_proxy && r.kind != L7FP_ROUTE_SLOW_PATH)
		for_proxy(tr, &r, d, http, port);
	if (!tr->for_proxy && r.kind == L7FP_ROUTE_SLOW_PATH && tr->guard.n)
		destined(tr, &r, d, http, port);
	*list_add(tr, &tr->route) = r;
	return (uint32_t)tr->route.n - 1;
}

uint32_t route_to_cluster(struct translation *tr, uint32_t cluster, const char *what)
{
	struct ir_route *r = list_add(tr, &tr->route);
	const char *slow = tr->cluster_slow.item[cluster];

	memset(r, 0, sizeof(*r));
	r->source = tr->cluster.item[cluster].source;
	r->source.what = ir_strdup(tr->ir, what);
	r->connect_retries = DEFAULT_CONNECT_RETRIES;
	r->kind = L7FP_ROUTE_FORWARD;
	r->cluster = ir_alloc(tr->ir, sizeof(*r->cluster));
	r->cluster->cluster = cluster;
	r->cluster->weight = 1;
	r->n_clusters = 1;
	if (slow) {
		r->destined = ir_alloc(tr->ir, sizeof(*r->destined));
		r->destined[r->n_destined++] = cluster;
		become_slow(tr, r, slow);
	}
	return (uint32_t)tr->route.n - 1;
}

uint32_t route_slow_path(struct translation *tr, const struct document *d,
			 const struct node *at, const char *what, const char *reason)
{
	struct ir_route *r = list_add(tr, &tr->route);

	memset(r, 0, sizeof(*r));
	source_of(tr, &r->source, d, at, what);
	become_slow(tr, r, reason);
	return (uint32_t)tr->route.n - 1;
}
