// SPDX-License-Identifier: GPL-2.0-only
/* String matches in the kernel, under KASAN: the cases of the unit test. */
#include <kunit/test.h>
#include <linux/slab.h>

#define test_alloc(len) kmalloc((len) ?: 1, GFP_KERNEL)
#define test_free(p) kfree(p)

#include "match_cases.h"

static void match_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, match_case_run(test->param_value) ?: "", "");
}

static void template_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, template_case_run(test->param_value) ?: "", "");
}

static void query_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, query_case_run(test->param_value) ?: "", "");
}

static void contains_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, match_check_contains(9, 6) ?: "", "");
}

KUNIT_ARRAY_PARAM_DESC(match_case, match_cases, pattern);
KUNIT_ARRAY_PARAM_DESC(template_case, template_cases, pattern);
KUNIT_ARRAY_PARAM_DESC(query_case, query_cases, path);

static struct kunit_case match_kunit_cases[] = {
	KUNIT_CASE_PARAM(match_case_test, match_case_gen_params),
	KUNIT_CASE_PARAM(template_case_test, template_case_gen_params),
	KUNIT_CASE_PARAM(query_case_test, query_case_gen_params),
	KUNIT_CASE(contains_test),
	{}
};

static struct kunit_suite match_suite = {
	.name = "l7fp_match",
	.test_cases = match_kunit_cases,
};

kunit_test_suite(match_suite);
