/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Huffman code of HPACK (RFC 7541 5.2 and appendix B). */
#ifndef L7FP_HUFFMAN_H
#define L7FP_HUFFMAN_H

#include "codec.h"

#define L7FP_HUFFMAN_ERR_BAD (-1) /* EOS, or padding that is too long or not all ones */
#define L7FP_HUFFMAN_ERR_SPACE (-3) /* no room for all of it; it may be bad as well */

/* Classes of bytes; of a string: of all its bytes. */
#define L7FP_HUFFMAN_NOT_VALUE 1 /* a control character other than a tab */
#define L7FP_HUFFMAN_NOT_NAME 2 /* not a tchar, RFC 9110 5.6.2, or in upper case */

/**
 * struct l7fp_huffman_text - what a coded string is about
 * @len: its length when decoded
 * @classes: of its bytes
 * @first: its first byte, 0 where it is empty
 * @last: its last byte, likewise
 */
struct l7fp_huffman_text {
	u32 len;
	u8 classes;
	u8 first;
	u8 last;
};

/**
 * l7fp_huffman_decode() - decode a string
 * @dst: where to; what is behind the string there may be overwritten
 * @room: bytes there
 * @src: the coded string
 * @len: its length
 * @after: readable bytes that follow it; they do not matter
 * @classes: set to those of the string
 *
 * Return: length of the string, or an error.
 */
int l7fp_huffman_decode(u8 *dst, u32 room, const u8 *src, u32 len, u32 after, u8 *classes);

/**
 * l7fp_huffman_look() - look through a string without decoding it
 * @text: what it is about
 * @src: the coded string
 * @len: its length
 * @skip: bits to leave out at its beginning, at most 7
 *
 * Return: 0 or L7FP_HUFFMAN_ERR_BAD.
 */
int l7fp_huffman_look(struct l7fp_huffman_text *text, const u8 *src, u32 len, u32 skip);

/**
 * l7fp_huffman_length() - length of a string when coded
 * @src: the string
 * @len: its length, at most L7FP_HUFFMAN_MAX
 */
u32 l7fp_huffman_length(const u8 *src, u32 len);

#define L7FP_HUFFMAN_MAX 0x4000000

/**
 * l7fp_huffman_encode() - code a string
 * @dst: where to; l7fp_huffman_length() bytes are written
 * @src: the string
 * @len: its length
 *
 * Return: behind the last byte written.
 */
u8 *l7fp_huffman_encode(u8 *dst, const u8 *src, u32 len);

/**
 * l7fp_huffman_same() - is a coded string what a plain one is
 * @coded: coded string
 * @coded_len: its length
 * @plain: plain string
 * @len: its length
 */
bool l7fp_huffman_same(const u8 *coded, u32 coded_len, const u8 *plain, u32 len);

/* Classes of each byte. */
extern const u8 l7fp_huffman_classes[256];

#endif /* L7FP_HUFFMAN_H */
