#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# What programs see of their sockets when their connections are captured, and
# without: a part of what `make check-sockets` compares.

. "$(dirname "$0")/lib.sh"
. "$here/sockets/runs.sh"

need python3
need_module
[ -x "$sockets" ] || ktap_skip_all "no $sockets: run make sockets"
ktap_plan 6

part='echo recv-peek recv-waitall recv-lowat recv-bad-memory send-more send-vectors poll-states
poll-reset epoll-edge shutdown-half shutdown-in-turn close-bytes close-send-after close-unread
close-reset close-linger connect-refused connect-names accept-client-gone accept-client-reset
splice-relay fd-rights threads-both bulk-both-ways bulk-turns uring-pending
pressure-reset pressure-peer-closed timestamp-ack'

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
# shellcheck disable=SC2086 # a list of words
run_plain plain-part $part
check "apply" capture_wire "$mesh" || exit 1
# shellcheck disable=SC2086
run_captured wire-part "$mesh" $part
check "the connections were captured" connections_went_through wire-part
compare "wire ports" "$traces/plain-part" "$traces/wire-part" --table "$page" \
	--section "Wire ports"

"$tool" reset --all
check "apply, app ports" capture_app "$mesh" || exit 1
# shellcheck disable=SC2086
run_captured app-part "$mesh" $part
check "the sockets were joined" pairs_were_joined app-part
compare "app ports" "$traces/plain-part" "$traces/app-part" --table "$page" --section "App ports"
