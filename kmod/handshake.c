// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes that a process does for the module: a list of those that wait for one, a list of
 * those that one has. Being in a list holds the port.
 *
 * The socket goes to the process as a file, as net/handshake of the kernel gives its sockets. A
 * socket of the module does not hold its network namespace; a file may outlive everything, so the
 * socket holds it for as long as the process has it.
 */
#include <linux/file.h>
#include <linux/netlink.h>
#include <net/tcp.h>
#include <net/tls.h>
#include "netlink.h"
#include "tls.h"

bool l7fp_handshake_queue(struct l7fp_tls *tls)
{
	struct l7fp_net *ln = tls->port->ln;
	bool room, first;

	spin_lock_bh(&ln->handshakes_lock);
	room = ln->n_handshakes < L7FP_MAX_HANDSHAKES;
	first = list_empty(&ln->handshakes);
	if (room) {
		l7fp_port_get(tls->port);
		tls->number = ++ln->handshake_number;
		tls->queued = true;
		list_add_tail(&tls->list, &ln->handshakes);
		ln->n_handshakes++;
	}
	spin_unlock_bh(&ln->handshakes_lock);
	if (room && first)
		l7fp_event_handshake_wanted(ln);
	return room;
}

/* Under l7fp_net.handshakes_lock: the list's reference is the caller's now. */
static void unlink_handshake(struct l7fp_net *ln, struct l7fp_tls *tls)
{
	lockdep_assert_held(&ln->handshakes_lock);
	list_del_init(&tls->list);
	tls->queued = false;
	ln->n_handshakes--;
}

void l7fp_handshake_cancel(struct l7fp_tls *tls)
{
	struct l7fp_net *ln = tls->port->ln;
	bool queued;

	spin_lock_bh(&ln->handshakes_lock);
	queued = tls->queued;
	if (queued)
		unlink_handshake(ln, tls);
	spin_unlock_bh(&ln->handshakes_lock);
	if (queued)
		l7fp_port_put(tls->port);
}

struct l7fp_tls *l7fp_handshake_take(struct l7fp_net *ln, u32 portid)
{
	struct l7fp_tls *tls;

	spin_lock_bh(&ln->handshakes_lock);
	tls = list_first_entry_or_null(&ln->handshakes, struct l7fp_tls, list);
	if (tls) {
		tls->portid = portid;
		list_move_tail(&tls->list, &ln->handshakes_taken);
		l7fp_port_get(tls->port);
	}
	spin_unlock_bh(&ln->handshakes_lock);
	return tls;
}

struct l7fp_tls *l7fp_handshake_return(struct l7fp_net *ln, u64 number, u32 portid)
{
	struct l7fp_tls *tls, *found = NULL;

	spin_lock_bh(&ln->handshakes_lock);
	list_for_each_entry(tls, &ln->handshakes_taken, list)
		if (tls->number == number && tls->portid == portid) {
			found = tls;
			unlink_handshake(ln, tls);
			break;
		}
	spin_unlock_bh(&ln->handshakes_lock);
	return found;
}

int l7fp_handshake_descriptor(struct l7fp_tls *tls, struct file **file)
{
	struct socket *sock = tls->port->sock;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	lock_sock(sock->sk);
	if (!sock->sk->sk_net_refcnt)
		sk_net_refcnt_upgrade(sock->sk);
	release_sock(sock->sk);
	*file = get_file(sock->file);
	return fd;
}

/* What sk_net_refcnt_upgrade() did is undone. The socket is locked. */
static void let_go_of_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!sk->sk_net_refcnt)
		return;
	sk->sk_net_refcnt = 0;
	sock_inuse_add(net, -1);
	net_passive_inc(net);
	put_net_track(net, &sk->ns_tracker);
	__netns_tracker_alloc(net, &sk->ns_tracker, false, GFP_KERNEL);
}

/* The socket is the module's alone again, and has keys in both directions if it must. */
static int take_back(struct l7fp_port *port, bool keys)
{
	struct socket *sock = port->sock;
	struct sock *sk = sock->sk;
	const struct tcp_ulp_ops *ulp;
	struct tls_context *ctx;
	int err = 0;

	lock_sock(sk);
	ulp = inet_csk(sk)->icsk_ulp_ops;
	if (file_count(sock->file) != 1) {
		err = -EBUSY;
	} else {
		let_go_of_net(sk);
		ctx = ulp && !strcmp(ulp->name, "tls") ? tls_get_ctx(sk) : NULL;
		if (keys && (!ctx || ctx->tx_conf == TLS_BASE || ctx->rx_conf == TLS_BASE))
			err = -ENOKEY;
	}
	release_sock(sk);
	return err;
}

int l7fp_handshake_finish(struct l7fp_tls *tls, u32 failure)
{
	struct l7fp_port *port = tls->port;
	int err;

	err = take_back(port, failure == L7FP_TLS_DONE);
	if (failure == L7FP_TLS_DONE && !err) {
		l7fp_count(port->ln, tls_handshake[L7FP_TLS_DONE]);
		/* Pairs with l7fp_tls_on() and l7fp_tls_pending(). */
		smp_store_release(&tls->state, L7FP_TLS_ON);
	} else {
		WRITE_ONCE(tls->failure, failure ?: L7FP_TLS_SYSTEM);
	}
	port->ops->read(port);
	return err;
}

/* A netlink socket is closed: what it had is lost. */
static int netlink_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct netlink_notify *notify = data;
	struct l7fp_tls *tls, *next;
	struct l7fp_net *ln;
	LIST_HEAD(lost);

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	ln = l7fp_net(notify->net);
	spin_lock_bh(&ln->handshakes_lock);
	list_for_each_entry_safe(tls, next, &ln->handshakes_taken, list) {
		if (tls->portid != notify->portid)
			continue;
		unlink_handshake(ln, tls);
		list_add_tail(&tls->list, &lost);
	}
	spin_unlock_bh(&ln->handshakes_lock);
	list_for_each_entry_safe(tls, next, &lost, list) {
		list_del_init(&tls->list);
		WRITE_ONCE(tls->failure, L7FP_TLS_ABANDONED);
		tls->port->ops->read(tls->port);
		l7fp_port_put(tls->port);
	}
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = { .notifier_call = netlink_event };

int l7fp_handshake_init(void)
{
	return netlink_register_notifier(&netlink_notifier);
}

void l7fp_handshake_uninit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
}
