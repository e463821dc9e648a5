/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files translate*.c share: the services and workloads there are, the
 * policies that concern them, and the growing IR.
 */
#ifndef _L7FP_TRANSLATION_H
#define _L7FP_TRANSLATION_H

#include "document.h"
#include "ir.h"
#include "schema.h"
#include "translate.h"

/* A growing array of @type. */
#define LIST(type) struct { type *item; size_t n, room; }
#define list_add(tr, list) \
	((list)->n == (list)->room ? \
	 (void)((list)->item = list_grow(tr, (list)->item, sizeof(*(list)->item), (list)->n, \
					 &(list)->room)) : (void)0, \
	 &(list)->item[(list)->n++])

/* How the bytes of a port are to be understood. */
enum port_protocol {
	PORT_HTTP,
	PORT_HTTP2,		/* HTTP/2 and gRPC */
	PORT_TCP,		/* all else: bytes */
	PORT_AUTO,		/* nothing said */
};

/* Where a service's requests can go. */
struct endpoint {
	struct in6_addr address;
	uint16_t port;
	uint32_t weight;
	bool healthy;
	const struct labels *labels;	/* NULL: not known */
	const char *namespace;
	bool enforced;			/* its policies are, where it is */
};

struct service_port {
	uint16_t number;
	const char *name;
	enum port_protocol protocol;
	LIST(struct endpoint) endpoint;
	bool http;		/* decided: a virtual host serves it */
	bool detect;		/* only what is HTTP by its first bytes */
	bool l4_routed;		/* a VirtualService routes its connections */
};

struct service {
	const struct document *document;
	const char *host;		/* lower case, in full */
	const char *name, *namespace;	/* @name: NULL of a ServiceEntry */
	const char *slow;		/* why its endpoints are not known; NULL */
	struct labels selector;
	LIST(struct in6_addr) address;
	LIST(struct service_port) port;
	LIST(uint32_t) rule;		/* the DestinationRules that are for it */
	bool routed;			/* a VirtualService has its host */
};

/* What is known of an address. */
struct workload {
	struct in6_addr address;
	const char *namespace;
	struct labels labels;
	bool ready;
	bool enforced;			/* a network namespace where its policies are in force */
	uint32_t caller;		/* index in struct translation.caller */
};

/* The workload that the policy is for: its connections, and those to it. */
struct self {
	const struct document *document;
	const char *namespace;
	struct labels labels;
	LIST(struct in6_addr) address;
	bool registry_only;		/* what no document names cannot be reached */
};

/* A document that decides about requests to workloads. */
struct guard {
	struct document *document;
	struct node *spec;
	const char *namespace;		/* NULL: every one */
	struct labels selector;
	const struct service *service;	/* only requests to it, if set */
	bool is_policy;			/* an AuthorizationPolicy; else @reason */
	bool deny, custom;
	bool http;			/* looks at what only HTTP has */
	bool destination_ip;
	bool used;			/* it concerns an endpoint */
	const char *reason;
	uint32_t first_rule;		/* index in struct ir.rule */
};

/* A host that a document names, in full. */
struct named_host {
	struct document *document;
	const struct node *node;
	const char *host;
};

/**
 * struct host_rule - what is done with some requests to a host
 * @document: where it was written
 * @action: as an item of http of a VirtualService
 * @match: as one of its match blocks; NULL: all requests
 * @what: the item, for messages
 * @what_match: the block
 */
struct host_rule {
	const struct document *document;
	struct node *action, *match;
	const char *what, *what_match;
};

/* A Service with routes of the Gateway API, in their order of precedence. */
struct gateway_host {
	struct service *service;
	struct document *document;	/* the oldest one */
	LIST(struct host_rule) rule;
};

/* What was written, as the item of a VirtualService that means the same. */
struct lowered {
	struct node *from, *to;
};

/* Numbers by name; open addressing, a power of two. */
struct names {
	struct name {
		const char *text;
		uint32_t index;
	} *slot;
	size_t n, size;
};

struct translation {
	struct ir *ir;
	struct documents *docs;
	struct diagnostics *diag;
	LIST(struct service *) service;
	LIST(struct workload) workload;	/* sorted by address */
	LIST(struct ir_workload) caller;
	struct self *self;		/* NULL: for all clients of a network namespace */
	LIST(struct document *) virtual_service;
	LIST(struct named_host) route_host;	/* of the VirtualServices for sidecars */
	LIST(struct document *) gateway_route;
	LIST(struct gateway_host) gateway_host;
	LIST(struct lowered) lowered;
	LIST(struct named_host) destination_rule;
	LIST(struct guard) guard;
	LIST(struct ir_route) route;
	LIST(struct ir_virtual_host) virtual_host;
	LIST(struct ir_authorization) authorization;
	LIST(uint64_t *) authorization_key;	/* see translate_guard.c */
	LIST(struct ir_source) rule;
	LIST(struct ir_cluster) cluster;
	LIST(const char *) cluster_slow;	/* of each cluster: why, or NULL */
	struct names cluster_names, service_names;
	struct names short_names;	/* how many services have a name */
	LIST(struct ir_capture) capture;
	size_t n_default_lb;
	bool for_proxy;			/* not for the kernel */
	bool tls;			/* somebody shakes hands for the workload */
	void *applicable;		/* room for one entry a guard */
	const char *root_namespace, *domain;
};

void *list_grow(struct translation *tr, void *item, size_t size, size_t n, size_t *room);
bool names_find(const struct names *names, const char *text, uint32_t *index);
/* @text is kept, not copied. */
void names_add(struct translation *tr, struct names *names, const char *text, uint32_t index);
void source_of(struct translation *tr, struct ir_source *source, const struct document *d,
	       const struct node *at, const char *what);
/* ir_unknown() with a copy of @reason. */
struct ir_expr *unknown(struct translation *tr, const char *reason);
struct ir_expr *ir_port_is(struct translation *tr, uint32_t port);
struct ir_expr *ir_address_in(struct translation *tr, enum ir_expr_kind kind,
			      const uint32_t addr[4], uint32_t bits);

/* translate_registry.c: services and workloads. */
void registry_build(struct translation *tr);
/* The service of a host in full; NULL: none. */
struct service *registry_find(struct translation *tr, const char *host);
struct service_port *service_port_find(struct service *s, uint32_t number);
/* A host as a document of @namespace writes it, in full and in lower case. */
const char *host_in_full(struct translation *tr, const char *host, const char *namespace);
bool host_matches(const char *pattern, const char *host);

/* translate_workload.c: workloads, as what is called and as who calls. */
void workloads_read(struct translation *tr);
const struct workload *workload_find(struct translation *tr, const struct in6_addr *address);
/* @n and what is below it lose the verdict "slow path". */
void node_express(struct node *n);
/* The workload NAMESPACE/NAME becomes @tr->self. */
void self_find(struct translation *tr, const struct translate_view *view);
/* Fields that only a known caller makes decidable lose the verdict "slow path". */
void self_express(struct translation *tr);
/* exportTo lets the caller see @d, which is in @namespace. */
bool self_sees(const struct translation *tr, const struct document *d);
/* @address is one of the workload's own. */
bool self_is_at(const struct translation *tr, const struct in6_addr *address);
/* Labels or namespace of a match block; NULL: the caller is not known. */
struct ir_expr *self_matches(struct translation *tr, const struct node *labels,
			     const struct node *namespace);

/* translate_inbound.c: the two ends of a workload that no Service describes. */
void inbound_build(struct translation *tr);
/* Where a client's own destination is, whatever that is. */
uint32_t cluster_passthrough(struct translation *tr);
/* Destinations that no document names; after all other virtual hosts and captures. */
void unknown_build(struct translation *tr);

/* translate_cluster.c */
void rules_match(struct translation *tr);
uint32_t cluster_of(struct translation *tr, const struct service *s, const struct service_port *p,
		    const char *subset, const struct node *at);
/* One without endpoints: everything that goes there is refused. */
uint32_t cluster_empty(struct translation *tr, const char *name, const struct node *at,
		       const struct document *d);
/* One that goes where the client wanted to go. */
uint32_t cluster_original(struct translation *tr, const char *name);
/* Of one endpoint, for connections that name its address. */
uint32_t cluster_of_endpoint(struct translation *tr, const struct service *s,
			     const struct service_port *p, const struct endpoint *e);

/* translate_guard.c: which policies concern an endpoint. */
void guards_build(struct translation *tr);
/* Say what the policies do not reach. */
void guards_report(struct translation *tr);
/* translate_lines.c: after clusters have their authorization. */
void lines_check(struct translation *tr);
/* What concerns the workload itself: of requests into @cluster, of other connections @connect. */
bool authorizations_inbound(struct translation *tr, struct ir_cluster *cluster,
			    struct ir_authorization *connect);
bool authorization_looks_at(struct translation *tr, uint32_t cluster, const char *header);
/* translate_judge.c: after all that makes a route slow. */
void slow_paths_judge(struct translation *tr);
/* Set of the authorizations of @e, as indexes; appended to @list where new. */
void authorizations_of(struct translation *tr, const struct service *s, const struct endpoint *e,
		       const struct labels *subset, struct ir_cluster *cluster);

enum static_decision {
	DECIDED_ALLOW,
	DECIDED_DENY,
	UNDECIDED,
};

/* What can be said of all connections to @p without looking at any. */
enum static_decision decide_port(struct translation *tr, const struct service *s,
				 struct service_port *p, const char **by);
/* A guard that looks at HTTP concerns an endpoint of @p. */
bool port_has_http_guard(struct translation *tr, const struct service *s,
			 const struct service_port *p);

/* translate_authorization.c: conditions of a rule. */
struct authorization_view {
	uint32_t port;			/* of the destination workload */
	const struct in6_addr *address;	/* likewise */
	bool inbound;			/* both are those that the connection was made to */
	const char *namespace;		/* of the policy */
	bool tcp;			/* only what a connection has */
	bool deny;
};

struct ir_expr *authorization_expr(struct translation *tr, const struct node *rule,
				   const struct authorization_view *view);

/* Nothing says who callers are: conditions of @rule on them are marked. */
void authorization_without_callers(const struct node *rule);

/* translate_match.c: conditions of a route. */
struct ir_expr *match_expr(struct translation *tr, struct node *match, uint32_t port);
struct ir_expr *string_expr(struct translation *tr, uint32_t field, uint32_t flags,
			    const struct node *string_match);
/* The field of a header, with its slot; @unknown when there are too many slots. */
bool header_field(struct translation *tr, const char *name, uint32_t *field);

/* translate_route.c: what is done with a request. @match: the block, for a rewrite. */
uint32_t route_of(struct translation *tr, const struct host_rule *rule, const struct node *match,
		  uint32_t port, const char *slow);
/* The route is another one for another port of the request. */
bool route_depends_on_port(struct translation *tr, const struct document *d,
			   const struct node *http);
uint32_t route_to_cluster(struct translation *tr, uint32_t cluster, const char *what);
uint32_t route_slow_path(struct translation *tr, const struct document *d,
			 const struct node *at, const char *what, const char *reason);

/* translate_gateway.c: the routes of the Gateway API whose parents are Services. */
void gateway_build(struct translation *tr);
/* What later steps said of what was made of a rule holds for the rule. */
void gateway_report(struct translation *tr);

/* translate_host.c: virtual hosts. */
void hosts_build(struct translation *tr);
/* Those that know a request by where it was going, at the end of the list. */
void host_of_address(struct translation *tr, const struct in6_addr *address, size_t n,
		     uint32_t port, uint32_t cluster);

/* translate_capture.c: protocols of ports, and what is captured. */
void protocols_decide(struct translation *tr);
void captures_build(struct translation *tr);
/* A VirtualService for sidecars, as against ingress gateways. */
bool is_for_mesh(const struct document *d);

/* First node of @n's subtree that the kernel cannot do; NULL: none. */
const char *slow_reason(const struct node *n);

/* translate_tls.c: mutual TLS. */
bool tls_is_istio_mutual(const struct node *mode);
/* Fields that only somebody who shakes hands makes possible lose the verdict "slow path". */
void tls_express(struct translation *tr);
/* What a port of a workload takes, by its PeerAuthentications; port 0: any other. */
enum l7fp_tls_mode tls_mode_of(struct translation *tr, const char *namespace,
			       const struct labels *labels, uint16_t port);
/* Ports of @tr->self that a PeerAuthentication names. */
size_t tls_ports(struct translation *tr, uint16_t *port, size_t max);
/* Gives a cluster its terms, by @tls of the traffic policy (NULL: it says nothing). */
void tls_of_cluster(struct translation *tr, struct ir_cluster *c, const struct service *s,
		    const struct service_port *p, const char *subset, const struct node *tls);

#endif /* _L7FP_TRANSLATION_H */
