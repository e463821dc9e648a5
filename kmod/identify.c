// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is at the other end of a connection: the addresses, and the other end's
 * socket where it is in the same network namespace.
 */
#include <linux/cgroup.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>
#include <net/tcp.h>
#include "capture.h"
#include "downstream.h"
#include "identify.h"
#include "wire.h"

/* One end of a connection; IPv4 as ::ffff:a.b.c.d. */
struct end {
	struct in6_addr addr;
	__be16 port;
};

static void end_of(struct end *end, const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const void *)from;

		ipv6_addr_set_v4mapped(a->sin_addr.s_addr, &end->addr);
		end->port = a->sin_port;
	} else {
		const struct sockaddr_in6 *a = (const void *)from;

		end->addr = a->sin6_addr;
		end->port = a->sin6_port;
	}
}

/* The socket at @local that is connected to @remote, held, where it is in @net. */
static struct sock *socket_at(struct net *net, const struct end *local, const struct end *remote)
{
	struct inet_hashinfo *hash = net->ipv4.tcp_death_row.hashinfo;
	struct sock *sk = NULL;

	if (ipv6_addr_v4mapped(&local->addr))
		sk = __inet_lookup_established(net, hash, remote->addr.s6_addr32[3], remote->port,
					       local->addr.s6_addr32[3], ntohs(local->port),
					       LOOPBACK_IFINDEX, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = __inet6_lookup_established(net, hash, &remote->addr, remote->port,
						&local->addr, ntohs(local->port),
						LOOPBACK_IFINDEX, 0);
#endif
	if (sk && !sk_fullsock(sk)) {
		sock_gen_put(sk);
		sk = NULL;
	}
	return sk;
}

static void restore_source4(struct net *net, struct in6_addr *src, const struct in6_addr *dst)
{
	struct flowi4 fl4 = {};
	struct rtable *rt;

	if (!ipv4_is_loopback(src->s6_addr32[3]) || ipv4_is_loopback(dst->s6_addr32[3]))
		return;
	fl4.daddr = dst->s6_addr32[3];
	rt = ip_route_output_key(net, &fl4);
	if (IS_ERR(rt))
		return;
	ipv6_addr_set_v4mapped(fl4.saddr, src);
	ip_rt_put(rt);
}

static void restore_source6(struct net *net, struct in6_addr *src, const struct in6_addr *dst)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct flowi6 fl6 = { .flowi6_proto = IPPROTO_TCP, .daddr = *dst };
	struct dst_entry *route;

	if (!ipv6_addr_loopback(src) || ipv6_addr_loopback(dst))
		return;
	route = ipv6_stub->ipv6_dst_lookup_flow(net, NULL, &fl6, NULL);
	if (IS_ERR(route))
		return;
	*src = fl6.saddr;
	dst_release(route);
#endif
}

/*
 * A redirected client is seen with a loopback address; the one that it would
 * have used toward its destination is the one that policies mean.
 */
static void restore_source(struct net *net, struct l7fp_connection *conn)
{
	struct in6_addr *src = (struct in6_addr *)conn->src_addr;
	struct in6_addr *dst = (struct in6_addr *)conn->dst_addr;

	if (ipv6_addr_v4mapped(src))
		restore_source4(net, src, dst);
	else
		restore_source6(net, src, dst);
}

static u64 cgroup_of(struct sock *client, struct l7fp_cgroups *around)
{
	u64 id = 0;
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct l7fp_client behind;
	struct cgroup *cgroup;
	int level;

	/* A connection of ours: the client that it was made for, of another listener. */
	if (l7fp_wire_owns(client))
		return l7fp_upstream_client(client, &behind) ? behind.cgroup : 0;
	rcu_read_lock();
	cgroup = sock_cgroup_ptr(&client->sk_cgrp_data);
	id = cgroup_id(cgroup);
	for (level = max(1, cgroup->level - L7FP_CGROUP_LEVELS); level < cgroup->level; level++)
		around->id[around->n++] = cgroup_id(cgroup_ancestor(cgroup, level));
	rcu_read_unlock();
#endif
	return id;
}

void l7fp_identify(struct l7fp_downstream *d, struct socket *sock)
{
	struct sockaddr_storage local = {}, peer = {};
	struct l7fp_connection *conn = &d->conn;
	struct net *net = d->port.ln->net;
	struct end here, there;
	struct sock *client;

	conn->inbound = !!(d->listener->config.flags & L7FP_LISTENER_INBOUND);
	if (kernel_getsockname(sock, (struct sockaddr *)&local) < 0 ||
	    kernel_getpeername(sock, (struct sockaddr *)&peer) < 0)
		return;
	end_of(&here, &local);
	end_of(&there, &peer);
	memcpy(conn->src_addr, &there.addr, sizeof(conn->src_addr));
	memcpy(conn->dst_addr, &here.addr, sizeof(conn->dst_addr));
	conn->src_port = ntohs(there.port);
	conn->dst_port = ntohs(here.port);
	conn->family = ipv6_addr_v4mapped(&there.addr) ? AF_INET : AF_INET6;
	client = socket_at(net, &there, &here);
	if (!client)
		return;
	conn->cgroup = cgroup_of(client, &d->cgroups);
	/* A connect that was redirected went to another listener. */
	if (!conn->inbound && l7fp_capture_take(client, conn->dst_addr, &conn->dst_port))
		restore_source(net, conn);
	sock_put(client);
}

struct sock *l7fp_peer_get(const struct sock *sk)
{
	struct end local, remote;

	local.port = inet_sk(sk)->inet_sport;
	remote.port = sk->sk_dport;
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &local.addr);
	ipv6_addr_set_v4mapped(sk->sk_daddr, &remote.addr);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		local.addr = sk->sk_v6_rcv_saddr;
		remote.addr = sk->sk_v6_daddr;
	}
#endif
	return socket_at(sock_net(sk), &remote, &local);
}

bool l7fp_identify_peer(const struct sock *sk, struct l7fp_client *client)
{
	struct sock *other;
	bool found;

	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP)
		return false;
	other = l7fp_peer_get(sk);
	if (!other)
		return false;
	found = l7fp_upstream_client(other, client) && client->alone;
	sock_put(other);
	return found;
}
