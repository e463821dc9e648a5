// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dump of connections: downstreams with the upstreams that their exchanges
 * use, then what is idle in the pools. They come and go with the traffic, and
 * nothing stops while they are looked at: a reference or the pool's lock holds
 * each for the time of one message.
 */
#include <linux/jiffies.h>
#include <net/ipv6.h>
#include "app.h"
#include "downstream.h"
#include "h2_connection.h"
#include "netlink.h"
#include "original.h"

/* Where a dump is, in netlink_callback.args. */
enum place {
	LAST_ID,		/* of a downstream that was dumped */
	IN_POOLS,		/* all downstreams were */
	CLUSTER,		/* that is being dumped, by id */
	ENDPOINT,		/* of it, by place */
	SKIP,			/* idle connections of that */
};

struct dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

/* A message with its nest; NULL when there is no room. */
static void *message_begin(const struct dump *dump, struct nlattr **nest)
{
	void *header = genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
				   dump->cb->nlh->nlmsg_seq, &l7fp_genl_family, NLM_F_MULTI,
				   L7FP_CMD_CONNECTION_GET);

	if (!header)
		return NULL;
	*nest = nla_nest_start(dump->skb, L7FP_A_CONNECTION);
	if (*nest)
		return header;
	genlmsg_cancel(dump->skb, header);
	return NULL;
}

static int message_end(const struct dump *dump, void *header, struct nlattr *nest, int err)
{
	if (err) {
		genlmsg_cancel(dump->skb, header);
		return -EMSGSIZE;
	}
	nla_nest_end(dump->skb, nest);
	genlmsg_end(dump->skb, header);
	return 0;
}

/* Our end's address; the socket is connected. */
static int put_local(struct sk_buff *skb, const struct sock *sk)
{
	struct in6_addr local;

	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &local);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		local = sk->sk_v6_rcv_saddr;
#endif
	return l7fp_put_mapped(skb, L7FP_A_CONNECTION_LOCAL_ADDRESS, L7FP_A_CONNECTION_LOCAL_PORT,
			       (const u32 *)&local, ntohs(inet_sk(sk)->inet_sport));
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, L7FP_A_CONNECTION_UNSPEC);
}

/* Nothing of it changes once it is on. */
static int put_tls(struct sk_buff *skb, const struct l7fp_port *port)
{
	const struct l7fp_tls *tls = port->tls;
	const struct l7fp_str *peer;

	if (!l7fp_tls_on(port))
		return 0;
	peer = &tls->peer.principal;
	return nla_put_u32(skb, L7FP_A_CONNECTION_TLS_VERSION, tls->version) ?:
	       nla_put_u32(skb, L7FP_A_CONNECTION_TLS_CIPHER, tls->cipher) ?:
	       (peer->len ? nla_put(skb, L7FP_A_CONNECTION_TLS_PRINCIPAL, peer->len, peer->data) :
			    0);
}

/* What every port has. Somebody holds it. */
static int put_port(struct sk_buff *skb, const struct l7fp_port *port,
		    enum l7fp_connection_state state)
{
	u32 idle = jiffies_to_msecs(jiffies - READ_ONCE(port->last_activity));

	/* Its socket may still be on its way. */
	if (state != L7FP_CONNECTION_CONNECTING && put_local(skb, port->sock->sk))
		return -EMSGSIZE;
	return nla_put_u32(skb, L7FP_A_CONNECTION_STATE, state) ?:
	       nla_put_u32(skb, L7FP_A_CONNECTION_APP, l7fp_app_state(port)) ?:
	       nla_put_u32(skb, L7FP_A_CONNECTION_QUEUED, READ_ONCE(port->tx_bytes)) ?:
	       put_u64(skb, L7FP_A_CONNECTION_RX_BYTES, READ_ONCE(port->rx_total)) ?:
	       put_u64(skb, L7FP_A_CONNECTION_TX_BYTES, READ_ONCE(port->tx_total)) ?:
	       put_tls(skb, port) ?:
	       nla_put_u32(skb, L7FP_A_CONNECTION_IDLE_MS, idle);
}

/* Streams are not told apart: some are under way, or none is. */
static enum l7fp_connection_state h2_state(const struct l7fp_h2_connection *c)
{
	return READ_ONCE(c->n_streams) ? L7FP_CONNECTION_RESPONSE : L7FP_CONNECTION_IDLE;
}

static u64 exchanges(const struct l7fp_h2_connection *c, u32 of_one)
{
	return c ? READ_ONCE(c->n_exchanges) : of_one;
}

static enum l7fp_connection_state downstream_state(const struct l7fp_downstream *d)
{
	lockdep_assert_held(&d->lock);
	switch (d->state) {
	case L7FP_D_NEW:
	case L7FP_D_DETECT:
		return L7FP_CONNECTION_NEW;
	case L7FP_D_HEAD:
		return d->x || d->head.len ? L7FP_CONNECTION_REQUEST : L7FP_CONNECTION_IDLE;
	case L7FP_D_BODY:
		return L7FP_CONNECTION_REQUEST;
	case L7FP_D_WAIT:
		return L7FP_CONNECTION_RESPONSE;
	case L7FP_D_TUNNEL:
		return L7FP_CONNECTION_TUNNEL;
	case L7FP_D_H2:
		return h2_state(d->h2);
	}
	return L7FP_CONNECTION_CLOSING;
}

/* Of one that @d uses, or of an idle one. */
static enum l7fp_connection_state upstream_state(const struct l7fp_upstream *u,
						 const struct l7fp_downstream *d)
{
	if (test_bit(L7FP_PORT_CONNECTING, &u->port.flags))
		return L7FP_CONNECTION_CONNECTING;
	if (u->h2)
		return h2_state(u->h2);
	if (!d)
		return L7FP_CONNECTION_IDLE;
	/* A response that is complete gives its upstream back; this one's is not. */
	return d->state == L7FP_D_WAIT ? L7FP_CONNECTION_RESPONSE : downstream_state(d);
}

/* Under the lock of @d, or of the endpoint where it is idle. */
static int fill_upstream(const struct dump *dump, const struct l7fp_upstream *u,
			 const struct l7fp_downstream *d)
{
	const struct l7fp_endpoint *endpoint = u->endpoint;
	struct sk_buff *skb = dump->skb;
	struct nlattr *nest;
	void *header;
	int err;

	header = message_begin(dump, &nest);
	if (!header)
		return -EMSGSIZE;
	err = nla_put_u32(skb, L7FP_A_CONNECTION_CLUSTER, endpoint->cluster->config.id) ?:
	      l7fp_put_address(skb, L7FP_A_CONNECTION_REMOTE_ADDRESS,
			       L7FP_A_CONNECTION_REMOTE_PORT, &endpoint->config.address) ?:
	      (d ? put_u64(skb, L7FP_A_CONNECTION_ID, d->conn.id) : 0) ?:
	      put_u64(skb, L7FP_A_CONNECTION_EXCHANGES, exchanges(u->h2, u->n_exchanges)) ?:
	      put_port(skb, &u->port, upstream_state(u, d));
	return message_end(dump, header, nest, err);
}

static int fill_downstream(const struct dump *dump, const struct l7fp_downstream *d)
{
	const struct l7fp_connection *conn = &d->conn;
	struct sk_buff *skb = dump->skb;
	struct nlattr *nest;
	void *header;
	int err;

	lockdep_assert_held(&d->lock);
	header = message_begin(dump, &nest);
	if (!header)
		return -EMSGSIZE;
	err = nla_put_u32(skb, L7FP_A_CONNECTION_LISTENER, conn->listener) ?:
	      put_u64(skb, L7FP_A_CONNECTION_ID, conn->id) ?:
	      l7fp_put_mapped(skb, L7FP_A_CONNECTION_REMOTE_ADDRESS,
			      L7FP_A_CONNECTION_REMOTE_PORT, conn->src_addr, conn->src_port) ?:
	      l7fp_put_mapped(skb, L7FP_A_CONNECTION_ORIGINAL_ADDRESS,
			      L7FP_A_CONNECTION_ORIGINAL_PORT, conn->dst_addr, conn->dst_port) ?:
	      put_u64(skb, L7FP_A_CONNECTION_EXCHANGES, exchanges(d->h2, d->n_exchanges)) ?:
	      put_port(skb, &d->port, downstream_state(d));
	return message_end(dump, header, nest, err);
}

/* The pair, or nothing of it. */
static int fill_pair(const struct dump *dump, struct l7fp_downstream *d)
{
	u32 length = dump->skb->len;
	int err;

	spin_lock_bh(&d->lock);
	err = fill_downstream(dump, d);
	if (!err && d->upstream)
		err = fill_upstream(dump, d->upstream, d);
	spin_unlock_bh(&d->lock);
	if (err)
		nlmsg_trim(dump->skb, dump->skb->data + length);
	return err;
}

/* New ones are added at the end, with ids that grow. */
static int dump_downstreams(const struct dump *dump, struct l7fp_net *ln)
{
	struct l7fp_downstream *batch[L7FP_DOWNSTREAMS_BATCH];
	long *last = &dump->cb->args[LAST_ID];
	int err = 0;
	u32 n, i;

	while (!err && (n = l7fp_downstreams_take(ln, NULL, *last, batch))) {
		for (i = 0; i < n; i++) {
			/* Between its birth and its first work it has no socket. */
			if (!err && READ_ONCE(batch[i]->port.sock))
				err = fill_pair(dump, batch[i]);
			if (!err)
				*last = batch[i]->conn.id;
			l7fp_port_put(&batch[i]->port);
		}
	}
	return err;
}

/* Those of @list behind the first @*skip. @i: how many lists before it had. */
static int dump_list(const struct dump *dump, const struct list_head *list, long *skip, long *i)
{
	struct l7fp_upstream *u;
	int err;

	list_for_each_entry(u, list, idle) {
		if (++*i <= *skip)
			continue;
		err = fill_upstream(dump, u, NULL);
		if (err)
			return err;
		*skip = *i;
	}
	return 0;
}

/* Connections that no downstream has to itself: idle ones, and those of HTTP/2. */
static int dump_endpoint(struct l7fp_endpoint *endpoint, void *arg)
{
	const struct dump *dump = arg;
	long *skip = &dump->cb->args[SKIP], i = 0;
	int err;

	spin_lock_bh(&endpoint->lock);
	err = dump_list(dump, &endpoint->idle, skip, &i);
	if (!err)
		err = dump_list(dump, &endpoint->h2, skip, &i);
	spin_unlock_bh(&endpoint->lock);
	if (!err)
		*skip = 0;
	return err;
}

static int dump_pool(struct dump *dump, struct l7fp_cluster *cluster)
{
	const struct l7fp_endpoint_set *set =
		rcu_dereference_protected(cluster->endpoints,
					  lockdep_is_held(&cluster->ln->lock));
	long *at = &dump->cb->args[ENDPOINT];
	int err = 0;

	if (cluster->originals)
		return l7fp_original_walk(cluster, *at, at, dump_endpoint, dump);
	for (; set && !err && *at < set->n; *at += !err)
		err = dump_endpoint(set->pick[*at], dump);
	return err;
}

static int dump_pools(struct dump *dump, struct l7fp_net *ln)
{
	long *args = dump->cb->args;
	struct l7fp_cluster *cluster;
	unsigned long id;
	int err = 0;

	mutex_lock(&ln->lock);
	xa_for_each_start(&ln->clusters, id, cluster, args[CLUSTER]) {
		/* The one where the last call stopped may be gone. */
		if (id != args[CLUSTER]) {
			args[ENDPOINT] = 0;
			args[SKIP] = 0;
		}
		args[CLUSTER] = id;
		err = dump_pool(dump, cluster);
		if (err)
			break;
		args[CLUSTER] = id + 1;
		args[ENDPOINT] = 0;
	}
	mutex_unlock(&ln->lock);
	return err;
}

int l7fp_nl_connection_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct l7fp_net *ln = l7fp_net(sock_net(skb->sk));
	struct dump dump = { .skb = skb, .cb = cb };
	int err = 0;

	if (!cb->args[IN_POOLS])
		err = dump_downstreams(&dump, ln);
	if (!err) {
		cb->args[IN_POOLS] = 1;
		err = dump_pools(&dump, ln);
	}
	return err == -EMSGSIZE && skb->len ? (int)skb->len : err;
}
