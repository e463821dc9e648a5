/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of the HPACK codec share: decoders and lists in memory of exact size. */
#ifndef L7FP_HPACK_TEST_H
#define L7FP_HPACK_TEST_H

#include "codec_test.h"
#include "hpack.h"

/* A decoder and what it decodes to. */
struct hpack_side {
	struct l7fp_hpack_decoder d;
	struct l7fp_hpack_list list;
	void *memory;
};

static inline void hpack_list_alloc(struct l7fp_hpack_list *list, u32 size, u32 max_headers)
{
	list->headers = test_alloc(max_headers * sizeof(*list->headers));
	list->info = test_alloc(max_headers * sizeof(*list->info));
	list->buf = test_alloc(size);
	list->size = size;
	list->max_headers = max_headers;
}

static inline void hpack_list_free(struct l7fp_hpack_list *list)
{
	test_free(list->headers);
	test_free(list->info);
	test_free(list->buf);
}

static inline void hpack_side_init(struct hpack_side *s, u32 limit, u32 size, u32 max_headers)
{
	s->memory = test_alloc(l7fp_hpack_memory(limit));
	memset(s->memory, 0xa5, l7fp_hpack_memory(limit));
	l7fp_hpack_decoder_init(&s->d, s->memory, limit);
	hpack_list_alloc(&s->list, size, max_headers);
}

static inline void hpack_side_free(struct hpack_side *s)
{
	test_free(s->memory);
	hpack_list_free(&s->list);
}

/* Decodes a copy that ends where its memory does, and is gone when this returns. */
static inline int hpack_side_decode(struct hpack_side *s, const u8 *block, u32 len,
				    const struct l7fp_hpack_want *want)
{
	u8 *copy = test_alloc(len);
	int err;

	memcpy(copy, block, len);
	memset(s->list.buf, 0x5a, s->list.size);
	err = l7fp_hpack_decode_block(&s->d, copy, len, want, &s->list);
	test_free(copy);
	return err;
}

static inline const u8 *hpack_name(const struct l7fp_hpack_list *list, u32 i)
{
	return list->buf + list->headers[i].name_off;
}

static inline const u8 *hpack_value(const struct l7fp_hpack_list *list, u32 i)
{
	return list->buf + list->headers[i].value_off;
}

/*
 * What @masked lists of a block must be what @all does: what is wanted as it is there, what is
 * kept with its value in either form. NULL, or what differs.
 */
const char *hpack_masked_wrong(const struct l7fp_hpack_list *all,
			       const struct l7fp_hpack_list *masked,
			       const struct l7fp_hpack_want *want);

#endif /* L7FP_HPACK_TEST_H */
