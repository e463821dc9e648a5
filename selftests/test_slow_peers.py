#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Slow and stuck peers: bytes arrive in the end, memory stays bounded, timeouts end what never ends."""
import hashlib
import os
import threading
import time

import client
from backend import Backend, pattern, pattern_sha256, send_sha256
from client import Client
from ktap import Skip, case, equal, run, true

backend = Backend(client.PORT)
mesh = client.open_mesh()
SIZE = 24 << 20


def small_buffers():
    """Lets no TCP buffer grow beyond a megabyte, so that what is held back shows early."""
    for name in ("tcp_rmem", "tcp_wmem"):
        path = "/proc/sys/net/ipv4/" + name
        with open(path, encoding="ascii") as f:
            least, start, most = f.read().split()
        try:
            with open(path, "w", encoding="ascii") as f:
                f.write("%s %s %d" % (least, start, min(int(most), 1 << 20)))
        except OSError:
            return 2 * int(most)
    return 2 << 20


# What two pairs of sockets and the engine between them may hold of a stream that nobody reads.
BOUND = 2 * small_buffers() + (4 << 20)

# A head that never ends: begun first, so that its time passes while the other cases run.
never = Client(seconds=100)
never.send(b"GET /never HTTP/1.1\r\nHost: web\r\nX-A: ")
never_since = time.monotonic()


def read_slowly(c, size, digest, pause=0.0):
    while size:
        piece = c.exactly(min(size, 1 << 16))
        digest.update(piece)
        size -= len(piece)
        if pause:
            time.sleep(pause)


@case("a client that does not read holds the server back; all arrives when it does")
def _():
    sent = [0]
    done = threading.Event()

    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for piece in pattern(SIZE):
            connection.send(piece)
            sent[0] += len(piece)
        done.set()
    backend.on("/big", handler)
    with Client(receive_buffer=65536) as c:
        c.send(b"GET /big HTTP/1.1\r\nHost: web\r\n\r\n")
        c.head()
        held = -1
        while held != sent[0]:
            held = sent[0]
            time.sleep(1.5)
        true(held < min(SIZE, BOUND), "%d bytes went into nobody's hands" % held)
        digest = hashlib.sha256(c.buffer)
        left = SIZE - len(c.buffer)
        c.buffer = b""
        read_slowly(c, left, digest)
        equal(digest.hexdigest(), pattern_sha256(SIZE))
        true(done.wait(5), "the server's end of the response")


@case("a server that does not read holds the client back; all arrives when it does")
def _():
    go = threading.Event()

    def handler(connection, request):
        go.wait(60)
        send_sha256(connection, request)
    backend.on("/upload", handler)
    sent = [0]
    with Client(seconds=60) as c:
        c.send(b"POST /upload HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" % SIZE)

        def upload():
            for piece in pattern(SIZE):
                c.send(piece)
                sent[0] += len(piece)
        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        held = -1
        while held != sent[0]:
            held = sent[0]
            time.sleep(1.5)
        true(held < min(SIZE, BOUND), "%d bytes went into nobody's hands" % held)
        go.set()
        equal(c.response().body.strip().decode(), pattern_sha256(SIZE))
        thread.join(5)


@case("a chunked body in drips, both ways")
def _():
    def handler(connection, request):
        body = request.body()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(len(body)):
            connection.send(b"1\r\n")
            connection.send(body[i:i + 1])
            connection.send(b"\r\n")
            time.sleep(0.01)
        connection.send(b"0\r\n\r\n")
    backend.on("/drips", handler)
    with Client() as c:
        c.send(b"POST /drips HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(40):
            c.send(b"1\r\n%c\r\n" % (65 + i % 26))
            time.sleep(0.01)
        c.send(b"0\r\n\r\n")
        equal(c.response().body, bytes(65 + i % 26 for i in range(40)))


@case("a response head in drips")
def _():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok"
    steps = []
    for i in range(len(head)):
        steps += [head[i:i + 1], 0.01]
    backend.answer("/drip-head", *steps)
    equal(client.get("/drip-head").body, b"ok")


@case("other connections go on beside a stuck one")
def _():
    with Client(receive_buffer=65536) as stuck:
        stuck.send(b"GET /big HTTP/1.1\r\nHost: web\r\n\r\n")
        stuck.head()
        with Client() as c:
            for i in range(30):
                equal(c.get("/beside/%d" % i).status, 200)
        stuck.reset()


@case("a client that goes while its response is held back ends the server's connection")
def _():
    ended = []

    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        try:
            for piece in pattern(SIZE):
                connection.send(piece)
            ended.append("all was taken")
        except OSError as error:
            ended.append(type(error).__name__)
            raise
    backend.on("/gone", handler)
    c = Client(receive_buffer=65536)
    c.send(b"GET /gone HTTP/1.1\r\nHost: web\r\n\r\n")
    c.head()
    time.sleep(1)
    c.reset()
    for _ in range(100):
        if ended:
            break
        time.sleep(0.1)
    true(ended and ended[0] in ("ConnectionResetError", "BrokenPipeError"), "server saw %r" % ended)


@case("a client that goes before the answer ends the server's connection")
def _():
    ended = []

    def handler(connection, _request):
        ended.append(connection.wait_end(20))
    backend.on("/wait", handler)
    c = Client()
    c.send(b"GET /wait HTTP/1.1\r\nHost: web\r\n\r\n")
    backend.wait_seen("/wait")
    c.reset()
    for _ in range(100):
        if ended:
            break
        time.sleep(0.1)
    true(ended and ended[0], "the server's connection: %r" % ended)


@case("a server that sends nothing after its head is reset with its client")
def _():
    ended = []

    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        ended.append(connection.wait_end(20))
    backend.on("/half", handler)
    c = Client()
    c.send(b"GET /half HTTP/1.1\r\nHost: web\r\n\r\n")
    c.head()
    equal(c.exactly(4), b"half")
    c.reset()
    for _ in range(100):
        if ended:
            break
        time.sleep(0.1)
    true(ended and ended[0], "the server's connection: %r" % ended)


@case("a tunnel that nobody reads holds both sides back, and goes on")
def _():
    size = 12 << 20
    result = {}

    def handler(connection, _request):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        b"Upgrade: x\r\n\r\n")

        def send():
            for piece in pattern(size):
                connection.send(piece)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        time.sleep(2)
        digest = hashlib.sha256()
        left = size
        while left:
            piece = connection.some(left)
            digest.update(piece)
            left -= len(piece)
        result["up"] = digest.hexdigest()
        thread.join(30)
        connection.close()
    backend.on("/tunnel", handler)
    with Client(seconds=60) as c:
        c.send(b"GET /tunnel HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        equal(c.response().status, 101)

        def send():
            for piece in pattern(size):
                c.send(piece)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        time.sleep(2)
        digest = hashlib.sha256()
        read_slowly(c, size, digest)
        thread.join(30)
        equal(digest.hexdigest(), pattern_sha256(size), "down")
        for _ in range(100):
            if "up" in result:
                break
            time.sleep(0.1)
        equal(result.get("up"), pattern_sha256(size), "up")


@case("a head that never ends is ended by the timeout")
def _():
    if mesh is None and not os.environ.get("L7FP_HEAD_TIMEOUT"):
        raise Skip("the timeout of another proxy is not ours to know")
    never.sock.settimeout(90)
    # One byte now and then must not put it off.
    try:
        while time.monotonic() - never_since < 55:
            never.send(b"a")
            time.sleep(1)
    except OSError:
        pass
    end = never.ended(90)
    true(end, "the connection is still open after %d s" % (time.monotonic() - never_since))
    equal(backend.seen("/never"), [])


@case("all goes on")
def _():
    equal(client.get("/after").status, 200)
    equal(backend.errors, [])


run(limit=160)
