// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of exchanges: taken when a request begins, given back when its
 * response has ended. Up to L7FP_SPARES of them, 2.2 MiB, are kept.
 */
#include <linux/slab.h>
#include "downstream.h"
#include "exchange_private.h"
#include "spare.h"

struct l7fp_h1_lines __percpu *l7fp_exchange_lines;

static struct kmem_cache *exchange_cache;
static struct l7fp_spares spares;

/*
 * Once for the object's whole life in the cache: fields.c remembers from one
 * exchange to the next how much of the inline path and host is not zero.
 */
static void exchange_construct(void *object)
{
	memset(object, 0, sizeof(struct l7fp_exchange_kern));
}

struct l7fp_exchange_kern *l7fp_exchange_new(struct l7fp_downstream *d)
{
	struct l7fp_exchange_kern *x = l7fp_spare_take(&spares, d->place);

	if (!x)
		x = kmem_cache_alloc(exchange_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!x)
		return NULL;
	/* The large arrays are guarded by their counts. What l7fp_decide() sets is left to it. */
	x->pub.conn = &d->conn;
	x->pub.cluster = ~0U;
	x->pub.status = 0;
	x->pub.attempt = 1;
	x->pub.generation = 0;
	x->generation = NULL;
	x->listener_flags = d->listener->config.flags;
	x->path_mode = d->listener->config.path_mode;
	x->path = (struct l7fp_str){};
	x->host = (struct l7fp_str){};
	x->authority = (struct l7fp_str){};
	x->slow_path = NULL;
	x->timeout_ms = 0;
	x->arena.used = 0;
	x->arena.total = 0;
	x->arena.chunks = NULL;
	x->request.n_headers = 0;
	x->downstream = d;
	x->request_bytes = 0;
	x->response_bytes = 0;
	x->started = jiffies;
	x->reason = L7FP_REASON_NONE;
	x->interim = 0;
	x->resent = 0;
	x->response_started = 0;
	x->request_done = 0;
	x->response_done = 0;
	x->upgrade = 0;
	x->grpc = 0;
	x->deadline = 0;
	x->dry_run = 0;
	x->decided = 0;
	return x;
}

void l7fp_exchange_free(struct l7fp_exchange_kern *x)
{
	l7fp_spare_give(&spares, x->downstream->place, exchange_cache, x);
}

int l7fp_exchange_init(void)
{
	exchange_cache = kmem_cache_create("l7fp_exchange", sizeof(struct l7fp_exchange_kern),
					   __alignof__(struct l7fp_exchange_kern), 0,
					   exchange_construct);
	if (!exchange_cache)
		return -ENOMEM;
	l7fp_exchange_lines = alloc_percpu(struct l7fp_h1_lines);
	if (!l7fp_exchange_lines) {
		kmem_cache_destroy(exchange_cache);
		return -ENOMEM;
	}
	return 0;
}

void l7fp_exchange_uninit(void)
{
	l7fp_spares_free(&spares, exchange_cache);
	kmem_cache_destroy(exchange_cache);
	free_percpu(l7fp_exchange_lines);
}
