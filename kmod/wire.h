/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wire ports: TCP sockets that the module owns.
 */
#ifndef _L7FP_WIRE_H
#define _L7FP_WIRE_H

#include "port.h"

extern const struct l7fp_port_ops l7fp_wire_ops;

/*
 * Takes over a connected socket: events begin, from a work item, at once.
 * Process context. Consumes @sock.
 */
void l7fp_wire_attach(struct l7fp_port *port, struct socket *sock);

/* wire_idle.c: ->finish_idle() of l7fp_wire_ops. */
bool l7fp_wire_finish_idle(struct l7fp_port *port, bool (*finish)(struct l7fp_port *port));

/* Lets go of a socket that the module made, accepted, or was given by user space. */
void l7fp_wire_put_socket(struct socket *sock);

/*
 * Begins to connect to @address in the port's namespace, from the address @from
 * unless that is NULL; ->connected() or ->error() follows. Process context. A
 * negative error means that no event comes.
 */
int l7fp_wire_connect(struct l7fp_port *port, const struct sockaddr_storage *address,
		      const struct sockaddr_storage *from);

/* Whether @sk is a wire port's, from before it connects. Any context. */
bool l7fp_wire_owns(const struct sock *sk);

/* Runs the events that are due. Softirq, or else process context. */
void l7fp_wire_run(struct l7fp_port *port, bool softirq);

/* wire_queue.c: has the port's events run in softirq. Any context. */
void l7fp_wire_queue(struct l7fp_port *port);
void l7fp_wire_queue_init(void);
void l7fp_wire_queue_uninit(void);

/* When no port is left: gives the page fragments back that ports sent from. */
void l7fp_wire_uninit(void);

/*
 * Gives the engine what the application at the other end sends, past TCP: @seq is where its TCP
 * bytes ended. Returns how many bytes it took; 0 also when TCP bytes are under way, or something
 * else runs. The caller keeps the pages. Bottom halves off, l7fp_port_bh_off set.
 */
u32 l7fp_wire_push(struct l7fp_port *port, const struct bio_vec *v, u32 n, u32 seq);

/* wire_urgent.c */
/* An urgent byte is next. The socket is locked. */
bool l7fp_wire_at_urgent(struct sock *sk);
/* Throws it away. Process context. */
void l7fp_wire_skip_urgent(struct l7fp_port *port);

#endif /* _L7FP_WIRE_H */
