#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# HTTP/2 and gRPC as a user has them: policies applied to a cgroup, unchanged clients
# and servers, one Service of three servers and one that speaks HTTP/1.1.

. "$(dirname "$0")/lib.sh"
. "$here/echo.sh"

peer=$here/grpc_peer.py
need nginx curl nghttp h2load
/usr/bin/python3 -c 'import grpc' 2>/dev/null || ktap_skip_all "no grpc for python3 here"
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 26

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
rpc=10.96.7.1 web=10.96.7.2 auto=10.96.7.3 routed=10.96.7.4 third=10.96.7.5
echo_start 127.0.0.1:18071 one
for i in 1 2 3; do
	start "$tmp/server$i.log" "$peer" server 1806$i "s$i" "$tmp/cancelled"
done
for i in 1 2 3; do
	wait_port 1806$i 127.0.0.1 60
done

cat >"$tmp/policy.yaml" <<EOT
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: auto, namespace: default}
spec:
  hosts: [auto]
  http: [{route: [{destination: {host: auto}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rpc, namespace: default}
spec:
  hosts: [rpc]
  http:
  - match: [{uri: {prefix: /l7fp.Echo/}}]
    route: [{destination: {host: rpc}, headers: {response: {set: {x-mesh: "yes"}}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: routed, namespace: default}
spec:
  parentRefs: [{group: "", kind: Service, name: routed}]
  rules:
  - backendRefs: [{name: routed, port: 80}]
  - matches: [{method: {service: l7fp.Echo, method: Unary}}]
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {set: [{name: x-mesh, value: "100%"}]}
    backendRefs: [{name: third, port: 80}]
  - matches: [{method: {service: other.Service}}]
    backendRefs: [{name: third, port: 80, weight: 0}]
EOT
port_name=grpc service routed $routed IPv4 127.0.0.1 18061 127.0.0.1 18062 >>"$tmp/policy.yaml"
port_name=grpc service third $third IPv4 127.0.0.1 18063 >>"$tmp/policy.yaml"
port_name=grpc service rpc $rpc IPv4 127.0.0.1 18061 127.0.0.1 18062 127.0.0.1 18063 \
	>>"$tmp/policy.yaml"
port_name=any service auto $auto IPv4 127.0.0.1 18061 >>"$tmp/policy.yaml"
service web $web IPv4 127.0.0.1 18071 >>"$tmp/policy.yaml"
deny /l7fp.Echo/Secret >>"$tmp/policy.yaml"

check "apply to a cgroup" "$tool" apply --cgroup "$mesh" "$tmp/policy.yaml"
sed 's/^/# /' "$tmp/check.log"

client() { cgroup_exec "$mesh" timeout $((250 * ${L7FP_TIME_SCALE:-1})) "$peer" client "$@" 2>&1 | tail -n1; }

check_equal "one channel, three servers: balanced by request" "s1=10 s2=10 s3=10" \
	"$(client $rpc:80 balance)"
check_equal "streams of a server, of a client, and of both" \
	"01234 4950 00,11,22,33,44,55,66,77,88,99" "$(client $rpc:80 streams)"
check_equal "10 MiB there and back" True "$(client $rpc:80 big)"
check_equal "500 calls of 20 threads" 0 "$(client $rpc:80 many)"
check_equal "keep-alive pings" "OK OK" "$(client $rpc:80 idle)"
check_equal "a call is cancelled" "3 CANCELLED" "$(client $rpc:80 cancel)"
check "the server hears of it" wait_for 20 grep -q cancelled "$tmp/cancelled"
check_equal "a deadline" DEADLINE_EXCEEDED "$(client $rpc:80 deadline)"
printf '\0\0\0\0\1x' >"$tmp/message"
check_equal "a deadline that nobody keeps but the kernel" 4 \
	"$(cgroup_exec "$mesh" nghttp -nv -d "$tmp/message" -H ':authority: rpc' -H 'te: trailers' \
	-H 'content-type: application/grpc' -H 'grpc-timeout: 500m' "http://$rpc/l7fp.Echo/Slow" |
	sed -n 's/.*grpc-status: //p' | tail -n1)"
check_equal "a method that is denied" "PERMISSION_DENIED: RBAC: access denied" \
	"$(client $rpc:80 denied)"
check_equal "a service without a route" UNIMPLEMENTED "$(client $rpc:80 unrouted)"
check_equal "GRPCRoute: a method goes where the rule that says most says" "s3=30" \
	"$(client $routed:80 balance)"
check_equal "its other methods where the others go" \
	"01234 4950 00,11,22,33,44,55,66,77,88,99" "$(client $routed:80 streams)"
check_equal "a rule without a backend" UNAVAILABLE "$(client $routed:80 unrouted)"
check_equal "a port that names no protocol" "s1=30" "$(client $auto:80 balance)"

"$tool" stats --json >"$tmp/stats.json"
grpc() { json "$tmp/stats.json" "sum(c['value'] for c in d['counters'] if c['scope'] == 'grpc_status' and c.get('object') == '$1')"; }
check_equal "statuses are counted" "599 1 1" "$(grpc OK) $(grpc PERMISSION_DENIED) $(grpc UNIMPLEMENTED)"
"$tool" stats | sed -n '/^grpc/,/^$/p' | sed 's/^/# /'

# HTTP/2 without gRPC, and the other version on either side.
get() { cgroup_exec "$mesh" curl -s -m 30 -o "$tmp/body" -w '%{http_version} %{http_code}\n' "$@"; }
check_equal "curl, no route" "2 404" "$(get --http2-prior-knowledge -H 'Host: rpc' http://$rpc/x)"
check_equal "HTTP/1.1 to a port of HTTP/2" "1.1 502" \
	"$(get -H 'Host: rpc' http://$rpc/l7fp.Echo/Unary)"
check_equal "HTTP/2 to a port of HTTP/1.1" "2 502" \
	"$(get --http2-prior-knowledge -H 'Host: web' http://$web/)"
check_equal "which serves HTTP/1.1 as before" "1.1 200" "$(get -H 'Host: web' http://$web/)"
check_equal "the response's fields are changed" yes \
	"$(cgroup_exec "$mesh" nghttp -nv -d /dev/null -H ':authority: rpc' \
	-H 'content-type: application/grpc' -H 'te: trailers' "http://$rpc/l7fp.Echo/Unary" |
	sed -n 's/.*x-mesh: //p' | tail -n1)"

check "h2load: 4 connections, 10 streams" eval \
	'cgroup_exec "$mesh" h2load -n 400 -c 4 -m 10 -H ":authority: rpc" "http://$rpc/x" >"$tmp/h2load"'
check_equal "all were answered by the policy" 400 \
	"$(sed -n 's/^status codes:.* \([0-9]*\) 4xx.*/\1/p' "$tmp/h2load")"

# Streams, and what carried them: no connection is left behind by those that are gone.
busy() {
	"$tool" connections --json >"$tmp/connections.json"
	[ "$(json "$tmp/connections.json" "$1")" = "$2" ]
}
check "no stream is left" wait_for 20 busy 'sum(c["state"] != "idle" for c in d)' 0
"$tool" connections | sed 's/^/# /'
check "three connections to the three servers" busy \
	'sorted(c["remote"][-2:] for c in d if c.get("cluster", "").startswith("outbound|80||rpc"))' \
	"['61', '62', '63']"
