// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads and trailers: the first byte chooses the parser and how the rest is cut. Whole and in
 * pieces must agree at every cut; what a good head says must lie inside it.
 */
#include <stdlib.h>

#include "h1.h"
#include "path.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

/* What came lately, of all inputs: whoever parses with it must find what is found without. */
static struct l7fp_h1_lines known;

static int parse(unsigned int kind, struct l7fp_h1_head *h, const u8 *buf, u32 len, u32 *scan,
		 struct l7fp_h1_lines *lines)
{
	switch (kind & 3) {
	case 0:
		return l7fp_h1_parse_trailers(h, buf, len, scan);
	case 1:
		return l7fp_h1_parse_response(h, buf, len, scan, kind >> 2 & 7, lines);
	default:
		return l7fp_h1_parse_request(h, buf, len, scan, lines);
	}
}

static void check_slice(const struct l7fp_slice *slice, u32 len)
{
	CHECK(slice->off <= len && slice->len <= len - slice->off);
}

static void check_head(const struct l7fp_h1_head *h, const u8 *buf, u32 len, bool request)
{
	u32 off = h->headers_off, port;
	u8 host[256];
	int i;

	CHECK(h->head_len == len && h->n_headers <= L7FP_MAX_HEADERS);
	check_slice(&h->method_name, len);
	check_slice(&h->target, len);
	check_slice(&h->path, len);
	check_slice(&h->authority, len);
	check_slice(&h->reason, len);
	for (i = 0; i < h->n_headers; i++) {
		const struct l7fp_h1_header *header = &h->headers[i];
		u32 line = l7fp_h1_line_len(h, i), end = header->value_off + header->value_len;

		CHECK(header->name_off == off && header->name_len);
		CHECK(buf[off + header->name_len] == ':');
		CHECK(header->value_off > off + header->name_len && end + 2 <= off + line);
		CHECK(!header->value_len || (buf[header->value_off] > ' ' && buf[end - 1] > ' '));
		CHECK(buf[off + line - 2] == '\r' && buf[off + line - 1] == '\n');
		CHECK(!memchr(buf + off, '\n', line - 1) && !memchr(buf + off, 0, line));
		off += line;
	}
	CHECK(off + 2 == len);
	if (!request)
		return;
	/* what frames the body is said once */
	CHECK(!(l7fp_h1_has(h, L7FP_H_CONTENT_LENGTH) && l7fp_h1_has(h, L7FP_H_TRANSFER_ENCODING)));
	CHECK((h->body == L7FP_BODY_CHUNKED) == l7fp_h1_has(h, L7FP_H_TRANSFER_ENCODING));
	CHECK(!h->minor || h->host >= 0);
	CHECK(h->method == L7FP_METHOD_CONNECT || h->asterisk_form || h->path_bare ||
	      buf[h->path.off] == '/');
	if (h->authority.len && h->authority.len <= sizeof(host))
		CHECK(l7fp_host_normalize(host, sizeof(host), buf + h->authority.off,
					  h->authority.len, &port) > 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct l7fp_h1_head *a, *b;
	u32 scan = 0, fresh, len, step;
	unsigned int kind;
	int n = 0, m;

	if (size < 2 || size > 70000)
		return 0;
	kind = data[0];
	/* every cut of a short input, few of a long one: each is copied and parsed whole */
	step = size < 300 ? 1 + (kind >> 6) : size / 40;
	data++;
	size--;
	a = malloc(sizeof(*a));
	b = malloc(sizeof(*b));
	memset(a, 0xa5, sizeof(*a));
	memset(b, 0x5a, sizeof(*b));
	for (len = step < size ? step : size; !n; len = size - len > step ? len + step : size) {
		u8 *buf = malloc(len);

		memcpy(buf, data, len);
		if (!(kind & 3))
			memset(a, 0xff, sizeof(*a));
		n = parse(kind, a, buf, len, &scan, &known);
		fresh = 0;
		m = parse(kind, b, buf, len, &fresh, NULL);
		CHECK(n == m);
		if (n > 0) {
			CHECK((u32)n <= len);
			CHECK(!memcmp(a, b, offsetof(struct l7fp_h1_head, headers)));
			CHECK(!memcmp(a->headers, b->headers, a->n_headers * sizeof(*a->headers)));
			check_head(a, buf, n, (kind & 3) > 1);
			/* what follows does not matter, and the last byte was needed */
			scan = 0;
			CHECK(parse(kind, a, buf, n, &scan, &known) == n);
			scan = 0;
			CHECK(!parse(kind, a, buf, n - 1, &scan, &known));
		}
		free(buf);
		if (len == size)
			break;
	}
	free(a);
	free(b);
	return 0;
}
