// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of GET and of dumps. A dump goes on where it stopped by the id of
 * the next object, so that changes in between neither repeat nor hide others;
 * NLM_F_DUMP_INTR tells the caller that there were some.
 */
#include "downstream.h"
#include "netlink.h"
#include "original.h"
#include "policy.h"
#include "workload.h"

int l7fp_fill_listener(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		       struct l7fp_listener *listener)
{
	struct sockaddr_storage address = listener->config.address;
	void *header;

	header = genlmsg_put(skb, portid, seq, &l7fp_genl_family, flags, L7FP_CMD_LISTENER_GET);
	if (!header)
		return -EMSGSIZE;
	/* The port that the kernel chose, if it can be asked. */
	l7fp_listener_address(listener, &address);
	if (l7fp_put_listener(skb, &listener->config, &address)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int l7fp_fill_cluster(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		      const struct l7fp_cluster *cluster)
{
	const struct l7fp_cluster_tls *tls;
	void *header;

	header = genlmsg_put(skb, portid, seq, &l7fp_genl_family, flags, L7FP_CMD_CLUSTER_GET);
	if (!header)
		return -EMSGSIZE;
	tls = rcu_dereference_protected(cluster->tls, lockdep_is_held(&cluster->ln->lock));
	if (l7fp_put_cluster(skb, &cluster->config, tls)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int l7fp_fill_generation(struct sk_buff *skb, u32 portid, u32 seq, int flags,
			 const struct l7fp_generation *generation)
{
	void *header;

	header = genlmsg_put(skb, portid, seq, &l7fp_genl_family, flags, L7FP_CMD_GENERATION_GET);
	if (!header)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, L7FP_A_GENERATION, generation->number, L7FP_A_PAD) ||
	    nla_put_u32(skb, L7FP_A_GENERATION_STATE, generation->state) ||
	    (generation->ops && nla_put_string(skb, L7FP_A_NAME, generation->ops->name)) ||
	    nla_put_u64_64bit(skb, L7FP_A_EXCHANGES, l7fp_generation_exchanges(generation),
			      L7FP_A_PAD) ||
	    l7fp_put_slow_path(skb, generation->slow_path)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

static int dump_result(struct sk_buff *skb, int err)
{
	return err == -EMSGSIZE && skb->len ? (int)skb->len : err;
}

static void check_consistent(struct sk_buff *skb, struct netlink_callback *cb, u32 offset)
{
	nl_dump_check_consistent(cb, (struct nlmsghdr *)(skb->data + offset));
}

int l7fp_nl_listener_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	struct l7fp_listener *listener;
	unsigned long id;
	int err = 0;

	mutex_lock(&ln->lock);
	cb->seq = ln->sequence;
	xa_for_each_start(&ln->listeners, id, listener, cb->args[0]) {
		u32 offset = skb->len;

		cb->args[0] = id;
		err = l7fp_fill_listener(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					 NLM_F_MULTI, listener);
		if (err)
			break;
		check_consistent(skb, cb, offset);
		cb->args[0] = id + 1;
	}
	mutex_unlock(&ln->lock);
	return dump_result(skb, err);
}

int l7fp_nl_cluster_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	struct l7fp_cluster *cluster;
	unsigned long id;
	int err = 0;

	mutex_lock(&ln->lock);
	cb->seq = ln->sequence;
	xa_for_each_start(&ln->clusters, id, cluster, cb->args[0]) {
		u32 offset = skb->len;

		cb->args[0] = id;
		err = l7fp_fill_cluster(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					NLM_F_MULTI, cluster);
		if (err)
			break;
		check_consistent(skb, cb, offset);
		cb->args[0] = id + 1;
	}
	mutex_unlock(&ln->lock);
	return dump_result(skb, err);
}

static int fill_endpoint(struct sk_buff *skb, struct netlink_callback *cb, u32 cluster,
			 struct l7fp_endpoint *endpoint)
{
	u32 offset = skb->len;
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &l7fp_genl_family, NLM_F_MULTI, L7FP_CMD_ENDPOINT_GET);
	if (!header)
		return -EMSGSIZE;
	if (l7fp_put_endpoint(skb, cluster, &endpoint->config,
			      atomic_read(&endpoint->n_connections),
			      READ_ONCE(endpoint->n_idle))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	check_consistent(skb, cb, offset);
	return 0;
}

struct originals_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	u32 cluster;
};

static int fill_original(struct l7fp_endpoint *endpoint, void *arg)
{
	struct originals_dump *dump = arg;

	return fill_endpoint(dump->skb, dump->cb, dump->cluster, endpoint);
}

/* args: the next cluster's id, the next endpoint's place in it. */
static int dump_endpoints(struct sk_buff *skb, struct netlink_callback *cb,
			  struct l7fp_cluster *cluster)
{
	const struct l7fp_endpoint_set *set =
		rcu_dereference_protected(cluster->endpoints,
					  lockdep_is_held(&cluster->ln->lock));
	struct originals_dump dump = { .skb = skb, .cb = cb, .cluster = cluster->config.id };
	u32 n = set ? set->n : 0;
	int err;

	/* They come and go with the traffic: this is no picture of one moment. */
	if (cluster->originals) {
		err = l7fp_original_walk(cluster, cb->args[1], &cb->args[1], fill_original, &dump);
		if (err)
			return err;
	}
	for (; cb->args[1] < n; cb->args[1]++) {
		err = fill_endpoint(skb, cb, cluster->config.id, set->pick[cb->args[1]]);
		if (err)
			return err;
	}
	cb->args[1] = 0;
	return 0;
}

int l7fp_nl_endpoint_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *only = genl_info_dump(cb)->attrs[L7FP_A_ID];
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	unsigned long id, last = ULONG_MAX;
	struct l7fp_cluster *cluster;
	int err = 0;

	if (only) {
		last = nla_get_u32(only);
		cb->args[0] = max_t(unsigned long, cb->args[0], last);
	}
	mutex_lock(&ln->lock);
	cb->seq = ln->sequence;
	xa_for_each_range(&ln->clusters, id, cluster, cb->args[0], last) {
		if (id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = id;
		err = dump_endpoints(skb, cb, cluster);
		if (err)
			break;
		cb->args[0] = id + 1;
	}
	mutex_unlock(&ln->lock);
	return dump_result(skb, err);
}

/* args[0]: how many were dumped; new ones are added at the end. */
int l7fp_nl_generation_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	const struct l7fp_generation *generation;
	long i = 0;
	int err = 0;

	mutex_lock(&ln->lock);
	cb->seq = ln->sequence;
	list_for_each_entry(generation, &ln->generations, list) {
		u32 offset = skb->len;

		if (i++ < cb->args[0])
			continue;
		err = l7fp_fill_generation(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					   NLM_F_MULTI, generation);
		if (err)
			break;
		check_consistent(skb, cb, offset);
		cb->args[0] = i;
	}
	mutex_unlock(&ln->lock);
	return dump_result(skb, err);
}

struct workloads_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	u64 generation;
};

static int fill_workload(const struct l7fp_workload *workload, u64 cgroup, const u32 *address,
			 void *arg)
{
	struct workloads_dump *dump = arg;
	struct sk_buff *skb = dump->skb;
	u32 offset = skb->len;
	struct nlattr *nest;
	void *header;
	int err;

	header = genlmsg_put(skb, NETLINK_CB(dump->cb->skb).portid, dump->cb->nlh->nlmsg_seq,
			     &l7fp_genl_family, NLM_F_MULTI, L7FP_CMD_WORKLOAD_GET);
	if (!header)
		return -EMSGSIZE;
	err = nla_put_u64_64bit(skb, L7FP_A_GENERATION, dump->generation, L7FP_A_PAD);
	nest = nla_nest_start(skb, L7FP_A_WORKLOAD);
	if (err || !nest ||
	    nla_put(skb, L7FP_A_WORKLOAD_PRINCIPAL, workload->principal.len,
		    workload->principal.data) ||
	    nla_put(skb, L7FP_A_WORKLOAD_NAMESPACE, workload->namespace.len,
		    workload->namespace.data) ||
	    (address ? nla_put(skb, L7FP_A_WORKLOAD_ADDRESS, 16, address) :
		       nla_put_u64_64bit(skb, L7FP_A_WORKLOAD_CGROUP, cgroup,
					 L7FP_A_WORKLOAD_UNSPEC))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	check_consistent(skb, dump->cb, offset);
	return 0;
}

int l7fp_nl_workload_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	struct workloads_dump dump = { .skb = skb, .cb = cb };
	const struct l7fp_generation *generation;
	int err = 0;

	mutex_lock(&ln->lock);
	list_for_each_entry(generation, &ln->generations, list) {
		if (generation->state != L7FP_GENERATION_CURRENT)
			continue;
		/* Its tables do not change; another one in its place does. */
		cb->seq = generation->number;
		dump.generation = generation->number;
		err = l7fp_workload_walk(generation, cb->args, fill_workload, &dump);
		break;
	}
	mutex_unlock(&ln->lock);
	return dump_result(skb, err);
}
