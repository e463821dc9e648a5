// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP/2 codec in the kernel, under KASAN: the cases of the unit test. */
#include <kunit/test.h>
#include <linux/slab.h>

#define test_alloc(len) kmalloc((len) ?: 1, GFP_KERNEL)
#define test_free(p) kfree(p)

#include "h2_cases.h"
#include "h2_head_cases.h"

static int h2_init(struct kunit *test)
{
	test->priv = kunit_kmalloc(test, max(sizeof(struct h2_head_room),
					     sizeof(struct h2_trace)), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void h2_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, h2_case_run(test->param_value, test->priv) ?: "", "");
}

static void h2_check_test(struct kunit *test)
{
	const struct h2_check *check = test->param_value;

	KUNIT_EXPECT_STREQ(test, check->run(test->priv) ?: "", "");
}

static void h2_head_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, h2_head_case_run(test->param_value, test->priv) ?: "", "");
}

static void h2_head_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, h2_head_check(test->priv) ?: "", "");
}

KUNIT_ARRAY_PARAM_DESC(h2_case, h2_cases, name);
KUNIT_ARRAY_PARAM_DESC(h2_check, h2_checks, name);
KUNIT_ARRAY_PARAM_DESC(h2_head_case, h2_head_cases, name);

static struct kunit_case h2_kunit_cases[] = {
	KUNIT_CASE_PARAM(h2_case_test, h2_case_gen_params),
	KUNIT_CASE_PARAM(h2_check_test, h2_check_gen_params),
	KUNIT_CASE_PARAM(h2_head_case_test, h2_head_case_gen_params),
	KUNIT_CASE(h2_head_test),
	{}
};

static struct kunit_suite h2_suite = {
	.name = "l7fp_h2",
	.init = h2_init,
	.test_cases = h2_kunit_cases,
};

kunit_test_suite(h2_suite);
