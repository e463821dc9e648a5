// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes to the slow path is judged first, as far as that can be done: a
 * route that only a proxy can follow, or one of which it is not known whether
 * it is meant, is replaced by one to a cluster without endpoints. That has the
 * authorization of the real destination, and besides a DENY rule of which
 * nothing is known: what is denied for certain is denied (403), and nothing
 * else can be decided, so that it goes to the slow path and never to the
 * cluster.
 *
 * That is done only where it is sure which authorization counts and what it
 * would look at: all routes that could be meant lead to clusters with the same
 * authorizations, and change nothing of what those look at.
 */
#include "translation.h"

#include <string.h>

#define NO_CLUSTER	UINT32_MAX

static bool same_authorization(struct translation *tr, uint32_t a, uint32_t b)
{
	const struct ir_cluster *x = &tr->cluster.item[a], *y = &tr->cluster.item[b];
	const struct ir_authorization *all = tr->authorization.item;
	size_t i;

	if (x->n_authorization != y->n_authorization)
		return false;
	for (i = 0; i < x->n_authorization; i++)
		if (!ir_same_rules(&all[x->authorization[i]], &all[y->authorization[i]]))
			return false;
	return true;
}

static uint32_t both(struct translation *tr, uint32_t a, uint32_t b)
{
	return a != NO_CLUSTER && b != NO_CLUSTER && same_authorization(tr, a, b) ? a : NO_CLUSTER;
}

/* Do the changes keep from what the authorization of @cluster looks at? */
static bool apart(struct translation *tr, const struct ir_header_ops *ops, uint32_t cluster)
{
	size_t i;

	for (i = 0; i < ops->n; i++)
		if (authorization_looks_at(tr, cluster, ops->op[i].name))
			return false;
	return true;
}

/* A cluster with the authorization that counts for the route, whatever it chooses. */
static uint32_t destination_of(struct translation *tr, uint32_t index)
{
	const struct ir_route *r = &tr->route.item[index];
	uint32_t cluster = NO_CLUSTER, one;
	size_t i, n;

	if (r->kind != L7FP_ROUTE_FORWARD && r->kind != L7FP_ROUTE_SLOW_PATH)
		return NO_CLUSTER;
	if (r->kind == L7FP_ROUTE_FORWARD &&
	    (r->rewrite_kind != L7FP_REWRITE_NONE || r->rewrite_authority))
		return NO_CLUSTER;
	n = r->kind == L7FP_ROUTE_FORWARD ? r->n_clusters : r->n_destined;
	for (i = 0; i < n; i++) {
		one = r->kind == L7FP_ROUTE_FORWARD ? r->cluster[i].cluster : r->destined[i];
		if (r->kind == L7FP_ROUTE_FORWARD &&
		    (!apart(tr, &r->cluster[i].request, one) || !apart(tr, &r->request, one)))
			return NO_CLUSTER;
		cluster = i ? both(tr, cluster, one) : one;
	}
	return cluster;
}

static uint32_t add_unknown(struct translation *tr, const struct ir_source *source,
			    const char *reason)
{
	struct ir_authorization_rule *rule = ir_alloc(tr->ir, sizeof(*rule));
	struct ir_authorization *a = list_add(tr, &tr->authorization);

	*rule = (struct ir_authorization_rule){
		.source = *source, .action = IR_DENY, .expr = ir_unknown(tr->ir, reason),
		.rule = (uint32_t)tr->rule.n,
	};
	*list_add(tr, &tr->rule) = *source;
	*a = (struct ir_authorization){ .n_rules = 1, .rule = rule };
	return (uint32_t)tr->authorization.n - 1;
}

/* The cluster that judges as @cluster does and leaves the rest to the slow path. */
static uint32_t judging_cluster(struct translation *tr, uint32_t cluster,
				const struct ir_source *source, const char *reason)
{
	const char *name = node_printf(tr->docs->arena, "slow path|%s|%s",
				       tr->cluster.item[cluster].name, reason);
	uint32_t before = (uint32_t)tr->cluster.n, index = cluster_empty(tr, name, NULL, NULL);
	struct ir_cluster *c = &tr->cluster.item[index];
	const struct ir_cluster *real = &tr->cluster.item[cluster];
	uint32_t *list;

	if (index < before)
		return index;
	list = ir_alloc(tr->ir, (real->n_authorization + 1) * sizeof(*list));
	memcpy(list, real->authorization, real->n_authorization * sizeof(*list));
	list[real->n_authorization] = add_unknown(tr, source, reason);
	c->source = *source;
	c->n_authorization = real->n_authorization + 1;
	c->authorization = list;
	return index;
}

static void judge_at(struct translation *tr, struct ir_route *r, uint32_t cluster,
		     const char *reason)
{
	const struct ir_source source = r->source;

	r->cluster = ir_alloc(tr->ir, sizeof(*r->cluster));
	r->cluster->cluster = judging_cluster(tr, cluster, &source, reason);
	r->cluster->weight = 1;
	r->n_clusters = 1;
	r->kind = L7FP_ROUTE_FORWARD;
	r->slow_path_reason = NULL;
}

/* Why a condition is not known. */
static const char *unknown_reason(const struct ir_expr *x)
{
	const char *reason = x->kind == IR_UNKNOWN ? x->reason : NULL;
	size_t i;

	for (i = 0; i < x->n_children && !reason; i++)
		reason = unknown_reason(x->child[i]);
	return reason;
}

/* For certain as before; where it may be true, its requests are judged. */
static void split(struct translation *tr, struct ir_match *to, const struct ir_match *m,
		  uint32_t cluster)
{
	struct ir_route r = { .source = m->source };

	to[0] = to[1] = *m;
	to[0].expr = ir_expr_must(tr->ir, m->expr);
	to[1].expr = ir_expr_may(tr->ir, m->expr);
	judge_at(tr, &r, cluster, unknown_reason(m->expr));
	to[1].route = (uint32_t)tr->route.n;
	*list_add(tr, &tr->route) = r;
}

static void judge_matches(struct translation *tr, struct ir_virtual_host *host)
{
	uint32_t cluster = host->fallback < 0 ? NO_CLUSTER :
			   destination_of(tr, (uint32_t)host->fallback);
	struct ir_match *match = ir_alloc(tr->ir, 2 * host->n_matches * sizeof(*match) + 1);
	size_t i, at = 2 * host->n_matches;

	/* From the last one, since all that could be meant instead must agree. */
	for (i = host->n_matches; i-- > 0; ) {
		const struct ir_match *m = &host->match[i];
		uint32_t own = destination_of(tr, m->route);

		/* What comes after one that always matches is never meant. */
		if (!m->expr || m->expr->kind == IR_TRUE)
			cluster = own;
		else
			cluster = both(tr, own, cluster);
		if (m->expr && ir_expr_has_unknown(m->expr) && cluster != NO_CLUSTER &&
		    tr->cluster.item[cluster].n_authorization) {
			at -= 2;
			split(tr, &match[at], m, cluster);
		} else {
			match[--at] = *m;
		}
	}
	host->match = match + at;
	host->n_matches = 2 * host->n_matches - at;
}

void slow_paths_judge(struct translation *tr)
{
	uint32_t cluster;
	size_t i;

	/* A proxy judges what comes to it. */
	if (tr->for_proxy)
		return;
	for (i = 0; i < tr->virtual_host.n; i++)
		judge_matches(tr, &tr->virtual_host.item[i]);
	for (i = 0; i < tr->route.n; i++) {
		struct ir_route *r = &tr->route.item[i];

		cluster = r->kind == L7FP_ROUTE_SLOW_PATH ? destination_of(tr, (uint32_t)i) :
							    NO_CLUSTER;
		if (cluster != NO_CLUSTER && tr->cluster.item[cluster].n_authorization)
			judge_at(tr, r, cluster, r->slow_path_reason);
	}
}
