#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# L7FP_SOAK_MINUTES (default 10) of mixed load while policies are swapped:
# nothing lost, no error, and in the end as many sockets and slab objects as
# before. App ports are on unless L7FP_SOAK_PORTS=wire.
#
#	wrk kept alive, wrk with a connection a request, files of 1 MiB	-> nginx
#	redis-benchmark							-> Redis
#	pgbench								-> PostgreSQL
#	sockets bulk-*: byte by byte					-> itself
#	l7fp-tool apply, two policies in turn

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/runs.sh"
. "$here/servers/servers.sh"

need nginx wrk redis-server redis-benchmark pgbench psql python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
[ -x "$sockets" ] || ktap_skip_all "no $sockets: run make sockets"
minutes=${L7FP_SOAK_MINUTES:-10}
ports "${L7FP_SOAK_PORTS:-app}"
ktap_plan $((11 + usage_cases))

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
check "servers" servers_start "$mesh" || exit 1

# Two policies that let everything through, by rules of their own.
policy()
{
	services
	opaque_service sockets 10.96.7.1 127.0.0.1 $sockets_first $sockets_count
	cat <<EOT
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: default}
spec:
  selector: {matchLabels: {app: nginx}}
  action: DENY
  rules: [{to: [{operation: {paths: ["$1"]}}]}]
EOT
}
policy /one >"$tmp/policy-1.yaml"
policy /two >"$tmp/policy-2.yaml"
check "apply" "$tool" apply "${options[@]}" --cgroup "$mesh" "$tmp/policy-1.yaml" || exit 1
echo $$ >"$mesh/cgroup.procs"
at_exit "echo $$ >/sys/fs/cgroup/cgroup.procs"
check "PostgreSQL: pgbench -i" pg pgbench -i -q postgres

# loader NAME COMMAND...: again and again until $end, in the background, with a
# folder of its own for the command's files. Every failure is written down.
loader()
{
	local name=$1

	shift
	(
		out=$tmp n=0
		tmp=$(mktemp -d "$out/$name.XXXXXX")
		while [ "$(date +%s)" -lt "$end" ]; do
			n=$((n + 1))
			"$@" >"$tmp/out" 2>&1 && continue
			echo "round $n failed:"
			cat "$tmp/out"
			echo "$n" >>"$out/$name.failed"
		done
		echo "$n" >"$out/$name.rounds"
	) >"$tmp/$name.log" 2>&1 &
	loaders+=($!)
}

# http_round PATH [ARG]...
http_round()
{
	local path=$1

	shift
	load_wrk 5 8 "$@" "http://$nginx_ip:$nginx_port$path"
	wrk_passed
}

bytes_round()
{
	"$sockets" --port $sockets_first bulk-plain bulk-polled bulk-both-ways bulk-turns \
		threads-both fd-fork shutdown-half >"$tmp/trace"
	python3 "$here/sockets/compare.py" "$traces/soak" "$tmp/trace"
}

swap_round()
{
	swaps=$((${swaps:-0} + 1))
	"$tool" apply "${options[@]}" --cgroup "$mesh" "$out/policy-$((swaps % 2 + 1)).yaml" || return 1
	sleep 1
}

load_all()
{
	local seconds=$1

	end=$(($(date +%s) + seconds))
	loaders=()
	rm -f "$tmp"/*.failed "$tmp"/*.rounds
	loader http http_round /
	loader http-close http_round / -H 'Connection: close'
	loader http-large http_round /large
	loader redis redis_load 500 8 -t set,get,lpush
	loader postgres pgbench_load 4 10
	loader bytes bytes_round
	loader swap swap_round
	wait "${loaders[@]}"
}

# The bytes of one round on plain TCP, outside the cgroup, are what the others must match.
mkdir -p "$traces"
(
	echo $BASHPID >/sys/fs/cgroup/cgroup.procs
	exec "$sockets" --port $sockets_first bulk-plain bulk-polled bulk-both-ways bulk-turns \
		threads-both fd-fork shutdown-half
) >"$traces/soak"

# What stays by design (caches per CPU, pools) is there after a first round.
load_all 20
settles 0 64 open_connections
sleep 5
usage_note
requests_before=$(counter downstream_rq_total)
load_all $((minutes * 60))

# no_failure NAME: it had rounds, and none failed.
no_failure()
{
	tail -n 40 "$tmp/$1.log"
	dmesg | grep -A1 'segfault at' | tail -n 4
	[ ! -e "$tmp/$1.failed" ] && [ "$(cat "$tmp/$1.rounds")" -ge 1 ]
}
for name in http http-close http-large redis postgres bytes swap; do
	ktap_note "$name: $(cat "$tmp/$name.rounds") rounds"
	check "no error: $name" no_failure $name
done
check "requests were counted" [ "$(counter downstream_rq_total)" -gt "$requests_before" ]
usage_check ""
