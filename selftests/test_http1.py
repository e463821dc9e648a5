#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""HTTP/1.1 between a raw client and a raw server: framing, persistence, order, tunnels, errors."""
import hashlib
import time

import client
from backend import Backend
from client import Client
from ktap import case, equal, run, true

backend = Backend(client.PORT)
mesh = client.open_mesh()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def request(path, method="GET", headers="", body=b""):
    return ("%s %s HTTP/1.1\r\nHost: web\r\n%s\r\n" % (method, path, headers)).encode() + body


def chunked(*pieces, trailers=b""):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n" + trailers + b"\r\n"


@case("GET is answered with the backend's status, headers and body")
def _():
    r = client.get("/get?a=b")
    equal(r.status, 200)
    equal(r.get("x-backend"), "backend")
    true(r.body.startswith(b"backend GET /get?a=b 0 "), r.body)


@case("requests on one kept connection")
def _():
    with Client() as c:
        for i in range(20):
            r = c.get("/kept/%d" % i)
            equal(r.status, 200)
            true(b" /kept/%d " % i in r.body, r.body)


@case("a body with Content-Length arrives whole")
def _():
    body = bytes(range(256)) * 700
    with Client() as c:
        c.send(request("/up", "POST", "Content-Length: %d\r\n" % len(body), body))
        r = c.response()
    equal(r.body.split()[3:5], [str(len(body)).encode(), sha(body).encode()])


@case("a chunked body arrives whole")
def _():
    pieces = [b"a", b"b" * 5000, b"c" * 70000, b"\r\n0\r\n\r\n"]
    with Client() as c:
        c.send(request("/chunked", "POST", "Transfer-Encoding: chunked\r\n", chunked(*pieces)))
        r = c.response()
        equal(r.body.split()[4], sha(b"".join(pieces)).encode())
        equal(c.get("/after").status, 200)


@case("a chunked body byte by byte")
def _():
    body = chunked(b"one", b"twotwo")
    with Client() as c:
        c.send(request("/bytes", "POST", "Transfer-Encoding: chunked\r\n"))
        for i in range(len(body)):
            c.send(body[i:i + 1])
            time.sleep(0.002)
        equal(c.response().body.split()[4], sha(b"onetwotwo").encode())


@case("a head byte by byte")
def _():
    data = request("/slowly", headers="X-A: b\r\n")
    with Client() as c:
        for i in range(len(data)):
            c.send(data[i:i + 1])
            time.sleep(0.002)
        equal(c.response().status, 200)
    equal(backend.seen("/slowly")[0].get("x-a"), "b")


@case("pipelined requests are answered in order")
def _():
    backend.answer("/first", 0.5, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
    with Client() as c:
        c.send(request("/first") + b"".join(request("/p/%d" % i) for i in range(10)))
        equal(c.response().body, b"first")
        for i in range(10):
            true(b" /p/%d " % i in c.response().body, "order")


@case("pipelined requests with bodies")
def _():
    data = b""
    for i in range(8):
        if i % 2:
            data += request("/pb/%d" % i, "POST", "Transfer-Encoding: chunked\r\n",
                            chunked(b"x" * i, b"y" * i))
        else:
            data += request("/pb/%d" % i, "POST", "Content-Length: %d\r\n" % (i * 10), b"z" * i * 10)
    with Client() as c:
        c.send(data)
        for i in range(8):
            words = c.response().body.split()
            equal(words[2], b"/pb/%d" % i)
            equal(words[3], b"%d" % (i * 2 if i % 2 else i * 10))


@case("HEAD: the length stays, no body, the connection goes on")
def _():
    with Client() as c:
        r = c.get("/head", method="HEAD")
        equal(r.status, 200)
        true(int(r.get("content-length")) > 0, "content-length of HEAD")
        equal(c.get("/after-head").status, 200)


@case("HEAD answered with Transfer-Encoding has no body")
def _():
    backend.answer("/head-te", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with Client() as c:
        equal(c.get("/head-te", method="HEAD").status, 200)
        equal(c.get("/after-head").status, 200)


@case("204 has no body and the connection goes on")
def _():
    backend.answer("/204", b"HTTP/1.1 204 No Content\r\n\r\n")
    with Client() as c:
        r = c.get("/204")
        equal(r.status, 204)
        equal(r.get("transfer-encoding"), None)
        equal(c.get("/after").status, 200)


@case("304 with Content-Length has no body and the connection goes on")
def _():
    backend.answer("/304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n")
    with Client() as c:
        r = c.get("/304")
        equal((r.status, r.get("etag")), (304, '"a"'))
        equal(c.get("/after").status, 200)


@case("103 reaches an HTTP/1.1 client before the final response")
def _():
    backend.answer("/103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0.1,
                   b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    interim = []
    with Client() as c:
        c.send(request("/103"))
        r = c.response(interim=interim)
    equal([i.status for i in interim], [103])
    equal(interim[0].get("link"), "</a>")
    equal(r.body, b"ok")


@case("1xx does not reach an HTTP/1.0 client")
def _():
    with Client() as c:
        c.send(b"GET /103 HTTP/1.0\r\nHost: web\r\n\r\n")
        equal(c.head().status, 200)


@case("Expect: 100-continue: the server's 100 comes before the body is sent")
def _():
    def handler(connection, req):
        equal(req.get("expect"), "100-continue")
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.reply(req.body())
    backend.on("/expect", handler)
    with Client() as c:
        c.send(request("/expect", "POST", "Content-Length: 4\r\nExpect: 100-continue\r\n"))
        equal(c.head().status, 100)
        c.send(b"body")
        equal(c.response().body, b"body")
        equal(c.get("/after").status, 200)


@case("Expect: 100-continue refused: the final response comes without the body")
def _():
    def handler(connection, _req):
        connection.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n"
                        b"Connection: close\r\n\r\n")
        connection.close()
    backend.on("/expect-no", handler)
    with Client() as c:
        c.send(request("/expect-no", "POST", "Content-Length: 4\r\nExpect: 100-continue\r\n"))
        equal(c.response().status, 417)


@case("an answer before the request's body was sent")
def _():
    backend.answer("/early", b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"
                   b"Connection: close\r\n\r\nbig", lambda c: c.wait_end(5))
    with Client() as c:
        c.send(request("/early", "POST", "Content-Length: 1000000\r\n", b"x" * 1000))
        r = c.response()
        equal((r.status, r.body), (413, b"big"))


@case("101: bytes pass both ways after the switch")
def _():
    def handler(connection, req):
        equal(req.get("upgrade"), "websocket")
        true("upgrade" in (req.get("connection") or "").lower(), "Connection: upgrade arrives")
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        b"Upgrade: websocket\r\n\r\nfirst from the server")
        connection.send(connection.exactly(5)[::-1])
        connection.wait_end()
        connection.close()
    backend.on("/ws", handler)
    with Client() as c:
        c.send(request("/ws", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        r = c.response()
        equal((r.status, r.get("upgrade")), (101, "websocket"))
        equal(c.exactly(21), b"first from the server")
        c.send(b"hello")
        equal(c.exactly(5), b"olleh")


@case("101: bytes sent right behind the request are the tunnel's")
def _():
    def handler(connection, _req):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        b"Upgrade: echo\r\n\r\n")
        connection.send(connection.exactly(5))
        connection.close()
    backend.on("/ws-early", handler)
    with Client() as c:
        c.send(request("/ws-early", headers="Connection: Upgrade\r\nUpgrade: echo\r\n", body=b"early"))
        equal(c.response().status, 101)
        equal(c.exactly(5), b"early")
        equal(c.ended(), "eof")


@case("an upgrade that the server ignores stays HTTP")
def _():
    with Client() as c:
        equal(c.get("/no-upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n").status, 200)
        equal(c.get("/after").status, 200)


@case("101 that nobody asked for is refused")
def _():
    backend.answer("/rude", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                   b"Upgrade: x\r\n\r\n", lambda c: c.wait_end(5))
    with Client() as c:
        equal(c.get("/rude").status // 100, 5)


@case("CONNECT: bytes pass both ways after 200")
def _():
    def handler(connection, _req):
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.send(connection.exactly(4).upper())
        connection.close()
    backend.on("web:80", handler)
    with Client() as c:
        c.send(b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n")
        equal(c.response("CONNECT").status, 200)
        c.send(b"ping")
        equal(c.exactly(4), b"PING")
        equal(c.ended(), "eof")


@case("CONNECT refused is an ordinary response")
def _():
    backend.answer("web:80", b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\n\r\nno")
    with Client() as c:
        c.send(b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n")
        r = c.response("CONNECT")
        equal((r.status, r.body), (405, b"no"))


@case("HTTP/1.0: answered, then closed")
def _():
    with Client() as c:
        c.send(b"GET /ten HTTP/1.0\r\nHost: web\r\n\r\n")
        r = c.response()
        equal(r.status, 200)
        equal(c.ended(), "eof")


@case("HTTP/1.0 with keep-alive stays open")
def _():
    with Client() as c:
        for _ in range(2):
            c.send(b"GET /ten-kept HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n")
            r = c.response()
            equal(r.status, 200)
            equal((r.get("connection") or "").lower(), "keep-alive")


@case("a chunked response reaches an HTTP/1.0 client without its chunks")
def _():
    backend.answer("/chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   chunked(b"abc", b"defg"))
    with Client() as c:
        c.send(b"GET /chunks HTTP/1.0\r\nHost: web\r\n\r\n")
        r = c.response()
        equal(r.get("transfer-encoding"), None)
        equal(r.body, b"abcdefg")


@case("a chunked response reaches an HTTP/1.1 client whole")
def _():
    with Client() as c:
        equal(c.get("/chunks").body, b"abcdefg")
        equal(c.get("/after").status, 200)


@case("a body that ends with the connection reaches an HTTP/1.1 client whole")
def _():
    def handler(connection, _req):
        connection.send(b"HTTP/1.1 200 OK\r\nX-Eof: 1\r\n\r\n")
        for _ in range(20):
            connection.send(b"0123456789" * 1000)
        connection.close()
    backend.on("/eof", handler)
    with Client() as c:
        r = c.get("/eof")
        equal(sha(r.body), sha(b"0123456789" * 20000))
        equal(r.framing, "chunked")
        equal(c.get("/after").status, 200)


@case("a body that ends with the connection reaches an HTTP/1.0 client whole")
def _():
    with Client() as c:
        c.send(b"GET /eof HTTP/1.0\r\nHost: web\r\n\r\n")
        r = c.response()
        equal(sha(r.body), sha(b"0123456789" * 20000))
        equal(r.get("transfer-encoding"), None)


@case("a response of an HTTP/1.0 server")
def _():
    def handler(connection, _req):
        connection.send(b"HTTP/1.0 200 OK\r\n\r\nold")
        connection.close()
    backend.on("/old", handler)
    with Client() as c:
        r = c.get("/old")
        equal((r.version, r.body), ("HTTP/1.1", b"old"))
        equal(c.get("/after").status, 200)


@case("trailers of a response")
def _():
    backend.answer("/trailers", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                   + chunked(b"abc", trailers=b"X-T: yes\r\n"))
    with Client() as c:
        r = c.get("/trailers", "TE: trailers\r\nConnection: TE\r\n")
        equal((r.body, r.trailers), (b"abc", [("x-t", "yes")]))
        equal(c.get("/after").status, 200)


@case("trailers of a request")
def _():
    with Client() as c:
        c.send(request("/trail-up", "POST", "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n",
                       chunked(b"abc", trailers=b"X-T: up\r\n")))
        equal(c.response().status, 200)
    equal(backend.seen("/trail-up")[0].trailers, [("x-t", "up")])


@case("Connection: close of the client closes after the response")
def _():
    with Client() as c:
        r = c.get("/bye", "Connection: close\r\n")
        equal((r.status, (r.get("connection") or "").lower()), (200, "close"))
        equal(c.ended(), "eof")


@case("Connection: close of the server is its own affair")
def _():
    def handler(connection, _req):
        connection.reply(b"x", headers=[("Connection", "close")])
        connection.close()
    backend.on("/server-close", handler)
    with Client() as c:
        for _ in range(3):
            r = c.get("/server-close")
            equal((r.status, r.body), (200, b"x"))
            true("close" not in (r.get("connection") or "").lower(), "Connection: close passed on")


@case("hop-by-hop headers end here, in both directions")
def _():
    backend.answer("/hop", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x-mine, keep-alive\r\n"
                   b"X-Mine: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n\r\n")
    r = client.get("/hop", "Connection: x-secret, keep-alive\r\nX-Secret: 1\r\nX-Open: 1\r\n"
                   "Keep-Alive: 3\r\nProxy-Connection: keep-alive\r\n")
    seen = backend.seen("/hop")[-1]
    for name in ("x-secret", "keep-alive", "proxy-connection"):
        equal(seen.get(name), None, "request " + name)
    equal(seen.get("x-open"), "1")
    for name in ("x-mine", "keep-alive"):
        equal(r.get(name), None, "response " + name)
    equal(r.get("x-kept"), "1")


@case("any method is passed on as it is written")
def _():
    equal(client.get("/brew", method="BREW").status, 200)
    equal(backend.seen("/brew")[0].method, "BREW")


@case("absolute-form: the target's host counts, origin-form is forwarded")
def _():
    with Client() as c:
        c.send(b"GET http://web/absolute?x HTTP/1.1\r\nHost: other\r\n\r\n")
        equal(c.response().status, 200)
    seen = backend.wait_seen("/absolute")[0]
    equal((seen.target, seen.get("host")), ("/absolute?x", "web"))


@case("OPTIONS *")
def _():
    equal(client.get("*", method="OPTIONS").status, 200)
    equal(backend.seen("*")[0].method, "OPTIONS")


@case("repeated headers keep their order and number")
def _():
    backend.answer("/cookies", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\n"
                   b"X-Y: 1\r\nSet-Cookie: b=2\r\n\r\n")
    r = client.get("/cookies", "X-R: 1\r\nX-Q: 0\r\nX-R: 2\r\n")
    equal([v for n, v in r.headers if n == "set-cookie"], ["a=1", "b=2"])
    equal([v for n, v in backend.seen("/cookies")[0].headers if n == "x-r"], ["1", "2"])


@case("the path is normalised before it is forwarded, the query is not")
def _():
    client.need_mesh()
    equal(client.get("/a/./b/../%63?q=/../%63").status, 200)
    equal(len(backend.seen("/a/c")), 1)
    equal(backend.seen("/a/c")[0].target, "/a/c?q=/../%63")


@case("a denied path in every disguise is 403 and the backend sees nothing")
def _():
    client.need_mesh()
    before = len(backend.requests)
    for path in ("/denied", "/denied/x", "/x/../denied", "/./denied", "/%64enied", "\\denied",
                 "/x\\..\\denied", "/%2e/denied", "/x/%2e%2e/denied"):
        if not path.startswith("/"):
            path = "/" + path
        r = client.get(path)
        if path == "/\\denied":         # becomes //denied: another path, as in Istio
            continue
        equal(r.status, 403, path)
        equal(r.body, b"RBAC: access denied", path)
    true(len(backend.requests) <= before + 1, "requests at the backend")


@case("a direct response")
def _():
    client.need_mesh()
    with Client() as c:
        equal(c.get("/direct").body, b"direct\n")
        r = c.get("/direct", method="HEAD")
        equal((r.status, r.get("content-length")), (200, "7"))
        equal(c.get("/after").status, 200)


@case("a local reply to a request with a body: the body is never the next request")
def _():
    client.need_mesh()
    inner = request("/inner")
    for path, status in (("/direct", 200), ("/denied", 403)):
        for headers, body in (("Content-Length: %d\r\n" % len(inner), inner),
                              ("Transfer-Encoding: chunked\r\n", chunked(inner))):
            with Client() as c:
                c.send(request(path, "POST", headers, body))
                r = c.response()
                equal(r.status, status)
                # Either the body is taken off the connection, or that ends; and says so.
                if (r.get("connection") or "").lower() == "close":
                    equal(c.ended(), "eof")
                else:
                    equal(c.get("/after").status, 200)
    equal(backend.seen("/inner"), [])


@case("x-request-id is made where absent, kept where given")
def _():
    client.need_mesh()
    client.get("/id-new")
    client.get("/id-kept", "X-Request-Id: mine\r\n")
    true(len(backend.seen("/id-new")[0].get("x-request-id") or "") >= 32, "a new x-request-id")
    equal(backend.seen("/id-kept")[0].get("x-request-id"), "mine")
    equal(backend.seen("/id-new")[0].get("x-forwarded-proto"), "http")


@case("date is added where absent, server is passed on")
def _():
    client.need_mesh()
    r = client.get("/date")
    true(r.get("date") and r.get("date").endswith(" GMT"), "date: %r" % r.get("date"))
    equal(r.get("server"), "odd")


@case("HTTP/2.0 in the request line is 505")
def _():
    with Client() as c:
        c.send(b"GET / HTTP/2.0\r\nHost: web\r\n\r\n")
        equal(c.response().status, 505)
        equal(c.ended(), "eof")


@case("no route for a host that is not known: 404 or where it was going")
def _():
    client.need_mesh()
    r = client.get("/unknown-host", host="nobody.example")
    true(r.status in (200, 404), "status %d" % r.status)


@case("no endpoint: 503 UH")
def _():
    client.need_mesh()
    with Client() as c:
        r = c.get("/empty")
        equal((r.status, r.get("x-l7fp-reason")), (503, "UH"))
        equal(c.get("/after").status, 200)


@case("a refused connection: 503 UF")
def _():
    client.need_mesh()
    with Client() as c:
        r = c.get("/refused")
        equal((r.status, r.get("x-l7fp-reason")), (503, "UF"))
        equal(c.get("/after").status, 200)


@case("the server closes before it answers: 503 UC")
def _():
    backend.on("/close", lambda connection, _req: connection.close())
    with Client() as c:
        c.send(request("/close", "POST", "Content-Length: 0\r\n"))
        r = c.response()
        true(r.status in (502, 503), "status %d" % r.status)
        if client.mesh:
            equal((r.status, r.get("x-l7fp-reason")), (503, "UC"))
        equal(c.get("/after").status, 200)


@case("the server resets before it answers: 503")
def _():
    backend.on("/reset", lambda connection, _req: connection.reset())
    with Client() as c:
        c.send(request("/reset", "POST", "Content-Length: 0\r\n"))
        r = c.response()
        true(r.status in (502, 503), "status %d" % r.status)
        equal(c.get("/after").status, 200)


@case("a response that ends early is not a whole response")
def _():
    backend.answer("/short", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                   lambda c: c.close())
    with Client() as c:
        c.send(request("/short"))
        r = c.head()
        equal(r.get("content-length"), "100")
        try:
            c.exactly(100)
        except (EOFError, ConnectionResetError):
            return
        raise AssertionError("a whole body")


@case("a chunked response that ends early is not a whole response")
def _():
    backend.answer("/short-chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5\r\nhello\r\n", lambda c: c.close())
    with Client() as c:
        c.send(request("/short-chunks"))
        c.head()
        try:
            data = c.rest()
        except ConnectionResetError:
            return
        true(not data.endswith(b"0\r\n\r\n"), "the body looks complete: %r" % data)


@case("a bad chunk in a response is not a whole response")
def _():
    backend.answer("/bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5\r\nhello\r\nxyz\r\n0\r\n\r\n", lambda c: c.wait_end(5))
    with Client() as c:
        c.send(request("/bad-chunk"))
        try:
            if c.head().status == 502:
                return
            data = c.rest()
        except (ConnectionResetError, EOFError):
            return
        true(not data.endswith(b"0\r\n\r\n"), "the body looks complete: %r" % data)


BAD_RESPONSES = [
    ("garbage", b"hello\r\n\r\n"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("length and chunked", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("obs-fold", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("space before colon", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ("status 99", b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"),
    ("NUL", b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n"),
]


@case("a malformed response is 502 and its connection is not used again")
def _():
    client.need_mesh()
    for name, data in BAD_RESPONSES:
        backend.answer("/bad", data, lambda c: c.wait_end(5), lambda c: c.close())
        with Client() as c:
            equal(c.get("/bad").status, 502, name)
            equal(c.get("/after").status, 200, name)


@case("a pooled connection that closes as a GET comes: sent again, once")
def _():
    client.need_mesh()

    def handler(connection, _req):
        # The first request on a connection is answered, the second one meets the close.
        if connection.released:
            connection.close()
            return
        connection.released = True
        connection.reply(b"ok")
    backend.on("/stale", handler)
    with Client() as c:
        for _ in range(4):
            r = c.get("/stale")
            equal((r.status, r.body), (200, b"ok"))
    # A connection that was new is not tried again.
    count = len(backend.seen("/close"))
    equal(client.get("/close").status, 503)
    true(len(backend.seen("/close")) - count <= 2, "sent %d times" %
         (len(backend.seen("/close")) - count))


@case("a POST is not sent again")
def _():
    client.need_mesh()
    with Client() as c:
        equal(c.get("/stale").status, 200)
        count = len(backend.seen("/stale"))
        c.send(request("/stale", "POST", "Content-Length: 1\r\n", b"x"))
        r = c.response()
        equal(len(backend.seen("/stale")) - count, 1, "times that the backend saw it")
        true(r.status in (200, 503), "status %d" % r.status)


@case("a route's timeout: 504 UT, and the late answer goes to nobody")
def _():
    client.need_mesh()
    backend.answer("/timeout", 2, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
    with Client() as c:
        r = c.get("/timeout")
        equal((r.status, r.get("x-l7fp-reason")), (504, "UT"))
        for _ in range(5):
            true(b"GET /after " in c.get("/after").body, "the next answer")
            time.sleep(0.4)


@case("the backend met nothing that it could not read")
def _():
    equal(backend.errors, [])


run()
