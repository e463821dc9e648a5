#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# l7fp-tool: policies come into force as a whole or not at all, what they
# replace goes, and what the tool says of a request is what happens.

. "$(dirname "$0")/lib.sh"
. "$here/echo.sh"

need nginx curl python3 setpriv
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 37

web=10.96.2.1
ask() { curl -s -m 20 "$@"; }

at_exit "'$tool' reset --all"
echo_start 127.0.0.1:18081 one 127.0.0.1:18082 two

{
	service web $web IPv4 127.0.0.1 18081
	cat <<EOT
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http:
  - match: [{uri: {prefix: /old/}}]
    rewrite: {uri: /new/}
    route: [{destination: {host: web}}]
  - match: [{headers: {x-moved: {exact: "yes"}}}]
    redirect: {uri: /there, redirectCode: 302}
  - match: [{uri: {exact: /direct}}]
    directResponse: {status: 418, body: {string: short}}
  - route: [{destination: {host: web}}]
EOT
	deny '/secret*'
} >"$tmp/one.yaml"

# Nothing is in force yet.
check_status "status without a policy" 1 "$tool" status
check_status "no file is a usage error" 2 "$tool" apply
check_status "an unknown command is a usage error" 2 "$tool" aply
check_status "an unknown option is a usage error" 2 "$tool" status --frobnicate
check "dry run" "$tool" apply --dry-run "$tmp/one.yaml"
"$tool" dump --json >"$tmp/dump" 2>&1
check_equal "dry run changes nothing" "0 0 0" \
	"$(json "$tmp/dump" 'len(d["listeners"]), len(d["clusters"]), len(d["generations"])' | tr -d '(),')"
check_status "without CAP_NET_ADMIN nothing is told" 1 \
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$tool" status
cp "$tmp/check.log" "$tmp/log"
check "the message says what to do" grep -q 'run as root' "$tmp/log"

# In force.
"$tool" apply --json "$tmp/one.yaml" >"$tmp/apply" 2>"$tmp/apply.err"
check_equal "apply" 0 $?
sed 's/^/# /' "$tmp/apply.err"
check_equal "the summary is JSON" "True 1" \
	"$(json "$tmp/apply" 'd["generation"] > 0, d["authorization_rules"]' | tr -d '(),')"
check_equal "forwarded" "one /x web" "$(ask -H 'Host: web' http://$web/x)"
check_equal "rewritten" "one /new/x?q=/old/ web" \
	"$(ask -H 'Host: web' "http://$web/old/x?q=/old/")"
check_equal "denied" "403 RBAC: access denied" \
	"$(ask -w ' %{http_code}' -H 'Host: web' http://$web/secret/x | sed 's/\(.*\) \(...\)$/\2 \1/')"
check_equal "redirected" 302 "$(http_status http://$web/ -H 'Host: web' -H 'x-moved: yes')"
check_equal "answered directly" 418 "$(http_status http://$web/direct -H 'Host: web')"
check "status" "$tool" status

# What is said is what happens, and asking counts nothing.
"$tool" stats --json >"$tmp/before"
explain() { "$tool" explain --kernel --host web "$@" "$tmp/one.yaml"; }
check "explain: forwarded" explain --path /x
check "explain: rewritten" explain --path '/old/x?q=1'
check "explain: denied" explain --path /%73ecret
check_equal "explain names file and line of the rule" 1 \
	"$(grep -c "^authorization .*one.yaml:$(grep -n 'operation:' "$tmp/one.yaml" | cut -d: -f1):" "$tmp/check.log")"
check "explain: redirected" explain --header 'X-Moved: yes' --json
check_equal "explain --json" "redirect True" \
	"$(json "$tmp/check.log" '"redirect" if d["outcomes"][0]["status"] == 302 else 0, d["agree"]' | tr -d "(),'")"
"$tool" stats --json >"$tmp/after"
check "explain counts nothing" cmp "$tmp/before" "$tmp/after"
sed 's#/secret\*#/x*#' "$tmp/one.yaml" >"$tmp/other.yaml"
check_status "explain --kernel tells when other files are in force" 1 \
	"$tool" explain --kernel --host web --path /x "$tmp/other.yaml"

# What fails changes nothing.
# Open connections come and go.
state() { "$tool" dump --json | json /dev/stdin '[d[k] for k in ("listeners", "generations", "captured", "cgroup_ids")] + [{k: v for k, v in c.items() if k != "endpoints"} for c in d["clusters"]] + [(e["address"], e["weight"], e["healthy"]) for c in d["clusters"] for e in c["endpoints"]]'; }
state >"$tmp/before"
sed 's/uri: {prefix/uri: {prefixx/' "$tmp/one.yaml" >"$tmp/bad.yaml"
check_status "a file with an error is refused" 1 "$tool" apply "$tmp/bad.yaml"
{ cat "$tmp/one.yaml"; service more 10.96.2.2 IPv4 127.0.0.1 18082; } >"$tmp/more.yaml"
sed -i 's/18081/18083/' "$tmp/more.yaml"
check_status "a cgroup that is not there is refused" 1 \
	"$tool" apply --cgroup /sys/fs/cgroup/none "$tmp/more.yaml"
state >"$tmp/after"
check "both were taken back" cmp "$tmp/before" "$tmp/after"

# The next policy: what it does not name goes.
{
	service more 10.96.2.2 IPv4 127.0.0.1 18082
	service gone 10.96.2.3 IPv4 127.0.0.1 18083
	deny '/x'
} >"$tmp/two.yaml"
check "another policy" "$tool" apply "$tmp/two.yaml"
check_equal "another policy in force" "403 two /y more" \
	"$(http_status http://10.96.2.2/x -H 'Host: more') $(ask -H 'Host: more' http://10.96.2.2/y)"
"$tool" dump --json >"$tmp/dump"
check_equal "what only the old one used is gone" "0 1" \
	"$(json "$tmp/dump" 'sum("web" in c["name"] for c in d["clusters"]), len(d["generations"])' | tr -d '(),')"

# Events: nobody listens where the endpoint should be.
start "$tmp/events" "$tool" events
lost()
{
	ask -o "$tmp/body" -H 'Host: gone' http://10.96.2.3/
	grep -q '"event":"connection-lost","reason":"UF"' "$tmp/events"
}
check "events" wait_for 30 lost
stop "$started"
check_equal "an event is JSON" 10.96.2.3:80 "$(head -n1 "$tmp/events" | json /dev/stdin 'd["original"]')"

# Another network namespace has its own.
ns=$(netns_make other)
sed 's/nginx.pid/nginx2.pid/' "$tmp/nginx.conf" >"$tmp/nginx2.conf"
start "$tmp/nginx2.log" ip netns exec "$ns" nginx -e "$tmp/error2.log" -c "$tmp/nginx2.conf"
check "apply in a network namespace" "$tool" apply --netns "$ns" "$tmp/one.yaml"
wait_for 20 test -s "$tmp/nginx2.pid"
check_equal "each has its own policy" "403 one /x web 403" \
	"$(ip netns exec "$ns" curl -s -m 20 -o /dev/null -w '%{http_code}' -H 'Host: web' http://$web/secret) $(ip netns exec "$ns" curl -s -m 20 -H 'Host: web' http://$web/x) $(http_status http://10.96.2.2/x -H 'Host: more')"
check "reset of one" "$tool" reset --netns "$ns"

# Prometheus' format: name, labels, number.
"$tool" stats --prometheus >"$tmp/metrics"
check_equal "stats --prometheus" 0 \
	"$(grep -cvE '^(# TYPE [a-zA-Z_][a-zA-Z0-9_]* counter|[a-zA-Z_][a-zA-Z0-9_]*(\{[a-z_]+="([^"\\]|\\.)*",id="[0-9]+"\})? [0-9]+)$' "$tmp/metrics")"

"$tool" reset
"$tool" dump --json >"$tmp/dump"
check_equal "reset leaves nothing" "0 0 0 0 0" \
	"$(json "$tmp/dump" 'len(d["listeners"]), len(d["clusters"]), len(d["generations"]), len(d["captured"]), len(d["cgroup_ids"])' | tr -d '(),')"
