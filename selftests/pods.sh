# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Pods for the tests of workloads: network namespaces with cgroups of their own,
# on two nodes. A test sources lib.sh, then this file, with $family 4 or 6.
#
#	node one                              node two
#	pod a .2 ---+                         (a router)
#	            +-- bridge .1 -------- .9            .1 -- .2 pod c
#	pod b .3 ---+   10.77.0.0/24, fd77::/64   10.78.0.0/24, fd78::/64

declare -A ns group ip at
# shellcheck disable=SC2034 # for the tests
{
if [ "${family:-4}" = 6 ]; then
	net=fd77:: net2=fd78:: any=:: bits=128
	service() { echo "fd96::7:$1"; }
else
	net=10.77.0. net2=10.78.0. any=0.0.0.0 bits=32
	service() { echo "10.96.7.$1"; }
fi
ip=([node]=${net}1 [a]=${net}2 [b]=${net}3 [c]=${net2}2)
}

# An address as it is written in a URL or before a port.
url() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }
for p in "${!ip[@]}"; do
	at[$p]=$(url "${ip[$p]}")
done

# pods_link NETNS HOST GATEWAY-HOST NET [PEER-NETNS]: HOST of network NET; no peer: the bridge.
pods_link()
{
	local peer=l7fp-$4-$2

	ip link add eth0 netns "$1" type veth peer name "$peer" ${5:+netns "$5"}
	ip -n "$1" addr add "10.$4.0.$2/24" dev eth0
	ip -n "$1" addr add "fd$4::$2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
	if [ -n "$5" ]; then
		ip -n "$5" addr add "10.$4.0.$3/24" dev "$peer"
		ip -n "$5" addr add "fd$4::$3/64" dev "$peer" nodad
		ip -n "$5" link set "$peer" up
	else
		ip link set "$peer" master l7fp-br up
	fi
	ip -n "$1" route add default via "10.$4.0.$3"
	ip -n "$1" -6 route add default via "fd$4::$3"
}

pods_make()
{
	local p router

	at_exit "'$tool' reset --all"
	at_exit "ip link del l7fp-br"
	# An address of its own: else it is that of a pod's end, and changes when the pod goes.
	ip link add l7fp-br address 02:00:00:4d:00:01 type bridge
	ip addr add 10.77.0.1/24 dev l7fp-br
	ip addr add fd77::1/64 dev l7fp-br nodad
	ip link set l7fp-br up
	for p in a b c; do
		ns[$p]=$(netns_make $p)
		group[$p]=$(cgroup_make $p)
	done
	router=$(netns_make two)
	pods_link "${ns[a]}" 2 1 77
	pods_link "${ns[b]}" 3 1 77
	pods_link "$router" 9 1 77
	pods_link "${ns[c]}" 2 1 78 "$router"
	ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip route add 10.78.0.0/24 via 10.77.0.9
	ip -6 route add fd78::/64 via fd77::9
}

# pods_serve: each pod answers HTTP on 8080 and 8086, bytes on 2525 and 2626, UDP on 53; the node
# HTTP on 80 and 8090, bytes on 2727.
pods_serve()
{
	local p

	cat >"$tmp/pod.py" <<'EOT'
"""ADDRESS NAME HTTP-PORT,... RAW-PORT,...: answers who it is, and what it sees."""
import http.server
import socket
import socketserver
import sys
import threading

where, name = sys.argv[1:3]
FAMILY = socket.AF_INET6 if ":" in where else socket.AF_INET


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = "%s %s %s" % (name, self.path, self.headers.get("x-from"))
        if "certificate" in self.path:
            body = str(self.headers.get_all("x-forwarded-client-cert"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Raw(socketserver.BaseRequestHandler):
    def handle(self):
        # The server speaks first.
        self.request.sendall(("220 %s %s\n" % (name, self.request.getpeername()[0])).encode())
        self.request.recv(1)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    address_family = FAMILY


for ports, handler in zip(sys.argv[3:], (Web, Raw)):
    for port in ports.split(","):
        threading.Thread(target=Server((where, int(port)), handler).serve_forever).start()
udp = socket.socket(FAMILY, socket.SOCK_DGRAM)
udp.bind((where, 53))
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
	for p in a b c; do
		cgroup_start "${group[$p]}" "$tmp/$p.log" ip netns exec "${ns[$p]}" \
			python3 "$tmp/pod.py" "$any" $p 8080,8086 2525,2626
	done
	start "$tmp/node.log" python3 "$tmp/pod.py" "$any" node 80,8090 2727
	for p in a b c; do
		wait_for 30 ip netns exec "${ns[$p]}" sh -c 'ss -Hltn sport = :2626 | grep -q .'
	done
	wait_port 2727
}

pod() { local p=$1; shift; cgroup_exec "${group[$p]}" ip netns exec "${ns[$p]}" "$@"; }
get() { local p=$1; shift; pod "$p" curl -gs -m 20 "$@"; }
status() { get "$@" -o /dev/null -w '%{http_code}'; }
raw() { pod "$1" python3 "$tmp/raw.py" "$2" "$3" | sed 's/ *$//'; }

# workload NAME NAMESPACE ACCOUNT NODE: the document of a pod.
workload()
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
  addresses: ["${ip[$1]}"]
  cgroup: ${group[$1]}
  networkNamespace: ${ns[$1]}
  probePorts: [8086]
  nodeAddresses: ["${ip[node]}"]
EOT
}

# svc NAME NAMESPACE CLUSTER-IP PORT-NAME PORT TARGET ADDRESS...
svc()
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
addressType: IPv${family:-4}
ports: [{name: $port, port: $target}]
endpoints:
EOT
	for a in "$@"; do
		echo "- addresses: [\"$a\"]"
	done
}

# counter POD NAME: of all of a pod's network namespace.
counter()
{
	"$tool" stats --netns "${ns[$1]}" --json --all | python3 -c "
import json, sys
d = json.load(sys.stdin)
print([c['value'] for c in d['counters']
       if c['name'] == '$2' and c['scope'] == 'global'][0])"
}
