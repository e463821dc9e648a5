// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where captured sockets wanted to go, keyed by socket cookie: unlike the
 * address of a socket, a cookie is never used again.
 *
 * An entry is taken when the listener accepts. The entry of a client that was
 * gone by then stays until it is old and the table is full; a table full of
 * young entries refuses further connects, so none goes astray.
 */
#include <linux/filter.h>
#include <linux/hash.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include "capture.h"
#include "uapi/l7fp.h"
#include "wire.h"

#define BITS	12

struct captured {
	struct hlist_node hash;
	struct list_head age;
	u64 cookie;
	unsigned long since;
	u32 addr[4];
	u32 port;
};

static struct hlist_head table[1 << BITS];
static LIST_HEAD(by_age);
static u32 n_captured;
static DEFINE_SPINLOCK(lock);	/* all of the above */
static struct kmem_cache *cache;

static struct captured *find(u64 cookie)
{
	struct captured *c;

	lockdep_assert_held(&lock);
	hlist_for_each_entry(c, &table[hash_64(cookie, BITS)], hash)
		if (c->cookie == cookie)
			return c;
	return NULL;
}

static void unlink_captured(struct captured *c)
{
	lockdep_assert_held(&lock);
	hlist_del(&c->hash);
	list_del(&c->age);
	n_captured--;
}

/* False when the table is full of entries that may still be taken. */
static bool make_room(void)
{
	struct captured *c;

	lockdep_assert_held(&lock);
	if (n_captured < L7FP_MAX_CAPTURED)
		return true;
	c = list_first_entry(&by_age, struct captured, age);
	if (time_before(jiffies, c->since + L7FP_CAPTURE_MAX_AGE))
		return false;
	unlink_captured(c);
	kmem_cache_free(cache, c);
	return true;
}

static int destination(const struct sockaddr *to, u32 addr[4], u32 *port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)to;
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;
	struct in6_addr mapped;

	switch (to->sa_family) {
	case AF_INET:
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr, &mapped);
		memcpy(addr, &mapped, sizeof(mapped));
		*port = ntohs(in->sin_port);
		return 0;
	case AF_INET6:
		memcpy(addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		*port = ntohs(in6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

int l7fp_capture_store(struct bpf_sock_addr_kern *ctx)
{
	struct captured *c, *old;
	struct sock *sk = ctx->sk;
	u32 words[2];
	u64 cookie;
	int err;

	if (!sk || sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP)
		return -EPERM;
	/*
	 * What the policy has judged goes to its endpoint. Other sockets of the
	 * kernel are an application's in disguise (MPTCP, SMC), or may be.
	 */
	if (l7fp_wire_owns(sk))
		return 1;
	/* Makes a cookie where there is none; sock_gen_cookie() is not for modules. */
	sock_diag_save_cookie(sk, words);
	cookie = (u64)words[1] << 32 | words[0];
	c = kmem_cache_alloc(cache, GFP_ATOMIC);
	if (!c)
		return -ENOMEM;
	err = destination(ctx->uaddr, c->addr, &c->port);
	if (err) {
		kmem_cache_free(cache, c);
		return err;
	}
	c->cookie = cookie;
	c->since = jiffies;

	spin_lock_bh(&lock);
	old = find(cookie);
	if (old)
		unlink_captured(old);
	if (make_room()) {
		hlist_add_head(&c->hash, &table[hash_64(cookie, BITS)]);
		list_add_tail(&c->age, &by_age);
		n_captured++;
	} else {
		err = -ENOBUFS;
	}
	spin_unlock_bh(&lock);
	if (old)
		kmem_cache_free(cache, old);
	if (err)
		kmem_cache_free(cache, c);
	return err;
}

bool l7fp_capture_take(struct sock *client, u32 addr[4], u32 *port)
{
	u64 cookie = atomic64_read(&client->sk_cookie);
	struct captured *c;

	/* Without a cookie it never passed l7fp_capture(). */
	if (!cookie || !READ_ONCE(n_captured))
		return false;
	spin_lock_bh(&lock);
	c = find(cookie);
	if (c)
		unlink_captured(c);
	spin_unlock_bh(&lock);
	if (!c)
		return false;
	memcpy(addr, c->addr, sizeof(c->addr));
	*port = c->port;
	kmem_cache_free(cache, c);
	return true;
}

int l7fp_capture_init(void)
{
	cache = KMEM_CACHE(captured, SLAB_ACCOUNT);
	return cache ? 0 : -ENOMEM;
}

/* Programs that call the kfunc hold the module: none is left. */
void l7fp_capture_uninit(void)
{
	struct captured *c, *next;

	list_for_each_entry_safe(c, next, &by_age, age)
		kmem_cache_free(cache, c);
	kmem_cache_destroy(cache);
}
