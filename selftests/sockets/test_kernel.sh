#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 3000
#
# The kernel's own tests of connected TCP sockets, on plain TCP and on captured
# connections: the same results.

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/runs.sh"

kernel=$build/sockets/kernel
need python3
need_module
[ -x "$kernel/tls" ] || ktap_skip_all "no $kernel/tls: run selftests/sockets/kernel_tests"
modprobe -q tls

inq()
{
	"$kernel/tcp_inq" -4 -p $sockets_first
}

peek_offset()
{
	"$kernel/sk_so_peek_off"
}

# One cipher of TLS 1.3, and what depends on none: all of them take an hour under emulation.
tls()
{
	local variant options=()

	for variant in 12_aes_gcm 12_aes_gcm_256 12_aes_ccm 12_chacha 12_aria_gcm 12_aria_gcm_256 \
		       13_aes_gcm_256 13_aes_ccm 13_chacha 13_sm4_gcm 13_sm4_ccm 13_nopad; do
		options+=(-V $variant)
	done
	"$kernel/tls" "${options[@]}"
}

# zerocopy [OPTION]...: a receiver and a sender, for a second.
zerocopy()
{
	local receiver status

	"$kernel/msg_zerocopy" -4 -p $sockets_first -S 127.0.0.1 -D 127.0.0.1 -r -t 4 tcp \
		>"$tmp/receiver" 2>&1 &
	receiver=$!
	wait_port $sockets_first
	"$kernel/msg_zerocopy" -4 -p $sockets_first -S 127.0.0.1 -D 127.0.0.1 -t 1 "$@" tcp
	status=$?
	wait $receiver || status=$?
	return $status
}

zerocopy_on()
{
	zerocopy -z
}

tests="inq peek_offset zerocopy zerocopy_on tls"
modes="wire app"
ktap_plan 19

# In the shell that is moved to a cgroup; results are status and KTAP lines.
export L7FP_BIND_FIRST=$sockets_first L7FP_BIND_COUNT=$((sockets_count - 1))
run()
{
	local mode=$1 test=$2

	LD_PRELOAD=$build/sockets/bind.so $test >"$tmp/$mode-$test" 2>&1
	echo "status $?" >"$tmp/$mode-$test.result"
	grep -aE '^(ok|not ok) ' "$tmp/$mode-$test" >>"$tmp/$mode-$test.result"
}

same()
{
	tail -n 30 "$tmp/$1-$2"
	diff "$tmp/plain-$2.result" "$tmp/$1-$2.result"
}

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
for t in $tests; do
	run plain "$t"
	ktap_note "$t: $(wc -l <"$tmp/plain-$t.result") results," \
		"$(grep -c '^not ok' "$tmp/plain-$t.result") of them not ok"
	check "plain: $t ran" grep -q . "$tmp/plain-$t"
done
for mode in $modes; do
	"$tool" reset --all
	if [ "$mode" = app ]; then
		check "$mode: apply" capture_app "$mesh"
	else
		check "$mode: apply" capture_wire "$mesh"
	fi
	before=$(counter downstream_cx_total)
	for t in $tests; do
		(
			echo $BASHPID >"$mesh/cgroup.procs"
			run "$mode" "$t"
		)
		check "$mode: $t: as on plain TCP" same "$mode" "$t"
	done
	# tls makes one for nearly each of its tests.
	check "$mode: the connections were captured" \
		[ $(($(counter downstream_cx_total) - before)) -ge 50 ]
done
