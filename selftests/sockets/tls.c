// SPDX-License-Identifier: GPL-2.0-only
/* kTLS on a connected socket: both ends get the same keys by hand. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "sockets.h"

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

static void keys(struct tls12_crypto_info_aes_gcm_128 *info, int direction)
{
	memset(info, 0, sizeof(*info));
	info->info.version = TLS_1_3_VERSION;
	info->info.cipher_type = TLS_CIPHER_AES_GCM_128;
	memset(info->key, 0x11 + direction, sizeof(info->key));
	memset(info->iv, 0x22, sizeof(info->iv));
	memset(info->salt, 0x33, sizeof(info->salt));
}

static void see_upgrade(const char *key, int fd)
{
	see_call(key, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
}

static void encrypted(void)
{
	struct tls12_crypto_info_aes_gcm_128 ab, ba;
	static char data[50000];
	struct pair p;

	/* Plain bytes first, as a program with a handshake of its own sends them. */
	pair_open(&p);
	pass(p.a, p.b, "hello");
	see_recv("recv", p.b, 64, 0);
	pass(p.b, p.a, "hello too");
	see_recv("recv", p.a, 64, 0);
	see_upgrade("TCP_ULP tls", p.a);
	see_upgrade("peer's", p.b);
	keys(&ab, 0);
	keys(&ba, 1);
	see_call("TLS_TX", setsockopt(p.a, SOL_TLS, TLS_TX, &ab, sizeof(ab)));
	see_call("TLS_RX", setsockopt(p.a, SOL_TLS, TLS_RX, &ba, sizeof(ba)));
	see_call("peer's TLS_TX", setsockopt(p.b, SOL_TLS, TLS_TX, &ba, sizeof(ba)));
	see_call("peer's TLS_RX", setsockopt(p.b, SOL_TLS, TLS_RX, &ab, sizeof(ab)));
	see_call("send", send(p.a, "secret", 6, 0));
	see_recv("recv", p.b, 6, MSG_WAITALL);
	fill_bytes(data, 0, sizeof(data));
	see_call("send of many", send(p.b, data, sizeof(data), 0));
	see_recv("recv", p.a, sizeof(data), MSG_WAITALL);
	pair_close(&p);
}

static void sent_encrypted(void)
{
	struct tls12_crypto_info_aes_gcm_128 ab;
	unsigned char record[5];
	struct pair p;
	long n;

	/* What the peer without keys sees is a record: nothing leaks. */
	pair_open(&p);
	see_upgrade("TCP_ULP tls", p.a);
	keys(&ab, 0);
	see_call("TLS_TX", setsockopt(p.a, SOL_TLS, TLS_TX, &ab, sizeof(ab)));
	see_call("send", send(p.a, "secret", 6, 0));
	n = recv(p.b, record, 5, MSG_WAITALL);
	see_bytes("beginning of the record", n, record);
	see_recv("record", p.b, 23, MSG_WAITALL);
	pair_close(&p);
}

static void twice(void)
{
	struct pair p;

	pair_open(&p);
	see_upgrade("TCP_ULP tls", p.a);
	see_upgrade("again", p.a);
	pass(p.a, p.b, "no keys yet");
	see_recv("recv", p.b, 64, 0);
	pass(p.b, p.a, "nor here");
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

static void unread(void)
{
	struct pair p;

	/* Bytes wait in the socket when it changes. */
	pair_open(&p);
	pass(p.b, p.a, "before");
	see_upgrade("TCP_ULP tls", p.a);
	pass(p.b, p.a, " after");
	see_recv("recv", p.a, 64, 0);
	pair_close(&p);
}

const struct scenario tls_scenarios[] = {
	SCENARIO("tls-both", encrypted),
	SCENARIO("tls-sent", sent_encrypted),
	SCENARIO("tls-twice", twice),
	SCENARIO("tls-unread", unread),
	{}
};
