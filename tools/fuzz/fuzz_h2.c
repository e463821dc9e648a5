// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP/2 frames: at once, byte by byte, and in pieces of the size in the first byte must give the
 * same events; what the reader says of lengths and streams must hold.
 */
#include <stdlib.h>

#include "h2.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

struct result {
	u64 hash;
	u32 events, ranges;
	bool failed;
};

static void mix(struct result *r, u64 x)
{
	r->hash = (r->hash ^ x) * 0x9e3779b97f4a7c15ULL;
	r->hash ^= r->hash >> 29;
}

static void note(struct result *r, enum l7fp_h2_event_kind kind, const struct l7fp_h2_event *e,
		 const u8 *p)
{
	u32 i;

	if (kind == L7FP_H2_BLOCK || kind == L7FP_H2_DATA) {
		/* Pieces differ with the cuts, their bytes do not. */
		for (i = 0; i < e->len; i++)
			mix(r, p[e->off + i] + 1000);
		r->ranges++;
		return;
	}
	r->events++;
	mix(r, kind);
	switch (kind) {
	case L7FP_H2_SETTING:
		mix(r, (u64)e->id << 32 | e->value);
		break;
	case L7FP_H2_PING:
	case L7FP_H2_PING_ACK:
		for (i = 0; i < 8; i++)
			mix(r, e->data[i]);
		break;
	case L7FP_H2_WINDOW_UPDATE:
		CHECK(e->value && e->value <= L7FP_H2_MAX_WINDOW);
		fallthrough;
	case L7FP_H2_GOAWAY:
	case L7FP_H2_DATA_BEGIN:
		CHECK(kind != L7FP_H2_DATA_BEGIN || e->value <= L7FP_H2_MAX_FRAME);
		mix(r, e->value);
		break;
	case L7FP_H2_ERROR:
		CHECK(e->code && e->why);
		r->failed = true;
		mix(r, e->code);
		return;
	case L7FP_H2_STREAM_ERROR:
	case L7FP_H2_RST_STREAM:
		mix(r, e->code);
		break;
	default:
		break;
	}
	mix(r, (u64)e->stream << 8 | e->end_stream);
}

static void run(const u8 *data, u32 size, u32 step, bool server, struct result *r)
{
	struct l7fp_h2_reader reader;
	struct l7fp_h2_event e = { 0 };
	enum l7fp_h2_event_kind kind;
	u32 pos = 0, used;

	*r = (struct result){ 0 };
	l7fp_h2_reader_init(&reader, server);
	while (pos < size && !r->failed) {
		u32 n = size - pos < step ? size - pos : step, off = 0;
		u8 *piece = malloc(n);

		memcpy(piece, data + pos, n);
		do {
			kind = l7fp_h2_read(&reader, piece + off, n - off, &used, &e);
			CHECK(used <= n - off);
			CHECK(reader.block_len <= L7FP_MAX_HEAD || kind == L7FP_H2_ERROR);
			CHECK(reader.left <= L7FP_H2_MAX_FRAME || kind == L7FP_H2_ERROR);
			if (kind == L7FP_H2_BLOCK || kind == L7FP_H2_DATA)
				CHECK(e.len && e.off + e.len == used);
			if (kind != L7FP_H2_MORE)
				note(r, kind, &e, piece + off);
			off += used;
		} while (kind != L7FP_H2_MORE && kind != L7FP_H2_ERROR);
		CHECK(kind == L7FP_H2_ERROR || off == n);
		free(piece);
		pos += n;
	}
	if (r->failed)
		CHECK(l7fp_h2_read(&reader, data, size, &used, &e) == L7FP_H2_ERROR && !used);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct result whole, bytes, pieces;
	bool server;

	if (size < 2 || size > 65536)
		return 0;
	server = data[0] & 1;
	run(data + 1, size - 1, size, server, &whole);
	run(data + 1, size - 1, 1, server, &bytes);
	run(data + 1, size - 1, data[0] ? data[0] : 1, server, &pieces);
	CHECK(whole.hash == bytes.hash && whole.hash == pieces.hash);
	CHECK(whole.events == bytes.events && whole.events == pieces.events);
	return 0;
}
