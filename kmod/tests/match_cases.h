/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cases for string matches and query parameters, shared as h1_cases.h is. */
#ifndef L7FP_MATCH_CASES_H
#define L7FP_MATCH_CASES_H

#include "../match.h"

#define EXACT L7FP_MATCH_EXACT
#define PREFIX L7FP_MATCH_PREFIX
#define SUFFIX L7FP_MATCH_SUFFIX
#define PRESENT L7FP_MATCH_PRESENT
#define CONTAINS L7FP_MATCH_CONTAINS
#define TEMPLATE L7FP_MATCH_TEMPLATE
#define SEGMENTS L7FP_MATCH_SEGMENT_PREFIX
#define NOT_EMPTY L7FP_MATCH_NOT_EMPTY
#define CASE L7FP_MATCH_IGNORE_CASE

struct match_case {
	u32 op;
	const char *value;
	const char *pattern;
	bool want;
};

static const struct match_case match_cases[] = {
	{ EXACT, "", "", true },
	{ EXACT, "/a", "/a", true },
	{ EXACT, "/A", "/a", false },
	{ EXACT, "/ab", "/a", false },
	{ EXACT, "/a", "/ab", false },
	{ EXACT | CASE, "/AbZ", "/aBz", true },
	{ EXACT | CASE, "[", "{", false },
	{ EXACT | CASE, "@", "`", false },
	{ EXACT | CASE, "-", "\r", false },
	{ PREFIX, "/apiv2", "/api", true },
	{ PREFIX, "/x?y=/admin", "/admin", false },
	{ PREFIX, "/ap", "/api", false },
	{ PREFIX, "/a", "", true },
	{ PREFIX, "", "", true },
	{ PREFIX | CASE, "/APIv2", "/api", true },
	{ SUFFIX, "a.example.com", ".example.com", true },
	{ SUFFIX, "example.com", ".example.com", false },
	{ SUFFIX, "a.example.co", ".example.com", false },
	{ SUFFIX | CASE, "a.EXAMPLE.com", ".example.com", true },
	{ PRESENT, "", "x", true },
	{ PRESENT, "a", "", true },
	{ NOT_EMPTY, "", "", false },
	{ NOT_EMPTY, "a", "", true },
	{ CONTAINS, "abc", "", true },
	{ CONTAINS, "", "", true },
	{ CONTAINS, "", "a", false },
	{ CONTAINS, "abc", "b", true },
	{ CONTAINS, "abc", "abc", true },
	{ CONTAINS, "abc", "abcd", false },
	{ CONTAINS, "abc", "ac", false },
	{ CONTAINS, "ababac", "abac", true },
	{ CONTAINS, "aaab", "aab", true },
	{ CONTAINS, "abcABC", "Ca", false },
	{ CONTAINS | CASE, "xxABCxx", "abc", true },
	{ CONTAINS | CASE, "xxABxx", "abc", false },
	{ TEMPLATE, "/path/template/a", "/path/template/*", true },
	{ TEMPLATE, "/path/template/", "/path/template/*", false },
	{ TEMPLATE, "/path/template", "/path/template/*", false },
	{ TEMPLATE, "/path/template/a/b", "/path/template/*", false },
	{ TEMPLATE, "/path/template/a/", "/path/template/*", false },
	{ TEMPLATE, "/a/path/template", "/**/path/template", true },
	{ TEMPLATE, "/a/b/path/template", "/**/path/template", true },
	{ TEMPLATE, "//path/template", "/**/path/template", true },
	{ TEMPLATE, "/path/template", "/**/path/template", false },
	{ TEMPLATE, "/a/path/template/b", "/**/path/template", false },
	{ TEMPLATE, "/a/x/c", "/a/*/c", true },
	{ TEMPLATE, "/a//c", "/a/*/c", false },
	{ TEMPLATE, "/a/x/y/c", "/a/*/c", false },
	{ TEMPLATE, "/a/x/b/y/z", "/a/*/b/**", true },
	{ TEMPLATE, "/a/x/b/", "/a/*/b/**", true },
	{ TEMPLATE, "/a/x/b", "/a/*/b/**", false },
	{ TEMPLATE, "/", "/**", true },
	{ TEMPLATE, "/a/b", "/**", true },
	{ TEMPLATE, "", "/**", false },
	{ TEMPLATE, "/a.m4s.m4s", "/*.m4s", true },
	{ TEMPLATE, "/.m4s", "/*.m4s", false },
	{ TEMPLATE, "/a/b.mpd", "/**.mpd", true },
	{ TEMPLATE, "/.mpd", "/**.mpd", true },
	{ TEMPLATE, "/a[b", "/*", false },
	{ TEMPLATE, "/a*b", "/*", true },
	{ TEMPLATE, "/%22", "/*", true },
	{ TEMPLATE, "/a", "/a", true },
	{ TEMPLATE, "/A", "/a", false },
	{ TEMPLATE | CASE, "/A/x/B", "/a/*/b", true },
	{ SEGMENTS, "/a", "/a", true },
	{ SEGMENTS, "/a/", "/a", true },
	{ SEGMENTS, "/a/b", "/a", true },
	{ SEGMENTS, "/ab", "/a", false },
	{ SEGMENTS, "/a", "/a/", true },
	{ SEGMENTS, "/a/b", "/a/", true },
	{ SEGMENTS, "/ab", "/a/", false },
	{ SEGMENTS, "/x", "/", true },
	{ SEGMENTS, "/", "/", true },
	{ SEGMENTS, "", "/a", false },
	{ SEGMENTS | CASE, "/A/b", "/a", true },
	{ __L7FP_MATCH_OP_MAX, "a", "a", false },
	{ 0x200 | EXACT, "a", "a", false },
};

static const char *match_case_run(const struct match_case *c)
{
	u32 value_len = strlen(c->value), pattern_len = strlen(c->pattern);
	u8 *value = test_alloc(value_len), *pattern = test_alloc(pattern_len);
	const char *wrong = NULL;

	if (!value || !pattern) {
		wrong = "no memory";
	} else {
		memcpy(value, c->value, value_len);
		memcpy(pattern, c->pattern, pattern_len);
		if (l7fp_match(c->op, value, value_len, pattern, pattern_len) != c->want)
			wrong = c->want ? "no match" : "a match";
	}
	test_free(value);
	test_free(pattern);
	return wrong;
}

struct template_case {
	const char *pattern;
	bool valid;
};

static const struct template_case template_cases[] = {
	{ "/", true },
	{ "/a/b", true },
	{ "/*", true },
	{ "/**", true },
	{ "/*/a/**", true },
	{ "/**/a", true },
	{ "/*.x", true },
	{ "/a/", true },
	{ "/-._~%!$&'()+,;:@=", true },
	{ "", false },
	{ "a", false },
	{ "*", false },
	{ "//", false },
	{ "/a//b", false },
	{ "/a*", false },
	{ "/*a*", false },
	{ "/***", false },
	{ "/****", false },
	{ "/**/*", false },
	{ "/**/**", false },
	{ "/**/a/*", false },
	{ "/{a}", false },
	{ "/{*}", false },
	{ "/a b", false },
	{ "/a?b", false },
	{ "/a[b]", false },
	{ "/a\"", false },
};

static const char *template_case_run(const struct template_case *c)
{
	u32 len = strlen(c->pattern);
	u8 *pattern = test_alloc(len);
	const char *wrong = NULL;

	if (!pattern)
		return "no memory";
	memcpy(pattern, c->pattern, len);
	if (l7fp_match_template_valid(pattern, len) != c->valid)
		wrong = c->valid ? "refused" : "accepted";
	test_free(pattern);
	return wrong;
}

struct query_case {
	const char *path;
	const char *name;
	const char *value; /* NULL: none */
};

static const struct query_case query_cases[] = {
	{ "/", "a", NULL },
	{ "/?", "a", NULL },
	{ "/?a", "a", "" },
	{ "/?a=", "a", "" },
	{ "/?a=1", "a", "1" },
	{ "/?b=2&a=1", "a", "1" },
	{ "/?a=1&a=2", "a", "1" },
	{ "/?a&a=2", "a", "" },
	{ "/?aa=1", "a", NULL },
	{ "/?a=1", "aa", NULL },
	{ "/?A=1", "a", NULL },
	{ "/?a=b=c", "a", "b=c" },
	{ "/?a=%41+b", "a", "%41+b" },
	{ "/?%61=1", "a", NULL },
	{ "/?&&a=1", "a", "1" },
	{ "/?a=1;b=2", "b", NULL },
	{ "/?x?a=1", "a", NULL },
	{ "/?b=?&a=1", "a", "1" },
	{ "/a=1", "a", NULL },
	{ "?a=1", "a", "1" },
	{ "", "a", NULL },
};

static const char *query_case_run(const struct query_case *c)
{
	u32 len = strlen(c->path);
	struct l7fp_slice value;
	u8 *path = test_alloc(len);
	const char *wrong = NULL;
	bool found;

	if (!path)
		return "no memory";
	memcpy(path, c->path, len);
	found = l7fp_query_param(path, len, (const u8 *)c->name, strlen(c->name), &value);
	if (found != !!c->value)
		wrong = found ? "found" : "not found";
	else if (found && (value.off > len || value.len > len - value.off ||
			   value.len != strlen(c->value) ||
			   memcmp(path + value.off, c->value, value.len)))
		wrong = "value";
	test_free(path);
	return wrong;
}

/* Byte @i of the string of @len bytes over "ab" that @number stands for. */
static void match_fill(u8 *buf, u32 len, u32 number)
{
	while (len--)
		buf[len] = number >> len & 1 ? 'b' : 'a';
}

static bool match_naive(const u8 *value, u32 value_len, const u8 *pattern, u32 pattern_len)
{
	u32 i;

	for (i = 0; i + pattern_len <= value_len; i++)
		if (!memcmp(value + i, pattern, pattern_len))
			return true;
	return false;
}

/* Every value and pattern over two letters, up to a length, against the plain search. */
static const char *match_check_contains(u32 max_value, u32 max_pattern)
{
	u8 value[16], pattern[16];
	u32 n, m, i, j;

	for (m = 1; m <= max_pattern; m++) {
		for (i = 0; i < 1U << m; i++) {
			match_fill(pattern, m, i);
			for (n = 1; n <= max_value; n++) {
				for (j = 0; j < 1U << n; j++) {
					match_fill(value, n, j);
					if (l7fp_match(CONTAINS, value, n, pattern, m) !=
					    match_naive(value, n, pattern, m))
						return "differs from the plain search";
				}
			}
		}
	}
	return NULL;
}

#endif /* L7FP_MATCH_CASES_H */
