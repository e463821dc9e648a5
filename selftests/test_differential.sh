#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# The evaluator against the program in the kernel, on random policies and
# requests, in a network namespace of their own.

. "$(dirname "$0")/lib.sh"

need unshare
need_module
[ -x "$build/unit/test_kernel_differential" ] ||
	ktap_skip_all "no test_kernel_differential: run make unit"
L7FP_TEST_NETNS=1 unshare --net "$build/unit/test_kernel_differential"
