// SPDX-License-Identifier: GPL-2.0-only
/*
 * Joined sockets: an application's connected TCP socket whose other end is a
 * wire port of this network namespace.
 *
 * What the application sends goes straight into the engine, in its own
 * context, as long as nothing that it sent before is still under way in TCP;
 * what the engine does not take goes by TCP behind it. So TCP is at every
 * moment in a state from which it can go on alone: back-pressure, blocking,
 * poll, FIN, RST, urgent data and whatever this file does not know are its.
 * Bytes that pass by take no sequence numbers on their way into the engine,
 * and both ends' numbers stay as they are. The way back is in app_deliver.c.
 *
 * A socket is joined by a ULP and by the sendmsg of a changed copy of its
 * struct proto. It leaves when its owner asks for another ULP, disconnects it,
 * or drains. The ULP holds the module, so that the text stays.
 */
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <net/transp_v6.h>
#include "app.h"
#include "compat.h"
#include "frag.h"
#include "identify.h"
#include "wire.h"

/* Flags of send calls that say nothing that only TCP can do. */
#define SEND_FLAGS	(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR | MSG_CMSG_COMPAT | \
			 MSG_BATCH)
#define BATCH		32	/* sockets that a walk holds at a time */
#define LEAVE_TRIES	200	/* of a millisecond or two each */

static struct proto app_prot4, app_prot6;
static struct tcp_ulp_ops app_ulp;
static LIST_HEAD(apps);
static DEFINE_SPINLOCK(apps_lock);

DEFINE_STATIC_SRCU(app_srcu);	/* whoever runs in a joined socket's struct proto */

static void app_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct l7fp_app, rcu));
}

static void app_put(struct l7fp_app *app)
{
	if (!refcount_dec_and_test(&app->refs))
		return;
	/* Another thread may still send on a socket that has left; on one that is gone none can. */
	if (app->left)
		call_srcu(&app_srcu, &app->rcu, app_free);
	else
		kfree_rcu(app, rcu);
}

static bool joined(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	return prot == &app_prot4 || prot == &app_prot6;
}

bool l7fp_app_plain(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	const struct tcp_ulp_ops *ulp = READ_ONCE(inet_csk(sk)->icsk_ulp_ops);

	return (prot == &tcp_prot || prot == &tcpv6_prot || joined(sk)) &&
	       (!ulp || ulp == &app_ulp) && !tcp_sk(sk)->repair && !sk_is_mptcp(sk);
}

/* Any context, RCU or SRCU. What another ULP has put there is not ours. */
static struct l7fp_app *app_of(struct sock *sk)
{
	struct l7fp_app *app = rcu_dereference_raw(inet_csk(sk)->icsk_ulp_data);

	/* Pairs with the one in app_unlink(). */
	smp_rmb();
	return joined(sk) ? app : NULL;
}

/* @sk is locked. */
static void app_unlink(struct sock *sk, struct l7fp_app *app)
{
	WRITE_ONCE(sk->sk_prot, sk->sk_prot == &app_prot6 ? &tcpv6_prot : &tcp_prot);
	/* Pairs with the one in app_of(): who sees another's data sees the old sk_prot, too. */
	smp_wmb();
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	spin_lock_bh(&apps_lock);
	list_del_init(&app->list);
	app->sk = NULL;
	spin_unlock_bh(&apps_lock);
}

/* @sk is locked; others may be in its sendmsg(). */
static void app_leave(struct sock *sk)
{
	struct l7fp_app *app = joined(sk) ? app_of(sk) : NULL;

	if (!app)
		return;
	app_unlink(sk, app);
	WRITE_ONCE(app->left, true);
	inet_csk(sk)->icsk_ulp_ops = NULL;
	app_put(app);
	module_put(THIS_MODULE);
}

/* Without a port there is nothing left to join for. False: a process owns the socket now. */
static bool app_try_leave(struct l7fp_app *app)
{
	struct sock *sk;
	bool done;

	spin_lock_bh(&apps_lock);
	sk = app->sk;
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	spin_unlock_bh(&apps_lock);
	if (!sk)
		return true;
	local_bh_disable();
	bh_lock_sock(sk);
	done = !sock_owned_by_user(sk);
	if (done)
		app_leave(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	return done;
}

/* The socket is destroyed: nobody sends any more. The caller lets go of the module. */
static void app_ulp_release(struct sock *sk)
{
	struct l7fp_app *app = app_of(sk);

	if (!app)
		return;
	app_unlink(sk, app);
	app_put(app);
}

/* Only the module joins sockets. */
static int app_ulp_init(struct sock *sk)
{
	return -EOPNOTSUPP;
}

/* What came of a send call, in pages of our own. */
struct chunk {
	struct bio_vec v[L7FP_RX_VECS];
	u32 n, bytes;
};

/* Copies up to L7FP_RX_BYTES; false when a byte could not be read, or without memory. */
static bool chunk_fill(struct chunk *c, struct msghdr *msg, size_t size)
{
	c->n = 0;
	c->bytes = 0;
	size = min_t(size_t, size, L7FP_RX_BYTES);
	do {
		u32 len = min_t(u32, size - c->bytes, L7FP_FRAG_MAX);
		struct bio_vec *v = &c->v[c->n];
		u8 *p;

		local_bh_disable();
		p = l7fp_frag_alloc(v, len);
		local_bh_enable();
		if (!p)
			return false;
		c->n++;
		/* Without its check that @len bytes are there: they were just taken. */
		if (_copy_from_iter(p, len, &msg->msg_iter) != len)
			return false;
		c->bytes += len;
	} while (c->bytes < size);
	return true;
}

/* A guess that saves the copy: what counts is looked at by the port. */
static bool may_push(struct l7fp_app *app, struct sock *sk)
{
	return READ_ONCE(app->port) && !READ_ONCE(app->paused) &&
	       READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && !READ_ONCE(sk->sk_err) &&
	       !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) && !tcp_sk(sk)->repair;
}

/* Returns how many bytes the engine took; the iterator is behind them. */
static size_t app_push(struct l7fp_app *app, struct sock *sk, struct msghdr *msg, size_t size)
{
	struct iov_iter start;
	struct chunk c __uninitialized;		/* clearing it would cost more than filling it */
	size_t sent = 0;
	u32 used, i;

	lockdep_assert_held(&app->send);
	while (sent < size && may_push(app, sk)) {
		start = msg->msg_iter;
		used = 0;
		if (chunk_fill(&c, msg, size - sent)) {
			spin_lock_bh(&app->lock);
			__this_cpu_write(l7fp_port_bh_off, true);
			if (app->port && !app->paused)
				used = l7fp_wire_push(app->port, c.v, c.n,
						      READ_ONCE(tcp_sk(sk)->write_seq));
			__this_cpu_write(l7fp_port_bh_off, false);
			spin_unlock_bh(&app->lock);
		}
		for (i = 0; i < c.n; i++)
			put_page(c.v[i].bv_page);
		sent += used;
		if (used < c.bytes || !used) {
			msg->msg_iter = start;
			iov_iter_advance(&msg->msg_iter, used);
			break;
		}
		if (sent < size)
			cond_resched();
	}
	return sent;
}

/* What the engine did not take, behind it. Returns bytes, or an error when there are none. */
static int app_send_rest(struct sock *sk, struct msghdr *msg, size_t size)
{
	/* Some of the call's bytes are sent: the error is the next call's, and so is the signal. */
	if (READ_ONCE(sk->sk_err) || (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		return -EPIPE;
	msg->msg_flags |= MSG_NOSIGNAL;
	return tcp_sendmsg(sk, msg, size);
}

static int app_send(struct l7fp_app *app, struct sock *sk, struct msghdr *msg, size_t size)
{
	u32 flags = msg->msg_flags;
	size_t sent;
	int rest = 0;

	mutex_lock(&app->send);
	sent = app_push(app, sk, msg, size);
	if (sent && sent < size) {
		/* Before another thread's bytes, as far as there is room. */
		msg->msg_flags |= MSG_DONTWAIT;
		rest = app_send_rest(sk, msg, size - sent);
		msg->msg_flags = flags;
		if (rest > 0)
			sent += rest;
	}
	mutex_unlock(&app->send);
	if (!sent)
		return tcp_sendmsg(sk, msg, size);
	if (sent < size && !(flags & MSG_DONTWAIT) && (rest > 0 || rest == -EAGAIN)) {
		rest = app_send_rest(sk, msg, size - sent);
		msg->msg_flags = flags;
		if (rest > 0)
			sent += rest;
	}
	return sent;
}

static int app_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct l7fp_app *app;
	int sent, idx;

	idx = srcu_read_lock(&app_srcu);
	app = app_of(sk);
	/* Who wants to know when it went, or arrived, is told so by TCP. */
	if (app && size && size <= INT_MAX && !(msg->msg_flags & ~SEND_FLAGS) &&
	    !msg->msg_controllen &&
	    !(READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_TX_RECORD_MASK))
		sent = app_send(app, sk, msg, size);
	else
		sent = tcp_sendmsg(sk, msg, size);
	srcu_read_unlock(&app_srcu, idx);
	return sent;
}

/* Another ULP takes the place of ours, so that kTLS works as before. */
static int app_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
			  unsigned int optlen)
{
	int idx = srcu_read_lock(&app_srcu), err;

	if (level == SOL_TCP && optname == TCP_ULP) {
		lock_sock(sk);
		app_leave(sk);
		release_sock(sk);
	}
	err = tcp_prot.setsockopt(sk, level, optname, optval, optlen);
	srcu_read_unlock(&app_srcu, idx);
	return err;
}

/* The socket may be used for another connection, or to listen. It is locked. */
static int app_disconnect(struct sock *sk, int flags)
{
	int idx = srcu_read_lock(&app_srcu), err;

	app_leave(sk);
	err = tcp_prot.disconnect(sk, flags);
	srcu_read_unlock(&app_srcu, idx);
	return err;
}

/* @sk is locked. */
static struct l7fp_app *app_join(struct sock *sk)
{
	struct l7fp_app *app;

	if (sk->sk_state != TCP_ESTABLISHED || !sk->sk_use_task_frag || sock_flag(sk, SOCK_DEAD) ||
	    inet_csk(sk)->icsk_ulp_ops)
		return NULL;
	app = kzalloc(sizeof(*app), GFP_ATOMIC | __GFP_NOWARN);
	if (!app)
		return NULL;
	/* Not while the module goes, which nothing but joined sockets keeps from it. */
	if (!try_module_get(THIS_MODULE)) {
		kfree(app);
		return NULL;
	}
	refcount_set(&app->refs, 2);
	mutex_init(&app->send);
	spin_lock_init(&app->lock);
	app->sk = sk;
	spin_lock_bh(&apps_lock);
	list_add_tail(&app->list, &apps);
	spin_unlock_bh(&apps_lock);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, app);
	inet_csk(sk)->icsk_ulp_ops = &app_ulp;
	/* Pairs with the one in app_of(). */
	smp_wmb();
	WRITE_ONCE(sk->sk_prot, sk->sk_prot == &tcpv6_prot ? &app_prot6 : &app_prot4);
	return app;
}

/* Sockets are joined as long as there is a listener, so that without one the module can go. */
static bool joins_wanted(struct l7fp_net *ln)
{
	return !xa_empty(&ln->listeners);
}

/* Why @sk cannot be joined, or 0. It is locked. */
static enum l7fp_app_state refused(const struct sock *sk)
{
	if (sk_is_mptcp(sk))
		return L7FP_APP_MPTCP;
	if (tcp_sk(sk)->repair)
		return L7FP_APP_REPAIR;
	if (inet_csk(sk)->icsk_ulp_ops)
		return L7FP_APP_ULP;
	if (!l7fp_app_plain(sk))
		return L7FP_APP_SOCKMAP;
	if (rcu_access_pointer(sk->sk_filter))
		return L7FP_APP_FILTER;
	return 0;
}

void l7fp_app_pair(struct l7fp_port *port)
{
	struct l7fp_net *ln = port->ln;
	enum l7fp_app_state why = 0;
	struct l7fp_app *app = NULL;
	struct sock *sk;

	if (port->app_sk || port->app_tries >= L7FP_APP_TRIES || !joins_wanted(ln))
		return;
	port->app_tries++;
	sk = l7fp_peer_get(port->sock->sk);
	if (!sk) {
		if (port->app_tries == L7FP_APP_TRIES)
			WRITE_ONCE(port->app_state, L7FP_APP_ELSEWHERE);
		return;
	}
	local_bh_disable();
	bh_lock_sock(sk);
	if (l7fp_wire_owns(sk) || sk->sk_kern_sock) {
		/* Mostly another listener's, which sends by a port of its own, or will. */
		port->app_sk = sk;
		WRITE_ONCE(port->app_state, L7FP_APP_OWN);
	} else if (!sock_owned_by_user(sk)) {
		why = refused(sk);
		app = why ? NULL : app_join(sk);
		if (app)
			port->app_sk = sk;
	}
	/* Another CPU may be at l7fp_app_leave_all(): it sees this socket, or we its reason. */
	if (app && !joins_wanted(ln)) {
		app_leave(sk);
		app_put(app);
		app = NULL;
		port->app_sk = NULL;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	if (!port->app_sk) {
		sock_put(sk);
		if (why)
			port->app_tries = L7FP_APP_TRIES;
		else if (port->app_tries == L7FP_APP_TRIES)
			why = L7FP_APP_BUSY;
		if (why) {
			WRITE_ONCE(port->app_state, why);
			this_cpu_inc(ln->stats->app_refused[why]);
		}
		return;
	}
	l7fp_count(ln, app_cx_total);
	if (app) {
		WRITE_ONCE(port->app, app);
		WRITE_ONCE(port->app_state, L7FP_APP_JOINED);
		/* Nobody looks at the member before it is there. */
		smp_store_release(&app->port, port);
	}
}

enum l7fp_app_state l7fp_app_state(const struct l7fp_port *port)
{
	const struct l7fp_app *app = READ_ONCE(port->app);
	enum l7fp_app_state state = READ_ONCE(port->app_state);

	if (!test_bit(L7FP_PORT_APP, &port->flags))
		return L7FP_APP_OFF;
	if (state == L7FP_APP_OFF)
		return READ_ONCE(port->softirq) ? L7FP_APP_SEARCHING : L7FP_APP_TRANSPORT;
	return app && READ_ONCE(app->left) ? L7FP_APP_LEFT : state;
}

void l7fp_app_unpair(struct l7fp_port *port)
{
	struct sock *sk = port->app_sk;

	port->app_tries = L7FP_APP_TRIES;
	port->app_sk = NULL;
	if (sk)
		sock_put(sk);
}

void l7fp_app_release(struct l7fp_port *port)
{
	struct l7fp_app *app = port->app;

	l7fp_app_unpair(port);
	if (!app)
		return;
	port->app = NULL;
	spin_lock_bh(&app->lock);
	WRITE_ONCE(app->port, NULL);
	spin_unlock_bh(&app->lock);
	/* What cannot leave now does so when it is closed, or with the last listener. */
	app_try_leave(app);
	app_put(app);
}

void l7fp_app_pause(struct l7fp_port *port, bool pause)
{
	struct l7fp_app *app = READ_ONCE(port->app);

	if (!app)
		return;
	spin_lock_bh(&app->lock);
	WRITE_ONCE(app->paused, pause);
	spin_unlock_bh(&app->lock);
}

/* Some of @net's, which are put behind the others meanwhile; held. */
static u32 app_batch(const struct net *net, struct l7fp_app *batch[BATCH])
{
	struct l7fp_app *app, *next;
	LIST_HEAD(seen);
	u32 n = 0;

	spin_lock_bh(&apps_lock);
	list_for_each_entry_safe(app, next, &apps, list) {
		if (!net_eq(sock_net(app->sk), net) || !refcount_inc_not_zero(&app->refs))
			continue;
		list_move_tail(&app->list, &seen);
		batch[n++] = app;
		if (n == BATCH)
			break;
	}
	list_splice_tail(&seen, &apps);
	spin_unlock_bh(&apps_lock);
	return n;
}

void l7fp_app_leave_all(const struct net *net)
{
	struct l7fp_app *batch[BATCH];
	u32 n, i, left, tries = 0;

	/* A process may stay in a page fault with its socket as long as it likes. */
	while ((n = app_batch(net, batch)) && tries < LEAVE_TRIES) {
		left = 0;
		for (i = 0; i < n; i++) {
			left += !app_try_leave(batch[i]);
			app_put(batch[i]);
		}
		if (left) {
			tries++;
			usleep_range(1000, 2000);
		}
		cond_resched();
	}
}

static struct tcp_ulp_ops app_ulp = {
	.name = "l7fp",
	.owner = THIS_MODULE,
	.init = app_ulp_init,
	.release = app_ulp_release,
};

static void make_prot(struct proto *prot, const struct proto *base)
{
	*prot = *base;
	prot->sendmsg = app_sendmsg;
	prot->setsockopt = app_setsockopt;
	prot->disconnect = app_disconnect;
}

int l7fp_app_init(void)
{
	make_prot(&app_prot4, &tcp_prot);
	make_prot(&app_prot6, &tcpv6_prot);
	return tcp_register_ulp(&app_ulp);
}

/* No socket is joined: each holds the module. */
void l7fp_app_uninit(void)
{
	tcp_unregister_ulp(&app_ulp);
	/* Threads that were in a struct proto of ours when its socket left. */
	synchronize_srcu(&app_srcu);
	srcu_barrier(&app_srcu);
	synchronize_rcu_tasks();
}
