/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module keeps for one network namespace.
 */
#ifndef _L7FP_STATE_H
#define _L7FP_STATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "grpc.h"
#include "uapi/l7fp.h"

#define L7FP_FEW_CLUSTERS	64

struct l7fp_cluster;
struct l7fp_generation;

/**
 * struct l7fp_drain - a drain of the namespace, see drain.c
 * @deadline: jiffies; changed under l7fp_net.lock
 * @stop: listeners close; under l7fp_net.lock
 * @reset: connections reset at the deadline of the last one; likewise
 * @work: looks after it
 */
struct l7fp_drain {
	unsigned long deadline;
	bool stop;
	u64 reset;
	struct delayed_work work;
};

/* Counters of a namespace, per CPU. */
struct l7fp_stats {
	u64 verdict[__L7FP_VERDICT_MAX];
	u64 reason[__L7FP_REASON_MAX];
	u64 grpc[L7FP_GRPC_STATUS_NONE + 1];
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
	u64 slow_path_rq_total;		/* forwarded to the proxy */
	u64 slow_path_rq_failed;	/* of them without an answer */
	u64 slow_path_cx_total;
	u64 h2_cx_total;		/* connections of clients with HTTP/2 */
	u64 h2_error;			/* connections ended with GOAWAY and an error */
	u64 h2_rx_reset, h2_tx_reset;
	u64 h2_flood[4];		/* of enum l7fp_h2_flood */
	u64 tunnel;
	u64 opaque;
	u64 connect_refused;
	u64 downstream_rx_bytes, downstream_tx_bytes;
	u64 upstream_rx_bytes, upstream_tx_bytes;
	u64 downstream_rq_app;		/* requests whose head came past TCP */
	u64 upstream_rq_app;		/* responses, likewise */
	u64 app_rx_bytes, app_tx_bytes;	/* past TCP, from and to applications */
	u64 app_cx_total;		/* ports joined to an application's socket */
	u64 tls_handshake[__L7FP_TLS_FAILURE_MAX];
	u64 tls_truncated;		/* FIN without close_notify */
	u64 tls_alert;			/* fatal ones received */
	u64 tls_bad_record;
	u64 tls_passed;		/* an application's own, on a permissive port */
	u64 tls_key_update;		/* asked for, and closed instead */
	/* Those that could not be, although it is in the namespace. */
	u64 app_refused[__L7FP_APP_MAX];
};

/**
 * struct l7fp_net - state of one network namespace
 * @net: not held; the state goes in its exit
 * @by_cookie: in the table of steer.c
 * @lock: serialises changes from netlink and the namespace's exit
 * @dead: set under @lock when the namespace goes; nothing new is created
 * @draining: responses end their connections; set under @lock
 * @listeners: struct l7fp_listener by id; changed under @lock, read under RCU
 * @clusters: struct l7fp_cluster by id, likewise
 * @few_clusters: those of them with the least ids, which mostly are all: every request asks
 * @n_listeners: entries of @listeners, under @lock; likewise @n_clusters
 * @sequence: counts changes, under @lock: a dump in several parts tells when there was one
 * @generations: all, under @lock
 * @n_generations: of them, those that are not DRAINING: what L7FP_MAX_GENERATIONS bounds, since
 *	a long tunnel must not keep new policies out
 * @released: woken when a generation leaves @generations
 * @current_generation: changed under @lock, read under RCU
 * @link: the bpf_link that attached it, NULL when there is none; under @lock
 * @downstreams: every downstream connection, under @downstreams_lock
 * @handshakes: struct l7fp_tls that wait for a process that shakes hands, oldest first; under
 *	@handshakes_lock
 * @handshakes_taken: those that one has; likewise
 * @n_handshakes: of both; likewise
 * @handshake_number: of the last one; likewise
 * @drain: what is to be known of it
 * @sweep: closes what is idle or late, once a second
 * @events_limit: bounds the messages of the multicast group
 */
struct l7fp_net {
	struct net *net;
	struct hlist_node by_cookie;
	struct mutex lock;	/* changes, and the namespace's exit */
	bool dead;
	bool draining;
	struct xarray listeners;
	struct xarray clusters;
	struct l7fp_cluster __rcu *few_clusters[L7FP_FEW_CLUSTERS];
	u32 n_listeners;
	u32 n_clusters;
	u32 sequence;
	struct list_head generations;
	u32 n_generations;
	wait_queue_head_t released;
	struct l7fp_generation __rcu *current_generation;
	void *link;
	spinlock_t downstreams_lock;	/* the two below */
	struct list_head downstreams;
	u32 n_downstreams;
	spinlock_t handshakes_lock;	/* the four below */
	struct list_head handshakes, handshakes_taken;
	u32 n_handshakes;
	u64 handshake_number;
	struct l7fp_drain drain;
	struct delayed_work sweep;
	struct ratelimit_state events_limit;
	atomic_t n_ports;		/* zero before the state may go */
	struct l7fp_stats __percpu *stats;
};

extern unsigned int l7fp_net_id;

static inline struct l7fp_net *l7fp_net(const struct net *net)
{
	return net_generic(net, l7fp_net_id);
}

#define l7fp_count(ln, member)		this_cpu_inc((ln)->stats->member)
#define l7fp_count_add(ln, member, n)	this_cpu_add((ln)->stats->member, n)

/* The pernet operations: set up the above, and take everything down in order. */
int l7fp_state_init(void);
void l7fp_state_uninit(void);

#endif /* _L7FP_STATE_H */
