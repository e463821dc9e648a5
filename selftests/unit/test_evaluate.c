// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the evaluator decides, from tables.
 */
#include <arpa/inet.h>
#include <string.h>
#include "codec_test.h"
#include "ir.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* ---- making policies ---- */

static struct ir_expr *all(struct ir *ir, struct ir_expr *a, struct ir_expr *b)
{
	return ir_and(ir, (struct ir_expr *[]){ a, b }, 2);
}

static struct ir_expr *path_is(struct ir *ir, uint32_t op, const char *value)
{
	return ir_string(ir, L7FP_FIELD_PATH, op, value);
}

static struct ir_expr *header_is(struct ir *ir, const char *name, const char *value)
{
	uint32_t slot = (uint32_t)ir_slot(ir, L7FP_SLOT_HEADER, name);

	return ir_string(ir, L7FP_FIELD_SLOT + slot, L7FP_MATCH_EXACT, value);
}

/* One virtual host, one route, one cluster, no authorization. */
static struct ir *small_policy(void)
{
	struct ir *ir = ir_new();

	ir->path_mode = 1;
	ir->n_clusters = 3;
	ir->cluster = ir_alloc(ir, 3 * sizeof(*ir->cluster));
	ir->n_routes = 1;
	ir->route = ir_alloc(ir, sizeof(*ir->route));
	ir->route->n_clusters = 1;
	ir->route->cluster = ir_alloc(ir, 3 * sizeof(*ir->route->cluster));
	ir->route->cluster[0].weight = 1;
	ir->n_virtual_hosts = 1;
	ir->virtual_host = ir_alloc(ir, sizeof(*ir->virtual_host));
	ir->virtual_host->expr = ir_true(ir);
	ir->virtual_host->fallback = 0;
	return ir;
}

static void add_rule(struct ir *ir, enum ir_action action, struct ir_expr *expr)
{
	struct ir_authorization_rule *rule;
	struct ir_authorization *a;

	if (!ir->n_authorization) {
		ir->n_authorization = 1;
		ir->authorization = ir_alloc(ir, sizeof(*ir->authorization));
		ir->authorization->rule = ir_alloc(ir, 8 * sizeof(*rule));
		ir->cluster[0].n_authorization = 1;
		ir->cluster[0].authorization = ir_alloc(ir, sizeof(uint32_t));
	}
	a = ir->authorization;
	rule = &a->rule[a->n_rules++];
	*rule = (struct ir_authorization_rule){ .action = action, .expr = expr,
						.rule = (uint32_t)ir->n_rules++ };
	a->has_allow |= action == IR_ALLOW;
}

static struct ir_decision decide_pick(const struct ir *ir, const struct ir_request *given,
				      uint32_t pick)
{
	struct ir_request request = *given;
	struct ir_decision decision;

	if (!request.method)
		request.method = "GET";
	if (!request.target)
		request.target = "/";
	ir_evaluate(ir, &request, pick, &decision);
	return decision;
}

static struct ir_decision decide(const struct ir *ir, const struct ir_request *request)
{
	return decide_pick(ir, request, 0);
}

static struct ir_decision get(const struct ir *ir, const char *target)
{
	return decide(ir, &(struct ir_request){ .target = target, .host = "reviews" });
}

/* ---- routes ---- */

static const char *test_first_match(void)
{
	static const struct {
		const char *host, *target;
		int32_t virtual_host, route;
	} want[] = {
		{ "reviews", "/", 0, 2 },
		{ "REVIEWS:9080", "/", 0, 2 },
		{ "reviews", "/a", 0, 0 },
		{ "reviews", "/ab", 0, 1 },
		{ "reviews", "/a?q=1", 0, 0 },
		{ "reviews", "/b?/a", 0, 2 },
		{ "reviews", "/x/../a", 0, 0 },
		{ "reviews", "/%61", 0, 0 },
		{ "reviews", "//a", 0, 2 },
		{ "ratings", "/a", -1, -1 },
		{ "reviews.default", "/a", -1, -1 },
		{ NULL, "/a", -1, -1 },
	};
	struct ir *ir = small_policy();
	struct ir_match match[] = {
		{ .expr = path_is(ir, L7FP_MATCH_EXACT, "/a"), .route = 0 },
		{ .expr = path_is(ir, L7FP_MATCH_PREFIX, "/a"), .route = 1 },
		{ .expr = path_is(ir, L7FP_MATCH_EXACT, "/a"), .route = 2 },
	};
	struct ir_route route[] = { *ir->route, *ir->route, *ir->route };
	const char *wrong = NULL;

	ir->virtual_host->expr = ir_string(ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT, "reviews");
	ir->virtual_host->match = match;
	ir->virtual_host->n_matches = COUNT(match);
	ir->virtual_host->fallback = 2;
	ir->route = route;
	ir->n_routes = COUNT(route);
	for (size_t i = 0; i < COUNT(want) && !wrong; i++) {
		struct ir_decision d = decide(ir, &(struct ir_request){
			.host = want[i].host, .target = want[i].target });

		if (d.virtual_host != want[i].virtual_host || d.route != want[i].route)
			wrong = want[i].target;
		if (d.route < 0 && (d.verdict != L7FP_RESPOND || d.status != 404 ||
				    d.reason != L7FP_REASON_NR))
			wrong = "not 404 NR";
	}
	ir->virtual_host->fallback = -1;
	if (!wrong && get(ir, "/c").reason != L7FP_REASON_NR)
		wrong = "no match and no fallback is not NR";
	ir_free(ir);
	return wrong;
}

static const char *test_refused(void)
{
	static const struct {
		const char *host, *target;
	} bad[] = {
		{ "reviews", "/%00" }, { "reviews", "/a#b" }, { "reviews", "no-slash" },
		{ "reviews:http", "/" }, { "reviews:65536", "/" },
	};
	struct ir *ir = small_policy();
	const char *wrong = NULL;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ir_decision d = decide(ir, &(struct ir_request){
			.host = bad[i].host, .target = bad[i].target });

		if (d.verdict != L7FP_RESPOND || d.status != 400 || d.route != -1)
			wrong = bad[i].target;
	}
	ir_free(ir);
	return wrong;
}

static const char *test_weights(void)
{
	/* The first pick whose point is 90 of 100. */
	const uint32_t at_90 = (uint32_t)((90ULL << 32) / 100) + 1;
	struct ir *ir = small_policy();
	const char *wrong = NULL;
	struct ir_request request = { .host = "a" };

	ir->route->n_clusters = 3;
	ir->route->cluster[0] = (struct ir_weighted){ .cluster = 0, .weight = 90 };
	ir->route->cluster[1] = (struct ir_weighted){ .cluster = 1, .weight = 0 };
	ir->route->cluster[2] = (struct ir_weighted){ .cluster = 2, .weight = 10 };
	if (decide_pick(ir, &request, 0).cluster != 0)
		wrong = "the lowest pick";
	if (decide_pick(ir, &request, at_90 - 1).cluster != 0)
		wrong = "the last pick of the first cluster";
	if (decide_pick(ir, &request, at_90).cluster != 2)
		wrong = "the first pick of the last cluster";
	if (decide_pick(ir, &request, UINT32_MAX).cluster != 2)
		wrong = "the highest pick";
	ir->route->cluster[0].weight = ir->route->cluster[2].weight = 0;
	if (decide_pick(ir, &request, 0).reason != L7FP_REASON_NC)
		wrong = "no weight at all is not NC";
	ir_free(ir);
	return wrong;
}

static const char *test_rewrite(void)
{
	static const struct {
		uint32_t kind, match_len;
		const char *path, *target, *want;
	} table[] = {
		{ L7FP_REWRITE_NONE, 0, NULL, "/a/./b?q=%61", "/a/b?q=%61" },
		{ L7FP_REWRITE_PREFIX, 4, "/v2", "/api/x?q", "/v2/x?q" },
		{ L7FP_REWRITE_PREFIX, 4, "/", "/api/x", "//x" },
		{ L7FP_REWRITE_PREFIX, 4, "/v2", "/api", "/v2" },
		{ L7FP_REWRITE_PREFIX, 40, "/v2", "/api?q=1", "/v2?q=1" },
		{ L7FP_REWRITE_FULL, 0, "/new", "/api/x?q=1", "/new?q=1" },
	};
	struct ir *ir = small_policy();
	const char *wrong = NULL;
	struct ir_decision d;

	for (size_t i = 0; i < COUNT(table); i++) {
		ir->route->rewrite_kind = table[i].kind;
		ir->route->rewrite_match_len = table[i].match_len;
		ir->route->rewrite_path = table[i].path;
		d = get(ir, table[i].target);
		if (d.verdict != L7FP_FORWARD || strcmp(d.path, table[i].want))
			wrong = table[i].target;
		if (strcmp(d.host, "reviews"))
			wrong = "Host is not kept";
	}
	ir->route->rewrite_authority = "Ratings:80";
	d = get(ir, "/");
	if (strcmp(d.host, "Ratings:80"))
		wrong = "Host is not rewritten";
	ir_free(ir);
	return wrong;
}

static const char *test_redirect(void)
{
	static const struct {
		const char *scheme, *authority, *path;
		uint32_t port;
		const char *host, *target, *want;
	} table[] = {
		{ NULL, NULL, NULL, 0, "a", "/x?q", "http://a/x?q" },
		{ NULL, NULL, NULL, 0, "a:80", "/x", "http://a:80/x" },
		{ "https", NULL, NULL, 0, "a:80", "/x", "https://a/x" },
		{ "https", NULL, NULL, 0, "a:8080", "/x", "https://a:8080/x" },
		{ NULL, NULL, NULL, 8443, "a:80", "/x", "http://a:8443/x" },
		{ NULL, NULL, NULL, 8443, "[::1]:80", "/x", "http://[::1]:8443/x" },
		{ NULL, NULL, NULL, 8443, "[::1]", "/x", "http://[::1]:8443/x" },
		{ NULL, "b", NULL, 0, "a:80", "/x", "http://b/x" },
		{ NULL, NULL, "/y", 0, "a", "/x?q", "http://a/y?q" },
		{ NULL, NULL, "/y?z", 0, "a", "/x?q", "http://a/y?z" },
		{ NULL, NULL, NULL, 0, "a", "https://c/x", "https://c/x" },
		{ "http", NULL, NULL, 0, "a", "https://c:443/x", "http://c:443/x" },
	};
	struct ir *ir = small_policy();
	const char *wrong = NULL;

	ir->route->kind = L7FP_ROUTE_REDIRECT;
	ir->route->status = 302;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct ir_decision d;

		ir->route->redirect_scheme = table[i].scheme;
		ir->route->redirect_authority = table[i].authority;
		ir->route->redirect_path = table[i].path;
		ir->route->redirect_port = table[i].port;
		d = decide(ir, &(struct ir_request){ .host = table[i].host,
						     .target = table[i].target });
		if (d.verdict != L7FP_RESPOND || d.status != 302 ||
		    strcmp(d.location, table[i].want))
			wrong = table[i].want;
	}
	ir->route->redirect_scheme = ir->route->redirect_path = NULL;
	ir->route->redirect_port = 0;
	ir->route->rewrite_kind = L7FP_REWRITE_PREFIX;
	ir->route->rewrite_match_len = 2;
	ir->route->rewrite_path = "/new";
	if (strcmp(get(ir, "/x/y?q").location, "http://reviews/new/y?q"))
		wrong = "a redirect that replaces a prefix";
	ir_free(ir);
	return wrong;
}

static const char *test_other_kinds(void)
{
	struct ir *ir = small_policy();
	const char *wrong = NULL;
	struct ir_decision d;

	ir->route->kind = L7FP_ROUTE_DIRECT;
	ir->route->status = 418;
	d = get(ir, "/");
	if (d.verdict != L7FP_RESPOND || d.status != 418 || d.reason != L7FP_REASON_DR ||
	    d.cluster != -1)
		wrong = "direct response";
	ir->route->kind = L7FP_ROUTE_SLOW_PATH;
	ir->route->slow_path_reason = "mirror";
	d = get(ir, "/");
	if (d.verdict != L7FP_SLOW_PATH || d.status != 503 || strcmp(d.slow_path_reason, "mirror"))
		wrong = "route of the slow path";
	ir_free(ir);
	return wrong;
}

/* A condition that is not known stops the search: what comes later may not win. */
static const char *test_unknown_route(void)
{
	struct ir *ir = small_policy();
	const char *wrong = NULL;
	struct ir_match match[] = {
		{ .expr = all(ir, path_is(ir, L7FP_MATCH_PREFIX, "/u"), ir_unknown(ir, "regex")) },
	};
	struct ir_decision d;

	ir->virtual_host->match = match;
	ir->virtual_host->n_matches = 1;
	d = get(ir, "/u");
	if (d.verdict != L7FP_SLOW_PATH || strcmp(d.slow_path_reason, "regex") || d.route != -1)
		wrong = "may match";
	if (get(ir, "/v").verdict != L7FP_FORWARD)
		wrong = "cannot match";
	ir->virtual_host->expr = ir_unknown(ir, "host");
	if (get(ir, "/v").verdict != L7FP_SLOW_PATH)
		wrong = "virtual host that may match";
	ir_free(ir);
	return wrong;
}

/* ---- fields ---- */

static const char *test_headers(void)
{
	static const struct {
		struct ir_header header[3];
		const char *slot, *value;
		enum l7fp_verdict verdict;
	} table[] = {
		{ { { "X-User", "jason" } }, "x-user", "jason", L7FP_FORWARD },
		{ { { "x-user", "Jason" } }, "x-user", "jason", L7FP_RESPOND },
		{ { { "x-user", "a" }, { "X-USER", "b" } }, "x-user", "a,b", L7FP_SLOW_PATH },
		{ { { "x-user", "a" }, { "x-user", "a" } }, "x-user", "a", L7FP_SLOW_PATH },
		{ { { "x-user", "a" }, { "y", "1" }, { "y", "2" } }, "x-user", "a", L7FP_FORWARD },
		{ { { "via", "a" }, { "Via", "b" } }, "via", "a,b", L7FP_FORWARD },
		{ { { "x-user", "a" }, { "x-user", "b" }, { "connection", "x-user" } }, "x-user",
		  "a", L7FP_RESPOND },
		{ { { "x-users", "jason" } }, "x-user", "jason", L7FP_RESPOND },
		{ { { "x-user", "" } }, "x-user", "", L7FP_FORWARD },
		{ { { "y", "" } }, "x-user", "", L7FP_RESPOND },
		{ { { "x-user", "a" }, { "connection", "x-user" } }, "x-user", "a", L7FP_RESPOND },
		{ { { "x-user", "a" }, { "connection", "close, X-User" } }, "x-user", "a", L7FP_RESPOND },
		{ { { "te", "trailers" }, { "connection", "te" } }, "te", "trailers", L7FP_FORWARD },
		{ { { "y", "" } }, "x-forwarded-proto", "http", L7FP_FORWARD },
		{ { { "x-forwarded-proto", "https" } }, "x-forwarded-proto", "https", L7FP_FORWARD },
		{ { { "y", "" } }, "host", "reviews", L7FP_FORWARD },
		{ { { "y", "" } }, ":path", "/a?q", L7FP_FORWARD },
		{ { { "y", "" } }, ":method", "GET", L7FP_FORWARD },
		{ { { "y", "" } }, ":scheme", "http", L7FP_FORWARD },
	};
	const char *wrong = NULL;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct ir *ir = small_policy();
		struct ir_header header[3];
		struct ir_request request = { .host = "reviews", .target = "/a?q",
					      .header = header };

		memcpy(header, table[i].header, sizeof(header));
		while (request.n_headers < 3 && header[request.n_headers].name)
			request.n_headers++;
		ir->virtual_host->expr = header_is(ir, table[i].slot, table[i].value);
		if (decide(ir, &request).verdict != table[i].verdict)
			wrong = table[i].slot;
		ir_free(ir);
	}
	return wrong;
}

static const char *test_addresses(void)
{
	static const struct {
		const char *wanted, *address;
		uint32_t prefix;
		bool match;
	} table[] = {
		{ "10.1.2.3", "10.1.2.3", 128, true },
		{ "10.1.2.3", "10.1.2.2", 128, false },
		{ "10.1.2.3", "10.1.2.2", 127, true },
		{ "10.1.2.0", "10.1.2.255", 120, true },
		{ "10.1.2.0", "10.1.3.0", 120, false },
		{ "10.0.0.0", "10.255.1.1", 104, true },
		{ "10.0.0.0", "11.0.0.0", 104, false },
		{ "10.0.0.0", "192.168.0.1", 96, true },
		{ "2001:db8::", "2001:db8:ffff::1", 32, true },
		{ "2001:db8::", "2001:db9::1", 32, false },
		{ "::", "2001:db9::1", 0, true },
		{ "10.1.2.3", "::a01:203", 128, false },
	};
	const char *wrong = NULL;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct ir *ir = small_policy();
		struct ir_request request = { .host = "a" };
		struct ir_expr *e = ir_alloc(ir, sizeof(*e));
		char mapped[64];

		snprintf(mapped, sizeof(mapped), "%s%s", strchr(table[i].wanted, '.') ?
			 "::ffff:" : "", table[i].wanted);
		inet_pton(AF_INET6, mapped, e->addr);
		snprintf(mapped, sizeof(mapped), "%s%s", strchr(table[i].address, '.') ?
			 "::ffff:" : "", table[i].address);
		inet_pton(AF_INET6, mapped, request.source_ip);
		e->kind = IR_SOURCE_IP;
		e->prefix = table[i].prefix;
		ir->virtual_host->expr = e;
		if ((decide(ir, &request).verdict == L7FP_FORWARD) != table[i].match)
			wrong = table[i].address;
		ir_free(ir);
	}
	return wrong;
}

static const char *test_methods(void)
{
	struct ir *ir = small_policy();
	struct ir_expr *e = ir_alloc(ir, sizeof(*e));
	struct ir_request request = { .host = "a", .method = "POST" };
	const char *wrong = NULL;

	e->kind = IR_METHOD;
	e->method = L7FP_METHOD_POST;
	ir->virtual_host->expr = e;
	if (decide(ir, &request).verdict != L7FP_FORWARD)
		wrong = "known method";
	request.method = "post";
	if (decide(ir, &request).verdict == L7FP_FORWARD)
		wrong = "case of a method counts";
	request.method = "PURGE";
	ir->virtual_host->expr = ir_string(ir, L7FP_FIELD_METHOD, L7FP_MATCH_EXACT, "PURGE");
	if (decide(ir, &request).verdict != L7FP_FORWARD)
		wrong = "other method";
	request.method = "CONNECT";
	request.target = "b:443";
	ir->virtual_host->expr = ir_string(ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT, "b");
	if (decide(ir, &request).verdict != L7FP_FORWARD)
		wrong = "CONNECT names its host in the target";
	ir_free(ir);
	return wrong;
}

static const char *test_absolute_form(void)
{
	struct ir *ir = small_policy();
	const char *wrong = NULL;

	ir->virtual_host->expr = all(ir, ir_string(ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT, "b"),
				     path_is(ir, L7FP_MATCH_EXACT, "/"));
	if (get(ir, "http://B:80").verdict != L7FP_FORWARD)
		wrong = "no path";
	if (strcmp(get(ir, "HTTP://b?q").path, "/?q"))
		wrong = "only a query";
	if (get(ir, "http://c/").verdict == L7FP_FORWARD)
		wrong = "another host";
	ir_free(ir);
	return wrong;
}

/* ---- authorization ---- */

static const char *test_authorization(void)
{
	static const struct {
		const char *deny, *allow;	/* prefixes; NULL: no such rule; "?": UNKNOWN */
		enum l7fp_verdict verdict;
		int32_t rule;
	} table[] = {
		{ NULL, NULL, L7FP_FORWARD, -1 },
		{ "/a", NULL, L7FP_RESPOND, 0 },
		{ "/b", NULL, L7FP_FORWARD, -1 },
		{ NULL, "/a", L7FP_FORWARD, 0 },
		{ NULL, "/b", L7FP_RESPOND, -1 },
		{ "/a", "/a", L7FP_RESPOND, 0 },
		{ "/b", "/a", L7FP_FORWARD, 1 },
		{ "?", NULL, L7FP_SLOW_PATH, 0 },
		{ NULL, "?", L7FP_SLOW_PATH, 0 },
		{ "/a", "?", L7FP_RESPOND, 0 },
		{ "?", "/a", L7FP_SLOW_PATH, 0 },
		{ "?", "/b", L7FP_RESPOND, -1 },
		{ "?", "?", L7FP_SLOW_PATH, 0 },
		{ "/b", "?", L7FP_SLOW_PATH, 1 },
	};
	const char *wrong = NULL;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct ir *ir = small_policy();
		const char *prefix[2] = { table[i].deny, table[i].allow };
		struct ir_decision d;

		for (int j = 0; j < 2; j++)
			if (prefix[j])
				add_rule(ir, j ? IR_ALLOW : IR_DENY, prefix[j][0] == '?' ?
					 ir_unknown(ir, "token") :
					 path_is(ir, L7FP_MATCH_PREFIX, prefix[j]));
		d = get(ir, "/a");
		if (d.verdict != table[i].verdict || d.rule != table[i].rule)
			wrong = "see the table";
		if (d.verdict == L7FP_RESPOND && (d.status != 403 || d.reason != L7FP_REASON_RBAC))
			wrong = "a denial is not 403 RBAC";
		if (wrong)
			printf("# row %zu: verdict %d rule %d\n", i, d.verdict, d.rule);
		ir_free(ir);
	}
	return wrong;
}

/* A later DENY that matches counts before an earlier one that is not known. */
static const char *test_certain_denial(void)
{
	struct ir *ir = small_policy();
	const char *wrong = NULL;
	struct ir_decision d;

	add_rule(ir, IR_DENY, ir_unknown(ir, "first"));
	add_rule(ir, IR_DENY, path_is(ir, L7FP_MATCH_EXACT, "/a"));
	d = get(ir, "/a");
	if (d.verdict != L7FP_RESPOND || d.rule != 1)
		wrong = "DENY that matches";
	if (get(ir, "/b").verdict != L7FP_SLOW_PATH)
		wrong = "DENY that may match";
	ir_free(ir);
	return wrong;
}

/* The request is judged as it is forwarded. */
static const char *test_authorization_after_route(void)
{
	struct ir_header_op op = { L7FP_HEADER_SET, "x-user", "route" };
	struct ir_header_op first = { L7FP_HEADER_SET, "x-user", "cluster" };
	struct ir *ir = small_policy();
	const char *wrong = NULL;

	ir->route->rewrite_kind = L7FP_REWRITE_FULL;
	ir->route->rewrite_path = "/new";
	ir->route->rewrite_authority = "new";
	ir->route->request = (struct ir_header_ops){ 1, &op };
	ir->route->cluster[0].request = (struct ir_header_ops){ 1, &first };
	add_rule(ir, IR_DENY, path_is(ir, L7FP_MATCH_EXACT, "/old"));
	add_rule(ir, IR_ALLOW,
		 all(ir, path_is(ir, L7FP_MATCH_EXACT, "/new"),
		     all(ir, ir_string(ir, L7FP_FIELD_HOST, L7FP_MATCH_EXACT, "new"),
			 header_is(ir, "x-user", "route"))));
	if (get(ir, "/old").verdict != L7FP_FORWARD)
		wrong = "judged before the route's changes";
	ir_free(ir);
	return wrong;
}

/* Every authorization of the cluster must let the request pass. */
static const char *test_several(void)
{
	static const struct {
		bool unknown, deny;
		enum l7fp_verdict verdict;
	} table[] = {
		{ false, false, L7FP_FORWARD }, { true, false, L7FP_SLOW_PATH },
		{ false, true, L7FP_RESPOND },	{ true, true, L7FP_RESPOND },
	};
	const char *wrong = NULL;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct ir *ir = small_policy();
		struct ir_authorization_rule first = {
			.action = IR_DENY, .rule = 0,
			.expr = table[i].unknown ? ir_unknown(ir, "u") : ir_false(ir) };
		struct ir_authorization_rule second = {
			.action = IR_DENY, .rule = 1,
			.expr = table[i].deny ? ir_true(ir) : ir_false(ir) };
		struct ir_authorization list[] = { { .n_rules = 1, .rule = &first },
						   { .n_rules = 1, .rule = &second } };
		uint32_t both[] = { 0, 1 };

		ir->authorization = list;
		ir->n_authorization = 2;
		ir->cluster[0].authorization = both;
		ir->cluster[0].n_authorization = 2;
		if (get(ir, "/").verdict != table[i].verdict)
			wrong = "see the table";
		ir_free(ir);
	}
	return wrong;
}

int main(void)
{
	static const struct {
		const char *name;
		const char *(*test)(void);
	} test[] = {
		{ "the first match wins, on the normal form", test_first_match },
		{ "bad paths and hosts are refused", test_refused },
		{ "weights are exact at their edges", test_weights },
		{ "rewrites keep the query", test_rewrite },
		{ "Location is Envoy's", test_redirect },
		{ "direct responses and slow path routes", test_other_kinds },
		{ "an unknown condition ends in the slow path", test_unknown_route },
		{ "headers", test_headers },
		{ "address prefixes", test_addresses },
		{ "methods", test_methods },
		{ "absolute-form", test_absolute_form },
		{ "DENY, then ALLOW, three-valued", test_authorization },
		{ "a certain denial counts first", test_certain_denial },
		{ "authorization sees what is forwarded", test_authorization_after_route },
		{ "all authorizations must pass", test_several },
	};

	ktap_begin(COUNT(test));
	for (size_t i = 0; i < COUNT(test); i++)
		ktap_result("evaluate", test[i].name, test[i].test());
	return ktap_end();
}
