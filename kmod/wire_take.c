// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a wire port takes out of its socket: references on the pages of its buffers, copies of
 * what is not in pages.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include "frag.h"
#include "wire_take.h"

static int take_page(struct l7fp_wire_take *take, struct page *page, u32 offset, u32 len)
{
	if (take->n == L7FP_RX_VECS)
		return -ENOBUFS;
	bvec_set_page(&take->v[take->n++], page, len, offset);
	take->bytes += len;
	return 0;
}

/* Bytes that no page reference can hold: slab memory. */
static int take_linear(struct l7fp_wire_take *take, const u8 *data, u32 len)
{
	u8 *p;

	if (take->n == L7FP_RX_VECS)
		return -ENOBUFS;
	local_bh_disable();
	p = l7fp_frag_alloc(&take->v[take->n], len);
	local_bh_enable();
	if (!p)
		return -ENOMEM;
	memcpy(p, data, len);
	take->n++;
	take->bytes += len;
	return 0;
}

int l7fp_wire_take_skb(struct l7fp_wire_take *take, struct sk_buff *skb, u32 offset, u32 len)
{
	u32 taken = 0, start = skb_headlen(skb), i;
	struct sk_buff *frag;
	int err = 0;

	if (!skb_frags_readable(skb))
		return -EFAULT;
	if (offset < start) {
		u32 n = min_t(u32, len, start - offset);

		n = min_t(u32, n, PAGE_SIZE);
		err = take_linear(take, skb->data + offset, n);
		if (err)
			return err;
		taken = n;
		offset += n;
		if (offset < start)
			return taken;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags && taken < len; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];
		u32 end = start + skb_frag_size(f);

		if (offset < end) {
			u32 n = min_t(u32, len - taken, end - offset);

			err = take_page(take, skb_frag_page(f),
					skb_frag_off(f) + (offset - start), n);
			if (err)
				return taken ?: err;
			get_page(skb_frag_page(f));
			taken += n;
			offset += n;
		}
		start = end;
	}
	skb_walk_frags(skb, frag) {
		u32 end = start + frag->len;

		if (taken == len)
			break;
		if (offset < end) {
			u32 want = min_t(u32, len - taken, end - offset);
			int n = l7fp_wire_take_skb(take, frag, offset - start, want);

			if (n < 0)
				return taken ?: n;
			taken += n;
			offset += n;
			if (n < want)
				break;
		}
		start = end;
	}
	return taken;
}

int l7fp_wire_take_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
			 size_t len)
{
	struct l7fp_wire_take *take = desc->arg.data;
	int n;

	if (take->bytes >= L7FP_RX_BYTES || take->n == L7FP_RX_VECS) {
		desc->count = 0;
		return 0;
	}
	n = l7fp_wire_take_skb(take, skb, offset, min_t(size_t, len, L7FP_RX_BYTES - take->bytes));
	/* A partial take must end the loop: kTLS would go on with the next record. */
	if (n < (int)len)
		desc->count = 0;
	if (n < 0) {
		desc->error = n;
		return n == -ENOBUFS ? 0 : n;
	}
	return n;
}
