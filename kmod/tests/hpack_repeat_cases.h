/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Blocks that come again: what is kept, what is not, and when it is good no more. */
#ifndef L7FP_HPACK_REPEAT_CASES_H
#define L7FP_HPACK_REPEAT_CASES_H

#include "hpack_more.h"

#define ADDS_A "400161 0131" /* a: 1, to the table */
#define ADDS_B "400162 0132"

/* Decodes the block so many times; then it must be these fields, and kept or not. */
static const char *hpack_repeat(struct hpack_bench *b, const char *hex, u32 times,
				const char *fields, bool kept)
{
	const char *wrong = NULL;
	u32 i;

	for (i = 0; i < times && !wrong; i++) {
		if (hpack_bench_decode(b, hex, NULL))
			return "a block does not decode";
		wrong = hpack_list_wrong(&b->list, fields);
	}
	if (!wrong && !!b->list.origin.block != kept)
		wrong = kept ? "it is not kept" : "it is kept";
	return wrong;
}

static const char *hpack_repeat_twice(struct hpack_bench *b)
{
	const char *fields = ":method: GET\n:path: /\n", *wrong;
	u32 number;

	wrong = hpack_repeat(b, "8284", 1, fields, false) ?:
		hpack_repeat(b, "8284", 1, fields, false) ?:
		hpack_repeat(b, "8284", 1, fields, true);
	if (wrong)
		return wrong;
	number = b->list.origin.block;
	if (b->list.origin.decoder != 7 || b->list.n_fields != 2 || b->list.bad ||
	    b->list.tokens != (BIT_ULL(L7FP_H_PSEUDO_METHOD) | BIT_ULL(L7FP_H_PSEUDO_PATH)))
		return "what is said of the list";
	wrong = hpack_repeat(b, "8285", 3, ":method: GET\n:path: /index.html\n", true);
	if (wrong || b->list.origin.block == number)
		return wrong ?: "two blocks have one number";
	wrong = hpack_repeat(b, "8284", 1, fields, true);
	return wrong ?: b->list.origin.block == number ? NULL : "another number";
}

static const char *hpack_repeat_adds(struct hpack_bench *b)
{
	const char *wrong = hpack_repeat(b, ADDS_A, 7, "a: 1\n", true);

	/* The first one is the seventh, and there is no eighth. */
	wrong = wrong ?: hpack_repeat(b, "c4", 1, "a: 1\n", false);
	if (!wrong && (b->d.table.count != 7 || b->d.table.size != 7 * 34))
		wrong = "not as many entries as blocks";
	wrong = wrong ?: hpack_repeat(b, ADDS_A, 300, "a: 1\n", true);
	wrong = wrong ?: hpack_repeat(b, "be", 1, "a: 1\n", false);
	if (!wrong && b->d.table.size != b->d.table.max_size / 34 * 34)
		wrong = "the table is not full";
	/* One after the other: each has an entry of its own. */
	wrong = wrong ?: hpack_repeat(b, ADDS_B, 3, "b: 2\n", true);
	wrong = wrong ?: hpack_repeat(b, ADDS_A, 1, "a: 1\n", true);
	wrong = wrong ?: hpack_repeat(b, ADDS_B, 1, "b: 2\n", true);
	return wrong ?: hpack_repeat(b, "bebfc0c1c2", 1, "b: 2\na: 1\nb: 2\nb: 2\nb: 2\n", false);
}

static const char *hpack_repeat_refers(struct hpack_bench *b)
{
	const char *wrong = hpack_repeat(b, ADDS_A, 1, "a: 1\n", false);

	wrong = wrong ?: hpack_repeat(b, "be", 3, "a: 1\n", true);
	wrong = wrong ?: hpack_repeat(b, ADDS_B, 1, "b: 2\n", false);
	wrong = wrong ?: hpack_repeat(b, "be", 1, "b: 2\n", false);
	/* Behind entries that are still to be added. */
	wrong = wrong ?: hpack_repeat(b, ADDS_A, 3, "a: 1\n", true);
	wrong = wrong ?: hpack_repeat(b, "be", 1, "a: 1\n", false);
	/* It adds an entry that is made of another: what that is may change. */
	return wrong ?: hpack_repeat(b, "7e 0133", 4, "a: 3\n", false);
}

/* Entries that are still to be added, where the table is as it was when a block was kept. */
static const char *hpack_repeat_pending(struct hpack_bench *b)
{
	const char *wrong = hpack_repeat(b, ADDS_A, 3, "a: 1\n", true);

	wrong = wrong ?: hpack_repeat(b, ADDS_B, 1, "b: 2\n", false);
	wrong = wrong ?: hpack_repeat(b, "be", 3, "b: 2\n", true);
	wrong = wrong ?: hpack_repeat(b, ADDS_A, 1, "a: 1\n", true);
	return wrong ?: hpack_repeat(b, "be", 1, "a: 1\n", false);
}

static const char *hpack_repeat_never(struct hpack_bench *b)
{
	const char *wrong = hpack_repeat(b, "100161 0131", 4, "a: 1\n", false);

	/* A size update; a name in upper case; fields that nobody asked for. */
	wrong = wrong ?: hpack_repeat(b, "2082", 4, ":method: GET\n", false);
	wrong = wrong ?: hpack_repeat(b, "000141 0131", 4, "A: 1\n", false);
	if (!wrong && b->list.bad != L7FP_HPACK_BAD_NAME)
		wrong = "a name in upper case";
	return wrong ?: hpack_repeat(b, "", 4, "", false);
}

static const char *hpack_repeat_limits(struct hpack_bench *b)
{
	u32 i, n;
	int err = 0;

	memset(b->block, 0x82, CASE_FIELDS);
	for (n = L7FP_HPACK_REPEAT_FIELDS; n <= L7FP_HPACK_REPEAT_FIELDS + 1; n++) {
		bool kept = n <= L7FP_HPACK_REPEAT_FIELDS;

		for (i = 0; i < 3; i++)
			err |= l7fp_hpack_decode_block(&b->d, b->block, n, NULL, &b->list);
		if (err || !!b->list.origin.block != kept)
			return "fields at the limit";
	}
	/* x: as many bytes as make the block as long as it may be, or longer by one. */
	for (n = L7FP_HPACK_REPEAT_BLOCK; n <= L7FP_HPACK_REPEAT_BLOCK + 1; n++) {
		bool kept = n <= L7FP_HPACK_REPEAT_BLOCK;

		memset(b->block, 'x', n);
		b->block[0] = 0;
		b->block[1] = 1;
		b->block[3] = 0x7f;
		b->block[4] = n - 5 - 0x7f;
		for (i = 0; i < 3; i++)
			err |= l7fp_hpack_decode_block(&b->d, b->block, n, NULL, &b->list);
		if (err || !!b->list.origin.block != kept)
			return "bytes at the limit";
	}
	/* A list that is too small for what is kept. */
	if (hpack_repeat(b, "8284", 3, ":method: GET\n:path: /\n", true))
		return "a block";
	b->list.max_headers = 1;
	if (hpack_bench_decode(b, "8284", NULL) != L7FP_HPACK_ERR_TOO_LARGE)
		return "fields that the list does not hold";
	b->list.max_headers = CASE_FIELDS;
	b->list.size = 15;
	if (hpack_bench_decode(b, "8284", NULL) != L7FP_HPACK_ERR_TOO_LARGE)
		return "bytes that the list does not hold";
	b->list.size = CASE_ROOM;
	return NULL;
}

static const char *hpack_repeat_many(struct hpack_bench *b)
{
	const char *wrong = NULL;
	char hex[] = "0001a0 0131", fields[] = "a: 1\n";
	u32 i, round;

	/* More than are kept, in turn: each is what it is. */
	for (round = 0; round < 6 && !wrong; round++) {
		for (i = 0; i < 3 * L7FP_HPACK_REPEATS && !wrong; i++) {
			fields[0] = 'a' + i;
			hex[4] = "67"[(fields[0] & 0x10) >> 4];
			hex[5] = "0123456789abcdef"[fields[0] & 15];
			wrong = hpack_repeat(b, hex, 3, fields, true);
		}
	}
	return wrong;
}

static const char *hpack_repeat_owed(struct hpack_bench *b)
{
	const char *wrong = hpack_repeat(b, "8284", 3, ":method: GET\n:path: /\n", true);

	l7fp_hpack_decoder_set_max(&b->d, 100);
	return wrong ?: hpack_bench_decode(b, "8284", NULL) == L7FP_HPACK_ERR_BAD ? NULL :
		"the size update that is owed is not missed";
}

static u32 hpack_make(struct hpack_bench *b, struct l7fp_hpack_mades *mades,
		      const struct l7fp_hpack_source *source, const char *value)
{
	u64 changes = b->e.table.changes;
	u32 at = l7fp_hpack_encode_begin(&b->e, b->block, CASE_ROOM), begin = at;

	hpack_put(b, &at, hpack_field("a", value, 0));
	l7fp_hpack_made_keep(mades, &b->e, source, changes, b->block + begin, at - begin);
	return at - begin;
}

static const char *hpack_made(struct hpack_bench *b, struct l7fp_hpack_mades *mades)
{
	static const u8 text[L7FP_HPACK_MADE_TEXT + 1] = "/path";
	struct l7fp_hpack_source source = {
		.origin = { .decoder = 7, .block = 1 }, .how = { 3, 4, 5, 6 },
		.text = { text, text + 1 }, .text_len = { 5, 4 },
	}, other;
	const u8 *made;
	u32 len, i;

	hpack_make(b, mades, &source, "1");
	if (l7fp_hpack_made_find(mades, &b->e, &source, &len))
		return "a block that added an entry";
	hpack_make(b, mades, &source, "1");
	made = l7fp_hpack_made_find(mades, &b->e, &source, &len);
	if (!made || len != 1 || made[0] != 0xbe)
		return "a block";
	other = source;
	other.origin.block = 2;
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "of another block";
	other = source;
	other.origin.decoder = 8;
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "of another decoder";
	for (i = 0; i < L7FP_HPACK_MADE_HOW; i++) {
		other = source;
		other.how[i]++;
		if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
			return "made otherwise";
	}
	other = source;
	other.text[1] = text + 2;
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "of another text";
	other = source;
	other.text_len[1] = 3;
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "of a shorter text";
	other.origin.block = 0;
	hpack_make(b, mades, &other, "1");
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "of no known block";
	other = source;
	other.text_len[1] = L7FP_HPACK_MADE_TEXT - 5;
	hpack_make(b, mades, &other, "1");
	if (!l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "the longest text";
	other.text_len[1]++;
	hpack_make(b, mades, &other, "1");
	if (l7fp_hpack_made_find(mades, &b->e, &other, &len))
		return "a text that is too long";
	/* The table changes, by an entry and by its size. */
	hpack_make(b, mades, &other, "2");
	if (l7fp_hpack_made_find(mades, &b->e, &source, &len))
		return "behind another entry";
	hpack_make(b, mades, &source, "1");
	if (!l7fp_hpack_made_find(mades, &b->e, &source, &len))
		return "made again";
	l7fp_hpack_encoder_set_max(&b->e, 100);
	if (l7fp_hpack_made_find(mades, &b->e, &source, &len))
		return "while a size update is due";
	hpack_make(b, mades, &source, "1");
	return l7fp_hpack_made_find(mades, &b->e, &source, &len) ? NULL : "behind the size update";
}

static const char *hpack_repeat_made(struct hpack_bench *b)
{
	struct l7fp_hpack_mades *mades = test_alloc(sizeof(*mades));
	const char *wrong;

	memset(mades, 0, sizeof(*mades));
	wrong = hpack_made(b, mades);
	test_free(mades);
	return wrong;
}

static const struct hpack_check hpack_repeat_checks[] = {
	{ "blocks that came twice are kept", 4096, hpack_repeat_twice },
	{ "entries are added each time", 4096, hpack_repeat_adds },
	{ "a block that refers to the table", 4096, hpack_repeat_refers },
	{ "entries that are still to be added", 4096, hpack_repeat_pending },
	{ "what is not kept", 4096, hpack_repeat_never },
	{ "limits of what is kept", 4096, hpack_repeat_limits },
	{ "more than are kept", 4096, hpack_repeat_many },
	{ "a size update is owed", 4096, hpack_repeat_owed },
	{ "blocks that were made", 4096, hpack_repeat_made },
};

static inline const char *hpack_repeat_run(const struct hpack_check *check, struct hpack_bench *b)
{
	struct l7fp_hpack_repeats *repeats = test_alloc(sizeof(*repeats));
	const char *wrong;

	hpack_bench_init(b, check->size);
	memset(repeats, 0xa5, sizeof(*repeats));
	l7fp_hpack_decoder_repeats(&b->d, repeats, 7);
	wrong = check->run(b);
	hpack_bench_free(b);
	test_free(repeats);
	return wrong;
}

#endif /* L7FP_HPACK_REPEAT_CASES_H */
