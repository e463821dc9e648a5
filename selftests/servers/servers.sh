# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# nginx, Redis and PostgreSQL as they come, and Services for them: nginx as
# HTTP/1.1, the others as opaque bytes. Source after ../lib.sh.

nginx_port=9401 redis_port=9402 postgres_port=9403 opaque_port=9404
nginx_ip=10.96.8.1 redis_ip=10.96.8.2 postgres_ip=10.96.8.3 opaque_ip=10.96.8.4

# nginx_start CGROUP CONNECTIONS: on 127.0.0.1, two ports.
nginx_start()
{
	chmod 755 "$tmp"
	head -c 1048576 /dev/zero | tr '\0' x >"$tmp/large"
	cat >"$tmp/nginx.conf" <<EOT
worker_processes 1;
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
worker_rlimit_nofile $(($2 + 1000));
events { worker_connections $2; }
http {
	access_log off;
	sendfile on;
	keepalive_requests 100000000;
	keepalive_timeout 3600;
	client_body_temp_path $tmp/n1;
	proxy_temp_path $tmp/n2;
	fastcgi_temp_path $tmp/n3;
	uwsgi_temp_path $tmp/n4;
	scgi_temp_path $tmp/n5;
	server {
		listen 127.0.0.1:$nginx_port backlog=4096;
		listen 127.0.0.1:$opaque_port backlog=4096;
		root $tmp;
		location / { return 200 "hello\n"; }
		location = /large { }
	}
}
EOT
	cgroup_start "$1" "$tmp/nginx.log" nginx -e "$tmp/error.log" -c "$tmp/nginx.conf"
	wait_port $nginx_port && wait_port $opaque_port
}

# servers_start CGROUP: all of them, on 127.0.0.1.
servers_start()
{
	local cgroup=$1

	nginx_start "$cgroup" 4096 || return 1
	cgroup_start "$cgroup" "$tmp/redis.log" redis-server --bind 127.0.0.1 \
		--port $redis_port --save '' --appendonly no --dir "$tmp"
	postgres_start "$cgroup"
	wait_port $redis_port && wait_port $postgres_port '' 120
}

# PostgreSQL refuses to run as root.
postgres_start()
{
	local bin

	bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n1)
	mkdir -p "$tmp/postgres"
	chown postgres: "$tmp/postgres"
	setpriv --reuid postgres --regid postgres --clear-groups "$bin/initdb" -D "$tmp/postgres" \
		-A trust --no-sync >"$tmp/initdb.log" 2>&1 || {
		sed 's/^/# /' "$tmp/initdb.log"
		return 1
	}
	cgroup_start "$1" "$tmp/postgres.log" setpriv --reuid postgres --regid postgres \
		--clear-groups "$bin/postgres" -D "$tmp/postgres" -p $postgres_port \
		-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off
}

# ports MODE: sets $options of apply, for "app" or "wire".
ports()
{
	options=()
	[ "$1" = app ] || options=(--no-app-ports)
}

# service NAME CLUSTER-IP PORT PROTOCOL
service()
{
	cat <<EOT
---
apiVersion: v1
kind: Service
metadata: {name: $1, namespace: default}
spec:
  clusterIP: $2
  clusterIPs: ["$2"]
  selector: {app: $1}
  ports: [{name: $4-$1, port: $3, targetPort: $3}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $1-1, namespace: default, labels: {kubernetes.io/service-name: $1}}
addressType: IPv4
ports: [{name: $4-$1, port: $3}]
endpoints: [{addresses: ["127.0.0.1"]}]
EOT
}

services()
{
	service nginx $nginx_ip $nginx_port http
	service redis $redis_ip $redis_port tcp
	service postgres $postgres_ip $postgres_port tcp
}

# load_wrk SECONDS CONNECTIONS [ARG]...: fails on any error, and without a request.
load_wrk()
{
	local seconds=$1 connections=$2

	shift 2
	wrk -t1 -c"$connections" -d"${seconds}s" --timeout 60s "$@"
} >"$tmp/wrk.log" 2>&1

wrk_passed()
{
	cat "$tmp/wrk.log"
	grep -q 'requests in' "$tmp/wrk.log" && ! grep -qE '^ *0 requests in' "$tmp/wrk.log" &&
		! grep -qE 'Socket errors|Non-2xx|unable' "$tmp/wrk.log"
}

# redis_benchmark REQUESTS CONNECTIONS [ARG]...: all of them answered.
redis_load()
{
	local requests=$1 connections=$2

	shift 2
	redis-benchmark -h $redis_ip -p $redis_port -n "$requests" -c "$connections" \
		--csv "$@" >"$tmp/redis-benchmark" 2>&1 || {
		cat "$tmp/redis-benchmark"
		return 1
	}
	cat "$tmp/redis-benchmark"
	! grep -qiE 'error|refused|reset|closed|broken' "$tmp/redis-benchmark" &&
		grep -q '^"[A-Z]' "$tmp/redis-benchmark"
}

pg()
{
	local program=$1

	shift
	"$program" -h $postgres_ip -p $postgres_port -U postgres "$@"
}

# pgbench_load CONNECTIONS TRANSACTIONS [ARG]...: all of them done.
pgbench_load()
{
	local connections=$1 transactions=$2

	shift 2
	pg pgbench -n -c "$connections" -j 1 -t "$transactions" "$@" postgres \
		>"$tmp/pgbench" 2>&1 || {
		cat "$tmp/pgbench"
		return 1
	}
	cat "$tmp/pgbench"
	grep -q "actually processed: $((connections * transactions))/" "$tmp/pgbench" &&
		grep -q 'failed transactions: 0 ' "$tmp/pgbench"
}

sockets_in_use()
{
	awk '/^TCP:/ { print $3 }' /proc/net/sockstat
}

open_connections()
{
	echo $(($(counter downstream_cx_total) - $(counter downstream_cx_destroy)))
}

# kernel_memory: KiB that the kernel holds, without files and processes.
kernel_memory()
{
	"$top/tools/bench/memory" | awk '$1 == "kernel" { print $2 }'
}

# settles EXPECTED SLACK COMMAND [ARG]: until the figure is at most EXPECTED + SLACK.
settles()
{
	local expected=$1 slack=$2 i

	shift 2
	for i in $(seq 240); do
		got=$("$@")
		[ "$got" -gt $((expected + slack)) ] || return 0
		sleep 0.5
	done
	return 1
}

# check_back NAME BEFORE SLACK COMMAND [ARG]: a case, with both figures.
check_back()
{
	local name=$1 got status=0

	shift
	settles "$@" || status=1
	ktap_note "$name: $1 before, $got after, $2 more allowed"
	[ $status -eq 0 ] && ktap_ok "$name" || ktap_fail "$name"
}

# What is in use, before; and that no more is in use afterwards. What is kept by
# design (caches of each processor, pools) must have been filled before.
usage_note()
{
	before_sockets=$(sockets_in_use) before_ours=$(slab_objects l7fp)
	before_tcp=$(slab_objects '^TCP$')
	before_kmalloc=$(slab_objects '^kmalloc-[0-9]')
	before_inodes=$(slab_objects '^sock_inode_cache$')
	before_memory=$(kernel_memory)
}

usage_cases=6
usage_check()
{
	check_back "$1sockets are back" "$before_sockets" 16 sockets_in_use
	check_back "$1slab objects of l7fp are back" "$before_ours" 64 slab_objects l7fp
	check_back "$1TCP slab objects are back" "$before_tcp" 256 slab_objects '^TCP$'
	check_back "$1socket inodes are back" "$before_inodes" 256 slab_objects '^sock_inode_cache$'
	check_back "$1kmalloc objects are back" "$before_kmalloc" 3000 slab_objects '^kmalloc-[0-9]'
	check_back "$1the kernel's memory is back (KiB)" "$before_memory" 8192 kernel_memory
}
