#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Clusters that go where the client wanted to go, and listeners that find out what it speaks."""
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

import bpf
import client
import genl
import ktap
import netns
from backend import Backend
from genl import C
from ktap import case, equal, true

LISTENER, BACKEND, SERVER = 15911, 15912, 15913
FORWARD = C["L7FP_FORWARD"]
ORIGINAL, STATIC = 1, 2
INBOUND = 1 << 4        # L7FP_LISTENER_INBOUND


def to_cluster(number):
    m = netns.module()
    return bpf.begin() + bpf.call(m, "l7fp_set_cluster", number) + \
        bpf.mov(0, FORWARD) + bpf.exit_()


def capture(port):
    """connect4: what goes to ports from 15912 on is captured to a listener on port."""
    m = netns.module()
    refuse = bpf.mov(0, 0) + bpf.exit_()
    proceed = bpf.mov(0, 1) + bpf.exit_()
    user_ip4, user_port = 4, 24
    code = bpf.move(6, 1)
    code += bpf.load(2, 6, user_port) + bpf.insn(0xdc, 2, 0, 0, 16)     # be16
    # Below 15912: not captured.
    code += bpf.insn(0x35, 2, 0, 2, BACKEND) + proceed
    code += bpf.move(1, 6) + bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_capture"])
    code += bpf.insn(0x65, 0, 0, 2, -1 & 0xffffffff) + refuse       # unless r0 s> -1
    code += bpf.insn(0x15, 0, 0, 2, 0) + proceed            # 1: the module's own
    code += bpf.mov32(2, struct.unpack("=I", socket.inet_aton("127.0.0.1"))[0])
    code += bpf.insn(0x63, 6, 2, user_ip4)
    code += bpf.mov32(2, socket.htons(port)) + bpf.insn(0x63, 6, 2, user_port)
    return code + proceed


def peer():
    """getpeername4: what l7fp_peer() says."""
    m = netns.module()
    user_ip4, user_port, size = 4, 24, 20
    code = bpf.move(6, 1)
    code += bpf.move(2, 10) + bpf.insn(0x07, 2, 0, 0, -24 & 0xffffffff) + bpf.mov32(3, size)
    code += bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_peer"])
    code += bpf.insn(0x55, 0, 0, 4, 0)
    code += bpf.load(2, 10, -12) + bpf.insn(0x63, 6, 2, user_ip4)
    code += bpf.load(2, 10, -8) + bpf.insn(0x63, 6, 2, user_port)
    return code + bpf.mov(0, 1) + bpf.exit_()


class Cgroup:
    """A cgroup with hooks that this thread is in."""

    def __init__(self, *hooks):
        self.path = tempfile.mkdtemp(prefix="l7fp", dir="/sys/fs/cgroup")
        with open(self.path + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
        self.fd = os.open(self.path, os.O_RDONLY)
        self.id = os.fstat(self.fd).st_ino
        self.links = [bpf.attach_cgroup(self.fd, netns.module(), *hook) for hook in hooks]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for link in self.links:
            os.close(link)
        with open("/sys/fs/cgroup/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
        os.close(self.fd)
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class Mesh(netns.Net):
    """One listener; everything goes where it was going."""

    def __init__(self, protocol="HTTP", code=None, cluster=(), listener=(), policy=True, **ops):
        super().__init__()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.do("CLUSTER_NEW", genl.cluster(
            ORIGINAL, "original", genl.u32(C["L7FP_A_CLUSTER_KIND"], 1), *cluster))
        attrs = [genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_" + protocol])]
        if protocol != "HTTP":
            attrs.append(genl.u32(C["L7FP_A_LISTENER_CLUSTER"], ORIGINAL))
        self.do("LISTENER_NEW", genl.listener(1, LISTENER, "127.0.0.1", *attrs, *listener))
        self.map = self.link = None
        if policy:
            self.map = self.ready(1, code or to_cluster(ORIGINAL), *ops.pop("tables", ()), **ops)
            self.link = bpf.attach(self.map)

    def endpoints(self):
        return [genl.table(e[C["L7FP_A_ENDPOINT"]])
                for e in self.dump("ENDPOINT_GET", genl.u32(C["L7FP_A_ID"], ORIGINAL))]

    def addresses(self):
        return sorted(socket.inet_ntop(socket.AF_INET, e[C["L7FP_A_ENDPOINT_ADDRESS"]])
                      for e in self.endpoints())

    def stat(self, name, scope=0, number=None):
        for s in self.dump("STATS_GET"):
            stat = genl.table(s[C["L7FP_A_STAT"]])
            if struct.unpack("=I", stat[C["L7FP_A_STAT_SCOPE"]])[0] == scope and \
                    stat[C["L7FP_A_STAT_NAME"]].rstrip(b"\0").decode() == name and \
                    number in (None, struct.unpack("=I", stat[C["L7FP_A_STAT_ID"]])[0]):
                return struct.unpack("=Q", stat[C["L7FP_A_STAT_VALUE"]])[0]
        raise AssertionError("no counter " + name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.link is not None:
            os.close(self.link)
            os.close(self.map)
        super().__exit__()


class Server:
    """A TCP server whose connections a case handles by itself."""

    def __init__(self, address="127.0.0.1", port=SERVER):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.settimeout(20)
        self.listener.bind((address, port))
        self.listener.listen(64)

    def accept(self):
        sock = self.listener.accept()[0]
        sock.settimeout(20)
        return sock

    def none(self, seconds=0.3):
        """Nobody connects."""
        self.listener.settimeout(seconds)
        try:
            self.listener.accept()
        except TimeoutError:
            return
        finally:
            self.listener.settimeout(20)
        raise AssertionError("a connection was forwarded")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def hooks(port=LISTENER):
    return Cgroup(("CGROUP_INET4_CONNECT", capture(port)))


def connect(address="127.0.0.1", port=SERVER):
    sock = socket.socket()
    sock.settimeout(20)
    sock.connect((address, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receive(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


def refused(address, port, data):
    """As gone(), with a connection of its own, which may end before connect() has returned."""
    try:
        gone(connect(address, port), data)
    except ConnectionResetError:
        pass


def gone(sock, data=b""):
    """The connection ends without a byte, whatever is sent."""
    try:
        sock.sendall(data)
        equal(sock.recv(1), b"", "bytes")
    except ConnectionResetError:
        pass


@case("a request goes where its client wanted to go, whatever its Host says")
def _():
    with Mesh() as m, hooks():
        one, two = Backend(BACKEND, address="127.0.0.7"), Backend(BACKEND, address="127.0.0.8")
        for host in ("127.0.0.7", "127.0.0.8", "127.0.0.7"):
            with client.Client((host, BACKEND)) as c:
                equal(c.get("/", host="other").status, 200)
        equal((len(one.seen()), len(two.seen())), (2, 1))
        equal(m.addresses(), ["127.0.0.7", "127.0.0.8"])
        equal(m.stat("upstream_cx_total"), 2)


@case("a connection to one address never serves another one's request")
def _():
    with Mesh() as m, hooks():
        backends = {a: Backend(BACKEND, address=a) for a in ("127.0.1.%d" % i for i in range(8))}
        clients = {a: client.Client((a, BACKEND)) for a in backends for _ in range(2)}
        for turn in range(10):
            for address, c in clients.items():
                c.send(b"GET /%s HTTP/1.1\r\nHost: web\r\n\r\n" % address.encode())
            for c in clients.values():
                equal(c.response().status, 200)
        for address, backend in backends.items():
            equal({r.path for r in backend.seen()}, {"/" + address})
        for c in clients.values():
            c.close()


@case("a refused connection is answered with 503, and a policy may retry it in vain")
def _():
    with Mesh() as m, hooks():
        with client.Client(("127.0.0.7", BACKEND)) as c:
            r = c.get("/")
            equal((r.status, r.get("x-l7fp-reason")), (503, "UF"))


@case("a client that came to the listener itself is refused, and does not go round")
def _():
    with Mesh() as m, client.Client(("127.0.0.1", LISTENER)) as c:
        r = c.get("/")
        equal((r.status, r.get("x-l7fp-reason")), (503, "UH"))
        equal(m.stat("downstream_cx_total"), 1)


@case("an address that nobody uses any more is forgotten")
def _():
    with Mesh(cluster=(genl.u32(C["L7FP_A_CLUSTER_IDLE_TIMEOUT_MS"], 100),)) as m, hooks():
        Backend(BACKEND, address="127.0.0.7")
        with client.Client(("127.0.0.7", BACKEND)) as c:
            equal(c.get("/").status, 200)
            equal(len(m.endpoints()), 1)
        netns.eventually(lambda: not m.endpoints(), "the address is forgotten")


@case("L7FP_MAX_ORIGINAL_DST addresses are kept; the next one takes the oldest's place")
def _():
    limit = C["L7FP_MAX_ORIGINAL_DST"]
    with Mesh() as m, hooks():
        Backend(BACKEND, address="0.0.0.0")

        def visit(i):
            with client.Client(("127.0.%d.%d" % (100 + i // 200, 1 + i % 200), BACKEND)) as c:
                equal(c.get("/").status, 200)

        for i in range(limit):
            visit(i)
        equal(len(m.endpoints()), limit)
        true("127.0.100.1" in m.addresses(), "the first one is kept at the limit")
        visit(limit)
        equal(len(m.endpoints()), limit)
        true("127.0.100.1" not in m.addresses(), "the first one went")
        # Its connection is closed, too.
        netns.eventually(lambda: m.stat("upstream_cx_destroy") >= 1, "its connection is closed")


@case("netlink: an ORIGINAL_DST cluster has no endpoints, and keeps its kind")
def _():
    with netns.Net() as m:
        m.do("CLUSTER_NEW", genl.cluster(1, "o", genl.u32(C["L7FP_A_CLUSTER_KIND"], 1)))
        netns.refused(22, m.do, "ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1),
                      genl.endpoint("127.0.0.1", 1), says="expected no endpoints")
        netns.refused(22, m.do, "CLUSTER_NEW", genl.cluster(1, "o"), says="another kind")
        netns.refused(34, m.do, "CLUSTER_NEW", genl.cluster(
            2, "o", genl.u32(C["L7FP_A_CLUSTER_KIND"], 2)))
        kind = genl.table(m.dump("CLUSTER_GET")[0][C["L7FP_A_CLUSTER"]])[C["L7FP_A_CLUSTER_KIND"]]
        equal(struct.unpack("=I", kind)[0], 1)


@case("netlink: attributes of listeners where they have a meaning")
def _():
    with netns.Net() as m:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        detect = genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_DETECT"])
        inbound = genl.u32(C["L7FP_A_LISTENER_FLAGS"], INBOUND)
        source = genl.attr(C["L7FP_A_LISTENER_SOURCE4"], socket.inet_aton("127.0.0.9"))
        to = genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 1)
        wait = genl.u32(C["L7FP_A_LISTENER_DETECT_TIMEOUT_MS"], 1)

        def new(*attrs):
            m.do("LISTENER_NEW", genl.listener(1, LISTENER, "127.0.0.1", *attrs))

        netns.refused(22, new, detect, says="expected a cluster")
        netns.refused(22, new, to, says="expected a cluster")
        netns.refused(22, new, wait, says="detects")
        netns.refused(22, new, source, says="inbound")
        netns.refused(34, new, inbound, genl.attr(C["L7FP_A_LISTENER_SOURCE4"], b"123"))
        new(detect, to, wait, inbound, source)
        got = genl.table(genl.table(m.do("LISTENER_GET", genl.u32(C["L7FP_A_ID"], 1))[0][1])
                         [C["L7FP_A_LISTENER"]])
        equal(got[C["L7FP_A_LISTENER_SOURCE4"]], socket.inet_aton("127.0.0.9"))
        equal(got[C["L7FP_A_LISTENER_SOURCE6"]], b"\0" * 15 + b"\1")
        equal(struct.unpack("=I", got[C["L7FP_A_LISTENER_CLUSTER"]])[0], 1)
        equal(struct.unpack("=I", got[C["L7FP_A_LISTENER_DETECT_TIMEOUT_MS"]])[0], 1)


@case("detect: HTTP by its first line, byte by byte as well")
def _():
    with Mesh("DETECT") as m, hooks():
        backend = Backend(BACKEND, address="127.0.0.7")
        with client.Client(("127.0.0.7", BACKEND)) as c:
            equal(c.get("/one").status, 200)
            body = b"x" * 5000
            c.send(b"POST /two HTTP/1.1\r\nHost: web\r\nContent-Length: 5000\r\n\r\n" + body)
            equal(c.response("POST").status, 200)
        with client.Client(("127.0.0.7", BACKEND)) as c:
            for byte in b"\r\nPUT /three?a=b HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc":
                c.send(bytes([byte]))
                time.sleep(0.001)
            equal(c.response("PUT").status, 200)
        with client.Client(("127.0.0.7", BACKEND)) as c:
            c.send(b"POST /four HTTP/1.1\r\nHost: web\r\nContent-Length: 50000\r\n\r\n" + body * 10)
            equal(c.response("POST").status, 200)
        equal([(r.method, r.target, len(r.body())) for r in backend.seen()],
              [("GET", "/one", 0), ("POST", "/two", 5000), ("PUT", "/three?a=b", 3),
               ("POST", "/four", 50000)])
        equal((m.stat("tcp_downstream_cx_total"), m.stat("downstream_rq_total")), (0, 4))


@ktap.cases([
    ("detect: opaque: %s" % name, data) for name, data in (
        ("TLS ClientHello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"),
        ("almost HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx"),
        ("a word and a line feed", b"GET key\r\n"),
        ("HTTP/0.9", b"GET /\r\n"),
        ("another version", b"GET / HTTP/2.0\r\nHost: web\r\n\r\n"),
        ("a zero", b"\0"),
        ("a long word", b"A" * 65),
        ("what could yet be a request, and FIN", b"GET / HT"))])
def _(data):
    with Mesh("DETECT") as m, hooks(), Server() as server:
        sock = connect()
        for i in range(0, len(data), 3):
            sock.sendall(data[i:i + 3])
            time.sleep(0.001)
        if data.endswith(b"HT"):
            sock.shutdown(socket.SHUT_WR)
        upstream = server.accept()
        equal(receive(upstream, len(data)), data)
        upstream.sendall(b"hello")
        equal(receive(sock, 5), b"hello")
        if not data.endswith(b"HT"):
            sock.sendall(b"more")
            equal(receive(upstream, 4), b"more")
            sock.close()
        equal(upstream.recv(1), b"")
        equal((m.stat("tcp_downstream_cx_total"), m.stat("downstream_rq_total")), (1, 0))


@case("detect: a server that speaks first is heard after the listener's time")
def _():
    wait = genl.u32(C["L7FP_A_LISTENER_DETECT_TIMEOUT_MS"], 300)
    with Mesh("DETECT", listener=(wait,)) as m, hooks(), Server() as server:
        began = time.monotonic()
        sock = connect()
        server.none(0.1)
        upstream = server.accept()
        true(time.monotonic() - began >= 0.3, "not before the time is over")
        upstream.sendall(b"220 ready\r\n")
        equal(receive(sock, 11), b"220 ready\r\n")
        # HTTP by its looks, but that is settled.
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        equal(receive(upstream, 18), b"GET / HTTP/1.1\r\n\r\n")


@case("detect: half a request line is a request that is late, not an opaque connection")
def _():
    listener = (genl.u32(C["L7FP_A_LISTENER_DETECT_TIMEOUT_MS"], 100),
                genl.u32(C["L7FP_A_LISTENER_HEAD_TIMEOUT_MS"], 500))
    with Mesh("DETECT", listener=listener) as m, hooks(), Server() as server:
        with client.Client(("127.0.0.1", SERVER)) as c:
            c.send(b"GET /admin HTT")
            server.none(0.5)
            equal(c.response().status, 408)


@case("detect: FIN without a byte reaches the server")
def _():
    with Mesh("DETECT") as m, hooks(), Server() as server:
        sock = connect()
        sock.shutdown(socket.SHUT_WR)
        upstream = server.accept()
        equal(upstream.recv(1), b"")
        upstream.sendall(b"bye")
        upstream.close()
        equal(receive(sock, 10), b"bye")


def members():
    return {x["name"]: x["bits_offset"] // 8
            for x in netns.module().structs["l7fp_connection"]["members"]}


def keep_out(protocol):
    """connect op: counts rule 0, and refuses what speaks protocol."""
    m = netns.module()
    code = bpf.load(6, 1, 0, 0x79) + bpf.load(7, 6, members()["protocol"])
    code += bpf.insn(0x55, 7, 0, 5, protocol)
    code += bpf.move(1, 6) + bpf.mov32(2, 0)
    code += bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_connect_rule"])
    return code + bpf.returns(1) + bpf.returns(0)


@case("detect: the connect op judges before a byte is forwarded, and knows the protocol")
def _():
    rule = genl.rule(0, "no opaque")
    with Mesh("DETECT", tables=(rule,), connect=keep_out(1)) as m, hooks(), Server() as server:
        sock = connect()
        gone(sock, b"\x16\x03\x01")
        server.none()
        equal((m.stat("matched", C["L7FP_STAT_RULE"], 0), m.stat("downstream_cx_refused")), (1, 1))
        backend = Backend(BACKEND, address="127.0.0.7")
        with client.Client(("127.0.0.7", BACKEND)) as c:
            equal(c.get("/").status, 200)
        equal(m.stat("downstream_cx_refused"), 1)
    with Mesh("DETECT", tables=(rule,), connect=keep_out(0)) as m, hooks(), Server() as server:
        sock = connect()
        gone(sock, b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        server.none()


@case("detect: without a policy HTTP is answered with 503, and the rest is refused")
def _():
    with Mesh("DETECT", policy=False) as m, hooks(), Server() as server:
        with client.Client(("127.0.0.1", SERVER)) as c:
            r = c.get("/")
            equal((r.status, r.get("x-l7fp-reason")), (503, "NP"))
        sock = connect()
        gone(sock, b"\0")
        server.none()


@case("the connect op chooses where an opaque connection goes")
def _():
    m = netns.module()
    code = bpf.load(6, 1, 0, 0x79) + bpf.move(1, 6) + bpf.mov32(2, STATIC)
    code += bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_connect_cluster"])
    code += bpf.mov32(0, 0) + bpf.exit_()
    for protocol in ("OPAQUE", "DETECT"):
        with Mesh(protocol, connect=code) as mesh, hooks(), Server("127.0.0.9", 15000) as server:
            refused("127.0.0.7", 16000, b"\0one")   # no such cluster
            mesh.do("CLUSTER_NEW", genl.cluster(STATIC, "static"))
            mesh.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], STATIC),
                    genl.endpoint("127.0.0.9", 15000))
            sock = connect("127.0.0.7", 16000)
            sock.sendall(b"\0one")
            equal(receive(server.accept(), 4), b"\0one")


@case("opaque: bytes to the original destination; the application sees who it is")
def _():
    with Mesh("OPAQUE") as m, \
            Cgroup(("CGROUP_INET4_CONNECT", capture(LISTENER)),
                   ("CGROUP_INET4_GETPEERNAME", peer())), Server() as server:
        sock = connect()
        own = sock.getsockname()
        upstream = server.accept()
        equal(upstream.getpeername(), own)
        equal(sock.getpeername(), ("127.0.0.1", LISTENER))
        sock.sendall(b"one")
        equal(receive(upstream, 3), b"one")


@case("HTTP: the application sees the module's address, since others' requests may follow")
def _():
    with Mesh() as m, \
            Cgroup(("CGROUP_INET4_CONNECT", capture(LISTENER)),
                   ("CGROUP_INET4_GETPEERNAME", peer())), Server() as server:
        sock = connect()
        own = sock.getsockname()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        upstream = server.accept()
        true(upstream.getpeername() != own, "the client's address is not shown")
        upstream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        equal(receive(sock, 12), b"HTTP/1.1 204")


@case("connections are not shared between clients of different cgroups")
def _():
    with Mesh() as m, hooks():
        Backend(BACKEND, address="127.0.0.7")
        for _ in range(2):
            with client.Client(("127.0.0.7", BACKEND)) as c:
                equal(c.get("/").status, 200)
        equal(m.stat("upstream_cx_total"), 1)
        with hooks():
            with client.Client(("127.0.0.7", BACKEND)) as c:
                equal(c.get("/").status, 200)
            equal(m.stat("upstream_cx_total"), 2)


if __name__ == "__main__":
    ktap.run()
