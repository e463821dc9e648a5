// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a network namespace, from its birth (or the module's) to its end.
 */
#include <linux/ratelimit.h>
#include <net/netns/generic.h>
#include "downstream.h"
#include "drain.h"
#include "policy.h"
#include "state.h"
#include "steer.h"

#define EVENTS_INTERVAL	HZ
#define EVENTS_BURST	100

unsigned int l7fp_net_id __read_mostly;

static int __net_init state_net_init(struct net *net)
{
	struct l7fp_net *ln = l7fp_net(net);

	ln->stats = alloc_percpu(struct l7fp_stats);
	if (!ln->stats)
		return -ENOMEM;
	ln->net = net;
	mutex_init(&ln->lock);
	xa_init(&ln->listeners);
	xa_init(&ln->clusters);
	INIT_LIST_HEAD(&ln->generations);
	init_waitqueue_head(&ln->released);
	spin_lock_init(&ln->downstreams_lock);
	INIT_LIST_HEAD(&ln->downstreams);
	spin_lock_init(&ln->handshakes_lock);
	INIT_LIST_HEAD(&ln->handshakes);
	INIT_LIST_HEAD(&ln->handshakes_taken);
	INIT_DELAYED_WORK(&ln->sweep, l7fp_sweep);
	l7fp_drain_init(ln);
	ratelimit_state_init(&ln->events_limit, EVENTS_INTERVAL, EVENTS_BURST);
	ratelimit_set_flags(&ln->events_limit, RATELIMIT_MSG_ON_RELEASE);
	l7fp_steer_add(ln);
	return 0;
}

/* A grace period passes before the exit: no program finds the state any more. */
static void __net_exit state_net_pre_exit(struct net *net)
{
	l7fp_steer_remove(l7fp_net(net));
}

/*
 * 1. Nothing new: the state is dead, the listeners stop.
 * 2. Downstream connections are closed; each of them ends its exchange, whose
 *    upstream connection goes back to its pool or is closed.
 * 3. Clusters go, and with them their pools; then no port is left.
 * 4. Generations: no exchange holds one any more.
 * 5. Counters, which all of the above may have counted in until here.
 */
static void __net_exit state_net_exit(struct net *net)
{
	struct l7fp_net *ln = l7fp_net(net);
	unsigned long id;
	void *entry;

	mutex_lock(&ln->lock);
	WRITE_ONCE(ln->dead, true);
	xa_for_each(&ln->listeners, id, entry)
		l7fp_listener_delete(ln, id);
	mutex_unlock(&ln->lock);

	cancel_delayed_work_sync(&ln->sweep);
	l7fp_drain_exit(ln);
	l7fp_downstreams_kill(ln, true);

	mutex_lock(&ln->lock);
	xa_for_each(&ln->clusters, id, entry)
		l7fp_cluster_delete(ln, id);
	mutex_unlock(&ln->lock);
	l7fp_ports_wait(ln);
	cancel_delayed_work_sync(&ln->sweep);

	l7fp_generations_exit(ln);

	/* Readers of the tables, and listeners and clusters on their way out. */
	rcu_barrier();
	xa_destroy(&ln->listeners);
	xa_destroy(&ln->clusters);
	free_percpu(ln->stats);
}

static struct pernet_operations state_net_ops = {
	.init = state_net_init,
	.pre_exit = state_net_pre_exit,
	.exit = state_net_exit,
	.id = &l7fp_net_id,
	.size = sizeof(struct l7fp_net),
};

int l7fp_state_init(void)
{
	return register_pernet_subsys(&state_net_ops);
}

void l7fp_state_uninit(void)
{
	unregister_pernet_subsys(&state_net_ops);
}
