// SPDX-License-Identifier: GPL-2.0-only
/*
 * Authorization of the cluster that was chosen.
 *
 * Clusters with the same list of authorizations share code. With more than one
 * in the list, or with a rule that may be UNKNOWN, all certain denials are
 * looked for first, in all of them; only then what is not certain goes to the
 * slow path, and rules that allow are counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "synth_generate.h"

#define RULE_NONE	UINT32_MAX	/* no ALLOW rule matched */

/* Clusters with ids from @first to @last and one list of authorizations. */
struct cluster_range {
	uint32_t first, last;
	const struct ir_cluster *cluster;
	code_label label;
};

static bool same_authorization(const struct ir_cluster *a, const struct ir_cluster *b)
{
	return a->n_authorization == b->n_authorization &&
	       (!a->n_authorization ||
		!memcmp(a->authorization, b->authorization,
			a->n_authorization * sizeof(*a->authorization)));
}

/* ---- one authorization ---- */

static bool is_unknown(const struct ir_authorization_rule *rule)
{
	return rule->expr && ir_expr_has_unknown(rule->expr);
}

enum cut { CUT_MUST, CUT_MAY };

static const struct ir_expr *cut_expr(struct synth *synth, const struct ir_expr *e, enum cut cut)
{
	if (!e)
		return NULL;
	return cut == CUT_MUST ? ir_expr_must(synth->scratch, e) : ir_expr_may(synth->scratch, e);
}

/*
 * The rules of one action that must or may be true go on at @tail with their
 * number. A DENY rule that may be true is looked for only after those that must.
 */
static void find_rule(struct synth *synth, const struct ir_authorization *a, enum ir_action action,
		      enum cut cut, code_label tail)
{
	struct synth_list list = { 0 };

	for (size_t i = 0; i < a->n_rules; i++) {
		const struct ir_authorization_rule *rule = &a->rule[i];

		if (rule->action != action)
			continue;
		if (action == IR_DENY && cut == CUT_MAY && !is_unknown(rule))
			continue;
		synth_list_add(synth, &list, cut_expr(synth, rule->expr, cut), tail, rule->rule);
	}
	synth_first_match(synth, &list);
	synth_list_free(&list);
}

static void deny_none_matched(struct synth *synth)
{
	code_move32_imm(&synth->code, BPF_REG_2, RULE_NONE);
	code_jump(&synth->code, synth->deny);
}

/* Falls through when an ALLOW rule is certainly true, with that counted. */
static void require_allow(struct synth *synth, const struct ir_authorization *a, bool unknown)
{
	struct code *code = &synth->code;
	code_label allowed = code_new_label(code);

	find_rule(synth, a, IR_ALLOW, CUT_MUST, allowed);
	if (unknown) {
		find_rule(synth, a, IR_ALLOW, CUT_MAY, synth->slow_path);
		code_jump(code, synth->error);
	} else {
		deny_none_matched(synth);
	}
	code_place(code, allowed);
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_call(code, SYNTH_ALLOW);
}

static bool has_unknown(const struct ir_authorization *a)
{
	for (size_t i = 0; i < a->n_rules; i++)
		if (is_unknown(&a->rule[i]))
			return true;
	return false;
}

static void certain_denial(struct synth *synth, const struct ir_authorization *a)
{
	code_label next;

	find_rule(synth, a, IR_DENY, CUT_MUST, synth->deny);
	if (!a->has_allow)
		return;
	next = code_new_label(&synth->code);
	find_rule(synth, a, IR_ALLOW, CUT_MAY, next);
	deny_none_matched(synth);
	code_place(&synth->code, next);
}

static void authorize_cluster(struct synth *synth, const struct ir_cluster *cluster)
{
	const struct ir *ir = synth->ir;
	bool denials_first = cluster->n_authorization > 1 ||
			     has_unknown(&ir->authorization[cluster->authorization[0]]);

	for (size_t i = 0; i < cluster->n_authorization && denials_first; i++)
		certain_denial(synth, &ir->authorization[cluster->authorization[i]]);
	for (size_t i = 0; i < cluster->n_authorization; i++) {
		const struct ir_authorization *a = &ir->authorization[cluster->authorization[i]];

		if (denials_first)
			find_rule(synth, a, IR_DENY, CUT_MAY, synth->slow_path);
		else
			find_rule(synth, a, IR_DENY, CUT_MUST, synth->deny);
		if (a->has_allow)
			require_allow(synth, a, has_unknown(a));
	}
	code_jump(&synth->code, synth->forward);
}

/* ---- which cluster ---- */

static int compare_ranges(const void *a, const void *b)
{
	const struct cluster_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void mark_used(const struct ir *ir, bool *used)
{
	for (size_t i = 0; i < ir->n_routes; i++)
		for (size_t j = 0; j < ir->route[i].n_clusters; j++)
			used[ir->route[i].cluster[j].cluster] = true;
}

/*
 * The clusters that routes choose, sorted by id, neighbours with the same
 * authorization joined. Their number, or -EINVAL when one id stands for two.
 */
static int collect_ranges(const struct synth *synth, const bool *used, struct cluster_range *range)
{
	const struct ir *ir = synth->ir;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < ir->n_clusters; i++)
		if (used[i])
			range[n++] = (struct cluster_range){ synth->cluster_id[i],
							     synth->cluster_id[i],
							     &ir->cluster[i], 0 };
	qsort(range, n, sizeof(*range), compare_ranges);
	for (size_t i = 0; i < n; i++) {
		struct cluster_range *last = kept ? &range[kept - 1] : NULL;
		bool same = last && same_authorization(last->cluster, range[i].cluster);

		if (last && range[i].first == last->last && !same)
			return -EINVAL;
		if (same && range[i].first <= last->last + 1)
			last->last = range[i].first;
		else
			range[kept++] = range[i];
	}
	return (int)kept;
}

/*
 * r1 holds the cluster's id, which is from @low to @high. An id that no route
 * chooses is an error. As in a decision tree nothing is tested that is known.
 */
static void find_cluster(struct synth *synth, const struct cluster_range *range, size_t n,
			 uint32_t low, uint32_t high)
{
	struct code *code = &synth->code;
	uint32_t middle = range[n / 2].first;
	code_label right;

	if (n == 1) {
		if (low < range->first)
			code_jump32_imm(code, BPF_JLT, BPF_REG_1, (int32_t)range->first,
					synth->error);
		if (high > range->last)
			code_jump32_imm(code, BPF_JGT, BPF_REG_1, (int32_t)range->last,
					synth->error);
		code_jump(code, range->label);
		return;
	}
	right = code_new_label(code);
	code_jump32_imm(code, BPF_JGE, BPF_REG_1, (int32_t)middle, right);
	find_cluster(synth, range, n / 2, low, middle - 1);
	code_place(code, right);
	find_cluster(synth, range + n / 2, n - n / 2, middle, high);
}

static void authorize_ranges(struct synth *synth, struct cluster_range *range, size_t n)
{
	struct code *code = &synth->code;
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= range[i].cluster->n_authorization != 0;
	if (!any)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!range[i].cluster->n_authorization)
			range[i].label = synth->forward;
		for (size_t j = 0; j < i && !range[i].label; j++)
			if (same_authorization(range[i].cluster, range[j].cluster))
				range[i].label = range[j].label;
		if (!range[i].label)
			range[i].label = code_new_label(code);
	}
	code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE,
		  (int16_t)offsetof(struct l7fp_exchange, cluster));
	find_cluster(synth, range, n, 0, UINT32_MAX);
	for (size_t i = 0; i < n && !code->err; i++) {
		if (range[i].label == synth->forward || code->label[range[i].label] != SIZE_MAX)
			continue;
		code_place(code, range[i].label);
		authorize_cluster(synth, range[i].cluster);
	}
}

void synth_authorize(struct synth *synth)
{
	const struct ir *ir = synth->ir;
	struct cluster_range *range = calloc(ir->n_clusters + 1, sizeof(*range));
	bool *used = calloc(ir->n_clusters + 1, sizeof(*used));
	int n = -ENOMEM;

	if (range && used) {
		mark_used(ir, used);
		n = collect_ranges(synth, used, range);
	}
	if (n < 0)
		synth_fail(synth, n);
	else
		authorize_ranges(synth, range, (size_t)n);
	free(range);
	free(used);
}

/* ---- connections ---- */

/* Both ends of the connect op: the rule is in r2. */
static void connect_end(struct synth *synth, code_label label, int32_t result)
{
	struct code *code = &synth->code;

	code_place(code, label);
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_call(code, SYNTH_CONNECT_RULE);
	code_move_imm(code, BPF_REG_0, result);
	code_jump(code, synth->exit);
}

/* What may be denied is refused, and what may be allowed is not let in. */
void synth_connect(struct synth *synth)
{
	const struct ir_authorization *a = &synth->ir->inbound.connect;
	struct code *code = &synth->code;
	code_label pass = code_new_label(code), allowed = code_new_label(code);

	synth->deny = code_new_label(code);
	synth->exit = code_new_label(code);
	code_load(code, BPF_DW, REG_EXCHANGE, BPF_REG_1, 0);
	code_store(code, REG_STACK, STACK_CONNECTION, REG_EXCHANGE);
	code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE,
		  (int16_t)offsetof(struct l7fp_connection, protocol));
	code_jump32_imm(code, BPF_JNE, BPF_REG_1, L7FP_PROTOCOL_OPAQUE, pass);
	code_load(code, BPF_W, BPF_REG_1, REG_EXCHANGE,
		  (int16_t)offsetof(struct l7fp_connection, inbound));
	code_jump32_imm(code, BPF_JEQ, BPF_REG_1, 0, pass);

	find_rule(synth, a, IR_DENY, CUT_MUST, synth->deny);
	find_rule(synth, a, IR_DENY, CUT_MAY, synth->deny);
	if (a->has_allow) {
		find_rule(synth, a, IR_ALLOW, CUT_MUST, allowed);
		deny_none_matched(synth);
	}
	code_place(code, pass);
	code_move_imm(code, BPF_REG_0, 0);
	code_jump(code, synth->exit);
	if (a->has_allow)
		connect_end(synth, allowed, 0);
	connect_end(synth, synth->deny, 1);
	code_place(code, synth->exit);
	code_exit(code);
}
