/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cases for the HPACK codec, shared by the KUnit suite and the unit test as h1_cases.h is: those
 * of RFC 7541 appendix C, what is an error, and every limit.
 */
#ifndef L7FP_HPACK_CASES_H
#define L7FP_HPACK_CASES_H

#include "../hpack.h"
#include "../huffman.h"

#define CASE_ROOM 8192
#define CASE_FIELDS 64

/*
 * @hex: the block; blanks do not count
 * @fields: a line "name: value" each, NULL: the block is an error
 * @bad: BAD flags of the list
 * @flags: of the last field
 * @table: size of the dynamic table afterwards
 * @entries: what it holds, newest first; NULL is not looked at
 */
struct hpack_block {
	const char *hex;
	const char *fields;
	u8 bad;
	u8 flags;
	u32 table;
	const char *entries;
};

/* @size: of the table, 0: 4096; @encodes: our encoder writes these blocks, told to index all */
struct hpack_case {
	const char *name;
	u32 size;
	bool encodes;
	struct hpack_block block[4];
};

#define DATE_21 "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
#define DATE_22 "date: Mon, 21 Oct 2013 20:13:22 GMT\n"
#define LOCATION "location: https://www.example.com\n"
#define COOKIE_FOO "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3 ":method: GET\n:scheme: https\n:path: /index.html\n" \
	":authority: www.example.com\ncustom-key: custom-value\n"
#define RESPONSE_1 ":status: 302\ncache-control: private\n" DATE_21 LOCATION
#define RESPONSE_2 ":status: 307\ncache-control: private\n" DATE_21 LOCATION
#define RESPONSE_3 ":status: 200\ncache-control: private\n" DATE_22 LOCATION \
	"content-encoding: gzip\n" COOKIE_FOO
#define TABLE_1 ":authority: www.example.com\n"
#define TABLE_2 "cache-control: no-cache\n" TABLE_1
#define TABLE_3 "custom-key: custom-value\n" TABLE_2
#define TABLE_4 LOCATION DATE_21 "cache-control: private\n:status: 302\n"
#define TABLE_5 ":status: 307\n" LOCATION DATE_21 "cache-control: private\n"
#define TABLE_6 COOKIE_FOO "content-encoding: gzip\n" DATE_22

static const struct hpack_case hpack_cases[] = {
	/* RFC 7541 appendix C */
	{ "C.1.1 and C.1.2, in a size update", .block = {
		{ "2a", "" }, { "3f9a0a", "" } } },
	{ "C.2.1 literal with indexing", .block = {
		{ "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
		  "custom-key: custom-header\n", .table = 55,
		  .entries = "custom-key: custom-header\n" } } },
	{ "C.2.2 literal without indexing", .block = {
		{ "040c2f73616d706c652f70617468", ":path: /sample/path\n", .entries = "" } } },
	{ "C.2.3 literal never indexed", .block = {
		{ "100870617373776f726406736563726574", "password: secret\n",
		  .flags = L7FP_HPACK_NEVER_INDEXED, .entries = "" } } },
	{ "C.2.4 indexed field", .block = { { "82", ":method: GET\n", .entries = "" } } },
	{ "C.3 requests without Huffman code", .block = {
		{ "828684410f7777772e6578616d706c652e636f6d", REQUEST_1, .table = 57,
		  .entries = TABLE_1 },
		{ "828684be58086e6f2d6361636865", REQUEST_2, .table = 110, .entries = TABLE_2 },
		{ "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", REQUEST_3,
		  .table = 164, .entries = TABLE_3 } } },
	{ "C.4 requests with Huffman code", .encodes = true, .block = {
		{ "828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUEST_1, .table = 57,
		  .entries = TABLE_1 },
		{ "828684be5886a8eb10649cbf", REQUEST_2, .table = 110, .entries = TABLE_2 },
		{ "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", REQUEST_3, .table = 164,
		  .entries = TABLE_3 } } },
	{ "C.5 responses without Huffman code", .size = 256, .block = {
		{ "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a3133"
		  "3a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
		  RESPONSE_1, .table = 222, .entries = TABLE_4 },
		{ "4803333037c1c0bf", RESPONSE_2, .table = 222, .entries = TABLE_5 },
		{ "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a"
		  "69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d"
		  "61782d6167653d333630303b2076657273696f6e3d31",
		  RESPONSE_3, .table = 215, .entries = TABLE_6 } } },
	{ "C.6 responses with Huffman code", .size = 256, .block = {
		{ "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d"
		  "29ad171863c78f0b97c8e9ae82ae43d3",
		  RESPONSE_1, .table = 222, .entries = TABLE_4 },
		{ "4883640effc1c0bf", RESPONSE_2, .table = 222, .entries = TABLE_5 },
		{ "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821d"
		  "d7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b106"
		  "3d5007",
		  RESPONSE_3, .table = 215, .entries = TABLE_6 } } },

	/* indices */
	{ "index 0", .block = { { "80" } } },
	{ "the last static entry", .block = { { "bd", "www-authenticate: \n" } } },
	{ "an index into an empty table", .block = { { "be" } } },
	{ "the last index there is, and the next", .block = {
		{ "40 01 61 01 31 40 01 62 01 32 bf", "a: 1\nb: 2\na: 1\n", .table = 68 },
		{ "c0" } } },
	{ "a name with the last static index", .block = { { "7d 00", "www-authenticate: \n",
		.table = 48 } } },
	{ "a name with an index into an empty table", .block = { { "7e 00" } } },
	{ "the name of a dynamic entry", .block = {
		{ "40 01 61 01 31 7e 01 32", "a: 1\na: 2\n", .table = 68,
		  .entries = "a: 2\na: 1\n" } } },

	/* integers */
	{ "five bytes after the prefix", .block = { { "3fe19f808000", "" } } },
	{ "six bytes after the prefix", .block = { { "3fe19f80808000" } } },
	{ "an integer that does not fit", .block = { { "007fffffffff7f" } } },
	{ "an integer that wraps to a small one", .block = { { "007f83ffffff1f 616161" } } },
	{ "an integer that ends with the block", .block = { { "ff" } } },
	{ "an integer whose next byte is missing", .block = { { "ff80" } } },

	/* strings that end with the block */
	{ "no block at all", .block = { { "", "" } } },
	{ "no name", .block = { { "00" } } },
	{ "half a name", .block = { { "000261" } } },
	{ "no value", .block = { { "000161" } } },
	{ "half a value", .block = { { "0001610231" } } },
	{ "no value after an indexed name", .block = { { "04" } } },
	{ "empty name and value", .block = { { "0000 00", ": \n", .bad = L7FP_HPACK_BAD_NAME,
		.flags = L7FP_HPACK_BAD_NAME } } },
	{ "empty, Huffman-coded", .block = { { "0001 61 80", "a: \n" } } },

	/* Huffman code, RFC 7541 5.2 */
	{ "three bits of padding", .block = { { "000161 811f", "a: a\n" } } },
	{ "seven bits of padding", .block = { { "000161 84 18c631ff", "a: aaaaa\n" } } },
	{ "a byte of padding", .block = { { "000161 86 18c6318c63ff" } } },
	{ "eleven bits of padding", .block = { { "000161 821fff" } } },
	{ "nothing but padding", .block = { { "000161 81ff" } } },
	{ "padding of zeros", .block = { { "000161 8118" } } },
	{ "padding with a zero", .block = { { "000161 811e" } } },
	{ "EOS", .block = { { "000161 84ffffffff" } } },
	{ "EOS after a symbol", .block = { { "000161 851fffffffff" } } },
	{ "EOS and more", .block = { { "000161 8bffffffff1c6318c6318c63" } } },
	{ "bad padding of a name", .block = { { "00 82 1fff 0161" } } },
	{ "bad padding of what is indexed", .block = { { "40 0161 821fff" } } },
	{ "codes of 10 to 15 bits", .block = {
		{ "000161 98 fe3f9ffaffcffdff9ffaffdfff3ffcfffbfffbfe7ffbffdf",
		  "a: !\"#$>?@[]^`{|}~\n" } } },
	{ "bytes that are no ASCII", .block = {
		{ "000161 86 fffe6fffffbb", "a: \x80\xff\n" } } },

	/* size updates, RFC 7541 4.2 and 6.3 */
	{ "to nothing", .block = {
		{ "40 01 61 01 31", "a: 1\n", .table = 34 }, { "20", "" }, { "be" } } },
	{ "two", .block = { { "20 3fe11f 82", ":method: GET\n" } } },
	{ "three", .block = { { "20 20 20" } } },
	{ "to the maximum", .block = { { "3fe11f", "" } } },
	{ "over the maximum", .block = { { "3fe21f" } } },
	{ "after a field", .block = { { "82 20" } } },
	{ "evicts the oldest", .block = {
		{ "40 01 61 01 31 40 01 62 01 32 40 01 63 01 33", "a: 1\nb: 2\nc: 3\n",
		  .table = 102 },
		{ "3f 25", "", .table = 68, .entries = "c: 3\nb: 2\n" },
		{ "3f 24", "", .table = 34, .entries = "c: 3\n" },
		{ "3f 02", "", .table = 0, .entries = "" } } },
	{ "an entry of exactly the size", .block = {
		{ "3f 04 40 01 61 02 3131", "a: 11\n", .table = 35, .entries = "a: 11\n" } } },
	{ "an entry that is too large empties the table", .block = {
		{ "3f 04 40 01 61 02 3131 40 01 61 03 313131", "a: 11\na: 111\n",
		  .entries = "" } } },
	{ "a name whose entry the new one evicts", .block = {
		{ "3f 05 40 01 61 03 313131 7e 03 323232", "a: 111\na: 222\n", .table = 36,
		  .entries = "a: 222\n" } } },

	/* what is malformed, RFC 9113 8.2.1 */
	{ "upper case", .block = { { "00 0141 0131", "A: 1\n", .bad = L7FP_HPACK_BAD_NAME,
		.flags = L7FP_HPACK_BAD_NAME } } },
	{ "upper case, Huffman-coded", .block = { { "00 81 87 0131", "A: 1\n",
		.bad = L7FP_HPACK_BAD_NAME, .flags = L7FP_HPACK_BAD_NAME } } },
	{ "upper case by index", .block = {
		{ "40 0141 0131", "A: 1\n", .bad = L7FP_HPACK_BAD_NAME,
		  .flags = L7FP_HPACK_BAD_NAME, .table = 34 },
		{ "be", "A: 1\n", .bad = L7FP_HPACK_BAD_NAME, .flags = L7FP_HPACK_BAD_NAME,
		  .table = 34 },
		{ "0f2f 0132", "A: 2\n", .bad = L7FP_HPACK_BAD_NAME,
		  .flags = L7FP_HPACK_BAD_NAME, .table = 34 } } },
	{ "a blank in a name", .block = { { "00 03612062 0131", "a b: 1\n",
		.bad = L7FP_HPACK_BAD_NAME, .flags = L7FP_HPACK_BAD_NAME } } },
	{ "a colon at the beginning", .block = { { "00 023a61 0131", ":a: 1\n" } } },
	{ "a colon at the beginning, Huffman-coded", .block = { { "00 82b80f 0131", ":0: 1\n" } } },
	{ "a colon alone", .block = { { "00 013a 0131", ":: 1\n", .bad = L7FP_HPACK_BAD_NAME,
		.flags = L7FP_HPACK_BAD_NAME } } },
	{ "another colon", .block = { { "00 033a613a 0131", ":a:: 1\n",
		.bad = L7FP_HPACK_BAD_NAME, .flags = L7FP_HPACK_BAD_NAME } } },
	{ "a line feed in a value", .block = { { "000161 03310d32", "a: 1\r2\n",
		.bad = L7FP_HPACK_BAD_VALUE, .flags = L7FP_HPACK_BAD_VALUE } } },
	{ "a DEL among many", .block = { { "000161 0a 3030303030303030307f", "a: 000000000\x7f\n",
		.bad = L7FP_HPACK_BAD_VALUE, .flags = L7FP_HPACK_BAD_VALUE } } },
	{ "a tab in a value", .block = { { "000161 09 310932333435363738", "a: 1\t2345678\n" } } },
	{ "blanks around a value", .block = {
		{ "000161 022031", "a:  1\n", .bad = L7FP_HPACK_BAD_SPACE,
		  .flags = L7FP_HPACK_BAD_SPACE },
		{ "000161 023109", "a: 1\t\n", .bad = L7FP_HPACK_BAD_SPACE,
		  .flags = L7FP_HPACK_BAD_SPACE },
		{ "000161 82507f 82", "a:  a\n:method: GET\n", .bad = L7FP_HPACK_BAD_SPACE } } },
};

static inline u32 hpack_unhex(const char *hex, u8 *out)
{
	u32 n = 0;

	for (; *hex; hex++) {
		u8 digit = *hex <= '9' ? *hex - '0' : *hex - 'a' + 10;

		if (*hex == ' ')
			continue;
		if (n % 2)
			out[n / 2] |= digit;
		else
			out[n / 2] = digit << 4;
		n++;
	}
	return n / 2;
}

/* A decoder with what it needs, and room for a block. */
struct hpack_bench {
	struct l7fp_hpack_decoder d;
	struct l7fp_hpack_encoder e;
	struct l7fp_hpack_names names;
	struct l7fp_hpack_list list;
	struct l7fp_h1_header headers[CASE_FIELDS];
	struct l7fp_hpack_info info[CASE_FIELDS];
	u8 buf[CASE_ROOM];
	u8 block[CASE_ROOM];
	void *memory;
	void *encoder_memory;
};

static inline void hpack_bench_init(struct hpack_bench *b, u32 size)
{
	u32 bytes = l7fp_hpack_memory(size);

	b->memory = test_alloc(bytes);
	b->encoder_memory = test_alloc(bytes);
	/* what is left in the memory must not matter */
	memset(b->memory, 0xa5, bytes);
	memset(b->encoder_memory, 0x5a, bytes);
	l7fp_hpack_decoder_init(&b->d, b->memory, size);
	l7fp_hpack_encoder_init(&b->e, b->encoder_memory, size);
	b->list = (struct l7fp_hpack_list){
		.headers = b->headers, .info = b->info, .buf = b->buf, .size = CASE_ROOM,
		.max_headers = CASE_FIELDS,
	};
}

static inline void hpack_bench_free(struct hpack_bench *b)
{
	test_free(b->memory);
	test_free(b->encoder_memory);
}

static inline int hpack_bench_decode(struct hpack_bench *b, const char *hex,
				     const struct l7fp_hpack_want *want)
{
	u32 len = hpack_unhex(hex, b->block);
	u8 *exact = test_alloc(len);
	int err;

	memcpy(exact, b->block, len);
	err = l7fp_hpack_decode_block(&b->d, exact, len, want, &b->list);
	test_free(exact);
	return err;
}

/* The next line of @fields, split; false at the end. */
static inline bool hpack_next_line(const char **fields, const u8 **name, u32 *name_len,
				   const u8 **value, u32 *value_len)
{
	const char *p = *fields, *end, *colon;

	if (!*p)
		return false;
	end = strchr(p, '\n');
	colon = strstr(p + (p[0] == ':' && p[1] != ' '), ": ");
	*name = (const u8 *)p;
	*name_len = colon - p;
	*value = (const u8 *)colon + 2;
	*value_len = end - colon - 2;
	*fields = end + 1;
	return true;
}

static inline const char *hpack_list_wrong(const struct l7fp_hpack_list *list, const char *fields)
{
	const u8 *name, *value;
	u32 name_len, value_len, i = 0;

	for (; hpack_next_line(&fields, &name, &name_len, &value, &value_len); i++) {
		const struct l7fp_h1_header *h = &list->headers[i];

		if (i == list->n)
			return "a field is missing";
		if (h->name_len != name_len || memcmp(list->buf + h->name_off, name, name_len))
			return "another name";
		if (h->value_len != value_len ||
		    memcmp(list->buf + h->value_off, value, value_len))
			return "another value";
	}
	return i == list->n ? NULL : "a field too many";
}

/* What the table holds, asked for by a block of indices. */
static inline const char *hpack_table_wrong(struct hpack_bench *b, const char *entries)
{
	u32 i, n = b->d.table.count;

	for (i = 0; i < n; i++)
		b->block[i] = 0x80 | (L7FP_HPACK_STATIC + 1 + i);
	if (l7fp_hpack_decode_block(&b->d, b->block, n, NULL, &b->list))
		return "the table's entries do not decode";
	return hpack_list_wrong(&b->list, entries);
}

static inline const char *hpack_encodes_wrong(struct hpack_bench *b,
					      const struct hpack_block *block)
{
	struct l7fp_hpack_field f = { .flags = L7FP_HPACK_INDEXED };
	const char *fields = block->fields;
	u32 len = hpack_unhex(block->hex, b->block), at;
	int n;

	at = l7fp_hpack_encode_begin(&b->e, b->buf, CASE_ROOM);
	if (at)
		return "a size update that nobody asked for";
	while (hpack_next_line(&fields, &f.name, &f.name_len, &f.value, &f.value_len)) {
		n = l7fp_hpack_encode(&b->e, b->buf + at, CASE_ROOM - at, &f);
		if (n < 0)
			return "it does not encode";
		at += n;
	}
	if (at != len || memcmp(b->buf, b->block, len))
		return "it encodes to something else";
	return b->e.table.size == block->table ? NULL : "the encoder's table has another size";
}

static inline const char *hpack_block_run(struct hpack_bench *b, const struct hpack_case *c,
					  const struct hpack_block *block)
{
	int err = hpack_bench_decode(b, block->hex, NULL);
	const char *wrong;

	if (!block->fields)
		return err != L7FP_HPACK_ERR_BAD ? "no error" :
		       l7fp_hpack_decode_block(&b->d, b->block, 0, NULL, &b->list) != err ?
			       "an error that does not last" : NULL;
	if (err)
		return "an error";
	wrong = hpack_list_wrong(&b->list, block->fields);
	if (wrong)
		return wrong;
	if (b->list.bad != block->bad)
		return "something else is bad about it";
	if (block->flags && b->info[b->list.n - 1].flags != block->flags)
		return "other flags";
	if (b->d.table.size != block->table)
		return "another table size";
	wrong = block->entries ? hpack_table_wrong(b, block->entries) : NULL;
	return wrong || !c->encodes ? wrong : hpack_encodes_wrong(b, block);
}

/* NULL, or what is wrong. */
static inline const char *hpack_case_run(const struct hpack_case *c, struct hpack_bench *b)
{
	const char *wrong = NULL;
	u32 i;

	hpack_bench_init(b, c->size ? c->size : L7FP_HPACK_TABLE);
	/* The sizes that appendix C speaks of are known to both sides. */
	l7fp_hpack_encoder_set_max(&b->e, b->e.table.max_size);
	b->e.changed = false;
	for (i = 0; i < 4 && c->block[i].hex && !wrong; i++)
		wrong = hpack_block_run(b, c, &c->block[i]);
	hpack_bench_free(b);
	return wrong;
}

#endif /* L7FP_HPACK_CASES_H */
