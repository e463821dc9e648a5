// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of the Gateway API that are translated (v1.4, standard channel), for
 * routes whose parents are Services.
 */
#include "schema_fields.h"

#define NO_REGEX "regular expressions are not matched by the kernel yet"
#define NO_MIRROR "requests are not mirrored by the kernel yet"
#define NO_EXTENSION "filters of other vendors are not known to the kernel"
#define NO_SESSION "sessions are not kept at an endpoint by the kernel yet"

static const struct schema_value match_type[] = {
	{ "Exact", K }, { "RegularExpression", S(NO_REGEX) }, { 0 }
};

static const struct schema_value filter_type[] = {
	{ "RequestHeaderModifier", K }, { "ResponseHeaderModifier", K },
	{ "RequestMirror", S(NO_MIRROR) }, { "ExtensionRef", S(NO_EXTENSION) }, { 0 }
};

OBJECT(parent,
	STR("group", KR("\"\", of a Service")),
	STR("kind", KR("Service; others: slow path")),
	STR("namespace", K),
	STR("name", K),
	STR("sectionName", S("a Service has no sections; name a port")),
	INT("port", 1, 65535, KR("without it all ports of the Service")));

OBJECT(method_match,
	ENUM("type", match_type),
	STR("service", K),
	STR("method", K));

OBJECT(header_match,
	ENUM("type", match_type),
	STR("name", K),
	STR("value", K));

OBJECT(match,
	OBJ("method", method_match, K),
	OBJS("headers", header_match, K));

OBJECT(header,
	STR("name", K),
	STR("value", K));

OBJECT(modifier,
	OBJS("set", header, K),
	OBJS("add", header, K),
	STRS("remove", K));

OBJECT(filter,
	ENUM("type", filter_type),
	OBJ("requestHeaderModifier", modifier, K),
	OBJ("responseHeaderModifier", modifier, K),
	ANY("requestMirror", S(NO_MIRROR)),
	ANY("extensionRef", S(NO_EXTENSION)));

OBJECT(backend,
	STR("group", KR("\"\"")),
	STR("kind", KR("Service; others: slow path")),
	STR("namespace", KR("that of the route; others: slow path")),
	STR("name", K),
	INT("port", 1, 65535, K),
	INT("weight", 0, 1000000, K),
	OBJS("filters", filter, K));

OBJECT(rule,
	STR("name", N("")),
	OBJS("matches", match, KR("what says more goes first, whatever the order")),
	OBJS("filters", filter, K),
	OBJS("backendRefs", backend, KR("without any: UNAVAILABLE")),
	ANY("sessionPersistence", S(NO_SESSION)));

OBJECT(grpc_route,
	OBJS("parentRefs", parent, K),
	STRS("hostnames", N("not read where the parent is a Service")),
	ANY("useDefaultGateways", N("of gateways")),
	OBJS("rules", rule, K));

static const char * const v1[] = { "v1", "v1alpha2", NULL };
static const char * const rules[] = { "rules", NULL };

const struct schema_kind schema_gateway[] = {
	{ .group = "gateway.networking.k8s.io", .kind = "GRPCRoute", .version = v1,
	  .role = ROLE_POLICY, .spec = &grpc_route, .rules = rules,
	  .remark = "A rule is an item of rules. Parents are Services." },
	{ 0 }
};
