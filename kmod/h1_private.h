/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the HTTP/1.1 codec share with each other only. */
#ifndef L7FP_H1_PRIVATE_H
#define L7FP_H1_PRIVATE_H

#include "h1.h"

/* Classes of bytes. */
#define C_TOKEN 0x01 /* tchar, RFC 9110 5.6.2 */
#define C_HOST 0x02 /* unreserved and sub-delims, RFC 3986 3.2.2 */
#define C_HEX 0x04
#define C_DIGIT 0x08
#define C_ALPHA 0x10
#define C_OWS 0x20 /* SP and HTAB */

extern const u8 l7fp_h1_classes[256];

static __always_inline bool is(u8 byte, u8 class)
{
	return l7fp_h1_classes[byte] & class;
}

/* Where the parser is; kept in l7fp_h1_head.state while more bytes are wanted. */
enum { STATE_BEGIN, STATE_START_LINE, STATE_HEADERS, STATE_MASK = 0x0f };

/* Connection options, RFC 9110 7.6.1; above STATE_MASK in l7fp_h1_head.state. */
#define SEEN_KEEP_ALIVE 0x10
#define SEEN_UPGRADE 0x20
#define SEEN_TE 0x40
#define SEEN_REFUSED 0x80

/* What Transfer-Encoding says; kept in l7fp_h1_head.coding. */
enum { CODING_NONE, CODING_CHUNKED, CODING_UNKNOWN };

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/*
 * Compares with a constant in lower case, without regard to case. Only where the constant has a
 * letter (0x40 set; it has but letters, digits and '-') is case folded, so nothing else is taken
 * for it.
 */
static __always_inline bool same64(const u8 *p, const char *s)
{
	u64 want = l7fp_load64(s);

	return (l7fp_load64(p) | (want & 0x4040404040404040ULL) >> 1) == want;
}

static __always_inline bool same32(const u8 *p, const char *s)
{
	u32 want = l7fp_load32(s);

	return (l7fp_load32(p) | (want & 0x40404040U) >> 1) == want;
}

static __always_inline bool equals(const u8 *p, const char *s, u32 len)
{
	u32 i;

	if (len >= 8) {
		for (i = 0; i + 8 <= len; i += 8)
			if (!same64(p + i, s + i))
				return false;
		return same64(p + len - 8, s + len - 8);
	}
	if (len >= 4)
		return same32(p, s) && same32(p + len - 4, s + len - 4);
	for (i = 0; i < len; i++)
		if ((p[i] | (s[i] & 0x40) >> 1) != s[i])
			return false;
	return true;
}

#define IS(p, s) equals(p, s, sizeof(s) - 1)

/* enum l7fp_method of a method as it was sent. */
static inline u8 lookup_method(const u8 *p, u32 len)
{
	switch (len) {
	case 3:
		if (!memcmp(p, "GET", 3))
			return L7FP_METHOD_GET;
		return !memcmp(p, "PUT", 3) ? L7FP_METHOD_PUT : L7FP_METHOD_OTHER;
	case 4:
		if (!memcmp(p, "POST", 4))
			return L7FP_METHOD_POST;
		return !memcmp(p, "HEAD", 4) ? L7FP_METHOD_HEAD : L7FP_METHOD_OTHER;
	case 5:
		if (!memcmp(p, "PATCH", 5))
			return L7FP_METHOD_PATCH;
		return !memcmp(p, "TRACE", 5) ? L7FP_METHOD_TRACE : L7FP_METHOD_OTHER;
	case 6:
		return !memcmp(p, "DELETE", 6) ? L7FP_METHOD_DELETE : L7FP_METHOD_OTHER;
	case 7:
		if (!memcmp(p, "OPTIONS", 7))
			return L7FP_METHOD_OPTIONS;
		return !memcmp(p, "CONNECT", 7) ? L7FP_METHOD_CONNECT : L7FP_METHOD_OTHER;
	}
	return L7FP_METHOD_OTHER;
}

u16 l7fp_h1_lookup_token(const u8 *p, u32 len);
bool l7fp_h1_valid_authority(const u8 *p, u32 len, bool port_required);
int l7fp_h1_note_header(struct l7fp_h1_head *h, const u8 *buf,
			const struct l7fp_h1_header *header);
/* Keeps the good line at @p in its place, perhaps. @length: of Content-Length, what it says. */
void l7fp_h1_keep_line(struct l7fp_h1_line *line, const u8 *p, u32 len,
		       const struct l7fp_h1_header *header, u64 length);

#endif /* L7FP_H1_PRIVATE_H */
