// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * String matches. All are linear in the two lengths: neither the client, who chooses the value,
 * nor the author of a policy can make them slow.
 */
#include "match.h"

static u8 fold_byte(u8 byte, bool fold)
{
	return fold && byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static bool equal(const u8 *a, const u8 *b, u32 len, bool fold)
{
	u32 i;

	if (!fold)
		return !len || !memcmp(a, b, len);
	for (i = 0; i < len; i++)
		if (fold_byte(a[i], true) != fold_byte(b[i], true))
			return false;
	return true;
}

/*
 * The start of the greatest suffix of @p in the order of bytes, or in the reversed one, and the
 * period of that suffix.
 */
static u32 greatest_suffix(const u8 *p, u32 len, bool fold, bool reversed, u32 *period)
{
	u32 start = 0, candidate = 1, same = 0;

	*period = 1;
	while (candidate + same < len) {
		u8 a = fold_byte(p[candidate + same], fold), b = fold_byte(p[start + same], fold);

		if (a == b) {
			if (++same == *period) {
				candidate += same;
				same = 0;
			}
		} else if ((a < b) != reversed) {
			candidate += same + 1;
			same = 0;
			*period = candidate - start;
		} else {
			start = candidate++;
			same = 0;
			*period = 1;
		}
	}
	return start;
}

/*
 * Two-way search (Crochemore and Perrin 1991): linear time, constant space. The pattern is cut at
 * a critical position; its right part is compared forwards, then its left part backwards.
 */
static bool contains(const u8 *value, u32 value_len, const u8 *p, u32 len, bool fold)
{
	u32 period, other_period, cut, other, pos = 0, known = 0, i;
	bool periodic;

	if (!len)
		return true;
	if (len > value_len)
		return false;
	cut = greatest_suffix(p, len, fold, false, &period);
	other = greatest_suffix(p, len, fold, true, &other_period);
	if (other > cut) {
		cut = other;
		period = other_period;
	}
	periodic = cut + period <= len && equal(p, p + period, cut, fold);
	if (!periodic)
		period = (cut > len - cut ? cut : len - cut) + 1;

	while (pos <= value_len - len) {
		i = cut > known ? cut : known;
		while (i < len && fold_byte(p[i], fold) == fold_byte(value[pos + i], fold))
			i++;
		if (i < len) {
			pos += i - cut + 1;
			known = 0;
			continue;
		}
		for (i = cut; i > known; i--)
			if (fold_byte(p[i - 1], fold) != fold_byte(value[pos + i - 1], fold))
				break;
		if (i <= known)
			return true;
		pos += period;
		known = periodic ? len - period : 0;
	}
	return false;
}

/* What literals of Envoy's uri_template hold: pchar without '*'. */
static bool is_literal_byte(u8 byte)
{
	if ((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'))
		return true;
	switch (byte) {
	case '-':
	case '.':
	case '_':
	case '~':
	case '%':
	case '!':
	case '$':
	case '&':
	case '\'':
	case '(':
	case ')':
	case '+':
	case ',':
	case ';':
	case ':':
	case '@':
	case '=':
		return true;
	default:
		return false;
	}
}

/* What its operators match in a path. */
static bool is_template_byte(u8 byte)
{
	return byte == '*' || is_literal_byte(byte);
}

static u32 segment_end(const u8 *p, u32 i, u32 len)
{
	while (i < len && p[i] != '/')
		i++;
	return i;
}

/**
 * l7fp_match_template_valid() - can a template be matched
 * @pattern: the template in Envoy's form
 * @pattern_len: its length
 *
 * A template is an absolute path. "*" at the start of a segment stands for one or more bytes of
 * that segment, "**" for any bytes to the end, slashes too; both may be followed by literal
 * bytes, and no operator may follow "**". Variables in braces are not part of this: Istio has
 * none.
 */
bool l7fp_match_template_valid(const u8 *pattern, u32 pattern_len)
{
	bool glob = false;
	u32 i;

	if (!pattern_len || pattern[0] != '/')
		return false;
	for (i = 1; i < pattern_len; i++) {
		if (pattern[i] == '/') {
			if (pattern[i - 1] == '/')
				return false;
		} else if (pattern[i] == '*') {
			if (pattern[i - 1] != '/' || glob)
				return false;
			if (i + 1 < pattern_len && pattern[i + 1] == '*') {
				glob = true;
				i++;
			}
		} else if (!is_literal_byte(pattern[i])) {
			return false;
		}
	}
	return true;
}

/*
 * Since an operator stands at the start of its segment, and nothing but literals after "**",
 * there is one way to match only, and no going back.
 */
static bool match_template(const u8 *value, u32 value_len, const u8 *p, u32 len, bool fold)
{
	u32 v = 0, i = 0, end, literal;

	while (i < len) {
		bool glob;

		if (p[i] != '*') {
			if (v == value_len || fold_byte(p[i], fold) != fold_byte(value[v], fold))
				return false;
			i++;
			v++;
			continue;
		}
		glob = i + 1 < len && p[i + 1] == '*';
		i += 1 + glob;
		literal = (glob ? len : segment_end(p, i, len)) - i;
		end = glob ? value_len : segment_end(value, v, value_len);
		if (end - v < literal + !glob ||
		    !equal(value + end - literal, p + i, literal, fold))
			return false;
		for (; v < end - literal; v++)
			if (!is_template_byte(value[v]) && !(glob && value[v] == '/'))
				return false;
		i += literal;
		v = end;
	}
	return v == value_len;
}

/* Gateway API's PathPrefix: whole segments; a slash at the pattern's end does not count. */
static bool match_segments(const u8 *value, u32 value_len, const u8 *p, u32 len, bool fold)
{
	if (len && p[len - 1] == '/')
		len--;
	return value_len >= len && equal(value, p, len, fold) &&
	       (value_len == len || value[len] == '/');
}

/**
 * l7fp_match() - compare a value with a pattern
 * @op: enum l7fp_match_op, with or without L7FP_MATCH_IGNORE_CASE
 * @value: what the request has
 * @value_len: its length
 * @pattern: what the policy wants
 * @pattern_len: its length
 *
 * Return: whether they match; false for an op that is none, which whoever loads a policy must
 * refuse, since a negated match would turn it round.
 */
bool l7fp_match(u32 op, const u8 *value, u32 value_len, const u8 *pattern, u32 pattern_len)
{
	bool fold = op & L7FP_MATCH_IGNORE_CASE;

	switch (op & ~L7FP_MATCH_IGNORE_CASE) {
	case L7FP_MATCH_EXACT:
		return value_len == pattern_len && equal(value, pattern, value_len, fold);
	case L7FP_MATCH_PREFIX:
		return value_len >= pattern_len && equal(value, pattern, pattern_len, fold);
	case L7FP_MATCH_SUFFIX:
		return value_len >= pattern_len &&
		       equal(value + (value_len - pattern_len), pattern, pattern_len, fold);
	case L7FP_MATCH_PRESENT:
		return true;
	case L7FP_MATCH_CONTAINS:
		return contains(value, value_len, pattern, pattern_len, fold);
	case L7FP_MATCH_TEMPLATE:
		return match_template(value, value_len, pattern, pattern_len, fold);
	case L7FP_MATCH_SEGMENT_PREFIX:
		return match_segments(value, value_len, pattern, pattern_len, fold);
	case L7FP_MATCH_NOT_EMPTY:
		return value_len;
	default:
		return false;
	}
}

/**
 * l7fp_query_param() - find a query parameter
 * @path: path and query
 * @len: their length
 * @name: name of the parameter
 * @name_len: its length
 * @value: where its value is in @path; empty for a parameter without '='
 *
 * As Envoy's route matching: the first parameter of that name, separated by '&', neither name nor
 * value decoded, names compared with case.
 *
 * Return: whether there is such a parameter.
 */
bool l7fp_query_param(const u8 *path, u32 len, const u8 *name, u32 name_len,
		      struct l7fp_slice *value)
{
	u32 i = 0, end, equals;

	while (i < len && path[i] != '?')
		i++;
	for (i++; i < len; i = end + 1) {
		for (end = i; end < len && path[end] != '&'; end++)
			;
		for (equals = i; equals < end && path[equals] != '='; equals++)
			;
		if (equals - i != name_len || !equal(path + i, name, name_len, false))
			continue;
		value->off = equals < end ? equals + 1 : end;
		value->len = end - value->off;
		return true;
	}
	return false;
}
