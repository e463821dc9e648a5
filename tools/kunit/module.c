// SPDX-License-Identifier: GPL-2.0-only
/* The suites of kmod/tests in one module: KUnit runs them when it is loaded. */
#include <linux/module.h>

MODULE_DESCRIPTION("L7FP KUnit suites");
MODULE_LICENSE("GPL");
