// SPDX-License-Identifier: GPL-2.0-only
/*
 * One handshake: OpenSSL does it, and is watched.
 *
 * The kernel goes on where OpenSSL stops, so it has to know how many records were protected
 * with the last keys already. OpenSSL 3.0 does not say. What it does say is when it reads or
 * writes the header of a record, and when a Finished message: of TLS 1.3 the records after
 * that are under the application's keys (RFC 8446, section 4.4.4), of TLS 1.2 those after
 * ChangeCipherSpec.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "tls_handshake.h"

#define HEADER		5	/* of a record */
#define NONCE		8	/* the explicit one of AES-GCM in TLS 1.2, behind the header */

/**
 * struct records - those of one direction
 * @changed: ChangeCipherSpec was seen
 * @finished: Finished was
 * @after_change: records since then
 * @after_finished: likewise; ChangeCipherSpec, which is not protected, not counted
 */
struct records {
	bool changed, finished;
	uint64_t after_change, after_finished;
};

/**
 * struct written - what is written, looked at for the nonce of the last record
 * @head: the beginning of a record
 * @have: bytes of it
 * @skip: bytes of the record that follow it
 * @nonce: of the last record after ChangeCipherSpec
 */
struct written {
	uint8_t head[HEADER + NONCE];
	size_t have, skip;
	bool changed;
	uint64_t nonce;
};

/* In OpenSSL's secure memory, where there is any. */
struct secrets {
	struct tls_secrets_13 client, server;
	struct tls_secrets_12 secrets_12;
	struct tls_keys keys;
};

struct tls_handshake {
	struct tls_context *context;
	struct tls_material *material;
	struct tls_verdict verdict;
	struct tls_outcome *outcome;
	SSL *ssl;
	struct secrets *secrets;
	struct records rx, tx;
	struct written written;
};

const char *tls_failure_name(enum tls_failure failure)
{
	static const char *const name[TLS_FAILURES] = {
		[TLS_DONE] = "done",
		[TLS_TIMEOUT] = "timeout",
		[TLS_CLOSED] = "closed",
		[TLS_PLAIN] = "plain text",
		[TLS_VERSION] = "version",
		[TLS_NO_CIPHER] = "cipher",
		[TLS_NO_CERTIFICATE] = "no certificate",
		[TLS_EXPIRED] = "expired",
		[TLS_UNTRUSTED] = "untrusted",
		[TLS_TRUST_DOMAIN] = "trust domain",
		[TLS_IDENTITY] = "identity",
		[TLS_NAME] = "name",
		[TLS_ALERT] = "alert",
		[TLS_PROTOCOL] = "protocol",
		[TLS_OWN_CERTIFICATE] = "own certificate",
		[TLS_SYSTEM] = "system",
	};

	return name[failure];
}

struct tls_verdict *tls_handshake_verdict(const SSL *ssl)
{
	struct tls_handshake *h = SSL_get_app_data(ssl);

	return &h->verdict;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void read_secret(const char *hex, struct tls_secrets_13 *secret)
{
	int high, low;

	secret->len = 0;
	for (; *hex && secret->len < TLS_MAX_SECRET; hex += 2) {
		high = nibble(hex[0]);
		low = high < 0 ? -1 : nibble(hex[1]);
		if (low < 0) {
			secret->len = 0;
			return;
		}
		secret->secret[secret->len++] = high << 4 | low;
	}
	if (*hex)
		secret->len = 0;
}

/* "LABEL CLIENT-RANDOM SECRET", the format of SSLKEYLOGFILE. OpenSSL wipes @line. */
static void on_secret(const SSL *ssl, const char *line)
{
	struct tls_handshake *h = SSL_get_app_data(ssl);
	const char *secret = strrchr(line, ' ');

	if (!h || !secret)
		return;
	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		read_secret(secret + 1, &h->secrets->client);
	else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		read_secret(secret + 1, &h->secrets->server);
}

static void on_record(struct records *r, const uint8_t *header)
{
	if (header[0] == SSL3_RT_CHANGE_CIPHER_SPEC) {
		r->changed = true;
		r->after_change = 0;
		return;
	}
	if (r->changed)
		r->after_change++;
	if (r->finished)
		r->after_finished++;
}

static void on_message(int written, int version, int type, const void *data, size_t len, SSL *ssl,
		       void *arg)
{
	struct tls_handshake *h = SSL_get_app_data(ssl);
	struct records *r;

	(void)version;
	(void)arg;
	if (!h)
		return;
	r = written ? &h->tx : &h->rx;
	if (type == SSL3_RT_HEADER && len >= HEADER)
		on_record(r, data);
	else if (type == SSL3_RT_HANDSHAKE && len && *(const uint8_t *)data == SSL3_MT_FINISHED)
		r->finished = true;
}

void tls_handshake_observe(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_secret);
	SSL_CTX_set_msg_callback(ctx, on_message);
}

/* Records begin in the first byte that is written, and follow each other. */
static void look_at(struct written *w, const uint8_t *p, size_t n)
{
	size_t take;
	int i;

	while (n) {
		take = w->skip < n ? w->skip : n;
		if (take) {
			w->skip -= take;
			p += take;
			n -= take;
			continue;
		}
		w->head[w->have++] = *p++;
		n--;
		if (w->have < HEADER)
			continue;
		if (w->have == HEADER) {
			w->skip = w->head[3] << 8 | w->head[4];
			if (w->head[0] == SSL3_RT_CHANGE_CIPHER_SPEC)
				w->changed = true;
			else if (w->changed && w->skip >= NONCE)
				w->skip = 0;
			if (w->skip || !w->changed)
				w->have = 0;
		} else if (w->have == sizeof(w->head)) {
			for (i = 0, w->nonce = 0; i < NONCE; i++)
				w->nonce = w->nonce << 8 | w->head[HEADER + i];
			w->skip = (w->head[3] << 8 | w->head[4]) - NONCE;
			w->have = 0;
		}
	}
}

static long on_bio(BIO *bio, int oper, const char *data, size_t len, int argi, long argl, int ret,
		   size_t *processed)
{
	struct tls_handshake *h = (struct tls_handshake *)BIO_get_callback_arg(bio);

	(void)len;
	(void)argi;
	(void)argl;
	if (oper == (BIO_CB_WRITE | BIO_CB_RETURN) && ret > 0 && processed)
		look_at(&h->written, (const uint8_t *)data, *processed);
	return ret;
}

static void fail(struct tls_handshake *h, enum tls_failure failure, const char *detail)
{
	h->outcome->failure = failure;
	snprintf(h->outcome->detail, sizeof(h->outcome->detail), "%s", detail);
}

static int set_up(struct tls_handshake *h, int fd)
{
	const struct tls_config *config = &h->context->config;
	BIO *bio;

	h->ssl = SSL_new(h->context->ctx);
	bio = h->ssl ? BIO_new_socket(fd, BIO_NOCLOSE) : NULL;
	if (!bio)
		return -1;
	BIO_set_callback_arg(bio, (char *)h);
	BIO_set_callback_ex(bio, on_bio);
	SSL_set_bio(h->ssl, bio, bio);
	SSL_set_app_data(h->ssl, h);
	if (tls_material_certificate(h->material) && tls_material_use(h->material, h->ssl))
		return -1;
	if (config->role == TLS_SERVER) {
		SSL_set_accept_state(h->ssl);
		return 0;
	}
	SSL_set_connect_state(h->ssl);
	return !config->sni || SSL_set_tlsext_host_name(h->ssl, config->sni) == 1 ? 0 : -1;
}

struct tls_handshake *tls_handshake_new(struct tls_context *context, int fd,
					struct tls_outcome *outcome)
{
	struct tls_handshake *h = calloc(1, sizeof(*h));

	memset(outcome, 0, sizeof(*outcome));
	if (h)
		h->secrets = OPENSSL_secure_zalloc(sizeof(*h->secrets));
	if (!h || !h->secrets) {
		free(h);
		outcome->failure = TLS_SYSTEM;
		strcpy(outcome->detail, "out of memory");
		return NULL;
	}
	h->outcome = outcome;
	h->context = tls_context_get(context);
	h->material = tls_source_material(context->config.source);
	h->verdict.config = &context->config;
	h->verdict.material = h->material;
	ERR_clear_error();
	if (!h->material || (context->config.role == TLS_SERVER &&
			     !tls_material_certificate(h->material)))
		fail(h, TLS_OWN_CERTIFICATE, "there is no certificate to show");
	else if (set_up(h, fd))
		fail(h, TLS_SYSTEM, "OpenSSL cannot set up the connection");
	else
		return h;
	ERR_clear_error();
	tls_handshake_free(h);
	return NULL;
}

void tls_handshake_free(struct tls_handshake *h)
{
	if (!h)
		return;
	SSL_free(h->ssl);
	tls_peer_free(h->verdict.peer);
	tls_peer_free(h->outcome->peer);
	h->outcome->peer = NULL;
	h->outcome->keys = NULL;
	OPENSSL_secure_clear_free(h->secrets, sizeof(*h->secrets));
	tls_material_put(h->material);
	tls_context_put(h->context);
	free(h);
}

static int to_cipher(const SSL *ssl, enum tls_cipher *cipher)
{
	switch (SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl))) {
	case NID_aes_128_gcm:
		*cipher = TLS_AES_128_GCM;
		return 0;
	case NID_aes_256_gcm:
		*cipher = TLS_AES_256_GCM;
		return 0;
	case NID_chacha20_poly1305:
		*cipher = TLS_CHACHA20_POLY1305;
		return 0;
	default:
		return -1;
	}
}

static int make_keys(struct tls_handshake *h)
{
	bool server = h->context->config.role == TLS_SERVER;
	struct secrets *s = h->secrets;
	struct tls_secrets_12 *old = &s->secrets_12;
	struct tls_secrets_13 *tx = server ? &s->server : &s->client;
	struct tls_secrets_13 *rx = server ? &s->client : &s->server;

	if (h->outcome->version == TLS_1_3_VERSION) {
		tx->sequence = h->tx.after_finished;
		rx->sequence = h->rx.after_finished;
		return tls_keys_13(h->outcome->cipher, tx, rx, &s->keys);
	}
	if (SSL_SESSION_get_master_key(SSL_get_session(h->ssl), old->master,
				       sizeof(old->master)) != sizeof(old->master) ||
	    SSL_get_client_random(h->ssl, old->client_random, TLS_RANDOM) != TLS_RANDOM ||
	    SSL_get_server_random(h->ssl, old->server_random, TLS_RANDOM) != TLS_RANDOM)
		return -1;
	old->server = server;
	old->tx_sequence = h->tx.after_change;
	old->rx_sequence = h->rx.after_change;
	old->explicit_nonce = h->written.nonce + 1;
	return tls_keys_12(h->outcome->cipher, old, &s->keys);
}

/* Not every OpenSSL looks whether the server chose from the list. */
static bool alpn_offered(const struct tls_context *c, const unsigned char *alpn, unsigned int len)
{
	size_t i;

	for (i = 0; i < c->n_alpn_bytes; i += 1 + c->alpn[i])
		if (c->alpn[i] == len && !memcmp(c->alpn + i + 1, alpn, len))
			return true;
	return false;
}

static int set_names(struct tls_handshake *h)
{
	struct tls_outcome *o = h->outcome;
	const unsigned char *alpn;
	const char *sni;
	unsigned int len;

	SSL_get0_alpn_selected(h->ssl, &alpn, &len);
	if (len && (len >= sizeof(o->alpn) || !alpn_offered(h->context, alpn, len)))
		return -1;
	if (len)
		memcpy(o->alpn, alpn, len);
	sni = SSL_get_servername(h->ssl, TLSEXT_NAMETYPE_host_name);
	if (sni)
		snprintf(o->sni, sizeof(o->sni), "%s", sni);
	return 0;
}

/* max_fragment_length (RFC 6066, section 4): the kernel would not know by itself. */
static size_t max_record(const SSL *ssl)
{
	int code = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl));

	return code >= 1 && code <= 4 ? (size_t)256 << code : TLS_RECORD;
}

static void complete(struct tls_handshake *h)
{
	struct tls_outcome *o = h->outcome;

	o->version = SSL_version(h->ssl) == TLS1_3_VERSION ? TLS_1_3_VERSION : TLS_1_2_VERSION;
	if (to_cipher(h->ssl, &o->cipher)) {
		fail(h, TLS_NO_CIPHER, "the cipher is none of those that the kernel has");
		return;
	}
	/* Read and not given to anybody: it would be lost. */
	if (SSL_has_pending(h->ssl) || SSL_session_reused(h->ssl)) {
		fail(h, TLS_PROTOCOL, "OpenSSL holds more than the handshake");
		return;
	}
	if (set_names(h)) {
		fail(h, TLS_PROTOCOL, "the server chose an ALPN that was not offered");
		return;
	}
	if (make_keys(h)) {
		fail(h, TLS_SYSTEM, "the traffic keys cannot be derived");
		return;
	}
	o->max_record = max_record(h->ssl);
	o->keys = &h->secrets->keys;
	o->peer = h->verdict.peer;
	h->verdict.peer = NULL;
	o->failure = TLS_DONE;
}

/* The reasons of OpenSSL that have a name of their own here. */
static enum tls_failure failure_of(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return TLS_PLAIN;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_VERSION_TOO_HIGH:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_INAPPROPRIATE_FALLBACK:
		return TLS_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_CIPHERS_AVAILABLE:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
		return TLS_NO_CIPHER;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return TLS_NO_CERTIFICATE;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return TLS_CLOSED;
	default:
		return TLS_PROTOCOL;
	}
}

static void failed(struct tls_handshake *h, int kind, int saved_errno)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_REASON(e);
	const char *text = ERR_reason_error_string(e);

	if (h->verdict.failure) {
		fail(h, h->verdict.failure, h->verdict.detail);
	} else if (kind == SSL_ERROR_SSL && ERR_GET_LIB(e) == ERR_LIB_SSL &&
		   reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
		h->outcome->alert = reason - SSL_AD_REASON_OFFSET;
		fail(h, TLS_ALERT, SSL_alert_desc_string_long(h->outcome->alert));
	} else if (kind == SSL_ERROR_SSL && reason == ERR_R_MALLOC_FAILURE) {
		fail(h, TLS_SYSTEM, "out of memory");
	} else if (kind == SSL_ERROR_SSL) {
		fail(h, ERR_GET_LIB(e) == ERR_LIB_SSL ? failure_of(reason) : TLS_PROTOCOL,
		     text ? text : "the peer broke the protocol");
	} else {
		fail(h, TLS_CLOSED, saved_errno ? strerror(saved_errno) : "the peer closed");
	}
	ERR_clear_error();
}

enum tls_want tls_handshake_step(struct tls_handshake *h)
{
	int ret, kind, saved_errno;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(h->ssl);
	saved_errno = errno;
	if (ret == 1) {
		complete(h);
		return TLS_WANT_NOTHING;
	}
	kind = SSL_get_error(h->ssl, ret);
	if (kind == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (kind == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	failed(h, kind, saved_errno);
	return TLS_WANT_NOTHING;
}
