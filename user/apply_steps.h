/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of apply(), each with what takes it back.
 */
#ifndef _L7FP_APPLY_STEPS_H
#define _L7FP_APPLY_STEPS_H

#include "apply.h"
#include "bpffs.h"
#include "capture.h"
#include "kernel.h"
#include "load.h"

enum undo_kind {
	UNDO_LISTENER,		/* remove @id */
	UNDO_CLUSTER_NEW,	/* remove @id */
	UNDO_CLUSTER,		/* as it was in the dump */
	UNDO_ENDPOINTS,		/* likewise */
	UNDO_GENERATION,	/* remove @number */
	UNDO_HOOKS,		/* of cgroup @number */
	UNDO_POLICY,		/* detach: there was none before */
};

struct undo {
	enum undo_kind kind;
	uint32_t id;
	uint64_t number;
};

/* A listener that the policy needs. @is_new: made by this run. */
struct wanted_listener {
	struct kernel_listener listener;
	bool is_new;
	bool missing;		/* an IPv6 one on a machine without */
};

struct apply {
	const struct ir *ir;
	const struct apply_options *options;
	struct apply_result *result;
	struct netlink *nl;
	struct kernel kernel;		/* before */
	struct bpffs fs;
	struct capture *capture;
	uint32_t *cluster_id;		/* of each of @ir */
	size_t n_wanted;
	struct wanted_listener *wanted;
	size_t n_undo;
	struct undo *undo;
	bool detached;			/* the policy, while taking back */
	char *error;
	size_t error_len;
};

void apply_undo_push(struct apply *a, enum undo_kind kind, uint32_t id, uint64_t number);
/* Takes back what was done, last first. */
void apply_undo_all(struct apply *a);

/* Removes what @a->kernel says is there: listeners, generations that were never current, clusters. */
int apply_reset_kernel(struct apply *a);
/* Lets go of what @a holds. */
void apply_finish(struct apply *a);

/* apply_clusters.c */
void apply_assign_clusters(struct apply *a);
int apply_clusters(struct apply *a);
/* Removes clusters that the policy does not name. */
int apply_remove_clusters(struct apply *a, size_t *removed);
size_t apply_count_stale_clusters(const struct apply *a);

/* apply_listeners.c */
/* Finds the listeners that the policy needs, and makes (@can_make) those that are not there. */
int apply_listeners(struct apply *a, bool can_make);
/* The captured addresses with the ports of their listeners; the caller frees them. */
struct capture_service *apply_services(const struct apply *a);
uint32_t apply_inbound_listener(const struct apply *a, uint32_t protocol, uint32_t tls, bool ipv6);

/* apply_inbound.c: after the program is in force, what arrives is steered to its listeners. */
int apply_inbound(struct apply *a);
/* The ids of cgroups that workloads name; those that are not on this machine stay 0. */
void apply_workload_cgroups(const struct apply *a, struct tables *tables);

/* Removes listeners that were there before and are not wanted. */
int apply_remove_listeners(struct apply *a, size_t *removed);
size_t apply_count_stale_listeners(const struct apply *a);

/* The folders whose processes are captured, and how many. */
size_t apply_cgroups(const struct apply_options *options, const char *const **cgroup);

/* Zeroed memory; exits when there is none. */
void *apply_alloc(size_t n, size_t size);

#endif /* _L7FP_APPLY_STEPS_H */
