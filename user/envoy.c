// SPDX-License-Identifier: GPL-2.0-only
/*
 * An Envoy bootstrap for the slow path: one listener that wants a PROXY v2
 * header with the token, a filter chain for each destination port, and the
 * connection manager as Istio sets it up for a sidecar; and one with a single
 * chain for what came to the workload.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "../kmod/path.h"
#include "envoy.h"
#include "envoy_host.h"
#include "sha256.h"

#define TYPE		"type.googleapis.com/"
#define PROXY_PROTOCOL	"envoy.filters.listener.proxy_protocol"
#define TLV_AUTHORITY	2	/* the client's principal */
#define TLV_UNIQUE_ID	5	/* the token */
#define FORMAT_VERSION	"4"	/* of what is written; part of the token */

void proxy_refuse(struct proxy_refusals *r, const struct ir_source *source, const char *reason)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n; i++)
		if (r->list[i].source->file == source->file &&
		    r->list[i].source->line == source->line &&
		    r->list[i].source->column == source->column)
			return;
	r->list = reallocarray(r->list, r->n + 1, sizeof(*r->list));
	if (!r->list) {
		fputs("l7fp-tool: out of memory\n", stderr);
		exit(1);
	}
	r->list[r->n++] = (struct proxy_refusal){ .source = source, .reason = reason };
}

void proxy_refusals_free(struct proxy_refusals *r)
{
	free(r->list);
	memset(r, 0, sizeof(*r));
}

void envoy_any(struct json *j, const char *key, const char *type)
{
	json_object(j, key);
	json_string(j, "@type", type);
}

static const char *address_text(const void *address, char text[INET6_ADDRSTRLEN])
{
	const struct in6_addr *a = address;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return inet_ntop(AF_INET, &a->s6_addr[12], text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, a, text, INET6_ADDRSTRLEN);
}

void envoy_address(struct json *j, const char *key, const void *address, unsigned int port)
{
	char text[INET6_ADDRSTRLEN];

	json_object(j, key);
	json_string(j, "address", address_text(address, text));
	json_unsigned(j, "port_value", port);
	json_end(j);
}

void envoy_cidr(struct json *j, const char *key, const uint32_t address[4], uint32_t prefix)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address) && prefix >= 96;
	char text[INET6_ADDRSTRLEN];

	json_object(j, key);
	json_string(j, "address_prefix", address_text(address, text));
	json_unsigned(j, "prefix_len", v4 ? prefix - 96 : prefix);
	json_end(j);
}

void envoy_string_match(struct json *j, const char *key, const struct ir_expr *x)
{
	json_object(j, key);
	switch (x->op & ~L7FP_MATCH_IGNORE_CASE) {
	case L7FP_MATCH_PREFIX:
		json_string(j, "prefix", x->value);
		break;
	case L7FP_MATCH_SUFFIX:
		json_string(j, "suffix", x->value);
		break;
	case L7FP_MATCH_CONTAINS:
		json_string(j, "contains", x->value);
		break;
	case L7FP_MATCH_PRESENT:
	case L7FP_MATCH_NOT_EMPTY:
	case IR_MATCH_REGEX:
		json_object(j, "safe_regex");
		json_string(j, "regex", x->op == IR_MATCH_REGEX ? x->value :
			    x->op == L7FP_MATCH_NOT_EMPTY ? ".+" : ".*");
		json_end(j);
		break;
	default:
		json_string(j, "exact", x->value);
		break;
	}
	if (x->op & L7FP_MATCH_IGNORE_CASE)
		json_bool(j, "ignore_case", true);
	json_end(j);
}

void envoy_header_ops(struct json *j, const char *direction, const struct ir_header_ops *ops)
{
	char key[64];
	size_t i;

	if (!ops->n)
		return;
	snprintf(key, sizeof(key), "%s_headers_to_remove", direction);
	json_array(j, key);
	for (i = 0; i < ops->n; i++)
		if (ops->op[i].kind == L7FP_HEADER_REMOVE)
			json_string(j, NULL, ops->op[i].name);
	json_end(j);
	snprintf(key, sizeof(key), "%s_headers_to_add", direction);
	json_array(j, key);
	for (i = 0; i < ops->n; i++) {
		const struct ir_header_op *op = &ops->op[i];

		if (op->kind == L7FP_HEADER_REMOVE)
			continue;
		json_object(j, NULL);
		json_object(j, "header");
		json_string(j, "key", op->name);
		json_string(j, "value", op->value ? op->value : "");
		json_end(j);
		json_string(j, "append_action", op->kind == L7FP_HEADER_SET ?
			    "OVERWRITE_IF_EXISTS_OR_ADD" : "APPEND_IF_EXISTS_OR_ADD");
		json_end(j);
	}
	json_end(j);
}

/* Connections with another token are closed before anything is read from them. */
static void token_filter(struct json *j, const char *token)
{
	json_object(j, NULL);
	json_string(j, "name", "token");
	envoy_any(j, "typed_config", TYPE "envoy.extensions.filters.network.rbac.v3.RBAC");
	json_string(j, "stat_prefix", "token.");
	json_object(j, "rules");
	json_object(j, "policies");
	json_object(j, "token");
	json_array(j, "permissions");
	json_object(j, NULL);
	json_object(j, "sourced_metadata");
	json_object(j, "metadata_matcher");
	json_string(j, "filter", PROXY_PROTOCOL);
	json_array(j, "path");
	json_object(j, NULL);
	json_string(j, "key", "token");
	json_end(j);
	json_end(j);
	json_object(j, "value");
	json_object(j, "string_match");
	json_string(j, "exact", token);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_array(j, "principals");
	json_object(j, NULL);
	json_bool(j, "any", true);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void client_state(struct json *j, const char *key, const char *factory, const char *format)
{
	json_object(j, NULL);
	json_string(j, "object_key", key);
	json_string(j, "factory_key", factory);
	json_object(j, "format_string");
	json_object(j, "text_format_source");
	json_string(j, "inline_string", format);
	json_end(j);
	/* Of what is not there no state is made, so that it matches nothing. */
	json_bool(j, "omit_empty_values", true);
	json_end(j);
	json_bool(j, "skip_if_empty", true);
	json_end(j);
}

/* Addresses and principal of the PROXY header, where matchers find them. */
static void client_filter(struct json *j)
{
	json_object(j, NULL);
	json_string(j, "name", "client");
	envoy_any(j, "typed_config",
		  TYPE "envoy.extensions.filters.network.set_filter_state.v3.Config");
	json_array(j, "on_new_connection");
	client_state(j, ENVOY_DESTINATION, "envoy.string",
		     "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%");
	client_state(j, ENVOY_SOURCE, "envoy.network.ip",
		     "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%");
	client_state(j, ENVOY_PRINCIPAL, "envoy.string",
		     "%DYNAMIC_METADATA(" PROXY_PROTOCOL ":principal)%");
	json_end(j);
	json_end(j);
	json_end(j);
}

static void filter(struct json *j, const char *name, const char *type)
{
	json_object(j, NULL);
	json_string(j, "name", name);
	envoy_any(j, "typed_config", type);
	json_end(j);
	json_end(j);
}

static void path_options(struct json *j, uint32_t mode)
{
	json_bool(j, "normalize_path", mode != L7FP_PATH_NONE);
	json_bool(j, "merge_slashes", mode == L7FP_PATH_MERGE_SLASHES ||
		  mode == L7FP_PATH_DECODE_AND_MERGE_SLASHES);
	json_string(j, "path_with_escaped_slashes_action",
		    mode == L7FP_PATH_DECODE_AND_MERGE_SLASHES ? "UNESCAPE_AND_FORWARD" :
		    "KEEP_UNCHANGED");
}

static void access_log(struct json *j, const char *path)
{
	if (!path)
		return;
	json_array(j, "access_log");
	json_object(j, NULL);
	json_string(j, "name", "envoy.access_loggers.file");
	envoy_any(j, "typed_config", TYPE "envoy.extensions.access_loggers.file.v3.FileAccessLog");
	json_string(j, "path", path);
	json_object(j, "log_format");
	json_object(j, "text_format_source");
	json_string(j, "inline_string",
		    "[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %REQ(X-REQUEST-ID)%\n");
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

/* @port: 0: of what came to the workload, whatever the port. */
static void connection_manager(struct envoy *e, uint32_t port, const struct proxy_options *o)
{
	struct json *j = &e->j;
	char name[32];

	json_object(j, NULL);
	json_string(j, "name", "envoy.filters.network.http_connection_manager");
	envoy_any(j, "typed_config", TYPE
		  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager");
	json_string(j, "stat_prefix", "slow_path");
	json_string(j, "codec_type", "AUTO");
	json_bool(j, "use_remote_address", false);
	/* What a client says of its certificate the kernel has replaced. */
	json_string(j, "forward_client_cert_details", "ALWAYS_FORWARD_ONLY");
	path_options(j, e->ir->path_mode);
	json_string(j, "server_header_transformation", "PASS_THROUGH");
	json_string(j, "stream_idle_timeout", "0s");
	json_array(j, "upgrade_configs");
	json_object(j, NULL);
	json_string(j, "upgrade_type", "websocket");
	json_end(j);
	json_end(j);
	access_log(j, o->access_log);
	json_object(j, "route_config");
	snprintf(name, sizeof(name), "%u", port);
	json_string(j, "name", port ? name : "inbound");
	json_bool(j, "validate_clusters", false);
	json_bool(j, "ignore_port_in_host_matching", true);
	json_unsigned(j, "max_direct_response_body_size_bytes", 1048576);
	if (port)
		envoy_virtual_hosts(e, port);
	else
		envoy_inbound(e);
	json_end(j);
	json_array(j, "http_filters");
	envoy_rbac_filters(e);
	filter(j, "envoy.filters.http.fault",
	       TYPE "envoy.extensions.filters.http.fault.v3.HTTPFault");
	filter(j, "envoy.filters.http.cors", TYPE "envoy.extensions.filters.http.cors.v3.Cors");
	filter(j, "envoy.filters.http.router",
	       TYPE "envoy.extensions.filters.http.router.v3.Router");
	json_end(j);
	json_end(j);
	json_end(j);
}

static void tlv(struct json *j, unsigned int type, const char *key)
{
	json_object(j, NULL);
	json_unsigned(j, "tlv_type", type);
	json_object(j, "on_tlv_present");
	json_string(j, "key", key);
	json_end(j);
	json_end(j);
}

static void chain(struct envoy *e, uint32_t port, const struct proxy_options *o,
		  const char *token)
{
	struct json *j = &e->j;

	json_object(j, NULL);
	if (port) {
		json_object(j, "filter_chain_match");
		json_unsigned(j, "destination_port", port);
		json_end(j);
	}
	json_array(j, "filters");
	token_filter(j, token);
	client_filter(j);
	connection_manager(e, port, o);
	json_end(j);
	json_end(j);
}

static void listener(struct envoy *e, const struct proxy_options *o, const char *token,
		     bool inbound)
{
	unsigned int at = o->port ? o->port : PROXY_DEFAULT_PORT;
	uint32_t *port;
	struct json *j = &e->j;
	size_t i, n;

	json_object(j, NULL);
	json_string(j, "name", inbound ? "slow_path_inbound" : "slow_path");
	json_object(j, "address");
	json_object(j, "socket_address");
	json_string(j, "address", o->address ? o->address : "127.0.0.1");
	json_unsigned(j, "port_value", at + inbound);
	json_end(j);
	json_end(j);
	json_array(j, "listener_filters");
	json_object(j, NULL);
	json_string(j, "name", PROXY_PROTOCOL);
	envoy_any(j, "typed_config",
		  TYPE "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol");
	json_array(j, "rules");
	tlv(j, TLV_UNIQUE_ID, "token");
	tlv(j, TLV_AUTHORITY, "principal");
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
	json_array(j, "filter_chains");
	if (inbound) {
		chain(e, 0, o, token);
	} else {
		port = envoy_ports(e->ir, &n);
		for (i = 0; i < n; i++)
			chain(e, port[i], o, token);
		free(port);
	}
	json_end(j);
	json_end(j);
}

void envoy_write(FILE *out, const struct ir *ir, const struct proxy_options *options,
		 const char *token, struct proxy_refusals *refusals)
{
	struct envoy e = {
		.ir = ir, .options = options, .refusals = refusals,
		.n_allow = envoy_authorizations(ir),
	};

	json_begin(&e.j, out, JSON_PRETTY);
	json_object(&e.j, NULL);
	json_object(&e.j, "node");
	json_string(&e.j, "id", "l7fp-slow-path");
	json_string(&e.j, "cluster", token);
	json_end(&e.j);
	json_object(&e.j, "static_resources");
	json_array(&e.j, "listeners");
	listener(&e, options, token, false);
	if (ir->inbound.captured)
		listener(&e, options, token, true);
	json_end(&e.j);
	envoy_clusters(&e);
	json_end(&e.j);
	json_end(&e.j);
	json_finish(&e.j);
}

void proxy_token(const struct ir *ir, char token[PROXY_TOKEN_LEN])
{
	/* With what is expected of servers. */
	const struct proxy_options none = { .format = PROXY_ENVOY, .certificates = "" };
	char *text = NULL, hex[SHA256_HEX];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	envoy_write(f, ir, &none, FORMAT_VERSION, NULL);
	if (fclose(f))
		abort();
	sha256_hex(text, len, hex);
	snprintf(token, PROXY_TOKEN_LEN, "l7fp-%s", hex);
	free(text);
}
