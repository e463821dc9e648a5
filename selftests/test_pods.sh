#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# Workloads: each policy is enforced at the end it belongs to, whoever is at the
# other one, and by who the kernel says that is.
#
#	node one                              node two
#	pod a 10.77.0.2 --+                   (a router)
#	                  +-- bridge ---------10.77.0.9  10.78.0.1 -- pod c 10.78.0.2
#	pod b 10.77.0.3 --+   10.77.0.1

. "$(dirname "$0")/lib.sh"

need curl python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 42

at_exit "'$tool' reset --all"
at_exit "ip link del l7fp-br"
ip link add l7fp-br type bridge
ip addr add 10.77.0.1/24 dev l7fp-br
ip link set l7fp-br up

declare -A ns group
for p in a b c; do
	ns[$p]=$(netns_make $p)
	group[$p]=$(cgroup_make $p)
done
router=$(netns_make two)

# link NETNS ADDRESS/BITS GATEWAY PEER-NETNS PEER-ADDRESS/BITS; no peer: the bridge.
link()
{
	local peer=l7fp-${2##*.}

	peer=${peer%/*}
	ip link add eth0 netns "$1" type veth peer name "$peer" ${4:+netns "$4"}
	ip -n "$1" addr add "$2" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "$3"
	if [ -n "$4" ]; then
		ip -n "$4" addr add "$5" dev "$peer"
		ip -n "$4" link set "$peer" up
	else
		ip link set "$peer" master l7fp-br up
	fi
}
link "${ns[a]}" 10.77.0.2/24 10.77.0.1
link "${ns[b]}" 10.77.0.3/24 10.77.0.1
link "$router" 10.77.0.9/24 10.77.0.1
link "${ns[c]}" 10.78.0.2/24 10.78.0.1 "$router" 10.78.0.1/24
ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv4.ip_forward=1
ip route add 10.78.0.0/24 via 10.77.0.9

cat >"$tmp/pod.py" <<'EOT'
"""NAME HTTP-PORT,... RAW-PORT,...: answers who it is, and what it sees."""
import http.server
import socket
import socketserver
import sys
import threading


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = "%s %s %s" % (sys.argv[1], self.path, self.headers.get("x-from"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Raw(socketserver.BaseRequestHandler):
    def handle(self):
        # The server speaks first.
        self.request.sendall(("220 %s %s\n" % (sys.argv[1], self.request.getpeername()[0])).encode())
        self.request.recv(1)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


for ports, handler in zip(sys.argv[2:], (Web, Raw)):
    for port in ports.split(","):
        threading.Thread(target=Server(("0.0.0.0", int(port)), handler).serve_forever).start()
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 53))
while True:
    data, peer = udp.recvfrom(512)
    udp.sendto(data.upper(), peer)
EOT
cat >"$tmp/raw.py" <<'EOT'
"""ADDRESS PORT: the first line that comes, and how long it took."""
import socket
import sys
import time

began = time.monotonic()
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
    line = s.recv(100).decode().strip()
except OSError as e:
    line = type(e).__name__
print(line or "closed", "late" if time.monotonic() - began > 4 else "")
EOT

pod() { local p=$1; shift; cgroup_exec "${group[$p]}" ip netns exec "${ns[$p]}" "$@"; }
get() { local p=$1; shift; pod "$p" curl -s -m 20 "$@"; }
status() { get "$@" -o /dev/null -w '%{http_code}'; }
raw() { pod "$1" python3 "$tmp/raw.py" "$2" "$3" | sed 's/ *$//'; }

for p in a b c; do
	cgroup_start "${group[$p]}" "$tmp/$p.log" ip netns exec "${ns[$p]}" \
		python3 "$tmp/pod.py" $p 8080,8086 2525,2626
done
start "$tmp/node.log" python3 "$tmp/pod.py" node 80,8090 2727
for p in a b c; do
	wait_for 30 ip netns exec "${ns[$p]}" sh -c 'ss -Hltn sport = :2626 | grep -q .'
done
wait_port 2727

workload() # NAME NAMESPACE ACCOUNT NODE ADDRESS POD
{
	cat <<EOT
---
apiVersion: l7fp.io/v1
kind: Workload
metadata: {name: $1, namespace: $2}
spec:
  serviceAccount: $3
  node: $4
  labels: {app: $1}
  addresses: [$5]
  cgroup: ${group[$1]}
  networkNamespace: ${ns[$1]}
  probePorts: [8086]
  nodeAddresses: [10.77.0.1]
EOT
}
svc() # NAME NAMESPACE CLUSTER-IP PORT-NAME PORT TARGET ADDRESS...
{
	local name=$1 namespace=$2 ip=$3 port=$4 number=$5 target=$6 a
	shift 6
	cat <<EOT
---
apiVersion: v1
kind: Service
metadata: {name: $name, namespace: $namespace}
spec: {clusterIP: "$ip", ports: [{name: $port, port: $number}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $name, namespace: $namespace, labels: {kubernetes.io/service-name: $name}}
addressType: IPv4
ports: [{name: $port, port: $target}]
endpoints:
EOT
	for a in "$@"; do
		echo "- addresses: [$a]"
	done
}
{
	workload a default client one 10.77.0.2
	workload b default server one 10.77.0.3
	workload c other far two 10.78.0.2
	svc a default 10.96.7.1 http 80 8080 10.77.0.2
	svc b default 10.96.7.2 http 80 8080 10.77.0.3
	svc c other 10.96.7.3 http 80 8080 10.78.0.2
	svc mail default 10.96.7.4 tcp-smtp 25 2525 10.77.0.3
	svc any default 10.96.7.5 any 26 2626 10.77.0.3
	svc all default None http 8080 8080 10.77.0.3 10.78.0.2
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
	"$(get a -H "$B" http://10.96.7.2/one)"
check_equal "what no rule of the destination allows" "403 RBAC: access denied" \
	"$(get a -H "$B" -w ' %{http_code}' http://10.96.7.2/other | sed 's/\(.*\) \(...\)/\2 \1/')"
# From the other node.
check_equal "by the caller's namespace" "b /far namespace-other" \
	"$(get c -H 'Host: b.default' http://10.96.7.2/far)"
check_equal "another principal" 403 "$(status c -H 'Host: b.default' http://10.96.7.2/one)"
check_equal "to the other node" "c /c None" "$(get a -H "$C" http://10.96.7.3/c)"
check_equal "the other node denies" 403 "$(status a -H "$C" http://10.96.7.3/x)"

# Who the caller is comes from the kernel.
spoofed=(-H 'x-forwarded-for: 10.77.0.2' -H 'x-envoy-external-address: 10.77.0.2'
	 -H 'x-envoy-internal: true' -H 'forwarded: for=10.77.0.2' -H 'x-real-ip: 10.77.0.2'
	 -H 'x-forwarded-client-cert: By=spiffe://b;URI=spiffe://cluster.local/ns/default/sa/client')
check_equal "spoofed headers" 403 \
	"$(status c "${spoofed[@]}" -H 'Host: b.default' http://10.96.7.2/one)"
check_equal "spoofed headers, straight to the pod" 403 \
	"$(status c "${spoofed[@]}" http://10.77.0.3:8080/one)"
check_equal "the node is nobody" 403 "$(http_status http://10.77.0.3:8080/one "${spoofed[@]}")"
check_equal "a process outside the pod's cgroup has the pod's address" 200 \
	"$(ip netns exec "${ns[a]}" curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.77.0.3:8080/one)"
check_equal "by its address alone it is captured by nobody, and judged all the same" 403 \
	"$(ip netns exec "${ns[a]}" curl -s -m 20 -o /dev/null -w '%{http_code}' http://10.77.0.3:8080/two)"

# Nothing is judged twice, or goes round.
json() { python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }
rules() { "$tool" stats --netns "${ns[$1]}" --json --all | json /dev/stdin \
	'sum(s["value"] for s in d["counters"] if s["name"] == "matched")'; }
requests() { "$tool" stats --netns "${ns[$1]}" --json --all | json /dev/stdin \
	'[s["value"] for s in d["counters"] if s["name"] == "downstream_rq_total" and s["scope"] == "global"][0]'; }
before="$(rules a) $(rules b) $(requests a) $(requests b)"
get a -H "$B" http://10.96.7.2/one >/dev/null
after="$(rules a) $(rules b) $(requests a) $(requests b)"
check_equal "one request: one rule at the destination, none at the source" "0 1 1 1" \
	"$(paste -d' ' <(echo $before | tr ' ' '\n') <(echo $after | tr ' ' '\n') | awk '{ printf "%s%s", sep, $2 - $1; sep = " " }')"
check_equal "a workload that calls itself goes through both of its ends" 403 \
	"$(status b -H "$B" http://10.96.7.2/one)"
check_equal "one without a policy, too" "a /x None" "$(get a -H 'Host: a' http://10.96.7.1/x)"
check_equal "its own loopback is its own" "b /x None" "$(get b http://127.0.0.1:8080/x)"

# Pod addresses and headless Services: the endpoint that the client chose.
check_equal "a pod's address" "b /one None" "$(get a http://10.77.0.3:8080/one)"
check_equal "a pod's address is no way around" 403 "$(status a http://10.77.0.3:8080/other)"
for i in 1 2 3; do
	echo "$(get a -H 'Host: all' http://10.77.0.3:8080/one | cut -d' ' -f1)$(get a -H 'Host: all' http://10.78.0.2:8080/c | cut -d' ' -f1)"
done >"$tmp/headless"
check_equal "headless: always the one that was asked" "bc bc bc" "$(tr '\n' ' ' <"$tmp/headless" | sed 's/ $//')"

# Bytes. Servers that speak first do not wait for the client.
check_equal "a declared port, server first; the server sees its client" "220 b 10.77.0.2" \
	"$(raw a 10.96.7.4 25)"
check_equal "a port that says nothing, server first" "220 b 10.77.0.2" "$(raw a 10.96.7.5 26)"
check_equal "likewise by the pod's address" "220 b 10.77.0.2" "$(raw a 10.77.0.3 2626)"
check_equal "not from another namespace" 1 \
	"$(raw c 10.96.7.4 25 | grep -cE '^(closed|ConnectionResetError)$')"
check_equal "not from the node" 1 \
	"$(python3 "$tmp/raw.py" 10.77.0.3 2525 | grep -cE '^(closed|ConnectionResetError)')"
check_equal "HTTP on a port of bytes has no HTTP rules" 000 "$(status c http://10.77.0.3:2525/far)"

# Probes: from the node's address, on declared ports, and from nobody else.
check_equal "a probe" "b /healthz None" "$(curl -s -m 20 http://10.77.0.3:8086/healthz)"
check_equal "no other port is a probe's" 403 "$(http_status http://10.77.0.3:8080/healthz)"
check_equal "no other client is the node" 403 "$(status c http://10.77.0.3:8086/healthz)"

# What no document names.
check_equal "ALLOW_ANY: HTTP" "node /x None" "$(get a http://10.77.0.1:8090/x)"
check_equal "ALLOW_ANY: an unknown host on a port that Services have" "node /x None" \
	"$(get a -H 'Host: nobody.example' http://10.77.0.1/x)"
check_equal "ALLOW_ANY: bytes, server first" "220 node 10.77.0.2" "$(raw a 10.77.0.1 2727)"
check_equal "UDP is left alone" HELLO "$(pod a python3 -c "
import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b'hello', ('10.77.0.3', 53))
print(s.recv(100).decode())")"
check "apply with REGISTRY_ONLY" "$tool" apply --workloads --node one \
	--outbound-traffic-policy REGISTRY_ONLY "$tmp/mesh.yaml"
check_equal "REGISTRY_ONLY: HTTP" "502 502" \
	"$(status a http://10.77.0.1:8090/x) $(status a -H 'Host: nobody.example' http://10.77.0.1/x)"
check_equal "REGISTRY_ONLY: bytes" 1 \
	"$(raw a 10.77.0.1 2727 | grep -cE '^(closed|ConnectionResetError)')"
check_equal "REGISTRY_ONLY: what is named" "b /one labels-of-a" \
	"$(get a -H "$B" http://10.96.7.2/one)"

# Without the module nobody judges: what a policy concerns is refused, the rest is not.
"$tool" reset --all
for p in a b c; do
	"$tool" reset --netns "${ns[$p]}"
done
unload() { rmmod l7fp 2>/dev/null || [ ! -d /sys/module/l7fp ]; }
check "the module goes" wait_for 20 unload
check_status "apply without the module says so" 1 "$tool" apply --workloads --node one "$tmp/mesh.yaml"
check_equal "what a policy concerns is refused, but for probes" "000 b /healthz None" \
	"$(status a http://10.77.0.3:8080/one) $(curl -s -m 20 http://10.77.0.3:8086/healthz)"
check_equal "the rest is reached" "a /x None" "$(get b http://10.77.0.2:8080/x)"
insmod "$build/l7fp.ko"
"$tool" apply --workloads --node one "$tmp/mesh.yaml" >"$tmp/log" 2>&1
check_equal "with the module it is judged again" "b /one labels-of-a 403" \
	"$(get a -H "$B" http://10.96.7.2/one) $(status a -H "$B" http://10.96.7.2/other)"
