// SPDX-License-Identifier: GPL-2.0-only
/*
 * A decision tree over the strings that a field may be or begin with, or over
 * the prefixes that an address may be in.
 *
 * The field is looked at in words of eight bytes, as big-endian numbers, so
 * that the order of numbers is the order of strings. In one word a string is
 * an interval: a point where it fills the word or ends in it as an exact
 * string, a range where it ends in it as a prefix. Two intervals are disjoint
 * or one holds the other. So a word is looked up by binary search among
 * siblings; from the interval found it goes on to the intervals inside it, and
 * from a point to the next word of the strings that go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "synth_generate.h"

#define WORD		8	/* bytes */
#define WORD_BITS	64

struct tree {
	struct synth *synth;
	const struct synth_list *list;
	uint32_t field;
	struct synth_item *item;
	int16_t stack;		/* of a slot: where its beginning is */
};

/* Items [first, own) make up the interval, [own, last) lie inside it or go on behind it. */
struct node {
	uint64_t low, high;
	size_t first, own, last;
	bool point;
};

static int compare_items(const void *a, const void *b)
{
	const struct synth_item *x = a, *y = b;
	uint32_t n = x->test.len < y->test.len ? x->test.len : y->test.len;
	int order = memcmp(x->test.text, y->test.text, n);

	if (order)
		return order;
	if (x->test.bits != y->test.bits)
		return x->test.bits < y->test.bits ? -1 : 1;
	/* A prefix holds the exact string of the same text. */
	if (x->test.exact != y->test.exact)
		return x->test.exact ? 1 : -1;
	return (x->candidate.rank > y->candidate.rank) - (x->candidate.rank < y->candidate.rank);
}

static uint64_t word_of(const struct synth_inline *test, uint32_t off)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < WORD; i++)
		word = word << 8 | (off + i < test->len ? (uint8_t)test->text[off + i] : 0);
	return word;
}

static struct node node_at(const struct tree *tree, size_t first, size_t last, uint32_t off)
{
	const struct synth_inline *test = &tree->item[first].test;
	uint32_t left = test->bits - 8 * off;
	struct node node = { .first = first, .point = test->exact || left >= WORD_BITS };

	node.low = word_of(test, off);
	node.high = node.point ? node.low : node.low | (~0ULL >> left);
	node.own = first;
	while (node.own < last) {
		const struct synth_inline *next = &tree->item[node.own].test;
		bool point = next->exact || next->bits - 8 * off >= WORD_BITS;

		if (point != node.point || word_of(next, off) != node.low)
			break;
		/* Addresses: 10.0.0.0/8 holds 10.0.0.0/16. */
		if (!point && next->bits != test->bits)
			break;
		node.own++;
	}
	node.last = node.own;
	while (node.last < last && word_of(&tree->item[node.last].test, off) <= node.high)
		node.last++;
	return node;
}

/* Candidates of items [first, last) with a rank below @bound. */
static void emit_candidates(const struct tree *tree, size_t first, size_t last, uint32_t bound)
{
	struct synth_candidate *candidate = calloc(last - first + 1, sizeof(*candidate));
	size_t n = 0;

	if (!candidate) {
		synth_fail(tree->synth, -ENOMEM);
		return;
	}
	for (size_t i = first; i < last; i++)
		if (tree->item[i].candidate.rank < bound)
			candidate[n++] = tree->item[i].candidate;
	synth_lowest(tree->synth, tree->list, candidate, n);
	free(candidate);
}

static bool any_below(const struct tree *tree, size_t first, size_t last, uint32_t bound)
{
	for (size_t i = first; i < last; i++)
		if (tree->item[i].candidate.rank < bound)
			return true;
	return false;
}

/* The lowest rank that is certain once items [first, last) match, or @bound. */
static uint32_t certain_rank(const struct tree *tree, size_t first, size_t last, uint32_t bound)
{
	for (size_t i = first; i < last; i++) {
		const struct synth_candidate *c = &tree->item[i].candidate;

		if ((!c->expr || c->expr->kind == IR_TRUE) && c->rank < bound)
			bound = c->rank;
	}
	return bound;
}

static void emit_word(const struct tree *tree, size_t first, size_t last, uint32_t off,
		      uint32_t bound);

/* The length of the field in r1. Only asked of what begins with the string. */
static void load_length(const struct tree *tree)
{
	struct code *code = &tree->synth->code;

	if (tree->field < L7FP_FIELD_SLOT) {
		code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE,
			  synth_field_len_offset(tree->field));
		return;
	}
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_move_imm(code, BPF_REG_2, (int32_t)tree->field);
	code_call(code, SYNTH_FIELD_LEN);
	code_move_reg(code, BPF_REG_1, BPF_REG_0);
}

/* The word at @off in r1, as a big-endian number. */
static void load_word(const struct tree *tree, uint32_t off)
{
	struct code *code = &tree->synth->code;
	uint8_t base = BPF_REG_1;
	int16_t start = 0;

	if (tree->field >= KEY_SOURCE_IP) {
		code_load(code, BPF_DW, BPF_REG_1, REG_STACK, STACK_CONNECTION);
		start = synth_address_offset(tree->field);
	} else if (tree->field >= L7FP_FIELD_SLOT) {
		code_load(code, BPF_DW, BPF_REG_1, REG_STACK, tree->stack);
	} else {
		base = REG_EXCHANGE;
		start = synth_field_offset(tree->field);
	}
	code_load(code, BPF_DW, BPF_REG_1, base, (int16_t)(start + (int16_t)off));
	code_to_big_endian(code, BPF_REG_1);
}

/* The word is that of @node: prefixes that end here, exact strings, then those that go on. */
static void emit_point(const struct tree *tree, const struct node *node, uint32_t off,
		       uint32_t bound)
{
	const struct synth_item *item = tree->item;
	struct code *code = &tree->synth->code;
	size_t prefixes = node->first, exact;

	while (prefixes < node->own && !item[prefixes].test.exact &&
	       item[prefixes].test.bits == 8 * (off + WORD))
		prefixes++;
	exact = prefixes;
	while (exact < node->own && item[exact].test.exact && item[exact].test.len <= off + WORD)
		exact++;

	emit_candidates(tree, node->first, prefixes, bound);
	bound = certain_rank(tree, node->first, prefixes, bound);
	if (any_below(tree, prefixes, exact, bound)) {
		code_label other = code_new_label(code);

		load_length(tree);
		code_jump32_imm(code, BPF_JNE, BPF_REG_1, (int32_t)item[prefixes].test.len, other);
		emit_candidates(tree, prefixes, exact, bound);
		code_place(code, other);
	}
	emit_word(tree, exact, node->own, off + WORD, bound);
}

static void emit_range(const struct tree *tree, const struct node *node, uint32_t off,
		       uint32_t bound)
{
	emit_candidates(tree, node->first, node->own, bound);
	bound = certain_rank(tree, node->first, node->own, bound);
	emit_word(tree, node->own, node->last, off, bound);
}

/* Goes on at @target when the word in r1 and @limit are so related. */
static void emit_compare(const struct tree *tree, uint8_t op, uint64_t limit, code_label target)
{
	code_move_imm64(&tree->synth->code, BPF_REG_2, limit);
	code_jump_reg(&tree->synth->code, op, BPF_REG_1, BPF_REG_2, target);
}

/* A binary search; the word in r1 is from @low to @high. */
struct search {
	uint64_t low, high;
	uint32_t off, bound;
	code_label end;		/* of a word that is in none of the nodes */
};

/*
 * Nothing is tested that the search has shown already: the verifier knows it
 * too, and what it takes for dead code it removes one instruction at a time, in
 * quadratic time.
 */
static void emit_node(const struct tree *tree, const struct node *node, struct search s)
{
	if (node->point) {
		if (s.low != s.high)
			emit_compare(tree, BPF_JNE, node->low, s.end);
		emit_point(tree, node, s.off, s.bound);
		return;
	}
	if (s.low < node->low)
		emit_compare(tree, BPF_JLT, node->low, s.end);
	if (s.high > node->high)
		emit_compare(tree, BPF_JGT, node->high, s.end);
	emit_range(tree, node, s.off, s.bound);
}

static void emit_search(const struct tree *tree, const struct node *node, size_t n,
			struct search s)
{
	struct code *code = &tree->synth->code;
	struct search left = s, right = s;
	uint64_t middle = node[n / 2].low;
	code_label label;

	if (n == 1) {
		emit_node(tree, node, s);
		return;
	}
	left.high = middle - 1;
	right.low = middle;
	label = code_new_label(code);
	emit_compare(tree, BPF_JGE, middle, label);
	emit_search(tree, node, n / 2, left);
	code_jump(code, s.end);
	code_place(code, label);
	emit_search(tree, node + n / 2, n - n / 2, right);
}

/* Items [first, last) agree on all bytes before @off, and are longer than that. */
static void emit_word(const struct tree *tree, size_t first, size_t last, uint32_t off,
		      uint32_t bound)
{
	struct code *code = &tree->synth->code;
	struct search search = { 0, UINT64_MAX, off, bound, 0 };
	struct node *node;
	size_t n = 0;

	if (code->err || !any_below(tree, first, last, bound))
		return;
	node = calloc(last - first, sizeof(*node));
	if (!node) {
		synth_fail(tree->synth, -ENOMEM);
		return;
	}
	while (first < last) {
		node[n] = node_at(tree, first, last, off);
		first = node[n].last;
		if (any_below(tree, node[n].first, node[n].last, bound))
			n++;
	}
	search.end = code_new_label(code);
	load_word(tree, off);
	emit_search(tree, node, n, search);
	code_place(code, search.end);
	free(node);
}

/* Asks for the beginning of a slot, as long as the longest string. */
static void emit_slot(struct tree *tree, size_t n)
{
	struct synth *synth = tree->synth;
	struct code *code = &synth->code;
	code_label absent = code_new_label(code);
	uint32_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (tree->item[i].test.len > len)
			len = tree->item[i].test.len;
	tree->stack = STACK_FIELD(synth->field_trees++);
	if (synth_headers_known(synth, tree->field))
		synth_header_branch(synth, tree->field, false, absent);
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_move_imm(code, BPF_REG_2, (int32_t)tree->field);
	code_move_imm(code, BPF_REG_3, (int32_t)((len + WORD - 1) / WORD * WORD));
	code_call(code, SYNTH_FIELD);
	code_jump_imm(code, BPF_JEQ, BPF_REG_0, 0, absent);
	code_store(code, REG_STACK, tree->stack, BPF_REG_0);
	emit_word(tree, 0, n, 0, UINT32_MAX);
	code_place(code, absent);
	synth->field_trees--;
}

void synth_tree(struct synth *synth, const struct synth_list *list, uint32_t field,
		struct synth_item *item, size_t n)
{
	struct tree tree = { synth, list, field, item, 0 };

	qsort(item, n, sizeof(*item), compare_items);
	if (field >= L7FP_FIELD_SLOT && field < KEY_SOURCE_IP)
		emit_slot(&tree, n);
	else
		emit_word(&tree, 0, n, 0, UINT32_MAX);
}
