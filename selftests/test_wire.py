#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""What TCP can do to a port: half-close, reset, urgent data, at each stage of an exchange."""
import socket
import threading
import time

import client
import ktap
from backend import Backend
from client import Client
from ktap import case, equal, run, true

backend = Backend(client.PORT)
mesh = client.open_mesh()

UPGRADE = b" HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.05)
    return what()


def tunnel(path, handler):
    def switch(connection, _request):
        connection.send(SWITCH)
        handler(connection)
    backend.on(path, switch)
    c = Client()
    c.send(b"GET " + path.encode() + UPGRADE)
    equal(c.response().status, 101)
    return c


@case("a client that has sent its FIN still gets the answer")
def _():
    backend.answer("/half-close", 0.5, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with Client() as c:
        c.send(b"GET /half-close HTTP/1.1\r\nHost: web\r\n\r\n")
        c.sock.shutdown(socket.SHUT_WR)
        equal(c.response().body, b"ok")
        equal(c.ended(), "eof")


@case("FIN behind several pipelined requests: all are answered")
def _():
    with Client() as c:
        c.send(b"".join(b"GET /fin/%d HTTP/1.1\r\nHost: web\r\n\r\n" % i for i in range(5)))
        c.sock.shutdown(socket.SHUT_WR)
        for i in range(5):
            true(b"/fin/%d " % i in c.response().body, "answer %d" % i)
        equal(c.ended(), "eof")


@case("FIN in the middle of a head ends the connection")
def _():
    with Client() as c:
        c.send(b"GET /cut HTTP/1.1\r\nHost: w")
        c.sock.shutdown(socket.SHUT_WR)
        true(c.ended(), "still open")
    equal(backend.seen("/cut"), [])


@case("FIN in the middle of a body: the server sees no whole request")
def _():
    with Client() as c:
        c.send(b"POST /cut-body HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\nhalf")
        backend.wait_seen("/cut-body")
        c.sock.shutdown(socket.SHUT_WR)
        true(c.ended(), "still open")
    request = backend.seen("/cut-body")[0]
    true(wait_for(lambda: request.connection.ended), "the server's connection is still open")
    equal(request.complete, False)


@case("FIN in the middle of a chunked body: the server sees no whole request")
def _():
    with Client() as c:
        c.send(b"POST /cut-chunks HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"4\r\nhalf\r\n")
        backend.wait_seen("/cut-chunks")
        c.sock.shutdown(socket.SHUT_WR)
        true(c.ended(), "still open")
    request = backend.seen("/cut-chunks")[0]
    true(wait_for(lambda: request.connection.ended), "the server's connection is still open")
    equal(request.complete, False)


@case("a connection that is opened and closed")
def _():
    for _ in range(20):
        Client().close()
    for _ in range(20):
        Client().reset()
    equal(client.get("/after").status, 200)


@case("reset in the middle of a head")
def _():
    c = Client()
    c.send(b"GET /cut HTTP/1.1\r\nHo")
    time.sleep(0.2)
    c.reset()
    equal(client.get("/after").status, 200)


@case("reset in the middle of a request's body ends the server's connection")
def _():
    c = Client()
    c.send(b"POST /reset-body HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\nhalf")
    request = backend.wait_seen("/reset-body")[0]
    c.reset()
    true(wait_for(lambda: request.connection.ended), "the server's connection is still open")
    equal(request.complete, False)


@case("the server resets in the middle of its response")
def _():
    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(0.3)
        connection.reset()
    backend.on("/server-reset", handler)
    with Client() as c:
        c.send(b"GET /server-reset HTTP/1.1\r\nHost: web\r\n\r\n")
        c.head()
        try:
            c.exactly(100)
        except (EOFError, ConnectionResetError):
            return
        raise AssertionError("a whole body")


@case("the server resets in the middle of a response that its end would end")
def _():
    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        time.sleep(0.3)
        connection.reset()
    backend.on("/eof-reset", handler)
    with Client() as c:
        c.send(b"GET /eof-reset HTTP/1.1\r\nHost: web\r\n\r\n")
        c.head()
        try:
            data = c.rest()
        except ConnectionResetError:
            return
        true(not data.endswith(b"0\r\n\r\n"), "the body looks complete: %r" % data)


@case("the server closes a pooled connection: nobody notices")
def _():
    closing = []

    def handler(connection, _request):
        closing.append(connection)
        connection.reply(b"x")
    backend.on("/pooled", handler)
    with Client() as c:
        equal(c.get("/pooled").status, 200)
        closing[-1].sock.shutdown(socket.SHUT_RDWR)
        time.sleep(0.3)
        equal(c.get("/after").status, 200)


@case("bytes of a server that nobody asked for: the connection is not used again")
def _():
    def handler(connection, _request):
        connection.reply(b"x")
        time.sleep(0.2)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    backend.on("/poison", handler)
    with Client() as c:
        equal(c.get("/poison").body, b"x")
        time.sleep(0.6)
        for _ in range(3):
            r = c.get("/after")
            equal(r.status, 200)
            true(b"poison" not in r.body, "the next client got %r" % r.body)


@case("bytes right behind a response are not the next one")
def _():
    backend.answer("/behind", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
                   b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    with Client() as c:
        equal(c.get("/behind").body, b"x")
        for _ in range(3):
            r = c.get("/after")
            equal(r.status, 200)
            true(b"poison" not in r.body, "the next client got %r" % r.body)


def urgent(c, before, after):
    """Sends before, an urgent byte, after."""
    c.send(before)
    time.sleep(0.1)
    c.sock.send(b"!", socket.MSG_OOB)
    time.sleep(0.1)
    c.send(after)


@case("an urgent byte between requests does not stop the connection for good")
def _():
    with Client(seconds=10) as c:
        equal(c.get("/before-urgent").status, 200)
        try:
            urgent(c, b"", b"GET /urgent HTTP/1.1\r\nHost: web\r\n\r\n")
            equal(c.response().status, 200)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            pass        # refused loudly: as good
    equal(client.get("/after").status, 200)


@case("an urgent byte in a body: the rest arrives, or the connection ends")
def _():
    body = b"a" * 1000
    with Client(seconds=10) as c:
        try:
            # The urgent byte is out of band: the body's length does not count it.
            urgent(c, b"POST /urgent-body HTTP/1.1\r\nHost: web\r\nContent-Length: 2000\r\n\r\n" + body,
                   body)
            r = c.response()
            true(b" 2000 " in r.body or r.status == 400, r.body)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            pass
    equal(client.get("/after").status, 200)


@case("an urgent byte of the server: the rest arrives, or the connection ends")
def _():
    def handler(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"a" * 1000)
        time.sleep(0.1)
        connection.sock.send(b"!", socket.MSG_OOB)
        time.sleep(0.1)
        connection.send(b"a" * 1000)
    backend.on("/urgent-down", handler)
    with Client(seconds=10) as c:
        c.send(b"GET /urgent-down HTTP/1.1\r\nHost: web\r\n\r\n")
        try:
            equal(c.response().body, b"a" * 2000)
        except (EOFError, ConnectionResetError):
            pass
    equal(client.get("/after").status, 200)


@case("tunnel: the client's FIN reaches the server, which can still answer")
def _():
    def handler(connection):
        data = b""
        try:
            while True:
                data += connection.some(1000)
        except EOFError:
            pass
        connection.send(b"got " + data)
        connection.close()
    with tunnel("/t-fin", handler) as c:
        c.send(b"all of it")
        c.sock.shutdown(socket.SHUT_WR)
        equal(c.exactly(13), b"got all of it")
        equal(c.ended(), "eof")


@case("tunnel: the server's FIN reaches the client, which can still send")
def _():
    got = []

    def handler(connection):
        connection.send(b"bye")
        connection.sock.shutdown(socket.SHUT_WR)
        got.append(connection.exactly(4))
        connection.close()
    with tunnel("/t-server-fin", handler) as c:
        equal(c.rest(), b"bye")
        c.send(b"late")
        equal(wait_for(lambda: got), [b"late"])


@case("tunnel: a reset of the client reaches the server")
def _():
    ended = []
    c = tunnel("/t-reset", lambda connection: ended.append(connection.wait_end(20)))
    c.reset()
    true(wait_for(lambda: ended and ended[0]), "the server's connection is still open")


@case("tunnel: a reset of the server reaches the client")
def _():
    with tunnel("/t-server-reset", lambda connection: connection.reset()) as c:
        true(c.ended(), "the client's connection is still open")


@case("tunnel: an urgent byte does not stop it for good")
def _():
    def handler(connection):
        connection.sock.settimeout(10)
        data = b""
        while not data.endswith(b"end"):
            data += connection.some(1000)
        connection.send(b"done")
        connection.close()
    with tunnel("/t-urgent", handler) as c:
        c.sock.settimeout(10)
        try:
            urgent(c, b"begin", b"end")
            equal(c.exactly(4), b"done")
        except (EOFError, ConnectionResetError, BrokenPipeError):
            pass
    equal(client.get("/after").status, 200)


@case("many connections at once, each cut at a place of its own")
def _():
    data = b"POST /storm HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n" \
        b"5\r\nhello\r\n0\r\n\r\n"

    def one(n):
        for i in range(n, len(data), 8):
            c = Client()
            c.send(data[:i])
            if i % 2:
                c.reset()
            else:
                c.close()
    threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(50)
    equal(client.get("/after").status, 200)


@case("the backend met nothing that it could not read")
def _():
    equal(backend.errors, [])


if ktap.at_end is None:
    print("# without policies, at L7FP_TARGET")
run()
