// SPDX-License-Identifier: GPL-2.0-only
/* Certificates, keys and bundles; what all sources have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "tls_certificate.h"
#include "tls_source.h"

struct bundle {
	char trust_domain[TLS_MAX_TRUST_DOMAIN + 1];	/* "": it has none */
	X509_STORE *store;
};

/* The process has one thread, so a plain count does. */
struct tls_material {
	unsigned int references;
	X509 *certificate;
	EVP_PKEY *key;
	STACK_OF(X509) *chain;
	char uri[TLS_MAX_URI + 1];
	char trust_domain[TLS_MAX_TRUST_DOMAIN + 1];	/* of the certificate, or "" */
	time_t expires;
	size_t n_bundles;
	struct bundle bundle[TLS_MAX_BUNDLES];
};

/* What a message is made with. */
struct complaint {
	char *text;
	size_t size;
};

static int complain(const struct complaint *c, const char *name, const char *what)
{
	snprintf(c->text, c->size, "%s: %s", name, what);
	return -1;
}

/* A PEM that is encrypted must not make OpenSSL ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *data)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

static BIO *open_pem(const struct tls_pem *pem, const struct complaint *c)
{
	BIO *bio;

	if (pem->len > TLS_MAX_PEM) {
		complain(c, pem->name, "it is larger than 1 MiB");
		return NULL;
	}
	bio = BIO_new_mem_buf(pem->data, pem->len);
	if (!bio)
		complain(c, pem->name, "out of memory");
	return bio;
}

/* After the last certificate: whether that was the end, or something broken. */
static bool at_end(void)
{
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	return end;
}

/* All certificates of a text, in order; NULL after a complaint. */
static STACK_OF(X509) *read_certificates(const struct tls_pem *pem, int max,
					 const struct complaint *c)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *bio = open_pem(pem, c);
	X509 *x;

	if (!list || !bio)
		goto fail;
	ERR_clear_error();
	while ((x = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		if (sk_X509_num(list) >= max || sk_X509_push(list, x) <= 0) {
			X509_free(x);
			complain(c, pem->name, "it has too many certificates");
			goto fail;
		}
	}
	if (!at_end()) {
		complain(c, pem->name, "a certificate in it cannot be read; expected PEM");
		goto fail;
	}
	if (!sk_X509_num(list)) {
		complain(c, pem->name, "there is no certificate in it; expected PEM");
		goto fail;
	}
	BIO_free(bio);
	return list;
fail:
	sk_X509_pop_free(list, X509_free);
	BIO_free(bio);
	return NULL;
}

static int read_key(struct tls_material *m, const struct tls_pem *pem, const struct complaint *c)
{
	BIO *bio = open_pem(pem, c);

	if (!bio)
		return -1;
	m->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!m->key)
		return complain(c, pem->name,
				"there is no private key in it that can be read; expected PEM without a password");
	return 0;
}

static time_t to_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? timegm(&tm) : 0;
}

static int check_validity(struct tls_material *m, const char *name, const struct complaint *c)
{
	if (X509_cmp_current_time(X509_get0_notAfter(m->certificate)) < 0)
		return complain(c, name, "the certificate has expired");
	if (X509_cmp_current_time(X509_get0_notBefore(m->certificate)) > 0)
		return complain(c, name, "the certificate is not valid yet");
	m->expires = to_time(X509_get0_notAfter(m->certificate));
	return 0;
}

static int read_certificate(struct tls_material *m, const struct tls_material_pem *pem,
			    const struct complaint *c)
{
	struct tls_identity id;

	m->chain = read_certificates(&pem->certificate, TLS_MAX_CHAIN, c);
	if (!m->chain)
		return -1;
	m->certificate = sk_X509_shift(m->chain);
	if (read_key(m, &pem->key, c))
		return -1;
	if (X509_check_private_key(m->certificate, m->key) != 1) {
		ERR_clear_error();
		return complain(c, pem->key.name, "the key is not that of the certificate");
	}
	if (check_validity(m, pem->certificate.name, c))
		return -1;
	/* It may be one for names of hosts. What peers demand of it is their business. */
	if (!tls_certificate_identity(m->certificate, &id, m->uri))
		strcpy(m->trust_domain, id.trust_domain);
	else
		m->uri[0] = '\0';
	return 0;
}

static int add_bundle(struct tls_material *m, const struct tls_bundle_pem *pem,
		      const struct complaint *c)
{
	struct bundle *b = &m->bundle[m->n_bundles];
	STACK_OF(X509) *list;
	int i, err = 0;

	if (pem->trust_domain) {
		if (!tls_trust_domain_valid(pem->trust_domain, strlen(pem->trust_domain)))
			return complain(c, pem->trust_domain, "this is no trust domain");
		strcpy(b->trust_domain, pem->trust_domain);
	}
	list = read_certificates(&pem->pem, TLS_MAX_AUTHORITIES, c);
	if (!list)
		return -1;
	b->store = X509_STORE_new();
	if (b->store)
		m->n_bundles++;
	else
		err = complain(c, pem->pem.name, "out of memory");
	/* The same certificate may be in a bundle twice: OpenSSL takes that. */
	for (i = 0; !err && i < sk_X509_num(list); i++)
		if (!X509_STORE_add_cert(b->store, sk_X509_value(list, i)))
			err = complain(c, pem->pem.name, "a certificate in it cannot be used");
	sk_X509_pop_free(list, X509_free);
	return err;
}

static int read_all(struct tls_material *m, const struct tls_material_pem *pem,
		    const struct complaint *c)
{
	size_t i;

	if (!pem->certificate.data != !pem->key.data)
		return pem->certificate.data ?
		       complain(c, pem->key.name, "it is missing, and there is a certificate") :
		       complain(c, pem->certificate.name, "it is missing, and there is a key");
	if (pem->certificate.data && read_certificate(m, pem, c))
		return -1;
	if (pem->n_bundles > TLS_MAX_BUNDLES)
		return complain(c, "bundles", "there are too many");
	for (i = 0; i < pem->n_bundles; i++)
		if (add_bundle(m, &pem->bundle[i], c))
			return -1;
	return 0;
}

struct tls_material *tls_material_new(const struct tls_material_pem *pem, char *error, size_t size)
{
	struct tls_material *m = calloc(1, sizeof(*m));
	struct complaint c = { error, size };

	if (!m) {
		complain(&c, "certificates", "out of memory");
		return NULL;
	}
	m->references = 1;
	if (read_all(m, pem, &c)) {
		tls_material_put(m);
		return NULL;
	}
	return m;
}

struct tls_material *tls_material_get(struct tls_material *m)
{
	m->references++;
	return m;
}

void tls_material_put(struct tls_material *m)
{
	size_t i;

	if (!m || --m->references)
		return;
	X509_free(m->certificate);
	EVP_PKEY_free(m->key);
	sk_X509_pop_free(m->chain, X509_free);
	for (i = 0; i < m->n_bundles; i++)
		X509_STORE_free(m->bundle[i].store);
	free(m);
}

X509 *tls_material_certificate(const struct tls_material *m)
{
	return m->certificate;
}

int tls_material_use(const struct tls_material *m, SSL *ssl)
{
	return SSL_use_cert_and_key(ssl, m->certificate, m->key, m->chain, 1) == 1 ? 0 : -1;
}

const char *tls_material_uri(const struct tls_material *m)
{
	return m->uri;
}

time_t tls_material_expires(const struct tls_material *m)
{
	return m->expires;
}

static X509_STORE *find(const struct tls_material *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_bundles; i++)
		if (!strcmp(m->bundle[i].trust_domain, name))
			return m->bundle[i].store;
	return NULL;
}

X509_STORE *tls_material_bundle(const struct tls_material *m, const char *trust_domain,
				const struct tls_trust_domains *domains)
{
	const char *own = domains ? domains->own : m->trust_domain;
	X509_STORE *store;

	if (!trust_domain)
		return find(m, "");
	store = find(m, trust_domain);
	if (store)
		return store;
	if (!own[0] || strcmp(tls_trust_domain_canonical(domains, trust_domain), own))
		return NULL;
	store = find(m, own);
	return store ? store : find(m, "");
}

int tls_source_fd(const struct tls_source *s)
{
	return s->ops->fd(s);
}

int tls_source_timeout(const struct tls_source *s)
{
	return s->ops->timeout(s);
}

int tls_source_update(struct tls_source *s, char *error, size_t size)
{
	int ret = s->ops->update(s, error, size);

	if (ret < 0)
		s->failures++;
	return ret;
}

struct tls_material *tls_source_material(const struct tls_source *s)
{
	return s->current ? tls_material_get(s->current) : NULL;
}

void tls_source_replace(struct tls_source *s, struct tls_material *m)
{
	if (s->current)
		s->changes++;
	tls_material_put(s->current);
	s->current = m;
}

void tls_source_free(struct tls_source *s)
{
	struct tls_material *m;

	if (!s)
		return;
	m = s->current;
	s->ops->free(s);
	tls_material_put(m);
}
