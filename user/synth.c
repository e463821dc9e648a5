// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of the request op: virtual hosts, matches, route, authorization.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../kmod/codec.h"
#include "../kmod/context.h"
#include "synth_generate.h"

/*
 * From here on a policy is large. A quarter of the branches that may be
 * pending, since there is more than one word in a string.
 */
#define LARGE_POLICY	2048	/* tests */

#define RULE_NONE	UINT32_MAX	/* a route, not a rule, needs the slow path */

const char *const synth_kfunc_name[__SYNTH_KFUNC_MAX] = {
	[SYNTH_ROUTE] = "l7fp_route",
	[SYNTH_DENY] = "l7fp_deny",
	[SYNTH_ALLOW] = "l7fp_allow",
	[SYNTH_NO_ROUTE] = "l7fp_no_route",
	[SYNTH_SLOW_PATH] = "l7fp_slow_path",
	[SYNTH_FIELD_MATCH] = "l7fp_field_match",
	[SYNTH_FIELD] = "l7fp_field",
	[SYNTH_FIELD_LEN] = "l7fp_field_len",
	[SYNTH_HPACK_DECODE] = "l7fp_hpack_decode",
	[SYNTH_CONNECT_MATCH] = "l7fp_connect_match",
	[SYNTH_CONNECT_RULE] = "l7fp_connect_rule",
};

/* What has to be known of all conditions before the first is compiled. */
struct survey {
	size_t tests;
	bool connection;	/* one of them looks at the connection */
};

static void survey_expr(const struct ir_expr *e, struct survey *survey)
{
	survey->tests++;
	if (!e)
		return;
	if (e->kind == IR_SOURCE_IP || e->kind == IR_DESTINATION_IP ||
	    e->kind == IR_SOURCE_PORT || e->kind == IR_DESTINATION_PORT || e->kind == IR_INBOUND)
		survey->connection = true;
	for (size_t i = 0; i < e->n_children; i++)
		survey_expr(e->child[i], survey);
}

static struct survey survey_policy(const struct ir *ir)
{
	struct survey survey = { 0 };

	for (size_t i = 0; i < ir->n_virtual_hosts; i++) {
		const struct ir_virtual_host *host = &ir->virtual_host[i];

		survey_expr(host->expr, &survey);
		for (size_t j = 0; j < host->n_matches; j++)
			survey_expr(host->match[j].expr, &survey);
	}
	for (size_t i = 0; i < ir->n_authorization; i++)
		for (size_t j = 0; j < ir->authorization[i].n_rules; j++)
			survey_expr(ir->authorization[i].rule[j].expr, &survey);
	return survey;
}

/* @expr certainly true: on to @tail; not certainly false: the slow path. */
static void add_condition(struct synth *synth, struct synth_list *list, const struct ir_expr *expr,
			  code_label tail, uint32_t value)
{
	if (!expr || !ir_expr_has_unknown(expr)) {
		synth_list_add(synth, list, expr, tail, value);
		return;
	}
	synth_list_add(synth, list, ir_expr_must(synth->scratch, expr), tail, value);
	synth_list_add(synth, list, ir_expr_may(synth->scratch, expr), synth->slow_path,
		       RULE_NONE);
}

static void virtual_host(struct synth *synth, const struct ir_virtual_host *host)
{
	struct code *code = &synth->code;
	struct synth_headers headers = { 0 };
	struct synth_list list = { 0 };

	for (size_t i = 0; i < host->n_matches; i++) {
		synth_headers_count(synth, host->match[i].expr, &headers);
		add_condition(synth, &list, host->match[i].expr, synth->route,
			      host->match[i].route);
	}
	synth_headers_begin(synth, &headers);
	synth_first_match(synth, &list);
	synth_headers_end(synth);
	synth_list_free(&list);
	if (host->fallback < 0) {
		code_jump(code, synth->no_route);
		return;
	}
	code_move32_imm(code, BPF_REG_2, (uint32_t)host->fallback);
	code_jump(code, synth->route);
}

static void virtual_hosts(struct synth *synth)
{
	const struct ir *ir = synth->ir;
	struct code *code = &synth->code;
	code_label *label = calloc(ir->n_virtual_hosts + 1, sizeof(*label));
	struct synth_list list = { 0 };

	if (!label) {
		synth_fail(synth, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < ir->n_virtual_hosts; i++) {
		label[i] = code_new_label(code);
		add_condition(synth, &list, ir->virtual_host[i].expr, label[i], 0);
	}
	synth_first_match(synth, &list);
	synth_list_free(&list);
	code_jump(code, synth->no_route);
	for (size_t i = 0; i < ir->n_virtual_hosts && !code->err; i++) {
		code_place(code, label[i]);
		virtual_host(synth, &ir->virtual_host[i]);
	}
	free(label);
}

/* r2 holds what the kfunc takes beside the exchange; its verdict is the program's. */
static void final_call(struct synth *synth, code_label label, enum synth_kfunc kfunc)
{
	code_place(&synth->code, label);
	code_move_reg(&synth->code, BPF_REG_1, REG_EXCHANGE);
	code_call(&synth->code, kfunc);
	code_jump(&synth->code, synth->exit);
}

static void program(struct synth *synth)
{
	struct survey survey = survey_policy(synth->ir);
	struct code *code = &synth->code;

	synth->large = survey.tests > LARGE_POLICY;
	synth->route = code_new_label(code);
	synth->deny = code_new_label(code);
	synth->slow_path = code_new_label(code);
	synth->no_route = code_new_label(code);
	synth->forward = code_new_label(code);
	synth->error = code_new_label(code);
	synth->exit = code_new_label(code);

	code_load(code, BPF_DW, REG_EXCHANGE, BPF_REG_1, 0);
	if (survey.connection) {
		code_load(code, BPF_DW, BPF_REG_1, REG_EXCHANGE,
			  (int16_t)offsetof(struct l7fp_exchange, conn));
		code_store(code, REG_STACK, STACK_CONNECTION, BPF_REG_1);
	}
	virtual_hosts(synth);

	code_place(code, synth->route);
	code_move_reg(code, BPF_REG_1, REG_EXCHANGE);
	code_call(code, SYNTH_ROUTE);
	code_jump32_imm(code, BPF_JNE, BPF_REG_0, L7FP_FORWARD, synth->exit);
	synth_authorize(synth);
	code_place(code, synth->forward);
	code_move_imm(code, BPF_REG_0, L7FP_FORWARD);
	code_jump(code, synth->exit);

	final_call(synth, synth->deny, SYNTH_DENY);
	final_call(synth, synth->slow_path, SYNTH_SLOW_PATH);
	final_call(synth, synth->no_route, SYNTH_NO_ROUTE);
	code_place(code, synth->error);
	code_move_imm(code, BPF_REG_0, L7FP_VERDICT_NONE);
	code_place(code, synth->exit);
	code_exit(code);
}

static const char *explain(int err)
{
	switch (err) {
	case -E2BIG:
		return "the policy is too large: it has more strings, longer ones, or needs more "
		       "instructions than one program may have; split it by host or shorten it";
	case -ENOMEM:
		return "out of memory while the program was made";
	case -EINVAL:
		return "two clusters have the same id, or a condition that cannot be decided was "
		       "left in the program; this is an error of l7fp-tool";
	default:
		return strerror(-err);
	}
}

static int connect_program(struct synth *synth, struct synth_program *out)
{
	const struct ir_authorization *a = &synth->ir->inbound.connect;
	struct survey survey = { 0 };
	struct synth_program connect;
	int err;

	if (!synth->ir->inbound.captured)
		return 0;
	for (size_t i = 0; i < a->n_rules; i++)
		survey_expr(a->rule[i].expr, &survey);
	synth->code = (struct code){ 0 };
	synth->field_trees = 0;
	synth->large = survey.tests > LARGE_POLICY;
	synth->connect = true;
	synth_connect(synth);
	err = code_finish(&synth->code, &connect);
	if (err)
		return err;
	out->connect = connect.insn;
	out->n_connect = connect.n;
	return 0;
}

int synthesize(const struct ir *ir, const uint32_t *cluster_id, struct synth_program *out,
	       struct tables *tables, char *error, size_t error_len)
{
	struct synth synth = { .ir = ir, .cluster_id = cluster_id, .tables = tables };
	int err;

	*out = (struct synth_program){ 0 };
	err = tables_init(tables, ir, cluster_id, error, error_len);
	if (err)
		return err;
	synth.scratch = ir_new();
	program(&synth);
	err = code_finish(&synth.code, out);
	if (!err)
		err = connect_program(&synth, out);
	ir_free(synth.scratch);
	if (err) {
		synth_program_free(out);
		tables_free(tables);
		snprintf(error, error_len, "%s", explain(err));
	}
	return err;
}
