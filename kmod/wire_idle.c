// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FIN of an idle connection. A request that its client sends while the FIN
 * is on its way would be lost, and for HTTP/1.1 nothing can mend that. Where
 * the client's socket is in the same network namespace there is a way round: a
 * socket that we own takes no data from its process, and a segment that arrives
 * meanwhile is processed before anybody else can own it. So, the client's
 * socket owned: when all that it was ever given has arrived, FIN goes out, and
 * once it has come to the client's backlog the socket is given back. What the
 * client sent before was served, and whatever it sends after that it sends with
 * the end of the connection before its eyes.
 *
 * To own one socket and take another's lock is forbidden to all else in the
 * module. Here it is safe: the client's is only tried, and whoever owns ours, a
 * socket that no process has, never waits for another one.
 */
#include <linux/delay.h>
#include <linux/lockdep.h>
#include <net/tcp.h>
#include "app.h"
#include "identify.h"
#include "wire.h"

/* Over loopback FIN arrives before we look for the first time, unless something delays it. */
#define FIN_TRIES	100
#define FIN_PAUSE_US	1000

/* lock_sock(), without waiting for who may stay in a page fault as long as it likes. */
static bool try_own(struct sock *sk)
{
	bool free;

	spin_lock_bh(&sk->sk_lock.slock);
	free = !sock_owned_by_user_nocheck(sk);
	if (free) {
		sk->sk_lock.owned = 1;
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return free;
}

/* All that has arrived was pushed to the engine. */
static bool is_read(struct l7fp_port *port)
{
	const struct tcp_sock *tp = tcp_sk(port->sock->sk);

	if (READ_ONCE(tp->rcv_nxt) != READ_ONCE(tp->copied_seq))
		return false;
	/* A running event may hold what it has taken. Pairs with clear_bit_unlock(). */
	smp_mb();
	return !test_bit(L7FP_PORT_RUNNING, &port->flags) && !READ_ONCE(port->rx_n);
}

static void await_fin(struct l7fp_port *port, const struct sock *peer)
{
	int i;

	for (i = 0; i < FIN_TRIES; i++) {
		if (test_bit(L7FP_PORT_FIN_SENT, &port->flags) &&
		    READ_ONCE(peer->sk_backlog.tail))
			return;
		usleep_range(FIN_PAUSE_US / 10 * min(i + 1, 10), FIN_PAUSE_US);
	}
}

bool l7fp_wire_finish_idle(struct l7fp_port *port, bool (*finish)(struct l7fp_port *port))
{
	struct sock *sk = port->sock->sk, *peer;
	bool done = false;

	peer = l7fp_peer_get(sk);
	/* On another machine or in another namespace: it must be ready for that (RFC 9112 9.5). */
	if (!peer)
		return is_read(port) && finish(port);
	/*
	 * One of our own closes its end by itself; and what is sent on a socket with another's ULP
	 * may go by another way than TCP's, of which the sequence numbers know nothing.
	 */
	if (!l7fp_wire_owns(peer) && l7fp_app_plain(peer) && try_own(peer)) {
		/* What it sends past TCP would not wait for the socket. */
		l7fp_app_pause(port, true);
		if (READ_ONCE(tcp_sk(peer)->write_seq) == READ_ONCE(tcp_sk(sk)->rcv_nxt) &&
		    is_read(port))
			done = finish(port);
		if (done)
			await_fin(port, peer);
		l7fp_app_pause(port, false);
		release_sock(peer);
	}
	sock_put(peer);
	return done;
}
