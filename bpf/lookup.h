/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lookup.bpf.c and user space share. */
#ifndef _L7FP_LOOKUP_H
#define _L7FP_LOOKUP_H

#include <linux/types.h>

/**
 * struct l7fp_inbound - an address and port at which connections arrive
 * @address: IPv6, or IPv4 as ::ffff:a.b.c.d; network order
 * @port: host order; 0: every port of the address that has no entry of its own
 */
struct l7fp_inbound {
	__u32 address[4];
	__u32 port;
};

/* A connection from one of the node's addresses goes straight to the application. */
#define L7FP_STEER_PROBES	(1U << 0)
/* So does every connection: the port is not captured. */
#define L7FP_STEER_PASS		(1U << 1)

/**
 * struct l7fp_steer_to - what is done with it
 * @listener: id of the module's listener; where there is none the connection is refused
 * @flags: L7FP_STEER_*
 */
struct l7fp_steer_to {
	__u32 listener;
	__u32 flags;
};

/* An address from which probes come, as @address above. */
struct l7fp_node_address {
	__u32 address[4];
};

#endif /* _L7FP_LOOKUP_H */
