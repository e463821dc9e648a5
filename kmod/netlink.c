// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family (Documentation/netlink/specs/l7fp.yaml).
 *
 * Requests run in parallel; l7fp_net.lock serialises those of one namespace.
 * A caller's socket holds its namespace, so the namespace's exit does not run
 * at the same time, but the module's does not wait for it: hence ->dead.
 */
#include <linux/net.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <net/inet_connection_sock.h>
#include <net/tcp_states.h>
#include "context.h"
#include "listener.h"
#include "netlink.h"
#include "policy.h"
#include "state.h"
#include "tables.h"
#include "upstream.h"

static struct l7fp_net *ln_lock(struct genl_info *info)
{
	struct l7fp_net *ln = l7fp_net(genl_info_net(info));

	mutex_lock(&ln->lock);
	if (!ln->dead)
		return ln;
	mutex_unlock(&ln->lock);
	return NULL;
}

static void ln_unlock(struct l7fp_net *ln)
{
	mutex_unlock(&ln->lock);
}

/* Sends @skb, which @fill filled, or frees it. */
static int reply(struct genl_info *info, struct sk_buff *skb, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/* What drains takes nothing new. */
static bool refuse_draining(struct l7fp_net *ln, struct genl_info *info)
{
	if (ln->draining)
		GENL_SET_ERR_MSG(info, "a drain is going on; wait for its end");
	return ln->draining;
}

static int listener_new(struct l7fp_net *ln, const struct l7fp_listener_config *config,
			struct genl_info *info)
{
	int err;

	if (refuse_draining(ln, info))
		return -EBUSY;
	if (xa_load(&ln->listeners, config->id)) {
		GENL_SET_ERR_MSG_FMT(info, "listener %u exists; delete it first", config->id);
		return -EEXIST;
	}
	if (ln->n_listeners == L7FP_MAX_LISTENERS) {
		GENL_SET_ERR_MSG_FMT(info, "expected at most %u listeners in a namespace",
				     L7FP_MAX_LISTENERS);
		return -ENOSPC;
	}
	err = l7fp_listener_create(ln, config);
	if (err) {
		GENL_SET_ERR_MSG_FMT(info, "cannot listen on the address and port of listener %u",
				     config->id);
		return err;
	}
	ln->n_listeners++;
	ln->sequence++;
	return 0;
}

static int l7fp_nl_listener_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_listener_config *config;
	struct l7fp_net *ln;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_LISTENER))
		return -EINVAL;
	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	err = l7fp_parse_listener(info->attrs[L7FP_A_LISTENER], config, info->extack);
	if (!err) {
		ln = ln_lock(info);
		err = -ENODEV;
		if (ln) {
			err = listener_new(ln, config, info);
			ln_unlock(ln);
		}
	}
	kfree(config);
	return err;
}

static int l7fp_nl_listener_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_net *ln;
	u32 id;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_ID))
		return -EINVAL;
	id = nla_get_u32(info->attrs[L7FP_A_ID]);
	ln = ln_lock(info);
	if (!ln)
		return -ENODEV;
	if (!xa_load(&ln->listeners, id)) {
		GENL_SET_ERR_MSG_FMT(info, "listener %u does not exist", id);
		err = -ENOENT;
	} else {
		err = l7fp_listener_delete(ln, id);
	}
	if (!err) {
		ln->n_listeners--;
		ln->sequence++;
	}
	ln_unlock(ln);
	return err;
}

static int l7fp_nl_listener_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_listener *listener;
	struct sk_buff *msg;
	struct l7fp_net *ln;
	u32 id;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_ID))
		return -EINVAL;
	id = nla_get_u32(info->attrs[L7FP_A_ID]);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	ln = ln_lock(info);
	if (!ln)
		return reply(info, msg, -ENODEV);
	listener = xa_load(&ln->listeners, id);
	if (listener) {
		err = l7fp_fill_listener(msg, info->snd_portid, info->snd_seq, 0, listener);
	} else {
		GENL_SET_ERR_MSG_FMT(info, "listener %u does not exist", id);
		err = -ENOENT;
	}
	ln_unlock(ln);
	return reply(info, msg, err);
}

static int cluster_new(struct l7fp_net *ln, const struct l7fp_cluster_config *config,
		       struct genl_info *info)
{
	bool exists = l7fp_cluster_find(ln, config->id);
	int err;

	if (!exists && ln->n_clusters == L7FP_MAX_CLUSTERS) {
		GENL_SET_ERR_MSG_FMT(info, "expected at most %u clusters in a namespace",
				     L7FP_MAX_CLUSTERS);
		return -ENOSPC;
	}
	if (exists && l7fp_cluster_find(ln, config->id)->config.kind != config->kind) {
		GENL_SET_ERR_MSG_FMT(info, "cluster %u is of another kind; delete it first",
				     config->id);
		return -EINVAL;
	}
	err = l7fp_cluster_set(ln, config);
	if (err)
		return err;
	ln->n_clusters += !exists;
	ln->sequence++;
	return 0;
}

static int l7fp_nl_cluster_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_cluster_config *config;
	struct l7fp_net *ln;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_CLUSTER))
		return -EINVAL;
	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	err = l7fp_parse_cluster(info->attrs[L7FP_A_CLUSTER], config, info->extack);
	if (!err) {
		ln = ln_lock(info);
		err = -ENODEV;
		if (ln) {
			err = cluster_new(ln, config, info);
			ln_unlock(ln);
		}
	}
	kfree(config);
	return err;
}

static int l7fp_nl_cluster_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_net *ln;
	u32 id;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_ID))
		return -EINVAL;
	id = nla_get_u32(info->attrs[L7FP_A_ID]);
	ln = ln_lock(info);
	if (!ln)
		return -ENODEV;
	if (!l7fp_cluster_find(ln, id)) {
		GENL_SET_ERR_MSG_FMT(info, "cluster %u does not exist", id);
		err = -ENOENT;
	} else {
		err = l7fp_cluster_delete(ln, id);
	}
	if (!err) {
		ln->n_clusters--;
		ln->sequence++;
	}
	ln_unlock(ln);
	return err;
}

static int l7fp_nl_cluster_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_cluster *cluster;
	struct sk_buff *msg;
	struct l7fp_net *ln;
	u32 id;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_ID))
		return -EINVAL;
	id = nla_get_u32(info->attrs[L7FP_A_ID]);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE + L7FP_MAX_TLS, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	ln = ln_lock(info);
	if (!ln)
		return reply(info, msg, -ENODEV);
	cluster = l7fp_cluster_find(ln, id);
	if (cluster) {
		err = l7fp_fill_cluster(msg, info->snd_portid, info->snd_seq, 0, cluster);
	} else {
		GENL_SET_ERR_MSG_FMT(info, "cluster %u does not exist", id);
		err = -ENOENT;
	}
	ln_unlock(ln);
	return reply(info, msg, err);
}

/* All endpoints of the message; *n of them. */
static struct l7fp_endpoint_config *parse_endpoints(struct genl_info *info, u32 *n)
{
	struct l7fp_endpoint_config *endpoints;
	const struct nlattr *attr;
	int rem, err;
	u32 i = 0, total = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		total += nla_type(attr) == L7FP_A_ENDPOINT;
	*n = total;
	if (total > L7FP_MAX_ENDPOINTS) {
		GENL_SET_ERR_MSG_FMT(info, "expected at most %u endpoints of a cluster",
				     L7FP_MAX_ENDPOINTS);
		return ERR_PTR(-E2BIG);
	}
	endpoints = kvcalloc(max(total, 1U), sizeof(*endpoints), GFP_KERNEL);
	if (!endpoints)
		return ERR_PTR(-ENOMEM);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != L7FP_A_ENDPOINT)
			continue;
		err = l7fp_parse_endpoint(attr, &endpoints[i++], info->extack);
		if (err) {
			kvfree(endpoints);
			return ERR_PTR(err);
		}
	}
	return endpoints;
}

static int l7fp_nl_endpoint_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_endpoint_config *endpoints;
	struct l7fp_cluster *cluster;
	struct l7fp_net *ln;
	u32 id, n;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_ID))
		return -EINVAL;
	id = nla_get_u32(info->attrs[L7FP_A_ID]);
	endpoints = parse_endpoints(info, &n);
	if (IS_ERR(endpoints))
		return PTR_ERR(endpoints);
	ln = ln_lock(info);
	if (!ln) {
		kvfree(endpoints);
		return -ENODEV;
	}
	cluster = l7fp_cluster_find(ln, id);
	if (cluster && cluster->originals) {
		GENL_SET_ERR_MSG_FMT(info, "cluster %u is ORIGINAL_DST: expected no endpoints",
				     id);
		err = -EINVAL;
	} else if (cluster) {
		err = l7fp_cluster_set_endpoints(cluster, endpoints, n);
		ln->sequence++;
	} else {
		GENL_SET_ERR_MSG_FMT(info, "cluster %u does not exist; create it first", id);
		err = -ENOENT;
	}
	ln_unlock(ln);
	kvfree(endpoints);
	return err;
}

static int generation_new(struct l7fp_net *ln, u64 number, struct genl_info *info)
{
	if (l7fp_generation_find(ln, number)) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu exists; choose another number",
				     number);
		return -EEXIST;
	}
	if (ln->n_generations == L7FP_MAX_GENERATIONS) {
		GENL_SET_ERR_MSG_FMT(info,
				     "expected at most %u generations; delete those that are not current",
				     L7FP_MAX_GENERATIONS);
		return -ENOSPC;
	}
	ln->sequence++;
	return PTR_ERR_OR_ZERO(l7fp_generation_new(ln, number));
}

/* The generation of the message, BUILDING; an error pointer with a message. */
static struct l7fp_generation *find_building(struct l7fp_net *ln, struct genl_info *info)
{
	u64 number = nla_get_u64(info->attrs[L7FP_A_GENERATION]);
	struct l7fp_generation *generation = l7fp_generation_find(ln, number);

	if (!generation) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu does not exist; begin it first",
				     number);
		return ERR_PTR(-ENOENT);
	}
	if (generation->state != L7FP_GENERATION_BUILDING) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu is complete and cannot change", number);
		return ERR_PTR(-EBUSY);
	}
	return generation;
}

static int generation_prepare(struct l7fp_generation *generation, struct genl_info *info)
{
	struct nlattr *fd = info->attrs[L7FP_A_MAP_FD];
	int err;

	err = l7fp_tables_seal(generation, info->extack);
	if (err)
		return err;
	err = l7fp_generation_hold(generation, nla_get_u32(fd));
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, fd,
				    "expected a struct_ops map of l7fp_policy, made with BPF_F_LINK");
	return err;
}

static int generation_del(struct l7fp_net *ln, u64 number, struct genl_info *info)
{
	struct l7fp_generation *generation = l7fp_generation_find(ln, number);

	if (!generation) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu does not exist", number);
		return -ENOENT;
	}
	if (generation->state == L7FP_GENERATION_CURRENT) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu is current; replace or detach it first",
				     number);
		return -EBUSY;
	}
	if (generation->state == L7FP_GENERATION_DRAINING) {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu goes when its last exchange ends",
				     number);
		return -EBUSY;
	}
	l7fp_generation_free(generation);
	return 0;
}

static int l7fp_nl_generation_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_generation *generation;
	struct l7fp_net *ln;
	u64 number;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_GENERATION))
		return -EINVAL;
	number = nla_get_u64(info->attrs[L7FP_A_GENERATION]);
	if (info->genlhdr->cmd == L7FP_CMD_GENERATION_PREPARE &&
	    GENL_REQ_ATTR_CHECK(info, L7FP_A_MAP_FD))
		return -EINVAL;

	ln = ln_lock(info);
	if (!ln)
		return -ENODEV;
	switch (info->genlhdr->cmd) {
	case L7FP_CMD_GENERATION_NEW:
		err = generation_new(ln, number, info);
		break;
	case L7FP_CMD_GENERATION_ADD:
		generation = find_building(ln, info);
		err = IS_ERR(generation) ? PTR_ERR(generation) : l7fp_tables_add(generation, info);
		break;
	case L7FP_CMD_GENERATION_PREPARE:
		generation = find_building(ln, info);
		err = IS_ERR(generation) ? PTR_ERR(generation) :
					   generation_prepare(generation, info);
		break;
	default:
		err = generation_del(ln, number, info);
		break;
	}
	if (!err)
		ln->sequence++;
	ln_unlock(ln);
	return err;
}

static int l7fp_nl_generation_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct l7fp_generation *generation;
	struct sk_buff *msg;
	struct l7fp_net *ln;
	u64 number;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_GENERATION))
		return -EINVAL;
	number = nla_get_u64(info->attrs[L7FP_A_GENERATION]);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	ln = ln_lock(info);
	if (!ln)
		return reply(info, msg, -ENODEV);
	generation = l7fp_generation_find(ln, number);
	if (generation) {
		err = l7fp_fill_generation(msg, info->snd_portid, info->snd_seq, 0, generation);
	} else {
		GENL_SET_ERR_MSG_FMT(info, "generation %llu does not exist", number);
		err = -ENOENT;
	}
	ln_unlock(ln);
	return reply(info, msg, err);
}

/* A connected TCP socket of the caller's namespace, and nothing else. */
static struct socket *get_socket(struct genl_info *info, const struct nlattr *fd)
{
	struct socket *sock;
	struct sock *sk;
	int err;

	sock = sockfd_lookup(nla_get_u32(fd), &err);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd, "expected a socket");
		return ERR_PTR(err);
	}
	sk = sock->sk;
	/* One that somebody else pumps (a ULP, a sockmap, ourselves) has an owner. */
	if (sk_is_tcp(sk) && sock_net(sk) == genl_info_net(info) &&
	    READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && !READ_ONCE(sk->sk_user_data) &&
	    !READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
		return sock;
	NL_SET_ERR_MSG_ATTR(info->extack, fd,
			    "expected a connected TCP socket of this network namespace that has no ULP");
	sockfd_put(sock);
	return ERR_PTR(-EINVAL);
}

static int attach(struct l7fp_net *ln, struct nlattr **tb, struct socket *sock,
		  struct genl_info *info)
{
	struct l7fp_listener *listener;
	struct l7fp_cluster *cluster;
	u32 id;

	if (refuse_draining(ln, info))
		return -EBUSY;
	if (tb[L7FP_A_CONNECTION_LISTENER]) {
		id = nla_get_u32(tb[L7FP_A_CONNECTION_LISTENER]);
		listener = xa_load(&ln->listeners, id);
		if (listener)
			return l7fp_listener_adopt(listener, sock);
		GENL_SET_ERR_MSG_FMT(info, "listener %u does not exist", id);
		return -ENOENT;
	}
	id = nla_get_u32(tb[L7FP_A_CONNECTION_CLUSTER]);
	cluster = l7fp_cluster_find(ln, id);
	if (cluster)
		return l7fp_cluster_adopt(cluster, sock);
	GENL_SET_ERR_MSG_FMT(info, "cluster %u does not exist", id);
	return -ENOENT;
}

static int l7fp_nl_connection_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[L7FP_A_CONNECTION_MAX + 1], *nest;
	struct socket *sock;
	struct l7fp_net *ln;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, L7FP_A_CONNECTION))
		return -EINVAL;
	nest = info->attrs[L7FP_A_CONNECTION];
	err = nla_parse_nested(tb, L7FP_A_CONNECTION_MAX, nest, l7fp_connection_nl_policy,
			       info->extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(info->extack, nest, tb, L7FP_A_CONNECTION_FD))
		return -EINVAL;
	if (!tb[L7FP_A_CONNECTION_LISTENER] == !tb[L7FP_A_CONNECTION_CLUSTER]) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "expected either a listener or a cluster");
		return -EINVAL;
	}
	sock = get_socket(info, tb[L7FP_A_CONNECTION_FD]);
	if (IS_ERR(sock))
		return PTR_ERR(sock);
	ln = ln_lock(info);
	err = -ENODEV;
	if (ln) {
		err = attach(ln, tb, sock, info);
		ln_unlock(ln);
	}
	if (err)
		sockfd_put(sock);
	return err;
}

#define DO(command, handler, attributes, max) {				\
	.cmd = L7FP_CMD_##command,					\
	.doit = handler,						\
	.policy = attributes,						\
	.maxattr = max,							\
	.flags = GENL_ADMIN_PERM | GENL_CMD_CAP_DO,			\
}

#define DUMP(command, handler, attributes, max) {			\
	.cmd = L7FP_CMD_##command,					\
	.dumpit = handler,						\
	.policy = attributes,						\
	.maxattr = max,							\
	.flags = GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,			\
}

/* In the order of the commands, do before dump. */
static const struct genl_split_ops l7fp_genl_ops[] = {
	DO(LISTENER_NEW, l7fp_nl_listener_new_doit, l7fp_listener_new_policy, L7FP_A_LISTENER),
	DO(LISTENER_DEL, l7fp_nl_listener_del_doit, l7fp_id_policy, L7FP_A_ID),
	DO(LISTENER_GET, l7fp_nl_listener_get_doit, l7fp_id_policy, L7FP_A_ID),
	DUMP(LISTENER_GET, l7fp_nl_listener_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DO(CLUSTER_NEW, l7fp_nl_cluster_new_doit, l7fp_cluster_new_policy, L7FP_A_CLUSTER),
	DO(CLUSTER_DEL, l7fp_nl_cluster_del_doit, l7fp_id_policy, L7FP_A_ID),
	DO(CLUSTER_GET, l7fp_nl_cluster_get_doit, l7fp_id_policy, L7FP_A_ID),
	DUMP(CLUSTER_GET, l7fp_nl_cluster_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DO(ENDPOINT_SET, l7fp_nl_endpoint_set_doit, l7fp_endpoint_set_policy, L7FP_A_ENDPOINT),
	DUMP(ENDPOINT_GET, l7fp_nl_endpoint_dumpit, l7fp_id_policy, L7FP_A_ID),
	DO(GENERATION_NEW, l7fp_nl_generation_doit, l7fp_generation_policy, L7FP_A_GENERATION),
	DO(GENERATION_ADD, l7fp_nl_generation_doit, l7fp_generation_add_policy, L7FP_A_WORKLOAD),
	DO(GENERATION_PREPARE, l7fp_nl_generation_doit, l7fp_generation_prepare_policy,
	   L7FP_A_MAP_FD),
	DO(GENERATION_DEL, l7fp_nl_generation_doit, l7fp_generation_policy, L7FP_A_GENERATION),
	DO(GENERATION_GET, l7fp_nl_generation_get_doit, l7fp_generation_policy, L7FP_A_GENERATION),
	DUMP(GENERATION_GET, l7fp_nl_generation_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DO(CONNECTION_ATTACH, l7fp_nl_connection_attach_doit, l7fp_connection_attach_policy,
	   L7FP_A_CONNECTION),
	DUMP(CONNECTION_GET, l7fp_nl_connection_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DUMP(STATS_GET, l7fp_nl_stats_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DO(EXPLAIN, l7fp_nl_explain_doit, l7fp_explain_policy, L7FP_A_EXPLAIN),
	DO(DRAIN, l7fp_nl_drain_doit, l7fp_drain_policy, L7FP_A_DRAIN),
	DUMP(WORKLOAD_GET, l7fp_nl_workload_dumpit, l7fp_no_policy, L7FP_A_PAD),
	DO(HANDSHAKE_ACCEPT, l7fp_nl_handshake_accept_doit, l7fp_no_policy, L7FP_A_PAD),
	DO(HANDSHAKE_DONE, l7fp_nl_handshake_done_doit, l7fp_handshake_policy, L7FP_A_HANDSHAKE),
};

static const struct genl_multicast_group l7fp_genl_mcgrps[] = {
	{ .name = L7FP_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family l7fp_genl_family __ro_after_init = {
	.name = L7FP_GENL_NAME,
	.version = L7FP_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.split_ops = l7fp_genl_ops,
	.n_split_ops = ARRAY_SIZE(l7fp_genl_ops),
	.resv_start_op = L7FP_CMD_UNSPEC + 1,
	.mcgrps = l7fp_genl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(l7fp_genl_mcgrps),
};

/*
 * The header of an event, or NULL when nobody listens or there were too many;
 * or when @ln ends, since the family may be gone by then.
 */
static struct sk_buff *event_begin(struct l7fp_net *ln, u8 cmd, void **header)
{
	struct sk_buff *skb;

	if (READ_ONCE(ln->dead) || !genl_has_listeners(&l7fp_genl_family, ln->net, 0) ||
	    !__ratelimit(&ln->events_limit))
		return NULL;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!skb)
		return NULL;
	*header = genlmsg_put(skb, 0, 0, &l7fp_genl_family, 0, cmd);
	if (*header)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static void event_end(struct l7fp_net *ln, struct sk_buff *skb, void *header)
{
	genlmsg_end(skb, header);
	genlmsg_multicast_netns(&l7fp_genl_family, ln->net, skb, 0, 0, GFP_ATOMIC);
}

void l7fp_event_connection_lost(struct l7fp_net *ln, const struct l7fp_connection *conn,
				u32 cluster, u32 reason)
{
	struct nlattr *nest;
	struct sk_buff *skb;
	void *header;

	skb = event_begin(ln, L7FP_CMD_CONNECTION_LOST, &header);
	if (!skb)
		return;
	nest = nla_nest_start(skb, L7FP_A_CONNECTION);
	if (!nest || nla_put_u32(skb, L7FP_A_CONNECTION_REASON, reason) ||
	    (cluster != ~0U && nla_put_u32(skb, L7FP_A_CONNECTION_CLUSTER, cluster)) ||
	    (conn &&
	     (nla_put_u32(skb, L7FP_A_CONNECTION_LISTENER, conn->listener) ||
	      l7fp_put_mapped(skb, L7FP_A_CONNECTION_REMOTE_ADDRESS,
			      L7FP_A_CONNECTION_REMOTE_PORT, conn->src_addr, conn->src_port) ||
	      l7fp_put_mapped(skb, L7FP_A_CONNECTION_ORIGINAL_ADDRESS,
			      L7FP_A_CONNECTION_ORIGINAL_PORT, conn->dst_addr, conn->dst_port)))) {
		nlmsg_free(skb);
		return;
	}
	nla_nest_end(skb, nest);
	event_end(ln, skb, header);
}

void l7fp_event_upstream_wanted(struct l7fp_net *ln, u32 cluster)
{
	struct sk_buff *skb;
	void *header;

	skb = event_begin(ln, L7FP_CMD_UPSTREAM_WANTED, &header);
	if (!skb)
		return;
	if (nla_put_u32(skb, L7FP_A_ID, cluster)) {
		nlmsg_free(skb);
		return;
	}
	event_end(ln, skb, header);
}

void l7fp_event_handshake_wanted(struct l7fp_net *ln)
{
	struct sk_buff *skb;
	void *header;

	if (READ_ONCE(ln->dead) || !genl_has_listeners(&l7fp_genl_family, ln->net, 0))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &l7fp_genl_family, 0, L7FP_CMD_HANDSHAKE_WANTED);
	if (header)
		event_end(ln, skb, header);
	else
		nlmsg_free(skb);
}

int l7fp_netlink_init(void)
{
	return genl_register_family(&l7fp_genl_family);
}

void l7fp_netlink_uninit(void)
{
	genl_unregister_family(&l7fp_genl_family);
}

MODULE_ALIAS_GENL_FAMILY(L7FP_GENL_NAME);
