// SPDX-License-Identifier: GPL-2.0-only
/*
 * String matches: kmod/tests/match_cases.h; substring search against the plain one; templates
 * against the regular expressions that Envoy makes of them.
 */
#include "codec_test.h"
#include "../../kmod/tests/match_cases.h"

#include <regex.h>

#define PCHAR "a-zA-Z0-9._~%!$&'()*+,;:@=-"

/* The next string over @alphabet in order of length; false past @max bytes. */
static bool next_string(char *s, const char *alphabet, unsigned int max)
{
	unsigned int i, n = strlen(s), base = strlen(alphabet);

	for (i = 0; i < n; i++) {
		unsigned int k = strchr(alphabet, s[i]) - alphabet;

		if (k + 1 < base) {
			s[i] = alphabet[k + 1];
			return true;
		}
		s[i] = alphabet[0];
	}
	if (n == max)
		return false;
	s[n] = alphabet[0];
	s[n + 1] = 0;
	return true;
}

static void to_regex(const char *pattern, char *regex)
{
	char *p = regex;

	*p++ = '^';
	while (*pattern) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			p += sprintf(p, "[/%s]*", PCHAR);
			pattern += 2;
		} else if (*pattern == '*') {
			p += sprintf(p, "[%s]+", PCHAR);
			pattern++;
		} else {
			if (*pattern == '.')
				*p++ = '\\';
			*p++ = *pattern++;
		}
	}
	memcpy(p, "$", 2);
}

static const char *check_templates(void)
{
	static char message[128];
	char pattern[8] = "", value[8], regex[512];
	unsigned int valid = 0;
	regex_t compiled;

	while (next_string(pattern, "/a*.", 6)) {
		if (!l7fp_match_template_valid((const u8 *)pattern, strlen(pattern)))
			continue;
		valid++;
		to_regex(pattern, regex);
		if (regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB))
			return "a regular expression does not compile";
		value[0] = 0;
		do {
			bool want = !regexec(&compiled, value, 0, NULL, 0);

			if (l7fp_match(TEMPLATE, (const u8 *)value, strlen(value),
				       (const u8 *)pattern, strlen(pattern)) != want) {
				snprintf(message, sizeof(message), "%s with %s", pattern, value);
				regfree(&compiled);
				return message;
			}
		} while (next_string(value, "/a.|", 5));
		regfree(&compiled);
	}
	return valid > 100 ? NULL : "too few patterns are valid";
}

/*
 * The worst inputs for a search that goes back: the number of steps is not to be seen here, but
 * without a linear search this does not end within the time limit.
 */
static const char *check_linear(void)
{
	unsigned int n = 8 << 20, m = 1 << 20, i;
	const char *wrong = NULL;
	u8 *value = test_alloc(n), *pattern = test_alloc(m);

	for (i = 0; i < 3 && !wrong; i++) {
		memset(value, 'a', n);
		memset(pattern, 'a', m);
		pattern[i * (m - 1) / 2] = 'b';
		if (l7fp_match(CONTAINS, value, n, pattern, m))
			wrong = "a match";
		memcpy(value + n - m, pattern, m);
		if (!wrong && !l7fp_match(CONTAINS | CASE, value, n, pattern, m))
			wrong = "no match";
	}
	test_free(value);
	test_free(pattern);
	return wrong;
}

int main(void)
{
	unsigned int i;

	ktap_begin(ARRAY_SIZE(match_cases) + ARRAY_SIZE(template_cases) +
		   ARRAY_SIZE(query_cases) + 3);
	for (i = 0; i < ARRAY_SIZE(match_cases); i++)
		ktap_result("match", match_cases[i].pattern, match_case_run(&match_cases[i]));
	for (i = 0; i < ARRAY_SIZE(template_cases); i++)
		ktap_result("template", template_cases[i].pattern,
			    template_case_run(&template_cases[i]));
	for (i = 0; i < ARRAY_SIZE(query_cases); i++)
		ktap_result("query", query_cases[i].path, query_case_run(&query_cases[i]));
	ktap_result("check", "substrings against the plain search", match_check_contains(11, 7));
	ktap_result("check", "templates against regular expressions", check_templates());
	ktap_result("check", "search is linear", check_linear());
	return ktap_end();
}
