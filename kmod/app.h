/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * App ports: wire ports whose other end is an application's socket on this
 * machine. Bytes pass between the engine and the application without TCP.
 */
#ifndef _L7FP_APP_H
#define _L7FP_APP_H

#include "port.h"

/* Looks for the other end: a server's socket appears after its client's. */
#define L7FP_APP_TRIES	4

/**
 * struct l7fp_app - an application's socket that is joined to a port
 * @refs: one of the socket's ULP, one of the port, one of each running sendmsg()
 * @send: senders, one after the other
 * @lock: protects @port, and is held while the engine runs for a sender; before the engine's locks
 * @port: NULL when it is gone
 * @list: all joined sockets, for leaving; under a lock of app.c
 * @sk: not held; valid while in @list
 * @left: the socket has left, and lives on
 * @paused: its bytes go by TCP; changed under @lock
 */
struct l7fp_app {
	refcount_t refs;
	struct mutex send;	/* other threads' calls wait */
	spinlock_t lock;	/* @port; the engine runs for a sender */
	struct l7fp_port *port;
	struct list_head list;
	struct sock *sk;
	bool left;
	bool paused;
	struct rcu_head rcu;
};

/*
 * Looks for the application's socket at the other end of @port and joins it, once it can be
 * done. Any context; whoever may flush the port, and nobody else at the time.
 */
void l7fp_app_pair(struct l7fp_port *port);
/* Lets go of the receiving socket. Likewise. */
void l7fp_app_unpair(struct l7fp_port *port);
/* The port is going: its application sends by TCP from now on. Process context. */
void l7fp_app_release(struct l7fp_port *port);

/*
 * While it is paused, what the application sends goes by TCP: who owns its socket then keeps all
 * bytes from the port. No send call runs the engine when this returns. The caller holds @port.
 */
void l7fp_app_pause(struct l7fp_port *port, bool pause);

/* What has become of it. Any context; the caller holds @port, whose socket is there. */
enum l7fp_app_state l7fp_app_state(const struct l7fp_port *port);

/*
 * Makes all joined sockets of @net plain TCP again, except those that a process owns for long. To
 * be called when its last listener is no longer among them: none joins after that. Sleeps.
 */
void l7fp_app_leave_all(const struct net *net);

/*
 * app_deliver.c: puts the beginning of the port's output, @bytes in @v, into the receive queue
 * of the application. Returns how many bytes; 0: TCP has to take them. Any context; whoever
 * flushes the port.
 */
u32 l7fp_app_deliver(struct l7fp_port *port, const struct bio_vec *v, u32 n, u32 bytes);
/*
 * The same with the whole output, without a copy, where it lies in one buffer of the port's; what
 * went is no longer in the queue. *more: something was queued meanwhile.
 */
u32 l7fp_app_deliver_buffer(struct l7fp_port *port, bool *more);

/* Whether TCP is all that handles @sk's bytes, so that they may pass by. Any context. */
bool l7fp_app_plain(const struct sock *sk);

int l7fp_app_init(void);
void l7fp_app_uninit(void);

#endif /* _L7FP_APP_H */
