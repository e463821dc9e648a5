// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's verifier and what the synthesizer writes: policies load, nothing
 * in them is dead code (the verifier takes that out one instruction at a time),
 * and what it walks through grows with the program and no faster.
 *
 * Needs the module; selftests/test_verifier.sh runs this in the virtual machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "codec_test.h"
#include "load.h"
#include "random_policy.h"
#include "synth.h"

#define RANDOM_POLICIES	8
#define RANDOM_SEED	31
#define CONDITIONS	1000
#define CONDITIONS_MOST	9000	/* more than the branches that may be pending (8192) */

/* Instructions that the verifier may process: one path after a branch is walked twice. */
static uint32_t most_verified(size_t insns)
{
	return (uint32_t)(3 * insns + 200);
}

/* "skip" when there is no module to ask. */
static const char *load_policy(const struct ir *ir, const uint32_t *cluster_id, const char *name)
{
	static char error[512];
	struct bpf_prog_info info = { 0 };
	struct synth_program program;
	struct loaded_policy loaded;
	uint32_t len = sizeof(info);
	const char *wrong = NULL;
	struct tables tables;
	char *log = NULL;
	int err;

	if (synthesize(ir, cluster_id, &program, &tables, error, sizeof(error)))
		return error;
	err = policy_load(&program, 1, "test", &loaded, &log, error, sizeof(error));
	if (err == -ENOENT || err == -EPERM) {
		wrong = "skip";
	} else if (err) {
		if (log && strlen(log) > 2000)
			printf("# %s\n", log + strlen(log) - 2000);
		wrong = error;
	} else {
		bpf_obj_get_info_by_fd(loaded.prog_fd, &info, &len);
		printf("# %s: %zu instructions, %u processed\n", name, program.n,
		       loaded.verified_insns);
		if (loaded.verified_insns > most_verified(program.n))
			wrong = "the verifier walks too much of it";
		else if (info.xlated_prog_len / sizeof(struct bpf_insn) != program.n)
			wrong = "the verifier found dead code";
		policy_close(&loaded);
	}
	free(log);
	synth_program_free(&program);
	tables_free(&tables);
	return wrong;
}

/* One route, one cluster with one ALLOW rule, @n matches without a condition yet. */
static struct ir *new_policy(size_t n, struct ir_authorization_rule *rule)
{
	struct ir *ir = ir_new();

	ir->path_mode = 1;
	ir->n_clusters = 1;
	ir->cluster = ir_alloc(ir, sizeof(*ir->cluster));
	ir->cluster->n_authorization = 1;
	ir->cluster->authorization = ir_alloc(ir, sizeof(uint32_t));
	ir->n_authorization = 1;
	ir->authorization = ir_alloc(ir, sizeof(*ir->authorization));
	*rule = (struct ir_authorization_rule){ .action = IR_ALLOW };
	*ir->authorization = (struct ir_authorization){ true, 1, rule };
	ir->n_rules = 1;
	ir->rule = ir_alloc(ir, sizeof(*ir->rule));
	ir->n_routes = 1;
	ir->route = ir_alloc(ir, sizeof(*ir->route));
	ir->route->n_clusters = 1;
	ir->route->cluster = ir_alloc(ir, sizeof(*ir->route->cluster));
	ir->route->cluster->weight = 1;
	ir->n_virtual_hosts = 1;
	ir->virtual_host = ir_alloc(ir, (n + 1) * sizeof(*ir->virtual_host));
	ir->virtual_host->match = ir_alloc(ir, n * sizeof(*ir->virtual_host->match));
	return ir;
}

static struct ir_expr *address(struct ir *ir, uint32_t i)
{
	struct ir_expr *e = ir_alloc(ir, sizeof(*e));

	e->kind = IR_SOURCE_IP;
	e->prefix = 120;
	e->addr[2] = 0xffff0000;
	e->addr[3] = i << 8;
	return e;
}

/* Condition number @i of a shape. */
static struct ir_expr *condition(struct ir *ir, const char *shape, uint32_t i)
{
	uint32_t slot = L7FP_FIELD_SLOT + (uint32_t)ir_slot(ir, L7FP_SLOT_HEADER, "x-user");
	struct ir_expr *e, *part[2];
	char text[64];

	if (!strcmp(shape, "addresses"))
		return address(ir, i);
	if (!strcmp(shape, "hosts")) {
		/* Words whose numbers follow each other. */
		snprintf(text, sizeof(text), "svc-%u.ns.svc.cluster.local", i);
		return ir_string(ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT, text);
	}
	snprintf(text, sizeof(text), "user-%u", i);
	/* No tree takes these. */
	if (!strcmp(shape, "headers in any case"))
		return ir_string(ir, slot, L7FP_MATCH_EXACT | L7FP_MATCH_IGNORE_CASE, text);
	e = ir_string(ir, slot, L7FP_MATCH_EXACT, text);
	if (!strcmp(shape, "headers"))
		return e;
	snprintf(text, sizeof(text), "/api/v%u/service-%u", i % 7, i * 7919 % 100003);
	part[0] = ir_string(ir, L7FP_FIELD_PATH, i % 2 ? L7FP_MATCH_PREFIX : L7FP_MATCH_EXACT,
			    text);
	part[1] = e;
	if (!strcmp(shape, "paths"))
		return part[0];
	e = ir_and(ir, part, 2);
	return i % 3 ? e : ir_not(ir, e);
}

static const char *load_shape(const char *shape, uint32_t n)
{
	struct ir_expr **child = calloc(n, sizeof(*child));
	struct ir_authorization_rule rule;
	struct ir *ir = new_policy(n, &rule);
	static const uint32_t cluster_id[] = { 1 };
	const char *wrong;

	rule.expr = ir_true(ir);
	for (uint32_t i = 0; i < n; i++)
		child[i] = condition(ir, shape, i);
	if (!strcmp(shape, "addresses")) {
		rule.expr = ir_or(ir, child, n);
	} else if (!strcmp(shape, "hosts")) {
		ir->n_virtual_hosts = n;
		for (uint32_t i = 0; i < n; i++)
			ir->virtual_host[i].expr = child[i];
	} else {
		ir->virtual_host->n_matches = n;
		for (uint32_t i = 0; i < n; i++)
			ir->virtual_host->match[i].expr = child[i];
	}
	wrong = load_policy(ir, cluster_id, shape);
	ir_free(ir);
	free(child);
	return wrong;
}

static const char *load_random(void)
{
	const char *wrong = NULL;

	for (uint64_t i = 0; i < RANDOM_POLICIES && !wrong; i++) {
		struct random_policy r;

		random_policy(&r, RANDOM_SEED + i);
		wrong = load_policy(r.ir, r.cluster_id, "random");
		random_policy_free(&r);
	}
	return wrong;
}

static void result(const char *name, const char *wrong)
{
	char line[128];
	bool skip = wrong && !strcmp(wrong, "skip");

	snprintf(line, sizeof(line), "%s%s", name, skip ? " # SKIP the module is not loaded" : "");
	ktap_result("verifier", line, skip ? NULL : wrong);
}

int main(void)
{
	static const struct {
		const char *shape;
		uint32_t n;
	} shape[] = {
		{ "paths", CONDITIONS },	{ "paths and headers", CONDITIONS },
		{ "headers", CONDITIONS_MOST }, { "addresses", CONDITIONS_MOST },
		{ "hosts", CONDITIONS_MOST },	{ "headers in any case", CONDITIONS_MOST },
	};
	const size_t n = sizeof(shape) / sizeof(shape[0]);
	char name[64];

	ktap_begin((unsigned int)n + 1);
	result("random policies", load_random());
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%u %s", shape[i].n, shape[i].shape);
		result(name, load_shape(shape[i].shape, shape[i].n));
	}
	return ktap_end();
}
