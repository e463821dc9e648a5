// SPDX-License-Identifier: GPL-2.0-only
/*
 * Istio's VirtualService, DestinationRule, ServiceEntry and
 * AuthorizationPolicy, field by field (the API of Istio 1.31).
 */
#include "schema_fields.h"
#include "../kmod/uapi/l7fp.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)	/* of a limit, as a number */
#define MAX_U32 4294967295

#define NO_FAULTS "faults are not injected by the kernel yet"
#define NO_MIRROR "requests are not mirrored by the kernel yet"
#define NO_CORS "cross-origin requests are not answered by the kernel yet"
#define NO_REGEX "regular expressions are not matched by the kernel yet"
#define NO_RETRY "retries other than \"attempts: 0\" are not made by the kernel yet"
#define NO_DELEGATE "delegated routes are not merged yet"
#define NO_SOURCE "the kernel does not know the workload that calls yet"
#define NO_TCP "connections other than HTTP are not routed by the kernel yet"
#define NO_TLS "the kernel does not speak TLS yet"
#define NO_MTLS "mutual TLS needs somebody who shakes hands: apply --mutual-tls, or l7fpd --certificates"
#define NO_POOL "limits of the connection pool are not set from policies yet"
#define NO_OUTLIER "outlier detection is not done by the kernel yet"
#define NO_LB "the kernel balances round robin and at random only"
#define NO_LOCALITY "localities are not known to the kernel yet"
#define NO_IDENTITY "identities of peers need mutual TLS, which the kernel does not speak yet"
#define BY_CALLERS "by the Pods and Workloads that are given; without any: slow path"
#define NO_JWT "tokens are not checked by the kernel yet"
#define NO_REMOTE "X-Forwarded-For is not read by the kernel yet"
#define NO_PROVIDER "external authorization is not asked by the kernel yet"
#define NO_AUDIT "AUDIT is for an audit plugin of the proxy; requests are not affected"
#define NO_DNS "names are not resolved yet"
#define NO_VISIBILITY "exportTo other than \"*\" needs the namespace of the caller"
#define NO_WAYPOINT "waypoints are not served by the kernel yet"

/* ---- shared */

OBJECT(string_match,
	STR("exact", K),
	STR("prefix", K),
	STR("regex", S(NO_REGEX)));

OBJECT(port_selector,
	INT("number", 1, 65535, K));

OBJECT(destination,
	STR("host", K),
	STR("subset", K),
	OBJ("port", port_selector, K));

OBJECT(header_operations,
	STRMAP("set", KR("values with % (Envoy's variables): slow path")),
	STRMAP("add", KR("values with % (Envoy's variables): slow path")),
	STRS("remove", K));

OBJECT(headers,
	OBJ("request", header_operations, K),
	OBJ("response", header_operations, K));

OBJECT(percent,
	NUM("value", K));

OBJECT(workload_selector,
	STRMAP("matchLabels", K));

/* ---- VirtualService */

OBJECT(http_match,
	STR("name", N("a name")),
	OBJ("uri", string_match, K),
	OBJ("scheme", string_match, KR("the kernel serves http")),
	OBJ("method", string_match, K),
	OBJ("authority", string_match, K),
	OBJMAP("headers", string_match,
	       KR("@request.auth.claims and :path, :scheme: slow path")),
	INT("port", 0, 65535, K),
	STRMAP("sourceLabels", S(NO_SOURCE)),
	STRS("gateways", KR("mesh; blocks for other gateways only: slow path")),
	OBJMAP("queryParams", string_match, K),
	BOOL("ignoreUriCase", K),
	OBJMAP("withoutHeaders", string_match,
	       KR("@request.auth.claims and :path, :scheme: slow path")),
	STR("sourceNamespace", S(NO_SOURCE)),
	STR("statPrefix", N("names a counter of the proxy")));

OBJECT(http_destination,
	OBJ("destination", destination, K),
	INT("weight", 0, 2147483647, K),
	OBJ("headers", headers, K));

static const struct schema_value derive_port[] = {
	{ "FROM_PROTOCOL_DEFAULT", K }, { "FROM_REQUEST_PORT", K }, { 0 }
};

OBJECT(http_redirect,
	STR("uri", K),
	STR("authority", K),
	INT("port", 1, 65535, K),
	ENUM("derivePort", derive_port),
	STR("scheme", K),
	INT("redirectCode", 0, 999, KR("301, 302, 303, 307, 308")));

OBJECT(http_body,
	STR("string", K),
	STR("bytes", KR("base64")));

OBJECT(http_direct_response,
	INT("status", 200, 599, K),
	OBJ("body", http_body, KR("at most " TEXT(L7FP_MAX_BODY) " bytes; longer: slow path")));

OBJECT(delegate,
	STR("name", K),
	STR("namespace", K));

OBJECT(regex_rewrite,
	STR("match", K),
	STR("rewrite", K));

OBJECT(http_rewrite,
	STR("uri", K),
	STR("authority", K),
	OBJ("uriRegexRewrite", regex_rewrite, S(NO_REGEX)));

OBJECT(http_retry,
	INT("attempts", 0, 2147483647, KR("0; other numbers: slow path")),
	DUR("perTryTimeout", 0, S(NO_RETRY)),
	STR("retryOn", S(NO_RETRY)),
	BOOL("retryRemoteLocalities", S(NO_RETRY)),
	BOOL("retryIgnorePreviousHosts", S(NO_RETRY)),
	DUR("backoff", 1, S(NO_RETRY)));

OBJECT(fault_delay,
	OBJ("percentage", percent, K),
	INT("percent", 0, 100, K),
	DUR("fixedDelay", 1, K),
	DUR("exponentialDelay", 1, K));

OBJECT(fault_abort,
	OBJ("percentage", percent, K),
	INT("httpStatus", 200, 599, K),
	STR("grpcStatus", K),
	STR("http2Error", K));

OBJECT(fault,
	OBJ("delay", fault_delay, K),
	OBJ("abort", fault_abort, K));

OBJECT(mirror_policy,
	OBJ("destination", destination, K),
	OBJ("percentage", percent, K));

static const struct schema_value preflights[] = {
	{ "UNSPECIFIED", K }, { "FORWARD", K }, { "IGNORE", K }, { 0 }
};

OBJECT(cors,
	STRS("allowOrigin", K),
	OBJS("allowOrigins", string_match, K),
	STRS("allowMethods", K),
	STRS("allowHeaders", K),
	STRS("exposeHeaders", K),
	DUR("maxAge", 0, K),
	BOOL("allowCredentials", K),
	ENUM("unmatchedPreflights", preflights));

OBJECT(http_route,
	STR("name", N("a name")),
	OBJS("match", http_match, K),
	OBJS("route", http_destination, KR("at most " TEXT(L7FP_MAX_ROUTE_CLUSTERS) " destinations; more: slow path")),
	OBJ("redirect", http_redirect, K),
	OBJ("directResponse", http_direct_response, K),
	OBJ("delegate", delegate, S(NO_DELEGATE)),
	OBJ("rewrite", http_rewrite, K),
	DUR("timeout", 0, K),
	OBJ("retries", http_retry, K),
	OBJ("fault", fault, S(NO_FAULTS)),
	OBJ("mirror", destination, S(NO_MIRROR)),
	OBJS("mirrors", mirror_policy, S(NO_MIRROR)),
	INT("mirrorPercent", 0, 100, S(NO_MIRROR)),
	OBJ("mirrorPercentage", percent, S(NO_MIRROR)),
	OBJ("corsPolicy", cors, S(NO_CORS)),
	OBJ("headers", headers, K));

OBJECT(l4_destination,
	OBJ("destination", destination, K),
	INT("weight", 0, 2147483647, K));

OBJECT(tls_match,
	STRS("sniHosts", K),
	STRS("destinationSubnets", K),
	INT("port", 0, 65535, K),
	STRMAP("sourceLabels", K),
	STRS("gateways", K),
	STR("sourceNamespace", K));

OBJECT(tls_route,
	OBJS("match", tls_match, K),
	OBJS("route", l4_destination, K));

OBJECT(tcp_match,
	STRS("destinationSubnets", K),
	INT("port", 0, 65535, K),
	STR("sourceSubnet", K),
	STRMAP("sourceLabels", K),
	STRS("gateways", K),
	STR("sourceNamespace", K));

OBJECT(tcp_route,
	OBJS("match", tcp_match, K),
	OBJS("route", l4_destination, K));

OBJECT(virtual_service,
	STRS("hosts", K),
	STRS("gateways", KR("mesh; other gateways only: slow path")),
	OBJS("http", http_route, K),
	OBJS("tls", tls_route, S(NO_TCP)),
	OBJS("tcp", tcp_route, S(NO_TCP)),
	STRS("exportTo", KR("\"*\"; others: slow path")));

/* ---- DestinationRule */

static const struct schema_value lb_simple[] = {
	{ "UNSPECIFIED", KR("round robin") },
	{ "ROUND_ROBIN", K },
	{ "RANDOM", K },
	{ "LEAST_REQUEST", S(NO_LB) },
	{ "LEAST_CONN", S(NO_LB) },
	{ "PASSTHROUGH", S(NO_LB) },
	{ 0 }
};

OBJECT(http_cookie,
	STR("name", K),
	STR("path", K),
	DUR("ttl", 0, K),
	ANY("attributes", K));

OBJECT(ring_hash,
	INT("minimumRingSize", 0, MAX_U32, K));

OBJECT(maglev,
	INT("tableSize", 0, MAX_U32, K));

OBJECT(consistent_hash,
	STR("httpHeaderName", K),
	OBJ("httpCookie", http_cookie, K),
	BOOL("useSourceIp", K),
	STR("httpQueryParameterName", K),
	OBJ("ringHash", ring_hash, K),
	OBJ("maglev", maglev, K),
	INT("minimumRingSize", 0, MAX_U32, K));

OBJECT(load_balancer,
	ENUM("simple", lb_simple),
	OBJ("consistentHash", consistent_hash, S(NO_LB)),
	ANY("localityLbSetting", S(NO_LOCALITY)),
	DUR("warmupDurationSecs", 0, S(NO_LB)),
	ANY("warmup", S(NO_LB)));

OBJECT(tcp_keepalive,
	INT("probes", 0, MAX_U32, K),
	DUR("time", 0, K),
	DUR("interval", 0, K));

OBJECT(pool_tcp,
	INT("maxConnections", 0, 2147483647, S(NO_POOL)),
	DUR("connectTimeout", 1, K),
	OBJ("tcpKeepalive", tcp_keepalive, S(NO_POOL)),
	DUR("maxConnectionDuration", 0, S(NO_POOL)),
	DUR("idleTimeout", 0, S(NO_POOL)));

static const struct schema_value h2_upgrade[] = {
	{ "DEFAULT", K }, { "DO_NOT_UPGRADE", K },
	{ "UPGRADE", S("the kernel does not convert HTTP/1.1 to HTTP/2 yet") }, { 0 }
};

OBJECT(pool_http,
	INT("http1MaxPendingRequests", 0, 2147483647, S(NO_POOL)),
	INT("http2MaxRequests", 0, 2147483647, S(NO_POOL)),
	INT("maxRequestsPerConnection", 0, 2147483647, S(NO_POOL)),
	INT("maxRetries", 0, 2147483647, S(NO_POOL)),
	DUR("idleTimeout", 0, S(NO_POOL)),
	ENUM("h2UpgradePolicy", h2_upgrade),
	BOOL("useClientProtocol", K),
	INT("maxConcurrentStreams", 0, 2147483647, S(NO_POOL)));

OBJECT(connection_pool,
	OBJ("tcp", pool_tcp, K),
	OBJ("http", pool_http, K));

OBJECT(outlier_detection,
	INT("consecutiveErrors", 0, 2147483647, K),
	BOOL("splitExternalLocalOriginErrors", K),
	INT("consecutiveLocalOriginFailures", 0, MAX_U32, K),
	INT("consecutiveGatewayErrors", 0, MAX_U32, K),
	INT("consecutive5xxErrors", 0, MAX_U32, K),
	DUR("interval", 1, K),
	DUR("baseEjectionTime", 1, K),
	INT("maxEjectionPercent", 0, 100, K),
	INT("minHealthPercent", 0, 100, K));

static const struct schema_value tls_mode[] = {
	{ "DISABLE", K }, { "SIMPLE", S(NO_TLS) }, { "MUTUAL", S(NO_TLS) },
	{ "ISTIO_MUTUAL", S(NO_MTLS) }, { 0 }
};

OBJECT(client_tls,
	ENUM("mode", tls_mode),
	STR("clientCertificate", K),
	STR("privateKey", K),
	STR("caCertificates", K),
	STR("credentialName", K),
	STRS("subjectAltNames", K),
	STR("sni", K),
	BOOL("insecureSkipVerify", K),
	STR("caCrl", K));

OBJECT(port_traffic_policy,
	OBJ("port", port_selector, K),
	OBJ("loadBalancer", load_balancer, K),
	OBJ("connectionPool", connection_pool, K),
	OBJ("outlierDetection", outlier_detection, S(NO_OUTLIER)),
	OBJ("tls", client_tls, K));

OBJECT(traffic_policy,
	OBJ("loadBalancer", load_balancer,
	    KR("without one: round robin, where Istio takes LEAST_REQUEST")),
	OBJ("connectionPool", connection_pool, K),
	OBJ("outlierDetection", outlier_detection, S(NO_OUTLIER)),
	OBJ("tls", client_tls, K),
	OBJS("portLevelSettings", port_traffic_policy, K),
	ANY("tunnel", S("tunnels through a proxy are not opened by the kernel")),
	ANY("proxyProtocol", S("the PROXY protocol is not sent by the kernel yet")),
	ANY("retryBudget", S(NO_RETRY)));

OBJECT(subset,
	STR("name", K),
	STRMAP("labels", K),
	OBJ("trafficPolicy", traffic_policy, K));

OBJECT(destination_rule,
	STR("host", K),
	OBJ("trafficPolicy", traffic_policy, K),
	OBJS("subsets", subset, K),
	STRS("exportTo", KR("\"*\"; others: slow path")),
	OBJ("workloadSelector", workload_selector, S(NO_SOURCE)));

/* ---- ServiceEntry */

static const struct schema_value location[] = {
	{ "MESH_EXTERNAL", K }, { "MESH_INTERNAL", K }, { 0 }
};

static const struct schema_value resolution[] = {
	{ "NONE", S(NO_DNS) }, { "STATIC", K }, { "DNS", S(NO_DNS) },
	{ "DNS_ROUND_ROBIN", S(NO_DNS) }, { "DYNAMIC_DNS", S(NO_DNS) }, { 0 }
};

OBJECT(service_port,
	INT("number", 1, 65535, K),
	STR("protocol", KR("HTTP; others are forwarded as bytes")),
	STR("name", K),
	INT("targetPort", 0, 65535, K));


OBJECT(workload_entry,
	STR("address", KR("an IP address; names and sockets: slow path")),
	{ "ports", SCHEMA_INT, SCHEMA_MAP, NULL, K, NULL, 1, 65535, true },
	STRMAP("labels", K),
	STR("network", S("networks behind gateways are not reached by the kernel yet")),
	STR("locality", N("a locality; endpoints are used alike")),
	INT("weight", 0, MAX_U32, K),
	STR("serviceAccount", N("an identity; it is for mutual TLS")));

/* Of the networking API; those of security and DestinationRule say matchLabels. */
OBJECT(entry_selector,
	STRMAP("labels", K));

OBJECT(service_entry,
	STRS("hosts", K),
	STRS("addresses", KR("addresses; prefixes: slow path")),
	OBJS("ports", service_port, K),
	ENUM("location", location),
	ENUM("resolution", resolution),
	OBJS("endpoints", workload_entry, K),
	OBJ("workloadSelector", entry_selector,
	    S("workloads are not selected as endpoints yet")),
	STRS("exportTo", KR("\"*\"; others: slow path")),
	STRS("subjectAltNames", S(NO_TLS)));

/* ---- AuthorizationPolicy */

static const struct schema_value action[] = {
	{ "ALLOW", K }, { "DENY", K }, { "AUDIT", S(NO_AUDIT) },
	{ "CUSTOM", S(NO_PROVIDER) }, { 0 }
};

OBJECT(provider,
	STR("name", K));

OBJECT(source,
	STRS("principals", KR(BY_CALLERS)),
	STRS("notPrincipals", KR(BY_CALLERS)),
	STRS("requestPrincipals", S(NO_JWT)),
	STRS("notRequestPrincipals", S(NO_JWT)),
	STRS("namespaces", KR(BY_CALLERS)),
	STRS("notNamespaces", KR(BY_CALLERS)),
	STRS("serviceAccounts", KR(BY_CALLERS)),
	STRS("notServiceAccounts", KR(BY_CALLERS)),
	STRS("trustDomains", KR(BY_CALLERS)),
	STRS("notTrustDomains", KR(BY_CALLERS)),
	STRS("ipBlocks", K),
	STRS("notIpBlocks", K),
	STRS("remoteIpBlocks", S(NO_REMOTE)),
	STRS("notRemoteIpBlocks", S(NO_REMOTE)));

OBJECT(from,
	OBJ("source", source, K));

OBJECT(operation,
	STRS("hosts", K),
	STRS("notHosts", K),
	STRS("ports", KR("of the destination workload")),
	STRS("notPorts", KR("of the destination workload")),
	STRS("methods", K),
	STRS("notMethods", K),
	STRS("paths", KR("with {*} and {**}")),
	STRS("notPaths", KR("with {*} and {**}")));

OBJECT(to,
	OBJ("operation", operation, K));

OBJECT(condition,
	STR("key", KR("request.headers[], source.ip, destination.ip, destination.port; others: slow path")),
	STRS("values", K),
	STRS("notValues", K));

OBJECT(rule,
	OBJS("from", from, K),
	OBJS("to", to, K),
	OBJS("when", condition, K));

OBJECT(target_ref,
	STR("group", K),
	STR("kind", K),
	STR("name", K),
	STR("namespace", K));

OBJECT(authorization_policy,
	OBJ("selector", workload_selector, K),
	OBJ("targetRef", target_ref, S(NO_WAYPOINT)),
	OBJS("targetRefs", target_ref, S(NO_WAYPOINT)),
	OBJS("rules", rule, K),
	ENUM("action", action),
	OBJ("provider", provider, K));

/* ---- the kinds */

static const char * const networking[] = { "v1", "v1beta1", "v1alpha3", NULL };
static const char * const security[] = { "v1", "v1beta1", NULL };

static const char * const virtual_service_rules[] = { "http", "tls", "tcp", NULL };
static const char * const destination_rule_rules[] = { "trafficPolicy", "subsets", NULL };
static const char * const authorization_rules[] = { "rules", NULL };

const struct schema_kind schema_istio[] = {
	{ .group = "networking.istio.io", .kind = "VirtualService", .version = networking,
	  .role = ROLE_POLICY, .spec = &virtual_service, .rules = virtual_service_rules,
	  .remark = "A rule is an item of http, tls or tcp." },
	{ .group = "networking.istio.io", .kind = "DestinationRule", .version = networking,
	  .role = ROLE_POLICY, .spec = &destination_rule, .rules = destination_rule_rules,
	  .remark = "A rule is the trafficPolicy or a subset." },
	{ .group = "networking.istio.io", .kind = "ServiceEntry", .version = networking,
	  .role = ROLE_POLICY, .spec = &service_entry,
	  .remark = "The document is one rule." },
	{ .group = "security.istio.io", .kind = "AuthorizationPolicy", .version = security,
	  .role = ROLE_POLICY, .spec = &authorization_policy, .rules = authorization_rules,
	  .remark = "A rule is an item of rules; without any, the document is one." },
	{ 0 }
};
