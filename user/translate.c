// SPDX-License-Identifier: GPL-2.0-only
/* The steps of the translation, and what they share. */
#include "translation.h"
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

char *ir_printf(struct ir *ir, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		length = 0;
	text = ir_alloc(ir, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
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

/* Valid documents only: with an invalid one nothing is applied anyway. */
static void sort_documents(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		struct document *d = tr->docs->list[i];

		if (strcmp(d->group, "networking.istio.io") ||
		    node_worst(d->root, NULL) == NODE_INVALID)
			continue;
		if (!strcmp(d->kind, "VirtualService"))
			*list_add(tr, &tr->virtual_service) = d;
		else if (!strcmp(d->kind, "DestinationRule"))
			*list_add(tr, &tr->destination_rule) = d;
	}
	if (tr->virtual_service.n)
		qsort(tr->virtual_service.item, tr->virtual_service.n,
		      sizeof(*tr->virtual_service.item), compare_age);
	if (tr->destination_rule.n)
		qsort(tr->destination_rule.item, tr->destination_rule.n,
		      sizeof(*tr->destination_rule.item), compare_age);
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
}

struct ir *translate(struct documents *docs, struct diagnostics *diag, struct verdicts *verdicts)
{
	struct translation tr = {
		.ir = ir_new(),
		.docs = docs,
		.diag = diag,
		.root_namespace = TRANSLATE_ROOT_NAMESPACE,
		.domain = TRANSLATE_DOMAIN,
	};

	tr.ir->path_mode = L7FP_PATH_BASE;
	classify(docs, diag);
	registry_build(&tr);
	sort_documents(&tr);
	guards_build(&tr);
	hosts_build(&tr);
	check_limits(&tr);
	publish(&tr);
	if (tr.n_default_lb)
		diag_add(diag, DIAG_INFORMATION, NULL,
			 "%zu clusters without loadBalancer.simple are balanced round robin, where Istio takes LEAST_REQUEST",
			 tr.n_default_lb);
	verdicts_collect(verdicts, docs);
	if (verdicts->n_invalid || diag->n_errors) {
		ir_free(tr.ir);
		return NULL;
	}
	return tr.ir;
}
