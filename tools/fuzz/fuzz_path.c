// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paths, hosts, query parameters and matches; the first byte chooses the mode. A normal path is
 * its own normal form, has no dot segment and keeps its query.
 */
#include <stdlib.h>

#include "match.h"
#include "path.h"

#define CHECK(x)                      \
	do {                          \
		if (!(x))             \
			__builtin_trap(); \
	} while (0)

static u32 growth(const u8 *path, u32 len)
{
	u32 i, more = !len || path[0] == '?';

	for (i = 0; i < len && path[i] != '?'; i++)
		if (memchr("\"<>^`{|}", path[i], 8))
			more += 2;
	return more;
}

static bool has_dot_segment(const u8 *path, u32 len)
{
	u32 i, end;

	for (i = 0; i < len; i = end + 1) {
		for (end = i; end < len && path[end] != '/'; end++)
			;
		if (end - i && path[i] == '.' &&
		    (end - i == 1 || path[i + 1] == ';' ||
		     (path[i + 1] == '.' && (end - i == 2 || path[i + 2] == ';'))))
			return true;
	}
	return false;
}

static void check_path(const u8 *path, u32 len, enum l7fp_path_mode mode)
{
	u32 most = len + growth(path, len), query, off, i;
	u8 *out = malloc(most), *again = malloc(most);
	int n = l7fp_path_normalize(out, most, path, len, mode);
	bool normal = l7fp_path_is_normal(path, len, &off);

	CHECK(n != L7FP_PATH_ERR_SPACE && n <= (int)most);
	if (normal)
		CHECK(n == (int)len && !memcmp(out, path, len) &&
		      off == l7fp_path_query_off(path, len));
	if (n > 0) {
		CHECK(out[0] == '/' || (n == 1 && out[0] == '*'));
		CHECK(l7fp_path_normalize(again, most, out, n, mode) == n);
		CHECK(!memcmp(out, again, n));
		query = l7fp_path_query_off(out, n);
		i = l7fp_path_query_off(path, len);
		CHECK(n - query == len - i && !memcmp(out + query, path + i, len - i));
		if (mode != L7FP_PATH_NONE) {
			CHECK(!has_dot_segment(out, query));
			CHECK(!memchr(out, '\\', query));
		}
		if (mode >= L7FP_PATH_MERGE_SLASHES)
			for (i = 1; i < query; i++)
				CHECK(out[i] != '/' || out[i - 1] != '/');
	}
	free(out);
	free(again);
}

static void check_host(const u8 *host, u32 len)
{
	u8 *out = malloc(len + 1), *again = malloc(len + 1);
	u32 port, i;
	int n = l7fp_host_normalize(out, len, host, len, &port);

	CHECK(n != L7FP_PATH_ERR_SPACE && n <= (int)len);
	if (n >= 0) {
		CHECK(port <= 65535);
		for (i = 0; i < (u32)n; i++)
			CHECK(out[i] == host[i] || (out[i] ^ host[i]) == 0x20);
		CHECK(l7fp_host_normalize(again, n, out, n, &port) == n && !port);
		CHECK(!memcmp(out, again, n));
	}
	free(out);
	free(again);
}

static bool contains(const u8 *value, u32 len, const u8 *pattern, u32 pattern_len)
{
	u32 i;

	for (i = 0; i + pattern_len <= len; i++)
		if (!memcmp(value + i, pattern, pattern_len))
			return true;
	return false;
}

static void check_match(const u8 *value, u32 len, const u8 *pattern, u32 pattern_len)
{
	struct l7fp_slice slice;
	u32 op;

	for (op = 0; op < __L7FP_MATCH_OP_MAX; op++) {
		bool exact = l7fp_match(op, value, len, pattern, pattern_len);
		bool folded = l7fp_match(op | L7FP_MATCH_IGNORE_CASE, value, len, pattern,
					 pattern_len);

		CHECK(folded || !exact);
		if (op == L7FP_MATCH_CONTAINS)
			CHECK(exact == contains(value, len, pattern, pattern_len));
	}
	if (l7fp_match_template_valid(value, len))
		CHECK(memchr(value, '*', len) ||
		      l7fp_match(L7FP_MATCH_TEMPLATE, value, len, value, len));
	if (l7fp_query_param(value, len, pattern, pattern_len, &slice))
		CHECK(slice.off <= len && slice.len <= len - slice.off);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 len, cut;
	u8 *copy, *pattern;

	if (!size || size > 4096)
		return 0;
	len = size - 1;
	copy = malloc(len);
	memcpy(copy, data + 1, len);
	check_path(copy, len, data[0] & 3);
	check_host(copy, len);
	cut = len ? data[0] % len : 0;
	pattern = malloc(cut);
	memcpy(pattern, copy, cut);
	check_match(copy + cut, len - cut, pattern, cut);
	free(pattern);
	free(copy);
	return 0;
}
