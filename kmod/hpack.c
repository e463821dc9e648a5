// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HPACK decoder (RFC 7541).
 *
 * A block is read once, from its beginning to its end. A string that is wanted is decoded into the
 * caller's list and copied from there into the dynamic table; one that is not wanted is, at most,
 * looked through, and lies in the table as it came.
 */
#include "h1_private.h"
#include "hpack_private.h"
#include "huffman.h"

#define MAX_INTEGER 0x7fffffffU
#define MAX_UPDATES 2 /* the smallest size and the last one, RFC 7541 4.2 */

struct context {
	struct l7fp_hpack_decoder *d;
	const struct l7fp_hpack_want *want;
	struct l7fp_hpack_list *list;
	const u8 *p;
	const u8 *end;
	bool full; /* of the list: nothing more is listed */
	bool remember; /* the field is a literal that may come again */
	bool refers; /* to the dynamic table */
	u32 added; /* size of the entries added to it */
};

/*
 * A field as the block or a table has it.
 * @known: what is bad about it is in @flags
 * @after: readable bytes behind @value
 */
struct source {
	const u8 *name;
	const u8 *value;
	u32 name_len;
	u32 value_len;
	u32 name_hash;
	u32 after;
	u8 flags;
	u8 name_index;
	u8 token;
	bool name_known;
	bool value_known;
	bool name_hashed;
};

static noinline int long_integer(struct context *c, u32 *value)
{
	u64 v = *value;
	u32 shift;

	/* RFC 7541 5.1: neither too large a value nor one that is said with too many bytes. */
	for (shift = 0; shift <= 28; shift += 7) {
		u8 byte;

		if (c->p == c->end)
			return L7FP_HPACK_ERR_BAD;
		byte = *c->p++;
		v += (u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*value = v;
			return v <= MAX_INTEGER ? 0 : L7FP_HPACK_ERR_BAD;
		}
	}
	return L7FP_HPACK_ERR_BAD;
}

/* The integer that begins in the byte at c->p, which is there. */
static __always_inline int integer(struct context *c, u8 mask, u32 *value)
{
	*value = *c->p++ & mask;
	return likely(*value < mask) ? 0 : long_integer(c, value);
}

static __always_inline int string(struct context *c, const u8 **p, u32 *len, bool *coded)
{
	if (c->p == c->end)
		return L7FP_HPACK_ERR_BAD;
	*coded = *c->p & STRING_CODED;
	if (integer(c, STRING_MASK, len) || *len > (u32)(c->end - c->p))
		return L7FP_HPACK_ERR_BAD;
	*p = c->p;
	c->p += *len;
	return 0;
}

/* @room bytes at @dst, @after readable ones behind @src. */
static __always_inline void copy(u8 *dst, u32 room, const u8 *src, u32 len, u32 after)
{
	if (likely(room - len >= L7FP_HPACK_SLOP && after >= L7FP_HPACK_SLOP))
		l7fp_hpack_copy(dst, src, len);
	else
		memcpy(dst, src, len);
}

static u8 plain_name_flags(const u8 *p, u32 len)
{
	u32 i = len && *p == ':';
	u8 classes = 0;

	if (i == len)
		return L7FP_HPACK_BAD_NAME;
	for (; i < len; i++)
		classes |= l7fp_huffman_classes[p[i]];
	return classes & L7FP_HUFFMAN_NOT_NAME ? L7FP_HPACK_BAD_NAME : 0;
}

static bool is_space(u8 byte)
{
	return byte == ' ' || byte == '\t';
}

static u8 space_flags(u8 first, u8 last)
{
	return is_space(first) || is_space(last) ? L7FP_HPACK_BAD_SPACE : 0;
}

static u8 plain_value_flags(const u8 *p, u32 len)
{
	u32 i = 0;

	if (!len)
		return 0;
	while (len - i >= 8) {
		u64 x = l7fp_load64(p + i), del = (x & ~HIGHS) + ONES;

		/* Stops at tabs, too. */
		if (((x - ONES * 0x20) | del) & ~x & HIGHS)
			break;
		i += 8;
	}
	for (; i < len; i++)
		if (l7fp_huffman_classes[p[i]] & L7FP_HUFFMAN_NOT_VALUE)
			return L7FP_HPACK_BAD_VALUE | space_flags(p[0], p[len - 1]);
	return space_flags(p[0], p[len - 1]);
}

/* What is bad about the name, and its length when decoded, without decoding it. */
static int look_at_name(struct source *s, u32 *len)
{
	struct l7fp_huffman_text text;

	*len = s->name_len;
	if (!(s->flags & L7FP_HPACK_NAME_CODED)) {
		if (!s->name_known)
			s->flags |= plain_name_flags(s->name, s->name_len);
		s->name_known = true;
		return 0;
	}
	if (l7fp_huffman_look(&text, s->name, s->name_len, 0))
		return L7FP_HPACK_ERR_BAD;
	*len = text.len;
	if (s->name_known)
		return 0;
	s->name_known = true;
	/* A colon has a code of seven bits; what follows it is looked at once more. */
	if (text.first == ':' && (l7fp_huffman_look(&text, s->name, s->name_len, 7) || !text.len))
		text.classes = L7FP_HUFFMAN_NOT_NAME;
	if (!*len || text.classes & L7FP_HUFFMAN_NOT_NAME)
		s->flags |= L7FP_HPACK_BAD_NAME;
	return 0;
}

static int look_at_value(struct source *s, u32 *len)
{
	struct l7fp_huffman_text text;

	*len = s->value_len;
	if (!(s->flags & L7FP_HPACK_VALUE_CODED)) {
		if (!s->value_known)
			s->flags |= plain_value_flags(s->value, s->value_len);
		s->value_known = true;
		return 0;
	}
	if (l7fp_huffman_look(&text, s->value, s->value_len, 0))
		return L7FP_HPACK_ERR_BAD;
	*len = text.len;
	s->value_known = true;
	if (text.classes & L7FP_HUFFMAN_NOT_VALUE)
		s->flags |= L7FP_HPACK_BAD_VALUE;
	s->flags |= space_flags(text.first, text.last);
	return 0;
}

/* Which of the names that are asked for this one is, from 1; 0: none. */
static u32 find_name(const struct l7fp_hpack_names *names, struct source *s)
{
	if (s->name_index)
		return names->of_static[s->name_index];
	if (!s->name_hashed)
		s->name_hash = l7fp_hpack_hash(s->name, s->name_len);
	s->name_hashed = true;
	return l7fp_hpack_names_find(names, s->name, s->name_len, s->name_hash,
				     s->flags & L7FP_HPACK_NAME_CODED);
}

static bool wanted(const struct l7fp_hpack_want *want, struct source *s)
{
	u32 k = find_name(want->names, s);
	u8 slot, token;

	if (!k)
		return false;
	slot = want->names->name[k - 1].slot;
	token = want->names->name[k - 1].token;
	return (slot != L7FP_HPACK_NO_SLOT && want->slots >> slot & 1) ||
	       (token != L7FP_H_OTHER && want->tokens >> token & 1);
}

/* L7FP_HPACK_ERR_SPACE, also where it is bad as well. */
static int list_name(struct l7fp_hpack_list *list, struct source *s)
{
	u8 *p = list->buf + list->len;
	u32 room = list->size - list->len;
	int len = s->name_len;
	u8 classes;

	if (s->flags & L7FP_HPACK_NAME_CODED) {
		len = l7fp_huffman_decode(p, room, s->name, s->name_len, 0, &classes);
		if (len < 0)
			return len;
		if (!s->name_known && (!len || classes & L7FP_HUFFMAN_NOT_NAME))
			s->flags |= plain_name_flags(p, len);
		s->flags &= ~L7FP_HPACK_NAME_CODED;
	} else {
		if (s->name_len > room)
			return L7FP_HPACK_ERR_SPACE;
		copy(p, room, s->name, s->name_len, s->name_known ? L7FP_HPACK_SLOP : 0);
		if (!s->name_known)
			s->flags |= plain_name_flags(p, s->name_len);
	}
	s->name_known = true;
	if (len > 0xffff)
		return L7FP_HPACK_ERR_SPACE;
	if (s->token == TOKEN_UNKNOWN)
		s->token = l7fp_hpack_token(p, len);
	s->name = p;
	s->name_len = len;
	list->len += len;
	return 0;
}

/* The decoded value is at @p. */
static int decode_value(struct source *s, u8 *p, u32 room)
{
	u8 classes;
	int len;

	len = l7fp_huffman_decode(p, room, s->value, s->value_len, s->after, &classes);
	if (len < 0)
		return len;
	if (!s->value_known) {
		if (unlikely(classes & L7FP_HUFFMAN_NOT_VALUE))
			s->flags |= L7FP_HPACK_BAD_VALUE;
		if (len)
			s->flags |= space_flags(p[0], p[len - 1]);
		s->value_known = true;
	}
	s->flags &= ~L7FP_HPACK_VALUE_CODED;
	return len;
}

static int list_value(struct l7fp_hpack_list *list, struct source *s, bool decode)
{
	u8 *p = list->buf + list->len;
	u32 room = list->size - list->len;
	int len = s->value_len;

	if (decode && s->flags & L7FP_HPACK_VALUE_CODED) {
		len = decode_value(s, p, room);
		if (len < 0)
			return len;
	} else {
		if (s->value_len > room)
			return L7FP_HPACK_ERR_SPACE;
		copy(p, room, s->value, s->value_len, s->after);
		if (decode && !s->value_known) {
			s->flags |= plain_value_flags(p, len);
			s->value_known = true;
		}
	}
	s->value = p;
	s->value_len = len;
	list->len += len;
	return 0;
}

/* Where a literal is remembered; NULL: it is not. */
static struct l7fp_hpack_recent *recent_of(struct l7fp_hpack_decoder *d, const struct source *s)
{
	u32 slot = s->name_index;

	/* What is never to be indexed (RFC 7541 7.1.3) is not kept here either. */
	if (s->flags & L7FP_HPACK_NEVER_INDEXED || s->value_len > L7FP_HPACK_RECENT_CODED)
		return NULL;
	if (!slot) {
		if (!s->name_len || s->name_len > L7FP_HPACK_RECENT_NAME)
			return NULL;
		slot = s->name[0] + 3 * s->name[s->name_len - 1] + 7 * s->name_len;
	}
	return &d->recent[slot % L7FP_HPACK_RECENT];
}

#define CODED (L7FP_HPACK_NAME_CODED | L7FP_HPACK_VALUE_CODED)

/* Whether the literal came lately; then @s is what it was decoded to. */
static bool recall(const struct l7fp_hpack_recent *r, struct source *s)
{
	if (r->coded_len != s->value_len || r->name_index != s->name_index ||
	    r->flags != (s->flags & CODED) || !r->known)
		return false;
	if (!s->name_index && (r->coded_name_len != s->name_len ||
			       !l7fp_hpack_same(r->coded_name, s->name, s->name_len)))
		return false;
	if (!l7fp_hpack_same(r->coded, s->value, s->value_len))
		return false;
	if (!s->name_index) {
		s->name = r->name;
		s->name_len = r->name_len;
		s->name_hashed = false;
		s->token = r->token;
	}
	s->value = r->value;
	s->value_len = r->value_len;
	s->after = L7FP_HPACK_SLOP;
	s->flags = r->bad;
	s->name_known = true;
	s->value_known = true;
	return true;
}

/* @s was decoded to @to. */
static void remember(struct l7fp_hpack_recent *r, const struct source *s, const struct source *to)
{
	r->known = to->name_len <= L7FP_HPACK_RECENT_NAME &&
		   to->value_len <= L7FP_HPACK_RECENT_VALUE;
	if (!r->known)
		return;
	r->name_index = s->name_index;
	r->flags = s->flags & CODED;
	r->bad = to->flags & L7FP_HPACK_BAD;
	r->coded_len = s->value_len;
	memcpy(r->coded, s->value, s->value_len);
	r->value_len = to->value_len;
	memcpy(r->value, to->value, to->value_len);
	if (s->name_index)
		return;
	r->token = to->token;
	r->coded_name_len = s->name_len;
	memcpy(r->coded_name, s->name, s->name_len);
	r->name_len = to->name_len;
	memcpy(r->name, to->name, to->name_len);
}

/*
 * Appends the field to the list; then @s is what is there. L7FP_HPACK_ERR_SPACE: it is as it was
 * but for what is known.
 */
static __always_inline int list_field(struct context *c, struct source *s, bool decode)
{
	struct l7fp_hpack_list *list = c->list;
	struct l7fp_h1_header *header;
	struct source before = *s;
	u32 off = list->len;
	int err;

	err = list_name(list, s);
	if (!err)
		err = list_value(list, s, decode);
	if (unlikely(err)) {
		list->len = off;
		*s = before;
		return err;
	}
	header = &list->headers[list->n];
	header->name_off = off;
	header->value_off = off + s->name_len;
	header->value_len = s->value_len;
	header->name_len = s->name_len;
	header->token = s->token;
	list->info[list->n].flags = s->flags;
	list->info[list->n].name_index = s->name_index;
	list->tokens |= BIT_ULL(s->token);
	list->n++;
	if (c->remember && decode)
		remember(recent_of(c->d, &before), &before, s);
	return 0;
}

/* Copies or decodes what is to lie in the table: coded strings only where they are the shorter. */
static u32 store(u8 *dst, const u8 *src, u32 src_len, u32 len, bool *coded)
{
	u8 classes;

	if (*coded && src_len > len) {
		/* It was looked through, and is right. */
		l7fp_huffman_decode(dst, len, src, src_len, 0, &classes);
		*coded = false;
		return len;
	}
	memcpy(dst, src, src_len);
	return src_len;
}

/* RFC 7541 6.2.1: a literal with incremental indexing. The lengths are those when decoded. */
static void add_entry(struct l7fp_hpack_table *t, const struct source *s, u32 name_len,
		      u32 value_len)
{
	bool name_coded = s->flags & L7FP_HPACK_NAME_CODED;
	bool value_coded = s->flags & L7FP_HPACK_VALUE_CODED;
	u32 size = L7FP_HPACK_OVERHEAD + name_len + value_len;
	struct l7fp_hpack_entry *entry;
	const u8 *name = s->name;
	u8 *p;

	p = l7fp_hpack_table_room(t, size, &name);
	if (!p)
		return;
	name_len = store(p, name, s->name_len, name_len, &name_coded);
	value_len = store(p + name_len, s->value, s->value_len, value_len, &value_coded);
	entry = l7fp_hpack_table_add(t, name_len, value_len, size);
	entry->flags = (s->flags & L7FP_HPACK_BAD) | (name_coded ? L7FP_HPACK_NAME_CODED : 0) |
		       (value_coded ? L7FP_HPACK_VALUE_CODED : 0);
	entry->name_index = s->name_index;
	entry->token = s->token;
	entry->name_hash = l7fp_hpack_hash(p, name_len);
}

/* A field that was read: to the list, to the table, to both, or to neither. */
static __always_inline int field(struct context *c, struct source *s, bool all, bool add)
{
	struct l7fp_hpack_list *list = c->list;
	u32 name_len, value_len;
	bool decode = all, listed = all;
	int err;

	if (unlikely(++list->n_fields > list->max_headers))
		c->full = true;
	if (!all && !c->full) {
		decode = wanted(c->want, s);
		listed = decode || c->want->keep;
	}
	if (likely(listed && !c->full)) {
		err = list_field(c, s, decode);
		if (err == L7FP_HPACK_ERR_BAD)
			return err;
		if (unlikely(err))
			c->full = true;
	}
	/* Names are looked at in any case: in upper case one would pass for another header. */
	name_len = s->name_len;
	if ((!s->name_known || (add && s->flags & L7FP_HPACK_NAME_CODED)) &&
	    look_at_name(s, &name_len))
		return L7FP_HPACK_ERR_BAD;
	value_len = s->value_len;
	if (((!s->value_known && (add || c->full || (!all && c->want->check))) ||
	     (add && s->flags & L7FP_HPACK_VALUE_CODED)) &&
	    look_at_value(s, &value_len))
		return L7FP_HPACK_ERR_BAD;
	if (!all && listed && !c->full)
		list->info[list->n - 1].flags |= s->flags & L7FP_HPACK_BAD;
	list->bad |= s->flags & L7FP_HPACK_BAD;
	if (add) {
		c->added += L7FP_HPACK_OVERHEAD + name_len + value_len;
		add_entry(&c->d->table, s, name_len, value_len);
	}
	return 0;
}

static __always_inline void from_static(struct source *s, u32 index)
{
	const struct l7fp_hpack_static *entry = &l7fp_hpack_statics[index];

	s->name = l7fp_hpack_static_text + entry->off;
	s->value = s->name + entry->name_len;
	s->name_len = entry->name_len;
	s->value_len = entry->value_len;
	s->after = L7FP_HPACK_SLOP;
	s->flags = 0;
	s->name_index = index;
	s->token = entry->token;
	s->name_hashed = false;
}

static __always_inline void from_entry(struct source *s, const struct l7fp_hpack_table *t, u32 i)
{
	const struct l7fp_hpack_entry *entry = l7fp_hpack_entry_at(t, i);

	s->name = t->bytes + entry->off;
	s->value = s->name + entry->name_len;
	s->name_len = entry->name_len;
	s->value_len = entry->value_len;
	s->after = L7FP_HPACK_SLOP;
	s->flags = entry->flags;
	s->name_index = entry->name_index;
	s->token = entry->token;
	s->name_hash = entry->name_hash;
	s->name_hashed = true;
}

/* What an index of RFC 7541 2.3.3 stands for. */
static __always_inline int from_index(struct context *c, struct source *s, u32 index)
{
	const struct l7fp_hpack_table *t = &c->d->table;

	s->name_known = true;
	s->value_known = true;
	if (index <= L7FP_HPACK_STATIC) {
		if (unlikely(!index))
			return L7FP_HPACK_ERR_BAD;
		from_static(s, index);
		return 0;
	}
	index -= L7FP_HPACK_STATIC + 1;
	if (unlikely(index >= t->count))
		return L7FP_HPACK_ERR_BAD;
	c->refers = true;
	from_entry(s, t, index);
	return 0;
}

static __always_inline int literal(struct context *c, bool all, u8 mask, bool add, u8 flags)
{
	struct l7fp_hpack_recent *r;
	struct source s;
	u32 index;
	bool coded;
	int err;

	if (integer(c, mask, &index))
		return L7FP_HPACK_ERR_BAD;
	if (index) {
		if (from_index(c, &s, index))
			return L7FP_HPACK_ERR_BAD;
		/* Of the entry's value nothing is said any more. */
		s.flags &= L7FP_HPACK_NAME_CODED | L7FP_HPACK_BAD_NAME;
	} else {
		if (string(c, &s.name, &s.name_len, &coded))
			return L7FP_HPACK_ERR_BAD;
		s.flags = coded ? L7FP_HPACK_NAME_CODED : 0;
		s.name_known = false;
		s.name_hashed = false;
		s.name_index = 0;
		s.token = TOKEN_UNKNOWN;
	}
	if (string(c, &s.value, &s.value_len, &coded))
		return L7FP_HPACK_ERR_BAD;
	s.flags |= flags | (coded ? L7FP_HPACK_VALUE_CODED : 0);
	s.value_known = false;
	s.after = c->end - c->p;
	r = recent_of(c->d, &s);
	c->remember = r && !recall(r, &s);
	err = field(c, &s, all, add);
	c->remember = false;
	return err;
}

static __always_inline int indexed(struct context *c, bool all)
{
	struct source s;
	u32 index;

	if (integer(c, INDEXED_MASK, &index) || from_index(c, &s, index))
		return L7FP_HPACK_ERR_BAD;
	return field(c, &s, all, false);
}

static __always_inline int fields(struct context *c, bool all)
{
	int err = 0;

	while (c->p < c->end && !err) {
		u8 byte = *c->p;

		if (byte & INDEXED)
			err = indexed(c, all);
		else if (byte & LITERAL_INDEXED)
			err = literal(c, all, LITERAL_INDEXED_MASK, true, 0);
		else if (byte & SIZE_UPDATE)
			err = L7FP_HPACK_ERR_BAD;
		else
			err = literal(c, all, LITERAL_MASK, false,
				      byte & LITERAL_NEVER ? L7FP_HPACK_NEVER_INDEXED : 0);
	}
	return err;
}

/* RFC 7541 4.2 and 6.3: only before the first field. */
static int size_updates(struct context *c)
{
	struct l7fp_hpack_decoder *d = c->d;
	u32 n = 0, size;

	while (c->p < c->end && (*c->p & ~SIZE_UPDATE_MASK) == SIZE_UPDATE) {
		if (++n > MAX_UPDATES || integer(c, SIZE_UPDATE_MASK, &size) || size > d->max)
			return L7FP_HPACK_ERR_BAD;
		if (size <= d->max_owed)
			d->owed = false;
		l7fp_hpack_table_resize(&d->table, size);
	}
	return d->owed ? L7FP_HPACK_ERR_BAD : 0;
}

int l7fp_hpack_decode_block(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
			    const struct l7fp_hpack_want *want, struct l7fp_hpack_list *list)
{
	struct context c = { .d = d, .want = want, .list = list, .p = block, .end = block + len };
	bool plain;
	int err;

	list->bad = 0;
	list->origin.block = 0;
	if (unlikely(d->error))
		return d->error;
	if (d->repeats) {
		if (!want && l7fp_hpack_recall(d, block, len, list))
			return 0;
		l7fp_hpack_repeats_settle(d);
	}
	list->n = 0;
	list->len = 0;
	list->n_fields = 0;
	list->tokens = 0;
	err = size_updates(&c);
	plain = c.p == block;
	if (!err)
		err = want ? fields(&c, false) : fields(&c, true);
	if (unlikely(err)) {
		d->error = err;
		return err;
	}
	if (c.full)
		return L7FP_HPACK_ERR_TOO_LARGE;
	if (d->repeats && plain && !want)
		l7fp_hpack_remember(d, block, len, list, c.refers, c.added);
	return 0;
}

void l7fp_hpack_replay(struct l7fp_hpack_decoder *d, const u8 *block, u32 len)
{
	struct l7fp_hpack_list none = { .max_headers = 0 };
	struct context c = { .d = d, .list = &none, .p = block, .end = block + len };

	fields(&c, true);
}

void l7fp_hpack_decoder_init(struct l7fp_hpack_decoder *d, void *memory, u32 limit)
{
	memset(d, 0, sizeof(*d));
	l7fp_hpack_table_init(&d->table, memory, limit, L7FP_HPACK_TABLE);
	d->max = d->table.max_size;
}

void l7fp_hpack_decoder_set_max(struct l7fp_hpack_decoder *d, u32 max)
{
	if (max > d->table.limit)
		max = d->table.limit;
	d->max = max;
	/* Of several changes between two blocks the smallest counts. */
	if (max < d->table.max_size && (!d->owed || max < d->max_owed)) {
		d->owed = true;
		d->max_owed = max;
	}
}
