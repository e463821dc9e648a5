/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.1 codec (RFC 9112, RFC 9110): heads, chunked bodies, trailers.
 *
 * Strict where request smuggling is at stake: what two parsers might read in two ways is refused.
 * Heads are parsed in the caller's private copy; chunk lines are read byte by byte, each byte
 * once, so that they may lie in pages that their sender can still change.
 */
#ifndef L7FP_H1_H
#define L7FP_H1_H

#include "codec.h"

/* What the parsers return beside a length. */
#define L7FP_H1_MORE 0 /* incomplete: call again with more bytes and the same *scan */
#define L7FP_H1_ERR_BAD (-1) /* malformed request: 400 and close */
#define L7FP_H1_ERR_TOO_LARGE (-2) /* over L7FP_MAX_HEAD or L7FP_MAX_HEADERS: 431 and close */
#define L7FP_H1_ERR_NOT_IMPLEMENTED (-3) /* a transfer coding other than chunked: 501 and close */
#define L7FP_H1_ERR_VERSION (-4) /* neither HTTP/1.0 nor HTTP/1.x: 505 and close */
#define L7FP_H1_ERR_RESPONSE (-5) /* malformed response: 502 and close the upstream */

/**
 * enum l7fp_h1_token - header names that the engine knows
 *
 * Every name is looked up once, when its line is parsed.
 */
enum l7fp_h1_token {
	L7FP_H_OTHER = 0,
	L7FP_H_HOST,
	L7FP_H_CONNECTION,
	L7FP_H_CONTENT_LENGTH,
	L7FP_H_TRANSFER_ENCODING,
	L7FP_H_TE,
	L7FP_H_TRAILER,
	L7FP_H_UPGRADE,
	L7FP_H_KEEP_ALIVE,
	L7FP_H_PROXY_CONNECTION,
	L7FP_H_PROXY_AUTHENTICATE,
	L7FP_H_PROXY_AUTHORIZATION,
	L7FP_H_EXPECT,
	L7FP_H_DATE,
	L7FP_H_SERVER,
	L7FP_H_VIA,
	L7FP_H_LOCATION,
	L7FP_H_COOKIE,
	L7FP_H_USER_AGENT,
	L7FP_H_AUTHORIZATION,
	L7FP_H_CONTENT_TYPE,
	L7FP_H_X_REQUEST_ID,
	L7FP_H_X_FORWARDED_PROTO,
	L7FP_H_X_FORWARDED_FOR,
	L7FP_H_X_FORWARDED_HOST,
	L7FP_H_X_ENVOY_ATTEMPT_COUNT,
	L7FP_H_X_ENVOY_ORIGINAL_PATH,
	L7FP_H_X_FORWARDED_CLIENT_CERT,
	L7FP_H_X_L7FP_REASON,
	L7FP_H_HTTP2_SETTINGS,
	/* Pseudo-headers of HTTP/2 (RFC 9113 8.3, RFC 8441 4); not found in HTTP/1. */
	L7FP_H_PSEUDO_AUTHORITY,
	L7FP_H_PSEUDO_METHOD,
	L7FP_H_PSEUDO_PATH,
	L7FP_H_PSEUDO_SCHEME,
	L7FP_H_PSEUDO_STATUS,
	L7FP_H_PSEUDO_PROTOCOL,
	L7FP_H_MAX, /* at most 64: struct l7fp_h1_head has a bit for each */
};

/**
 * enum l7fp_h1_body - what follows the head
 * @L7FP_BODY_NONE: nothing
 * @L7FP_BODY_LENGTH: exactly content_length bytes, at least one
 * @L7FP_BODY_CHUNKED: chunks, then the trailer section
 * @L7FP_BODY_EOF: bytes until the connection closes (responses only)
 * @L7FP_BODY_TUNNEL: opaque bytes in both directions (responses only)
 * @L7FP_BODY_STREAM: data of an HTTP/2 stream, then its trailers
 */
enum l7fp_h1_body {
	L7FP_BODY_NONE,
	L7FP_BODY_LENGTH,
	L7FP_BODY_CHUNKED,
	L7FP_BODY_EOF,
	L7FP_BODY_TUNNEL,
	L7FP_BODY_STREAM,
};

/**
 * struct l7fp_h1_header - one header line
 * @name_off: where the line begins
 * @value_off: where the value begins, white space left out
 * @value_len: length of the value, without white space at its end
 * @name_len: length of the name
 * @token: enum l7fp_h1_token
 *
 * The line, its CRLF included, has l7fp_h1_line_len() bytes.
 */
struct l7fp_h1_header {
	u32 name_off;
	u32 value_off;
	u32 value_len;
	u16 name_len;
	u16 token;
};

/**
 * struct l7fp_h1_head - a parsed head, or a parsed trailer section
 * @minor: HTTP/1.minor as the peer said it; above 1 it is treated as 1
 * @method: enum l7fp_method (requests)
 * @body: enum l7fp_h1_body
 * @keep_alive: the peer will keep the connection after this message
 * @expect_continue: "Expect: 100-continue" in an HTTP/1.1 request
 * @upgrade: Connection lists "upgrade" and there is an Upgrade header
 * @te_trailers: TE lists "trailers" and Connection lists "te"
 * @has_connection_options: Connection lists more than close, keep-alive, upgrade and te: look
 *	at each header with l7fp_h1_connection_lists()
 * @absolute_form: the target was in absolute-form; Host must be sent as @authority
 * @asterisk_form: the target was "*" (OPTIONS); @path is "*"
 * @path_bare: absolute-form with no "/" after its authority: @path is empty or starts with "?",
 *	and stands for "/" followed by @path. (OPTIONS with an empty @path stands for "*",
 *	RFC 9112 3.2.4.)
 * @https: absolute-form with the scheme https
 * @connection_close: Connection lists "close"
 * @status: status code (responses)
 * @n_headers: number of entries in @headers
 * @host: index of the Host header, or -1
 * @connection: index of the first Connection header, or -1
 * @content_length: valid with L7FP_BODY_LENGTH, and where a response to HEAD or a 304 states
 *	one; else 0. The header itself says whether it was there (@tokens).
 * @tokens: bit l7fp_h1_token is set where that header is present (bit 0: some other header)
 * @method_name: the method as it was sent
 * @target: the whole request target
 * @path: path and query of the target; empty with CONNECT
 * @authority: host and port: the target's in absolute-form and authority-form, else Host's value
 * @reason: the reason phrase (responses)
 * @head_len: length of the head with the empty line at its end, and with a CRLF before it
 * @headers_off: offset of the first header line (of the empty line, where there is none)
 * @state: private to the parser
 * @coding: private to the parser
 * @headers: the header lines in order
 *
 * While l7fp_h1_parse_request() or l7fp_h1_parse_response() answers L7FP_H1_MORE, this struct and
 * *scan together are its progress: pass both back unchanged with the next bytes appended.
 * *scan = 0 starts afresh and needs no other initialisation.
 */
struct l7fp_h1_head {
	u8 minor;
	u8 method;
	u8 body;
	u8 keep_alive : 1;
	u8 expect_continue : 1;
	u8 upgrade : 1;
	u8 te_trailers : 1;
	u8 has_connection_options : 1;
	u8 absolute_form : 1;
	u8 asterisk_form : 1;
	u8 path_bare : 1;
	u8 https : 1;
	u8 connection_close : 1;
	u16 status;
	u16 n_headers;
	s16 host;
	s16 connection;
	u64 content_length;
	u64 tokens;
	struct l7fp_slice method_name;
	struct l7fp_slice target;
	struct l7fp_slice path;
	struct l7fp_slice authority;
	struct l7fp_slice reason;
	u32 head_len;
	u32 headers_off;
	u8 state;
	u8 coding;
	struct l7fp_h1_header headers[L7FP_MAX_HEADERS];
};

/**
 * l7fp_h1_line_len() - length of a header line with its CRLF
 * @h: parsed head
 * @i: index of the header, below @h->n_headers
 */
static inline u32 l7fp_h1_line_len(const struct l7fp_h1_head *h, int i)
{
	u32 end = i + 1 < h->n_headers ? h->headers[i + 1].name_off : h->head_len - 2;

	return end - h->headers[i].name_off;
}

/**
 * l7fp_h1_has() - is a known header present
 * @h: parsed head
 * @token: enum l7fp_h1_token
 */
static inline bool l7fp_h1_has(const struct l7fp_h1_head *h, enum l7fp_h1_token token)
{
	return h->tokens & BIT_ULL(token);
}

/**
 * l7fp_h1_lines_join() - are several lines of a header one value
 * @name: in lower case
 * @len: its length
 *
 * Envoy joins them with commas as it reads them, so that policies see one value. Lines of any
 * other header stay apart, and each of them is a value that a policy may match.
 */
bool l7fp_h1_lines_join(const u8 *name, u32 len);

#define L7FP_H1_LINES 64 /* a power of two */
#define L7FP_H1_LINE_MIN 8 /* bytes of a line that is kept */
#define L7FP_H1_LINE_MAX 72

/**
 * struct l7fp_h1_line - a header line that was parsed
 * @header: its entry, if the line began at offset 0
 * @length: of Content-Length, what it says
 * @len: with its CRLF; 0: there is none
 * @next: the place of the line that came after it
 * @misses: lines in the same place that were others, since it was kept
 */
struct l7fp_h1_line {
	struct l7fp_h1_header header;
	u64 length;
	u8 len;
	u8 next;
	u8 misses;
	u8 bytes[L7FP_H1_LINE_MAX];
};

/**
 * struct l7fp_h1_lines - header lines that came lately
 * @first: the place of the first line of a request, and of a response
 *
 * It begins zeroed. Whoever parses has it alone; it may serve any number of messages.
 */
struct l7fp_h1_lines {
	u8 first[2];
	struct l7fp_h1_line line[L7FP_H1_LINES];
};

/*
 * The parsers return the length of the head, L7FP_H1_MORE, or an error. A line is judged when its
 * line feed is there, so that the answer does not depend on how the bytes were cut. @len is all
 * bytes so far, from the first of the message; what follows the head is not looked at.
 */
int l7fp_h1_parse_request(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
			  struct l7fp_h1_lines *lines);
int l7fp_h1_parse_response(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
			   u8 request_method, struct l7fp_h1_lines *lines);
int l7fp_h1_parse_trailers(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan);
int l7fp_h1_error_status(int err);

int l7fp_h1_find(const struct l7fp_h1_head *h, const u8 *buf, const u8 *name, u32 name_len,
		 int after);
bool l7fp_h1_connection_lists(const struct l7fp_h1_head *h, const u8 *buf, const u8 *name,
			      u32 len);

/**
 * enum l7fp_h1_chunk_event - what l7fp_h1_chunk_feed() found
 * @L7FP_CHUNK_MORE: all bytes were consumed
 * @L7FP_CHUNK_BEGIN: a size line ended; @remaining bytes of data follow
 * @L7FP_CHUNK_DATA: data begins at p + consumed; the caller takes up to @remaining bytes of it
 *	and says so with l7fp_h1_chunk_advance()
 * @L7FP_CHUNK_LAST: the zero chunk's line ended; the trailer section begins at p + consumed
 * @L7FP_CHUNK_ERROR: malformed; every later call says so too
 */
enum l7fp_h1_chunk_event {
	L7FP_CHUNK_MORE,
	L7FP_CHUNK_BEGIN,
	L7FP_CHUNK_DATA,
	L7FP_CHUNK_LAST,
	L7FP_CHUNK_ERROR,
};

/**
 * struct l7fp_h1_chunk - progress through a chunked body
 * @remaining: bytes of the current chunk's data still to come
 * @line_len: bytes of the current chunk line seen so far
 * @digits: hexadecimal digits of the size seen so far
 * @state: private
 */
struct l7fp_h1_chunk {
	u64 remaining;
	u32 line_len;
	u8 digits;
	u8 state;
};

void l7fp_h1_chunk_init(struct l7fp_h1_chunk *c);
enum l7fp_h1_chunk_event l7fp_h1_chunk_feed(struct l7fp_h1_chunk *c, const u8 *p, u32 len,
					    u32 *consumed);
void l7fp_h1_chunk_advance(struct l7fp_h1_chunk *c, u64 bytes);

/*
 * Does a connection whose first bytes are these speak HTTP/1? The number of bytes that tell that
 * it does, L7FP_H1_MORE, or L7FP_H1_ERR_BAD: it does not. *scan is 0 at first.
 */
int l7fp_h1_detect(const u8 *buf, u32 len, u32 *scan);

#endif /* L7FP_H1_H */
