/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured connects: what a local client asked for, from the connect hook's
 * kfunc until the listener accepts.
 */
#ifndef _L7FP_CAPTURE_H
#define _L7FP_CAPTURE_H

#include <linux/types.h>

/* An entry that no listener took after this time may be evicted. */
#define L7FP_CAPTURE_MAX_AGE	(10 * HZ)

struct bpf_sock_addr_kern;
struct sock;

int l7fp_capture_init(void);
void l7fp_capture_uninit(void);

/*
 * Where @client, a local socket that a connect hook redirected, wanted to go;
 * forgets it. Addresses as in struct l7fp_connection. False when @client was
 * not captured. Any context.
 */
bool l7fp_capture_take(struct sock *client, u32 addr[4], u32 *port);

/* What the kfunc does: remembers where the socket of @ctx is about to connect. */
int l7fp_capture_store(struct bpf_sock_addr_kern *ctx);

#endif /* _L7FP_CAPTURE_H */
