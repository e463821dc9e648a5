// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kubernetes objects and Workload documents, which say what services and
 * workloads there are. They carry many fields that are none of ours: unknown
 * ones are no error.
 */
#include "schema.h"

#define K NODE_KERNEL, NULL
#define KR(text) NODE_KERNEL, text
#define S(text) NODE_SLOW_PATH, text

#define FIELD(n, t, m, ...) { n, t, m, NULL, __VA_ARGS__, NULL, 0, 0, false }
#define OBJECT_FIELD(n, m, o, ...) \
	{ n, SCHEMA_OBJECT, m, &(o), __VA_ARGS__, NULL, 0, 0, false }
#define PORT(n, ...) { n, SCHEMA_INT, SCHEMA_ONE, NULL, __VA_ARGS__, NULL, 1, 65535, false }
#define OPEN(n, ...) \
	static const struct schema_object n = { \
		.field = (const struct schema_field[]) { __VA_ARGS__, { 0 } }, .open = true \
	}

static const struct schema_value service_type[] = {
	{ "ClusterIP", K }, { "NodePort", K }, { "LoadBalancer", K },
	{ "ExternalName", S("names are not resolved yet") }, { 0 }
};

OPEN(service_port,
	FIELD("name", SCHEMA_STRING, SCHEMA_ONE, KR("its prefix tells the protocol: http, http-web")),
	FIELD("protocol", SCHEMA_STRING, SCHEMA_ONE, KR("TCP; other ports are not captured")),
	FIELD("appProtocol", SCHEMA_STRING, SCHEMA_ONE, K),
	PORT("port", K),
	FIELD("targetPort", SCHEMA_INT_OR_STRING, SCHEMA_ONE, K));

OPEN(service_spec,
	FIELD("clusterIP", SCHEMA_STRING, SCHEMA_ONE, K),
	FIELD("clusterIPs", SCHEMA_STRING, SCHEMA_LIST, K),
	OBJECT_FIELD("ports", SCHEMA_LIST, service_port, K),
	FIELD("selector", SCHEMA_STRING, SCHEMA_MAP, K),
	{ "type", SCHEMA_STRING, SCHEMA_ONE, NULL, K, service_type, 0, 0, false });

OPEN(endpoint_conditions,
	FIELD("ready", SCHEMA_BOOL, SCHEMA_ONE, K),
	FIELD("serving", SCHEMA_BOOL, SCHEMA_ONE, K),
	FIELD("terminating", SCHEMA_BOOL, SCHEMA_ONE, K));

OPEN(slice_endpoint,
	FIELD("addresses", SCHEMA_STRING, SCHEMA_LIST, K),
	OBJECT_FIELD("conditions", SCHEMA_ONE, endpoint_conditions, K));

OPEN(endpoint_port,
	FIELD("name", SCHEMA_STRING, SCHEMA_ONE, K),
	FIELD("protocol", SCHEMA_STRING, SCHEMA_ONE, K),
	PORT("port", K));

OPEN(slice_root,
	FIELD("addressType", SCHEMA_STRING, SCHEMA_ONE, KR("IPv4, IPv6")),
	OBJECT_FIELD("endpoints", SCHEMA_LIST, slice_endpoint, K),
	OBJECT_FIELD("ports", SCHEMA_LIST, endpoint_port, K));

OPEN(endpoints_address,
	FIELD("ip", SCHEMA_STRING, SCHEMA_ONE, K));

OPEN(endpoints_subset,
	OBJECT_FIELD("addresses", SCHEMA_LIST, endpoints_address, K),
	OBJECT_FIELD("notReadyAddresses", SCHEMA_LIST, endpoints_address, K),
	OBJECT_FIELD("ports", SCHEMA_LIST, endpoint_port, K));

OPEN(endpoints_root,
	OBJECT_FIELD("subsets", SCHEMA_LIST, endpoints_subset, K));

OPEN(pod_spec,
	FIELD("serviceAccountName", SCHEMA_STRING, SCHEMA_ONE, K));

static const struct schema_object workload_spec = {
	.field = (const struct schema_field[]) {
		FIELD("name", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("namespace", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("node", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("serviceAccount", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("labels", SCHEMA_STRING, SCHEMA_MAP, K),
		FIELD("addresses", SCHEMA_STRING, SCHEMA_LIST, K),
		FIELD("cgroup", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("networkNamespace", SCHEMA_STRING, SCHEMA_ONE, K),
		FIELD("nodeAddresses", SCHEMA_STRING, SCHEMA_LIST, K),
		{ .name = "probePorts", .type = SCHEMA_INT, .many = SCHEMA_LIST,
		  .verdict = NODE_KERNEL, .min = 1, .max = 65535 },
		{ 0 }
	},
};

static const char * const v1[] = { "v1", NULL };

const struct schema_kind schema_kubernetes[] = {
	{ .group = "", .kind = "Service", .version = v1, .role = ROLE_INPUT,
	  .spec = &service_spec, .remark = "Names, addresses and ports." },
	{ .group = "discovery.k8s.io", .kind = "EndpointSlice", .role = ROLE_INPUT,
	  .root = &slice_root,
	  .remark = "The label kubernetes.io/service-name names its Service." },
	{ .group = "", .kind = "Endpoints", .version = v1, .role = ROLE_INPUT,
	  .root = &endpoints_root,
	  .remark = "For Services without an EndpointSlice." },
	{ .group = "", .kind = "Pod", .version = v1, .role = ROLE_INPUT, .spec = &pod_spec,
	  .remark = "metadata.labels of status.podIP and status.podIPs." },
	{ .group = "l7fp.io", .kind = "Workload", .role = ROLE_INPUT, .spec = &workload_spec,
	  .root = &workload_spec,
	  .remark = "Labels of addresses, where there are no Pods." },
	{ .group = "", .kind = "Workload", .role = ROLE_INPUT, .spec = &workload_spec,
	  .root = &workload_spec, .remark = "The same." },
	{ 0 }
};
