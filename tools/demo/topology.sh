# SPDX-License-Identifier: GPL-2.0-only
#
# The services and proxies that the demo and the benchmark share; sourced by
# both, in the virtual machine or in a network namespace of its own.
#
#   clients (curl, wrk)                    in cgroup $clients
#      |  10.96.0.10:9080 reviews, 10.96.0.11:9080 ratings: on no interface
#      |
#      +-- l7fp         captured by connect4, decided and forwarded by l7fp.ko
#      +-- nginx        127.0.0.1:8082
#      +-- HAProxy      127.0.0.1:8083
#      |
#   nginx backends: reviews v1, v2, v3 10.244.1.{1,2,3}:9080, ratings 10.244.2.1:9080

here=${here:?the folder of tools/demo}
repo=$(cd "$here/../.." && pwd -P)
build=$repo/${L7FP_BUILD:-build}
tool=$build/l7fp-tool
policies=$here/policies
clients=/sys/fs/cgroup/l7fp-demo-clients
run=${L7FP_DEMO_RUN:-/run/l7fp-demo}
loaded=
apply_options=()
PATH=$PATH:/usr/sbin:/sbin

versions="reviews-v1:10.244.1.1 reviews-v2:10.244.1.2 reviews-v3:10.244.1.3 ratings-v1:10.244.2.1"

die()
{
	echo "$0: $*" >&2
	exit 1
}

# config FILE [NAME ADDRESS]: the file with its names in capitals replaced.
# backend_listen and backend_proto: what nginx and HAProxy are told of the servers' protocol.
config()
{
	sed -e "s|BACKEND_LISTEN|${backend_listen:-}|g" -e "s|BACKEND_PROTO|${backend_proto:-}|g" \
		-e "s|RUN|$run|g" -e "s|NAME|${2:-}|g" -e "s|ADDRESS|${3:-}|g" "$here/$1"
}

# wait_for ADDRESS PORT: until something listens there.
wait_for()
{
	local i

	for i in $(seq 100); do
		if (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; then
			return 0
		fi
		sleep 0.1
	done
	die "nothing listens on $1:$2"
}

start_backends()
{
	local v name address

	mkdir -p "$run"
	ip link set lo up
	for v in $versions; do
		name=${v%%:*} address=${v#*:}
		ip address add "$address/32" dev lo 2>/dev/null
		config backend.conf "$name" "$address" >"$run/$name.conf"
		nginx -e "$run/$name.log" -c "$run/$name.conf" || die "the backend $name did not start"
		wait_for "$address" 9080
	done
}

stop_process()
{
	local i pid

	pid=$(cat "$run/$1.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null
	for i in $(seq 50); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	rm -f "$run/$1.pid"
}

stop_backends()
{
	local v

	for v in $versions; do
		stop_process "${v%%:*}"
	done
}

start_nginx()
{
	config nginx-proxy.conf >"$run/nginx-proxy.conf"
	nginx -e "$run/nginx-proxy.log" -c "$run/nginx-proxy.conf" || die "nginx as the proxy did not start"
	wait_for 127.0.0.1 8082
}

stop_nginx()
{
	stop_process nginx-proxy
}

start_haproxy()
{
	config haproxy.cfg >"$run/haproxy.cfg"
	haproxy -D -f "$run/haproxy.cfg" || die "HAProxy did not start"
	wait_for 127.0.0.1 8083
}

stop_haproxy()
{
	stop_process haproxy
}

# The module, the policies and the capture of connections made in $clients.
start_l7fp()
{
	if [ ! -d /sys/module/l7fp ]; then
		insmod "$build/l7fp.ko" || die "l7fp.ko does not load"
		loaded=1
	fi
	mkdir -p "$clients" || die "$clients: cannot be made; is cgroup2 mounted there?"
	"$tool" apply -f "$policies" --cgroup "$clients" "${apply_options[@]}" || die "l7fp-tool apply failed"
}

stop_l7fp()
{
	local i

	[ -d /sys/module/l7fp ] || return 0
	"$tool" reset
	rmdir "$clients" 2>/dev/null
	[ -n "$loaded" ] || return 0
	# The last references go with a grace period.
	for i in $(seq 50); do
		rmmod l7fp 2>/dev/null && loaded= && return 0
		sleep 0.2
	done
	die "l7fp.ko cannot be unloaded after l7fp-tool reset"
}

# as_client COMMAND...: runs it in the captured cgroup.
as_client()
{
	(
		[ ! -d "$clients" ] || echo $BASHPID >"$clients/cgroup.procs" || exit 1
		exec "$@"
	)
}

# target PATH: address and port that a client connects to.
target()
{
	case $1 in
	'no mesh') echo 10.244.1.1:9080 ;;
	l7fp) echo 10.96.0.10:9080 ;;
	nginx) echo 127.0.0.1:8082 ;;
	haproxy) echo 127.0.0.1:8083 ;;
	*) die "unknown path '$1'" ;;
	esac
}
