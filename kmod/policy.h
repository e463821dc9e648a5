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
struct l7fp_slow_path;

#define L7FP_COUNTERS_CHUNK	512	/* one per-CPU allocation holds at most 32 KiB */

/* Bytes that somebody else owns: a generation's tables or an exchange. */
struct l7fp_str {
	const u8 *data;
	u32 len;
};

/* Header slots that are not looked up among the header lines. */
enum l7fp_slot_special {
	L7FP_SLOT_PLAIN,
	L7FP_SLOT_PATH,			/* ":path", with the query */
	L7FP_SLOT_AUTHORITY,		/* ":authority", "host" */
	L7FP_SLOT_METHOD,		/* ":method" */
	L7FP_SLOT_SCHEME,		/* ":scheme" */
	L7FP_SLOT_FORWARDED_PROTO,	/* "x-forwarded-proto": set where the client sent none */
};

struct l7fp_slot {
	u8 kind;			/* enum l7fp_slot_kind */
	u8 special;			/* enum l7fp_slot_special */
	bool joined;			/* several lines are one value */
	u64 bit;			/* of a header line: l7fp_name_bit(); else 0 */
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
 * @set: an id that was given; PREPARE refuses tables with holes
 * @has_scheme: which of the optional redirect fields were given; likewise the others
 * @status: of a redirect or a direct response
 * @timeout_ms: 0 means none
 * @connect_retries: further attempts when connecting fails
 * @n_clusters: of @clusters
 * @clusters: weighted; a total weight of 0 counts as no cluster
 */
struct l7fp_route {
	u32 id;
	u8 kind;
	u8 rewrite_kind;
	u8 set:1, has_scheme:1, has_authority:1, has_port:1, has_path:1;
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
	struct l7fp_str name;		/* data NULL: not set */
};

/* Counters per CPU: more of them than one per-CPU allocation can hold. */
struct l7fp_counters {
	u32 n;
	u64 __percpu **chunk;
};

int l7fp_counters_init(struct l7fp_counters *counters, u32 n);
void l7fp_counters_free(struct l7fp_counters *counters);
u64 l7fp_counters_sum(const struct l7fp_counters *counters, u32 i);

static inline void l7fp_counters_inc(const struct l7fp_counters *counters, u32 i)
{
	this_cpu_inc(*(counters->chunk[i / L7FP_COUNTERS_CHUNK] + i % L7FP_COUNTERS_CHUNK));
}

/**
 * struct l7fp_generation - one policy: tables and program
 * @number: chosen by user space, unique in the namespace
 * @serial: which no other one has or had
 * @ops: the struct_ops value, inside @map; NULL until it is attached
 * @map: struct_ops map, held from prepare to release
 * @ref: one until it is replaced or given up, one an exchange
 * @state: enum l7fp_generation_state
 * @slot_bits: l7fp_name_bit() of the headers with a slot whose lines are not one value
 * @n_slots: of @slots; likewise the others
 * @cap_strings: entries that @strings has room for; likewise the others
 * @slow_path: the proxy for what the kernel cannot decide, or NULL
 * @workloads: who clients are, a hash of workload.c in @blocks; NULL where nothing says so
 * @n_workload_keys: of @workloads
 * @route_hits: how often each route was applied
 * @rule_hits: how often each rule decided
 * @exchanges: per CPU; their sum is the number of exchanges that hold the generation
 * @blocks: memory of names and values
 * @memory: bytes that the tables take, at most L7FP_MAX_GENERATION
 *
 * @list, @state, @map and @ops change under l7fp_net.lock, the tables only while BUILDING.
 */
struct l7fp_generation {
	u64 number;
	u64 serial;
	struct l7fp_policy *ops;
	struct bpf_map *map;
	struct percpu_ref ref;
	struct l7fp_net *net;
	struct list_head list;
	int state;
	u64 slot_bits;
	u32 n_slots, n_strings, n_routes, n_rules;
	struct l7fp_slot *slots;
	struct l7fp_str *strings;
	struct l7fp_route *routes;
	struct l7fp_rule *rules;
	u32 cap_strings, cap_routes, cap_rules;
	struct l7fp_slow_path *slow_path;
	struct hlist_head *workloads;
	u32 n_workload_keys;
	struct l7fp_counters route_hits;
	struct l7fp_counters rule_hits;
	s64 __percpu *exchanges;
	struct list_head blocks;
	struct work_struct release_work;
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

/* policy.c. All: process context, under l7fp_net.lock. */
struct l7fp_generation *l7fp_generation_find(struct l7fp_net *net, u64 number);
struct l7fp_generation *l7fp_generation_new(struct l7fp_net *net, u64 number);
/* Gives up one that exchanges never saw: BUILDING or PREPARED. */
void l7fp_generation_free(struct l7fp_generation *generation);
/* Holds the struct_ops map @fd for it. 0 or a negative error. */
int l7fp_generation_hold(struct l7fp_generation *generation, int fd);
s64 l7fp_generation_exchanges(const struct l7fp_generation *generation);

/* Detaches the policy, gives up all generations and waits for their exchanges. No lock. */
void l7fp_generations_exit(struct l7fp_net *net);

int l7fp_policy_init(void);
void l7fp_policy_uninit(void);
int l7fp_kfuncs_init(void);

#endif /* _L7FP_POLICY_H */
