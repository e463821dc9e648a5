// SPDX-License-Identifier: GPL-2.0-only
/*
 * Downstream connections: opened by a listener, closed by either side, the
 * sweep, or the end of their namespace; and what is done when a session's
 * lock is let go.
 */
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include "compat.h"
#include "downstream.h"
#include "exchange_private.h"
#include "h2_connection.h"
#include "identify.h"
#include "slowpath.h"
#include "spare.h"
#include "tls.h"
#include "trace.h"
#include "wire.h"

#define SWEEP_INTERVAL	HZ

static atomic64_t next_id = ATOMIC64_INIT(0);

void l7fp_session_leave(struct l7fp_downstream *d)
	__releases(&d->lock)
{
	struct l7fp_endpoint *connect_to = d->connect_to;
	bool flush = d->port.dirty, close = d->close_now;
	bool upstreams = !list_empty(&d->closing);
	struct l7fp_upstream *u = NULL;
	u32 seq = d->connect_seq;
	LIST_HEAD(closing);

	lockdep_assert_held(&d->lock);
	/* Nothing of a stream sleeps but making a connection for it. */
	if (l7fp_port_atomic() &&
	    (connect_to || (!d->port.stream && (close || upstreams)))) {
		/* All of that sleeps. */
		d->port.ops->defer(&d->port);
		connect_to = NULL;
		close = false;
		upstreams = false;
	} else {
		if (upstreams)
			list_splice_init(&d->closing, &closing);
		d->connect_to = NULL;
		d->close_now = false;
	}
	d->port.dirty = false;
	if (d->upstream && d->upstream->port.dirty) {
		u = d->upstream;
		u->port.dirty = false;
		l7fp_port_get(&u->port);
	}
	spin_unlock_bh(&d->lock);

	if (u) {
		u->port.ops->flush(&u->port);
		l7fp_port_put(&u->port);
	}
	if (flush)
		d->port.ops->flush(&d->port);
	if (upstreams)
		l7fp_pool_close_list(&closing);
	if (close) {
		struct l7fp_net *ln = d->port.ln;

		if (!d->port.stream) {
			spin_lock_bh(&ln->downstreams_lock);
			list_del_init(&d->list);
			ln->n_downstreams--;
			spin_unlock_bh(&ln->downstreams_lock);
		}
		trace_l7fp_downstream_close(d);
		d->port.ops->close(&d->port, d->close_reset);
		l7fp_port_put(&d->port);
	} else if (connect_to) {
		l7fp_pool_connect(d, connect_to, seq);
		return;
	}
	if (connect_to)
		l7fp_endpoint_put(connect_to);
}

void l7fp_downstream_close(struct l7fp_downstream *d, bool reset)
{
	lockdep_assert_held(&d->lock);
	if (d->state == L7FP_D_CLOSED)
		return;
	/* Bytes without a framing: only RST tells that they are not all. */
	if (reset && d->upstream && (d->state == L7FP_D_TUNNEL || d->up_eof))
		d->upstream->reset = true;
	d->state = L7FP_D_CLOSED;
	l7fp_exchange_abort(d, L7FP_REASON_DC);
	l7fp_pool_put(d, false);
	if (d->old_upstream) {
		l7fp_port_put(&d->old_upstream->port);
		d->old_upstream = NULL;
	}
	l7fp_slow_path_release(d);
	l7fp_port_disarm(&d->port);
	d->close_now = true;
	d->close_reset = reset;
}

static struct l7fp_downstream *downstream_of(struct l7fp_port *port)
{
	return container_of(port, struct l7fp_downstream, port);
}

static u32 downstream_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	struct l7fp_downstream *d = downstream_of(port);
	u32 used = 0, i;

	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	d->blocked = false;
	for (i = 0; i < n && !d->blocked; i++) {
		struct bio_vec part = v[i];

		while (part.bv_len) {
			u32 took;

			d->rx_more = i + 1 < n;
			took = l7fp_exchange_downstream_input(d, &part);
			if (!took) {
				d->blocked = true;
				break;
			}
			used += took;
			part.bv_offset += took;
			part.bv_len -= took;
		}
	}
	d->rx_more = false;
	/* The rest is for the events that the connection has from now on. */
	if (d->state == L7FP_D_H2)
		port->ops->read(port);
	l7fp_session_leave(d);
	l7fp_port_put(port);
	l7fp_count_add(port->ln, downstream_rx_bytes, used);
	return used;
}

static void downstream_eof(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	l7fp_exchange_downstream_eof(d);
	l7fp_session_leave(d);
	l7fp_port_put(port);
}

static void downstream_error(struct l7fp_port *port, int err)
{
	struct l7fp_downstream *d = downstream_of(port);

	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	l7fp_downstream_close(d, true);
	l7fp_session_leave(d);
	l7fp_port_put(port);
}

static void downstream_writable(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	spin_lock_bh(&d->lock);
	if (d->upstream && d->upstream_blocked)
		d->upstream->port.ops->read(&d->upstream->port);
	spin_unlock_bh(&d->lock);
}

static void downstream_timer(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	if (d->state == L7FP_D_NEW)
		l7fp_tls_expire(port);
	else if (d->state == L7FP_D_DETECT)
		l7fp_detect_timeout(d);
	else
		l7fp_exchange_timeout(d);
	l7fp_session_leave(d);
	l7fp_port_put(port);
}

void l7fp_downstream_deferred(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	l7fp_session_leave(d);
	l7fp_port_put(port);
}

void l7fp_downstream_free(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	this_cpu_inc(d->listener->stats->cx_destroy);
	l7fp_count(port->ln, downstream_cx_destroy);
	l7fp_count_add(port->ln, downstream_tx_bytes, port->tx_total - port->tx_counted);
	l7fp_listener_put(d->listener);
	l7fp_buffer_free(&d->head);
	/* Streams may have asked for it after the connection was closed. */
	if (d->slow_endpoint) {
		spin_lock_bh(&d->lock);
		l7fp_slow_path_release(d);
		spin_unlock_bh(&d->lock);
	}
	l7fp_h2_free(d->h2);
	kfree_rcu(d, rcu);
}

/* It may speak now: the connection is plain, or its TLS handshake is done. Under the lock. */
static void downstream_start(struct l7fp_downstream *d)
{
	u32 protocol = d->listener->config.protocol;

	lockdep_assert_held(&d->lock);
	if (d->state == L7FP_D_CLOSED)
		return;
	if (protocol == L7FP_PROTOCOL_DETECT)
		l7fp_detect_begin(d);
	else
		l7fp_downstream_begin(d, protocol);
	if (d->blocked)
		d->port.ops->read(&d->port);
}

/* Of a listener with TLS. */
static void downstream_connected(struct l7fp_port *port)
{
	struct l7fp_downstream *d = downstream_of(port);

	l7fp_port_disarm(port);
	clear_bit(L7FP_PORT_TIMER, &port->flags);
	l7fp_port_get(port);
	spin_lock_bh(&d->lock);
	if (l7fp_tls_on(port))
		d->tls = port->tls;
	downstream_start(d);
	l7fp_session_leave(d);
	l7fp_port_put(port);
}

static const struct l7fp_port_events downstream_events = {
	.connected = downstream_connected,
	.input = downstream_input,
	.eof = downstream_eof,
	.error = downstream_error,
	.writable = downstream_writable,
	.timer = downstream_timer,
	.deferred = l7fp_downstream_deferred,
	.free = l7fp_downstream_free,
};

/*
 * What the connection speaks is known: the policy judges it, before any byte
 * is forwarded. Under the lock.
 */
void l7fp_downstream_begin(struct l7fp_downstream *d, u32 protocol)
{
	struct l7fp_net *ln = d->port.ln;

	lockdep_assert_held(&d->lock);
	/* For policies both are HTTP: their requests are judged. */
	d->conn.protocol = protocol == L7FP_PROTOCOL_HTTP2 ? L7FP_PROTOCOL_HTTP : protocol;
	/* Without a policy nothing is forwarded unjudged; HTTP gets its 503. */
	if (l7fp_decide_connect(d) || READ_ONCE(ln->dead) ||
	    (protocol == L7FP_PROTOCOL_OPAQUE && !rcu_access_pointer(ln->current_generation))) {
		l7fp_count(ln, connect_refused);
		l7fp_downstream_close(d, true);
		return;
	}
	if (protocol == L7FP_PROTOCOL_OPAQUE) {
		l7fp_exchange_opaque(d);
		return;
	}
	if (d->down_eof) {
		l7fp_downstream_close(d, false);
		return;
	}
	if (protocol == L7FP_PROTOCOL_HTTP2) {
		if (!l7fp_h2_downstream_begin(d, d->state == L7FP_D_DETECT))
			l7fp_downstream_close(d, true);
		return;
	}
	d->state = L7FP_D_HEAD;
	d->since = jiffies;
}

int l7fp_downstream_open(struct l7fp_listener *listener, struct socket *sock)
{
	const struct l7fp_listener_config *config = &listener->config;
	struct l7fp_net *ln = listener->ln;
	struct l7fp_downstream *d;

	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	if (config->tls && l7fp_tls_new(&d->port, false, config->tls, config->id)) {
		kfree(d);
		return -ENOMEM;
	}
	/* Where HTTP is declared nothing else is to be expected inside. */
	if (config->tls == L7FP_TLS_PERMISSIVE)
		d->port.tls->passes = config->protocol == L7FP_PROTOCOL_OPAQUE ||
				      config->protocol == L7FP_PROTOCOL_DETECT;
	l7fp_port_init(&d->port, ln, &l7fp_wire_ops, &downstream_events);
	spin_lock_init(&d->lock);
	INIT_LIST_HEAD(&d->list);
	INIT_LIST_HEAD(&d->closing);
	d->since = jiffies;
	d->conn.id = atomic64_inc_return(&next_id);
	d->place = l7fp_spare_place(d->conn.id, 0);
	d->conn.listener = listener->config.id;
	d->opaque_cluster = listener->config.cluster;
	refcount_inc(&listener->refs);
	d->listener = listener;
	l7fp_identify(d, sock);
	this_cpu_inc(listener->stats->cx_total);
	l7fp_count(ln, downstream_cx_total);
	trace_l7fp_downstream_open(d);

	/* Its bytes wait until the policy has let it in: l7fp_downstream_begin(). */
	d->state = L7FP_D_NEW;
	l7fp_port_get(&d->port);
	spin_lock_bh(&ln->downstreams_lock);
	list_add_tail(&d->list, &ln->downstreams);
	ln->n_downstreams++;
	spin_unlock_bh(&ln->downstreams_lock);
	if (config->flags & L7FP_LISTENER_APP_PORTS)
		set_bit(L7FP_PORT_APP, &d->port.flags);
	if (config->tls) {
		u32 ms = L7FP_HANDSHAKE_MS;

		/* Who says nothing may be a plain client that waits for its server. */
		if (config->tls == L7FP_TLS_PERMISSIVE && config->protocol == L7FP_PROTOCOL_DETECT)
			ms = config->detect_timeout_ms;
		l7fp_port_arm(&d->port, ms);
		set_bit(L7FP_PORT_CONNECT_CALLED, &d->port.flags);
		set_bit(L7FP_PORT_CONNECTING, &d->port.flags);
		l7fp_wire_attach(&d->port, sock);
		l7fp_port_put(&d->port);
		return 0;
	}
	l7fp_wire_attach(&d->port, sock);
	spin_lock_bh(&d->lock);
	downstream_start(d);
	l7fp_session_leave(d);
	l7fp_port_put(&d->port);
	return 0;
}

/* True when something was under way. Under the lock. */
static bool kill_downstream(struct l7fp_downstream *d, bool reset)
{
	if (d->state == L7FP_D_CLOSED)
		return false;
	if (!reset && (d->state == L7FP_D_DISCARD || d->state == L7FP_D_NEW ||
		       (d->state == L7FP_D_HEAD && !d->x) ||
		       (d->state == L7FP_D_H2 && !READ_ONCE(d->h2->n_streams)))) {
		l7fp_downstream_close(d, false);
		return false;
	}
	if (d->x && !d->x->reason)
		d->x->reason = L7FP_REASON_DRAIN;
	/* An exchange that the policy has judged is counted when it is freed. */
	if (!d->x || !d->x->decided)
		this_cpu_inc(d->port.ln->stats->reason[L7FP_REASON_DRAIN]);
	l7fp_downstream_close(d, true);
	return true;
}

static void kill_stream(struct l7fp_port *port)
{
	struct l7fp_downstream *d = container_of(port, struct l7fp_downstream, port);

	spin_lock_bh(&d->lock);
	kill_downstream(d, true);
	l7fp_session_leave(d);
}

u32 l7fp_downstreams_kill(struct l7fp_net *ln, bool reset)
{
	struct l7fp_downstream *d;
	u32 n = 0;

	for (;;) {
		spin_lock_bh(&ln->downstreams_lock);
		d = list_first_entry_or_null(&ln->downstreams, struct l7fp_downstream, list);
		if (d)
			l7fp_port_get(&d->port);
		spin_unlock_bh(&ln->downstreams_lock);
		if (!d)
			return n;
		if (READ_ONCE(d->state) == L7FP_D_H2 && READ_ONCE(d->h2->n_streams)) {
			l7fp_h2_each(d->h2, kill_stream);
			l7fp_h2_end_streams(d->h2, L7FP_H2_MAX_WINDOW, true);
			n++;
			d->port.ops->flush(&d->port);
		}
		spin_lock_bh(&d->lock);
		n += kill_downstream(d, reset);
		l7fp_session_leave(d);
		l7fp_port_put(&d->port);
		/* Another worker may be taking it from the list. */
		cond_resched();
	}
}

void l7fp_ports_wait(struct l7fp_net *ln)
{
	wait_var_event(&ln->n_ports, !atomic_read(&ln->n_ports));
	/* The last one's work item may still run. */
	flush_workqueue(l7fp_free_wq);
}

static bool idle_for(const struct l7fp_port *port, u32 ms)
{
	return time_after_eq(jiffies, READ_ONCE(port->last_activity) + msecs_to_jiffies(ms));
}

/* What is due for being closed. Under the lock. */
static void close_due(struct l7fp_downstream *d)
{
	const struct l7fp_listener_config *config = &d->listener->config;
	unsigned long now = jiffies;
	u32 timeout = 0;

	switch (d->state) {
	case L7FP_D_HEAD:
		timeout = d->head.len ? config->head_timeout_ms : config->idle_timeout_ms;
		if (time_before(now, d->since + msecs_to_jiffies(timeout)))
			return;
		if (d->head.len)
			l7fp_exchange_head_timeout(d);
		else
			l7fp_downstream_close(d, false);
		return;
	case L7FP_D_DISCARD:
		if (time_before(now, d->since + msecs_to_jiffies(L7FP_LINGER_MS)) &&
		    !test_bit(L7FP_PORT_EOF_SEEN, &d->port.flags))
			return;
		/* A slow reader gets what is queued as long as it reads. */
		if (READ_ONCE(d->port.tx_bytes) && !idle_for(&d->port, L7FP_STREAM_IDLE_MS))
			return;
		if (d->upstream && READ_ONCE(d->upstream->port.tx_bytes) &&
		    !idle_for(&d->upstream->port, L7FP_STREAM_IDLE_MS))
			return;
		l7fp_downstream_close(d, false);
		return;
	case L7FP_D_BODY:
	case L7FP_D_WAIT:
		/*
		 * A peer that does not take or send what it has begun; an upstream
		 * may think about its response as long as the route allows.
		 */
		if (!idle_for(&d->port, L7FP_STREAM_IDLE_MS) ||
		    (d->upstream && !idle_for(&d->upstream->port, L7FP_STREAM_IDLE_MS)))
			return;
		if (d->state == L7FP_D_BODY || d->x->response_started)
			l7fp_exchange_stalled(d);
		return;
	case L7FP_D_TUNNEL:
		if (!idle_for(&d->port, L7FP_TUNNEL_IDLE_MS) ||
		    (d->upstream && !idle_for(&d->upstream->port, L7FP_TUNNEL_IDLE_MS)))
			return;
		l7fp_downstream_close(d, false);
		return;
	}
}

void l7fp_downstream_sweep(struct l7fp_downstream *d)
{
	if (READ_ONCE(d->state) == L7FP_D_H2) {
		l7fp_h2_downstream_sweep(d);
		return;
	}
	spin_lock_bh(&d->lock);
	close_due(d);
	l7fp_session_leave(d);
}

u32 l7fp_downstreams_take(struct l7fp_net *ln, struct l7fp_downstream *from, u64 last,
			  struct l7fp_downstream *batch[L7FP_DOWNSTREAMS_BATCH])
{
	struct l7fp_downstream *d;
	u32 n = 0;

	spin_lock_bh(&ln->downstreams_lock);
	/* Where @from is gone the walk begins anew: the ids tell where it was. */
	d = from && !list_empty(&from->list) ? from :
	    list_entry(&ln->downstreams, struct l7fp_downstream, list);
	list_for_each_entry_continue(d, &ln->downstreams, list) {
		if (d->conn.id <= last || !refcount_inc_not_zero(&d->port.refs))
			continue;
		batch[n++] = d;
		if (n == L7FP_DOWNSTREAMS_BATCH)
			break;
	}
	spin_unlock_bh(&ln->downstreams_lock);
	return n;
}

void l7fp_downstreams_each(struct l7fp_net *ln, void (*act)(struct l7fp_downstream *d))
{
	struct l7fp_downstream *batch[L7FP_DOWNSTREAMS_BATCH], *from = NULL;
	u64 last = 0;
	u32 n, i;

	while ((n = l7fp_downstreams_take(ln, from, last, batch))) {
		if (from)
			l7fp_port_put(&from->port);
		from = NULL;
		last = batch[n - 1]->conn.id;
		for (i = 0; i < n; i++) {
			act(batch[i]);
			/* The last one that is still in the list is where to go on. */
			if (from && !list_empty(&batch[i]->list))
				swap(from, batch[i]);
			if (from)
				l7fp_port_put(&batch[i]->port);
			else
				from = batch[i];
		}
		cond_resched();
	}
	if (from)
		l7fp_port_put(&from->port);
}

void l7fp_sweep(struct work_struct *work)
{
	struct l7fp_net *ln = container_of(to_delayed_work(work), struct l7fp_net, sweep);
	struct l7fp_cluster *cluster;
	unsigned long id;

	l7fp_downstreams_each(ln, l7fp_downstream_sweep);
	mutex_lock(&ln->lock);
	xa_for_each(&ln->clusters, id, cluster)
		l7fp_pool_sweep(cluster, msecs_to_jiffies(cluster->config.idle_timeout_ms));
	if (!ln->dead)
		queue_delayed_work(system_unbound_wq, &ln->sweep, SWEEP_INTERVAL);
	mutex_unlock(&ln->lock);
}

int l7fp_engine_init(void)
{
	int err;

	err = l7fp_port_module_init();
	if (err)
		return err;
	l7fp_route_init();
	l7fp_wire_queue_init();
	err = l7fp_exchange_init();
	if (err)
		goto uninit_port;
	err = l7fp_h2_init();
	if (err)
		goto uninit_exchange;
	return 0;
uninit_exchange:
	l7fp_exchange_uninit();
uninit_port:
	l7fp_port_module_uninit();
	return err;
}

void l7fp_engine_uninit(void)
{
	/* Frees of the last connections, and their kfree_rcu(). */
	flush_workqueue(l7fp_free_wq);
	rcu_barrier();
	l7fp_h2_uninit();
	l7fp_exchange_uninit();
	l7fp_port_module_uninit();
	l7fp_wire_uninit();
}
