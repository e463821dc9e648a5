/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a wire port takes out of its socket.
 */
#ifndef _L7FP_WIRE_TAKE_H
#define _L7FP_WIRE_TAKE_H

#include <linux/fs.h>
#include <linux/net.h>
#include "port.h"

/* Ranges taken from a socket; linear bytes are in pages of their own. */
struct l7fp_wire_take {
	struct bio_vec v[L7FP_RX_VECS];
	u32 n, bytes;
};

/* Takes up to @len bytes from @offset on; returns what it took or a negative error. */
int l7fp_wire_take_skb(struct l7fp_wire_take *take, struct sk_buff *skb, u32 offset, u32 len);

/*
 * Actor of read_sock, with a struct l7fp_wire_take as its argument: under the socket's lock, so it
 * only collects. The references are the caller's.
 */
int l7fp_wire_take_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
			 size_t len);

#endif /* _L7FP_WIRE_TAKE_H */
