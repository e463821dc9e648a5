// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds that only the slow path knows. Each says whose requests it would
 * change, so that the kernel does not let those pass as if it did not exist.
 */
#include "schema_fields.h"

#define RULES(n, ...) static const char * const n[] = { __VA_ARGS__, NULL }

RULES(servers, "servers");
RULES(rules, "rules");
RULES(config_patches, "configPatches");
RULES(jwt_rules, "jwtRules");
RULES(sidecar_rules, "ingress", "egress");
RULES(telemetry_rules, "tracing", "metrics", "accessLogging");
RULES(port_level, "mtls", "portLevelMtls");
RULES(routes, "routes");
RULES(backends, "backends");
RULES(matches, "matches");

#define NO_MTLS "mutual TLS needs somebody who shakes hands: apply --mutual-tls, or l7fpd --certificates"

static const struct schema_value mtls_mode[] = {
	{ "UNSET", K }, { "DISABLE", K }, { "PERMISSIVE", K }, { "STRICT", K }, { 0 }
};

OBJECT(mtls,
	ENUM("mode", mtls_mode));

OBJECT(mtls_selector,
	STRMAP("matchLabels", K));

OBJECT(peer_authentication,
	OBJ("selector", mtls_selector, K),
	OBJ("mtls", mtls, K),
	OBJMAP("portLevelMtls", mtls, K));

#define INGRESS "ingress gateways are not served by the kernel yet"
#define GATEWAY_API "of the Gateway API only GRPCRoute is translated yet"
#define LINKERD "policies of Linkerd are not translated yet"
#define SMI "policies of SMI are not translated yet"
#define ENVOY_GATEWAY "policies of Envoy Gateway are for ingress gateways, which the kernel does not serve yet"
#define LEGACY "Istio no longer serves this kind; write an AuthorizationPolicy, PeerAuthentication or RequestAuthentication"

#define KIND(g, k, s, r, why) \
	{ .group = g, .kind = k, .role = ROLE_SLOW_PATH, .rules = r, .scope = s, .reason = why }

#define NETWORKING "networking.istio.io"
#define SECURITY "security.istio.io"
#define K8S_GATEWAY "gateway.networking.k8s.io"
#define K8S_GATEWAY_X "gateway.networking.x-k8s.io"
#define LINKERD_POLICY "policy.linkerd.io"
#define ENVOY "gateway.envoyproxy.io"

const struct schema_kind schema_other[] = {
	KIND(NETWORKING, "Gateway", SCOPE_INGRESS, servers, INGRESS),
	KIND(NETWORKING, "Sidecar", SCOPE_CLIENTS, sidecar_rules,
	     "the reach of a workload is not limited by the kernel yet"),
	KIND(NETWORKING, "EnvoyFilter", SCOPE_WORKLOADS, config_patches,
	     "patches of Envoy's configuration have no meaning outside Envoy"),
	KIND(NETWORKING, "WorkloadEntry", SCOPE_NONE, NULL,
	     "workloads are not selected as endpoints yet"),
	KIND(NETWORKING, "WorkloadGroup", SCOPE_NONE, NULL,
	     "workloads are not selected as endpoints yet"),
	KIND(NETWORKING, "ProxyConfig", SCOPE_NONE, NULL, "it configures proxies"),
	KIND("networking.istio.io", "TrafficExtension", SCOPE_WORKLOADS, NULL,
	     "extensions of the proxy are not run by the kernel"),
	KIND("extensions.istio.io", "WasmPlugin", SCOPE_WORKLOADS, NULL,
	     "WebAssembly is not run by the kernel"),
	KIND("extensions.istio.io", "TrafficExtension", SCOPE_WORKLOADS, NULL,
	     "extensions of the proxy are not run by the kernel"),
	KIND("telemetry.istio.io", "Telemetry", SCOPE_NONE, telemetry_rules,
	     "telemetry is not produced by the kernel yet; requests are not affected"),
	{ .group = SECURITY, .kind = "PeerAuthentication", .role = ROLE_SLOW_PATH,
	  .spec = &peer_authentication, .rules = port_level, .scope = SCOPE_WORKLOADS,
	  .reason = NO_MTLS },
	KIND(SECURITY, "RequestAuthentication", SCOPE_WORKLOADS, jwt_rules,
	     "tokens are not checked by the kernel yet"),

	KIND("authentication.istio.io", "Policy", SCOPE_WORKLOADS, NULL, LEGACY),
	KIND("authentication.istio.io", "MeshPolicy", SCOPE_WORKLOADS, NULL, LEGACY),
	KIND("rbac.istio.io", "ServiceRole", SCOPE_WORKLOADS, rules, LEGACY),
	KIND("rbac.istio.io", "ServiceRoleBinding", SCOPE_WORKLOADS, NULL, LEGACY),
	KIND("rbac.istio.io", "RbacConfig", SCOPE_WORKLOADS, NULL, LEGACY),
	KIND("rbac.istio.io", "ClusterRbacConfig", SCOPE_WORKLOADS, NULL, LEGACY),

	KIND(K8S_GATEWAY, "GatewayClass", SCOPE_INGRESS, NULL, INGRESS),
	KIND(K8S_GATEWAY, "Gateway", SCOPE_INGRESS, NULL, INGRESS),
	KIND(K8S_GATEWAY, "HTTPRoute", SCOPE_SERVICES, rules, GATEWAY_API),
	KIND(K8S_GATEWAY, "TCPRoute", SCOPE_SERVICES, rules, GATEWAY_API),
	KIND(K8S_GATEWAY, "TLSRoute", SCOPE_SERVICES, rules, GATEWAY_API),
	KIND(K8S_GATEWAY, "UDPRoute", SCOPE_NONE, rules, "UDP is not forwarded by the kernel module"),
	KIND(K8S_GATEWAY, "ReferenceGrant", SCOPE_PARTS, NULL, GATEWAY_API),
	KIND(K8S_GATEWAY, "BackendTLSPolicy", SCOPE_SERVICES, NULL,
	     "the kernel does not speak TLS yet"),
	KIND(K8S_GATEWAY, "BackendLBPolicy", SCOPE_SERVICES, NULL, GATEWAY_API),
	KIND(K8S_GATEWAY, "ListenerSet", SCOPE_INGRESS, NULL, INGRESS),
	KIND(K8S_GATEWAY_X, "XListenerSet", SCOPE_INGRESS, NULL, INGRESS),
	KIND(K8S_GATEWAY_X, "XBackendTrafficPolicy", SCOPE_SERVICES, NULL, GATEWAY_API),
	KIND("inference.networking.k8s.io", "InferencePool", SCOPE_PARTS, NULL, GATEWAY_API),

	KIND(LINKERD_POLICY, "Server", SCOPE_WORKLOADS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "ServerAuthorization", SCOPE_PARTS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "AuthorizationPolicy", SCOPE_WORKLOADS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "MeshTLSAuthentication", SCOPE_PARTS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "NetworkAuthentication", SCOPE_PARTS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "HTTPRoute", SCOPE_SERVICES, rules, LINKERD),
	KIND(LINKERD_POLICY, "HTTPLocalRateLimitPolicy", SCOPE_WORKLOADS, NULL, LINKERD),
	KIND(LINKERD_POLICY, "EgressNetwork", SCOPE_CLIENTS, NULL, LINKERD),
	KIND("linkerd.io", "ServiceProfile", SCOPE_NONE, routes,
	     "routes of a ServiceProfile are not translated yet: no retries and timeouts from it"),

	KIND("split.smi-spec.io", "TrafficSplit", SCOPE_SERVICES, backends, SMI),
	KIND("access.smi-spec.io", "TrafficTarget", SCOPE_WORKLOADS, rules, SMI),
	KIND("specs.smi-spec.io", "HTTPRouteGroup", SCOPE_PARTS, matches, SMI),
	KIND("specs.smi-spec.io", "TCPRoute", SCOPE_PARTS, NULL, SMI),
	KIND("specs.smi-spec.io", "UDPRoute", SCOPE_PARTS, NULL, SMI),

	KIND(ENVOY, "EnvoyProxy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "ClientTrafficPolicy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "BackendTrafficPolicy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "SecurityPolicy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "EnvoyPatchPolicy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "EnvoyExtensionPolicy", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "Backend", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	KIND(ENVOY, "HTTPRouteFilter", SCOPE_INGRESS, NULL, ENVOY_GATEWAY),
	{ 0 }
};
