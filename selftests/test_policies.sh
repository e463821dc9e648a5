#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# The demo's policies with the demo's clients: each request of
# tools/demo/requests gets the status, headers and body that it must get, a
# split follows its weights, and the kernel counted what the clients did.

. "$(dirname "$0")/lib.sh"

need curl wrk nginx python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
demo=$top/tools/demo
n=$(grep -cE '^[A-Z]+ \|' "$demo/requests")
ktap_plan $((n + 3))
python3 "$demo/decided.py" "$tool" "$demo" >"$tmp/decided" || exit 1
L7FP_DEMO_SPLIT=${L7FP_DEMO_SPLIT:-500} "$demo/show" "$tmp" >"$tmp/log" 2>&1
status=$?

# A result, then maybe the line that says what was wrong with it.
verdict()
{
	local name=$1 wrong=$2

	if [ -z "$wrong" ]; then
		ktap_ok "$name"
	else
		ktap_note "$wrong"
		ktap_fail "$name"
	fi
}

name=
while IFS= read -r line; do
	case $line in
	*' -> '*|*' requests: v1 '*)
		[ -z "$name" ] || verdict "$name" "$wrong"
		name=$line wrong= ;;
	*FAILED:*)
		wrong=$line ;;
	'== Under load'*)
		[ -z "$name" ] || verdict "$name" "$wrong"
		name="under load" wrong= ;;
	'== Counters'*)
		[ -z "$name" ] || verdict "$name" "$wrong"
		name= ;;
	esac
done <"$tmp/log"
[ $status -eq 0 ] || sed 's/^/# /' "$tmp/log"
check_equal "status of the whole" 0 "$status"
