#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# wrk with 1, 64 and 512 connections to an nginx: no error, and afterwards as
# many sockets and slab objects of ours as before.

. "$(dirname "$0")/lib.sh"

need wrk nginx curl python3
port=18080
if [ -n "${L7FP_TARGET:-}" ]; then
	target=$L7FP_TARGET
	client() { "$@"; }
else
	need_module
	[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
	target=10.96.1.1:80
	cgroup=$(cgroup_make clients)
	at_exit "'$tool' reset"
	client() { cgroup_exec "$cgroup" "$@"; }
fi
connections="1 64 512"
# A slow kernel does not answer one request of each in a minute.
[ "${L7FP_TIME_SCALE:-1}" -eq 1 ] || connections="1 8 64"
ktap_plan 9

cat >"$tmp/nginx.conf" <<EOT
worker_processes 1;
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
events { worker_connections 4096; }
http {
	access_log off;
	keepalive_requests 100000000;
	keepalive_timeout 10s;
	client_body_temp_path $tmp/n1;
	proxy_temp_path $tmp/n2;
	fastcgi_temp_path $tmp/n3;
	uwsgi_temp_path $tmp/n4;
	scgi_temp_path $tmp/n5;
	server {
		listen 127.0.0.1:$port backlog=4096;
		location / { return 200 "hello\n"; }
	}
}
EOT
chmod 755 "$tmp"
start "$tmp/nginx.log" nginx -e "$tmp/error.log" -c "$tmp/nginx.conf"
wait_port $port || exit 1
if [ -z "${L7FP_TARGET:-}" ]; then
	PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 -c 'import client, json
print(json.dumps({"apiVersion": "v1", "kind": "List", "items": client.documents()}))' >"$tmp/policies.json"
	"$tool" apply -f "$tmp/policies.json" --cgroup "$cgroup" >"$tmp/apply.log" 2>&1 || {
		sed 's/^/# /' "$tmp/apply.log"
		exit 1
	}
fi

# load CONNECTIONS SECONDS: as long again, and again, while a slow machine has not answered the
# first request in that time.
load()
{
	local seconds

	for seconds in $2 $(($2 * 5)) $(($2 * 15)); do
		client wrk -t1 -c"$1" -d"${seconds}s" --timeout 60s -H 'Host: web' \
			"http://$target/" >"$tmp/wrk" 2>&1
		sed 's/^/# /' "$tmp/wrk"
		if ! grep -q 'requests in' "$tmp/wrk" ||
		   grep -qE 'Socket errors|Non-2xx|unable' "$tmp/wrk"; then
			return 1
		fi
		! grep -qE '^ *0 requests in' "$tmp/wrk" && return 0
	done
	return 1
}

# TCP sockets that are in use, and those being closed. TIME_WAIT is not counted: it holds no
# socket, and lasts a minute.
sockets()
{
	awk '/^TCP:/ { print $3 }' /proc/net/sockstat
}

# settle EXPECTED COMMAND ARG SLACK: until the figure is at most EXPECTED + SLACK.
settle()
{
	local i got

	for i in $(seq 60); do
		got=$($2 ${3:+"$3"})
		[ "$got" -le $(($1 + $4)) ] && { echo "# $2 $3: $1 before, $got after"; return 0; }
		sleep 0.5
	done
	echo "$2 $3: $1 before, $got after"
	return 1
}

# How many connections a pool has depends on how many requests met: the server closes idle ones,
# so that nothing is left of any of them.
drained()
{
	local i

	for i in $(seq 240); do
		[ -z "$(ss -Htn state established "sport = :$port")" ] && return
		sleep 0.5
	done
	echo "# pooled connections are left after two minutes"
}

# Once through all of it first: what stays by design (caches per CPU) is there then.
for n in $connections; do
	load "$n" 3 >/dev/null
done
drained
sleep 2
sockets_before=$(sockets)
ours_before=$(slab_objects l7fp)
tcp_before=$(slab_objects '^TCP$')
sock_before=$(slab_objects '^sock_inode_cache$')
kmalloc_before=$(slab_objects '^kmalloc-[0-9]')

for n in $connections; do
	if load "$n" 3; then
		ktap_ok "wrk, $n connections"
	else
		ktap_fail "wrk, $n connections"
	fi
done
drained
check "sockets are back" settle "$sockets_before" sockets '' 8
check "slab objects of l7fp are back" settle "$ours_before" slab_objects l7fp 64
check "TCP slab objects are back" settle "$tcp_before" slab_objects '^TCP$' 128
check "socket inodes are back" settle "$sock_before" slab_objects '^sock_inode_cache$' 128
# A leak for each request, of thousands, would show among all others' objects.
check "kmalloc objects are back" settle "$kmalloc_before" slab_objects '^kmalloc-[0-9]' 1500
check_equal "all goes on" 200 "$(client curl -s -m 30 -o "$tmp/null" -w '%{http_code}' \
	-H 'Host: web' "http://$target/")"
