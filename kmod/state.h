/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module keeps for one network namespace.
 */
#ifndef _L7FP_STATE_H
#define _L7FP_STATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include "uapi/l7fp.h"

struct l7fp_generation;

/* Counters of a namespace, per CPU. */
struct l7fp_stats {
	u64 verdict[__L7FP_VERDICT_MAX];
	u64 reason[__L7FP_REASON_MAX];
	u64 downstream_cx_total;
	u64 downstream_cx_destroy;
	u64 downstream_rq_total;
	u64 downstream_rq_completed;
	u64 upstream_cx_total;
	u64 upstream_cx_destroy;
	u64 upstream_cx_connect_fail;
	u64 upstream_cx_reused;
	u64 upstream_rq_resent;
	u64 local_reply;
	u64 tunnel;
	u64 opaque;
	u64 downstream_rx_bytes, downstream_tx_bytes;
	u64 upstream_rx_bytes, upstream_tx_bytes;
};

/**
 * struct l7fp_net - state of one network namespace
 * @net: not held; the state goes in its exit
 * @lock: serialises changes from netlink and the namespace's exit
 * @dead: set under @lock when the namespace goes; nothing new is created
 * @listeners: struct l7fp_listener by id; changed under @lock, read under RCU
 * @clusters: struct l7fp_cluster by id, likewise
 * @generations: all, under @lock
 * @current_generation: under RCU
 * @downstreams: every downstream connection, under @downstreams_lock
 * @sweep: closes what is idle or late, once a second
 */
struct l7fp_net {
	struct net *net;
	struct mutex lock;
	bool dead;
	struct xarray listeners;
	struct xarray clusters;
	struct list_head generations;
	struct l7fp_generation __rcu *current_generation;
	void *link;			/* bpf_link of the attached policy, for -EBUSY */
	spinlock_t downstreams_lock;
	struct list_head downstreams;
	u32 n_downstreams;
	struct delayed_work sweep;
	struct l7fp_stats __percpu *stats;
};

extern unsigned int l7fp_net_id;

static inline struct l7fp_net *l7fp_net(const struct net *net)
{
	return net_generic(net, l7fp_net_id);
}

#define l7fp_count(ln, field)		this_cpu_inc((ln)->stats->field)
#define l7fp_count_add(ln, field, n)	this_cpu_add((ln)->stats->field, n)

/* The pernet operations: set up the above, and take everything down in order. */
int l7fp_state_init(void);
void l7fp_state_uninit(void);

#endif /* _L7FP_STATE_H */
