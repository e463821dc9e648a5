# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The paths of tools/bench/guest: how each is started, how often its policy was
# asked, and how it is stopped. Sourced after tools/demo/topology.sh.
#
# One node: everything in one network namespace, over lo. Two nodes: the servers
# (and Envoy's inbound half) in a namespace of their own behind a veth pair.
#
#   load, proxies, l7fp     10.0.0.1 ==== veth ==== 10.0.0.2     servers 10.244.*
#
# Proxies and servers are in cgroups of their own, so that their instructions
# can be told apart. So is the client, as any pod's processes are, whatever the
# path: the scheduler's accounts cost for each level.

work=${work:?the folder of this run}
server_ns=l7fp-bench
server_group=/sys/fs/cgroup/l7fp-bench-server
proxy_group=/sys/fs/cgroup/l7fp-bench-proxy
outbound_gid=1337 inbound_gid=1338
nodes=1

# in_group CGROUP COMMAND...: runs it there.
in_group()
{
	local group=$1

	shift
	mkdir -p "$group" || return 1
	(echo $BASHPID >"$group/cgroup.procs" && "$@")
}

# on_server COMMAND...: in the network namespace of the servers.
on_server()
{
	if [ "$nodes" = 2 ]; then
		ip netns exec $server_ns "$@"
	else
		"$@"
	fi
}

# topology FUNCTION: one of topology.sh, where the servers are.
topology()
{
	# shellcheck disable=SC2016 # for the inner shell
	on_server bash -c 'here=$1; . "$1/topology.sh"; "$2"' topology "$here" "$1"
}

# nodes_start NODES PROTOCOL
nodes_start()
{
	nodes=$1
	case $2 in
	http/1.1) export backend_listen='' backend_proto='' ;;
	*) export backend_listen=http2 backend_proto='proto h2' ;;
	esac
	if [ "$nodes" = 2 ]; then
		ip netns add $server_ns
		ip link add node0 type veth peer name node1 netns $server_ns
		ip address add 10.0.0.1/24 dev node0
		ip link set node0 up
		ip -n $server_ns address add 10.0.0.2/24 dev node1
		ip -n $server_ns link set node1 up
		ip route add 10.244.0.0/16 via 10.0.0.2
	fi
	# Where a client without a sidecar would find the services.
	ip link set lo up
	ip route add 10.96.0.0/16 dev lo 2>/dev/null
	mkdir -p "$run/reviews/files"
	for n in 16384 1048576; do
		[ -e "$run/reviews/files/$n" ] || head -c $n /dev/zero | tr '\0' x >"$run/reviews/files/$n"
	done
	mkdir -p $server_group "$clients"
	(echo $BASHPID >$server_group/cgroup.procs && topology start_backends) || exit 1
}

nodes_stop()
{
	topology stop_backends
	if [ "$nodes" = 2 ]; then
		ip netns del $server_ns
		ip link del node0 2>/dev/null
	fi
	for v in $versions; do
		ip address del "${v#*:}/32" dev lo 2>/dev/null
	done
	rmdir "$clients" 2>/dev/null
	nodes=1
}

# ---- Envoy

# start_envoy NAME WHERE: NAME is outbound, inbound or one; WHERE starts it.
start_envoy()
{
	local name=$1 where=$2 gid=$outbound_gid file port=19000

	[ "$name" != inbound ] || gid=$inbound_gid port=19001
	file=$work/envoy-$rules-${protocol//\//-}/$name-$capture$([ "$production" = 0 ] || echo -production).json
	[ -e "$file" ] || die "no $file"
	# Nothing but the group id changes: it tells NAT whose connections pass.
	# shellcheck disable=SC2016 # for the inner shell
	in_group $proxy_group "$where" bash -c 'echo $$ >"$0"; exec "$@"' "$run/envoy-$name.pid" \
		setpriv --regid $gid --keep-groups "$work/envoy" -c "$file" \
		--concurrency "$(nproc)" --log-level error --disable-hot-restart \
		>"$run/envoy-$name.log" 2>&1 &
	"$where" bash -c '
		for i in $(seq 600); do
			if curl -s -m 5 "http://127.0.0.1:$0/ready" | grep -q LIVE; then exit 0; fi
			[ $i -lt 20 ] || kill -0 "$(cat "$1")" || exit 1
			sleep 0.1
		done
		exit 1' $port "$run/envoy-$name.pid" 2>/dev/null ||
		{ tail -n 5 "$run/envoy-$name.log" >&2; die "Envoy ($name) is not ready"; }
}

here_too()
{
	"$@"
}

# redirect WHERE RULE...: a NAT table for connections made or arriving there.
redirect()
{
	local where=$1

	shift
	{
		echo 'table ip l7fp_bench {'
		for hook in "output:-100" "prerouting:-100"; do
			printf '\tchain %s {\n\t\ttype nat hook %s priority %s;\n' \
				"${hook%:*}" "${hook%:*}" "${hook#*:}"
			[ "${hook%:*}" = prerouting ] || printf '\t\tmeta skgid %s return\n' $inbound_gid
			printf '\t\t%s\n' "$@"
			printf '\t}\n'
		done
		echo '}'
	} | sed '/prerouting {/,/}/{/skgid/d}' >"$run/nft"
	"$where" nft -f "$run/nft" || die "no NAT: nftables is needed"
}

start_envoys()
{
	local kind=$1
	local out="ip daddr 10.96.0.0/16 tcp dport 9080 redirect to :15001"
	local in="ip daddr 10.244.0.0/16 tcp dport 9080 redirect to :15006"

	start_envoy "$([ "$kind" = one ] && echo one || echo outbound)" here_too
	[ "$kind" = one ] || start_envoy inbound on_server
	[ "$capture" = redirect ] || return 0
	if [ "$kind" = one ]; then
		redirect here_too "$out"
	elif [ "$nodes" = 1 ]; then
		redirect here_too "$in" "meta skgid $outbound_gid return" "$out"
	else
		redirect here_too "meta skgid $outbound_gid return" "$out"
		redirect on_server "$in"
	fi
}

stop_envoys()
{
	local name

	nft delete table ip l7fp_bench 2>/dev/null
	[ "$nodes" = 1 ] || on_server nft delete table ip l7fp_bench 2>/dev/null
	for name in outbound inbound one; do
		stop_process envoy-$name
	done
}

# envoy_counts: requests of the first Envoy, requests that a rule denied.
envoy_counts()
{
	local first second

	first=$(curl -s 'http://127.0.0.1:19000/stats?filter=http.outbound')
	second=$first
	case $path in
	*both*) second=$(on_server curl -s 'http://127.0.0.1:19001/stats?filter=http.inbound') ;;
	esac
	echo "$(awk '$1 ~ /downstream_rq_total:$/ { n += $2 } END { print n + 0 }' <<<"$first")" \
		"$(awk '$1 ~ /rbac\..*denied:$/ { n += $2 } END { print n + 0 }' <<<"$second")"
}

# ---- sockmap: bytes of sockets of this machine go from queue to queue

start_sockmap()
{
	mkdir -p /sys/fs/bpf/l7fp-bench
	bpftool prog loadall "$work/sockmap.bpf.o" /sys/fs/bpf/l7fp-bench \
		pinmaps /sys/fs/bpf/l7fp-bench &&
	bpftool prog attach pinned /sys/fs/bpf/l7fp-bench/handed_over msg_verdict \
		pinned /sys/fs/bpf/l7fp-bench/sockets &&
	bpftool cgroup attach /sys/fs/cgroup sock_ops pinned /sys/fs/bpf/l7fp-bench/established ||
		die "sockmap: not attached"
}

stop_sockmap()
{
	[ -d /sys/fs/bpf/l7fp-bench ] || return 0
	bpftool cgroup detach /sys/fs/cgroup sock_ops pinned /sys/fs/bpf/l7fp-bench/established
	bpftool prog detach pinned /sys/fs/bpf/l7fp-bench/handed_over msg_verdict \
		pinned /sys/fs/bpf/l7fp-bench/sockets
	rm -rf /sys/fs/bpf/l7fp-bench
}

# ---- L7FP

# With the header fields that Envoy makes, too; in a production row all of them,
# and of each request its target and its end from tracepoints in a file.
start_module()
{
	apply_options=(--without request-id,attempt-count)
	[ "$production" = 0 ] || apply_options=()
	[ "$path" != 'l7fp wire' ] || apply_options+=(--no-app-ports)
	start_l7fp >"$run/l7fp.log" || { cat "$run/l7fp.log" >&2; exit 1; }
	[ "$production" = 1 ] || return 0
	echo 1 >/sys/kernel/tracing/events/l7fp/l7fp_exchange_start/enable || die "no tracepoints"
	echo 1 >/sys/kernel/tracing/events/l7fp/l7fp_exchange_done/enable
	in_group $proxy_group cat /sys/kernel/tracing/trace_pipe >"$run/l7fp-access.log" &
}

stop_module()
{
	if [ "$production" = 1 ]; then
		echo 0 >/sys/kernel/tracing/events/l7fp/enable
		kill $(cat $proxy_group/cgroup.procs) 2>/dev/null
		[ -s "$run/l7fp-access.log" ] || die "the access log is empty"
	fi
	if [ "$path" = 'l7fp app' ]; then
		"$tool" stats | grep -q 'app_port_cx_total' || die "no socket was joined as an app port"
	fi
	stop_l7fp >&2
}

# ---- nghttpx: forwards, without a policy

start_nghttpx()
{
	in_group $proxy_group nghttpx --daemon --pid-file="$run/nghttpx.pid" --conf=/dev/null \
		--errorlog-file="$run/nghttpx.log" --log-level=ERROR --workers="$(nproc)" \
		--frontend='127.0.0.1,8084;no-tls' --backend='10.244.1.1,9080;;proto=h2' ||
		die "nghttpx did not start"
	wait_for 127.0.0.1 8084
}

# ---- all of them; they read $path, $capture, $rules, $production, $protocol

path_start()
{
	policies=$work/policies-$rules-${protocol//\//-}
	case $path in
	'no mesh') ;;
	'l7fp wire'|'l7fp app') start_module ;;
	nginx|haproxy) in_group $proxy_group bash -c 'here=$1; . "$1/topology.sh"; "$2"' \
			start "$here" "start_$path" || exit 1 ;;
	nghttpx) start_nghttpx ;;
	sockmap) start_sockmap ;;
	'envoy both sockmap') start_sockmap; start_envoys both ;;
	'envoy both') start_envoys both ;;
	'envoy one') start_envoys one ;;
	*) die "unknown path '$path'" ;;
	esac
}

path_stop()
{
	case $path in
	l7fp*) stop_module ;;
	nginx) stop_nginx ;;
	haproxy) stop_haproxy ;;
	nghttpx) stop_process nghttpx ;;
	sockmap) stop_sockmap ;;
	envoy*) stop_envoys; stop_sockmap ;;
	esac
}

# path_target: the address and the port that the client connects to.
path_target()
{
	case $path:$capture in
	'no mesh:'*|sockmap:*) echo 10.244.1.1 9080 ;;
	envoy*:direct) echo 127.0.0.1 15001 ;;
	nginx:*) echo 127.0.0.1 8082 ;;
	haproxy:*) echo 127.0.0.1 8083 ;;
	nghttpx:*) echo 127.0.0.1 8084 ;;
	*) echo 10.96.0.10 9080 ;;
	esac
}

# path_has_policy: whether what must be denied is.
path_has_policy()
{
	case $path in
	'no mesh'|sockmap|nghttpx) false ;;
	esac
}

# path_counts: requests that the policy saw, and requests that it denied, so far.
path_counts()
{
	case $path in
	l7fp*) "$tool" stats --json | python3 "$bench/counts.py" ;;
	nginx) curl -s http://127.0.0.1:8092/ | awk '
		# This request counts, too; what nginx denied is not known to it.
		/^ [0-9]+ [0-9]+ [0-9]+/ { print $3, "-" }' ;;
	haproxy) python3 "$bench/haproxy_counts.py" "$run/haproxy.sock" ;;
	envoy*) envoy_counts ;;
	*) echo - - ;;
	esac
}

# server_counts: requests that reached the servers so far, and how many of them
# this question made.
server_counts()
{
	local v n=0 sum=0

	for v in $versions; do
		n=$((n + 1))
		sum=$((sum + $(on_server curl -s "http://${v#*:}:9081/status" |
			awk '/^ [0-9]+ [0-9]+ [0-9]+/ { print $3 }')))
	done
	echo $sum $n
}
