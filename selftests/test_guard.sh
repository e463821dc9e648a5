#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
#
# Never open: what a policy binds is refused while nothing judges it, after a drain of several
# network namespaces, without the module, and when a namespace goes under load. pods.sh has the
# topology; the node's 8090 is a workload of its own, which its callers' policies judge.

family=4
. "$(dirname "$0")/lib.sh"
. "$here/pods.sh"

need curl python3
need_module
[ -x "$tool" ] && [ -x "$daemon" ] || ktap_skip_all "no $tool or $daemon: run make"
ktap_plan 22

pods_make
pods_serve

{
	workload a default client one
	workload b default server one
	workload c other far two
	svc b default 10.96.7.2 http 80 8080 10.77.0.3
	svc node default 10.96.7.7 http 80 8090 10.77.0.1
	cat <<'EOT'
---
apiVersion: l7fp.io/v1
kind: Workload
metadata: {name: node, namespace: default}
spec: {labels: {app: node}, addresses: [10.77.0.1]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: b, namespace: default}
spec:
  selector: {matchLabels: {app: b}}
  rules: [{to: [{operation: {paths: ["/one*"], ports: ["8080"]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: node, namespace: default}
spec:
  selector: {matchLabels: {app: node}}
  rules: [{to: [{operation: {paths: ["/one*"]}}]}]
EOT
} >"$tmp/mesh.yaml"

direct=http://10.77.0.3:8080/one node=http://10.96.7.7/one
# To b as a pod, a's Service that its own policy judges, a probe, and what nothing binds.
seen() { echo "$(status a $direct) $(status c $direct) $(status a $node) $(http_status http://10.77.0.3:8086/x) $(status b http://10.77.0.2:8080/x)"; }
apply() { "$tool" apply --workloads "$tmp/mesh.yaml"; }
unload() { rmmod l7fp 2>/dev/null || [ ! -d /sys/module/l7fp ]; }
load() { insmod "$build/l7fp.ko"; }

check "apply" apply
check_equal "in force" "200 200 200 200 200" "$(seen)"
loops=()
for i in 1 2 3; do
	pod c sh -c 'while curl -s -o /dev/null -m 5 http://10.77.0.3:8080/one; do :; done' &
	loops+=($!)
done
sleep 1
check "drain of every network namespace, under load" "$tool" drain --all --deadline 20s
wait "${loops[@]}"
check_equal "drained: what is bound is refused" "000 000 000 200 200" "$(seen)"
check "the module goes" wait_for 20 unload
check_equal "unloaded: likewise" "000 000 000 200 200" "$(seen)"
check_status "the address of what is bound" 7 pod a curl -s -m 5 http://10.77.0.1:8090/one
load
check "a drain of what is drained" "$tool" drain --all --deadline 5s
check_equal "is no way to open it" "000 000 000 200 200" "$(seen)"
check "apply again" apply
check_equal "in force again" "200 200 200 200 200" "$(seen)"

# Nothing in force, no module: whoever starts first.
for p in a b c; do
	"$tool" reset --netns "${ns[$p]}"
done
check "the module goes again" wait_for 20 unload
check_equal "reset: all is open" "200 200 000 200 200" "$(seen)"
check_status "l7fpd without the module says so" 1 timeout 60 "$daemon" --workloads "$tmp/mesh.yaml"
check_equal "and what is bound is refused" "000 000 000 200 200" "$(seen)"
"$tool" reset --all
check_status "likewise without workloads" 1 timeout 60 "$daemon" --netns "${ns[a]}" --cgroup "${group[a]}" "$tmp/mesh.yaml"
check_equal "for its cgroup" "7 7 0" "$(pod a curl -s -o /dev/null -m 5 $direct; echo "$?") $(
	pod a curl -s -o /dev/null -m 5 http://10.96.7.2/one; echo "$?") $(
	pod b curl -s -o /dev/null -m 5 http://10.77.0.1:8090/x; echo "$?")"
load
check "with the module it is judged again" apply
check_equal "by the policies" "200 200 200 200 200" "$(seen)"

# A pod that goes while it is asked.
loops=()
for i in 1 2 3; do
	pod c sh -c 'for i in $(seq 15); do curl -s -o /dev/null -m 2 http://10.77.0.3:8080/one; done' &
	loops+=($!)
done
sleep 1
echo 1 >"${group[b]}/cgroup.kill"
ip netns del "${ns[b]}"
check_equal "the others go on" "200 200" "$(status c http://10.77.0.2:8080/x) $(status a $node)"
wait "${loops[@]}"
# Who waits for an answer of the pod that is gone is reset at the deadline.
check "a drain ends what is left" "$tool" drain --all --deadline 5s
"$tool" reset --all
for p in a c; do
	"$tool" reset --netns "${ns[$p]}"
done
check "and the module can go" wait_for 30 unload
load
