/* SPDX-License-Identifier: GPL-2.0-only */
/* Authorities and certificates for tests, made when the test runs. */
#ifndef _TLS_PKI_H
#define _TLS_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define PKI_PATH	128

/* A certificate and its key. */
struct pki {
	X509 *certificate;
	EVP_PKEY *key;
};

/**
 * struct pki_spec - what a certificate is to say
 * @names: subjectAltName in OpenSSL's notation: "URI:spiffe://...,DNS:a.test"; NULL: none
 * @from: seconds from now; with @until 0: since an hour ago, for an hour
 * @until: likewise
 * @rsa: with an RSA key instead of one on P-256
 * @authority: may sign others
 */
struct pki_spec {
	const char *names;
	long from, until;
	bool rsa, authority;
};

/* Signed by @by, or by itself where that is NULL. Errors end the test. */
void pki_make(struct pki *pki, const struct pki *by, const struct pki_spec *spec);
void pki_free(struct pki *pki);

/* A folder below the system's for temporary files; pki_remove() takes it away. */
void pki_folder(char folder[PKI_PATH]);
void pki_remove(const char *folder);

/* Writes FOLDER/NAME, by way of another file, so that it changes at once. */
void pki_write_text(const char *folder, const char *name, const char *text);
void pki_write_certificate(const char *folder, const char *name, const struct pki *pki);
void pki_write_key(const char *folder, const char *name, const struct pki *pki);
/* tls.crt and tls.key of @leaf (or none), ca.crt of @authority (or none). */
void pki_write(const char *folder, const struct pki *leaf, const struct pki *authority);

#endif /* _TLS_PKI_H */
