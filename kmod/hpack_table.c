// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tables of HPACK (RFC 7541 2.3): the static one, and dynamic ones in memory of a fixed size.
 *
 * The bytes of a dynamic table's entries lie one after the other. When their memory's end is
 * reached those that are left are moved to its beginning: not more bytes in all than were added.
 */
#include "h1_private.h"
#include "hpack_private.h"
#include "hpack_static.h"

static u32 entries_for(u32 limit)
{
	u32 n = 1;

	while (n < limit / L7FP_HPACK_OVERHEAD)
		n *= 2;
	return n;
}

u32 l7fp_hpack_memory(u32 limit)
{
	if (!limit)
		return 0;
	return entries_for(limit) * sizeof(struct l7fp_hpack_entry) +
	       L7FP_HPACK_BUCKETS * sizeof(u16) + 2 * limit + L7FP_HPACK_SLOP;
}

void l7fp_hpack_table_init(struct l7fp_hpack_table *t, void *memory, u32 limit, u32 max_size)
{
	memset(t, 0, sizeof(*t));
	if (limit > L7FP_MAX_HPACK_TABLE)
		limit = L7FP_MAX_HPACK_TABLE;
	t->limit = limit;
	t->max_size = max_size < limit ? max_size : limit;
	if (!limit)
		return;
	t->mask = entries_for(limit) - 1;
	t->entries = memory;
	t->bucket = (u16 *)(t->entries + t->mask + 1);
	t->bytes = (u8 *)(t->bucket + L7FP_HPACK_BUCKETS);
	t->capacity = 2 * limit;
	memset(t->bucket, 0, L7FP_HPACK_BUCKETS * sizeof(u16));
}

static __always_inline void evict(struct l7fp_hpack_table *t, u32 max_size)
{
	while (t->size > max_size) {
		t->size -= l7fp_hpack_entry_at(t, --t->count)->size;
		if (!t->count)
			t->first = t->end;
		else
			t->first = l7fp_hpack_entry_at(t, t->count - 1)->off;
	}
}

/* RFC 7541 4.3. @max_size is at most the limit. */
void l7fp_hpack_table_resize(struct l7fp_hpack_table *t, u32 max_size)
{
	t->max_size = max_size;
	t->changes++;
	evict(t, max_size);
}

/* Moves what is there to the beginning. */
static noinline u32 compact(struct l7fp_hpack_table *t)
{
	u32 shift = t->first, i;

	memmove(t->bytes, t->bytes + shift, t->end - shift);
	for (i = 0; i < t->count; i++)
		l7fp_hpack_entry_at(t, i)->off -= shift;
	t->first = 0;
	t->end -= shift;
	return shift;
}

/*
 * Room for name and value of a new entry of @size: that less the overhead. NULL: it is larger than
 * the table, which is empty then (RFC 7541 4.4). Should *name be one that is in the table, it may
 * move; it stays until the entry is added, even where the entry evicts it.
 */
u8 *l7fp_hpack_table_room(struct l7fp_hpack_table *t, u32 size, const u8 **name)
{
	u32 shift;

	if (unlikely(size > t->max_size)) {
		t->changes++;
		evict(t, 0);
		return NULL;
	}
	if (unlikely(t->capacity - t->end < size)) {
		bool own = *name >= t->bytes && *name < t->bytes + t->capacity;

		shift = compact(t);
		if (own)
			*name -= shift;
	}
	return t->bytes + t->end;
}

/* Adds the entry whose bytes were written. Only where they are and how many is set. */
struct l7fp_hpack_entry *l7fp_hpack_table_add(struct l7fp_hpack_table *t, u32 name_len,
					      u32 value_len, u32 size)
{
	struct l7fp_hpack_entry *entry;

	evict(t, t->max_size - size);
	t->newest = (t->newest + 1) & t->mask;
	t->count++;
	t->inserted++;
	t->changes++;
	t->size += size;
	entry = l7fp_hpack_entry_at(t, 0);
	entry->off = t->end;
	entry->size = size;
	entry->name_len = name_len;
	entry->value_len = value_len;
	t->end += name_len + value_len;
	return entry;
}

/* The first entry of the static table with this name, or 0. @hash is l7fp_hpack_hash(). */
u32 l7fp_hpack_static_find(const u8 *name, u32 len, u32 hash)
{
	u32 i = static_bucket[hash % sizeof(static_bucket)];

	for (; i; i = static_next[i]) {
		const struct l7fp_hpack_static *s = &l7fp_hpack_statics[i];

		if (s->name_len == len && !memcmp(l7fp_hpack_static_text + s->off, name, len))
			return i;
	}
	return 0;
}

/* Names that are no HTTP/1 names. */
u8 l7fp_hpack_token(const u8 *name, u32 len)
{
	u32 i;

	if (!len || name[0] != ':')
		return l7fp_h1_lookup_token(name, len);
	if (len == 9 && !memcmp(name, ":protocol", 9))
		return L7FP_H_PSEUDO_PROTOCOL;
	i = l7fp_hpack_static_find(name, len, l7fp_hpack_hash(name, len));
	return l7fp_hpack_statics[i].token;
}
