// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clusters and their endpoints.
 *
 * A cluster is changed over netlink, under the namespace's lock, and read by
 * exchanges under RCU. Its endpoints are replaced as a whole; an endpoint
 * whose address stays keeps its pool.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "compat.h"
#include "downstream.h"
#include "original.h"

void l7fp_cluster_put(struct l7fp_cluster *cluster)
{
	if (!refcount_dec_and_test(&cluster->refs))
		return;
	free_percpu(cluster->stats);
	l7fp_originals_free(cluster->originals);
	/* Nobody else knows the cluster. */
	kfree(rcu_access_pointer(cluster->tls));
	kfree_rcu(cluster, rcu);
}

void l7fp_endpoint_put(struct l7fp_endpoint *endpoint)
{
	struct l7fp_cluster *cluster = endpoint->cluster;

	if (!refcount_dec_and_test(&endpoint->refs))
		return;
	kfree(endpoint->preamble);
	kfree_rcu(endpoint, rcu);
	l7fp_cluster_put(cluster);
}

static void config_defaults(struct l7fp_cluster_config *config)
{
	if (!config->connect_timeout_ms)
		config->connect_timeout_ms = 10000;
	if (!config->idle_timeout_ms)
		config->idle_timeout_ms = 3600000;
	if (!config->max_connections)
		config->max_connections = U32_MAX;
	if (!config->max_pending)
		config->max_pending = U32_MAX;
}

struct l7fp_cluster *l7fp_cluster_new(struct l7fp_net *ln,
				      const struct l7fp_cluster_config *config)
{
	struct l7fp_cluster *cluster = kzalloc(sizeof(*cluster), GFP_KERNEL);

	if (!cluster)
		return NULL;
	cluster->config = *config;
	cluster->config.tls = NULL;
	config_defaults(&cluster->config);
	cluster->ln = ln;
	refcount_set(&cluster->refs, 1);
	cluster->stats = alloc_percpu(struct l7fp_cluster_stats);
	if (!cluster->stats) {
		kfree(cluster);
		return NULL;
	}
	return cluster;
}

static void keep_at_hand(struct l7fp_net *ln, u32 id, struct l7fp_cluster *cluster)
{
	if (id < L7FP_FEW_CLUSTERS)
		rcu_assign_pointer(ln->few_clusters[id], cluster);
}

/* Connections that stand were made under the former terms: none is used again. */
static int set_tls(struct l7fp_cluster *cluster, const struct nlattr *nest)
{
	struct l7fp_cluster_tls *new = NULL, *old;
	struct l7fp_endpoint_set *set;
	u32 i;

	old = rcu_dereference_protected(cluster->tls, lockdep_is_held(&cluster->ln->lock));
	if (!nest && !old)
		return 0;
	if (nest && old && nla_len(nest) == (int)old->len &&
	    !memcmp(nla_data(nest), old->data, old->len))
		return 0;
	if (nest) {
		new = kmalloc(struct_size(new, data, nla_len(nest)), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
		new->len = nla_len(nest);
		memcpy(new->data, nla_data(nest), new->len);
	}
	rcu_assign_pointer(cluster->tls, new);
	WRITE_ONCE(cluster->tls_changes, cluster->tls_changes + 1);
	set = rcu_dereference_protected(cluster->endpoints, lockdep_is_held(&cluster->ln->lock));
	for (i = 0; set && i < set->n; i++)
		l7fp_pool_close_idle(set->pick[i]);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

int l7fp_cluster_set(struct l7fp_net *ln, const struct l7fp_cluster_config *config)
{
	struct l7fp_cluster *cluster;
	int err;

	lockdep_assert_held(&ln->lock);
	if (ln->dead)
		return -ENETDOWN;
	cluster = xa_load(&ln->clusters, config->id);
	if (cluster) {
		struct l7fp_cluster_config next = *config;
		int err = set_tls(cluster, config->tls);

		if (err)
			return err;
		config_defaults(&next);
		memcpy(cluster->config.name, next.name, sizeof(next.name));
		WRITE_ONCE(cluster->config.lb, next.lb);
		WRITE_ONCE(cluster->config.connect_timeout_ms, next.connect_timeout_ms);
		WRITE_ONCE(cluster->config.idle_timeout_ms, next.idle_timeout_ms);
		WRITE_ONCE(cluster->config.max_connections, next.max_connections);
		WRITE_ONCE(cluster->config.max_pending, next.max_pending);
		WRITE_ONCE(cluster->config.protocol, next.protocol);
		WRITE_ONCE(cluster->config.max_requests_per_connection,
			   next.max_requests_per_connection);
		return 0;
	}
	cluster = l7fp_cluster_new(ln, config);
	if (!cluster)
		return -ENOMEM;
	if (config->kind == L7FP_CLUSTER_ORIGINAL_DST) {
		cluster->originals = l7fp_originals_new();
		if (!cluster->originals) {
			l7fp_cluster_put(cluster);
			return -ENOMEM;
		}
	}
	err = set_tls(cluster, config->tls);
	err = err ?: xa_err(xa_store(&ln->clusters, config->id, cluster, GFP_KERNEL));
	if (err)
		l7fp_cluster_put(cluster);
	else
		keep_at_hand(ln, config->id, cluster);
	return err;
}

/* Its pool is closed; connections in use close when their exchange ends. */
static void endpoint_retire(struct l7fp_endpoint *endpoint)
{
	spin_lock_bh(&endpoint->lock);
	endpoint->dead = true;
	spin_unlock_bh(&endpoint->lock);
	l7fp_pool_close_idle(endpoint);
	l7fp_endpoint_put(endpoint);
}

int l7fp_cluster_delete(struct l7fp_net *ln, u32 id)
{
	struct l7fp_endpoint_set *set;
	struct l7fp_cluster *cluster;
	u32 i;

	lockdep_assert_held(&ln->lock);
	cluster = xa_erase(&ln->clusters, id);
	if (!cluster)
		return -ENOENT;
	keep_at_hand(ln, id, NULL);
	set = rcu_replace_pointer(cluster->endpoints, NULL, lockdep_is_held(&ln->lock));
	for (i = 0; set && i < set->n; i++)
		endpoint_retire(set->pick[i]);
	if (set)
		kfree_rcu(set, rcu);
	if (cluster->originals)
		l7fp_originals_exit(cluster);
	l7fp_cluster_put(cluster);
	return 0;
}

bool l7fp_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

static struct l7fp_endpoint *find_endpoint(struct l7fp_endpoint_set *set,
					   const struct sockaddr_storage *address)
{
	u32 i;

	for (i = 0; set && i < set->n; i++)
		if (l7fp_same_address(&set->pick[i]->config.address, address))
			return set->pick[i];
	return NULL;
}

struct l7fp_endpoint *l7fp_endpoint_new(struct l7fp_cluster *cluster,
					const struct l7fp_endpoint_config *config, gfp_t gfp)
{
	struct l7fp_endpoint *endpoint = kzalloc(sizeof(*endpoint), gfp);

	if (!endpoint)
		return NULL;
	endpoint->cluster = cluster;
	refcount_inc(&cluster->refs);
	refcount_set(&endpoint->refs, 1);
	spin_lock_init(&endpoint->lock);
	INIT_LIST_HEAD(&endpoint->idle);
	INIT_LIST_HEAD(&endpoint->h2);
	endpoint->config = *config;
	return endpoint;
}

int l7fp_cluster_set_endpoints(struct l7fp_cluster *cluster,
			       const struct l7fp_endpoint_config *endpoints, u32 n)
{
	struct l7fp_endpoint_set *set, *old;
	u32 i, first = 0, last = n;

	lockdep_assert_held(&cluster->ln->lock);
	if (n > L7FP_MAX_ENDPOINTS)
		return -E2BIG;
	old = rcu_dereference_protected(cluster->endpoints, lockdep_is_held(&cluster->ln->lock));
	set = kzalloc(struct_size(set, pick, n), GFP_KERNEL);
	if (!set)
		return -ENOMEM;
	set->n = n;
	/* Healthy ones first; nothing old is touched until all memory is there. */
	for (i = 0; i < n; i++) {
		struct l7fp_endpoint *endpoint = find_endpoint(old, &endpoints[i].address);
		u32 weight = endpoints[i].weight ?: 1;

		if (endpoint)
			refcount_inc(&endpoint->refs);
		else
			endpoint = l7fp_endpoint_new(cluster, &endpoints[i], GFP_KERNEL);
		if (!endpoint)
			goto fail;
		if (endpoints[i].healthy) {
			set->pick[first++] = endpoint;
			set->weight_total += weight;
		} else {
			set->pick[--last] = endpoint;
		}
	}
	set->n_healthy = first;
	for (i = 0; i < n; i++) {
		struct l7fp_endpoint *endpoint = find_endpoint(set, &endpoints[i].address);

		WRITE_ONCE(endpoint->config.weight, endpoints[i].weight ?: 1);
		WRITE_ONCE(endpoint->config.healthy, endpoints[i].healthy);
	}
	rcu_assign_pointer(cluster->endpoints, set);
	for (i = 0; old && i < old->n; i++) {
		if (find_endpoint(set, &old->pick[i]->config.address) == old->pick[i])
			l7fp_endpoint_put(old->pick[i]);
		else
			endpoint_retire(old->pick[i]);
	}
	if (old)
		kfree_rcu(old, rcu);
	return 0;
fail:
	for (i = 0; i < n; i++)
		if (set->pick[i])
			l7fp_endpoint_put(set->pick[i]);
	kfree(set);
	return -ENOMEM;
}

int l7fp_cluster_adopt(struct l7fp_cluster *cluster, struct socket *sock)
{
	struct sockaddr_storage peer = {};
	struct l7fp_endpoint_set *set;
	struct l7fp_endpoint *endpoint;
	int err;

	lockdep_assert_held(&cluster->ln->lock);
	err = kernel_getpeername(sock, (struct sockaddr *)&peer);
	if (err < 0)
		return err;
	set = rcu_dereference_protected(cluster->endpoints, lockdep_is_held(&cluster->ln->lock));
	endpoint = find_endpoint(set, &peer);
	return endpoint ? l7fp_pool_adopt(endpoint, sock) : -EADDRNOTAVAIL;
}
