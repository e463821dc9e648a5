// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesized program against the evaluator: random policies, random
 * requests, and no difference allowed in verdict, reason, rule, route, cluster,
 * path or host. Options are in differential.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec_test.h"
#include "differential.h"
#include "policy_mock.h"
#include "synth.h"

#define CASES		30000
#define REQUESTS	25
#define SEED		20260701

/* A decision in the form that both sides have. */
struct answer {
	uint32_t verdict, reason, status, route, rule, cluster;
	const char *path, *host;
};

static struct synth_program program;
static struct tables tables;
static unsigned long long_programs;
static size_t most_steps;

static struct answer of_evaluator(const struct random_policy *r, const struct ir_decision *d)
{
	struct answer o = { d->verdict, d->reason, d->status, (uint32_t)d->route,
			    (uint32_t)d->rule, ~0U, "", "" };

	if (d->verdict == L7FP_FORWARD) {
		o.cluster = r->cluster_id[d->cluster];
		o.path = d->path;
		o.host = d->host;
	}
	if (d->verdict == L7FP_SLOW_PATH)
		o.reason = o.status = 0;
	return o;
}

static struct answer of_program(const struct mock *m, uint32_t verdict)
{
	struct answer o = { verdict, m->reason, m->status, m->x.route, m->x.rule, ~0U, "", "" };

	if (verdict == L7FP_FORWARD) {
		o.cluster = m->x.cluster;
		o.path = m->path;
		o.host = m->host;
	}
	return o;
}

static bool same(const struct answer *a, const struct answer *b)
{
	return a->verdict == b->verdict && a->reason == b->reason && a->status == b->status &&
	       a->route == b->route && a->rule == b->rule && a->cluster == b->cluster &&
	       !strcmp(a->path, b->path) && !strcmp(a->host, b->host);
}

static void show(const char *who, const struct answer *o)
{
	printf("# %s: verdict %u reason %u status %u route %d rule %d cluster %d path %s host %s\n",
	       who, o->verdict, o->reason, o->status, (int)o->route, (int)o->rule,
	       (int)o->cluster, o->path, o->host);
}

/* The connect op lets in what is HTTP, whose requests are judged, and judges bytes itself. */
static bool same_connection(struct random_policy *r, const struct ir_request *q, bool print)
{
	struct ir_request inbound = *q;
	static struct ir_decision decision;
	const char *wrong = NULL;
	uint32_t refused, http;
	struct mock mock;
	bool ok;

	inbound.inbound = true;
	ir_evaluate_connection(r->ir, &inbound, &decision);
	if (!mock_init(&mock, &inbound, r->ir->path_mode, &tables, 0)) {
		mock_free(&mock);
		return true;
	}
	http = mock_run_connect(&mock, &program, L7FP_PROTOCOL_HTTP, &wrong);
	ok = !wrong && !http && mock.x.rule == ~0U;
	refused = mock_run_connect(&mock, &program, L7FP_PROTOCOL_OPAQUE, &wrong);
	ok &= !wrong && refused == (decision.verdict != L7FP_FORWARD);
	/* Of what is not known for certain either end may name the rule. */
	if (decision.verdict == L7FP_FORWARD)
		ok &= mock.x.rule == (uint32_t)decision.rule;
	if (!ok && print)
		printf("# connection: %s; evaluator: verdict %d rule %d, program: %u rule %d\n",
		       wrong ? wrong : "differs", decision.verdict, decision.rule, refused,
		       (int)mock.x.rule);
	mock_free(&mock);
	return ok;
}

static enum differential_result ask(struct random_policy *r, const struct ir_request *q,
				    uint32_t pick, struct outcomes *outcomes, bool print)
{
	static struct ir_decision decision;
	struct answer wanted, got;
	const char *wrong = NULL;
	struct mock mock;
	bool ok;

	ir_evaluate(r->ir, q, pick, &decision);
	if (!mock_init(&mock, q, r->ir->path_mode, &tables, pick)) {
		ok = decision.verdict == L7FP_RESPOND && decision.status == 400;
		mock_free(&mock);
		return ok ? DIFFERENTIAL_REFUSED : DIFFERENTIAL_DIFFERS;
	}
	got = of_program(&mock, mock_run(&mock, &program, &wrong));
	wanted = of_evaluator(r, &decision);
	if (outcomes)
		outcome_count(outcomes, r->ir, &decision);
	if (mock.machine.steps > most_steps)
		most_steps = mock.machine.steps;
	ok = !wrong && same(&wanted, &got);
	if (!ok && print) {
		printf("# %s\n", wrong ? wrong : "they differ:");
		show("evaluator", &wanted);
		show("program", &got);
	}
	mock_free(&mock);
	ok = ok && same_connection(r, q, print);
	return ok ? DIFFERENTIAL_AGREES : DIFFERENTIAL_DIFFERS;
}

static int policy(struct random_policy *r)
{
	char error[512];
	int err;

	synth_program_free(&program);
	tables_free(&tables);
	err = synthesize(r->ir, r->cluster_id, &program, &tables, error, sizeof(error));
	if (err)
		printf("# synthesize: %d %s\n", err, error);
	long_programs += program.n > INT16_MAX;
	return err;
}

int main(int argc, char **argv)
{
	const struct differential d = { CASES, REQUESTS, SEED, policy, ask };
	const char *wrong, *rare;

	ktap_begin(2);
	wrong = differential_run(&d, argc, argv, &rare);
	printf("# %lu programs with long jumps; at most %zu instructions run\n", long_programs,
	       most_steps);
	ktap_result("synth", "program and evaluator agree", wrong);
	ktap_result("synth", "each outcome is at least 5% of the cases", rare);
	synth_program_free(&program);
	tables_free(&tables);
	return ktap_end();
}
