/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is at the other end of a connection, by what the kernel knows.
 */
#ifndef _L7FP_IDENTIFY_H
#define _L7FP_IDENTIFY_H

#include <linux/types.h>

struct l7fp_client;
struct l7fp_downstream;
struct sock;
struct socket;

/* Fills in who connected with @sock, and where to. Process context. */
void l7fp_identify(struct l7fp_downstream *d, struct socket *sock);

/*
 * The socket at the other end of @sk where that is in the same network namespace, held, or NULL.
 * Give it back with sock_put(). Any context.
 */
struct sock *l7fp_peer_get(const struct sock *sk);

/*
 * On whose behalf the module holds the other end of @sk, an application's
 * socket. False where it does not, or where that is not one client alone.
 */
bool l7fp_identify_peer(const struct sock *sk, struct l7fp_client *client);

#endif /* _L7FP_IDENTIFY_H */
