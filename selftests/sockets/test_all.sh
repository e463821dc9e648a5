#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 3000
#
# Every scenario on plain TCP, twice, and on captured connections.

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/runs.sh"

need python3
need_module
[ -x "$sockets" ] || ktap_skip_all "no $sockets: run make sockets"
modprobe -q tls
ktap_plan 7

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
run_plain plain
# What differs between two runs of the same depends on timing: no use in comparing it.
run_plain plain-again
compare "plain TCP, twice" "$traces/plain" "$traces/plain-again"
check "apply" capture_wire "$mesh" || exit 1
run_captured wire "$mesh"
check "the connections were captured" connections_went_through wire
compare "wire ports" "$traces/plain" "$traces/wire" --table "$page" --section "Wire ports"

"$tool" reset --all
check "apply, app ports" capture_app "$mesh" || exit 1
run_captured app "$mesh"
check "the sockets were joined" pairs_were_joined app
compare "app ports" "$traces/plain" "$traces/app" --table "$page" --section "App ports"
