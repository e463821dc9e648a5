/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's side of an exchange. The part that policies see comes first;
 * kfuncs find the rest with container_of().
 */
#ifndef _L7FP_EXCHANGE_H
#define _L7FP_EXCHANGE_H

#include "context.h"
#include "hpack.h"
#include "policy.h"

#define L7FP_ARENA_INLINE	512
#define L7FP_LAST_HOST		64	/* a longer Host is normalised each time */
#define L7FP_EXTRA_OPS		16	/* header changes by kfunc, of one exchange and direction */
#define L7FP_MAX_ARENA		(4 * L7FP_MAX_HEAD)

struct l7fp_cluster;
struct l7fp_downstream;
struct l7fp_net;
struct l7fp_slow_path;
struct l7fp_upstream;
struct l7fp_workload;

/* Which op runs: what a kfunc may change depends on it. */
enum l7fp_phase {
	L7FP_PHASE_NONE,
	L7FP_PHASE_REQUEST,
	L7FP_PHASE_RESPONSE,
	L7FP_PHASE_DONE,
};

struct l7fp_arena_chunk {
	struct l7fp_arena_chunk *next;
	u8 data[];
};

/* Memory that lives as long as an exchange. */
struct l7fp_arena {
	u32 used;			/* of @inline_data */
	u32 total;			/* with the chunks; at most L7FP_MAX_ARENA */
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
 * @response: the parse of the response head
 * @path: what is forwarded: normalised and maybe rewritten path, with the query
 * @query_off: where the query begins in @path (at the '?'), or its length
 * @authority: the host that @pub.authority begins with: lower case, no port
 * @host: what is forwarded as Host
 * @route: what l7fp_route() chose, or NULL
 * @route_cluster: the one that its weights chose, or NULL
 * @extra: header changes of kfunc calls, after those of the route
 * @names: l7fp_name_bit() of each header line; set by l7fp_fields_repeated()
 * @slot_resolved: bit i: slot[i] holds the value
 * @slot: field values; data NULL when absent
 * @reply_status: of l7fp_respond() and l7fp_deny(); 0 when unset
 * @reply_body: likewise
 * @reply_reason: enum l7fp_reason
 * @phase: enum l7fp_phase
 * @found: the cluster of @pub.cluster; as long as the RCU section in which l7fp_decide() returned
 *	L7FP_FORWARD
 * @slow_path: the proxy that it goes to, or NULL; of @generation
 * @workload: who the client is, by @generation; NULL: not known. Valid with @workload_found
 * @failed: enum l7fp_reason, when something the policy asked for could not be done; the
 *	request is answered with 503 whatever the verdict
 * @dry_run: asked by L7FP_CMD_EXPLAIN: kfuncs count nothing, and there is no downstream
 * @path_dirty: bytes of @pub.path that may be other than zero, a multiple of 8
 * @authority_dirty: likewise of @pub.authority
 * @last_host: the Host of which @pub.authority is the normal form; clients mostly repeat it
 * @last_host_len: its length; 0: there is none
 * @last_authority_len: the length of that normal form
 *
 * It begins zeroed, and may be used again after l7fp_decide_done() and l7fp_arena_free();
 * @path_dirty, @authority_dirty, @last_host and what they are about must survive in between.
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
	u64 names;
	u64 slot_resolved;
	struct l7fp_str slot[L7FP_MAX_SLOTS];
	u32 reply_status;
	u32 reply_reason;
	struct l7fp_str reply_body;
	struct l7fp_cluster *found;
	const struct l7fp_slow_path *slow_path;
	const struct l7fp_workload *workload;
	u32 timeout_ms;
	u32 connect_retries;
	u8 phase;
	u8 failed;
	u8 dry_run;
	u8 workload_found;
	u16 path_dirty;
	u16 authority_dirty;
	u16 last_host_len, last_authority_len;
	u8 last_host[L7FP_LAST_HOST];
	struct l7fp_arena arena;
	struct l7fp_h1_head request;
	struct l7fp_h1_head response;
	/* Of an exchange of HTTP/2, beside the headers of these. */
	struct l7fp_hpack_info request_info[L7FP_MAX_HEADERS];
	struct l7fp_hpack_info response_info[L7FP_MAX_HEADERS];
	struct l7fp_hpack_origin request_origin, response_origin;

	/* The engine's own; not for kfuncs. */
	struct l7fp_downstream *downstream;
	u64 request_bytes, response_bytes;
	unsigned long started;
	u32 reason;
	u8 interim;			/* 1xx responses so far */
	u8 grpc_status;			/* of a response to @grpc */
	u8 resent:1, response_started:1, request_done:1, response_done:1;
	u8 upgrade:1, decided:1;
	u8 grpc:1, deadline:1;		/* a call of gRPC, bounded by its client */
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
 * Any context, under the downstream's lock and RCU.
 */
int l7fp_decide(struct l7fp_exchange_kern *x, struct l7fp_net *ln);
/* Runs the response op, if there is one. */
void l7fp_decide_response(struct l7fp_exchange_kern *x, u32 status);
/* Runs the done op, if there is one, and gives the generation back. */
void l7fp_decide_done(struct l7fp_exchange_kern *x);
/* 0 when the policy lets the connection in, or there is none to ask. Under the lock. */
int l7fp_decide_connect(struct l7fp_downstream *d);

/*
 * Header changes in the order in which they apply: weighted cluster, route
 * (Envoy applies the most specific first), then those of kfunc calls.
 */
#define L7FP_OPS_LISTS 3
u32 l7fp_request_ops(const struct l7fp_exchange_kern *x,
		     struct l7fp_header_ops list[L7FP_OPS_LISTS]);
u32 l7fp_response_ops(const struct l7fp_exchange_kern *x,
		      struct l7fp_header_ops list[L7FP_OPS_LISTS]);

/* fields.c. Sets the path and host that @x begins with; false: 400. */
bool l7fp_fields_init(struct l7fp_exchange_kern *x);
/*
 * Does the request repeat a header that the generation has a slot for? Which value counts would
 * then depend on the rule; a proxy can tell, the program cannot.
 */
bool l7fp_fields_repeated(struct l7fp_exchange_kern *x);
/* Makes @path what is matched from now on, and forwarded. @path lives as long as @x. */
void l7fp_fields_set_path(struct l7fp_exchange_kern *x, struct l7fp_str path);
/* Likewise the host, port and all. False when it is none. */
bool l7fp_fields_set_host(struct l7fp_exchange_kern *x, struct l7fp_str host);
/* Whether changes to the request's headers apply so far. */
static inline bool l7fp_fields_changed(const struct l7fp_exchange_kern *x)
{
	return x->n_extra_request || (x->route && x->route->request.n) ||
	       (x->route_cluster && x->route_cluster->request.n);
}

/*
 * Whether @field is certainly a header that is not there: most that policies ask for are not,
 * which is told without a look at the lines.
 */
static inline bool l7fp_fields_absent(const struct l7fp_exchange_kern *x, u32 field)
{
	const struct l7fp_generation *generation = x->generation;
	u64 bit;

	if (field < L7FP_FIELD_SLOT || field - L7FP_FIELD_SLOT >= generation->n_slots)
		return false;
	bit = generation->slots[field - L7FP_FIELD_SLOT].bit;
	return bit && !(x->names & bit) && !l7fp_fields_changed(x);
}

/* Looks for all header slots of @slots at once. Bits of those that are there. */
u64 l7fp_fields_present(struct l7fp_exchange_kern *x, u64 slots);
/* A field's value (enum l7fp_field). False when it is absent. */
bool l7fp_fields_get(struct l7fp_exchange_kern *x, u32 field, struct l7fp_str *value);
/* A request header's value as it would be forwarded; @slot->name in lower case. */
bool l7fp_fields_header(struct l7fp_exchange_kern *x, const struct l7fp_slot *slot,
			struct l7fp_str *value);

/* route.c. */
void l7fp_route_init(void);
/* What l7fp_route() does: enum l7fp_verdict, NONE when it cannot be done. */
int l7fp_route_apply(struct l7fp_exchange_kern *x, u32 route);
/* Answer @status and @body. Returns L7FP_RESPOND. */
int l7fp_reply_set(struct l7fp_exchange_kern *x, u32 status, u32 reason, struct l7fp_str body);

/* stats.c. The standard body of a local reply, as Envoy words it; "" where it has none. */
const char *l7fp_reason_text(u32 reason);
/* "RBAC", "UH", ... */
const char *l7fp_reason_name(u32 reason);
/* "forward", "respond", ... */
const char *l7fp_verdict_name(u32 verdict);

#endif /* _L7FP_EXCHANGE_H */
