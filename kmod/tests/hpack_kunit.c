// SPDX-License-Identifier: GPL-2.0-only
/* The HPACK codec in the kernel, under KASAN: the cases of the unit test. */
#include <kunit/test.h>
#include <linux/slab.h>

#define test_alloc(len) kmalloc((len) ?: 1, GFP_KERNEL)
#define test_free(p) kfree(p)

#include "hpack_repeat_cases.h"

/* Too large for the stack; freed by KUnit. */
static int hpack_init(struct kunit *test)
{
	test->priv = kunit_kmalloc(test, sizeof(struct hpack_bench), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void hpack_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, hpack_case_run(test->param_value, test->priv) ?: "", "");
}

static void hpack_check_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, hpack_check_run(test->param_value, test->priv) ?: "", "");
}

static void hpack_repeat_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, hpack_repeat_run(test->param_value, test->priv) ?: "", "");
}

KUNIT_ARRAY_PARAM_DESC(hpack_case, hpack_cases, name);
KUNIT_ARRAY_PARAM_DESC(hpack_check, hpack_checks, name);
KUNIT_ARRAY_PARAM_DESC(hpack_repeat, hpack_repeat_checks, name);

static struct kunit_case hpack_kunit_cases[] = {
	KUNIT_CASE_PARAM(hpack_case_test, hpack_case_gen_params),
	KUNIT_CASE_PARAM(hpack_check_test, hpack_check_gen_params),
	KUNIT_CASE_PARAM(hpack_repeat_test, hpack_repeat_gen_params),
	{}
};

static struct kunit_suite hpack_suite = {
	.name = "l7fp_hpack",
	.init = hpack_init,
	.test_cases = hpack_kunit_cases,
};

kunit_test_suite(hpack_suite);
