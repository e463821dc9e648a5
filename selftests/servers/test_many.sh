#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 3600
#
# Ten thousand connections open at once, and a hundred thousand opened and
# closed, from the load generator of tools/bench to nginx, with app ports
# unless L7FP_MANY_PORTS=wire. It fails when an answer is not the one expected.
# L7FP_MANY_OPEN and L7FP_MANY_TURNS change the numbers.
#
#	load    10.96.8.1:9401 -> nginx 127.0.0.1:9401   HTTP/1.1
#	load    10.96.8.4:9404 -> nginx 127.0.0.1:9404   opaque
#
# While they are open the kernel's memory is measured: for each the client's and
# the server's socket, both of the module, and what belongs to them. A socket
# that keeps pages of its own would be seen: TCP's fragments are 32 KiB.

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/capture.sh"
. "$here/servers/servers.sh"

load=$build/bench/load
open=${L7FP_MANY_OPEN:-10000}
turns=${L7FP_MANY_TURNS:-100000}
need nginx python3 curl
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
[ -x "$load" ] || ktap_skip_all "no $load: run make bench-programs"
ports "${L7FP_MANY_PORTS:-app}"
ktap_plan $((2 + 3 * 5 + 2 * 2 + usage_cases))

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
ulimit -n $((open * 2 + 10000))
check "server" nginx_start "$mesh" $((open * 2 + 2000)) || exit 1
{
	service nginx $nginx_ip $nginx_port http
	service nginx-opaque $opaque_ip $opaque_port tcp
} >"$tmp/services.yaml"

apply()
{
	"$tool" apply "${options[@]}" --cgroup "$mesh" "$tmp/services.yaml"
}
check "apply" apply || exit 1

# write_idle: what runs while all connections are open and idle.
write_idle()
{
	cat >"$tmp/idle" <<EOT
. "$here/lib.sh"
. "$here/sockets/capture.sh"
. "$here/servers/servers.sh"
trap - EXIT
rm -rf "\$tmp"
echo "\$(counter downstream_cx_total) \$(counter downstream_cx_destroy)" >"$tmp/counted"
kernel_memory >"$tmp/memory"
"$tool" apply ${options[*]} --cgroup "$mesh" "$tmp/services.yaml" >"$tmp/swapped" 2>&1 &&
	curl -s -m 30 -o /dev/null -w '%{http_code}' "\$1" >"$tmp/status"
EOT
}

# load ADDRESS PORT [OPTION]...: from the captured cgroup.
load()
{
	local address=$1 port=$2

	shift 2
	cgroup_exec "$mesh" "$load" -e 0 -p / -H many "$@" "$address" "$port"
}

opened()
{
	local total closed

	read -r total closed <"$tmp/counted"
	echo "$((total - closed)) open, expected $1"
	[ $((total - closed)) -ge "$1" ]
}

# memory_below BYTES: of the kernel, for each open connection.
memory_below()
{
	local each=$((($(cat "$tmp/memory") - before_memory) * 1024 / open))

	ktap_note "$each bytes for each connection, at most $1 allowed"
	[ "$each" -le "$1" ]
}

# all_at_once NAME ADDRESS PORT: each connection is asked twice before, and once after.
all_at_once()
{
	local name=$1 ip=$2 port=$3

	rm -f "$tmp/counted" "$tmp/memory" "$tmp/status"
	write_idle
	check "$name: $open connections, each asked twice" \
		load "$ip" "$port" -c "$open" -w "$open" -n "$open" \
		-x "bash '$tmp/idle' http://$ip:$port/"
	check "$name: all were open at once" opened "$open"
	memory_below 24576 && ktap_ok "$name: memory" || ktap_fail "$name: memory"
	check_equal "$name: a request beside them, after a swap" 200 "$(cat "$tmp/status")"
	check "$name: all are closed again" settles 0 16 open_connections
}

turn_over()
{
	local name=$1 ip=$2 port=$3 before

	before=$(counter downstream_cx_total)
	check "$name: $turns requests, each with a connection of its own" \
		load "$ip" "$port" -c 32 -k -w 32 -n "$turns"
	check "$name: as many connections went through the module" \
		[ $(($(counter downstream_cx_total) - before)) -ge "$turns" ]
}

# What is kept by design is there after a first round.
load $nginx_ip $nginx_port -c 500 -w 500 -n 500 >/dev/null
load $opaque_ip $opaque_port -c 500 -w 500 -n 500 >/dev/null
load $nginx_ip $nginx_port -c 32 -k -w 32 -n 1000 >/dev/null
settles 0 16 open_connections
# An idle connection stays in its pool for an hour.
"$tool" reset
sleep 2
usage_note
apply >/dev/null || exit 1
all_at_once HTTP $nginx_ip $nginx_port
all_at_once opaque $opaque_ip $opaque_port
turns=$((turns / 2))
turn_over HTTP $nginx_ip $nginx_port
turn_over opaque $opaque_ip $opaque_port
"$tool" reset
usage_check ""

# The same without app ports, fewer: memory of idle wire ports.
ports wire
open=$((open / 5))
apply >/dev/null || exit 1
all_at_once "wire ports, opaque" $opaque_ip $opaque_port

