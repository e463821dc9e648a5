/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pair of policy and Envoy configuration with the same things taken out of
 * both, so that what is left can match: "*" beside others in a not-list matches
 * everything, and what the kernel does not know hides what it does.
 */
#ifndef _L7FP_GOLDEN_PRUNE_H
#define _L7FP_GOLDEN_PRUNE_H

#include "node.h"

/* @values: comma-separated, taken out of every list. */
void prune_policy(struct node *root, const char *values);
void prune_filter(struct node *filter, const char *values);

#endif /* _L7FP_GOLDEN_PRUNE_H */
