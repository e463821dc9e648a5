/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies for each workload of this node: every Workload document that has a
 * network namespace gets a policy of its own there.
 */
#ifndef _L7FP_WORKLOADS_H
#define _L7FP_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include "apply.h"
#include "policy_files.h"

/**
 * struct workloads_options - for which workloads, and how
 * @node: those whose node is this one; NULL: all
 * @registry_only: destinations that no document names are refused
 * @tls: mutual TLS is spoken: somebody shakes hands in each network namespace
 * @port: of the HTTP listener in each network namespace; 0: any
 * @slow_path: where in each network namespace its proxy listens, without a token
 */
struct workloads_options {
	char *const *path;
	size_t n_paths;
	const char *node;
	bool registry_only;
	bool tls;
	bool dry_run;
	uint16_t port;
	uint32_t listener_flags;
	struct apply_slow_path slow_path;
	const char *const *exempt;
	size_t n_exempt;
};

/**
 * struct workload_policy - the policy of one workload
 * @name: NAMESPACE/NAME
 * @netns: its network namespace, a name of ip-netns(8) or a path
 * @namespace, @account: who it is
 * @cgroup: its cgroup; NULL: all processes of the network namespace
 * @token: of the configuration of its slow-path proxy
 * @applied: whether @result is of a policy that is in force
 * @error: why it is not
 */
struct workload_policy {
	char *name, *netns, *cgroup;
	char *namespace, *account;
	struct policy_files files;
	struct apply_memory memory;
	struct apply_result result;
	char token[L7FP_MAX_SLOW_PATH_TOKEN + 1];
	bool applied;
	char error[1024];
};

struct workloads {
	size_t n;
	struct workload_policy *policy;
};

/**
 * workloads_apply() - put the policy of every workload of this node in force
 * @w: zeroed at first; filled in. What an earlier call applied is taken over, so that only what
 *	has changed is changed
 * @error: what is wrong with the documents: nothing was applied
 *
 * All are translated before one is applied. One that fails does not keep others from theirs:
 * its @applied is false. A workload that the documents no longer name stays as it is.
 *
 * Return: 0; how many failed; or a negative errno with @error set.
 */
int workloads_apply(struct workloads *w, const struct workloads_options *options, char *error,
		    size_t error_len);
/* Removes what replaced policies used. How much is left. */
size_t workloads_sweep(struct workloads *w, const struct workloads_options *options);
void workloads_free(struct workloads *w);

#endif /* _L7FP_WORKLOADS_H */
