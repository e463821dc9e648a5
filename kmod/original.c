// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clusters of kind ORIGINAL_DST. An endpoint is made when the first client
 * wants to go to its address, and has a pool of its own, so that a connection
 * to one address never serves another. At most L7FP_MAX_ORIGINAL_DST of them
 * are kept; one over that takes the place of the one that was least recently
 * used and is idle, and where all are busy it lives for one exchange.
 *
 * On behalf of an INBOUND listener the connections come from a reserved
 * address: the sk_lookup program in the network namespace lets them pass to
 * the application, where it would steer others to the listener.
 *
 * Order: l7fp_downstream.lock, l7fp_originals.lock, l7fp_endpoint.lock.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "downstream.h"
#include "original.h"

#define BITS	8
/* Of the least recently used, those that are looked at for one that is idle. */
#define LOOK_AT	16

/**
 * struct l7fp_original - an endpoint of an ORIGINAL_DST cluster
 * @endpoint: first, since its last reference frees the whole
 * @source: where connections come from; AF_UNSPEC: from any address
 * @hash: in l7fp_originals.hash; unhashed when it is not kept
 * @age: in l7fp_originals.age
 * @used: when it was last picked, jiffies
 */
struct l7fp_original {
	struct l7fp_endpoint endpoint;
	struct sockaddr_storage source;
	struct hlist_node hash;
	struct list_head age;
	unsigned long used;
};

struct l7fp_originals {
	spinlock_t lock;		/* all below */
	bool dead;			/* the cluster is deleted */
	u32 n;
	struct list_head age;		/* least recently used first */
	struct hlist_head hash[1 << BITS];
	struct rcu_head rcu;
};

struct l7fp_originals *l7fp_originals_new(void)
{
	struct l7fp_originals *originals = kzalloc(sizeof(*originals), GFP_KERNEL_ACCOUNT);

	if (!originals)
		return NULL;
	spin_lock_init(&originals->lock);
	INIT_LIST_HEAD(&originals->age);
	return originals;
}

void l7fp_originals_free(struct l7fp_originals *originals)
{
	if (originals)
		kfree_rcu(originals, rcu);
}

static struct l7fp_original *original_of(struct l7fp_endpoint *endpoint)
{
	return container_of(endpoint, struct l7fp_original, endpoint);
}

const struct sockaddr_storage *l7fp_original_source(struct l7fp_endpoint *endpoint)
{
	if (!endpoint->original || original_of(endpoint)->source.ss_family == AF_UNSPEC)
		return NULL;
	return &original_of(endpoint)->source;
}

/* False for what is no address to connect to. */
static bool address_of(struct sockaddr_storage *to, const u32 addr[4], u32 port)
{
	const struct in6_addr *in = (const struct in6_addr *)addr;
	struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *to4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (ipv6_addr_v4mapped(in)) {
		to4->sin_family = AF_INET;
		to4->sin_port = htons(port);
		to4->sin_addr.s_addr = in->s6_addr32[3];
		return port && in->s6_addr32[3];
	}
	to6->sin6_family = AF_INET6;
	to6->sin6_port = htons(port);
	to6->sin6_addr = *in;
	return port && !ipv6_addr_any(in);
}

static bool is_any(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return !((const struct sockaddr_in *)address)->sin_addr.s_addr;
	return ipv6_addr_any(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static __be16 port_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port :
					       ((const struct sockaddr_in6 *)address)->sin6_port;
}

/*
 * A client that came to the listener by itself, with no program that brought
 * it here, wanted to go to the listener: that would go round for ever.
 */
static bool is_listener(const struct l7fp_listener *listener, const struct sockaddr_storage *to)
{
	const struct sockaddr_storage *own = &listener->bound;

	return port_of(own) == port_of(to) && (is_any(own) || l7fp_same_address(own, to));
}

static void source_of(struct sockaddr_storage *source, const struct l7fp_listener_config *config,
		      int family)
{
	memset(source, 0, sizeof(*source));
	if (!(config->flags & L7FP_LISTENER_INBOUND))
		return;
	source->ss_family = family;
	if (family == AF_INET)
		((struct sockaddr_in *)source)->sin_addr = config->source4;
	else
		((struct sockaddr_in6 *)source)->sin6_addr = config->source6;
}

static struct hlist_head *bucket(struct l7fp_originals *originals,
				 const struct sockaddr_storage *to)
{
	const struct sockaddr_in6 *to6 = (const struct sockaddr_in6 *)to;
	const struct sockaddr_in *to4 = (const struct sockaddr_in *)to;
	u32 hash;

	if (to->ss_family == AF_INET)
		hash = jhash_2words((__force u32)to4->sin_addr.s_addr,
				    (__force u32)to4->sin_port, 0);
	else
		hash = jhash2((__force u32 *)to6->sin6_addr.s6_addr32, 4,
			      (__force u32)to6->sin6_port);
	return &originals->hash[hash & ((1 << BITS) - 1)];
}

static bool same_source(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family == AF_UNSPEC || b->ss_family == AF_UNSPEC)
		return a->ss_family == b->ss_family;
	return l7fp_same_address(a, b);
}

static struct l7fp_original *find(struct l7fp_originals *originals,
				  const struct sockaddr_storage *to,
				  const struct sockaddr_storage *source)
{
	struct l7fp_original *o;

	lockdep_assert_held(&originals->lock);
	hlist_for_each_entry(o, bucket(originals, to), hash)
		if (l7fp_same_address(&o->endpoint.config.address, to) &&
		    same_source(&o->source, source))
			return o;
	return NULL;
}

/* No longer kept: its idle connections go to @list, the others close after their exchange. */
static void retire(struct l7fp_originals *originals, struct l7fp_original *o,
		   struct list_head *list)
{
	lockdep_assert_held(&originals->lock);
	hlist_del_init(&o->hash);
	list_del(&o->age);
	originals->n--;
	spin_lock(&o->endpoint.lock);
	o->endpoint.dead = true;
	l7fp_pool_take_idle(&o->endpoint, list);
	spin_unlock(&o->endpoint.lock);
	l7fp_endpoint_put(&o->endpoint);
}

/* False when all that might go are busy. */
static bool make_room(struct l7fp_originals *originals, struct list_head *closing)
{
	struct l7fp_original *o;
	u32 i = 0;

	lockdep_assert_held(&originals->lock);
	if (originals->n < L7FP_MAX_ORIGINAL_DST)
		return true;
	list_for_each_entry(o, &originals->age, age) {
		if (atomic_read(&o->endpoint.n_connections) <= READ_ONCE(o->endpoint.n_idle)) {
			retire(originals, o, closing);
			return true;
		}
		if (++i == LOOK_AT)
			break;
	}
	return false;
}

static struct l7fp_original *original_new(struct l7fp_cluster *cluster,
					  const struct sockaddr_storage *to,
					  const struct sockaddr_storage *source)
{
	struct l7fp_original *o = kzalloc(sizeof(*o), GFP_ATOMIC | __GFP_NOWARN);

	if (!o)
		return NULL;
	o->endpoint.cluster = cluster;
	refcount_inc(&cluster->refs);
	refcount_set(&o->endpoint.refs, 1);
	spin_lock_init(&o->endpoint.lock);
	INIT_LIST_HEAD(&o->endpoint.idle);
	INIT_LIST_HEAD(&o->endpoint.h2);
	o->endpoint.original = true;
	o->endpoint.config.address = *to;
	o->endpoint.config.weight = 1;
	o->endpoint.config.healthy = true;
	o->source = *source;
	return o;
}

struct l7fp_endpoint *l7fp_original_pick(struct l7fp_cluster *cluster, struct l7fp_downstream *d)
{
	struct l7fp_originals *originals = cluster->originals;
	struct sockaddr_storage to, source;
	struct l7fp_original *o = NULL;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "clusters are read under RCU");
	lockdep_assert_held(&d->lock);
	if (!address_of(&to, d->conn.dst_addr, d->conn.dst_port) || is_listener(d->listener, &to))
		return NULL;
	source_of(&source, &d->listener->config, to.ss_family);
	spin_lock_bh(&originals->lock);
	if (originals->dead)
		goto unlock;
	o = find(originals, &to, &source);
	if (!o) {
		o = original_new(cluster, &to, &source);
		if (!o)
			goto unlock;
		if (!make_room(originals, &d->closing)) {
			/* It has the caller's reference only. */
			o->endpoint.dead = true;
			goto unlock;
		}
		hlist_add_head(&o->hash, bucket(originals, &to));
		list_add_tail(&o->age, &originals->age);
		originals->n++;
	}
	refcount_inc(&o->endpoint.refs);
	o->used = jiffies;
	list_move_tail(&o->age, &originals->age);
unlock:
	spin_unlock_bh(&originals->lock);
	return o ? &o->endpoint : NULL;
}

void l7fp_originals_exit(struct l7fp_cluster *cluster)
{
	struct l7fp_originals *originals = cluster->originals;
	struct l7fp_original *o, *next;
	LIST_HEAD(list);

	spin_lock_bh(&originals->lock);
	originals->dead = true;
	list_for_each_entry_safe(o, next, &originals->age, age)
		retire(originals, o, &list);
	spin_unlock_bh(&originals->lock);
	l7fp_pool_close_list(&list);
}

void l7fp_original_sweep(struct l7fp_cluster *cluster, unsigned long idle, struct list_head *list)
{
	struct l7fp_originals *originals = cluster->originals;
	struct l7fp_original *o, *next;

	spin_lock_bh(&originals->lock);
	list_for_each_entry_safe(o, next, &originals->age, age) {
		l7fp_pool_expire(&o->endpoint, idle, list);
		if (!atomic_read(&o->endpoint.n_connections) &&
		    time_after_eq(jiffies, o->used + L7FP_ORIGINAL_KEEP))
			retire(originals, o, list);
	}
	spin_unlock_bh(&originals->lock);
}

int l7fp_original_walk(struct l7fp_cluster *cluster, long from, long *at,
		       int (*fill)(struct l7fp_endpoint *endpoint, void *arg), void *arg)
{
	struct l7fp_originals *originals = cluster->originals;
	struct l7fp_original *o;
	long i = 0;
	int err = 0;

	spin_lock_bh(&originals->lock);
	list_for_each_entry(o, &originals->age, age) {
		if (i++ < from)
			continue;
		*at = i - 1;
		err = fill(&o->endpoint, arg);
		if (err)
			break;
	}
	spin_unlock_bh(&originals->lock);
	return err;
}
