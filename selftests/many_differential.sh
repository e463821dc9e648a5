#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 14400
#
# test_differential.sh without sanitizers and with options, for very many cases;
# tools/differential runs it.

. "$(dirname "$0")/lib.sh"

need unshare
need_module
[ -x "$build/kernel_differential" ] || ktap_skip_all "no kernel_differential: run make check-differential"
# shellcheck disable=SC2086 # a list of words
L7FP_TEST_NETNS=1 unshare --net "$build/kernel_differential" ${L7FP_DIFFERENTIAL:-}
