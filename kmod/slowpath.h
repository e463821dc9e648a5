/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slow path: a proxy that takes what the kernel cannot decide.
 */
#ifndef _L7FP_SLOWPATH_H
#define _L7FP_SLOWPATH_H

#include <linux/socket.h>
#include <linux/types.h>

struct l7fp_cluster;
struct l7fp_downstream;
struct l7fp_endpoint;
struct l7fp_exchange_kern;
struct l7fp_generation;

/**
 * struct l7fp_slow_path - the proxy of a generation
 * @cluster: holds limits and counters of its connections; in no table
 * @address: where it listens for what a workload asks for
 * @inbound_port: and for what came to INBOUND listeners, at the same address; 0: it does not
 * @token_len: of @token
 * @token: what its configuration asks of each connection
 */
struct l7fp_slow_path {
	struct l7fp_cluster *cluster;
	struct sockaddr_storage address;
	u16 inbound_port;
	u32 token_len;
	u8 token[] __counted_by(token_len);
};

/* Process context, under l7fp_net.lock; @generation is BUILDING. 0 or a negative error. */
int l7fp_slow_path_set(struct l7fp_generation *generation, const struct sockaddr_storage *address,
		       u16 inbound_port, const u8 *token, u32 token_len);
void l7fp_slow_path_free(struct l7fp_generation *generation);

/* All below: any context, under the downstream's lock. */

/*
 * Makes @x what is forwarded to its generation's proxy: the request as it came.
 * False: there is none, or no memory; the reply that is set stands.
 */
bool l7fp_slow_path_begin(struct l7fp_exchange_kern *x);
/* The endpoint of @d for its exchange, held, or NULL without memory. */
struct l7fp_endpoint *l7fp_slow_path_endpoint(struct l7fp_downstream *d);
/* A connection was bound: writes what comes before the first head. 0 or a negative error. */
int l7fp_slow_path_bound(struct l7fp_downstream *d);
/* What to say when the upstream failed with @reason. */
u32 l7fp_slow_path_reason(struct l7fp_downstream *d, u32 reason);
/* Gives up the endpoint and its connections. */
void l7fp_slow_path_release(struct l7fp_downstream *d);

#endif /* _L7FP_SLOWPATH_H */
