// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large policies: the first match is that of the evaluator, and what a program
 * runs for a request does not grow with the rules. The policies and requests
 * are those of tools/bench/rules/policies, translated from YAML.
 *
 *	test_rule_scale [N...]
 *	test_rule_scale --kernel FOLDER
 *
 * The second form asks the module, in which the policies of FOLDER are in force.
 * What kfuncs cost is not in the figures; tools/bench/rules/run measures all of
 * it in the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec_test.h"
#include "kernel.h"
#include "policy_files.h"
#include "policy_mock.h"
#include "synth.h"

#define GENERATE	"tools/bench/rules/policies"
#define HOST		"reviews:9080"
#define POSITIONS	8
/*
 * Instructions more at the largest size than at the smallest: a list of ten is
 * short, one of 10,000 is sorted into trees, of which each takes one search.
 */
#define MAX_GROWTH	400
#define MAX_FIELDS	1024

struct measured {
	char name[32];
	size_t steps;
};

/* What is measured at one size. @nl: ask the kernel, not the program. */
struct scale {
	struct netlink *nl;
	const struct ir *ir;
	struct synth_program program;
	struct tables tables;
	size_t n_positions, compared, forwarded;
	struct measured position[POSITIONS];
	const char *wrong;
};

static void set_destination(struct ir_request *q, const struct ir *ir)
{
	q->destination_port = 9080;
	if (ir->n_captures)
		memcpy(q->destination_ip, &ir->capture[0].address, sizeof(q->destination_ip));
	q->source_ip[2] = 0xffff0000;
	q->source_ip[3] = 0x0100007f;
	q->source_port = 40000;
}

/* Instructions that it took; of the kernel's program they are not known. */
static size_t run_program(struct scale *s, const struct ir_request *q, struct kernel_explain *out)
{
	struct mock mock;
	size_t steps = 0;

	if (mock_init(&mock, q, s->ir->path_mode, &s->tables, 0)) {
		out->verdict = mock_run(&mock, &s->program, &s->wrong);
		out->status = mock.status;
		out->route = mock.x.route;
		out->rule = mock.x.rule;
		steps = mock.machine.steps;
	} else {
		s->wrong = "a request is refused";
	}
	mock_free(&mock);
	return steps;
}

static void ask_kernel(struct scale *s, const struct ir_request *q, struct kernel_explain *out)
{
	static char error[ERROR_LEN];
	struct in6_addr source, destination;
	char head[MAX_FIELDS + 64];
	int len;

	memcpy(&source, q->source_ip, sizeof(source));
	memcpy(&destination, q->destination_ip, sizeof(destination));
	len = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s%s\r\n", q->method,
		       q->target, q->host, q->n_headers ? q->header->name : "",
		       q->n_headers ? ": " : "", q->n_headers ? q->header->value : "",
		       q->n_headers ? "\r\n" : "");
	if (kernel_explain(s->nl, head, (size_t)len, s->ir->path_mode, &source,
			   (uint16_t)q->source_port, &destination, (uint16_t)q->destination_port,
			   false, out, error, sizeof(error)))
		s->wrong = error;
}

static void request(struct scale *s, const char *name, struct ir_request *q)
{
	static struct kernel_explain got;
	struct ir_decision d;
	size_t steps = 0;

	set_destination(q, s->ir);
	ir_evaluate(s->ir, q, 0, &d);
	if (s->nl)
		ask_kernel(s, q, &got);
	else
		steps = run_program(s, q, &got);
	if (s->wrong)
		return;
	s->compared++;
	s->forwarded += d.verdict == L7FP_FORWARD;
	if (got.verdict != d.verdict || got.route != (uint32_t)d.route ||
	    got.rule != (uint32_t)d.rule ||
	    (d.verdict == L7FP_RESPOND && got.status != d.status)) {
		printf("# %s %s: evaluator: verdict %d route %d rule %d, program: verdict %u route %d rule %d\n",
		       q->method, q->target, d.verdict, d.route, d.rule, got.verdict,
		       (int)got.route, (int)got.rule);
		s->wrong = "the program decides otherwise than the evaluator";
	}
	if (strcmp(name, "-") && s->n_positions < POSITIONS) {
		struct measured *p = &s->position[s->n_positions++];

		snprintf(p->name, sizeof(p->name), "%s", name);
		p->steps = steps;
	}
}

/* A line of the file: name, method, path, header. */
static void request_line(struct scale *s, char *line)
{
	char *name = strtok(line, "\t\n"), *method = strtok(NULL, "\t\n");
	char *path = strtok(NULL, "\t\n"), *header = strtok(NULL, "\t\n"), *colon;
	struct ir_header h;
	struct ir_request q = { .method = method, .target = path, .host = HOST, .header = &h };

	colon = header ? strchr(header, ':') : NULL;
	if (!header || (strcmp(header, "-") && (!colon || colon[1] != ' '))) {
		s->wrong = "a line of the requests is malformed";
		return;
	}
	if (colon) {
		*colon = 0;
		h = (struct ir_header){ header, colon + 2 };
		q.n_headers = 1;
	}
	request(s, name, &q);
}

static void requests(struct scale *s, const char *folder)
{
	char path[512], line[MAX_FIELDS];
	FILE *f;

	snprintf(path, sizeof(path), "%s/requests", folder);
	f = fopen(path, "r");
	if (!f) {
		s->wrong = "there are no requests";
		return;
	}
	while (!s->wrong && fgets(line, sizeof(line), f))
		request_line(s, line);
	fclose(f);
}

static void synthesize_and_run(struct scale *s, const char *folder)
{
	uint32_t *cluster_id = calloc(s->ir->n_clusters, sizeof(*cluster_id));
	static char error[512];

	for (size_t i = 0; i < s->ir->n_clusters; i++)
		cluster_id[i] = (uint32_t)i + 1;
	if (synthesize(s->ir, cluster_id, &s->program, &s->tables, error, sizeof(error))) {
		s->wrong = error;
	} else {
		requests(s, folder);
		synth_program_free(&s->program);
		tables_free(&s->tables);
	}
	free(cluster_id);
}

static const char *compare(const char *folder, struct scale *s)
{
	struct policy_files files = { 0 };
	char path[512], *paths[] = { path };

	snprintf(path, sizeof(path), "%s/policies", folder);
	if (policy_files_read(&files, paths, 1)) {
		policy_files_explain(&files, stdout);
		policy_files_free(&files);
		return "the policies are invalid";
	}
	s->ir = files.ir;
	if (s->nl)
		requests(s, folder);
	else
		synthesize_and_run(s, folder);
	printf("# %zu routes, %zu rules: %zu requests compared, %zu forwarded; instructions:",
	       s->ir->n_routes, s->ir->n_rules, s->compared, s->forwarded);
	for (size_t i = 0; i < s->n_positions; i++)
		printf(" %s %zu", s->position[i].name, s->position[i].steps);
	printf("\n");
	if (!s->wrong && (!s->forwarded || s->forwarded == s->compared))
		s->wrong = "the requests all end in the same way";
	policy_files_free(&files);
	return s->wrong;
}

static const char *scale(unsigned long n, struct scale *s)
{
	char folder[] = "/tmp/l7fp-rules.XXXXXX", command[128];
	const char *wrong;

	if (!mkdtemp(folder))
		return "no folder can be made in /tmp";
	snprintf(command, sizeof(command), GENERATE " %lu %s", n, folder);
	wrong = system(command) ? "the policies cannot be generated" : compare(folder, s);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command))
		wrong = "the folder cannot be removed";
	return wrong;
}

static const char *growth(const struct scale *small, const struct scale *large)
{
	if (!small->n_positions || small->n_positions != large->n_positions)
		return "no position was measured";
	for (size_t i = 0; i < small->n_positions; i++)
		if (large->position[i].steps > small->position[i].steps + MAX_GROWTH)
			return large->position[i].name;
	return NULL;
}

static int main_kernel(const char *folder)
{
	struct scale s = { 0 };
	char error[ERROR_LEN];
	int err = netlink_open(&s.nl, error, sizeof(error));

	ktap_begin(1);
	ktap_result("scale", "the first match in the kernel is the evaluator's",
		    err ? error : compare(folder, &s));
	netlink_close(s.nl);
	return ktap_end();
}

int main(int argc, char **argv)
{
	static const unsigned long sizes[] = { 10, 100, 1000, 10000 };
	int n = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(sizes);
	struct scale first = { 0 }, last = { 0 };
	char name[80];

	if (argc == 3 && !strcmp(argv[1], "--kernel"))
		return main_kernel(argv[2]);
	ktap_begin((unsigned int)n + 1);
	for (int i = 0; i < n; i++) {
		unsigned long size = argc > 1 ? strtoul(argv[1 + i], NULL, 0) : sizes[i];

		last = (struct scale){ 0 };
		snprintf(name, sizeof(name), "%lu rules: the first match is the evaluator's", size);
		ktap_result("scale", name, scale(size, &last));
		if (!i)
			first = last;
	}
	ktap_result("scale", "what a request runs does not grow with the rules",
		    growth(&first, &last));
	return ktap_end();
}
