// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Chunked bodies (RFC 9112 7.1).
 *
 * The chunk lines may lie in pages that their sender can still change, so each byte is read once,
 * and whoever forwards the body writes chunk lines of its own from what was read here.
 */
#include "h1.h"

/* More digits than this could state a size that does not fit. */
#define MAX_DIGITS 15

enum {
	STATE_SIZE, /* digits of the size */
	STATE_SPACE, /* white space before an extension */
	STATE_EXTENSION, /* the rest of the line, dropped */
	STATE_SIZE_LF,
	STATE_DATA,
	STATE_DATA_CR,
	STATE_DATA_LF,
	STATE_LAST,
	STATE_ERROR,
};

/**
 * l7fp_h1_chunk_init() - begin a chunked body
 * @c: progress
 */
void l7fp_h1_chunk_init(struct l7fp_h1_chunk *c)
{
	memset(c, 0, sizeof(*c));
	c->state = STATE_SIZE;
}

static bool add_digit(struct l7fp_h1_chunk *c, u8 byte)
{
	u8 lower = byte | 0x20, digit;

	if (byte >= '0' && byte <= '9')
		digit = byte - '0';
	else if (lower >= 'a' && lower <= 'f')
		digit = lower - 'a' + 10;
	else
		return false;
	if (c->digits == MAX_DIGITS)
		return false;
	c->digits++;
	c->remaining = c->remaining << 4 | digit;
	return true;
}

/* One byte of framing; false where it may not stand there. */
static bool step(struct l7fp_h1_chunk *c, u8 byte)
{
	switch (c->state) {
	case STATE_DATA_CR:
		c->state = STATE_DATA_LF;
		return byte == '\r';
	case STATE_DATA_LF:
		c->state = STATE_SIZE;
		c->line_len = 0;
		c->digits = 0;
		return byte == '\n';
	}

	if (++c->line_len > L7FP_MAX_CHUNK_LINE)
		return false;
	switch (c->state) {
	case STATE_SIZE:
		if (add_digit(c, byte))
			return true;
		if (!c->digits)
			return false;
		fallthrough;
	case STATE_SPACE:
		/* bad white space is allowed before ';' only, RFC 9112 7.1.1 */
		if (byte == ';')
			c->state = STATE_EXTENSION;
		else if (byte == ' ' || byte == '\t')
			c->state = STATE_SPACE;
		else if (byte == '\r' && c->state == STATE_SIZE)
			c->state = STATE_SIZE_LF;
		else
			return false;
		return true;
	case STATE_EXTENSION:
		if (byte == '\r')
			c->state = STATE_SIZE_LF;
		return byte == '\r' || byte == '\t' || (byte >= 0x20 && byte != 0x7f);
	case STATE_SIZE_LF:
		c->state = c->remaining ? STATE_DATA : STATE_LAST;
		return byte == '\n';
	default:
		return false;
	}
}

/**
 * l7fp_h1_chunk_feed() - read framing up to the next event
 * @c: progress
 * @p: bytes that follow those consumed before
 * @len: their number
 * @consumed: how many of them were framing and are done with
 */
enum l7fp_h1_chunk_event l7fp_h1_chunk_feed(struct l7fp_h1_chunk *c, const u8 *p, u32 len,
					    u32 *consumed)
{
	u32 i = 0;

	*consumed = 0;
	switch (c->state) {
	case STATE_ERROR:
		return L7FP_CHUNK_ERROR;
	case STATE_LAST:
		return L7FP_CHUNK_LAST;
	case STATE_DATA:
		return len ? L7FP_CHUNK_DATA : L7FP_CHUNK_MORE;
	}
	while (i < len) {
		if (!step(c, READ_ONCE(p[i]))) {
			c->state = STATE_ERROR;
			return L7FP_CHUNK_ERROR;
		}
		*consumed = ++i;
		if (c->state == STATE_DATA)
			return L7FP_CHUNK_BEGIN;
		if (c->state == STATE_LAST)
			return L7FP_CHUNK_LAST;
	}
	return L7FP_CHUNK_MORE;
}

/**
 * l7fp_h1_chunk_advance() - say that data was taken
 * @c: progress
 * @bytes: how many bytes after an L7FP_CHUNK_DATA, at most @c->remaining
 */
void l7fp_h1_chunk_advance(struct l7fp_h1_chunk *c, u64 bytes)
{
	if (c->state != STATE_DATA || bytes > c->remaining) {
		c->state = STATE_ERROR;
		return;
	}
	c->remaining -= bytes;
	if (!c->remaining)
		c->state = STATE_DATA_CR;
}
