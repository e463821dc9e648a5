/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listeners: sockets inside a network namespace that accept downstream
 * connections.
 */
#ifndef _L7FP_LISTENER_H
#define _L7FP_LISTENER_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/socket.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include "state.h"

struct l7fp_listener_config {
	u32 id;
	char name[L7FP_MAX_NAME + 1];
	struct sockaddr_storage address;
	u32 protocol;
	u32 cluster;
	u32 flags;
	u32 head_timeout_ms;
	u32 idle_timeout_ms;
	u32 path_mode;
	u32 detect_timeout_ms;
	u32 tls;			/* enum l7fp_tls_mode */
	struct in_addr source4;		/* of an INBOUND listener: where we connect from */
	struct in6_addr source6;
};

struct l7fp_listener_stats {
	u64 cx_total;
	u64 cx_destroy;
	u64 rq_total;
	u64 rq_2xx, rq_3xx, rq_4xx, rq_5xx;
	u64 cx_overflow;
};

/**
 * struct l7fp_listener - one listening socket
 * @refs: one for the namespace's table, one a downstream connection
 * @sock: NULL once stopped
 * @bound: its address, with the port that the kernel chose
 */
struct l7fp_listener {
	struct l7fp_listener_config config;
	struct l7fp_net *ln;
	refcount_t refs;
	struct socket *sock;
	struct sockaddr_storage bound;
	struct work_struct accept_work;
	void (*saved_data_ready)(struct sock *sk);
	struct l7fp_listener_stats __percpu *stats;
	struct rcu_head rcu;
};

/* Process context, under l7fp_net.lock. 0 or a negative error: -EEXIST, -EADDRINUSE, ... */
int l7fp_listener_create(struct l7fp_net *ln, const struct l7fp_listener_config *config);
/* Stops accepting; connections that exist go on. Process context, under l7fp_net.lock. */
int l7fp_listener_delete(struct l7fp_net *ln, u32 id);
void l7fp_listener_put(struct l7fp_listener *listener);
/* The bound address, with the port that the kernel chose. */
int l7fp_listener_address(struct l7fp_listener *listener, struct sockaddr_storage *address);
/* Takes over a connected socket that user space gave. Consumes @sock when it returns 0. */
int l7fp_listener_adopt(struct l7fp_listener *listener, struct socket *sock);

#endif /* _L7FP_LISTENER_H */
