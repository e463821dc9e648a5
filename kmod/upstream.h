/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clusters, their endpoints, load balancing, and the pools of connections.
 */
#ifndef _L7FP_UPSTREAM_H
#define _L7FP_UPSTREAM_H

#include <linux/refcount.h>
#include <linux/netlink.h>
#include <linux/socket.h>
#include "state.h"

struct l7fp_cluster_config {
	u32 id;
	char name[L7FP_MAX_NAME + 1];
	u32 lb;
	u32 connect_timeout_ms;
	u32 idle_timeout_ms;
	u32 max_connections;
	u32 max_pending;
	u32 max_requests_per_connection;
	u32 kind;			/* enum l7fp_cluster_kind; does not change */
	u32 protocol;			/* enum l7fp_cluster_protocol */
	const struct nlattr *tls;	/* of the message that sets it; NULL: none */
};

struct l7fp_cluster_stats {
	u64 cx_total;
	u64 cx_destroy;
	u64 cx_connect_fail;
	u64 cx_connect_timeout;
	u64 cx_overflow;
	u64 rq_total;
	u64 rq_2xx, rq_3xx, rq_4xx, rq_5xx;
	u64 rq_timeout;
	u64 rq_resent;
	u64 rq_retry;
	u64 rq_pending_overflow;
	u64 no_endpoint;
};

struct l7fp_endpoint_config {
	struct sockaddr_storage address;
	u32 weight;
	bool healthy;
};

struct l7fp_upstream;

/**
 * struct l7fp_endpoint - where connections of a cluster go
 * @refs: one for the cluster's set, one a connection
 * @idle: connections waiting for an exchange, last used first; under @lock
 * @h2: connections with HTTP/2 that take further streams; under @lock
 * @dead: no longer in its cluster: connections close when their exchange ends
 */
struct l7fp_endpoint {
	struct l7fp_cluster *cluster;
	struct l7fp_endpoint_config config;
	refcount_t refs;
	spinlock_t lock;		/* @idle, @n_idle, @h2, @dead */
	struct list_head idle;
	struct list_head h2;
	u32 n_idle;
	atomic_t n_connections;
	bool dead;
	bool original;			/* of an ORIGINAL_DST cluster: struct l7fp_original */
	const u8 *preamble;		/* what each connection begins with, or NULL; its own */
	u32 preamble_len;
	struct rcu_head rcu;
};

/* The endpoints of a cluster at one time; replaced whole, read under RCU. */
struct l7fp_endpoint_set {
	struct rcu_head rcu;
	u32 n;				/* all */
	u32 n_healthy;			/* @pick holds these first */
	u64 weight_total;		/* of the healthy */
	struct l7fp_endpoint *pick[];
};

/**
 * struct l7fp_cluster_tls - what is expected of a cluster's servers; replaced whole
 * @len: of @data, the attributes of a nest l7fp_attr_tls
 */
struct l7fp_cluster_tls {
	struct rcu_head rcu;
	u32 len;
	u8 data[] __aligned(NLA_ALIGNTO);
};

/**
 * struct l7fp_cluster - a named set of endpoints
 * @refs: one for the namespace's table, one an endpoint
 * @config: changed only under l7fp_net.lock, scalar by scalar
 * @tls: connections are made with TLS, as it says; or NULL. Under RCU
 * @tls_changes: of @tls; connections made before the last one take no further exchange
 * @originals: the endpoints of an ORIGINAL_DST cluster, else NULL
 */
struct l7fp_cluster {
	struct l7fp_cluster_config config;
	struct l7fp_net *ln;
	refcount_t refs;
	struct l7fp_endpoint_set __rcu *endpoints;
	struct l7fp_cluster_tls __rcu *tls;
	u32 tls_changes;
	struct l7fp_originals *originals;
	atomic_t n_connections;
	atomic_t n_pending;		/* of them not yet connected */
	atomic_t next;			/* round robin */
	struct l7fp_cluster_stats __percpu *stats;
	struct rcu_head rcu;
};

/* One with its defaults that is in no table, with one reference; NULL without memory. May sleep. */
struct l7fp_cluster *l7fp_cluster_new(struct l7fp_net *ln,
				      const struct l7fp_cluster_config *config);
/* One with one reference, which holds @cluster; NULL without memory. */
struct l7fp_endpoint *l7fp_endpoint_new(struct l7fp_cluster *cluster,
					const struct l7fp_endpoint_config *config, gfp_t gfp);

/* All: process context, under l7fp_net.lock. 0 or a negative error. */
int l7fp_cluster_set(struct l7fp_net *ln, const struct l7fp_cluster_config *config);
int l7fp_cluster_delete(struct l7fp_net *ln, u32 id);
/* Replaces the endpoints; those with an equal address keep their pool. */
int l7fp_cluster_set_endpoints(struct l7fp_cluster *cluster,
			       const struct l7fp_endpoint_config *endpoints, u32 n);

bool l7fp_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Under RCU or l7fp_net.lock; NULL when there is none. */
static inline struct l7fp_cluster *l7fp_cluster_find(struct l7fp_net *ln, u32 id)
{
	if (likely(id < L7FP_FEW_CLUSTERS))
		return rcu_dereference_check(ln->few_clusters[id], lockdep_is_held(&ln->lock));
	return xa_load(&ln->clusters, id);
}

/* Takes over a connected socket into the pool of the endpoint it is connected to. */
int l7fp_cluster_adopt(struct l7fp_cluster *cluster, struct socket *sock);

#endif /* _L7FP_UPSTREAM_H */
