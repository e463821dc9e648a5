// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a policy's ops on an exchange, and makes sure that whatever they do
 * ends in one of the verdicts; what does not is an error, answered with 503.
 */
#include <linux/bpf.h>
#include <linux/slab.h>
#include "downstream.h"
#include "state.h"
#include "trace.h"
#include "upstream.h"

u8 *l7fp_arena_alloc(struct l7fp_arena *arena, u32 len)
{
	struct l7fp_arena_chunk *chunk;
	u8 *p;

	if (len <= sizeof(arena->inline_data) - arena->used) {
		p = arena->inline_data + arena->used;
		arena->used += len;
		return p;
	}
	if (len > L7FP_MAX_ARENA - arena->total)
		return NULL;
	chunk = kmalloc(struct_size(chunk, data, len), GFP_ATOMIC | __GFP_NOWARN);
	if (!chunk)
		return NULL;
	arena->total += len;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk->data;
}

void l7fp_arena_free(struct l7fp_arena *arena)
{
	struct l7fp_arena_chunk *chunk, *next;

	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		kfree(chunk);
	}
	arena->used = 0;
	arena->total = 0;
	arena->chunks = NULL;
}

int l7fp_reply_set(struct l7fp_exchange_kern *x, u32 status, u32 reason, struct l7fp_str body)
{
	x->reply_status = status;
	x->reply_reason = reason;
	x->reply_body = body;
	return L7FP_RESPOND;
}

/* A local reply with the body that goes with @reason. */
static int reply_reason(struct l7fp_exchange_kern *x, u32 status, u32 reason)
{
	const char *text = l7fp_reason_text(reason);

	/* The response headers of a route belong to its own answers. */
	x->route = NULL;
	x->route_cluster = NULL;
	return l7fp_reply_set(x, status, reason,
			      (struct l7fp_str){ .data = text, .len = strlen(text) });
}

/* What the program returned, or an error's answer. */
static int check_verdict(struct l7fp_exchange_kern *x, struct l7fp_net *ln, int verdict)
{
	if (unlikely(x->failed))
		return reply_reason(x, 503, x->failed);
	switch (verdict) {
	case L7FP_FORWARD:
		if (unlikely(x->pub.cluster == ~0U))
			break;
		x->found = l7fp_cluster_find(ln, x->pub.cluster);
		if (unlikely(!x->found))
			return reply_reason(x, 503, L7FP_REASON_NC);
		return L7FP_FORWARD;
	case L7FP_RESPOND:
		if (!x->reply_status)
			break;
		return L7FP_RESPOND;
	case L7FP_RESET:
		return L7FP_RESET;
	case L7FP_SLOW_PATH:
		reply_reason(x, 503, L7FP_REASON_SP);
		return L7FP_SLOW_PATH;
	}
	return reply_reason(x, 503, L7FP_REASON_PE);
}

static int run_request(struct l7fp_exchange_kern *x, struct l7fp_net *ln)
{
	struct l7fp_generation *generation = l7fp_generation_get(ln);
	int verdict;

	if (!generation)
		return reply_reason(x, 503, L7FP_REASON_NP);
	this_cpu_inc(*generation->exchanges);
	x->generation = generation;
	x->pub.generation = generation->number;
	if (unlikely(l7fp_fields_repeated(x)))
		return check_verdict(x, ln, L7FP_SLOW_PATH);
	x->phase = L7FP_PHASE_REQUEST;
	verdict = generation->ops->request(&x->pub);
	x->phase = L7FP_PHASE_NONE;
	return check_verdict(x, ln, verdict);
}

int l7fp_decide(struct l7fp_exchange_kern *x, struct l7fp_net *ln)
{
	int verdict;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "policies and clusters are read under RCU");
	trace_l7fp_exchange_start(x);
	x->generation = NULL;
	x->found = NULL;
	x->pub.generation = 0;
	x->pub.method = x->request.method;
	x->pub.cluster = ~0U;
	x->pub.route = ~0U;
	x->pub.rule = ~0U;
	x->pub.status = 0;
	x->pub.attempt = 1;
	x->route = NULL;
	x->route_cluster = NULL;
	x->n_extra_request = 0;
	x->n_extra_response = 0;
	x->reply_status = 0;
	x->reply_reason = L7FP_REASON_NONE;
	x->reply_body = (struct l7fp_str){};
	x->slow_path = NULL;
	x->workload_found = 0;
	x->timeout_ms = 0;
	x->connect_retries = 0;
	x->phase = L7FP_PHASE_NONE;
	x->failed = L7FP_REASON_NONE;

	if (likely(l7fp_fields_init(x)))
		verdict = run_request(x, ln);
	else if (x->failed)
		verdict = reply_reason(x, 503, x->failed);
	else
		verdict = reply_reason(x, 400, L7FP_REASON_DPE);

	if (unlikely(x->dry_run))
		return verdict;
	this_cpu_inc(ln->stats->verdict[verdict]);
	if (x->downstream->port.app_input)
		l7fp_count(ln, downstream_rq_app);
	trace_l7fp_exchange_decide(x, verdict);
	return verdict;
}

void l7fp_decide_response(struct l7fp_exchange_kern *x, u32 status)
{
	const struct l7fp_downstream *d = x->downstream;

	x->pub.status = status;
	if (d->upstream->port.app_input)
		l7fp_count(d->port.ln, upstream_rq_app);
	if (!x->generation || !x->generation->ops->response)
		return;
	x->phase = L7FP_PHASE_RESPONSE;
	x->generation->ops->response(&x->pub);
	x->phase = L7FP_PHASE_NONE;
}

void l7fp_decide_done(struct l7fp_exchange_kern *x)
{
	struct l7fp_generation *generation = x->generation;

	if (!generation)
		return;
	if (generation->ops->done && likely(!x->dry_run)) {
		x->phase = L7FP_PHASE_DONE;
		generation->ops->done(&x->pub);
		x->phase = L7FP_PHASE_NONE;
	}
	/* They lie in the tables of the generation. */
	x->route = NULL;
	x->route_cluster = NULL;
	x->generation = NULL;
	this_cpu_dec(*generation->exchanges);
	l7fp_generation_put(generation);
}

int l7fp_decide_connect(struct l7fp_downstream *d)
{
	struct l7fp_generation *generation = l7fp_generation_get(d->port.ln);
	int refused = 0;

	lockdep_assert_held(&d->lock);
	if (!generation)
		return 0;
	if (generation->ops->connect) {
		d->judged_by = generation;
		refused = generation->ops->connect(&d->conn);
		d->judged_by = NULL;
	}
	l7fp_generation_put(generation);
	return refused;
}

static u32 list_ops(struct l7fp_header_ops list[L7FP_OPS_LISTS],
		    const struct l7fp_header_ops *weighted, const struct l7fp_header_ops *route,
		    const struct l7fp_header_op *extra, u32 n_extra)
{
	u32 n = 0;

	if (weighted && weighted->n)
		list[n++] = *weighted;
	if (route && route->n)
		list[n++] = *route;
	if (n_extra)
		list[n++] = (struct l7fp_header_ops){
			.n = n_extra,
			.op = (struct l7fp_header_op *)extra,
		};
	return n;
}

u32 l7fp_request_ops(const struct l7fp_exchange_kern *x,
		     struct l7fp_header_ops list[L7FP_OPS_LISTS])
{
	return list_ops(list, x->route_cluster ? &x->route_cluster->request : NULL,
			x->route ? &x->route->request : NULL,
			x->extra_request, x->n_extra_request);
}

u32 l7fp_response_ops(const struct l7fp_exchange_kern *x,
		      struct l7fp_header_ops list[L7FP_OPS_LISTS])
{
	return list_ops(list, x->route_cluster ? &x->route_cluster->response : NULL,
			x->route ? &x->route->response : NULL,
			x->extra_response, x->n_extra_response);
}
