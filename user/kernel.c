// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing what the module holds: listeners, clusters, endpoints, generations;
 * and asking what it would decide.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kernel.h"

/* Bytes of an endpoint's nest: five attributes of at most 20 bytes. */
#define ENDPOINT_SIZE	128

/* A nest that is always marked as one: the kernel's parser is strict. */
static struct nlattr *nest_start(struct nl_msg *msg, int type)
{
	return nla_nest_start(msg, type | NLA_F_NESTED);
}

static int simple(struct netlink *nl, enum l7fp_cmd cmd, uint32_t id, const char *what,
		  char *error, size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, cmd, 64);
	char text[64];

	snprintf(text, sizeof(text), "%s %u", what, id);
	nla_put_u32(msg, L7FP_A_ID, id);
	return netlink_do(nl, msg, NULL, NULL, text, error, error_len);
}

int kernel_listener_new(struct netlink *nl, const struct kernel_listener *listener, char *error,
			size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, L7FP_CMD_LISTENER_NEW, 1024);
	struct nlattr *nest = nest_start(msg, L7FP_A_LISTENER);
	char what[L7FP_MAX_NAME + NAME_ADDRESS_LEN + 32], address[NAME_ADDRESS_LEN];

	nla_put_u32(msg, L7FP_A_LISTENER_ID, listener->id);
	nla_put_string(msg, L7FP_A_LISTENER_NAME, listener->name);
	netlink_put_address(msg, L7FP_A_LISTENER_ADDRESS, &listener->address);
	nla_put_u16(msg, L7FP_A_LISTENER_PORT, listener->port);
	nla_put_u32(msg, L7FP_A_LISTENER_PROTOCOL, listener->protocol);
	if (listener->cluster != KERNEL_NONE)
		nla_put_u32(msg, L7FP_A_LISTENER_CLUSTER, listener->cluster);
	nla_put_u32(msg, L7FP_A_LISTENER_FLAGS, listener->flags);
	nla_put_u32(msg, L7FP_A_LISTENER_HEAD_TIMEOUT_MS, listener->head_timeout_ms);
	nla_put_u32(msg, L7FP_A_LISTENER_IDLE_TIMEOUT_MS, listener->idle_timeout_ms);
	nla_put_u32(msg, L7FP_A_LISTENER_PATH_MODE, listener->path_mode);
	if (listener->detect_timeout_ms)
		nla_put_u32(msg, L7FP_A_LISTENER_DETECT_TIMEOUT_MS, listener->detect_timeout_ms);
	if (listener->tls)
		nla_put_u32(msg, L7FP_A_LISTENER_TLS, listener->tls);
	nla_nest_end(msg, nest);
	snprintf(what, sizeof(what), "listener '%s' on %s", listener->name,
		 name_address(address, &listener->address, listener->port));
	return netlink_do(nl, msg, NULL, NULL, what, error, error_len);
}

int kernel_listener_del(struct netlink *nl, uint32_t id, char *error, size_t error_len)
{
	return simple(nl, L7FP_CMD_LISTENER_DEL, id, "remove listener", error, error_len);
}

int kernel_cluster_new(struct netlink *nl, const struct kernel_cluster *cluster, char *error,
		       size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, L7FP_CMD_CLUSTER_NEW, 1024 + cluster->tls.len);
	struct nlattr *nest = nest_start(msg, L7FP_A_CLUSTER);
	char what[L7FP_MAX_NAME + 32];

	nla_put_u32(msg, L7FP_A_CLUSTER_ID, cluster->id);
	nla_put_string(msg, L7FP_A_CLUSTER_NAME, cluster->name);
	nla_put_u32(msg, L7FP_A_CLUSTER_LB, cluster->lb);
	nla_put_u32(msg, L7FP_A_CLUSTER_KIND, cluster->kind);
	nla_put_u32(msg, L7FP_A_CLUSTER_PROTOCOL, cluster->protocol);
	nla_put_u32(msg, L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS, cluster->connect_timeout_ms);
	nla_put_u32(msg, L7FP_A_CLUSTER_IDLE_TIMEOUT_MS, cluster->idle_timeout_ms);
	nla_put_u32(msg, L7FP_A_CLUSTER_MAX_CONNECTIONS, cluster->max_connections);
	nla_put_u32(msg, L7FP_A_CLUSTER_MAX_PENDING, cluster->max_pending);
	nla_put_u32(msg, L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION,
		    cluster->max_requests_per_connection);
	if (cluster->tls.data)
		nla_put(msg, L7FP_A_CLUSTER_TLS | NLA_F_NESTED, cluster->tls.len,
			cluster->tls.data);
	nla_nest_end(msg, nest);
	snprintf(what, sizeof(what), "cluster '%s'", cluster->name);
	return netlink_do(nl, msg, NULL, NULL, what, error, error_len);
}

int kernel_cluster_del(struct netlink *nl, uint32_t id, char *error, size_t error_len)
{
	return simple(nl, L7FP_CMD_CLUSTER_DEL, id, "remove cluster", error, error_len);
}

int kernel_endpoint_set(struct netlink *nl, const struct kernel_cluster *cluster,
			const struct kernel_endpoint *endpoint, size_t n, char *error,
			size_t error_len)
{
	char what[L7FP_MAX_NAME + 64];
	struct nlattr *nest;
	struct nl_msg *msg;
	size_t i;

	snprintf(what, sizeof(what), "endpoints of cluster '%s'", cluster->name);
	if (n > L7FP_MAX_ENDPOINTS) {
		snprintf(error, error_len, "%s: %zu of them; expected at most %d", what, n,
			 L7FP_MAX_ENDPOINTS);
		return -E2BIG;
	}
	msg = netlink_message(nl, L7FP_CMD_ENDPOINT_SET, 64 + n * ENDPOINT_SIZE);
	nla_put_u32(msg, L7FP_A_ID, cluster->id);
	for (i = 0; i < n; i++) {
		nest = nest_start(msg, L7FP_A_ENDPOINT);
		netlink_put_address(msg, L7FP_A_ENDPOINT_ADDRESS, &endpoint[i].address);
		nla_put_u16(msg, L7FP_A_ENDPOINT_PORT, endpoint[i].port);
		nla_put_u32(msg, L7FP_A_ENDPOINT_WEIGHT, endpoint[i].weight);
		nla_put_u8(msg, L7FP_A_ENDPOINT_HEALTHY, endpoint[i].healthy);
		nla_nest_end(msg, nest);
	}
	return netlink_do(nl, msg, NULL, NULL, what, error, error_len);
}

static int generation(struct netlink *nl, enum l7fp_cmd cmd, uint64_t number, int map_fd,
		      const char *what, char *error, size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, cmd, 64);
	char text[64];

	snprintf(text, sizeof(text), "%s generation %llu", what, (unsigned long long)number);
	nla_put_u64(msg, L7FP_A_GENERATION, number);
	if (map_fd >= 0)
		nla_put_u32(msg, L7FP_A_MAP_FD, map_fd);
	return netlink_do(nl, msg, NULL, NULL, text, error, error_len);
}

int kernel_generation_new(struct netlink *nl, uint64_t number, char *error, size_t error_len)
{
	return generation(nl, L7FP_CMD_GENERATION_NEW, number, -1, "begin", error, error_len);
}

int kernel_generation_prepare(struct netlink *nl, uint64_t number, int map_fd, char *error,
			      size_t error_len)
{
	return generation(nl, L7FP_CMD_GENERATION_PREPARE, number, map_fd, "prepare", error,
			  error_len);
}

int kernel_generation_del(struct netlink *nl, uint64_t number, char *error, size_t error_len)
{
	return generation(nl, L7FP_CMD_GENERATION_DEL, number, -1, "remove", error, error_len);
}

static void copy_bytes(char *out, size_t size, struct nlattr *attr)
{
	size_t n = attr ? nla_len(attr) : 0;

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, nla_data(attr), n);
	out[n] = '\0';
}

static int on_explain(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_EXPLAIN_MAX + 1];
	struct kernel_explain *out = context;

	if (!attr[L7FP_A_EXPLAIN] || netlink_nest(tb, L7FP_A_EXPLAIN_MAX, attr[L7FP_A_EXPLAIN]))
		return -EBADMSG;
	out->generation = netlink_get_u64(attr[L7FP_A_GENERATION]);
	out->verdict = netlink_get_u32(tb[L7FP_A_EXPLAIN_VERDICT]);
	out->reason = netlink_get_u32(tb[L7FP_A_EXPLAIN_REASON]);
	out->status = netlink_get_u32(tb[L7FP_A_EXPLAIN_STATUS]);
	if (tb[L7FP_A_EXPLAIN_CLUSTER])
		out->cluster = netlink_get_u32(tb[L7FP_A_EXPLAIN_CLUSTER]);
	if (tb[L7FP_A_EXPLAIN_ROUTE])
		out->route = netlink_get_u32(tb[L7FP_A_EXPLAIN_ROUTE]);
	if (tb[L7FP_A_EXPLAIN_RULE])
		out->rule = netlink_get_u32(tb[L7FP_A_EXPLAIN_RULE]);
	copy_bytes(out->path, sizeof(out->path), tb[L7FP_A_EXPLAIN_PATH]);
	copy_bytes(out->host, sizeof(out->host), tb[L7FP_A_EXPLAIN_HOST]);
	copy_bytes(out->location, sizeof(out->location), tb[L7FP_A_EXPLAIN_LOCATION]);
	return 0;
}

int kernel_explain(struct netlink *nl, const char *head, size_t head_len, uint32_t path_mode,
		   const struct in6_addr *source, uint16_t source_port,
		   const struct in6_addr *destination, uint16_t destination_port, bool inbound,
		   struct kernel_explain *out, char *error, size_t error_len)
{
	struct nlattr *nest;
	struct nl_msg *msg;

	/* Its strings have room for the longest head: only their ends are set. */
	out->generation = 0;
	out->verdict = out->reason = out->status = 0;
	out->cluster = out->route = out->rule = KERNEL_NONE;
	out->path[0] = out->host[0] = out->location[0] = 0;
	if (head_len > L7FP_MAX_EXPLAIN_HEAD) {
		snprintf(error, error_len, "the request head has %zu bytes; expected at most %d",
			 head_len, L7FP_MAX_EXPLAIN_HEAD);
		return -E2BIG;
	}
	msg = netlink_message(nl, L7FP_CMD_EXPLAIN, head_len + 256);
	nest = nest_start(msg, L7FP_A_EXPLAIN);
	nla_put(msg, L7FP_A_EXPLAIN_HEAD, head_len, head);
	nla_put_u32(msg, L7FP_A_EXPLAIN_PATH_MODE, path_mode);
	netlink_put_address(msg, L7FP_A_EXPLAIN_SOURCE_ADDRESS, source);
	nla_put_u16(msg, L7FP_A_EXPLAIN_SOURCE_PORT, source_port);
	netlink_put_address(msg, L7FP_A_EXPLAIN_DESTINATION_ADDRESS, destination);
	nla_put_u16(msg, L7FP_A_EXPLAIN_DESTINATION_PORT, destination_port);
	nla_put_u8(msg, L7FP_A_EXPLAIN_INBOUND, inbound);
	nla_nest_end(msg, nest);
	return netlink_do(nl, msg, on_explain, out, "explain", error, error_len);
}

static int drain_answer(struct nlattr **attr, void *context)
{
	struct nlattr *tb[L7FP_A_DRAIN_MAX + 1];
	struct kernel_drain *out = context;

	if (!attr[L7FP_A_DRAIN] || netlink_nest(tb, L7FP_A_DRAIN_MAX, attr[L7FP_A_DRAIN]))
		return -EBADMSG;
	out->listeners = netlink_get_u32(tb[L7FP_A_DRAIN_LISTENERS]);
	out->connections = netlink_get_u32(tb[L7FP_A_DRAIN_CONNECTIONS]);
	out->reset = netlink_get_u64(tb[L7FP_A_DRAIN_RESET]);
	out->on = tb[L7FP_A_DRAIN_LEFT_MS];
	out->left_ms = netlink_get_u32(tb[L7FP_A_DRAIN_LEFT_MS]);
	return 0;
}

int kernel_drain(struct netlink *nl, unsigned int what, uint32_t deadline_ms,
		 struct kernel_drain *out, char *error, size_t error_len)
{
	struct nl_msg *msg = netlink_message(nl, L7FP_CMD_DRAIN, 64);
	struct nlattr *nest = nest_start(msg, L7FP_A_DRAIN);

	memset(out, 0, sizeof(*out));
	if (what & KERNEL_DRAIN_BEGIN)
		nla_put_u32(msg, L7FP_A_DRAIN_DEADLINE_MS, deadline_ms);
	if (what & KERNEL_DRAIN_STOP)
		nla_put_u8(msg, L7FP_A_DRAIN_STOP, 1);
	nla_nest_end(msg, nest);
	return netlink_do(nl, msg, drain_answer, out, "drain", error, error_len);
}
