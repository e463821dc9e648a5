// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading what the module holds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"

static void no_memory(void)
{
	fprintf(stderr, "l7fp: out of memory\n");
	exit(1);
}

/* Room for one more in an array of @n; grows when @n is a power of two or zero. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n && (n & (n - 1)))
		return array;
	array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		no_memory();
	return array;
}

static void copy_name(char out[L7FP_MAX_NAME + 1], struct nlattr *attr)
{
	snprintf(out, L7FP_MAX_NAME + 1, "%s", netlink_get_string(attr));
}

static char *copy_string(struct nlattr *attr)
{
	char *copy = strdup(netlink_get_string(attr));

	if (!copy)
		no_memory();
	return copy;
}

static uint32_t id_or_none(struct nlattr *attr)
{
	return attr ? netlink_get_u32(attr) : KERNEL_NONE;
}

static int parse_listener(struct nlattr *nest, struct kernel_listener *listener)
{
	struct nlattr *tb[L7FP_A_LISTENER_MAX + 1];

	if (!nest || netlink_nest(tb, L7FP_A_LISTENER_MAX, nest))
		return -EBADMSG;
	memset(listener, 0, sizeof(*listener));
	listener->id = netlink_get_u32(tb[L7FP_A_LISTENER_ID]);
	copy_name(listener->name, tb[L7FP_A_LISTENER_NAME]);
	if (netlink_get_address(&listener->address, tb[L7FP_A_LISTENER_ADDRESS]))
		return -EBADMSG;
	listener->port = netlink_get_u16(tb[L7FP_A_LISTENER_PORT]);
	listener->protocol = netlink_get_u32(tb[L7FP_A_LISTENER_PROTOCOL]);
	listener->cluster = id_or_none(tb[L7FP_A_LISTENER_CLUSTER]);
	listener->flags = netlink_get_u32(tb[L7FP_A_LISTENER_FLAGS]);
	listener->head_timeout_ms = netlink_get_u32(tb[L7FP_A_LISTENER_HEAD_TIMEOUT_MS]);
	listener->idle_timeout_ms = netlink_get_u32(tb[L7FP_A_LISTENER_IDLE_TIMEOUT_MS]);
	listener->path_mode = netlink_get_u32(tb[L7FP_A_LISTENER_PATH_MODE]);
	listener->detect_timeout_ms = netlink_get_u32(tb[L7FP_A_LISTENER_DETECT_TIMEOUT_MS]);
	listener->tls = netlink_get_u32(tb[L7FP_A_LISTENER_TLS]);
	return 0;
}

static int on_listener(struct nlattr **attr, void *context)
{
	struct kernel *k = context;

	k->listener = grow(k->listener, k->n_listeners, sizeof(*k->listener));
	if (parse_listener(attr[L7FP_A_LISTENER], &k->listener[k->n_listeners]))
		return -EBADMSG;
	k->n_listeners++;
	return 0;
}

static int on_cluster(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_CLUSTER_MAX + 1];
	struct kernel_cluster *c;
	struct kernel *k = context;

	if (!attr[L7FP_A_CLUSTER] || netlink_nest(tb, L7FP_A_CLUSTER_MAX, attr[L7FP_A_CLUSTER]))
		return -EBADMSG;
	k->cluster = grow(k->cluster, k->n_clusters, sizeof(*k->cluster));
	c = &k->cluster[k->n_clusters++];
	memset(c, 0, sizeof(*c));
	c->id = netlink_get_u32(tb[L7FP_A_CLUSTER_ID]);
	copy_name(c->name, tb[L7FP_A_CLUSTER_NAME]);
	c->lb = netlink_get_u32(tb[L7FP_A_CLUSTER_LB]);
	c->kind = netlink_get_u32(tb[L7FP_A_CLUSTER_KIND]);
	c->protocol = netlink_get_u32(tb[L7FP_A_CLUSTER_PROTOCOL]);
	kernel_tls_copy(&c->tls, tb[L7FP_A_CLUSTER_TLS]);
	c->connect_timeout_ms = netlink_get_u32(tb[L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS]);
	c->idle_timeout_ms = netlink_get_u32(tb[L7FP_A_CLUSTER_IDLE_TIMEOUT_MS]);
	c->max_connections = netlink_get_u32(tb[L7FP_A_CLUSTER_MAX_CONNECTIONS]);
	c->max_pending = netlink_get_u32(tb[L7FP_A_CLUSTER_MAX_PENDING]);
	c->max_requests_per_connection =
		netlink_get_u32(tb[L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION]);
	return 0;
}

static int add_endpoint(struct kernel *k, struct nlattr *nest)
{
	struct nlattr *tb[L7FP_A_ENDPOINT_MAX + 1];
	struct kernel_endpoint *e;

	if (netlink_nest(tb, L7FP_A_ENDPOINT_MAX, nest))
		return -EBADMSG;
	k->endpoint = grow(k->endpoint, k->n_endpoints, sizeof(*k->endpoint));
	e = &k->endpoint[k->n_endpoints++];
	memset(e, 0, sizeof(*e));
	e->cluster = netlink_get_u32(tb[L7FP_A_ENDPOINT_CLUSTER]);
	if (netlink_get_address(&e->address, tb[L7FP_A_ENDPOINT_ADDRESS]))
		return -EBADMSG;
	e->port = netlink_get_u16(tb[L7FP_A_ENDPOINT_PORT]);
	e->weight = netlink_get_u32(tb[L7FP_A_ENDPOINT_WEIGHT]);
	e->healthy = tb[L7FP_A_ENDPOINT_HEALTHY] && nla_len(tb[L7FP_A_ENDPOINT_HEALTHY]) &&
		     nla_get_u8(tb[L7FP_A_ENDPOINT_HEALTHY]);
	e->connections = netlink_get_u32(tb[L7FP_A_ENDPOINT_CONNECTIONS]);
	e->idle = netlink_get_u32(tb[L7FP_A_ENDPOINT_IDLE]);
	return 0;
}

static int on_endpoint(struct nlattr **attr, void *context)
{
	return attr[L7FP_A_ENDPOINT] ? add_endpoint(context, attr[L7FP_A_ENDPOINT]) : 0;
}

static int add_slow_path(struct kernel_generation *g, struct nlattr *nest)
{
	struct nlattr *tb[L7FP_A_SLOW_PATH_MAX + 1], *token;

	if (netlink_nest(tb, L7FP_A_SLOW_PATH_MAX, nest))
		return -EBADMSG;
	netlink_get_address(&g->slow_path, tb[L7FP_A_SLOW_PATH_ADDRESS]);
	g->slow_path_port = netlink_get_u16(tb[L7FP_A_SLOW_PATH_PORT]);
	g->slow_path_inbound_port = netlink_get_u16(tb[L7FP_A_SLOW_PATH_INBOUND_PORT]);
	token = tb[L7FP_A_SLOW_PATH_TOKEN];
	if (token && nla_len(token) < (int)sizeof(g->slow_path_token))
		memcpy(g->slow_path_token, nla_data(token), nla_len(token));
	return 0;
}

static int on_generation(struct nlattr **attr, void *context)
{
	struct kernel_generation *g;
	struct kernel *k = context;

	k->generation = grow(k->generation, k->n_generations, sizeof(*k->generation));
	g = &k->generation[k->n_generations++];
	memset(g, 0, sizeof(*g));
	g->number = netlink_get_u64(attr[L7FP_A_GENERATION]);
	g->state = netlink_get_u32(attr[L7FP_A_GENERATION_STATE]);
	g->exchanges = netlink_get_u64(attr[L7FP_A_EXCHANGES]);
	copy_name(g->name, attr[L7FP_A_NAME]);
	return attr[L7FP_A_SLOW_PATH] ? add_slow_path(g, attr[L7FP_A_SLOW_PATH]) : 0;
}

static int on_connection(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_CONNECTION_MAX + 1], *principal;
	struct kernel_connection *c;
	struct kernel *k = context;

	if (!attr[L7FP_A_CONNECTION] ||
	    netlink_nest(tb, L7FP_A_CONNECTION_MAX, attr[L7FP_A_CONNECTION]))
		return -EBADMSG;
	k->connection = grow(k->connection, k->n_connections, sizeof(*k->connection));
	c = &k->connection[k->n_connections++];
	memset(c, 0, sizeof(*c));
	c->downstream = tb[L7FP_A_CONNECTION_LISTENER];
	c->listener = id_or_none(tb[L7FP_A_CONNECTION_LISTENER]);
	c->cluster = id_or_none(tb[L7FP_A_CONNECTION_CLUSTER]);
	/* Each may be absent: a socket can lose its peer while it is dumped. */
	netlink_get_address(&c->local, tb[L7FP_A_CONNECTION_LOCAL_ADDRESS]);
	netlink_get_address(&c->remote, tb[L7FP_A_CONNECTION_REMOTE_ADDRESS]);
	netlink_get_address(&c->original, tb[L7FP_A_CONNECTION_ORIGINAL_ADDRESS]);
	c->local_port = netlink_get_u16(tb[L7FP_A_CONNECTION_LOCAL_PORT]);
	c->remote_port = netlink_get_u16(tb[L7FP_A_CONNECTION_REMOTE_PORT]);
	c->original_port = netlink_get_u16(tb[L7FP_A_CONNECTION_ORIGINAL_PORT]);
	c->exchanges = netlink_get_u64(tb[L7FP_A_CONNECTION_EXCHANGES]);
	c->id = netlink_get_u64(tb[L7FP_A_CONNECTION_ID]);
	c->rx_bytes = netlink_get_u64(tb[L7FP_A_CONNECTION_RX_BYTES]);
	c->tx_bytes = netlink_get_u64(tb[L7FP_A_CONNECTION_TX_BYTES]);
	c->queued = netlink_get_u32(tb[L7FP_A_CONNECTION_QUEUED]);
	c->state = netlink_get_u32(tb[L7FP_A_CONNECTION_STATE]);
	c->idle_ms = netlink_get_u32(tb[L7FP_A_CONNECTION_IDLE_MS]);
	c->app = netlink_get_u32(tb[L7FP_A_CONNECTION_APP]);
	c->tls_version = netlink_get_u32(tb[L7FP_A_CONNECTION_TLS_VERSION]);
	c->tls_cipher = netlink_get_u32(tb[L7FP_A_CONNECTION_TLS_CIPHER]);
	principal = tb[L7FP_A_CONNECTION_TLS_PRINCIPAL];
	if (principal)
		snprintf(c->tls_principal, sizeof(c->tls_principal), "%.*s",
			 (int)nla_len(principal), (const char *)nla_data(principal));
	return 0;
}

static char *copy_bytes(const struct nlattr *attr)
{
	char *text = attr ? strndup(nla_data(attr), nla_len(attr)) : strdup("");

	if (!text) {
		fprintf(stderr, "l7fp: out of memory\n");
		exit(1);
	}
	return text;
}

static int on_workload(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_WORKLOAD_MAX + 1];
	struct kernel_workload *w;
	struct kernel *k = context;

	if (!attr[L7FP_A_WORKLOAD] ||
	    netlink_nest(tb, L7FP_A_WORKLOAD_MAX, attr[L7FP_A_WORKLOAD]))
		return -EBADMSG;
	k->workload = grow(k->workload, k->n_workloads, sizeof(*k->workload));
	w = &k->workload[k->n_workloads++];
	memset(w, 0, sizeof(*w));
	w->principal = copy_bytes(tb[L7FP_A_WORKLOAD_PRINCIPAL]);
	w->namespace = copy_bytes(tb[L7FP_A_WORKLOAD_NAMESPACE]);
	w->cgroup = netlink_get_u64(tb[L7FP_A_WORKLOAD_CGROUP]);
	netlink_get_address(&w->address, tb[L7FP_A_WORKLOAD_ADDRESS]);
	return 0;
}

static int on_stat(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_STAT_MAX + 1];
	struct kernel *k = context;
	struct kernel_stat *s;

	if (!attr[L7FP_A_STAT] || netlink_nest(tb, L7FP_A_STAT_MAX, attr[L7FP_A_STAT]))
		return -EBADMSG;
	k->stat = grow(k->stat, k->n_stats, sizeof(*k->stat));
	s = &k->stat[k->n_stats++];
	memset(s, 0, sizeof(*s));
	s->scope = netlink_get_u32(tb[L7FP_A_STAT_SCOPE]);
	s->id = netlink_get_u32(tb[L7FP_A_STAT_ID]);
	s->object = copy_string(tb[L7FP_A_STAT_OBJECT]);
	s->name = copy_string(tb[L7FP_A_STAT_NAME]);
	s->value = netlink_get_u64(tb[L7FP_A_STAT_VALUE]);
	return 0;
}

static int by_cluster(const void *a, const void *b)
{
	const struct kernel_endpoint *x = a, *y = b;

	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

static int by_principal(const void *a, const void *b)
{
	const struct kernel_workload *x = a, *y = b;
	int d = strcmp(x->principal, y->principal);

	if (!d)
		d = strcmp(x->namespace, y->namespace);
	if (!d && x->cgroup != y->cgroup)
		d = x->cgroup < y->cgroup ? -1 : 1;
	return d ? d : memcmp(&x->address, &y->address, sizeof(x->address));
}

static int by_id(const void *a, const void *b)
{
	const struct kernel_cluster *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* An endpoint whose cluster came after the clusters were read is left out. */
static void sort_clusters(struct kernel *k)
{
	size_t i, e = 0;

	if (k->n_clusters)
		qsort(k->cluster, k->n_clusters, sizeof(*k->cluster), by_id);
	if (k->n_endpoints)
		qsort(k->endpoint, k->n_endpoints, sizeof(*k->endpoint), by_cluster);
	for (i = 0; i < k->n_clusters; i++) {
		struct kernel_cluster *c = &k->cluster[i];

		while (e < k->n_endpoints && k->endpoint[e].cluster < c->id)
			e++;
		c->first_endpoint = e;
		while (e < k->n_endpoints && k->endpoint[e].cluster == c->id)
			e++;
		c->n_endpoints = e - c->first_endpoint;
	}
}

static int dump(struct netlink *nl, enum l7fp_cmd cmd, netlink_answer answer, struct kernel *kernel,
		const char *what, char *error, size_t error_len)
{
	return netlink_dump(nl, netlink_message(nl, cmd, 0), answer, kernel, what, error,
			    error_len);
}

int kernel_read(struct netlink *nl, unsigned int what, struct kernel *kernel, char *error,
		size_t error_len)
{
	int err = 0;

	memset(kernel, 0, sizeof(*kernel));
	if (what & KERNEL_LISTENERS)
		err = dump(nl, L7FP_CMD_LISTENER_GET, on_listener, kernel, "dump listeners", error,
			   error_len);
	if (!err && (what & KERNEL_CLUSTERS))
		err = dump(nl, L7FP_CMD_CLUSTER_GET, on_cluster, kernel, "dump clusters", error,
			   error_len);
	if (!err && (what & KERNEL_CLUSTERS))
		err = dump(nl, L7FP_CMD_ENDPOINT_GET, on_endpoint, kernel, "dump endpoints", error,
			   error_len);
	if (!err && (what & KERNEL_GENERATIONS))
		err = dump(nl, L7FP_CMD_GENERATION_GET, on_generation, kernel, "dump generations",
			   error, error_len);
	if (!err && (what & KERNEL_CONNECTIONS))
		err = dump(nl, L7FP_CMD_CONNECTION_GET, on_connection, kernel, "dump connections",
			   error, error_len);
	if (!err && (what & KERNEL_STATS))
		err = dump(nl, L7FP_CMD_STATS_GET, on_stat, kernel, "dump statistics", error,
			   error_len);
	if (!err && (what & KERNEL_WORKLOADS))
		err = dump(nl, L7FP_CMD_WORKLOAD_GET, on_workload, kernel, "dump workloads", error,
			   error_len);
	sort_clusters(kernel);
	if (kernel->n_workloads)
		qsort(kernel->workload, kernel->n_workloads, sizeof(*kernel->workload),
		      by_principal);
	return err;
}

void kernel_free(struct kernel *kernel)
{
	size_t i;

	for (i = 0; i < kernel->n_stats; i++) {
		free(kernel->stat[i].object);
		free(kernel->stat[i].name);
	}
	for (i = 0; i < kernel->n_workloads; i++) {
		free(kernel->workload[i].principal);
		free(kernel->workload[i].namespace);
	}
	free(kernel->workload);
	free(kernel->listener);
	for (i = 0; i < kernel->n_clusters; i++)
		kernel_tls_free(&kernel->cluster[i].tls);
	free(kernel->cluster);
	free(kernel->endpoint);
	free(kernel->generation);
	free(kernel->connection);
	free(kernel->stat);
	memset(kernel, 0, sizeof(*kernel));
}

const struct kernel_cluster *kernel_cluster(const struct kernel *kernel, uint32_t id)
{
	struct kernel_cluster key = { .id = id };

	if (!kernel->n_clusters)
		return NULL;
	return bsearch(&key, kernel->cluster, kernel->n_clusters, sizeof(key), by_id);
}

const struct kernel_generation *kernel_current(const struct kernel *kernel)
{
	size_t i;

	for (i = 0; i < kernel->n_generations; i++)
		if (kernel->generation[i].state == L7FP_GENERATION_CURRENT)
			return &kernel->generation[i];
	return NULL;
}

static int on_one_listener(struct nlattr **attr, void *context)
{
	return parse_listener(attr[L7FP_A_LISTENER], context);
}

int kernel_listener_get(struct netlink *nl, uint32_t id, struct kernel_listener *listener,
			char *error, size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, L7FP_CMD_LISTENER_GET, 64);
	char what[64];

	snprintf(what, sizeof(what), "listener %u", id);
	memset(listener, 0, sizeof(*listener));
	nla_put_u32(msg, L7FP_A_ID, id);
	return netlink_do(nl, msg, on_one_listener, listener, what, error, error_len);
}
