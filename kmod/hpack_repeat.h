/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Header blocks that come again: peers send the same one with many messages, all of it indexed or
 * all of it literal, and what it decodes to, or was made from, is the same then, too.
 *
 * A decoder keeps some blocks that it saw twice, with their fields; an encoder some that it made
 * of such fields. Both compare what they keep with what they are given, whole and byte by byte,
 * and a block that depends on a dynamic table is good for as long as that has not changed.
 */
#ifndef L7FP_HPACK_REPEAT_H
#define L7FP_HPACK_REPEAT_H

#include "h1.h"

#define L7FP_HPACK_REPEATS 4 /* blocks kept */
#define L7FP_HPACK_REPEAT_BLOCK 192 /* longest one */
#define L7FP_HPACK_REPEAT_FIELDS 16
#define L7FP_HPACK_REPEAT_TEXT 416 /* their names and values */
#define L7FP_HPACK_REPEAT_SIGHTS 8
#define L7FP_HPACK_MADE_TEXT 96
#define L7FP_HPACK_MADE_HOW 4

/**
 * struct l7fp_hpack_info - of a decoded field, beside what struct l7fp_h1_header says
 * @flags: enum l7fp_hpack_flags
 * @name_index: static table entry with this name, or 0 where it is not known to have one. To be
 *	handed to the encoder, which is then spared looking for it.
 */
struct l7fp_hpack_info {
	u8 flags;
	u8 name_index;
};

/**
 * struct l7fp_hpack_origin - names the content of a decoded list
 * @decoder: number of the decoder, which no other one has or had
 * @block: number of the block that it keeps; 0: none, nothing is known
 *
 * Lists of equal origin have equal fields in the same order.
 */
struct l7fp_hpack_origin {
	u64 decoder;
	u32 block;
};

/**
 * struct l7fp_hpack_repeat - a block that came again; private
 * @len: of @block; 0: there is none
 * @text_len: of @text
 * @n: of @headers and @info
 * @used: since it was last thought of as one to give way
 * @refers: to entries of the dynamic table, of which it adds none
 * @added: size of the entries that it adds, to none of which it refers
 * @number: l7fp_hpack_origin.block
 * @tokens: l7fp_hpack_list.tokens
 * @changes: of the table, where @refers
 */
struct l7fp_hpack_repeat {
	u16 len;
	u16 text_len;
	u8 n;
	bool used;
	bool refers;
	u32 added;
	u32 number;
	u64 tokens;
	u64 changes;
	struct l7fp_h1_header headers[L7FP_HPACK_REPEAT_FIELDS];
	struct l7fp_hpack_info info[L7FP_HPACK_REPEAT_FIELDS];
	u8 block[L7FP_HPACK_REPEAT_BLOCK];
	u8 text[L7FP_HPACK_REPEAT_TEXT];
};

/**
 * struct l7fp_hpack_repeats - those that a decoder keeps; private
 * @decoder: l7fp_hpack_origin.decoder
 * @numbers: given so far
 * @hand: where one that gives way is looked for
 * @due: the block whose entries are still to be added to the table
 * @times: so often
 * @sight: hash values of blocks that came once
 * @repeat: the blocks
 */
struct l7fp_hpack_repeats {
	u64 decoder;
	u32 numbers;
	u32 hand;
	u32 due;
	u32 times;
	u32 sight[L7FP_HPACK_REPEAT_SIGHTS];
	struct l7fp_hpack_repeat repeat[L7FP_HPACK_REPEATS];
};

struct l7fp_hpack_decoder;
struct l7fp_hpack_encoder;
struct l7fp_hpack_list;

/**
 * l7fp_hpack_decoder_repeats() - let a decoder keep blocks
 * @d: decoder, initialised
 * @repeats: memory for them, which the caller frees; its content does not matter. NULL: none.
 * @decoder: a number that no other decoder has or will have
 *
 * Only blocks of which all fields are asked for are kept, and none with a field that is never to
 * be indexed. Entries that a kept block adds to the table may be added later: they are there when
 * a block that is not kept is decoded.
 */
void l7fp_hpack_decoder_repeats(struct l7fp_hpack_decoder *d, struct l7fp_hpack_repeats *repeats,
				u64 decoder);

/**
 * struct l7fp_hpack_source - all that a header block is made from
 * @origin: of the list whose fields it has; one of an unknown origin is not kept
 * @how: what else its content depends on, as the caller numbers it
 * @text: likewise, its bytes
 * @text_len: of each
 */
struct l7fp_hpack_source {
	struct l7fp_hpack_origin origin;
	u64 how[L7FP_HPACK_MADE_HOW];
	const u8 *text[2];
	u32 text_len[2];
};

/**
 * struct l7fp_hpack_made - a block that was made; private
 * @origin: see struct l7fp_hpack_source
 * @how: likewise
 * @changes: of the table, since when it is the same
 * @text_len: of each text in @text
 * @len: of @block; 0: there is none
 * @used: since it was last thought of as one to give way
 */
struct l7fp_hpack_made {
	struct l7fp_hpack_origin origin;
	u64 how[L7FP_HPACK_MADE_HOW];
	u64 changes;
	u8 text_len[2];
	u8 len;
	bool used;
	u8 text[L7FP_HPACK_MADE_TEXT];
	u8 block[L7FP_HPACK_REPEAT_BLOCK];
};

/**
 * struct l7fp_hpack_mades - those that an encoder keeps
 * @hand: private
 * @made: private
 *
 * It begins zeroed.
 */
struct l7fp_hpack_mades {
	u32 hand;
	struct l7fp_hpack_made made[L7FP_HPACK_REPEATS];
};

/**
 * l7fp_hpack_made_find() - the block that was made from the same before
 * @mades: where
 * @e: the encoder, between two blocks
 * @source: what it is to be made from
 * @len: its length, at most %L7FP_HPACK_REPEAT_BLOCK
 *
 * Return: the block, as l7fp_hpack_encode() would make it now; NULL: it is not known. Valid until
 *	the next call of l7fp_hpack_made_keep().
 */
const u8 *l7fp_hpack_made_find(struct l7fp_hpack_mades *mades, const struct l7fp_hpack_encoder *e,
			       const struct l7fp_hpack_source *source, u32 *len);

/**
 * l7fp_hpack_made_keep() - keep a block
 * @mades: where
 * @e: the encoder, which has made it
 * @source: what it was made from
 * @changes: e->table.changes before that; it is not kept when there were any since
 * @block: the block, without size updates
 * @len: its length
 */
void l7fp_hpack_made_keep(struct l7fp_hpack_mades *mades, const struct l7fp_hpack_encoder *e,
			  const struct l7fp_hpack_source *source, u64 changes, const u8 *block,
			  u32 len);

#endif /* L7FP_HPACK_REPEAT_H */
