/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where certificates come from.
 *
 * A source has a *material* at any time: a certificate with its key, and for each trust
 * domain the certificates of its authorities (a bundle). A material never changes; when the
 * source learns of new certificates a new one takes its place, and handshakes that began
 * with the former keep a reference to it. Connections that are established have their keys
 * and need no material.
 *
 * Sources differ in how they learn of a change. They all hand PEM to
 * tls_material_new(), which checks it, so that nothing takes effect half: a material that
 * does not pass leaves the former in force.
 */
#ifndef _L7FP_TLS_SOURCE_H
#define _L7FP_TLS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <openssl/ossl_typ.h>
#include "tls_identity.h"

#define TLS_MAX_CHAIN		10	/* certificates from a leaf to its authority */
#define TLS_MAX_PEM		(1024 * 1024)	/* bytes of one PEM text */
#define TLS_MAX_BUNDLES		64
#define TLS_MAX_AUTHORITIES	256	/* certificates in one bundle */

/**
 * struct tls_pem - a PEM text
 * @name: where it is from, for messages: a file, a resource
 * @data: NULL: there is none
 * @len: its length
 */
struct tls_pem {
	const char *name;
	const char *data;
	size_t len;
};

/**
 * struct tls_bundle_pem - the authorities of a trust domain
 * @trust_domain: NULL: the trust domain of the certificate, and everything that is not
 *		  verified by trust domain
 * @pem: their certificates
 */
struct tls_bundle_pem {
	const char *trust_domain;
	struct tls_pem pem;
};

/**
 * struct tls_material_pem - what a material is made of
 * @certificate: the leaf, then the intermediate ones in order
 * @key: its private key, not encrypted. Both are absent, or none is.
 * @bundle: bundles
 * @n_bundles: how many, at most TLS_MAX_BUNDLES
 */
struct tls_material_pem {
	struct tls_pem certificate, key;
	const struct tls_bundle_pem *bundle;
	size_t n_bundles;
};

struct tls_material;

/**
 * tls_material_new() - parse and check
 * @pem: not needed any more afterwards
 * @error: names the text and what is wrong with it
 * @size: of @error
 *
 * The key must be the certificate's, the certificate valid now, each text complete.
 *
 * Return: a material with one reference, or NULL.
 */
struct tls_material *tls_material_new(const struct tls_material_pem *pem, char *error, size_t size);
struct tls_material *tls_material_get(struct tls_material *material);
void tls_material_put(struct tls_material *material);	/* NULL is fine */

X509 *tls_material_certificate(const struct tls_material *material);	/* or NULL */
/* Gives @ssl the certificate, the key and the intermediate certificates. 0 or -1. */
int tls_material_use(const struct tls_material *material, SSL *ssl);
/* "spiffe://..." of the certificate; "" when it has none. */
const char *tls_material_uri(const struct tls_material *material);
/* When the certificate expires; 0: there is none. */
time_t tls_material_expires(const struct tls_material *material);

/**
 * tls_material_bundle() - whom to ask about a certificate of a trust domain
 * @material: the material
 * @trust_domain: NULL: the bundle that has no name
 * @domains: aliases that share the bundle of the mesh's own trust domain, unless they have
 *	     one of their own; or NULL
 *
 * Return: the store, which the material owns, or NULL: nobody is trusted for it.
 */
X509_STORE *tls_material_bundle(const struct tls_material *material, const char *trust_domain,
				const struct tls_trust_domains *domains);

/**
 * struct tls_source - a source, embedded in what each kind of source has besides
 * @ops: what differs
 * @current: the material in force, or NULL
 * @changes: how often a material took the place of another
 * @failures: how often what came was not fit to
 */
struct tls_source {
	const struct tls_source_ops *ops;
	struct tls_material *current;
	unsigned long long changes, failures;
};

/**
 * struct tls_source_ops - a kind of source
 * @fd: what to wait on for input before @update is called; -1: nothing
 * @timeout: milliseconds after which @update wants to be called anyway; -1: never
 * @update: never blocks; takes what came. 1: there is another material, 0: no change,
 *	    -1: what came is not fit, @error says why, and the former stays in force.
 * @free: the whole of the source but for the base
 */
struct tls_source_ops {
	int (*fd)(const struct tls_source *source);
	int (*timeout)(const struct tls_source *source);
	int (*update)(struct tls_source *source, char *error, size_t size);
	void (*free)(struct tls_source *source);
};

int tls_source_fd(const struct tls_source *source);
int tls_source_timeout(const struct tls_source *source);
int tls_source_update(struct tls_source *source, char *error, size_t size);
/* A reference to the material in force, or NULL. */
struct tls_material *tls_source_material(const struct tls_source *source);
void tls_source_free(struct tls_source *source);	/* NULL is fine */

/* For sources: puts @material, whose reference it takes, in force. */
void tls_source_replace(struct tls_source *source, struct tls_material *material);

/**
 * struct tls_files - files of certificates
 * @folder: with tls.crt, tls.key and ca.crt, as cert-manager and Kubernetes' TLS secrets
 *	    have them. Without the first two there is no certificate; without ca.crt nobody
 *	    is trusted but by @bundle.
 * @bundle: bundles of further trust domains, and where they are
 * @n_bundles: how many, less than TLS_MAX_BUNDLES
 */
struct tls_files {
	const char *folder;
	const struct tls_files_bundle {
		const char *trust_domain, *path;
	} *bundle;
	size_t n_bundles;
};

/**
 * tls_files_new() - a source that reads files, and again when they change
 * @files: copied
 * @error: the reason, when it fails
 * @size: of @error
 *
 * Files that are replaced one after the other do not fit together in between: that is
 * reported by update, the former material stays, and the next change is looked at.
 *
 * Return: the source, which has a material, or NULL.
 */
struct tls_source *tls_files_new(const struct tls_files *files, char *error, size_t size);

#endif /* _L7FP_TLS_SOURCE_H */
