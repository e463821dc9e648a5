#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# Workloads: each policy is enforced at the end it belongs to, whoever is at the
# other one, and by who the kernel says that is. pods.sh has the topology.

family=${family:-4}
. "$(dirname "$0")/lib.sh"
. "$here/pods.sh"

need curl python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 43

pods_make
pods_serve
S1=$(url "$(service 1)") S2=$(url "$(service 2)") S3=$(url "$(service 3)")

{
	workload a default client one
	workload b default server one
	workload c other far two
	svc a default "$(service 1)" http 80 8080 "${ip[a]}"
	svc b default "$(service 2)" http 80 8080 "${ip[b]}"
	svc c other "$(service 3)" http 80 8080 "${ip[c]}"
	svc mail default "$(service 4)" tcp-smtp 25 2525 "${ip[b]}"
	svc any default "$(service 5)" any 26 2626 "${ip[b]}"
	svc all default None http 8080 8080 "${ip[b]}" "${ip[c]}"
	cat <<'EOT'
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: b, namespace: default}
spec:
  selector: {matchLabels: {app: b}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/client]}}]
    to: [{operation: {paths: ["/one*"], ports: ["8080"]}}]
  - from: [{source: {namespaces: [other]}}]
    to: [{operation: {paths: ["/far*"]}}]
  - from: [{source: {serviceAccounts: [client, server]}}]
    to: [{operation: {ports: ["2525", "2626"]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: c, namespace: other}
spec:
  rules:
  - to: [{operation: {paths: ["/c*"]}}]
    when: [{key: source.namespace, values: [default]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, namespace: default}
spec:
  hosts: [b.default.svc.cluster.local]
  http:
  - match: [{sourceLabels: {app: a}, uri: {prefix: /one}}]
    headers: {request: {set: {x-from: labels-of-a}}}
    route: [{destination: {host: b.default.svc.cluster.local}}]
  - match: [{sourceNamespace: other}]
    headers: {request: {set: {x-from: namespace-other}}}
    route: [{destination: {host: b.default.svc.cluster.local}}]
  - route: [{destination: {host: b.default.svc.cluster.local}}]
EOT
} >"$tmp/mesh.yaml"

check "apply for node one" "$tool" apply --workloads --node one "$tmp/mesh.yaml"
sed 's/^/# /' "$tmp/check.log"
check "apply for node two" "$tool" apply --workloads --node two "$tmp/mesh.yaml"

B='Host: b' C='Host: c.other'
# Both ends on one node: source first, then destination.
check_equal "routed by the caller's labels, allowed by its principal" "b /one labels-of-a" \
	"$(get a -H "$B" "http://$S2/one")"
check_equal "what no rule of the destination allows" "403 RBAC: access denied" \
	"$(get a -H "$B" -w ' %{http_code}' "http://$S2/other" | sed 's/\(.*\) \(...\)/\2 \1/')"
# From the other node.
check_equal "by the caller's namespace" "b /far namespace-other" \
	"$(get c -H 'Host: b.default' "http://$S2/far")"
check_equal "another principal" 403 "$(status c -H 'Host: b.default' "http://$S2/one")"
check_equal "to the other node" "c /c None" "$(get a -H "$C" "http://$S3/c")"
check_equal "the other node denies" 403 "$(status a -H "$C" "http://$S3/x")"

# Who the caller is comes from the kernel.
spoofed=(-H "x-forwarded-for: ${ip[a]}" -H "x-envoy-external-address: ${ip[a]}"
	 -H 'x-envoy-internal: true' -H "forwarded: for=${ip[a]}" -H "x-real-ip: ${ip[a]}"
	 -H 'x-forwarded-client-cert: By=spiffe://b;URI=spiffe://cluster.local/ns/default/sa/client')
check_equal "spoofed headers" 403 \
	"$(status c "${spoofed[@]}" -H 'Host: b.default' "http://$S2/one")"
check_equal "spoofed headers, straight to the pod" 403 \
	"$(status c "${spoofed[@]}" "http://${at[b]}:8080/one")"
check_equal "the node is nobody" 403 "$(http_status "http://${at[b]}:8080/one" "${spoofed[@]}")"
check_equal "a process outside the pod's cgroup has the pod's address" 200 \
	"$(ip netns exec "${ns[a]}" curl -gs -m 20 -o /dev/null -w '%{http_code}' "http://${at[b]}:8080/one")"
check_equal "by its address alone it is captured by nobody, and judged all the same" 403 \
	"$(ip netns exec "${ns[a]}" curl -gs -m 20 -o /dev/null -w '%{http_code}' "http://${at[b]}:8080/two")"

# Nothing is judged twice, or goes round.
json() { python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }
rules() { "$tool" stats --netns "${ns[$1]}" --json --all | json /dev/stdin \
	'sum(s["value"] for s in d["counters"] if s["name"] == "matched")'; }
requests() { "$tool" stats --netns "${ns[$1]}" --json --all | json /dev/stdin \
	'[s["value"] for s in d["counters"] if s["name"] == "downstream_rq_total" and s["scope"] == "global"][0]'; }
before="$(rules a) $(rules b) $(requests a) $(requests b)"
get a -H "$B" "http://$S2/one" >/dev/null
after="$(rules a) $(rules b) $(requests a) $(requests b)"
check_equal "one request: one rule at the destination, none at the source" "0 1 1 1" \
	"$(paste -d' ' <(echo $before | tr ' ' '\n') <(echo $after | tr ' ' '\n') | awk '{ printf "%s%s", sep, $2 - $1; sep = " " }')"
check_equal "a workload that calls itself goes through both of its ends" 403 \
	"$(status b -H "$B" "http://$S2/one")"
check_equal "one without a policy, too" "a /x None" "$(get a -H 'Host: a' "http://$S1/x")"
check_equal "its own loopback is its own" "b /x None" "$(get b http://127.0.0.1:8080/x)"

# Pod addresses and headless Services: the endpoint that the client chose.
check_equal "a pod's address" "b /one None" "$(get a "http://${at[b]}:8080/one")"
check_equal "a pod's address is no way around" 403 "$(status a "http://${at[b]}:8080/other")"
for i in 1 2 3; do
	echo "$(get a -H 'Host: all' "http://${at[b]}:8080/one" | cut -d' ' -f1)$(get a -H 'Host: all' "http://${at[c]}:8080/c" | cut -d' ' -f1)"
done >"$tmp/headless"
check_equal "headless: always the one that was asked" "bc bc bc" "$(tr '\n' ' ' <"$tmp/headless" | sed 's/ $//')"

# Bytes. Servers that speak first do not wait for the client.
check_equal "a declared port, server first; the server sees its client" "220 b ${ip[a]}" \
	"$(raw a "$(service 4)" 25)"
check_equal "a port that says nothing, server first" "220 b ${ip[a]}" "$(raw a "$(service 5)" 26)"
check_equal "likewise by the pod's address" "220 b ${ip[a]}" "$(raw a "${ip[b]}" 2626)"
check_equal "not from another namespace" 1 \
	"$(raw c "$(service 4)" 25 | grep -cE '^(closed|ConnectionResetError)$')"
check_equal "not from the node" 1 \
	"$(python3 "$tmp/raw.py" "${ip[b]}" 2525 | grep -cE '^(closed|ConnectionResetError)')"
check_equal "HTTP on a port of bytes has no HTTP rules" 000 "$(status c "http://${at[b]}:2525/far")"

# Probes: from the node's address, on declared ports, and from nobody else.
check_equal "a probe" "b /healthz None" "$(curl -gs -m 20 "http://${at[b]}:8086/healthz")"
check_equal "no other port is a probe's" 403 "$(http_status "http://${at[b]}:8080/healthz")"
check_equal "no other client is the node" 403 "$(status c "http://${at[b]}:8086/healthz")"

# What no document names.
check_equal "ALLOW_ANY: HTTP" "node /x None" "$(get a "http://${at[node]}:8090/x")"
check_equal "ALLOW_ANY: an unknown host on a port that Services have" "node /x None" \
	"$(get a -H 'Host: nobody.example' "http://${at[node]}/x")"
check_equal "ALLOW_ANY: bytes, server first" "220 node ${ip[a]}" "$(raw a "${ip[node]}" 2727)"
check_equal "UDP is left alone" HELLO "$(pod a python3 -c "
import socket
s = socket.socket(socket.AF_INET6 if ':' in '${ip[b]}' else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b'hello', ('${ip[b]}', 53))
print(s.recv(100).decode())")"
check "apply with REGISTRY_ONLY" "$tool" apply --workloads --node one \
	--outbound-traffic-policy REGISTRY_ONLY "$tmp/mesh.yaml"
check_equal "REGISTRY_ONLY: HTTP" "502 502" \
	"$(status a "http://${at[node]}:8090/x") $(status a -H 'Host: nobody.example' "http://${at[node]}/x")"
check_equal "REGISTRY_ONLY: bytes" 1 \
	"$(raw a "${ip[node]}" 2727 | grep -cE '^(closed|ConnectionResetError)')"
check_equal "REGISTRY_ONLY: what is named" "b /one labels-of-a" \
	"$(get a -H "$B" "http://$S2/one")"

# Without the module nobody judges: what a policy concerns is refused, the rest is not.
"$tool" reset --all
for p in a b c; do
	"$tool" reset --netns "${ns[$p]}"
done
unload() { rmmod l7fp 2>/dev/null || [ ! -d /sys/module/l7fp ]; }
check "the module goes" wait_for 20 unload
check_status "apply without the module says so" 1 "$tool" apply --workloads --node one "$tmp/mesh.yaml"
check_equal "what a policy concerns is refused, but for probes" "000 b /healthz None" \
	"$(status a "http://${at[b]}:8080/one") $(curl -gs -m 20 "http://${at[b]}:8086/healthz")"
check_equal "the rest is reached" "a /x None" "$(get b "http://${at[a]}:8080/x")"
insmod "$build/l7fp.ko"
"$tool" apply --workloads --node one "$tmp/mesh.yaml" >"$tmp/log" 2>&1
check_equal "with the module it is judged again" "b /one labels-of-a 403" \
	"$(get a -H "$B" "http://$S2/one") $(status a -H "$B" "http://$S2/other")"

# A destination that no node enforces is judged where it is asked, by the address that routing gives.
{
	sed "/networkNamespace: ${ns[c]}\$/d" "$tmp/mesh.yaml"
	cat <<EOT
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: address, namespace: other}
spec:
  action: DENY
  rules: [{from: [{source: {notIpBlocks: ["${ip[a]}"]}}]}]
EOT
} >"$tmp/address.yaml"
"$tool" apply --workloads --node one "$tmp/address.yaml" >"$tmp/log" 2>&1
check_equal "by the caller's address, at its own end" "c /c None 403" \
	"$(get a -H "$C" "http://$S3/c") $(status b -H "$C" "http://$S3/c")"
