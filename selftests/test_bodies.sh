#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
#
# Bodies of 0, 1, 16 KiB and 1 MiB, up and down, with a length and chunked:
# curl must get and send the same bytes (sha256). L7FP_BODIES=1073741824 (or
# other sizes) replaces the sizes: `make vm TIMEOUT=3000
# CMD='L7FP_BODIES=1073741824 selftests/test_bodies.sh'` is the long form with 1 GiB.

. "$(dirname "$0")/lib.sh"

need curl python3 sha256sum
# 1 MiB + 1 and 65537 end in the middle of a page and of a chunk.
sizes=${L7FP_BODIES:-0 1 16384 65537 1048576 1048577 33554432}
port=18080
py() { PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

if [ -n "${L7FP_TARGET:-}" ]; then
	target=$L7FP_TARGET
	client() { "$@"; }
else
	need_module
	[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
	target=10.96.1.1:80
	cgroup=$(cgroup_make clients)
	at_exit "'$tool' reset"
	client() { cgroup_exec "$cgroup" "$@"; }
fi

# shellcheck disable=SC2086 # a list
set -- $sizes
ktap_plan $(($# * 4 + 1))
start "$tmp/backend.log" env PYTHONDONTWRITEBYTECODE=1 python3 "$here/backend.py" $port
wait_port $port || exit 1
if [ -z "${L7FP_TARGET:-}" ]; then
	py -c 'import client, json
print(json.dumps({"apiVersion": "v1", "kind": "List", "items": client.documents()}))' >"$tmp/policies.json"
	"$tool" apply -f "$tmp/policies.json" --cgroup "$cgroup" >"$tmp/apply.log" 2>&1 || {
		sed 's/^/# /' "$tmp/apply.log"
		exit 1
	}
fi

expected()
{
	py -c 'import backend, sys; print(backend.pattern_sha256(int(sys.argv[1])))' "$1"
}

# pattern SIZE: on stdout
pattern()
{
	py -c 'import backend, sys
for piece in backend.pattern(int(sys.argv[1])):
    sys.stdout.buffer.write(piece)' "$1"
}

get()
{
	client curl -sS -m 3000 -H 'Host: web' "http://$target/bytes/$1${2:-}" | sha256sum | cut -c1-64
}

for size; do
	sum=$(expected "$size")
	check_equal "down, $size bytes, with a length" "$sum" "$(get "$size")"
	check_equal "down, $size bytes, chunked" "$sum" "$(get "$size" '?chunked')"
	pattern "$size" >"$tmp/body"
	check_equal "up, $size bytes, with a length" "$sum" \
		"$(client curl -sS -m 3000 -H 'Host: web' -H 'Expect:' -T "$tmp/body" "http://$target/sha256")"
	rm "$tmp/body"
	check_equal "up, $size bytes, chunked" "$sum" \
		"$(pattern "$size" | client curl -sS -m 3000 -H 'Host: web' -H 'Transfer-Encoding: chunked' \
			-T - "http://$target/sha256")"
done
check_equal "the backend is alive" 200 "$(client curl -s -m 30 -o "$tmp/null" -w '%{http_code}' \
	-H 'Host: web' "http://$target/bytes/1")"
