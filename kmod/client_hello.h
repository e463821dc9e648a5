/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first message of a TLS client (RFC 8446 4.1.2, RFC 5246 7.4.1.2): what server it wants, and
 * what it would speak. Enough to tell whose handshake it is; whoever answers it judges the rest.
 */
#ifndef L7FP_CLIENT_HELLO_H
#define L7FP_CLIENT_HELLO_H

#include "codec.h"

/* Bytes of records that are looked at. Real ones have some hundred, with post-quantum keys 2000. */
#define L7FP_MAX_CLIENT_HELLO 16384

#define L7FP_CLIENT_HELLO_MORE 0
#define L7FP_CLIENT_HELLO_BAD (-1)
#define L7FP_CLIENT_HELLO_LONG (-2)

/**
 * struct l7fp_client_hello - what was found, as ranges of the buffer
 * @server_name: the host_name of server_name (RFC 6066 3); empty: none
 * @alpn: names of application_layer_protocol_negotiation (RFC 7301 3.1), each behind its length;
 *	empty: none
 */
struct l7fp_client_hello {
	struct l7fp_slice server_name;
	struct l7fp_slice alpn;
};

/**
 * l7fp_client_hello() - read it
 * @hello: filled in when it is all there
 * @buf: what came, from its first byte; the caller's own: messages cut into several records are put
 *	together in place
 * @len: bytes of it; more than L7FP_MAX_CLIENT_HELLO are not looked at
 *
 * Return: 1; L7FP_CLIENT_HELLO_MORE: more bytes are needed, of which @buf is to be a fresh copy;
 *	L7FP_CLIENT_HELLO_BAD: it is none; L7FP_CLIENT_HELLO_LONG: it is longer than is looked at.
 */
int l7fp_client_hello(struct l7fp_client_hello *hello, u8 *buf, u32 len);

/**
 * l7fp_client_hello_offers() - whether a protocol whose name begins with @prefix is offered
 * @hello: it
 * @buf: of l7fp_client_hello(), as it left it
 * @prefix: the beginning of a name, ended by a zero
 */
bool l7fp_client_hello_offers(const struct l7fp_client_hello *hello, const u8 *buf,
			      const char *prefix);

#endif /* L7FP_CLIENT_HELLO_H */
