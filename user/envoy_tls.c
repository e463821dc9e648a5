// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutual TLS to a cluster's servers, as Istio writes it for a sidecar. Certificate and trust are
 * in files of their own, which is what makes Envoy read certificates again when they change.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "envoy.h"

#define TLS	"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."

static const char * const secret[] = {
	[PROXY_SECRET_CERTIFICATE] = "certificate",
	[PROXY_SECRET_TRUST] = "trust",
};

static int secret_path(char *path, size_t size, const char *configuration, enum proxy_secret which)
{
	int n = snprintf(path, size, "%s.%s.json", configuration, secret[which]);

	return n < 0 || (size_t)n >= size ? -1 : 0;
}

/* Envoy's working directory is not ours. */
static void put_path(struct json *j, const char *path)
{
	char full[PATH_MAX];

	json_string(j, "path", realpath(path, full) ? full : path);
}

static void secret_config(struct json *j, const char *key, const struct proxy_options *o,
			  enum proxy_secret which)
{
	char path[PATH_MAX];

	json_object(j, key);
	json_string(j, "name", secret[which]);
	json_object(j, "sds_config");
	json_object(j, "path_config_source");
	if (!o->configuration || secret_path(path, sizeof(path), o->configuration, which))
		json_string(j, "path", secret[which]);
	else
		put_path(j, path);
	json_end(j);
	json_string(j, "resource_api_version", "V3");
	json_end(j);
	json_end(j);
}

static void server_names(struct json *j, const struct ir_tls *tls)
{
	size_t i;

	json_object(j, "default_validation_context");
	if (tls->n_sans)
		json_array(j, "match_typed_subject_alt_names");
	for (i = 0; i < tls->n_sans; i++) {
		json_object(j, NULL);
		json_string(j, "san_type", "URI");
		json_object(j, "matcher");
		json_string(j, "exact", tls->san[i]);
		json_end(j);
		json_end(j);
	}
	if (tls->n_sans)
		json_end(j);
	json_end(j);
}

void envoy_tls(struct envoy *e, const struct ir_cluster *c)
{
	const struct ir_tls *tls = c->tls;
	struct json *j = &e->j;
	size_t i;

	/* Without certificates no route leads to it. */
	if (!tls || !e->options->certificates)
		return;
	json_object(j, "transport_socket");
	json_string(j, "name", "envoy.transport_sockets.tls");
	envoy_any(j, "typed_config", TLS "UpstreamTlsContext");
	json_string(j, "sni", tls->sni);
	json_object(j, "common_tls_context");
	json_object(j, "tls_params");
	json_string(j, "tls_minimum_protocol_version", "TLSv1_2");
	json_string(j, "tls_maximum_protocol_version", "TLSv1_3");
	json_end(j);
	json_array(j, "alpn_protocols");
	for (i = 0; i < tls->n_alpn; i++)
		json_string(j, NULL, tls->alpn[i]);
	json_end(j);
	json_array(j, "tls_certificate_sds_secret_configs");
	secret_config(j, NULL, e->options, PROXY_SECRET_CERTIFICATE);
	json_end(j);
	json_object(j, "combined_validation_context");
	server_names(j, tls);
	secret_config(j, "validation_context_sds_secret_config", e->options, PROXY_SECRET_TRUST);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void put_file(struct json *j, const char *key, const char *folder, const char *name)
{
	char full[PATH_MAX], path[PATH_MAX + 16];

	/* Files that Kubernetes changes are links: the folder's own path is what stays. */
	snprintf(path, sizeof(path), "%s/%s", realpath(folder, full) ? full : folder, name);
	json_object(j, key);
	json_string(j, "filename", path);
	json_end(j);
}

static void put_secret(struct json *j, const char *folder, enum proxy_secret which)
{
	json_object(j, NULL);
	json_array(j, "resources");
	envoy_any(j, NULL, TLS "Secret");
	json_string(j, "name", secret[which]);
	if (which == PROXY_SECRET_CERTIFICATE) {
		json_object(j, "tls_certificate");
		put_file(j, "certificate_chain", folder, "tls.crt");
		put_file(j, "private_key", folder, "tls.key");
	} else {
		json_object(j, "validation_context");
		put_file(j, "trusted_ca", folder, "ca.crt");
	}
	json_object(j, "watched_directory");
	put_path(j, folder);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

int envoy_write_secret(const struct proxy_options *o, enum proxy_secret which, char *path,
		       size_t size)
{
	struct json j;
	FILE *out;
	int err;

	if (secret_path(path, size, o->configuration, which))
		return -1;
	out = fopen(path, "w");
	if (!out)
		return -1;
	json_begin(&j, out, JSON_PRETTY);
	put_secret(&j, o->certificates, which);
	json_finish(&j);
	err = ferror(out);
	return fclose(out) || err ? -1 : 0;
}
