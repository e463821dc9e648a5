// SPDX-License-Identifier: GPL-2.0-only
/* SPIFFE identities and trust domains. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tls_identity.h"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool tls_trust_domain_valid(const char *name, size_t len)
{
	size_t i;

	if (!len || len > TLS_MAX_TRUST_DOMAIN)
		return false;
	for (i = 0; i < len; i++)
		if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '.' &&
		    name[i] != '-' && name[i] != '_')
			return false;
	return true;
}

/* RFC 1123 label or subdomain: no part of it is empty or begins or ends with "-". */
static bool name_valid(const char *name, size_t len, size_t max, bool dots)
{
	bool edge = true;	/* a letter or digit has to come */
	size_t i;

	if (!len || len > max)
		return false;
	for (i = 0; i < len; i++) {
		if (is_lower(name[i]) || is_digit(name[i]))
			edge = false;
		else if (name[i] == '-' && !edge && i + 1 < len && name[i + 1] != '.')
			continue;
		else if (name[i] == '.' && dots && !edge)
			edge = true;
		else
			return false;
	}
	return !edge;
}

/* The segment at @at, up to the next "/" or the end, which @at moves behind. */
static const char *segment(const char **at, const char *end, size_t *len)
{
	const char *start = *at, *slash = memchr(start, '/', end - start);

	*len = (slash ? slash : end) - start;
	*at = slash ? slash + 1 : NULL;
	return start;
}

static bool segment_is(const char **at, const char *end, const char *word)
{
	size_t len;
	const char *s;

	if (!*at)
		return false;
	s = segment(at, end, &len);
	return len == strlen(word) && !memcmp(s, word, len);
}

static void store(char *out, const char *s, size_t len)
{
	memcpy(out, s, len);
	out[len] = '\0';
}

const char *tls_identity_parse(const char *uri, size_t len, struct tls_identity *id)
{
	const char *at = uri, *end = uri + len, *domain, *namespace, *account;
	const size_t scheme = sizeof(TLS_SPIFFE_SCHEME) - 1;
	size_t n_domain, n_namespace, n_account;

	if (len < scheme || memcmp(uri, TLS_SPIFFE_SCHEME, scheme))
		return "it does not begin with spiffe://";
	if (len > TLS_MAX_URI)
		return "it is longer than a principal may be";
	at += scheme;
	domain = segment(&at, end, &n_domain);
	if (!tls_trust_domain_valid(domain, n_domain))
		return "its trust domain is not one";
	if (!segment_is(&at, end, "ns") || !at)
		return "no /ns/NAMESPACE follows its trust domain";
	namespace = segment(&at, end, &n_namespace);
	if (!name_valid(namespace, n_namespace, TLS_MAX_NAMESPACE, false))
		return "its namespace is not one";
	if (!segment_is(&at, end, "sa") || !at)
		return "no /sa/SERVICE-ACCOUNT follows its namespace";
	account = segment(&at, end, &n_account);
	if (!name_valid(account, n_account, TLS_MAX_ACCOUNT, true))
		return "its service account is not one";
	if (at)
		return "something follows its service account";
	store(id->trust_domain, domain, n_domain);
	store(id->namespace, namespace, n_namespace);
	store(id->account, account, n_account);
	return NULL;
}

static struct tls_trust_domains *make(const char *own, size_t n)
{
	struct tls_trust_domains *d = calloc(1, sizeof(*d));

	if (d && n)
		d->alias = calloc(n, sizeof(*d->alias));
	if (!d || (n && !d->alias)) {
		free(d);
		return NULL;
	}
	strcpy(d->own, own);
	d->n_aliases = n;
	return d;
}

struct tls_trust_domains *tls_trust_domains_new(const char *own, const char *const *alias,
						size_t n, char *error, size_t size)
{
	struct tls_trust_domains *d;
	size_t i;

	if (!tls_trust_domain_valid(own, strlen(own))) {
		snprintf(error, size,
			 "\"%s\" is no trust domain: expected lower case letters, digits, \".\", \"-\" and \"_\", at most %d",
			 own, TLS_MAX_TRUST_DOMAIN);
		return NULL;
	}
	if (n > TLS_MAX_ALIASES) {
		snprintf(error, size, "%zu aliases of trust domain %s: expected at most %d", n, own,
			 TLS_MAX_ALIASES);
		return NULL;
	}
	for (i = 0; i < n; i++)
		if (!tls_trust_domain_valid(alias[i], strlen(alias[i]))) {
			snprintf(error, size,
				 "\"%s\", an alias of trust domain %s, is no trust domain: expected lower case letters, digits, \".\", \"-\" and \"_\", at most %d",
				 alias[i], own, TLS_MAX_TRUST_DOMAIN);
			return NULL;
		}
	d = make(own, n);
	if (!d) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	for (i = 0; i < n; i++)
		strcpy(d->alias[i], alias[i]);
	return d;
}

struct tls_trust_domains *tls_trust_domains_copy(const struct tls_trust_domains *domains)
{
	struct tls_trust_domains *d = make(domains->own, domains->n_aliases);

	if (d && d->n_aliases)
		memcpy(d->alias, domains->alias, d->n_aliases * sizeof(*d->alias));
	return d;
}

void tls_trust_domains_free(struct tls_trust_domains *d)
{
	if (!d)
		return;
	free(d->alias);
	free(d);
}

const char *tls_trust_domain_canonical(const struct tls_trust_domains *d, const char *name)
{
	size_t i;

	for (i = 0; d && i < d->n_aliases; i++)
		if (!strcmp(d->alias[i], name))
			return d->own;
	return name;
}

int tls_identity_principal(const struct tls_identity *id, const struct tls_trust_domains *d,
			   char out[L7FP_MAX_PRINCIPAL + 1])
{
	int len = snprintf(out, L7FP_MAX_PRINCIPAL + 1, "%s/ns/%s/sa/%s",
			   tls_trust_domain_canonical(d, id->trust_domain), id->namespace,
			   id->account);

	if (len < 0 || len > L7FP_MAX_PRINCIPAL) {
		/* A part of it could be somebody else's name. */
		out[0] = '\0';
		return -1;
	}
	return 0;
}
