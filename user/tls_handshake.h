/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One handshake on a socket that does not block.
 *
 * When it is over, nothing that OpenSSL read is left in user space and nothing it wrote is
 * held back: the next record in either direction is the kernel's.
 */
#ifndef _L7FP_TLS_HANDSHAKE_H
#define _L7FP_TLS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ossl_typ.h>
#include "tls_certificate.h"
#include "tls_context.h"
#include "tls_keys.h"

#define TLS_DETAIL	200
#define TLS_RECORD	16384	/* bytes of plain text in a record: RFC 8446, section 5.1 */

/**
 * enum tls_failure - how a handshake ended; each is counted
 * @TLS_DONE: well
 * @TLS_TIMEOUT: the deadline passed
 * @TLS_CLOSED: the peer closed or reset the connection
 * @TLS_PLAIN: what the peer sent is not TLS
 * @TLS_VERSION: no version in common, or the peer fell back from a better one
 * @TLS_NO_CIPHER: no cipher or group in common
 * @TLS_NO_CERTIFICATE: a certificate is required of the peer, and it has none
 * @TLS_EXPIRED: the peer's certificate, or one above it, is not valid now
 * @TLS_UNTRUSTED: no authority that we trust stands behind it, self-signed ones included
 * @TLS_TRUST_DOMAIN: its trust domain has no bundle
 * @TLS_IDENTITY: it has not exactly one SPIFFE identity
 * @TLS_NAME: the peer is somebody else than was expected
 * @TLS_ALERT: the peer refused, with an alert
 * @TLS_PROTOCOL: the peer broke the protocol
 * @TLS_OWN_CERTIFICATE: there is no certificate of our own to show
 * @TLS_SYSTEM: out of memory, a system call failed
 */
enum tls_failure {
	TLS_DONE,
	TLS_TIMEOUT,
	TLS_CLOSED,
	TLS_PLAIN,
	TLS_VERSION,
	TLS_NO_CIPHER,
	TLS_NO_CERTIFICATE,
	TLS_EXPIRED,
	TLS_UNTRUSTED,
	TLS_TRUST_DOMAIN,
	TLS_IDENTITY,
	TLS_NAME,
	TLS_ALERT,
	TLS_PROTOCOL,
	TLS_OWN_CERTIFICATE,
	TLS_SYSTEM,
	TLS_FAILURES,
};

/* "trust domain", for counters and messages. */
const char *tls_failure_name(enum tls_failure failure);

/**
 * struct tls_outcome - what came of a handshake
 * @failure: TLS_DONE, or why nothing else here but @detail is set
 * @detail: what happened, in words, without secrets; the peer's bytes are not in it
 * @alert: TLS_ALERT: the number
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher: which
 * @alpn: the protocol agreed on, one of the context's, or ""
 * @sni: the server name that the client sent, or ""
 * @peer: its certificate, or NULL: it has shown none
 * @max_record: bytes of plain text that may be in one of our records
 * @keys: of the kernel, in memory that is not swapped; wiped when the handshake is freed
 */
struct tls_outcome {
	enum tls_failure failure;
	char detail[TLS_DETAIL];
	int alert;
	uint16_t version;
	enum tls_cipher cipher;
	char alpn[TLS_MAX_ALPN + 1];
	char sni[TLS_MAX_SNI + 1];
	struct tls_peer *peer;
	size_t max_record;
	struct tls_keys *keys;
};

struct tls_handshake;

/* What can be waited for. */
enum tls_want {
	TLS_WANT_NOTHING,	/* it is over */
	TLS_WANT_READ,
	TLS_WANT_WRITE,
};

/**
 * tls_handshake_new() - begin
 * @context: a reference is taken
 * @fd: a connected socket that does not block; stays the caller's
 * @outcome: filled when it is over
 *
 * Return: the handshake, or NULL; @outcome says why then.
 */
struct tls_handshake *tls_handshake_new(struct tls_context *context, int fd,
					struct tls_outcome *outcome);

/* Goes on as far as it can. TLS_WANT_NOTHING: @outcome is complete. */
enum tls_want tls_handshake_step(struct tls_handshake *handshake);

/* Frees what the outcome holds, too: secrets are wiped. */
void tls_handshake_free(struct tls_handshake *handshake);

/* For tls_context.c: sets the callbacks that watch secrets and records. */
void tls_handshake_observe(SSL_CTX *ctx);

/* tls_verify.c: X509_verify_cert() of every context. */
int tls_verify(X509_STORE_CTX *store, void *arg);

/* For tls_verify.c. */
struct tls_verdict {
	const struct tls_config *config;
	const struct tls_material *material;
	enum tls_failure failure;
	char detail[TLS_DETAIL];
	struct tls_peer *peer;	/* made by tls_verify() */
};

struct tls_verdict *tls_handshake_verdict(const SSL *ssl);

#endif /* _L7FP_TLS_HANDSHAKE_H */
