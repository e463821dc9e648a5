// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HPACK encoder (RFC 7541).
 *
 * Entries of the dynamic table are found by the hash of their name: bucket[] has the number of
 * the newest one, each has that of an older one. Numbers are 16 bits of a count, so what they lead
 * to is compared, and followed only from newer to older entries.
 */
#include "hpack_private.h"
#include "huffman.h"

/* How far entries of one bucket are searched: a bound for those who choose names that collide. */
#define MAX_SEARCH 64

/* Static entries whose values seldom repeat, or are not to be guessed by trying (RFC 7541 7.1). */
#define SELDOM (BIT_ULL(4) | BIT_ULL(5) | BIT_ULL(21) | BIT_ULL(23) | BIT_ULL(28) | BIT_ULL(34) | \
		BIT_ULL(40) | BIT_ULL(41) | BIT_ULL(46) | BIT_ULL(49) | BIT_ULL(55))
#define COOKIE 32
#define SHORT_COOKIE 20

static bool is(const struct l7fp_hpack_field *f, const char *name, u32 len)
{
	return f->name_len == len && !memcmp(f->name, name, len);
}

#define IS_NAME(f, s) is(f, s, sizeof(s) - 1)

/* @index: of the name in the static table, or 0. */
static bool worth_indexing(const struct l7fp_hpack_encoder *e, const struct l7fp_hpack_field *f,
			   u32 index)
{
	/* One entry is not to push out nearly all others. */
	if (L7FP_HPACK_OVERHEAD + f->name_len + f->value_len > e->table.max_size / 4 * 3)
		return false;
	if (f->flags & L7FP_HPACK_INDEXED)
		return true;
	if (index)
		return !(SELDOM >> index & 1) && (index != COOKIE || f->value_len >= SHORT_COOKIE);
	return !IS_NAME(f, "x-request-id") && !IS_NAME(f, "traceparent") &&
	       !IS_NAME(f, "grpc-timeout");
}

static u8 *put_integer(u8 *p, u8 first, u8 mask, u32 value)
{
	if (value < mask) {
		*p++ = first | value;
		return p;
	}
	*p++ = first | mask;
	for (value -= mask; value >= 0x80; value >>= 7)
		*p++ = 0x80 | value;
	*p++ = value;
	return p;
}

static u8 *put_string(u8 *p, const u8 *s, u32 len)
{
	u32 coded = l7fp_huffman_length(s, len);

	if (coded < len) {
		p = put_integer(p, STRING_CODED, STRING_MASK, coded);
		return l7fp_huffman_encode(p, s, len);
	}
	p = put_integer(p, 0, STRING_MASK, len);
	memcpy(p, s, len);
	return p + len;
}

/* The entry that @number leads to, not newer than @age; its age is then in *age. */
static __always_inline struct l7fp_hpack_entry *
entry_by_number(const struct l7fp_hpack_table *t, u16 number, u32 *age)
{
	u32 i = (u16)(t->inserted - number);

	if (i >= t->count || i < *age)
		return NULL;
	*age = i;
	return l7fp_hpack_entry_at(t, i);
}

struct search {
	u32 name_hash;
	u32 hash;
	u32 name; /* index of an entry with this name, or 0 */
	u8 first; /* the first static entry with this name, or 0 */
};

/* Index of the entry that is this field, or 0. */
static u32 find_entry(const struct l7fp_hpack_table *t, const struct l7fp_hpack_field *f,
		      struct search *s)
{
	u16 number = t->bucket[s->name_hash % L7FP_HPACK_BUCKETS];
	const struct l7fp_hpack_entry *entry;
	u32 age = 0, tries = 0;

	while (tries++ < MAX_SEARCH && (entry = entry_by_number(t, number, &age))) {
		const u8 *p = t->bytes + entry->off;

		if (entry->name_hash == s->name_hash && entry->name_len == f->name_len &&
		    (!s->name || entry->hash == s->hash) && entry->name_index == s->first &&
		    (s->first || !memcmp(p, f->name, f->name_len))) {
			if (!s->name)
				s->name = L7FP_HPACK_STATIC + 1 + age;
			if (entry->hash == s->hash && entry->value_len == f->value_len &&
			    entry->flags == (f->flags & L7FP_HPACK_VALUE_CODED) &&
			    l7fp_hpack_same(p + f->name_len, f->value, f->value_len))
				return L7FP_HPACK_STATIC + 1 + age;
		}
		number = entry->next;
		age++;
	}
	return 0;
}

/* Index of the static entry that is this field, or 0; @index is the first one of that name. */
static u32 find_static(const struct l7fp_hpack_field *f, u32 index)
{
	const struct l7fp_hpack_static *s = &l7fp_hpack_statics[index];
	u32 i;

	if (f->flags & L7FP_HPACK_VALUE_CODED || !s->value_len)
		return 0;
	/* Those of one name follow each other. */
	for (i = index; l7fp_hpack_static_first(i) == index; i++, s++)
		if (s->value_len == f->value_len &&
		    l7fp_hpack_same(l7fp_hpack_static_text + s->off + s->name_len, f->value,
				    f->value_len))
			return i;
	return 0;
}

/* False: it is not to be indexed after all. */
static bool add_entry(struct l7fp_hpack_encoder *e, const struct l7fp_hpack_field *f,
		      const struct search *s)
{
	struct l7fp_hpack_table *t = &e->table;
	u16 *bucket = &t->bucket[s->name_hash % L7FP_HPACK_BUCKETS];
	u32 value_len = f->value_len, size;
	struct l7fp_hpack_entry *entry;
	struct l7fp_huffman_text text;
	const u8 *name = f->name;
	u8 *p;

	if (f->flags & L7FP_HPACK_VALUE_CODED) {
		if (l7fp_huffman_look(&text, f->value, f->value_len, 0) ||
		    text.len < f->value_len)
			return false;
		value_len = text.len;
	}
	size = L7FP_HPACK_OVERHEAD + f->name_len + value_len;
	if (size > t->max_size)
		return false;
	p = l7fp_hpack_table_room(t, size, &name);
	memcpy(p, name, f->name_len);
	memcpy(p + f->name_len, f->value, f->value_len);
	entry = l7fp_hpack_table_add(t, f->name_len, f->value_len, size);
	entry->flags = f->flags & L7FP_HPACK_VALUE_CODED;
	entry->name_index = s->first;
	entry->name_hash = s->name_hash;
	entry->hash = s->hash;
	entry->next = *bucket;
	*bucket = t->inserted;
	return true;
}

int l7fp_hpack_encode(struct l7fp_hpack_encoder *e, u8 *out, u32 size,
		      const struct l7fp_hpack_field *f)
{
	struct search s = { .name = f->name_index };
	u8 first = f->flags & L7FP_HPACK_NEVER_INDEXED ? LITERAL_NEVER : 0, mask = LITERAL_MASK;
	u32 index, name;
	u8 *p = out;

	if (size < l7fp_hpack_field_bound(f->name_len, f->value_len))
		return L7FP_HPACK_ERR_SPACE;
	if (s.name) {
		s.name_hash = l7fp_hpack_statics[s.name].name_hash;
	} else {
		s.name_hash = l7fp_hpack_hash(f->name, f->name_len);
		s.name = l7fp_hpack_static_find(f->name, f->name_len, s.name_hash);
	}
	name = s.name;
	s.first = l7fp_hpack_static_first(name);
	if (!first) {
		index = name ? find_static(f, s.first) : 0;
		if (index) {
			*p = INDEXED | index;
			return 1;
		}
	}
	if (e->table.max_size && !(first && name)) {
		bool add = !first && !(f->flags & L7FP_HPACK_NOT_INDEXED) &&
			   worth_indexing(e, f, name);

		/* What would not be added is not there, or is not to be shown to be there. */
		if (add || !name) {
			s.hash = l7fp_hpack_hash(f->value, f->value_len) + (s.name_hash << 1) +
				 (f->flags & L7FP_HPACK_VALUE_CODED);
			index = find_entry(&e->table, f, &s);
			if (index && add)
				return put_integer(p, INDEXED, INDEXED_MASK, index) - out;
			name = s.name;
		}
		if (add && add_entry(e, f, &s)) {
			first = LITERAL_INDEXED;
			mask = LITERAL_INDEXED_MASK;
		}
	}
	p = put_integer(p, first, mask, name);
	if (!name)
		p = put_string(p, f->name, f->name_len);
	if (f->flags & L7FP_HPACK_VALUE_CODED) {
		p = put_integer(p, STRING_CODED, STRING_MASK, f->value_len);
		memcpy(p, f->value, f->value_len);
		return p + f->value_len - out;
	}
	return put_string(p, f->value, f->value_len) - out;
}

int l7fp_hpack_encode_begin(struct l7fp_hpack_encoder *e, u8 *out, u32 size)
{
	u32 max_size = e->table.max_size;
	u8 *p = out;

	if (!e->changed)
		return 0;
	if (size < L7FP_HPACK_BEGIN_BOUND)
		return L7FP_HPACK_ERR_SPACE;
	if (e->min < e->max_told && e->min < max_size)
		p = put_integer(p, SIZE_UPDATE, SIZE_UPDATE_MASK, e->min);
	if (e->min < e->max_told || max_size != e->max_told)
		p = put_integer(p, SIZE_UPDATE, SIZE_UPDATE_MASK, max_size);
	e->max_told = max_size;
	e->changed = false;
	return p - out;
}

void l7fp_hpack_encoder_set_max(struct l7fp_hpack_encoder *e, u32 max)
{
	if (max > e->table.limit)
		max = e->table.limit;
	if (!e->changed || max < e->min)
		e->min = max;
	e->changed = true;
	l7fp_hpack_table_resize(&e->table, max);
}

void l7fp_hpack_encoder_init(struct l7fp_hpack_encoder *e, void *memory, u32 limit)
{
	memset(e, 0, sizeof(*e));
	l7fp_hpack_table_init(&e->table, memory, limit, L7FP_HPACK_TABLE);
	e->max_told = L7FP_HPACK_TABLE;
	e->min = e->table.max_size;
	e->changed = e->min < e->max_told;
}
