#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""What two parsers might read in two ways is refused: 400 and close, and the backend sees none of it.

Each row is sent on a connection of its own, with a request for /smuggled behind it.
"""
import client
from backend import Backend
from client import Client
from ktap import case, cases, equal, run, true

backend = Backend(client.PORT)
mesh = client.open_mesh()

INNER = b"GET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n"


def post(headers, body=b""):
    return b"POST /outer HTTP/1.1\r\nHost: web\r\n" + headers + b"\r\n" + body


def get(headers=b"", line=b"GET /outer HTTP/1.1", host=b"Host: web\r\n"):
    return line + b"\r\n" + host + headers + b"\r\n"


CL5 = b"Content-Length: 5\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"

# Refused for the head alone: nothing at all may reach the backend.
HEADS = [
    # What states the length of the body.
    ("length and chunked", post(CL5 + TE, END), 400),
    ("chunked and length", post(TE + CL5, END), 400),
    ("two different lengths", post(CL5 + b"Content-Length: 6\r\n", b"abcdef"), 400),
    ("a list of different lengths", post(b"Content-Length: 5, 6\r\n", b"abcdef"), 400),
    ("length with a sign", post(b"Content-Length: +5\r\n", b"abcde"), 400),
    ("negative length", post(b"Content-Length: -5\r\n", b"abcde"), 400),
    ("hexadecimal length", post(b"Content-Length: 0x5\r\n", b"abcde"), 400),
    ("length with a blank in it", post(b"Content-Length: 5 0\r\n", b"abcde"), 400),
    ("empty length", post(b"Content-Length:\r\n"), 400),
    ("length of 2^64", post(b"Content-Length: 18446744073709551616\r\n"), 400),
    ("length of 2^64 + 5", post(b"Content-Length: 18446744073709551621\r\n", b"abcde"), 400),
    ("length with a vertical tab", post(b"Content-Length: \x0b5\r\n", b"abcde"), 400),
    ("length in quotes", post(b"Content-Length: \"5\"\r\n", b"abcde"), 400),
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked\r\n", END), (400, 501)),
    ("chunked in two headers", post(TE + TE, END), 400),
    ("chunked not last", post(b"Transfer-Encoding: chunked, gzip\r\n", END), (400, 501)),
    ("gzip before chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", END), (400, 501)),
    ("unknown coding", post(b"Transfer-Encoding: xchunked\r\n", END), (400, 501)),
    ("identity", post(b"Transfer-Encoding: identity\r\n", END), (400, 501)),
    ("chunked behind a vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", END), (400, 501)),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b\r\n", END), (400, 501)),
    ("empty coding", post(b"Transfer-Encoding:\r\n", END), (400, 501)),
    ("chunked in HTTP/1.0", b"POST /outer HTTP/1.0\r\nHost: web\r\n" + TE + b"\r\n" + END, 400),
    ("chunked header with a space before its colon",
     post(b"Transfer-Encoding : chunked\r\n", END), 400),
    ("length header with a space before its colon", post(b"Content-Length : 5\r\n", b"abcde"), 400),
    ("length header with a tab before its colon", post(b"Content-Length\t: 5\r\n", b"abcde"), 400),
    # Lines and their ends.
    ("bare LF behind a header", get(b"X: a\nY: b\r\n"), 400),
    ("bare LF behind the request line", b"GET /outer HTTP/1.1\nHost: web\r\n\r\n", 400),
    ("bare LF at the end of the head", b"GET /outer HTTP/1.1\r\nHost: web\r\n\n", 400),
    ("all bare LF", b"GET /outer HTTP/1.1\nHost: web\n\n", 400),
    ("bare CR in a value", get(b"X: a\rY: b\r\n"), 400),
    ("bare CR before CRLF", get(b"X: a\r\r\n"), 400),
    ("obs-fold", get(b"X: a\r\n b\r\n"), 400),
    ("obs-fold with a tab", get(b"X: a\r\n\tb\r\n"), 400),
    ("obs-fold of a coding", post(b"Transfer-Encoding:\r\n chunked\r\n", END), 400),
    ("first header begins with a space", get(b"", host=b" Host: web\r\nHost: web\r\n"), 400),
    ("NUL in a value", get(b"X: a\0b\r\n"), 400),
    ("control byte in a value", get(b"X: a\x01b\r\n"), 400),
    ("DEL in a value", get(b"X: a\x7fb\r\n"), 400),
    ("NUL in a name", get(b"X\0Y: a\r\n"), 400),
    ("space in a name", get(b"X Y: a\r\n"), 400),
    ("bytes above 127 in a name", get(b"X\xff: a\r\n"), 400),
    ("no colon", get(b"NoColon\r\n"), 400),
    ("empty name", get(b": a\r\n"), 400),
    ("parenthesis in a name", get(b"X(: a\r\n"), 400),
    # The request line.
    ("two spaces", get(line=b"GET  /outer HTTP/1.1"), 400),
    ("tab", get(line=b"GET\t/outer HTTP/1.1"), 400),
    ("space in the target", get(line=b"GET /outer x HTTP/1.1"), 400),
    ("space at the end", get(line=b"GET /outer HTTP/1.1 "), 400),
    ("space at the beginning", get(line=b" GET /outer HTTP/1.1"), 400),
    ("no version", get(line=b"GET /outer"), 400),
    ("lower-case http", get(line=b"GET /outer http/1.1"), 400),
    ("HTTP/1.1.1", get(line=b"GET /outer HTTP/1.1.1"), 400),
    ("HTTP/11.1", get(line=b"GET /outer HTTP/11.1"), (400, 505)),
    ("HTTP/1.", get(line=b"GET /outer HTTP/1."), 400),
    ("NUL in the target", get(line=b"GET /out\0er HTTP/1.1"), 400),
    ("control byte in the target", get(line=b"GET /out\x01er HTTP/1.1"), 400),
    ("control byte in the method", get(line=b"G\x01T /outer HTTP/1.1"), 400),
    ("separator in the method", get(line=b"GE(T /outer HTTP/1.1"), 400),
    ("target without a slash", get(line=b"GET outer HTTP/1.1"), 400),
    ("fragment", get(line=b"GET /outer#part HTTP/1.1"), 400),
    ("asterisk with GET", get(line=b"GET * HTTP/1.1"), 400),
    ("CONNECT without a port", get(line=b"CONNECT web HTTP/1.1"), 400),
    ("CONNECT with a path", get(line=b"CONNECT /outer HTTP/1.1"), 400),
    # Host.
    ("no Host", get(host=b""), 400),
    ("two Hosts", get(host=b"Host: web\r\nHost: web\r\n"), 400),
    ("two different Hosts", get(host=b"Host: web\r\nHost: other\r\n"), 400),
    ("Host with a comma", get(host=b"Host: web, other\r\n"), 400),
    ("Host with a space", get(host=b"Host: we b\r\n"), 400),
    ("Host with a slash", get(host=b"Host: web/x\r\n"), 400),
    ("Host with user information", get(host=b"Host: a@web\r\n"), 400),
    ("absolute-form without a host", get(line=b"GET http:///outer HTTP/1.1"), 400),
    ("absolute-form with user information", get(line=b"GET http://a@web/outer HTTP/1.1"), 400),
]


@cases(HEADS)
def refused_head(data, status):
    connections, requests = len(backend.connections), len(backend.requests)
    with Client() as c:
        c.send(data + INNER)
        r = c.response()
        true(r.status in (status if isinstance(status, tuple) else (status,)),
             "expected %s, got %d" % (status, r.status))
        equal((r.get("connection") or "close").lower(), "close", "Connection")
        rest = c.rest()
        equal(rest, b"", "bytes behind the answer")
    equal(len(backend.requests), requests, "requests at the backend")
    true(len(backend.connections) <= connections + 1, "connections at the backend")


# Refused in the body, when the head may have been forwarded: the backend never sees a whole
# request, and never what came behind it.
BODIES = [
    ("chunk size that is no number", b"g\r\nabc\r\n" + END),
    ("chunk size with 0x", b"0x3\r\nabc\r\n" + END),
    ("chunk size with a sign", b"+3\r\nabc\r\n" + END),
    ("negative chunk size", b"-3\r\nabc\r\n" + END),
    ("empty chunk size", b"\r\nabc\r\n" + END),
    ("space before the chunk size", b" 3\r\nabc\r\n" + END),
    ("space behind the chunk size", b"3 \r\nabc\r\n" + END),
    ("chunk size of 17 digits", b"10000000000000003\r\nabc\r\n" + END),
    ("chunk size that overflows 64 bits", b"fffffffffffffffff\r\nabc\r\n" + END),
    ("bare LF behind the chunk size", b"3\nabc\r\n" + END),
    ("bare CR behind the chunk size", b"3\rabc\r\n" + END),
    ("bare LF in an extension", b"3;a\nabc\r\n" + END),
    ("bare CR in an extension", b"3;a\rb\r\nabc\r\n" + END),
    ("NUL in an extension", b"3;a\0b\r\nabc\r\n" + END),
    ("no CRLF behind the data", b"3\r\nabcd\r\n" + END),
    ("bare LF behind the data", b"3\r\nabc\n" + END),
    ("data longer than its size", b"3\r\nabcdef\r\n" + END),
    ("bare LF behind the last chunk", b"3\r\nabc\r\n0\n\r\n"),
    ("trailer without a colon", b"3\r\nabc\r\n0\r\nNoColon\r\n\r\n"),
    ("trailer with a space before its colon", b"3\r\nabc\r\n0\r\nX : a\r\n\r\n"),
    ("trailer that is folded", b"3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n"),
    ("trailer with a bare LF", b"3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n"),
    ("trailer that states a length", b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"),
    ("trailer that states a coding", b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("trailer that states a host", b"3\r\nabc\r\n0\r\nHost: other\r\n\r\n"),
]


@cases(BODIES)
def refused_body(body):
    seen = len(backend.seen("/outer"))
    # What a trailer must not carry may also be dropped: then it is a good request.
    droppable = b"Content-Length" in body or b"0\r\nTransfer" in body or b"Host" in body
    with Client() as c:
        c.send(post(TE, body) + (b"" if droppable else INNER))
        r = c.response()
        if droppable and r.status == 200:
            for request in backend.seen("/outer")[seen:]:
                equal(request.trailers, [], "trailers at the backend")
            return
        equal(r.status, 400)
        equal(c.rest(), b"", "bytes behind the answer")
    for request in backend.seen("/outer")[seen:]:
        true(not request.complete, "the backend read a whole request: %r" % request.data)


@case("the backend never saw what was smuggled")
def _():
    equal(len(backend.seen("/smuggled")), 0)


@case("a length given twice alike is one length or refused")
def _():
    with Client() as c:
        c.send(post(CL5 + CL5, b"abcde"))
        r = c.response()
        true(r.status in (200, 400), "status %d" % r.status)
        if r.status == 200:
            equal(backend.seen("/outer")[-1].get("content-length"), "5")


@case("chunk lines are written anew: no extension reaches the backend")
def _():
    def handler(connection, request):
        lines = [connection.line()]
        connection.buffer = lines[0] + b"\r\n" + connection.buffer
        request.body()
        connection.reply(lines[0])
    backend.on("/extension", handler)
    with Client() as c:
        c.send(b"POST /extension HTTP/1.1\r\nHost: web\r\n" + TE + b"\r\n3;a=\"b\"\r\nabc\r\n" + END)
        line = c.response().body
    if mesh:
        equal(line.lstrip(b"0"), b"3")
    else:
        equal(int(line.partition(b";")[0], 16), 3)


@case("%00 in a path is 400, and the backend does not see it")
def _():
    client.need_mesh()
    before = len(backend.requests)
    for path in ("/outer%00", "/%00", "/a%00/../b", "/a?b=%00"):
        equal(client.get(path).status, 200 if "?" in path else 400, path)
    equal(len(backend.requests), before + 1)


@case("an empty line before a request is skipped")
def _():
    with Client() as c:
        c.send(b"\r\n" + get(line=b"GET /crlf HTTP/1.1"))
        equal(c.response().status, 200)


@case("good requests still pass")
def _():
    equal(client.get("/good").status, 200)
    equal(client.get("/good", host="WEB:80").status, 200)


run()
