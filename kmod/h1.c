// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/1.1 heads and trailer sections (RFC 9112, RFC 9110).
 *
 * One pass: a line is checked, cut and classified while it is read. Where bytes run out, the
 * next call looks only for the line feed until it has come, then parses that one line again, so
 * the work is linear in the bytes however they arrive.
 */
#include "h1.h"

/* Classes of bytes. */
#define C_TOKEN 0x01 /* tchar, RFC 9110 5.6.2 */
#define C_HOST 0x02 /* unreserved and sub-delims, RFC 3986 3.2.2 */
#define C_HEX 0x04
#define C_DIGIT 0x08
#define C_ALPHA 0x10
#define C_OWS 0x20 /* SP and HTAB */

static const u8 classes[256] = {
	['\t'] = C_OWS,
	[' '] = C_OWS,
	['0' ... '9'] = C_TOKEN | C_HOST | C_HEX | C_DIGIT,
	['a' ... 'f'] = C_TOKEN | C_HOST | C_HEX | C_ALPHA,
	['g' ... 'z'] = C_TOKEN | C_HOST | C_ALPHA,
	['A' ... 'F'] = C_TOKEN | C_HOST | C_HEX | C_ALPHA,
	['G' ... 'Z'] = C_TOKEN | C_HOST | C_ALPHA,
	['!'] = C_TOKEN | C_HOST,
	['#'] = C_TOKEN,
	['$'] = C_TOKEN | C_HOST,
	['%'] = C_TOKEN,
	['&'] = C_TOKEN | C_HOST,
	['\''] = C_TOKEN | C_HOST,
	['('] = C_HOST,
	[')'] = C_HOST,
	['*'] = C_TOKEN | C_HOST,
	['+'] = C_TOKEN | C_HOST,
	[','] = C_HOST,
	['-'] = C_TOKEN | C_HOST,
	['.'] = C_TOKEN | C_HOST,
	[';'] = C_HOST,
	['='] = C_HOST,
	['^'] = C_TOKEN,
	['_'] = C_TOKEN | C_HOST,
	['`'] = C_TOKEN,
	['|'] = C_TOKEN,
	['~'] = C_TOKEN | C_HOST,
};

/* Where the parser is; kept in l7fp_h1_head.state while more bytes are wanted. */
enum { STATE_BEGIN, STATE_START_LINE, STATE_HEADERS };

/* What Transfer-Encoding says; kept in l7fp_h1_head.coding. */
enum { CODING_NONE, CODING_CHUNKED, CODING_UNKNOWN };

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL
#define FOLD 0x2020202020202020ULL

/*
 * Compares with a lower-case constant, without regard to case. Right only where @p holds no
 * control character: of all other bytes only the upper-case letters fold onto a letter, digit or
 * '-'. Names are checked to be tokens before, values to be free of control characters (HTAB folds
 * to ')', which no constant has).
 */
static __always_inline bool equals(const u8 *p, const char *s, u32 len)
{
	u32 i;

	if (len >= 8) {
		for (i = 0; i + 8 <= len; i += 8)
			if ((l7fp_load64(p + i) | FOLD) != l7fp_load64(s + i))
				return false;
		return (l7fp_load64(p + len - 8) | FOLD) == l7fp_load64(s + len - 8);
	}
	if (len >= 4)
		return (l7fp_load32(p) | (u32)FOLD) == l7fp_load32(s) &&
		       (l7fp_load32(p + len - 4) | (u32)FOLD) == l7fp_load32(s + len - 4);
	for (i = 0; i < len; i++)
		if ((p[i] | 0x20) != (u8)s[i])
			return false;
	return true;
}

#define IS(p, s) equals(p, s, sizeof(s) - 1)

static u16 lookup_token(const u8 *p, u32 len)
{
	switch (len) {
	case 2:
		return IS(p, "te") ? L7FP_H_TE : L7FP_H_OTHER;
	case 3:
		return IS(p, "via") ? L7FP_H_VIA : L7FP_H_OTHER;
	case 4:
		if (IS(p, "host"))
			return L7FP_H_HOST;
		return IS(p, "date") ? L7FP_H_DATE : L7FP_H_OTHER;
	case 6:
		if (IS(p, "cookie"))
			return L7FP_H_COOKIE;
		if (IS(p, "server"))
			return L7FP_H_SERVER;
		return IS(p, "expect") ? L7FP_H_EXPECT : L7FP_H_OTHER;
	case 7:
		if (IS(p, "trailer"))
			return L7FP_H_TRAILER;
		return IS(p, "upgrade") ? L7FP_H_UPGRADE : L7FP_H_OTHER;
	case 8:
		return IS(p, "location") ? L7FP_H_LOCATION : L7FP_H_OTHER;
	case 10:
		if (IS(p, "connection"))
			return L7FP_H_CONNECTION;
		if (IS(p, "user-agent"))
			return L7FP_H_USER_AGENT;
		return IS(p, "keep-alive") ? L7FP_H_KEEP_ALIVE : L7FP_H_OTHER;
	case 12:
		if (IS(p, "content-type"))
			return L7FP_H_CONTENT_TYPE;
		return IS(p, "x-request-id") ? L7FP_H_X_REQUEST_ID : L7FP_H_OTHER;
	case 13:
		if (IS(p, "authorization"))
			return L7FP_H_AUTHORIZATION;
		return IS(p, "x-l7fp-reason") ? L7FP_H_X_L7FP_REASON : L7FP_H_OTHER;
	case 14:
		if (IS(p, "content-length"))
			return L7FP_H_CONTENT_LENGTH;
		return IS(p, "http2-settings") ? L7FP_H_HTTP2_SETTINGS : L7FP_H_OTHER;
	case 15:
		return IS(p, "x-forwarded-for") ? L7FP_H_X_FORWARDED_FOR : L7FP_H_OTHER;
	case 16:
		if (IS(p, "x-forwarded-host"))
			return L7FP_H_X_FORWARDED_HOST;
		return IS(p, "proxy-connection") ? L7FP_H_PROXY_CONNECTION : L7FP_H_OTHER;
	case 17:
		if (IS(p, "x-forwarded-proto"))
			return L7FP_H_X_FORWARDED_PROTO;
		return IS(p, "transfer-encoding") ? L7FP_H_TRANSFER_ENCODING : L7FP_H_OTHER;
	case 18:
		return IS(p, "proxy-authenticate") ? L7FP_H_PROXY_AUTHENTICATE : L7FP_H_OTHER;
	case 19:
		return IS(p, "proxy-authorization") ? L7FP_H_PROXY_AUTHORIZATION : L7FP_H_OTHER;
	case 21:
		if (IS(p, "x-envoy-attempt-count"))
			return L7FP_H_X_ENVOY_ATTEMPT_COUNT;
		return IS(p, "x-envoy-original-path") ? L7FP_H_X_ENVOY_ORIGINAL_PATH : L7FP_H_OTHER;
	}
	return L7FP_H_OTHER;
}

/* The first byte at or after @i that may not stand in a value (RFC 9110 5.5), or @len. */
static u32 skip_value(const u8 *buf, u32 i, u32 len)
{
	for (;;) {
		while (len - i >= 8) {
			u64 x = l7fp_load64(buf + i);
			u64 del = x ^ (ONES * 0x7f);
			u64 stop = (((x - ONES * 0x20) & ~x) | ((del - ONES) & ~del)) & HIGHS;

			if (stop) {
				i += (u32)__builtin_ctzll(stop) / 8;
				goto stopped;
			}
			i += 8;
		}
		while (i < len && buf[i] >= 0x20 && buf[i] != 0x7f)
			i++;
stopped:
		if (i == len || buf[i] != '\t')
			return i;
		i++;
	}
}

/*
 * The first byte at or after @i that may not stand in a request target, or @len. Visible ASCII
 * without '#': a fragment is never sent (RFC 9112 3.2), and Envoy refuses one by default.
 */
static u32 skip_target(const u8 *buf, u32 i, u32 len)
{
	while (len - i >= 8) {
		u64 x = l7fp_load64(buf + i);
		u64 del = x ^ (ONES * 0x7f);
		u64 hash = x ^ (ONES * '#');
		u64 stop = ((x - ONES * 0x21) | x | ((del - ONES) & ~del) | ((hash - ONES) & ~hash)) &
			   HIGHS;

		if (stop)
			return i + (u32)__builtin_ctzll(stop) / 8;
		i += 8;
	}
	while (i < len && buf[i] > 0x20 && buf[i] < 0x7f && buf[i] != '#')
		i++;
	return i;
}

/* uri-host [ ":" port ], RFC 3986 3.2; no userinfo, and a host that is not empty. */
static bool valid_authority(const u8 *p, u32 len, bool port_required)
{
	u32 i = 0, port = 0, digits = 0;

	if (len && p[0] == '[') {
		for (i = 1; i < len && ((classes[p[i]] & C_HEX) || p[i] == ':' || p[i] == '.'); i++)
			;
		if (i < 3 || i == len || p[i] != ']')
			return false;
		i++;
	} else {
		while (i < len) {
			if (classes[p[i]] & C_HOST) {
				i++;
			} else if (p[i] == '%' && len - i >= 3 && (classes[p[i + 1]] & C_HEX) &&
				   (classes[p[i + 2]] & C_HEX)) {
				i += 3;
			} else {
				break;
			}
		}
		if (!i)
			return false;
	}
	if (i == len)
		return !port_required;
	if (p[i++] != ':')
		return false;
	for (; i < len; i++, digits++) {
		if (!(classes[p[i]] & C_DIGIT))
			return false;
		port = port * 10 + p[i] - '0';
		if (port > 65535)
			return false;
	}
	return digits || !port_required;
}

/* 1*DIGIT that fits; neither sign, space, list nor another base (RFC 9110 8.6). */
static bool parse_length(const u8 *p, u32 len, u64 *length)
{
	u64 value = 0;
	u32 i;

	if (!len)
		return false;
	for (i = 0; i < len; i++) {
		u32 digit = p[i] - '0';

		if (digit > 9 || value > ((u64)S64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*length = value;
	return true;
}

/* The next element of a comma-separated list; false at its end. Empty elements are skipped. */
static bool next_element(const u8 *buf, u32 *pos, u32 end, struct l7fp_slice *element)
{
	u32 i = *pos, last;

	while (i < end && (buf[i] == ',' || (classes[buf[i]] & C_OWS)))
		i++;
	element->off = i;
	while (i < end && buf[i] != ',')
		i++;
	*pos = i;
	for (last = i; last > element->off && (classes[buf[last - 1]] & C_OWS); last--)
		;
	element->len = last - element->off;
	return element->len;
}

/* Options that only the peer's mischief would name: what they strip is trusted further on. */
static bool option_is_refused(const u8 *p, u32 len)
{
	switch (lookup_token(p, len)) {
	case L7FP_H_HOST:
	case L7FP_H_CONTENT_LENGTH:
	case L7FP_H_TRANSFER_ENCODING:
	case L7FP_H_X_FORWARDED_FOR:
	case L7FP_H_X_FORWARDED_HOST:
	case L7FP_H_X_FORWARDED_PROTO:
		return true;
	default:
		return false;
	}
}

/* Connection options, RFC 9110 7.6.1. @state bits below are private to this file. */
#define SEEN_KEEP_ALIVE 0x10
#define SEEN_UPGRADE 0x20
#define SEEN_TE 0x40
#define SEEN_REFUSED 0x80

static void parse_connection(struct l7fp_h1_head *h, const u8 *buf,
			     const struct l7fp_h1_header *header)
{
	u32 pos = header->value_off, end = pos + header->value_len;
	struct l7fp_slice option;

	while (next_element(buf, &pos, end, &option)) {
		const u8 *p = buf + option.off;

		if (option.len == 5 && IS(p, "close")) {
			h->connection_close = 1;
		} else if (option.len == 10 && IS(p, "keep-alive")) {
			h->state |= SEEN_KEEP_ALIVE;
		} else if (option.len == 7 && IS(p, "upgrade")) {
			h->state |= SEEN_UPGRADE;
		} else if (option.len == 2 && IS(p, "te")) {
			h->state |= SEEN_TE;
		} else {
			h->has_connection_options = 1;
			if (option_is_refused(p, option.len))
				h->state |= SEEN_REFUSED;
		}
	}
}

static void parse_te(struct l7fp_h1_head *h, const u8 *buf, const struct l7fp_h1_header *header)
{
	u32 pos = header->value_off, end = pos + header->value_len;
	struct l7fp_slice coding;

	while (next_element(buf, &pos, end, &coding))
		if (coding.len == 8 && IS(buf + coding.off, "trailers"))
			h->te_trailers = 1;
}

/* What a header means for framing and for the connection. */
static int note_header(struct l7fp_h1_head *h, const u8 *buf, const struct l7fp_h1_header *header)
{
	const u8 *value = buf + header->value_off;
	bool again = l7fp_h1_has(h, header->token);

	switch (header->token) {
	case L7FP_H_HOST:
		if (again || !valid_authority(value, header->value_len, false))
			return L7FP_H1_ERR_BAD;
		h->host = h->n_headers;
		break;
	case L7FP_H_CONTENT_LENGTH:
		if (again || !parse_length(value, header->value_len, &h->content_length))
			return L7FP_H1_ERR_BAD;
		break;
	case L7FP_H_TRANSFER_ENCODING:
		if (again)
			return L7FP_H1_ERR_BAD;
		h->coding = header->value_len == 7 && IS(value, "chunked") ? CODING_CHUNKED :
									     CODING_UNKNOWN;
		break;
	case L7FP_H_CONNECTION:
		if (!again)
			h->connection = h->n_headers;
		parse_connection(h, buf, header);
		break;
	case L7FP_H_TE:
		parse_te(h, buf, header);
		break;
	case L7FP_H_EXPECT:
		if (header->value_len == 12 && IS(value, "100-continue"))
			h->expect_continue = 1;
		break;
	default:
		break;
	}
	return 0;
}

enum section { SECTION_REQUEST, SECTION_RESPONSE, SECTION_TRAILERS };

/* One header line, which begins at @off: its length, MORE, or an error. */
static int parse_header(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len,
			enum section section)
{
	struct l7fp_h1_header *header;
	u32 i = off, value, end;
	int err;

	while (i < len && (classes[buf[i]] & C_TOKEN))
		i++;
	if (i == len)
		return L7FP_H1_MORE;
	if (buf[i] != ':' || i == off)
		return L7FP_H1_ERR_BAD;
	value = i + 1;
	while (value < len && (classes[buf[value]] & C_OWS))
		value++;
	end = skip_value(buf, value, len);
	if (len - end < 2)
		return end == len || buf[end] == '\r' ? L7FP_H1_MORE : L7FP_H1_ERR_BAD;
	if (buf[end] != '\r' || buf[end + 1] != '\n')
		return L7FP_H1_ERR_BAD;
	if (h->n_headers == L7FP_MAX_HEADERS)
		return L7FP_H1_ERR_TOO_LARGE;

	header = &h->headers[h->n_headers];
	header->name_off = off;
	header->name_len = i - off;
	header->value_off = value;
	header->token = lookup_token(buf + off, i - off);
	off = end + 2;
	while (end > value && (classes[buf[end - 1]] & C_OWS))
		end--;
	header->value_len = end - value;
	if (header->token && section != SECTION_TRAILERS) {
		err = note_header(h, buf, header);
		if (err)
			return err;
	}
	h->tokens |= 1ULL << header->token;
	h->n_headers++;
	return off - header->name_off;
}

static u8 lookup_method(const u8 *p, u32 len)
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

/* RFC 9112 3.2: the form of the target, its path and its authority. */
static int parse_target(struct l7fp_h1_head *h, const u8 *buf)
{
	u32 off = h->target.off, end = off + h->target.len, i;
	const u8 *p = buf + off;

	if (h->method == L7FP_METHOD_CONNECT) {
		h->authority = h->target;
		return valid_authority(p, h->target.len, true) ? 0 : L7FP_H1_ERR_BAD;
	}
	if (p[0] == '/') {
		h->path = h->target;
		return 0;
	}
	if (h->target.len == 1 && p[0] == '*') {
		h->path = h->target;
		h->asterisk_form = 1;
		return h->method == L7FP_METHOD_OPTIONS ? 0 : L7FP_H1_ERR_BAD;
	}
	if (h->target.len >= 7 && equals(p, "http", 4) && !memcmp(p + 4, "://", 3)) {
		i = off + 7;
	} else if (h->target.len >= 8 && equals(p, "https", 5) && !memcmp(p + 5, "://", 3)) {
		i = off + 8;
		h->https = 1;
	} else {
		return L7FP_H1_ERR_BAD;
	}
	h->absolute_form = 1;
	h->authority.off = i;
	while (i < end && buf[i] != '/' && buf[i] != '?')
		i++;
	h->authority.len = i - h->authority.off;
	h->path.off = i;
	h->path.len = end - i;
	h->path_bare = i == end || buf[i] != '/';
	return valid_authority(buf + h->authority.off, h->authority.len, false) ? 0 :
										  L7FP_H1_ERR_BAD;
}

/* "HTTP/" DIGIT "." DIGIT, which @len must hold whole: the minor version, or an error. */
static int parse_version(const u8 *p)
{
	if (memcmp(p, "HTTP/", 5) || !(classes[p[5]] & C_DIGIT) || p[6] != '.' ||
	    !(classes[p[7]] & C_DIGIT))
		return L7FP_H1_ERR_BAD;
	return p[5] == '1' ? p[7] - '0' : L7FP_H1_ERR_VERSION;
}

static int parse_request_line(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len)
{
	u32 i = off;
	int minor;

	while (i < len && (classes[buf[i]] & C_TOKEN))
		i++;
	if (i == len)
		return L7FP_H1_MORE;
	if (buf[i] != ' ' || i == off)
		return L7FP_H1_ERR_BAD;
	h->method_name.off = off;
	h->method_name.len = i - off;
	h->method = lookup_method(buf + off, i - off);

	h->target.off = ++i;
	i = skip_target(buf, i, len);
	if (i == len)
		return L7FP_H1_MORE;
	h->target.len = i - h->target.off;
	if (buf[i] != ' ' || !h->target.len)
		return L7FP_H1_ERR_BAD;
	i++;
	if (len - i < 10)
		return memchr(buf + i, '\n', len - i) ? L7FP_H1_ERR_BAD : L7FP_H1_MORE;
	minor = parse_version(buf + i);
	if (minor < 0)
		return minor;
	if (buf[i + 8] != '\r' || buf[i + 9] != '\n')
		return L7FP_H1_ERR_BAD;
	h->minor = minor;
	return parse_target(h, buf) ? L7FP_H1_ERR_BAD : (int)(i + 10 - off);
}

/* status-line, RFC 9112 4. The space before an empty reason is often left out. */
static int parse_status_line(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len)
{
	const u8 *p = buf + off;
	u32 i, end;
	int minor;

	if (len - off < 14)
		return memchr(p, '\n', len - off) ? L7FP_H1_ERR_BAD : L7FP_H1_MORE;
	minor = parse_version(p);
	if (minor < 0 || p[8] != ' ')
		return L7FP_H1_ERR_RESPONSE;
	h->minor = minor;
	for (i = 9; i < 12; i++) {
		if (!(classes[p[i]] & C_DIGIT))
			return L7FP_H1_ERR_RESPONSE;
		h->status = h->status * 10 + p[i] - '0';
	}
	if (h->status < 100 || (p[12] != ' ' && p[12] != '\r'))
		return L7FP_H1_ERR_RESPONSE;
	h->reason.off = off + 12 + (p[12] == ' ');
	end = skip_value(buf, h->reason.off, len);
	if (len - end < 2)
		return end == len || buf[end] == '\r' ? L7FP_H1_MORE : L7FP_H1_ERR_BAD;
	if (buf[end] != '\r' || buf[end + 1] != '\n')
		return L7FP_H1_ERR_RESPONSE;
	h->reason.len = end - h->reason.off;
	return end + 2 - off;
}

/* Before a request line one empty line is tolerated, RFC 9112 2.2. */
static int parse_start(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len,
		       enum section section)
{
	if (section == SECTION_RESPONSE)
		return parse_status_line(h, buf, off, len);
	if (h->state == STATE_BEGIN) {
		if (buf[off] == '\r') {
			if (len - off < 2)
				return L7FP_H1_MORE;
			return buf[off + 1] == '\n' ? 2 : L7FP_H1_ERR_BAD;
		}
	}
	return parse_request_line(h, buf, off, len);
}

/* The empty line at the end of the section, or one header line. */
static int parse_line(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len,
		      enum section section, bool *end)
{
	if (buf[off] != '\r')
		return parse_header(h, buf, off, len, section);
	if (len - off < 2)
		return L7FP_H1_MORE;
	if (buf[off + 1] != '\n')
		return L7FP_H1_ERR_BAD;
	*end = true;
	return 2;
}

/*
 * Parses line after line from h->head_len, which is where the last complete line ended, until the
 * empty line. *scan is how far a line that has not ended was searched for its line feed.
 */
static int parse_section(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan, u32 limit,
			 enum section section)
{
	bool full = len >= limit, end = false;
	u32 off;
	int n = L7FP_H1_MORE;

	if (full)
		len = limit;
	if (!*scan) {
		memset(h, 0, offsetof(struct l7fp_h1_head, headers));
		h->host = -1;
		h->connection = -1;
		h->state = section == SECTION_TRAILERS ? STATE_HEADERS : STATE_BEGIN;
	}
	off = h->head_len;
	if (*scan > off && *scan < len && !memchr(buf + *scan, '\n', len - *scan))
		off = len;
	while (off < len) {
		u8 state = h->state & 0x0f;

		if (state == STATE_HEADERS)
			n = parse_line(h, buf, off, len, section, &end);
		else
			n = parse_start(h, buf, off, len, section);
		if (n <= 0)
			break;
		off += n;
		h->head_len = off;
		if (end)
			return off;
		if (state == STATE_BEGIN && section == SECTION_REQUEST && n == 2) {
			h->state = STATE_START_LINE;
		} else if (state != STATE_HEADERS) {
			h->state = STATE_HEADERS;
			h->headers_off = off;
		}
	}
	if (n < 0 && memchr(buf + off, '\n', len - off))
		return n;
	*scan = len;
	return full ? L7FP_H1_ERR_TOO_LARGE : L7FP_H1_MORE;
}

/* What is said in several headers together; true for both directions. */
static void finish_connection(struct l7fp_h1_head *h)
{
	if (h->minor)
		h->keep_alive = !h->connection_close;
	else
		h->keep_alive = (h->state & SEEN_KEEP_ALIVE) && !h->connection_close;
	h->upgrade = (h->state & SEEN_UPGRADE) && l7fp_h1_has(h, L7FP_H_UPGRADE);
	if (!(h->state & SEEN_TE))
		h->te_trailers = 0;
}

/**
 * l7fp_h1_parse_request() - parse a request head
 * @h: the result; also progress, see struct l7fp_h1_head
 * @buf: all bytes of the message so far
 * @len: their number
 * @scan: progress; 0 before the first call
 *
 * Return: length of the head, L7FP_H1_MORE, or a negative L7FP_H1_ERR_*.
 */
int l7fp_h1_parse_request(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan)
{
	int n = parse_section(h, buf, len, scan, L7FP_MAX_HEAD, SECTION_REQUEST);

	if (n <= 0)
		return n;
	finish_connection(h);
	if (h->state & SEEN_REFUSED)
		return L7FP_H1_ERR_BAD;
	if (h->host < 0) {
		/* RFC 9112 3.2: 1.1 must name a host, whatever the form of the target */
		if (h->minor)
			return L7FP_H1_ERR_BAD;
	} else if (!h->authority.len) {
		h->authority.off = h->headers[h->host].value_off;
		h->authority.len = h->headers[h->host].value_len;
	}
	if (!h->minor)
		h->expect_continue = 0;

	/* RFC 9112 6.1 and 6.3: nothing here may be read in two ways */
	if (h->coding) {
		if (l7fp_h1_has(h, L7FP_H_CONTENT_LENGTH) || !h->minor)
			return L7FP_H1_ERR_BAD;
		if (h->coding != CODING_CHUNKED)
			return L7FP_H1_ERR_NOT_IMPLEMENTED;
		h->body = L7FP_BODY_CHUNKED;
	} else if (h->content_length) {
		h->body = L7FP_BODY_LENGTH;
	}
	/* RFC 9110 9.3.6: what follows a CONNECT is the tunnel's */
	if (h->method == L7FP_METHOD_CONNECT && h->body != L7FP_BODY_NONE)
		return L7FP_H1_ERR_BAD;
	return n;
}

static int finish_response(struct l7fp_h1_head *h, u8 request_method)
{
	bool length = l7fp_h1_has(h, L7FP_H_CONTENT_LENGTH);

	finish_connection(h);
	if (h->status == 101 ||
	    (request_method == L7FP_METHOD_CONNECT && h->status >= 200 && h->status < 300)) {
		h->body = L7FP_BODY_TUNNEL;
		h->content_length = 0;
		return 0;
	}
	if (h->coding && (length || !h->minor || h->coding != CODING_CHUNKED))
		return -1;
	if (h->status < 200 || h->status == 204) {
		/* RFC 9112 6.3: no body; a server that announces one may send it all the same */
		if (h->coding || h->content_length)
			h->keep_alive = 0;
		h->content_length = 0;
		return 0;
	}
	if (h->status == 304 || request_method == L7FP_METHOD_HEAD)
		return 0;
	if (h->coding) {
		h->body = L7FP_BODY_CHUNKED;
	} else if (!length) {
		h->body = L7FP_BODY_EOF;
		h->keep_alive = 0;
	} else if (h->content_length) {
		h->body = L7FP_BODY_LENGTH;
	}
	return 0;
}

/**
 * l7fp_h1_parse_response() - parse a response head
 * @h: the result; also progress, see struct l7fp_h1_head
 * @buf: all bytes of the message so far
 * @len: their number
 * @scan: progress; 0 before the first call
 * @request_method: enum l7fp_method of the request that it answers
 *
 * Return: length of the head, L7FP_H1_MORE, or L7FP_H1_ERR_RESPONSE.
 */
int l7fp_h1_parse_response(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
			   u8 request_method)
{
	int n = parse_section(h, buf, len, scan, L7FP_MAX_HEAD, SECTION_RESPONSE);

	if (n < 0 || (n > 0 && finish_response(h, request_method)))
		return L7FP_H1_ERR_RESPONSE;
	return n;
}

/**
 * l7fp_h1_parse_trailers() - parse a trailer section
 * @h: the result, with nothing but header lines in it; also progress
 * @buf: all bytes since L7FP_CHUNK_LAST
 * @len: their number
 * @scan: progress; 0 before the first call
 *
 * A field that must not be a trailer (RFC 9110 6.5.1) is not an error: the caller drops it by its
 * token.
 *
 * Return: length of the section with the empty line that ends it, L7FP_H1_MORE, or a negative
 * L7FP_H1_ERR_*.
 */
int l7fp_h1_parse_trailers(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan)
{
	return parse_section(h, buf, len, scan, L7FP_MAX_TRAILERS, SECTION_TRAILERS);
}

/**
 * l7fp_h1_error_status() - status code that answers a parser's error
 * @err: a negative L7FP_H1_ERR_*
 */
int l7fp_h1_error_status(int err)
{
	switch (err) {
	case L7FP_H1_ERR_TOO_LARGE:
		return 431;
	case L7FP_H1_ERR_NOT_IMPLEMENTED:
		return 501;
	case L7FP_H1_ERR_VERSION:
		return 505;
	case L7FP_H1_ERR_RESPONSE:
		return 502;
	default:
		return 400;
	}
}

static bool equals_lower(const u8 *p, const u8 *lower, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		u8 c = p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != lower[i])
			return false;
	}
	return true;
}

/**
 * l7fp_h1_find() - find a header by name
 * @h: parsed head
 * @buf: its bytes
 * @name: the name, in lower case
 * @name_len: its length
 * @after: index to begin after; -1 for the first
 *
 * Return: index of the next header of that name, or -1.
 */
int l7fp_h1_find(const struct l7fp_h1_head *h, const u8 *buf, const u8 *name, u32 name_len,
		 int after)
{
	int i;

	for (i = after + 1; i < h->n_headers; i++)
		if (h->headers[i].name_len == name_len &&
		    equals_lower(buf + h->headers[i].name_off, name, name_len))
			return i;
	return -1;
}

/**
 * l7fp_h1_connection_lists() - is a header named in Connection
 * @h: parsed head
 * @buf: its bytes
 * @name: name of the header, in any case
 * @len: its length
 *
 * Such a header is meant for the next hop only and is not forwarded (RFC 9110 7.6.1). Host and
 * what frames the body are never reported: a request that names them is refused, a response that
 * does is not allowed to strip them.
 */
bool l7fp_h1_connection_lists(const struct l7fp_h1_head *h, const u8 *buf, const u8 *name,
			      u32 len)
{
	struct l7fp_slice option;
	u32 pos, end, k;
	int i;

	if (h->connection < 0 || option_is_refused(name, len))
		return false;
	for (i = h->connection; i < h->n_headers; i++) {
		if (h->headers[i].token != L7FP_H_CONNECTION)
			continue;
		pos = h->headers[i].value_off;
		end = pos + h->headers[i].value_len;
		while (next_element(buf, &pos, end, &option)) {
			if (option.len != len)
				continue;
			for (k = 0; k < len; k++) {
				u8 a = buf[option.off + k], b = name[k];

				if (a != b && ((a ^ b) != 0x20 || !(classes[a] & C_ALPHA)))
					break;
			}
			if (k == len)
				return true;
		}
	}
	return false;
}
