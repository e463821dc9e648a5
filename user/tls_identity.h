/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a peer is: SPIFFE identities and trust domains.
 *
 * The form is the one Istio gives its workloads,
 * spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT, and no other: a policy
 * could not name any other. Rules for the characters are those of the SPIFFE ID
 * specification (section 2) and of Kubernetes' names, which are narrower.
 */
#ifndef _L7FP_TLS_IDENTITY_H
#define _L7FP_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include "uapi/l7fp.h"

#define TLS_SPIFFE_SCHEME	"spiffe://"
#define TLS_MAX_TRUST_DOMAIN	255	/* SPIFFE ID, section 2.1 */
#define TLS_MAX_NAMESPACE	63	/* a DNS label */
#define TLS_MAX_ACCOUNT		253	/* a DNS subdomain */
/* A trust domain that changed its name keeps its former ones. */
#define TLS_MAX_ALIASES		64
/* Of a URI: the scheme and a principal. */
#define TLS_MAX_URI		(sizeof(TLS_SPIFFE_SCHEME) - 1 + L7FP_MAX_PRINCIPAL)

/**
 * struct tls_identity - a SPIFFE identity, taken apart
 * @trust_domain: as the peer's certificate has it, an alias included
 * @namespace: of the workload
 * @account: its service account
 */
struct tls_identity {
	char trust_domain[TLS_MAX_TRUST_DOMAIN + 1];
	char namespace[TLS_MAX_NAMESPACE + 1];
	char account[TLS_MAX_ACCOUNT + 1];
};

/**
 * struct tls_trust_domains - the mesh's own trust domain and what it was called before
 * @own: its name now
 * @alias: names that mean the same
 * @n_aliases: how many, at most TLS_MAX_ALIASES
 */
struct tls_trust_domains {
	char own[TLS_MAX_TRUST_DOMAIN + 1];
	char (*alias)[TLS_MAX_TRUST_DOMAIN + 1];
	size_t n_aliases;
};

/* Whether @name, @len bytes, is a trust domain: lower case letters, digits, ".", "-", "_". */
bool tls_trust_domain_valid(const char *name, size_t len);

/**
 * tls_identity_parse() - take a URI apart
 * @uri: need not end with NUL
 * @len: its length
 * @id: what it says; only written on success
 *
 * Return: NULL, or what is wrong with it, in words.
 */
const char *tls_identity_parse(const char *uri, size_t len, struct tls_identity *id);

/**
 * tls_trust_domains_new() - copy and check names
 * @own: the mesh's trust domain
 * @alias: its former names
 * @n: how many
 * @error: the reason, when it fails
 * @size: of @error
 *
 * Return: the copy, or NULL.
 */
struct tls_trust_domains *tls_trust_domains_new(const char *own, const char *const *alias,
						size_t n, char *error, size_t size);
struct tls_trust_domains *tls_trust_domains_copy(const struct tls_trust_domains *domains);
void tls_trust_domains_free(struct tls_trust_domains *domains);

/* @name, or the mesh's own trust domain where @name is an alias of it. */
const char *tls_trust_domain_canonical(const struct tls_trust_domains *domains, const char *name);

/**
 * tls_identity_principal() - the identity as policies name it
 * @id: the identity
 * @domains: aliases become the trust domain's own name; NULL: there are none
 * @out: TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT
 *
 * Return: 0, or -1 and an empty @out when it is longer than L7FP_MAX_PRINCIPAL: the trust
 * domain's name may be longer than its alias.
 */
int tls_identity_principal(const struct tls_identity *id, const struct tls_trust_domains *domains,
			   char out[L7FP_MAX_PRINCIPAL + 1]);

#endif /* _L7FP_TLS_IDENTITY_H */
