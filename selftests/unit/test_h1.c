// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP/1.1 codec over kmod/tests/h1_cases.h, whole and byte by byte. */
#include "codec_test.h"
#include "../../kmod/tests/h1_more.h"

int main(void)
{
	struct l7fp_h1_head *a = test_alloc(sizeof(*a)), *b = test_alloc(sizeof(*b));
	const char *const kinds[] = { "request", "response", "trailers" };
	const char *wrong;
	unsigned int i;

	ktap_begin(ARRAY_SIZE(h1_cases) + ARRAY_SIZE(chunk_cases) + ARRAY_SIZE(h1_checks));
	for (i = 0; i < ARRAY_SIZE(h1_cases); i++) {
		/* what is left in the memory must not matter */
		memset(a, 0xa5, sizeof(*a));
		memset(b, 0x5a, sizeof(*b));
		wrong = h1_case_run(&h1_cases[i], a, b);
		if (!wrong)
			wrong = h1_case_run_whole(&h1_cases[i], a);
		ktap_result(kinds[h1_cases[i].kind], h1_cases[i].name, wrong);
	}
	for (i = 0; i < ARRAY_SIZE(chunk_cases); i++)
		ktap_result("chunk", chunk_cases[i].name, chunk_case_run(&chunk_cases[i]));
	for (i = 0; i < ARRAY_SIZE(h1_checks); i++)
		ktap_result("check", h1_checks[i].name, h1_checks[i].run(a));
	test_free(a);
	test_free(b);
	return ktap_end();
}
