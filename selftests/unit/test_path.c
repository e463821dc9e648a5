// SPDX-License-Identifier: GPL-2.0-only
/* Paths and hosts: kmod/tests/path_cases.h, and a plain model of the rules over random paths. */
#include "codec_test.h"
#include "../../kmod/tests/path_cases.h"

/*
 * The model does in separate passes over strings what path.c does in one: escaped slashes, then
 * escapes, then segments, then runs of slashes.
 */
struct text {
	char s[256];
	unsigned int n;
};

static void add(struct text *t, char c)
{
	t->s[t->n++] = c;
	t->s[t->n] = 0;
}

static int hex(char c)
{
	return strchr("0123456789abcdefABCDEF", c) && c;
}

static int escaped(const char *s)
{
	char digits[3];

	if (s[0] != '%' || !hex(s[1]) || !hex(s[2]))
		return -1;
	digits[0] = s[1];
	digits[1] = s[2];
	digits[2] = 0;
	return strtol(digits, NULL, 16);
}

static int unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/*
 * Escapes, without the guard against "%%30" becoming an escape: the inputs are chosen to have at
 * most '%' that are followed by no digit.
 */
static void model_escapes(const char *s, bool slashes, struct text *t)
{
	while (*s) {
		int c = escaped(s);

		if (c < 0) {
			add(t, *s++);
			continue;
		}
		if (unreserved(c) || (slashes && (c == '/' || c == '\\'))) {
			add(t, c);
		} else {
			add(t, s[0]);
			add(t, s[1]);
			add(t, s[2]);
		}
		s += 3;
	}
}

static void model_segments(char *s, struct text *t)
{
	char *end, *slash;

	/* s begins after a slash that is in t already */
	for (;; s = slash + 1) {
		unsigned int len, dots;

		slash = s + strcspn(s, "/\\");
		dots = strspn(s, ".");
		if (dots && dots <= 2 && s[dots] == ';')
			slash = s + strcspn(s, "/");
		end = slash;
		len = end - s;
		if ((dots == 1 || dots == 2) && (len == dots || s[dots] == ';')) {
			if (dots == 2 && t->n > 1) {
				t->n--;
				while (t->s[t->n - 1] != '/')
					t->n--;
				t->s[t->n] = 0;
			}
			if (!*slash)
				return;
			continue;
		}
		while (s < end)
			add(t, *s++);
		if (!*slash)
			return;
		add(t, '/');
	}
}

static void model(const char *path, enum l7fp_path_mode mode, struct text *result)
{
	struct text t = { .n = 0 }, segments = { .n = 0 };
	const char *query = strchr(path, '?');
	char copy[256];
	unsigned int i;

	snprintf(copy, sizeof(copy), "%.*s",
		 (int)(query ? (size_t)(query - path) : strlen(path)), path);
	model_escapes(copy, mode == DECODE, &t);
	add(&segments, '/');
	model_segments(t.s + 1, &segments);
	result->n = 0;
	for (i = 0; i < segments.n; i++)
		if (mode == BASE || segments.s[i] != '/' || !i || segments.s[i - 1] != '/')
			add(result, segments.s[i]);
	for (; query && *query; query++)
		add(result, *query);
}

static const char *check_model(void)
{
	static const char *const pieces[] = { "/", ".", "..", "%2e", "%2E", "%2f", "%5C", "\\", ";",
					      "a", "b", "%41", "%3b", "?", "x", "//", "%zz" };
	static char message[600];
	unsigned int i, k, n;
	struct text want;
	u8 out[256];

	srandom(1);
	for (i = 0; i < 200000; i++) {
		enum l7fp_path_mode mode = BASE + i % 3;
		struct text in = { .n = 0 };
		u32 query;
		int got;

		add(&in, '/');
		n = random() % 14;
		for (k = 0; k < n; k++) {
			const char *piece = pieces[random() % ARRAY_SIZE(pieces)];

			while (*piece)
				add(&in, *piece++);
		}
		model(in.s, mode, &want);
		got = l7fp_path_normalize(out, sizeof(out), (const u8 *)in.s, in.n, mode);
		if (got != (int)want.n || memcmp(out, want.s, want.n)) {
			snprintf(message, sizeof(message), "mode %d, %s: want %s, got %.*s", mode,
				 in.s, want.s, got < 0 ? 0 : got, out);
			return message;
		}
		if (!l7fp_path_is_normal((const u8 *)in.s, in.n, &query))
			continue;
		if (strcmp(in.s, want.s))
			return "taken for normal";
		if (query != l7fp_path_query_off((const u8 *)in.s, in.n))
			return "offset of the query";
	}
	return NULL;
}

static const char *check_normal(void)
{
	static const char *const normal[] = { "/", "/abc/def.html", "/a?b=/..//%zz\\", "/a-b_c~d" };
	unsigned int i;
	u32 query;

	for (i = 0; i < ARRAY_SIZE(normal); i++)
		if (!l7fp_path_is_normal((const u8 *)normal[i], strlen(normal[i]), &query) ||
		    query != strcspn(normal[i], "?"))
			return normal[i];
	return NULL;
}

static const char *check_query_off(void)
{
	if (l7fp_path_query_off((const u8 *)"/a", 2) != 2 ||
	    l7fp_path_query_off((const u8 *)"/a?b?c", 6) != 2 || l7fp_path_query_off(NULL, 0))
		return "offset";
	return NULL;
}

int main(void)
{
	unsigned int i;

	ktap_begin(ARRAY_SIZE(path_cases) + ARRAY_SIZE(host_cases) + 3);
	for (i = 0; i < ARRAY_SIZE(path_cases); i++)
		ktap_result("path", path_cases[i].in, path_case_run(&path_cases[i]));
	for (i = 0; i < ARRAY_SIZE(host_cases); i++)
		ktap_result("host", host_cases[i].in, host_case_run(&host_cases[i]));
	ktap_result("check", "random paths against the model", check_model());
	ktap_result("check", "quick test for normal paths", check_normal());
	ktap_result("check", "offset of the query", check_query_off());
	return ktap_end();
}
