// SPDX-License-Identifier: GPL-2.0-only
/* Paths and hosts in the kernel, under KASAN: the cases of the unit test. */
#include <kunit/test.h>
#include <linux/slab.h>

#define test_alloc(len) kmalloc((len) ?: 1, GFP_KERNEL)
#define test_free(p) kfree(p)

#include "path_cases.h"

static void path_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, path_case_run(test->param_value) ?: "", "");
}

static void host_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, host_case_run(test->param_value) ?: "", "");
}

KUNIT_ARRAY_PARAM_DESC(path_case, path_cases, in);
KUNIT_ARRAY_PARAM_DESC(host_case, host_cases, in);

static struct kunit_case path_kunit_cases[] = {
	KUNIT_CASE_PARAM(path_case_test, path_case_gen_params),
	KUNIT_CASE_PARAM(host_case_test, host_case_gen_params),
	{}
};

static struct kunit_suite path_suite = {
	.name = "l7fp_path",
	.test_cases = path_kunit_cases,
};

kunit_test_suite(path_suite);
