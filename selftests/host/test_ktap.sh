#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The runner counts what tests report, and takes no silence for success.

. "$(dirname "$0")/../lib.sh"

# counts STATUS TEXT: what ktap.awk prints for a log.
counts()
{
	printf "$2" | awk -v status="$1" -f "$top/selftests/ktap.awk"
}

ktap_plan 17

check_equal "flat results" "2 0 0" "$(counts 0 'TAP version 13\n1..2\nok 1 a\nok 2 b\n')"
check_equal "a failure" "1 1 0" "$(counts 1 '1..2\nok 1 a\nnot ok 2 b\n')"
check_equal "a skip" "1 0 1" "$(counts 0 '1..2\nok 1 a\nok 2 b # SKIP no curl\n')"
check_equal "everything skipped by plan" "0 0 1" "$(counts 4 '1..0 # SKIP no module\n')"
check_equal "everything skipped by status" "0 0 1" "$(counts 4 '')"
check_equal "no result is a failure" "0 1 0" "$(counts 0 'hello\n')"
check_equal "plan not met" "1 1 0" "$(counts 0 '1..2\nok 1 a\n')"
check_equal "bad status without a failed case" "1 1 0" "$(counts 139 '1..1\nok 1 a\n')"
check_equal "bail out" "1 1 0" "$(counts 0 '1..1\nok 1 a\nBail out! x\n')"
nested='KTAP version 1\n1..1\n    KTAP version 1\n    1..2\n    ok 1 x\n    not ok 2 y\n'
check_equal "subtests count, not their summary" "1 1 0" "$(counts 0 "${nested}not ok 1 s\n")"
check_equal "a suite that fails by itself counts" "2 1 0" \
	"$(counts 0 '1..1\n    ok 1 x\n    ok 2 y\nnot ok 1 s\n')"
check_equal "three levels" "3 0 0" \
	"$(counts 0 '1..1\n        ok 1 p\n        ok 2 q\n    ok 1 x\n    ok 2 y\nok 1 s\n')"

# write NAME TEXT: a test program.
write()
{
	printf '#!/bin/bash\n%b' "$2" >"$tmp/$1"
	chmod +x "$tmp/$1"
}

run()
{
	"$top/selftests/run_tests" --log "$tmp/log" "$@" | tail -n1
}

write test_good 'echo 1..1; echo ok 1 a\n'
write test_bad 'echo 1..1; echo not ok 1 a; exit 1\n'
write test_hang '# timeout: 1\necho 1..2; echo ok 1 a; sleep 60; echo ok 2 b\n'
write test_leave 'sleep 61 & echo $! >"$0.pid"; echo 1..1; echo ok 1 a\n'
check_equal "runner adds up" "1 passed, 1 failed, 0 skipped" \
	"$(run "$tmp/test_good" "$tmp/test_bad")"
check_status "runner fails with a test" 1 \
	"$top/selftests/run_tests" --log "$tmp/log" "$tmp/test_bad"
check_equal "a hang ends and fails" "1 passed, 1 failed, 0 skipped" "$(run "$tmp/test_hang")"
run "$tmp/test_leave" >/dev/null
# Gone, or a zombie that process 1 has not collected. It was told to sleep a
# minute: that it ends within seconds is the runner's doing.
ended()
{
	! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status"
}
check "nothing is left running" wait_for 20 ended "$(cat "$tmp/test_leave.pid")"
check_status "a missing program is a failure" 1 \
	"$top/selftests/run_tests" --log "$tmp/log" "$tmp/none"
