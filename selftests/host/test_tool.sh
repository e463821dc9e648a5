#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Command lines of l7fp-tool and l7fpd: usage, limits, and what needs no kernel.

. "$(dirname "$0")/../lib.sh"

[ -x "$tool" ] && [ -x "$daemon" ] || ktap_skip_all "no $tool and $daemon: run make"
need python3
ktap_plan 40

cat >"$tmp/policy.yaml" <<EOT
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.1.0.1]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: default}
spec:
  action: DENY
  rules:
  - to: [{operation: {paths: ["/secret"]}}]
EOT
policy=$tmp/policy.yaml

for c in apply check explain dump status stats events doctor drain reset; do
	check "$c --help" eval "'$tool' $c --help | grep -q '^usage: l7fp-tool $c'"
done
check "--help" eval "'$tool' --help | grep -q '^usage: l7fp-tool'"
check "l7fpd --help" eval "'$daemon' --help | grep -q '^usage: l7fpd'"
check_status "no command" 2 "$tool"

# repeat N WORD...: the words N times, as arguments of one line each.
repeat()
{
	local n=$1

	shift
	yes -- "$(printf '%q ' "$@")" | head -n "$n" | tr -d '\n'
}

many() { eval "$(printf '%q ' "$@") $rest"; }
rest=$(repeat 1024 "$policy")
check_status "1024 files are read" 1 many "$tool" apply --dry-run
rest=$(repeat 1025 "$policy")
check_status "1025 are too many" 2 many "$tool" apply --dry-run
rest=$(repeat 64 --cgroup /none)
check "64 cgroups" many "$tool" apply --dry-run "$policy"
rest=$(repeat 65 --cgroup /none)
check_status "65 are too many" 2 many "$tool" apply --dry-run "$policy"
rest=$(repeat 256 "$policy")
check_status "256 paths of l7fpd: it goes on to the module" 1 many "$daemon"
rest=$(repeat 257 "$policy")
check_status "257 are too many" 2 many "$daemon"
check_status "standard input cannot be watched" 2 "$daemon" -

rest=$(repeat 127 --header 'a: b')
check "127 headers" many "$tool" explain --host web "$policy"
rest=$(repeat 128 --header 'a: b')
check_status "128 and Host are too many" 2 many "$tool" explain --host web "$policy"
check_status "a header without a colon" 2 "$tool" explain --host web --header x "$policy"
check_status "a header with a line break" 2 "$tool" explain --host web --header $'x: a\r\nb: c' "$policy"
check_status "a path with a blank" 2 "$tool" explain --host web --path '/a b' "$policy"
check_status "no host" 2 "$tool" explain "$policy"
check_status "no such address" 2 "$tool" explain --host web --destination web:80 "$policy"
check_status "port 0" 2 "$tool" apply --dry-run --port 0 "$policy"
check_status "port 65536" 2 "$tool" apply --dry-run --port 65536 "$policy"
check_status "a deadline that is none" 2 "$tool" drain --deadline soon
check_status "a negative deadline" 2 "$tool" drain --deadline -1s
check_status "a deadline of a day: it goes on to the module" 1 "$tool" drain --deadline 24h
check_status "more than a day" 2 "$tool" drain --deadline 86400001ms
check_status "drain of all and of one" 2 "$tool" drain --all --netns x
check_status "drain takes no file" 2 "$tool" drain "$policy"
check "port 65535" "$tool" apply --dry-run --port 65535 "$policy"

"$tool" explain --host web --path /a/../secret "$policy" >"$tmp/explain"
line=$(grep -n 'operation' "$policy" | cut -d: -f1)
check_equal "a denied request is explained by file and line" 1 \
	"$(grep -c "^authorization  $policy:$line: AuthorizationPolicy default/deny" "$tmp/explain")"
check "and by what is answered" grep -q '^result  *403 RBAC' "$tmp/explain"
"$tool" explain --json --host web --path /x "$policy" >"$tmp/explain.json"
check_equal "as JSON" forward \
	"$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["outcomes"][0]["verdict"])' "$tmp/explain.json")"
"$tool" doctor --json >"$tmp/doctor"
check "doctor --json" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["missing"] == sum(f["level"] == "missing" for f in d["findings"])
assert all(f["mend"] for f in d["findings"] if f["level"] == "missing")' "$tmp/doctor"
