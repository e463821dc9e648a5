/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the connect hooks and user space share: the services map.
 */
#ifndef L7FP_CONNECT_H
#define L7FP_CONNECT_H

#include <linux/types.h>

/**
 * struct l7fp_service - an address whose connections are captured
 * @address: network order; IPv4 as ::ffff:a.b.c.d; zeroes: every address without an entry of
 *	its own but those of the machine itself and of a link
 * @port: network order; with an address of zeroes 0: every port without an entry
 * @pad: zero
 */
struct l7fp_service {
	__u32 address[4];
	__u16 port;
	__u16 pad;
};

/*
 * An authorization policy or STRICT binds the address: while nothing can judge it, connects are
 * refused. Others go where they were going.
 */
#define L7FP_REDIRECT_GUARDED	(1U << 0)

/**
 * struct l7fp_redirect - the listeners that take them
 * @port4: on 127.0.0.1, network order; 0: none, the connect is refused
 * @port6: on ::1, likewise
 * @flags: L7FP_REDIRECT_*, for user space
 */
struct l7fp_redirect {
	__u16 port4;
	__u16 port6;
	__u32 flags;
};

/* Cgroups below the root that are looked for among the exempt ones; deeper ones count, too. */
#define L7FP_EXEMPT_LEVELS	8
#define L7FP_EXEMPT_MAX		64

#endif /* L7FP_CONNECT_H */
