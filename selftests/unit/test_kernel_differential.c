// SPDX-License-Identifier: GPL-2.0-only
/*
 * The evaluator against the program in the kernel: random policies are put in
 * force, and the module is asked what they decide of random requests. Options
 * are in differential.h.
 *
 * Needs the module, and a network namespace of its own in which it makes
 * clusters and generations; selftests/test_differential.sh sees to both, and
 * says so with L7FP_TEST_NETNS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codec_test.h"
#include "differential.h"
#include "kernel.h"
#include "load.h"
#include "synth.h"

#define CASES		1440
#define REQUESTS	60
#define SEED		100
#define PIN_PATH	"/sys/fs/bpf/l7fp_differential"
/* Replaced generations go when a grace period has passed; then there is room again. */
#define WAIT_STEP_US	50000
#define WAIT_STEPS	100

static struct netlink *nl;
static uint64_t last_generation;
static char error[ERROR_LEN];

static int make_clusters(const struct random_policy *r)
{
	int err = 0;

	for (size_t i = 0; i < r->ir->n_clusters && !err; i++) {
		struct kernel_cluster cluster = { .id = r->cluster_id[i] };

		snprintf(cluster.name, sizeof(cluster.name), "cluster %u", cluster.id);
		err = kernel_cluster_new(nl, &cluster, error, sizeof(error));
	}
	return err;
}

static int push(uint64_t generation, const struct tables *tables, int map_fd)
{
	int err = -ENOSPC;

	for (int i = 0; i < WAIT_STEPS && err; i++) {
		if (i)
			usleep(WAIT_STEP_US);
		err = kernel_generation_new(nl, generation, error, sizeof(error));
	}
	if (!err)
		err = kernel_generation_add(nl, generation, tables, error, sizeof(error));
	if (!err)
		err = kernel_generation_prepare(nl, generation, map_fd, error, sizeof(error));
	return err;
}

static int put_in_force(const struct random_policy *r, uint64_t generation)
{
	struct synth_program program;
	struct loaded_policy loaded;
	struct tables tables;
	int err;

	err = make_clusters(r);
	if (!err)
		err = synthesize(r->ir, r->cluster_id, &program, &tables, error, sizeof(error));
	if (err)
		return err;
	err = policy_load(&program, generation, "differential", &loaded, NULL, error,
			  sizeof(error));
	if (!err) {
		err = push(generation, &tables, loaded.map_fd);
		if (!err)
			err = policy_is_attached(PIN_PATH) ?
			      policy_replace(&loaded, PIN_PATH, error, sizeof(error)) :
			      policy_attach(&loaded, PIN_PATH, error, sizeof(error));
		policy_close(&loaded);
	}
	synth_program_free(&program);
	tables_free(&tables);
	return err;
}

/* The request as it would come over the wire. */
static char *request_head(const struct ir_request *q)
{
	char *head = NULL;
	size_t len;
	FILE *f = open_memstream(&head, &len);

	fprintf(f, "%s %s HTTP/1.%d\r\n", q->method, q->target, q->host ? 1 : 0);
	if (q->host)
		fprintf(f, "Host: %s\r\n", q->host);
	for (size_t i = 0; i < q->n_headers; i++)
		fprintf(f, "%s: %s\r\n", q->header[i].name, q->header[i].value);
	fputs("\r\n", f);
	fclose(f);
	return head;
}

static bool same(const struct random_policy *r, const struct ir_decision *d,
		 const struct kernel_explain *k)
{
	if (k->verdict != d->verdict || k->route != (uint32_t)d->route ||
	    k->rule != (uint32_t)d->rule)
		return false;
	switch (d->verdict) {
	case L7FP_FORWARD:
		return k->cluster == r->cluster_id[d->cluster] && !strcmp(k->path, d->path) &&
		       !strcmp(k->host, d->host);
	case L7FP_RESPOND:
		return k->status == d->status && k->reason == d->reason &&
		       !strcmp(k->location, d->location);
	default:
		return true;
	}
}

static void show(const struct ir_decision *d, const struct kernel_explain *k)
{
	printf("# evaluator: verdict %d reason %d status %u route %d rule %d path %s host %s location %s\n",
	       d->verdict, d->reason, d->status, d->route, d->rule, d->path, d->host, d->location);
	printf("# kernel: verdict %u reason %u status %u route %d rule %d path %s host %s location %s\n",
	       k->verdict, k->reason, k->status, (int)k->route, (int)k->rule, k->path, k->host,
	       k->location);
}

/*
 * The kernel chooses among weighted clusters with a random number of its own:
 * its answer must be the one for one of them. @decision: that one, or the last.
 */
static bool any_same(const struct random_policy *r, const struct ir_request *q,
		     const struct kernel_explain *answer, struct ir_decision *decision)
{
	const struct ir_route *route;
	uint64_t total = 0, begin = 0;

	ir_evaluate(r->ir, q, 0, decision);
	if (same(r, decision, answer))
		return true;
	if (decision->route < 0)
		return false;
	route = &r->ir->route[decision->route];
	for (size_t i = 0; i < route->n_clusters; i++)
		total += route->cluster[i].weight;
	for (size_t i = 0; i < route->n_clusters; begin += route->cluster[i++].weight) {
		if (!route->cluster[i].weight)
			continue;
		/* The least number whose point is @begin. */
		ir_evaluate(r->ir, q, (uint32_t)(((begin << 32) + total - 1) / total), decision);
		if (same(r, decision, answer))
			return true;
	}
	return false;
}

static enum differential_result ask(struct random_policy *r, const struct ir_request *q,
				    uint32_t pick, struct outcomes *outcomes, bool print)
{
	static struct kernel_explain answer;
	static struct ir_decision decision;
	struct in6_addr source, destination;
	char *head;
	bool ok;
	int err;

	(void)pick;
	memcpy(&source, q->source_ip, sizeof(source));
	memcpy(&destination, q->destination_ip, sizeof(destination));
	head = request_head(q);
	err = kernel_explain(nl, head, strlen(head), r->ir->path_mode, &source,
			     (uint16_t)q->source_port, &destination,
			     (uint16_t)q->destination_port, q->inbound, &answer, error,
			     sizeof(error));
	free(head);
	/* The codec refuses it before a policy is asked. */
	if (err == -EINVAL)
		return DIFFERENTIAL_REFUSED;
	if (err) {
		printf("# %s\n", error);
		return DIFFERENTIAL_ERROR;
	}
	ok = any_same(r, q, &answer, &decision);
	if (outcomes)
		outcome_count(outcomes, r->ir, &decision);
	if (!ok && print)
		show(&decision, &answer);
	return ok ? DIFFERENTIAL_AGREES : DIFFERENTIAL_DIFFERS;
}

static int policy(struct random_policy *r)
{
	int err = put_in_force(r, ++last_generation);

	if (err)
		printf("# %s\n", error);
	return err;
}

int main(int argc, char **argv)
{
	const struct differential d = { CASES, REQUESTS, SEED, policy, ask };
	const char *wrong, *rare;
	int err;

	ktap_begin(2);
	if (!getenv("L7FP_TEST_NETNS")) {
		ktap_result("kernel", "agreement # SKIP run selftests/test_differential.sh", NULL);
		ktap_result("kernel", "outcomes # SKIP run selftests/test_differential.sh", NULL);
		return ktap_end();
	}
	err = netlink_open(&nl, error, sizeof(error));
	if (err) {
		ktap_result("kernel", "the module answers", error);
		return ktap_end();
	}
	wrong = differential_run(&d, argc, argv, &rare);
	if (policy_is_attached(PIN_PATH) && policy_detach(PIN_PATH, error, sizeof(error)))
		printf("# %s\n", error);
	netlink_close(nl);
	ktap_result("kernel", "the policy in the kernel agrees with the evaluator", wrong);
	ktap_result("kernel", "each outcome is at least 5% of the cases, refusals at most half",
		    rare);
	return ktap_end();
}
