/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the HPACK codec share with each other only. */
#ifndef L7FP_HPACK_PRIVATE_H
#define L7FP_HPACK_PRIVATE_H

#include "hpack.h"

#define L7FP_HPACK_NAME_CODED 0x02 /* of an entry: its name is Huffman-coded still */
#define L7FP_HPACK_SLOP 16 /* readable bytes behind the texts of both tables */
#define L7FP_HPACK_BUCKETS 256

/* RFC 7541 6: the first bits of a representation, and those that its integer has there. */
#define INDEXED 0x80
#define INDEXED_MASK 0x7f
#define LITERAL_INDEXED 0x40
#define LITERAL_INDEXED_MASK 0x3f
#define SIZE_UPDATE 0x20
#define SIZE_UPDATE_MASK 0x1f
#define LITERAL_NEVER 0x10
#define LITERAL_MASK 0x0f
#define STRING_CODED 0x80
#define STRING_MASK 0x7f

/**
 * struct l7fp_hpack_entry - entry of a dynamic table
 * @off: of its name in the table's bytes; the value follows
 * @size: RFC 7541 4.1, whatever form it is stored in
 * @name_hash: l7fp_hpack_hash() of the name as it is stored
 * @hash: encoder: of name and value
 * @name_len: of the name as it is stored; no longer than it is when decoded
 * @value_len: likewise
 * @next: encoder: number of an older entry of the same bucket
 * @flags: L7FP_HPACK_NAME_CODED, _VALUE_CODED, and what is bad about it
 * @name_index: entry of the static table with this name, or 0; encoder: the first one
 * @token: enum l7fp_h1_token, or TOKEN_UNKNOWN
 */
struct l7fp_hpack_entry {
	u32 off;
	u32 size;
	u32 name_hash;
	u32 hash;
	u16 name_len;
	u16 value_len;
	u16 next;
	u8 flags;
	u8 name_index;
	u8 token;
};

#define TOKEN_UNKNOWN 0xff

/**
 * struct l7fp_hpack_static - entry of the static table
 * @name_hash: l7fp_hpack_hash() of the name
 * @off: of the name in l7fp_hpack_static_text; the value follows
 * @name_len: its length
 * @value_len: length of the value
 * @token: enum l7fp_h1_token
 */
struct l7fp_hpack_static {
	u32 name_hash;
	u16 off;
	u8 name_len;
	u8 value_len;
	u8 token;
};

extern const u8 l7fp_hpack_static_text[];
extern const struct l7fp_hpack_static l7fp_hpack_statics[L7FP_HPACK_STATIC + 1];

/* tools/hpack-tables has the same. */
static __always_inline u32 l7fp_hpack_hash(const u8 *p, u32 len)
{
	u64 x = len * 0x9e3779b97f4a7c15ULL, y;
	u32 i;

	if (len >= 8) {
		for (i = 0; i + 8 < len; i += 8) {
			x = (x ^ l7fp_load64(p + i)) * 0xff51afd7ed558ccdULL;
			x ^= x >> 32;
		}
		y = l7fp_load64(p + len - 8);
	} else if (len >= 4) {
		x ^= (u64)l7fp_load32(p) << 32;
		y = l7fp_load32(p + len - 4);
	} else {
		y = len ? p[0] | p[len / 2] << 8 | p[len - 1] << 16 : 0;
	}
	x = (x ^ y) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 29;
}

/* As !memcmp(), which is a call for some bytes only. */
static __always_inline bool l7fp_hpack_same(const u8 *a, const u8 *b, u32 len)
{
	u32 i;

	if (len >= 8) {
		for (i = 0; i + 8 < len; i += 8)
			if (l7fp_load64(a + i) != l7fp_load64(b + i))
				return false;
		return l7fp_load64(a + len - 8) == l7fp_load64(b + len - 8);
	}
	if (len >= 4)
		return l7fp_load32(a) == l7fp_load32(b) &&
		       l7fp_load32(a + len - 4) == l7fp_load32(b + len - 4);
	return !len || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

/* Copies by sixteen: up to 15 bytes behind are read, and written, as well. */
static __always_inline void l7fp_hpack_copy(u8 *dst, const u8 *src, u32 len)
{
	u32 i = 0;

	do {
		u64 a, b;

		__builtin_memcpy(&a, src + i, 8);
		__builtin_memcpy(&b, src + i + 8, 8);
		__builtin_memcpy(dst + i, &a, 8);
		__builtin_memcpy(dst + i + 8, &b, 8);
		i += 16;
	} while (i < len);
}

/* The @i-th newest entry, from 0; it must be there. */
static __always_inline struct l7fp_hpack_entry *
l7fp_hpack_entry_at(const struct l7fp_hpack_table *t, u32 i)
{
	return &t->entries[(t->newest - i) & t->mask];
}

/* The first of the static entries with the name of that one. */
static __always_inline u32 l7fp_hpack_static_first(u32 index)
{
	if (index > 14)
		return index;
	return index >= 8 ? 8 : index >= 2 ? index & ~1U : index;
}

void l7fp_hpack_table_init(struct l7fp_hpack_table *t, void *memory, u32 limit, u32 max_size);
void l7fp_hpack_table_resize(struct l7fp_hpack_table *t, u32 max_size);
u8 *l7fp_hpack_table_room(struct l7fp_hpack_table *t, u32 size, const u8 **name);
struct l7fp_hpack_entry *l7fp_hpack_table_add(struct l7fp_hpack_table *t, u32 name_len,
					      u32 value_len, u32 size);
u32 l7fp_hpack_static_find(const u8 *name, u32 len, u32 hash);
u32 l7fp_hpack_names_find(const struct l7fp_hpack_names *names, const u8 *name, u32 len, u32 hash,
			  bool coded);
u8 l7fp_hpack_token(const u8 *name, u32 len);

/* Adds to the table what the block does, which was decoded before. */
void l7fp_hpack_replay(struct l7fp_hpack_decoder *d, const u8 *block, u32 len);

/*
 * With d->repeats. Fills @list if the block is one that is kept; else the table has to be settled
 * before it is decoded, and it may be kept afterwards.
 */
bool l7fp_hpack_recall(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
		       struct l7fp_hpack_list *list);
void l7fp_hpack_repeats_settle(struct l7fp_hpack_decoder *d);
void l7fp_hpack_remember(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
			 const struct l7fp_hpack_list *list, bool refers, u32 added);

#endif /* L7FP_HPACK_PRIVATE_H */
