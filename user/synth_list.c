// SPDX-License-Identifier: GPL-2.0-only
/*
 * First match of a list of conditions.
 *
 * A short list is tested one entry after the other. A long one is not: its
 * entries are sorted into decision trees by what they say of the path, the
 * host, a slot or an address, and each tree, and the rest that no tree takes,
 * lowers REG_RANK to the rank of the best entry that it finds. An entry is tested after the tree
 * has shown that its string matches, and only if its rank would be lower. So
 * the order of trees does not matter, nothing is emitted twice, and the lowest
 * rank is the first match.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "synth_generate.h"

#define FIRST_MATCH_LINEAR	8	/* entries, and strings in them */
#define LOWEST_LINEAR		6	/* candidates */
#define TREE_MIN		4	/* strings that are worth a tree */
#define NO_FIELD		UINT32_MAX
#define RANK_EVERY		16	/* candidates: how often the rank is compared first */

/*
 * REG_RANK holds rank << KIND_BITS | kind, where kind is the index of the
 * entry's tail; lists with more tails find theirs by rank.
 */
#define KIND_BITS		2
#define KINDS			(1 << KIND_BITS)
#define RANK_NONE		INT32_MAX

void synth_list_add(struct synth *synth, struct synth_list *list, const struct ir_expr *expr,
		    code_label tail, uint32_t value)
{
	if (expr && expr->kind == IR_FALSE)
		return;
	if (expr && expr->kind == IR_TRUE)
		expr = NULL;
	/* Nothing comes after what is always true. */
	if (list->n && !list->entry[list->n - 1].expr)
		return;
	if (list->n >= list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct synth_entry *entry = realloc(list->entry, room * sizeof(*entry));

		if (!entry) {
			synth_fail(synth, -ENOMEM);
			return;
		}
		list->entry = entry;
		list->room = room;
	}
	list->entry[list->n++] = (struct synth_entry){ .expr = expr, .tail = tail, .value = value };
}

void synth_list_free(struct synth_list *list)
{
	free(list->entry);
	*list = (struct synth_list){ 0 };
}

/* ---- what an entry says of a field ---- */

/*
 * What a tree may be made over: path, host, addresses, slots; then NO_FIELD.
 * Slots no longer where too many trees are around already.
 */
static uint32_t tree_field(const struct synth *synth, size_t i)
{
	static const uint32_t fixed[] = { L7FP_FIELD_PATH, L7FP_FIELD_AUTHORITY, KEY_SOURCE_IP,
					  KEY_DESTINATION_IP };
	const size_t n = sizeof(fixed) / sizeof(fixed[0]);

	if (i < n)
		return fixed[i];
	if (synth->field_trees == MAX_FIELD_TREES || i - n >= synth->ir->n_slots)
		return NO_FIELD;
	return L7FP_FIELD_SLOT + (uint32_t)(i - n);
}

/*
 * The strings of @field of which one must match for @e to be true: how many;
 * 0 when @e does not say.
 */
static size_t count_strings(struct synth *synth, const struct ir_expr *e, uint32_t field)
{
	struct synth_inline test;
	const struct ir_expr *segments;
	size_t n, total = 0;

	if (!e)
		return 0;
	switch (e->kind) {
	case IR_STRING:
		segments = synth_segments(synth, e);
		if (segments)
			return count_strings(synth, segments, field);
		return synth_tree_test(synth, e, &test) && test.field == field;
	case IR_SOURCE_IP:
		return field == KEY_SOURCE_IP && e->prefix <= 128;
	case IR_DESTINATION_IP:
		return field == KEY_DESTINATION_IP && e->prefix <= 128;
	case IR_OR:
		for (size_t i = 0; i < e->n_children; i++) {
			n = count_strings(synth, e->child[i], field);
			if (!n)
				return 0;
			total += n;
		}
		return total;
	case IR_AND:
		for (size_t i = 0; i < e->n_children; i++) {
			n = count_strings(synth, e->child[i], field);
			if (n && (!total || n < total))
				total = n;
		}
		return total;
	default:
		return 0;
	}
}

/* @left and everything of AND @e but child @without. */
static const struct ir_expr *and_without(struct synth *synth, const struct ir_expr *e,
					 size_t without, const struct ir_expr *left)
{
	struct ir_expr **child = ir_alloc(synth->scratch, (e->n_children + 1) * sizeof(*child));
	size_t n = 0;

	for (size_t i = 0; i < e->n_children; i++)
		if (i != without)
			child[n++] = e->child[i];
	if (left)
		child[n++] = (struct ir_expr *)left;
	return ir_and(synth->scratch, child, n);
}

/* Appends the strings that count_strings() counts, each with what is left to test. */
static void expand(struct synth *synth, const struct ir_expr *e, uint32_t field,
		   struct synth_candidate left, struct synth_item *item, size_t *n)
{
	const struct ir_expr *segments;
	size_t best = 0, fewest = 0;

	switch (e->kind) {
	case IR_STRING:
	case IR_SOURCE_IP:
	case IR_DESTINATION_IP:
		segments = synth_segments(synth, e);
		if (segments) {
			expand(synth, segments, field, left, item, n);
			return;
		}
		synth_tree_test(synth, e, &item[*n].test);
		item[(*n)++].candidate = left;
		return;
	case IR_OR:
		for (size_t i = 0; i < e->n_children; i++)
			expand(synth, e->child[i], field, left, item, n);
		return;
	default:
		for (size_t i = 0; i < e->n_children; i++) {
			size_t strings = count_strings(synth, e->child[i], field);

			if (strings && (!fewest || strings < fewest)) {
				best = i;
				fewest = strings;
			}
		}
		left.expr = and_without(synth, e, best, left.expr);
		expand(synth, e->child[best], field, left, item, n);
	}
}

/* ---- the lowest rank ---- */

static int32_t rank_code(const struct synth_list *list, uint32_t rank)
{
	return (int32_t)(rank << KIND_BITS | list->entry[rank].kind);
}

/* A copy of REG_RANK that the verifier cannot follow (synth.h), in r1. */
static void load_rank(struct synth *synth)
{
	code_move_reg(&synth->code, BPF_REG_1, REG_RANK);
	code_alu_reg(&synth->code, BPF_ADD, BPF_REG_1, REG_ZERO);
}

static void skip_unless_lower(struct synth *synth, int32_t rank, code_label end)
{
	load_rank(synth);
	code_jump_imm(&synth->code, BPF_JLE, BPF_REG_1, rank, end);
}

/*
 * The rank is compared before the first test, since that is cheaper, and now
 * and then in a long list; else after the test, where the branch does not stay
 * pending in the verifier (synth.h).
 */
static void lowest_linear(struct synth *synth, const struct synth_list *list,
			  const struct synth_candidate *candidate, size_t n)
{
	struct code *code = &synth->code;
	code_label end = code_new_label(code);

	for (size_t i = 0; i < n; i++) {
		const struct synth_entry *entry = &list->entry[candidate[i].rank];
		int32_t rank = rank_code(list, candidate[i].rank);
		code_label next = code_new_label(code);
		bool before = i % RANK_EVERY == 0;

		if (before)
			skip_unless_lower(synth, rank, end);
		synth_branch(synth, candidate[i].expr, false, next);
		if (!before)
			skip_unless_lower(synth, rank, end);
		code_move_imm(code, REG_RANK, rank);
		if (!list->by_rank)
			code_move32_imm(code, REG_VALUE, entry->value);
		code_jump(code, end);
		code_place(code, next);
		if (!candidate[i].expr || candidate[i].expr->kind == IR_TRUE)
			break;
	}
	code_place(code, end);
}

/* The field that most candidates speak of, and how many do; @strings in all. */
static uint32_t best_field(struct synth *synth, const struct synth_candidate *candidate, size_t n,
			   size_t *strings)
{
	uint32_t best = L7FP_FIELD_PATH, field;
	size_t most = 0;

	*strings = 0;
	for (size_t f = 0; (field = tree_field(synth, f)) != NO_FIELD; f++) {
		size_t speak = 0, total = 0;

		for (size_t i = 0; i < n; i++) {
			size_t count = count_strings(synth, candidate[i].expr, field);

			speak += !!count;
			total += count;
		}
		if (speak > most) {
			best = field;
			most = speak;
			*strings = total;
		}
	}
	return best;
}

void synth_lowest(struct synth *synth, const struct synth_list *list,
		  const struct synth_candidate *candidate, size_t n)
{
	struct synth_candidate *rest;
	struct synth_item *item;
	size_t strings, n_items = 0, n_rest = 0;
	uint32_t field;

	if (!n || synth->code.err)
		return;
	field = best_field(synth, candidate, n, &strings);
	if (strings < TREE_MIN || (n <= LOWEST_LINEAR && strings <= LOWEST_LINEAR)) {
		lowest_linear(synth, list, candidate, n);
		return;
	}
	item = calloc(strings, sizeof(*item));
	rest = calloc(n, sizeof(*rest));
	if (!item || !rest) {
		synth_fail(synth, -ENOMEM);
	} else {
		for (size_t i = 0; i < n; i++) {
			struct synth_candidate left = { candidate[i].rank, NULL };

			if (count_strings(synth, candidate[i].expr, field))
				expand(synth, candidate[i].expr, field, left, item, &n_items);
			else
				rest[n_rest++] = candidate[i];
		}
		synth_tree(synth, list, field, item, n_items);
		synth_lowest(synth, list, rest, n_rest);
	}
	free(item);
	free(rest);
}

/* ---- the list ---- */

static void first_match_linear(struct synth *synth, const struct synth_list *list)
{
	struct code *code = &synth->code;

	for (size_t i = 0; i < list->n; i++) {
		code_label next = code_new_label(code);

		synth_branch(synth, list->entry[i].expr, false, next);
		code_move32_imm(code, BPF_REG_2, list->entry[i].value);
		code_jump(code, list->entry[i].tail);
		code_place(code, next);
	}
}

/* Gives each tail a number; without enough of them, entries are found by rank. */
static size_t number_tails(struct synth_list *list, code_label tail[KINDS])
{
	size_t n = 0, k;

	for (size_t i = 0; i < list->n; i++) {
		for (k = 0; k < n && tail[k] != list->entry[i].tail; k++)
			;
		if (k == KINDS) {
			list->by_rank = true;
			return 0;
		}
		if (k == n)
			tail[n++] = list->entry[i].tail;
		list->entry[i].kind = (uint8_t)k;
	}
	return n;
}

/* r1 holds the code of an entry from @first to @last. */
static void jump_by_rank(struct synth *synth, const struct synth_list *list, size_t first,
			 size_t last)
{
	struct code *code = &synth->code;
	size_t middle = first + (last - first + 1) / 2;
	code_label right;

	if (first == last) {
		code_move32_imm(code, BPF_REG_2, list->entry[first].value);
		code_jump(code, list->entry[first].tail);
		return;
	}
	right = code_new_label(code);
	code_jump_imm(code, BPF_JGE, BPF_REG_1, rank_code(list, (uint32_t)middle), right);
	jump_by_rank(synth, list, first, middle - 1);
	code_place(code, right);
	jump_by_rank(synth, list, middle, last);
}

/* Goes on at the tail of the entry that was found. */
static void jump_by_kind(struct synth *synth, const code_label *tail, size_t n)
{
	struct code *code = &synth->code;

	code_move_reg(code, BPF_REG_2, REG_VALUE);
	if (n > 1)
		code_alu32_imm(code, BPF_AND, BPF_REG_1, KINDS - 1);
	for (size_t k = 0; k + 1 < n; k++) {
		code_label next = code_new_label(code);

		code_jump_imm(code, BPF_JNE, BPF_REG_1, (int32_t)k, next);
		code_jump(code, tail[k]);
		code_place(code, next);
	}
	code_jump(code, tail[n - 1]);
}

static void first_match_tree(struct synth *synth, struct synth_list *list)
{
	struct code *code = &synth->code;
	struct synth_candidate *candidate = calloc(list->n, sizeof(*candidate));
	code_label tail[KINDS], none = code_new_label(code);
	size_t n_tails = number_tails(list, tail);

	if (!candidate) {
		synth_fail(synth, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		candidate[i] = (struct synth_candidate){ (uint32_t)i, list->entry[i].expr };

	code_load(code, BPF_W, REG_ZERO, REG_EXCHANGE,
		  (int16_t)offsetof(struct l7fp_exchange, attempt));
	code_move_reg(code, BPF_REG_0, REG_ZERO);
	code_alu_reg(code, BPF_SUB, REG_ZERO, BPF_REG_0);
	code_move_imm(code, REG_RANK, RANK_NONE);
	code_move_imm(code, REG_VALUE, 0);
	synth_lowest(synth, list, candidate, list->n);
	load_rank(synth);
	code_jump_imm(code, BPF_JEQ, BPF_REG_1, RANK_NONE, none);
	if (list->by_rank)
		jump_by_rank(synth, list, 0, list->n - 1);
	else
		jump_by_kind(synth, tail, n_tails);
	code_place(code, none);
	free(candidate);
}

void synth_first_match(struct synth *synth, struct synth_list *list)
{
	size_t strings = 0;
	uint32_t field;

	if (list->n > RANK_NONE >> KIND_BITS) {
		synth_fail(synth, -E2BIG);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		size_t most = 0;

		for (size_t f = 0; (field = tree_field(synth, f)) != NO_FIELD; f++) {
			size_t count = count_strings(synth, list->entry[i].expr, field);

			most = count > most ? count : most;
		}
		strings += most;
	}
	if (!list->n)
		return;
	if (list->n <= FIRST_MATCH_LINEAR && strings <= FIRST_MATCH_LINEAR)
		first_match_linear(synth, list);
	else
		first_match_tree(synth, list);
}
