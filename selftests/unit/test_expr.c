// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conditions: folding of constants, and may and must against every way in which
 * the unknown parts could turn out.
 */
#include <string.h>
#include "codec_test.h"
#include "ir.h"

#define VARIABLES	4	/* known conditions: ports 0 to 3 */
#define UNKNOWNS	4	/* at most, in one expression */
#define TREES		4000

static uint64_t state = 42;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33) % n;
}

static struct ir_expr *variable(struct ir *ir, uint32_t i)
{
	struct ir_expr *e = ir_alloc(ir, sizeof(*e));

	e->kind = IR_DESTINATION_PORT;
	e->port = i;
	return e;
}

static struct ir_expr *unknown_number(struct ir *ir, uint32_t i)
{
	struct ir_expr *e = ir_unknown(ir, "unknown");

	e->port = i;
	return e;
}

/*
 * Each UNKNOWN is used once: an UNKNOWN that is used twice may seem to matter
 * where it does not (u or not u), and may and must need not be exact then.
 */
static struct ir_expr *tree(struct ir *ir, unsigned int depth, uint32_t *unknowns)
{
	struct ir_expr *child[3];
	size_t n = below(4);

	if (!depth || !below(4)) {
		if (*unknowns < UNKNOWNS && !below(3))
			return unknown_number(ir, (*unknowns)++);
		if (!below(6))
			return below(2) ? ir_true(ir) : ir_false(ir);
		return variable(ir, below(VARIABLES));
	}
	if (!below(4))
		return ir_not(ir, tree(ir, depth - 1, unknowns));
	for (size_t i = 0; i < n; i++)
		child[i] = tree(ir, depth - 1, unknowns);
	return below(2) ? ir_and(ir, child, n) : ir_or(ir, child, n);
}

/* Bit i of @known: variable i; of @guess: UNKNOWN i. */
static bool value(const struct ir_expr *e, uint32_t known, uint32_t guess)
{
	bool any = false, all = true;

	switch (e->kind) {
	case IR_TRUE:
		return true;
	case IR_FALSE:
		return false;
	case IR_UNKNOWN:
		return guess >> e->port & 1;
	case IR_NOT:
		return !value(e->child[0], known, guess);
	case IR_AND:
	case IR_OR:
		for (size_t i = 0; i < e->n_children; i++) {
			bool one = value(e->child[i], known, guess);

			any |= one;
			all &= one;
		}
		return e->kind == IR_AND ? all : any;
	default:
		return known >> e->port & 1;
	}
}

static const char *check_tree(struct ir *ir, const struct ir_expr *e)
{
	const struct ir_expr *may = ir_expr_may(ir, e), *must = ir_expr_must(ir, e);

	if (ir_expr_has_unknown(may) || ir_expr_has_unknown(must))
		return "an UNKNOWN is left";
	for (uint32_t known = 0; known < 1 << VARIABLES; known++) {
		bool can = false, has_to = true;

		for (uint32_t guess = 0; guess < 1 << UNKNOWNS; guess++) {
			bool one = value(e, known, guess);

			can |= one;
			has_to &= one;
		}
		if (value(may, known, 0) != can)
			return "may differs from brute force";
		if (value(must, known, 0) != has_to)
			return "must differs from brute force";
	}
	return NULL;
}

static const char *test_brute_force(struct ir *ir)
{
	const char *wrong = NULL;
	unsigned int with_unknown = 0;

	for (int i = 0; i < TREES && !wrong; i++) {
		uint32_t unknowns = 0;
		struct ir_expr *e = tree(ir, 4, &unknowns);

		with_unknown += ir_expr_has_unknown(e);
		wrong = check_tree(ir, e);
	}
	return wrong ? wrong : with_unknown < TREES / 4 ? "too few trees with UNKNOWN" : NULL;
}

static const char *test_constants(struct ir *ir)
{
	struct ir_expr *t = ir_true(ir), *f = ir_false(ir), *x = variable(ir, 0);
	struct ir_expr *xt[] = { x, t }, *xf[] = { x, f };

	if (ir_and(ir, NULL, 0)->kind != IR_TRUE || ir_or(ir, NULL, 0)->kind != IR_FALSE)
		return "nothing to join";
	if (ir_and(ir, xt, 2) != x || ir_or(ir, xf, 2) != x)
		return "the neutral constant stays";
	if (ir_and(ir, xf, 2)->kind != IR_FALSE || ir_or(ir, xt, 2)->kind != IR_TRUE)
		return "the deciding constant does not decide";
	if (ir_not(ir, t)->kind != IR_FALSE || ir_not(ir, f)->kind != IR_TRUE)
		return "NOT of a constant";
	if (ir_not(ir, ir_not(ir, x)) != x)
		return "NOT of NOT";
	return NULL;
}

static const char *test_unknown_constants(struct ir *ir)
{
	struct ir_expr *u = ir_unknown(ir, "why"), *f = ir_false(ir), *t = ir_true(ir);
	struct ir_expr *uf[] = { u, f }, *ut[] = { u, t };

	if (ir_and(ir, uf, 2)->kind != IR_FALSE)
		return "UNKNOWN AND FALSE is FALSE";
	if (ir_or(ir, ut, 2)->kind != IR_TRUE)
		return "UNKNOWN OR TRUE is TRUE";
	if (ir_and(ir, ut, 2) != u || ir_or(ir, uf, 2) != u || ir_not(ir, u) != u)
		return "UNKNOWN is lost";
	return strcmp(u->reason, "why") ? "the reason is lost" : NULL;
}

static const char *test_flat(struct ir *ir)
{
	struct ir_expr *ab[] = { variable(ir, 0), variable(ir, 1) };
	struct ir_expr *nested[] = { ir_and(ir, ab, 2), variable(ir, 2) };
	struct ir_expr *all = ir_and(ir, nested, 2), *any = ir_or(ir, nested, 2);

	if (all->n_children != 3 || all->child[2]->port != 2)
		return "AND of AND is not flat";
	return any->n_children != 2 ? "OR of AND was joined" : NULL;
}

static const char *test_slots(struct ir *ir)
{
	char name[16];

	for (int i = 0; i < L7FP_MAX_SLOTS; i++) {
		snprintf(name, sizeof(name), "x-%d", i);
		if (ir_slot(ir, L7FP_SLOT_HEADER, name) != i)
			return "a new slot has not the next number";
	}
	if (ir_slot(ir, L7FP_SLOT_HEADER, "x-one-more") != -1)
		return "one slot more than there may be";
	if (ir_slot(ir, L7FP_SLOT_HEADER, "x-7") != 7)
		return "a slot is not found again";
	return ir_slot(ir, L7FP_SLOT_QUERY, "x-7") != -1 ? "kinds of slots are mixed" : NULL;
}

static const char *test_arena(struct ir *ir)
{
	/* Around the size of a block, and zeroed. */
	static const size_t size[] = { 0, 1, 15, 65535, 65536, 65537, 1000000 };

	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		unsigned char *p = ir_alloc(ir, size[i]);

		for (size_t j = 0; j < size[i]; j++)
			if (p[j])
				return "memory is not zeroed";
		memset(p, 0xff, size[i]);
	}
	return NULL;
}

int main(void)
{
	static const struct {
		const char *name;
		const char *(*test)(struct ir *ir);
	} test[] = {
		{ "constants are folded", test_constants },
		{ "constants decide over UNKNOWN", test_unknown_constants },
		{ "nested joins are flat", test_flat },
		{ "may and must agree with brute force", test_brute_force },
		{ "slots are numbered, found again, and limited", test_slots },
		{ "memory is zeroed, whatever its size", test_arena },
	};
	size_t n = sizeof(test) / sizeof(test[0]);

	ktap_begin((unsigned int)n);
	for (size_t i = 0; i < n; i++) {
		struct ir *ir = ir_new();

		ktap_result("expr", test[i].name, test[i].test(ir));
		ir_free(ir);
	}
	return ktap_end();
}
