/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for bytes on their way: pieces of pages.
 */
#ifndef _L7FP_FRAG_H
#define _L7FP_FRAG_H

#include <linux/types.h>

#define L7FP_FRAG_MAX	16384	/* largest piece */

/*
 * A piece of @size bytes, from 1 to L7FP_FRAG_MAX, aligned to a cache line, with a reference on
 * its page (virt_to_head_page()); NULL without memory. Not cleared. Bottom halves off.
 */
void *l7fp_frag_alloc(u32 size);

/* Gives up what the CPUs keep. No piece is taken any more. */
void l7fp_frag_uninit(void);

#endif /* _L7FP_FRAG_H */
