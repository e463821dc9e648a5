/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clusters of kind ORIGINAL_DST: connections go where the client wanted to go.
 */
#ifndef _L7FP_ORIGINAL_H
#define _L7FP_ORIGINAL_H

#include "upstream.h"

struct l7fp_downstream;
struct l7fp_originals;

#define L7FP_ORIGINAL_KEEP	(5 * HZ)	/* an address without connections */

/* NULL when there is no memory. */
struct l7fp_originals *l7fp_originals_new(void);
/* After the last reference on the cluster; readers under RCU may still look. */
void l7fp_originals_free(struct l7fp_originals *originals);
/* The cluster is deleted: closes what is idle. Process context. */
void l7fp_originals_exit(struct l7fp_cluster *cluster);

/*
 * The endpoint where the client of @d wanted to go, held, or NULL. Under the
 * downstream's lock, and RCU, which holds @cluster.
 */
struct l7fp_endpoint *l7fp_original_pick(struct l7fp_cluster *cluster, struct l7fp_downstream *d);

/* Where connections to @endpoint come from; NULL: from any address. */
const struct sockaddr_storage *l7fp_original_source(struct l7fp_endpoint *endpoint);

/* Moves connections idle for @idle jiffies to @list; forgets addresses that nobody uses. */
void l7fp_original_sweep(struct l7fp_cluster *cluster, unsigned long idle, struct list_head *list);

/*
 * Calls @fill for each endpoint that is kept, from number @from on, until it
 * returns an error; *@at is the number of the one that it was called for last.
 */
int l7fp_original_walk(struct l7fp_cluster *cluster, long from, long *at,
		       int (*fill)(struct l7fp_endpoint *endpoint, void *arg), void *arg);

#endif /* _L7FP_ORIGINAL_H */
