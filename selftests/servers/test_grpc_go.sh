#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 2400
#
# gRPC's two implementations, the C core and Go's, as clients and servers of each other
# through the policy: all call types, 10 MiB, many calls at once, cancellation, deadlines,
# keep-alive, what is denied and what has no route.

. "$(dirname "$0")/../lib.sh"
. "$here/echo.sh"

core=$here/grpc_peer.py
/usr/bin/python3 -c 'import grpc' 2>/dev/null || ktap_skip_all "no grpc for python3 here"
go=$("$here/../tools/grpc-go") || ktap_skip_all "no grpc-go: see above"
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
cases=10
ktap_plan $((1 + 4 * cases))

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)

# servers NAME PROGRAM PORT: three of them.
servers()
{
	local i

	for i in 1 2 3; do
		start "$tmp/$1$i.log" "$2" server $(($3 + i)) "s$i" "$tmp/$1-cancelled"
	done
	for i in 1 2 3; do
		wait_port $(($3 + i)) 127.0.0.1 60
	done
}
servers core "$core" 18100
servers go "$go" 18110

cat >"$tmp/policy.yaml" <<'EOT'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: core, namespace: default}
spec:
  hosts: [core]
  http: [{match: [{uri: {prefix: /l7fp.Echo/}}], route: [{destination: {host: core}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: go, namespace: default}
spec:
  hosts: [go]
  http: [{match: [{uri: {prefix: /l7fp.Echo/}}], route: [{destination: {host: go}}]}]
EOT
{
	port_name=grpc service core 10.96.9.1 IPv4 127.0.0.1 18101 127.0.0.1 18102 127.0.0.1 18103
	port_name=grpc service go 10.96.9.2 IPv4 127.0.0.1 18111 127.0.0.1 18112 127.0.0.1 18113
	deny /l7fp.Echo/Secret
} >>"$tmp/policy.yaml"
check "apply to a cgroup" "$tool" apply --cgroup "$mesh" "$tmp/policy.yaml"
sed 's/^/# /' "$tmp/check.log"

# pair CLIENT SERVER ADDRESS
pair()
{
	local program=$core what="$1 client, $2 server" target=$3:80
	local denied="PERMISSION_DENIED: RBAC: access denied"

	[ "$1" = core ] || program=$go
	client() { cgroup_exec "$mesh" timeout 250 "$program" client "$target" "$1" 2>&1 | tail -n1; }

	check_equal "$what: balanced by request" "s1=10 s2=10 s3=10" "$(client balance)"
	check_equal "$what: streams" "01234 4950 00,11,22,33,44,55,66,77,88,99" "$(client streams)"
	check_equal "$what: 10 MiB there and back" True "$(client big)"
	check_equal "$what: 500 calls of 20 threads" 0 "$(client many)"
	check_equal "$what: keep-alive pings" "OK OK" "$(client idle)"
	check_equal "$what: a call is cancelled" "3 CANCELLED" "$(client cancel)"
	check "$what: the server hears of it" wait_for 20 test -s "$tmp/$2-cancelled"
	rm -f "$tmp/$2-cancelled"
	check_equal "$what: a deadline" DEADLINE_EXCEEDED "$(client deadline)"
	check_equal "$what: a method that is denied" "$denied" "$(client denied)"
	check_equal "$what: a service without a route" UNIMPLEMENTED "$(client unrouted)"
}
for client in core go; do
	pair $client core 10.96.9.1
	pair $client go 10.96.9.2
done
