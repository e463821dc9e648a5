#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
#
# Capture: which connects are redirected, what the application sees of it, and
# that a captured address cannot be reached around the policy.
#
#	cgroup mesh      captured	/one, denied /secret
#	cgroup mesh/sub  captured, too
#	cgroup free      not captured

. "$(dirname "$0")/lib.sh"
. "$here/echo.sh"

need nginx curl python3
need_module
[ -x "$tool" ] || ktap_skip_all "no $tool: run make"
ktap_plan 22

at_exit "'$tool' reset --all"
mesh=$(cgroup_make mesh)
sub=$mesh/sub
mkdir "$sub"
at_exit "rmdir '$sub'"
free=$(cgroup_make free)
echo_start 127.0.0.1:18081 one '[::1]:18082' six

v4=10.96.3.1 v6=fd00:96::1
{
	service web $v4,$v6 IPv4 127.0.0.1 18081
	service six $v6 IPv6 ::1 18082
	deny '/secret*'
} >"$tmp/policy.yaml"
# One service has one family here; web keeps its IPv4 address alone.
sed -i "s/clusterIPs: \[\"$v4\",\"$v6\"\]/clusterIPs: [\"$v4\"]/" "$tmp/policy.yaml"

check "apply to a cgroup" "$tool" apply --cgroup "$mesh" "$tmp/policy.yaml"
sed 's/^/# /' "$tmp/check.log"

get() { local g=$1; shift; cgroup_exec "$g" curl -g -s -m 20 "$@"; }
check_equal "captured" "one / web" "$(get "$mesh" -H 'Host: web' http://$v4/)"
check_equal "captured below it" "one / web" "$(get "$sub" -H 'Host: web' http://$v4/)"
check_equal "not captured elsewhere" "" "$(get "$free" -H 'Host: web' -m 3 http://$v4/)"
check_equal "IPv6" "six / six" "$(get "$mesh" -H 'Host: six' "http://[$v6]/")"
check_equal "the peer is the one that was asked for" "$v4:80" \
	"$(get "$mesh" -o /dev/null -w '%{remote_ip}:%{remote_port}' -H 'Host: web' http://$v4/)"
check_equal "likewise IPv6" "$v6:80" \
	"$(get "$mesh" -o /dev/null -w '%{remote_ip}:%{remote_port}' -H 'Host: six' "http://[$v6]/")"

# An endpoint is captured under its own address, whatever name it goes by.
check_equal "an endpoint's address is not a way around" 403 \
	"$(get "$mesh" -o /dev/null -w '%{http_code}' -H 'Host: web' http://127.0.0.1:18081/secret)"
check_equal "nor is 0.0.0.0" 403 \
	"$(get "$mesh" -o /dev/null -w '%{http_code}' -H 'Host: web' http://0.0.0.0:18081/secret)"
check_equal "nor is ::" 403 \
	"$(get "$mesh" -o /dev/null -w '%{http_code}' -H 'Host: six' 'http://[::]:18082/secret')"
check_equal "the node's own processes are not in the way" "one /secret x" \
	"$(get "$free" -H 'Host: x' http://127.0.0.1:18081/secret)"

cat >"$tmp/sockets.py" <<'EOT'
import select
import socket
import sys

V4, V6 = sys.argv[2], sys.argv[3]
REQUEST = b"GET /secret HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"


def status(s):
    s.setblocking(True)
    s.settimeout(20)
    s.sendall(REQUEST)
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return data.split(b" ")[1].decode()
        data += piece


def mapped():
    s = socket.socket(socket.AF_INET6)
    s.settimeout(20)
    s.connect(("::ffff:" + V4, 80))
    print(s.getpeername()[0], s.getpeername()[1], status(s))


def nonblocking():
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((V4, 80))
    select.select([], [s], [], 20)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), status(s))


def fastopen():
    s = socket.socket()
    # A socket with a time limit does not block, and is told EINPROGRESS.
    s.sendto(REQUEST, socket.MSG_FASTOPEN, (V4, 80))
    s.settimeout(20)
    print(s.getpeername()[0], s.recv(65536).split(b" ")[1].decode())


def bound():
    s = socket.socket()
    s.settimeout(20)
    s.bind(("127.0.0.5", 0))
    s.connect((V4, 80))
    print(s.getpeername()[0], status(s))


def mptcp():
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError:
        print("403")
        return
    s.settimeout(20)
    s.connect((V4, 80))
    print(status(s))


def udp():
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", 18081))
    print(s.getpeername()[1])


def again():
    """A socket that failed once connects elsewhere: the old note must not show."""
    s = socket.socket()
    s.settimeout(20)
    s.connect((V4, 80))
    s.close()
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    s = socket.socket()
    s.settimeout(20)
    s.connect((V4, 80))
    # connect(AF_UNSPEC) dissolves the association.
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.connect(s.fileno(), b"\0" * 16, 16)
    s.connect(server.getsockname())
    print(s.getpeername() == server.getsockname())


globals()[sys.argv[1]]()
EOT
sockets() { cgroup_exec "$mesh" python3 "$tmp/sockets.py" "$1" $v4 $v6 2>&1 | tail -n1; }
check_equal "an IPv4 address in an IPv6 socket" "::ffff:$v4 80 403" "$(sockets mapped)"
check_equal "a connect that does not block" "0 403" "$(sockets nonblocking)"
check_equal "TCP fast open" "$v4 403" "$(sockets fastopen)"
check_equal "a bound socket" "$v4 403" "$(sockets bound)"
check_equal "MPTCP" 403 "$(sockets mptcp)"
check_equal "UDP is left alone" 18081 "$(sockets udp)"
check_equal "a socket that connects again" True "$(sockets again)"

check_status "the module cannot go while it captures" 1 rmmod l7fp
# Another cgroup instead: the first one is let go.
check "apply to another cgroup" "$tool" apply --cgroup "$free" "$tmp/policy.yaml"
check_equal "only the other one is captured" "one / web -" \
	"$(get "$free" -H 'Host: web' http://$v4/) -$(get "$mesh" -H 'Host: web' -m 3 http://$v4/)"

# A listener that is missing is no open door. Without IPv6 there is no ::1 to listen on.
ns=$(netns_make plain)
ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip -n "$ns" addr del ::1/128 dev lo 2>/dev/null
"$tool" apply --netns "$ns" "$tmp/policy.yaml" >"$tmp/log" 2>&1
sed 's/^/# /' "$tmp/log"
check_equal "without a listener the connect is refused" "PermissionError" \
	"$(ip netns exec "$ns" python3 -c "
import socket
try:
    socket.socket(socket.AF_INET6).connect(('$v6', 80))
except OSError as e:
    print(type(e).__name__)")"
