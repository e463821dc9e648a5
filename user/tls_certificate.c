// SPDX-License-Identifier: GPL-2.0-only
/* What a certificate says of its owner. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "tls_certificate.h"

/* NULL: there are none, or they cannot be read: @broken says which. */
static GENERAL_NAMES *alternative_names(X509 *x, bool *broken)
{
	int critical;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);

	/* -1: there is no such extension; else it occurs twice or does not parse. */
	*broken = !names && critical != -1;
	ERR_clear_error();
	return names;
}

static const ASN1_STRING *name_of(const GENERAL_NAMES *names, int i, int type)
{
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

	if (name->type != type)
		return NULL;
	return type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
}

static const char *only_uri(const GENERAL_NAMES *names, const ASN1_STRING **uri)
{
	const ASN1_STRING *s;
	int i;

	*uri = NULL;
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		s = name_of(names, i, GEN_URI);
		if (s && *uri)
			return "it has more than one URI";
		if (s)
			*uri = s;
	}
	return *uri ? NULL : "it has no URI";
}

const char *tls_certificate_identity(X509 *x, struct tls_identity *id, char uri[TLS_MAX_URI + 1])
{
	bool broken;
	GENERAL_NAMES *names = alternative_names(x, &broken);
	const ASN1_STRING *s;
	const char *wrong;

	if (broken)
		return "its alternative names cannot be read";
	if (!names)
		return "it has no URI";
	wrong = only_uri(names, &s);
	if (!wrong && X509_get_extension_flags(x) & EXFLAG_CA)
		wrong = "it is that of an authority";
	if (!wrong)
		wrong = tls_identity_parse((const char *)ASN1_STRING_get0_data(s),
					   ASN1_STRING_length(s), id);
	if (!wrong) {
		memcpy(uri, ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
		uri[ASN1_STRING_length(s)] = '\0';
	}
	GENERAL_NAMES_free(names);
	return wrong;
}

static bool string_is(const ASN1_STRING *s, const char *name, bool host)
{
	size_t len = strlen(name);
	const char *data;

	if (!s || (size_t)ASN1_STRING_length(s) != len)
		return false;
	data = (const char *)ASN1_STRING_get0_data(s);
	return host ? !strncasecmp(data, name, len) : !memcmp(data, name, len);
}

bool tls_certificate_has_name(X509 *x, const char *name)
{
	bool broken, found = false;
	GENERAL_NAMES *names = alternative_names(x, &broken);
	int i;

	if (!names)
		return false;
	for (i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = string_is(name_of(names, i, GEN_URI), name, false) ||
			string_is(name_of(names, i, GEN_DNS), name, true);
	GENERAL_NAMES_free(names);
	return found;
}

/* What XFCC may carry without quotes: also "*" of wildcard certificates. */
static bool host_characters(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int i, len = ASN1_STRING_length(s);

	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*",
			    p[i]) || !p[i])
			return false;
	return len > 0;
}

static int add_dns(struct tls_peer *peer, const ASN1_STRING *s)
{
	char **more;

	if (!s || !host_characters(s))
		return 0;
	more = realloc(peer->dns, (peer->n_dns + 1) * sizeof(*more));
	if (!more)
		return -1;
	peer->dns = more;
	more[peer->n_dns] = strndup((const char *)ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
	if (!more[peer->n_dns])
		return -1;
	peer->n_dns++;
	return 0;
}

static int set_dns(struct tls_peer *peer, X509 *x)
{
	bool broken;
	GENERAL_NAMES *names = alternative_names(x, &broken);
	int i, err = 0;

	for (i = 0; names && !err && i < sk_GENERAL_NAME_num(names); i++)
		err = add_dns(peer, name_of(names, i, GEN_DNS));
	GENERAL_NAMES_free(names);
	return err;
}

static int set_subject(struct tls_peer *peer, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	/* Every byte that is not printable ASCII is escaped by XN_FLAG_RFC2253. */
	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		peer->subject = strndup(len > 0 ? data : "", len);
	}
	BIO_free(bio);
	return peer->subject ? 0 : -1;
}

static int set_hash(struct tls_peer *peer, X509 *x)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int i, len;

	if (!X509_digest(x, EVP_sha256(), digest, &len))
		return -1;
	for (i = 0; i < len; i++)
		snprintf(peer->hash + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

struct tls_peer *tls_peer_new(X509 *x)
{
	struct tls_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	if (set_subject(peer, x) || set_hash(peer, x) || set_dns(peer, x)) {
		ERR_clear_error();
		tls_peer_free(peer);
		return NULL;
	}
	return peer;
}

int tls_peer_client_cert(const struct tls_peer *peer, char *out, size_t size)
{
	size_t i, len;
	int n;

	n = snprintf(out, size, "%s%s%sHash=%s;Subject=\"%s\";URI=%s", *peer->local_uri ? "By=" : "",
		     peer->local_uri, *peer->local_uri ? ";" : "", peer->hash, peer->subject,
		     peer->uri);
	if (n < 0 || (size_t)n >= size)
		return -1;
	len = (size_t)n;
	for (i = 0; i < peer->n_dns && len + strlen(peer->dns[i]) + 6 < size; i++)
		len += (size_t)snprintf(out + len, size - len, ";DNS=%s", peer->dns[i]);
	return 0;
}

void tls_peer_free(struct tls_peer *peer)
{
	size_t i;

	if (!peer)
		return;
	for (i = 0; i < peer->n_dns; i++)
		free(peer->dns[i]);
	free(peer->dns);
	free(peer->subject);
	free(peer);
}
