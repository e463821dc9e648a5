// SPDX-License-Identifier: GPL-2.0-only
/*
 * Draining: a network namespace stops being served, and no request is lost.
 *
 * From l7fp_drain_begin() on every response says Connection: close, unless a
 * further request is there already. A connection between two requests gets its
 * FIN when its client has been silent for a while: one that is busy learns of
 * the end by its next response. Judging goes on as before, and listeners go on
 * accepting: it is for user space to end the capture first. After
 * l7fp_drain_stop() a listener closes when nobody waits in its backlog or on
 * the way into it.
 *
 * Idle connections to endpoints are closed, and none is pooled again: where the
 * other end is a listener of ours, that is what ends its connection.
 *
 * What lasts longer - tunnels, opaque connections, slow exchanges - may until
 * the deadline, and is reset then.
 *
 * A kind of port with sockets of its own to give back is told in
 * l7fp_drain_begin(), looked after in drain_round(), and made to end in
 * drain_deadline().
 */
#include <net/inet_connection_sock.h>
#include "downstream.h"
#include "drain.h"
#include "h2_connection.h"

#define INTERVAL	(HZ / 10)
/* A client that is busy has sent its next request by then. */
#define IDLE_MS		1000
/* And one that has just connected its first. */
#define FRESH_MS	5000

bool l7fp_drain_is_last(const struct l7fp_downstream *d)
{
	const struct socket *sock = d->port.sock;

	lockdep_assert_held(&d->lock);
	return !d->blocked && !d->rx_more &&
	       !(sock && !skb_queue_empty_lockless(&sock->sk->sk_receive_queue));
}

/* No request has begun, and no response is under way. Under the lock. */
static bool is_idle(const struct l7fp_downstream *d)
{
	return d->state == L7FP_D_HEAD && !d->x && !d->head.len && !d->blocked &&
	       !READ_ONCE(d->port.tx_bytes);
}

static bool finish_idle(struct l7fp_port *port)
{
	struct l7fp_downstream *d = container_of(port, struct l7fp_downstream, port);
	bool idle;

	spin_lock_bh(&d->lock);
	idle = is_idle(d);
	if (idle)
		l7fp_exchange_linger(d);
	l7fp_session_leave(d);
	return idle;
}

static void drain_downstream(struct l7fp_downstream *d)
{
	u32 after;
	bool due;

	if (time_after_eq(jiffies, READ_ONCE(d->port.ln->drain.deadline)))
		return;
	if (READ_ONCE(d->state) == L7FP_D_H2) {
		l7fp_h2_downstream_drain(d);
		return;
	}
	spin_lock_bh(&d->lock);
	after = d->n_exchanges ? IDLE_MS : FRESH_MS;
	due = is_idle(d) && time_after_eq(jiffies, d->since + msecs_to_jiffies(after));
	spin_unlock_bh(&d->lock);
	if (due)
		d->port.ops->finish_idle(&d->port, finish_idle);
}

/* Somebody has connected, or is about to: the handshake is under way. */
static bool is_waited_for(const struct l7fp_listener *listener)
{
	struct request_sock_queue *queue;

	if (!listener->sock)
		return false;
	queue = &inet_csk(listener->sock->sk)->icsk_accept_queue;
	return reqsk_queue_len(queue) || !reqsk_queue_empty(queue);
}

static void stop_listeners(struct l7fp_net *ln, bool all)
{
	struct l7fp_listener *listener;
	unsigned long id;

	lockdep_assert_held(&ln->lock);
	xa_for_each(&ln->listeners, id, listener) {
		if (!all && is_waited_for(listener))
			continue;
		l7fp_listener_delete(ln, id);
		ln->n_listeners--;
		ln->sequence++;
	}
}

static void drain_end(struct l7fp_net *ln)
{
	lockdep_assert_held(&ln->lock);
	WRITE_ONCE(ln->draining, false);
	ln->drain.stop = false;
}

static void drain_deadline(struct l7fp_net *ln)
{
	u32 reset;

	mutex_lock(&ln->lock);
	stop_listeners(ln, true);
	mutex_unlock(&ln->lock);
	/* No listener, and none can be made: what is in the list is all there is. */
	reset = l7fp_downstreams_kill(ln, false);
	mutex_lock(&ln->lock);
	ln->drain.reset += reset;
	drain_end(ln);
	mutex_unlock(&ln->lock);
}

static void drain_round(struct l7fp_net *ln)
{
	struct l7fp_cluster *cluster;
	unsigned long id;

	l7fp_downstreams_each(ln, drain_downstream);
	mutex_lock(&ln->lock);
	xa_for_each(&ln->clusters, id, cluster)
		l7fp_pool_sweep(cluster, 0);
	if (ln->drain.stop)
		stop_listeners(ln, false);
	if (ln->drain.stop && !ln->n_listeners && !READ_ONCE(ln->n_downstreams))
		drain_end(ln);
	else if (!ln->dead)
		queue_delayed_work(system_unbound_wq, &ln->drain.work, INTERVAL);
	mutex_unlock(&ln->lock);
}

static void drain_work(struct work_struct *work)
{
	struct l7fp_net *ln = container_of(to_delayed_work(work), struct l7fp_net, drain.work);

	if (time_after_eq(jiffies, READ_ONCE(ln->drain.deadline)))
		drain_deadline(ln);
	else
		drain_round(ln);
}

void l7fp_drain_init(struct l7fp_net *ln)
{
	INIT_DELAYED_WORK(&ln->drain.work, drain_work);
}

void l7fp_drain_begin(struct l7fp_net *ln, u32 deadline_ms)
{
	lockdep_assert_held(&ln->lock);
	if (!ln->draining)
		ln->drain.reset = 0;
	WRITE_ONCE(ln->drain.deadline, jiffies + msecs_to_jiffies(deadline_ms));
	WRITE_ONCE(ln->draining, true);
	mod_delayed_work(system_unbound_wq, &ln->drain.work, 0);
}

int l7fp_drain_stop(struct l7fp_net *ln)
{
	lockdep_assert_held(&ln->lock);
	if (!ln->draining)
		return -ENOENT;
	ln->drain.stop = true;
	mod_delayed_work(system_unbound_wq, &ln->drain.work, 0);
	return 0;
}

void l7fp_drain_state(struct l7fp_net *ln, struct l7fp_drain_state *state)
{
	long left = (long)(READ_ONCE(ln->drain.deadline) - jiffies);

	lockdep_assert_held(&ln->lock);
	state->listeners = ln->n_listeners;
	state->connections = READ_ONCE(ln->n_downstreams);
	state->reset = ln->drain.reset;
	state->on = ln->draining;
	state->left_ms = state->on && left > 0 ? jiffies_to_msecs(left) : 0;
}

void l7fp_drain_exit(struct l7fp_net *ln)
{
	cancel_delayed_work_sync(&ln->drain.work);
}
