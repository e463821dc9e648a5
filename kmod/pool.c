// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upstream connections: made, bound to a downstream for an exchange, kept for
 * the next one.
 *
 * An open upstream is in one of three states, and whoever takes it out of its
 * state under the right lock closes it: bound (downstream's lock), idle
 * (endpoint's lock), or being closed (nobody's, on a private list).
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include "compat.h"
#include "downstream.h"
#include "h2_connection.h"
#include "original.h"
#include "trace.h"
#include "wire.h"

static void upstream_close(struct l7fp_upstream *u, bool reset)
{
	trace_l7fp_upstream_close(u);
	u->port.ops->close(&u->port, reset);
	l7fp_port_put(&u->port);
}

void l7fp_pool_close_list(struct list_head *list)
{
	struct l7fp_upstream *u, *next;

	list_for_each_entry_safe(u, next, list, idle) {
		list_del_init(&u->idle);
		upstream_close(u, u->reset);
	}
}

/* The session of @u, held, or NULL. */
static struct l7fp_downstream *downstream_get(struct l7fp_upstream *u)
{
	struct l7fp_downstream *d;

	if (u->port.stream) {
		/* A stream is freed at once: the lock keeps @u's reference on it. */
		spin_lock_bh(&u->endpoint->lock);
		d = rcu_dereference_protected(u->downstream,
					      lockdep_is_held(&u->endpoint->lock));
		if (d)
			l7fp_port_get(&d->port);
		spin_unlock_bh(&u->endpoint->lock);
		return d;
	}
	rcu_read_lock();
	d = rcu_dereference(u->downstream);
	if (d && !refcount_inc_not_zero(&d->port.refs))
		d = NULL;
	rcu_read_unlock();
	return d;
}

struct l7fp_downstream *l7fp_upstream_enter(struct l7fp_upstream *u)
{
	struct l7fp_downstream *d;

	for (;;) {
		d = downstream_get(u);
		if (!d)
			return NULL;
		spin_lock_bh(&d->lock);
		if (rcu_access_pointer(u->downstream) == d) {
			__release(&d->lock);	/* for sparse: l7fp_upstream_leave() has it again */
			return d;
		}
		spin_unlock_bh(&d->lock);
		l7fp_port_put(&d->port);
	}
}

void l7fp_upstream_leave(struct l7fp_downstream *d)
{
	__acquire(&d->lock);
	l7fp_session_leave(d);
	l7fp_port_put(&d->port);
}

/* An event of an upstream that nobody uses: it is of no use any more. */
static bool upstream_drop_idle(struct l7fp_upstream *u)
{
	struct l7fp_endpoint *endpoint = u->endpoint;
	bool idle;

	spin_lock_bh(&endpoint->lock);
	idle = !rcu_access_pointer(u->downstream) && !list_empty(&u->idle) &&
	       !test_bit(L7FP_PORT_CLOSED, &u->port.flags) && u->pooled;
	if (idle) {
		u->pooled = false;
		list_del_init(&u->idle);
		endpoint->n_idle--;
	}
	spin_unlock_bh(&endpoint->lock);
	/* Closing sleeps; @u is on nobody's list until then. */
	if (idle && l7fp_port_atomic())
		u->port.ops->defer(&u->port);
	else if (idle)
		upstream_close(u, false);
	return idle;
}

/* The session, or NULL after an idle upstream was dropped or while one is being closed. */
static struct l7fp_downstream *upstream_enter_or_drop(struct l7fp_upstream *u)
{
	struct l7fp_downstream *d;

	do {
		d = l7fp_upstream_enter(u);
		if (d || upstream_drop_idle(u))
			return d;
		/* Between the two it may have been taken from the pool. */
	} while (rcu_access_pointer(u->downstream));
	return NULL;
}

/* Its own events only, and its end: never two at a time. */
static void upstream_not_pending(struct l7fp_upstream *u)
{
	if (!u->pending)
		return;
	u->pending = false;
	atomic_dec(&u->endpoint->cluster->n_pending);
}

void l7fp_upstream_connected(struct l7fp_upstream *u)
{
	upstream_not_pending(u);
	u->connected = true;
}

static u32 upstream_input(struct l7fp_port *port, const struct bio_vec *v, u32 n)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);
	struct l7fp_downstream *d = upstream_enter_or_drop(u);
	u32 total = 0, used = 0, i;

	for (i = 0; i < n; i++)
		total += v[i].bv_len;
	/* Being closed: what stays unread makes that a reset, which tells who sends more. */
	if (!d)
		return 0;
	l7fp_count_add(port->ln, upstream_rx_bytes, total);
	d->upstream_blocked = false;
	for (i = 0; i < n; i++) {
		struct bio_vec part = v[i];

		while (part.bv_len) {
			u32 took;

			/* The response is complete and the connection bound elsewhere. */
			if (d->upstream != u) {
				l7fp_upstream_leave(d);
				return used;
			}
			d->rx_left = total - used;
			took = l7fp_exchange_upstream_input(d, &part);
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
	return used;
}

static void upstream_connected(struct l7fp_port *port)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);
	struct l7fp_downstream *d = l7fp_upstream_enter(u);

	l7fp_port_disarm(port);
	upstream_not_pending(u);
	if (!d)
		return;
	u->connected = true;
	port->dirty = true;
	l7fp_upstream_leave(d);
}

static void upstream_eof(struct l7fp_port *port)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);
	struct l7fp_downstream *d = upstream_enter_or_drop(u);

	if (!d)
		return;
	d->rx_left = 0;
	l7fp_exchange_upstream_eof(d);
	l7fp_upstream_leave(d);
}

static void upstream_failed(struct l7fp_upstream *u, int err)
{
	struct l7fp_downstream *d = upstream_enter_or_drop(u);
	struct l7fp_cluster *cluster = u->endpoint->cluster;

	if (!d)
		return;
	if (u->connected) {
		/* Whether by FIN or by RST: UR is of a stream, as in Envoy. */
		l7fp_exchange_upstream_failed(d, L7FP_REASON_UC);
	} else {
		this_cpu_inc(cluster->stats->cx_connect_fail);
		if (err == -ETIMEDOUT)
			this_cpu_inc(cluster->stats->cx_connect_timeout);
		l7fp_count(u->port.ln, upstream_cx_connect_fail);
		l7fp_exchange_upstream_failed(d, L7FP_REASON_UF);
	}
	l7fp_upstream_leave(d);
}

static void upstream_error(struct l7fp_port *port, int err)
{
	upstream_failed(container_of(port, struct l7fp_upstream, port), err);
}

static void upstream_timer(struct l7fp_port *port)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);

	if (!u->connected)
		upstream_failed(u, -ETIMEDOUT);
}

static void upstream_writable(struct l7fp_port *port)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);
	struct l7fp_downstream *d = l7fp_upstream_enter(u);

	if (!d)
		return;
	if (d->blocked)
		d->port.ops->read(&d->port);
	l7fp_upstream_leave(d);
}

/* Taken from its pool in softirq. */
static void upstream_deferred(struct l7fp_port *port)
{
	upstream_close(container_of(port, struct l7fp_upstream, port), false);
}

void l7fp_upstream_uncount(struct l7fp_upstream *u)
{
	struct l7fp_endpoint *endpoint = u->endpoint;
	struct l7fp_port *port = &u->port;

	upstream_not_pending(u);
	this_cpu_inc(endpoint->cluster->stats->cx_destroy);
	l7fp_count(port->ln, upstream_cx_destroy);
	l7fp_count_add(port->ln, upstream_tx_bytes, port->tx_total - port->tx_counted);
	atomic_dec(&endpoint->cluster->n_connections);
	atomic_dec(&endpoint->n_connections);
	l7fp_endpoint_put(endpoint);
}

static void upstream_free(struct l7fp_port *port)
{
	struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);

	l7fp_upstream_uncount(u);
	l7fp_buffer_free(&u->head);
	kfree_rcu(u, rcu);
}

static const struct l7fp_port_events upstream_events = {
	.connected = upstream_connected,
	.input = upstream_input,
	.eof = upstream_eof,
	.error = upstream_error,
	.writable = upstream_writable,
	.timer = upstream_timer,
	.deferred = upstream_deferred,
	.free = upstream_free,
};

bool l7fp_upstream_client(struct sock *sk, struct l7fp_client *client)
{
	struct l7fp_port *port;
	bool found = false;

	read_lock_bh(&sk->sk_callback_lock);
	port = l7fp_wire_owns(sk) ? sk->sk_user_data : NULL;
	if (port && (port->events == &upstream_events || l7fp_h2_is_upstream(port))) {
		struct l7fp_upstream *u = container_of(port, struct l7fp_upstream, port);

		found = !u->adopted;
		*client = u->client;
	}
	read_unlock_bh(&sk->sk_callback_lock);
	return found;
}

struct l7fp_upstream *l7fp_upstream_new(struct l7fp_endpoint *endpoint)
{
	struct l7fp_cluster *cluster = endpoint->cluster;
	struct l7fp_upstream *u;

	if (atomic_inc_return(&cluster->n_connections) >
	    (int)min_t(u32, cluster->config.max_connections, INT_MAX)) {
		atomic_dec(&cluster->n_connections);
		this_cpu_inc(cluster->stats->cx_overflow);
		return ERR_PTR(-ENOSPC);
	}
	if (atomic_inc_return(&cluster->n_pending) >
	    (int)min_t(u32, cluster->config.max_pending, INT_MAX)) {
		atomic_dec(&cluster->n_pending);
		atomic_dec(&cluster->n_connections);
		this_cpu_inc(cluster->stats->rq_pending_overflow);
		return ERR_PTR(-ENOSPC);
	}
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (u && rcu_access_pointer(cluster->tls) &&
	    l7fp_tls_new(&u->port, true, L7FP_TLS_DISABLE, cluster->config.id)) {
		kfree(u);
		u = NULL;
	}
	if (!u) {
		atomic_dec(&cluster->n_pending);
		atomic_dec(&cluster->n_connections);
		return ERR_PTR(-ENOMEM);
	}
	u->tls_changes = READ_ONCE(cluster->tls_changes);
	u->pending = true;
	refcount_inc(&endpoint->refs);
	atomic_inc(&endpoint->n_connections);
	u->endpoint = endpoint;
	INIT_LIST_HEAD(&u->idle);
	l7fp_port_init(&u->port, cluster->ln, &l7fp_wire_ops, &upstream_events);
	set_bit(L7FP_PORT_CONNECTING, &u->port.flags);
	this_cpu_inc(cluster->stats->cx_total);
	l7fp_count(cluster->ln, upstream_cx_total);
	return u;
}

void l7fp_pool_bind(struct l7fp_downstream *d, struct l7fp_upstream *u)
{
	lockdep_assert_held(&d->lock);
	/* downstream_get() goes by the kind of @u. */
	WARN_ON_ONCE(d->port.stream && !u->port.stream);
	l7fp_port_get(&d->port);
	l7fp_port_get(&u->port);
	d->upstream = u;
	d->connecting = false;
	u->n_exchanges++;
	rcu_assign_pointer(u->downstream, d);
}

void l7fp_pool_want(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint)
{
	lockdep_assert_held(&d->lock);
	d->connecting = true;
	d->connect_seq++;
	d->connect_to = endpoint;
}

void l7fp_pool_connect(struct l7fp_downstream *d, struct l7fp_endpoint *endpoint, u32 seq)
{
	u32 timeout = endpoint->cluster->config.connect_timeout_ms;
	struct l7fp_upstream *u;
	int err = 0;

	if (d->port.stream) {
		l7fp_h2_upstream_connect(d, endpoint, seq);
		return;
	}
	u = l7fp_upstream_new(endpoint);
	spin_lock_bh(&d->lock);
	if (!d->connecting || d->connect_seq != seq) {
		spin_unlock_bh(&d->lock);
		if (!IS_ERR(u))
			l7fp_port_put(&u->port);
		l7fp_endpoint_put(endpoint);
		return;
	}
	if (IS_ERR(u)) {
		d->connecting = false;
		l7fp_exchange_upstream_failed(d, PTR_ERR(u) == -ENOSPC ? L7FP_REASON_UO :
						 L7FP_REASON_OM);
		l7fp_session_leave(d);
		l7fp_endpoint_put(endpoint);
		return;
	}
	memcpy(u->client.addr, d->conn.src_addr, sizeof(u->client.addr));
	u->client.port = d->conn.src_port;
	u->client.cgroup = d->conn.cgroup;
	u->client.alone = !d->x;
	if (test_bit(L7FP_PORT_APP, &d->port.flags) && !u->port.tls)
		set_bit(L7FP_PORT_APP, &u->port.flags);
	u->client.inbound = d->conn.inbound;
	l7fp_pool_bind(d, u);
	l7fp_port_get(&u->port);
	if (l7fp_exchange_bound(d))
		l7fp_exchange_upstream_failed(d, L7FP_REASON_OM);
	l7fp_session_leave(d);

	trace_l7fp_upstream_connect(u);
	if (timeout)
		l7fp_port_arm(&u->port, timeout);
	if (!test_bit(L7FP_PORT_CLOSED, &u->port.flags))
		err = l7fp_wire_connect(&u->port, &endpoint->config.address,
					l7fp_original_source(endpoint));
	if (err)
		upstream_failed(u, err);
	l7fp_port_put(&u->port);
	l7fp_endpoint_put(endpoint);
}

bool l7fp_pool_take(struct l7fp_endpoint *endpoint, struct l7fp_downstream *d)
{
	struct l7fp_upstream *u, *found = NULL;

	lockdep_assert_held(&d->lock);
	if (d->port.stream)
		return l7fp_h2_upstream_take(endpoint, d);
	spin_lock(&endpoint->lock);
	list_for_each_entry(u, &endpoint->idle, idle) {
		/* One that has an event pending drops itself. */
		if (u->port.flags & (BIT(L7FP_PORT_EOF_SEEN) | BIT(L7FP_PORT_ERROR_SEEN) |
				     BIT(L7FP_PORT_CLOSED)))
			continue;
		/* A listener behind it knows whose requests it brings. */
		if (u->client.cgroup != d->conn.cgroup && !u->adopted)
			continue;
		if (READ_ONCE(u->port.sock->sk->sk_state) != TCP_ESTABLISHED)
			continue;
		found = u;
		break;
	}
	if (found) {
		found->pooled = false;
		list_del_init(&found->idle);
		endpoint->n_idle--;
		l7fp_pool_bind(d, found);
	}
	spin_unlock(&endpoint->lock);
	if (found)
		l7fp_count(d->port.ln, upstream_cx_reused);
	return found;
}

static bool keep(struct l7fp_upstream *u)
{
	struct l7fp_endpoint *endpoint = u->endpoint;
	u32 max = endpoint->cluster->config.max_requests_per_connection;

	if (u->tls_changes != READ_ONCE(endpoint->cluster->tls_changes))
		return false;
	if (!u->connected || (max && u->n_exchanges >= max))
		return false;
	if (u->port.flags & (BIT(L7FP_PORT_EOF_SEEN) | BIT(L7FP_PORT_ERROR_SEEN) |
			     BIT(L7FP_PORT_CLOSED) | BIT(L7FP_PORT_TX_FIN)))
		return false;
	if (u->port.dirty || l7fp_tls_worn(&u->port))
		return false;
	/*
	 * The response may be faster than whoever sends the request's last bytes and has still to
	 * say that they are gone. What is left of them goes before the next request.
	 */
	return !READ_ONCE(u->port.tx_bytes) || test_bit(L7FP_PORT_TX_BUSY, &u->port.flags);
}

void l7fp_pool_put(struct l7fp_downstream *d, bool reusable)
{
	struct l7fp_upstream *u = d->upstream;
	struct l7fp_endpoint *endpoint;
	bool pooled = false;

	lockdep_assert_held(&d->lock);
	if (d->connect_to) {
		l7fp_endpoint_put(d->connect_to);
		d->connect_to = NULL;
	}
	d->connecting = false;
	d->upstream_blocked = false;
	if (!u)
		return;
	endpoint = u->endpoint;
	d->upstream = NULL;
	l7fp_port_count_sent(&u->port, &u->port.ln->stats->upstream_tx_bytes);
	spin_lock(&endpoint->lock);
	if (reusable && !u->port.stream && !endpoint->dead && keep(u)) {
		u->idle_since = jiffies;
		u->pooled = true;
		list_add(&u->idle, &endpoint->idle);
		endpoint->n_idle++;
		pooled = true;
	}
	RCU_INIT_POINTER(u->downstream, NULL);
	spin_unlock(&endpoint->lock);
	if (!pooled)
		list_add_tail(&u->idle, &d->closing);
	/* Neither is the last: the caller holds @d, being open holds @u. */
	l7fp_port_put(&u->port);
	l7fp_port_put(&d->port);
}

struct l7fp_endpoint *l7fp_pool_pick(struct l7fp_cluster *cluster, struct l7fp_downstream *d,
				     struct l7fp_endpoint *not)
{
	struct l7fp_endpoint_set *set;
	struct l7fp_endpoint *endpoint;
	u32 i, at;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "clusters are read under RCU");
	if (cluster->originals)
		return l7fp_original_pick(cluster, d);
	set = rcu_dereference(cluster->endpoints);
	if (!set || !set->n_healthy)
		return NULL;
	if (set->weight_total != set->n_healthy) {
		/* Weighted: a point on the line of all weights. */
		u64 point = cluster->config.lb == L7FP_LB_RANDOM ?
			    get_random_u64() % set->weight_total :
			    (u32)atomic_inc_return(&cluster->next) % set->weight_total;

		for (at = 0; at < set->n_healthy - 1; at++) {
			if (point < set->pick[at]->config.weight)
				break;
			point -= set->pick[at]->config.weight;
		}
	} else if (cluster->config.lb == L7FP_LB_RANDOM) {
		at = get_random_u32_below(set->n_healthy);
	} else {
		at = (u32)atomic_inc_return(&cluster->next) % set->n_healthy;
	}
	for (i = 0; i < set->n_healthy; i++, at = (at + 1) % set->n_healthy) {
		endpoint = set->pick[at];
		if (endpoint == not && set->n_healthy > 1)
			continue;
		if (refcount_inc_not_zero(&endpoint->refs))
			return endpoint;
	}
	return NULL;
}

void l7fp_pool_take_idle(struct l7fp_endpoint *endpoint, struct list_head *list)
{
	struct l7fp_upstream *u;

	lockdep_assert_held(&endpoint->lock);
	list_for_each_entry(u, &endpoint->idle, idle)
		u->pooled = false;
	list_splice_tail_init(&endpoint->idle, list);
	endpoint->n_idle = 0;
	l7fp_h2_upstream_expire(endpoint, 0, true, list);
}

void l7fp_pool_close_idle(struct l7fp_endpoint *endpoint)
{
	LIST_HEAD(list);

	spin_lock_bh(&endpoint->lock);
	l7fp_pool_take_idle(endpoint, &list);
	spin_unlock_bh(&endpoint->lock);
	l7fp_pool_close_list(&list);
}

void l7fp_pool_expire(struct l7fp_endpoint *endpoint, unsigned long idle, struct list_head *list)
{
	struct l7fp_upstream *u, *prev;

	spin_lock_bh(&endpoint->lock);
	/* The list is in the order of use: the oldest are at its end. */
	list_for_each_entry_safe_reverse(u, prev, &endpoint->idle, idle) {
		if (time_before(jiffies, u->idle_since + idle))
			break;
		u->pooled = false;
		list_move(&u->idle, list);
		endpoint->n_idle--;
	}
	l7fp_h2_upstream_expire(endpoint, idle, false, list);
	spin_unlock_bh(&endpoint->lock);
}

void l7fp_pool_sweep(struct l7fp_cluster *cluster, unsigned long idle)
{
	struct l7fp_endpoint_set *set;
	LIST_HEAD(list);
	u32 i;

	lockdep_assert_held(&cluster->ln->lock);
	set = rcu_dereference_protected(cluster->endpoints, lockdep_is_held(&cluster->ln->lock));
	for (i = 0; set && i < set->n; i++)
		l7fp_pool_expire(set->pick[i], idle, &list);
	if (cluster->originals)
		l7fp_original_sweep(cluster, idle, &list);
	l7fp_pool_close_list(&list);
}

int l7fp_pool_adopt(struct l7fp_endpoint *endpoint, struct socket *sock)
{
	struct l7fp_upstream *u;

	/* Nobody knows whether what user space connected is encrypted, and with whom. */
	if (rcu_access_pointer(endpoint->cluster->tls))
		return -EOPNOTSUPP;
	u = l7fp_upstream_new(endpoint);
	if (IS_ERR(u))
		return PTR_ERR(u);
	clear_bit(L7FP_PORT_CONNECTING, &u->port.flags);
	u->connected = true;
	u->adopted = true;
	upstream_not_pending(u);
	u->idle_since = jiffies;
	l7fp_wire_attach(&u->port, sock);
	spin_lock_bh(&endpoint->lock);
	u->pooled = true;
	list_add(&u->idle, &endpoint->idle);
	endpoint->n_idle++;
	spin_unlock_bh(&endpoint->lock);
	/* What came before it was in the pool is looked at now. */
	u->port.ops->read(&u->port);
	return 0;
}
