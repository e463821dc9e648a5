/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who a client is: the workloads of a generation, found by the cgroup of the
 * client's socket, or by its address.
 */
#ifndef _L7FP_WORKLOAD_H
#define _L7FP_WORKLOAD_H

#include "policy.h"

struct nlattr;
struct netlink_ext_ack;

/* Cgroups above a client's own that are looked at; the deepest where there are more. */
#define L7FP_CGROUP_LEVELS	8

/**
 * struct l7fp_cgroups - the cgroups that a client's socket is in
 * @n: of @id; 0: not known
 * @id: the outermost first, without the root
 */
struct l7fp_cgroups {
	u32 n;
	u64 id[L7FP_CGROUP_LEVELS];
};

/* A workload, as conditions see it. */
struct l7fp_workload {
	struct l7fp_str principal;
	struct l7fp_str namespace;
};

/* Adds what @nest says to a generation that is BUILDING. 0 or a negative error. */
int l7fp_workload_add(struct l7fp_generation *generation, const struct nlattr *nest,
		      struct netlink_ext_ack *extack);

/*
 * The workload that the client of @conn is, or NULL: an unknown one has no
 * identity. @cgroups may be NULL. Any context; valid as long as @generation.
 */
const struct l7fp_workload *l7fp_workload_find(const struct l7fp_generation *generation,
					       const struct l7fp_connection *conn,
					       const struct l7fp_cgroups *cgroups);
/*
 * Calls @fill with each cgroup (@address NULL) and address of a sealed generation's workloads, from
 * the place @at on, until it returns an error; @at is then the place of what it was called with.
 */
int l7fp_workload_walk(const struct l7fp_generation *generation, long at[2],
		       int (*fill)(const struct l7fp_workload *workload, u64 cgroup,
				   const u32 *address, void *arg), void *arg);
/* L7FP_FIELD_SOURCE_PRINCIPAL or _NAMESPACE of it; false: absent. */
bool l7fp_workload_field(const struct l7fp_workload *workload, u32 field, struct l7fp_str *value);

#endif /* _L7FP_WORKLOAD_H */
