#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""What goes to the slow-path proxy, over which connections, and what when it is not there."""
import os
import queue
import socket
import struct
import subprocess
import threading

import bpf
import client
import genl
import ktap
import netns
from backend import Backend, Request
from genl import C
from ktap import case, equal, true

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY, LISTENER, BACKEND = 15901, 15902, 15903
SLOW, FORWARD = C["L7FP_SLOW_PATH"], C["L7FP_FORWARD"]
INBOUND = 1 << 4        # L7FP_LISTENER_INBOUND


class Proxy:
    """Listens; takes connections whose header carries its token, and answers each request."""

    def __init__(self, token, port=PROXY):
        self.token = token
        self.headers = []       # (source, destination, token) of each connection
        self.principals = []    # of each connection; None where the header has none
        self.requests = []      # (connection, Request)
        self.refused = 0
        self.hold = None
        self.answer = None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(256)
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _header(self, f):
        head = f.read(16)
        equal(head[:12], SIGNATURE, "signature")
        equal(head[12], 0x21, "version and command")
        family, length = head[13], struct.unpack("!H", head[14:])[0]
        rest = f.read(length)
        size, af = (4, socket.AF_INET) if family == 0x11 else (16, socket.AF_INET6)
        source, destination = rest[:size], rest[size:2 * size]
        ports = struct.unpack_from("!HH", rest, 2 * size)
        at, tlvs = 2 * size + 4, {}
        while at < length:
            kind, n = struct.unpack_from("!BH", rest, at)
            equal(kind in tlvs, False, "TLV")
            tlvs[kind] = rest[at + 3:at + 3 + n]
            at += 3 + n
        equal(at, length, "length of the TLVs")
        token = tlvs.pop(5)
        self.principals.append(tlvs.pop(2, None))
        equal(tlvs, {})
        return ((socket.inet_ntop(af, source), ports[0]),
                (socket.inet_ntop(af, destination), ports[1]), token)

    def _serve(self, sock):
        f = sock.makefile("rb")
        try:
            header = self._header(f)
            if header[2] != self.token:
                self.refused += 1
                return
            number = len(self.headers)
            self.headers.append(header)
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = f.readline()
                    if not line:
                        return
                    head += line
                request = Request(None, head)
                body = f.read(int(request.get("content-length") or 0))
                request.data = body
                self.requests.append((number, request))
                if self.hold:
                    self.hold.wait(60)
                sock.sendall(self.answer or b"HTTP/1.1 200 OK\r\nX-Number: %d\r\n"
                             b"Content-Length: %d\r\n\r\n%s" % (number, len(body) + 4, b"slow" + body))
        except OSError:
            pass
        finally:
            # A socket that is closed with unread bytes resets.
            f.close()
            sock.close()

    def close(self):
        # The accept() under way holds the listener: shutdown wakes it.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
        self.listener.close()

    def end(self):
        self.close()
        for sock in self.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def slow_for(prefix):
    """A program: paths that begin with these 8 bytes to the slow path, the rest to cluster 1."""
    m = netns.module()
    return bpf.begin() + prefix_test(m, prefix) + \
        bpf.call(m, "l7fp_set_cluster", 1) + bpf.mov(0, FORWARD) + bpf.exit_()


def prefix_test(m, prefix):
    number = struct.unpack("=i", prefix[:4])[0]
    path = [x["bits_offset"] // 8 for x in m.structs["l7fp_exchange"]["members"]
            if x["name"] == "path"][0]
    return bpf.load(1, 6, path) + bpf.insn(0x56, 1, 0, 2, number) + \
        bpf.mov(0, SLOW) + bpf.exit_()


class Mesh(netns.Net):
    def __init__(self, token=b"one", code=None, proxy=True):
        super().__init__()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.proxy = Proxy(token) if proxy else None
        self.backend = Backend(BACKEND)
        self.do("CLUSTER_NEW", genl.cluster(1, "web"))
        self.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", BACKEND))
        self.do("LISTENER_NEW", genl.listener(1, LISTENER))
        self.code = code or bpf.returns(SLOW)
        self.map = self.ready(1, self.code, genl.slow_path(token))
        self.link = bpf.attach(self.map)

    def swap(self, number, *attrs, code=None):
        fd = self.ready(number, code or self.code, *attrs)
        bpf.update(self.link, fd)
        os.close(fd)

    def stat(self, name):
        for s in self.dump("STATS_GET"):
            stat = genl.table(s[C["L7FP_A_STAT"]])
            if struct.unpack("=I", stat[C["L7FP_A_STAT_SCOPE"]])[0] == 0 and \
                    stat[C["L7FP_A_STAT_NAME"]].rstrip(b"\0").decode() == name:
                return struct.unpack("=Q", stat[C["L7FP_A_STAT_VALUE"]])[0]
        raise AssertionError("no counter " + name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.link)
        os.close(self.map)
        if self.proxy:
            self.proxy.end()
        super().__exit__()


def connect():
    return client.Client(("127.0.0.1", LISTENER))


def unanswered(r, reason):
    equal((r.status, r.get("x-l7fp-reason")), (503, reason))


@case("a request goes to the proxy as it came, behind a PROXY v2 header")
def _():
    with Mesh() as m, connect() as c:
        r = c.get("/a/../b%41?x=%41", headers="X-One: 1\r\nX-L7fp: é\r\n".encode().decode("latin-1"))
        equal((r.status, r.body), (200, b"slow"))
        local = c.sock.getsockname()
        source, destination, token = m.proxy.headers[0]
        equal((source, destination, token), (local, ("127.0.0.1", LISTENER), b"one"))
        request = m.proxy.requests[0][1]
        equal((request.method, request.target), ("GET", "/bA?x=%41"))
        equal(request.get("x-one"), "1")
        equal(request.get("host"), "web")
        for name in ("x-request-id", "x-forwarded-proto", "x-envoy-attempt-count"):
            equal(request.get(name), None, name)
        equal(m.backend.seen(), [])


@case("what came to a workload goes to a port of its own; who calls is told where it is known")
def _():
    inbound = genl.u16(C["L7FP_A_SLOW_PATH_INBOUND_PORT"], PROXY + 10)
    who = genl.nest(C["L7FP_A_WORKLOAD"],
                    genl.attr(C["L7FP_A_WORKLOAD_PRINCIPAL"], b"p" * C["L7FP_MAX_PRINCIPAL"]),
                    genl.attr(C["L7FP_A_WORKLOAD_NAMESPACE"], b"default"),
                    genl.attr(C["L7FP_A_WORKLOAD_ADDRESS"], socket.inet_aton("127.0.0.1")))
    arrives = ("127.0.0.1", LISTENER + 8)
    with Mesh() as m:
        m.do("LISTENER_NEW", genl.listener(2, arrives[1], "127.0.0.1", genl.u32(
            C["L7FP_A_LISTENER_FLAGS"], INBOUND)))
        other = Proxy(b"one", PROXY + 10)
        with client.Client(arrives) as c:
            unanswered(c.get("/none"), "SP")
        m.swap(2, genl.slow_path(b"one", PROXY, "127.0.0.1", inbound))
        with client.Client(arrives) as c, connect() as d:
            equal((c.get("/in").status, d.get("/out").status), (200, 200))
        m.swap(3, genl.slow_path(b"one", PROXY, "127.0.0.1", inbound), who)
        with client.Client(arrives) as c:
            equal(c.get("/known").status, 200)
        equal([r.target for _, r in other.requests], ["/in", "/known"])
        equal([r.target for _, r in m.proxy.requests], ["/out"])
        equal(other.headers[0][1], arrives)
        equal(other.principals, [None, b"p" * C["L7FP_MAX_PRINCIPAL"]])
        equal(m.proxy.principals, [None])
        other.end()


@case("what the program changed before it gave up is not forwarded")
def _():
    module = netns.module()
    code = bpf.begin() + bpf.call(module, "l7fp_set_cluster", 1) + \
        bpf.call(module, "l7fp_route", 0) + bpf.returns(SLOW)
    rewritten = genl.route(0, C["L7FP_ROUTE_FORWARD"], genl.route_cluster(1),
                           genl.u32(C["L7FP_A_ROUTE_REWRITE_KIND"], C["L7FP_REWRITE_FULL"]),
                           genl.attr(C["L7FP_A_ROUTE_REWRITE_PATH"], b"/changed"),
                           genl.attr(C["L7FP_A_ROUTE_REWRITE_AUTHORITY"], b"changed"),
                           genl.header_op(C["L7FP_A_ROUTE_REQUEST_HEADER"], 0, b"x-changed", b"1"))
    with Mesh() as m:
        m.swap(2, genl.slow_path(b"one"), rewritten, code=code)
        with connect() as c:
            equal(c.get("/kept").status, 200)
        request = m.proxy.requests[0][1]
        equal((request.target, request.get("host"), request.get("x-changed")),
              ("/kept", "web", None))


@case("one connection serves the exchanges of one downstream, with bodies")
def _():
    with Mesh() as m, connect() as c:
        for i in range(5):
            body = b"x" * i * 1000
            c.send(b"POST /%d HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n%s"
                   % (i, len(body), body))
            equal(c.response("POST").body, b"slow" + body)
        equal([n for n, _ in m.proxy.requests], [0] * 5)
        equal((m.stat("slow_path_cx_total"), m.stat("slow_path_rq_total")), (1, 5))


@case("connections are never shared: downstreams after each other and at once")
def _():
    with Mesh() as m:
        locals_ = []
        for _ in range(3):
            with connect() as c:
                equal(c.get("/").status, 200)
                equal(c.get("/").status, 200)
                locals_.append(c.sock.getsockname())
        clients = [connect() for _ in range(8)]
        for turn in range(3):
            for c in clients:
                c.send(b"GET /%d HTTP/1.1\r\nHost: web\r\n\r\n" % turn)
            for c in clients:
                equal(c.response().status, 200)
        locals_ += [c.sock.getsockname() for c in clients]
        equal(sorted(h[0] for h in m.proxy.headers), sorted(locals_))
        by = {}
        for number, request in m.proxy.requests:
            by.setdefault(number, []).append(request.target)
        equal(sorted(len(v) for v in by.values()), [2] * 3 + [3] * 8)
        for c in clients:
            c.close()
        equal(m.stat("slow_path_rq_total"), len(m.proxy.requests))


@case("the connection ends with its downstream")
def _():
    with Mesh() as m:
        with connect() as c:
            equal(c.get("/").status, 200)
            true(m.stat("upstream_cx_total") - m.stat("upstream_cx_destroy") == 1, "not open")
        netns.eventually(lambda: m.stat("upstream_cx_total") == m.stat("upstream_cx_destroy"),
                         "the connection to the proxy ends")


@case("only what the program sends there goes there")
def _():
    with Mesh() as m, connect() as c:
        m.swap(2, genl.slow_path(b"one"), code=slow_for(b"/slow"))
        for i in range(20):
            r = c.get("/slow/%d" % i if i % 4 == 0 else "/fast/%d" % i)
            equal(r.body[:4], b"slow" if i % 4 == 0 else b"back")
        equal(len(m.proxy.requests), 5)
        equal(len(m.backend.seen()), 15)
        equal(m.stat("slow_path_rq_total"), 5)
        equal(len(m.proxy.headers), 1)


@case("no proxy in the generation: 503 SP")
def _():
    with Mesh() as m, connect() as c:
        m.swap(2)
        unanswered(c.get("/"), "SP")
        unanswered(c.get("/"), "SP")
        equal(m.proxy.headers, [])


@case("after a swap the old proxy gets nothing more, and neither does an old connection")
def _():
    with Mesh() as m, connect() as c:
        equal(c.get("/").status, 200)
        second = Proxy(b"two", PROXY + 10)
        m.swap(2, genl.slow_path(b"two", PROXY + 10))
        equal(c.get("/").status, 200)
        equal((len(m.proxy.requests), len(second.requests)), (1, 1))
        # The same proxy, still with the old configuration.
        m.swap(3, genl.slow_path(b"three"))
        unanswered(c.get("/"), "SPF")
        equal((len(m.proxy.requests), m.proxy.refused), (1, 1))
        # And a connection of generation 1 is not taken up again by an equal one.
        m.swap(4, genl.slow_path(b"one"))
        equal(c.get("/").status, 200)
        equal(len(m.proxy.headers), 2)
        second.end()


@case("an exchange under way ends on the proxy of its own generation")
def _():
    with Mesh() as m, connect() as c:
        m.proxy.hold = threading.Event()
        c.send(b"GET /held HTTP/1.1\r\nHost: web\r\n\r\n")
        netns.eventually(lambda: m.proxy.requests, "the request arrives")
        m.swap(2)
        m.proxy.hold.set()
        equal(c.response().status, 200)
        unanswered(c.get("/"), "SP")


@case("the proxy is not there: 503 SPF, and again when it is")
def _():
    with Mesh(proxy=False) as m, connect() as c:
        unanswered(c.get("/"), "SPF")
        equal(m.stat("slow_path_rq_failed"), 1)
        m.proxy = Proxy(b"one")
        equal(c.get("/").status, 200)
        # It goes away with an idle connection, whose end is seen before the next request or not.
        m.proxy.end()
        unanswered(c.get("/"), "SPF")
        m.proxy = Proxy(b"one")
        equal(c.get("/").status, 200)


@case("the proxy ends the connection without an answer, or in the middle of one")
def _():
    with Mesh() as m:
        with connect() as c:
            m.proxy.answer = b"HTTP/1.1 2"
            c.send(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n")
            netns.eventually(lambda: m.proxy.requests, "the request arrives")
            m.proxy.end()
            unanswered(c.response("POST"), "SPF")


@case("many downstreams, some that leave without waiting for the answer")
def _():
    with Mesh() as m:
        failed = queue.Queue()

        def one(i):
            try:
                for _ in range(5):
                    with connect() as c:
                        equal(c.get("/").status, 200)
                        c.send(b"GET /left HTTP/1.1\r\nHost: web\r\n\r\n")
            except Exception as error:
                failed.put(repr(error))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal(list(failed.queue), [])
        netns.eventually(lambda: m.stat("upstream_cx_total") == m.stat("upstream_cx_destroy"),
                         "all connections to the proxy end")
        equal(len(m.proxy.headers), len({h[0] for h in m.proxy.headers}))


@case("the namespace ends with a connection to the proxy in use")
def _():
    with Mesh() as m:
        m.proxy.hold = threading.Event()
        c = connect()
        c.send(b"GET /held HTTP/1.1\r\nHost: web\r\n\r\n")
        d = connect()
        netns.eventually(lambda: m.proxy.requests, "the request arrives")
        c.close()
        d.close()
        m.proxy.hold.set()


@case("netlink: the proxy of a generation, its limits, and the dump")
def _():
    with netns.Net() as n:
        n.begin(1)
        for token, number in ((b"", 34), (b"x" * (C["L7FP_MAX_SLOW_PATH_TOKEN"] + 1), 34)):
            netns.refused(number, n.add, 1, genl.slow_path(token))
        netns.refused(34, n.add, 1, genl.slow_path(b"t", 0))
        netns.refused(22, n.add, 1, genl.nest(C["L7FP_A_SLOW_PATH"],
                                              genl.u16(C["L7FP_A_SLOW_PATH_PORT"], 1)))
        netns.refused(34, n.add, 1, genl.slow_path(
            b"t", PROXY, "127.0.0.1", genl.u16(C["L7FP_A_SLOW_PATH_INBOUND_PORT"], 0)))
        n.add(1, genl.slow_path(b"x" * C["L7FP_MAX_SLOW_PATH_TOKEN"], PROXY, "127.0.0.1",
                           genl.u16(C["L7FP_A_SLOW_PATH_INBOUND_PORT"], 7)))
        netns.refused(17, n.add, 1, genl.slow_path(b"y"), says="has one")
        found = genl.table(n.dump("GENERATION_GET")[0][C["L7FP_A_SLOW_PATH"]])
        equal(found[C["L7FP_A_SLOW_PATH_TOKEN"]], b"x" * C["L7FP_MAX_SLOW_PATH_TOKEN"])
        equal(found[C["L7FP_A_SLOW_PATH_ADDRESS"]], b"\x7f\0\0\1")
        equal(struct.unpack("=H", found[C["L7FP_A_SLOW_PATH_PORT"]])[0], PROXY)
        equal(struct.unpack("=H", found[C["L7FP_A_SLOW_PATH_INBOUND_PORT"]])[0], 7)


ktap.run()
