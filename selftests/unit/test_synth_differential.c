// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesized program against the evaluator: random policies, random
 * requests, and no difference allowed in verdict, reason, rule, route, cluster,
 * path or host.
 *
 *	test_synth_differential [POLICIES [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec_test.h"
#include "policy_mock.h"
#include "random_policy.h"
#include "synth.h"

#define POLICIES	1200
#define REQUESTS	25
#define SEED		20260701

/* A decision in the form that both sides have. */
struct outcome {
	uint32_t verdict, reason, status, route, rule, cluster;
	const char *path, *host;
};

static unsigned long cases, verdicts[__L7FP_VERDICT_MAX], long_programs;
static size_t most_steps;

static struct outcome of_evaluator(const struct random_policy *r, const struct ir_decision *d)
{
	struct outcome o = { d->verdict, d->reason, d->status, (uint32_t)d->route,
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

static struct outcome of_program(const struct mock *m, uint32_t verdict)
{
	struct outcome o = { verdict, m->reason, m->status, m->x.route, m->x.rule, ~0U, "", "" };

	if (verdict == L7FP_FORWARD) {
		o.cluster = m->x.cluster;
		o.path = m->path;
		o.host = m->host;
	}
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->verdict == b->verdict && a->reason == b->reason && a->status == b->status &&
	       a->route == b->route && a->rule == b->rule && a->cluster == b->cluster &&
	       !strcmp(a->path, b->path) && !strcmp(a->host, b->host);
}

static void show(const char *who, const struct outcome *o)
{
	printf("# %s: verdict %u reason %u status %u route %d rule %d cluster %d path %s host %s\n",
	       who, o->verdict, o->reason, o->status, (int)o->route, (int)o->rule,
	       (int)o->cluster, o->path, o->host);
}

static bool compare(struct random_policy *r, const struct synth_program *program,
		    const struct tables *tables, uint64_t seed)
{
	struct ir_decision decision;
	struct outcome wanted, got;
	struct ir_request request;
	const char *wrong = NULL;
	uint32_t pick;
	struct mock mock;
	bool ok;

	random_request(r, &request);
	pick = random_below(r, UINT32_MAX);
	ir_evaluate(r->ir, &request, pick, &decision);
	if (!mock_init(&mock, &request, r->ir->path_mode, tables, pick)) {
		ok = decision.verdict == L7FP_RESPOND && decision.status == 400;
		mock_free(&mock);
		return ok;
	}
	got = of_program(&mock, mock_run(&mock, program, &wrong));
	wanted = of_evaluator(r, &decision);
	cases++;
	if (wanted.verdict < __L7FP_VERDICT_MAX)
		verdicts[wanted.verdict]++;
	if (mock.machine.steps > most_steps)
		most_steps = mock.machine.steps;
	ok = !wrong && same(&wanted, &got);
	if (!ok) {
		printf("# seed %llu: %s %s, Host %s: %s\n", (unsigned long long)seed,
		       request.method, request.target, request.host ? request.host : "none", wrong ? wrong : "differs");
		show("evaluator", &wanted);
		show("program", &got);
	}
	mock_free(&mock);
	return ok;
}

static bool run_policy(uint64_t seed)
{
	struct synth_program program;
	struct random_policy r;
	struct tables tables;
	char error[512];
	bool ok = true;
	int err;

	random_policy(&r, seed);
	err = synthesize(r.ir, r.cluster_id, &program, &tables, error, sizeof(error));
	if (err) {
		printf("# seed %llu: synthesize: %d %s\n", (unsigned long long)seed, err, error);
		random_policy_free(&r);
		return false;
	}
	long_programs += program.n > INT16_MAX;
	for (int i = 0; i < REQUESTS && ok; i++)
		ok = compare(&r, &program, &tables, seed);
	synth_program_free(&program);
	tables_free(&tables);
	random_policy_free(&r);
	return ok;
}

int main(int argc, char **argv)
{
	unsigned long policies = argc > 1 ? strtoul(argv[1], NULL, 0) : POLICIES;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	unsigned long failed = 0;

	ktap_begin(2);
	printf("# seed %llu, %lu policies\n", (unsigned long long)seed, policies);
	for (unsigned long i = 0; i < policies && failed < 5; i++)
		failed += !run_policy(seed + i);
	printf("# %lu cases: forward %lu, respond %lu, slow path %lu; %lu programs with long jumps; at most %zu instructions run\n",
	       cases, verdicts[L7FP_FORWARD], verdicts[L7FP_RESPOND], verdicts[L7FP_SLOW_PATH],
	       long_programs, most_steps);
	ktap_result("synth", "program and evaluator agree", failed ? "see above" : NULL);
	ktap_result("synth", "each verdict is at least 5% of the cases",
		    verdicts[L7FP_FORWARD] * 20 < cases || verdicts[L7FP_RESPOND] * 20 < cases ||
		    verdicts[L7FP_SLOW_PATH] * 20 < cases ? "see the figures above" : NULL);
	return ktap_end();
}
