#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 3400
#
# h2load with 1, 10 and 100 streams on 1 and 64 connections, to nghttpd and to Envoy as
# servers: every request is answered. Then L7FP_HTTP2_REQUESTS (default 50000) small
# streams, and nothing of them is left.

. "$(dirname "$0")/../lib.sh"
. "$here/sockets/capture.sh"
. "$here/servers/servers.sh"
# Last: servers.sh has a service of its own, for its own.
. "$here/echo.sh"

need h2load nghttpd python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
envoy=${L7FP_ENVOY:-}
[ -z "$envoy" ] || [ -x "$envoy" ] || ktap_skip_all "L7FP_ENVOY=$envoy is no program"
many=${L7FP_HTTP2_REQUESTS:-50000}
ktap_plan $((1 + 2 * 6 + 3 + usage_cases))

at_exit "'$tool' reset --all"
# Of tests before this one.
errors=$(counter http2_error)
tracing=/sys/kernel/tracing
echo 1 >$tracing/events/l7fp/l7fp_h2_error/enable
mesh=$(cgroup_make mesh)
mkdir "$tmp/served"
echo served >"$tmp/served/index.html"
start "$tmp/nghttpd.log" nghttpd --no-tls -a 127.0.0.1 -m 1000 -d "$tmp/served" 18086
wait_port 18086

# direct_response: of one size, without a server behind it.
if [ -n "$envoy" ]; then
	cat >"$tmp/envoy.yaml" <<'EOT'
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 18087}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          codec_type: HTTP2
          stat_prefix: server
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                direct_response: {status: 200, body: {inline_string: "served\n"}}
EOT
	start "$tmp/envoy.log" "$envoy" --config-path "$tmp/envoy.yaml" --concurrency 1 \
		--disable-hot-restart --log-level error
	wait_port 18087 127.0.0.1 120
fi

{
	port_name=http2 service nghttpd 10.96.8.6 IPv4 127.0.0.1 18086
	port_name=http2 service envoy 10.96.8.7 IPv4 127.0.0.1 18087
} >"$tmp/policy.yaml"
check "apply" "$tool" apply --cgroup "$mesh" "$tmp/policy.yaml" || exit 1

# load ADDRESS REQUESTS CONNECTIONS STREAMS: all of them succeed.
load()
{
	cgroup_exec "$mesh" h2load -n "$2" -c "$3" -m "$4" "http://$1/" >"$tmp/h2load" 2>&1
	cat "$tmp/h2load"
	grep -q "^requests: $2 total, $2 started, $2 done, $2 succeeded, 0 failed, 0 errored, 0 timeout" \
		"$tmp/h2load"
}

for server in "nghttpd 10.96.8.6" "envoy 10.96.8.7"; do
	read -r name ip <<<"$server"
	for connections in 1 64; do
		for streams in 1 10 100; do
			text="$name: $connections connections, $streams streams"
			if [ "$name" = envoy ] && [ -z "$envoy" ]; then
				ktap_skip "$text: L7FP_ENVOY names none"
			else
				check "$text" load $ip 1280 $connections $streams
			fi
		done
	done
done

# What is kept by design has been filled above.
wait_for 20 eval '[ "$(open_connections)" = 0 ]'
usage_note
before=$(counter downstream_rq_total)
check "$many streams" load 10.96.8.6 "$many" 8 100
check_equal "each was judged" "$many" "$(($(counter downstream_rq_total) - before))"
# What it was, if there was any.
sed -n 's/.*\(l7fp_h2_error: .*\)/\1/p' $tracing/trace | sort | uniq -c | sed 's/^/# /'
check_equal "none was a flood, nor was any connection in error" "$errors" "$(counter http2_error)"
usage_check ""
