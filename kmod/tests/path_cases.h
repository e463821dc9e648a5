/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cases for paths and hosts, shared as h1_cases.h is. */
#ifndef L7FP_PATH_CASES_H
#define L7FP_PATH_CASES_H

#include "../path.h"

#define NONE L7FP_PATH_NONE
#define BASE L7FP_PATH_BASE
#define MERGE L7FP_PATH_MERGE_SLASHES
#define DECODE L7FP_PATH_DECODE_AND_MERGE_SLASHES

struct path_case {
	enum l7fp_path_mode mode;
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct path_case path_cases[] = {
	/* what is normal stays */
	{ BASE, "/", "/" },
	{ BASE, "/xyz", "/xyz" },
	{ BASE, "/x/y/z", "/x/y/z" },
	{ BASE, "/x/y/z?q=/../%41", "/x/y/z?q=/../%41" },
	{ BASE, "/!$&'()*+,;=:@[]-._~09azAZ", "/!$&'()*+,;=:@[]-._~09azAZ" },
	{ BASE, "/.well-known/x", "/.well-known/x" },
	{ BASE, "*", "*" },
	/* dot segments */
	{ BASE, "/./", "/" },
	{ BASE, "/.", "/" },
	{ BASE, "/..", "/" },
	{ BASE, "/../", "/" },
	{ BASE, "/../../..", "/" },
	{ BASE, "/a/.", "/a/" },
	{ BASE, "/a/./b", "/a/b" },
	{ BASE, "/a/..", "/" },
	{ BASE, "/a/../", "/" },
	{ BASE, "/a/../b", "/b" },
	{ BASE, "/a/b/..", "/a/" },
	{ BASE, "/a/b/../../../c", "/c" },
	{ BASE, "/a/...", "/a/..." },
	{ BASE, "/a/..b", "/a/..b" },
	{ BASE, "/a/.b", "/a/.b" },
	{ BASE, "/a../b", "/a../b" },
	{ BASE, "/a./b", "/a./b" },
	{ BASE, "/a//../b", "/a/b" },
	{ BASE, "//..", "/" },
	{ BASE, "/a/.?b", "/a/?b" },
	{ BASE, "/a/..?b/..", "/?b/.." },
	/* dot segments with parameters */
	{ BASE, "/a/..;/b", "/b" },
	{ BASE, "/a/..;x=y/b", "/b" },
	{ BASE, "/a/.;x/b", "/a/b" },
	{ BASE, "/a/..;x", "/" },
	{ BASE, "/a/.;", "/a/" },
	{ BASE, "/a/%2e%2E;x/b", "/b" },
	{ BASE, "/a/..;x\\y/b", "/b" },
	{ BASE, "/a/b;x/c", "/a/b;x/c" },
	{ BASE, "/a/...;x/b", "/a/...;x/b" },
	{ BASE, "/a/..%3b/b", "/a/..%3b/b" },
	{ DECODE, "/a/..;x%2fb", "/b" },
	/* escaped dots */
	{ BASE, "/%2e/a", "/a" },
	{ BASE, "/a/%2E%2e/b", "/b" },
	{ BASE, "/a/.%2e", "/" },
	{ BASE, "/a/%2e.", "/" },
	{ BASE, "/a%2eb", "/a.b" },
	{ BASE, "/a/%2e%2eb", "/a/..b" },
	{ BASE, "/%252e%252e/a", "/%252e%252e/a" },
	/* backslashes */
	{ BASE, "/a\\b", "/a/b" },
	{ BASE, "/a\\..\\b", "/b" },
	{ BASE, "/a/..\\b", "/b" },
	{ BASE, "/a\\.\\", "/a/" },
	{ BASE, "\\a", NULL },
	{ BASE, "/a?b\\c", "/a?b\\c" },
	/* escapes */
	{ BASE, "/%41%5A%61%7a%30%39%2D%5f%7E", "/AZaz09-_~" },
	{ BASE, "/%21%24%26%27%28%2a%3A%40", "/%21%24%26%27%28%2a%3A%40" },
	{ BASE, "/%2f%2F%5c%5C", "/%2f%2F%5c%5C" },
	{ BASE, "/a/%2F../b", "/a/%2F../b" },
	{ BASE, "/%3f%23%25%20", "/%3f%23%25%20" },
	{ BASE, "/%c3%A4", "/%c3%A4" },
	{ BASE, "/%01%7f", "/%01%7f" },
	{ BASE, "/%2541", "/%2541" },
	{ BASE, "/%00", NULL },
	{ BASE, "/a/%00/../b", NULL },
	{ MERGE, "/%00", NULL },
	{ DECODE, "/%00", NULL },
	{ BASE, "/?%00", "/?%00" },
	{ BASE, "/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D" },
	{ BASE, "/?\"<>^`{|}", "/?\"<>^`{|}" },
	/* '%' that escapes nothing */
	{ BASE, "/%", "/%" },
	{ BASE, "/%4", "/%4" },
	{ BASE, "/%zz", "/%zz" },
	{ BASE, "/%4z", "/%4z" },
	{ BASE, "/%?41", "/%?41" },
	{ BASE, "/%%41", "/%A" },
	{ BASE, "/%%300", "/%2500" },
	{ BASE, "/%%30%30", "/%2500" },
	{ BASE, "/%3%30", "/%2530" },
	{ BASE, "/%%32e%%32e/a", "/%252e%252e/a" },
	{ BASE, "/%%32x", "/%2x" },
	{ BASE, "/%a/../%30", "/0" },
	{ DECODE, "/%%2f", "/%/" },
	{ DECODE, "/%2%2f0", "/%2/0" },
	/* slashes */
	{ BASE, "//a//b//", "//a//b//" },
	{ MERGE, "//a//b//", "/a/b/" },
	{ MERGE, "/a?b//c", "/a?b//c" },
	{ MERGE, "/a//../b", "/a/b" },
	{ MERGE, "/a/\\b", "/a/b" },
	{ MERGE, "/a%2f/b", "/a%2f/b" },
	{ MERGE, "///", "/" },
	{ DECODE, "/a%2fb", "/a/b" },
	{ DECODE, "/a%2F%5cb", "/a/b" },
	{ DECODE, "/a%5C..%5cb", "/b" },
	{ DECODE, "/a/..%2fb", "/b" },
	{ DECODE, "/a%2f%2e%2e%2fb", "/b" },
	{ DECODE, "/a%252fb", "/a%252fb" },
	{ DECODE, "/a?b%2f//c", "/a?b%2f//c" },
	/* none */
	{ NONE, "/a/../%41\\//b?c", "/a/../%41\\//b?c" },
	{ NONE, "?a", "/?a" },
	{ NONE, "", "/" },
	{ NONE, "a", NULL },
	{ NONE, "/#", NULL },
	/* what absolute-form leaves */
	{ BASE, "", "/" },
	{ BASE, "?", "/?" },
	{ BASE, "?a=/..", "/?a=/.." },
	/* refused */
	{ BASE, "a", NULL },
	{ BASE, "*a", NULL },
	{ BASE, "*?a", NULL },
	{ BASE, "../a", NULL },
	{ BASE, "/a#b", NULL },
	{ BASE, "/a?b#c", NULL },
	{ BASE, "/a b", NULL },
	{ BASE, "/a\tb", NULL },
	{ BASE, "/a\x7f", NULL },
	{ BASE, "/\xc3\xa4", NULL },
};

/*
 * In memory of exactly the size allowed for, from none up to what always suffices: too little is
 * said to be too little, and never written past.
 */
static const char *path_case_run(const struct path_case *c)
{
	u32 len = strlen(c->in), want = c->out ? strlen(c->out) : 0, cap, query;
	u8 *in = test_alloc(len), *out, *again = test_alloc(want);
	const char *wrong = NULL;
	bool enough = false;
	int n = 0;

	if (!in || !again) {
		wrong = "no memory";
		goto out;
	}
	memcpy(in, c->in, len);
	for (cap = 0; cap <= 3 * len + 1 && !wrong; cap++) {
		out = test_alloc(cap);
		if (!out) {
			wrong = "no memory";
			break;
		}
		n = l7fp_path_normalize(out, cap, in, len, c->mode);
		if (!c->out) {
			if (n != L7FP_PATH_ERR_BAD && n != L7FP_PATH_ERR_SPACE)
				wrong = "not refused";
		} else if (n == L7FP_PATH_ERR_SPACE) {
			if (enough || cap >= (want > len ? want : len))
				wrong = "too little, where it suffices";
		} else if (n != (int)want || memcmp(out, c->out, want)) {
			wrong = "result";
		} else {
			enough = true;
			if (l7fp_path_normalize(again, want, out, want, c->mode) != n ||
			    memcmp(out, again, want))
				wrong = "not the same when done again";
		}
		test_free(out);
	}
	if (!wrong && !c->out && n != L7FP_PATH_ERR_BAD)
		wrong = "not refused";
	if (!wrong && l7fp_path_is_normal(in, len, &query)) {
		if (!c->out || strcmp(c->in, c->out))
			wrong = "taken for normal";
		else if (query != l7fp_path_query_off(in, len))
			wrong = "offset of the query";
	}
out:
	test_free(in);
	test_free(again);
	return wrong;
}

struct host_case {
	const char *in;
	const char *out; /* NULL: refused */
	u32 port;
};

static const struct host_case host_cases[] = {
	{ "example.com", "example.com", 0 },
	{ "EXAMPLE.Com:8080", "example.com", 8080 },
	{ "a.", "a.", 0 },
	{ "a.:1", "a.", 1 },
	{ "a:", "a", 0 },
	{ "a:65535", "a", 65535 },
	{ "a:65536", NULL, 0 },
	{ "a:4294967376", NULL, 0 },
	{ "a:b", NULL, 0 },
	{ "a:-1", NULL, 0 },
	{ "a:1:2", NULL, 0 },
	{ "[::FF]", "[::ff]", 0 },
	{ "[::1]:80", "[::1]", 80 },
	{ "[::1]80", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "", "", 0 },
};

static const char *host_case_run(const struct host_case *c)
{
	u32 len = strlen(c->in), want = c->out ? strlen(c->out) : len, port;
	u8 *in = test_alloc(len), *out = test_alloc(want);
	const char *wrong = NULL;
	int n;

	if (!in || !out) {
		wrong = "no memory";
		goto out;
	}
	memcpy(in, c->in, len);
	n = l7fp_host_normalize(out, want, in, len, &port);
	if (!c->out) {
		if (n != L7FP_PATH_ERR_BAD)
			wrong = "not refused";
	} else if (n != (int)want || memcmp(out, c->out, want)) {
		wrong = "result";
	} else if (port != c->port) {
		wrong = "port";
	} else if (want &&
		   l7fp_host_normalize(out, want - 1, in, len, &port) != L7FP_PATH_ERR_SPACE) {
		wrong = "with a byte less";
	}
out:
	test_free(in);
	test_free(out);
	return wrong;
}

#endif /* L7FP_PATH_CASES_H */
