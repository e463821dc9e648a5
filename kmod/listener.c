// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners: the sockets in a network namespace from which downstream
 * connections come. The module accepts by itself, so that a new plain
 * connection needs nobody in user space.
 */
#include <linux/slab.h>
#include <net/tcp.h>
#include "app.h"
#include "compat.h"
#include "downstream.h"
#include "tls.h"
#include "wire.h"

#define BACKLOG		4096
/* Connections accepted before others get their turn. */
#define ACCEPT_ROUNDS	64

static void listener_data_ready(struct sock *sk)
{
	struct l7fp_listener *listener;

	read_lock_bh(&sk->sk_callback_lock);
	listener = sk->sk_user_data;
	/* Children inherit the callback until they are accepted. */
	if (listener && sk->sk_state == TCP_LISTEN)
		queue_work(l7fp_port_wq, &listener->accept_work);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* Takes up to @max connections. True when there may be more. */
static bool accept_some(struct l7fp_listener *listener, int max)
{
	struct socket *sock;
	int err, i;

	for (i = 0; i < max; i++) {
		err = kernel_accept(listener->sock, &sock, O_NONBLOCK);
		if (err == -EAGAIN)
			return false;
		if (err) {
			pr_warn_ratelimited("l7fp: listener %s: accept failed: %d\n",
					    listener->config.name, err);
			return false;
		}
		write_lock_bh(&sock->sk->sk_callback_lock);
		sock->sk->sk_data_ready = listener->saved_data_ready;
		sock->sk->sk_user_data = NULL;
		write_unlock_bh(&sock->sk->sk_callback_lock);
		/* Without memory for the file the socket is gone. */
		if (listener->config.tls && l7fp_tls_make_file(sock)) {
			this_cpu_inc(listener->stats->cx_overflow);
		} else if (l7fp_downstream_open(listener, sock)) {
			this_cpu_inc(listener->stats->cx_overflow);
			l7fp_wire_put_socket(sock);
		}
	}
	return true;
}

static void accept_work(struct work_struct *work)
{
	struct l7fp_listener *listener = container_of(work, struct l7fp_listener, accept_work);

	if (accept_some(listener, ACCEPT_ROUNDS))
		queue_work(l7fp_port_wq, &listener->accept_work);
}

static int listener_bind(struct l7fp_listener *listener)
{
	struct sockaddr_storage address = listener->config.address;
	struct socket *sock;
	int err;

	err = sock_create_kern(listener->ln->net, address.ss_family, SOCK_STREAM, IPPROTO_TCP,
			       &sock);
	if (err)
		return err;
	sock_set_reuseaddr(sock->sk);
	err = kernel_bind(sock, (struct sockaddr *)&address, sizeof(address));
	if (err)
		goto fail;
	write_lock_bh(&sock->sk->sk_callback_lock);
	listener->saved_data_ready = sock->sk->sk_data_ready;
	sock->sk->sk_user_data = listener;
	sock->sk->sk_data_ready = listener_data_ready;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	listener->sock = sock;
	err = kernel_getsockname(sock, (struct sockaddr *)&listener->bound);
	if (err >= 0)
		err = kernel_listen(sock, BACKLOG);
	if (!err)
		return 0;
	listener->sock = NULL;
	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->sk->sk_user_data = NULL;
	sock->sk->sk_data_ready = listener->saved_data_ready;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	cancel_work_sync(&listener->accept_work);
fail:
	sock_release(sock);
	return err;
}

void l7fp_listener_put(struct l7fp_listener *listener)
{
	if (!refcount_dec_and_test(&listener->refs))
		return;
	free_percpu(listener->stats);
	kfree_rcu(listener, rcu);
}

/* Process context, under l7fp_net.lock. */
static void listener_stop(struct l7fp_listener *listener)
{
	struct socket *sock = listener->sock;

	if (!sock)
		return;
	write_lock_bh(&sock->sk->sk_callback_lock);
	sock->sk->sk_user_data = NULL;
	sock->sk->sk_data_ready = listener->saved_data_ready;
	write_unlock_bh(&sock->sk->sk_callback_lock);
	cancel_work_sync(&listener->accept_work);
	/* Who has connected is served; of who comes meanwhile, as many as may wait at once. */
	if (!listener->ln->dead)
		accept_some(listener, BACKLOG);
	/* steer.c reads it under RCU; a socket is freed after a grace period. */
	WRITE_ONCE(listener->sock, NULL);
	sock_release(sock);
}

int l7fp_listener_create(struct l7fp_net *ln, const struct l7fp_listener_config *config)
{
	struct l7fp_listener *listener;
	int err;

	lockdep_assert_held(&ln->lock);
	if (ln->dead)
		return -ENETDOWN;
	if (xa_load(&ln->listeners, config->id))
		return -EEXIST;
	listener = kzalloc(sizeof(*listener), GFP_KERNEL);
	if (!listener)
		return -ENOMEM;
	listener->config = *config;
	if (!listener->config.head_timeout_ms)
		listener->config.head_timeout_ms = 60000;
	if (!listener->config.idle_timeout_ms)
		listener->config.idle_timeout_ms = 3600000;
	listener->ln = ln;
	refcount_set(&listener->refs, 1);
	INIT_WORK(&listener->accept_work, accept_work);
	listener->stats = alloc_percpu(struct l7fp_listener_stats);
	if (!listener->stats) {
		err = -ENOMEM;
		goto free;
	}
	err = listener_bind(listener);
	if (err)
		goto free;
	err = xa_err(xa_store(&ln->listeners, config->id, listener, GFP_KERNEL));
	if (err) {
		listener_stop(listener);
		goto free;
	}
	queue_delayed_work(system_unbound_wq, &ln->sweep, HZ);
	return 0;
free:
	l7fp_listener_put(listener);
	return err;
}

int l7fp_listener_delete(struct l7fp_net *ln, u32 id)
{
	struct l7fp_listener *listener;

	lockdep_assert_held(&ln->lock);
	listener = xa_erase(&ln->listeners, id);
	if (!listener)
		return -ENOENT;
	listener_stop(listener);
	l7fp_listener_put(listener);
	if (xa_empty(&ln->listeners))
		l7fp_app_leave_all(ln->net);
	return 0;
}

int l7fp_listener_address(struct l7fp_listener *listener, struct sockaddr_storage *address)
{
	int err;

	memset(address, 0, sizeof(*address));
	if (!listener->sock)
		return -ENOTCONN;
	err = kernel_getsockname(listener->sock, (struct sockaddr *)address);
	return err < 0 ? err : 0;
}

int l7fp_listener_adopt(struct l7fp_listener *listener, struct socket *sock)
{
	struct l7fp_net *ln = listener->ln;

	lockdep_assert_held(&ln->lock);
	if (!net_eq(sock_net(sock->sk), ln->net))
		return -EXDEV;
	return l7fp_downstream_open(listener, sock);
}
