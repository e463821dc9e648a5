/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of an Envoy bootstrap. Each file writes its own objects into the
 * one that is open; forms are those that Istio generates for a sidecar.
 */
#ifndef _L7FP_ENVOY_H
#define _L7FP_ENVOY_H

#include "ir.h"
#include "json_out.h"
#include "proxy.h"

/* Filter state with the address that the client asked for. */
#define ENVOY_DESTINATION	"l7fp.destination"
/* And with the client's. */
#define ENVOY_SOURCE		"l7fp.source"
/* And with its principal, where the kernel knows it. */
#define ENVOY_PRINCIPAL		"l7fp.principal"

/* HTTP filters that routes configure by name. */
#define ENVOY_RBAC_DENY		"l7fp.deny"
#define ENVOY_RBAC_ALLOW	"l7fp.allow."	/* and a number */

struct envoy {
	struct json j;
	const struct ir *ir;
	const struct proxy_options *options;
	struct proxy_refusals *refusals;
	const char *destination;	/* routes are for this address only, or NULL */
	size_t n_allow;		/* filters named ENVOY_RBAC_ALLOW */
};

/* Opens an object with its type. */
void envoy_any(struct json *j, const char *key, const char *type);
/* "a.b.c.d" or IPv6, from IPv4-mapped form. */
void envoy_address(struct json *j, const char *key, const void *address, unsigned int port);
void envoy_cidr(struct json *j, const char *key, const uint32_t address[4], uint32_t prefix);
/* The string matcher for an IR_STRING as the member @key. */
void envoy_string_match(struct json *j, const char *key, const struct ir_expr *e);
void envoy_header_ops(struct json *j, const char *direction, const struct ir_header_ops *ops);

/* envoy_route.c: one route as an item of the open array; @expr: when, NULL: always. */
void envoy_route(struct envoy *e, const struct ir_match *match, const struct ir_expr *expr,
		 const struct ir_route *route);
/* The same answered with 503, since nobody can decide it. */
void envoy_unavailable(struct envoy *e, const struct ir_expr *expr, const char *reason);
/* 404, for what no route before it takes. */
void envoy_not_found(struct envoy *e);
/* Why Envoy cannot match or do it; NULL: it can. */
const char *envoy_match_refusal(const struct ir_expr *expr);

/* envoy_rbac.c */
const char *envoy_authorization_refusal(const struct ir *ir, uint32_t cluster);
/* Members of typed_per_filter_config for requests to @cluster. */
void envoy_authorization(struct envoy *e, uint32_t cluster);
size_t envoy_authorizations(const struct ir *ir);
void envoy_rbac_filters(struct envoy *e);

/* envoy_cluster.c */
void envoy_clusters(struct envoy *e);
/* hash_policy of the route action, where the cluster is balanced by a hash. */
void envoy_hash_policy(struct envoy *e, uint32_t cluster);

/* envoy_tls.c: the transport socket of a cluster whose servers speak mutual TLS. */
void envoy_tls(struct envoy *e, const struct ir_cluster *c);

#endif /* _L7FP_ENVOY_H */
