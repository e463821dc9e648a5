// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunked bodies: at once, byte by byte, and in pieces of the size in the first byte must give
 * the same body, event and length; what is accepted is written anew and accepted again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "h1.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

struct result {
	enum l7fp_h1_chunk_event event;
	u32 used;
	u32 n;
	u8 *body;
};

static void run(const u8 *data, u32 size, u32 step, struct result *r)
{
	struct l7fp_h1_chunk c;
	u32 pos = 0, consumed;

	r->body = malloc(size + 1);
	r->n = 0;
	r->event = L7FP_CHUNK_MORE;
	l7fp_h1_chunk_init(&c);
	while (pos < size) {
		u32 len = size - pos < step ? size - pos : step, n;
		u8 *piece = malloc(len);

		memcpy(piece, data + pos, len);
		r->event = l7fp_h1_chunk_feed(&c, piece, len, &consumed);
		free(piece);
		CHECK(consumed <= len);
		CHECK(r->event != L7FP_CHUNK_MORE || consumed == len);
		CHECK(c.line_len <= L7FP_MAX_CHUNK_LINE + 1);
		pos += consumed;
		if (r->event == L7FP_CHUNK_LAST || r->event == L7FP_CHUNK_ERROR)
			break;
		if (r->event == L7FP_CHUNK_BEGIN)
			CHECK(c.remaining);
		if (r->event != L7FP_CHUNK_DATA)
			continue;
		CHECK(!consumed && c.remaining);
		n = len < c.remaining ? len : c.remaining;
		memcpy(r->body + r->n, data + pos, n);
		r->n += n;
		pos += n;
		l7fp_h1_chunk_advance(&c, n);
	}
	if (r->event == L7FP_CHUNK_BEGIN || r->event == L7FP_CHUNK_DATA)
		r->event = L7FP_CHUNK_MORE;
	r->used = pos;
	if (r->event == L7FP_CHUNK_LAST || r->event == L7FP_CHUNK_ERROR) {
		/* it stays so */
		CHECK(l7fp_h1_chunk_feed(&c, data, size, &consumed) == r->event && !consumed);
	}
}

static void same(const struct result *a, const struct result *b)
{
	CHECK(a->event == b->event && a->used == b->used && a->n == b->n);
	CHECK(!memcmp(a->body, b->body, a->n));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct result whole, bytes, pieces, again;
	char *copy;
	u32 len;

	if (size < 2 || size > 4096)
		return 0;
	run(data + 1, size - 1, size, &whole);
	run(data + 1, size - 1, 1, &bytes);
	run(data + 1, size - 1, data[0] ? data[0] : 1, &pieces);
	same(&whole, &bytes);
	same(&whole, &pieces);
	if (whole.event == L7FP_CHUNK_LAST) {
		copy = malloc(whole.n + 64);
		len = 0;
		if (whole.n) {
			len = sprintf(copy, "%x\r\n", whole.n);
			memcpy(copy + len, whole.body, whole.n);
			len += whole.n;
			len += sprintf(copy + len, "\r\n");
		}
		len += sprintf(copy + len, "0\r\n");
		run((const u8 *)copy, len, 7, &again);
		CHECK(again.event == L7FP_CHUNK_LAST && again.used == len);
		CHECK(again.n == whole.n && !memcmp(again.body, whole.body, whole.n));
		free(again.body);
		free(copy);
	}
	free(whole.body);
	free(bytes.body);
	free(pieces.body);
	return 0;
}
