// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "random_policy.h"

#define MANY_TESTS	2100

static const char *const methods[] = { "GET", "POST", "DELETE", "PURGE", "HEAD" };
static const char *const header_names[] = { "x-user", "x-env", "end-user", "x-added",
					    "x-forwarded-proto" };
static const char *const slot_names[] = { "x-user", "x-user", "x-env", "end-user", "x-added",
					  "x-forwarded-proto", "host", ":path", ":method",
					  ":scheme", ":authority" };
static const char *const header_values[] = { "", "jason", "canary", "canary-1", "JASON", "a,b",
					     "user-123", "user-1234", "user-12345678-and-more-x",
					     "user-12345678-and-mor", "canary-2", "us" };
static const char *const principals[] = { "cluster.local/ns/default/sa/web",
					  "cluster.local/ns/default/sa/webs",
					  "cluster.local/ns/other/sa/web",
					  "cluster.local/ns/other/sa/job" };
static const char *const query_names[] = { "q", "debug", "v" };

/* splitmix64 */
static uint64_t next(struct random_policy *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t random_below(struct random_policy *r, uint32_t n)
{
	return (uint32_t)(next(r) % n);
}

static bool percent(struct random_policy *r, uint32_t chance)
{
	return random_below(r, 100) < chance;
}

#define PICK(r, array)	((array)[random_below(r, sizeof(array) / sizeof((array)[0]))])

static const char *text(struct random_policy *r, const char *s)
{
	return ir_strdup(r->ir, s);
}

/* ---- strings ---- */

static const char *new_path(struct random_policy *r)
{
	static const char *const part[] = {
		"/", "/a", "/ab", "/api", "/api/v1", "/api/v2/", "/service", "/services/",
		"/service-1", "/x", "/reviews/1234567", "/a-long-part-of-a-path", ".html", "-b",
	};
	char path[512] = "/";
	size_t len;

	if (percent(r, 10))
		return text(r, path);
	strcpy(path, part[random_below(r, 12)]);
	for (uint32_t n = random_below(r, 4); n; n--)
		strcat(path, PICK(r, part));
	/* Around the bytes of a path that a program sees itself. */
	len = strlen(path);
	if (percent(r, 4)) {
		size_t to = L7FP_PATH_INLINE - 2 + random_below(r, 5);

		for (; len < to; len++)
			path[len] = 'p';
		path[len] = 0;
	}
	return text(r, path);
}

static const char *new_host(struct random_policy *r)
{
	static const char *const name[] = { "reviews", "ratings", "details", "a", "b-1" };
	static const char *const tail[] = { "", ".default", ".default.svc.cluster.local",
					    ".example.com", ".prod.example.com" };
	char host[300];
	size_t len;

	if (percent(r, 30))
		snprintf(host, sizeof(host), "service-%u.ns%u.svc.cluster.local",
			 random_below(r, 30), random_below(r, 3));
	else
		snprintf(host, sizeof(host), "%s%s", PICK(r, name), PICK(r, tail));
	len = strlen(host);
	if (percent(r, 3)) {
		size_t to = L7FP_AUTHORITY_INLINE - 2 + random_below(r, 5);

		for (; len < to; len++)
			host[len] = 'h';
		host[len] = 0;
	}
	return text(r, host);
}

/* @s, or something close to it. */
static char *vary(struct random_policy *r, const char *s, uint32_t chance)
{
	size_t len = strlen(s);
	char *v = ir_alloc(r->ir, len + 16);

	memcpy(v, s, len + 1);
	if (!percent(r, chance))
		return v;
	switch (random_below(r, 5)) {
	case 0:
		if (len > 1)
			v[1 + random_below(r, (uint32_t)len - 1)] = 0;
		break;
	case 1:
		strcat(v, "/more");
		break;
	case 2:
		strcat(v, "z");
		break;
	case 3:
		if (len > 1)
			v[1 + random_below(r, (uint32_t)len - 1)] ^= 0x02;
		break;
	case 4:
		if (len > 1)
			v[1 + random_below(r, (uint32_t)len - 1)] ^= 0x20;
		break;
	}
	/* What a request may not hold. */
	for (char *p = v; *p; p++)
		if (*p <= ' ' || *p == '#' || *p == '?' || *p == '%' || *p == 0x7f || *p == ':')
			*p = 'q';
	return v;
}

/* ---- conditions ---- */

static struct ir_expr *leaf(struct random_policy *r, enum ir_expr_kind kind)
{
	struct ir_expr *e = ir_alloc(r->ir, sizeof(*e));

	e->kind = kind;
	return e;
}

static struct ir_expr *path_test(struct random_policy *r)
{
	static const uint32_t op[] = {
		L7FP_MATCH_EXACT,  L7FP_MATCH_EXACT,	L7FP_MATCH_EXACT, L7FP_MATCH_PREFIX,
		L7FP_MATCH_PREFIX, L7FP_MATCH_PREFIX,	L7FP_MATCH_PREFIX, L7FP_MATCH_SUFFIX,
		L7FP_MATCH_CONTAINS, L7FP_MATCH_SEGMENT_PREFIX, L7FP_MATCH_SEGMENT_PREFIX,
		L7FP_MATCH_NOT_EMPTY,
	};
	const char *path = r->path[random_below(r, (uint32_t)r->n_paths)];
	uint32_t flag = percent(r, 5) ? L7FP_MATCH_IGNORE_CASE : 0;

	if (percent(r, 2))
		return ir_string(r->ir, L7FP_FIELD_PATH, L7FP_MATCH_TEMPLATE, "/api/*/v1");
	if (percent(r, 2))
		path = "";
	else
		path = vary(r, path, 30);
	return ir_string(r->ir, L7FP_FIELD_PATH, PICK(r, op) | flag, path);
}

static const char *upper_case(struct random_policy *r, const char *s)
{
	char *upper = ir_strdup(r->ir, s);

	for (char *p = upper; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p &= ~0x20;
	return upper;
}

/* Host as it was sent, with or without its port. */
static struct ir_expr *sent_host_test(struct random_policy *r, const char *host)
{
	static const uint32_t op[] = { L7FP_MATCH_EXACT, L7FP_MATCH_PREFIX, L7FP_MATCH_SUFFIX };
	char text[512];

	snprintf(text, sizeof(text), "%s%s", host, percent(r, 50) ? ":9080" : "");
	return ir_string(r->ir, L7FP_FIELD_HOST, PICK(r, op), percent(r, 20) ? ":9080" : text);
}

static struct ir_expr *host_test(struct random_policy *r)
{
	const char *host = r->host[random_below(r, (uint32_t)r->n_hosts)];
	const char *dot = strchr(host, '.');
	uint32_t flag = percent(r, 60) ? L7FP_MATCH_IGNORE_CASE : 0;

	if (percent(r, 10) && dot)
		return ir_string(r->ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_SUFFIX | flag, dot);
	if (percent(r, 8))
		return sent_host_test(r, host);
	if (percent(r, 3))
		return ir_string(r->ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_PREFIX, "");
	if (flag && percent(r, 15))
		return ir_string(r->ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT | flag,
				 upper_case(r, host));
	if (percent(r, 10))
		return ir_string(r->ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_PREFIX | flag,
				 vary(r, host, 60));
	return ir_string(r->ir, L7FP_FIELD_AUTHORITY, L7FP_MATCH_EXACT | flag, vary(r, host, 15));
}

static struct ir_expr *slot_test(struct random_policy *r)
{
	static const uint32_t op[] = { L7FP_MATCH_EXACT, L7FP_MATCH_PREFIX, L7FP_MATCH_PRESENT,
				       L7FP_MATCH_SUFFIX, L7FP_MATCH_NOT_EMPTY,
				       L7FP_MATCH_CONTAINS,
				       L7FP_MATCH_EXACT | L7FP_MATCH_IGNORE_CASE };
	int slot = percent(r, 70) ? ir_slot(r->ir, L7FP_SLOT_HEADER, PICK(r, slot_names)) :
				    ir_slot(r->ir, L7FP_SLOT_QUERY, PICK(r, query_names));

	return ir_string(r->ir, L7FP_FIELD_SLOT + (uint32_t)slot, PICK(r, op),
			 PICK(r, header_values));
}

static void random_address(struct random_policy *r, uint32_t addr[4])
{
	addr[0] = addr[1] = 0;
	addr[2] = htonl(0xffff);
	addr[3] = htonl(0x0a000000 | random_below(r, 4) << 8 | random_below(r, 4));
	if (percent(r, 10)) {
		addr[0] = htonl(0x20010db8);
		addr[2] = htonl(random_below(r, 3));
	}
}

/* Who the client is. */
static struct ir_expr *source_test(struct random_policy *r)
{
	static const uint32_t op[] = { L7FP_MATCH_EXACT, L7FP_MATCH_EXACT, L7FP_MATCH_PREFIX,
				       L7FP_MATCH_PRESENT };

	if (percent(r, 30))
		return ir_string(r->ir, L7FP_FIELD_SOURCE_NAMESPACE, PICK(r, op),
				 percent(r, 50) ? "default" : "other");
	if (percent(r, 20))
		return ir_string(r->ir, L7FP_FIELD_SOURCE_PRINCIPAL, L7FP_MATCH_SUFFIX, "/sa/web");
	return ir_string(r->ir, L7FP_FIELD_SOURCE_PRINCIPAL, PICK(r, op), PICK(r, principals));
}

static struct ir_expr *connection_test(struct random_policy *r)
{
	static const uint32_t prefix[] = { 0, 7, 32, 40, 96, 104, 120, 127, 128, 128 };
	struct ir_expr *e;

	switch (random_below(r, 7)) {
	case 5:
		return source_test(r);
	case 6:
		return leaf(r, IR_INBOUND);
	case 0:
	case 1:
		e = leaf(r, percent(r, 50) ? IR_SOURCE_IP : IR_DESTINATION_IP);
		random_address(r, e->addr);
		e->prefix = PICK(r, prefix);
		return e;
	case 2:
		e = leaf(r, IR_SOURCE_PORT);
		e->port = 40000 + random_below(r, 3);
		return e;
	case 3:
		e = leaf(r, IR_DESTINATION_PORT);
		e->port = 9080 + random_below(r, 3);
		return e;
	default:
		if (percent(r, 30))
			return ir_string(r->ir, L7FP_FIELD_METHOD, L7FP_MATCH_EXACT,
					 PICK(r, methods));
		e = leaf(r, IR_METHOD);
		e->method = 1 + random_below(r, 4);
		return e;
	}
}

static struct ir_expr *any_test(struct random_policy *r)
{
	if (r->unknown && percent(r, 12))
		return ir_unknown(r->ir, "random");
	switch (random_below(r, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return path_test(r);
	case 4:
		return host_test(r);
	case 5:
	case 6:
		return slot_test(r);
	case 7:
		return percent(r, 30) ? ir_true(r->ir) : ir_false(r->ir);
	default:
		return connection_test(r);
	}
}

struct ir_expr *random_expr(struct random_policy *r, unsigned int depth)
{
	struct ir_expr *child[40];
	size_t n;

	if (!depth || percent(r, 25))
		return any_test(r);
	if (percent(r, 20))
		return ir_not(r->ir, random_expr(r, depth - 1));
	n = percent(r, 3) ? 30 + random_below(r, 10) : 1 + random_below(r, 4);
	for (size_t i = 0; i < n; i++)
		child[i] = random_expr(r, depth - 1);
	return percent(r, 50) ? ir_and(r->ir, child, n) : ir_or(r->ir, child, n);
}

/* The form that routes and rules have: some strings and maybe more. */
static struct ir_expr *usual_expr(struct random_policy *r, struct ir_expr *(*test)(
					  struct random_policy *r))
{
	struct ir_expr *all[4], *any[12];
	size_t n = percent(r, 60) ? 1 : 1 + random_below(r, percent(r, 10) ? 12 : 3), n_all = 0;

	if (percent(r, 12))
		return random_expr(r, 3);
	for (size_t i = 0; i < n; i++)
		any[i] = test(r);
	if (!percent(r, 10))
		all[n_all++] = ir_or(r->ir, any, n);
	if (percent(r, 30))
		all[n_all++] = slot_test(r);
	if (percent(r, 25))
		all[n_all++] = connection_test(r);
	if (r->unknown && percent(r, 8))
		all[n_all++] = ir_unknown(r->ir, "usual");
	return ir_and(r->ir, all, n_all);
}

/* Two headers: trees inside trees. */
static struct ir_expr *header_pair_test(struct random_policy *r)
{
	static const char *const first[] = { "user-12345678-and-more-x", "user-123", "canary-1" };
	struct ir_expr *all[2];

	all[0] = ir_string(r->ir, L7FP_FIELD_SLOT +
			   (uint32_t)ir_slot(r->ir, L7FP_SLOT_HEADER, "x-user"),
			   percent(r, 50) ? L7FP_MATCH_EXACT : L7FP_MATCH_PREFIX, PICK(r, first));
	all[1] = ir_string(r->ir, L7FP_FIELD_SLOT +
			   (uint32_t)ir_slot(r->ir, L7FP_SLOT_HEADER, "x-env"),
			   percent(r, 70) ? L7FP_MATCH_EXACT : L7FP_MATCH_PREFIX,
			   PICK(r, header_values));
	return ir_and(r->ir, all, 2);
}

/* What all conditions of a list are about, mostly. */
static struct ir_expr *(*usual_test(struct random_policy *r))(struct random_policy *r)
{
	if (percent(r, 65))
		return path_test;
	if (percent(r, 25))
		return header_pair_test;
	return percent(r, 65) ? slot_test : connection_test;
}

/* ---- policies ---- */

static struct ir_source source(struct random_policy *r, const char *what, size_t index)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %zu", what, index);
	return (struct ir_source){ "random.yaml", (int)index + 1, 1, text(r, name) };
}

static void random_ops(struct random_policy *r, struct ir_header_ops *ops)
{
	if (!percent(r, 30))
		return;
	ops->n = 1 + random_below(r, 3);
	ops->op = ir_alloc(r->ir, ops->n * sizeof(*ops->op));
	for (size_t i = 0; i < ops->n; i++)
		ops->op[i] = (struct ir_header_op){ random_below(r, 3), PICK(r, header_names),
						    PICK(r, header_values) };
}

static void random_redirect(struct random_policy *r, struct ir_route *route)
{
	if (percent(r, 40))
		route->redirect_scheme = percent(r, 50) ? "https" : "http";
	if (percent(r, 40))
		route->redirect_authority = "Elsewhere.example.com";
	if (percent(r, 30))
		route->redirect_port = percent(r, 50) ? 8443 : 80;
	/* Either of the two; the module refuses both. */
	if (route->rewrite_kind == L7FP_REWRITE_NONE && percent(r, 50))
		route->redirect_path = percent(r, 30) ? "/moved?why=it" :
				r->path[random_below(r, (uint32_t)r->n_paths)];
}

static void random_route(struct random_policy *r, struct ir_route *route, size_t index)
{
	struct ir *ir = r->ir;
	uint32_t kind = random_below(r, 100);

	route->source = source(r, "route", index);
	if (kind < 72)
		route->kind = L7FP_ROUTE_FORWARD;
	else if (kind < 84)
		route->kind = L7FP_ROUTE_DIRECT;
	else if (kind < 96)
		route->kind = L7FP_ROUTE_REDIRECT;
	else
		route->kind = L7FP_ROUTE_SLOW_PATH;
	route->status = route->kind == L7FP_ROUTE_REDIRECT ? 301 : 418;
	route->slow_path_reason = "route";
	if (percent(r, 25)) {
		route->rewrite_kind = 1 + random_below(r, 2);
		route->rewrite_match_len = 1 + random_below(r, 12);
		route->rewrite_path = r->path[random_below(r, (uint32_t)r->n_paths)];
	}
	if (route->kind == L7FP_ROUTE_REDIRECT)
		random_redirect(r, route);
	if (route->kind != L7FP_ROUTE_FORWARD)
		return;
	route->n_clusters = percent(r, 70) ? 1 : 1 + random_below(r, 3);
	route->cluster = ir_alloc(ir, route->n_clusters * sizeof(*route->cluster));
	for (size_t i = 0; i < route->n_clusters; i++) {
		route->cluster[i].cluster = random_below(r, (uint32_t)ir->n_clusters);
		route->cluster[i].weight = i ? random_below(r, 100) : 1 + random_below(r, 100);
		random_ops(r, &route->cluster[i].request);
	}
	random_ops(r, &route->request);
	if (percent(r, 15))
		route->rewrite_authority = percent(r, 50) ? "Rewritten.example.com:8080" :
				r->host[random_below(r, (uint32_t)r->n_hosts)];
}

static size_t random_size(struct random_policy *r)
{
	uint32_t kind = random_below(r, 100);

	if (kind < 70)
		return random_below(r, 7);
	return kind < 95 ? random_below(r, 40) : random_below(r, 300);
}

static void random_virtual_host(struct random_policy *r, struct ir_virtual_host *host,
				size_t index, bool last)
{
	struct ir_expr *(*test)(struct random_policy *r);
	struct ir *ir = r->ir;

	host->source = source(r, "virtual host", index);
	host->expr = percent(r, last ? 60 : 8) ? ir_true(ir) : usual_expr(r, host_test);
	host->n_matches = random_size(r);
	host->match = ir_alloc(ir, (host->n_matches + 1) * sizeof(*host->match));
	test = usual_test(r);
	for (size_t i = 0; i < host->n_matches; i++) {
		host->match[i].source = source(r, "match", i);
		if (!percent(r, 3))
			host->match[i].expr = usual_expr(r, test);
		host->match[i].route = random_below(r, (uint32_t)ir->n_routes);
	}
	host->fallback = percent(r, 25) ? -1 : (int32_t)random_below(r, (uint32_t)ir->n_routes);
}

static void random_authorization(struct random_policy *r, struct ir_authorization *a)
{
	struct ir_expr *(*test)(struct random_policy *r) = usual_test(r);
	struct ir *ir = r->ir;

	a->has_allow = percent(r, 60);
	a->n_rules = random_size(r);
	a->rule = ir_alloc(ir, (a->n_rules + 1) * sizeof(*a->rule));
	for (size_t i = 0; i < a->n_rules; i++) {
		struct ir_authorization_rule *rule = &a->rule[i];

		rule->rule = (uint32_t)ir->n_rules++;
		rule->source = source(r, "rule", rule->rule);
		rule->action = a->has_allow && percent(r, 80) ? IR_ALLOW : IR_DENY;
		if (percent(r, 5) && rule->action == IR_ALLOW)
			rule->expr = ir_true(ir);
		else
			rule->expr = usual_expr(r, test);
		if (r->unknown && percent(r, 6))
			rule->expr = ir_unknown(ir, "rule");
		/* Denials of everything would leave little to compare. */
		if (rule->action == IR_DENY && percent(r, 50))
			rule->expr = ir_and(ir, (struct ir_expr *[]){ rule->expr, slot_test(r),
								       connection_test(r) }, 3);
	}
}

/* What a connection that is not HTTP can be asked. */
static struct ir_expr *bytes_expr(struct random_policy *r, unsigned int depth)
{
	struct ir_expr *child[3], *e;
	size_t n = 1 + random_below(r, 3);

	if (depth && percent(r, 60)) {
		for (size_t i = 0; i < n; i++)
			child[i] = bytes_expr(r, depth - 1);
		e = percent(r, 50) ? ir_and(r->ir, child, n) : ir_or(r->ir, child, n);
		return percent(r, 25) ? ir_not(r->ir, e) : e;
	}
	if (r->unknown && percent(r, 10))
		return ir_unknown(r->ir, "random");
	if (percent(r, 50))
		return source_test(r);
	e = leaf(r, percent(r, 50) ? IR_DESTINATION_PORT : IR_SOURCE_IP);
	e->port = 9080 + random_below(r, 3);
	random_address(r, e->addr);
	e->prefix = percent(r, 50) ? 128 : 120;
	return e;
}

static void random_inbound(struct random_policy *r)
{
	struct ir_authorization *a = &r->ir->inbound.connect;

	r->ir->inbound.captured = percent(r, 70);
	a->has_allow = percent(r, 60);
	a->n_rules = random_below(r, percent(r, 80) ? 5 : 40);
	a->rule = ir_alloc(r->ir, (a->n_rules + 1) * sizeof(*a->rule));
	for (size_t i = 0; i < a->n_rules; i++) {
		struct ir_authorization_rule *rule = &a->rule[i];

		rule->rule = (uint32_t)r->ir->n_rules++;
		rule->source = source(r, "rule", rule->rule);
		rule->action = a->has_allow && percent(r, 60) ? IR_ALLOW : IR_DENY;
		rule->expr = bytes_expr(r, 2);
	}
}

/* Two addresses each, of the grid that requests come from. */
static void random_workloads(struct random_policy *r)
{
	struct ir *ir = r->ir;

	ir->n_workloads = random_below(r, 6);
	ir->workload = ir_alloc(ir, (ir->n_workloads + 1) * sizeof(*ir->workload));
	for (size_t i = 0; i < ir->n_workloads; i++) {
		struct ir_workload *w = &ir->workload[i];
		uint32_t v4[4] = { 0, 0, htonl(0xffff), htonl(0x0a000000 | (uint32_t)i / 4 << 8 |
							      (uint32_t)i % 4) };
		uint32_t v6[4] = { htonl(0x20010db8), 0, htonl((uint32_t)i), v4[3] };

		w->source = source(r, "workload", i);
		w->principal = PICK(r, principals);
		w->namespace = percent(r, 50) ? "default" : "other";
		w->n_addresses = 2;
		w->address = ir_alloc(ir, 2 * sizeof(*w->address));
		memcpy(&w->address[0], v4, sizeof(v4));
		memcpy(&w->address[1], v6, sizeof(v6));
	}
}

static void random_clusters(struct random_policy *r)
{
	struct ir *ir = r->ir;
	uint32_t stride = percent(r, 50) ? 1 : 3, base = percent(r, 20) ? 0xfffff000 : 5;

	ir->n_clusters = 1 + random_below(r, percent(r, 10) ? 60 : 8);
	ir->cluster = ir_alloc(ir, ir->n_clusters * sizeof(*ir->cluster));
	r->cluster_id = ir_alloc(ir, ir->n_clusters * sizeof(*r->cluster_id));
	for (size_t i = 0; i < ir->n_clusters; i++) {
		struct ir_cluster *c = &ir->cluster[i];

		r->cluster_id[i] = base + stride * (uint32_t)(ir->n_clusters - i);
		c->source = source(r, "cluster", i);
		c->name = c->source.what;
		c->n_authorization = ir->n_authorization && !percent(r, 25) ?
				     1 + random_below(r, 2) : 0;
		c->authorization = ir_alloc(ir, 3 * sizeof(*c->authorization));
		for (size_t j = 0; j < c->n_authorization; j++)
			c->authorization[j] = random_below(r, (uint32_t)ir->n_authorization);
	}
}

/* Ports that no request has: what makes a policy large for the synthesizer. */
static struct ir_expr *many_tests(struct random_policy *r)
{
	struct ir_expr **child = ir_alloc(r->ir, MANY_TESTS * sizeof(*child));

	for (uint32_t i = 0; i < MANY_TESTS; i++) {
		child[i] = leaf(r, IR_DESTINATION_PORT);
		child[i]->port = 20000 + i;
	}
	return ir_or(r->ir, child, MANY_TESTS);
}

void random_policy(struct random_policy *r, uint64_t seed)
{
	struct ir *ir = ir_new();

	*r = (struct random_policy){ .seed = seed, .state = seed, .ir = ir };
	r->unknown = percent(r, 60);
	r->n_paths = 1 + random_below(r, RANDOM_STRINGS);
	for (size_t i = 0; i < r->n_paths; i++)
		r->path[i] = new_path(r);
	r->n_hosts = 1 + random_below(r, percent(r, 20) ? RANDOM_STRINGS : 5);
	for (size_t i = 0; i < r->n_hosts; i++)
		r->host[i] = new_host(r);

	ir->path_mode = 1 + random_below(r, 3);
	ir->n_authorization = percent(r, 12) ? 0 : 1 + random_below(r, 3);
	ir->authorization = ir_alloc(ir, 4 * sizeof(*ir->authorization));
	for (size_t i = 0; i < ir->n_authorization; i++)
		random_authorization(r, &ir->authorization[i]);
	random_inbound(r);
	random_workloads(r);
	ir->rule = ir_alloc(ir, (ir->n_rules + 1) * sizeof(*ir->rule));
	for (size_t i = 0; i < ir->n_rules; i++)
		ir->rule[i] = source(r, "rule", i);
	random_clusters(r);
	ir->n_routes = 1 + random_below(r, 20);
	ir->route = ir_alloc(ir, ir->n_routes * sizeof(*ir->route));
	for (size_t i = 0; i < ir->n_routes; i++)
		random_route(r, &ir->route[i], i);
	ir->n_virtual_hosts = percent(r, 90) ? 1 + random_below(r, 4) : random_below(r, 40);
	ir->virtual_host = ir_alloc(ir, (ir->n_virtual_hosts + 1) * sizeof(*ir->virtual_host));
	for (size_t i = 0; i < ir->n_virtual_hosts; i++)
		random_virtual_host(r, &ir->virtual_host[i], i, i + 1 == ir->n_virtual_hosts);
	if (ir->n_virtual_hosts && percent(r, 10))
		ir->virtual_host[0].expr = ir_and(ir, (struct ir_expr *[]){
			ir->virtual_host[0].expr, ir_not(ir, many_tests(r)) }, 2);
}

void random_policy_free(struct random_policy *r)
{
	ir_free(r->ir);
}

/* ---- requests ---- */

uint32_t random_request(struct random_policy *r, struct ir_request *q, uint64_t index)
{
	char *path, *host, *target, *name;

	/* Far from the numbers of other policies and requests. */
	r->state = r->seed;
	r->state = next(r) + index;
	r->state = next(r);
	path = vary(r, r->path[random_below(r, (uint32_t)r->n_paths)], 35);
	host = vary(r, r->host[random_below(r, (uint32_t)r->n_hosts)], 10);
	target = ir_alloc(r->ir, strlen(path) + 128);
	name = ir_alloc(r->ir, strlen(host) + 16);
	strcpy(target, path);
	if (percent(r, 40)) {
		strcat(target, "?");
		for (uint32_t n = random_below(r, 3); n; n--)
			sprintf(target + strlen(target), "%s=%s&", PICK(r, query_names),
				PICK(r, header_values));
	}
	strcpy(name, host);
	if (percent(r, 30))
		strcat(name, ":9080");
	*q = (struct ir_request){
		.method = PICK(r, methods),
		.target = target,
		.host = name,
		.source_port = 40000 + random_below(r, 3),
		.destination_port = 9080 + random_below(r, 3),
	};
	random_address(r, q->source_ip);
	random_address(r, q->destination_ip);
	q->inbound = percent(r, 30);
	q->n_headers = random_below(r, RANDOM_HEADERS);
	q->header = ir_alloc(r->ir, (q->n_headers + 1) * sizeof(*q->header));
	for (size_t i = 0; i < q->n_headers; i++) {
		struct ir_header *h = &q->header[i];

		h->name = percent(r, 20) ? "X-User" : PICK(r, header_names);
		/* A header that is repeated takes most requests from the program. */
		for (size_t j = 0; j < i; j++)
			if (!strcasecmp(q->header[j].name, h->name) && !percent(r, 5))
				h->name = "x-other";
		h->value = PICK(r, header_values);
		if (percent(r, 4))
			*h = (struct ir_header){ "Connection", PICK(r, header_names) };
	}
	if (percent(r, 2))
		q->host = NULL;
	return (uint32_t)next(r);
}
