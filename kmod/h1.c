// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/1.1 heads and trailer sections (RFC 9112, RFC 9110).
 *
 * One pass: a line is checked, cut and classified while it is read. Where bytes run out, the
 * next call looks only for the line feed until it has come, then parses that one line again, so
 * the work is linear in the bytes however they arrive.
 */
#include "h1_private.h"

/* The first byte at or after @i that may not stand in a value (RFC 9110 5.5), or @len. */
static __always_inline u32 skip_value(const u8 *buf, u32 i, u32 len)
{
	for (;;) {
		while (len - i >= 8) {
			u64 x = l7fp_load64(buf + i), del = (x & ~HIGHS) + ONES;
			u64 stop = ((x - ONES * 0x20) | del) & ~x & HIGHS;

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

/* The first ':' at or after @i, or @len; it may lie beyond the end of the line. */
static __always_inline u32 find_colon(const u8 *buf, u32 i, u32 len)
{
	while (len - i >= 8) {
		u64 x = l7fp_load64(buf + i) ^ (ONES * ':');
		u64 stop = (x - ONES) & ~x & HIGHS;

		if (stop)
			return i + (u32)__builtin_ctzll(stop) / 8;
		i += 8;
	}
	while (i < len && buf[i] != ':')
		i++;
	return i;
}

static bool is_token(const u8 *p, u32 len)
{
	const u8 *end = p + len;

	while (p < end && is(*p, C_TOKEN))
		p++;
	return p == end;
}

/*
 * The first byte at or after @i that may not stand in a request target, or @len. Visible ASCII
 * without '#': a fragment is never sent (RFC 9112 3.2), and Envoy refuses one by default.
 */
static u32 skip_target(const u8 *buf, u32 i, u32 len)
{
	while (len - i >= 8) {
		u64 x = l7fp_load64(buf + i), del = (x & ~HIGHS) + ONES, hash = x ^ (ONES * '#');
		u64 stop = ((x - ONES * 0x21) | del | x | ((hash - ONES) & ~hash)) & HIGHS;

		if (stop)
			return i + (u32)__builtin_ctzll(stop) / 8;
		i += 8;
	}
	while (i < len && buf[i] > 0x20 && buf[i] < 0x7f && buf[i] != '#')
		i++;
	return i;
}

/* The headers that l7fp_h1_note_header() looks at. */
#define NOTED (BIT_ULL(L7FP_H_HOST) | BIT_ULL(L7FP_H_CONNECTION) | \
	       BIT_ULL(L7FP_H_CONTENT_LENGTH) | BIT_ULL(L7FP_H_TRANSFER_ENCODING) | \
	       BIT_ULL(L7FP_H_TE) | BIT_ULL(L7FP_H_EXPECT))

enum section { SECTION_REQUEST, SECTION_RESPONSE, SECTION_TRAILERS };

/* The byte @byte where @x has it: the lowest bit set is right, those above may not be. */
static __always_inline u64 find_byte(u64 x, u8 byte)
{
	x ^= ONES * byte;
	return (x - ONES) & ~x & HIGHS;
}

/* Of @x, the first eight bytes or the next ones, what comes before the colon. */
static __always_inline u64 name_bytes(u64 x, u64 colon)
{
	return colon ? x & (((colon & -colon) >> 7) - 1) : x;
}

#define NAME_BYTES 16 /* that line_of() looks at */

/* Where the line at @p, with NAME_BYTES there, is kept: by its name. */
static __always_inline u32 line_of(const u8 *p)
{
	u64 x = l7fp_load64(p), colon = find_byte(x, ':'), name = name_bytes(x, colon);

	if (!colon) {
		x = l7fp_load64(p + 8);
		name += 3 * name_bytes(x, find_byte(x, ':'));
	}
	return name * 0x9e3779b97f4a7c15ULL >> 58;
}

static __always_inline bool is_line(const struct l7fp_h1_line *line, const u8 *p, u32 room)
{
	u32 len = line->len, i;

	if (!len || len > room)
		return false;
	for (i = 0; i + 8 < len; i += 8)
		if (l7fp_load64(p + i) != l7fp_load64(line->bytes + i))
			return false;
	return l7fp_load64(p + len - 8) == l7fp_load64(line->bytes + len - 8);
}

/*
 * One header line, which begins at @off: its length, MORE, or an error. A known name needs no
 * further check; any other one must be a token.
 */
static int parse_header(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len,
			enum section section, struct l7fp_h1_line *line)
{
	struct l7fp_h1_header *header;
	u32 colon, value, end, next;
	u16 token;
	int err;

	colon = find_colon(buf, off, len);
	if (colon == len)
		return memchr(buf + off, '\n', len - off) ? L7FP_H1_ERR_BAD : L7FP_H1_MORE;
	token = l7fp_h1_lookup_token(buf + off, colon - off);
	if (token == L7FP_H_OTHER && (colon == off || !is_token(buf + off, colon - off)))
		return L7FP_H1_ERR_BAD;
	value = colon + 1;
	if (value < len && buf[value] == ' ')
		value++;
	while (unlikely(value < len && (buf[value] == ' ' || buf[value] == '\t')))
		value++;
	end = skip_value(buf, value, len);
	if (len - end < 2)
		return end == len || buf[end] == '\r' ? L7FP_H1_MORE : L7FP_H1_ERR_BAD;
	if (buf[end] != '\r' || buf[end + 1] != '\n')
		return L7FP_H1_ERR_BAD;
	if (h->n_headers == L7FP_MAX_HEADERS)
		return L7FP_H1_ERR_TOO_LARGE;
	next = end + 2;
	while (end > value && buf[end - 1] <= ' ')
		end--;

	header = &h->headers[h->n_headers];
	header->name_off = off;
	header->value_off = value;
	header->value_len = end - value;
	header->name_len = colon - off;
	header->token = token;
	if ((NOTED >> token & 1) && section != SECTION_TRAILERS) {
		err = l7fp_h1_note_header(h, buf, header);
		if (err)
			return err;
	}
	h->tokens |= BIT_ULL(token);
	h->n_headers++;
	if (line)
		l7fp_h1_keep_line(line, buf + off, next - off, header, h->content_length);
	return next - off;
}

/* The same for a line of a head that came before, and that l7fp_h1_keep_line() kept. */
static __always_inline int known_header(struct l7fp_h1_head *h, u32 off,
					const struct l7fp_h1_line *line)
{
	bool again = h->tokens >> line->header.token & 1;
	struct l7fp_h1_header *header;

	if (h->n_headers == L7FP_MAX_HEADERS)
		return L7FP_H1_ERR_TOO_LARGE;
	switch (line->header.token) {
	case L7FP_H_HOST:
		if (again)
			return L7FP_H1_ERR_BAD;
		h->host = h->n_headers;
		break;
	case L7FP_H_CONTENT_LENGTH:
		if (again)
			return L7FP_H1_ERR_BAD;
		h->content_length = line->length;
		break;
	case L7FP_H_CONNECTION:
		if (!again)
			h->connection = h->n_headers;
		h->state |= SEEN_KEEP_ALIVE;
		break;
	}
	header = &h->headers[h->n_headers];
	*header = line->header;
	header->name_off = off;
	header->value_off += off;
	h->tokens |= BIT_ULL(line->header.token);
	h->n_headers++;
	return line->len;
}

/* RFC 9112 3.2: the form of the target, its path and its authority. */
static int parse_target(struct l7fp_h1_head *h, const u8 *buf)
{
	u32 off = h->target.off, end = off + h->target.len, i;
	const u8 *p = buf + off;

	if (h->method == L7FP_METHOD_CONNECT) {
		h->authority = h->target;
		return l7fp_h1_valid_authority(p, h->target.len, true) ? 0 : L7FP_H1_ERR_BAD;
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
	return l7fp_h1_valid_authority(buf + h->authority.off, h->authority.len, false) ? 0 :
										  L7FP_H1_ERR_BAD;
}

/* "HTTP/" DIGIT "." DIGIT, which @len must hold whole: the minor version, or an error. */
static __always_inline int parse_version(const u8 *p)
{
	if (likely(l7fp_load64(p) == l7fp_load64("HTTP/1.1")))
		return 1;
	if (memcmp(p, "HTTP/", 5) || !is(p[5], C_DIGIT) || p[6] != '.' ||
	    !is(p[7], C_DIGIT))
		return L7FP_H1_ERR_BAD;
	return p[5] == '1' ? p[7] - '0' : L7FP_H1_ERR_VERSION;
}

static int parse_request_line(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len)
{
	u32 i = off;
	int minor;

	while (i < len && is(buf[i], C_TOKEN))
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
	u32 i, end, status = 0;
	int minor;

	if (len - off < 14)
		return memchr(p, '\n', len - off) ? L7FP_H1_ERR_BAD : L7FP_H1_MORE;
	if (likely(len - off >= 17 && l7fp_load64(p) == l7fp_load64("HTTP/1.1") &&
		   l7fp_load64(p + 8) == l7fp_load64(" 200 OK\r") && p[16] == '\n')) {
		h->minor = 1;
		h->status = 200;
		h->reason = (struct l7fp_slice){ .off = off + 13, .len = 2 };
		return 17;
	}
	minor = parse_version(p);
	if (minor < 0 || p[8] != ' ')
		return L7FP_H1_ERR_RESPONSE;
	h->minor = minor;
	for (i = 9; i < 12; i++) {
		if (!is(p[i], C_DIGIT))
			return L7FP_H1_ERR_RESPONSE;
		status = status * 10 + p[i] - '0';
	}
	h->status = status;
	if (status < 100 || (p[12] != ' ' && p[12] != '\r'))
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
	int n;

	if (section == SECTION_REQUEST && h->state == STATE_BEGIN && buf[off] == '\r') {
		if (len - off < 2)
			return L7FP_H1_MORE;
		h->state = STATE_START_LINE;
		return buf[off + 1] == '\n' ? 2 : L7FP_H1_ERR_BAD;
	}
	n = section == SECTION_REQUEST ? parse_request_line(h, buf, off, len) :
					 parse_status_line(h, buf, off, len);
	if (n > 0)
		h->state = STATE_HEADERS;
	return n;
}

/*
 * One header line, or the empty line at the end, which alone has two bytes. **next is where the
 * line is looked for; it is left where the one after it is to be.
 */
static __always_inline int parse_line(struct l7fp_h1_head *h, const u8 *buf, u32 off, u32 len,
				      enum section section, struct l7fp_h1_lines *lines,
				      u8 **next)
{
	struct l7fp_h1_line *line = NULL;
	bool known;

	if (buf[off] != '\r') {
		if (lines && len - off >= NAME_BYTES) {
			line = &lines->line[**next];
			known = is_line(line, buf + off, len - off);
			if (!known) {
				**next = line_of(buf + off);
				line = &lines->line[**next];
				known = is_line(line, buf + off, len - off);
			}
			*next = &line->next;
			if (known)
				return known_header(h, off, line);
		}
		return parse_header(h, buf, off, len, section, line);
	}
	if (len - off < 2)
		return L7FP_H1_MORE;
	return buf[off + 1] == '\n' ? 2 : L7FP_H1_ERR_BAD;
}

/*
 * Parses line after line from h->head_len, which is where the last complete line ended, until the
 * empty line. *scan is how far a line that has not ended was searched for its line feed.
 */
static int parse_section(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan, u32 limit,
			 enum section section, struct l7fp_h1_lines *lines)
{
	u8 *next = lines ? &lines->first[section == SECTION_RESPONSE] : NULL;
	bool full = len >= limit;
	u32 off;
	int n;

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
	while (off < len && (h->state & STATE_MASK) != STATE_HEADERS) {
		n = parse_start(h, buf, off, len, section);
		if (n <= 0)
			goto stopped;
		off += n;
		h->head_len = off;
		h->headers_off = off;
	}
	while (off < len) {
		n = parse_line(h, buf, off, len, section, lines, &next);
		if (n <= 0)
			goto stopped;
		off += n;
		h->head_len = off;
		if (n == 2)
			return off;
	}
	n = L7FP_H1_MORE;
stopped:
	if (n < 0 && memchr(buf + off, '\n', len - off))
		return n;
	*scan = len;
	return full ? L7FP_H1_ERR_TOO_LARGE : L7FP_H1_MORE;
}

/* What is said in several headers together; true for both directions. */
static __always_inline void finish_connection(struct l7fp_h1_head *h)
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
 * @lines: lines that came lately, or NULL
 *
 * Return: length of the head, L7FP_H1_MORE, or a negative L7FP_H1_ERR_*.
 */
int l7fp_h1_parse_request(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
			  struct l7fp_h1_lines *lines)
{
	int n = parse_section(h, buf, len, scan, L7FP_MAX_HEAD, SECTION_REQUEST, lines);

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
 * @lines: lines that came lately, or NULL
 *
 * Return: length of the head, L7FP_H1_MORE, or L7FP_H1_ERR_RESPONSE.
 */
int l7fp_h1_parse_response(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
			   u8 request_method, struct l7fp_h1_lines *lines)
{
	int n = parse_section(h, buf, len, scan, L7FP_MAX_HEAD, SECTION_RESPONSE, lines);

	if (n < 0 || (n > 0 && finish_response(h, request_method)))
		return L7FP_H1_ERR_RESPONSE;
	return n;
}

/**
 * l7fp_h1_parse_trailers() - parse a trailer section
 * @h: the result, with nothing but header lines in it; not progress
 * @buf: all bytes since L7FP_CHUNK_LAST
 * @len: their number
 * @scan: progress; 0 before the first call
 *
 * A field that must not be a trailer (RFC 9110 6.5.1) is not an error: the caller drops it by its
 * token.
 *
 * Unlike a head, a section is parsed from its start whenever a line has ended, and @h may be
 * another one each time: few messages have trailers, so that nobody keeps a struct for them, and
 * L7FP_MAX_TRAILERS and L7FP_MAX_HEADERS bound what that costs.
 *
 * Return: length of the section with the empty line that ends it, L7FP_H1_MORE, or a negative
 * L7FP_H1_ERR_*.
 */
int l7fp_h1_parse_trailers(struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan)
{
	u32 fresh = 0;
	int n;

	if (len < L7FP_MAX_TRAILERS && *scan && *scan < len &&
	    !memchr(buf + *scan, '\n', len - *scan))
		n = L7FP_H1_MORE;
	else
		n = parse_section(h, buf, len, &fresh, L7FP_MAX_TRAILERS, SECTION_TRAILERS,
				  NULL);
	if (!n)
		*scan = len;
	return n;
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
