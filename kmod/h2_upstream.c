// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers that speak HTTP/2: connections that exchanges of many clients share, and each of their
 * streams as an upstream.
 *
 * A connection is in its endpoint's list while it takes further streams, from before it is
 * connected. One that is going, failed or idle for too long leaves the list, and closes when its
 * last stream has ended.
 */
#include <linux/slab.h>
#include "compat.h"
#include "exchange_private.h"
#include "h2_connection.h"
#include "original.h"
#include "spare.h"
#include "trace.h"
#include "wire.h"

struct upstream_stream {
	struct l7fp_upstream u;
	struct l7fp_stream s;
	u32 place;			/* in @spares */
};

static struct kmem_cache *cache;
static struct l7fp_spares spares;

static struct l7fp_upstream *upstream_of(struct l7fp_port *port)
{
	return container_of(port, struct l7fp_upstream, port);
}

/* ---- streams */

static u32 stream_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	struct l7fp_upstream *u = upstream_of(port);
	struct l7fp_downstream *d = l7fp_upstream_enter(u);
	u32 total = 0, used = 0, i;

	for (i = 0; i < n; i++)
		total += v[i].bv_len;
	if (!d)
		return total;
	d->upstream_blocked = false;
	for (i = 0; i < n; i++) {
		struct bio_vec part = v[i];

		while (part.bv_len && d->upstream == u) {
			u32 took = l7fp_exchange_upstream_input(d, &part);

			if (!took) {
				d->upstream_blocked = true;
				l7fp_upstream_leave(d);
				return used;
			}
			used += took;
			part.bv_offset += took;
			part.bv_len -= took;
		}
	}
	l7fp_upstream_leave(d);
	return total;
}

static bool stream_end(struct l7fp_port *port)
{
	struct l7fp_downstream *d = l7fp_upstream_enter(upstream_of(port));
	struct l7fp_h2_trailers *trailers = port->stream->rx_trailers;

	if (!d)
		return true;
	port->stream->rx_trailers = NULL;
	l7fp_exchange_upstream_end(d, trailers);
	l7fp_upstream_leave(d);
	return true;
}

static void stream_sent(struct l7fp_port *port)
{
}

static void stream_error(struct l7fp_port *port, int err)
{
	struct l7fp_stream *s = port->stream;
	struct l7fp_downstream *d = l7fp_upstream_enter(upstream_of(port));

	if (!d)
		return;
	if (s->c->reason)
		l7fp_exchange_upstream_failed(d, s->c->reason);
	else if (s->rx_refused)
		l7fp_exchange_upstream_refused(d);
	else
		l7fp_exchange_upstream_failed(d, L7FP_REASON_UR);
	l7fp_upstream_leave(d);
}

static void stream_writable(struct l7fp_port *port)
{
	struct l7fp_downstream *d = l7fp_upstream_enter(upstream_of(port));

	if (!d)
		return;
	if (d->blocked)
		d->port.ops->read(&d->port);
	l7fp_upstream_leave(d);
}

static void stream_timer(struct l7fp_port *port)
{
}

static void stream_deferred(struct l7fp_port *port)
{
}

static void stream_free(struct l7fp_port *port)
{
	struct upstream_stream *us = container_of(port, struct upstream_stream, u.port);

	l7fp_endpoint_put(us->u.endpoint);
	l7fp_h2_stream_free(&us->s);
	l7fp_spare_give(&spares, us->place, cache, us);
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

/* A connection of @endpoint with room for a stream, which is reserved; held. */
static struct l7fp_upstream *find_room(struct l7fp_endpoint *endpoint,
				       const struct l7fp_downstream *d)
{
	u32 max = endpoint->cluster->config.max_requests_per_connection;
	struct l7fp_upstream *u, *found = NULL;

	spin_lock(&endpoint->lock);
	list_for_each_entry(u, &endpoint->h2, idle) {
		struct l7fp_h2_connection *c = u->h2;

		/* A listener behind it knows whose requests it brings. */
		if (u->client.cgroup != d->conn.cgroup)
			continue;
		spin_lock(&c->lock);
		if (!c->failed && !c->going && c->n_streams < READ_ONCE(c->peer_streams) &&
		    (!max || c->n_exchanges < max)) {
			c->n_streams++;
			c->n_exchanges++;
			found = u;
		}
		spin_unlock(&c->lock);
		if (found)
			break;
	}
	if (found)
		l7fp_port_get(&found->port);
	spin_unlock(&endpoint->lock);
	return found;
}

bool l7fp_h2_upstream_take(struct l7fp_endpoint *endpoint, struct l7fp_downstream *d)
{
	struct l7fp_upstream *carrier = find_room(endpoint, d);
	struct upstream_stream *us;
	struct l7fp_h2_connection *c;

	lockdep_assert_held(&d->lock);
	if (!carrier)
		return false;
	c = carrier->h2;
	us = l7fp_spare_take(&spares, d->place);
	if (!us)
		us = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!us) {
		spin_lock(&c->lock);
		c->n_streams--;
		spin_unlock(&c->lock);
		l7fp_port_put(&carrier->port);
		return false;
	}
	memset(us, 0, sizeof(*us));
	us->place = d->place;
	l7fp_h2_stream_init(&us->s, c, &us->u.port, &stream_events);
	INIT_LIST_HEAD(&us->u.idle);
	us->u.endpoint = endpoint;
	refcount_inc(&endpoint->refs);
	us->u.connected = true;
	l7fp_pool_bind(d, &us->u);
	/* Whether it may have been closed while it was idle. */
	us->u.n_exchanges = READ_ONCE(c->n_exchanges);
	l7fp_port_put(&carrier->port);
	return true;
}

void l7fp_h2_upstream_head(struct l7fp_stream *s, struct l7fp_hpack_list *list, bool end_stream)
{
	struct l7fp_downstream *d = l7fp_upstream_enter(l7fp_h2_upstream_of(s));
	struct l7fp_hpack_list own = *list;
	struct l7fp_exchange_kern *x;
	struct l7fp_h1_head *h;
	u8 *text;
	int err;

	if (!d)
		return;
	x = d->x;
	if (!x || x->response_started) {
		l7fp_upstream_leave(d);
		return;
	}
	h = &x->response;
	memcpy(h->headers, list->headers, list->n * sizeof(list->headers[0]));
	memcpy(x->response_info, list->info, list->n * sizeof(list->info[0]));
	x->response_origin = list->origin;
	h->n_headers = list->n;
	own.headers = h->headers;
	own.info = x->response_info;
	err = l7fp_h2_head(h, &own, L7FP_H2_RESPONSE, end_stream, x->request.method);
	text = err ? NULL : l7fp_arena_alloc(&x->arena, own.len + 1);
	if (!text) {
		l7fp_exchange_upstream_failed(d, err ? L7FP_REASON_UPE : L7FP_REASON_OM);
		l7fp_upstream_leave(d);
		return;
	}
	memcpy(text, own.buf, own.len);
	if (h->status >= 200) {
		spin_lock(&s->c->lock);
		s->h2.heads = 1;
		s->h2.recv_end = end_stream;
		l7fp_h2_ended(s->c, s);
		s->h2.has_length = !end_stream && l7fp_h1_has(h, L7FP_H_CONTENT_LENGTH) &&
				   x->request.method != L7FP_METHOD_HEAD && h->status != 304;
		s->h2.length = h->content_length;
		spin_unlock(&s->c->lock);
	}
	l7fp_exchange_stream_response(d, text);
	l7fp_upstream_leave(d);
}

int l7fp_h2_resume(struct l7fp_downstream *d)
{
	struct l7fp_stream *old = d->old_upstream->port.stream;
	struct l7fp_port *to = &d->upstream->port;
	struct l7fp_h2_trailers *trailers = NULL;
	int err;

	lockdep_assert_held(&d->lock);
	err = l7fp_write_request(d->x, to, d->request.in);
	if (!err)
		err = l7fp_port_move(to, old->port);
	if (err || d->request.in == L7FP_BODY_NONE || !d->x->request_done)
		return err;
	spin_lock(&old->c->lock);
	swap(trailers, old->tx_trailers);
	spin_unlock(&old->c->lock);
	l7fp_h2_stream_end(to, trailers);
	return 0;
}

/* ---- the connection */

/* Closes it, once, when nothing needs it any more. */
static void close_unused(struct l7fp_upstream *u)
{
	struct l7fp_h2_connection *c = u->h2;
	bool mine;

	spin_lock_bh(&c->lock);
	mine = (c->going || c->failed) && !c->n_streams && !c->closing;
	if (mine && !l7fp_port_atomic())
		c->closing = true;
	spin_unlock_bh(&c->lock);
	if (!mine)
		return;
	if (l7fp_port_atomic()) {
		u->port.ops->defer(&u->port);
		return;
	}
	trace_l7fp_upstream_close(u);
	u->port.ops->close(&u->port, false);
	l7fp_port_put(&u->port);
}

void l7fp_h2_upstream_retire(struct l7fp_upstream *u)
{
	struct l7fp_endpoint *endpoint = u->endpoint;

	spin_lock_bh(&endpoint->lock);
	if (u->pooled)
		list_del_init(&u->idle);
	u->pooled = false;
	spin_lock(&u->h2->lock);
	u->h2->going = true;
	spin_unlock(&u->h2->lock);
	spin_unlock_bh(&endpoint->lock);
	close_unused(u);
}

void l7fp_h2_upstream_expire(struct l7fp_endpoint *endpoint, unsigned long idle, bool all,
			     struct list_head *list)
{
	struct l7fp_upstream *u, *next;

	lockdep_assert_held(&endpoint->lock);
	list_for_each_entry_safe(u, next, &endpoint->h2, idle) {
		struct l7fp_h2_connection *c = u->h2;
		bool unused;

		spin_lock(&c->lock);
		unused = !c->n_streams && !c->closing && u->connected &&
			 (all || time_after_eq(jiffies, c->idle_since + idle));
		if (unused)
			c->closing = true;
		if (unused || all)
			c->going = true;
		spin_unlock(&c->lock);
		if (!unused && !all)
			continue;
		u->pooled = false;
		if (unused)
			list_move_tail(&u->idle, list);
		else
			list_del_init(&u->idle);
	}
}

void l7fp_h2_upstream_abandon(struct l7fp_endpoint *endpoint)
{
	struct l7fp_upstream *u, *next;

	lockdep_assert_held(&endpoint->lock);
	list_for_each_entry_safe(u, next, &endpoint->h2, idle) {
		list_del_init(&u->idle);
		u->pooled = false;
		spin_lock(&u->h2->lock);
		u->h2->going = true;
		spin_unlock(&u->h2->lock);
		/* Closing sleeps: connection_deferred(). */
		u->port.ops->defer(&u->port);
	}
}

static u32 connection_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	u32 used;

	l7fp_port_get(port);
	used = l7fp_h2_input(upstream_of(port)->h2, v, n);
	l7fp_count_add(port->ln, upstream_rx_bytes, used);
	l7fp_port_put(port);
	return used;
}

static void connection_end(struct l7fp_upstream *u, u32 reason)
{
	struct l7fp_h2_connection *c = u->h2;

	l7fp_port_get(&u->port);
	spin_lock_bh(&c->lock);
	c->failed = true;
	c->reason = reason;
	spin_unlock_bh(&c->lock);
	/* From here on no stream finds it: each that is there tries another one. */
	l7fp_h2_upstream_retire(u);
	l7fp_h2_end_streams(c, L7FP_H2_MAX_WINDOW, true);
	close_unused(u);
	l7fp_port_put(&u->port);
}

static void connection_connected(struct l7fp_port *port)
{
	struct l7fp_upstream *u = upstream_of(port);

	l7fp_port_disarm(port);
	l7fp_upstream_connected(u);
	port->ops->flush(port);
	l7fp_h2_pump(u->h2);
	port->ops->flush(port);
}

static void connection_eof(struct l7fp_port *port)
{
	connection_end(upstream_of(port), L7FP_REASON_UC);
}

static void connection_failed(struct l7fp_upstream *u, int err)
{
	struct l7fp_cluster *cluster = u->endpoint->cluster;

	if (u->connected) {
		connection_end(u, err == -ECONNRESET ? L7FP_REASON_UR : L7FP_REASON_UC);
		return;
	}
	this_cpu_inc(cluster->stats->cx_connect_fail);
	if (err == -ETIMEDOUT)
		this_cpu_inc(cluster->stats->cx_connect_timeout);
	l7fp_count(u->port.ln, upstream_cx_connect_fail);
	connection_end(u, L7FP_REASON_UF);
}

static void connection_error(struct l7fp_port *port, int err)
{
	connection_failed(upstream_of(port), err);
}

static void connection_writable(struct l7fp_port *port)
{
	l7fp_h2_pump(upstream_of(port)->h2);
}

static void connection_timer(struct l7fp_port *port)
{
	struct l7fp_upstream *u = upstream_of(port);

	if (!u->connected)
		connection_failed(u, -ETIMEDOUT);
}

static void connection_deferred(struct l7fp_port *port)
{
	close_unused(upstream_of(port));
}

static void connection_free(struct l7fp_port *port)
{
	struct l7fp_upstream *u = upstream_of(port);

	l7fp_upstream_uncount(u);
	l7fp_h2_free(u->h2);
	kfree_rcu(u, rcu);
}

static const struct l7fp_port_events connection_events = {
	.connected = connection_connected,
	.input = connection_input,
	.eof = connection_eof,
	.error = connection_error,
	.writable = connection_writable,
	.timer = connection_timer,
	.deferred = connection_deferred,
	.free = connection_free,
};

bool l7fp_h2_is_upstream(const struct l7fp_port *port)
{
	return port->events == &connection_events;
}

/* @u, just made, becomes one that others find. */
static int connection_begin(struct l7fp_upstream *u)
{
	struct l7fp_endpoint *endpoint = u->endpoint;
	int err = 0;

	u->h2 = l7fp_h2_new(&u->port, false, GFP_KERNEL);
	if (!u->h2)
		return -ENOMEM;
	u->h2->upstream = u;
	u->port.events = &connection_events;
	if (endpoint->preamble) {
		local_bh_disable();
		err = l7fp_port_send(&u->port, endpoint->preamble, endpoint->preamble_len);
		local_bh_enable();
	}
	if (err)
		return err;
	l7fp_h2_begin(u->h2);
	spin_lock_bh(&endpoint->lock);
	u->pooled = true;
	list_add(&u->idle, &endpoint->h2);
	spin_unlock_bh(&endpoint->lock);
	return 0;
}

/* Binds @d to a connection that is there. False: there is none. Consumes @d's lock if true. */
static bool try_bind(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, u32 seq)
{
	spin_lock_bh(&d->lock);
	if (d->connecting && d->connect_seq == seq) {
		if (!l7fp_h2_upstream_take(endpoint, d)) {
			spin_unlock_bh(&d->lock);
			return false;
		}
		if (l7fp_exchange_bound(d))
			l7fp_exchange_upstream_failed(d, L7FP_REASON_OM);
	}
	l7fp_session_leave(d);
	return true;
}

static void give_up(struct l7fp_downstream *d, u32 seq, u32 reason)
{
	spin_lock_bh(&d->lock);
	if (d->connecting && d->connect_seq == seq) {
		d->connecting = false;
		l7fp_exchange_response_failed(d, reason);
	}
	l7fp_session_leave(d);
}

void l7fp_h2_upstream_connect(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, u32 seq)
{
	u32 timeout = endpoint->cluster->config.connect_timeout_ms;
	struct l7fp_upstream *u;
	int err = 0;

	/* Many may have waited for the same. */
	if (try_bind(d, endpoint, seq)) {
		l7fp_endpoint_put(endpoint);
		return;
	}
	u = l7fp_upstream_new(endpoint);
	if (IS_ERR(u)) {
		give_up(d, seq, PTR_ERR(u) == -ENOSPC ? L7FP_REASON_UO : L7FP_REASON_OM);
		l7fp_endpoint_put(endpoint);
		return;
	}
	memcpy(u->client.addr, d->conn.src_addr, sizeof(u->client.addr));
	u->client.port = d->conn.src_port;
	u->client.cgroup = d->conn.cgroup;
	u->client.inbound = d->conn.inbound;
	if (test_bit(L7FP_PORT_APP, &d->port.stream->c->port->flags) && !u->port.tls)
		set_bit(L7FP_PORT_APP, &u->port.flags);
	if (connection_begin(u)) {
		l7fp_port_put(&u->port);
		give_up(d, seq, L7FP_REASON_OM);
		l7fp_endpoint_put(endpoint);
		return;
	}
	l7fp_port_get(&u->port);
	if (!try_bind(d, endpoint, seq))
		give_up(d, seq, L7FP_REASON_UO);
	/* Who chose it before it was given up has it still. */
	spin_lock_bh(&endpoint->lock);
	if (endpoint->dead)
		l7fp_h2_upstream_abandon(endpoint);
	spin_unlock_bh(&endpoint->lock);
	trace_l7fp_upstream_connect(u);
	if (timeout)
		l7fp_port_arm(&u->port, timeout);
	if (!test_bit(L7FP_PORT_CLOSED, &u->port.flags))
		err = l7fp_wire_connect(&u->port, &endpoint->config.address,
					l7fp_original_source(endpoint));
	if (err)
		connection_failed(u, err);
	l7fp_port_put(&u->port);
	l7fp_endpoint_put(endpoint);
}

int l7fp_h2_upstream_init(void)
{
	cache = KMEM_CACHE(upstream_stream, 0);
	return cache ? 0 : -ENOMEM;
}

void l7fp_h2_upstream_uninit(void)
{
	l7fp_spares_free(&spares, cache);
	kmem_cache_destroy(cache);
}
