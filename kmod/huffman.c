// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The Huffman code of HPACK.
 *
 * Up to 64 bits of the string are held left-aligned; the next WINDOW of them say which one or two
 * bytes they begin with. Codes that are longer, of bytes that headers seldom have, are found by
 * their length: the code is canonical.
 */
#include "huffman.h"
#include "huffman_tables.h"

#define COUNT(e) ((e) >> 6 & 3)
#define BITS(e) ((e) & 63)
#define FIRST_BITS(e) ((e) >> 24 & 15)
#define CLASSES(e) ((e) >> 28)
#define TWO (2 << 6)

/* The windows that fit between two reads of the string, and the bytes they may decode to. */
#define STEPS (56 / WINDOW)
#define STEPS_ROOM (2 * STEPS)

static __always_inline u64 load64_be(const u8 *p)
{
	u64 x;

	__builtin_memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static __always_inline void store32_be(u8 *p, u32 x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	x = __builtin_bswap32(x);
#endif
	__builtin_memcpy(p, &x, sizeof(x));
}

static __always_inline void store_two(u8 *p, u32 e)
{
	p[0] = e >> 8;
	p[1] = e >> 16;
}

/* The byte whose code, longer than WINDOW, @window begins with; -1: EOS. *bits is its length. */
static noinline int long_code(u32 window, u32 *bits)
{
	u32 i = 0, symbol;

	while (window > longer[i].last)
		i++;
	*bits = longer[i].bits;
	symbol = longer[i].symbol + ((window - longer[i].base) >> (32 - longer[i].bits));
	return symbol < sizeof(symbols) ? symbols[symbol] : -1;
}

/*
 * Decodes, or looks only. What follows the last whole code must be at most 7 bits, all ones: the
 * beginning of EOS.
 */
static __always_inline int run(u8 *dst, u32 room, const u8 *src, u32 len, u32 after, u32 skip,
			       bool store, u8 *all, struct l7fp_huffman_text *text)
{
	const u8 *p = src, *end = src + len;
	u32 bits = 0, n = 0, seen = 0, e, one, i;
	u8 last = 0;
	u64 buf = 0;
	int byte;

	if (skip && len) {
		buf = (u64)*p++ << (56 + skip);
		bits = 8 - skip;
	}
	for (;;) {
		while (end - p >= 8 && (!store || room - n >= STEPS_ROOM)) {
			buf |= load64_be(p) >> bits;
			p += (63 - bits) >> 3;
			bits |= 56;
			/* A code that is too long decodes to nothing, again and again. */
			for (i = 0; i < STEPS; i++) {
				e = windows[buf >> (64 - WINDOW)];
				seen |= e;
				if (store)
					store_two(dst + n, e);
				buf <<= BITS(e);
				bits -= BITS(e);
				n += COUNT(e);
				if (!store && COUNT(e))
					last = e & TWO ? e >> 16 : e >> 8;
			}
			if (unlikely(!COUNT(e)))
				break;
		}
		if (end - p >= 8) {
			buf |= load64_be(p) >> bits;
			p += (63 - bits) >> 3;
			bits |= 56;
		} else if (bits < 56 && p < end) {
			if ((u32)(end - p) + after >= 8) {
				/* Only the bytes that belong to the string. */
				i = (63 - bits) >> 3;
				if (i > (u32)(end - p))
					i = end - p;
				buf |= (load64_be(p) & ~(~0ULL >> 8 * i)) >> bits;
				p += i;
				bits += 8 * i;
			} else {
				for (; bits < 56 && p < end; bits += 8)
					buf |= (u64)*p++ << (56 - bits);
			}
		}
		while (bits >= WINDOW && (!store || room - n >= 2)) {
			e = windows[buf >> (64 - WINDOW)];
			if (!COUNT(e))
				break;
			seen |= e;
			if (store)
				store_two(dst + n, e);
			buf <<= BITS(e);
			bits -= BITS(e);
			n += COUNT(e);
			if (!store)
				last = e & TWO ? e >> 16 : e >> 8;
		}
		if (!bits && p == end)
			break;
		if (bits < 30 && p < end)
			continue;

		/* One code: the last one, a long one, or one for which there is hardly room. */
		e = windows[(buf | ~0ULL >> bits) >> (64 - WINDOW)];
		if (COUNT(e)) {
			one = FIRST_BITS(e);
			byte = e >> 8 & 0xff;
		} else {
			byte = long_code((buf | ~0ULL >> bits) >> 32, &one);
		}
		if (one > bits) {
			if (bits > 7 || p < end || ~(buf | ~0ULL >> bits))
				return L7FP_HUFFMAN_ERR_BAD;
			break;
		}
		if (byte < 0)
			return L7FP_HUFFMAN_ERR_BAD;
		seen |= (u32)l7fp_huffman_classes[byte] << 28;
		if (store) {
			if (n == room)
				return L7FP_HUFFMAN_ERR_SPACE;
			dst[n] = byte;
		} else {
			last = byte;
		}
		n++;
		buf <<= one;
		bits -= one;
	}
	*all = CLASSES(seen);
	if (!store) {
		text->len = n;
		text->last = last;
	}
	return n;
}

int l7fp_huffman_decode(u8 *dst, u32 room, const u8 *src, u32 len, u32 after, u8 *all)
{
	return run(dst, room, src, len, after, 0, true, all, NULL);
}

/* Of a string that is right. */
static u8 first_byte(const u8 *src, u32 len)
{
	u32 window = ~0U, i, e, bits;

	for (i = 0; i < len && i < 4; i++)
		window ^= (u32)(u8)~src[i] << (24 - 8 * i);
	e = windows[window >> (32 - WINDOW)];
	return COUNT(e) ? (u8)(e >> 8) : (u8)long_code(window, &bits);
}

int l7fp_huffman_look(struct l7fp_huffman_text *text, const u8 *src, u32 len, u32 skip)
{
	int n = run(NULL, 0, src, len, 0, skip, false, &text->classes, text);

	if (n < 0)
		return n;
	text->first = n && !skip ? first_byte(src, len) : 0;
	return 0;
}

u32 l7fp_huffman_length(const u8 *src, u32 len)
{
	u32 a = 7, b = 0, i;

	for (i = 0; i + 2 <= len; i += 2) {
		a += lengths[src[i]];
		b += lengths[src[i + 1]];
	}
	if (i < len)
		a += lengths[src[i]];
	return (a + b) / 8;
}

u8 *l7fp_huffman_encode(u8 *dst, const u8 *src, u32 len)
{
	u32 bits = 0, i;
	u64 buf = 0;

	for (i = 0; i < len; i++) {
		buf = buf << lengths[src[i]] | codes[src[i]];
		bits += lengths[src[i]];
		if (bits >= 32) {
			bits -= 32;
			store32_be(dst, buf >> bits);
			dst += 4;
		}
	}
	if (bits % 8) {
		buf = buf << (8 - bits % 8) | 0xff >> bits % 8;
		bits += 8 - bits % 8;
	}
	for (; bits; bits -= 8)
		*dst++ = buf >> (bits - 8);
	return dst;
}

bool l7fp_huffman_same(const u8 *coded, u32 coded_len, const u8 *plain, u32 len)
{
	const u8 *end = coded + coded_len;
	u32 bits = 0, i;
	u64 buf = 0;

	for (i = 0; i < len; i++) {
		buf = buf << lengths[plain[i]] | codes[plain[i]];
		for (bits += lengths[plain[i]]; bits >= 8; bits -= 8)
			if (coded == end || *coded++ != (u8)(buf >> (bits - 8)))
				return false;
	}
	if (bits && (coded == end || *coded++ != (u8)(buf << (8 - bits) | 0xff >> bits)))
		return false;
	return coded == end;
}
