/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is more than one block with one outcome: limits, size changes, masks, the encoder. */
#ifndef L7FP_HPACK_MORE_H
#define L7FP_HPACK_MORE_H

#include "hpack_cases.h"

struct hpack_check {
	const char *name;
	u32 size;
	const char *(*run)(struct hpack_bench *b);
};

static inline struct l7fp_hpack_field hpack_field(const char *name, const char *value, u8 flags)
{
	return (struct l7fp_hpack_field){
		.name = (const u8 *)name, .name_len = strlen(name),
		.value = (const u8 *)value, .value_len = strlen(value), .flags = flags,
	};
}

/* Encodes one field behind what is in b->block; its bytes, or an error. */
static inline int hpack_put(struct hpack_bench *b, u32 *at, struct l7fp_hpack_field f)
{
	int n = l7fp_hpack_encode(&b->e, b->block + *at, CASE_ROOM - *at, &f);

	*at += n > 0 ? n : 0;
	return n;
}

static inline bool hpack_is_hex(const u8 *p, u32 len, const char *hex)
{
	u8 want[64];

	return hpack_unhex(hex, want) == len && !memcmp(p, want, len);
}

/* Fields at the limit of the list, and one more; the decoder goes on in either case. */
static const char *hpack_check_fields(struct hpack_bench *b)
{
	u8 block[CASE_FIELDS + 1];
	u32 n;

	memset(block, 0x82, sizeof(block));
	for (n = CASE_FIELDS; n <= CASE_FIELDS + 1; n++)
		if (l7fp_hpack_decode_block(&b->d, block, n, NULL, &b->list) !=
		    (n > CASE_FIELDS ? L7FP_HPACK_ERR_TOO_LARGE : 0))
			return n > CASE_FIELDS ? "too many fields" : "as many as there may be";
	/* What a block of a refused stream adds is in the table. */
	memset(b->block, 0x82, CASE_FIELDS);
	hpack_unhex("40 0161 0131 be", b->block + CASE_FIELDS);
	if (l7fp_hpack_decode_block(&b->d, b->block, CASE_FIELDS + 6, NULL, &b->list) !=
	    L7FP_HPACK_ERR_TOO_LARGE)
		return "too many fields with an entry";
	return hpack_bench_decode(b, "be", NULL) ? "an entry is lost" :
	       hpack_list_wrong(&b->list, "a: 1\n");
}

/* Bytes at the limit of the list, and one more: plain, Huffman-coded, from either table. */
static const char *hpack_check_bytes(struct hpack_bench *b)
{
	static const struct {
		const char *hex;
		u32 len;
	} blocks[] = {
		{ "0002 6162 03 313233", 5 }, { "0002 6162 84 18c631ff", 7 },
		{ "00 831a91ff 0131", 4 }, { "84", 6 }, { "be", 9 },
	};
	u32 i;
	int err;

	if (hpack_bench_decode(b, "40 04 61626364 05 3132333435", NULL))
		return "an entry";
	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		u32 room;

		for (room = 0; room <= blocks[i].len; room++) {
			u8 *exact = test_alloc(room);

			b->list.buf = exact;
			b->list.size = room;
			err = hpack_bench_decode(b, blocks[i].hex, NULL);
			b->list.buf = b->buf;
			b->list.size = CASE_ROOM;
			test_free(exact);
			if (err != (room < blocks[i].len ? L7FP_HPACK_ERR_TOO_LARGE : 0))
				return blocks[i].hex;
		}
	}
	/* What is not listed is looked through all the same. */
	b->list.size = 1;
	err = hpack_bench_decode(b, "0002 6162 82 1fff", NULL);
	return err == L7FP_HPACK_ERR_BAD ? NULL : "bad Huffman code that is not listed";
}

/* RFC 7541 4.2: a smaller maximum is owed an update at the beginning of the next block. */
static const char *hpack_check_owed(struct hpack_bench *b)
{
	l7fp_hpack_decoder_set_max(&b->d, 100);
	if (hpack_bench_decode(b, "3f45 82", NULL))
		return "an update to the new maximum";
	if (hpack_bench_decode(b, "82", NULL))
		return "the next block owes none";
	l7fp_hpack_decoder_set_max(&b->d, 200);
	if (hpack_bench_decode(b, "82", NULL))
		return "a larger maximum is owed none";
	/* The smallest of several counts, and may be followed by the last one. */
	l7fp_hpack_decoder_set_max(&b->d, 50);
	l7fp_hpack_decoder_set_max(&b->d, 150);
	if (hpack_bench_decode(b, "3f13 3f77 82", NULL))
		return "the smallest and the last";
	l7fp_hpack_decoder_set_max(&b->d, 50);
	l7fp_hpack_decoder_set_max(&b->d, 150);
	if (hpack_bench_decode(b, "3f14 3f77 82", NULL) != L7FP_HPACK_ERR_BAD)
		return "an update above the smallest";
	return NULL;
}

static const char *hpack_check_owed_missing(struct hpack_bench *b)
{
	l7fp_hpack_decoder_set_max(&b->d, 100);
	return hpack_bench_decode(b, "82", NULL) == L7FP_HPACK_ERR_BAD ? NULL : "no update";
}

static const char *hpack_check_above(struct hpack_bench *b)
{
	l7fp_hpack_decoder_set_max(&b->d, 100);
	return hpack_bench_decode(b, "3f46 82", NULL) == L7FP_HPACK_ERR_BAD ? NULL :
	       "an update above the maximum";
}

/* A table of no size at all. */
static const char *hpack_check_none(struct hpack_bench *b)
{
	u32 at;

	if (hpack_bench_decode(b, "82 40 0161 0131 20", NULL) != L7FP_HPACK_ERR_BAD)
		return "an update after a field";
	l7fp_hpack_decoder_init(&b->d, NULL, 0);
	if (hpack_bench_decode(b, "20 82 40 0161 0131", NULL) ||
	    hpack_list_wrong(&b->list, ":method: GET\na: 1\n"))
		return "a block";
	if (hpack_bench_decode(b, "be", NULL) != L7FP_HPACK_ERR_BAD)
		return "an index";
	l7fp_hpack_encoder_init(&b->e, NULL, 0);
	at = l7fp_hpack_encode_begin(&b->e, b->block, CASE_ROOM);
	if (!hpack_is_hex(b->block, at, "20"))
		return "that size is announced";
	hpack_put(b, &at, hpack_field("a", "1", L7FP_HPACK_INDEXED));
	hpack_put(b, &at, hpack_field("a", "1", L7FP_HPACK_INDEXED));
	return hpack_is_hex(b->block, at, "20 00 0161 0131 00 0161 0131") ? NULL :
	       "something is indexed";
}

/* What the encoder says of its table's size. */
static const char *hpack_check_updates(struct hpack_bench *b)
{
	static const struct {
		u32 max[3];
		const char *hex;
	} updates[] = {
		{ { 4096 }, "" }, { { 100 }, "3f45" }, { { 100, 100 }, "" },
		{ { 50, 150 }, "3f13 3f77" }, { { 300, 200 }, "3fa901" },
		{ { 100, 200 }, "3f45 3fa901" },
		{ { 0, 0, 10 }, "20 2a" }, { { 100000 }, "3fe11f" }, { { 1, 2, 3 }, "21 23" },
	};
	u32 i, j, n;

	for (i = 0; i < sizeof(updates) / sizeof(updates[0]); i++) {
		for (j = 0; j < 3 && (!j || updates[i].max[j]); j++)
			l7fp_hpack_encoder_set_max(&b->e, updates[i].max[j]);
		if (i == 6)
			l7fp_hpack_encoder_set_max(&b->e, 10);
		n = l7fp_hpack_encode_begin(&b->e, b->block, L7FP_HPACK_BEGIN_BOUND);
		if (!hpack_is_hex(b->block, n, updates[i].hex))
			return updates[i].hex;
		if (l7fp_hpack_encode_begin(&b->e, b->block, 0))
			return "said twice";
	}
	l7fp_hpack_encoder_set_max(&b->e, 0);
	if (l7fp_hpack_encode_begin(&b->e, b->block, L7FP_HPACK_BEGIN_BOUND - 1) !=
	    L7FP_HPACK_ERR_SPACE)
		return "no room for an update";
	return l7fp_hpack_encode_begin(&b->e, b->block, L7FP_HPACK_BEGIN_BOUND) == 1 ? NULL :
	       "an update is lost for want of room";
}

/* Which fields are indexed, and which are not. */
static const char *hpack_check_choice(struct hpack_bench *b)
{
	static const struct {
		const char *name, *value;
		u8 flags;
		const char *hex;
	} fields[] = {
		{ "a", "1", L7FP_HPACK_NEVER_INDEXED, "10 0161 0131" },
		{ "a", "1", L7FP_HPACK_NEVER_INDEXED | L7FP_HPACK_INDEXED, "10 0161 0131" },
		{ "a", "1", L7FP_HPACK_NOT_INDEXED, "00 0161 0131" },
		{ "a", "1", 0, "40 0161 0131" },
		{ "a", "1", 0, "be" },
		{ "a", "1", L7FP_HPACK_NEVER_INDEXED, "1f2f 0131" },
		{ "a", "2", L7FP_HPACK_NOT_INDEXED, "0f2f 0132" },
		{ "a", "2", 0, "7e 0132" },
		{ "a", "1", 0, "bf" },
		{ ":method", "GET", 0, "82" },
		{ ":method", "GET", L7FP_HPACK_NEVER_INDEXED, "12 03 474554" },
		{ ":path", "/1", 0, "04 022f31" },
		{ ":path", "/1", L7FP_HPACK_INDEXED, "44 022f31" },
		{ ":path", "/1", 0, "04 022f31" },
		{ ":status", "404", 0, "8d" },
		{ ":status", "418", 0, "48 03343138" },
		{ "authorization", "1", 0, "0f08 0131" },
		{ "cookie", "1", 0, "0f11 0131" },
		{ "content-length", "0", 0, "0f0d 0130" },
		{ "accept-encoding", "gzip, deflate", 0, "90" },
	};
	u32 i, at;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		at = 0;
		if (hpack_put(b, &at, hpack_field(fields[i].name, fields[i].value,
						  fields[i].flags)) < 0)
			return "no room";
		if (!hpack_is_hex(b->block, at, fields[i].hex))
			return fields[i].hex;
	}
	return NULL;
}

/* The room that is asked for, and a byte less, which changes nothing. */
static const char *hpack_check_room(struct hpack_bench *b)
{
	struct l7fp_hpack_field f = hpack_field("custom-key", "custom-value", 0);
	u32 bound = l7fp_hpack_field_bound(f.name_len, f.value_len);
	u8 *exact = test_alloc(bound);
	const char *wrong = NULL;

	if (l7fp_hpack_encode(&b->e, exact, bound - 1, &f) != L7FP_HPACK_ERR_SPACE ||
	    b->e.table.count)
		wrong = "a byte less";
	else if (l7fp_hpack_encode(&b->e, exact, bound, &f) <= 0 || b->e.table.count != 1)
		wrong = "just enough";
	test_free(exact);
	return wrong;
}

/*
 * Many entries through both tables: evicted, moved, found again, named by entries that go. What
 * is encoded decodes, with and without a mask, and both tables agree at every step.
 */
static const char *hpack_check_many(struct hpack_bench *b)
{
	struct l7fp_hpack_want want = { .names = &b->names };
	u32 i, at;

	l7fp_hpack_names_init(&b->names);
	for (i = 0; i < 3000; i++) {
		char name[] = "name-00", value[120];
		u32 len = i * 7919 % 113;

		name[5] += i * 31 % 10;
		memset(value, i % 3 ? 'v' : '~', len);
		value[len] = 0;
		at = l7fp_hpack_encode_begin(&b->e, b->block, CASE_ROOM);
		hpack_put(b, &at, hpack_field(name, value, i % 5 ? L7FP_HPACK_INDEXED : 0));
		hpack_put(b, &at, hpack_field("name-0", "again", 0));
		if (l7fp_hpack_decode_block(&b->d, b->block, at, i % 2 ? NULL : &want, &b->list))
			return "a block does not decode";
		if (i % 2 && (b->list.n != 2 || b->headers[0].value_len != len ||
			      memcmp(b->buf + b->headers[0].value_off, value, len) ||
			      memcmp(b->buf + b->headers[0].name_off, name, 7) ||
			      memcmp(b->buf + b->headers[1].value_off, "again", 5)))
			return "a block decodes to something else";
		if (!(i % 2) && b->list.n)
			return "a mask of nothing lists something";
		if (b->d.table.size != b->e.table.size || b->d.table.count != b->e.table.count ||
		    b->d.table.size > b->d.table.max_size)
			return "the tables differ";
	}
	return b->d.table.inserted > b->d.table.count ? NULL : "nothing was evicted";
}

/* Three names with a slot: whatever form they come in they are found, and near misses are not. */
static const char *hpack_check_mask(struct hpack_bench *b)
{
	struct l7fp_hpack_want want = { .names = &b->names, .slots = BIT_ULL(0) | BIT_ULL(63) };
	/* x-a: 1, twice plain, twice coded, from the table; x-b: 2; accept: 3; x-c: 4; :path: / */
	static const char block[] =
		"00 03782d61 0131 40 83f2b0ff 0131 be 40 03782d62 0132 53 0133 be"
		"00 03782d63 0134 84 0f30 0135";

	l7fp_hpack_names_init(&b->names);
	if (!l7fp_hpack_names_add(&b->names, 0, (const u8 *)"x-a", 3) ||
	    !l7fp_hpack_names_add(&b->names, 1, (const u8 *)"x-b", 3) ||
	    !l7fp_hpack_names_add(&b->names, 63, (const u8 *)"accept", 6))
		return "names";
	if (l7fp_hpack_names_add(&b->names, 2, (const u8 *)"accept", 6) ||
	    l7fp_hpack_names_add(&b->names, 64, (const u8 *)"x-d", 3))
		return "a second slot, or one too many";
	if (hpack_bench_decode(b, block, NULL) ||
	    hpack_list_wrong(&b->list, "x-a: 1\nx-a: 1\nx-a: 1\nx-b: 2\naccept: 3\naccept: 3\n"
			     "x-c: 4\n:path: /\nx-b: 5\n"))
		return "without a mask";
	if (hpack_bench_decode(b, block, &want) ||
	    hpack_list_wrong(&b->list, "x-a: 1\nx-a: 1\nx-a: 1\naccept: 3\naccept: 3\n"))
		return "slots";
	if (b->list.n_fields != 9)
		return "fields are not counted";
	want.slots = 0;
	want.tokens = BIT_ULL(L7FP_H_PSEUDO_PATH) | BIT_ULL(L7FP_H_OTHER);
	if (hpack_bench_decode(b, block, &want) || hpack_list_wrong(&b->list, ":path: /\n") ||
	    b->list.tokens != BIT_ULL(L7FP_H_PSEUDO_PATH))
		return "tokens";
	want.keep = true;
	if (hpack_bench_decode(b, block, &want) || b->list.n != 9)
		return "what is kept";
	return NULL;
}

/* Values that nobody asked for are only judged where that is wanted; names are in any case. */
static const char *hpack_check_unwanted(struct hpack_bench *b)
{
	struct l7fp_hpack_want want = { .names = &b->names };

	l7fp_hpack_names_init(&b->names);
	if (hpack_bench_decode(b, "0001 61 0131 000161 821fff", &want) || b->list.bad)
		return "a value that is not looked at";
	if (hpack_bench_decode(b, "0001 61 010a", &want) || b->list.bad)
		return "a line feed that is not looked at";
	if (hpack_bench_decode(b, "0001 41 0131", &want) || b->list.bad != L7FP_HPACK_BAD_NAME)
		return "a name in upper case";
	if (hpack_bench_decode(b, "00 8187 0131", &want) || b->list.bad != L7FP_HPACK_BAD_NAME)
		return "a name in upper case, Huffman-coded";
	want.check = true;
	if (hpack_bench_decode(b, "0001 61 010a", &want) || b->list.bad != L7FP_HPACK_BAD_VALUE)
		return "a line feed that is looked at";
	return hpack_bench_decode(b, "000161 821fff", &want) == L7FP_HPACK_ERR_BAD ? NULL :
	       "a value that is looked at";
}

/* A value that is longer coded than decoded lies decoded in the table: its size is counted so. */
static const char *hpack_check_long(struct hpack_bench *b)
{
	struct l7fp_hpack_want want = { .names = &b->names };
	u8 value[60], block[300];
	u32 coded, i;

	l7fp_hpack_names_init(&b->names);
	memset(value, 0xff, sizeof(value));
	coded = l7fp_huffman_length(value, sizeof(value));
	hpack_unhex("40 0161 ff", block);
	block[4] = (coded - 127) | 0x80;
	block[5] = (coded - 127) >> 7;
	l7fp_huffman_encode(block + 6, value, sizeof(value));
	for (i = 0; i < 5; i++)
		if (l7fp_hpack_decode_block(&b->d, block, 6 + coded, &want, &b->list) ||
		    b->d.table.count != 1 || b->d.table.end > b->d.table.capacity)
			return "a block";
	block[0] = 0xbe;
	if (l7fp_hpack_decode_block(&b->d, block, 1, NULL, &b->list) || b->list.n != 1 ||
	    b->headers[0].value_len != sizeof(value) ||
	    memcmp(b->buf + b->headers[0].value_off, value, sizeof(value)))
		return "another value";
	return NULL;
}

/* Names may have as many bytes as names have; as many as there is room for. */
static const char *hpack_check_names(struct hpack_bench *b)
{
	static u8 text[L7FP_HPACK_MAX_NAMES][L7FP_MAX_NAME + 1];
	u32 i, n;

	l7fp_hpack_names_init(&b->names);
	n = b->names.n;
	memset(text, '|', sizeof(text));
	if (n != L7FP_H_MAX - 1)
		return "a name with a token is missing";
	for (i = 0; i < n; i++)
		if (b->names.name[i].token == L7FP_H_OTHER)
			return "a name has no token";
	if (l7fp_hpack_names_add(&b->names, 0, text[0], L7FP_MAX_NAME + 1))
		return "a name that is too long";
	if (!l7fp_hpack_names_add(&b->names, 0, text[0], L7FP_MAX_NAME))
		return "a name that is as long as it may be";
	for (i = 1; i + n < L7FP_HPACK_MAX_NAMES && i < L7FP_MAX_SLOTS; i++) {
		text[i][0] = i;
		if (!l7fp_hpack_names_add(&b->names, i, text[i], 2))
			return "every slot";
	}
	return i == L7FP_MAX_SLOTS ? NULL : "there is no room for every slot";
}

static const struct hpack_check hpack_checks[] = {
	{ "fields at the limit", 4096, hpack_check_fields },
	{ "bytes at the limit", 4096, hpack_check_bytes },
	{ "a size update is owed", 4096, hpack_check_owed },
	{ "an owed size update is missing", 4096, hpack_check_owed_missing },
	{ "a size update above a new maximum", 4096, hpack_check_above },
	{ "no table", 4096, hpack_check_none },
	{ "size updates of the encoder", 4096, hpack_check_updates },
	{ "what the encoder indexes", 4096, hpack_check_choice },
	{ "room of the encoder", 4096, hpack_check_room },
	{ "many entries", 4096, hpack_check_many },
	{ "many entries in a small table", 150, hpack_check_many },
	{ "many entries in the largest table", L7FP_MAX_HPACK_TABLE, hpack_check_many },
	{ "a mask", 4096, hpack_check_mask },
	{ "what nobody asks for", 4096, hpack_check_unwanted },
	{ "values that are longer when coded", 100, hpack_check_long },
	{ "names", 4096, hpack_check_names },
};

static inline const char *hpack_check_run(const struct hpack_check *check, struct hpack_bench *b)
{
	const char *wrong;

	hpack_bench_init(b, check->size);
	wrong = check->run(b);
	hpack_bench_free(b);
	return wrong;
}

#endif /* L7FP_HPACK_MORE_H */
