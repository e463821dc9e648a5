// SPDX-License-Identifier: GPL-2.0-only
/* What a connection speaks, by its first bytes: whole, and byte by byte. */
#include <string.h>
#include "codec_test.h"
#include "h1.h"

#define A64 "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKL"

static const struct {
	const char *name;
	const char *bytes;
	unsigned int len;	/* 0: up to the first zero */
	int expected;
} cases[] = {
	{ "a request", "GET / HTTP/1.1\r\nHost: a\r\n", 0, 15 },
	{ "1.0, and a bare line feed", "GET / HTTP/1.0\n", 0, 15 },
	{ "a method of its own", "M-SEARCH * HTTP/1.1\r\n", 0, 20 },
	{ "an empty line first", "\r\nGET / HTTP/1.1\r\n", 0, 17 },
	{ "bytes over 0x7f in the target", "GET /\xc3\xa9 HTTP/1.1\r\n", 0, 17 },
	{ "a method of 64 bytes", A64 " / HTTP/1.1\r\n", 0, 76 },
	{ "a method of 65 bytes", A64 "A / HTTP/1.1\r\n", 0, L7FP_H1_ERR_BAD },
	{ "nothing", "", 0, L7FP_H1_MORE },
	{ "a method", "GET", 0, L7FP_H1_MORE },
	{ "a method and a space", "GET ", 0, L7FP_H1_MORE },
	{ "no version yet", "GET /path HTT", 0, L7FP_H1_MORE },
	{ "no minor version yet", "GET / HTTP/1.", 0, L7FP_H1_MORE },
	{ "no end yet", "GET / HTTP/1.1", 0, L7FP_H1_MORE },
	{ "half an empty line", "\r", 0, L7FP_H1_MORE },
	{ "two empty lines", "\r\n\r\nGET / HTTP/1.1\r\n", 0, L7FP_H1_ERR_BAD },
	{ "a carriage return alone", "\rG", 0, L7FP_H1_ERR_BAD },
	{ "HTTP/2", "PRI * HTTP/2.0\r\n", 0, L7FP_H1_ERR_BAD },
	{ "HTTP/1.x", "GET / HTTP/1.x\r\n", 0, L7FP_H1_ERR_BAD },
	{ "HTTP/1.10", "GET / HTTP/1.10\r\n", 0, L7FP_H1_ERR_BAD },
	{ "HTTP/0.9", "GET /\r\n", 0, L7FP_H1_ERR_BAD },
	{ "no target", "GET  HTTP/1.1\r\n", 0, L7FP_H1_ERR_BAD },
	{ "a tab in the target", "GET /\t HTTP/1.1\r\n", 0, L7FP_H1_ERR_BAD },
	{ "a space first", " GET / HTTP/1.1\r\n", 0, L7FP_H1_ERR_BAD },
	{ "TLS", "\x16\x03\x01", 0, L7FP_H1_ERR_BAD },
	{ "a zero", "\0", 1, L7FP_H1_ERR_BAD },
	{ "a greeting", "EHLO example.com\r\n", 0, L7FP_H1_ERR_BAD },
	{ "in lower case", "GET / http/1.1\r\n", 0, L7FP_H1_ERR_BAD },
};

static const char *run(const char *bytes, unsigned int len, int expected)
{
	u32 scan = 0, n;
	int got = L7FP_H1_MORE;
	u8 *copy;

	copy = test_alloc(len);
	memcpy(copy, bytes, len);
	got = l7fp_h1_detect(copy, len, &scan);
	test_free(copy);
	if (got != expected)
		return "whole";
	scan = 0;
	/* In memory of just the size, and in another place each time. */
	for (n = 0, got = L7FP_H1_MORE; n <= len && got == L7FP_H1_MORE; n++) {
		copy = test_alloc(n);
		memcpy(copy, bytes, n);
		got = l7fp_h1_detect(copy, n, &scan);
		test_free(copy);
		if (got > 0 && got != (int)n)
			return "told later than it could be";
	}
	return got == expected ? NULL : "byte by byte";
}

int main(void)
{
	unsigned int i, len;

	ktap_begin(ARRAY_SIZE(cases));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		len = cases[i].len ? cases[i].len : strlen(cases[i].bytes);
		ktap_result("detect", cases[i].name, run(cases[i].bytes, len, cases[i].expected));
	}
	return ktap_end();
}
