// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Capture: a TCP connect from the workload's cgroup to a known service goes to
 * the listener of l7fp.ko in the same network namespace, and the application
 * goes on seeing the address that it asked for.
 *
 * A destination that is in the map is captured or refused, never let through:
 * behind it is a policy that would not be enforced otherwise.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "connect.h"

#define SOCK_STREAM	1
#define MAPPED		bpf_htonl(0xffff)	/* third word of ::ffff:a.b.c.d */
#define LOOPBACK4	bpf_htonl(0x7f000001)
#define LOOPBACK6	bpf_htonl(1)		/* last word of ::1 */

/* What a hook returns: connect() goes on, or fails with EPERM. */
#define PROCEED		1
#define REFUSE		0

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The listeners are in this network namespace; connects from others are not ours. */
const volatile __u64 netns_cookie; /* volatile: set between compiling and loading */

struct services {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct l7fp_service));
	__uint(value_size, sizeof(struct l7fp_redirect));
};

/*
 * The captured addresses are replaced whole: user space fills a new map and
 * puts it into the only place here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct services);
} l7fp_services SEC(".maps");

/* Where a captured socket wanted to go; @port in network order. */
struct original {
	__u32 address[4];
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct original);
} l7fp_original SEC(".maps");

/* Ids of cgroups whose processes are not captured: the slow-path proxy's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, L7FP_EXEMPT_MAX);
	__type(key, __u64);
	__type(value, __u8);
} l7fp_exempt SEC(".maps");

/* Weak: the guards are loaded where there is no module. */
extern int l7fp_capture(struct bpf_sock_addr *ctx) __ksym __weak;
extern int l7fp_peer(struct bpf_sock_addr *ctx, __u8 *peer, __u32 peer__sz) __ksym __weak;

/* Of the machine itself, or of one link: what stands for all addresses is not for these. */
static __always_inline bool is_local(const struct l7fp_service *service)
{
	const __u32 *a = service->address;

	if (!a[0] && !a[1] && a[2] == MAPPED)
		return (a[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000) ||
		       (a[3] & bpf_htonl(0xffff0000)) == bpf_htonl(0xa9fe0000);
	return (!a[0] && !a[1] && !a[2] && a[3] == LOOPBACK6) ||
	       (a[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* By address and port; else by port alone, of all addresses; else what is for all. */
static __always_inline struct l7fp_redirect *find(const struct l7fp_service *service)
{
	struct l7fp_redirect *redirect;
	struct l7fp_service all = {};
	__u32 zero = 0;
	void *services;

	services = bpf_map_lookup_elem(&l7fp_services, &zero);
	if (!services)
		return NULL;
	redirect = bpf_map_lookup_elem(services, service);
	if (redirect || is_local(service))
		return redirect;
	all.port = service->port;
	redirect = bpf_map_lookup_elem(services, &all);
	if (redirect)
		return redirect;
	all.port = 0;
	return bpf_map_lookup_elem(services, &all);
}

/*
 * Tells the module and ourselves where the socket wanted to go. A socket may
 * connect again after a failure, so an older note is written over. 0; 1 when
 * the socket is the module's own, on its way to an endpoint; negative when it
 * is not to be captured.
 */
static __always_inline int note(struct bpf_sock_addr *ctx, const struct l7fp_service *service)
{
	struct original *original;
	int err;

	err = l7fp_capture(ctx);
	if (err)
		return err;
	original = bpf_sk_storage_get(&l7fp_original, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!original)
		return -1;
	original->address[0] = service->address[0];
	original->address[1] = service->address[1];
	original->address[2] = service->address[2];
	original->address[3] = service->address[3];
	original->port = service->port;
	return 0;
}

/* A connect that is not captured: the socket's peer is what it says. */
static __always_inline int pass(struct bpf_sock_addr *ctx)
{
	bpf_sk_storage_delete(&l7fp_original, ctx->sk);
	return PROCEED;
}

static __always_inline bool exempt(void)
{
	__u64 id;
	int level;

	for (level = 1; level <= L7FP_EXEMPT_LEVELS; level++) {
		id = bpf_get_current_ancestor_cgroup_id(level);
		if (!id)
			return false;
		if (bpf_map_lookup_elem(&l7fp_exempt, &id))
			return true;
	}
	return false;
}

static __always_inline bool ours(struct bpf_sock_addr *ctx)
{
	return ctx->type == SOCK_STREAM && bpf_get_netns_cookie(ctx) == netns_cookie;
}

/*
 * Connecting to 0.0.0.0 or :: reaches the socket's own address, or the loopback
 * address where it has none (ip_route_output_key_hash(), tcp_v6_connect()).
 */
static __always_inline __u32 any4(struct bpf_sock_addr *ctx)
{
	__u32 own = ctx->sk->src_ip4;

	return own ? own : LOOPBACK4;
}

static __always_inline void any6(struct bpf_sock_addr *ctx, struct l7fp_service *service)
{
	if (service->address[0] || service->address[1] || service->address[3])
		return;
	if (service->address[2] == MAPPED) {
		service->address[3] = any4(ctx);
	} else if (!service->address[2] && ctx->sk->src_ip6[2] == MAPPED) {
		service->address[2] = MAPPED;
		service->address[3] = LOOPBACK4;
	} else if (!service->address[2]) {
		service->address[3] = LOOPBACK6;
	}
}

SEC("cgroup/connect4")
int l7fp_connect4(struct bpf_sock_addr *ctx)
{
	struct l7fp_service service = { .address = { 0, 0, MAPPED } };
	struct l7fp_redirect *redirect;
	int err;

	if (!ours(ctx))
		return PROCEED;
	service.address[3] = ctx->user_ip4;
	if (!service.address[3])
		service.address[3] = any4(ctx);
	service.port = ctx->user_port;
	redirect = find(&service);
	if (!redirect || exempt())
		return pass(ctx);
	/* What it stood for, where it was 0.0.0.0. */
	ctx->user_ip4 = service.address[3];
	err = note(ctx, &service);
	if (err > 0)
		return PROCEED;
	if (err || !redirect->port4)
		return REFUSE;
	ctx->user_ip4 = LOOPBACK4;
	ctx->user_port = redirect->port4;
	return PROCEED;
}

SEC("cgroup/connect6")
int l7fp_connect6(struct bpf_sock_addr *ctx)
{
	struct l7fp_service service = {};
	struct l7fp_redirect *redirect;
	int err;

	if (!ours(ctx))
		return PROCEED;
	service.address[0] = ctx->user_ip6[0];
	service.address[1] = ctx->user_ip6[1];
	service.address[2] = ctx->user_ip6[2];
	service.address[3] = ctx->user_ip6[3];
	service.port = ctx->user_port;
	any6(ctx, &service);
	redirect = find(&service);
	if (!redirect || exempt())
		return pass(ctx);
	ctx->user_ip6[2] = service.address[2];
	ctx->user_ip6[3] = service.address[3];
	err = note(ctx, &service);
	if (err > 0)
		return PROCEED;
	if (err)
		return REFUSE;
	if (!service.address[0] && !service.address[1] && service.address[2] == MAPPED) {
		if (!redirect->port4)
			return REFUSE;
		ctx->user_ip6[3] = LOOPBACK4;
		ctx->user_port = redirect->port4;
		return PROCEED;
	}
	if (!redirect->port6)
		return REFUSE;
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = 0;
	ctx->user_ip6[3] = LOOPBACK6;
	ctx->user_port = redirect->port6;
	return PROCEED;
}

/*
 * What stands in the place of the two above while the module is away: they do not call it, and so
 * do not hold it. The map holds what must not be reached unjudged.
 */
SEC("cgroup/connect4")
int l7fp_guard4(struct bpf_sock_addr *ctx)
{
	struct l7fp_service service = { .address = { 0, 0, MAPPED } };

	if (!ours(ctx))
		return PROCEED;
	service.address[3] = ctx->user_ip4;
	if (!service.address[3])
		service.address[3] = any4(ctx);
	service.port = ctx->user_port;
	return find(&service) && !exempt() ? REFUSE : PROCEED;
}

SEC("cgroup/connect6")
int l7fp_guard6(struct bpf_sock_addr *ctx)
{
	struct l7fp_service service = {};

	if (!ours(ctx))
		return PROCEED;
	service.address[0] = ctx->user_ip6[0];
	service.address[1] = ctx->user_ip6[1];
	service.address[2] = ctx->user_ip6[2];
	service.address[3] = ctx->user_ip6[3];
	service.port = ctx->user_port;
	any6(ctx, &service);
	return find(&service) && !exempt() ? REFUSE : PROCEED;
}

/*
 * Whom an application sees: where it wanted to go, or, at the other end of a
 * connection that the module forwards, the client that it is for.
 */
static __always_inline bool peer_of(struct bpf_sock_addr *ctx, struct original *peer)
{
	struct original *original;

	original = bpf_sk_storage_get(&l7fp_original, ctx->sk, NULL, 0);
	if (!original)
		return ctx->type == SOCK_STREAM && !l7fp_peer(ctx, (__u8 *)peer, sizeof(*peer));
	*peer = *original;
	return true;
}

SEC("cgroup/getpeername4")
int l7fp_getpeername4(struct bpf_sock_addr *ctx)
{
	struct original peer = {};

	if (peer_of(ctx, &peer)) {
		ctx->user_ip4 = peer.address[3];
		ctx->user_port = peer.port;
	}
	return PROCEED;
}

SEC("cgroup/getpeername6")
int l7fp_getpeername6(struct bpf_sock_addr *ctx)
{
	struct original peer = {};

	if (peer_of(ctx, &peer)) {
		ctx->user_ip6[0] = peer.address[0];
		ctx->user_ip6[1] = peer.address[1];
		ctx->user_ip6[2] = peer.address[2];
		ctx->user_ip6[3] = peer.address[3];
		ctx->user_port = peer.port;
	}
	return PROCEED;
}
