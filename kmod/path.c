// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Paths and hosts in the one form that is matched and forwarded.
 *
 * The result is what Envoy's normalize_path gives, which is Chromium's canonical form of a path,
 * together with Envoy's path_with_escaped_slashes_action, merge_slashes and its removal of
 * parameters from dot segments.
 */
#include "path.h"

/* Classes of bytes in a path. */
enum {
	C_PLAIN, /* stays as it is, escaped or not */
	C_UNRESERVED, /* stays as it is, and is decoded where it was escaped */
	C_SLASH,
	C_BACKSLASH,
	C_DOT,
	C_PERCENT,
	C_ESCAPE, /* is escaped */
	C_QUERY, /* ends the path */
	C_REFUSED, /* controls, space, '#', DEL, bytes above ASCII */
};

static const u8 classes[256] = {
	[0x00 ... 0x20] = C_REFUSED,
	['"'] = C_ESCAPE,
	['#'] = C_REFUSED,
	['%'] = C_PERCENT,
	['-'] = C_UNRESERVED,
	['.'] = C_DOT,
	['/'] = C_SLASH,
	['0' ... '9'] = C_UNRESERVED,
	['<'] = C_ESCAPE,
	['>'] = C_ESCAPE,
	['?'] = C_QUERY,
	['A' ... 'Z'] = C_UNRESERVED,
	['\\'] = C_BACKSLASH,
	['^'] = C_ESCAPE,
	['_'] = C_UNRESERVED,
	['`'] = C_ESCAPE,
	['a' ... 'z'] = C_UNRESERVED,
	['{'] = C_ESCAPE,
	['|'] = C_ESCAPE,
	['}'] = C_ESCAPE,
	['~'] = C_UNRESERVED,
	[0x7f ... 0xff] = C_REFUSED,
};

struct output {
	u8 *dst;
	u32 len;
	u32 cap;
	u32 bad_percent; /* 1 + where the last '%' that escapes nothing stands; 0: nowhere */
	bool full;
};

static void put(struct output *out, u8 byte)
{
	if (out->len < out->cap)
		out->dst[out->len++] = byte;
	else
		out->full = true;
}

static int hex_value(u8 byte)
{
	u8 lower = byte | 0x20;

	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (lower >= 'a' && lower <= 'f')
		return lower - 'a' + 10;
	return -1;
}

/* The byte that the three bytes at @i stand for, or -1 where they are no escape. */
static int escaped_byte(const u8 *src, u32 i, u32 end)
{
	int high, low;

	if (end - i < 3 || src[i] != '%')
		return -1;
	high = hex_value(src[i + 1]);
	low = hex_value(src[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Length of the slash at @i, 0 where there is none; an escaped one counts with @decode. */
static u32 slash_len(const u8 *src, u32 i, u32 end, bool decode, bool backslash)
{
	int byte;

	if (i == end)
		return 0;
	if (src[i] == '/' || (backslash && src[i] == '\\'))
		return 1;
	if (!decode || src[i] != '%')
		return 0;
	byte = escaped_byte(src, i, end);
	return byte == '/' || (backslash && byte == '\\') ? 3 : 0;
}

static u32 dot_len(const u8 *src, u32 i, u32 end)
{
	if (i < end && src[i] == '.')
		return 1;
	return i < end && escaped_byte(src, i, end) == '.' ? 3 : 0;
}

/*
 * Where the segment that begins at @i is "." or "..", with or without parameters: how far it
 * reaches, with the slash after it. 0 where it is an ordinary segment.
 */
static u32 dot_segment_len(const u8 *src, u32 i, u32 end, bool decode, bool *up)
{
	u32 j = i + dot_len(src, i, end), second = dot_len(src, j, end), slash;

	*up = second;
	j += second;
	if (j < end && src[j] == ';') {
		/* parameters end at a '/', and not at a '\' */
		while (j < end && !slash_len(src, j, end, decode, false))
			j++;
	}
	slash = slash_len(src, j, end, decode, true);
	if (j < end && !slash)
		return 0;
	return j + slash - i;
}

/* The output ends with a slash; drops the segment before it. The first slash stays. */
static void drop_segment(struct output *out)
{
	if (out->len > 1)
		out->len--;
	while (out->len && out->dst[out->len - 1] != '/')
		out->len--;
	if (out->bad_percent > out->len)
		out->bad_percent = 0;
}

/*
 * A byte was decoded just behind a '%' that escapes nothing: "%%300" must not become "%00", which
 * the next reader would decode. Such a '%' is escaped itself. @next is the byte that follows in
 * the input, or -1.
 */
static void guard_percent(struct output *out, int next)
{
	u32 behind;
	u8 first, last;

	if (!out->bad_percent)
		return;
	behind = out->len - out->bad_percent;
	first = out->dst[out->bad_percent];
	last = out->dst[out->len - 1];
	if (behind > 2 || hex_value(first) < 0)
		return;
	if (behind == 1 ? next < 0 || hex_value(next) < 0 : hex_value(last) < 0)
		return;
	out->len = out->bad_percent;
	put(out, '2');
	put(out, '5');
	put(out, first);
	if (behind == 2)
		put(out, last);
	out->bad_percent = 0;
}

/* The escape at @i, or a '%' that is none; its length, or an error. */
static int put_percent(struct output *out, const u8 *src, u32 i, u32 end)
{
	int byte = escaped_byte(src, i, end);

	if (!byte)
		return L7FP_PATH_ERR_BAD;
	if (byte < 0) {
		out->bad_percent = out->len + 1;
		put(out, '%');
		return 1;
	}
	if (classes[byte] == C_UNRESERVED) {
		put(out, byte);
		if (!out->full)
			guard_percent(out, i + 3 < end ? src[i + 3] : -1);
	} else {
		put(out, '%');
		put(out, src[i + 1]);
		put(out, src[i + 2]);
	}
	return 3;
}

static void put_escaped(struct output *out, u8 byte)
{
	static const u8 digits[] = "0123456789ABCDEF";

	put(out, '%');
	put(out, digits[byte >> 4]);
	put(out, digits[byte & 15]);
}

static int canonicalize(struct output *out, const u8 *src, u32 end, bool decode)
{
	u32 i = 0, n;
	bool up;
	int len;

	while (i < end && !out->full) {
		u8 class = classes[src[i]];

		if (class <= C_UNRESERVED) {
			put(out, src[i++]);
			continue;
		}
		n = slash_len(src, i, end, decode, true);
		if (n) {
			put(out, '/');
			i += n;
			continue;
		}
		n = dot_len(src, i, end);
		if (n) {
			if (out->len && out->dst[out->len - 1] == '/') {
				u32 segment = dot_segment_len(src, i, end, decode, &up);

				if (segment && up)
					drop_segment(out);
				if (segment) {
					i += segment;
					continue;
				}
			}
			put(out, '.');
			i += n;
			continue;
		}
		if (class == C_PERCENT) {
			len = put_percent(out, src, i, end);
			if (len < 0)
				return len;
			i += len;
		} else if (class == C_ESCAPE) {
			put_escaped(out, src[i++]);
		} else {
			return L7FP_PATH_ERR_BAD;
		}
	}
	return 0;
}

/* After dot segments are resolved, as Envoy does it: "/a//../b" is "/a/b". */
static void merge_slashes(struct output *out)
{
	u32 i, n = 0;

	for (i = 0; i < out->len; i++)
		if (out->dst[i] != '/' || !n || out->dst[n - 1] != '/')
			out->dst[n++] = out->dst[i];
	out->len = n;
}

/**
 * l7fp_path_query_off() - where the query begins
 * @src: path and query
 * @len: their length
 *
 * Return: offset of the first '?', or @len.
 */
u32 l7fp_path_query_off(const u8 *src, u32 len)
{
	const u8 *query = len ? memchr(src, '?', len) : NULL;

	return query ? query - src : len;
}

/**
 * l7fp_path_is_normal() - is a path certainly its own normal form
 * @src: path and query
 * @len: their length
 * @query: where it is true, what l7fp_path_query_off() says of them
 *
 * Return: true where l7fp_path_normalize() would change nothing, in any mode. It may be false for
 * a path that would not change either: what it does not tell apart is rare.
 */
bool l7fp_path_is_normal(const u8 *src, u32 len, u32 *query)
{
	const u8 *p = src, *end = src + len;
	u8 class = C_PLAIN;

	if (!len || *p != '/')
		return false;
	while (++p < end) {
		class = classes[*p];
		if (class <= C_UNRESERVED)
			continue;
		if ((class != C_SLASH && class != C_DOT) || p[-1] == '/')
			break;
	}
	*query = p - src;
	return p == end || (class == C_QUERY && !memchr(p, '#', end - p));
}

/**
 * l7fp_path_normalize() - the form of a path that is matched and forwarded
 * @dst: the result, not overlapping @src
 * @cap: bytes that fit into @dst
 * @src: path and query
 * @len: their length
 * @mode: how far to go
 *
 * The query is copied as it is. The result is longer than @src in two cases only: a path that is
 * empty or has a query only (absolute-form allows that) gets its "/", and each of the bytes
 * "<>^`{|} that should have been escaped takes two bytes more. Segments that are resolved later
 * need space before that, so what suffices is @len, and those bytes more where they occur; at most
 * 3 * @len + 1.
 *
 * Return: length of the result, L7FP_PATH_ERR_BAD for a path that must not be forwarded (%00, a
 * byte that is not visible ASCII, a fragment, no leading '/'), L7FP_PATH_ERR_SPACE.
 */
int l7fp_path_normalize(u8 *dst, u32 cap, const u8 *src, u32 len, enum l7fp_path_mode mode)
{
	struct output out = { .dst = dst, .cap = cap };
	u32 query;
	int err;

	if (len <= cap && l7fp_path_is_normal(src, len, &query)) {
		memcpy(dst, src, len);
		return len;
	}
	query = l7fp_path_query_off(src, len);
	if (len && memchr(src, '#', len))
		return L7FP_PATH_ERR_BAD;
	if (!query)
		put(&out, '/');
	else if (src[0] != '/' && (query != len || len != 1 || src[0] != '*'))
		return L7FP_PATH_ERR_BAD;

	if (mode == L7FP_PATH_NONE) {
		query = 0;
	} else {
		err = canonicalize(&out, src, query, mode == L7FP_PATH_DECODE_AND_MERGE_SLASHES);
		if (err)
			return err;
		if (mode != L7FP_PATH_BASE)
			merge_slashes(&out);
	}
	if (out.full || len - query > cap - out.len)
		return L7FP_PATH_ERR_SPACE;
	if (len > query)
		memcpy(dst + out.len, src + query, len - query);
	return out.len + len - query;
}

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* Copies in lower case, eight bytes at a time. Returns whether there was a ':'. */
static bool copy_lower(u8 *dst, const u8 *src, u32 len)
{
	u64 colons = 0;
	bool colon = false;
	u32 i = 0;

	for (; len - i >= 8; i += 8) {
		u64 x = l7fp_load64(src + i), y = x & ~HIGHS, z = x ^ (ONES * ':');
		u64 upper = (y + ONES * (0x80 - 'A')) & ~(y + ONES * (0x7f - 'Z')) & ~x & HIGHS;

		colons |= (z - ONES) & ~z & HIGHS;
		l7fp_store64(dst + i, x | upper >> 2);
	}
	for (; i < len; i++) {
		colon |= src[i] == ':';
		dst[i] = src[i] >= 'A' && src[i] <= 'Z' ? src[i] | 0x20 : src[i];
	}
	return colon || colons;
}

/**
 * l7fp_host_normalize() - the form of a host that is matched
 * @dst: the result
 * @cap: bytes that fit into @dst
 * @host: host and port, as Host or the target's authority has them
 * @len: their length
 * @port: the port, or 0 where there is none
 *
 * Lower case, without the port; the brackets of an IPv6 address and a dot at the end stay, as
 * with Envoy's ignore_port_in_host_matching.
 *
 * Return: length of the result, L7FP_PATH_ERR_BAD where the port is none, L7FP_PATH_ERR_SPACE.
 */
int l7fp_host_normalize(u8 *dst, u32 cap, const u8 *host, u32 len, u32 *port)
{
	u32 i, end = len;

	/* digits at the end are a port where a ':' stands before them */
	while (end && host[end - 1] >= '0' && host[end - 1] <= '9')
		end--;
	*port = 0;
	if (end && host[end - 1] == ':') {
		for (i = end; i < len; i++) {
			*port = *port * 10 + host[i] - '0';
			if (*port > 65535)
				return L7FP_PATH_ERR_BAD;
		}
		end--;
	} else {
		end = len;
	}
	if (end > cap)
		return L7FP_PATH_ERR_SPACE;
	/* any other ':' must be in the brackets of an IPv6 address */
	if (copy_lower(dst, host, end) && (host[0] != '[' || host[end - 1] != ']'))
		return L7FP_PATH_ERR_BAD;
	return end;
}
