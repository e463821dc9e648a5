/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's side of an exchange. The part that policies see comes first;
 * kfuncs find the rest with container_of().
 */
#ifndef _L7FP_EXCHANGE_H
#define _L7FP_EXCHANGE_H

#include "context.h"
#include "h1.h"
#include "policy.h"

#define L7FP_ARENA_INLINE	512
#define L7FP_EXTRA_OPS		16

struct l7fp_downstream;
struct l7fp_upstream;

struct l7fp_arena_chunk {
	struct l7fp_arena_chunk *next;
	u8 data[];
};

/* Memory that lives as long as an exchange. */
struct l7fp_arena {
	u32 used;			/* of @inline_data */
	u32 total;			/* with the chunks; at most L7FP_MAX_HEAD */
	struct l7fp_arena_chunk *chunks;
	u8 inline_data[L7FP_ARENA_INLINE];
};

/* GFP_ATOMIC; NULL when there is no memory or the arena's bound is reached. */
u8 *l7fp_arena_alloc(struct l7fp_arena *arena, u32 len);
void l7fp_arena_free(struct l7fp_arena *arena);

/**
 * struct l7fp_exchange_kern - an exchange
 * @pub: what policies see
 * @generation: held until the exchange ends
 * @listener_flags: L7FP_LISTENER_*
 * @path_mode: enum l7fp_path_mode
 * @head: the request head's private copy, owned by the downstream, valid until
 *	the exchange ends
 * @request: its parse
 * @path: what is forwarded: normalised and maybe rewritten path, with the query
 * @query_off: where the query begins in @path (at the '?'), or its length
 * @authority: the host that @pub.authority begins with: lower case, no port
 * @host: what is forwarded as Host
 * @route: what l7fp_route() chose, or NULL
 * @route_cluster: the one that its weights chose, or NULL
 * @extra: header changes of kfunc calls, after those of the route
 * @slot_resolved: bit i: slot[i] holds the value
 * @slot: field values; data NULL when absent
 * @reply_status: of l7fp_respond() and l7fp_deny(); 0 when unset
 * @reply_body: likewise
 * @reply_reason: enum l7fp_reason
 *
 * Reached only under the downstream's lock.
 */
struct l7fp_exchange_kern {
	struct l7fp_exchange pub;
	struct l7fp_generation *generation;
	u32 listener_flags;
	u32 path_mode;
	const u8 *head;
	struct l7fp_str path;
	u32 query_off;
	struct l7fp_str authority;
	struct l7fp_str host;
	const struct l7fp_route *route;
	const struct l7fp_route_cluster *route_cluster;
	u32 n_extra_request, n_extra_response;
	struct l7fp_header_op extra_request[L7FP_EXTRA_OPS];
	struct l7fp_header_op extra_response[L7FP_EXTRA_OPS];
	u64 slot_resolved;
	struct l7fp_str slot[L7FP_MAX_SLOTS];
	u32 reply_status;
	u32 reply_reason;
	struct l7fp_str reply_body;
	u32 timeout_ms;
	u32 connect_retries;
	struct l7fp_arena arena;
	struct l7fp_h1_head request;

	/* The engine's own; not for kfuncs. */
	struct l7fp_downstream *downstream;
	u64 request_bytes, response_bytes;
	unsigned long started;
	u32 reason;
	u8 resent:1, response_started:1, request_done:1, response_done:1;
	u8 upgrade:1, continue_sent:1;
};

static inline struct l7fp_exchange_kern *l7fp_exchange_kern(struct l7fp_exchange *exchange)
{
	return container_of(exchange, struct l7fp_exchange_kern, pub);
}

/*
 * decide.c. Sets up the fields that a policy reads from @x->head and
 * @x->request, takes the current generation and runs its program.
 * Returns a verdict between L7FP_FORWARD and L7FP_SLOW_PATH; where it is not
 * FORWARD, @x->reply_status, @x->reply_body and @x->reply_reason say what to
 * answer (a redirect's Location is one of @x->extra_response). A bad path is
 * RESPOND with 400. L7FP_FORWARD implies that @x->pub.cluster is set.
 * Any context, under the downstream's lock.
 */
int l7fp_decide(struct l7fp_exchange_kern *x, struct l7fp_net *ln);
/* Runs the response op, if there is one. */
void l7fp_decide_response(struct l7fp_exchange_kern *x, u32 status);
/* Runs the done op, if there is one, and gives the generation back. */
void l7fp_decide_done(struct l7fp_exchange_kern *x);
/* 0 when the policy lets the connection in, or there is none to ask. */
int l7fp_decide_connect(struct l7fp_connection *conn, struct l7fp_net *ln);

/*
 * Header changes in the order in which they apply. For the request: route,
 * weighted cluster, extra (Envoy applies the most specific first: weighted
 * cluster, then route).
 */
#define L7FP_OPS_LISTS 3
u32 l7fp_request_ops(const struct l7fp_exchange_kern *x, struct l7fp_header_ops list[L7FP_OPS_LISTS]);
u32 l7fp_response_ops(const struct l7fp_exchange_kern *x, struct l7fp_header_ops list[L7FP_OPS_LISTS]);

/* The standard body of a local reply, as Envoy words it. */
const char *l7fp_reason_text(u32 reason);
/* "RBAC", "UH", ... */
const char *l7fp_reason_name(u32 reason);

#endif /* _L7FP_EXCHANGE_H */
