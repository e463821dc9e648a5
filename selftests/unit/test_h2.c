// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP/2 codec over kmod/tests/h2_cases.h: at once, in sevens, and byte by byte. */
#include "codec_test.h"
#include "../../kmod/tests/h2_cases.h"
#include "../../kmod/tests/h2_head_cases.h"

int main(void)
{
	struct h2_head_room *room = test_alloc(sizeof(*room));
	struct h2_trace trace;
	unsigned int i;

	ktap_begin(ARRAY_SIZE(h2_cases) + ARRAY_SIZE(h2_checks) + ARRAY_SIZE(h2_head_cases) + 1);
	for (i = 0; i < ARRAY_SIZE(h2_cases); i++)
		ktap_result("frames", h2_cases[i].name, h2_case_run(&h2_cases[i], &trace));
	for (i = 0; i < ARRAY_SIZE(h2_checks); i++)
		ktap_result("check", h2_checks[i].name, h2_checks[i].run(&trace));
	for (i = 0; i < ARRAY_SIZE(h2_head_cases); i++)
		ktap_result("fields", h2_head_cases[i].name,
			    h2_head_case_run(&h2_head_cases[i], room));
	ktap_result("fields", "what becomes of a request", h2_head_check(room));
	test_free(room);
	return ktap_end();
}
