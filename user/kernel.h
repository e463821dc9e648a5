/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module holds for this network namespace, and the requests that
 * change it. Same rules for errors as in netlink.h.
 */
#ifndef _L7FP_KERNEL_H
#define _L7FP_KERNEL_H

#include <stdbool.h>
#include "netlink.h"
#include "kernel_handshake.h"
#include "tables.h"

/* No cluster, route or rule. */
#define KERNEL_NONE	(~0U)

struct kernel_listener {
	uint32_t id;
	char name[L7FP_MAX_NAME + 1];
	struct in6_addr address;
	uint16_t port;
	uint32_t protocol;
	uint32_t cluster;	/* of an opaque one, else KERNEL_NONE */
	uint32_t flags;
	uint32_t head_timeout_ms, idle_timeout_ms;
	uint32_t path_mode;
	uint32_t detect_timeout_ms;	/* 0: the kernel's own */
	uint32_t tls;			/* enum l7fp_tls_mode */
};

struct kernel_endpoint {
	uint32_t cluster;
	struct in6_addr address;
	uint16_t port;
	uint32_t weight;
	bool healthy;
	uint32_t connections, idle;
};

struct kernel_cluster {
	uint32_t id;
	char name[L7FP_MAX_NAME + 1];
	uint32_t lb, kind, protocol;
	uint32_t connect_timeout_ms, idle_timeout_ms;
	uint32_t max_connections, max_pending, max_requests_per_connection;
	struct kernel_tls tls;		/* of servers */
	size_t first_endpoint, n_endpoints;	/* of struct kernel.endpoint */
};

struct kernel_generation {
	uint64_t number;
	uint32_t state;		/* enum l7fp_generation_state */
	uint64_t exchanges;
	char name[L7FP_MAX_NAME + 1];
	struct in6_addr slow_path;	/* the proxy's address; @slow_path_port 0: none */
	uint16_t slow_path_port;
	uint16_t slow_path_inbound_port;	/* 0: not for what arrives */
	char slow_path_token[L7FP_MAX_SLOW_PATH_TOKEN + 1];
};

struct kernel_connection {
	bool downstream;
	uint32_t listener, cluster;	/* KERNEL_NONE where it does not apply */
	struct in6_addr local, remote, original;
	uint16_t local_port, remote_port, original_port;
	uint64_t id;			/* of the downstream; 0: of an idle upstream */
	uint64_t exchanges, rx_bytes, tx_bytes;
	uint32_t idle_ms, queued;
	uint32_t state;			/* enum l7fp_connection_state */
	uint32_t app;			/* enum l7fp_app_state */
	uint32_t tls_version;		/* 0: plain text */
	uint32_t tls_cipher;		/* enum l7fp_tls_cipher */
	char tls_principal[L7FP_MAX_PRINCIPAL + 1]; /* "": the peer has no identity */
};

struct kernel_stat {
	uint32_t scope, id;
	char *object, *name;
	uint64_t value;
};

/* A cgroup (@address zeroes) or an address of a workload of the current generation. */
struct kernel_workload {
	char *principal, *namespace;
	uint64_t cgroup;
	struct in6_addr address;
};

/* A dump. Endpoints are sorted by cluster, workloads by principal. */
struct kernel {
	size_t n_listeners;
	struct kernel_listener *listener;
	size_t n_clusters;
	struct kernel_cluster *cluster;
	size_t n_endpoints;
	struct kernel_endpoint *endpoint;
	size_t n_generations;
	struct kernel_generation *generation;
	size_t n_connections;
	struct kernel_connection *connection;
	size_t n_workloads;
	struct kernel_workload *workload;
	size_t n_stats;
	struct kernel_stat *stat;
};

/* What kernel_read() reads. */
#define KERNEL_LISTENERS	(1U << 0)
#define KERNEL_CLUSTERS		(1U << 1)	/* with their endpoints */
#define KERNEL_GENERATIONS	(1U << 2)
#define KERNEL_CONNECTIONS	(1U << 3)
#define KERNEL_STATS		(1U << 4)
#define KERNEL_WORKLOADS	(1U << 5)
#define KERNEL_ALL		0x3fU

/* Zeroes @kernel first; kernel_free() also after an error. */
int kernel_read(struct netlink *nl, unsigned int what, struct kernel *kernel, char *error,
		size_t error_len);
void kernel_free(struct kernel *kernel);

const struct kernel_cluster *kernel_cluster(const struct kernel *kernel, uint32_t id);
const struct kernel_generation *kernel_current(const struct kernel *kernel);

int kernel_listener_new(struct netlink *nl, const struct kernel_listener *listener, char *error,
			size_t error_len);
int kernel_listener_del(struct netlink *nl, uint32_t id, char *error, size_t error_len);
/* Fills in @port, which the kernel may have chosen. */
int kernel_listener_get(struct netlink *nl, uint32_t id, struct kernel_listener *listener,
			char *error, size_t error_len);
int kernel_cluster_new(struct netlink *nl, const struct kernel_cluster *cluster, char *error,
		       size_t error_len);
int kernel_cluster_del(struct netlink *nl, uint32_t id, char *error, size_t error_len);
/* Replaces all endpoints of @cluster. */
int kernel_endpoint_set(struct netlink *nl, const struct kernel_cluster *cluster,
			const struct kernel_endpoint *endpoint, size_t n, char *error,
			size_t error_len);
int kernel_generation_new(struct netlink *nl, uint64_t number, char *error, size_t error_len);
int kernel_generation_prepare(struct netlink *nl, uint64_t number, int map_fd, char *error,
			      size_t error_len);
int kernel_generation_del(struct netlink *nl, uint64_t number, char *error, size_t error_len);
/* kernel_tables.c: slots, strings, routes and rules, in as many messages as it takes. */
int kernel_generation_add(struct netlink *nl, uint64_t number, const struct tables *tables,
			  char *error, size_t error_len);

/* How far a drain is, as L7FP_CMD_DRAIN answers. @left_ms: until the deadline. */
struct kernel_drain {
	uint32_t listeners, connections;
	uint64_t reset;
	bool on;
	uint32_t left_ms;
};

/* What kernel_drain() does. Asking needs nothing. */
#define KERNEL_DRAIN_BEGIN	(1U << 0)	/* with @deadline_ms */
#define KERNEL_DRAIN_STOP	(1U << 1)

int kernel_drain(struct netlink *nl, unsigned int what, uint32_t deadline_ms,
		 struct kernel_drain *out, char *error, size_t error_len);

/* What the current policy decides of a request head, as L7FP_CMD_EXPLAIN answers. */
struct kernel_explain {
	uint64_t generation;
	uint32_t verdict, reason, status;
	uint32_t cluster, route, rule;	/* KERNEL_NONE: none */
	char path[L7FP_MAX_HEAD];
	char host[L7FP_MAX_NAME + 1];
	char location[L7FP_MAX_HEAD];
};

int kernel_explain(struct netlink *nl, const char *head, size_t head_len, uint32_t path_mode,
		   const struct in6_addr *source, uint16_t source_port,
		   const struct in6_addr *destination, uint16_t destination_port, bool inbound,
		   struct kernel_explain *out, char *error, size_t error_len);

/* names.c: for people. Unknown numbers are "unknown". */
const char *name_verdict(uint32_t verdict);
const char *name_reason(uint32_t reason);
const char *text_reason(uint32_t reason);
const char *name_protocol(uint32_t protocol);
const char *name_cluster_protocol(uint32_t protocol);
const char *name_lb(uint32_t lb);
const char *name_tls_cipher(uint32_t cipher);
const char *name_generation_state(uint32_t state);
const char *name_connection_state(uint32_t state);
const char *name_app_state(uint32_t state);
const char *name_path_mode(uint32_t mode);
const char *name_scope(uint32_t scope);
/* "10.0.0.1:80", "[::1]:80". @out has at least NAME_ADDRESS_LEN bytes; returns it. */
#define NAME_ADDRESS_LEN	64
char *name_address(char *out, const struct in6_addr *address, uint16_t port);
/* "10.0.0.1:80", "[::1]:80", "10.0.0.1" (port 0). 0 or -EINVAL. */
int address_parse(const char *text, struct in6_addr *address, uint16_t *port);

#endif /* _L7FP_KERNEL_H */
