/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draining: a network namespace stops being served, and no request is lost.
 */
#ifndef _L7FP_DRAIN_H
#define _L7FP_DRAIN_H

#include <linux/types.h>

struct l7fp_downstream;
struct l7fp_net;

/**
 * struct l7fp_drain_state - how far a drain is
 * @listeners: that are left
 * @connections: downstream connections that are left
 * @reset: connections that the last drain reset at its deadline
 * @left_ms: until the deadline
 * @on: whether a drain is going on
 */
struct l7fp_drain_state {
	u32 listeners;
	u32 connections;
	u64 reset;
	u32 left_ms;
	bool on;
};

void l7fp_drain_init(struct l7fp_net *ln);
/* Begins, or moves the deadline of one that is going on. Process context, under l7fp_net.lock. */
void l7fp_drain_begin(struct l7fp_net *ln, u32 deadline_ms);
/* Listeners close once nobody waits for them. 0, or -ENOENT without a drain. Likewise. */
int l7fp_drain_stop(struct l7fp_net *ln);
/* Likewise. */
void l7fp_drain_state(struct l7fp_net *ln, struct l7fp_drain_state *state);
/* After l7fp_net.dead was set; no lock. */
void l7fp_drain_exit(struct l7fp_net *ln);

/*
 * Whether the response that is about to begin is the last of a connection that drains: no further
 * request of its client has come. Under the downstream's lock.
 */
bool l7fp_drain_is_last(const struct l7fp_downstream *d);

#endif /* _L7FP_DRAIN_H */
