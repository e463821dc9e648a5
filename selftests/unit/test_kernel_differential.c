// SPDX-License-Identifier: GPL-2.0-only
/*
 * The evaluator against the program in the kernel: random policies are put in
 * force, and the module is asked what they decide of random requests.
 *
 *	test_kernel_differential [POLICIES [SEED]]
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
#include "kernel.h"
#include "load.h"
#include "random_policy.h"
#include "synth.h"

#define POLICIES	12
#define REQUESTS	120
#define SEED		77
#define PIN_PATH	"/sys/fs/bpf/l7fp_differential"
#define MAX_DIFFERENCES	5
/* Replaced generations go when a grace period has passed; then there is room again. */
#define WAIT_STEP_US	50000
#define WAIT_STEPS	100

static struct netlink *nl;
static unsigned long cases, refused, verdicts[__L7FP_VERDICT_MAX], differences;
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

/* The kernel's choice among weighted clusters is random, so there is one. */
static void one_cluster_each(struct ir *ir)
{
	for (size_t i = 0; i < ir->n_routes; i++)
		if (ir->route[i].kind == L7FP_ROUTE_FORWARD)
			ir->route[i].n_clusters = 1;
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

static void show(uint64_t seed, const char *head, const struct ir_decision *d,
		 const struct kernel_explain *k)
{
	printf("# seed %llu\n# %.*s\n", (unsigned long long)seed, (int)strcspn(head, "\r"), head);
	for (const char *line = strchr(head, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
		printf("# %.*s\n", (int)strcspn(line + 1, "\r"), line + 1);
	printf("# evaluator: verdict %d reason %d status %u route %d rule %d path %s host %s location %s\n",
	       d->verdict, d->reason, d->status, d->route, d->rule, d->path, d->host, d->location);
	printf("# kernel: verdict %u reason %u status %u route %d rule %d path %s host %s location %s\n",
	       k->verdict, k->reason, k->status, (int)k->route, (int)k->rule, k->path, k->host,
	       k->location);
}

static int compare(struct random_policy *r, uint64_t seed)
{
	static struct kernel_explain answer;
	struct ir_decision decision;
	struct ir_request request;
	struct in6_addr source, destination;
	char *head;
	int err;

	random_request(r, &request);
	memcpy(&source, request.source_ip, sizeof(source));
	memcpy(&destination, request.destination_ip, sizeof(destination));
	head = request_head(&request);
	err = kernel_explain(nl, head, strlen(head), r->ir->path_mode, &source,
			     (uint16_t)request.source_port, &destination,
			     (uint16_t)request.destination_port, &answer, error, sizeof(error));
	if (err == -EINVAL) {
		/* The codec refuses it before a policy is asked. */
		refused++;
		err = 0;
	} else if (!err) {
		ir_evaluate(r->ir, &request, 0, &decision);
		cases++;
		if (answer.verdict < __L7FP_VERDICT_MAX)
			verdicts[answer.verdict]++;
		if (!same(r, &decision, &answer)) {
			differences++;
			show(seed, head, &decision, &answer);
		}
	}
	free(head);
	return err;
}

static int run_policy(uint64_t seed, uint64_t generation)
{
	struct random_policy r;
	int err;

	random_policy(&r, seed);
	one_cluster_each(r.ir);
	err = put_in_force(&r, generation);
	for (int i = 0; i < REQUESTS && !err && differences < MAX_DIFFERENCES; i++)
		err = compare(&r, seed);
	if (err)
		printf("# seed %llu: %s\n", (unsigned long long)seed, error);
	random_policy_free(&r);
	return err;
}

static bool enough(enum l7fp_verdict verdict)
{
	return verdicts[verdict] * 20 >= cases;
}

int main(int argc, char **argv)
{
	unsigned long policies = argc > 1 ? strtoul(argv[1], NULL, 0) : POLICIES;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	int err;

	ktap_begin(2);
	if (!getenv("L7FP_TEST_NETNS")) {
		ktap_result("kernel", "agreement # SKIP run selftests/test_differential.sh", NULL);
		ktap_result("kernel", "verdicts # SKIP run selftests/test_differential.sh", NULL);
		return ktap_end();
	}
	err = netlink_open(&nl, error, sizeof(error));
	if (err) {
		ktap_result("kernel", "the module answers", error);
		return ktap_end();
	}
	for (unsigned long i = 0; i < policies && !err && differences < MAX_DIFFERENCES; i++)
		err = run_policy(seed + i, i + 1);
	printf("# %lu cases, %lu refused before: forward %lu, respond %lu, slow path %lu\n", cases,
	       refused, verdicts[L7FP_FORWARD], verdicts[L7FP_RESPOND], verdicts[L7FP_SLOW_PATH]);
	if (policy_is_attached(PIN_PATH) && policy_detach(PIN_PATH, error, sizeof(error)))
		printf("# %s\n", error);
	netlink_close(nl);
	ktap_result("kernel", "the policy in the kernel agrees with the evaluator",
		    err || differences ? "see above" : NULL);
	ktap_result("kernel", "each verdict is at least 5% of the cases, refusals at most half",
		    enough(L7FP_FORWARD) && enough(L7FP_RESPOND) && enough(L7FP_SLOW_PATH) &&
		    refused < cases ? NULL : "see the figures above");
	return ktap_end();
}
