/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cases for the HTTP/2 codec, shared by the unit test and KUnit. Include with test_alloc() and
 * test_free() defined. What the reader finds is written as text, and compared.
 */
#ifndef L7FP_H2_CASES_H
#define L7FP_H2_CASES_H

#include "../h2.h"

#define P(s) (const u8 *)(s), sizeof(s) - 1
#define PRE L7FP_H2_PREFACE
#define N0 "\x00"
#define HEAD(len, type, flags, id) N0 N0 len type flags N0 N0 N0 id
#define SETTINGS HEAD("\x00", "\x04", "\x00", "\x00")
#define BEGIN PRE SETTINGS
#define EIGHT "\x01\x02\x03\x04\x05\x06\x07\x08"

struct h2_case {
	const char *name;
	bool server;
	const u8 *data;
	u32 len;
	const char *want;
};

static const struct h2_case h2_cases[] = {
	{ "preface and empty SETTINGS", true, P(BEGIN), "S" },
	{ "wrong preface", true, P("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), "E1" },
	{ "HTTP/1 in place of the preface", true, P("GET / HTTP/1.1\r\n"), "E1" },
	{ "a client expects no preface", false, P(SETTINGS), "S" },
	{ "first frame is PING", true, P(PRE HEAD("\x08", "\x06", "\x00", "\x00") EIGHT), "E1" },
	{ "first frame is SETTINGS ACK", true, P(PRE HEAD("\x00", "\x04", "\x01", "\x00")), "E1" },
	{ "SETTINGS with two values", true,
	  P(PRE HEAD("\x0c", "\x04", "\x00", "\x00") "\x00\x03\x00\x00\x00\x64"
	    "\x00\x04\x00\x01\x00\x00"), "s3=100 s4=65536 S" },
	{ "SETTINGS ACK", true, P(BEGIN HEAD("\x00", "\x04", "\x01", "\x00")), "S A" },
	{ "SETTINGS ACK with payload", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x01", "\x00") "\x00\x03\x00\x00\x00\x64"), "S E6" },
	{ "SETTINGS of five bytes", true, P(BEGIN HEAD("\x05", "\x04", "\x00", "\x00")), "S E6" },
	{ "SETTINGS on a stream", true, P(BEGIN HEAD("\x00", "\x04", "\x00", "\x01")), "S E1" },
	{ "ENABLE_PUSH 2", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x02\x00\x00\x00\x02"), "S E1" },
	{ "ENABLE_PUSH 1 from a client", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x02\x00\x00\x00\x01"), "S s2=1 S" },
	{ "ENABLE_PUSH 1 from a server", false,
	  P(SETTINGS HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x02\x00\x00\x00\x01"), "S E1" },
	{ "INITIAL_WINDOW_SIZE 2^31-1", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x04\x7f\xff\xff\xff"),
	  "S s4=2147483647 S" },
	{ "INITIAL_WINDOW_SIZE 2^31", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x04\x80\x00\x00\x00"), "S E3" },
	{ "MAX_FRAME_SIZE 16384", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x05\x00\x00\x40\x00"), "S s5=16384 S" },
	{ "MAX_FRAME_SIZE 16383", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x05\x00\x00\x3f\xff"), "S E1" },
	{ "MAX_FRAME_SIZE 2^24-1", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x05\x00\xff\xff\xff"),
	  "S s5=16777215 S" },
	{ "MAX_FRAME_SIZE 2^24", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x00\x05\x01\x00\x00\x00"), "S E1" },
	{ "an unknown setting", true,
	  P(BEGIN HEAD("\x06", "\x04", "\x00", "\x00") "\x12\x34\x00\x00\x00\x01"),
	  "S s4660=1 S" },
	{ "PING", true, P(BEGIN HEAD("\x08", "\x06", "\x00", "\x00") EIGHT), "S P1" },
	{ "PING ACK", true, P(BEGIN HEAD("\x08", "\x06", "\x01", "\x00") EIGHT), "S p1" },
	{ "PING of seven bytes", true, P(BEGIN HEAD("\x07", "\x06", "\x00", "\x00")), "S E6" },
	{ "PING on a stream", true, P(BEGIN HEAD("\x08", "\x06", "\x00", "\x01")), "S E1" },
	{ "GOAWAY with debug data", true,
	  P(BEGIN HEAD("\x0b", "\x07", "\x00", "\x00") "\x00\x00\x00\x05\x00\x00\x00\x02"
	    "why" HEAD("\x08", "\x06", "\x00", "\x00") EIGHT), "S G5/2 P1" },
	{ "GOAWAY of seven bytes", true, P(BEGIN HEAD("\x07", "\x07", "\x00", "\x00")), "S E6" },
	{ "WINDOW_UPDATE of the connection", true,
	  P(BEGIN HEAD("\x04", "\x08", "\x00", "\x00") "\x00\x00\x00\x09"), "S W0+9" },
	{ "WINDOW_UPDATE of a stream, reserved bit set", true,
	  P(BEGIN HEAD("\x04", "\x08", "\x00", "\x01") "\x80\x00\x00\x09"), "S W1+9" },
	{ "WINDOW_UPDATE by 0 of a stream", true,
	  P(BEGIN HEAD("\x04", "\x08", "\x00", "\x01") "\x00\x00\x00\x00"), "S e1/1" },
	{ "WINDOW_UPDATE by 0 of the connection", true,
	  P(BEGIN HEAD("\x04", "\x08", "\x00", "\x00") "\x00\x00\x00\x00"), "S E1" },
	{ "WINDOW_UPDATE of three bytes", true, P(BEGIN HEAD("\x03", "\x08", "\x00", "\x00")),
	  "S E6" },
	{ "RST_STREAM", true,
	  P(BEGIN HEAD("\x04", "\x03", "\x00", "\x01") "\x00\x00\x00\x08"), "S R1/8" },
	{ "RST_STREAM on stream 0", true, P(BEGIN HEAD("\x04", "\x03", "\x00", "\x00")), "S E1" },
	{ "RST_STREAM of five bytes", true, P(BEGIN HEAD("\x05", "\x03", "\x00", "\x01")), "S E6" },
	{ "PRIORITY", true,
	  P(BEGIN HEAD("\x05", "\x02", "\x00", "\x03") "\x00\x00\x00\x01\x10"), "S I" },
	{ "PRIORITY on itself", true,
	  P(BEGIN HEAD("\x05", "\x02", "\x00", "\x03") "\x80\x00\x00\x03\x10"), "S e3/1" },
	{ "PRIORITY of four bytes", true,
	  P(BEGIN HEAD("\x04", "\x02", "\x00", "\x03") "\x00\x00\x00\x01"
	    HEAD("\x08", "\x06", "\x00", "\x00") EIGHT), "S e3/6 P1" },
	{ "PRIORITY on stream 0", true, P(BEGIN HEAD("\x05", "\x02", "\x00", "\x00")), "S E1" },
	{ "HEADERS", true, P(BEGIN HEAD("\x03", "\x01", "\x05", "\x01") "abc"), "S H1e b3 B1e" },
	{ "HEADERS without END_STREAM", true, P(BEGIN HEAD("\x03", "\x01", "\x04", "\x01") "abc"),
	  "S H1 b3 B1" },
	{ "HEADERS with padding and priority", true,
	  P(BEGIN HEAD("\x0b", "\x01", "\x2d", "\x01") "\x02\x00\x00\x00\x00\x07" "abc" "\x00\x00"),
	  "S H1e b3 B1e" },
	{ "HEADERS that depend on themselves", true,
	  P(BEGIN HEAD("\x08", "\x01", "\x25", "\x01") "\x00\x00\x00\x01\x07" "abc"),
	  "S H1e!1 b3 B1e" },
	{ "HEADERS that are padding only", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x0d", "\x01") "\x02\x00\x00"), "S H1e B1e" },
	{ "HEADERS with more padding than payload", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x0d", "\x01") "\x03\x00\x00"), "S E1" },
	{ "HEADERS with padding that leaves no room for the priority", true,
	  P(BEGIN HEAD("\x08", "\x01", "\x2d", "\x01") "\x03\x00\x00\x00\x00\x07\x00\x00"),
	  "S E1" },
	{ "HEADERS without its priority", true,
	  P(BEGIN HEAD("\x04", "\x01", "\x25", "\x01") "\x00\x00\x00\x00"), "S E6" },
	{ "HEADERS on stream 0", true, P(BEGIN HEAD("\x03", "\x01", "\x05", "\x00") "abc"), "S E1" },
	{ "CONTINUATION", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x01", "\x01") "abc" HEAD("\x02", "\x09", "\x00", "\x01")
	    "de" HEAD("\x01", "\x09", "\x04", "\x01") "f"), "S H1e b3 I b2 I b1 B1e" },
	{ "CONTINUATION without HEADERS", true,
	  P(BEGIN HEAD("\x01", "\x09", "\x04", "\x01") "f"), "S E1" },
	{ "CONTINUATION after END_HEADERS", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x05", "\x01") "abc" HEAD("\x01", "\x09", "\x04", "\x01")
	    "f"), "S H1e b3 B1e E1" },
	{ "CONTINUATION of another stream", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x01", "\x01") "abc" HEAD("\x01", "\x09", "\x04", "\x03")),
	  "S H1e b3 I E1" },
	{ "a block that is interrupted", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x01", "\x01") "abc" HEAD("\x08", "\x06", "\x00", "\x00")),
	  "S H1e b3 I E1" },
	{ "a block that is interrupted by an unknown frame", true,
	  P(BEGIN HEAD("\x03", "\x01", "\x01", "\x01") "abc" HEAD("\x00", "\x16", "\x00", "\x01")),
	  "S H1e b3 I E1" },
	{ "DATA", true, P(BEGIN HEAD("\x03", "\x00", "\x00", "\x01") "abc"), "S D1:3 d3 X" },
	{ "DATA with END_STREAM", true, P(BEGIN HEAD("\x03", "\x00", "\x01", "\x01") "abc"),
	  "S D1:3e d3 Xe" },
	{ "DATA that is empty", true, P(BEGIN HEAD("\x00", "\x00", "\x01", "\x01")), "S D1:0e Xe" },
	{ "DATA with padding", true,
	  P(BEGIN HEAD("\x06", "\x00", "\x08", "\x01") "\x02" "abc" "\x00\x00"
	    HEAD("\x08", "\x06", "\x00", "\x00") EIGHT), "S D1:6 d3 X P1" },
	{ "DATA with more padding than payload", true,
	  P(BEGIN HEAD("\x06", "\x00", "\x08", "\x01") "\x06" "abcde"), "S E1" },
	{ "DATA with PADDED and no byte", true, P(BEGIN HEAD("\x00", "\x00", "\x08", "\x01")),
	  "S E6" },
	{ "DATA on stream 0", true, P(BEGIN HEAD("\x03", "\x00", "\x00", "\x00") "abc"), "S E1" },
	{ "PUSH_PROMISE", false, P(SETTINGS HEAD("\x05", "\x05", "\x04", "\x01")), "S E1" },
	{ "an unknown type", true,
	  P(BEGIN HEAD("\x03", "\x16", "\xff", "\x07") "xyz" HEAD("\x08", "\x06", "\x00", "\x00")
	    EIGHT), "S I P1" },
	{ "a frame of 16385 bytes", true,
	  P(BEGIN "\x00\x40\x01" "\x00" "\x00" N0 N0 N0 "\x01"), "S E6" },
	{ "an error stays", true,
	  P(BEGIN HEAD("\x00", "\x04", "\x00", "\x01") SETTINGS), "S E1" },
};

/* What was found, as text. */
struct h2_trace {
	char text[256];
	u32 n;
	u32 bytes;		/* of a range that may come in pieces */
	char bytes_kind;
};

static void h2_put(struct h2_trace *t, char c)
{
	if (t->n < sizeof(t->text) - 1)
		t->text[t->n++] = c;
	t->text[t->n] = '\0';
}

static void h2_put_number(struct h2_trace *t, u32 x)
{
	if (x >= 10)
		h2_put_number(t, x / 10);
	h2_put(t, '0' + x % 10);
}

static void h2_space(struct h2_trace *t)
{
	if (t->n)
		h2_put(t, ' ');
}

static void h2_put_range(struct h2_trace *t)
{
	if (!t->bytes)
		return;
	h2_space(t);
	h2_put(t, t->bytes_kind);
	h2_put_number(t, t->bytes);
	t->bytes = 0;
}

static void h2_trace_event(struct h2_trace *t, enum l7fp_h2_event_kind kind,
			   const struct l7fp_h2_event *e)
{
	static const char letter[] = {
		[L7FP_H2_HEADERS] = 'H', [L7FP_H2_BLOCK_END] = 'B', [L7FP_H2_DATA_BEGIN] = 'D',
		[L7FP_H2_DATA_END] = 'X', [L7FP_H2_RST_STREAM] = 'R', [L7FP_H2_SETTING] = 's',
		[L7FP_H2_SETTINGS_END] = 'S', [L7FP_H2_SETTINGS_ACK] = 'A', [L7FP_H2_PING] = 'P',
		[L7FP_H2_PING_ACK] = 'p', [L7FP_H2_GOAWAY] = 'G', [L7FP_H2_WINDOW_UPDATE] = 'W',
		[L7FP_H2_IGNORED] = 'I', [L7FP_H2_STREAM_ERROR] = 'e', [L7FP_H2_ERROR] = 'E',
	};

	if (kind == L7FP_H2_BLOCK || kind == L7FP_H2_DATA) {
		t->bytes_kind = kind == L7FP_H2_BLOCK ? 'b' : 'd';
		t->bytes += e->len;
		return;
	}
	h2_put_range(t);
	h2_space(t);
	h2_put(t, letter[kind]);
	switch (kind) {
	case L7FP_H2_HEADERS:
	case L7FP_H2_BLOCK_END:
		h2_put_number(t, e->stream);
		break;
	case L7FP_H2_DATA_BEGIN:
		h2_put_number(t, e->stream);
		h2_put(t, ':');
		h2_put_number(t, e->value);
		break;
	case L7FP_H2_RST_STREAM:
	case L7FP_H2_STREAM_ERROR:
		h2_put_number(t, e->stream);
		h2_put(t, '/');
		h2_put_number(t, e->code);
		return;
	case L7FP_H2_SETTING:
		h2_put_number(t, e->id);
		h2_put(t, '=');
		h2_put_number(t, e->value);
		return;
	case L7FP_H2_PING:
	case L7FP_H2_PING_ACK:
		h2_put_number(t, e->data[0] == 1 && e->data[7] == 8);
		return;
	case L7FP_H2_GOAWAY:
		h2_put_number(t, e->value);
		h2_put(t, '/');
		h2_put_number(t, e->code);
		return;
	case L7FP_H2_WINDOW_UPDATE:
		h2_put_number(t, e->stream);
		h2_put(t, '+');
		h2_put_number(t, e->value);
		return;
	case L7FP_H2_ERROR:
		h2_put_number(t, e->code);
		return;
	default:
		break;
	}
	if (e->end_stream)
		h2_put(t, 'e');
	if (kind == L7FP_H2_HEADERS && e->code) {
		h2_put(t, '!');
		h2_put_number(t, e->code);
	}
}

/* Reads @data in pieces of @step bytes; NULL or what is wrong with the reader's answers. */
static const char *h2_trace(struct h2_trace *t, bool server, const u8 *data, u32 len, u32 step)
{
	enum l7fp_h2_event_kind kind = L7FP_H2_MORE;
	struct l7fp_h2_reader r;
	struct l7fp_h2_event e;
	u32 pos = 0, used, n;

	memset(t, 0, sizeof(*t));
	memset(&r, 0xa5, sizeof(r));
	memset(&e, 0x5a, sizeof(e));
	l7fp_h2_reader_init(&r, server);
	while (pos < len && kind != L7FP_H2_ERROR) {
		u8 *piece;

		n = len - pos < step ? len - pos : step;
		piece = test_alloc(n);
		if (!piece)
			return "no memory";
		memcpy(piece, data + pos, n);
		for (;;) {
			kind = l7fp_h2_read(&r, piece, n, &used, &e);
			if (used > n || ((kind == L7FP_H2_BLOCK || kind == L7FP_H2_DATA) &&
					 (!e.len || e.off + e.len != used))) {
				test_free(piece);
				return "the range is not in the bytes";
			}
			if (kind == L7FP_H2_MORE && used != n) {
				test_free(piece);
				return "bytes are left over";
			}
			if (kind != L7FP_H2_MORE)
				h2_trace_event(t, kind, &e);
			pos += used;
			n -= used;
			memmove(piece, piece + used, n);
			if (kind == L7FP_H2_MORE || kind == L7FP_H2_ERROR)
				break;
		}
		test_free(piece);
	}
	h2_put_range(t);
	if (kind == L7FP_H2_ERROR &&
	    (l7fp_h2_read(&r, data, len, &used, &e) != L7FP_H2_ERROR || used || !e.why))
		return "an error does not stay";
	return NULL;
}

static const char *h2_case_run(const struct h2_case *c, struct h2_trace *t)
{
	static const u32 steps[] = { 0x10000, 1, 7 };
	const char *wrong;
	u32 i;

	for (i = 0; i < 3; i++) {
		wrong = h2_trace(t, c->server, c->data, c->len, steps[i]);
		if (wrong)
			return wrong;
		if (strcmp(t->text, c->want))
			return t->text;
	}
	return NULL;
}

/* A block of @frames CONTINUATION frames of @size bytes each; the last event, or 0. */
static u32 h2_block(u32 frames, u32 size, struct l7fp_h2_event *e)
{
	struct l7fp_h2_reader r;
	enum l7fp_h2_event_kind kind;
	u8 head[L7FP_H2_FRAME_HEAD];
	u32 used, i, pos;
	u8 *payload;

	payload = test_alloc(size);
	if (!payload)
		return 0;
	memset(payload, 0, size);
	l7fp_h2_reader_init(&r, false);
	l7fp_h2_read(&r, (const u8 *)SETTINGS, 9, &used, e);
	for (i = 0; i <= frames; i++) {
		l7fp_h2_put_head(head, size, i ? L7FP_H2_T_CONTINUATION : L7FP_H2_T_HEADERS,
				 i == frames ? L7FP_H2_F_END_HEADERS : 0, 1);
		kind = l7fp_h2_read(&r, head, sizeof(head), &used, e);
		for (pos = 0; kind != L7FP_H2_ERROR && kind != L7FP_H2_BLOCK_END; pos += used) {
			kind = l7fp_h2_read(&r, payload + pos, size - pos, &used, e);
			if (kind == L7FP_H2_MORE && pos + used == size)
				break;
		}
		if (kind == L7FP_H2_ERROR || kind == L7FP_H2_BLOCK_END) {
			test_free(payload);
			return kind;
		}
	}
	test_free(payload);
	return 0;
}

static const char *h2_check_continuations(struct h2_trace *t)
{
	struct l7fp_h2_event e;

	memset(t, 0, sizeof(*t));
	if (h2_block(L7FP_H2_MAX_CONTINUATIONS, 1, &e) != L7FP_H2_BLOCK_END)
		return "as many as are allowed";
	if (h2_block(L7FP_H2_MAX_CONTINUATIONS + 1, 1, &e) != L7FP_H2_ERROR ||
	    e.code != L7FP_H2_ENHANCE_YOUR_CALM)
		return "one too many";
	if (h2_block(3, L7FP_MAX_HEAD / 4, &e) != L7FP_H2_BLOCK_END)
		return "as many bytes as are allowed";
	if (h2_block(4, L7FP_MAX_HEAD / 5 + 1, &e) != L7FP_H2_ERROR ||
	    e.code != L7FP_H2_ENHANCE_YOUR_CALM)
		return "more bytes";
	return NULL;
}

/* Frames that we write, read again. */
static const char *h2_check_written(struct h2_trace *t)
{
	u8 data[8] = EIGHT, out[256], *p = out;
	const char *wrong;

	p += l7fp_h2_put_head(p, 12, L7FP_H2_T_SETTINGS, 0, 0);
	p += l7fp_h2_put_setting(p, L7FP_H2_S_MAX_CONCURRENT_STREAMS, 100);
	p += l7fp_h2_put_setting(p, L7FP_H2_S_MAX_HEADER_LIST_SIZE, 65536);
	p += l7fp_h2_put_ping(p, false, data);
	p += l7fp_h2_put_ping(p, true, data);
	p += l7fp_h2_put_rst_stream(p, 0x1234567, L7FP_H2_CANCEL);
	p += l7fp_h2_put_window_update(p, 5, 0x7fffffff);
	p += l7fp_h2_put_goaway(p, 7, L7FP_H2_ENHANCE_YOUR_CALM,
				"a reason that is longer than the sixty-four bytes that are sent of it");
	p += l7fp_h2_put_goaway(p, 9, 0, NULL);
	wrong = h2_trace(t, false, out, p - out, 3);
	if (wrong)
		return wrong;
	return strcmp(t->text, "s3=100 s6=65536 S P1 p1 R19088743/8 W5+2147483647 G7/11 G9/0") ?
		t->text : NULL;
}

#define JUDGE(s, id, type, end) \
	l7fp_h2_judge(&ids, s, id, L7FP_H2_T_##type, end, &code)

static const char *h2_check_states(struct h2_trace *t)
{
	struct l7fp_h2_ids ids = { .server = true };
	struct l7fp_h2_stream s = { .id = 5 };
	u32 code;

	memset(t, 0, sizeof(*t));
	if (JUDGE(NULL, 2, HEADERS, true) != L7FP_H2_BAD_CONNECTION ||
	    code != L7FP_H2_PROTOCOL_ERROR)
		return "an even number from a client";
	if (JUDGE(NULL, 1, DATA, true) != L7FP_H2_BAD_CONNECTION ||
	    JUDGE(NULL, 1, RST_STREAM, false) != L7FP_H2_BAD_CONNECTION ||
	    JUDGE(NULL, 1, WINDOW_UPDATE, false) != L7FP_H2_BAD_CONNECTION)
		return "frames on an idle stream";
	if (JUDGE(NULL, 5, HEADERS, true) != L7FP_H2_OPEN)
		return "a new stream";
	l7fp_h2_ids_open(&ids, 5);
	if (JUDGE(NULL, 3, HEADERS, true) != L7FP_H2_BAD_CONNECTION ||
	    code != L7FP_H2_PROTOCOL_ERROR)
		return "a number that was passed over";
	if (JUDGE(&s, 5, DATA, false) != L7FP_H2_BAD_STREAM)
		return "data before a head";
	s.heads = 1;
	if (JUDGE(&s, 5, DATA, false) != L7FP_H2_OK)
		return "data";
	if (JUDGE(&s, 5, HEADERS, false) != L7FP_H2_BAD_STREAM || code != L7FP_H2_PROTOCOL_ERROR)
		return "trailers that do not end the stream";
	if (JUDGE(&s, 5, HEADERS, true) != L7FP_H2_OK)
		return "trailers";
	s.recv_end = 1;
	if (JUDGE(&s, 5, DATA, false) != L7FP_H2_BAD_STREAM || code != L7FP_H2_STREAM_CLOSED ||
	    JUDGE(&s, 5, HEADERS, true) != L7FP_H2_BAD_STREAM || code != L7FP_H2_STREAM_CLOSED)
		return "frames after END_STREAM";
	if (JUDGE(&s, 5, WINDOW_UPDATE, false) != L7FP_H2_OK ||
	    JUDGE(&s, 5, RST_STREAM, false) != L7FP_H2_OK)
		return "half-closed";
	if (JUDGE(NULL, 5, DATA, false) != L7FP_H2_BAD_STREAM || code != L7FP_H2_STREAM_CLOSED ||
	    JUDGE(NULL, 5, HEADERS, true) != L7FP_H2_BAD_CONNECTION ||
	    code != L7FP_H2_STREAM_CLOSED)
		return "closed";
	if (JUDGE(NULL, 5, WINDOW_UPDATE, false) != L7FP_H2_IGNORE ||
	    JUDGE(NULL, 5, RST_STREAM, false) != L7FP_H2_IGNORE)
		return "closed, frames that were under way";
	l7fp_h2_ids_reset(&ids, 5);
	if (JUDGE(NULL, 5, DATA, false) != L7FP_H2_IGNORE ||
	    JUDGE(NULL, 5, HEADERS, true) != L7FP_H2_IGNORE)
		return "frames on a stream that we reset";
	l7fp_h2_ids_open(&ids, 7);
	if (JUDGE(NULL, 5, DATA, false) != L7FP_H2_IGNORE)
		return "the same, another one was opened since";
	l7fp_h2_ids_open(&ids, 7 + 2 * 200);
	if (JUDGE(NULL, 5, DATA, false) != L7FP_H2_BAD_STREAM)
		return "too long ago";

	ids = (struct l7fp_h2_ids){ .server = false };
	l7fp_h2_ids_open(&ids, 1);
	if (JUDGE(NULL, 2, HEADERS, false) != L7FP_H2_BAD_CONNECTION ||
	    JUDGE(NULL, 3, HEADERS, false) != L7FP_H2_BAD_CONNECTION)
		return "a server opens a stream";
	if (JUDGE(NULL, 1, HEADERS, false) != L7FP_H2_IGNORE)
		return "a response that nobody waits for";
	return NULL;
}

static const char *h2_check_windows(struct h2_trace *t)
{
	struct l7fp_h2_stream s = { .recv_window = 10 };
	s64 w = 1;

	memset(t, 0, sizeof(*t));
	if (!l7fp_h2_window_add(&w, L7FP_H2_MAX_WINDOW - 1) || w != L7FP_H2_MAX_WINDOW)
		return "up to the limit";
	if (l7fp_h2_window_add(&w, 1) || w != L7FP_H2_MAX_WINDOW)
		return "over the limit";
	if (!l7fp_h2_window_add(&w, -2LL * L7FP_H2_MAX_WINDOW) || w != -L7FP_H2_MAX_WINDOW)
		return "below 0";
	if (l7fp_h2_data(&s, 10) || s.recv_window)
		return "all that may come";
	if (l7fp_h2_data(&s, 1) != L7FP_H2_FLOW_CONTROL_ERROR)
		return "one byte more";
	if (l7fp_h2_data(&s, 0))
		return "none";
	s.has_length = 1;
	s.length = 5;
	if (l7fp_h2_content(&s, 4) || l7fp_h2_content(&s, 2) != L7FP_H2_PROTOCOL_ERROR)
		return "more than content-length";
	if (l7fp_h2_end(&s) != L7FP_H2_PROTOCOL_ERROR || !s.recv_end)
		return "less than content-length";
	if (l7fp_h2_content(&s, 1) || l7fp_h2_end(&s))
		return "as much as content-length";
	return NULL;
}

static const char *h2_check_detect(struct h2_trace *t)
{
	u32 i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < L7FP_H2_PREFACE_LEN; i++)
		if (l7fp_h2_detect((const u8 *)PRE, i) != L7FP_H1_MORE)
			return "a part of it";
	if (l7fp_h2_detect((const u8 *)PRE "x", L7FP_H2_PREFACE_LEN + 1) != L7FP_H2_PREFACE_LEN)
		return "all of it";
	if (l7fp_h2_detect((const u8 *)"PRI * HTTP/1.1", 14) != L7FP_H1_ERR_BAD ||
	    l7fp_h2_detect((const u8 *)"G", 1) != L7FP_H1_ERR_BAD)
		return "something else";
	return NULL;
}

struct h2_check {
	const char *name;
	const char *(*run)(struct h2_trace *t);
};

static const struct h2_check h2_checks[] = {
	{ "bounds of a field block", h2_check_continuations },
	{ "frames that are written", h2_check_written },
	{ "states of streams", h2_check_states },
	{ "windows", h2_check_windows },
	{ "detection", h2_check_detect },
};

#endif /* L7FP_H2_CASES_H */
