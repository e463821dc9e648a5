// SPDX-License-Identifier: GPL-2.0-only
/* SPIFFE identities and trust domains: what is one, what is none, every limit at N and N + 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec_test.h"
#include "tls_identity.h"

static char wrong[1024];

static const struct {
	const char *uri, *principal;	/* NULL: refused */
} uris[] = {
	{ "spiffe://cluster.local/ns/default/sa/reviews", "cluster.local/ns/default/sa/reviews" },
	{ "spiffe://a/ns/b/sa/c", "a/ns/b/sa/c" },
	{ "spiffe://td_1-x.y/ns/n-1/sa/a.b-c.d", "td_1-x.y/ns/n-1/sa/a.b-c.d" },
	{ "spiffe://old.domain/ns/b/sa/c", "cluster.local/ns/b/sa/c" },
	{ "spiffe://old.domain.x/ns/b/sa/c", "old.domain.x/ns/b/sa/c" },
	{ "", NULL },
	{ "spiffe:/", NULL },
	{ "spiffe://", NULL },
	{ "spiffe:///ns/b/sa/c", NULL },
	{ "SPIFFE://a/ns/b/sa/c", NULL },
	{ "https://a/ns/b/sa/c", NULL },
	{ "spiffe://A/ns/b/sa/c", NULL },
	{ "spiffe://a:80/ns/b/sa/c", NULL },
	{ "spiffe://u@a/ns/b/sa/c", NULL },
	{ "spiffe://a", NULL },
	{ "spiffe://a/", NULL },
	{ "spiffe://a/ns", NULL },
	{ "spiffe://a/ns/", NULL },
	{ "spiffe://a/ns/b", NULL },
	{ "spiffe://a/ns/b/sa", NULL },
	{ "spiffe://a/ns/b/sa/", NULL },
	{ "spiffe://a/ns/b/sa/c/", NULL },
	{ "spiffe://a/ns/b/sa/c/d", NULL },
	{ "spiffe://a/ns/b/sa/c?d", NULL },
	{ "spiffe://a/ns/b/sa/c#d", NULL },
	{ "spiffe://a/ns/b/sa/%63", NULL },
	{ "spiffe://a/ns/../sa/c", NULL },
	{ "spiffe://a/ns/b/sa/..", NULL },
	{ "spiffe://a/ns//sa/c", NULL },
	{ "spiffe://a//ns/b/sa/c", NULL },
	{ "spiffe://a/sa/b/ns/c", NULL },
	{ "spiffe://a/ns/b.c/sa/d", NULL },
	{ "spiffe://a/ns/-b/sa/d", NULL },
	{ "spiffe://a/ns/b-/sa/d", NULL },
	{ "spiffe://a/ns/b/sa/c-.d", NULL },
	{ "spiffe://a/ns/b/sa/c.-d", NULL },
	{ "spiffe://a/ns/b/sa/c..d", NULL },
	{ "spiffe://a/ns/b/sa/c.", NULL },
	{ "spiffe://a/ns/b/sa/*", NULL },
	{ "spiffe://a/ns/b/sa/C", NULL },
	{ "spiffe://a/ns/b/sa/c d", NULL },
};

static struct tls_trust_domains *domains;

/* From a copy without a NUL behind it, so that reading too far is seen. */
static const char *parse(const char *uri, size_t len, struct tls_identity *id)
{
	char *copy = test_alloc(len);
	const char *w;

	memcpy(copy, uri, len);
	w = tls_identity_parse(copy, len, id);
	test_free(copy);
	return w;
}

static const char *check_uri(size_t i)
{
	char principal[L7FP_MAX_PRINCIPAL + 1];
	struct tls_identity id;
	const char *w = parse(uris[i].uri, strlen(uris[i].uri), &id);

	if (!uris[i].principal)
		return w ? NULL : "it was taken";
	if (w)
		return w;
	if (tls_identity_principal(&id, domains, principal))
		return "no principal";
	snprintf(wrong, sizeof(wrong), "%s", principal);
	return strcmp(principal, uris[i].principal) ? wrong : NULL;
}

/* A URI with parts of these lengths. */
static const char *of_lengths(size_t domain, size_t namespace, size_t account, char *out)
{
	struct tls_identity id;
	char *p = out;

	p += sprintf(p, "spiffe://");
	memset(p, 'a', domain);
	p += domain + sprintf(p + domain, "/ns/");
	memset(p, 'b', namespace);
	p += namespace + sprintf(p + namespace, "/sa/");
	memset(p, 'c', account);
	p[account] = '\0';
	return parse(out, strlen(out), &id);
}

static const struct {
	const char *name;
	size_t domain, namespace, account;
	bool taken;
} lengths[] = {
	{ "trust domain", 255, 1, 1, true },
	{ "trust domain, one more", 256, 1, 1, false },
	{ "namespace", 1, 63, 1, true },
	{ "namespace, one more", 1, 64, 1, false },
	{ "account", 1, 1, 253, true },
	{ "account, one more", 1, 1, 254, false },
	{ "principal", 255, 63, 512 - 255 - 63 - 8, true },
	{ "principal, one more", 255, 63, 513 - 255 - 63 - 8, false },
};

static const char *check_length(size_t i)
{
	char uri[1024];
	const char *w = of_lengths(lengths[i].domain, lengths[i].namespace, lengths[i].account, uri);

	if (!w == lengths[i].taken)
		return NULL;
	return w ? w : "it was taken";
}

/* The NUL is part of the name: a certificate may have one. */
static const char *check_nul(void)
{
	struct tls_identity id;

	return parse("spiffe://a/ns/b/sa/c\0d", 22, &id) ? NULL : "it was taken";
}

/* An alias shorter than the name it stands for. */
static const char *check_long_alias(void)
{
	char own[256], principal[L7FP_MAX_PRINCIPAL + 1], error[512], uri[1024];
	const char *alias = "a", *w;
	struct tls_trust_domains *d;
	struct tls_identity id;

	memset(own, 'x', 255);
	own[255] = '\0';
	d = tls_trust_domains_new(own, &alias, 1, error, sizeof(error));
	if (!d)
		return "the trust domain was refused";
	w = of_lengths(1, 63, 253, uri);
	if (!w)
		w = parse(uri, strlen(uri), &id);
	if (!w && (!tls_identity_principal(&id, d, principal) || principal[0]))
		w = "a principal that was cut off";
	tls_trust_domains_free(d);
	return w;
}

static const char *check_aliases(void)
{
	const char *alias[TLS_MAX_ALIASES + 1], *w = NULL;
	struct tls_trust_domains *d, *copy;
	char error[512];
	size_t i;

	for (i = 0; i <= TLS_MAX_ALIASES; i++)
		alias[i] = "old.domain";
	d = tls_trust_domains_new("own", alias, TLS_MAX_ALIASES, error, sizeof(error));
	copy = d ? tls_trust_domains_copy(d) : NULL;
	if (!copy)
		w = "the most aliases were refused";
	else if (strcmp(tls_trust_domain_canonical(copy, "old.domain"), "own") ||
		 strcmp(tls_trust_domain_canonical(copy, "other"), "other"))
		w = "the copy does not know its aliases";
	tls_trust_domains_free(d);
	tls_trust_domains_free(copy);
	if (tls_trust_domains_new("own", alias, TLS_MAX_ALIASES + 1, error, sizeof(error)))
		w = "too many were taken";
	alias[1] = "No";
	if (tls_trust_domains_new("own", alias, 2, error, sizeof(error)) || !strstr(error, "\"No\""))
		w = "an alias that is none was taken";
	if (tls_trust_domains_new("", NULL, 0, error, sizeof(error)))
		w = "a trust domain without a name was taken";
	return w;
}

int main(void)
{
	const char *alias = "old.domain";
	char error[512];
	size_t i;

	domains = tls_trust_domains_new("cluster.local", &alias, 1, error, sizeof(error));
	ktap_begin(ARRAY_SIZE(uris) + ARRAY_SIZE(lengths) + 3);
	for (i = 0; i < ARRAY_SIZE(uris); i++)
		ktap_result("uri", uris[i].uri, check_uri(i));
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		ktap_result("length", lengths[i].name, check_length(i));
	ktap_result("identity", "NUL", check_nul());
	ktap_result("identity", "an alias shorter than the trust domain", check_long_alias());
	ktap_result("identity", "aliases", check_aliases());
	tls_trust_domains_free(domains);
	return ktap_end();
}
