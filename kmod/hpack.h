/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HPACK codec (RFC 7541): header blocks of HTTP/2 to fields and back.
 *
 * A block is decoded when all of it is there, assembled by the caller under a bound of its own
 * (L7FP_MAX_HEAD). The codec allocates nothing, takes no lock and keeps no pointer to a block or
 * a result: dynamic tables lie in memory of l7fp_hpack_memory() bytes that the caller gives and
 * frees, everything else in what is passed to a call. One decoder or encoder is used by one
 * caller at a time; any context will do.
 *
 * Fields that nobody asked for are skipped: neither decoded nor copied, and their entries lie in
 * the dynamic table as they came.
 */
#ifndef L7FP_HPACK_H
#define L7FP_HPACK_H

#include "h1.h"
#include "hpack_repeat.h"

#define L7FP_HPACK_STATIC 61 /* entries of the static table, RFC 7541 appendix A */
#define L7FP_HPACK_OVERHEAD 32 /* of an entry's size, RFC 7541 4.1 */
#define L7FP_HPACK_MAX_NAMES 128 /* of struct l7fp_hpack_names */
#define L7FP_HPACK_NO_SLOT 0xff

/* What the functions return beside a length or 0. */
#define L7FP_HPACK_ERR_BAD (-1) /* COMPRESSION_ERROR of the connection; sticky in a decoder */
#define L7FP_HPACK_ERR_TOO_LARGE (-2) /* more than the list holds: only the stream is at fault */
#define L7FP_HPACK_ERR_SPACE (-3) /* no room in the output; the encoder is as it was */

/**
 * enum l7fp_hpack_flags - of a field
 * @L7FP_HPACK_NEVER_INDEXED: the literal's sender forbids indexing it, on all hops (RFC 7541
 *	6.2.3): it is encoded so, whoever encodes it
 * @L7FP_HPACK_VALUE_CODED: the value is Huffman-coded still
 * @L7FP_HPACK_NOT_INDEXED: encoder: do not put it into the dynamic table
 * @L7FP_HPACK_INDEXED: encoder: put it there, whatever its name. With neither, the name decides:
 *	values that seldom repeat (:path, content-length, date ...) are not indexed.
 * @L7FP_HPACK_BAD_NAME: decoder: the name is no token in lower case (RFC 9113 8.2.1); a colon
 *	at its beginning is let through
 * @L7FP_HPACK_BAD_VALUE: decoder: the value has a control character other than a tab
 * @L7FP_HPACK_BAD_SPACE: decoder: the value begins or ends with a space or a tab
 *
 * The BAD flags make a message malformed (a stream error of type PROTOCOL_ERROR): HPACK itself
 * carries any byte. They are only said of strings that were looked at.
 */
enum l7fp_hpack_flags {
	L7FP_HPACK_NEVER_INDEXED = 0x01,
	L7FP_HPACK_VALUE_CODED = 0x04,
	L7FP_HPACK_NOT_INDEXED = 0x08,
	L7FP_HPACK_INDEXED = 0x10,
	L7FP_HPACK_BAD_NAME = 0x20,
	L7FP_HPACK_BAD_VALUE = 0x40,
	L7FP_HPACK_BAD_SPACE = 0x80,
};

#define L7FP_HPACK_BAD (L7FP_HPACK_BAD_NAME | L7FP_HPACK_BAD_VALUE | L7FP_HPACK_BAD_SPACE)

struct l7fp_hpack_entry;

/**
 * struct l7fp_hpack_table - a dynamic table; private
 * @entries: a ring, newest at @newest
 * @bucket: encoder: the newest entry of each hash value; else NULL
 * @bytes: names and values, oldest first, without a gap; twice @limit, so that a new entry can
 *	be written, and what is left moved to the beginning, before others are evicted
 * @limit: what the memory was given for
 * @max_size: the size in force (RFC 7541 4.2), at most @limit
 * @size: of all entries, RFC 7541 4.1
 * @capacity: of @bytes
 * @first: where the oldest entry's bytes begin
 * @end: where the newest entry's bytes end
 * @count: of entries
 * @newest: index into @entries
 * @mask: length of @entries, a power of two, less one
 * @inserted: entries so far, to give each a number
 * @changes: entries and sizes so far
 */
struct l7fp_hpack_table {
	struct l7fp_hpack_entry *entries;
	u16 *bucket;
	u8 *bytes;
	u32 limit;
	u32 max_size;
	u32 size;
	u32 capacity;
	u32 first;
	u32 end;
	u32 count;
	u32 newest;
	u32 mask;
	u32 inserted;
	u64 changes;
};

/**
 * l7fp_hpack_memory() - memory that a dynamic table needs
 * @limit: the largest size it may ever have, 0 to L7FP_MAX_HPACK_TABLE
 *
 * The same for decoder and encoder. To be aligned as kmalloc and malloc do.
 */
u32 l7fp_hpack_memory(u32 limit);

/* ---- decoder */

#define L7FP_HPACK_RECENT 17 /* a prime: the names of one kind of message seldom collide */
#define L7FP_HPACK_RECENT_CODED 40
#define L7FP_HPACK_RECENT_NAME 32
#define L7FP_HPACK_RECENT_VALUE 64

/**
 * struct l7fp_hpack_recent - a literal that was decoded last; private
 * @known: there is one
 * @name_index: static table entry with the name; 0: none, then the name's members are set, too
 * @flags: whether @coded and @coded_name are Huffman-coded
 * @bad: BAD flags
 * @token: of the name
 * @coded_len: of @coded
 * @value_len: of @value
 * @coded_name_len: of @coded_name
 * @name_len: of @name
 * @coded: the value as it came
 * @value: decoded
 * @coded_name: the name as it came, or as a table has it
 * @name: decoded
 * @slop: readable bytes behind the others
 *
 * There are peers that send the same literals with each message.
 */
struct l7fp_hpack_recent {
	bool known;
	u8 name_index;
	u8 flags;
	u8 bad;
	u8 token;
	u8 coded_len;
	u8 value_len;
	u8 coded_name_len;
	u8 name_len;
	u8 coded[L7FP_HPACK_RECENT_CODED];
	u8 value[L7FP_HPACK_RECENT_VALUE];
	u8 coded_name[L7FP_HPACK_RECENT_NAME];
	u8 name[L7FP_HPACK_RECENT_NAME];
	u8 slop[16];
};

/**
 * struct l7fp_hpack_decoder - one direction of a connection
 * @table: what the peer's encoder has put there
 * @recent: literals, by their names
 * @repeats: l7fp_hpack_decoder_repeats()
 * @max: SETTINGS_HEADER_TABLE_SIZE as the peer has acknowledged it
 * @owed: the next block must begin with a size update to @max_owed or less
 * @max_owed: see @owed
 * @error: sticky
 */
struct l7fp_hpack_decoder {
	struct l7fp_hpack_table table;
	struct l7fp_hpack_recent recent[L7FP_HPACK_RECENT];
	struct l7fp_hpack_repeats *repeats;
	u32 max;
	u32 max_owed;
	bool owed;
	s8 error;
};

/**
 * l7fp_hpack_decoder_init() - begin, with an empty table of the initial size
 * @d: decoder
 * @memory: l7fp_hpack_memory(@limit) bytes; may be NULL where @limit is 0
 * @limit: the largest SETTINGS_HEADER_TABLE_SIZE that we are going to send
 *
 * The size is the smaller one of 4096 (RFC 9113 6.5.2) and @limit. With a @limit below 4096 the
 * peer must be told so in our first SETTINGS; until it knows, an index it may use is an error.
 */
void l7fp_hpack_decoder_init(struct l7fp_hpack_decoder *d, void *memory, u32 limit);

/**
 * l7fp_hpack_decoder_set_max() - the peer acknowledged our SETTINGS_HEADER_TABLE_SIZE
 * @d: decoder
 * @max: its value, at most the limit of l7fp_hpack_decoder_init()
 *
 * If it is below the size in force, the next block must begin with a size update (RFC 7541 4.2).
 */
void l7fp_hpack_decoder_set_max(struct l7fp_hpack_decoder *d, u32 max);

/**
 * struct l7fp_hpack_names - names that a policy asks for, and the engine's own
 * @n: of @name
 * @bucket: by hash, plain and Huffman-coded: number of a name and its form, or 0
 * @of_static: for each entry of the static table: number of its name, or 0
 * @name: the names; @name.next continues @bucket
 *
 * Made once, for a generation, and only read then.
 */
struct l7fp_hpack_names {
	u16 n;
	u16 bucket[256];
	u8 of_static[L7FP_HPACK_STATIC + 1];
	struct {
		const u8 *name;
		u32 hash[2];
		u16 next[2];
		u16 len;
		u8 slot;
		u8 token;
	} name[L7FP_HPACK_MAX_NAMES];
};

/**
 * l7fp_hpack_names_init() - every name with an enum l7fp_h1_token, no slot
 * @names: to be filled
 */
void l7fp_hpack_names_init(struct l7fp_hpack_names *names);

/**
 * l7fp_hpack_names_add() - a header has a slot
 * @names: names
 * @slot: its number, below L7FP_MAX_SLOTS; a name has one slot
 * @name: in lower case; it is not copied and must live as long as @names
 * @len: its length, at most L7FP_MAX_NAME
 *
 * Return: false when there is no room, the name has a slot or is too long. Its values can only be
 *	had by decoding everything then.
 */
bool l7fp_hpack_names_add(struct l7fp_hpack_names *names, u32 slot, const u8 *name, u32 len);

/**
 * struct l7fp_hpack_want - which fields are decoded
 * @names: what @slots and @tokens are about
 * @slots: bit i: the field with slot i
 * @tokens: BIT_ULL(enum l7fp_h1_token): the field of that name. Bit 0 (L7FP_H_OTHER) means none.
 * @keep: list the others, too, to be forwarded on another connection. Their values are as they
 *	came: Huffman-coded still where %L7FP_HPACK_VALUE_CODED says so. Without it they are left
 *	out.
 * @check: look through the others, too: their Huffman coding is right, and BAD flags are
 *	raised for them as for all. Needed where they go to a connection that others share: what
 *	is wrong with them would end it. An entry of the dynamic table is looked through once.
 *
 * Where a block is passed on as it came neither is needed.
 */
struct l7fp_hpack_want {
	const struct l7fp_hpack_names *names;
	u64 slots;
	u64 tokens;
	bool keep;
	bool check;
};

/**
 * struct l7fp_hpack_list - where the fields of a block go
 * @headers: given: fields in order, with offsets into @buf. Room for @max_headers.
 *	token is L7FP_H_OTHER for a name without one.
 * @info: given: likewise
 * @buf: given: names and values, without separators; at most 16 MiB
 * @size: given: of @buf
 * @max_headers: given: at most so many fields, those that are left out counted as well
 * @n: fields listed
 * @len: bytes of @buf used
 * @n_fields: fields of the block, with those that are left out
 * @bad: BAD flags of all fields that were looked at
 * @tokens: BIT_ULL(token) of the fields listed
 * @origin: names what is listed, where the decoder keeps it
 *
 * Given members are left alone; the others need not be set before.
 */
struct l7fp_hpack_list {
	struct l7fp_h1_header *headers;
	struct l7fp_hpack_info *info;
	u8 *buf;
	u32 size;
	u32 max_headers;

	u32 n;
	u32 len;
	u32 n_fields;
	u8 bad;
	u64 tokens;
	struct l7fp_hpack_origin origin;
};

/**
 * l7fp_hpack_decode_block() - decode a header block
 * @d: decoder
 * @block: all of the block. Bytes that nobody else can change. Nothing refers to them afterwards.
 * @len: its length
 * @want: which fields; NULL: all of them
 * @list: where they go
 *
 * The whole block is decoded whatever happens to the list, for the table's sake. It must be
 * called for blocks of refused, closed and unknown streams as well.
 *
 * Return: 0; L7FP_HPACK_ERR_TOO_LARGE: the list did not hold it all, the decoder is in order, and
 *	the stream is to be refused; L7FP_HPACK_ERR_BAD: the connection must end with
 *	COMPRESSION_ERROR, and every later call says so, too. The list is of no use after an error.
 */
int l7fp_hpack_decode_block(struct l7fp_hpack_decoder *d, const u8 *block, u32 len,
			    const struct l7fp_hpack_want *want, struct l7fp_hpack_list *list);

/* ---- encoder */

/**
 * struct l7fp_hpack_encoder - one direction of a connection
 * @table: what the peer's decoder holds
 * @max_told: the table size that the peer knows
 * @min: the smallest size since then
 * @changed: a size update is due
 */
struct l7fp_hpack_encoder {
	struct l7fp_hpack_table table;
	u32 max_told;
	u32 min;
	bool changed;
};

/**
 * l7fp_hpack_encoder_init() - begin, with an empty table
 * @e: encoder
 * @memory: l7fp_hpack_memory(@limit) bytes; may be NULL where @limit is 0
 * @limit: the largest size we want to use
 *
 * Until l7fp_hpack_encoder_set_max() says otherwise the peer allows 4096. A smaller @limit is
 * announced at the beginning of the first block.
 */
void l7fp_hpack_encoder_init(struct l7fp_hpack_encoder *e, void *memory, u32 limit);

/**
 * l7fp_hpack_encoder_set_max() - the peer sent SETTINGS_HEADER_TABLE_SIZE
 * @e: encoder
 * @max: its value, whatever it is
 *
 * To be called when we acknowledge it, in the order in which the SETTINGS came.
 */
void l7fp_hpack_encoder_set_max(struct l7fp_hpack_encoder *e, u32 max);

/**
 * struct l7fp_hpack_field - a field to encode
 * @name: in lower case
 * @value: its value
 * @name_len: of @name, as it is
 * @value_len: likewise
 * @flags: enum l7fp_hpack_flags. A CODED value is written as it is: it must have come from a
 *	decoder that checked it. BAD flags are not looked at.
 * @name_index: as l7fp_hpack_info has it, or 0
 */
struct l7fp_hpack_field {
	const u8 *name;
	const u8 *value;
	u32 name_len;
	u32 value_len;
	u8 flags;
	u8 name_index;
};

/**
 * l7fp_hpack_field_bound() - bytes that suffice to encode a field
 * @name_len: length of the name
 * @value_len: length of the value
 */
static inline u32 l7fp_hpack_field_bound(u32 name_len, u32 value_len)
{
	return 3 * 6 + name_len + value_len;
}

#define L7FP_HPACK_BEGIN_BOUND 12 /* bytes that l7fp_hpack_encode_begin() may write */

/**
 * l7fp_hpack_encode_begin() - begin a header block
 * @e: encoder
 * @out: where it goes
 * @size: room there
 *
 * Writes the size updates that are due. To be called once for each block.
 *
 * Return: bytes written, often 0, or L7FP_HPACK_ERR_SPACE.
 */
int l7fp_hpack_encode_begin(struct l7fp_hpack_encoder *e, u8 *out, u32 size);

/**
 * l7fp_hpack_encode() - encode a field
 * @e: encoder
 * @out: where it goes
 * @size: room there: at least l7fp_hpack_field_bound(), although less may suffice
 * @f: the field
 *
 * Blocks must be sent in the order in which they were encoded, and none may be left out: one
 * that was begun and cannot be sent ends the connection.
 *
 * Return: bytes written, or L7FP_HPACK_ERR_SPACE.
 */
int l7fp_hpack_encode(struct l7fp_hpack_encoder *e, u8 *out, u32 size,
		      const struct l7fp_hpack_field *f);

#endif /* L7FP_HPACK_H */
