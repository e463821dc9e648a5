/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generations: the tables of a policy and the program that goes with them.
 * Built over netlink, immutable once prepared, found by RCU, held by every
 * exchange that they judge.
 */
#ifndef _L7FP_POLICY_H
#define _L7FP_POLICY_H

#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>
#include "context.h"

struct bpf_map;
struct l7fp_net;

/* Bytes that somebody else owns: a generation's tables or an exchange. */
struct l7fp_str {
	const u8 *data;
	u32 len;
};

struct l7fp_slot {
	u8 kind;			/* enum l7fp_slot_kind */
	struct l7fp_str name;
};

struct l7fp_header_op {
	u8 kind;			/* enum l7fp_header_op_kind */
	struct l7fp_str name;		/* as written, for the wire */
	struct l7fp_str lower;		/* in lower case, for comparing */
	struct l7fp_str value;
};

struct l7fp_header_ops {
	u32 n;
	struct l7fp_header_op *op;
};

struct l7fp_route_cluster {
	u32 cluster;
	u32 weight_end;			/* sum of the weights up to and with this one */
	struct l7fp_header_ops request, response;
};

/**
 * struct l7fp_route - what is done with an exchange that matched
 * @id: index in the generation's table
 * @kind: enum l7fp_route_kind
 * @rewrite_kind: enum l7fp_rewrite_kind
 * @has: which of the optional redirect fields were given
 * @status: of a redirect or a direct response
 * @timeout_ms: 0 means none
 * @connect_retries: further attempts when connecting fails
 * @n_clusters: of @clusters
 * @clusters: weighted; a total weight of 0 counts as no cluster
 * @counters: requests per CPU
 */
struct l7fp_route {
	u32 id;
	u8 kind;
	u8 rewrite_kind;
	u8 has_scheme:1, has_authority:1, has_port:1, has_path:1;
	u16 redirect_port;
	u32 status;
	u32 rewrite_match_len;
	u32 timeout_ms;
	u32 connect_retries;
	u32 n_clusters;
	struct l7fp_route_cluster *clusters;
	struct l7fp_str name;
	struct l7fp_str rewrite_path, rewrite_authority;
	struct l7fp_str redirect_scheme, redirect_authority, redirect_path;
	struct l7fp_str body;
	struct l7fp_header_ops request, response;
};

struct l7fp_rule {
	struct l7fp_str name;
};

/**
 * struct l7fp_generation - one policy: tables and program
 * @number: chosen by user space, unique in the namespace
 * @ops: the struct_ops value; valid while @map is held
 * @map: struct_ops map, held from prepare to release
 * @ref: one for the namespace's list, one while current, one an exchange
 * @state: enum l7fp_generation_state
 * @n_slots: of @slots; likewise the others
 * @route_hits: per CPU, @n_routes counters
 * @rule_hits: per CPU, @n_rules counters
 */
struct l7fp_generation {
	u64 number;
	struct l7fp_policy *ops;
	struct bpf_map *map;
	struct percpu_ref ref;
	struct l7fp_net *net;
	struct list_head list;
	int state;
	u32 n_slots, n_strings, n_routes, n_rules;
	struct l7fp_slot *slots;
	struct l7fp_str *strings;
	struct l7fp_route *routes;
	struct l7fp_rule *rules;
	u64 __percpu *route_hits;
	u64 __percpu *rule_hits;
	struct rcu_work release_work;
	size_t memory;
};

/*
 * The namespace's current generation with a reference, or NULL. Any context.
 * The caller gives it back with l7fp_generation_put().
 */
struct l7fp_generation *l7fp_generation_get(struct l7fp_net *net);

static inline void l7fp_generation_put(struct l7fp_generation *generation)
{
	percpu_ref_put(&generation->ref);
}

int l7fp_policy_init(void);
void l7fp_policy_uninit(void);
int l7fp_kfuncs_init(void);

#endif /* _L7FP_POLICY_H */
