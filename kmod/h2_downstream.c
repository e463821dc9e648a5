// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients that speak HTTP/2: their connections, and each of their streams as a downstream.
 */
#include <linux/slab.h>
#include "compat.h"
#include "exchange_private.h"
#include "h2_connection.h"
#include "spare.h"
#include "trace.h"

struct downstream_stream {
	struct l7fp_downstream d;
	struct l7fp_stream s;
};

static struct kmem_cache *cache;
static struct l7fp_spares spares;

static struct l7fp_downstream *downstream_of(struct l7fp_port *port)
{
	return container_of(port, struct l7fp_downstream, port);
}

/* ---- streams */

static void enter(struct l7fp_downstream *d)
{
	l7fp_port_get(&d->port);
	spin_lock_bh(&d->lock);
	__release(&d->lock);	/* for sparse: leave() has it again */
}

static void leave(struct l7fp_downstream *d)
{
	__acquire(&d->lock);
	l7fp_session_leave(d);
	l7fp_port_put(&d->port);
}

static u32 stream_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	struct l7fp_downstream *d = downstream_of(port);
	u32 used = 0, i;

	enter(d);
	d->blocked = false;
	for (i = 0; i < n && !d->blocked; i++) {
		struct bio_vec part = v[i];

		while (part.bv_len) {
			u32 took = l7fp_exchange_downstream_input(d, &part);

			if (!took) {
				d->blocked = true;
				break;
			}
			used += took;
			part.bv_offset += took;
			part.bv_len -= took;
		}
	}
	leave(d);
	return used;
}

static bool stream_end(struct l7fp_port *port)
{
	struct l7fp_stream *s = port->stream;
	struct l7fp_downstream *d = downstream_of(port);
	struct l7fp_h2_trailers *trailers = s->rx_trailers;
	bool taken;

	enter(d);
	d->blocked = false;
	taken = l7fp_exchange_downstream_end(d, trailers);
	if (taken)
		s->rx_trailers = NULL;
	leave(d);
	return taken;
}

/* The response has gone, and with it all that the stream was for. */
static void stream_sent(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	enter(d);
	if (d->state == L7FP_D_DISCARD)
		l7fp_downstream_close(d, false);
	leave(d);
}

static void stream_error(struct l7fp_port *port, int err)
{
	struct l7fp_downstream *d = downstream_of(port);

	enter(d);
	l7fp_downstream_close(d, true);
	leave(d);
}

static void stream_writable(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	spin_lock_bh(&d->lock);
	if (d->upstream && d->upstream_blocked)
		d->upstream->port.ops->read(&d->upstream->port);
	spin_unlock_bh(&d->lock);
}

static void stream_timer(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	enter(d);
	l7fp_exchange_timeout(d);
	leave(d);
}

static void stream_deferred(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	enter(d);
	leave(d);
}

static void stream_free(struct l7fp_port *port)
{
	struct downstream_stream *ds = container_of(port, struct downstream_stream, d.port);

	l7fp_listener_put(ds->d.listener);
	l7fp_h2_stream_free(&ds->s);
	l7fp_spare_give(&spares, ds->d.place, cache, ds);
}

static const struct l7fp_port_events stream_events = {
	.input = stream_input,
	.end = stream_end,
	.sent = stream_sent,
	.error = stream_error,
	.writable = stream_writable,
	.timer = stream_timer,
	.deferred = stream_deferred,
	.free = stream_free,
};

static struct downstream_stream *stream_new(struct l7fp_h2_connection *c, u32 id)
{
	struct l7fp_downstream *parent = c->downstream;
	u32 place = l7fp_spare_place(parent->conn.id, id / 2);
	struct downstream_stream *ds = l7fp_spare_take(&spares, place);
	struct l7fp_downstream *d;

	if (!ds)
		ds = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!ds)
		return NULL;
	memset(ds, 0, sizeof(*ds));
	d = &ds->d;
	d->place = place;
	l7fp_h2_stream_init(&ds->s, c, &d->port, &stream_events);
	spin_lock_init(&d->lock);
	INIT_LIST_HEAD(&d->list);
	INIT_LIST_HEAD(&d->closing);
	d->conn = parent->conn;
	d->cgroups = parent->cgroups;
	d->tls = parent->tls;
	d->listener = parent->listener;
	refcount_inc(&d->listener->refs);
	l7fp_exchange_set_state(d, L7FP_D_HEAD);
	return ds;
}

/* The decoded request becomes the exchange's. 0, what l7fp_h2_head() says, or -ENOMEM. */
static int take_request(struct l7fp_exchange_kern *x, struct l7fp_hpack_list *list,
			bool end_stream)
{
	struct l7fp_hpack_list own = *list;
	u8 *text;
	int err;

	memcpy(x->request.headers, list->headers, list->n * sizeof(list->headers[0]));
	memcpy(x->request_info, list->info, list->n * sizeof(list->info[0]));
	x->request_origin = list->origin;
	x->request.n_headers = list->n;
	own.headers = x->request.headers;
	own.info = x->request_info;
	err = l7fp_h2_head(&x->request, &own, L7FP_H2_REQUEST, end_stream, 0);
	if (err)
		x->request.n_headers = 0;
	text = l7fp_arena_alloc(&x->arena, own.len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, own.buf, own.len);
	x->head = text;
	return err;
}

void l7fp_h2_downstream_open(struct l7fp_h2_connection *c, u32 id, struct l7fp_hpack_list *list,
			     bool end_stream)
{
	struct downstream_stream *ds = NULL;
	struct l7fp_exchange_kern *x;
	struct l7fp_downstream *d;
	u32 code = L7FP_H2_REFUSED_STREAM;
	int err;

	/*
	 * What is counted here is bounded as resets are. A client may open one as soon as it has
	 * seen the end of another, which is not all gone here then.
	 */
	if (READ_ONCE(c->n_open) < L7FP_H2_MAX_STREAMS &&
	    READ_ONCE(c->n_streams) < 2 * L7FP_H2_MAX_STREAMS)
		ds = stream_new(c, id);
	if (!ds)
		goto refuse;
	d = &ds->d;
	/* Nobody else knows it yet, but the lock is what all functions below ask for. */
	enter(d);
	x = l7fp_exchange_new(d);
	if (!x) {
		leave(d);
		goto free;
	}
	d->x = x;
	err = take_request(x, list, end_stream);
	if (err == L7FP_H1_ERR_BAD || err == -ENOMEM) {
		l7fp_exchange_abort(d, L7FP_REASON_NONE);
		leave(d);
		code = err == L7FP_H1_ERR_BAD ? L7FP_H2_PROTOCOL_ERROR : L7FP_H2_INTERNAL_ERROR;
		goto free;
	}
	spin_lock(&c->lock);
	l7fp_h2_hash(c, &ds->s, id);
	c->n_streams++;
	c->n_exchanges++;
	ds->s.h2.heads = 1;
	ds->s.h2.recv_end = end_stream;
	ds->s.h2.has_length = !err && l7fp_h1_has(&x->request, L7FP_H_CONTENT_LENGTH);
	ds->s.h2.length = x->request.content_length;
	spin_unlock(&c->lock);
	l7fp_exchange_stream_request(d, err);
	leave(d);
	return;
free:
	l7fp_port_put(&ds->d.port);
refuse:
	l7fp_h2_refuse(c, id, code);
}

/* ---- the connection */

static u32 connection_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	struct l7fp_downstream *d = downstream_of(port);
	u32 used;

	l7fp_port_get(port);
	used = l7fp_h2_input(d->h2, v, n);
	l7fp_count_add(port->ln, downstream_rx_bytes, used);
	l7fp_port_put(port);
	return used;
}

static void connection_end(struct l7fp_downstream *d, bool reset)
{
	struct l7fp_h2_connection *c = d->h2;

	l7fp_port_get(&d->port);
	spin_lock_bh(&c->lock);
	c->failed = true;
	spin_unlock_bh(&c->lock);
	l7fp_h2_end_streams(c, L7FP_H2_MAX_WINDOW, true);
	spin_lock_bh(&d->lock);
	l7fp_downstream_close(d, reset);
	l7fp_session_leave(d);
	l7fp_port_put(&d->port);
}

static void connection_eof(struct l7fp_port *port)
{
	connection_end(downstream_of(port), false);
}

static void connection_error(struct l7fp_port *port, int err)
{
	connection_end(downstream_of(port), true);
}

static void connection_writable(struct l7fp_port *port)
{
	l7fp_h2_pump(downstream_of(port)->h2);
}

static void connection_timer(struct l7fp_port *port)
{
}

static const struct l7fp_port_events connection_events = {
	.input = connection_input,
	.eof = connection_eof,
	.error = connection_error,
	.writable = connection_writable,
	.timer = connection_timer,
	.deferred = l7fp_downstream_deferred,
	.free = l7fp_downstream_free,
};

bool l7fp_h2_downstream_begin(struct l7fp_downstream *d, bool preface)
{
	lockdep_assert_held(&d->lock);
	d->h2 = l7fp_h2_new(&d->port, true, GFP_ATOMIC);
	if (!d->h2)
		return false;
	d->h2->downstream = d;
	if (preface)
		l7fp_h2_reader_preface(&d->h2->reader);
	d->port.events = &connection_events;
	l7fp_count(d->port.ln, h2_cx_total);
	l7fp_exchange_set_state(d, L7FP_D_H2);
	l7fp_h2_begin(d->h2);
	return true;
}

void l7fp_h2_downstream_finish(struct l7fp_downstream *d)
{
	l7fp_port_get(&d->port);
	spin_lock_bh(&d->lock);
	if (d->state == L7FP_D_H2)
		l7fp_exchange_linger(d);
	l7fp_session_leave(d);
	l7fp_port_put(&d->port);
}

static void sweep_stream(struct l7fp_port *port)
{
	l7fp_downstream_sweep(downstream_of(port));
}

void l7fp_h2_downstream_sweep(struct l7fp_downstream *d)
{
	struct l7fp_h2_connection *c = d->h2;
	u32 idle = d->listener->config.idle_timeout_ms;

	if (READ_ONCE(c->n_streams)) {
		l7fp_h2_each(c, sweep_stream);
		return;
	}
	if (time_before(jiffies, READ_ONCE(c->idle_since) + msecs_to_jiffies(idle)))
		return;
	l7fp_h2_go(c, READ_ONCE(c->ids.last));
	l7fp_h2_downstream_finish(d);
}

void l7fp_h2_downstream_drain(struct l7fp_downstream *d)
{
	struct l7fp_h2_connection *c = d->h2;
	bool first, none;

	spin_lock_bh(&c->lock);
	first = !c->going;
	none = !c->n_streams;
	spin_unlock_bh(&c->lock);
	/*
	 * RFC 9113 6.8: first without a number, so that no request on its way is lost; a round
	 * later, when the client knows, with it.
	 */
	if (first)
		l7fp_h2_go(c, L7FP_H2_MAX_WINDOW);
	else if (READ_ONCE(c->last) == L7FP_H2_MAX_WINDOW)
		l7fp_h2_go(c, READ_ONCE(c->ids.last));
	else if (none)
		l7fp_h2_downstream_finish(d);
}

int l7fp_h2_downstream_init(void)
{
	cache = KMEM_CACHE(downstream_stream, 0);
	return cache ? 0 : -ENOMEM;
}

void l7fp_h2_downstream_uninit(void)
{
	l7fp_spares_free(&spares, cache);
	kmem_cache_destroy(cache);
}
