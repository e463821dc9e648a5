// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wire ports whose events are due in softirq: a list for each CPU, and a
 * tasklet that takes them in turn.
 *
 * A work item of a workqueue with WQ_BH comes to the same at several times the
 * price. What it does beyond this is not needed here: that a port is not run
 * twice at a time is seen to by L7FP_PORT_RUNNING, and a port in a list is
 * held, so that nobody has to wait for it when it goes.
 */
#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include "wire.h"

/* Ports before other softirqs get their turn. */
#define BATCH	64

/*
 * A tasklet may run on another CPU when its own goes offline, so neither list is bound to one:
 * @ports has no lock, @rest is the running tasklet's.
 */
struct wire_queue {
	struct llist_head ports;	/* the youngest first */
	struct llist_node *rest;	/* taken from @ports, the oldest first */
	struct tasklet_struct tasklet;
};

static DEFINE_PER_CPU(struct wire_queue, queues);

void l7fp_wire_queue(struct l7fp_port *port)
{
	struct wire_queue *q;

	/* Without references it is being freed: nobody wants its events. */
	if (test_and_set_bit(L7FP_PORT_QUEUED, &port->flags) ||
	    !refcount_inc_not_zero(&port->refs))
		return;
	q = get_cpu_ptr(&queues);
	if (llist_add(&port->queue_node, &q->ports))
		tasklet_schedule(&q->tasklet);
	put_cpu_ptr(&queues);
}

static void wire_queue_run(struct tasklet_struct *tasklet)
{
	struct wire_queue *q = container_of(tasklet, struct wire_queue, tasklet);
	struct l7fp_port *port;
	u32 n;

	for (n = 0; n < BATCH; n++) {
		if (!q->rest)
			q->rest = llist_reverse_order(llist_del_all(&q->ports));
		if (!q->rest)
			return;
		port = llist_entry(q->rest, struct l7fp_port, queue_node);
		q->rest = q->rest->next;
		clear_bit(L7FP_PORT_QUEUED, &port->flags);
		/* What came before the port was queued once more, in vain, is seen by this run. */
		smp_mb__after_atomic();
		l7fp_wire_run(port, true);
		l7fp_port_put(port);
	}
	tasklet_schedule(tasklet);
}

void l7fp_wire_queue_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_setup(&per_cpu_ptr(&queues, cpu)->tasklet, wire_queue_run);
}

void l7fp_wire_queue_uninit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(&queues, cpu)->tasklet);
}
