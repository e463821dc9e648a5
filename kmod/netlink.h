/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family.
 */
#ifndef _L7FP_NETLINK_H
#define _L7FP_NETLINK_H

#include <net/genetlink.h>
#include "uapi/l7fp.h"

struct l7fp_cluster_config;
struct l7fp_cluster_tls;
struct l7fp_connection;
struct l7fp_endpoint_config;
struct l7fp_generation;
struct l7fp_listener_config;
struct l7fp_net;
struct l7fp_slow_path;
struct sockaddr_storage;

extern struct genl_family l7fp_genl_family;

int l7fp_netlink_init(void);
void l7fp_netlink_uninit(void);

/* Events; any context, rate limited by namespace. */
/* @conn: the downstream connection, or NULL; @cluster: of the upstream, or ~0. */
void l7fp_event_connection_lost(struct l7fp_net *ln, const struct l7fp_connection *conn,
				u32 cluster, u32 reason);
void l7fp_event_upstream_wanted(struct l7fp_net *ln, u32 cluster);
/* Not limited: it comes once for each time that the list is no longer empty. */
void l7fp_event_handshake_wanted(struct l7fp_net *ln);

/* netlink_policy_tables.c: what each message and each nest may hold. */
extern const struct nla_policy l7fp_no_policy[L7FP_A_PAD + 1];
extern const struct nla_policy l7fp_id_policy[L7FP_A_ID + 1];
extern const struct nla_policy l7fp_listener_new_policy[L7FP_A_LISTENER + 1];
extern const struct nla_policy l7fp_cluster_new_policy[L7FP_A_CLUSTER + 1];
extern const struct nla_policy l7fp_endpoint_set_policy[L7FP_A_ENDPOINT + 1];
extern const struct nla_policy l7fp_generation_policy[L7FP_A_GENERATION + 1];
extern const struct nla_policy l7fp_generation_add_policy[L7FP_A_WORKLOAD + 1];
extern const struct nla_policy l7fp_generation_prepare_policy[L7FP_A_MAP_FD + 1];
extern const struct nla_policy l7fp_connection_attach_policy[L7FP_A_CONNECTION + 1];
extern const struct nla_policy l7fp_listener_nl_policy[L7FP_A_LISTENER_MAX + 1];
extern const struct nla_policy l7fp_cluster_nl_policy[L7FP_A_CLUSTER_MAX + 1];
extern const struct nla_policy l7fp_endpoint_nl_policy[L7FP_A_ENDPOINT_MAX + 1];
extern const struct nla_policy l7fp_slot_nl_policy[L7FP_A_SLOT_MAX + 1];
extern const struct nla_policy l7fp_string_nl_policy[L7FP_A_STRING_MAX + 1];
extern const struct nla_policy l7fp_route_nl_policy[L7FP_A_ROUTE_MAX + 1];
extern const struct nla_policy l7fp_route_cluster_nl_policy[L7FP_A_ROUTE_CLUSTER_MAX + 1];
extern const struct nla_policy l7fp_header_op_nl_policy[L7FP_A_HEADER_OP_MAX + 1];
extern const struct nla_policy l7fp_rule_nl_policy[L7FP_A_RULE_MAX + 1];
extern const struct nla_policy l7fp_slow_path_nl_policy[L7FP_A_SLOW_PATH_MAX + 1];
extern const struct nla_policy l7fp_workload_nl_policy[L7FP_A_WORKLOAD_MAX + 1];
extern const struct nla_policy l7fp_connection_nl_policy[L7FP_A_CONNECTION_MAX + 1];
extern const struct nla_policy l7fp_handshake_policy[L7FP_A_HANDSHAKE + 1];
extern const struct nla_policy l7fp_handshake_nl_policy[L7FP_A_HANDSHAKE_MAX + 1];
extern const struct nla_policy l7fp_drain_policy[L7FP_A_DRAIN + 1];
extern const struct nla_policy l7fp_drain_nl_policy[L7FP_A_DRAIN_MAX + 1];

/* netlink_attrs.c: between attributes and configuration. 0 or a negative error. */
int l7fp_parse_listener(const struct nlattr *nest, struct l7fp_listener_config *config,
			struct netlink_ext_ack *extack);
int l7fp_parse_cluster(const struct nlattr *nest, struct l7fp_cluster_config *config,
		       struct netlink_ext_ack *extack);
int l7fp_parse_endpoint(const struct nlattr *nest, struct l7fp_endpoint_config *config,
			struct netlink_ext_ack *extack);
/* -EMSGSIZE when @skb is full; a nest that does not fit is taken back. */
int l7fp_put_listener(struct sk_buff *skb, const struct l7fp_listener_config *config,
		      const struct sockaddr_storage *address);
int l7fp_put_cluster(struct sk_buff *skb, const struct l7fp_cluster_config *config,
		     const struct l7fp_cluster_tls *tls);
int l7fp_put_endpoint(struct sk_buff *skb, u32 cluster, const struct l7fp_endpoint_config *config,
		      u32 connections, u32 idle);
int l7fp_put_address(struct sk_buff *skb, int address_attr, int port_attr,
		     const struct sockaddr_storage *address);
/* @address as in struct l7fp_connection. */
int l7fp_put_mapped(struct sk_buff *skb, int address_attr, int port_attr, const u32 address[4],
		    u32 port);

/* Ties a generation that is being built to its proxy. */
int l7fp_parse_slow_path(const struct nlattr *nest, struct l7fp_generation *generation,
			 struct netlink_ext_ack *extack);
int l7fp_put_slow_path(struct sk_buff *skb, const struct l7fp_slow_path *slow);

/* netlink_dump.c */
int l7fp_nl_listener_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int l7fp_nl_cluster_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int l7fp_nl_endpoint_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int l7fp_nl_generation_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
/* connections.c */
int l7fp_nl_connection_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int l7fp_nl_workload_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
/* netlink_drain.c */
int l7fp_nl_drain_doit(struct sk_buff *skb, struct genl_info *info);
/* handshake_netlink.c */
int l7fp_nl_handshake_accept_doit(struct sk_buff *skb, struct genl_info *info);
int l7fp_nl_handshake_done_doit(struct sk_buff *skb, struct genl_info *info);
/* stats.c */
int l7fp_nl_stats_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
/* explain.c */
int l7fp_nl_explain_doit(struct sk_buff *skb, struct genl_info *info);
extern const struct nla_policy l7fp_explain_policy[L7FP_A_EXPLAIN + 1];

struct l7fp_cluster;
struct l7fp_listener;

/* One message each, for GET and for dumps. */
int l7fp_fill_listener(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		       struct l7fp_listener *listener);
int l7fp_fill_cluster(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		      const struct l7fp_cluster *cluster);
int l7fp_fill_generation(struct sk_buff *skb, u32 portid, u32 seq, int flags,
			 const struct l7fp_generation *generation);

#endif /* _L7FP_NETLINK_H */
