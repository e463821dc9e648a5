# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Services whose ports are opaque, and the endpoints behind them. Source after
# ../lib.sh.

# opaque_service NAME CLUSTER-IP ADDRESS FIRST-PORT COUNT: documents on stdout.
opaque_service()
{
	local i name=$1 ip=$2 address=$3 first=$4 count=$5 family=IPv4

	case $address in
	*:*) family=IPv6 ;;
	esac
	echo "---"
	echo "apiVersion: v1"
	echo "kind: Service"
	echo "metadata: {name: $name, namespace: default}"
	echo "spec:"
	echo "  clusterIP: \"$ip\""
	echo "  clusterIPs: [\"$ip\"]"
	echo "  selector: {app: $name}"
	echo "  ports:"
	for ((i = 0; i < count; i++)); do
		echo "  - {name: tcp-$i, port: $((first + i)), targetPort: $((first + i))}"
	done
	echo "---"
	echo "apiVersion: discovery.k8s.io/v1"
	echo "kind: EndpointSlice"
	echo "metadata: {name: $name-1, namespace: default," \
	     "labels: {kubernetes.io/service-name: $name}}"
	echo "addressType: $family"
	echo "ports:"
	for ((i = 0; i < count; i++)); do
		echo "- {name: tcp-$i, port: $((first + i))}"
	done
	echo "endpoints: [{addresses: [\"$address\"]}]"
}

# counter NAME: of the whole network namespace.
counter()
{
	"$tool" stats --json | python3 -c 'import json, sys
print(sum(c["value"] for c in json.load(sys.stdin)["counters"]
          if c["scope"] == "global" and c["name"] == sys.argv[1]))' "$1"
}
