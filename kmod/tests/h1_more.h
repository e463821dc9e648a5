/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checks of the HTTP/1.1 codec that are more than a table: limits at N and N + 1, fields of the
 * parse, look-ups. Each returns what is wrong, or NULL. Shared as h1_cases.h is.
 */
#ifndef L7FP_H1_MORE_H
#define L7FP_H1_MORE_H

#include "h1_cases.h"

/* A head of @len bytes with @n_headers lines, the last one made long; freed by the caller. */
static u8 *h1_make(const char *start, u32 len, u32 n_headers)
{
	u32 off = strlen(start), i;
	u8 *buf = test_alloc(len);

	if (!buf)
		return NULL;
	memset(buf, 'v', len);
	memcpy(buf, start, off);
	for (i = 0; i < n_headers; i++) {
		memcpy(buf + off, "n:", 2);
		off += 2;
		if (i + 1 < n_headers) {
			memcpy(buf + off, "\r\n", 2);
			off += 2;
		}
	}
	if (len >= off + 4)
		memcpy(buf + len - 4, "\r\n\r\n", 4);
	return buf;
}

static const char *h1_limit_run(enum h1_kind kind, const char *start, u32 len, u32 n_headers,
				int want, struct l7fp_h1_head *h)
{
	u32 limit = kind == H1_TRAILERS ? L7FP_MAX_TRAILERS : L7FP_MAX_HEAD;
	struct h1_case c = { .kind = kind, .to = L7FP_METHOD_GET };
	const char *wrong = NULL;
	u8 *buf = h1_make(start, len, n_headers);
	u32 scan = 0, part = 0;
	int n;

	if (!buf)
		return "no memory";
	n = h1_parse(&c, h, buf, len, &scan, &h1_lines);
	if (n != want)
		wrong = "result of the whole";
	for (n = 0, scan = 0; !n && !wrong && part < len;) {
		part = len - part > 997 ? part + 997 : len;
		n = h1_parse(&c, h, buf, part, &scan, &h1_lines);
	}
	if (!wrong && n != want)
		wrong = "result of the parts";
	/* as soon as no more bytes may come, not when one more has */
	scan = 0;
	if (!wrong && len > limit && h1_parse(&c, h, buf, limit, &scan, &h1_lines) != want)
		wrong = "result at the limit";
	test_free(buf);
	return wrong;
}

static const char *h1_check_limits(struct l7fp_h1_head *h)
{
	static const char *const request = "GET / HTTP/1.1\r\nHost:a\r\n";
	static const char *const response = "HTTP/1.1 200 OK\r\n";
	const char *wrong;

	wrong = h1_limit_run(H1_REQUEST, request, L7FP_MAX_HEAD, 1, L7FP_MAX_HEAD, h);
	if (!wrong)
		wrong = h1_limit_run(H1_REQUEST, request, L7FP_MAX_HEAD + 1, 1, TOO_LARGE, h);
	if (!wrong)
		wrong = h1_limit_run(H1_RESPONSE, response, L7FP_MAX_HEAD, 1, L7FP_MAX_HEAD, h);
	if (!wrong)
		wrong = h1_limit_run(H1_RESPONSE, response, L7FP_MAX_HEAD + 1, 1, BAD_RESPONSE, h);
	if (!wrong)
		wrong = h1_limit_run(H1_TRAILERS, "", L7FP_MAX_TRAILERS, 1, L7FP_MAX_TRAILERS, h);
	if (!wrong)
		wrong = h1_limit_run(H1_TRAILERS, "", L7FP_MAX_TRAILERS + 1, 1, TOO_LARGE, h);
	/* Host counts too */
	if (!wrong)
		wrong = h1_limit_run(H1_REQUEST, request, 1000, L7FP_MAX_HEADERS - 1, 1000, h);
	if (!wrong && h->n_headers != L7FP_MAX_HEADERS)
		wrong = "number of headers";
	if (!wrong)
		wrong = h1_limit_run(H1_REQUEST, request, 1000, L7FP_MAX_HEADERS, TOO_LARGE, h);
	if (!wrong)
		wrong = h1_limit_run(H1_RESPONSE, response, 1000, L7FP_MAX_HEADERS + 1,
				     BAD_RESPONSE, h);
	if (!wrong)
		wrong = h1_limit_run(H1_TRAILERS, "", 1000, L7FP_MAX_HEADERS + 1, TOO_LARGE, h);
	return wrong;
}

/* Every name that has a token, and near misses of each. */
static const char *h1_check_tokens(struct l7fp_h1_head *h)
{
	static const struct {
		const char *name;
		enum l7fp_h1_token token;
	} names[] = {
		{ "Host", L7FP_H_HOST },
		{ "Connection", L7FP_H_CONNECTION },
		{ "Content-Length", L7FP_H_CONTENT_LENGTH },
		{ "Transfer-Encoding", L7FP_H_TRANSFER_ENCODING },
		{ "TE", L7FP_H_TE },
		{ "Trailer", L7FP_H_TRAILER },
		{ "Upgrade", L7FP_H_UPGRADE },
		{ "Keep-Alive", L7FP_H_KEEP_ALIVE },
		{ "Proxy-Connection", L7FP_H_PROXY_CONNECTION },
		{ "Proxy-Authenticate", L7FP_H_PROXY_AUTHENTICATE },
		{ "Proxy-Authorization", L7FP_H_PROXY_AUTHORIZATION },
		{ "Expect", L7FP_H_EXPECT },
		{ "Date", L7FP_H_DATE },
		{ "Server", L7FP_H_SERVER },
		{ "Via", L7FP_H_VIA },
		{ "Location", L7FP_H_LOCATION },
		{ "Cookie", L7FP_H_COOKIE },
		{ "User-Agent", L7FP_H_USER_AGENT },
		{ "Authorization", L7FP_H_AUTHORIZATION },
		{ "Content-Type", L7FP_H_CONTENT_TYPE },
		{ "X-Request-Id", L7FP_H_X_REQUEST_ID },
		{ "X-Forwarded-Proto", L7FP_H_X_FORWARDED_PROTO },
		{ "X-Forwarded-For", L7FP_H_X_FORWARDED_FOR },
		{ "X-Forwarded-Host", L7FP_H_X_FORWARDED_HOST },
		{ "X-Envoy-Attempt-Count", L7FP_H_X_ENVOY_ATTEMPT_COUNT },
		{ "X-Envoy-Original-Path", L7FP_H_X_ENVOY_ORIGINAL_PATH },
		{ "X-Forwarded-Client-Cert", L7FP_H_X_FORWARDED_CLIENT_CERT },
		{ "X-L7FP-Reason", L7FP_H_X_L7FP_REASON },
		{ "HTTP2-Settings", L7FP_H_HTTP2_SETTINGS },
	};
	u32 i, at, scan, len;
	u8 buf[40];

	if (ARRAY_SIZE(names) != L7FP_H_PSEUDO_AUTHORITY - 1)
		return "a token has no name here";
	for (i = 0; i < L7FP_H_PSEUDO_AUTHORITY - 1; i++) {
		len = strlen(names[i].name);
		/* at == len: unchanged */
		for (at = 0; at <= len; at++) {
			memcpy(buf, names[i].name, len);
			memcpy(buf + len, ":1\r\n\r\n", 6);
			if (at < len)
				buf[at] = buf[at] == 'q' ? 'z' : 'q';
			scan = 0;
			if (l7fp_h1_parse_trailers(h, buf, len + 6, &scan) != (int)len + 6)
				return names[i].name;
			if (h->headers[0].token != (at < len ? L7FP_H_OTHER : names[i].token) ||
			    l7fp_h1_has(h, names[i].token) != !(at < len))
				return names[i].name;
		}
	}
	return NULL;
}

/* All offsets of one request. */
static const char *h1_check_offsets(struct l7fp_h1_head *h)
{
	static const char in[] = "\r\nGET /a?b HTTP/1.1\r\n"
				 "Host: h\r\n"
				 "X-Test:  v 1 \r\n"
				 "connection: foo, close\r\n"
				 "x-test:2\r\n"
				 "CONNECTION: Bar\r\n\r\nrest";
	const u8 *buf = (const u8 *)in, *x_test = (const u8 *)"x-test";
	u32 scan = 0;

	if (l7fp_h1_parse_request(h, buf, sizeof(in) - 1, &scan, NULL) !=
	    (int)sizeof(in) - 5)
		return "result";
	if (h->method != L7FP_METHOD_GET || !h1_slice_is(buf, &h->method_name, "GET") ||
	    !h1_slice_is(buf, &h->target, "/a?b") || h->minor != 1)
		return "request line";
	if (h->headers_off != 21 || h->host != 0 || h->connection != 2 || h->n_headers != 5)
		return "indices";
	if (h->headers[1].name_off != 30 || h->headers[1].name_len != 6 ||
	    h->headers[1].value_off != 39 || h->headers[1].value_len != 3)
		return "header";
	if (l7fp_h1_line_len(h, 0) != 9 || l7fp_h1_line_len(h, 1) != 15 ||
	    l7fp_h1_line_len(h, 4) != 17)
		return "lengths of lines";
	if (l7fp_h1_find(h, buf, x_test, 6, -1) != 1 || l7fp_h1_find(h, buf, x_test, 6, 1) != 3 ||
	    l7fp_h1_find(h, buf, x_test, 6, 3) != -1 || l7fp_h1_find(h, buf, x_test, 5, -1) != -1)
		return "find";
	if (!h->connection_close || !h->has_connection_options)
		return "connection options";
	if (!l7fp_h1_connection_lists(h, buf, (const u8 *)"Foo", 3) ||
	    !l7fp_h1_connection_lists(h, buf, (const u8 *)"bar", 3) ||
	    l7fp_h1_connection_lists(h, buf, (const u8 *)"fo", 2) ||
	    l7fp_h1_connection_lists(h, buf, (const u8 *)"baz", 3))
		return "connection lists";
	return NULL;
}

/* A response that names what frames it does not get it stripped. */
static const char *h1_check_options(struct l7fp_h1_head *h)
{
	static const char in[] = "HTTP/1.1 200 OK\r\n"
				 "Connection: content-length, x\r\n"
				 "Content-Length: 1\r\n\r\n";
	const u8 *buf = (const u8 *)in;
	u32 scan = 0;

	if (l7fp_h1_parse_response(h, buf, sizeof(in) - 1, &scan, L7FP_METHOD_GET,
				   NULL) <= 0)
		return "result";
	if (h->status != 200 || !h1_slice_is(buf, &h->reason, "OK"))
		return "status line";
	if (l7fp_h1_connection_lists(h, buf, (const u8 *)"Content-Length", 14) ||
	    !l7fp_h1_connection_lists(h, buf, (const u8 *)"X", 1))
		return "connection lists";
	return NULL;
}

static const char *h1_check_statuses(struct l7fp_h1_head *h)
{
	(void)h;
	if (l7fp_h1_error_status(BAD) != 400 || l7fp_h1_error_status(TOO_LARGE) != 431 ||
	    l7fp_h1_error_status(NOT_IMPLEMENTED) != 501 || l7fp_h1_error_status(VERSION) != 505 ||
	    l7fp_h1_error_status(BAD_RESPONSE) != 502)
		return "status";
	return NULL;
}

static const char *h1_check_methods(struct l7fp_h1_head *h)
{
	static const char *const names[__L7FP_METHOD_MAX] = {
		[L7FP_METHOD_OTHER] = "get",
		[L7FP_METHOD_GET] = "GET",
		[L7FP_METHOD_HEAD] = "HEAD",
		[L7FP_METHOD_POST] = "POST",
		[L7FP_METHOD_PUT] = "PUT",
		[L7FP_METHOD_DELETE] = "DELETE",
		[L7FP_METHOD_CONNECT] = "CONNECT",
		[L7FP_METHOD_OPTIONS] = "OPTIONS",
		[L7FP_METHOD_TRACE] = "TRACE",
		[L7FP_METHOD_PATCH] = "PATCH",
	};
	char buf[64];
	u32 i, scan, len;

	for (i = 0; i < __L7FP_METHOD_MAX; i++) {
		len = snprintf(buf, sizeof(buf), "%s %s HTTP/1.1\r\nHost: a:1\r\n\r\n", names[i],
			       i == L7FP_METHOD_CONNECT ? "a:1" : "/");
		scan = 0;
		if (l7fp_h1_parse_request(h, (const u8 *)buf, len, &scan, NULL) != (int)len ||
		    h->method != i)
			return names[i];
	}
	return NULL;
}

#define LINES_HEAD "HTTP/1.1 200 OK\r\n"
#define LINES_LONG "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

struct h1_lines_test {
	struct l7fp_h1_lines lines;
	struct l7fp_h1_head plain;
	u8 buf[sizeof(LINES_HEAD) + (L7FP_MAX_HEADERS + 1) * 20 + 80];
};

/* The head of @len bytes means the same whether lines came before or not. */
static bool h1_same_with_lines(struct h1_lines_test *t, struct l7fp_h1_head *h, u32 len, bool good)
{
	u32 scan = 0, fresh = 0;
	int n = l7fp_h1_parse_response(h, t->buf, len, &scan, L7FP_METHOD_GET, &t->lines);
	int m = l7fp_h1_parse_response(&t->plain, t->buf, len, &fresh, L7FP_METHOD_GET, NULL);

	return n == m && good == (n == (int)len) && (!good || h1_same(h, &t->plain));
}

static bool h1_line_is(struct h1_lines_test *t, struct l7fp_h1_head *h, const char *line, bool good)
{
	u32 len = snprintf((char *)t->buf, sizeof(t->buf), LINES_HEAD "%s\r\nA: 1\r\n\r\n", line);

	return h1_same_with_lines(t, h, len, good);
}

/* So many equal lines, of 20 bytes. */
static bool h1_many_lines(struct h1_lines_test *t, struct l7fp_h1_head *h, u32 n)
{
	u32 len = sizeof(LINES_HEAD) - 1, i;

	memcpy(t->buf, LINES_HEAD, len);
	for (i = 0; i < n; i++, len += 20)
		memcpy(t->buf + len, "x-version: reviews\r\n", 20);
	memcpy(t->buf + len, "\r\n", 2);
	return h1_same_with_lines(t, h, len + 2, n <= L7FP_MAX_HEADERS);
}

static u32 h1_lines_kept(struct h1_lines_test *t)
{
	u32 i, n = 0;

	for (i = 0; i < L7FP_H1_LINES; i++)
		n += t->lines.line[i].len != 0;
	memset(&t->lines, 0, sizeof(t->lines));
	return n;
}

static const struct {
	const char *line;
	bool good;
} h1_similar_lines[] = {
	{ "x-version: reviews", true },
	{ "x-version: reviewt", true },
	{ "y-version: reviews", true },
	{ "x-version: reviews ", true },
	{ "x-version: review", true },
	{ "x-version: reviews-v1", true },
	{ "x-version:  reviews", true },
	{ "X-version: reviews", true },
	{ "x-version: reviews\rb", false },
	{ "x-version : reviews", false },
	{ "content-length: 000012", true },
	{ "xontent-length: 000012", true },
	{ "content-length: 00001 ", true },
	{ "content-length: 0000x2", false },
	{ "content-length: 000012\r\ncontent-length: 000012", false },
	{ "host: reviews:9080", true },
	{ "host: reviews:9080\r\nhost: reviews:9080", false },
	{ "connection: keep-alive", true },
	{ "connection: keep-alivf", true },
	{ "connection: keep-alive\r\nconnection: keep-alive", true },
	{ "connection: keep-alive\r\nconnection: close", true },
	{ "transfer-encoding: chunked", true },
	{ "transfer-encoding: chunked\r\ntransfer-encoding: chunked", false },
};

/* Lines that came lately, others that are nearly the same, and those that are not to be kept. */
static const char *h1_check_lines(struct l7fp_h1_head *h)
{
	struct h1_lines_test *t = test_alloc(sizeof(*t));
	const char *wrong = NULL;
	u32 i, round;

	if (!t)
		return "no memory";
	memset(t, 0, sizeof(*t));
	/* Longer than anybody is patient, so that each of them is kept for a while. */
	for (i = 0; i < ARRAY_SIZE(h1_similar_lines) * 12 && !wrong; i++)
		for (round = 0; round < 1 + i % 7 && !wrong; round++)
			if (!h1_line_is(t, h,
					h1_similar_lines[i % ARRAY_SIZE(h1_similar_lines)].line,
					h1_similar_lines[i % ARRAY_SIZE(h1_similar_lines)].good))
				wrong = h1_similar_lines[i % ARRAY_SIZE(h1_similar_lines)].line;
	if (!h1_lines_kept(t))
		wrong = wrong ?: "nothing is kept";
	if (!h1_many_lines(t, h, L7FP_MAX_HEADERS) || !h1_many_lines(t, h, L7FP_MAX_HEADERS + 1))
		wrong = wrong ?: "number of lines";
	h1_lines_kept(t);
	if (!h1_line_is(t, h, "authorization: Basic YTpi", true) ||
	    !h1_line_is(t, h, "proxy-authorization: Basic YTpi", true) ||
	    !h1_line_is(t, h, "cookie: session=1", true) || !h1_line_is(t, h, "a: 12", true) ||
	    !h1_line_is(t, h, "long-123456789: " LINES_LONG "12345", true) || h1_lines_kept(t))
		wrong = wrong ?: "kept";
	if (!h1_line_is(t, h, "a: 123", true) || h1_lines_kept(t) != 1)
		wrong = wrong ?: "the shortest is not kept";
	if (!h1_line_is(t, h, "long-123456789: " LINES_LONG "1234", true) || h1_lines_kept(t) != 1)
		wrong = wrong ?: "the longest is not kept";
	test_free(t);
	return wrong;
}

/* Advancing by more than there is, or without data, is an error that stays. */
static const char *h1_check_chunk_misuse(struct l7fp_h1_head *h)
{
	struct l7fp_h1_chunk c;
	u32 consumed;

	(void)h;
	l7fp_h1_chunk_init(&c);
	if (l7fp_h1_chunk_feed(&c, (const u8 *)"2\r\nab", 5, &consumed) != L7FP_CHUNK_BEGIN ||
	    consumed != 3 || c.remaining != 2)
		return "begin";
	if (l7fp_h1_chunk_feed(&c, NULL, 0, &consumed) != L7FP_CHUNK_MORE || consumed)
		return "no bytes";
	l7fp_h1_chunk_advance(&c, 3);
	if (l7fp_h1_chunk_feed(&c, (const u8 *)"ab", 2, &consumed) != L7FP_CHUNK_ERROR || consumed)
		return "advance by too much";
	l7fp_h1_chunk_init(&c);
	l7fp_h1_chunk_advance(&c, 0);
	if (l7fp_h1_chunk_feed(&c, (const u8 *)"0\r\n", 3, &consumed) != L7FP_CHUNK_ERROR)
		return "advance without data";
	return NULL;
}

static const struct h1_check {
	const char *name;
	const char *(*run)(struct l7fp_h1_head *h);
} h1_checks[] = {
	{ "limits at N and N + 1", h1_check_limits },
	{ "tokens", h1_check_tokens },
	{ "methods", h1_check_methods },
	{ "lines that came lately", h1_check_lines },
	{ "offsets and look-ups", h1_check_offsets },
	{ "options that would strip framing", h1_check_options },
	{ "statuses of errors", h1_check_statuses },
	{ "misuse of the chunk decoder", h1_check_chunk_misuse },
};

#endif /* L7FP_H1_MORE_H */
