// SPDX-License-Identifier: GPL-2.0-only
/*
 * What inbound capture needs of the module: its listening sockets have no file,
 * and hold the module in sk_user_data, so that no sockmap takes them. A kfunc
 * gives one to the lookup instead, as bpf_sk_assign() would.
 *
 * The context of a lookup does not say in which network namespace it is. The
 * program tells its own by the cookie, and so does this table.
 */
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cgroup.h>
#include <linux/filter.h>
#include <linux/hashtable.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>
#include "downstream.h"
#include "steer.h"
#include "wire.h"

#define BITS	8

static DEFINE_HASHTABLE(nets, BITS);	/* struct l7fp_net; read under RCU */
static DEFINE_SPINLOCK(nets_lock);	/* changes of it */

void l7fp_steer_add(struct l7fp_net *ln)
{
	spin_lock_bh(&nets_lock);
	hash_add_rcu(nets, &ln->by_cookie, ln->net->net_cookie);
	spin_unlock_bh(&nets_lock);
}

void l7fp_steer_remove(struct l7fp_net *ln)
{
	spin_lock_bh(&nets_lock);
	hash_del_rcu(&ln->by_cookie);
	spin_unlock_bh(&nets_lock);
}

static struct l7fp_net *find(u64 cookie)
{
	struct l7fp_net *ln;

	hash_for_each_possible_rcu(nets, ln, by_cookie, cookie)
		if (ln->net->net_cookie == cookie)
			return ln;
	return NULL;
}

/* Valid under RCU: a listening socket is freed after a grace period (SOCK_RCU_FREE). */
static struct sock *listening(struct l7fp_net *ln, u32 id)
{
	struct l7fp_listener *listener = xa_load(&ln->listeners, id);
	struct socket *sock = listener ? READ_ONCE(listener->sock) : NULL;
	struct sock *sk = sock ? READ_ONCE(sock->sk) : NULL;

	if (!sk || READ_ONCE(sk->sk_state) != TCP_LISTEN || !sock_flag(sk, SOCK_RCU_FREE))
		return NULL;
	return sk;
}

/*
 * The socket that connects, held, where it is in the same network namespace: it
 * is among the established ones from before the first packet. No address could
 * tell whose it is, since anybody may bind one, and the interface of a local
 * connection is the one that has the address.
 */
static struct sock *client_of(struct net *net, const struct bpf_sk_lookup_kern *lookup)
{
	struct inet_hashinfo *hash = net->ipv4.tcp_death_row.hashinfo;
	struct sock *sk = NULL;

	if (lookup->family == AF_INET)
		sk = __inet_lookup_established(net, hash, lookup->v4.daddr, htons(lookup->dport),
					       lookup->v4.saddr, ntohs(lookup->sport),
					       LOOPBACK_IFINDEX, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = __inet6_lookup_established(net, hash, lookup->v6.daddr, htons(lookup->dport),
						lookup->v6.saddr, ntohs(lookup->sport),
						LOOPBACK_IFINDEX, 0);
#endif
	if (sk && !sk_fullsock(sk)) {
		sock_gen_put(sk);
		sk = NULL;
	}
	return sk;
}

/*
 * Whether the module itself connects for an INBOUND listener. A connection that
 * it makes for a client of this very namespace has yet to be judged as every
 * other is.
 */
static bool is_own(struct net *net, const struct bpf_sk_lookup_kern *lookup)
{
	struct sock *sk = client_of(net, lookup);
	struct l7fp_client client;
	bool own;

	if (!sk)
		return false;
	own = l7fp_upstream_client(sk, &client) && client.inbound;
	sock_put(sk);
	return own;
}

__bpf_kfunc_start_defs();

/**
 * l7fp_steer() - let a listener of the module have a connection
 * @ctx: context of a sk_lookup program
 * @netns_cookie: of the network namespace to which the program is attached
 * @listener: id
 *
 * The accepted socket keeps the address that the client asked for.
 *
 * Return: 0; 1 for a connection that the module makes for an INBOUND listener, on its way to the
 * application, which must go on as it is; -ENOENT when there is no such listener, -EPROTOTYPE for
 * what is not TCP, -EAFNOSUPPORT for a listener of the other address family, -EEXIST when another
 * program has chosen a socket. After an error the program must refuse the connection.
 */
__bpf_kfunc int l7fp_steer(struct bpf_sk_lookup *ctx, u64 netns_cookie, u32 listener)
{
	/* As with all contexts: programs know it by its user-space type. */
	struct bpf_sk_lookup_kern *lookup = (struct bpf_sk_lookup_kern *)ctx;
	struct l7fp_net *ln;
	struct sock *sk;
	int err = 0;

	if (lookup->protocol != IPPROTO_TCP)
		return -EPROTOTYPE;
	if (lookup->selected_sk)
		return -EEXIST;
	rcu_read_lock();
	ln = find(netns_cookie);
	sk = ln ? listening(ln, listener) : NULL;
	if (ln && is_own(ln->net, lookup))
		err = 1;
	else if (!sk)
		err = -ENOENT;
	else if (sk->sk_family != lookup->family)
		err = -EAFNOSUPPORT;
	else
		lookup->selected_sk = sk;
	rcu_read_unlock();
	return err;
}

/**
 * l7fp_steer_cgroups() - the cgroups of a client of the same network namespace
 * @ctx: context of a sk_lookup program
 * @netns_cookie: of the network namespace to which the program is attached
 * @id: filled with their ids, the outermost first, without the root
 * @id__sz: bytes of @id; inner cgroups that do not fit are left out
 *
 * The cgroup is that of the process when it made its socket, as with the hooks of connect().
 *
 * Return: how many were filled in; 0 of a client that is elsewhere, of the module itself, and
 * of one in the root cgroup.
 */
__bpf_kfunc int l7fp_steer_cgroups(struct bpf_sk_lookup *ctx, u64 netns_cookie, u64 *id,
				   u32 id__sz)
{
	struct bpf_sk_lookup_kern *lookup = (struct bpf_sk_lookup_kern *)ctx;
	int n = 0;
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct sock *sk = NULL;
	struct cgroup *cgroup;
	struct l7fp_net *ln;

	if (lookup->protocol != IPPROTO_TCP)
		return 0;
	rcu_read_lock();
	ln = find(netns_cookie);
	if (ln)
		sk = client_of(ln->net, lookup);
	if (sk && !l7fp_wire_owns(sk)) {
		cgroup = sock_cgroup_ptr(&sk->sk_cgrp_data);
		for (; n < cgroup->level && (n + 1) * sizeof(*id) <= id__sz; n++)
			id[n] = cgroup_id(cgroup_ancestor(cgroup, n + 1));
	}
	rcu_read_unlock();
	if (sk)
		sock_put(sk);
#endif
	return n;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(steer_kfuncs)
BTF_ID_FLAGS(func, l7fp_steer)
BTF_ID_FLAGS(func, l7fp_steer_cgroups)
BTF_KFUNCS_END(steer_kfuncs)

/* The hook is that of all program types: sk_lookup has none of its own. */
static int steer_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	if (!btf_id_set8_contains(&steer_kfuncs, kfunc_id))
		return 0;
	return prog->type == BPF_PROG_TYPE_SK_LOOKUP ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set steer_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &steer_kfuncs,
	.filter = steer_filter,
};

int l7fp_steer_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_UNSPEC, &steer_kfunc_set);
}
