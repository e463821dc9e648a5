// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 field sections (RFC 9113 8): which fields there must be and may be, and what they say.
 *
 * The decoder has looked at the bytes of names and values; what they mean is judged here, as
 * strictly as HTTP/1.1's, since policies match the outcome of both alike.
 */
#include "h2.h"
#include "h1_private.h"

#define BIT_OF(token) BIT_ULL(L7FP_H_PSEUDO_##token)

/* RFC 9113 8.2.2: they speak of a connection of HTTP/1.1. */
#define CONNECTION_SPECIFIC (BIT_ULL(L7FP_H_CONNECTION) | BIT_ULL(L7FP_H_KEEP_ALIVE) | \
			     BIT_ULL(L7FP_H_PROXY_CONNECTION) | \
			     BIT_ULL(L7FP_H_TRANSFER_ENCODING) | BIT_ULL(L7FP_H_UPGRADE))

static struct l7fp_slice value_of(const struct l7fp_h1_header *header)
{
	return (struct l7fp_slice){ .off = header->value_off, .len = header->value_len };
}

/* Visible ASCII without '#', as h1's skip_target(); "*" for OPTIONS alone. */
static bool valid_path(const struct l7fp_h1_head *h, const u8 *p, u32 len)
{
	u32 i;

	if (!len)
		return false;
	if (p[0] != '/')
		return len == 1 && p[0] == '*' && h->method == L7FP_METHOD_OPTIONS;
	for (i = 1; i < len; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f || p[i] == '#')
			return false;
	return true;
}

static bool valid_method(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (!is(p[i], C_TOKEN))
			return false;
	return len;
}

static bool read_status(struct l7fp_h1_head *h, const u8 *p, u32 len)
{
	if (len != 3 || !is(p[0], C_DIGIT) || !is(p[1], C_DIGIT) || !is(p[2], C_DIGIT))
		return false;
	h->status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0';
	/* RFC 9113 8.6: there is no 101. */
	return h->status >= 100 && h->status < 600 && h->status != 101;
}

static int note_pseudo(struct l7fp_h1_head *h, const u8 *buf, const struct l7fp_h1_header *header)
{
	const u8 *p = buf + header->value_off;
	u32 len = header->value_len;

	switch (header->token) {
	case L7FP_H_PSEUDO_METHOD:
		h->method_name = value_of(header);
		h->method = lookup_method(p, len);
		return valid_method(p, len) ? 0 : L7FP_H1_ERR_BAD;
	case L7FP_H_PSEUDO_SCHEME:
		h->https = len == 5;
		return (len == 4 && equals(p, "http", 4)) || (len == 5 && equals(p, "https", 5)) ?
			0 : L7FP_H1_ERR_BAD;
	case L7FP_H_PSEUDO_AUTHORITY:
		h->authority = value_of(header);
		return l7fp_h1_valid_authority(p, len, false) ? 0 : L7FP_H1_ERR_BAD;
	case L7FP_H_PSEUDO_PATH:
		h->path = value_of(header);
		h->target = h->path;
		return 0;
	case L7FP_H_PSEUDO_STATUS:
		return read_status(h, p, len) ? 0 : L7FP_H1_ERR_BAD;
	}
	return L7FP_H1_ERR_BAD;
}

/* The pseudo-header fields, which come first and once each. Their number, or an error. */
static int read_pseudo(struct l7fp_h1_head *h, const u8 *buf, u64 allowed, u64 *seen)
{
	int i, err;

	*seen = 0;
	for (i = 0; i < h->n_headers; i++) {
		const struct l7fp_h1_header *header = &h->headers[i];
		u64 bit = BIT_ULL(header->token);

		if (!header->name_len || buf[header->name_off] != ':')
			return i;
		if (!(bit & allowed) || (bit & *seen))
			return L7FP_H1_ERR_BAD;
		*seen |= bit;
		err = note_pseudo(h, buf, header);
		if (err)
			return err;
	}
	return i;
}

/* RFC 9113 8.3.1 */
static int check_request(struct l7fp_h1_head *h, const u8 *buf, u64 seen)
{
	if (!(seen & BIT_OF(METHOD)))
		return L7FP_H1_ERR_BAD;
	if (h->method == L7FP_METHOD_CONNECT)
		return seen & (BIT_OF(PATH) | BIT_OF(SCHEME)) || !(seen & BIT_OF(AUTHORITY)) ?
			L7FP_H1_ERR_BAD : L7FP_H1_ERR_NOT_IMPLEMENTED;
	if (!(seen & BIT_OF(SCHEME)) || !(seen & BIT_OF(PATH)))
		return L7FP_H1_ERR_BAD;
	h->asterisk_form = h->path.len == 1 && buf[h->path.off] == '*';
	return valid_path(h, buf + h->path.off, h->path.len) ? 0 : L7FP_H1_ERR_BAD;
}

/* Host stands in for :authority, or says the same; one of them there must be. */
static int check_host(struct l7fp_h1_head *h, const u8 *buf, const struct l7fp_h1_header *header)
{
	struct l7fp_slice host = value_of(header);

	if (!h->authority.len) {
		h->authority = host;
		return l7fp_h1_valid_authority(buf + host.off, host.len, false) ? 0 :
			L7FP_H1_ERR_BAD;
	}
	return host.len == h->authority.len &&
	       !memcmp(buf + host.off, buf + h->authority.off, host.len) ? 0 : L7FP_H1_ERR_BAD;
}

/* All lines of Cookie as one, joined with "; ", in place of the first. */
static int join_cookies(struct l7fp_h1_head *h, struct l7fp_hpack_list *list)
{
	u32 total = 0, n = 0, off = list->len;
	int i, first = -1, to = 0;

	for (i = 0; i < h->n_headers; i++) {
		if (h->headers[i].token != L7FP_H_COOKIE)
			continue;
		if (!n++)
			first = i;
		total += h->headers[i].value_len + 2;
	}
	if (n < 2)
		return 0;
	total -= 2;
	if (total > list->size - list->len)
		return L7FP_H1_ERR_TOO_LARGE;
	for (i = 0; i < h->n_headers; i++) {
		if (h->headers[i].token == L7FP_H_COOKIE) {
			memcpy(list->buf + list->len, list->buf + h->headers[i].value_off,
			       h->headers[i].value_len);
			list->len += h->headers[i].value_len;
			if (--n) {
				memcpy(list->buf + list->len, "; ", 2);
				list->len += 2;
			}
			list->info[first].flags |= list->info[i].flags;
			if (i != first)
				continue;
		}
		h->headers[to] = h->headers[i];
		list->info[to] = list->info[i];
		to++;
	}
	h->headers[first].value_off = off;
	h->headers[first].value_len = total;
	h->n_headers = to;
	return 0;
}

static int note_regular(struct l7fp_h1_head *h, const u8 *buf, const struct l7fp_h1_header *header,
			enum l7fp_h2_section section)
{
	const u8 *p = buf + header->value_off;

	switch (header->token) {
	case L7FP_H_TE:
		if (header->value_len != 8 || !IS(p, "trailers"))
			return L7FP_H1_ERR_BAD;
		h->te_trailers = 1;
		return 0;
	case L7FP_H_HOST:
		if (section != L7FP_H2_REQUEST)
			return 0;
		/* A second one would have to be equal, too. */
		return check_host(h, buf, header);
	case L7FP_H_CONTENT_LENGTH:
	case L7FP_H_EXPECT:
		return section == L7FP_H2_TRAILERS ? 0 : l7fp_h1_note_header(h, buf, header);
	}
	return 0;
}

/* What follows the head. */
static int read_body(struct l7fp_h1_head *h, enum l7fp_h2_section section, bool end_stream,
		     u8 request_method)
{
	bool length = l7fp_h1_has(h, L7FP_H_CONTENT_LENGTH) && h->content_length;

	h->body = end_stream ? L7FP_BODY_NONE : L7FP_BODY_STREAM;
	if (section == L7FP_H2_REQUEST)
		return end_stream && length ? L7FP_H1_ERR_BAD : 0;
	if (h->status < 200)
		return end_stream ? L7FP_H1_ERR_BAD : 0;
	/* RFC 9110 8.6: it says what GET would have had, or what the client has. */
	if (request_method == L7FP_METHOD_HEAD || h->status == 304)
		return 0;
	return end_stream && length ? L7FP_H1_ERR_BAD : 0;
}

int l7fp_h2_head(struct l7fp_h1_head *h, struct l7fp_hpack_list *list,
		 enum l7fp_h2_section section, bool end_stream, u8 request_method)
{
	static const u64 allowed[] = {
		[L7FP_H2_REQUEST] = BIT_OF(METHOD) | BIT_OF(SCHEME) | BIT_OF(AUTHORITY) |
				    BIT_OF(PATH),
		[L7FP_H2_RESPONSE] = BIT_OF(STATUS),
		[L7FP_H2_TRAILERS] = 0,
	};
	const u8 *buf = list->buf;
	u64 seen;
	int i, n, err;

	h->minor = 1;
	h->method = L7FP_METHOD_OTHER;
	h->keep_alive = 1;
	h->expect_continue = 0;
	h->upgrade = 0;
	h->te_trailers = 0;
	h->has_connection_options = 0;
	h->absolute_form = 0;
	h->asterisk_form = 0;
	h->path_bare = 0;
	h->https = 0;
	h->connection_close = 0;
	h->status = 0;
	h->host = -1;
	h->connection = -1;
	h->content_length = 0;
	h->method_name = (struct l7fp_slice){};
	h->target = (struct l7fp_slice){};
	h->path = (struct l7fp_slice){};
	h->authority = (struct l7fp_slice){};
	h->reason = (struct l7fp_slice){};
	h->headers_off = 0;
	h->state = 0;
	h->coding = 0;
	h->tokens = 0;
	if (list->bad || (list->tokens & CONNECTION_SPECIFIC))
		return L7FP_H1_ERR_BAD;

	n = read_pseudo(h, buf, allowed[section], &seen);
	if (n < 0)
		return n;
	if (section == L7FP_H2_REQUEST)
		err = check_request(h, buf, seen);
	else
		err = section == L7FP_H2_RESPONSE && !seen ? L7FP_H1_ERR_BAD : 0;
	if (err)
		return err;
	h->n_headers -= n;
	if (n) {
		memmove(h->headers, h->headers + n, h->n_headers * sizeof(h->headers[0]));
		memmove(list->info, list->info + n, h->n_headers * sizeof(list->info[0]));
	}
	for (i = 0; i < h->n_headers; i++) {
		const struct l7fp_h1_header *header = &h->headers[i];

		if (!header->name_len || buf[header->name_off] == ':')
			return L7FP_H1_ERR_BAD;
		if (header->token == L7FP_H_OTHER)
			continue;
		err = note_regular(h, buf, header, section);
		if (err)
			return err;
		h->tokens |= BIT_ULL(header->token);
	}
	h->head_len = list->len;
	if (section == L7FP_H2_REQUEST && !h->authority.len)
		return L7FP_H1_ERR_BAD;
	if (section == L7FP_H2_TRAILERS)
		return end_stream ? 0 : L7FP_H1_ERR_BAD;
	if (l7fp_h1_has(h, L7FP_H_COOKIE)) {
		err = join_cookies(h, list);
		if (err)
			return err;
	}
	return read_body(h, section, end_stream, request_method);
}
