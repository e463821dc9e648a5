#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# Mutual TLS between workloads: pods of two nodes, each with a certificate of its own. What is on
# the wire, who may, and what becomes of those who do not speak it. pods.sh has the topology.

family=${family:-4}
. "$(dirname "$0")/lib.sh"
. "$here/pods.sh"

need curl python3 openssl nghttpd h2load
need_module
[ -x "$daemon" ] || ktap_skip_all "no $daemon: run make"
modprobe tls 2>/dev/null
[ -e /proc/net/tls_stat ] || ktap_skip_all "a kernel without kTLS"
ktap_plan 45

pods_make
pods_serve
envoy=${L7FP_ENVOY:-$(ls "${XDG_CACHE_HOME:-$HOME/.cache}"/l7fp/envoy-*/envoy 2>/dev/null | tail -1)}
mkdir "${group[a]}/proxy"
at_exit "rmdir ${group[a]}/proxy"
S5=$(url "$(service 5)") S3=$(url "$(service 3)")

# Certificates, as l7fpd --workloads looks for them.
python3 - "$here" "$tmp" <<'EOT'
import sys
sys.path.insert(0, sys.argv[1])
import pki
tmp = sys.argv[2]
ca = pki.Authority(tmp)
for namespace, account in (("default", "client"), ("default", "server"), ("other", "far")):
    ca.workload("%s/pki/%s/%s" % (tmp, namespace, account), pki.spiffe(account, namespace))
ca.workload(tmp + "/renewed", pki.spiffe("client"))
ca.workload(tmp + "/thief", pki.spiffe("far", "elsewhere"))
other = pki.Authority(tmp, "another")
other.workload(tmp + "/stranger", pki.spiffe("client"))
EOT

mesh()
{
	workload a default client one
	workload b default server one
	workload c other far two
	svc b default "$(service 2)" http 80 8080 "${ip[b]}"
	svc c other "$(service 3)" http 80 8080 "${ip[c]}"
	svc h2 other "$(service 5)" http2 81 8087 "${ip[c]}"
	svc grpc other "$(service 6)" grpc 82 8088 "${ip[c]}"
	svc mail other "$(service 4)" tcp-smtp 25 2525 "${ip[c]}"
	cat <<'EOT'
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: c, namespace: other}
spec:
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/client]}}]
    to: [{operation: {paths: ["/one*", "/l7fp.Echo/*"]}}]
  - from: [{source: {namespaces: [default]}}]
    to: [{operation: {paths: ["/both*"]}}]
  - from: [{source: {principals: [cluster.local/ns/default/sa/client]}}]
    to: [{operation: {ports: ["2525", "8443"]}}]
  - to: [{operation: {ports: ["8443"]}}]
EOT
	# What the kernel cannot match goes to a's proxy.
	cat <<EOT
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: c, namespace: other}
spec:
  hosts: [c.other.svc.cluster.local]
  http:
  - match: [{uri: {regex: "/(one|two)-[a-z]+"}, headers: {x-proxied: {exact: "yes"}}}]
    headers: {request: {set: {x-from: proxy}}}
    route: [{destination: {host: c.other.svc.cluster.local}}]
  - route: [{destination: {host: c.other.svc.cluster.local}}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: c, namespace: other}
spec:
  mtls: {mode: $1}
EOT
}

mesh STRICT >"$tmp/mesh.yaml"

# Every byte on the wire between the nodes, of both directions.
cat >"$tmp/sniff.py" <<'EOT'
import signal
import socket
import sys

s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
s.bind((sys.argv[1], 0))
out = open(sys.argv[2], "wb", buffering=0)
print("ready", flush=True)
while True:
    out.write(s.recv(65536))
EOT
start "$tmp/sniff.log" python3 -u "$tmp/sniff.py" l7fp-77-9 "$tmp/wire"
wait_for 20 grep -q ready "$tmp/sniff.log"

declare -A l7fpd on=([one]= [two]="nsenter --net=/run/netns/l7fp-$$-two")
# A node has a network namespace; that of node two is its router's.
for node in one two; do
	start "$tmp/l7fpd-$node.log" ${on[$node]} "$daemon" --workloads --node $node \
		--slowpath 127.0.0.1:15003 --exempt "${group[a]}/proxy" \
		--certificates "$tmp/pki" "$tmp/mesh.yaml"
	l7fpd[$node]=$started
done
check "l7fpd applies on node one" wait_for 60 grep -q ", 0 failed" "$tmp/l7fpd-one.log"
check "l7fpd applies on node two" wait_for 60 grep -q ", 0 failed" "$tmp/l7fpd-two.log"
ready() { [ "$(cat "$tmp"/l7fpd-*.log | grep -c 'ready for handshakes')" = "$1" ]; }
check "somebody shakes hands for each workload" wait_for 30 ready 3

C="Host: c.other"
check_equal "over mutual TLS, by the caller's principal" "c /one-marker-in-the-path x-marker" \
	"$(get a -H "$C" -H 'x-from: x-marker' "http://$S3/one-marker-in-the-path")"
check_equal "both ends counted a handshake" "1 1" \
	"$(counter a tls_handshake_done) $(counter c tls_handshake_done)"
for i in $(seq 10); do
	get a -H "$C" "http://$S3/one-$i" >/dev/null
done
check_equal "the connection is used again" "1 1" \
	"$(counter a tls_handshake_done) $(counter c tls_handshake_done)"
check_equal "what the principal may not" 403 "$(status a -H "$C" "http://$S3/x")"
check_equal "by the caller's namespace" "c /both None" "$(get b -H "$C" "http://$S3/both")"
check_equal "another principal" 403 "$(status b -H "$C" "http://$S3/one")"
check_equal "a server that speaks first" "220 c ${ip[c]}" \
	"$(raw a "$(service 4)" 25 | sed "s/${ip[a]}/${ip[c]}/")"

check_equal "connections says so" "1.3 AES-128-GCM cluster.local/ns/other/sa/far" \
	"$("$tool" connections --netns "${ns[a]}" --json | python3 -c "
import json, sys
t = [c['tls'] for c in json.load(sys.stdin) if 'tls' in c][0]
print(t['version'], t['cipher'], t['peer'])")"

# Who the client is, as its server is told.
mine='x-forwarded-client-cert: By=spiffe://mine;URI=spiffe://cluster.local/ns/default/sa/server'
told="By=spiffe://cluster.local/ns/other/sa/far;Hash=[0-9a-f]{64};Subject=\"\";URI=spiffe://cluster.local/ns/default/sa/client"
check "x-forwarded-client-cert is the certificate's, and not what the client says" grep -qxE "\\['$told'\\]" \
	<(get a -H "$C" -H "$mine" "http://$S3/one-certificate")

# HTTP/2, from application to application.
mkdir "$tmp/www"
echo marker-of-http2 >"$tmp/www/one"
cgroup_start "${group[c]}" "$tmp/nghttpd.log" ip netns exec "${ns[c]}" \
	nghttpd --no-tls -d "$tmp/www" 8087
wait_for 20 ip netns exec "${ns[c]}" sh -c 'ss -Hltn sport = :8087 | grep -q .'
check_equal "HTTP/2" "marker-of-http2 2" \
	"$(get a --http2-prior-knowledge -H "$C" -w '%{http_version}' "http://$S5:81/one" | paste -sd' ')"
check_equal "HTTP/2: what the principal may not" 403 \
	"$(status a --http2-prior-knowledge -H "$C" "http://$S5:81/x")"
check_equal "HTTP/2: many streams of one connection" 200 \
	"$(pod a h2load -n 200 -c 1 -m 20 -H ':authority: c.other' "http://$S5:81/one" 2>&1 | sed -n 's/.* \([0-9]*\) succeeded.*/\1/p')"

# gRPC, of all kinds.
peer=$here/grpc_peer.py
ask() { pod "$1" timeout $((250 * ${L7FP_TIME_SCALE:-1})) "$peer" client "$(url "$(service 6)"):82" "$2" 2>&1 |
	tail -n1; }
if /usr/bin/python3 -c 'import grpc' 2>/dev/null; then
	cgroup_start "${group[c]}" "$tmp/grpc.log" ip netns exec "${ns[c]}" \
		"$peer" server "${at[c]}:8088" c "$tmp/cancelled"
	wait_for 60 ip netns exec "${ns[c]}" sh -c 'ss -Hltn sport = :8088 | grep -q .'
	before=$(counter c tls_handshake_done)
	check_equal "gRPC: streams of either end and of both" \
		"01234 4950 00,11,22,33,44,55,66,77,88,99" "$(ask a streams)"
	check_equal "gRPC: 10 MiB there and back" True "$(ask a big)"
	check_equal "gRPC: 500 calls of 20 threads" 0 "$(ask a many)"
	check_equal "gRPC: a call is cancelled, a deadline" "3 CANCELLED DEADLINE_EXCEEDED" \
		"$(ask a cancel) $(ask a deadline)"
	check_equal "gRPC: what the principal may not" "PERMISSION_DENIED: RBAC: access denied" \
		"$(ask b denied)"
	check "gRPC: its connections have shaken hands" \
		[ "$(counter c tls_handshake_done)" -gt "$before" ]
else
	for i in streams "10 MiB" calls "a call is cancelled" denied handshakes; do
		ktap_skip "gRPC: $i" "no grpc for python3 here"
	done
fi

# By hand: what peers may bring.
tls()
{
	local from=$1

	shift
	printf 'GET /one HTTP/1.1\r\nHost: c.other\r\nConnection: close\r\n\r\n' |
		ip netns exec "${ns[a]}" timeout $((20 * ${L7FP_TIME_SCALE:-1})) openssl s_client -connect "${at[c]}:8080" \
			-ign_eof -quiet ${from:+-cert "$from/tls.crt" -key "$from/tls.key"} \
			"$@" 2>/dev/null | sed -n '1s/\r//p'
}
check_equal "openssl, TLS 1.3" "HTTP/1.1 200 OK" "$(tls "$tmp/pki/default/client" -tls1_3)"
check_equal "openssl, TLS 1.2" "HTTP/1.1 200 OK" "$(tls "$tmp/pki/default/client" -tls1_2)"
for cipher in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
	tls "$tmp/pki/default/client" -tls1_3 -ciphersuites $cipher
done >"$tmp/ciphers"
for cipher in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
	tls "$tmp/pki/default/client" -tls1_2 -cipher ECDHE-ECDSA-$cipher
done >>"$tmp/ciphers"
check_equal "every cipher of both versions" 6 "$(grep -c 'HTTP/1.1 200 OK' "$tmp/ciphers")"
check_equal "another identity" "HTTP/1.1 403 Forbidden" "$(tls "$tmp/pki/default/server")"
check_equal "no certificate" " 1" "$(tls '') $(counter c tls_handshake_no_certificate)"
check_equal "an authority that nobody trusts" " 1" \
	"$(tls "$tmp/stranger") $(counter c tls_handshake_untrusted)"
check_equal "plain text where TLS is a must" "000 1" \
	"$(ip netns exec "${ns[a]}" curl -gs -m 20 -o /dev/null -w '%{http_code}' "http://${at[c]}:8080/one") $(counter c tls_handshake_plain_text)"

# The wire.
check "no marker is on the wire" sh -c "! grep -aq marker '$tmp/wire'"
check "TLS records are" grep -aqP '\x17\x03\x03' "$tmp/wire"

# PERMISSIVE takes both.
mesh PERMISSIVE >"$tmp/mesh.new"
mv "$tmp/mesh.new" "$tmp/mesh.yaml"
permissive() { "$tool" dump --netns "${ns[c]}" 2>/dev/null | grep -q permissive; }
check "PERMISSIVE is in force" wait_for 30 permissive
check_equal "PERMISSIVE: TLS" "c /one None" "$(get a -H "$C" "http://$S3/one")"
check_equal "PERMISSIVE: plain text has the identity of its address" 200 \
	"$(ip netns exec "${ns[a]}" curl -gs -m 20 -o /dev/null -w '%{http_code}' "http://${at[c]}:8080/one")"

# TLS of the application's own, on a port that nothing declares.
cgroup_start "${group[c]}" "$tmp/s_server.log" ip netns exec "${ns[c]}" \
	openssl s_server -accept "${at[c]}:8443" -www -cert "$tmp/stranger/tls.crt" \
	-key "$tmp/stranger/tls.key"
wait_for 20 ip netns exec "${ns[c]}" sh -c 'ss -Hltn sport = :8443 | grep -q .'
shakes() { echo "$(counter c tls_handshake_done) $(counter c tls_passed)"; }
before=$(shakes)
check_equal "PERMISSIVE: an application's own TLS is passed on" "200 200 ${before% *} 2" \
	"$(for who in "ip netns exec ${ns[a]}" "pod a"; do
		$who curl -gks -m 20 -o /dev/null -w '%{http_code} ' "https://${at[c]}:8443/"
	done)$(shakes)"
check "the application answers it" grep -q 'issuer=O = another' <(ip netns exec "${ns[a]}" timeout 60 \
	openssl s_client -connect "${at[c]}:8443" -alpn http/1.1 </dev/null 2>&1)
check "with Istio's protocol it is the mesh's" grep -q 'issuer=O = authority' \
	<(ip netns exec "${ns[a]}" timeout 60 openssl s_client -connect "${at[c]}:8443" \
		-alpn istio -cert "$tmp/pki/default/client/tls.crt" \
		-key "$tmp/pki/default/client/tls.key" </dev/null 2>&1)
timeouts=$(counter c tls_handshake_timeout)
start "$tmp/half.log" ip netns exec "${ns[a]}" timeout 60 python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], 8443))
s.sendall(bytes.fromhex("1603010200010001"))
s.recv(1)' "${at[c]}"
timed_out() { [ "$(counter c tls_handshake_timeout)" -gt "$timeouts" ]; }
check "half a ClientHello, then silence" wait_for 60 timed_out

# Who shakes hands dies; connections that stand go on, and another one takes its place.
kill -9 $(pgrep -P "${l7fpd[one]}")
check_equal "a connection that stands needs nobody" "c /one None" \
	"$(get a -H "$C" "http://$S3/one")"
check "another one takes its place" wait_for 30 ready 5

# The slow path: no plain text there either.
slowpath() { "$tool" slowpath --workload default/a --listen 127.0.0.1:15003 "$@" "$tmp/mesh.yaml"; }
proxied() { get a -H "$C" -H 'x-proxied: yes' "http://$S3/$1"; }
check "a proxy without a certificate refuses what needs one" grep -q \
	'VirtualService other/c.*answered with 503: .*mutual TLS' <(slowpath --mutual-tls 2>&1 >/dev/null)
check "of HAProxy it is an error" grep -q 'nothing is written: .*SPIFFE' \
	<(slowpath --mutual-tls --format haproxy 2>&1 >/dev/null)
if [ -z "$envoy" ]; then
	for i in "the proxy speaks mutual TLS" "as another path" "a new certificate" "on the wire"; do
		ktap_skip "$i" "no Envoy: run tools/envoy"
	done
	exit
fi
: >"$tmp/wire"
slowpath --certificates "$tmp/pki" -o "$tmp/proxy.json"
cgroup_start "${group[a]}/proxy" "$tmp/envoy.log" ip netns exec "${ns[a]}" \
	"$envoy" --concurrency 1 -l warning --disable-hot-restart -c "$tmp/proxy.json"
wait_for 90 ip netns exec "${ns[a]}" sh -c 'ss -Hltn sport = :15003 | grep -q .'
before=$(counter c tls_handshake_done)
check_equal "a proxy with one speaks mutual TLS, and is a to the other end" \
	"c /one-marker proxy 1" \
	"$(proxied one-marker) $(($(counter c tls_handshake_done) - before))"
check_equal "what the principal may not, by way of the proxy" 403 \
	"$(status a -H "$C" -H 'x-proxied: yes' "http://$S3/two-x")"
hash() { proxied one-certificate | grep -oE 'Hash=[0-9a-f]{64}'; }
old=$(hash)
mv "$tmp"/renewed/tls.key "$tmp"/renewed/tls.crt "$tmp/pki/default/client"
# Connections that stand keep theirs.
renewed() { ip netns exec "${ns[a]}" ss -Kt dport = :8080 >/dev/null; new=$(hash) && [ "$new" != "$old" ]; }
check "a certificate that changes is read again by the proxy" wait_for 60 renewed
check "no marker of it is on the wire" sh -c "[ -s '$tmp/wire' ] && ! grep -aq marker '$tmp/wire'"
