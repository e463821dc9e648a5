// SPDX-License-Identifier: GPL-2.0-only
/*
 * What l7fp-tool and l7fpd do without a kernel: addresses, counters as text,
 * the comparison of two policies, explaining weighted routes, limits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../user/apply_blob.h"
#include "../../user/capture.h"
#include "../../user/cmd.h"
#include "../../user/explain.h"
#include "../../user/kernel.h"
#include "../../user/stats_format.h"

static int failed, number;

static void result(const char *name, bool ok)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	failed |= !ok;
}

static bool parses(const char *text, const char *as)
{
	char out[NAME_ADDRESS_LEN];
	struct in6_addr address;
	uint16_t port;

	if (address_parse(text, &address, &port))
		return !as;
	return as && !strcmp(name_address(out, &address, port), as);
}

static void test_addresses(void)
{
	result("IPv4", parses("10.0.0.1:80", "10.0.0.1:80"));
	result("IPv4 without a port", parses("10.0.0.1", "10.0.0.1:0"));
	result("IPv6", parses("[fd00::1]:65535", "[fd00::1]:65535"));
	result("IPv6 bare", parses("fd00::1", "[fd00::1]:0"));
	result("IPv6 in brackets", parses("[::1]", "[::1]:0"));
	result("port 65536 is refused", parses("10.0.0.1:65536", NULL));
	result("port 0 is refused", parses("10.0.0.1:0", NULL));
	result("an empty port is refused", parses("10.0.0.1:", NULL));
	result("a signed port is refused", parses("10.0.0.1:+80", NULL));
	result("bytes after the port are refused", parses("10.0.0.1:80x", NULL));
	result("bytes after the bracket are refused", parses("[::1]x80", NULL));
	result("a bracket without its end is refused", parses("[::1:80", NULL));
	result("a name is refused", parses("localhost:80", NULL));
	result("an address that is too long is refused",
	       parses("1111111111111111111111111111111111111111111111111", NULL));
	result("nothing is refused", parses("", NULL));
}

static void test_numbers(void)
{
	unsigned long value;

	/* The messages go to standard error, where nobody looks. */
	result("the least number", !cmd_number("-n", "1", 1, 65535, &value) && value == 1);
	result("below the least", cmd_number("-n", "0", 1, 65535, &value));
	result("the greatest number", !cmd_number("-n", "65535", 1, 65535, &value));
	result("above the greatest", cmd_number("-n", "65536", 1, 65535, &value));
	result("no number", cmd_number("-n", "", 1, 65535, &value));
	result("a negative number", cmd_number("-n", "-1", 1, 65535, &value));
	result("a number and more", cmd_number("-n", "1x", 1, 65535, &value));
	result("past the type", cmd_number("-n", "99999999999999999999", 1, ~0UL, &value));
}

static char *prometheus(struct kernel_stat *stat, size_t n)
{
	struct kernel kernel = { .n_stats = n, .stat = stat };
	char *text;
	size_t len;
	FILE *f;

	f = open_memstream(&text, &len);
	stats_prometheus(f, &kernel);
	fclose(f);
	return text;
}

static void test_prometheus(void)
{
	struct kernel_stat stat[] = {
		{ L7FP_STAT_CLUSTER, 1, "a\"b\\c\nd", "upstream_rq_2xx", 7 },
		{ L7FP_STAT_GLOBAL, 0, "", "downstream_cx_total", ~0ULL },
		{ L7FP_STAT_CLUSTER, 2, "x", "upstream_rq_2xx", 0 },
		{ L7FP_STAT_REASON, 3, "UH", "rq-total", 1 },
	};
	char *text = prometheus(stat, 4);

	result("Prometheus: escapes, one TYPE a metric, names",
	       !strcmp(text,
		       "# TYPE l7fp_cluster_upstream_rq_2xx_total counter\n"
		       "l7fp_cluster_upstream_rq_2xx_total{cluster=\"a\\\"b\\\\c\\nd\",id=\"1\"} 7\n"
		       "l7fp_cluster_upstream_rq_2xx_total{cluster=\"x\",id=\"2\"} 0\n"
		       "# TYPE l7fp_downstream_cx_total counter\n"
		       "l7fp_downstream_cx_total 18446744073709551615\n"
		       "# TYPE l7fp_reason_rq_total_total counter\n"
		       "l7fp_reason_rq_total_total{reason=\"UH\",id=\"3\"} 1\n"));
	free(text);
	text = prometheus(NULL, 0);
	result("Prometheus: nothing", !*text);
	free(text);
}

static bool same_blob(const struct tables *a, const struct tables *b)
{
	struct bpf_insn insn = { 0 };
	struct synth_program program = { .insn = &insn, .n = 1 };
	size_t a_len, b_len;
	char *x = apply_blob(&program, a, &a_len), *y = apply_blob(&program, b, &b_len);
	bool same = a_len == b_len && !memcmp(x, y, a_len);

	free(x);
	free(y);
	return same;
}

static void test_blob(void)
{
	struct ir_header_op op = { L7FP_HEADER_SET, "x", "1" };
	struct ir_weighted weighted = { .cluster = 0, .weight = 1 };
	struct ir_route route = { .kind = L7FP_ROUTE_FORWARD, .n_clusters = 1, .cluster = &weighted };
	uint32_t cluster = 3;
	struct tables_route entry = { "r", &route, &cluster };
	struct ir_route other = route;
	struct tables_route other_entry = { "r", &other, &cluster };
	struct tables a = { .n_routes = 1, .route = &entry };
	struct tables b = { .n_routes = 1, .route = &other_entry };
	struct tables_string split[] = { { "ab", 2 }, { "c", 1 } };
	struct tables_string joined[] = { { "a", 1 }, { "bc", 2 } };

	result("equal policies are the same", same_blob(&a, &b));
	other.timeout_ms = 1;
	result("another timeout is not", !same_blob(&a, &b));
	other = route;
	other.rewrite_path = "";
	result("nor is an empty string for none", !same_blob(&a, &b));
	other = route;
	other.response.n = 1;
	other.response.op = &op;
	result("nor is a header change", !same_blob(&a, &b));
	a = (struct tables){ .n_strings = 2, .string = split };
	b = (struct tables){ .n_strings = 2, .string = joined };
	result("nor are strings that are cut elsewhere", !same_blob(&a, &b));
}

/* Two clusters of different weight and one without: each that can be chosen is an outcome. */
static void test_explain(void)
{
	struct ir_weighted weighted[] = { { .cluster = 0, .weight = 90 },
					  { .cluster = 1, .weight = 0 },
					  { .cluster = 2, .weight = 10 } };
	struct ir_cluster cluster[] = { { .name = "outbound|80|a|web.default.svc.cluster.local" },
					{ .name = "outbound|80|b|web.default.svc.cluster.local" },
					{ .name = "outbound|80|c|web.default.svc.cluster.local" } };
	struct ir_route route = { .kind = L7FP_ROUTE_FORWARD, .n_clusters = 3,
				  .cluster = weighted };
	struct ir_capture capture = { .port = 80 };
	struct explain_request r = { .request = { .method = "GET", .target = "/",
						  .host = "web" } };
	struct ir_virtual_host host = { .n_matches = 1, .fallback = -1 };
	struct ir *ir = ir_new();
	struct explanation e;
	struct ir_match match = { .route = 0 };
	size_t len;
	char *head;

	match.expr = ir_true(ir);
	host.expr = ir_true(ir);
	host.match = &match;
	ir->path_mode = 1;
	ir->n_routes = 1;
	ir->route = &route;
	ir->n_virtual_hosts = 1;
	ir->virtual_host = &host;
	ir->n_clusters = 3;
	ir->cluster = cluster;
	ir->n_captures = 1;
	ir->capture = &capture;
	capture.address.s6_addr[10] = 0xff;
	capture.address.s6_addr[11] = 0xff;
	capture.address.s6_addr[12] = 10;

	explain_guess_destination(ir, &r);
	explain_set_addresses(&r);
	result("the destination is guessed from the host",
	       r.request.destination_port == 80 && r.destination.s6_addr[12] == 10);
	explain_evaluate(ir, &r, &e);
	result("one outcome for each cluster with a weight",
	       e.n == 2 && e.outcome[0].decision.cluster == 0 &&
	       e.outcome[1].decision.cluster == 2 && e.outcome[1].weight == 10 &&
	       e.outcome[1].total == 100);
	explain_free(&e);
	r.header[r.request.n_headers].name = "A";
	r.header[r.request.n_headers++].value = "b";
	head = explain_head(&r, &len);
	result("the head that the kernel is asked with",
	       !strcmp(head, "GET / HTTP/1.1\r\nHost: web\r\nA: b\r\n\r\n") && len == strlen(head));
	free(head);
	ir_free(ir);
}

static void test_limits(void)
{
	static struct kernel_explain answer;
	struct in6_addr address = { 0 };
	char error[ERROR_LEN] = "";
	struct kernel_cluster cluster = { .name = "c" };

	/* They are refused before the connection is looked at. */
	result("endpoints past L7FP_MAX_ENDPOINTS",
	       kernel_endpoint_set(NULL, &cluster, NULL, L7FP_MAX_ENDPOINTS + 1, error,
				   sizeof(error)) == -E2BIG && strstr(error, "expected at most 4096"));
	result("a head past L7FP_MAX_EXPLAIN_HEAD",
	       kernel_explain(NULL, "", L7FP_MAX_EXPLAIN_HEAD + 1, 1, &address, 1, &address, 1, false,
			      &answer, error, sizeof(error)) == -E2BIG &&
	       strstr(error, "expected at most 60000"));
	result("addresses past CAPTURE_MAX_SERVICES",
	       capture_prepare(NULL, NULL, CAPTURE_MAX_SERVICES + 1, error, sizeof(error)) == -E2BIG &&
	       strstr(error, "expected at most 262144"));
}

int main(void)
{
	printf("TAP version 13\n");
	test_addresses();
	test_numbers();
	test_prometheus();
	test_blob();
	test_explain();
	test_limits();
	printf("1..%d\n", number);
	return failed;
}
