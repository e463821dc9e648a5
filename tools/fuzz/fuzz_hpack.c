// SPDX-License-Identifier: GPL-2.0-only
/*
 * HPACK: blocks and table sizes of one connection. The first byte chooses the limit of the tables
 * and what is asked for; then, again and again, two bytes: a block of that many bytes follows, or,
 * with the highest bit set, they are a table size, or, with the next one, one of the last blocks
 * comes some more times. Decoders with and without a mask must agree, and those that keep blocks
 * and that do not; what was decoded is encoded, from either, and must decode to the same.
 */
#include "hpack_test.h"
#include "hpack_private.h"

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
	struct l7fp_hpack_mades mades;
	struct hpack_side side;
	void *memory;
};

static void onward_init(struct onward *o, u32 limit)
{
	memset(&o->mades, 0, sizeof(o->mades));
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

static u32 make(struct onward *o, u8 *block, const struct l7fp_hpack_list *from)
{
	u32 i, len = 0;
	int n;

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
	return len;
}

/* Encodes @from, which is @all or was decoded beside it; it must decode to @all. */
static void forward(struct onward *o, const struct l7fp_hpack_list *from,
		    const struct l7fp_hpack_list *all)
{
	struct l7fp_hpack_source source = { .origin = from->origin };
	static u8 block[2 * ROOM + FIELDS * 32];
	u64 changes = o->e.table.changes;
	u32 i, len, made_len;
	const u8 *made;

	len = l7fp_hpack_encode_begin(&o->e, block, L7FP_HPACK_BEGIN_BOUND);
	made = l7fp_hpack_made_find(&o->mades, &o->e, &source, &made_len);
	if (made) {
		memcpy(block + len, made, made_len);
	} else {
		made_len = make(o, block + len, from);
		l7fp_hpack_made_keep(&o->mades, &o->e, &source, changes, block + len, made_len);
	}
	len += made_len;
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

struct sides {
	struct hpack_side all, plain, kept, skipped;
	struct l7fp_hpack_repeats repeats;
	struct l7fp_hpack_want keep, skip;
	struct onward again, onward;
	u32 limit;
};

static void sides_init(struct sides *s, u8 choice)
{
	static const u32 limits[] = { 0, 33, 100, 256, 4096, 4096, 16384, L7FP_MAX_HPACK_TABLE };

	s->limit = limits[choice & 7];
	s->keep = (struct l7fp_hpack_want){
		.names = &names, .slots = choice >> 3 & 7, .keep = true, .check = true,
		.tokens = choice >> 6 & 1 ? 0x5555555555555555ULL : 0,
	};
	s->skip = (struct l7fp_hpack_want){
		.names = &names, .slots = s->keep.slots ^ 7, .tokens = ~s->keep.tokens,
	};
	hpack_side_init(&s->all, s->limit, ROOM, FIELDS);
	l7fp_hpack_decoder_repeats(&s->all.d, &s->repeats, 1);
	hpack_side_init(&s->plain, s->limit, ROOM, FIELDS);
	hpack_side_init(&s->kept, s->limit, ROOM, FIELDS);
	hpack_side_init(&s->skipped, s->limit, ROOM, FIELDS);
	onward_init(&s->again, s->limit);
	onward_init(&s->onward, s->limit);
}

static void sides_free(struct sides *s)
{
	hpack_side_free(&s->all);
	hpack_side_free(&s->plain);
	hpack_side_free(&s->kept);
	hpack_side_free(&s->skipped);
	onward_free(&s->again);
	onward_free(&s->onward);
}

static void set_max(struct sides *s, u32 max)
{
	l7fp_hpack_decoder_set_max(&s->all.d, max);
	l7fp_hpack_decoder_set_max(&s->plain.d, max);
	l7fp_hpack_decoder_set_max(&s->kept.d, max);
	l7fp_hpack_decoder_set_max(&s->skipped.d, max);
	onward_set_max(&s->again, max);
	onward_set_max(&s->onward, max);
}

static void same_lists(const struct l7fp_hpack_list *a, const struct l7fp_hpack_list *b)
{
	CHECK(a->n == b->n && a->len == b->len && a->n_fields == b->n_fields);
	CHECK(a->bad == b->bad && a->tokens == b->tokens);
	CHECK(!memcmp(a->headers, b->headers, a->n * sizeof(a->headers[0])));
	CHECK(!memcmp(a->info, b->info, a->n * sizeof(a->info[0])));
	CHECK(!memcmp(a->buf, b->buf, a->len));
}

/* By what indices stand for: an entry may be stored as it came, or decoded. */
static void same_tables(struct hpack_side *a, struct hpack_side *b)
{
	u32 i;

	l7fp_hpack_repeats_settle(&a->d);
	CHECK(a->d.table.size == b->d.table.size && a->d.table.count == b->d.table.count);
	a->d.owed = false;
	b->d.owed = false;
	for (i = 0; i < a->d.table.count && i < 127 - L7FP_HPACK_STATIC - 1; i++) {
		const u8 block = INDEXED | (L7FP_HPACK_STATIC + 1 + i);
		int err = hpack_side_decode(a, &block, 1, NULL);

		CHECK(err == hpack_side_decode(b, &block, 1, NULL));
		if (!err)
			same_lists(&a->list, &b->list);
	}
}

/* False: the connection ends with it. */
static bool one_block(struct sides *s, const u8 *block, u32 len)
{
	int all = hpack_side_decode(&s->all, block, len, NULL);
	int plain = hpack_side_decode(&s->plain, block, len, NULL);
	int kept = hpack_side_decode(&s->kept, block, len, &s->keep);
	int skipped = hpack_side_decode(&s->skipped, block, len, &s->skip);

	CHECK(all == plain);
	CHECK((all == L7FP_HPACK_ERR_BAD) == (kept == L7FP_HPACK_ERR_BAD));
	CHECK(skipped != L7FP_HPACK_ERR_BAD || all == L7FP_HPACK_ERR_BAD);
	if (all == L7FP_HPACK_ERR_BAD)
		return false;
	check_table(&s->all.d.table);
	check_table(&s->kept.d.table);
	check_table(&s->skipped.d.table);
	CHECK(s->plain.d.table.size == s->kept.d.table.size &&
	      s->plain.d.table.size == s->skipped.d.table.size);
	CHECK(s->plain.d.table.count == s->kept.d.table.count &&
	      s->plain.d.table.count == s->skipped.d.table.count);
	if (all)
		return true;
	check_list(&s->all.list);
	same_lists(&s->all.list, &s->plain.list);
	if (!skipped) {
		check_list(&s->skipped.list);
		CHECK(!hpack_masked_wrong(&s->all.list, &s->skipped.list, &s->skip));
	}
	forward(&s->again, &s->all.list, &s->all.list);
	/* Coded values may be longer than decoded ones, and not fit. */
	if (kept) {
		onward_free(&s->onward);
		onward_init(&s->onward, s->limit);
		return true;
	}
	check_list(&s->kept.list);
	CHECK(!hpack_masked_wrong(&s->all.list, &s->kept.list, &s->keep));
	forward(&s->onward, &s->kept.list, &s->all.list);
	return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct {
		const u8 *p;
		u32 len;
	} last[4] = {};
	static struct sides s;
	bool good = true;
	u32 len, n = 0, i;

	if (size < 1 || size > 70000)
		return 0;
	if (!names.n) {
		l7fp_hpack_names_init(&names);
		l7fp_hpack_names_add(&names, 0, (const u8 *)"user-agent", 10);
		l7fp_hpack_names_add(&names, 1, (const u8 *)"x", 1);
		l7fp_hpack_names_add(&names, 2, (const u8 *)"custom-key", 10);
	}
	sides_init(&s, data[0]);
	for (data++, size--; size >= 2 && good; data += len, size -= len) {
		len = data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len & 0x8000) {
			set_max(&s, len & 0x7fff);
			len = 0;
		} else if (len & 0x4000) {
			for (i = 0; i <= (len >> 2 & 0x3f) && good && last[len & 3].p; i++)
				good = one_block(&s, last[len & 3].p, last[len & 3].len);
			len = 0;
		} else {
			if (len > size)
				len = size;
			last[n % 4].p = data;
			last[n++ % 4].len = len;
			good = one_block(&s, data, len);
		}
	}
	if (good)
		same_tables(&s.all, &s.plain);
	sides_free(&s);
	return 0;
}
