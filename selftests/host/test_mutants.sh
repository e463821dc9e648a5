#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The lines that tools/mutants/list changes are where it says: a mutant that no
# longer applies tests nothing, and only the long make check-mutants would tell.

. "$(dirname "$0")/../lib.sh"
need python3
ktap_plan 3

run() { "$top/tools/mutants/run" --apply "$@" >"$tmp/out" 2>&1; }

run
check_equal "every mutant applies" 0 $?
grep "^not ok" "$tmp/out" | sed 's/^/# /'
check "at least 30" test "$(grep -c '^ok' "$tmp/out")" -ge 30
cat >"$tmp/list" <<'EOT'
kmod/match.c: a line that is not there
in l7fp_match
- x = 1;
+ x = 2;
EOT
run --list "$tmp/list"
check_equal "one that does not is named" "1 not ok 1 kmod/match.c: a line that is not there: does not apply" \
	"$? $(head -n 1 "$tmp/out" | sed 's/\(does not apply\).*/\1/')"
