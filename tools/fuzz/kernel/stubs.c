// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module's netlink code calls: of the kernel, and of the module's other
 * parts, which here only keep what they are given.
 */
#include "stubs.h"

struct net init_net;
unsigned long jiffies;
unsigned int l7fp_net_id;
unsigned int fuzz_fail_at;
void (*fuzz_reply)(struct sk_buff *skb);

void *fuzz_alloc(size_t size)
{
	if (fuzz_fail_at && !--fuzz_fail_at)
		return NULL;
	return calloc(1, size);
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	int i;

	for (i = 0; i < XA_PLACES; i++)
		if (xa->entry[i] && xa->index[i] == index)
			return xa->entry[i];
	return NULL;
}

int xa_put(struct xarray *xa, unsigned long index, void *entry)
{
	int i;

	for (i = 0; i < XA_PLACES; i++)
		if (entry ? !xa->entry[i] : xa->entry[i] && xa->index[i] == index) {
			xa->index[i] = index;
			xa->entry[i] = entry;
			return 0;
		}
	return -ENOMEM;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last)
{
	int i, best = -1;

	for (i = 0; i < XA_PLACES; i++)
		if (xa->entry[i] && xa->index[i] >= *index && xa->index[i] <= last &&
		    (best < 0 || xa->index[i] < xa->index[best]))
			best = i;
	if (best < 0)
		return NULL;
	*index = xa->index[best];
	return xa->entry[best];
}

struct sk_buff *alloc_skb(unsigned int size, gfp_t gfp)
{
	struct sk_buff *skb = fuzz_alloc(sizeof(*skb));

	(void)gfp;
	if (!skb)
		return NULL;
	skb->data = malloc(size);
	skb->head = skb->data;
	skb->size = size;
	return skb;
}

void kfree_skb(struct sk_buff *skb)
{
	if (skb)
		free(skb->data);
	free(skb);
}

void *skb_put(struct sk_buff *skb, unsigned int len)
{
	void *p = skb->data + skb->len;

	BUG_ON(len > skb->size - skb->len);
	skb->len += len;
	return p;
}

void skb_trim(struct sk_buff *skb, unsigned int len)
{
	skb->len = min(skb->len, len);
}

struct nlmsghdr *__nlmsg_put(struct sk_buff *skb, u32 portid, u32 seq, int type, int len, int flags)
{
	struct nlmsghdr *nlh;

	nlh = skb_put(skb, NLMSG_ALIGN(nlmsg_msg_size(len)));
	nlh->nlmsg_type = type;
	nlh->nlmsg_len = nlmsg_msg_size(len);
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_pid = portid;
	nlh->nlmsg_seq = seq;
	memset((char *)nlmsg_data(nlh) + len, 0, NLMSG_ALIGN(len) - len);
	return nlh;
}

void *genlmsg_put(struct sk_buff *skb, u32 portid, u32 seq, const struct genl_family *family,
		  int flags, u8 cmd)
{
	struct nlmsghdr *nlh = nlmsg_put(skb, portid, seq, family->id,
					 GENL_HDRLEN + family->hdrsize, flags);
	struct genlmsghdr *hdr;

	if (!nlh)
		return NULL;
	hdr = nlmsg_data(nlh);
	hdr->cmd = cmd;
	hdr->version = family->version;
	hdr->reserved = 0;
	return (char *)hdr + GENL_HDRLEN;
}

int netlink_unicast(struct sock *ssk, struct sk_buff *skb, __u32 portid, int nonblock)
{
	(void)ssk, (void)portid, (void)nonblock;
	fuzz_reply(skb);
	kfree_skb(skb);
	return 0;
}

int netlink_broadcast_filtered(struct sock *ssk, struct sk_buff *skb, __u32 portid, __u32 group,
			       gfp_t allocation, netlink_filter_fn filter, void *filter_data)
{
	(void)ssk, (void)portid, (void)group, (void)allocation, (void)filter, (void)filter_data;
	kfree_skb(skb);
	return 0;
}

void do_trace_netlink_extack(const char *message)
{
	(void)message;
}

int netlink_has_listeners(struct sock *sk, unsigned int group)
{
	(void)sk, (void)group;
	return 1;
}

int genl_register_family(struct genl_family *family)
{
	(void)family;
	return 0;
}

int genl_unregister_family(const struct genl_family *family)
{
	(void)family;
	return 0;
}

/* One socket for even numbers, which may be adopted for every fourth. */
static struct inet_connection_sock the_icsk;
static struct sock the_sock = { .net = &init_net, .sk_state = TCP_ESTABLISHED };
static struct socket the_socket = { .sk = &the_sock };
int fuzz_sockets;

struct inet_connection_sock *inet_csk(struct sock *sk)
{
	(void)sk;
	return &the_icsk;
}

struct socket *sockfd_lookup(int fd, int *err)
{
	*err = -EBADF;
	if (fd & 1)
		return NULL;
	the_sock.sk_user_data = fd & 2 ? &the_icsk : NULL;
	fuzz_sockets++;
	return &the_socket;
}

void sockfd_put(struct socket *sock)
{
	BUG_ON(sock != &the_socket);
	fuzz_sockets--;
}

int l7fp_listener_adopt(struct l7fp_listener *listener, struct socket *sock)
{
	if (listener->config.id & 1)
		return -EINVAL;
	sockfd_put(sock);
	return 0;
}

int l7fp_cluster_adopt(struct l7fp_cluster *cluster, struct socket *sock)
{
	if (cluster->config.id & 1)
		return -EINVAL;
	sockfd_put(sock);
	return 0;
}

int l7fp_listener_create(struct l7fp_net *ln, const struct l7fp_listener_config *config)
{
	struct l7fp_listener *listener = fuzz_alloc(sizeof(*listener));
	int err;

	if (!listener)
		return -ENOMEM;
	listener->config = *config;
	listener->ln = ln;
	err = xa_put(&ln->listeners, config->id, listener);
	if (err)
		free(listener);
	return err;
}

int l7fp_listener_delete(struct l7fp_net *ln, u32 id)
{
	struct l7fp_listener *listener = xa_load(&ln->listeners, id);

	if (!listener)
		return -ENOENT;
	xa_put(&ln->listeners, id, NULL);
	free(listener);
	return 0;
}

int l7fp_listener_address(struct l7fp_listener *listener, struct sockaddr_storage *address)
{
	*address = listener->config.address;
	return 0;
}

static void drop_endpoints(struct l7fp_cluster *cluster)
{
	struct l7fp_endpoint_set *set = cluster->endpoints;
	u32 i;

	for (i = 0; set && i < set->n; i++)
		free(set->pick[i]);
	free(set);
	cluster->endpoints = NULL;
}

/* As the module: the message's attribute does not outlive it, what it says does. */
static int set_config(struct l7fp_cluster *cluster, const struct l7fp_cluster_config *config)
{
	struct l7fp_cluster_tls *tls = NULL;

	if (config->tls) {
		tls = fuzz_alloc(struct_size(tls, data, nla_len(config->tls)));
		if (!tls)
			return -ENOMEM;
		tls->len = nla_len(config->tls);
		memcpy(tls->data, nla_data(config->tls), tls->len);
	}
	free(cluster->tls);
	cluster->tls = tls;
	cluster->config = *config;
	cluster->config.tls = NULL;
	return 0;
}

int l7fp_cluster_set(struct l7fp_net *ln, const struct l7fp_cluster_config *config)
{
	struct l7fp_cluster *cluster = l7fp_cluster_find(ln, config->id);
	int err;

	if (cluster)
		return set_config(cluster, config);
	cluster = fuzz_alloc(sizeof(*cluster));
	if (!cluster)
		return -ENOMEM;
	cluster->ln = ln;
	if (config->kind == L7FP_CLUSTER_ORIGINAL_DST)
		cluster->originals = (void *)cluster;
	err = set_config(cluster, config);
	if (!err)
		err = xa_put(&ln->clusters, config->id, cluster);
	if (err) {
		free(cluster->tls);
		free(cluster);
	} else if (config->id < L7FP_FEW_CLUSTERS) {
		ln->few_clusters[config->id] = cluster;
	}
	return err;
}

int l7fp_cluster_delete(struct l7fp_net *ln, u32 id)
{
	struct l7fp_cluster *cluster = l7fp_cluster_find(ln, id);

	if (!cluster)
		return -ENOENT;
	xa_put(&ln->clusters, id, NULL);
	if (id < L7FP_FEW_CLUSTERS)
		ln->few_clusters[id] = NULL;
	drop_endpoints(cluster);
	free(cluster->tls);
	free(cluster);
	return 0;
}

int l7fp_cluster_set_endpoints(struct l7fp_cluster *cluster,
			       const struct l7fp_endpoint_config *endpoints, u32 n)
{
	struct l7fp_endpoint_set *set = fuzz_alloc(struct_size(set, pick, n));
	u32 i;

	if (!set)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		set->pick[i] = calloc(1, sizeof(*set->pick[i]));
		set->pick[i]->config = endpoints[i];
	}
	set->n = n;
	drop_endpoints(cluster);
	cluster->endpoints = set;
	return 0;
}

int l7fp_original_walk(struct l7fp_cluster *cluster, long from, long *at,
		       int (*fill)(struct l7fp_endpoint *endpoint, void *arg), void *arg)
{
	(void)cluster, (void)from, (void)at, (void)fill, (void)arg;
	return 0;
}

int l7fp_slow_path_set(struct l7fp_generation *generation, const struct sockaddr_storage *address,
		       u16 inbound_port, const u8 *token, u32 token_len)
{
	struct l7fp_slow_path *slow;

	if (generation->slow_path)
		return -EEXIST;
	slow = fuzz_alloc(struct_size(slow, token, token_len));
	if (!slow)
		return -ENOMEM;
	slow->address = *address;
	slow->inbound_port = inbound_port;
	slow->token_len = token_len;
	memcpy(slow->token, token, token_len);
	generation->slow_path = slow;
	return 0;
}

int l7fp_counters_init(struct l7fp_counters *counters, u32 n)
{
	counters->n = n;
	counters->chunk = fuzz_alloc(sizeof(*counters->chunk));
	return counters->chunk ? 0 : -ENOMEM;
}

void l7fp_counters_free(struct l7fp_counters *counters)
{
	free(counters->chunk);
	counters->chunk = NULL;
}

struct l7fp_generation *l7fp_generation_find(struct l7fp_net *ln, u64 number)
{
	struct l7fp_generation *generation;

	list_for_each_entry(generation, &ln->generations, list)
		if (generation->number == number)
			return generation;
	return NULL;
}

struct l7fp_generation *l7fp_generation_new(struct l7fp_net *ln, u64 number)
{
	struct l7fp_generation *generation = fuzz_alloc(sizeof(*generation));

	if (!generation)
		return ERR_PTR(-ENOMEM);
	generation->number = number;
	generation->net = ln;
	generation->state = L7FP_GENERATION_BUILDING;
	INIT_LIST_HEAD(&generation->blocks);
	list_add_tail(&generation->list, &ln->generations);
	ln->n_generations++;
	return generation;
}

void l7fp_generation_free(struct l7fp_generation *generation)
{
	list_del(&generation->list);
	generation->net->n_generations--;
	l7fp_tables_free(generation);
	free(generation->slow_path);
	free(generation);
}

int l7fp_generation_hold(struct l7fp_generation *generation, int fd)
{
	if (fd & 1)
		return -EINVAL;
	generation->state = L7FP_GENERATION_PREPARED;
	return 0;
}

s64 l7fp_generation_exchanges(const struct l7fp_generation *generation)
{
	(void)generation;
	return 0;
}

/* Forwards to what was asked for, or answers. */
int l7fp_decide(struct l7fp_exchange_kern *x, struct l7fp_net *ln)
{
	(void)ln;
	x->pub.cluster = 1;
	x->pub.route = ~0U;
	x->pub.rule = ~0U;
	x->path.data = x->head + x->request.target.off;
	x->path.len = x->request.target.len;
	x->host = x->path;
	return x->path.len & 1 ? L7FP_FORWARD : L7FP_RESPOND;
}

void l7fp_decide_done(struct l7fp_exchange_kern *x)
{
	(void)x;
}

void l7fp_arena_free(struct l7fp_arena *arena)
{
	(void)arena;
}

bool fuzz_draining;

void l7fp_drain_begin(struct l7fp_net *ln, u32 deadline_ms)
{
	(void)ln, (void)deadline_ms;
	fuzz_draining = true;
}

int l7fp_drain_stop(struct l7fp_net *ln)
{
	unsigned long id = 0;

	if (!fuzz_draining)
		return -ENOENT;
	while (xa_find(&ln->listeners, &id, ULONG_MAX)) {
		l7fp_listener_delete(ln, id);
		ln->n_listeners--;
	}
	fuzz_draining = false;
	return 0;
}

void l7fp_drain_state(struct l7fp_net *ln, struct l7fp_drain_state *state)
{
	state->listeners = ln->n_listeners;
	state->on = fuzz_draining;
}

int l7fp_nl_connection_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	(void)skb, (void)cb;
	return 0;
}

int l7fp_nl_handshake_accept_doit(struct sk_buff *skb, struct genl_info *info)
{
	return -EAGAIN;
}

int l7fp_nl_handshake_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	return -ENOENT;
}

int l7fp_nl_stats_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	(void)skb, (void)cb;
	return 0;
}
