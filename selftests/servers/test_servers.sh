#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 2400
#
# Servers of the world with their own benchmarks over captured connections: no
# error, nothing lost. Client and server are both in the captured cgroup.
#
#	wrk              -> nginx       HTTP/1.1
#	redis-benchmark  -> Redis       opaque
#	pgbench          -> PostgreSQL  opaque

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/capture.sh"
. "$here/servers/servers.sh"

need nginx wrk redis-server redis-benchmark pgbench psql python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan $((1 + 2 * 17))

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
check "servers" servers_start "$mesh" || exit 1
services >"$tmp/services.yaml"

# connections_since BEFORE AT-LEAST: so many went through the module.
connections_since()
{
	local now

	now=$(counter downstream_cx_total)
	echo "$((now - $1)) connections, expected at least $2"
	[ $((now - $1)) -ge "$2" ]
}

# What follows is in the cgroup, and so are its children.
echo $$ >"$mesh/cgroup.procs"
at_exit "echo $$ >/sys/fs/cgroup/cgroup.procs"

all_servers()
{
	local mode=$1 before n sum

	for n in 1 32; do
		load_wrk 5 $n "http://$nginx_ip:$nginx_port/"
		check "$mode: nginx: wrk, $n connections" wrk_passed
	done
	load_wrk 5 8 "http://$nginx_ip:$nginx_port/large"
	check "$mode: nginx: wrk, files of 1 MiB" wrk_passed
	load_wrk 5 8 -H 'Connection: close' "http://$nginx_ip:$nginx_port/"
	check "$mode: nginx: wrk, a connection a request" wrk_passed

	before=$(counter downstream_cx_total)
	check "$mode: Redis: redis-benchmark, 50 connections" redis_load 4000 50 -t ping,set,get,lpush,mset
	check "$mode: its connections went through the module" connections_since "$before" 250
	check "$mode: Redis: pipelined" redis_load 20000 20 -P 16 -t set,get
	check "$mode: Redis: values of 100 KiB" redis_load 300 5 -d 102400 -t set,get
	check "$mode: Redis: a connection a request" redis_load 300 5 -k 0 -t ping
	check_equal "$mode: Redis: it answers to the last" PONG "$(redis-cli -h $redis_ip -p $redis_port ping)"

	before=$(counter downstream_cx_total)
	check "$mode: PostgreSQL: pgbench -i" pg pgbench -i -q postgres
	check "$mode: PostgreSQL: pgbench, 8 connections" pgbench_load 8 20
	check "$mode: PostgreSQL: prepared statements, a connection a transaction" \
		pgbench_load 4 5 -C -M prepared -S
	check "$mode: its connections went through the module" connections_since "$before" 28

	# What was stored is what comes back, byte by byte, in a size that fills every queue.
	sum=$(pg psql -qAtc "select md5(string_agg(md5(i::text), '')) from generate_series(1, 100000) i" \
		postgres)
	check_equal "$mode: PostgreSQL: 3 MiB come back as they were made" "$sum" \
		"$(pg psql -qAtc "copy (select md5(i::text) from generate_series(1, 100000) i) to stdout" \
			postgres | tr -d '\n' | md5sum | cut -d' ' -f1)"
}

for mode in wire app; do
	ports $mode
	"$tool" reset --all
	check "$mode: apply" "$tool" apply --cgroup "$mesh" "${options[@]}" "$tmp/services.yaml" ||
		exit 1
	before=$(counter app_port_cx_total)
	all_servers "$mode"
	joined=$(($(counter app_port_cx_total) - before))
	if [ "$mode" = wire ]; then
		check_equal "wire: no socket was joined" 0 "$joined"
	else
		check "app: sockets were joined: $joined" [ "$joined" -ge 300 ]
	fi
done
