# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Helpers for selftests/test_*.sh. A test sources this file, calls ktap_plan,
# then one of ktap_ok, ktap_fail, ktap_skip or check for each case; everything
# that was started or made through these helpers goes when the test ends.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$here/.." && pwd -P)
BUILD=${L7FP_BUILD:-build}
case $BUILD in
/*) build=$BUILD ;;
*) build=$top/$BUILD ;;
esac
tool=$build/l7fp-tool
daemon=$build/l7fpd
PATH=$PATH:/usr/sbin:/sbin

KSFT_SKIP=4

# Folder of this test alone; gone at its end.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/l7fp.XXXXXX")

_ktap_planned=0 _ktap_done=0 _ktap_failed=0
_pids=() _at_exit=()

# slab_objects PATTERN: active objects of the slabs whose names match. What SLUB keeps on a
# processor's list counts as active though it is free, hundreds a cache: that goes first.
slab_objects()
{
	local name

	for name in $(awk -v pattern="$1" 'NR > 2 && $1 ~ pattern { print $1 }' /proc/slabinfo); do
		echo 1 2>/dev/null >"/sys/kernel/slab/$name/shrink"
	done
	awk -v pattern="$1" '$1 ~ pattern { n += $2 } END { print n + 0 }' /proc/slabinfo
}

# ktap_plan N: first call of a test; N cases follow.
ktap_plan()
{
	_ktap_planned=$1
	echo "TAP version 13"
	echo "1..$1"
}

# ktap_note TEXT...: a comment, for who reads the log.
ktap_note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

ktap_ok()
{
	_ktap_done=$((_ktap_done + 1))
	echo "ok $_ktap_done $*"
}

ktap_fail()
{
	_ktap_done=$((_ktap_done + 1))
	_ktap_failed=$((_ktap_failed + 1))
	echo "not ok $_ktap_done $*"
}

# ktap_skip NAME REASON
ktap_skip()
{
	_ktap_done=$((_ktap_done + 1))
	echo "ok $_ktap_done $1 # SKIP ${2:-}"
}

# ktap_skip_all REASON: before ktap_plan; ends the test.
ktap_skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit $KSFT_SKIP
}

# check NAME COMMAND [ARG]...: one case; its output is shown when it fails.
check()
{
	local name=$1 status

	shift
	"$@" >"$tmp/check.log" 2>&1
	status=$?
	if [ $status -eq 0 ]; then
		ktap_ok "$name"
		return 0
	fi
	ktap_note "$name: status $status: $*"
	head -c 4000 "$tmp/check.log" | sed 's/^/# /'
	ktap_fail "$name"
	return 1
}

# check_equal NAME EXPECTED GOT
check_equal()
{
	if [ "$2" = "$3" ]; then
		ktap_ok "$1"
		return 0
	fi
	ktap_note "$1: expected: $2"
	ktap_note "$1: got: $3"
	ktap_fail "$1"
	return 1
}

# check_status NAME EXPECTED COMMAND [ARG]...: the exit status is the case.
check_status()
{
	local name=$1 expected=$2 status

	shift 2
	"$@" >"$tmp/check.log" 2>&1
	status=$?
	if [ "$status" -eq "$expected" ]; then
		ktap_ok "$name"
		return 0
	fi
	ktap_note "$name: expected status $expected, got $status: $*"
	head -c 4000 "$tmp/check.log" | sed 's/^/# /'
	ktap_fail "$name"
	return 1
}

# need PROGRAM...: the whole test is skipped where one is missing.
need()
{
	local p

	for p in "$@"; do
		command -v "$p" >/dev/null || ktap_skip_all "no $p here"
	done
}

# need_module: the kernel must have l7fp loaded.
need_module()
{
	[ -d /sys/module/l7fp ] && return
	[ -e "$build/l7fp.ko" ] && insmod "$build/l7fp.ko" && return
	ktap_skip_all "l7fp.ko is not loaded and cannot be"
}

# at_exit COMMAND: shell text to evaluate at the end; last given, first done.
at_exit()
{
	_at_exit=("$1" "${_at_exit[@]}")
}

# start LOG PROGRAM [ARG]...: in the background; its pid is in $started.
start()
{
	local log=$1

	shift
	"$@" </dev/null >"$log" 2>&1 &
	started=$!
	_pids+=("$started")
}

# stop PID [SIGNAL]: and wait until it is gone.
stop()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# wait_for SECONDS COMMAND [ARG]...: until the command succeeds.
wait_for()
{
	local tries=$(($1 * 10 * ${L7FP_TIME_SCALE:-1}))

	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { ktap_note "waited in vain: $*"; return 1; }
		sleep 0.1
	done
}

# listening PORT [ADDRESS]: true when something listens there.
listening()
{
	[ -n "$(ss -Hltn "sport = :$1" ${2:+"src = $2"} 2>/dev/null)" ]
}

# wait_port PORT [ADDRESS] [SECONDS]
wait_port()
{
	wait_for "${3:-20}" listening "$1" "${2:-}"
}

# wait_pid_gone PID [SECONDS]
wait_pid_gone()
{
	wait_for "${2:-20}" eval "! kill -0 $1"
}

# cgroup_make NAME: a cgroup of this test; its path is printed.
cgroup_make()
{
	local path=/sys/fs/cgroup/l7fp-$$-$1

	mkdir -p "$path" && echo "$path"
}

# cgroup_exec PATH COMMAND [ARG]...: run it in that cgroup.
cgroup_exec()
{
	local path=$1

	shift
	(echo $BASHPID >"$path/cgroup.procs" && exec "$@")
}

# cgroup_start PATH LOG PROGRAM [ARG]...: as start, in that cgroup.
cgroup_start()
{
	local path=$1 log=$2

	shift 2
	(echo $BASHPID >"$path/cgroup.procs" && exec "$@") </dev/null >"$log" 2>&1 &
	started=$!
	_pids+=("$started")
}

# netns_make NAME: a network namespace of this test, loopback up; its full name
# is printed.
netns_make()
{
	local name=l7fp-$$-$1

	ip netns add "$name" && ip -n "$name" link set lo up && echo "$name"
}

# http_status URL [CURL ARG]...: the status alone, 000 without an answer.
http_status()
{
	local url=$1

	shift
	curl -gs -o /dev/null -m 30 -w '%{http_code}' "$@" "$url"
}

_cleanup()
{
	local status=$? c pid g n i

	trap - EXIT
	for c in "${_at_exit[@]}"; do
		eval "$c" >/dev/null 2>&1
	done
	for pid in "${_pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${_pids[@]}"; do
		for i in 1 2 3 4 5 6 7 8 9 10; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for g in /sys/fs/cgroup/l7fp-$$-*; do
		[ -d "$g" ] || continue
		[ ! -e "$g/cgroup.kill" ] || echo 1 >"$g/cgroup.kill"
		for i in 1 2 3 4 5 6 7 8 9 10; do
			rmdir "$g" 2>/dev/null && break
			sleep 0.1
		done
	done
	for n in $(ip netns list 2>/dev/null | awk -v p="l7fp-$$-" 'index($1, p) == 1 { print $1 }'); do
		ip netns del "$n" 2>/dev/null
	done
	rm -rf "$tmp"
	if [ "$_ktap_planned" -ne "$_ktap_done" ]; then
		echo "# planned $_ktap_planned, ran $_ktap_done"
		[ $status -ne 0 ] || status=1
	fi
	[ "$_ktap_failed" -eq 0 ] || status=1
	exit $status
}
trap _cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
