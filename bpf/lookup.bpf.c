// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Inbound capture: a connection that arrives for a workload of this network
 * namespace goes to a listener of l7fp.ko, which keeps the address that the
 * client asked for.
 *
 * A destination that is in the map is captured or refused, never let through:
 * behind it is a policy that would not be enforced otherwise. The module's own
 * connection to the application is let through, and so is that of an exempt
 * process, the slow-path proxy, or they would go round for ever.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "connect.h"
#include "lookup.h"

#define AF_INET		2
/* The verifier refuses loads from the context that the compiler has merged. */
#ifndef barrier
#define barrier()	asm volatile("" ::: "memory")
#endif
#define MAPPED		bpf_htonl(0xffff)	/* third word of ::ffff:a.b.c.d */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 netns_cookie; /* volatile: set between compiling and loading */

struct inbound {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct l7fp_inbound));
	__uint(value_size, sizeof(struct l7fp_steer_to));
};

struct nodes {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct l7fp_node_address));
	__uint(value_size, sizeof(__u32));
};

/* Each is replaced whole: user space fills a new map and puts it into the only place here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inbound);
} l7fp_inbound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct nodes);
} l7fp_nodes SEC(".maps");

/* The map of the connect hooks: ids of cgroups whose processes are not captured. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, L7FP_EXEMPT_MAX);
	__type(key, __u64);
	__type(value, __u8);
} l7fp_exempt SEC(".maps");

/* Weak: the guard is loaded where there is no module. */
extern int l7fp_steer(struct bpf_sk_lookup *ctx, __u64 netns_cookie, __u32 listener) __ksym __weak;
extern int l7fp_steer_cgroups(struct bpf_sk_lookup *ctx, __u64 netns_cookie, __u64 *id,
			      __u32 id__sz) __ksym __weak;

static __always_inline struct l7fp_steer_to *find(struct l7fp_inbound *key)
{
	struct l7fp_steer_to *to;
	__u32 zero = 0;
	void *map;

	map = bpf_map_lookup_elem(&l7fp_inbound, &zero);
	if (!map)
		return NULL;
	to = bpf_map_lookup_elem(map, key);
	if (to)
		return to;
	key->port = 0;
	return bpf_map_lookup_elem(map, key);
}

static __always_inline bool from_node(const struct l7fp_node_address *source)
{
	__u32 zero = 0;
	void *map;

	map = bpf_map_lookup_elem(&l7fp_nodes, &zero);
	return map && bpf_map_lookup_elem(map, source);
}

/* What is done with a connection that is captured; NULL: it goes on as it is. */
static __always_inline struct l7fp_steer_to *captured(struct bpf_sk_lookup *ctx)
{
	struct l7fp_node_address source = { .address = { 0, 0, MAPPED } };
	struct l7fp_inbound key = { .address = { 0, 0, MAPPED } };
	struct l7fp_steer_to *to;

	if (ctx->protocol != IPPROTO_TCP)
		return NULL;
	if (ctx->family == AF_INET) {
		key.address[3] = ctx->local_ip4;
		source.address[3] = ctx->remote_ip4;
		barrier();
	} else {
		key.address[0] = ctx->local_ip6[0];
		key.address[1] = ctx->local_ip6[1];
		key.address[2] = ctx->local_ip6[2];
		key.address[3] = ctx->local_ip6[3];
		source.address[0] = ctx->remote_ip6[0];
		source.address[1] = ctx->remote_ip6[1];
		source.address[2] = ctx->remote_ip6[2];
		source.address[3] = ctx->remote_ip6[3];
		barrier();
	}
	key.port = ctx->local_port;
	to = find(&key);
	if (!to || to->flags & L7FP_STEER_PASS)
		return NULL;
	return to->flags & L7FP_STEER_PROBES && from_node(&source) ? NULL : to;
}

/* Of this network namespace only: elsewhere nobody is exempt. */
static __always_inline bool exempt(struct bpf_sk_lookup *ctx)
{
	__u64 id[L7FP_EXEMPT_LEVELS] = {};
	int i, n;

	n = l7fp_steer_cgroups(ctx, netns_cookie, id, sizeof(id));
	for (i = 0; i < L7FP_EXEMPT_LEVELS && i < n; i++)
		if (bpf_map_lookup_elem(&l7fp_exempt, &id[i]))
			return true;
	return false;
}

SEC("sk_lookup")
int l7fp_lookup(struct bpf_sk_lookup *ctx)
{
	struct l7fp_steer_to *to = captured(ctx);

	if (!to || exempt(ctx))
		return SK_PASS;
	/* 1: the module's own; an error: refused. */
	return l7fp_steer(ctx, netns_cookie, to->listener) < 0 ? SK_DROP : SK_PASS;
}

/*
 * What stands in its place while the module is away: it does not call it, and so
 * does not hold it.
 */
SEC("sk_lookup")
int l7fp_lookup_guard(struct bpf_sk_lookup *ctx)
{
	return captured(ctx) ? SK_DROP : SK_PASS;
}
