#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 400
"""A drain in the module: what it ends, what it leaves alone, and that it loses nothing."""
import errno
import os
import random
import socket
import struct
import subprocess
import threading
import time

import bpf
import genl
import ktap
import netns
from backend import Backend
from client import BUILD, Client
from genl import C
from ktap import case, cases, equal, true

LISTENER, OPAQUE, SERVER = 15931, 15932, 15933
TARGET = ("127.0.0.1", LISTENER)
FORWARD, RESPOND = C["L7FP_FORWARD"], C["L7FP_RESPOND"]
APP_PORTS = 1 << 5      # L7FP_LISTENER_APP_PORTS


def forward():
    m = netns.module()
    return bpf.begin() + bpf.call(m, "l7fp_set_cluster", 1) + bpf.mov(0, FORWARD) + bpf.exit_()


def deny():
    m = netns.module()
    return bpf.begin() + bpf.call(m, "l7fp_deny", 0, 403) + bpf.mov(0, RESPOND) + bpf.exit_()


class Mesh(netns.Net):
    """An HTTP listener and an opaque one, both to a server of this namespace."""

    def __init__(self, code=None, server=True, flags=APP_PORTS):
        super().__init__()
        self.flags = flags
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.backend = Backend(SERVER) if server else None
        self.do("CLUSTER_NEW", genl.cluster(1, "server"))
        self.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", SERVER))
        self.listen(1, LISTENER)
        self.listen(2, OPAQUE, genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_OPAQUE"]),
                    genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 1))
        self.map = self.ready(1, code or forward())
        self.link = bpf.attach(self.map)

    def listen(self, number, port, *more):
        self.do("LISTENER_NEW", genl.listener(
            number, port, "127.0.0.1", genl.u32(C["L7FP_A_LISTENER_FLAGS"], self.flags), *more))

    def drain(self, deadline_ms=None, stop=False):
        """What is left, by name; "left_ms" is None when no drain is going on."""
        attrs = []
        if deadline_ms is not None:
            attrs.append(genl.u32(C["L7FP_A_DRAIN_DEADLINE_MS"], deadline_ms))
        if stop:
            attrs.append(genl.u8(C["L7FP_A_DRAIN_STOP"], 1))
        answer = self.do("DRAIN", genl.nest(C["L7FP_A_DRAIN"], *attrs))[0][1]
        state = genl.table(genl.table(answer)[C["L7FP_A_DRAIN"]])
        found = {"reset": struct.unpack("=Q", state[C["L7FP_A_DRAIN_RESET"]])[0]}
        for name in ("listeners", "connections", "left_ms"):
            value = state.get(C["L7FP_A_DRAIN_" + name.upper()])
            found[name] = struct.unpack("=I", value)[0] if value is not None else None
        return found

    def ended(self, seconds=20):
        netns.eventually(lambda: self.drain()["left_ms"] is None, "the drain ends", seconds)
        state = self.drain()
        equal((state["listeners"], state["connections"]), (0, 0), "listeners and connections left")
        return state["reset"]

    def reasons(self):
        """Exchanges that ended by a drain."""
        for s in self.dump("STATS_GET"):
            stat = genl.table(s[C["L7FP_A_STAT"]])
            if struct.unpack("=II", stat[C["L7FP_A_STAT_SCOPE"]] + stat[C["L7FP_A_STAT_ID"]]) == \
                    (C["L7FP_STAT_REASON"], C["L7FP_REASON_DRAIN"]):
                return struct.unpack("=Q", stat[C["L7FP_A_STAT_VALUE"]])[0]
        raise AssertionError("no counter of the reason DRAIN")

    def hold(self, path):
        """The backend answers path only when the event is set."""
        go = threading.Event()

        def handler(connection, request):
            request.body()
            go.wait(60)
            connection.reply(b"held")
        self.backend.on(path, handler)
        return go

    def __exit__(self, *_):
        os.close(self.link)
        os.close(self.map)
        super().__exit__()


def connections(seconds=20):
    return Client(TARGET, seconds)


@case("without one there is nothing to stop, and asking says what is there")
def _():
    with Mesh() as net:
        state = net.drain()
        equal((state["listeners"], state["connections"], state["reset"], state["left_ms"]),
              (2, 0, 0, None))
        netns.refused(errno.ENOENT, net.drain, None, True, says="no drain is going on")
        top = C["L7FP_MAX_DRAIN_MS"]
        netns.refused(errno.ERANGE, net.drain, top + 1)
        netns.refused(errno.ERANGE, net.do, "DRAIN", genl.nest(
            C["L7FP_A_DRAIN"], genl.u8(C["L7FP_A_DRAIN_STOP"], 2)))
        true(top - 10000 < net.drain(top)["left_ms"] <= top, "left_ms")
        # The deadline can be moved.
        true(net.drain(60000)["left_ms"] <= 60000, "left_ms")
        net.drain(stop=True)
        equal(net.ended(), 0)


@case("a response ends its connection, new ones are served, and the drain ends")
def _():
    with Mesh() as net, connections() as c:
        equal(c.get("/").get("connection"), None)
        net.drain(60000)
        r = c.get("/")
        equal((r.status, r.get("connection")), (200, "close"))
        equal(c.ended(), "eof")
        with connections() as new:
            r = new.get("/")
            equal((r.status, r.get("connection")), (200, "close"))
            equal(new.ended(), "eof")
        equal(net.drain(stop=True)["reset"], 0)
        c.close()
        equal(net.ended(), 0)
        equal(net.reasons(), 0)


@case("so does an answer of the policy's own")
def _():
    with Mesh(deny()) as net, connections() as c:
        equal(c.get("/").get("connection"), None)
        net.drain(60000)
        r = c.get("/")
        equal((r.status, r.get("connection")), (403, "close"))
        equal(c.ended(), "eof")
        net.drain(stop=True)
        equal(net.ended(), 0)


@case("a request that waits for its answer gets it")
def _():
    with Mesh() as net, connections() as c:
        go = net.hold("/held")
        c.send(b"GET /held HTTP/1.1\r\nHost: web\r\n\r\n")
        net.backend.wait_seen("/held")
        net.drain(60000, stop=True)
        netns.eventually(lambda: net.drain()["listeners"] == 0, "the listeners close")
        time.sleep(1.5)
        equal(net.drain()["connections"], 1)
        go.set()
        r = c.response()
        equal((r.body, r.get("connection")), (b"held", "close"))
        equal(c.ended(), "eof")
        equal(net.ended(), 0)


@case("requests that were sent together are all answered")
def _():
    for code in (forward, deny):
        with Mesh(code()) as net, connections() as c:
            net.drain(60000)
            one = b"GET /piped HTTP/1.1\r\nHost: web\r\n\r\n"
            c.send(one * 3)
            got = [c.response() for _ in range(3)]
            equal([r.get("connection") for r in got], [None, None, "close"])
            equal(c.ended(), "eof")
            net.drain(0)
            net.ended()
        netns.unshare()


@case("a connection between two requests gets its FIN, one that is new is given time")
def _():
    with Mesh() as net, connections() as used, connections() as fresh:
        equal(used.get("/").status, 200)
        net.drain(60000)
        start = time.monotonic()
        equal(used.ended(), "eof")
        true(time.monotonic() - start < 5, "FIN came after %.1f s" % (time.monotonic() - start))
        # It may have connected just now, and be about to send.
        true(fresh.idle(0.5), "a new connection was closed before its first request")
        equal(fresh.get("/").status, 200)
        equal(fresh.ended(), "eof")
        with connections() as silent:
            equal(silent.ended(), "eof")
        net.drain(stop=True)
        equal(net.ended(), 0)


@cases([("no request is lost to a FIN that it meets on its way", APP_PORTS),
        ("nor where all goes by TCP", 0)])
def _(flags):
    subprocess.run(["modprobe", "sch_netem"], check=False, capture_output=True)
    with Mesh(flags=flags) as net:
        # Each packet takes 50 ms: whoever sends has that long to be crossed by a FIN.
        done = subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "50ms"],
                              check=False, capture_output=True, text=True)
        if done.returncode:
            raise ktap.Skip("no netem: " + done.stderr.strip())
        clients = [connections() for _ in range(24)]
        for c in clients:
            c.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        for c in clients:
            equal(c.response().status, 200)
        lost, served, closed = [], [], []
        begun = threading.Event()

        def ask(c, after):
            begun.wait()
            time.sleep(after)
            c.sock.setblocking(False)
            try:
                true(c.sock.recv(1, socket.MSG_PEEK) == b"", "bytes without a request")
                closed.append(c)
                return
            except BlockingIOError:
                pass
            c.send(b"GET /again HTTP/1.1\r\nHost: web\r\n\r\n")
            # Where it has come by now, it may have come before.
            try:
                c.sock.recv(1, socket.MSG_PEEK)
                closed.append(c)
                return
            except BlockingIOError:
                pass
            except ConnectionResetError:
                closed.append(c)
                return
            c.sock.settimeout(20)
            try:
                served.append(c.response().status)
            except (EOFError, OSError) as error:
                lost.append(repr(error))
        threads = [threading.Thread(target=ask, args=(c, random.uniform(0, 1.3)))
                   for c in clients]
        for t in threads:
            t.start()
        net.drain(60000)
        # They are closed when they have been silent for a second, one after the other.
        begun.set()
        for t in threads:
            t.join(40)
        ktap.equal(lost, [], "requests that were sent on an open connection and not answered")
        true(served and closed, "%d served, %d closed: nothing crossed" % (len(served), len(closed)))
        for c in clients:
            c.close()
        net.drain(stop=True)
        equal(net.ended(), 0)


@case("who waits in a listener's backlog is served")
def _():
    # Who is silent for a second is closed: a machine that is too slow for so many requests proves
    # nothing, and tries again.
    many = max(40 // ktap.SCALE, 4)
    for _ in range(10):
        with Mesh() as net:
            clients = [connections() for _ in range(many)]
            began = time.monotonic()
            net.drain(60000, stop=True)
            for c in clients:
                c.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            if time.monotonic() - began > 0.7:
                continue
            for c in clients:
                equal(c.response().status, 200)
            equal([c.ended() for c in clients], ["eof"] * many)
            try:
                connections()
                raise AssertionError("the listener still accepts")
            except ConnectionRefusedError:
                pass
            equal(net.ended(), 0)
            return
    raise AssertionError("%d requests took 0.7 seconds, ten times" % many)


@case("tunnels go on until the deadline, and are reset and counted then")
def _():
    with Mesh(server=False) as net:
        listener = socket.create_server(("127.0.0.1", SERVER))
        c = Client(("127.0.0.1", OPAQUE))
        server = listener.accept()[0]
        server.settimeout(20)
        net.drain(3000, stop=True)
        for i in range(10):
            c.send(b"%d" % i)
            equal(server.recv(1), b"%d" % i)
            server.sendall(b"%d" % i)
            equal(c.exactly(1), b"%d" % i)
            time.sleep(0.15)
        true(net.drain()["left_ms"] is not None, "the drain is over")
        equal(c.ended(), "reset")
        equal(net.ended(), 1)
        equal(net.reasons(), 1)
        listener.close()


@case("requests that last longer are reset and counted, idle connections are not")
def _():
    with Mesh() as net, connections() as c, connections() as half, connections() as idle:
        go = net.hold("/held")
        equal(idle.get("/").status, 200)
        c.send(b"GET /held HTTP/1.1\r\nHost: web\r\n\r\n")
        half.send(b"GET /ha")
        net.backend.wait_seen("/held")
        netns.eventually(lambda: net.drain()["connections"] == 3, "three connections")
        net.drain(0)
        equal((c.ended(), half.ended(), idle.ended()), ("reset", "reset", "eof"))
        equal(net.ended(), 2)
        equal(net.reasons(), 2)
        go.set()


@case("nothing new is made while it goes on, and the policy may change")
def _():
    with Mesh() as net, connections() as c:
        net.drain(60000)
        netns.refused(errno.EBUSY, net.listen, 3, LISTENER + 5, says="a drain is going on")
        other = net.ready(2, deny())
        bpf.update(net.link, other)
        os.close(other)
        equal(c.get("/").status, 403)
        net.drain(stop=True)
        c.close()
        equal(net.ended(), 0)
        net.listen(3, LISTENER)
        with connections() as new:
            r = new.get("/")
            equal((r.status, r.get("connection")), (403, None))


@case("a namespace that goes while it drains takes the drain with it")
def _():
    for _ in range(5):
        net = Mesh(server=False)
        c = connections()
        net.drain(60000)
        c.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        net.__exit__()
        netns.unshare()
        c.close()


def load():
    """Requests without an end in a namespace of this process's own."""
    try:
        net = Mesh()
        go = net.hold("/held")
        go.clear()

        def ask(i):
            while True:
                try:
                    with connections() as c:
                        for _ in range(i + 1):
                            c.get("/held" if i == 7 else "/")
                except (EOFError, OSError):
                    pass
        for i in range(8):
            threading.Thread(target=ask, args=(i,), daemon=True).start()
        net.backend.wait_seen("/", 20)
        print("# loaded", flush=True)
        time.sleep(600)
    finally:
        os._exit(1)


@case("namespaces that go under load leave nothing: the module can be unloaded at once")
def _():
    reader, writer = os.pipe()
    for _ in range(4):
        pid = os.fork()
        if not pid:
            os.dup2(writer, 1)
            load()
        true(b"loaded" in os.read(reader, 100), "no load")
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    netns.forget_module()
    # It waits for the ends of the namespaces.
    netns.eventually(lambda: subprocess.run(["rmmod", "l7fp"], check=False,
                                            capture_output=True).returncode == 0, "rmmod", 30)
    subprocess.run(["insmod", os.path.join(BUILD, "l7fp.ko")], check=True)


ktap.run(limit=100)
