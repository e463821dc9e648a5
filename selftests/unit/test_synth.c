// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesizer where random policies do not go: limits, long programs, long
 * lists, strings at the edge of what a program reads itself.
 */
#include <errno.h>
#include <string.h>
#include "codec_test.h"
#include "policy_mock.h"
#include "synth.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

struct compiled {
	struct synth_program program;
	struct tables tables;
	int err;
	char error[512];
};

static const uint32_t cluster_id[] = { 7, 8 };

static struct ir *new_policy(size_t n_routes)
{
	struct ir *ir = ir_new();

	ir->path_mode = 1;
	ir->n_clusters = 2;
	ir->cluster = ir_alloc(ir, 2 * sizeof(*ir->cluster));
	ir->n_routes = n_routes;
	ir->route = ir_alloc(ir, n_routes * sizeof(*ir->route));
	for (size_t i = 0; i < n_routes; i++) {
		ir->route[i].n_clusters = 1;
		ir->route[i].cluster = ir_alloc(ir, sizeof(*ir->route[i].cluster));
		ir->route[i].cluster[0].weight = 1;
	}
	ir->n_virtual_hosts = 1;
	ir->virtual_host = ir_alloc(ir, sizeof(*ir->virtual_host));
	ir->virtual_host->fallback = -1;
	ir->virtual_host->n_matches = n_routes;
	ir->virtual_host->match = ir_alloc(ir, n_routes * sizeof(*ir->virtual_host->match));
	for (size_t i = 0; i < n_routes; i++)
		ir->virtual_host->match[i].route = (uint32_t)i;
	return ir;
}

static struct ir_expr *path_is(struct ir *ir, uint32_t op, const char *value)
{
	return ir_string(ir, L7FP_FIELD_PATH, op, value);
}

static struct compiled compile(const struct ir *ir)
{
	struct compiled c = { .err = 0 };

	c.err = synthesize(ir, cluster_id, &c.program, &c.tables, c.error, sizeof(c.error));
	return c;
}

static void discard(struct compiled *c)
{
	if (c->err)
		return;
	synth_program_free(&c->program);
	tables_free(&c->tables);
}

/* Runs the program; the route that it chose or -1. Differs from the evaluator: -2. */
static int route_of(const struct ir *ir, const struct compiled *c, const struct ir_request *request,
		    size_t *steps)
{
	struct ir_decision decision;
	const char *wrong;
	struct mock mock;
	uint32_t verdict;
	int route = -3;

	ir_evaluate(ir, request, 0, &decision);
	if (mock_init(&mock, request, ir->path_mode, &c->tables, 0)) {
		verdict = mock_run(&mock, &c->program, &wrong);
		route = (int)mock.x.route;
		if (wrong || verdict != decision.verdict || route != decision.route)
			route = -2;
		if (wrong)
			printf("# %s\n", wrong);
		if (steps)
			*steps = mock.machine.steps;
	}
	mock_free(&mock);
	return route;
}

static int route_of_path(const struct ir *ir, const struct compiled *c, const char *path)
{
	return route_of(ir, c, &(struct ir_request){ .method = "GET", .target = path,
						     .host = "reviews" }, NULL);
}

static const char *test_empty(void)
{
	struct ir *ir = new_policy(0);
	const char *wrong = NULL;
	struct compiled c;

	for (int i = 0; i < 2; i++) {
		c = compile(ir);
		if (c.err || route_of_path(ir, &c, "/") != -1)
			wrong = i ? "no match" : "no virtual host";
		discard(&c);
		ir->n_virtual_hosts = 0;
	}
	ir_free(ir);
	return wrong;
}

/* Conditional jumps reach 32,767 instructions, this program has more. */
static const char *test_long_jumps(void)
{
	const size_t n = 6000;
	struct ir *ir = new_policy(n);
	const char *wrong = NULL;
	struct compiled c;
	int slot = ir_slot(ir, L7FP_SLOT_HEADER, "x-user");

	for (size_t i = 0; i < n; i++) {
		char value[16];

		snprintf(value, sizeof(value), "user-%zu", i);
		ir->virtual_host->match[i].expr = ir_string(ir, L7FP_FIELD_SLOT + (uint32_t)slot,
							    L7FP_MATCH_EXACT, value);
	}
	c = compile(ir);
	if (c.err || c.program.n <= INT16_MAX)
		wrong = "not a long program";
	for (size_t i = 0; i <= n && !wrong; i += n / 4) {
		char value[16];
		struct ir_header header = { "x-user", value };

		snprintf(value, sizeof(value), "user-%zu", i);
		if (route_of(ir, &c, &(struct ir_request){ .method = "GET", .target = "/",
				.host = "a", .n_headers = 1, .header = &header }, NULL) !=
		    (i < n ? (int)i : -1))
			wrong = "wrong route";
	}
	discard(&c);
	ir_free(ir);
	return wrong;
}

/* The last word that begins with a prefix: obs-text (RFC 9110, 5.5) goes up to 0xff. */
static const char *test_last_of_prefix(void)
{
	struct ir_header header = { "x-user", "user-\xff\xff\xff" };
	struct ir_request request = { .method = "GET", .target = "/", .host = "a",
				      .n_headers = 1, .header = &header };
	const size_t n = 100;
	struct ir *ir = new_policy(n);
	int slot = ir_slot(ir, L7FP_SLOT_HEADER, "x-user");
	const char *wrong = NULL;
	struct compiled c;

	for (size_t i = 0; i < n; i++) {
		char prefix[16] = "user-";

		if (i)
			snprintf(prefix, sizeof(prefix), "%zu-", i);
		ir->virtual_host->match[i].expr = ir_string(ir, L7FP_FIELD_SLOT + (uint32_t)slot,
							    L7FP_MATCH_PREFIX, prefix);
	}
	c = compile(ir);
	if (c.err || route_of(ir, &c, &request, NULL) != 0)
		wrong = "the last value that begins with the prefix";
	header.value = "user.";
	if (!wrong && route_of(ir, &c, &request, NULL) != -1)
		wrong = "the first value behind the prefix";
	discard(&c);
	ir_free(ir);
	return wrong;
}

/* Paths that share most of their words, each a prefix or exact, in an order that matters. */
static const char *test_scale(void)
{
	const size_t n = 10000;
	struct ir *ir = new_policy(n);
	const char *wrong = NULL;
	size_t steps, most = 0;
	struct compiled c;

	for (size_t i = 0; i < n; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/api/v%zu/service-%zu/items", i % 7, i * 7919 % 100003);
		ir->virtual_host->match[i].expr =
			path_is(ir, i % 3 ? L7FP_MATCH_PREFIX : L7FP_MATCH_EXACT, path);
	}
	c = compile(ir);
	if (c.err)
		wrong = c.error;
	for (size_t i = 0; i < n && !wrong; i += 97) {
		struct ir_request request = { .method = "GET", .host = "a" };
		char path[64];

		snprintf(path, sizeof(path), "/api/v%zu/service-%zu/items", i % 7, i * 7919 % 100003);
		request.target = path;
		if (route_of(ir, &c, &request, &steps) != (int)i)
			wrong = "wrong route";
		if (steps > most)
			most = steps;
		strcat(path, "x");
		if (route_of(ir, &c, &request, &steps) != (i % 3 ? (int)i : -1))
			wrong = "wrong route behind the prefix";
	}
	/* A list would take some 70,000. */
	if (!wrong && most > 300)
		wrong = "the cost grows with the rules";
	printf("# %zu routes: %zu instructions, at most %zu run\n", n, c.program.n, most);
	discard(&c);
	ir_free(ir);
	return wrong;
}

/* AND and OR with few and many children, decided by any of them. */
static const char *test_children(void)
{
	static const size_t sizes[] = { 2, 31, 32, 33, 100 };
	const char *wrong = NULL;

	for (size_t s = 0; s < COUNT(sizes); s++) {
		for (int kind = 0; kind < 4; kind++) {
			struct ir *ir = new_policy(1);
			struct ir_expr *child[100], *e;
			struct compiled c;

			for (size_t i = 0; i < sizes[s]; i++) {
				child[i] = ir_alloc(ir, sizeof(*child[i]));
				child[i]->kind = IR_DESTINATION_PORT;
				child[i]->port = 100 + (uint32_t)i;
				if (kind & 1)
					child[i] = ir_not(ir, child[i]);
			}
			e = kind & 1 ? ir_and(ir, child, sizes[s]) : ir_or(ir, child, sizes[s]);
			ir->virtual_host->match[0].expr = kind & 2 ? ir_not(ir, e) : e;
			c = compile(ir);
			for (uint32_t port = 99; port <= 100 + sizes[s]; port++)
				if (route_of(ir, &c, &(struct ir_request){ .method = "GET",
						.target = "/", .host = "a",
						.destination_port = port }, NULL) == -2)
					wrong = "differs from the evaluator";
			discard(&c);
			ir_free(ir);
		}
	}
	return wrong;
}

/* In a large policy words are not compared one by one: two differences must not cancel out. */
static const char *test_differences(void)
{
	const size_t n = 3000;
	struct ir *ir = new_policy(n);
	struct ir_request request = { .method = "GET", .target = "/", .host = "a" };
	const char *wrong = NULL;
	struct compiled c;

	for (size_t i = 0; i < n; i++) {
		struct ir_expr *e = ir_alloc(ir, sizeof(*e));

		e->kind = IR_SOURCE_IP;
		e->prefix = 128;
		e->addr[3] = (uint32_t)i;
		ir->virtual_host->match[i].expr = e;
	}
	c = compile(ir);
	request.source_ip[3] = 42;
	if (route_of(ir, &c, &request, NULL) != 42)
		wrong = "not found";
	for (int first = 0; first < 4; first++)
		for (int second = first + 1; second < 4; second++) {
			memset(request.source_ip, 0, sizeof(request.source_ip));
			request.source_ip[first] = request.source_ip[second] = 0x80000000;
			if (route_of(ir, &c, &request, NULL) != -1)
				wrong = "two differences cancel out";
		}
	discard(&c);
	ir_free(ir);
	return wrong;
}

static char *letters(struct ir *ir, size_t len)
{
	char *s = ir_alloc(ir, len + 2);

	memset(s, 'p', len);
	s[0] = '/';
	return s;
}

/* What the program reads itself, and what the kfunc must compare. */
static const char *test_inline_limit(void)
{
	static const uint32_t ops[] = { L7FP_MATCH_EXACT, L7FP_MATCH_PREFIX,
					L7FP_MATCH_SEGMENT_PREFIX };
	const char *wrong = NULL;

	for (size_t o = 0; o < COUNT(ops); o++) {
		for (size_t len = L7FP_PATH_INLINE - 9; len <= L7FP_PATH_INLINE + 1; len++) {
			size_t room = L7FP_PATH_INLINE - (ops[o] == L7FP_MATCH_SEGMENT_PREFIX);
			struct ir *ir = new_policy(1);
			struct compiled c;

			ir->virtual_host->match[0].expr = path_is(ir, ops[o], letters(ir, len));
			c = compile(ir);
			if (c.tables.n_strings != (len > room))
				wrong = "compared in the wrong place";
			for (int more = -1; more <= 9; more++)
				if (route_of_path(ir, &c, letters(ir, len + (size_t)more)) == -2)
					wrong = "differs from the evaluator";
			if (route_of_path(ir, &c, letters(ir, len)) != 0)
				wrong = "does not match itself";
			discard(&c);
			ir_free(ir);
		}
	}
	return wrong;
}

/* Hosts may hold any byte: the highest word of a range, signed comparisons. */
static const char *test_high_bytes(void)
{
	static const char *const host[] = {
		"a", "a\xff", "a\xff\xff\xff\xff\xff\xff\xff", "a\xff\xff\xff\xff\xff\xff\xff\xff",
		"\x80", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff", "b", "\x7f", "ab", "abcdefgh",
		"abcdefghi",
	};
	struct ir *ir = new_policy(COUNT(host));
	const char *wrong = NULL;
	struct compiled c;

	for (size_t i = 0; i < COUNT(host); i++)
		ir->virtual_host->match[i].expr =
			ir_string(ir, L7FP_FIELD_AUTHORITY,
				  i % 5 ? L7FP_MATCH_EXACT : L7FP_MATCH_PREFIX, host[i]);
	/* The prefix "a" would hide what lies inside it. */
	for (size_t last = 0; last < 2; last++) {
		c = compile(ir);
		for (size_t i = 0; i < COUNT(host); i++)
			if (route_of(ir, &c, &(struct ir_request){ .method = "GET", .target = "/",
					.host = host[i] }, NULL) < 0)
				wrong = "differs from the evaluator, or no route";
		discard(&c);
		ir->virtual_host->match[0].expr = ir_false(ir);
		ir->virtual_host->match[COUNT(host) - 1].expr =
			ir_string(ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_PREFIX, "a");
	}
	ir_free(ir);
	return wrong;
}

/* A string with a NUL in it must not be compared with padding. */
static const char *test_nul(void)
{
	struct ir *ir = new_policy(1);
	struct ir_expr *e = path_is(ir, L7FP_MATCH_PREFIX, "/ab");
	const char *wrong = NULL;
	struct compiled c;

	e->value = "/ab\0";
	e->value_len = 4;
	ir->virtual_host->match[0].expr = e;
	c = compile(ir);
	if (route_of_path(ir, &c, "/ab") != -1)
		wrong = "padding matches";
	discard(&c);
	ir_free(ir);
	return wrong;
}

/* As many headers as there are slots, by their presence and by their value, each alone. */
static const char *test_headers(void)
{
	struct ir *ir = new_policy(2 * L7FP_MAX_SLOTS);
	struct ir_match *match = ir->virtual_host->match;
	const char *wrong = NULL;
	char name[16];
	struct compiled c;

	for (uint32_t i = 0; i < L7FP_MAX_SLOTS; i++) {
		snprintf(name, sizeof(name), "x-%u", i);
		if (ir_slot(ir, L7FP_SLOT_HEADER, name) != (int)i)
			return "a slot";
		match[2 * i].expr = ir_string(ir, L7FP_FIELD_SLOT + i, L7FP_MATCH_SUFFIX, "me");
		match[2 * i + 1].expr = ir_string(ir, L7FP_FIELD_SLOT + i, L7FP_MATCH_PRESENT, "");
	}
	c = compile(ir);
	for (uint32_t i = 0; i < 2 * L7FP_MAX_SLOTS && !wrong; i++) {
		struct ir_header header = { name, i % 2 ? "another" : "me" };
		struct ir_request request = {
			.method = "GET", .target = "/", .host = "a", .header = &header,
			.n_headers = 1,
		};

		snprintf(name, sizeof(name), "x-%u", i / 2);
		if (route_of(ir, &c, &request, NULL) != (int)i)
			wrong = "another route than the header's";
		snprintf(name, sizeof(name), "y-%u", i / 2);
		if (route_of(ir, &c, &request, NULL) != -1)
			wrong = "a route without its header";
	}
	discard(&c);
	ir_free(ir);
	return wrong;
}

static void deny_all(struct ir *ir, struct ir_authorization *a, struct ir_authorization_rule *rule,
		     uint32_t *index)
{
	*rule = (struct ir_authorization_rule){ .action = IR_DENY, .expr = ir_true(ir) };
	*a = (struct ir_authorization){ .n_rules = 1, .rule = rule };
	*index = 0;
	ir->authorization = a;
	ir->n_authorization = 1;
	ir->n_rules = 1;
	ir->rule = ir_alloc(ir, sizeof(*ir->rule));
	ir->cluster[0].n_authorization = 1;
	ir->cluster[0].authorization = index;
}

/*
 * A cluster that no route of the policy chooses is never forwarded to. Ids 7
 * and 8 do not share their authorization; 7 and 9 do, and 8 is nobody's.
 */
static const char *test_foreign_cluster(void)
{
	static const uint32_t ids[2][2] = { { 7, 8 }, { 7, 9 } };
	struct ir_request request = { .method = "GET", .target = "/", .host = "a" };
	const char *wrong = NULL, *refused;

	for (int shared = 0; shared < 2; shared++) {
		struct ir_authorization_rule rule;
		struct ir_authorization a;
		struct ir *ir = new_policy(2);
		uint32_t index;
		struct compiled c = { .err = 0 };

		deny_all(ir, &a, &rule, &index);
		ir->route[1].cluster[0].cluster = 1;
		ir->virtual_host->match[0].expr = path_is(ir, L7FP_MATCH_EXACT, "/a");
		if (shared)
			ir->cluster[1] = ir->cluster[0];
		c.err = synthesize(ir, ids[shared], &c.program, &c.tables, c.error,
				   sizeof(c.error));
		for (uint32_t id = 0; id < 12; id++) {
			bool known = id == ids[shared][0] || id == ids[shared][1];
			uint32_t want = !known ? L7FP_VERDICT_NONE :
					id == 8 ? L7FP_FORWARD : L7FP_RESPOND;
			struct mock mock;

			c.tables.route[1].cluster_id[0] = id;
			mock_init(&mock, &request, 1, &c.tables, 0);
			if (mock_run(&mock, &c.program, &refused) != want || refused)
				wrong = "wrong verdict";
			mock_free(&mock);
		}
		discard(&c);
		ir_free(ir);
	}
	return wrong;
}

static const char *test_same_id(void)
{
	static const uint32_t same[] = { 7, 7 };
	struct ir_authorization_rule rule;
	struct ir_authorization a;
	struct ir *ir = new_policy(2);
	struct compiled c = { .err = 0 };
	const char *wrong = NULL;
	uint32_t index;

	ir->route[1].cluster[0].cluster = 1;
	deny_all(ir, &a, &rule, &index);
	c.err = synthesize(ir, same, &c.program, &c.tables, c.error, sizeof(c.error));
	if (c.err != -EINVAL || !strstr(c.error, "same id"))
		wrong = "two clusters with one id";
	discard(&c);
	ir_free(ir);
	return wrong;
}

static const char *test_strings(void)
{
	char *longest = calloc(1, L7FP_MAX_STRING + 2);
	const char *wrong = NULL;
	struct tables tables = { 0 };
	char text[16];

	memset(longest, 'x', L7FP_MAX_STRING + 1);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			snprintf(text, sizeof(text), "%d", i);
			if (tables_string(&tables, text, (uint32_t)strlen(text)) != i)
				wrong = round ? "not found again" : "not numbered in order";
		}
	if (tables_string(&tables, "1", 1) != 1 || tables_string(&tables, "12", 1) != 1 ||
	    tables_string(&tables, "12", 2) != 12)
		wrong = "the length counts";
	if (tables_string(&tables, longest, L7FP_MAX_STRING) != 1000)
		wrong = "the longest string";
	if (tables_string(&tables, longest, L7FP_MAX_STRING + 1) != -E2BIG)
		wrong = "one byte more than the longest string";
	tables_free(&tables);
	free(longest);
	return wrong;
}

/* Each limit: what is allowed, and one more. */
static const char *test_limits(void)
{
	struct ir_header_op op[L7FP_MAX_HEADER_OPS + 1];
	struct ir_weighted cluster[L7FP_MAX_ROUTE_CLUSTERS + 1] = { 0 };
	const char *wrong = NULL;
	struct ir *ir = new_policy(1);
	struct ir_route *route = ir->route;
	char *text = ir_alloc(ir, L7FP_MAX_STRING + 2);
	struct compiled c;

#define EXPECT(what, fits, set) do {					\
		set;							\
		c = compile(ir);					\
		if ((c.err == 0) != (fits) || (c.err && !*c.error))	\
			wrong = what;					\
		discard(&c);						\
	} while (0)

	for (size_t i = 0; i < COUNT(op); i++)
		op[i] = (struct ir_header_op){ L7FP_HEADER_ADD, "x-a", "b" };
	route->request.op = op;
	EXPECT("header changes", true, route->request.n = L7FP_MAX_HEADER_OPS);
	EXPECT("header changes + 1", false, route->request.n = L7FP_MAX_HEADER_OPS + 1);
	route->request.n = 0;

	for (size_t i = 0; i < COUNT(cluster); i++)
		cluster[i].weight = 1;
	route->cluster = cluster;
	EXPECT("clusters", true, route->n_clusters = L7FP_MAX_ROUTE_CLUSTERS);
	EXPECT("clusters + 1", false, route->n_clusters = L7FP_MAX_ROUTE_CLUSTERS + 1);
	route->n_clusters = 2;
	EXPECT("weights", true, cluster[0].weight = INT32_MAX - 1);
	EXPECT("weights + 1", false, cluster[0].weight = INT32_MAX);
	cluster[0].weight = 1;

	EXPECT("body", true, route->body_len = L7FP_MAX_BODY);
	EXPECT("body + 1", false, route->body_len = L7FP_MAX_BODY + 1);
	route->body_len = 0;
	EXPECT("port", true, route->redirect_port = 65535);
	EXPECT("port + 1", false, route->redirect_port = 65536);
	route->redirect_port = 0;

	route->rewrite_path = text;
	memset(text, 'x', L7FP_MAX_STRING);
	EXPECT("rewritten path", true, (void)0);
	text[L7FP_MAX_STRING] = 'x';
	EXPECT("rewritten path + 1", false, (void)0);
	route->rewrite_path = NULL;

	EXPECT("route", false, ir->virtual_host->match[0].route = 1);
	EXPECT("route in range", true, ir->virtual_host->match[0].route = 0);
	EXPECT("fallback", false, ir->virtual_host->fallback = 1);
	EXPECT("fallback in range", true, ir->virtual_host->fallback = 0);
	EXPECT("cluster index", false, cluster[0].cluster = 2);
	EXPECT("cluster index in range", true, cluster[0].cluster = 1);
#undef EXPECT
	ir_free(ir);
	return wrong;
}

static const char *test_names(void)
{
	struct ir *ir = new_policy(1);
	const char *wrong = NULL;
	char *what = ir_alloc(ir, 1000);
	struct compiled c;

	memset(what, 'w', 999);
	ir->route->source = (struct ir_source){ "/dir/mesh.yaml", 12, 3, "VirtualService a" };
	c = compile(ir);
	if (strcmp(c.tables.route[0].name, "VirtualService a (mesh.yaml:12)"))
		wrong = "not the name that was expected";
	discard(&c);
	ir->route->source.what = what;
	c = compile(ir);
	if (strlen(c.tables.route[0].name) >= L7FP_MAX_NAME)
		wrong = "longer than a name may be";
	discard(&c);
	ir_free(ir);
	return wrong;
}

int main(void)
{
	static const struct {
		const char *name;
		const char *(*test)(void);
	} test[] = {
		{ "nothing to match", test_empty },
		{ "programs longer than a jump", test_long_jumps },
		{ "the last value of a prefix", test_last_of_prefix },
		{ "ten thousand routes", test_scale },
		{ "many children", test_children },
		{ "two words that differ alike", test_differences },
		{ "paths around what a program reads itself", test_inline_limit },
		{ "bytes above ASCII", test_high_bytes },
		{ "a NUL in a string", test_nul },
		{ "headers in all slots", test_headers },
		{ "a cluster that is not the policy's", test_foreign_cluster },
		{ "two clusters with one id", test_same_id },
		{ "strings are kept once", test_strings },
		{ "limits", test_limits },
		{ "names", test_names },
	};

	ktap_begin(COUNT(test));
	for (size_t i = 0; i < COUNT(test); i++)
		ktap_result("synth", test[i].name, test[i].test());
	return ktap_end();
}
