// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whether a client that has just connected speaks HTTP/1: by its first line,
 * since other protocols begin with a word and a space, too.
 */
#include "h1_private.h"

#define METHOD_MAX 64

int l7fp_h1_detect(const u8 *buf, u32 len, u32 *scan)
{
	static const char version[] = "HTTP/1.";
	u32 off = 0, i, k;

	/* As parse_start() tolerates one empty line. */
	if (len && buf[0] == '\r') {
		if (len == 1)
			return L7FP_H1_MORE;
		if (buf[1] != '\n')
			return L7FP_H1_ERR_BAD;
		off = 2;
	}
	for (i = off; i < len && is(buf[i], C_TOKEN); i++)
		if (i - off == METHOD_MAX)
			return L7FP_H1_ERR_BAD;
	if (i == len)
		return L7FP_H1_MORE;
	if (i == off || buf[i] != ' ')
		return L7FP_H1_ERR_BAD;
	/* The target: the parser is stricter, and answers 400. */
	off = ++i;
	if (*scan > i)
		i = *scan;
	while (i < len && buf[i] > ' ' && buf[i] != 0x7f)
		i++;
	*scan = i;
	if (i == len)
		return L7FP_H1_MORE;
	if (i == off || buf[i] != ' ')
		return L7FP_H1_ERR_BAD;
	i++;
	for (k = 0; k < sizeof(version) - 1; k++, i++) {
		if (i == len)
			return L7FP_H1_MORE;
		if (buf[i] != version[k])
			return L7FP_H1_ERR_BAD;
	}
	if (len - i >= 1 && !is(buf[i], C_DIGIT))
		return L7FP_H1_ERR_BAD;
	if (len - i < 2)
		return L7FP_H1_MORE;
	return buf[i + 1] == '\r' || buf[i + 1] == '\n' ? (int)i + 2 : L7FP_H1_ERR_BAD;
}
