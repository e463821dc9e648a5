/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The intermediate representation of a policy: what the documents mean, free
 * of their format. The synthesizer turns it into a program and tables, the
 * evaluator answers from it directly; both must agree on every request.
 *
 * Everything belongs to one struct ir and is freed with it (ir_free()).
 */
#ifndef _L7FP_IR_H
#define _L7FP_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include "../kmod/uapi/l7fp.h"

/* Where something was written. */
struct ir_source {
	const char *file;
	int line, column;
	const char *what;	/* "VirtualService default/reviews http[0]" */
};

enum ir_expr_kind {
	IR_TRUE,
	IR_FALSE,
	IR_UNKNOWN,		/* the kernel cannot decide; @reason says why */
	IR_AND,
	IR_OR,
	IR_NOT,			/* of child[0] */
	IR_STRING,		/* field op string */
	IR_SOURCE_IP,		/* the client's address is in the prefix */
	IR_DESTINATION_IP,	/* the original destination's address is */
	IR_SOURCE_PORT,
	IR_DESTINATION_PORT,	/* the original destination's port is @port */
	IR_REMOTE_IP,		/* for a proxy only: of X-Forwarded-For, in the prefix */
	IR_METHOD,		/* @method, a known one; others are IR_STRING on METHOD */
	IR_INBOUND,		/* it came to an inbound listener */
};

/**
 * struct ir_expr - a condition on a request
 * @field: enum l7fp_field; L7FP_FIELD_SLOT + i is slot i of struct ir
 * @op: enum l7fp_match_op with its flags. A field that is absent matches
 *	nothing; NOT makes that true
 * @value: the string, @value_len bytes
 * @addr: IPv6 or IPv4-mapped, network order; @prefix of 128 bits
 */
struct ir_expr {
	enum ir_expr_kind kind;
	uint32_t field, op;
	const char *value;
	uint32_t value_len;
	uint32_t addr[4];
	uint32_t prefix;
	uint32_t port;
	uint32_t method;
	const char *reason;
	size_t n_children;
	struct ir_expr **child;
};

struct ir_slot {
	uint32_t kind;		/* enum l7fp_slot_kind */
	const char *name;	/* headers in lower case */
};

struct ir_header_op {
	uint32_t kind;		/* enum l7fp_header_op_kind */
	const char *name, *value;
};

struct ir_header_ops {
	size_t n;
	struct ir_header_op *op;
};

/* Of IR_STRING, for a proxy only: RE2, the whole value. */
#define IR_MATCH_REGEX		0x40

struct node;

struct ir_mirror {
	uint32_t cluster;
	uint32_t millionth;	/* of the requests */
};

struct ir_weighted {
	uint32_t cluster;	/* index in struct ir.cluster */
	uint32_t weight;
	struct ir_header_ops request, response;
};

/* What is done with a request that matched; becomes a route of the tables. */
struct ir_route {
	struct ir_source source;
	enum l7fp_route_kind kind;
	size_t n_clusters;
	struct ir_weighted *cluster;
	enum l7fp_rewrite_kind rewrite_kind;
	uint32_t rewrite_match_len;
	const char *rewrite_path, *rewrite_authority;
	const char *redirect_scheme, *redirect_authority, *redirect_path;	/* NULL: kept */
	uint32_t redirect_port;	/* 0: kept */
	uint32_t status;
	const char *body;
	size_t body_len;
	struct ir_header_ops request, response;
	uint32_t timeout_ms;
	uint32_t connect_retries;
	const char *slow_path_reason;	/* of L7FP_ROUTE_SLOW_PATH */
	/* Of one: the clusters that it could choose, if it changes nothing of the request. */
	size_t n_destined;
	uint32_t *destined;
	/* For a proxy only; @node, the item of http, lives as long as its document. */
	const struct node *node;
	size_t n_mirrors;
	struct ir_mirror *mirror;
};

/* First match wins. */
struct ir_match {
	struct ir_source source;
	struct ir_expr *expr;	/* NULL: always */
	uint32_t route;		/* index in struct ir.route */
};

/*
 * A virtual host: a request belongs to the first one of struct ir whose expr
 * (host and port) is true; then to the first of its matches; none: @fallback.
 * The translator sorts them: exact hosts, longer wildcards before shorter
 * ones, then "*".
 */
struct ir_virtual_host {
	struct ir_source source;
	struct ir_expr *expr;
	size_t n_matches;
	struct ir_match *match;
	int32_t fallback;	/* route, or -1: 404 NR */
};

enum ir_action { IR_ALLOW, IR_DENY };

struct ir_authorization_rule {
	struct ir_source source;
	enum ir_action action;
	struct ir_expr *expr;
	uint32_t rule;		/* index in the tables' rules */
};

/*
 * The authorization of one kind of destination workload. DENY rules first;
 * then, if @has_allow, one ALLOW rule must match. A rule that is UNKNOWN
 * after all that is known goes to the slow path.
 */
struct ir_authorization {
	bool has_allow;
	size_t n_rules;
	struct ir_authorization_rule *rule;
};

struct ir_endpoint {
	struct in6_addr address;	/* IPv4-mapped for IPv4 */
	uint16_t port;
	uint32_t weight;
	bool healthy;
};

/*
 * A Service port, a subset of it, or a ServiceEntry port.
 * @authorization: indexes in struct ir.authorization; all of them must let
 * the request pass (one for each kind of workload behind the cluster).
 */
/* What is expected of a cluster's servers, as in enum l7fp_attr_tls. */
struct ir_tls {
	enum l7fp_tls_check check;
	const char *sni;
	size_t n_sans, n_alpn;
	const char **san;
	const char *alpn[4];
};

struct ir_cluster {
	struct ir_source source;
	const char *name;	/* Istio's form: outbound|9080|v1|reviews.default.svc.cluster.local */
	enum l7fp_cluster_kind kind;
	enum l7fp_cluster_protocol protocol;
	enum l7fp_lb lb;
	const struct ir_tls *tls;	/* NULL: plain text */
	uint32_t connect_timeout_ms;
	size_t n_endpoints;
	struct ir_endpoint *endpoint;
	size_t n_authorization;
	uint32_t *authorization;
	/* For a proxy only: parts of the traffic policy; they live as long as their document. */
	const struct node *load_balancer, *connection_pool, *outlier_detection;
};

/*
 * An address and port whose connections are captured. :: stands for every
 * address that is not local and has no entry, port 0 for every port.
 */
struct ir_capture {
	struct in6_addr address;
	uint16_t port;
	bool opaque;		/* not HTTP: forwarded as bytes to @cluster */
	bool detect;		/* HTTP by its first bytes, else to @opaque_cluster */
	uint32_t cluster;
	uint32_t opaque_cluster;
};

/*
 * Who may call: its cgroup (NULL: not known here) and addresses, which are no
 * other workload's.
 */
struct ir_workload {
	struct ir_source source;
	const char *principal, *namespace;
	const char *cgroup;
	size_t n_addresses;
	struct in6_addr *address;
};

struct ir_inbound_port {
	uint16_t port;
	enum l7fp_protocol protocol;
	enum l7fp_tls_mode tls;
};

/*
 * What arrives for the workload that the policy is for. Its requests belong to
 * the first virtual host, bytes are judged by @connect.
 * @captured: false: nothing concerns it, and connections go straight to it
 * @port: of which something is known; others are detected
 * @tls: of all other ports
 * @probe_port: where connections from @node pass
 */
struct ir_inbound {
	bool captured;
	enum l7fp_tls_mode tls;
	uint32_t cluster;
	size_t n_addresses, n_ports, n_probe_ports, n_nodes;
	struct in6_addr *address, *node;
	struct ir_inbound_port *port;
	uint16_t *probe_port;
	struct ir_authorization connect;
};

struct ir {
	uint32_t path_mode;	/* enum l7fp_path_mode */
	size_t n_slots;
	struct ir_slot *slot;
	size_t n_routes;
	struct ir_route *route;
	size_t n_virtual_hosts;
	struct ir_virtual_host *virtual_host;
	size_t n_authorization;
	struct ir_authorization *authorization;
	size_t n_rules;		/* authorization rules, in rule-index order */
	struct ir_source *rule;
	size_t n_clusters;
	struct ir_cluster *cluster;
	size_t n_captures;
	struct ir_capture *capture;
	size_t n_workloads;
	struct ir_workload *workload;
	struct ir_inbound inbound;
	/*
	 * Requests to a captured address whose host no virtual host knows go
	 * where they were going: the virtual hosts at the end of the list test
	 * IR_DESTINATION_IP and IR_DESTINATION_PORT for that.
	 */
	struct ir_arena *arena;
};

struct ir *ir_new(void);
void ir_free(struct ir *ir);
/* Zeroed memory that lives as long as @ir; exits on no memory. */
void *ir_alloc(struct ir *ir, size_t size);
char *ir_strdup(struct ir *ir, const char *s);
/* The slot's index, made when it is new; -1 when there are L7FP_MAX_SLOTS. */
int ir_slot(struct ir *ir, uint32_t kind, const char *name);

struct ir_expr *ir_true(struct ir *ir);
struct ir_expr *ir_false(struct ir *ir);
struct ir_expr *ir_unknown(struct ir *ir, const char *reason);
struct ir_expr *ir_string(struct ir *ir, uint32_t field, uint32_t op, const char *value);
struct ir_expr *ir_not(struct ir *ir, struct ir_expr *e);
/* n-ary; simplify constants; children are NULL-terminated arrays or counted. */
struct ir_expr *ir_and(struct ir *ir, struct ir_expr **child, size_t n);
struct ir_expr *ir_or(struct ir *ir, struct ir_expr **child, size_t n);

/* Three-valued logic cut in two: can it be true, must it be true. No UNKNOWN is left. */
struct ir_expr *ir_expr_may(struct ir *ir, const struct ir_expr *e);
struct ir_expr *ir_expr_must(struct ir *ir, const struct ir_expr *e);
bool ir_expr_has_unknown(const struct ir_expr *e);
/* Endpoints on other ports have authorizations of their own, which may say the same. */
bool ir_same_rules(const struct ir_authorization *x, const struct ir_authorization *y);
/* A virtual host of what came to the workload that the policy is for; it is the first. */
bool ir_is_inbound(const struct ir_virtual_host *host);

/* A request as the evaluator sees it. */
struct ir_header {
	const char *name, *value;
};

struct ir_request {
	const char *method;
	const char *target;	/* path with query */
	const char *host;	/* as in Host */
	uint32_t source_ip[4], destination_ip[4];
	uint32_t source_port, destination_port;
	bool inbound;
	size_t n_headers;
	struct ir_header *header;
};

struct ir_decision {
	enum l7fp_verdict verdict;
	enum l7fp_reason reason;
	uint32_t status;	/* of a local answer, else 0 */
	int32_t virtual_host, route, rule;	/* -1: none */
	int32_t cluster;	/* of a forward; the one that @pick selects by weight */
	char path[L7FP_MAX_STRING];	/* as forwarded, with the query */
	char host[L7FP_MAX_NAME + 1];	/* as forwarded */
	char location[L7FP_MAX_STRING];	/* of a redirect */
	const char *slow_path_reason;
};

/*
 * What the policy decides of @request. @pick in [0, 2^32) selects among
 * weighted clusters, as the kernel does with a random number:
 * (uint64_t)pick * total >> 32 is a point below the total weight.
 */
void ir_evaluate(const struct ir *ir, const struct ir_request *request, uint32_t pick,
		 struct ir_decision *decision);
/*
 * Likewise of a connection that is not HTTP: FORWARD or RESET, and the rule. Of
 * @request only addresses, ports and @inbound are looked at.
 */
void ir_evaluate_connection(const struct ir *ir, const struct ir_request *request,
			    struct ir_decision *decision);
/* Who @address belongs to; NULL: nobody knows. */
const struct ir_workload *ir_workload_at(const struct ir *ir, const uint32_t address[4]);

#endif /* _L7FP_IR_H */
