// SPDX-License-Identifier: GPL-2.0-only
/* The steps of the translation, and what they share. */
#include "translation.h"
#include "proxy.h"
#include "../kmod/path.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void *list_grow(struct translation *tr, void *item, size_t size, size_t n, size_t *room)
{
	size_t want = *room ? 2 * *room : 4;
	void *more = ir_alloc(tr->ir, want * size);

	if (n)
		memcpy(more, item, n * size);
	*room = want;
	return more;
}

/* FNV-1a */
static size_t hash_of(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

bool names_find(const struct names *names, const char *text, uint32_t *index)
{
	size_t i;

	if (!names->size)
		return false;
	for (i = hash_of(text) & (names->size - 1); names->slot[i].text;
	     i = (i + 1) & (names->size - 1))
		if (!strcmp(names->slot[i].text, text)) {
			*index = names->slot[i].index;
			return true;
		}
	return false;
}

static void names_put(struct names *names, const char *text, uint32_t index)
{
	size_t i = hash_of(text) & (names->size - 1);

	while (names->slot[i].text)
		i = (i + 1) & (names->size - 1);
	names->slot[i].text = text;
	names->slot[i].index = index;
	names->n++;
}

void names_add(struct translation *tr, struct names *names, const char *text, uint32_t index)
{
	struct names old = *names;
	size_t i;

	if (2 * (names->n + 1) > names->size) {
		names->size = old.size ? 2 * old.size : 64;
		names->slot = ir_alloc(tr->ir, names->size * sizeof(*names->slot));
		names->n = 0;
		for (i = 0; i < old.size; i++)
			if (old.slot[i].text)
				names_put(names, old.slot[i].text, old.slot[i].index);
	}
	names_put(names, text, index);
}

void source_of(struct translation *tr, struct ir_source *source, const struct document *d,
	       const struct node *at, const char *what)
{
	source->file = ir_strdup(tr->ir, at ? at->at.file : d->at.file);
	source->line = at ? at->at.line : d->at.line;
	source->column = at ? at->at.column : d->at.column;
	source->what = ir_strdup(tr->ir, what);
}

struct ir_expr *unknown(struct translation *tr, const char *reason)
{
	return ir_unknown(tr->ir, ir_strdup(tr->ir, reason));
}

struct ir_expr *ir_port_is(struct translation *tr, uint32_t port)
{
	struct ir_expr *e = ir_alloc(tr->ir, sizeof(*e));

	e->kind = IR_DESTINATION_PORT;
	e->port = port;
	return e;
}

struct ir_expr *ir_address_in(struct translation *tr, enum ir_expr_kind kind,
			      const uint32_t addr[4], uint32_t bits)
{
	struct ir_expr *e = ir_alloc(tr->ir, sizeof(*e));

	e->kind = kind;
	memcpy(e->addr, addr, sizeof(e->addr));
	e->prefix = bits;
	return e;
}

const char *slow_reason(const struct node *n)
{
	const struct node *where;

	if (node_worst(n, &where) < NODE_SLOW_PATH)
		return NULL;
	return where->reason && *where->reason ? where->reason : "it needs the slow path";
}

static int compare_age(const void *a, const void *b)
{
	return document_compare_age(*(struct document * const *)a, *(struct document * const *)b);
}

static int compare_rule_age(const void *a, const void *b)
{
	return document_compare_age(((const struct named_host *)a)->document,
				    ((const struct named_host *)b)->document);
}

static void add_rule(struct translation *tr, struct document *d)
{
	struct node *host = node_path(d->root, "spec", "host", NULL);
	struct named_host *named = list_add(tr, &tr->destination_rule);

	named->document = d;
	named->node = host;
	named->host = node_string(host) ? host_in_full(tr, host->text, d->namespace) : "";
}

static void add_route_hosts(struct translation *tr, struct document *d)
{
	const struct node *hosts = node_path(d->root, "spec", "hosts", NULL);
	size_t i;

	for (i = 0; is_for_mesh(d) && hosts && hosts->kind == NODE_LIST && i < hosts->n; i++) {
		struct named_host *named;

		if (!node_string(hosts->child[i]))
			continue;
		named = list_add(tr, &tr->route_host);
		named->document = d;
		named->node = hosts->child[i];
		named->host = host_in_full(tr, hosts->child[i]->text, d->namespace);
	}
}

/* Valid documents only: with an invalid one nothing is applied anyway. */
static void sort_documents(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		struct document *d = tr->docs->list[i];

		if (node_worst(d->root, NULL) == NODE_INVALID)
			continue;
		if (!strcmp(d->group, "gateway.networking.k8s.io") && !strcmp(d->kind, "GRPCRoute"))
			*list_add(tr, &tr->gateway_route) = d;
		if (strcmp(d->group, "networking.istio.io"))
			continue;
		if (!self_sees(tr, d))
			continue;
		if (!strcmp(d->kind, "VirtualService"))
			*list_add(tr, &tr->virtual_service) = d;
		else if (!strcmp(d->kind, "DestinationRule"))
			add_rule(tr, d);
	}
	if (tr->virtual_service.n)
		qsort(tr->virtual_service.item, tr->virtual_service.n,
		      sizeof(*tr->virtual_service.item), compare_age);
	if (tr->gateway_route.n)
		qsort(tr->gateway_route.item, tr->gateway_route.n,
		      sizeof(*tr->gateway_route.item), compare_age);
	if (tr->destination_rule.n)
		qsort(tr->destination_rule.item, tr->destination_rule.n,
		      sizeof(*tr->destination_rule.item), compare_rule_age);
	for (i = 0; i < tr->virtual_service.n; i++)
		add_route_hosts(tr, tr->virtual_service.item[i]);
}

static void check_limits(struct translation *tr)
{
	const struct {
		size_t n, max;
		const char *what;
	} limits[] = {
		{ tr->route.n, L7FP_MAX_ROUTES, "routes" },
		{ tr->rule.n, L7FP_MAX_RULES, "authorization rules" },
		{ tr->cluster.n, L7FP_MAX_CLUSTERS, "clusters" },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].n > limits[i].max)
			diag_add(tr->diag, DIAG_ERROR, NULL,
				 "%zu %s; the kernel takes %zu at most", limits[i].n,
				 limits[i].what, limits[i].max);
}

static void publish(struct translation *tr)
{
	struct ir *ir = tr->ir;

	ir->n_routes = tr->route.n;
	ir->route = tr->route.item;
	ir->n_virtual_hosts = tr->virtual_host.n;
	ir->virtual_host = tr->virtual_host.item;
	ir->n_authorization = tr->authorization.n;
	ir->authorization = tr->authorization.item;
	ir->n_rules = tr->rule.n;
	ir->rule = tr->rule.item;
	ir->n_clusters = tr->cluster.n;
	ir->cluster = tr->cluster.item;
	ir->n_captures = tr->capture.n;
	ir->capture = tr->capture.item;
	ir->n_workloads = tr->caller.n;
	ir->workload = tr->caller.item;
}

static struct ir *translate_as(struct documents *docs, struct diagnostics *diag,
			       struct verdicts *verdicts, bool for_proxy,
			       const struct translate_view *view)
{
	struct translation tr = {
		.ir = ir_new(),
		.docs = docs,
		.diag = diag,
		.for_proxy = for_proxy,
		.root_namespace = TRANSLATE_ROOT_NAMESPACE,
		.domain = TRANSLATE_DOMAIN,
	};

	tr.ir->path_mode = L7FP_PATH_BASE;
	classify(docs, diag);
	if (for_proxy)
		proxy_express(docs);
	workloads_read(&tr);
	if (view)
		self_find(&tr, view);
	if (tr.self)
		self_express(&tr);
	tr.tls = tr.self && view->tls;
	if (tr.tls)
		tls_express(&tr);
	registry_build(&tr);
	sort_documents(&tr);
	guards_build(&tr);
	hosts_build(&tr);
	guards_report(&tr);
	lines_check(&tr);
	slow_paths_judge(&tr);
	gateway_report(&tr);
	if (!tr.service.n && (tr.virtual_service.n || tr.gateway_route.n || tr.guard.n))
		diag_add(diag, DIAG_INFORMATION, NULL,
			 "no Service or ServiceEntry is described: nothing is captured, and hosts have no endpoints");
	check_limits(&tr);
	publish(&tr);
	if (tr.n_default_lb)
		diag_add(diag, DIAG_INFORMATION, NULL,
			 "requests are balanced round robin where loadBalancer.simple is not set (clusters: %zu); Istio takes LEAST_REQUEST",
			 tr.n_default_lb);
	verdicts_collect(verdicts, docs);
	if (verdicts->n_invalid || diag->n_errors) {
		ir_free(tr.ir);
		return NULL;
	}
	return tr.ir;
}

struct ir *translate(struct documents *docs, struct diagnostics *diag, struct verdicts *verdicts)
{
	return translate_as(docs, diag, verdicts, false, NULL);
}

struct ir *translate_for_proxy(struct documents *docs, struct diagnostics *diag,
			       struct verdicts *verdicts, const struct translate_view *view)
{
	return translate_as(docs, diag, verdicts, true, view);
}

struct ir *translate_for_workload(struct documents *docs, struct diagnostics *diag,
				  struct verdicts *verdicts, const struct translate_view *view)
{
	return translate_as(docs, diag, verdicts, false, view);
}
