// SPDX-License-Identifier: GPL-2.0-only
/* Contexts: OpenSSL's, and the copies of a configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "tls_context.h"
#include "tls_handshake.h"

#define ALL_CIPHERS	((1U << TLS_CIPHERS) - 1)

/* What OpenSSL calls them: TLS 1.3, then TLS 1.2 with either kind of certificate. */
static const struct {
	const char *suite_13, *suites_12;
} names[TLS_CIPHERS] = {
	[TLS_AES_128_GCM] = { "TLS_AES_128_GCM_SHA256",
			      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256" },
	[TLS_AES_256_GCM] = { "TLS_AES_256_GCM_SHA384",
			      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384" },
	[TLS_CHACHA20_POLY1305] = { "TLS_CHACHA20_POLY1305_SHA256",
				    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305" },
};

bool tls_sni_valid(const char *sni)
{
	size_t i;

	for (i = 0; sni[i]; i++)
		if (i >= TLS_MAX_SNI || sni[i] <= ' ' || sni[i] > '~')
			return false;
	return i > 0;
}

static int set_ciphers(SSL_CTX *ctx, unsigned int allowed)
{
	char suites_13[256] = "", suites_12[512] = "";
	int i;

	for (i = 0; i < TLS_CIPHERS; i++) {
		if (allowed && !(allowed & 1U << i))
			continue;
		if (suites_13[0]) {
			strcat(suites_13, ":");
			strcat(suites_12, ":");
		}
		strcat(suites_13, names[i].suite_13);
		strcat(suites_12, names[i].suites_12);
	}
	return SSL_CTX_set_ciphersuites(ctx, suites_13) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, suites_12) == 1 ? 0 : -1;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	struct tls_context *c = arg;
	unsigned char *found;

	(void)ssl;
	if (SSL_select_next_proto(&found, out_len, c->alpn, c->n_alpn_bytes, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	/* It points into our list: ours is the first argument. */
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)arg;
	if (!name)
		return SSL_TLSEXT_ERR_NOACK;
	if (tls_sni_valid(name))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int verify_mode(const struct tls_config *config)
{
	if (config->role == TLS_CLIENT)
		return config->check == TLS_PEER_ANY ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
	switch (config->client_certificate) {
	case TLS_CERTIFICATE_REQUIRED:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	case TLS_CERTIFICATE_OPTIONAL:
		return SSL_VERIFY_PEER;
	default:
		return SSL_VERIFY_NONE;
	}
}

static int set_role(struct tls_context *c)
{
	static const unsigned char session_context[] = "l7fp";
	SSL_CTX *ctx = c->ctx;

	if (c->config.role == TLS_CLIENT)
		return !c->n_alpn_bytes ? 0 :
		       /* The only function here that returns 0 for success. */
		       SSL_CTX_set_alpn_protos(ctx, c->alpn, c->n_alpn_bytes);
	if (c->n_alpn_bytes)
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, c);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, session_context,
					      sizeof(session_context) - 1) == 1 ? 0 : -1;
}

static int set_up(struct tls_context *c)
{
	const struct tls_config *config = &c->config;
	SSL_CTX *ctx;

	ctx = SSL_CTX_new(config->role == TLS_CLIENT ? TLS_client_method() : TLS_server_method());
	if (!ctx)
		return -1;
	c->ctx = ctx;
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
			    SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* What follows the handshake belongs to the kernel: never read more than a record. */
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, TLS_MAX_PEER_CHAIN);
	SSL_CTX_set_verify(ctx, verify_mode(config), NULL);
	SSL_CTX_set_cert_verify_callback(ctx, tls_verify, NULL);
	tls_handshake_observe(ctx);
	return SSL_CTX_set_min_proto_version(ctx, config->min_version ?: TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, config->max_version ?: TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
	       !set_ciphers(ctx, config->ciphers) && !set_role(c) ? 0 : -1;
}

/* One that nobody can have would refuse every server. */
static const char *check_expected(const struct tls_config *config)
{
	struct tls_identity id;
	size_t i;

	if (config->n_expected > TLS_MAX_EXPECTED)
		return "there are too many subject alternative names";
	for (i = 0; i < config->n_expected && config->check == TLS_PEER_SPIFFE; i++)
		if (tls_identity_parse(config->expected[i], strlen(config->expected[i]), &id))
			return "an expected identity is not spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT";
	return NULL;
}

static const char *check(const struct tls_config *config)
{
	uint16_t min = config->min_version ?: TLS_1_2_VERSION;
	uint16_t max = config->max_version ?: TLS_1_3_VERSION;

	if (min < TLS_1_2_VERSION || max > TLS_1_3_VERSION || min > max)
		return "the versions are not a range of TLS 1.2 to 1.3";
	if (config->ciphers & ~ALL_CIPHERS)
		return "there is a cipher that is none of AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305";
	if (config->sni && !tls_sni_valid(config->sni))
		return "the server name is empty, too long, or not of visible ASCII characters";
	if (config->role == TLS_SERVER && config->check != TLS_PEER_SPIFFE)
		return "a server knows clients by SPIFFE identities only";
	return check_expected(config);
}

static const char *set_alpn(struct tls_context *c, const struct tls_config *config)
{
	size_t i, len;

	for (i = 0; i < config->n_alpn; i++) {
		len = strlen(config->alpn[i]);
		if (!len || len > TLS_MAX_ALPN)
			return "an ALPN is empty or longer than 255 bytes";
		if (c->n_alpn_bytes + 1 + len > sizeof(c->alpn))
			return "the list of ALPNs is too long";
		c->alpn[c->n_alpn_bytes++] = len;
		memcpy(c->alpn + c->n_alpn_bytes, config->alpn[i], len);
		c->n_alpn_bytes += len;
	}
	return NULL;
}

static const char *copy(struct tls_context *c, const struct tls_config *config)
{
	static const char memory[] = "out of memory";
	char **expected;
	size_t i;

	c->config = *config;
	c->config.alpn = NULL;
	c->config.sni = c->config.host = NULL;
	c->config.domains = NULL;
	c->config.n_expected = 0;
	expected = config->n_expected ? calloc(config->n_expected, sizeof(*expected)) : NULL;
	c->config.expected = (const char *const *)expected;
	if (config->n_expected && !expected)
		return memory;
	for (i = 0; i < config->n_expected; i++, c->config.n_expected++) {
		expected[i] = strdup(config->expected[i]);
		if (!expected[i])
			return memory;
	}
	if (config->sni && !(c->config.sni = strdup(config->sni)))
		return memory;
	if (config->host && !(c->config.host = strdup(config->host)))
		return memory;
	if (config->domains) {
		c->config.domains = tls_trust_domains_copy(config->domains);
		if (!c->config.domains)
			return memory;
	}
	return NULL;
}

struct tls_context *tls_context_new(const struct tls_config *config, char *error, size_t size)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	const char *wrong;

	if (!c) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	c->references = 1;
	wrong = check(config);
	if (!wrong)
		wrong = set_alpn(c, config);
	if (!wrong)
		wrong = copy(c, config);
	if (!wrong && set_up(c))
		wrong = "OpenSSL refuses the configuration";
	if (wrong) {
		ERR_clear_error();
		snprintf(error, size, "%s", wrong);
		tls_context_put(c);
		return NULL;
	}
	return c;
}

struct tls_context *tls_context_get(struct tls_context *c)
{
	c->references++;
	return c;
}

void tls_context_put(struct tls_context *c)
{
	size_t i;

	if (!c || --c->references)
		return;
	SSL_CTX_free(c->ctx);
	for (i = 0; i < c->config.n_expected; i++)
		free((char *)c->config.expected[i]);
	free((void *)c->config.expected);
	free((char *)c->config.sni);
	free((char *)c->config.host);
	tls_trust_domains_free((struct tls_trust_domains *)c->config.domains);
	free(c);
}
