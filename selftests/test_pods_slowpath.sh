#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# The slow path of workloads: a proxy in a pod's network namespace, for what the pod asks and for
# what arrives there. pods.sh has the topology.

family=4
. "$(dirname "$0")/lib.sh"
. "$here/pods.sh"

need curl python3 haproxy
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 21

pods_make
pods_serve
envoy=${L7FP_ENVOY:-$(ls "${XDG_CACHE_HOME:-$HOME/.cache}"/l7fp/envoy-*/envoy 2>/dev/null | tail -1)}

{
	workload a default client one
	workload b default server one
	workload c other far two
	svc b default 10.96.7.2 http 80 8080 10.77.0.3
	svc re default 10.96.7.6 http 80 8080 10.77.0.3
	cat <<'EOT'
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: re, namespace: default}
spec:
  hosts: [re.default.svc.cluster.local]
  http:
  - match: [{uri: {exact: /plain}}]
    route: [{destination: {host: re.default.svc.cluster.local}}]
  - match: [{uri: {regex: "/(one|two|far)/[0-9]+"}, sourceLabels: {app: a}}]
    headers: {request: {set: {x-from: proxy-of-a}}}
    route: [{destination: {host: re.default.svc.cluster.local}}]
  - match: [{uri: {regex: "/(one|two|far)/[0-9]+"}}]
    headers: {request: {set: {x-from: proxy}}}
    route: [{destination: {host: re.default.svc.cluster.local}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: b, namespace: default}
spec:
  selector: {matchLabels: {app: b}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/client]}}]
    to: [{operation: {paths: ["/one*", "/plain", "/remote*"]}}]
  - from: [{source: {namespaces: [other]}}]
    to: [{operation: {paths: ["/far*"]}}]
EOT
} >"$tmp/mesh.yaml"
cat >"$tmp/remote.yaml" <<'EOT'
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: remote, namespace: default}
spec:
  selector: {matchLabels: {app: b}}
  action: DENY
  rules:
  - from: [{source: {remoteIpBlocks: [192.0.2.0/24], namespaces: ["def*"]}}]
    to: [{operation: {paths: ["/remote*"]}}]
EOT

# Inside what is captured, so that only the exemption keeps a proxy from meeting itself.
for p in a b; do
	mkdir "${group[$p]}/proxy"
	at_exit "rmdir ${group[$p]}/proxy"
done
apply() { "$tool" apply --workloads --slowpath 127.0.0.1:15003 --exempt "${group[a]}/proxy" \
	--exempt "${group[b]}/proxy" "$@"; }
# proxy FORMAT POD FILE...: with the configuration of the pod, listening.
proxy()
{
	local format=$1 p=$2

	shift 2
	"$tool" slowpath --format "$format" --workload "default/$p" --listen 127.0.0.1:15003 \
		--access-log "$([ "$format" = envoy ] && echo "$tmp/$p.access" || echo stdout)" \
		-o "$tmp/$p.json" "$@" || return
	if [ "$format" = envoy ]; then
		cgroup_start "${group[$p]}/proxy" "$tmp/$p.envoy" ip netns exec "${ns[$p]}" \
			"$envoy" --concurrency 1 -l warning --disable-hot-restart \
			--file-flush-interval-msec 100 -c "$tmp/$p.json"
	else
		cgroup_start "${group[$p]}/proxy" "$tmp/$p.access" ip netns exec "${ns[$p]}" \
			haproxy -db -f "$tmp/$p.json"
	fi
	wait_for 90 ip netns exec "${ns[$p]}" sh -c 'ss -Hltn sport = :15003 | grep -q .'
}
lines() { grep -c "$1" "$tmp/$2.access"; }
written() { counter "$1" slow_path_rq_total; }
R='Host: re' B='Host: b'

check "apply" apply "$tmp/mesh.yaml"
check_equal "no proxy listens" "503 SPF" \
	"$(get a -H "$R" -o /dev/null -w '%{http_code} %header{x-l7fp-reason}' http://10.96.7.6/one/1)"
check "a proxy in pod a" proxy haproxy a "$tmp/mesh.yaml"
a=$started
check "one in pod b" proxy haproxy b "$tmp/mesh.yaml"
before=$(written a)
check_equal "what a asks: routed by the proxy, allowed at b" "b /one/1 proxy-of-a" \
	"$(get a -H "$R" http://10.96.7.6/one/1)"
check_equal "routed by the proxy, denied at b" 403 "$(status a -H "$R" http://10.96.7.6/two/2)"
check_equal "decided by the kernel" "b /plain None" "$(get a -H "$R" http://10.96.7.6/plain)"
check_equal "the proxy is not asked about other hosts" 403 "$(status a -H "$B" http://10.96.7.2/two/3)"
for i in $(seq 10); do
	get a -H "$R" http://10.96.7.6/one/10 http://10.96.7.6/one/11 http://10.96.7.6/one/12 >/dev/null
done
wait_for 10 eval '[ "$(lines "GET /" a)" -ge 32 ]'
check_equal "counted, and in the access log, to the request" "32 32 0" \
	"$(($(written a) - before)) $(lines 'l7fp 10\.77\.0\.2:[0-9]* 10\.96\.7\.6:80 GET /\(one\|two\)/' a) $(lines plain a)"
check_equal "no slow path where it arrives" 0 "$(written b)"
# b's proxy is exempt at b, so that it is b's proxy that judges what b asks of itself.
check_equal "a workload that calls itself over its proxy is judged" 403 \
	"$(status b -H "$R" http://10.96.7.6/one/4)"
check_equal "it was asked" 1 "$(written b)"
check_equal "who has no proxy" "503 SPF" \
	"$(get c -H 'Host: re.default' -o /dev/null -w '%{http_code} %header{x-l7fp-reason}' http://10.96.7.6/far/5)"
check_equal "pods' processes that are not exempt are judged" 403 \
	"$(ip netns exec "${ns[b]}" curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.77.0.3:8080/one)"
check_equal "exempt processes of another network namespace, too" 403 \
	"$(cgroup_exec "${group[b]}/proxy" ip netns exec "${ns[c]}" curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.77.0.3:8080/one)"

# Another policy: the old configuration takes nothing.
check "apply a rule that only Envoy can follow" apply "$tmp/mesh.yaml" "$tmp/remote.yaml"
check_equal "HAProxy cannot, and says which rule" 1 \
	"$("$tool" slowpath -F haproxy -w default/b "$tmp/mesh.yaml" "$tmp/remote.yaml" 2>&1 >/dev/null | grep -c "remote.yaml:8:.*AuthorizationPolicy default/remote rules\[0\]")"
check_equal "a proxy with an old configuration" "503 SPF" \
	"$(ip netns exec "${ns[a]}" curl -s -m 20 -o /dev/null -w '%{http_code} %header{x-l7fp-reason}' http://10.77.0.3:8080/remote)"
stop "$a"
stop "$started"

if [ -z "$envoy" ]; then
	for i in "inbound" "inbound: counted" "inbound: denied before"; do
		ktap_skip "$i" "no Envoy: run tools/envoy"
	done
	exit
fi
proxy envoy b "$tmp/mesh.yaml" "$tmp/remote.yaml" || sed 's/^/# /' "$tmp/b.envoy"
before=$(written b)
: >"$tmp/b.access"
check_equal "inbound: allowed, denied by X-Forwarded-For" "b /remote None 403" \
	"$(get a http://10.77.0.3:8080/remote) $(status a -H 'X-Forwarded-For: 192.0.2.1' -H "$B" http://10.96.7.2/remote)"
check_equal "inbound: denied by the kernel" "403 200" \
	"$(status c http://10.77.0.3:8080/remote) $(status a http://10.77.0.3:8080/one)"
# Envoy logs the client that X-Forwarded-For names.
wait_for 10 eval '[ "$(lines "/remote" b)" -ge 2 ]'
check_equal "inbound: counted, and in the access log, to the request" "2 2" \
	"$(($(written b) - before)) $(lines ' \(10\.77\.0\.2:[0-9]*\|192\.0\.2\.1:0\) 10\.77\.0\.3:8080 "GET /remote ' b)"
