/* SPDX-License-Identifier: GPL-2.0-only */
/* What a certificate says of its owner. */
#ifndef _L7FP_TLS_CERTIFICATE_H
#define _L7FP_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/ossl_typ.h>
#include "sha256.h"
#include "tls_identity.h"

/**
 * struct tls_peer - the peer's certificate: for policies, and for x-forwarded-client-cert
 * @has_identity: whether it was verified to be of a SPIFFE identity
 * @identity: which
 * @principal: as policies name it, aliases replaced by the trust domain's own name
 * @uri: the URI of @identity, as the certificate has it
 * @subject: distinguished name in the form of RFC 2253, which Envoy writes
 * @hash: SHA-256 of the certificate in DER, in hexadecimal
 * @dns: its DNS names; one that is not made of a host name's characters is left out
 * @n_dns: how many
 * @local_uri: the URI of the certificate that was shown to it, or ""
 */
struct tls_peer {
	bool has_identity;
	struct tls_identity identity;
	char principal[L7FP_MAX_PRINCIPAL + 1];
	char uri[TLS_MAX_URI + 1];
	char *subject;
	char hash[SHA256_HEX];
	char **dns;
	size_t n_dns;
	char local_uri[TLS_MAX_URI + 1];
};

/**
 * tls_certificate_identity() - the SPIFFE identity of a certificate
 * @certificate: an X509-SVID (section 4 of that specification): exactly one URI among its
 *		 subject alternative names, and no authority
 * @id: who it is
 * @uri: the URI itself
 *
 * Return: NULL, or why it has none, in words.
 */
const char *tls_certificate_identity(X509 *certificate, struct tls_identity *id,
				     char uri[TLS_MAX_URI + 1]);

/* Whether one of its URI or DNS names is @name, without wildcards. */
bool tls_certificate_has_name(X509 *certificate, const char *name);

/* Everything but @has_identity and what goes with it, and @local_uri. NULL: out of memory. */
struct tls_peer *tls_peer_new(X509 *certificate);
/*
 * What x-forwarded-client-cert says of @peer, in Envoy's form, as Istio's sidecars have it: By,
 * Hash, Subject, URI, DNS. DNS names that do not fit into @size are left out; 0, or -1 when it
 * does not fit without them.
 */
int tls_peer_client_cert(const struct tls_peer *peer, char *out, size_t size);
void tls_peer_free(struct tls_peer *peer);	/* NULL is fine */

#endif /* _L7FP_TLS_CERTIFICATE_H */
