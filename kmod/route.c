// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applies a route of the tables to an exchange: cluster choice, rewrites,
 * redirects and direct responses, as Envoy does them.
 */
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include "exchange.h"

#define STR(literal) ((struct l7fp_str){ .data = (literal), .len = sizeof(literal) - 1 })

static bool equals(struct l7fp_str a, struct l7fp_str b)
{
	return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

static DEFINE_PER_CPU(u64, spread_state);

/*
 * SplitMix64 (Steele, Lea, Flood 2014). Weights need an even spread and no secret; what
 * get_random_u32() guarantees costs ten times as much.
 */
static u32 spread(void)
{
	u64 z = this_cpu_add_return(spread_state, 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) >> 32;
}

void l7fp_route_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(spread_state, cpu) = get_random_u64();
}

/* NULL when all weights are 0. */
static const struct l7fp_route_cluster *pick_cluster(const struct l7fp_route *route)
{
	const struct l7fp_route_cluster *cluster = route->clusters;
	u32 total = cluster[route->n_clusters - 1].weight_end;
	u32 point;

	if (!total)
		return NULL;
	if (route->n_clusters == 1)
		return cluster;
	point = (u64)spread() * total >> 32;
	while (point >= cluster->weight_end)
		cluster++;
	return cluster;
}

/* The path becomes @begin and what it holds from @rest on. */
static bool build_path(struct l7fp_exchange_kern *x, struct l7fp_str begin, u32 rest)
{
	u32 len = begin.len + x->path.len - rest;
	u8 *p = l7fp_arena_alloc(&x->arena, len);

	if (!p) {
		x->failed = L7FP_REASON_OM;
		return false;
	}
	memcpy(p, begin.data, begin.len);
	memcpy(p + begin.len, x->path.data + rest, x->path.len - rest);
	l7fp_fields_set_path(x, (struct l7fp_str){ .data = p, .len = len });
	return true;
}

static bool rewrite_path(struct l7fp_exchange_kern *x, const struct l7fp_route *route)
{
	switch (route->rewrite_kind) {
	case L7FP_REWRITE_NONE:
		return true;
	case L7FP_REWRITE_PREFIX:
		/* What matched is part of the path: the query stays. */
		return build_path(x, route->rewrite_path,
				  min(route->rewrite_match_len, x->query_off));
	case L7FP_REWRITE_FULL:
		return build_path(x, route->rewrite_path, x->query_off);
	}
	return false;
}

static int forward(struct l7fp_exchange_kern *x, const struct l7fp_route *route)
{
	const struct l7fp_route_cluster *cluster = pick_cluster(route);

	if (!cluster) {
		x->failed = L7FP_REASON_NC;
		return L7FP_VERDICT_NONE;
	}
	if (!rewrite_path(x, route))
		return L7FP_VERDICT_NONE;
	if (route->rewrite_authority.data && !l7fp_fields_set_host(x, route->rewrite_authority))
		return L7FP_VERDICT_NONE;
	x->route_cluster = cluster;
	x->pub.cluster = cluster->cluster;
	x->timeout_ms = route->timeout_ms;
	x->connect_retries = route->connect_retries;
	return L7FP_FORWARD;
}

/* Where the port of @host begins (at the ':'), or its length. */
static u32 port_off(struct l7fp_str host)
{
	u32 i = host.len;

	while (i && host.data[i - 1] >= '0' && host.data[i - 1] <= '9')
		i--;
	if (!i || host.data[i - 1] != ':')
		return host.len;
	/* The colons of an IPv6 address are between brackets. */
	if (host.data[0] == '[' && (i < 2 || host.data[i - 2] != ']'))
		return host.len;
	return i - 1;
}

/*
 * The request's host in a Location. Envoy's processRequestHost(): its port
 * goes when there is a new one, or when the scheme changes and the port is the
 * default of the old scheme.
 */
static struct l7fp_str redirect_host(struct l7fp_exchange_kern *x, struct l7fp_str scheme,
				     bool new_port)
{
	static const struct l7fp_slot proto = {
		.special = L7FP_SLOT_FORWARDED_PROTO,
		.name = { .data = "x-forwarded-proto", .len = 17 },
	};
	struct l7fp_str host = x->host, old, port;
	u32 off = port_off(host);
	bool drop = new_port;

	if (off == host.len)
		return host;
	port = (struct l7fp_str){ .data = host.data + off, .len = host.len - off };
	if (!l7fp_fields_header(x, &proto, &old))
		old = STR("http");
	if (!equals(scheme, old))
		drop |= (equals(old, STR("https")) && equals(port, STR(":443"))) ||
			(equals(old, STR("http")) && equals(port, STR(":80")));
	if (drop)
		host.len = off;
	return host;
}

static u8 *append(u8 *p, struct l7fp_str s)
{
	if (s.len)
		memcpy(p, s.data, s.len);
	return p + s.len;
}

static int redirect(struct l7fp_exchange_kern *x, const struct l7fp_route *route)
{
	struct l7fp_str scheme, host, port = {}, path, query = {};
	u8 port_text[sizeof(":65535")];
	struct l7fp_header_op *op;
	u8 *location, *p;

	if (x->n_extra_response == L7FP_EXTRA_OPS || !rewrite_path(x, route))
		return L7FP_VERDICT_NONE;
	scheme = route->has_scheme ? route->redirect_scheme :
		 x->request.https ? STR("https") : STR("http");
	if (route->has_port)
		port = (struct l7fp_str){
			.data = port_text,
			.len = scnprintf(port_text, sizeof(port_text), ":%u",
					 route->redirect_port),
		};
	host = route->has_authority ? route->redirect_authority :
				      redirect_host(x, scheme, port.len);
	path = x->path;
	if (route->has_path) {
		path = route->redirect_path;
		/* A query of the redirect's own takes the place of the request's. */
		if (!memchr(path.data, '?', path.len))
			query = (struct l7fp_str){
				.data = x->path.data + x->query_off,
				.len = x->path.len - x->query_off,
			};
	}

	location = l7fp_arena_alloc(&x->arena, scheme.len + 3 + host.len + port.len + path.len +
				    query.len);
	if (!location || x->failed) {
		x->failed = L7FP_REASON_OM;
		return L7FP_VERDICT_NONE;
	}
	p = append(location, scheme);
	p = append(p, STR("://"));
	p = append(p, host);
	p = append(p, port);
	p = append(p, path);
	p = append(p, query);

	op = &x->extra_response[x->n_extra_response++];
	*op = (struct l7fp_header_op){
		.kind = L7FP_HEADER_SET,
		.name = STR("location"),
		.lower = STR("location"),
		.value = { .data = location, .len = p - location },
	};
	return l7fp_reply_set(x, route->status, L7FP_REASON_DR, (struct l7fp_str){});
}

int l7fp_route_apply(struct l7fp_exchange_kern *x, u32 id)
{
	const struct l7fp_generation *generation = x->generation;
	const struct l7fp_route *route;

	/* A second route would rewrite what the first one has rewritten. */
	if (id >= generation->n_routes || x->pub.route != ~0U)
		return L7FP_VERDICT_NONE;
	route = &generation->routes[id];
	x->route = route;
	x->pub.route = id;
	x->slot_resolved = 0;
	if (likely(!x->dry_run))
		l7fp_counters_inc(&generation->route_hits, id);

	switch (route->kind) {
	case L7FP_ROUTE_FORWARD:
		return forward(x, route);
	case L7FP_ROUTE_REDIRECT:
		return redirect(x, route);
	case L7FP_ROUTE_DIRECT:
		return l7fp_reply_set(x, route->status, L7FP_REASON_DR, route->body);
	case L7FP_ROUTE_SLOW_PATH:
		return L7FP_SLOW_PATH;
	}
	return L7FP_VERDICT_NONE;
}
