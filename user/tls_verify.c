// SPDX-License-Identifier: GPL-2.0-only
/* Whether a peer's certificate is one, and the peer somebody we want to talk to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "tls_certificate.h"
#include "tls_handshake.h"

static int refuse(struct tls_verdict *v, enum tls_failure failure, const char *what)
{
	v->failure = failure;
	snprintf(v->detail, sizeof(v->detail), "the peer's certificate: %s", what);
	return -1;
}

/* Builds the chain to an authority of @store. The error of OpenSSL, X509_V_OK for none. */
static int build_chain(SSL *ssl, X509_STORE_CTX *theirs, X509_STORE *store, bool server)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int err = X509_V_ERR_OUT_OF_MEM;

	if (ctx && X509_STORE_CTX_init(ctx, store, X509_STORE_CTX_get0_cert(theirs),
				       X509_STORE_CTX_get0_untrusted(theirs)) &&
	    X509_STORE_CTX_set_default(ctx, server ? "ssl_client" : "ssl_server")) {
		param = X509_STORE_CTX_get0_param(ctx);
		/* An authority is trusted for itself: it need not be a root. So does Envoy. */
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
					    X509_V_FLAG_TRUSTED_FIRST);
		X509_VERIFY_PARAM_set_depth(param, TLS_MAX_CHAIN);
		X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
		err = X509_V_OK;
		if (X509_verify_cert(ctx) != 1) {
			err = X509_STORE_CTX_get_error(ctx);
			if (err == X509_V_OK)
				err = X509_V_ERR_UNSPECIFIED;
		}
	}
	X509_STORE_CTX_free(ctx);
	return err;
}

static int check_chain(struct tls_verdict *v, SSL *ssl, X509_STORE_CTX *theirs, X509_STORE *store)
{
	int err = build_chain(ssl, theirs, store, v->config->role == TLS_SERVER);

	if (err == X509_V_OK)
		return 0;
	ERR_clear_error();
	X509_STORE_CTX_set_error(theirs, err);
	if (err == X509_V_ERR_OUT_OF_MEM)
		return refuse(v, TLS_SYSTEM, "out of memory");
	if (err == X509_V_ERR_CERT_HAS_EXPIRED || err == X509_V_ERR_CERT_NOT_YET_VALID)
		return refuse(v, TLS_EXPIRED, X509_verify_cert_error_string(err));
	return refuse(v, TLS_UNTRUSTED, X509_verify_cert_error_string(err));
}

/* The same principal: the trust domain may have its former name in either. */
static bool is_expected(const struct tls_config *config, const char *principal)
{
	char other[L7FP_MAX_PRINCIPAL + 1];
	struct tls_identity id;
	size_t i;

	for (i = 0; i < config->n_expected; i++)
		if (!tls_identity_parse(config->expected[i], strlen(config->expected[i]), &id) &&
		    !tls_identity_principal(&id, config->domains, other) &&
		    !strcmp(other, principal))
			return true;
	return !config->n_expected;
}

static int verify_spiffe(struct tls_verdict *v, SSL *ssl, X509_STORE_CTX *theirs, X509 *x)
{
	struct tls_peer *peer = v->peer;
	X509_STORE *store;
	const char *wrong;

	wrong = tls_certificate_identity(x, &peer->identity, peer->uri);
	if (wrong)
		return refuse(v, TLS_IDENTITY, wrong);
	store = tls_material_bundle(v->material, peer->identity.trust_domain, v->config->domains);
	if (!store)
		return refuse(v, TLS_TRUST_DOMAIN, "its trust domain has no bundle");
	if (check_chain(v, ssl, theirs, store))
		return -1;
	if (tls_identity_principal(&peer->identity, v->config->domains, peer->principal))
		return refuse(v, TLS_IDENTITY, "its principal is too long");
	if (!is_expected(v->config, peer->principal))
		return refuse(v, TLS_NAME, "it is not one of the identities that were expected");
	peer->has_identity = true;
	return 0;
}

static int verify_names(struct tls_verdict *v, SSL *ssl, X509_STORE_CTX *theirs, X509 *x)
{
	X509_STORE *store = tls_material_bundle(v->material, NULL, NULL);
	const struct tls_config *config = v->config;
	bool found = !config->n_expected;
	size_t i;

	if (!store)
		return refuse(v, TLS_UNTRUSTED, "there is no ca.crt to verify it with");
	if (check_chain(v, ssl, theirs, store))
		return -1;
	for (i = 0; i < config->n_expected && !found; i++)
		found = tls_certificate_has_name(x, config->expected[i]);
	if (found && !config->n_expected && config->host)
		found = X509_check_host(x, config->host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
					NULL) == 1;
	return found ? 0 : refuse(v, TLS_NAME, "it is not for a name that was expected");
}

int tls_verify(X509_STORE_CTX *theirs, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(theirs, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_verdict *v = tls_handshake_verdict(ssl);
	X509 *x = X509_STORE_CTX_get0_cert(theirs);
	int err;

	(void)arg;
	/* Decides about the alert when nothing else is said. */
	X509_STORE_CTX_set_error(theirs, X509_V_ERR_CERT_REJECTED);
	tls_peer_free(v->peer);
	v->peer = tls_peer_new(x);
	if (!v->peer)
		err = refuse(v, TLS_SYSTEM, "out of memory");
	else if (v->config->role == TLS_CLIENT && v->config->check == TLS_PEER_ANY)
		err = 0;
	else if (v->config->role == TLS_CLIENT && v->config->check == TLS_PEER_NAMES)
		err = verify_names(v, ssl, theirs, x);
	else
		err = verify_spiffe(v, ssl, theirs, x);
	if (err)
		return 0;
	strcpy(v->peer->local_uri, tls_material_uri(v->material));
	X509_STORE_CTX_set_error(theirs, X509_V_OK);
	return 1;
}
