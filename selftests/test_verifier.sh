#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# The kernel's verifier and what the synthesizer writes.

. "$(dirname "$0")/lib.sh"

need_module
[ -x "$build/unit/test_verifier" ] || ktap_skip_all "no test_verifier: run make unit"
"$build/unit/test_verifier"
