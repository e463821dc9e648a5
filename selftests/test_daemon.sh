#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# l7fpd: what its files say is in force, a broken file changes nothing, and its
# death is not noticed.

. "$(dirname "$0")/lib.sh"
. "$here/echo.sh"

need nginx curl python3
need_module
[ -x "$tool" ] && [ -x "$daemon" ] || ktap_skip_all "no $tool and $daemon: run make"
ktap_plan 24

web=10.96.4.1
cgroup=$(cgroup_make mesh)
at_exit "'$tool' reset --all"
echo_start 127.0.0.1:18081 one 127.0.0.1:18082 two
mkdir "$tmp/config"
{ service web $web IPv4 127.0.0.1 18081; } >"$tmp/config/services.yaml"
deny '/secret*' >"$tmp/config/deny.yaml"

get() { cgroup_exec "$cgroup" curl -s -m 20 -H 'Host: web' "http://$web$1"; }
code() { cgroup_exec "$cgroup" curl -s -m 20 -o /dev/null -w '%{http_code}' -H 'Host: web' "http://$web$1"; }
is() { [ "$(get "$1")" = "$2" ]; }
code_is() { [ "$(code "$1")" = "$2" ]; }
generation() { "$tool" status --json 2>/dev/null | json /dev/stdin 'd["generation"]'; }
metric() { curl -s -m 20 http://127.0.0.1:19150/metrics | awk -v m="$1" '$1 == m { print $2 }'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
l7fpd() { start "$1" "$daemon" --config "$tmp/config" --cgroup "$cgroup" --stats-listen 127.0.0.1:19150; }

check_status "no file is a usage error" 2 "$daemon"
l7fpd "$tmp/daemon.log"
pid=$started
check "in force" wait_for 30 is / "one / web"
check_equal "denied" 403 "$(code /secret)"
check_equal "status says that it runs" True \
	"$("$tool" status --json | json /dev/stdin 'd["daemon"]')"
check "a second one is refused" eval \
	"! '$daemon' --config '$tmp/config' 2>'$tmp/second' && grep -q 'another one runs' '$tmp/second'"

# Changes.
first=$(generation)
deny '/other*' >"$tmp/config/deny.yaml"
check "a file that is written" wait_for 30 code_is /other 403
check_equal "the old rule is gone" 200 "$(code /secret)"
second=$(generation)
check "it is another generation" [ "$second" -gt "$first" ]
deny '/third*' >"$tmp/deny.new"
mv "$tmp/deny.new" "$tmp/config/deny.yaml"
check "a file that is replaced" wait_for 30 code_is /third 403
service web $web IPv4 127.0.0.1 18082 >"$tmp/config/services.yaml"
check "an endpoint that changes" wait_for 30 is / "two / web"

# Another address for the endpoint is another captured address, and so another program: an
# endpoint that is no longer ready is not.
service web $web IPv4 127.0.0.1 18082 127.0.0.1 18081 >"$tmp/config/services.yaml"
check "two endpoints" wait_for 30 is / "one / web"
fourth=$(generation)
applied=$(metric l7fpd_applied_total)
sed -i '$s/\(addresses: \[[^]]*\]\)/\1, conditions: {ready: false}/' "$tmp/config/services.yaml"
check "an endpoint that is not ready" wait_for 30 metric_is l7fpd_applied_total \
	$((applied + 1))
check_equal "is left without a new generation" "$fourth two / web two / web" \
	"$(generation) $(get /) $(get /)"

# Errors.
failed=$(metric l7fpd_failed_total)
echo 'kind: VirtualService: broken' >"$tmp/config/deny.yaml"
check "a broken file is reported" wait_for 30 metric_is l7fpd_failed_total $((failed + 1))
check_equal "and what was in force stays" "0 403" "$(metric l7fpd_config_ok) $(code /third)"
check "the log names the file" grep -q 'config/deny.yaml:1' "$tmp/daemon.log"
deny '/third*' >"$tmp/config/deny.yaml"
check "until it is mended" wait_for 30 metric_is l7fpd_config_ok 1

# Metrics.
check_equal "an unknown path" 404 "$(http_status http://127.0.0.1:19150/)"
check "over the Unix socket" eval \
	"curl -s -m 20 --unix-socket /run/l7fp/*.sock http://l7fpd/metrics | grep -q '^l7fp_downstream_rq_total [1-9]'"

# Death. A client asks all the time.
(
	while :; do
		[ -e "$tmp/stop" ] && break
		get / >>"$tmp/answers"
	done
) &
client=$!
_pids+=("$client")
before=$(generation)
kill -KILL $pid
wait_pid_gone $pid
sleep 1
check_equal "killed, and traffic goes on" "403 $before" "$(code /third) $(generation)"
l7fpd "$tmp/daemon2.log"
pid=$started
check "a new one takes over" wait_for 30 metric_is l7fpd_config_ok 1
touch "$tmp/stop"
wait "$client"
check_equal "no request failed" "" "$(grep -vx 'two / web' "$tmp/answers" | head -n3)"
check "there were some" [ "$(wc -l <"$tmp/answers")" -gt 3 ]
stop $pid
check_equal "ended, and everything stays in force" "403 two / web" "$(code /third) $(get /)"
