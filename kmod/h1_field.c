// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/1.1 header fields: what a name is, what a value means for framing and connection. */
#include "h1_private.h"

const u8 l7fp_h1_classes[256] = {
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

u16 l7fp_h1_lookup_token(const u8 *p, u32 len)
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
	case 23:
		return IS(p, "x-forwarded-client-cert") ? L7FP_H_X_FORWARDED_CLIENT_CERT :
							  L7FP_H_OTHER;
	}
	return L7FP_H_OTHER;
}

/*
 * Headers that have a place of their own in Envoy's header map: O(1) headers of
 * envoy/http/header_map.h and those that its filters register; as Envoy 1.40 forwards them.
 */
bool l7fp_h1_lines_join(const u8 *name, u32 len)
{
	static const char * const joined[] = {
		"accept", "accept-encoding", "access-control-request-headers",
		"access-control-request-method", "access-control-request-private-network",
		"authorization", "cache-control", "content-encoding", "content-type", "expect",
		"grpc-timeout", "if-match", "if-modified-since", "if-none-match", "if-range",
		"if-unmodified-since", "origin", "pragma", "proxy-status", "referer", "user-agent",
		"via", "x-client-trace-id", "x-envoy-decorator-operation",
		"x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node",
		"x-envoy-external-address", "x-envoy-original-host", "x-envoy-original-path",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
		"x-request-id", NULL
	};
	const char * const *p;

	for (p = joined; *p; p++)
		if (strlen(*p) == len && !memcmp(*p, name, len))
			return true;
	return false;
}

/*
 * Skips letters, digits, '-' and '.', eight at a time: nearly all bytes of nearly all hosts. Right
 * where there is no control character (they fold onto digits); leaves off where in doubt.
 */
static __always_inline u32 skip_plain_host(const u8 *p, u32 i, u32 len)
{
	while (len - i >= 8) {
		u64 x = l7fp_load64(p + i), y = (x | ONES * 0x20) & ~HIGHS;
		u64 letter = (y + ONES * (0x80 - 'a')) & ~(y + ONES * (0x7f - 'z'));
		u64 other = (y + ONES * (0x80 - '-')) & ~(y + ONES * (0x7f - '9')) &
			    ((y ^ ONES * '/') + ONES * 0x7f);
		u64 stop = ~((letter | other) & ~x) & HIGHS;

		if (stop)
			return i + (u32)__builtin_ctzll(stop) / 8;
		i += 8;
	}
	return i;
}

/* uri-host [ ":" port ], RFC 3986 3.2; no userinfo, and a host that is not empty. */
bool l7fp_h1_valid_authority(const u8 *p, u32 len, bool port_required)
{
	u32 i = 0, port = 0, digits = 0;

	if (len && p[0] == '[') {
		for (i = 1; i < len && (is(p[i], C_HEX) || p[i] == ':' || p[i] == '.'); i++)
			;
		if (i < 3 || i == len || p[i] != ']')
			return false;
		i++;
	} else {
		i = skip_plain_host(p, 0, len);
		while (i < len) {
			if (likely(is(p[i], C_HOST))) {
				i++;
			} else if (p[i] == '%' && len - i >= 3 && is(p[i + 1], C_HEX) &&
				   is(p[i + 2], C_HEX)) {
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
		if (!is(p[i], C_DIGIT))
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

	while (i < end && (buf[i] == ',' || is(buf[i], C_OWS)))
		i++;
	element->off = i;
	while (i < end && buf[i] != ',')
		i++;
	*pos = i;
	for (last = i; last > element->off && is(buf[last - 1], C_OWS); last--)
		;
	element->len = last - element->off;
	return element->len;
}

/* Options that only the peer's mischief would name: what they strip is trusted further on. */
static bool option_is_refused(const u8 *p, u32 len)
{
	switch (l7fp_h1_lookup_token(p, len)) {
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

static void parse_connection(struct l7fp_h1_head *h, const u8 *buf,
			     const struct l7fp_h1_header *header)
{
	u32 pos = header->value_off, end = pos + header->value_len;
	struct l7fp_slice option;

	if (header->value_len == 10 && IS(buf + pos, "keep-alive")) {
		h->state |= SEEN_KEEP_ALIVE;
		return;
	}
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
int l7fp_h1_note_header(struct l7fp_h1_head *h, const u8 *buf,
			const struct l7fp_h1_header *header)
{
	const u8 *value = buf + header->value_off;
	bool again = l7fp_h1_has(h, header->token);

	switch (header->token) {
	case L7FP_H_HOST:
		if (again || !l7fp_h1_valid_authority(value, header->value_len, false))
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

				if (a != b && ((a ^ b) != 0x20 || !is(a, C_ALPHA)))
					break;
			}
			if (k == len)
				return true;
		}
	}
	return false;
}
