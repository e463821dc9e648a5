// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for bytes on their way: pieces of pages, each with a reference on its
 * page, as a struct page_frag_cache has them.
 *
 * Such a cache takes a new page whenever one piece of the last one is still in
 * use, and the youngest piece always is; a new page is cleared (init_on_alloc)
 * and cold. Here each CPU has a few pages, and takes one all of whose pieces
 * are back; further ones only while there is none.
 *
 * A piece that stays in use keeps its whole page. It is charged to whom it
 * belongs by its own size.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include "frag.h"

#define ORDER	3
#define PAGES	16	/* of that order, each CPU, at most */
/* References of ours on a page, one for each piece that it still can give. */
#define BIAS	BIT(20)

struct frag_page {
	struct page *page;
	u8 *address;
	u32 used;	/* bytes at its beginning that were given */
	u32 size;
	u32 bias;	/* references that are ours */
};

struct frags {
	struct frag_page ring[PAGES];
	u32 at;
};

static DEFINE_PER_CPU(struct frags, frags);

static void give_up(struct frag_page *p)
{
	if (p->page)
		__page_frag_cache_drain(p->page, p->bias);
	*p = (struct frag_page){};
}

static bool refill(struct frag_page *p)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN | __GFP_NOMEMALLOC;

	p->page = alloc_pages(gfp | __GFP_NORETRY, ORDER);
	if (!p->page)
		p->page = alloc_pages(gfp, 0);
	if (!p->page)
		return false;
	page_ref_add(p->page, BIAS - 1);
	p->bias = BIAS;
	p->address = page_address(p->page);
	p->used = 0;
	p->size = PAGE_SIZE << compound_order(p->page);
	return true;
}

/* Whether all its pieces are back; what their last users did comes before, by put_page(). */
static bool is_back(const struct frag_page *p)
{
	return p->page && p->bias > BIAS / 2 && page_ref_count(p->page) == p->bias;
}

/* A page all of whose pieces are back, or a new one, where there is room or in the next's place. */
static struct frag_page *next_page(struct frags *f)
{
	u32 i, at, empty = PAGES;

	for (i = 1; i <= PAGES; i++) {
		at = (f->at + i) % PAGES;
		if (is_back(&f->ring[at])) {
			f->at = at;
			f->ring[at].used = 0;
			return &f->ring[at];
		}
		if (!f->ring[at].page && empty == PAGES)
			empty = at;
	}
	f->at = empty < PAGES ? empty : (f->at + 1) % PAGES;
	give_up(&f->ring[f->at]);
	return refill(&f->ring[f->at]) ? &f->ring[f->at] : NULL;
}

void *l7fp_frag_alloc(struct bio_vec *v, u32 size)
{
	struct frags *f = this_cpu_ptr(&frags);
	struct frag_page *p = &f->ring[f->at];
	u32 aligned = ALIGN(size, SMP_CACHE_BYTES);

	lockdep_assert_in_softirq();
	if (unlikely(p->size - p->used < aligned)) {
		p = next_page(f);
		if (!p || p->size < aligned)
			return NULL;
	}
	p->bias--;
	bvec_set_page(v, p->page, size, p->used);
	p->used += aligned;
	return p->address + v->bv_offset;
}

u32 l7fp_frag_trim(const struct page *page, u32 offset, u32 size, u32 keep)
{
	struct frags *f = this_cpu_ptr(&frags);
	struct frag_page *p = &f->ring[f->at];

	lockdep_assert_in_softirq();
	keep = ALIGN(keep, SMP_CACHE_BYTES);
	if (p->page != page || p->used != offset + ALIGN(size, SMP_CACHE_BYTES) || keep >= size)
		return size;
	p->used = offset + keep;
	return keep;
}

void l7fp_frag_uninit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < PAGES; i++)
			give_up(&per_cpu_ptr(&frags, cpu)->ring[i]);
}
