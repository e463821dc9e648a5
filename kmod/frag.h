/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for bytes on their way: pieces of pages.
 */
#ifndef _L7FP_FRAG_H
#define _L7FP_FRAG_H

#include <linux/bvec.h>
#include <linux/types.h>

#define L7FP_FRAG_MAX	16384	/* largest piece */

/*
 * Takes a piece of @size bytes, from 1 to L7FP_FRAG_MAX, aligned to a cache line: @v is its page,
 * with a reference on it, and the @size bytes in it. Returns where it is; NULL without memory. Not
 * cleared. Bottom halves off.
 */
void *l7fp_frag_alloc(struct bio_vec *v, u32 size);

/*
 * Gives back what is behind the first @keep bytes of a piece of @size bytes at @offset of @page,
 * if nothing was taken after it. Returns the size that it has now. Bottom halves off.
 */
u32 l7fp_frag_trim(const struct page *page, u32 offset, u32 size, u32 keep);

/* Gives up what the CPUs keep. No piece is taken any more. */
void l7fp_frag_uninit(void);

#endif /* _L7FP_FRAG_H */
