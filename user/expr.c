// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conditions: construction with constants folded, and Kleene's three-valued
 * logic cut into two conditions that the kernel can decide.
 *
 * Expressions are never changed once they are made, so they may be shared.
 */
#include <string.h>
#include "ir.h"

static struct ir_expr *expr_new(struct ir *ir, enum ir_expr_kind kind)
{
	struct ir_expr *e = ir_alloc(ir, sizeof(*e));

	e->kind = kind;
	return e;
}

struct ir_expr *ir_true(struct ir *ir)
{
	return expr_new(ir, IR_TRUE);
}

struct ir_expr *ir_false(struct ir *ir)
{
	return expr_new(ir, IR_FALSE);
}

struct ir_expr *ir_unknown(struct ir *ir, const char *reason)
{
	struct ir_expr *e = expr_new(ir, IR_UNKNOWN);

	e->reason = ir_strdup(ir, reason);
	return e;
}

struct ir_expr *ir_string(struct ir *ir, uint32_t field, uint32_t op, const char *value)
{
	struct ir_expr *e = expr_new(ir, IR_STRING);

	e->field = field;
	e->op = op;
	e->value = ir_strdup(ir, value ? value : "");
	e->value_len = (uint32_t)strlen(e->value);
	return e;
}

struct ir_expr *ir_not(struct ir *ir, struct ir_expr *e)
{
	struct ir_expr *not;

	switch (e->kind) {
	case IR_TRUE:
		return ir_false(ir);
	case IR_FALSE:
		return ir_true(ir);
	case IR_NOT:
		return e->child[0];
	case IR_UNKNOWN:
		return e;
	default:
		break;
	}
	not = expr_new(ir, IR_NOT);
	not->n_children = 1;
	not->child = ir_alloc(ir, sizeof(*not->child));
	not->child[0] = e;
	return not;
}

static size_t flat_count(enum ir_expr_kind kind, struct ir_expr **child, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += child[i]->kind == kind ? child[i]->n_children : 1;
	return total;
}

/*
 * @kind of the children, where @unit is the constant that changes nothing and
 * @zero the one that decides. Children of the same kind are already flat.
 */
static struct ir_expr *expr_join(struct ir *ir, enum ir_expr_kind kind, struct ir_expr **child,
				 size_t n, enum ir_expr_kind unit, enum ir_expr_kind zero)
{
	struct ir_expr *e;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (child[i]->kind == zero)
			return child[i];
	e = expr_new(ir, kind);
	e->child = ir_alloc(ir, flat_count(kind, child, n) * sizeof(*e->child));
	for (size_t i = 0; i < n; i++) {
		if (child[i]->kind == kind) {
			memcpy(e->child + kept, child[i]->child,
			       child[i]->n_children * sizeof(*e->child));
			kept += child[i]->n_children;
		} else if (child[i]->kind != unit) {
			e->child[kept++] = child[i];
		}
	}
	e->n_children = kept;
	if (!kept)
		return expr_new(ir, unit);
	return kept == 1 ? e->child[0] : e;
}

struct ir_expr *ir_and(struct ir *ir, struct ir_expr **child, size_t n)
{
	return expr_join(ir, IR_AND, child, n, IR_TRUE, IR_FALSE);
}

struct ir_expr *ir_or(struct ir *ir, struct ir_expr **child, size_t n)
{
	return expr_join(ir, IR_OR, child, n, IR_FALSE, IR_TRUE);
}

bool ir_expr_has_unknown(const struct ir_expr *e)
{
	if (e->kind == IR_UNKNOWN)
		return true;
	for (size_t i = 0; i < e->n_children; i++)
		if (ir_expr_has_unknown(e->child[i]))
			return true;
	return false;
}

/* @unknown is what an UNKNOWN counts as; NOT turns it round. */
static struct ir_expr *expr_cut(struct ir *ir, const struct ir_expr *e, bool unknown)
{
	struct ir_expr **child, *cut;

	if (!ir_expr_has_unknown(e))
		return (struct ir_expr *)e;
	if (e->kind == IR_UNKNOWN)
		return unknown ? ir_true(ir) : ir_false(ir);
	if (e->kind == IR_NOT)
		return ir_not(ir, expr_cut(ir, e->child[0], !unknown));
	child = ir_alloc(ir, e->n_children * sizeof(*child));
	for (size_t i = 0; i < e->n_children; i++)
		child[i] = expr_cut(ir, e->child[i], unknown);
	cut = e->kind == IR_AND ? ir_and(ir, child, e->n_children) :
				  ir_or(ir, child, e->n_children);
	return cut;
}

struct ir_expr *ir_expr_may(struct ir *ir, const struct ir_expr *e)
{
	return expr_cut(ir, e, true);
}

struct ir_expr *ir_expr_must(struct ir *ir, const struct ir_expr *e)
{
	return expr_cut(ir, e, false);
}
