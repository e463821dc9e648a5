/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes a failing case small: takes away one thing after the other from policy
 * and request, as long as the case still fails.
 *
 * The things that can be taken away ("cuts") are numbered in the order in which
 * a walk through policy and request meets them. So a list of numbers, each of
 * what the cuts before left, says how a case came to be from its seed.
 */
#ifndef L7FP_SHRINK_H
#define L7FP_SHRINK_H

#include "random_policy.h"

struct shrink_undo {
	size_t n;
	struct {
		void *at;
		size_t size;
		char old[64];
	} saved[8];
};

/* Makes cut number @index; false when there are not so many. @undo may be NULL. */
bool shrink_cut(struct random_policy *r, struct ir_request *q, size_t index,
		struct shrink_undo *undo);
void shrink_undo(struct shrink_undo *undo);

/**
 * shrink() - find a smaller case that fails
 * @r: the policy, made smaller
 * @q: the request, likewise
 * @fails: whether they still fail
 * @context: for @fails
 * @tries: calls of @fails at most
 * @cut: the cuts that were made; the caller frees it
 *
 * Return: their number.
 */
size_t shrink(struct random_policy *r, struct ir_request *q,
	      bool (*fails)(void *context, struct random_policy *r, const struct ir_request *q),
	      void *context, size_t tries, size_t **cut);

/* print_policy.c: for people, each line after "# ". */
void print_policy(const struct ir *ir, const uint32_t *cluster_id);
void print_request(const struct ir_request *q, uint32_t pick);

#endif /* L7FP_SHRINK_H */
