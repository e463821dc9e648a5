// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP/1.1 codec in the kernel, under KASAN: the cases of the unit test. */
#include <kunit/test.h>
#include <linux/slab.h>

#define test_alloc(len) kmalloc((len) ?: 1, GFP_KERNEL)
#define test_free(p) kfree(p)

#include "h1_more.h"

/* Two heads, too large for the stack; freed by KUnit. */
static int h1_init(struct kunit *test)
{
	test->priv = kunit_kmalloc_array(test, 2, sizeof(struct l7fp_h1_head), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void h1_case_test(struct kunit *test)
{
	const struct h1_case *c = test->param_value;
	struct l7fp_h1_head *heads = test->priv;

	/* what is left in the memory must not matter */
	memset(&heads[0], 0xa5, sizeof(heads[0]));
	memset(&heads[1], 0x5a, sizeof(heads[1]));
	KUNIT_EXPECT_STREQ(test, h1_case_run(c, &heads[0], &heads[1]) ?: "", "");
	KUNIT_EXPECT_STREQ(test, h1_case_run_whole(c, &heads[0]) ?: "", "");
}

static void chunk_case_test(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, chunk_case_run(test->param_value) ?: "", "");
}

static void h1_check_test(struct kunit *test)
{
	const struct h1_check *check = test->param_value;

	KUNIT_EXPECT_STREQ(test, check->run(test->priv) ?: "", "");
}

KUNIT_ARRAY_PARAM_DESC(h1_case, h1_cases, name);
KUNIT_ARRAY_PARAM_DESC(chunk_case, chunk_cases, name);
KUNIT_ARRAY_PARAM_DESC(h1_check, h1_checks, name);

static struct kunit_case h1_kunit_cases[] = {
	KUNIT_CASE_PARAM(h1_case_test, h1_case_gen_params),
	KUNIT_CASE_PARAM(chunk_case_test, chunk_case_gen_params),
	KUNIT_CASE_PARAM(h1_check_test, h1_check_gen_params),
	{}
};

static struct kunit_suite h1_suite = {
	.name = "l7fp_h1",
	.init = h1_init,
	.test_cases = h1_kunit_cases,
};

kunit_test_suite(h1_suite);
