/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random policies, and random requests that have a chance to match them. The
 * same seed gives the same.
 */
#ifndef L7FP_RANDOM_POLICY_H
#define L7FP_RANDOM_POLICY_H

#include <stdint.h>
#include "../../user/ir.h"

#define RANDOM_STRINGS	48
#define RANDOM_HEADERS	6

struct random_policy {
	uint64_t seed, state;
	bool unknown;		/* conditions may be UNKNOWN */
	size_t n_paths, n_hosts;
	const char *path[RANDOM_STRINGS];
	const char *host[RANDOM_STRINGS];
	struct ir *ir;
	uint32_t *cluster_id;
};

uint32_t random_below(struct random_policy *r, uint32_t n);
void random_policy(struct random_policy *r, uint64_t seed);
void random_policy_free(struct random_policy *r);
struct ir_expr *random_expr(struct random_policy *r, unsigned int depth);

/*
 * Request number @index of the policy; its strings live in the policy's arena. Returns the random
 * number that chooses among weighted clusters.
 */
uint32_t random_request(struct random_policy *r, struct ir_request *request, uint64_t index);

#endif /* L7FP_RANDOM_POLICY_H */
