/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is agreed on in a handshake: one context for each listener and each cluster.
 *
 * Nothing is resumed: every peer shows its certificate in every handshake, so that one that
 * is not trusted any more does not get in with a ticket, and no ticket follows the
 * handshake of our servers.
 */
#ifndef _L7FP_TLS_CONTEXT_H
#define _L7FP_TLS_CONTEXT_H

#include <stdint.h>
#include <openssl/ossl_typ.h>
#include "tls_identity.h"
#include "tls_keys.h"
#include "tls_source.h"

#define TLS_MAX_SNI		255
#define TLS_MAX_ALPN		255	/* bytes of one protocol's name */
#define TLS_MAX_ALPN_LIST	1024	/* bytes of all, each with its length */
#define TLS_MAX_EXPECTED	1024
/* Bytes of the certificates that a peer may send. */
#define TLS_MAX_PEER_CHAIN	(64 * 1024)

enum tls_role {
	TLS_SERVER,
	TLS_CLIENT,
};

/* Of a server: whether it asks for the client's certificate. */
enum tls_client_certificate {
	TLS_CERTIFICATE_OFF,
	TLS_CERTIFICATE_OPTIONAL,
	TLS_CERTIFICATE_REQUIRED,
};

/**
 * enum tls_peer_check - what a peer's certificate has to be
 * @TLS_PEER_SPIFFE: of a SPIFFE identity, whose trust domain has a bundle. Servers know
 *		     only this one.
 * @TLS_PEER_NAMES: by an authority of the bundle without a name, for a name
 * @TLS_PEER_ANY: anything: encryption without knowing with whom
 */
enum tls_peer_check {
	TLS_PEER_SPIFFE,
	TLS_PEER_NAMES,
	TLS_PEER_ANY,
};

/**
 * struct tls_config - of a context
 * @role: which side we are
 * @min_version: TLS_1_2_VERSION or TLS_1_3_VERSION; 0: 1.2
 * @max_version: likewise; 0: 1.3
 * @ciphers: bits of enum tls_cipher that are allowed; 0: all. Of both versions.
 * @alpn: protocols, in order of preference. A server that has none in common with its
 *	  client goes on without, as Envoy does.
 * @n_alpn: how many
 * @client_certificate: servers
 * @check: clients
 * @sni: clients: the server name that is sent; NULL: none
 * @expected: clients: with TLS_PEER_SPIFFE the URIs one of which the server has to be,
 *	      aliases of the trust domain being the same; with TLS_PEER_NAMES its URIs or DNS
 *	      names, exactly. None: any identity of a trust domain that has a bundle, or @host.
 * @n_expected: how many
 * @host: TLS_PEER_NAMES without @expected: the host that the certificate is for (RFC 6125,
 *	  wildcards included); NULL: any
 * @source: where certificates come from; must outlive the context
 * @domains: the mesh's trust domain and its aliases, or NULL: that of our certificate,
 *	     without aliases
 *
 * Everything but @source is copied.
 */
struct tls_config {
	enum tls_role role;
	uint16_t min_version, max_version;
	unsigned int ciphers;
	const char *const *alpn;
	size_t n_alpn;
	enum tls_client_certificate client_certificate;
	enum tls_peer_check check;
	const char *sni;
	const char *const *expected;
	size_t n_expected;
	const char *host;
	struct tls_source *source;
	const struct tls_trust_domains *domains;
};

/**
 * struct tls_context - a configuration, ready for use
 * @references: handshakes keep theirs, so a context may be replaced at any time
 * @config: with copies of its own
 * @alpn: in the form of the protocol: each name after its length
 */
struct tls_context {
	unsigned int references;
	SSL_CTX *ctx;
	struct tls_config config;
	uint8_t alpn[TLS_MAX_ALPN_LIST];
	size_t n_alpn_bytes;
};

/* With one reference, or NULL and the reason in @error. */
struct tls_context *tls_context_new(const struct tls_config *config, char *error, size_t size);
struct tls_context *tls_context_get(struct tls_context *context);
void tls_context_put(struct tls_context *context);	/* NULL is fine */

/* Whether a server name is made of visible ASCII only, and not empty or too long. */
bool tls_sni_valid(const char *sni);

#endif /* _L7FP_TLS_CONTEXT_H */
