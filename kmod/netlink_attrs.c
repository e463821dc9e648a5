// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between netlink attributes and the configuration of listeners, clusters and
 * endpoints.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/ipv6.h>
#include "listener.h"
#include "netlink.h"
#include "path.h"
#include "slowpath.h"
#include "upstream.h"

#define DEFAULT_HEAD_TIMEOUT_MS		60000
#define DEFAULT_IDLE_TIMEOUT_MS		3600000
#define DEFAULT_CONNECT_TIMEOUT_MS	10000
#define DEFAULT_DETECT_TIMEOUT_MS	5000

static u32 get_u32(const struct nlattr *attr, u32 if_zero)
{
	u32 value = attr ? nla_get_u32(attr) : 0;

	return value ?: if_zero;
}

static void get_name(char name[L7FP_MAX_NAME + 1], const struct nlattr *attr)
{
	name[0] = '\0';
	if (attr)
		nla_strscpy(name, attr, L7FP_MAX_NAME + 1);
}

/* The attribute's policy has checked the length. */
static void get_address(struct sockaddr_storage *to, const struct nlattr *address, u16 port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (nla_len(address) == sizeof(in->sin_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, nla_data(address), sizeof(in->sin_addr));
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, nla_data(address), sizeof(in6->sin6_addr));
	}
}

/* Where its connections may be opaque. */
static bool takes_cluster(const struct l7fp_listener_config *config)
{
	return config->protocol == L7FP_PROTOCOL_OPAQUE || config->protocol == L7FP_PROTOCOL_DETECT;
}

int l7fp_parse_listener(const struct nlattr *nest, struct l7fp_listener_config *config,
			struct netlink_ext_ack *extack)
{
	static const struct in6_addr source6 = IN6ADDR_LOOPBACK_INIT;
	struct nlattr *tb[L7FP_A_LISTENER_MAX + 1];
	bool opaque;
	int err;

	err = nla_parse_nested(tb, L7FP_A_LISTENER_MAX, nest, l7fp_listener_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_LISTENER_ID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_LISTENER_ADDRESS) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_LISTENER_PORT))
		return -EINVAL;
	memset(config, 0, sizeof(*config));
	config->id = nla_get_u32(tb[L7FP_A_LISTENER_ID]);
	get_name(config->name, tb[L7FP_A_LISTENER_NAME]);
	get_address(&config->address, tb[L7FP_A_LISTENER_ADDRESS],
		    nla_get_u16(tb[L7FP_A_LISTENER_PORT]));
	config->protocol = get_u32(tb[L7FP_A_LISTENER_PROTOCOL], L7FP_PROTOCOL_HTTP);
	opaque = takes_cluster(config);
	if (opaque != !!tb[L7FP_A_LISTENER_CLUSTER]) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "expected a cluster for OPAQUE and DETECT listeners only");
		return -EINVAL;
	}
	if (config->protocol != L7FP_PROTOCOL_DETECT && tb[L7FP_A_LISTENER_DETECT_TIMEOUT_MS]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "expected where a listener detects only");
		return -EINVAL;
	}
	config->cluster = opaque ? nla_get_u32(tb[L7FP_A_LISTENER_CLUSTER]) : ~0U;
	config->flags = get_u32(tb[L7FP_A_LISTENER_FLAGS], 0);
	if (!(config->flags & L7FP_LISTENER_INBOUND) &&
	    (tb[L7FP_A_LISTENER_SOURCE4] || tb[L7FP_A_LISTENER_SOURCE6])) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "expected a source for an inbound listener only");
		return -EINVAL;
	}
	config->source4.s_addr = htonl(0x7f000006);	/* L7FP_INBOUND_SOURCE4 */
	if (tb[L7FP_A_LISTENER_SOURCE4])
		config->source4.s_addr = nla_get_in_addr(tb[L7FP_A_LISTENER_SOURCE4]);
	config->source6 = source6;
	if (tb[L7FP_A_LISTENER_SOURCE6])
		config->source6 = nla_get_in6_addr(tb[L7FP_A_LISTENER_SOURCE6]);
	config->detect_timeout_ms = get_u32(tb[L7FP_A_LISTENER_DETECT_TIMEOUT_MS],
					    DEFAULT_DETECT_TIMEOUT_MS);
	config->head_timeout_ms = get_u32(tb[L7FP_A_LISTENER_HEAD_TIMEOUT_MS],
					  DEFAULT_HEAD_TIMEOUT_MS);
	config->idle_timeout_ms = get_u32(tb[L7FP_A_LISTENER_IDLE_TIMEOUT_MS],
					  DEFAULT_IDLE_TIMEOUT_MS);
	config->tls = get_u32(tb[L7FP_A_LISTENER_TLS], L7FP_TLS_DISABLE);
	/* Zero is L7FP_PATH_NONE: absent is not the same. */
	config->path_mode = tb[L7FP_A_LISTENER_PATH_MODE] ?
			    nla_get_u32(tb[L7FP_A_LISTENER_PATH_MODE]) : L7FP_PATH_BASE;
	return 0;
}

int l7fp_parse_cluster(const struct nlattr *nest, struct l7fp_cluster_config *config,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_CLUSTER_MAX + 1];
	int err;

	err = nla_parse_nested(tb, L7FP_A_CLUSTER_MAX, nest, l7fp_cluster_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_CLUSTER_ID))
		return -EINVAL;
	memset(config, 0, sizeof(*config));
	config->id = nla_get_u32(tb[L7FP_A_CLUSTER_ID]);
	get_name(config->name, tb[L7FP_A_CLUSTER_NAME]);
	config->lb = get_u32(tb[L7FP_A_CLUSTER_LB], L7FP_LB_ROUND_ROBIN);
	config->connect_timeout_ms = get_u32(tb[L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS],
					     DEFAULT_CONNECT_TIMEOUT_MS);
	config->idle_timeout_ms = get_u32(tb[L7FP_A_CLUSTER_IDLE_TIMEOUT_MS],
					  DEFAULT_IDLE_TIMEOUT_MS);
	config->max_connections = get_u32(tb[L7FP_A_CLUSTER_MAX_CONNECTIONS], U32_MAX);
	config->max_pending = get_u32(tb[L7FP_A_CLUSTER_MAX_PENDING], U32_MAX);
	config->max_requests_per_connection =
		get_u32(tb[L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION], 0);
	config->kind = get_u32(tb[L7FP_A_CLUSTER_KIND], L7FP_CLUSTER_STATIC);
	config->protocol = get_u32(tb[L7FP_A_CLUSTER_PROTOCOL], L7FP_CLUSTER_HTTP1);
	config->tls = tb[L7FP_A_CLUSTER_TLS];
	if (config->tls && nla_len(config->tls) > L7FP_MAX_TLS) {
		NL_SET_ERR_MSG_ATTR(extack, config->tls,
				    "expected at most 8192 bytes: fewer names");
		return -E2BIG;
	}
	return 0;
}

int l7fp_parse_endpoint(const struct nlattr *nest, struct l7fp_endpoint_config *config,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_ENDPOINT_MAX + 1];
	int err;

	err = nla_parse_nested(tb, L7FP_A_ENDPOINT_MAX, nest, l7fp_endpoint_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_ENDPOINT_ADDRESS) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_ENDPOINT_PORT))
		return -EINVAL;
	get_address(&config->address, tb[L7FP_A_ENDPOINT_ADDRESS],
		    nla_get_u16(tb[L7FP_A_ENDPOINT_PORT]));
	config->weight = get_u32(tb[L7FP_A_ENDPOINT_WEIGHT], 1);
	config->healthy = !tb[L7FP_A_ENDPOINT_HEALTHY] ||
			  nla_get_u8(tb[L7FP_A_ENDPOINT_HEALTHY]);
	return 0;
}

int l7fp_parse_slow_path(const struct nlattr *nest, struct l7fp_generation *generation,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[L7FP_A_SLOW_PATH_MAX + 1];
	struct sockaddr_storage address = {};
	u16 inbound_port = 0;
	int err;

	err = nla_parse_nested(tb, L7FP_A_SLOW_PATH_MAX, nest, l7fp_slow_path_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOW_PATH_ADDRESS) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOW_PATH_PORT) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, L7FP_A_SLOW_PATH_TOKEN))
		return -EINVAL;
	get_address(&address, tb[L7FP_A_SLOW_PATH_ADDRESS],
		    nla_get_u16(tb[L7FP_A_SLOW_PATH_PORT]));
	if (tb[L7FP_A_SLOW_PATH_INBOUND_PORT])
		inbound_port = nla_get_u16(tb[L7FP_A_SLOW_PATH_INBOUND_PORT]);
	err = l7fp_slow_path_set(generation, &address, inbound_port,
				 nla_data(tb[L7FP_A_SLOW_PATH_TOKEN]),
				 nla_len(tb[L7FP_A_SLOW_PATH_TOKEN]));
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "expected one slow-path proxy; the generation has one");
	return err;
}

int l7fp_put_slow_path(struct sk_buff *skb, const struct l7fp_slow_path *slow)
{
	struct nlattr *nest;

	if (!slow)
		return 0;
	nest = nla_nest_start(skb, L7FP_A_SLOW_PATH);
	if (!nest)
		return -EMSGSIZE;
	if (l7fp_put_address(skb, L7FP_A_SLOW_PATH_ADDRESS, L7FP_A_SLOW_PATH_PORT,
			     &slow->address) ||
	    nla_put(skb, L7FP_A_SLOW_PATH_TOKEN, slow->token_len, slow->token) ||
	    (slow->inbound_port &&
	     nla_put_u16(skb, L7FP_A_SLOW_PATH_INBOUND_PORT, slow->inbound_port))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

int l7fp_put_address(struct sk_buff *skb, int address_attr, int port_attr,
		     const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	if (address->ss_family == AF_INET6)
		return nla_put(skb, address_attr, sizeof(in6->sin6_addr), &in6->sin6_addr) ?:
		       nla_put_u16(skb, port_attr, ntohs(in6->sin6_port));
	return nla_put(skb, address_attr, sizeof(in->sin_addr), &in->sin_addr) ?:
	       nla_put_u16(skb, port_attr, ntohs(in->sin_port));
}

int l7fp_put_mapped(struct sk_buff *skb, int address_attr, int port_attr, const u32 address[4],
		    u32 port)
{
	struct in6_addr in6;
	int err;

	memcpy(&in6, address, sizeof(in6));
	if (ipv6_addr_v4mapped(&in6))
		err = nla_put(skb, address_attr, sizeof(in6.s6_addr32[3]), &in6.s6_addr32[3]);
	else
		err = nla_put(skb, address_attr, sizeof(in6), &in6);
	return err ?: nla_put_u16(skb, port_attr, port);
}

int l7fp_put_listener(struct sk_buff *skb, const struct l7fp_listener_config *config,
		      const struct sockaddr_storage *address)
{
	struct nlattr *nest = nla_nest_start(skb, L7FP_A_LISTENER);
	bool opaque = takes_cluster(config);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, L7FP_A_LISTENER_ID, config->id) ||
	    nla_put_string(skb, L7FP_A_LISTENER_NAME, config->name) ||
	    l7fp_put_address(skb, L7FP_A_LISTENER_ADDRESS, L7FP_A_LISTENER_PORT, address) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_PROTOCOL, config->protocol) ||
	    (opaque && nla_put_u32(skb, L7FP_A_LISTENER_CLUSTER, config->cluster)) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_FLAGS, config->flags) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_HEAD_TIMEOUT_MS, config->head_timeout_ms) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_IDLE_TIMEOUT_MS, config->idle_timeout_ms) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_PATH_MODE, config->path_mode) ||
	    nla_put_u32(skb, L7FP_A_LISTENER_TLS, config->tls) ||
	    (config->protocol == L7FP_PROTOCOL_DETECT &&
	     nla_put_u32(skb, L7FP_A_LISTENER_DETECT_TIMEOUT_MS, config->detect_timeout_ms)) ||
	    ((config->flags & L7FP_LISTENER_INBOUND) &&
	     (nla_put_in_addr(skb, L7FP_A_LISTENER_SOURCE4, config->source4.s_addr) ||
	      nla_put_in6_addr(skb, L7FP_A_LISTENER_SOURCE6, &config->source6)))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

int l7fp_put_cluster(struct sk_buff *skb, const struct l7fp_cluster_config *c,
		     const struct l7fp_cluster_tls *tls)
{
	struct nlattr *nest = nla_nest_start(skb, L7FP_A_CLUSTER);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, L7FP_A_CLUSTER_ID, c->id) ||
	    nla_put_string(skb, L7FP_A_CLUSTER_NAME, c->name) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_LB, c->lb) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_CONNECT_TIMEOUT_MS, c->connect_timeout_ms) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_IDLE_TIMEOUT_MS, c->idle_timeout_ms) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_MAX_CONNECTIONS, c->max_connections) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_MAX_PENDING, c->max_pending) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_MAX_REQUESTS_PER_CONNECTION,
			c->max_requests_per_connection) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_KIND, c->kind) ||
	    nla_put_u32(skb, L7FP_A_CLUSTER_PROTOCOL, c->protocol) ||
	    (tls && nla_put(skb, L7FP_A_CLUSTER_TLS | NLA_F_NESTED, tls->len, tls->data))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

int l7fp_put_endpoint(struct sk_buff *skb, u32 cluster, const struct l7fp_endpoint_config *config,
		      u32 connections, u32 idle)
{
	struct nlattr *nest = nla_nest_start(skb, L7FP_A_ENDPOINT);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, L7FP_A_ENDPOINT_CLUSTER, cluster) ||
	    l7fp_put_address(skb, L7FP_A_ENDPOINT_ADDRESS, L7FP_A_ENDPOINT_PORT,
			     &config->address) ||
	    nla_put_u32(skb, L7FP_A_ENDPOINT_WEIGHT, config->weight) ||
	    nla_put_u8(skb, L7FP_A_ENDPOINT_HEALTHY, config->healthy) ||
	    nla_put_u32(skb, L7FP_A_ENDPOINT_CONNECTIONS, connections) ||
	    nla_put_u32(skb, L7FP_A_ENDPOINT_IDLE, idle)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}
