/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For authors of policies in BPF C.
 *
 * A policy is a struct l7fp_policy whose ops are struct_ops programs:
 *
 *	#include <linux/bpf.h>
 *	#include <bpf/bpf_helpers.h>
 *	#include "l7fp.h"
 *
 *	SEC("struct_ops/request")
 *	L7FP_OP(request, struct l7fp_exchange, x)
 *	{
 *		l7fp_set_cluster(x, 1);
 *		return L7FP_FORWARD;
 *	}
 *
 *	SEC(".struct_ops.link")
 *	struct l7fp_policy policy = {
 *		.request = (void *)request,
 *		.generation = 1,
 *		.name = "example",
 *	};
 *
 * Before it is attached, its generation is prepared over netlink
 * (GENERATION_NEW, _ADD with tables where it uses some, _PREPARE with the fd of
 * the struct_ops map); without that the attach fails with ENOENT. Examples are
 * in examples/.
 *
 * All ops run under RCU in process or softirq context; sleepable programs are
 * refused. What an op cannot decide must not end in L7FP_FORWARD: there is no
 * default, and L7FP_VERDICT_NONE is answered with 503.
 */
#ifndef __L7FP_BPF_H
#define __L7FP_BPF_H

#include <stdbool.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "uapi/l7fp.h"

#define L7FP_NONE	(~0U)	/* no cluster, no route, no rule */

/*
 * Defines an op: its one argument comes in a context of 64-bit words.
 *
 *	SEC("struct_ops/request")
 *	L7FP_OP(request, struct l7fp_exchange, x)
 *	{
 *		...
 *	}
 */
#define L7FP_OP(name, type, argument)					\
int name(__u64 *ctx);							\
static __always_inline int __##name(type *argument);			\
int name(__u64 *ctx)							\
{									\
	return __##name((type *)ctx[0]);				\
}									\
static __always_inline int __##name(type *argument)

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/**
 * struct l7fp_connection - a downstream connection
 * @id: unique on this machine while the module is loaded
 * @cgroup: cgroup v2 id of the local client's socket, 0 when it is not local
 * @src_addr: the client; IPv4 as ::ffff:a.b.c.d, network order
 * @dst_addr: where the client wanted to go before capture, likewise
 * @src_port: host order
 * @dst_port: host order
 * @listener: id of the listener
 * @family: AF_INET or AF_INET6
 * @protocol: L7FP_PROTOCOL_HTTP: its requests are judged, too; or L7FP_PROTOCOL_OPAQUE
 * @inbound: 1 when it came to an L7FP_LISTENER_INBOUND, else 0
 */
struct l7fp_connection {
	__u64 id;
	__u64 cgroup;
	__u32 src_addr[4];
	__u32 dst_addr[4];
	__u32 src_port;
	__u32 dst_port;
	__u32 listener;
	__u32 family;
	__u32 protocol;
	__u32 inbound;
};

/**
 * struct l7fp_exchange - a request and its response
 * @conn: the downstream connection
 * @generation: of the policy that judges it
 * @method: enum l7fp_method
 * @path_len: length of the normalised path without the query; it may be more
 *	than @path holds, then kfuncs see all of it
 * @authority_len: likewise for the host, in lower case, without the port
 * @cluster: id of the chosen cluster, L7FP_NONE while there is none
 * @route: id of the chosen route, L7FP_NONE while there is none
 * @rule: id of the authorization rule that decided, L7FP_NONE while there is none
 * @status: of the response; 0 in the request op
 * @attempt: 1 for the first
 * @path: the beginning of the path, zero-padded
 * @authority: the beginning of the host, zero-padded
 *
 * Programs read it and change it through the functions below. Bytes of @path
 * and @authority are read at constant offsets, up to 8 at a time.
 */
struct l7fp_exchange {
	struct l7fp_connection *conn;
	__u64 generation;
	__u32 method;
	__u32 path_len;
	__u32 authority_len;
	__u32 cluster;
	__u32 route;
	__u32 rule;
	__u32 status;
	__u32 attempt;
	__u8 path[L7FP_PATH_INLINE];
	__u8 authority[L7FP_AUTHORITY_INLINE];
};

#pragma clang attribute pop

/**
 * struct l7fp_policy - what a policy registers
 * @connect: new downstream connection; 0 goes on, anything else closes it.
 *	Optional.
 * @request: a request head is complete; returns enum l7fp_verdict
 * @response: a response head is complete; the return value is ignored.
 *	Optional.
 * @done: the exchange ended. Optional.
 * @generation: the tables this program belongs to, not 0
 * @name: shown in dumps
 */
struct l7fp_policy {
	int (*connect)(struct l7fp_connection *conn);
	int (*request)(struct l7fp_exchange *exchange);
	int (*response)(struct l7fp_exchange *exchange);
	void (*done)(struct l7fp_exchange *exchange);
	__u64 generation;
	char name[16];
};

/* ---- verdicts: request op; return what they return */

/*
 * Applies route @route of the generation's tables: chooses a weighted cluster,
 * rewrites path and host (@x shows the new ones at once), lays its header
 * changes over what fields show. Once per exchange. L7FP_FORWARD, L7FP_RESPOND,
 * L7FP_SLOW_PATH, or L7FP_VERDICT_NONE when there is no such route.
 */
extern int l7fp_route(struct l7fp_exchange *x, __u32 route) __ksym;
/* 403 "RBAC: access denied". @rule is counted; L7FP_NONE: no ALLOW rule matched. */
extern int l7fp_deny(struct l7fp_exchange *x, __u32 rule) __ksym;
/* 404: no route matched. */
extern int l7fp_no_route(struct l7fp_exchange *x) __ksym;
/* The kernel cannot decide; @rule says which rule, or L7FP_NONE. */
extern int l7fp_slow_path(struct l7fp_exchange *x, __u32 rule) __ksym;
/* An answer of the policy's own, @status from 200 to 599. */
extern int l7fp_respond(struct l7fp_exchange *x, __u32 status, const __u8 *body,
			__u32 body__sz) __ksym;

/* ---- request op */

/* Counts the ALLOW rule that matched. */
extern void l7fp_allow(struct l7fp_exchange *x, __u32 rule) __ksym;
/* Chooses a cluster without a route; it must exist when L7FP_FORWARD is returned. */
extern int l7fp_set_cluster(struct l7fp_exchange *x, __u32 cluster) __ksym;
/* Replaces the path ('/' first). The query stays where @path has none. */
extern int l7fp_rewrite_path(struct l7fp_exchange *x, const __u8 *path, __u32 path__sz) __ksym;
/* Milliseconds until the response must have ended; 0: no bound. */
extern int l7fp_timeout(struct l7fp_exchange *x, __u32 ms) __ksym;
/*
 * Request headers. Those that frame the message or are meant for one hop, and
 * Host, cannot be changed (-EINVAL); at most 16 changes (-ENOSPC).
 */
extern int l7fp_header_set(struct l7fp_exchange *x, const __u8 *name, __u32 name__sz,
			   const __u8 *value, __u32 value__sz) __ksym;
extern int l7fp_header_add(struct l7fp_exchange *x, const __u8 *name, __u32 name__sz,
			   const __u8 *value, __u32 value__sz) __ksym;
extern int l7fp_header_remove(struct l7fp_exchange *x, const __u8 *name,
			      __u32 name__sz) __ksym;

/* ---- request and response op: likewise for response headers */

extern int l7fp_response_header_set(struct l7fp_exchange *x, const __u8 *name, __u32 name__sz,
				    const __u8 *value, __u32 value__sz) __ksym;
extern int l7fp_response_header_add(struct l7fp_exchange *x, const __u8 *name, __u32 name__sz,
				    const __u8 *value, __u32 value__sz) __ksym;
extern int l7fp_response_header_remove(struct l7fp_exchange *x, const __u8 *name,
				       __u32 name__sz) __ksym;

/* ---- all ops with an exchange */

/*
 * Copies a request header's value to @buf, zeroes behind it; lines of the same
 * name are joined with ",". The length of the whole value, or -ENOENT.
 */
extern int l7fp_header_get(struct l7fp_exchange *x, const __u8 *name, __u32 name__sz, __u8 *buf,
			   __u32 buf__sz) __ksym;
/*
 * Fields (enum l7fp_field): path, host, method, and the slots of the tables. A request that
 * repeats a header with a slot never comes to the program (enum l7fp_slot_kind).
 * Compares one with string @string of the tables; @op is enum l7fp_match_op.
 * False also when the field is absent.
 */
extern bool l7fp_field_match(struct l7fp_exchange *x, __u32 field, __u32 op,
			     __u32 string) __ksym;
/* Which of the header slots of @slots are there: bit i is slot i. */
extern __u64 l7fp_hpack_decode(struct l7fp_exchange *x, __u64 slots) __ksym;
/* The first @size bytes (a constant, at most 256) of a field, zero-padded; NULL: absent. */
extern __u8 *l7fp_field(struct l7fp_exchange *x, __u32 field, const int size) __ksym;
/* Length of a field, or -1 when it is absent. */
extern int l7fp_field_len(struct l7fp_exchange *x, __u32 field) __ksym;

/* ---- connect op */

/* Where an opaque connection goes; without a call it is the listener's cluster. */
extern void l7fp_connect_cluster(struct l7fp_connection *conn, __u32 cluster) __ksym;
/* Counts the rule that let it in, or kept it out. */
extern void l7fp_connect_rule(struct l7fp_connection *conn, __u32 rule) __ksym;

/*
 * Compares L7FP_FIELD_SOURCE_PRINCIPAL or _NAMESPACE, who connects, with string
 * @string of the tables. False also when that is not known.
 */
extern bool l7fp_connect_match(struct l7fp_connection *conn, __u32 field, __u32 op,
			       __u32 string) __ksym;

/* ---- not for policies: connect4 and connect6 programs */

struct bpf_sock_addr;

/*
 * Remembers where the socket is about to connect, for the listener to which
 * the program redirects it: 0. To be called before the address is changed. 1: a
 * connection of the module's own, which must go on as it is. After an error the
 * program must refuse the connect.
 */
extern int l7fp_capture(struct bpf_sock_addr *ctx) __ksym;

/* ---- not for policies: getpeername4 and getpeername6 programs */

/**
 * struct l7fp_peer - who an accepted connection is from
 * @address: IPv4 as ::ffff:a.b.c.d, network order
 * @port: network order, as bpf_sock_addr has it
 */
struct l7fp_peer {
	__u32 address[4];
	__u32 port;
};

/*
 * Where the module holds the other end of an application's socket on behalf of
 * one client alone: 0, and @peer is a struct l7fp_peer. Else negative: the
 * address is to be left as it is.
 */
extern int l7fp_peer(struct bpf_sock_addr *ctx, __u8 *peer, __u32 peer__sz) __ksym;

/* Bytes 8 * @i to 8 * @i + 7 of the path or the host, to compare with L7FP_WORD(). */
#define L7FP_PATH_WORD(x, i)		(*(const __u64 *)&(x)->path[8 * (i)])
#define L7FP_AUTHORITY_WORD(x, i)	(*(const __u64 *)&(x)->authority[8 * (i)])

/* Eight bytes as a number, as memory holds them. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define L7FP_WORD(a, b, c, d, e, f, g, h)				\
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | \
	 (__u64)(e) << 32 | (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#else
#define L7FP_WORD(a, b, c, d, e, f, g, h)				\
	((__u64)(h) | (__u64)(g) << 8 | (__u64)(f) << 16 | (__u64)(e) << 24 | \
	 (__u64)(d) << 32 | (__u64)(c) << 40 | (__u64)(b) << 48 | (__u64)(a) << 56)
#endif

/*
 * For names and values that are string literals. On the stack: the verifier
 * takes memory that it passes to a kfunc to be written, and literals are not.
 */
#define L7FP_STR(literal)	(const __u8 *)(char []){ literal }, sizeof(literal) - 1

#endif /* __L7FP_BPF_H */
