// SPDX-License-Identifier: GPL-2.0-only
/* Clusters and their endpoints, as Istio writes traffic policies for Envoy. */
#include <string.h>
#include "envoy.h"
#include "schema.h"

#define HTTP_OPTIONS	"envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

static uint64_t number(const struct node *n)
{
	return n && n->kind == NODE_INT && n->integer > 0 ? (uint64_t)n->integer : 0;
}

static void put_number(struct json *j, const char *key, const struct node *n)
{
	if (n && n->kind == NODE_INT)
		json_unsigned(j, key, number(n));
}

static void put_duration(struct json *j, const char *key, const struct node *n)
{
	const char *s = node_string(n);
	int64_t ns = s ? schema_duration(s) : 0;
	char text[48];

	if (ns <= 0)
		return;
	snprintf(text, sizeof(text), "%lld.%09llds", (long long)(ns / 1000000000),
		 (long long)(ns % 1000000000));
	json_string(j, key, text);
}

static const struct node *hash_of(const struct ir_cluster *c)
{
	return node_get(c->load_balancer, "consistentHash");
}

static void balancing(struct json *j, const struct ir_cluster *c)
{
	const char *simple = node_string(node_get(c->load_balancer, "simple"));
	const struct node *hash = hash_of(c);
	const struct node *maglev = node_get(hash, "maglev");
	const struct node *ring = node_path(hash, "ringHash", "minimumRingSize", NULL);

	if (c->kind == L7FP_CLUSTER_ORIGINAL_DST) {
		json_string(j, "lb_policy", "CLUSTER_PROVIDED");
	} else if (hash && maglev) {
		json_string(j, "lb_policy", "MAGLEV");
		json_object(j, "maglev_lb_config");
		put_number(j, "table_size", node_get(maglev, "tableSize"));
		json_end(j);
	} else if (hash) {
		if (!ring)
			ring = node_get(hash, "minimumRingSize");
		json_string(j, "lb_policy", "RING_HASH");
		json_object(j, "ring_hash_lb_config");
		put_number(j, "minimum_ring_size", ring);
		json_end(j);
	} else if (simple && !strcmp(simple, "RANDOM")) {
		json_string(j, "lb_policy", "RANDOM");
	} else if (simple && !strcmp(simple, "ROUND_ROBIN")) {
		json_string(j, "lb_policy", "ROUND_ROBIN");
	} else {
		json_string(j, "lb_policy", "LEAST_REQUEST");
	}
}

/* Which version of HTTP its endpoints are spoken to in. */
static void versions(struct json *j, const struct ir_cluster *c)
{
	bool any = c->protocol == L7FP_CLUSTER_ANY_HTTP;

	json_object(j, any ? "use_downstream_protocol_config" : "explicit_http_config");
	if (any || c->protocol == L7FP_CLUSTER_HTTP1) {
		json_object(j, "http_protocol_options");
		json_end(j);
	}
	if (any || c->protocol == L7FP_CLUSTER_HTTP2) {
		json_object(j, "http2_protocol_options");
		json_end(j);
	}
	json_end(j);
}

static void limits(struct json *j, const struct ir_cluster *c)
{
	const struct node *tcp = node_get(c->connection_pool, "tcp");
	const struct node *http = node_get(c->connection_pool, "http");

	/* Without one Istio lifts Envoy's 1024. */
	json_object(j, "circuit_breakers");
	json_array(j, "thresholds");
	json_object(j, NULL);
	json_unsigned(j, "max_connections", number(node_get(tcp, "maxConnections")) ?: UINT32_MAX);
	json_unsigned(j, "max_pending_requests",
		      number(node_get(http, "http1MaxPendingRequests")) ?: UINT32_MAX);
	json_unsigned(j, "max_requests", number(node_get(http, "http2MaxRequests")) ?: UINT32_MAX);
	json_unsigned(j, "max_retries", number(node_get(http, "maxRetries")) ?: UINT32_MAX);
	json_end(j);
	json_end(j);
	json_end(j);

	json_object(j, "typed_extension_protocol_options");
	envoy_any(j, HTTP_OPTIONS, "type.googleapis.com/" HTTP_OPTIONS);
	versions(j, c);
	json_object(j, "common_http_protocol_options");
	if (number(node_get(http, "maxRequestsPerConnection")))
		put_number(j, "max_requests_per_connection",
			   node_get(http, "maxRequestsPerConnection"));
	put_duration(j, "idle_timeout", node_get(http, "idleTimeout") ?
		     node_get(http, "idleTimeout") : node_get(tcp, "idleTimeout"));
	json_end(j);
	json_end(j);
	json_end(j);
}

/* Istio: what is not set is off, and success rates are never looked at. */
static void outliers(struct json *j, const struct node *o)
{
	const struct node *split = node_get(o, "splitExternalLocalOriginErrors");
	const struct node *n;

	if (!o)
		return;
	json_object(j, "outlier_detection");
	json_unsigned(j, "enforcing_success_rate", 0);
	n = node_get(o, "consecutive5xxErrors") ? node_get(o, "consecutive5xxErrors") :
						  node_get(o, "consecutiveErrors");
	if (n) {
		put_number(j, "consecutive_5xx", n);
		json_unsigned(j, "enforcing_consecutive_5xx", number(n) ? 100 : 0);
	}
	n = node_get(o, "consecutiveGatewayErrors");
	if (n) {
		put_number(j, "consecutive_gateway_failure", n);
		json_unsigned(j, "enforcing_consecutive_gateway_failure", number(n) ? 100 : 0);
	}
	if (split && split->boolean) {
		json_bool(j, "split_external_local_origin_errors", true);
		n = node_get(o, "consecutiveLocalOriginFailures");
		if (n) {
			put_number(j, "consecutive_local_origin_failure", n);
			json_unsigned(j, "enforcing_consecutive_local_origin_failure",
				      number(n) ? 100 : 0);
		}
		json_unsigned(j, "enforcing_local_origin_success_rate", 0);
	}
	put_duration(j, "interval", node_get(o, "interval"));
	put_duration(j, "base_ejection_time", node_get(o, "baseEjectionTime"));
	put_number(j, "max_ejection_percent", node_get(o, "maxEjectionPercent"));
	json_end(j);
}

static void endpoints(struct json *j, const struct ir_cluster *c)
{
	size_t i;

	if (c->kind == L7FP_CLUSTER_ORIGINAL_DST)
		return;
	json_object(j, "load_assignment");
	json_string(j, "cluster_name", c->name);
	json_array(j, "endpoints");
	json_object(j, NULL);
	json_array(j, "lb_endpoints");
	for (i = 0; i < c->n_endpoints; i++) {
		const struct ir_endpoint *one = &c->endpoint[i];

		json_object(j, NULL);
		json_object(j, "endpoint");
		json_object(j, "address");
		envoy_address(j, "socket_address", &one->address, one->port);
		json_end(j);
		json_end(j);
		if (!one->healthy)
			json_string(j, "health_status", "UNHEALTHY");
		if (one->weight > 1)
			json_unsigned(j, "load_balancing_weight", one->weight);
		json_end(j);
	}
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

void envoy_clusters(struct envoy *e)
{
	struct json *j = &e->j;
	char text[32];
	size_t i;

	json_array(j, "clusters");
	for (i = 0; i < e->ir->n_clusters; i++) {
		const struct ir_cluster *c = &e->ir->cluster[i];

		json_object(j, NULL);
		json_string(j, "name", c->name);
		json_string(j, "type", c->kind == L7FP_CLUSTER_ORIGINAL_DST ? "ORIGINAL_DST" :
			    "STATIC");
		snprintf(text, sizeof(text), "%u.%03us", c->connect_timeout_ms / 1000,
			 c->connect_timeout_ms % 1000);
		json_string(j, "connect_timeout", text);
		/* Endpoints that are not ready are never asked. */
		json_object(j, "common_lb_config");
		json_object(j, "healthy_panic_threshold");
		json_unsigned(j, "value", 0);
		json_end(j);
		json_end(j);
		balancing(j, c);
		limits(j, c);
		outliers(j, c->outlier_detection);
		endpoints(j, c);
		envoy_tls(e, c);
		json_end(j);
	}
	json_end(j);
}

void envoy_hash_policy(struct envoy *e, uint32_t cluster)
{
	const struct node *hash = hash_of(&e->ir->cluster[cluster]), *cookie, *n;
	struct json *j = &e->j;

	if (!hash)
		return;
	json_array(j, "hash_policy");
	json_object(j, NULL);
	cookie = node_get(hash, "httpCookie");
	n = node_get(hash, "useSourceIp");
	if (node_string(node_get(hash, "httpHeaderName"))) {
		json_object(j, "header");
		json_string(j, "header_name", node_get(hash, "httpHeaderName")->text);
		json_end(j);
	} else if (cookie) {
		json_object(j, "cookie");
		if (node_string(node_get(cookie, "name")))
			json_string(j, "name", node_get(cookie, "name")->text);
		if (node_string(node_get(cookie, "path")))
			json_string(j, "path", node_get(cookie, "path")->text);
		put_duration(j, "ttl", node_get(cookie, "ttl"));
		json_end(j);
	} else if (n && n->boolean) {
		json_object(j, "connection_properties");
		json_bool(j, "source_ip", true);
		json_end(j);
	} else if (node_string(node_get(hash, "httpQueryParameterName"))) {
		json_object(j, "query_parameter");
		json_string(j, "name", node_get(hash, "httpQueryParameterName")->text);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}
