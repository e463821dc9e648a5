# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The scenarios on plain TCP and on captured connections, and their comparison.
# Source after ../lib.sh.
#
#	plain    the programs alone
#	wire     client and server in a captured cgroup, opaque, wire ports
#	app      the same, with the applications' sockets joined

sockets_first=9300 sockets_count=17	# the last one is where nobody listens
sockets=$build/sockets/sockets
page=$top/Documentation/socket-differences.rst
traces=$build/sockets/traces

. "$here/sockets/capture.sh"

# compare NAME PLAIN OTHER [OPTION]...: subtests of one case.
compare()
{
	local name=$1 status

	shift
	python3 "$here/sockets/compare.py" "$@" >"$tmp/compare.log"
	status=$?
	sed 's/^/    /' "$tmp/compare.log"
	if [ $status -eq 0 ]; then
		ktap_ok "$name"
	else
		ktap_fail "$name"
	fi
}

# run_plain NAME [SCENARIO]...: the trace is $traces/NAME.
run_plain()
{
	local name=$1

	shift
	mkdir -p "$traces"
	"$sockets" --port $sockets_first "$@" >"$traces/$name"
}

# capture CGROUP [OPTION]...: the scenarios' addresses.
capture()
{
	local cgroup=$1

	shift
	opaque_service sockets 10.96.7.1 127.0.0.1 $sockets_first $sockets_count >"$tmp/sockets.yaml"
	"$tool" apply --cgroup "$cgroup" "$@" "$tmp/sockets.yaml" || return 1
	captured_before=$(counter downstream_cx_total)
	joined_before=$(counter app_port_cx_total)
}

# run_captured NAME CGROUP [SCENARIO]...
run_captured()
{
	local name=$1 cgroup=$2

	shift 2
	mkdir -p "$traces"
	cgroup_exec "$cgroup" "$sockets" --port $sockets_first "$@" >"$traces/$name"
}

# pairs NAME [PATTERN]: connections in a trace whose ends' ULPs match.
pairs()
{
	grep -c "^#.pair ${2:-}" "$traces/$1"
}

# capture_wire CGROUP: all bytes go by TCP.
capture_wire()
{
	capture "$1" --no-app-ports
}

# capture_app CGROUP: bytes pass between the programs' sockets and the module.
capture_app()
{
	capture "$1"
}

# pairs_were_joined NAME: both ends of nearly all. A server's socket is joined with its
# first bytes at the latest.
pairs_were_joined()
{
	local joined

	joined=$(($(counter app_port_cx_total) - joined_before))
	echo "$joined joined, $(pairs "$1") pairs"
	[ "$joined" -ge "$(pairs "$1")" ]
}

# connections_went_through NAME: there are as many in the counters as in the trace.
connections_went_through()
{
	local counted expected

	counted=$(($(counter downstream_cx_total) - captured_before))
	expected=$(pairs "$1")
	echo "$counted counted, $expected in the trace"
	[ "$expected" -gt 0 ] && [ "$counted" -ge "$expected" ]
}
