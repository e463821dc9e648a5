/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cases for the HTTP/1.1 codec, shared by the KUnit suite and the unit test.
 *
 * The includer defines test_alloc() and test_free(): each input is copied into memory of exactly
 * its size, so that reading past the end is seen by KASAN and ASan.
 */
#ifndef L7FP_H1_CASES_H
#define L7FP_H1_CASES_H

#include "../h1.h"

enum h1_kind { H1_REQUEST, H1_RESPONSE, H1_TRAILERS };

/* What parsing returns: the whole input is the head. */
#define WHOLE 0x10000000
#define MORE L7FP_H1_MORE
#define BAD L7FP_H1_ERR_BAD
#define TOO_LARGE L7FP_H1_ERR_TOO_LARGE
#define NOT_IMPLEMENTED L7FP_H1_ERR_NOT_IMPLEMENTED
#define VERSION L7FP_H1_ERR_VERSION
#define BAD_RESPONSE L7FP_H1_ERR_RESPONSE

struct h1_case {
	const char *name;
	const char *in;
	u32 len;
	enum h1_kind kind;
	u8 to; /* method that a response answers; 0 stands for any but HEAD and CONNECT */
	int want; /* length of the head, WHOLE, MORE or an error */
	/* of a head that is good */
	u8 body;
	u8 close; /* !keep_alive */
	u8 n_headers;
	u64 length;
	const char *path;
	const char *authority;
	const char *flags; /* e expect, u upgrade, t te_trailers, o options, a absolute, b bare */
};

#define REQUEST(n, s, w, ...) \
	{ .name = n, .in = s, .len = sizeof(s) - 1, .kind = H1_REQUEST, .want = w, ##__VA_ARGS__ }
#define RESPONSE(n, s, w, ...) \
	{ .name = n, .in = s, .len = sizeof(s) - 1, .kind = H1_RESPONSE, .want = w, ##__VA_ARGS__ }
#define TRAILERS(n, s, w, ...) \
	{ .name = n, .in = s, .len = sizeof(s) - 1, .kind = H1_TRAILERS, .want = w, ##__VA_ARGS__ }

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static const struct h1_case h1_cases[] = {
	/* good requests */
	REQUEST("get", "GET /x?y=1 HTTP/1.1\r\nHost: Example.com:80\r\n\r\n", WHOLE,
		.n_headers = 1, .path = "/x?y=1", .authority = "Example.com:80"),
	REQUEST("a body follows", GET "Content-Length: 3\r\n\r\nabcGET", 46,
		.n_headers = 2, .body = L7FP_BODY_LENGTH, .length = 3, .path = "/"),
	REQUEST("empty body", POST "Content-Length: 0\r\n\r\n", WHOLE, .n_headers = 2),
	REQUEST("length with zeros", POST "Content-Length: 0010\r\n\r\n", WHOLE,
		.n_headers = 2, .body = L7FP_BODY_LENGTH, .length = 10),
	REQUEST("greatest length", POST "Content-Length: 9223372036854775807\r\n\r\n", WHOLE,
		.n_headers = 2, .body = L7FP_BODY_LENGTH, .length = 9223372036854775807ULL),
	REQUEST("chunked", POST "Transfer-Encoding: chunked\r\n\r\n", WHOLE,
		.n_headers = 2, .body = L7FP_BODY_CHUNKED),
	REQUEST("chunked in capitals", POST "TRANSFER-ENCODING:\tCHUNKED \r\n\r\n", WHOLE,
		.n_headers = 2, .body = L7FP_BODY_CHUNKED),
	REQUEST("one empty line before", "\r\n" GET "\r\n", WHOLE, .n_headers = 1),
	REQUEST("white space round the value", GET "X: \t b c \t\r\n\r\n", WHOLE, .n_headers = 2),
	REQUEST("empty value", GET "X:\r\nY: \r\n\r\n", WHOLE, .n_headers = 3),
	REQUEST("bytes above ASCII in a value", GET "X: \x80\xff\r\n\r\n", WHOLE, .n_headers = 2),
	REQUEST("tab in a long value", GET "X: 0123456789abcdef\t0123456789\r\n\r\n", WHOLE,
		.n_headers = 2),
	REQUEST("all token characters", GET "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n", WHOLE,
		.n_headers = 2),
	REQUEST("colon in a value", GET "X: a:b\r\n\r\n", WHOLE, .n_headers = 2),
	REQUEST("method of its own", "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE,
		.n_headers = 1),
	REQUEST("IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", WHOLE,
		.n_headers = 1, .authority = "[::1]:8080"),
	REQUEST("host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", WHOLE,
		.n_headers = 1, .authority = "a:"),
	REQUEST("host with an escape", "GET / HTTP/1.1\r\nHost: a%2e\r\n\r\n", WHOLE,
		.n_headers = 1),
	REQUEST("HTTP/1.0 without host", "GET / HTTP/1.0\r\n\r\n", WHOLE, .close = 1),
	REQUEST("HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", WHOLE,
		.n_headers = 1),
	REQUEST("HTTP/1.0 both options",
		"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", WHOLE, .n_headers = 1,
		.close = 1),
	REQUEST("HTTP/1.7 is 1.1", "GET / HTTP/1.7\r\nHost: a\r\n\r\n", WHOLE, .n_headers = 1),
	REQUEST("close", GET "Connection: close\r\n\r\n", WHOLE, .n_headers = 2, .close = 1),
	REQUEST("close among others", GET "Connection: a,, CLOSE ,b\r\n\r\n", WHOLE,
		.n_headers = 2, .close = 1, .flags = "o"),
	REQUEST("close in a second line", GET "Connection: te\r\nConnection: close\r\n\r\n", WHOLE,
		.n_headers = 3, .close = 1),
	REQUEST("not quite close", GET "Connection: closed\r\n\r\n", WHOLE, .n_headers = 2,
		.flags = "o"),
	REQUEST("upgrade", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", WHOLE,
		.n_headers = 3, .flags = "u"),
	REQUEST("upgrade not in Connection", GET "Upgrade: websocket\r\n\r\n", WHOLE,
		.n_headers = 2),
	REQUEST("upgrade without Upgrade", GET "Connection: upgrade\r\n\r\n", WHOLE,
		.n_headers = 2),
	REQUEST("te", GET "TE: gzip, trailers\r\nConnection: TE\r\n\r\n", WHOLE, .n_headers = 3,
		.flags = "t"),
	REQUEST("te not in Connection", GET "TE: trailers\r\n\r\n", WHOLE, .n_headers = 2),
	REQUEST("expect", POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", WHOLE,
		.n_headers = 3, .body = L7FP_BODY_LENGTH, .length = 1, .flags = "e"),
	REQUEST("expect in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", WHOLE,
		.n_headers = 1, .close = 1),
	REQUEST("absolute-form", "GET http://b:8/p?q HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE,
		.n_headers = 1, .path = "/p?q", .authority = "b:8", .flags = "a"),
	REQUEST("absolute-form, https", "GET HTTPS://b/ HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE,
		.n_headers = 1, .path = "/", .authority = "b", .flags = "a"),
	REQUEST("absolute-form without a path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE,
		.n_headers = 1, .path = "", .authority = "b", .flags = "ab"),
	REQUEST("absolute-form, query only", "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE,
		.n_headers = 1, .path = "?q", .authority = "b", .flags = "ab"),
	REQUEST("absolute-form in HTTP/1.0", "GET http://b/ HTTP/1.0\r\n\r\n", WHOLE,
		.path = "/", .authority = "b", .flags = "a", .close = 1),
	REQUEST("asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE, .n_headers = 1,
		.path = "*", .authority = "a"),
	REQUEST("connect", "CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", WHOLE, .n_headers = 1,
		.path = "", .authority = "b:443"),
	REQUEST("connect, IPv6", "CONNECT [::1]:443 HTTP/1.1\r\nHost: b\r\n\r\n", WHOLE,
		.n_headers = 1, .authority = "[::1]:443"),
	REQUEST("connect, empty length",
		"CONNECT b:1 HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n", WHOLE,
		.n_headers = 2),

	/* not yet whole */
	REQUEST("nothing but CR", "\r", MORE),
	REQUEST("half a method", "GE", MORE),
	REQUEST("half a target", "GET /abc", MORE),
	REQUEST("half a version", "GET / HTTP/1", MORE),
	REQUEST("half a line end", "GET / HTTP/1.1\r", MORE),
	REQUEST("half a name", "GET / HTTP/1.1\r\nHo", MORE),
	REQUEST("half a value", "GET / HTTP/1.1\r\nHost: a", MORE),
	REQUEST("no empty line", GET, MORE),
	REQUEST("half an empty line", GET "\r", MORE),
	REQUEST("fault in a line that has not ended", GET "B@d", MORE),

	/* request line */
	REQUEST("two empty lines before", "\r\n\r\n" GET "\r\n", BAD),
	REQUEST("bare LF before", "\n" GET "\r\n", BAD),
	REQUEST("CR without LF before", "\rG" GET "\r\n", BAD),
	REQUEST("space before the method", " " GET "\r\n", BAD),
	REQUEST("two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("tab after the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", BAD),
	REQUEST("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("control in the target", "GET /0123456789\x01 HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("DEL in the target", "GET /0123456\17789 HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
		BAD),
	REQUEST("byte above ASCII in a long target",
		"GET /0123456789\200abcdefgh HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("fragment behind the query", "GET /a?0123456789#b HTTP/1.1\r\nHost: a\r\n\r\n",
		BAD),
	REQUEST("bare LF ends the line", "GET / HTTP/1.1\nHost: a\r\n\r\n", BAD),
	REQUEST("bare CR ends the line", "GET / HTTP/1.1\rHost: a\r\n\r\n", BAD),
	REQUEST("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", BAD),
	REQUEST("no version", "GET /\r\nHost: a\r\n\r\n", BAD),
	REQUEST("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", BAD),
	REQUEST("version with a sign", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("version with a comma", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", VERSION),
	REQUEST("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", VERSION),
	REQUEST("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION),
	REQUEST("another protocol", "OPTIONS / RTSP/1.0\r\n\r\n", BAD),
	REQUEST("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x0a", BAD),
	REQUEST("bracket in the method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("path without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("backslash for a slash", "GET \\a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("another scheme", "GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("scheme without slashes", "GET http:b HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("scheme with two slashes too few", "GET http:/b/ HTTP/1.1\r\nHost: a\r\n\r\n",
		BAD),
	REQUEST("empty authority", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("userinfo", "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("backslash in the authority", "GET http://b\\c/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
	REQUEST("absolute-form without Host", "GET http://b/ HTTP/1.1\r\n\r\n", BAD),
	REQUEST("connect without a port", "CONNECT b HTTP/1.1\r\nHost: b\r\n\r\n", BAD),
	REQUEST("connect, empty port", "CONNECT b: HTTP/1.1\r\nHost: b\r\n\r\n", BAD),
	REQUEST("connect, port too great", "CONNECT b:65536 HTTP/1.1\r\nHost: b\r\n\r\n", BAD),
	REQUEST("connect with a path", "CONNECT /a HTTP/1.1\r\nHost: b\r\n\r\n", BAD),
	REQUEST("connect with a scheme", "CONNECT http://b:1/ HTTP/1.1\r\nHost: b\r\n\r\n", BAD),
	REQUEST("connect with a length",
		"CONNECT b:1 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\n", BAD),
	REQUEST("connect, chunked",
		"CONNECT b:1 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),

	/* header lines */
	REQUEST("bare LF after a value", GET "X: a\nY: b\r\n\r\n", BAD),
	REQUEST("bare LF for the empty line", GET "\n", BAD),
	REQUEST("bare CR for the empty line", GET "\rX: a\r\n\r\n", BAD),
	REQUEST("bare CR in a value", GET "X: a\rb\r\n\r\n", BAD),
	REQUEST("CR CR LF after a value", GET "X: a\r\r\n\r\n", BAD),
	REQUEST("folded line", GET "X: a\r\n b\r\n\r\n", BAD),
	REQUEST("folded line, tab", GET "X: a\r\n\tb\r\n\r\n", BAD),
	REQUEST("folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", BAD),
	REQUEST("folded coding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n", BAD),
	REQUEST("space before the colon", GET "X : a\r\n\r\n", BAD),
	REQUEST("tab before the colon", POST "Content-Length\t: 5\r\n\r\n", BAD),
	REQUEST("empty name", GET ": a\r\n\r\n", BAD),
	REQUEST("no colon", GET "abc\r\n\r\n", BAD),
	REQUEST("NUL in a name", GET "X\0: a\r\n\r\n", BAD),
	REQUEST("bracket in a name", GET "X[1]: a\r\n\r\n", BAD),
	REQUEST("byte above ASCII in a name", GET "X\xa0: a\r\n\r\n", BAD),
	REQUEST("CR in a name", GET "content\rlength: 5\r\n\r\n", BAD),
	REQUEST("NUL in a value", GET "X: a\0b\r\n\r\n", BAD),
	REQUEST("control in a long value", GET "X: 0123456789abc\001ef\r\n\r\n", BAD),
	REQUEST("greatest control in a long value", GET "X: 01\0373456789abcdef\r\n\r\n", BAD),
	REQUEST("control before a bare LF", GET "X: a\001\nY: b\r\n\r\n", BAD),
	REQUEST("DEL in a value", GET "X: 01234567\17789abcdef\r\n\r\n", BAD),
	REQUEST("vertical tab before a coding", POST "Transfer-Encoding: \013chunked\r\n\r\n",
		BAD),

	/* framing */
	REQUEST("length and coding", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		BAD),
	REQUEST("coding and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		BAD),
	REQUEST("coding and empty length",
		POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", BAD),
	REQUEST("unknown coding and length",
		POST "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n", BAD),
	REQUEST("two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", BAD),
	REQUEST("one length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", BAD),
	REQUEST("list of lengths", POST "Content-Length: 5, 5\r\n\r\n", BAD),
	REQUEST("length with a sign", POST "Content-Length: +5\r\n\r\n", BAD),
	REQUEST("negative length", POST "Content-Length: -1\r\n\r\n", BAD),
	REQUEST("length in hexadecimal", POST "Content-Length: 0x5\r\n\r\n", BAD),
	REQUEST("length with a space", POST "Content-Length: 5 0\r\n\r\n", BAD),
	REQUEST("length with a fraction", POST "Content-Length: 5.0\r\n\r\n", BAD),
	REQUEST("length with a colon", POST "Content-Length: 5:\r\n\r\n", BAD),
	REQUEST("length with an underscore", POST "Content-Length: 5_0\r\n\r\n", BAD),
	REQUEST("empty length", POST "Content-Length:\r\n\r\n", BAD),
	REQUEST("length too great", POST "Content-Length: 9223372036854775808\r\n\r\n", BAD),
	REQUEST("length that wraps", POST "Content-Length: 18446744073709551617\r\n\r\n", BAD),
	REQUEST("length that is long", POST "Content-Length: 99999999999999999999999999\r\n\r\n",
		BAD),
	REQUEST("length in other digits", POST "Content-Length: \xef\xbc\x95\r\n\r\n", BAD),
	REQUEST("two codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", NOT_IMPLEMENTED),
	REQUEST("chunked not last", POST "Transfer-Encoding: chunked, gzip\r\n\r\n",
		NOT_IMPLEMENTED),
	REQUEST("chunked twice in a line", POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
		NOT_IMPLEMENTED),
	REQUEST("identity", POST "Transfer-Encoding: identity\r\n\r\n", NOT_IMPLEMENTED),
	REQUEST("not quite chunked", POST "Transfer-Encoding: xchunked\r\n\r\n", NOT_IMPLEMENTED),
	REQUEST("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n",
		NOT_IMPLEMENTED),
	REQUEST("chunked with a parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n",
		NOT_IMPLEMENTED),
	REQUEST("chunked and a comma", POST "Transfer-Encoding: chunked,\r\n\r\n",
		NOT_IMPLEMENTED),
	REQUEST("empty coding", POST "Transfer-Encoding:\r\n\r\n", NOT_IMPLEMENTED),
	REQUEST("coding twice",
		POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),
	REQUEST("coding twice, one unknown",
		POST "Transfer-Encoding: x\r\ntransfer-encoding: chunked\r\n\r\n", BAD),
	REQUEST("coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),
	REQUEST("underscore is another name", POST "Transfer_Encoding: chunked\r\n\r\n", WHOLE,
		.n_headers = 2),

	/* host */
	REQUEST("no host", "GET / HTTP/1.1\r\n\r\n", BAD),
	REQUEST("two hosts", GET "Host: b\r\n\r\n", BAD),
	REQUEST("one host twice", GET "hOST: a\r\n\r\n", BAD),
	REQUEST("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", BAD),
	REQUEST("only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", BAD),
	REQUEST("space in the host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD),
	REQUEST("slash in the host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", BAD),
	REQUEST("slash in a long host", "GET / HTTP/1.1\r\nHost: abcd/efgh.ijkl\r\n\r\n", BAD),
	REQUEST("question mark in the host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", BAD),
	REQUEST("userinfo in the host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", BAD),
	REQUEST("backslash in the host", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", BAD),
	REQUEST("byte above ASCII in the host", "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", BAD),
	REQUEST("broken escape in the host", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", BAD),
	REQUEST("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", BAD),
	REQUEST("port too great", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", BAD),
	REQUEST("port that is none", "GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n", BAD),
	REQUEST("greatest port", "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", WHOLE,
		.n_headers = 1),
	REQUEST("open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", BAD),
	REQUEST("bytes after the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", BAD),
	REQUEST("name in brackets", "GET / HTTP/1.1\r\nHost: [host]\r\n\r\n", BAD),
	REQUEST("empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", BAD),
	REQUEST("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", BAD),

	/* what Connection may not strip */
	REQUEST("connection names host", GET "Connection: close, Host\r\n\r\n", BAD),
	REQUEST("connection names the length",
		POST "Connection: content-length\r\nContent-Length: 1\r\n\r\n", BAD),
	REQUEST("connection names the coding", GET "Connection: transfer-encoding\r\n\r\n", BAD),
	REQUEST("connection names x-forwarded-for", GET "Connection: X-Forwarded-For\r\n\r\n",
		BAD),

	/* responses */
	RESPONSE("length", OK "Content-Length: 5\r\n\r\nhello", 38, .n_headers = 1,
		 .body = L7FP_BODY_LENGTH, .length = 5),
	RESPONSE("empty", OK "Content-Length: 0\r\n\r\n", WHOLE, .n_headers = 1),
	RESPONSE("chunked", OK "transfer-encoding: chunked\r\n\r\n", WHOLE, .n_headers = 1,
		 .body = L7FP_BODY_CHUNKED),
	RESPONSE("to the end", OK "\r\n", WHOLE, .body = L7FP_BODY_EOF, .close = 1),
	RESPONSE("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", WHOLE,
		 .n_headers = 1, .body = L7FP_BODY_LENGTH, .length = 1, .close = 1),
	RESPONSE("HTTP/1.0 keep-alive",
		 "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", WHOLE,
		 .n_headers = 2, .body = L7FP_BODY_LENGTH, .length = 1),
	RESPONSE("empty reason", "HTTP/1.1 204 \r\n\r\n", WHOLE),
	RESPONSE("no reason", "HTTP/1.1 204\r\n\r\n", WHOLE),
	RESPONSE("reason above ASCII", "HTTP/1.1 204 gr\xc3\xbc\xc3\x9f\tdich\r\n\r\n", WHOLE),
	RESPONSE("no content, with a length", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", WHOLE,
		 .n_headers = 1, .close = 1),
	RESPONSE("no content, chunked", "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
		 WHOLE, .n_headers = 1, .close = 1),
	RESPONSE("not modified, with a length", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n",
		 WHOLE, .n_headers = 1, .length = 5),
	RESPONSE("continue", "HTTP/1.1 100 Continue\r\n\r\n", WHOLE),
	RESPONSE("early hints", "HTTP/1.1 103 x\r\nLink: a\r\n\r\n", WHOLE, .n_headers = 1),
	RESPONSE("switching", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: w\r\n\r\n", WHOLE,
		 .n_headers = 2, .body = L7FP_BODY_TUNNEL, .flags = "u"),
	RESPONSE("to HEAD", OK "Content-Length: 5\r\n\r\n", WHOLE, .n_headers = 1, .length = 5,
		 .to = L7FP_METHOD_HEAD),
	RESPONSE("to HEAD, chunked", OK "Transfer-Encoding: chunked\r\n\r\n", WHOLE,
		 .n_headers = 1, .to = L7FP_METHOD_HEAD),
	RESPONSE("to CONNECT", OK "Content-Length: 5\r\n\r\n", WHOLE, .n_headers = 1,
		 .body = L7FP_BODY_TUNNEL, .to = L7FP_METHOD_CONNECT),
	RESPONSE("refusal of CONNECT", "HTTP/1.1 403 x\r\nContent-Length: 5\r\n\r\n", WHOLE,
		 .n_headers = 1, .body = L7FP_BODY_LENGTH, .length = 5,
		 .to = L7FP_METHOD_CONNECT),
	RESPONSE("status 999", "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", WHOLE,
		 .n_headers = 1),
	RESPONSE("half a status", "HTTP/1.1 20", MORE),
	RESPONSE("half a reason", "HTTP/1.1 200 Fine", MORE),
	RESPONSE("empty line before", "\r\n" OK "\r\n", BAD_RESPONSE),
	RESPONSE("bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", BAD_RESPONSE),
	RESPONSE("bare LF after a value", OK "X: a\nContent-Length: 0\r\n\r\n", BAD_RESPONSE),
	RESPONSE("bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("status of two digits", "HTTP/1.1 20 OK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("status below 100", "HTTP/1.1 099 x\r\n\r\n", BAD_RESPONSE),
	RESPONSE("status with a letter", "HTTP/1.1 2o0 OK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("two spaces", "HTTP/1.1  200 OK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", BAD_RESPONSE),
	RESPONSE("another protocol", "ICY 200 OK 1234\r\n\r\n", BAD_RESPONSE),
	RESPONSE("length and coding", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		 BAD_RESPONSE),
	RESPONSE("two lengths", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", BAD_RESPONSE),
	RESPONSE("bad length", OK "Content-Length: 5,6\r\n\r\n", BAD_RESPONSE),
	RESPONSE("unknown coding", OK "Transfer-Encoding: gzip\r\n\r\n", BAD_RESPONSE),
	RESPONSE("two codings", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD_RESPONSE),
	RESPONSE("coding twice",
		 OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		 BAD_RESPONSE),
	RESPONSE("coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 BAD_RESPONSE),
	RESPONSE("folded line", OK "X: a\r\n b\r\n\r\n", BAD_RESPONSE),
	RESPONSE("space before the colon", OK "Content-Length : 5\r\n\r\n", BAD_RESPONSE),
	RESPONSE("length and coding, to HEAD",
		 OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", BAD_RESPONSE,
		 .to = L7FP_METHOD_HEAD),

	/* trailers */
	TRAILERS("none", "\r\n", WHOLE),
	TRAILERS("none, then a request", "\r\n" GET, 2),
	TRAILERS("two", "A: 1\r\nB: 2\r\n\r\n", WHOLE, .n_headers = 2),
	TRAILERS("framing is left to the caller", "Content-Length: x\r\n\r\n", WHOLE,
		 .n_headers = 1),
	TRAILERS("half", "A: 1\r\n\r", MORE),
	TRAILERS("bare LF", "A: 1\n\r\n", BAD),
	TRAILERS("bare LF for the empty line", "\n", BAD),
	TRAILERS("folded line", "A: 1\r\n 2\r\n\r\n", BAD),
	TRAILERS("space before the colon", "A : 1\r\n\r\n", BAD),
};

/* What came lately, of all cases: it must make no difference. */
static struct l7fp_h1_lines h1_lines;

static int h1_parse(const struct h1_case *c, struct l7fp_h1_head *h, const u8 *buf, u32 len,
		    u32 *scan, struct l7fp_h1_lines *lines)
{
	switch (c->kind) {
	case H1_REQUEST:
		return l7fp_h1_parse_request(h, buf, len, scan, lines);
	case H1_RESPONSE:
		return l7fp_h1_parse_response(h, buf, len, scan, c->to, lines);
	default:
		return l7fp_h1_parse_trailers(h, buf, len, scan);
	}
}

static u8 *h1_copy(const char *in, u32 len)
{
	u8 *copy = test_alloc(len);

	if (copy)
		memcpy(copy, in, len);
	return copy;
}

/* Same head: all fields, and the header lines that are there. */
static bool h1_same(const struct l7fp_h1_head *a, const struct l7fp_h1_head *b)
{
	return !memcmp(a, b, offsetof(struct l7fp_h1_head, headers)) &&
	       !memcmp(a->headers, b->headers, a->n_headers * sizeof(a->headers[0]));
}

static bool h1_slice_is(const u8 *buf, const struct l7fp_slice *slice, const char *want)
{
	return slice->len == strlen(want) && !memcmp(buf + slice->off, want, slice->len);
}

static bool h1_flag(const struct h1_case *c, char flag)
{
	return c->flags && strchr(c->flags, flag);
}

/* What is wrong with a good head, or NULL. */
static const char *h1_check_head(const struct h1_case *c, const struct l7fp_h1_head *h,
				 const u8 *buf)
{
	if (h->n_headers != c->n_headers)
		return "number of headers";
	if (c->kind == H1_TRAILERS)
		return NULL;
	if (h->body != c->body)
		return "body";
	if (h->content_length != c->length)
		return "content length";
	if (h->keep_alive == c->close)
		return "keep-alive";
	if (c->path && !h1_slice_is(buf, &h->path, c->path))
		return "path";
	if (c->authority && !h1_slice_is(buf, &h->authority, c->authority))
		return "authority";
	if (h->expect_continue != h1_flag(c, 'e') || h->upgrade != h1_flag(c, 'u') ||
	    h->te_trailers != h1_flag(c, 't') || h->has_connection_options != h1_flag(c, 'o') ||
	    h->absolute_form != h1_flag(c, 'a') || h->path_bare != h1_flag(c, 'b'))
		return "flags";
	return NULL;
}

/*
 * Runs one case: each prefix of the input by itself, and all prefixes one after the other with
 * the progress kept, must give the same answer. Returns what is wrong, or NULL.
 */
static const char *h1_case_run(const struct h1_case *c, struct l7fp_h1_head *whole,
			       struct l7fp_h1_head *kept)
{
	int want = c->want == WHOLE ? (int)c->len : c->want, n = 0, again;
	u32 len, scan = 0, fresh;
	const char *wrong = NULL;

	for (len = 1; len <= c->len && !wrong; len++) {
		u8 *buf = h1_copy(c->in, len);

		if (!buf)
			return "no memory";
		fresh = 0;
		/* for trailers this struct is no progress: what it holds must not matter */
		if (c->kind == H1_TRAILERS)
			memset(kept, 0xff, sizeof(*kept));
		n = h1_parse(c, whole, buf, len, &fresh, NULL);
		again = h1_parse(c, kept, buf, len, &scan, &h1_lines);
		if (n != again)
			wrong = "whole and byte by byte differ";
		else if (n > 0 && !h1_same(whole, kept))
			wrong = "heads of whole and byte by byte differ";
		else if (n > 0)
			wrong = h1_check_head(c, whole, buf);
		test_free(buf);
		if (n)
			break;
	}
	if (!wrong && n != want)
		wrong = "result";
	return wrong;
}

/*
 * The same at once, with all bytes there, and in two parts, cut anywhere: a first part that is
 * no single byte is parsed as far as it goes, and its last line once more with the rest.
 */
static const char *h1_case_run_whole(const struct h1_case *c, struct l7fp_h1_head *h)
{
	int want = c->want == WHOLE ? (int)c->len : c->want, n;
	const char *wrong = NULL;
	u32 step = c->len / 256 + 1, cut, scan;
	u8 *buf = h1_copy(c->in, c->len);

	if (!buf)
		return "no memory";
	for (cut = 0; cut < c->len && !wrong; cut += step) {
		scan = 0;
		n = cut ? h1_parse(c, h, buf, cut, &scan, &h1_lines) : 0;
		if (!n)
			n = h1_parse(c, h, buf, c->len, &scan, &h1_lines);
		if (n != want)
			wrong = cut ? "result in two parts" : "result";
		else if (n > 0)
			wrong = h1_check_head(c, h, buf);
	}
	test_free(buf);
	return wrong;
}

struct chunk_case {
	const char *name;
	const char *in;
	u32 len;
	enum l7fp_h1_chunk_event want; /* the last event */
	u32 used; /* bytes up to it, 0: all */
	const char *data; /* the body */
};

#define CHUNK(n, s, w, ...) \
	{ .name = n, .in = s, .len = sizeof(s) - 1, .want = w, ##__VA_ARGS__ }
#define LINE50 "01234567890123456789012345678901234567890123456789"

static const struct chunk_case chunk_cases[] = {
	CHUNK("empty", "0\r\n", L7FP_CHUNK_LAST, .data = ""),
	CHUNK("empty, then trailers", "0\r\nA: b\r\n\r\n", L7FP_CHUNK_LAST, .used = 3, .data = ""),
	CHUNK("several zeros", "000\r\n", L7FP_CHUNK_LAST, .data = ""),
	CHUNK("one chunk", "5\r\nhello\r\n0\r\n", L7FP_CHUNK_LAST, .data = "hello"),
	CHUNK("two chunks", "2\r\nab\r\n1\r\nc\r\n0\r\n", L7FP_CHUNK_LAST, .data = "abc"),
	CHUNK("zeros and letters", "0A\r\n0123456789\r\n0\r\n", L7FP_CHUNK_LAST,
	      .data = "0123456789"),
	CHUNK("small letters", "00b\r\n01234567890\r\n0\r\n", L7FP_CHUNK_LAST,
	      .data = "01234567890"),
	CHUNK("line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n", L7FP_CHUNK_LAST,
	      .data = "\r\n\r\n"),
	CHUNK("extension", "1;a=b\r\nx\r\n0;c\r\n", L7FP_CHUNK_LAST, .data = "x"),
	CHUNK("extension in quotes", "1;a=\"b;c\"\r\nx\r\n0\r\n", L7FP_CHUNK_LAST, .data = "x"),
	CHUNK("space before an extension", "1 \t;a\r\nx\r\n0\r\n", L7FP_CHUNK_LAST, .data = "x"),
	CHUNK("fifteen digits", "000000000000001\r\nx\r\n0\r\n", L7FP_CHUNK_LAST, .data = "x"),
	CHUNK("sixteen digits", "0000000000000001\r\nx\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("great size", "7fffffffffffff\r\n", L7FP_CHUNK_MORE, .data = ""),
	CHUNK("size too great", "ffffffffffffffff\r\n", L7FP_CHUNK_ERROR),
	CHUNK("size that wraps", "100000000000000005\r\nhello\r\n", L7FP_CHUNK_ERROR),
	CHUNK("line of 256 bytes", "1;" LINE50 LINE50 LINE50 LINE50 LINE50 "01\r\nx\r\n0\r\n",
	      L7FP_CHUNK_LAST, .data = "x"),
	CHUNK("line of 257 bytes", "1;" LINE50 LINE50 LINE50 LINE50 LINE50 "012\r\nx\r\n0\r\n",
	      L7FP_CHUNK_ERROR),
	CHUNK("half a size", "12", L7FP_CHUNK_MORE, .data = ""),
	CHUNK("half the data", "5\r\nhel", L7FP_CHUNK_MORE, .data = "hel"),
	CHUNK("no end of the data", "5\r\nhello", L7FP_CHUNK_MORE, .data = "hello"),
	CHUNK("no size", "\r\n", L7FP_CHUNK_ERROR),
	CHUNK("only an extension", ";a\r\n", L7FP_CHUNK_ERROR),
	CHUNK("space before the size", " 5\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("space after the size", "5 \r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("space in the size", "1 0\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("sign", "+5\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("negative size", "-5\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("0x", "0x5\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("not a digit", "g\r\n", L7FP_CHUNK_ERROR),
	CHUNK("NUL", "5\0\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare LF after the size", "5\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare CR after the size", "5\rhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare LF after an extension", "5;a\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("control in an extension", "5;a\x01\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("DEL in an extension", "5;a\177\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare LF after the data", "5\r\nhello\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("CR without LF after the data", "5\r\nhello\r0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("nothing after the data", "5\r\nhello0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("a byte for the CR after the data", "5\r\nhello0\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("two bytes for CRLF", "5\r\nhelloab0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("data too long", "4\r\nhello\r\n0\r\n", L7FP_CHUNK_ERROR),
	CHUNK("bare LF after the last size", "0\n\r\n", L7FP_CHUNK_ERROR),
};

/* Feeds @len bytes, at most @step at a time; the body goes to @body. Returns the last event. */
static enum l7fp_h1_chunk_event chunk_run(const u8 *in, u32 len, u32 step, u8 *body, u32 *n_body,
					  u32 *used)
{
	enum l7fp_h1_chunk_event event = L7FP_CHUNK_MORE;
	struct l7fp_h1_chunk c;
	u32 pos = 0, end, consumed, n;

	l7fp_h1_chunk_init(&c);
	*n_body = 0;
	while (pos < len) {
		end = len - pos > step ? pos + step : len;
		while (pos < end) {
			event = l7fp_h1_chunk_feed(&c, in + pos, end - pos, &consumed);
			pos += consumed;
			if (event == L7FP_CHUNK_LAST || event == L7FP_CHUNK_ERROR)
				goto out;
			if (event != L7FP_CHUNK_DATA)
				continue;
			n = end - pos < c.remaining ? end - pos : c.remaining;
			memcpy(body + *n_body, in + pos, n);
			*n_body += n;
			pos += n;
			l7fp_h1_chunk_advance(&c, n);
			event = L7FP_CHUNK_MORE;
		}
	}
	if (event == L7FP_CHUNK_BEGIN)
		event = L7FP_CHUNK_MORE;
out:
	*used = pos;
	return event;
}

static const char *chunk_case_run(const struct chunk_case *c)
{
	const char *wrong = NULL;
	u32 step, n_body, used;
	u8 *in = h1_copy(c->in, c->len), *body = test_alloc(c->len);

	if (!in || !body)
		wrong = "no memory";
	for (step = 1; step <= c->len && !wrong; step++) {
		if (chunk_run(in, c->len, step, body, &n_body, &used) != c->want)
			wrong = "last event";
		else if (c->want != L7FP_CHUNK_ERROR && used != (c->used ? c->used : c->len))
			wrong = "bytes used";
		else if (c->data && (n_body != strlen(c->data) || memcmp(body, c->data, n_body)))
			wrong = "body";
	}
	test_free(in);
	test_free(body);
	return wrong;
}

#endif /* L7FP_H1_CASES_H */
