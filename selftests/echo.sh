# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Backends that say what reached them, and the documents of a service, for
# test_apply.sh, test_capture.sh and test_daemon.sh. Source after lib.sh.

# echo_start ADDRESS:PORT NAME [ADDRESS:PORT NAME]...: one nginx for all.
echo_start()
{
	local last

	chmod 755 "$tmp"
	{
		cat <<EOT
worker_processes 1;
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
events { worker_connections 1024; }
http {
	access_log off;
	default_type text/plain;
	client_body_temp_path $tmp/n1;
	proxy_temp_path $tmp/n2;
	fastcgi_temp_path $tmp/n3;
	uwsgi_temp_path $tmp/n4;
	scgi_temp_path $tmp/n5;
EOT
		while [ $# -gt 1 ]; do
			echo "server { listen $1; location / { return 200 \"$2 \$request_uri \$http_host\\n\"; } }"
			shift 2
		done
		echo "}"
	} >"$tmp/nginx.conf"
	start "$tmp/nginx.log" nginx -e "$tmp/error.log" -c "$tmp/nginx.conf"
	wait_for 20 test -s "$tmp/nginx.pid"
	last=$(sed -n 's/^server { listen \([^;]*\);.*/\1/p' "$tmp/nginx.conf" | tail -n1)
	wait_port "${last##*:}"
}

# service NAME CLUSTER-IP[,IP] FAMILY ENDPOINT-ADDRESS PORT [ADDRESS PORT]...
# The port's name, which tells its protocol, is $port_name, or http.
service()
{
	local name=$1 ips=$2 family=$3 port=${port_name:-http} i=0

	shift 3
	cat <<EOT
---
apiVersion: v1
kind: Service
metadata: {name: $name, namespace: default}
spec:
  clusterIP: ${ips%%,*}
  clusterIPs: [$(echo "$ips" | sed 's/\([^,]*\)/"\1"/g')]
  selector: {app: $name}
  ports: [{name: $port, port: 80, targetPort: 8080}]
EOT
	while [ $# -gt 1 ]; do
		i=$((i + 1))
		cat <<EOT
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $name-$i, namespace: default, labels: {kubernetes.io/service-name: $name}}
addressType: $family
ports: [{name: $port, port: $2}]
endpoints: [{addresses: ["$1"]}]
EOT
		shift 2
	done
}

# deny PATH: nobody may ask any service for it.
deny()
{
	cat <<EOT
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: default}
spec:
  action: DENY
  rules: [{to: [{operation: {paths: ["$1"]}}]}]
EOT
}

# json FILE EXPRESSION: python's idea of it, with d the document.
json()
{
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$@"
}
