// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 frames (RFC 9113 4 and 6): cut, checked, and written.
 *
 * A frame's head is judged when its nine bytes are there, before any of its payload. Every error
 * here that is not named a stream error ends the connection: RFC 9113 5.4.1 allows that always,
 * and what cannot be trusted once is not worth going on with.
 */
#include "h2.h"

enum {
	STATE_PREFACE,
	STATE_HEAD,
	STATE_PAD_LENGTH,
	STATE_PRIORITY,			/* of a HEADERS frame */
	STATE_BLOCK,
	STATE_DATA_BEGIN,
	STATE_DATA,
	STATE_SETTING,
	STATE_CONTROL,			/* a payload of fixed length, in r->buf */
	STATE_PADDING,
	STATE_SKIP,			/* a payload that nobody looks at */
	STATE_FAILED,
};

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static u8 *put32(u8 *p, u32 x)
{
	p[0] = x >> 24;
	p[1] = x >> 16;
	p[2] = x >> 8;
	p[3] = x;
	return p + 4;
}

void l7fp_h2_reader_init(struct l7fp_h2_reader *r, bool server)
{
	memset(r, 0, sizeof(*r));
	r->server = server;
	r->first = 1;
	r->state = server ? STATE_PREFACE : STATE_HEAD;
}

void l7fp_h2_reader_preface(struct l7fp_h2_reader *r)
{
	r->state = STATE_HEAD;
}

int l7fp_h2_detect(const u8 *p, u32 len)
{
	u32 n = len < L7FP_H2_PREFACE_LEN ? len : L7FP_H2_PREFACE_LEN;

	if (memcmp(p, L7FP_H2_PREFACE, n))
		return L7FP_H1_ERR_BAD;
	return n == L7FP_H2_PREFACE_LEN ? L7FP_H2_PREFACE_LEN : L7FP_H1_MORE;
}

static enum l7fp_h2_event_kind fail(struct l7fp_h2_reader *r, struct l7fp_h2_event *e, u8 code,
				    const char *why)
{
	r->state = STATE_FAILED;
	r->error = code;
	r->why = why;
	e->code = code;
	e->why = why;
	return L7FP_H2_ERROR;
}

/* Collects @want bytes in r->buf; true when they are there. */
static bool collect(struct l7fp_h2_reader *r, const u8 *p, u32 len, u32 *used, u32 want)
{
	u32 n = want - r->fill;

	if (n > len - *used)
		n = len - *used;
	memcpy(r->buf + r->fill, p + *used, n);
	r->fill += n;
	*used += n;
	if (r->fill < want)
		return false;
	r->fill = 0;
	return true;
}

/* The payload is done, but for its padding. */
static void finish(struct l7fp_h2_reader *r)
{
	r->state = r->left ? STATE_PADDING : STATE_HEAD;
}

/* What a control frame's length must be; 0: anything. */
static u32 fixed_length(u8 type)
{
	switch (type) {
	case L7FP_H2_T_PRIORITY:
		return 5;
	case L7FP_H2_T_RST_STREAM:
	case L7FP_H2_T_WINDOW_UPDATE:
		return 4;
	case L7FP_H2_T_PING:
		return 8;
	}
	return 0;
}

/* Which frames belong to a stream, and which to the connection (RFC 9113 6). */
static const char *wrong_stream(const struct l7fp_h2_reader *r)
{
	switch (r->type) {
	case L7FP_H2_T_DATA:
	case L7FP_H2_T_HEADERS:
	case L7FP_H2_T_PRIORITY:
	case L7FP_H2_T_RST_STREAM:
	case L7FP_H2_T_CONTINUATION:
		return r->stream ? NULL : "a frame of a stream on stream 0";
	case L7FP_H2_T_SETTINGS:
	case L7FP_H2_T_PING:
	case L7FP_H2_T_GOAWAY:
		return r->stream ? "a frame of the connection on a stream" : NULL;
	}
	return NULL;
}

static enum l7fp_h2_event_kind begin_headers(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	r->block_stream = r->stream;
	r->block_len = 0;
	r->block_frames = 0;
	r->block_end_stream = r->flags & L7FP_H2_F_END_STREAM;
	if (r->flags & L7FP_H2_F_PADDED) {
		if (!r->left)
			return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
				    "HEADERS without a length of its padding");
		r->state = STATE_PAD_LENGTH;
	} else if (r->flags & L7FP_H2_F_PRIORITY) {
		r->state = STATE_PRIORITY;
	} else {
		r->state = STATE_BLOCK;
		e->end_stream = r->block_end_stream;
		return L7FP_H2_HEADERS;
	}
	return L7FP_H2_MORE;
}

/* The nine bytes in r->buf. L7FP_H2_MORE: the payload follows. */
static enum l7fp_h2_event_kind begin_frame(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	u32 fixed;

	r->left = (u32)r->buf[0] << 16 | r->buf[1] << 8 | r->buf[2];
	r->type = r->buf[3];
	r->flags = r->buf[4];
	r->stream = get32(r->buf + 5) & 0x7fffffff;
	r->pad = 0;
	e->stream = r->stream;
	if (r->first && (r->type != L7FP_H2_T_SETTINGS || (r->flags & L7FP_H2_F_ACK)))
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, "the first frame is not SETTINGS");
	r->first = 0;
	if (r->left > L7FP_H2_MAX_FRAME)
		return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
			    "a frame larger than SETTINGS_MAX_FRAME_SIZE");
	if (r->block_stream &&
	    (r->type != L7FP_H2_T_CONTINUATION || r->stream != r->block_stream))
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, "a field block is interrupted");
	e->why = wrong_stream(r);
	if (e->why)
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, e->why);
	fixed = fixed_length(r->type);
	if (fixed && r->left != fixed) {
		/* RFC 9113 6.3: of all these, PRIORITY alone concerns its stream only. */
		if (r->type != L7FP_H2_T_PRIORITY)
			return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
				    "a control frame of the wrong length");
		r->state = STATE_SKIP;
		e->code = L7FP_H2_FRAME_SIZE_ERROR;
		e->why = "PRIORITY of the wrong length";
		return L7FP_H2_STREAM_ERROR;
	}

	switch (r->type) {
	case L7FP_H2_T_DATA:
		r->state = r->flags & L7FP_H2_F_PADDED ? STATE_PAD_LENGTH : STATE_DATA_BEGIN;
		if (r->state == STATE_PAD_LENGTH && !r->left)
			return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
				    "DATA without a length of its padding");
		return L7FP_H2_MORE;
	case L7FP_H2_T_HEADERS:
		return begin_headers(r, e);
	case L7FP_H2_T_CONTINUATION:
		if (!r->block_stream)
			return fail(r, e, L7FP_H2_PROTOCOL_ERROR,
				    "CONTINUATION without a field block");
		if (++r->block_frames > L7FP_H2_MAX_CONTINUATIONS)
			return fail(r, e, L7FP_H2_ENHANCE_YOUR_CALM,
				    "too many CONTINUATION frames");
		r->state = STATE_BLOCK;
		return L7FP_H2_MORE;
	case L7FP_H2_T_SETTINGS:
		if (r->flags & L7FP_H2_F_ACK) {
			if (r->left)
				return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
					    "SETTINGS ACK with a payload");
			r->state = STATE_HEAD;
			return L7FP_H2_SETTINGS_ACK;
		}
		if (r->left % 6)
			return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR, "SETTINGS of the wrong length");
		r->state = STATE_SETTING;
		return L7FP_H2_MORE;
	case L7FP_H2_T_PUSH_PROMISE:
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, "PUSH_PROMISE");
	case L7FP_H2_T_GOAWAY:
		if (r->left < 8)
			return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR, "GOAWAY of the wrong length");
		fallthrough;
	case L7FP_H2_T_PRIORITY:
	case L7FP_H2_T_RST_STREAM:
	case L7FP_H2_T_PING:
	case L7FP_H2_T_WINDOW_UPDATE:
		r->state = STATE_CONTROL;
		return L7FP_H2_MORE;
	}
	/* RFC 9113 4.1: unknown types are ignored. */
	r->state = STATE_SKIP;
	return L7FP_H2_IGNORED;
}

static enum l7fp_h2_event_kind pad_length(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	u32 fixed = r->type == L7FP_H2_T_HEADERS && (r->flags & L7FP_H2_F_PRIORITY) ? 5 : 0;

	r->left--;
	r->pad = r->buf[0];
	if (r->pad + fixed > r->left)
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, "more padding than payload");
	if (r->type == L7FP_H2_T_DATA) {
		r->state = STATE_DATA_BEGIN;
	} else if (fixed) {
		r->state = STATE_PRIORITY;
	} else {
		r->state = STATE_BLOCK;
		e->end_stream = r->block_end_stream;
		return L7FP_H2_HEADERS;
	}
	return L7FP_H2_MORE;
}

/* The priority is not used, but RFC 7540 5.3.1 forbids a stream to depend on itself. */
static enum l7fp_h2_event_kind priority(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	r->left -= 5;
	r->state = STATE_BLOCK;
	e->end_stream = r->block_end_stream;
	if ((get32(r->buf) & 0x7fffffff) == r->stream) {
		e->code = L7FP_H2_PROTOCOL_ERROR;
		e->why = "a stream that depends on itself";
	}
	return L7FP_H2_HEADERS;
}

static enum l7fp_h2_event_kind setting(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	r->left -= 6;
	e->id = r->buf[0] << 8 | r->buf[1];
	e->value = get32(r->buf + 2);
	switch (e->id) {
	case L7FP_H2_S_ENABLE_PUSH:
		/* RFC 9113 6.5.2: a server may say 0 only. */
		if (e->value > (r->server ? 1 : 0))
			return fail(r, e, L7FP_H2_PROTOCOL_ERROR,
				    "SETTINGS_ENABLE_PUSH is neither 0 nor 1");
		break;
	case L7FP_H2_S_INITIAL_WINDOW_SIZE:
		if (e->value > L7FP_H2_MAX_WINDOW)
			return fail(r, e, L7FP_H2_FLOW_CONTROL_ERROR,
				    "SETTINGS_INITIAL_WINDOW_SIZE is too large");
		break;
	case L7FP_H2_S_MAX_FRAME_SIZE:
		if (e->value < 16384 || e->value > 16777215)
			return fail(r, e, L7FP_H2_PROTOCOL_ERROR,
				    "SETTINGS_MAX_FRAME_SIZE is out of bounds");
		break;
	}
	return L7FP_H2_SETTING;
}

/* A payload of fixed length in r->buf; of GOAWAY its first eight bytes. */
static enum l7fp_h2_event_kind control(struct l7fp_h2_reader *r, struct l7fp_h2_event *e)
{
	r->state = STATE_HEAD;
	switch (r->type) {
	case L7FP_H2_T_PRIORITY:
		if ((get32(r->buf) & 0x7fffffff) != r->stream)
			return L7FP_H2_IGNORED;
		e->code = L7FP_H2_PROTOCOL_ERROR;
		e->why = "a stream that depends on itself";
		return L7FP_H2_STREAM_ERROR;
	case L7FP_H2_T_RST_STREAM:
		e->code = get32(r->buf);
		return L7FP_H2_RST_STREAM;
	case L7FP_H2_T_PING:
		memcpy(e->data, r->buf, 8);
		return r->flags & L7FP_H2_F_ACK ? L7FP_H2_PING_ACK : L7FP_H2_PING;
	case L7FP_H2_T_WINDOW_UPDATE:
		e->value = get32(r->buf) & 0x7fffffff;
		if (e->value)
			return L7FP_H2_WINDOW_UPDATE;
		e->code = L7FP_H2_PROTOCOL_ERROR;
		e->why = "WINDOW_UPDATE by 0";
		if (r->stream)
			return L7FP_H2_STREAM_ERROR;
		return fail(r, e, L7FP_H2_PROTOCOL_ERROR, e->why);
	}
	/* GOAWAY: its debug data is nothing to us. */
	e->value = get32(r->buf) & 0x7fffffff;
	e->code = get32(r->buf + 4);
	r->left -= 8;
	r->state = STATE_SKIP;
	return L7FP_H2_GOAWAY;
}

/* Bytes of the payload that are neither padding nor beyond what is there. */
static u32 range(struct l7fp_h2_reader *r, u32 len, u32 *used, struct l7fp_h2_event *e)
{
	u32 n = r->left - r->pad;

	if (n > len - *used)
		n = len - *used;
	e->off = *used;
	e->len = n;
	*used += n;
	r->left -= n;
	return n;
}

static enum l7fp_h2_event_kind read_block(struct l7fp_h2_reader *r, u32 len, u32 *used,
					  struct l7fp_h2_event *e)
{
	bool last = r->flags & L7FP_H2_F_END_HEADERS;

	if (r->left > r->pad) {
		if (!range(r, len, used, e))
			return L7FP_H2_MORE;
		r->block_len += e->len;
		if (r->block_len > L7FP_MAX_HEAD)
			return fail(r, e, L7FP_H2_ENHANCE_YOUR_CALM,
				    "a field section of more than 64 KiB");
		return L7FP_H2_BLOCK;
	}
	finish(r);
	if (!last)
		return L7FP_H2_IGNORED;
	e->stream = r->block_stream;
	e->end_stream = r->block_end_stream;
	r->block_stream = 0;
	return L7FP_H2_BLOCK_END;
}

static enum l7fp_h2_event_kind read_data(struct l7fp_h2_reader *r, u32 len, u32 *used,
					 struct l7fp_h2_event *e)
{
	if (r->left > r->pad)
		return range(r, len, used, e) ? L7FP_H2_DATA : L7FP_H2_MORE;
	finish(r);
	e->end_stream = r->flags & L7FP_H2_F_END_STREAM;
	return L7FP_H2_DATA_END;
}

static void skip(struct l7fp_h2_reader *r, u32 len, u32 *used)
{
	u32 n = r->left < len - *used ? r->left : len - *used;

	*used += n;
	r->left -= n;
	if (!r->left)
		r->state = STATE_HEAD;
}

enum l7fp_h2_event_kind l7fp_h2_read(struct l7fp_h2_reader *r, const u8 *p, u32 len, u32 *used,
				     struct l7fp_h2_event *e)
{
	enum l7fp_h2_event_kind kind;

	*used = 0;
	e->code = 0;
	e->why = NULL;
	e->end_stream = 0;
	for (;;) {
		e->stream = r->stream;
		kind = L7FP_H2_MORE;
		switch (r->state) {
		case STATE_PREFACE:
			while (r->fill < L7FP_H2_PREFACE_LEN && *used < len) {
				if (p[*used] != (u8)L7FP_H2_PREFACE[r->fill])
					return fail(r, e, L7FP_H2_PROTOCOL_ERROR,
						    "no HTTP/2 connection preface");
				++*used;
				r->fill++;
			}
			if (r->fill < L7FP_H2_PREFACE_LEN)
				return L7FP_H2_MORE;
			r->fill = 0;
			r->state = STATE_HEAD;
			break;
		case STATE_HEAD:
			if (!collect(r, p, len, used, L7FP_H2_FRAME_HEAD))
				return L7FP_H2_MORE;
			kind = begin_frame(r, e);
			break;
		case STATE_PAD_LENGTH:
			if (!collect(r, p, len, used, 1))
				return L7FP_H2_MORE;
			kind = pad_length(r, e);
			break;
		case STATE_PRIORITY:
			if (r->left < 5)
				return fail(r, e, L7FP_H2_FRAME_SIZE_ERROR,
					    "HEADERS without the priority it announces");
			if (!collect(r, p, len, used, 5))
				return L7FP_H2_MORE;
			kind = priority(r, e);
			break;
		case STATE_BLOCK:
			kind = read_block(r, len, used, e);
			if (kind == L7FP_H2_MORE)
				return kind;
			break;
		case STATE_DATA_BEGIN:
			r->state = STATE_DATA;
			e->value = r->left + !!(r->flags & L7FP_H2_F_PADDED);
			e->end_stream = r->flags & L7FP_H2_F_END_STREAM;
			return L7FP_H2_DATA_BEGIN;
		case STATE_DATA:
			kind = read_data(r, len, used, e);
			if (kind == L7FP_H2_MORE)
				return kind;
			break;
		case STATE_SETTING:
			if (!r->left) {
				r->state = STATE_HEAD;
				return L7FP_H2_SETTINGS_END;
			}
			if (!collect(r, p, len, used, 6))
				return L7FP_H2_MORE;
			kind = setting(r, e);
			break;
		case STATE_CONTROL:
			if (!collect(r, p, len, used, fixed_length(r->type) ?: 8))
				return L7FP_H2_MORE;
			kind = control(r, e);
			break;
		case STATE_PADDING:
		case STATE_SKIP:
			skip(r, len, used);
			if (r->state != STATE_HEAD)
				return L7FP_H2_MORE;
			break;
		default:
			e->code = r->error;
			e->why = r->why;
			return L7FP_H2_ERROR;
		}
		if (kind != L7FP_H2_MORE)
			return kind;
	}
}

u32 l7fp_h2_put_head(u8 *p, u32 len, u8 type, u8 flags, u32 stream)
{
	p[0] = len >> 16;
	p[1] = len >> 8;
	p[2] = len;
	p[3] = type;
	p[4] = flags;
	put32(p + 5, stream);
	return L7FP_H2_FRAME_HEAD;
}

u32 l7fp_h2_put_setting(u8 *p, u16 id, u32 value)
{
	p[0] = id >> 8;
	p[1] = id;
	put32(p + 2, value);
	return 6;
}

u32 l7fp_h2_put_ping(u8 *p, bool ack, const u8 data[8])
{
	l7fp_h2_put_head(p, 8, L7FP_H2_T_PING, ack ? L7FP_H2_F_ACK : 0, 0);
	memcpy(p + L7FP_H2_FRAME_HEAD, data, 8);
	return L7FP_H2_FRAME_HEAD + 8;
}

u32 l7fp_h2_put_rst_stream(u8 *p, u32 stream, u32 code)
{
	l7fp_h2_put_head(p, 4, L7FP_H2_T_RST_STREAM, 0, stream);
	put32(p + L7FP_H2_FRAME_HEAD, code);
	return L7FP_H2_FRAME_HEAD + 4;
}

u32 l7fp_h2_put_window_update(u8 *p, u32 stream, u32 increment)
{
	l7fp_h2_put_head(p, 4, L7FP_H2_T_WINDOW_UPDATE, 0, stream);
	put32(p + L7FP_H2_FRAME_HEAD, increment);
	return L7FP_H2_FRAME_HEAD + 4;
}

u32 l7fp_h2_put_goaway(u8 *p, u32 last_stream, u32 code, const char *debug)
{
	u32 n = debug ? strlen(debug) : 0;

	if (n > 64)
		n = 64;
	l7fp_h2_put_head(p, 8 + n, L7FP_H2_T_GOAWAY, 0, 0);
	p = put32(put32(p + L7FP_H2_FRAME_HEAD, last_stream), code);
	if (n)
		memcpy(p, debug, n);
	return L7FP_H2_FRAME_HEAD + 8 + n;
}
