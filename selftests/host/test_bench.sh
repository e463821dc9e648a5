#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What decides whether a row of the benchmark counts, and that its policies are
# what they are said to be.
. "$(dirname "$0")/../lib.sh"

ktap_plan 9
bench=$top/tools/bench

echo '{"requests": 100, "sent": 120, "denied": 2, "elapsed_ns": 1, "p50_us": 1, "p90_us": 1, "p99_us": 1}' \
	>"$tmp/load"
# judge PATH HAS-POLICY BEFORE AFTER SERVED-BEFORE SERVED-AFTER
judge()
{
	"$bench/judge.py" 0 "$1" "$2" "$tmp/load" "$3" "$4" "$5" "$6" "" ""
}

check 'all counters agree: a figure' judge l7fp 1 '5 1' '125 3' '10 4' '132 4'
check_status 'the policy was not asked about each request' 1 judge l7fp 1 '5 1' '124 3' '10 4' '132 4'
check_status 'the policy did not deny what must be denied' 1 judge l7fp 1 '5 1' '125 2' '10 4' '132 4'
check_status 'a denied request reached a server' 1 judge l7fp 1 '5 1' '125 3' '10 4' '133 4'
check_status 'nothing shows that the policy was asked' 1 judge l7fp 1 '- -' '- -' '10 4' '132 4'
check 'no policy: all requests reach the servers' judge 'no mesh' 0 '- -' '- -' '10 4' '134 4'

for n in 1 20 1000; do
	rules()
	{
		"$bench/policies.py" "$top/tools/demo/policies" "$tmp/$1" "$1" http/1.1 &&
			"$tool" check "$tmp/$1" | tail -n1 | grep -qE ', 0 on the slow path, 0 invalid$'
	}
	check "$n rules are translated, all for the kernel" rules $n
done
