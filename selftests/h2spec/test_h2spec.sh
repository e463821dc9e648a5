#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 3000
#
# h2spec, strict: each of its cases against a captured port of HTTP/2 whose server is
# nghttpd.
#
# One is judged elsewhere: what is no preface is a request of HTTP/1.1 where both are taken,
# and its answer, before the connection ends, is none that h2spec's reader of frames knows.
# RFC 9113 3.4 asks for the end, and lets GOAWAY be left out. That case runs against a
# listener that takes HTTP/2 alone.
preface="http2/3.5 Sends invalid connection preface"

. "$(dirname "$0")/../lib.sh"
. "$here/echo.sh"

need nghttpd python3
h2spec=$("$here/../tools/h2spec") || ktap_skip_all "no h2spec: see above"
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
address=10.96.8.1
mkdir "$tmp/served"
head -c 20000 /dev/zero | tr '\0' x >"$tmp/served/index.html"
start "$tmp/nghttpd.log" nghttpd --no-tls -a 127.0.0.1 -d "$tmp/served" 18085
wait_port 18085

{
	port_name=http2 service spec $address IPv4 127.0.0.1 18085
	deny /secret
} >"$tmp/policy.yaml"
"$tool" apply --cgroup "$mesh" "$tmp/policy.yaml" >"$tmp/apply.log" 2>&1 ||
	{ sed 's/^/# /' "$tmp/apply.log"; ktap_plan 1; ktap_fail "apply"; exit 1; }
cgroup_exec "$mesh" "$h2spec" -S -h $address -p 80 -o $((10 * ${L7FP_TIME_SCALE:-1})) \
	-j "$tmp/junit.xml" >"$tmp/h2spec.log" 2>&1
sed 's/^/# /' "$tmp/h2spec.log"

# junit FILE: "RESULT NAME" lines.
junit()
{
	python3 -c '
import sys
import xml.etree.ElementTree as tree
for c in tree.parse(sys.argv[1]).iter("testcase"):
    bad = c.find("failure") is not None or c.find("error") is not None
    skipped = c.find("skipped") is not None
    print("fail" if bad else "skip" if skipped else "ok", c.get("package"), c.get("classname"))
' "$1"
}

python3 -c '
import subprocess, sys
sys.path.insert(0, sys.argv[1])
import test_http2
with test_http2.Mesh():
    subprocess.run([sys.argv[2], "http2/3.5", "-S", "-p", str(test_http2.PORT), "-o", "20",
                    "-j", sys.argv[3]])
' "$here" "$h2spec" "$tmp/alone.xml" >"$tmp/alone.log" 2>&1
sed 's/^/# /' "$tmp/alone.log"
cases=$(junit "$tmp/junit.xml" | grep -vF "$preface"
	junit "$tmp/alone.xml" | grep -F "$preface") ||
	{ ktap_plan 1; ktap_fail "h2spec did not end"; exit 1; }
ktap_plan $(($(echo "$cases" | wc -l) + 2))
while read -r result name; do
	case $result in
	ok) ktap_ok "$name" ;;
	skip) ktap_skip "$name" ;;
	*) ktap_fail "$name" ;;
	esac
done <<<"$cases"

# A run against something else, or of some cases, would not do.
check "all of strict: 146" test "$(echo "$cases" | wc -l)" -eq 146
"$tool" stats --json >"$tmp/stats.json"
check "they came by the module" test "$(python3 -c '
import json, sys
print(sum(c["value"] for c in json.load(open(sys.argv[1]))["counters"]
          if c["name"] == "downstream_cx_http2_total"))' "$tmp/stats.json")" -ge 100
