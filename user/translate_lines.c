// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers of which a server may get several lines. Envoy compares each line by
 * itself, the program sees them as one value: a request that repeats a header
 * the policy looks at is not decided by it. A route that adds a line of a
 * header that the authorization of its destination looks at makes one of
 * those, too, and that is known here.
 */
#include "translation.h"
#include "../kmod/h1.h"

#include <string.h>
#include <strings.h>

static bool is_one_value(const char *name)
{
	return l7fp_h1_lines_join((const u8 *)name, (u32)strlen(name));
}

static bool looks_at(const struct ir *ir, const struct ir_expr *x, const char *header)
{
	const struct ir_slot *slot;
	size_t i;

	if (x->kind == IR_STRING && x->field >= L7FP_FIELD_SLOT) {
		slot = &ir->slot[x->field - L7FP_FIELD_SLOT];
		return slot->kind == L7FP_SLOT_HEADER && !strcasecmp(slot->name, header);
	}
	for (i = 0; i < x->n_children; i++)
		if (looks_at(ir, x->child[i], header))
			return true;
	return false;
}

bool authorization_looks_at(struct translation *tr, uint32_t cluster, const char *header)
{
	const struct ir_cluster *c = &tr->cluster.item[cluster];
	size_t i, k;

	for (i = 0; i < c->n_authorization; i++) {
		const struct ir_authorization *a = &tr->authorization.item[c->authorization[i]];

		for (k = 0; k < a->n_rules; k++)
			if (looks_at(tr->ir, a->rule[k].expr, header))
				return true;
	}
	return false;
}

static const char *added(struct translation *tr, const struct ir_header_ops *ops, uint32_t cluster)
{
	size_t i;

	for (i = 0; i < ops->n; i++)
		if (ops->op[i].kind == L7FP_HEADER_ADD && !is_one_value(ops->op[i].name) &&
		    authorization_looks_at(tr, cluster, ops->op[i].name))
			return ops->op[i].name;
	return NULL;
}

void lines_check(struct translation *tr)
{
	static const char reason[] =
		"it adds a line of a header that the authorization of its destination looks at";
	const char *name;
	size_t i, k;

	for (i = 0; i < tr->route.n; i++) {
		struct ir_route *r = &tr->route.item[i];

		name = NULL;
		for (k = 0; k < r->n_clusters && !name; k++) {
			name = added(tr, &r->request, r->cluster[k].cluster);
			if (!name)
				name = added(tr, &r->cluster[k].request, r->cluster[k].cluster);
		}
		if (!name)
			continue;
		diag_add(tr->diag, DIAG_WARNING, r->node ? &r->node->at : NULL,
			 "%s is added, and the authorization of the destination looks at it: which of several lines counts is not decided by the kernel; use \"set\"",
			 name);
		r->kind = L7FP_ROUTE_SLOW_PATH;
		r->slow_path_reason = reason;
		r->n_clusters = 0;
		r->cluster = NULL;
	}
}
