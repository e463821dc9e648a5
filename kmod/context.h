/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types that policy programs see through BTF. bpf/l7fp.h declares the same
 * ones for authors; a field is only ever added at the end.
 */
#ifndef _L7FP_CONTEXT_H
#define _L7FP_CONTEXT_H

#include <linux/types.h>
#include "uapi/l7fp.h"

/**
 * struct l7fp_connection - a downstream connection, as a policy sees it
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
	u64 id;
	u64 cgroup;
	u32 src_addr[4];
	u32 dst_addr[4];
	u32 src_port;
	u32 dst_port;
	u32 listener;
	u32 family;
	u32 protocol;
	u32 inbound;
};

/**
 * struct l7fp_peer - who an accepted connection is from, for getpeername programs
 * @address: IPv4 as ::ffff:a.b.c.d, network order
 * @port: network order, as bpf_sock_addr has it
 */
struct l7fp_peer {
	u32 address[4];
	u32 port;
};

/**
 * struct l7fp_exchange - a request and its response, as a policy sees it
 * @conn: the downstream connection
 * @generation: of the policy that judges it
 * @method: enum l7fp_method
 * @path_len: length of the normalised path without the query; it may be more
 *	than @path holds, then kfuncs see all of it
 * @authority_len: likewise for the host, in lower case, without the port
 * @cluster: id of the chosen cluster, ~0 while there is none
 * @route: id of the chosen route, ~0 while there is none
 * @rule: id of the authorization rule that decided, ~0 while there is none
 * @status: of the response; 0 in the request op
 * @attempt: 1 for the first
 * @path: the beginning of the path, zero-padded
 * @authority: the beginning of the host, zero-padded
 */
struct l7fp_exchange {
	struct l7fp_connection *conn;
	u64 generation;
	u32 method;
	u32 path_len;
	u32 authority_len;
	u32 cluster;
	u32 route;
	u32 rule;
	u32 status;
	u32 attempt;
	u8 path[L7FP_PATH_INLINE];
	u8 authority[L7FP_AUTHORITY_INLINE];
};

/**
 * struct l7fp_policy - the struct_ops that a policy registers
 * @connect: new downstream connection, before any byte is forwarded; 0 goes on, anything
 *	else closes it. Optional.
 * @request: a request head is complete; returns enum l7fp_verdict
 * @response: a response head is complete; the return value is ignored.
 *	Optional.
 * @done: the exchange ended. Optional.
 * @generation: the tables this program belongs to
 * @name: shown in dumps
 *
 * All run under RCU in process or softirq context, and never sleep.
 */
struct l7fp_policy {
	int (*connect)(struct l7fp_connection *conn);
	int (*request)(struct l7fp_exchange *exchange);
	int (*response)(struct l7fp_exchange *exchange);
	void (*done)(struct l7fp_exchange *exchange);
	u64 generation;
	char name[16];
};

#endif /* _L7FP_CONTEXT_H */
