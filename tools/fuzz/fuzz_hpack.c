// SPDX-License-Identifier: GPL-2.0-only
/*
 * HPACK: blocks and table sizes of one connection. The first byte chooses the limit of the tables
 * and what is asked for; then, again and again, two bytes: a block of that many bytes follows, or,
 * with the highest bit set, they are a table size. Decoders with and without a mask must agree;
 * what was decoded is encoded, from either, and must decode to the same.
 */
#include "hpack_test.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

#define ROOM 8192
#define FIELDS 128

static struct l7fp_hpack_names names;

/* The way to the next hop. */
struct onward {
	struct l7fp_hpack_encoder e;
	struct hpack_side side;
	void *memory;
};

static void onward_init(struct onward *o, u32 limit)
{
	o->memory = test_alloc(l7fp_hpack_memory(limit));
	l7fp_hpack_encoder_init(&o->e, o->memory, limit);
	hpack_side_init(&o->side, limit < L7FP_HPACK_TABLE ? L7FP_HPACK_TABLE : limit, ROOM, FIELDS);
}

static void onward_free(struct onward *o)
{
	test_free(o->memory);
	hpack_side_free(&o->side);
}

/* SETTINGS_HEADER_TABLE_SIZE of the next hop, acknowledged at once. */
static void onward_set_max(struct onward *o, u32 max)
{
	l7fp_hpack_encoder_set_max(&o->e, max);
	l7fp_hpack_decoder_set_max(&o->side.d, max);
}

static void check_table(const struct l7fp_hpack_table *t)
{
	CHECK(t->size <= t->max_size && t->max_size <= t->limit);
	CHECK(t->first <= t->end && t->end <= t->capacity);
	CHECK(t->count * L7FP_HPACK_OVERHEAD <= t->size);
}

static void check_list(const struct l7fp_hpack_list *list)
{
	u32 i, off = 0;

	CHECK(list->n <= list->max_headers && list->len <= list->size);
	for (i = 0; i < list->n; i++) {
		const struct l7fp_h1_header *h = &list->headers[i];

		CHECK(h->name_off == off && h->value_off == off + h->name_len);
		off = h->value_off + h->value_len;
		CHECK(off <= list->len && h->token < L7FP_H_MAX);
		CHECK(list->info[i].name_index <= L7FP_HPACK_STATIC);
	}
	CHECK(off == list->len);
}

/* Encodes @from, which is @all or was decoded beside it; it must decode to @all. */
static void forward(struct onward *o, const struct l7fp_hpack_list *from,
		    const struct l7fp_hpack_list *all)
{
	static u8 block[2 * ROOM + FIELDS * 32];
	u32 i, len;
	int n;

	len = l7fp_hpack_encode_begin(&o->e, block, L7FP_HPACK_BEGIN_BOUND);
	for (i = 0; i < from->n; i++) {
		struct l7fp_hpack_field f = {
			.name = hpack_name(from, i), .name_len = from->headers[i].name_len,
			.value = hpack_value(from, i), .value_len = from->headers[i].value_len,
			.flags = from->info[i].flags, .name_index = from->info[i].name_index,
		};

		n = l7fp_hpack_encode(&o->e, block + len,
				      l7fp_hpack_field_bound(f.name_len, f.value_len), &f);
		CHECK(n > 0);
		len += n;
	}
	check_table(&o->e.table);
	CHECK(!hpack_side_decode(&o->side, block, len, NULL));
	CHECK(o->side.list.n == all->n && o->side.list.len == all->len);
	CHECK(!memcmp(o->side.list.buf, all->buf, all->len));
	for (i = 0; i < all->n; i++) {
		CHECK(o->side.list.headers[i].name_len == all->headers[i].name_len);
		CHECK(o->side.list.headers[i].token == all->headers[i].token);
		CHECK(!((o->side.list.info[i].flags ^ all->info[i].flags) &
			(L7FP_HPACK_NEVER_INDEXED | L7FP_HPACK_BAD)));
	}
	CHECK(o->e.table.size == o->side.d.table.size &&
	      o->e.table.count == o->side.d.table.count);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u32 limits[] = { 0, 33, 100, 256, 4096, 4096, 16384, L7FP_MAX_HPACK_TABLE };
	struct hpack_side all, kept, skipped;
	struct l7fp_hpack_want keep = { .names = &names, .keep = true, .check = true };
	struct l7fp_hpack_want skip = { .names = &names };
	struct onward again, onward;
	u32 limit, len;
	int a, b, c;

	if (size < 1 || size > 70000)
		return 0;
	if (!names.n) {
		l7fp_hpack_names_init(&names);
		l7fp_hpack_names_add(&names, 0, (const u8 *)"user-agent", 10);
		l7fp_hpack_names_add(&names, 1, (const u8 *)"x", 1);
		l7fp_hpack_names_add(&names, 2, (const u8 *)"custom-key", 10);
	}
	limit = limits[data[0] & 7];
	keep.slots = data[0] >> 3 & 7;
	keep.tokens = data[0] >> 6 & 1 ? 0x5555555555555555ULL : 0;
	skip.slots = keep.slots ^ 7;
	skip.tokens = ~keep.tokens;
	hpack_side_init(&all, limit, ROOM, FIELDS);
	hpack_side_init(&kept, limit, ROOM, FIELDS);
	hpack_side_init(&skipped, limit, ROOM, FIELDS);
	onward_init(&again, limit);
	onward_init(&onward, limit);
	for (data++, size--; size >= 2; data += len, size -= len) {
		len = data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len & 0x8000) {
			l7fp_hpack_decoder_set_max(&all.d, len & 0x7fff);
			l7fp_hpack_decoder_set_max(&kept.d, len & 0x7fff);
			l7fp_hpack_decoder_set_max(&skipped.d, len & 0x7fff);
			onward_set_max(&again, len & 0x7fff);
			onward_set_max(&onward, len & 0x7fff);
			len = 0;
			continue;
		}
		if (len > size)
			len = size;
		a = hpack_side_decode(&all, data, len, NULL);
		b = hpack_side_decode(&kept, data, len, &keep);
		c = hpack_side_decode(&skipped, data, len, &skip);
		CHECK((a == L7FP_HPACK_ERR_BAD) == (b == L7FP_HPACK_ERR_BAD));
		CHECK(c != L7FP_HPACK_ERR_BAD || a == L7FP_HPACK_ERR_BAD);
		if (a == L7FP_HPACK_ERR_BAD)
			break;
		check_table(&all.d.table);
		check_table(&kept.d.table);
		check_table(&skipped.d.table);
		CHECK(all.d.table.size == kept.d.table.size &&
		      all.d.table.size == skipped.d.table.size);
		CHECK(all.d.table.count == kept.d.table.count &&
		      all.d.table.count == skipped.d.table.count);
		if (a)
			continue;
		check_list(&all.list);
		if (!c) {
			check_list(&skipped.list);
			CHECK(!hpack_masked_wrong(&all.list, &skipped.list, &skip));
		}
		forward(&again, &all.list, &all.list);
		/* Coded values may be longer than decoded ones, and not fit. */
		if (b) {
			onward_free(&onward);
			onward_init(&onward, limit);
			continue;
		}
		check_list(&kept.list);
		CHECK(!hpack_masked_wrong(&all.list, &kept.list, &keep));
		forward(&onward, &kept.list, &all.list);
	}
	hpack_side_free(&all);
	hpack_side_free(&kept);
	hpack_side_free(&skipped);
	onward_free(&again);
	onward_free(&onward);
	return 0;
}
