/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of one policy generation, as netlink pushes them: the id of an
 * entry is its index. They point into the struct ir they were made from, which
 * must outlive them; only the arrays themselves, names and strings are theirs.
 */
#ifndef _L7FP_TABLES_H
#define _L7FP_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include "ir.h"

struct tables_string {
	char *data;
	uint32_t len;
};

/**
 * struct tables_route - a route
 * @name: where it was written, for statistics; at most L7FP_MAX_NAME - 1 bytes
 * @route: what it does; its weighted clusters are indexes in struct ir
 * @cluster_id: the kernel's ids of the weighted clusters, @route->n_clusters
 */
struct tables_route {
	char *name;
	const struct ir_route *route;
	uint32_t *cluster_id;
};

struct tables_rule {
	char *name;		/* likewise */
};

struct tables {
	size_t n_slots;
	const struct ir_slot *slot;
	size_t n_strings;
	struct tables_string *string;
	size_t n_routes;
	struct tables_route *route;
	size_t n_rules;
	struct tables_rule *rule;
	size_t n_workloads;
	const struct ir_workload *workload;
	uint64_t *workload_cgroup;	/* the id of each; 0: none here. apply() fills it in */

	/* Finds strings that are there already; open addressing, index + 1. */
	uint32_t *string_hash;
	size_t string_hash_size;
};

/* Routes, slots, rules and workloads of @ir. 0, -EINVAL (an index of @ir is out of range) or -E2BIG. */
int tables_init(struct tables *tables, const struct ir *ir, const uint32_t *cluster_id,
		char *error, size_t error_len);
/* The id of the string, added when it is new; -E2BIG at L7FP_MAX_STRINGS or too long. */
int tables_string(struct tables *tables, const char *data, uint32_t len);
void tables_free(struct tables *tables);

#endif /* _L7FP_TABLES_H */
