#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Each limit of bytes from peers: N passes, N + 1 is refused."""
import client
from backend import Backend
from client import Client
from ktap import case, equal, run, true

backend = Backend(client.PORT)
mesh = client.open_mesh()
LIMITS = client.limits()
MAX_HEAD = LIMITS["L7FP_MAX_HEAD"]
MAX_HEADERS = LIMITS["L7FP_MAX_HEADERS"]
MAX_CHUNK_LINE = LIMITS["L7FP_MAX_CHUNK_LINE"]
MAX_TRAILERS = LIMITS["L7FP_MAX_TRAILERS"]
TE = b"Transfer-Encoding: chunked\r\n"


def head_of(size, first):
    """A head of exactly size bytes that begins with first, in lines of at most 8 KiB."""
    head = first
    number = 0
    while True:
        left = size - len(head) - 2
        if not left:
            return head + b"\r\n"
        line = b"X-%d: " % number
        n = left if left <= 8000 else min(8000, left - 100)
        head += line + b"a" * (n - len(line) - 2) + b"\r\n"
        number += 1


def headers_of(count, first, already):
    return first + b"".join(b"X-%d: a\r\n" % i for i in range(count - already)) + b"\r\n"


def answer_to(data, path, status):
    before = len(backend.seen(path))
    with Client() as c:
        try:
            c.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        r = c.response()
        equal(r.status, status)
        if status == 200:
            equal(len(backend.seen(path)), before + 1, "requests at the backend")
            equal(c.get("/after").status, 200)
        else:
            equal(c.ended(), "eof")
            equal(len(backend.seen(path)), before, "requests at the backend")


@case("request head of L7FP_MAX_HEAD")
def _():
    data = head_of(MAX_HEAD, b"GET /head HTTP/1.1\r\nHost: web\r\n")
    equal(len(data), MAX_HEAD)
    answer_to(data, "/head", 200)


@case("request head of L7FP_MAX_HEAD + 1 is 431")
def _():
    answer_to(head_of(MAX_HEAD + 1, b"GET /head HTTP/1.1\r\nHost: web\r\n"), "/head", 431)


@case("request head without an end is 431, not memory")
def _():
    before = len(backend.connections)
    with Client() as c:
        try:
            c.send(b"GET /endless HTTP/1.1\r\nHost: web\r\nX: ")
            for _ in range(64):
                c.send(b"a" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            equal(c.response().status, 431)
        except ConnectionResetError:
            pass    # our own bytes under way cost us the answer
    equal(len(backend.connections), before)


@case("a request line alone over the limit is 431")
def _():
    answer_to(b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\nHost: web\r\n\r\n", "/line", 431)


@case("request with L7FP_MAX_HEADERS")
def _():
    answer_to(headers_of(MAX_HEADERS, b"GET /count HTTP/1.1\r\nHost: web\r\n", 1), "/count", 200)


@case("request with L7FP_MAX_HEADERS + 1 is 431")
def _():
    answer_to(headers_of(MAX_HEADERS + 1, b"GET /count HTTP/1.1\r\nHost: web\r\n", 1),
              "/count", 431)


def response_to(data, status):
    if status == 200:
        backend.answer("/response", data)
    else:
        backend.answer("/response", data, lambda c: c.wait_end(3), lambda c: c.close())
    with Client() as c:
        c.send(b"GET /response HTTP/1.1\r\nHost: web\r\n\r\n")
        r = c.response()
        equal(r.status, status)
        equal(c.get("/after").status, 200)
        return r


@case("response head of L7FP_MAX_HEAD")
def _():
    data = head_of(MAX_HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
    equal(len(data), MAX_HEAD)
    r = response_to(data + b"ok", 200)
    equal(r.body, b"ok")


@case("response head of L7FP_MAX_HEAD + 1 is 502")
def _():
    response_to(head_of(MAX_HEAD + 1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n") + b"ok", 502)


@case("response with L7FP_MAX_HEADERS")
def _():
    r = response_to(headers_of(MAX_HEADERS, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 1) + b"ok",
                    200)
    equal(r.get("x-%d" % (MAX_HEADERS - 2)), "a")


@case("response with L7FP_MAX_HEADERS + 1 is 502")
def _():
    response_to(headers_of(MAX_HEADERS + 1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 1) + b"ok",
                502)


def chunk_line(size):
    """A chunk of three bytes whose size line, CRLF included, has size bytes."""
    line = b"3;" + b"a" * (size - 4) + b"\r\n"
    equal(len(line), size)
    return line + b"abc\r\n0\r\n\r\n"


def post_chunked(path, body, status):
    before = len(backend.seen(path))
    with Client() as c:
        c.send(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: web\r\n" + TE + b"\r\n" + body)
        r = c.response()
        equal(r.status, status)
        if status == 200:
            equal(backend.seen(path)[-1].data, b"abc")
            equal(c.get("/after").status, 200)
        else:
            equal(c.ended(), "eof")
            for request in backend.seen(path)[before:]:
                true(not request.complete, "the backend read a whole request")


@case("chunk line of L7FP_MAX_CHUNK_LINE")
def _():
    post_chunked("/chunk", chunk_line(MAX_CHUNK_LINE), 200)


@case("chunk line of L7FP_MAX_CHUNK_LINE + 1 is 400")
def _():
    post_chunked("/chunk", chunk_line(MAX_CHUNK_LINE + 1), 400)


@case("many long chunk lines of one-byte chunks pass")
def _():
    body = b"".join(b"1;" + b"x" * 200 + b"\r\n" + bytes([97 + i % 26]) + b"\r\n" for i in range(500))
    with Client() as c:
        c.send(b"POST /tiny HTTP/1.1\r\nHost: web\r\n" + TE + b"\r\n" + body + b"0\r\n\r\n")
        equal(c.response().status, 200)
    equal(len(backend.seen("/tiny")[0].data), 500)


def trailers_of(size):
    """A trailer section of size bytes, with the empty line at its end."""
    data = b""
    number = 0
    while size - 2 - len(data):
        left = size - 2 - len(data)
        n = left if left <= 1000 else min(1000, left - 100)
        line = b"X-%d: " % number
        data += line + b"a" * (n - len(line) - 2) + b"\r\n"
        number += 1
    equal(len(data) + 2, size)
    return b"3\r\nabc\r\n0\r\n" + data + b"\r\n"


@case("trailers of L7FP_MAX_TRAILERS")
def _():
    post_chunked("/trailers", trailers_of(MAX_TRAILERS), 200)


@case("trailers of L7FP_MAX_TRAILERS + 1 are refused")
def _():
    before = len(backend.seen("/trailers"))
    with Client() as c:
        c.send(b"POST /trailers HTTP/1.1\r\nHost: web\r\n" + TE + b"\r\n" +
               trailers_of(MAX_TRAILERS + 1))
        r = c.response()
        true(r.status in (400, 431), "status %d" % r.status)
        equal(c.ended(), "eof")
    for request in backend.seen("/trailers")[before:]:
        true(not request.complete, "the backend read a whole request")


@case("a response's chunk line of L7FP_MAX_CHUNK_LINE")
def _():
    r = response_to(b"HTTP/1.1 200 OK\r\n" + TE + b"\r\n" + chunk_line(MAX_CHUNK_LINE), 200)
    equal(r.body, b"abc")


@case("a response's chunk line of L7FP_MAX_CHUNK_LINE + 1 is no whole response")
def _():
    backend.answer("/response", b"HTTP/1.1 200 OK\r\n" + TE + b"\r\n" + chunk_line(MAX_CHUNK_LINE + 1),
                   lambda c: c.wait_end(3), lambda c: c.close())
    with Client() as c:
        c.send(b"GET /response HTTP/1.1\r\nHost: web\r\n\r\n")
        try:
            if c.head().status == 502:
                return
            data = c.rest()
        except (EOFError, ConnectionResetError):
            return
        true(not data.endswith(b"0\r\n\r\n"), "the body looks complete: %r" % data[-40:])


@case("a path longer than a program reads inline is judged whole")
def _():
    client.need_mesh()
    long = "a" * (LIMITS["L7FP_MAX_STRING"] // 4)
    equal(client.get("/" + long).status, 200)
    equal(backend.seen("/" + long)[0].target, "/" + long)
    equal(client.get("/denied/" + long).status, 403)
    equal(client.get("/" + long + "/../denied/x").status, 403)


run()
