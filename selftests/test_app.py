#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""App ports: bytes between applications on this machine pass TCP by, and nobody can tell."""
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import backend as backends
import client
import ktap
import netns
from backend import Backend
from client import Client
from ktap import case, equal, run, true

TCP_ULP = 31
TCP_REPAIR = 19
SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27
SIOCOUTQ = termios.TIOCOUTQ

backend = Backend(client.PORT)
mesh = client.open_mesh()
if mesh is None:
    ktap.skip_all("needs the module; L7FP_TARGET is a bare proxy")


def counters():
    stats = json.loads(mesh.tool("stats", "--json").stdout)
    return {s["name"]: s["value"] for s in stats["counters"] if s["scope"] == "global"}


class Grows:
    """How much counters grow between two looks."""

    def __init__(self):
        self.before = counters()

    def __getitem__(self, name):
        return counters()[name] - self.before[name]


def ulp(sock):
    name = sock.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16)
    return name.rstrip(b"\0").decode()


def warm(c, path="/warm"):
    """Both connections are there and joined; the upstream's may need a second look."""
    for _ in range(3):
        equal(c.get(path).status, 200)
    equal(ulp(c.sock), "l7fp")
    return c


UPGRADE = b" HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"


def tunnel(path):
    """The two applications' sockets at the ends of a tunnel, both joined."""
    ends, ready = [], threading.Event()
    done = threading.Event()

    def switch(connection, _request):
        connection.send(SWITCH)
        ends.append(connection.sock)
        ready.set()
        done.wait(60)

    with Client() as other:
        warm(other)
    backend.on(path, switch)
    c = Client()
    warm(c)
    c.send(b"GET " + path.encode() + UPGRADE)
    equal(c.response().status, 101)
    true(ready.wait(20), "the server did not switch")
    equal(ulp(ends[0]), "l7fp", "the server's ULP")
    c.sock.settimeout(20)
    ends[0].settimeout(20)
    c.done = done
    return c.sock, ends[0], c


def receive(sock, size):
    parts = []
    while size:
        data = sock.recv(min(size, 1 << 18))
        if not data:
            break
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


@case("requests and responses pass TCP by, and are counted")
def _():
    with Client() as c:
        warm(c)
        grows = Grows()
        for i in range(50):
            true(b"/pass/%d " % i in c.get("/pass/%d" % i).body, "answer %d" % i)
        equal(grows["downstream_rq_app_port_total"], 50)
        equal(grows["upstream_rq_app_port_total"], 50)
        true(grows["app_port_rx_bytes_total"] > 50 * 2 * 40, "few bytes from applications")
        true(grows["app_port_tx_bytes_total"] > 50 * 2 * 40, "few bytes to applications")


@case("the policy judges what passes TCP by")
def _():
    with Client() as c:
        warm(c)
        grows = Grows()
        equal(c.get("/denied").status, 403)
        equal(c.get("/direct").body, b"direct\n")
        equal(c.get("/fine").status, 200)
        equal(grows["downstream_rq_app_port_total"], 3)
    equal(backend.seen("/denied"), [])


@case("a new policy judges a connection that is joined already")
def _():
    with Client() as c:
        warm(c)
        docs = client.documents()
        docs[-1]["spec"]["rules"][0]["to"][0]["operation"]["paths"] = ["/fine"]
        mesh.apply(docs)
        equal(c.get("/fine").status, 403)
        equal(c.get("/denied").status, 200)
        mesh.apply(client.documents())
        equal(c.get("/fine").status, 200)


def connections():
    return json.loads(mesh.tool("connections", "--json").stdout)


def of(c):
    """The connection of a client, and the one that its exchange uses."""
    local = "127.0.0.1:%d" % c.sock.getsockname()[1]
    down = [d for d in connections() if d["side"] == "downstream" and
            d["remote"].endswith(local[local.index(":"):])]
    equal(len(down), 1, "connections from " + local)
    return down[0], [u for u in connections() if u["side"] == "upstream" and
                     u.get("id") == down[0]["id"]]


@case("connections say which port they have, and what they do; ss shows the ULP")
def _():
    with Client() as c:
        warm(c)
        down, up = of(c)
        equal((down["port"], down["socket"], down["state"], up), ("app", "joined", "idle", []))
        equal((down["original"], down["exchanges"], down["queued_bytes"]), ("10.96.1.1:80", 3, 0))
        # Three requests of 33 bytes.
        equal(down["rx_bytes"], 99)
        true(down["tx_bytes"] > 3 * 40, "bytes: %r" % down)
        idle = [u for u in connections() if u["side"] == "upstream" and "id" not in u]
        true(idle, "no idle connection")
        for u in idle:
            equal((u["remote"], u["state"]), ("127.0.0.1:%d" % client.PORT, "idle"))
        true("joined" in [u["socket"] for u in idle], "not joined: %r" % idle)
        text = mesh.tool("connections").stdout
        true(down["remote"] in text and "SOCKET" in text, text)
        shown = subprocess.run(["ss", "-Htni", "sport = :%d" % c.sock.getsockname()[1]],
                               capture_output=True, text=True, check=True).stdout
        true("l7fp" in shown, "ss: " + shown)
    left, right, c = tunnel("/connections")
    down, up = of(c)
    equal((down["state"], [u["state"] for u in up]), ("tunnel", ["tunnel"]))
    equal([u["socket"] for u in up], ["joined"])
    right.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            right.send(bytes(1 << 16))
    netns.eventually(lambda: of(c)[0]["queued_bytes"] > 0, "bytes are queued")
    del left
    c.done.set()
    c.close()


@case("what is not joined says why")
def _():
    with Client() as c:
        warm(c)
        with contextlib.suppress(OSError):
            c.sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"l7fp")
        equal(of(c)[0]["socket"], "left")
        equal(of(c)[0]["port"], "wire")
    # The filter is on the socket before it is connected.
    import ctypes
    buffer = ctypes.create_string_buffer(b"\x06\0\0\0\xff\xff\xff\xff", 8)
    grows = Grows()
    c = Client.__new__(Client)
    c.sock, c.buffer = socket.socket(), b""
    c.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                      struct.pack("HxxxxxxP", 1, ctypes.addressof(buffer)))
    c.sock.settimeout(20 * ktap.SCALE)
    c.sock.connect(client.target_address())
    equal(c.get("/filtered").status, 200)
    equal((of(c)[0]["socket"], of(c)[0]["port"]), ("filter", "wire"))
    equal(grows["app_port_cx_refused_filter"], 1)
    c.close()


@case("with --no-app-ports everything goes by TCP")
def _():
    name = os.path.join(mesh.folder, "policies.json")
    mesh.tool("apply", "-f", name, "--cgroup", mesh.cgroup, "--no-app-ports")
    try:
        with Client() as c:
            grows = Grows()
            for _ in range(5):
                equal(c.get("/plain").status, 200)
            equal(grows["downstream_rq_app_port_total"], 0)
            equal(ulp(c.sock), "")
            equal((of(c)[0]["socket"], of(c)[0]["port"]), ("off", "wire"))
    finally:
        mesh.tool("apply", "-f", name, "--cgroup", mesh.cgroup)
    with Client() as c:
        warm(c)


@case("nobody else can join: setsockopt fails, the connection goes on")
def _():
    with Client() as c:
        warm(c)
        try:
            c.sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"l7fp")
            raise AssertionError("no error")
        except OSError as e:
            equal(e.errno, errno.EOPNOTSUPP)
        equal(ulp(c.sock), "")
        grows = Grows()
        for _ in range(3):
            equal(c.get("/left").status, 200)
        equal(grows["downstream_rq_app_port_total"], 0, "requests past TCP")


@case("kTLS takes the place of a joined socket's ULP")
def _():
    with Client() as c:
        warm(c)
        try:
            c.sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        except OSError as e:
            if e.errno == errno.ENOENT:
                raise ktap.Skip("no kTLS") from e
            raise
        equal(ulp(c.sock), "tls")
        equal(c.get("/before-keys").status, 200)


@case("a socket filter sees everything: nothing passes it by")
def _():
    left, right, c = tunnel("/filter")
    left.send(b"1")
    equal(right.recv(10), b"1")
    # ret 0xffffffff
    code = (b"\x06\0\0\0\xff\xff\xff\xff")
    buffer = bytearray(code)
    import ctypes
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(
        (ctypes.c_char * len(buffer)).from_buffer(buffer)))
    right.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    grows = Grows()
    for i in range(10):
        left.send(b"%d" % i)
        equal(right.recv(10), b"%d" % i)
    equal(grows["app_port_tx_bytes_total"], 0, "bytes past the filter")
    right.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    c.done.set()
    c.close()


@case("a tunnel: every byte both ways, in many sizes")
def _():
    left, right, c = tunnel("/sizes")
    total = 0
    for size in (1, 2, 511, 512, 513, 2047, 2048, 2049, 4096, 16384, 40000, 65535, 65536, 65537,
                 100000):
        data = b"".join(bytes(p) for p in backends.pattern(size))
        for a, b in ((left, right), (right, left)):
            sender = threading.Thread(target=a.sendall, args=(data,))
            sender.start()
            equal(hashlib.sha256(receive(b, size)).hexdigest(), hashlib.sha256(data).hexdigest(),
                  "%d bytes" % size)
            sender.join()
        total += size
    c.done.set()
    c.close()


@case("a receiver that does not read stops the sender, who goes on when it does")
def _():
    left, right, c = tunnel("/pressure")
    left.setblocking(False)
    block, sent, digest = b"".join(bytes(p) for p in backends.pattern(1 << 16)), 0, hashlib.sha256()
    stuck = 0
    while stuck < 5:
        try:
            n = left.send(block)
            digest.update(block[:n])
            sent += n
            stuck = 0
        except BlockingIOError:
            stuck += 1
            select.select([], [left], [], 0.3)
        true(sent < 64 << 20, "the sender is never stopped")
    equal(select.select([], [left], [], 0)[1], [], "writable")
    queue = struct.unpack("i", fcntl.ioctl(left, SIOCOUTQ, b"\0" * 4))[0]
    true(queue > 0, "nothing waits in the sender's queue")
    got = hashlib.sha256()
    left_over = sent
    while left_over:
        data = right.recv(min(left_over, 1 << 16))
        true(data, "EOF")
        got.update(data)
        left_over -= len(data)
    equal(got.hexdigest(), digest.hexdigest())
    true(select.select([], [left], [], 20)[1], "the sender is not woken")
    left.setblocking(True)
    left.sendall(b"end")
    equal(receive(right, 3), b"end")
    c.done.set()
    c.close()


@case("a blocking sender sleeps until the receiver reads, and SO_SNDTIMEO ends it")
def _():
    left, right, c = tunnel("/block")
    left.setblocking(True)
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))
    block, sent = b"x" * (1 << 20), 0
    try:
        while sent < 64 << 20:
            n = left.send(block)
            sent += n
            if n < len(block):
                break
    except BlockingIOError:
        pass
    true(sent < 64 << 20, "never stopped")
    equal(len(receive(right, sent)), sent)
    left.sendall(b"end")
    equal(receive(right, 3), b"end")
    c.done.set()
    c.close()


@case("MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, FIONREAD, SO_RCVLOWAT, MSG_TRUNC")
def _():
    left, right, c = tunnel("/flags")
    # A socket with a timeout of Python's is one that does not block.
    right.settimeout(None)
    left.send(b"hello ")
    equal(right.recv(100, socket.MSG_PEEK), b"hello ")
    equal(struct.unpack("i", fcntl.ioctl(right, termios.FIONREAD, b"\0" * 4))[0], 6)
    later = threading.Timer(0.3, left.send, (b"world",))
    later.start()
    equal(right.recv(11, socket.MSG_WAITALL), b"hello world")
    try:
        right.recv(1, socket.MSG_DONTWAIT)
        raise AssertionError("no error")
    except BlockingIOError:
        pass
    right.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 10)
    left.send(b"12345")
    equal(select.select([right], [], [], 0.3)[0], [], "readable below the mark")
    left.send(b"67890")
    equal(select.select([right], [], [], 20)[0], [right])
    equal(right.recv(100), b"1234567890")
    right.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    left.send(b"drop me, keep me")
    time.sleep(0.1)
    equal(len(right.recv(9, socket.MSG_TRUNC)), 9)
    equal(right.recv(100), b"keep me")
    c.done.set()
    c.close()


@case("epoll: level and edge")
def _():
    left, right, c = tunnel("/epoll")
    edge, level = select.epoll(), select.epoll()
    edge.register(right, select.EPOLLIN | select.EPOLLET)
    level.register(right, select.EPOLLIN)
    for i in range(3):
        left.send(b"%d" % i)
        true(edge.poll(20), "no edge %d" % i)
        equal(edge.poll(0), [], "a second edge")
        true(level.poll(0), "not readable")
    equal(receive(right, 3), b"012")
    equal(level.poll(0), [])
    left.shutdown(socket.SHUT_WR)
    true(level.poll(20), "no EOF")
    equal(right.recv(1), b"")
    c.done.set()
    c.close()


@case("splice and sendfile, into and out of a joined socket")
def _():
    left, right, c = tunnel("/splice")
    right.settimeout(None)
    data = b"".join(bytes(p) for p in backends.pattern(300000))
    with open(os.path.join(mesh.folder, "file"), "w+b") as f:
        f.write(data)
        f.flush()

        def send():
            left.sendall(b"before")
            at = 0
            while at < len(data):
                at += os.sendfile(left.fileno(), f.fileno(), at, len(data) - at)
            left.sendall(b"behind")
        sender = threading.Thread(target=send)
        sender.start()
        equal(receive(right, 6), b"before")
        read_end, write_end = os.pipe()
        got, size = hashlib.sha256(), len(data)
        while size:
            n = os.splice(right.fileno(), write_end, min(size, 4096)) if hasattr(os, "splice") \
                else os.write(write_end, right.recv(min(size, 4096)))
            true(n, "EOF")
            size -= n
            while n:
                piece = os.read(read_end, n)
                got.update(piece)
                n -= len(piece)
        equal(got.hexdigest(), hashlib.sha256(data).hexdigest())
        equal(receive(right, 6), b"behind")
        sender.join()
    c.done.set()
    c.close()


@case("urgent data goes by TCP and nothing is lost around it")
def _():
    left, right, c = tunnel("/urgent")
    left.send(b"a")
    left.send(b"!", socket.MSG_OOB)
    left.send(b"b")
    # The module steps over the urgent byte, as a reader without SO_OOBINLINE does.
    equal(receive(right, 2), b"ab")
    c.done.set()
    c.close()


@case("many threads on one socket: no record is torn")
def _():
    left, right, c = tunnel("/threads")
    size, each = 100, 200

    def send(tag):
        for _ in range(each):
            left.sendall(bytes([tag]) * size)
    threads = [threading.Thread(target=send, args=(t,)) for t in range(4)]
    for t in threads:
        t.start()
    counts = [0] * 4
    for _ in range(4 * each):
        record = receive(right, size)
        equal(record, record[:1] * size)
        counts[record[0]] += 1
    equal(counts, [each] * 4)
    for t in threads:
        t.join()
    c.done.set()
    c.close()


@case("half-close: what was sent before arrives, and the way back stays open")
def _():
    left, right, c = tunnel("/half")
    left.send(b"last")
    left.shutdown(socket.SHUT_WR)
    equal(receive(right, 5), b"last")
    right.send(b"answer")
    equal(receive(left, 6), b"answer")
    try:
        left.send(b"x")
        raise AssertionError("no error")
    except BrokenPipeError:
        pass
    c.done.set()
    right.close()
    equal(left.recv(1), b"")
    c.close()


@case("SIGPIPE, or not with MSG_NOSIGNAL")
def _():
    left, _right, c = tunnel("/pipe")
    left.shutdown(socket.SHUT_WR)
    for flags in (0, socket.MSG_NOSIGNAL):
        try:
            left.send(b"x", flags)
            raise AssertionError("no error")
        except BrokenPipeError:
            pass
    # Python ignores the signal: a program that does not shows it.
    equal(signal.getsignal(signal.SIGPIPE), signal.SIG_IGN)
    c.done.set()
    c.close()


@case("close with unread bytes resets the connection")
def _():
    left, right, c = tunnel("/unread")
    right.send(b"unread")
    true(select.select([left], [], [], 20)[0], "nothing came")
    left.close()
    try:
        equal(right.recv(1), b"")
    except ConnectionResetError:
        pass
    c.done.set()


@case("dup and fork: the socket is one")
def _():
    left, right, c = tunnel("/fork")
    other = left.dup()
    pid = os.fork()
    if not pid:
        try:
            other.send(b"child")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    equal(receive(right, 5), b"child")
    other.send(b"dup")
    left.send(b"one")
    equal(receive(right, 6), b"dupone")
    other.close()
    left.send(b"more")
    equal(receive(right, 4), b"more")
    c.done.set()
    c.close()


@case("disconnect: the socket is an ordinary one again, and may listen")
def _():
    with Client() as c:
        warm(c)
        c.sock.settimeout(None)
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        unspecified = struct.pack("H14x", socket.AF_UNSPEC)
        equal(libc.connect(c.sock.fileno(), unspecified, len(unspecified)), 0, "connect")
        equal(ulp(c.sock), "")
        c.sock.bind(("127.0.0.1", 0))
        c.sock.listen(1)
        with socket.socket() as peer:
            peer.connect(c.sock.getsockname())
            accepted, _ = c.sock.accept()
            peer.send(b"plain")
            equal(accepted.recv(5), b"plain")
            accepted.close()


class Load:
    """Clients that ask without an end, some with a connection for each request."""

    def __init__(self, clients=4):
        self.stop = threading.Event()
        self.done, self.wrong = [0] * clients, []
        self.threads = [threading.Thread(target=self.ask, args=(i,), daemon=True)
                        for i in range(clients)]
        for t in self.threads:
            t.start()

    def ask(self, i):
        try:
            while not self.stop.is_set():
                with Client() as c:
                    for _ in range(25 if i % 2 else 1):
                        path = "/load/%d/%d" % (i, self.done[i])
                        r = c.get(path)
                        if r.status != 200 or path.encode() + b" " not in r.body:
                            raise AssertionError("%s: %d %r" % (path, r.status, r.body[:100]))
                        self.done[i] += 1
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(repr(error))

    def more(self, n):
        """Until n more were answered."""
        wanted = sum(self.done) + n
        netns.eventually(lambda: sum(self.done) >= wanted or self.wrong, "requests under load", 60)
        equal(self.wrong, [], "requests that failed")

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(30)
        equal(self.wrong, [], "requests that failed")
        return sum(self.done)


@case("policies are swapped under load: no request fails, and most pass TCP by")
def _():
    grows, load = Grows(), Load()
    for i in range(6):
        docs = client.documents()
        docs[-1]["spec"]["rules"][0]["to"][0]["operation"]["paths"] = ["/swap/%d" % i]
        mesh.apply(docs)
        load.more(20)
        equal(client.get("/swap/%d" % i).status, 403)
    mesh.apply(client.documents())
    done = load.end()
    joined = grows["downstream_rq_app_port_total"]
    true(joined > done // 2, "%d of %d requests passed TCP by" % (joined, done))


@case("l7fpd dies under load: no request fails")
def _():
    name, log = os.path.join(mesh.folder, "policies.json"), os.path.join(mesh.folder, "l7fpd.log")

    def start():
        with open(log, "wb") as f:
            daemon = subprocess.Popen([os.path.join(client.BUILD, "l7fpd"), "--config", name,
                                       "--cgroup", mesh.cgroup], stdout=f, stderr=f)
        netns.eventually(lambda: b"in force" in open(log, "rb").read(), "l7fpd applies", 30)
        return daemon
    load = Load()
    for _ in range(2):
        daemon = start()
        load.more(20)
        daemon.kill()
        daemon.wait()
        load.more(20)
    with Client() as c:
        warm(c)
    load.end()


def references():
    with open("/sys/module/l7fp/refcnt", encoding="ascii") as f:
        return int(f.read())


def come_and_go(n):
    for i in range(n):
        c = Client()
        equal(c.get("/come/%d" % i, "Connection: close\r\n" if i % 2 else "").status, 200)
        if i % 4 == 3:
            c.reset()
        else:
            c.close()


@case("connections that come and go leave no reference")
def _():
    before = references()
    come_and_go(100)
    netns.eventually(lambda: references() <= before + 2, "%d references as before" % before)


SLABS = re.compile(r"(TCP|sock_inode_cache|skbuff_\w+|l7fp\w+|kmalloc-(cg-)?[0-9]+k?) +([0-9]+) ")


def slabs():
    """Active objects of each slab. What SLUB keeps on a processor's list counts as active
    though it is free, hundreds a cache: that goes first."""
    def read():
        with open("/proc/slabinfo", encoding="ascii") as f:
            found = [SLABS.match(line) for line in f]
        return {m[1]: int(m[3]) for m in found if m}
    for name in read():
        with open("/sys/kernel/slab/%s/shrink" % name, "w", encoding="ascii") as f:
            f.write("1")
    return read()


@case("connections that come and go leave no memory")
def _():
    # Where freed memory is kept for a while, kmemleak looks after it.
    if os.path.exists("/sys/kernel/debug/kmemleak"):
        raise ktap.Skip("a kernel with kmemleak")

    count = 400
    come_and_go(100)
    time.sleep(1)
    before = slabs()
    true("TCP" in before, "slabs: %s" % sorted(before))
    come_and_go(count)
    grown = {}

    def as_before():
        grown.clear()
        grown.update({n: v - before.get(n, 0) for n, v in slabs().items()
                      if v - before.get(n, 0) > count // 2})
        return not grown
    try:
        netns.eventually(as_before, "slabs", 20)
    except AssertionError as error:
        raise AssertionError("objects more after %d connections: %s" % (count, grown)) from error


@case("a joined socket keeps the module; after a drain it goes under its socket, and comes again")
def _():
    def rmmod():
        return subprocess.run(["rmmod", "l7fp"], capture_output=True, check=False).returncode
    with Client() as c:
        warm(c)
        true(rmmod(), "rmmod while a socket is joined")
        equal(c.get("/still").status, 200)
        mesh.tool("drain", "--deadline", "%ds" % (20 * ktap.SCALE))
        equal(ulp(c.sock), "")
        netns.eventually(lambda: not rmmod(), "rmmod", 20)
        equal(c.sock.recv(1), b"", "behind the drain")
    subprocess.run(["insmod", os.path.join(client.BUILD, "l7fp.ko")], check=True)
    mesh.apply(client.documents())
    with Client() as c:
        warm(c)
        equal(c.get("/denied").status, 403)


run()
