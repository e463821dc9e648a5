/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects that are kept for whoever needs one next.
 *
 * What a request needs is taken when it begins, by the client's CPU, and given back when its
 * response has ended, most often by the server's. Freed slab memory of another CPU is dear: as a
 * rule a new slab is taken for what comes next, cleared and constructed. So some objects are kept,
 * each in a place of its own, for the connections and streams that have it in common. No lock, any
 * context; an object comes back as it was given.
 */
#ifndef _L7FP_SPARE_H
#define _L7FP_SPARE_H

#include <linux/atomic.h>
#include <linux/kconfig.h>
#include <linux/slab.h>

#define L7FP_SPARES		256	/* of a kind; a power of two */
/* Streams of a connection at one time that have a place each. */
#define L7FP_SPARE_STREAMS	16

struct l7fp_spares {
	void *object[L7FP_SPARES];
};

/* Where a connection's objects are, or (@stream not 0) those of its stream with that number. */
static inline u32 l7fp_spare_place(u64 connection, u32 stream)
{
	return (connection + stream % L7FP_SPARE_STREAMS * (L7FP_SPARES / L7FP_SPARE_STREAMS)) %
	       L7FP_SPARES;
}

/* NULL: there is none. */
static inline void *l7fp_spare_take(struct l7fp_spares *spares, u32 place)
{
	return READ_ONCE(spares->object[place]) ? xchg(&spares->object[place], NULL) : NULL;
}

static inline void l7fp_spare_give(struct l7fp_spares *spares, u32 place,
				   struct kmem_cache *cache, void *object)
{
	/* KASAN can tell a late access only of what was freed. */
	if (!IS_ENABLED(CONFIG_KASAN))
		object = xchg(&spares->object[place], object);
	if (object)
		kmem_cache_free(cache, object);
}

static inline void l7fp_spares_free(struct l7fp_spares *spares, struct kmem_cache *cache)
{
	u32 i;

	for (i = 0; i < L7FP_SPARES; i++)
		if (spares->object[i])
			kmem_cache_free(cache, spares->object[i]);
}

#endif /* _L7FP_SPARE_H */
