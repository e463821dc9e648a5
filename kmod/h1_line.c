// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Header lines that were parsed before. What a line says depends on its bytes alone, and most
 * lines of most messages came lately, byte for byte: it costs less to compare one than to parse
 * it.
 *
 * A line has one place, which its name chooses, and is looked for first where the line is that came
 * after the one before it the last time. Lines that differ each time must not be copied
 * each time, so that one in the place of another is taken when that was in vain a few times.
 */
#include "h1_private.h"

#define PATIENCE 4

/* What might be a secret, or means more than known_header() says. */
#define NOT_KEPT (BIT_ULL(L7FP_H_AUTHORIZATION) | BIT_ULL(L7FP_H_PROXY_AUTHORIZATION) | \
		  BIT_ULL(L7FP_H_COOKIE) | BIT_ULL(L7FP_H_TRANSFER_ENCODING) | \
		  BIT_ULL(L7FP_H_TE) | BIT_ULL(L7FP_H_EXPECT))

void l7fp_h1_keep_line(struct l7fp_h1_line *line, const u8 *p, u32 len,
		       const struct l7fp_h1_header *header, u64 length)
{
	u32 value_off = header->value_off - header->name_off;

	if (len < L7FP_H1_LINE_MIN || len > sizeof(line->bytes) || NOT_KEPT >> header->token & 1)
		return;
	if (header->token == L7FP_H_CONNECTION &&
	    (header->value_len != 10 || !IS(p + value_off, "keep-alive")))
		return;
	if (line->len && ++line->misses < PATIENCE)
		return;
	line->misses = 0;
	line->len = len;
	line->length = length;
	line->header = *header;
	line->header.name_off = 0;
	line->header.value_off = value_off;
	memcpy(line->bytes, p, len);
}
