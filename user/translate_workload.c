// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workloads: the labels of addresses, who callers are, and the one workload
 * that a policy may be for.
 */
#include "translation.h"
#include "classify_rules.h"

#include <stdlib.h>
#include <string.h>

static int compare_workloads(const void *a, const void *b)
{
	const struct workload *x = a, *y = b;

	return memcmp(&x->address, &y->address, sizeof(x->address));
}

const struct workload *workload_find(struct translation *tr, const struct in6_addr *address)
{
	struct workload key = { .address = *address };

	if (!tr->workload.n)
		return NULL;
	return bsearch(&key, tr->workload.item, tr->workload.n, sizeof(key), compare_workloads);
}

static void add_address(struct translation *tr, const struct node *n, struct workload *like)
{
	struct workload *w;

	if (!node_string(n) || !address_read(n->text, &like->address))
		return;
	w = list_add(tr, &tr->workload);
	*w = *like;
}

static bool pod_ready(const struct node *root)
{
	const struct node *list = node_path(root, "status", "conditions", NULL);
	size_t i;

	for (i = 0; i < node_count(list); i++) {
		const char *type = node_string(node_get(list->child[i], "type"));
		const char *status = node_string(node_get(list->child[i], "status"));

		if (type && !strcmp(type, "Ready"))
			return status && !strcmp(status, "True");
	}
	return true;
}

/* Its address may be another one's by now. */
static bool pod_ended(const struct node *root)
{
	const char *phase = node_string(node_path(root, "status", "phase", NULL));

	return phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
}

static struct ir_workload *add_caller(struct translation *tr, const struct document *d,
				      const char *namespace, const char *account)
{
	struct ir_workload *c = list_add(tr, &tr->caller);

	memset(c, 0, sizeof(*c));
	source_of(tr, &c->source, d, NULL, d->what);
	c->namespace = ir_strdup(tr->ir, namespace);
	c->principal = ir_strdup(tr->ir, node_printf(tr->docs->arena, "%s/ns/%s/sa/%s", tr->domain,
						     namespace,
						     account && *account ? account : "default"));
	return c;
}

static void read_pod(struct translation *tr, const struct document *d)
{
	const struct node *host = node_path(d->root, "spec", "hostNetwork", NULL);
	const struct node *list = node_path(d->root, "status", "podIPs", NULL);
	struct workload w = { .namespace = d->namespace, .ready = pod_ready(d->root) };
	size_t i;

	/* The address of the node is not the Pod's alone. */
	if ((host && host->kind == NODE_BOOL && host->boolean) || pod_ended(d->root))
		return;
	labels_read(tr->docs->arena, &w.labels, node_path(d->root, "metadata", "labels", NULL));
	w.caller = (uint32_t)tr->caller.n;
	add_caller(tr, d, d->namespace,
		   node_string(node_path(d->root, "spec", "serviceAccountName", NULL)));
	for (i = 0; i < node_count(list); i++)
		add_address(tr, node_get(list->child[i], "ip"), &w);
	if (!node_count(list))
		add_address(tr, node_path(d->root, "status", "podIP", NULL), &w);
}

static void read_workload(struct translation *tr, const struct document *d)
{
	const struct node *from = workload_fields(d), *list = node_get(from, "addresses");
	const char *cgroup = node_string(node_get(from, "cgroup"));
	struct workload w = { .namespace = workload_namespace(d), .ready = true };
	struct ir_workload *caller;
	size_t i;

	labels_read(tr->docs->arena, &w.labels, workload_labels(d));
	w.enforced = node_string(node_get(from, "networkNamespace"));
	w.caller = (uint32_t)tr->caller.n;
	caller = add_caller(tr, d, w.namespace, node_string(node_get(from, "serviceAccount")));
	if (cgroup)
		caller->cgroup = ir_strdup(tr->ir, cgroup);
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		add_address(tr, list->child[i], &w);
}

static bool same_caller(const struct ir_workload *a, const struct ir_workload *b)
{
	return !strcmp(a->principal, b->principal) && !strcmp(a->namespace, b->namespace);
}

/* An address that is claimed by two different callers is nobody's. */
static void give_addresses(struct translation *tr)
{
	LIST(struct in6_addr) *own = ir_alloc(tr->ir, (tr->caller.n + 1) * sizeof(*own));
	size_t i, k, end;

	for (i = 0; i < tr->workload.n; i = end) {
		const struct workload *w = &tr->workload.item[i];
		const struct ir_workload *other = NULL, *one = &tr->caller.item[w->caller];

		for (end = i + 1; end < tr->workload.n &&
		     !compare_workloads(w, &tr->workload.item[end]); end++) {
			const struct ir_workload *c =
				&tr->caller.item[tr->workload.item[end].caller];

			if (!same_caller(one, c))
				other = c;
		}
		if (!other) {
			*list_add(tr, &own[w->caller]) = w->address;
			continue;
		}
		diag_add(tr->diag, DIAG_WARNING, NULL,
			 "%s (%s:%d) and %s (%s:%d) have an address in common: who calls from there is not known",
			 one->source.what, one->source.file, one->source.line, other->source.what,
			 other->source.file, other->source.line);
	}
	for (k = 0; k < tr->caller.n; k++) {
		tr->caller.item[k].n_addresses = own[k].n;
		tr->caller.item[k].address = own[k].item;
	}
}

void workloads_read(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		const struct document *d = tr->docs->list[i];

		if (document_is_workload(d))
			read_workload(tr, d);
		else if (!strcmp(d->kind, "Pod") && !*d->group &&
			 node_worst(d->root, NULL) != NODE_INVALID)
			read_pod(tr, d);
	}
	if (tr->workload.n)
		qsort(tr->workload.item, tr->workload.n, sizeof(*tr->workload.item),
		      compare_workloads);
	give_addresses(tr);
}

/* ---- the workload that the policy is for ---- */

static void read_self(struct translation *tr, const struct document *d)
{
	const struct node *list = node_get(workload_fields(d), "addresses");
	struct self *self = ir_alloc(tr->ir, sizeof(*self));
	struct in6_addr address;
	size_t i;

	self->document = d;
	self->namespace = workload_namespace(d);
	labels_read(tr->docs->arena, &self->labels, workload_labels(d));
	for (i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (node_string(list->child[i]) && address_read(list->child[i]->text, &address))
			*list_add(tr, &self->address) = address;
	tr->self = self;
}

/* As Istio: the workload's own namespace, then the root namespace; with a selector first. */
static bool sidecar_registry_only(struct translation *tr, bool otherwise)
{
	const struct document *best = NULL;
	int best_rank = 0;
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		const struct document *d = tr->docs->list[i];
		const struct node *selector = node_path(d->root, "spec", "workloadSelector",
							"labels", NULL);
		struct labels labels;
		int rank;

		if (strcmp(d->kind, "Sidecar") || strcmp(d->group, "networking.istio.io"))
			continue;
		labels_read(tr->docs->arena, &labels, selector);
		if (!strcmp(d->namespace, tr->self->namespace))
			rank = labels.n ? 3 : 2;
		else
			rank = !strcmp(d->namespace, tr->root_namespace) && !labels.n ? 1 : 0;
		if (rank <= best_rank || !labels_match(&labels, &tr->self->labels))
			continue;
		best = d;
		best_rank = rank;
	}
	if (best) {
		const char *mode = node_string(node_path(best->root, "spec",
							 "outboundTrafficPolicy", "mode", NULL));

		if (mode)
			return !strcmp(mode, "REGISTRY_ONLY");
	}
	return otherwise;
}

void self_find(struct translation *tr, const struct translate_view *view)
{
	size_t i;

	for (i = 0; i < tr->docs->n && !tr->self; i++) {
		const struct document *d = tr->docs->list[i];

		if (document_is_workload(d) &&
		    !strcmp(node_printf(tr->docs->arena, "%s/%s", workload_namespace(d),
					workload_name(d)), view->workload))
			read_self(tr, d);
	}
	if (!tr->self) {
		diag_add(tr->diag, DIAG_ERROR, NULL,
			 "no Workload is %s; expected NAMESPACE/NAME of one of the documents",
			 view->workload);
		return;
	}
	tr->self->registry_only = sidecar_registry_only(tr, view->registry_only);
}

void node_express(struct node *n)
{
	size_t i;

	if (!n)
		return;
	if (n->verdict == NODE_SLOW_PATH) {
		n->verdict = NODE_KERNEL;
		n->reason = NULL;
	}
	for (i = 0; i < n->n; i++)
		node_express(n->child[i]);
}

static void express_matches(const struct document *d)
{
	const struct node *http = node_path(d->root, "spec", "http", NULL);
	size_t i, k;

	for (i = 0; http && http->kind == NODE_LIST && i < http->n; i++) {
		const struct node *match = node_get(http->child[i], "match");

		for (k = 0; match && match->kind == NODE_LIST && k < match->n; k++) {
			node_express(node_get(match->child[k], "sourceLabels"));
			node_express(node_get(match->child[k], "sourceNamespace"));
		}
	}
}

void self_express(struct translation *tr)
{
	size_t i;

	for (i = 0; i < tr->docs->n; i++) {
		const struct document *d = tr->docs->list[i];

		if (strcmp(d->group, "networking.istio.io"))
			continue;
		node_express(node_path(d->root, "spec", "exportTo", NULL));
		if (!strcmp(d->kind, "VirtualService"))
			express_matches(d);
	}
}

bool self_sees(const struct translation *tr, const struct document *d)
{
	const struct node *list = node_path(d->root, "spec", "exportTo", NULL);
	size_t i;

	if (!tr->self || !node_count(list) || list->kind != NODE_LIST)
		return true;
	for (i = 0; i < list->n; i++) {
		const char *s = node_string(list->child[i]);

		if (s && (!strcmp(s, "*") || !strcmp(s, tr->self->namespace) ||
			  (!strcmp(s, ".") && !strcmp(d->namespace, tr->self->namespace))))
			return true;
	}
	return false;
}

bool self_is_at(const struct translation *tr, const struct in6_addr *address)
{
	size_t i;

	for (i = 0; tr->self && i < tr->self->address.n; i++)
		if (!memcmp(&tr->self->address.item[i], address, sizeof(*address)))
			return true;
	return false;
}

struct ir_expr *self_matches(struct translation *tr, const struct node *labels,
			     const struct node *namespace)
{
	struct labels wanted = { 0 };
	const char *name = node_string(namespace);

	if (!tr->self)
		return NULL;
	labels_read(tr->docs->arena, &wanted, labels);
	if (!labels_match(&wanted, &tr->self->labels) ||
	    (name && *name && strcmp(name, tr->self->namespace)))
		return ir_false(tr->ir);
	return ir_true(tr->ir);
}
