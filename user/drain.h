/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ending the service of a network namespace without loss: the opposite of
 * apply(). In this order:
 *
 *	1. Capture ends: new connections go to their destination directly, and to
 *	   addresses that an authorization policy or STRICT binds they are refused.
 *	2. The module drains: responses end their connections. Listeners go on
 *	   accepting, since who was captured may still be on the way.
 *	3. The listeners stop.
 *	4. When nothing is left, or at the deadline: policy, pins, generations and
 *	   clusters go. Hooks that refuse what is bound stay; they do without the
 *	   module.
 */
#ifndef _L7FP_DRAIN_H
#define _L7FP_DRAIN_H

#include "kernel.h"

/* From the end of capture to the end of the listeners. */
#define DRAIN_GRACE_MS		1000
/* How often the module is asked how far it is. */
#define DRAIN_POLL_MS		100
/* What the module may need for the rest after its deadline. */
#define DRAIN_PATIENCE_MS	10000

/**
 * struct drain - one that is going on
 * @cookie: of the network namespace
 * @state: how far it is
 * @n_guarded: addresses that are refused from now on
 * @done: nothing is left
 */
struct drain {
	uint64_t cookie;
	struct kernel_drain state;
	size_t n_guarded;
	bool done;
	/* Private. */
	struct netlink *nl;
	struct drain_capture *capture;
	uint32_t deadline_ms;
	bool stopped;
};

/*
 * Steps 1 and 2, of the calling thread's network namespace. 0 or a negative errno with @error set;
 * drain_end() in either case. -ENOENT: the module is not loaded.
 */
int drain_begin(struct drain *d, uint32_t deadline_ms, char *error, size_t error_len);
/* What is due @elapsed_ms after drain_begin(). Sets @done with the last step. */
int drain_step(struct drain *d, uint32_t elapsed_ms, char *error, size_t error_len);
void drain_end(struct drain *d);

#endif /* _L7FP_DRAIN_H */
