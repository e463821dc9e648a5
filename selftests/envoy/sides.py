# SPDX-License-Identifier: GPL-2.0-only
"""The two ways of a request: through Envoy, and through the kernel; what came of it at both ends."""
import socket
import struct
import subprocess
import threading
import time

from backend import Backend
from client import Client

PORT = 18080            # of all endpoints
MARK = "x-judge"        # names a request to the upstream
ANSWER = "x-answer"     # how the upstream answers

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Request:
    """What is sent, and to which address of a service.

    headers are (name, value) with Host among them, as they are written. source: the client's
    address; None: any. body: bytes; chunked: a body that is sent in two chunks.
    """

    def __init__(self, to, target="/", host="web", method="GET", headers=(), body=None,
                 chunked=False, source=None, version="HTTP/1.1", note="", repeat=1):
        self.to = to
        self.target = target
        self.host = host
        self.method = method
        self.headers = list(headers)
        self.body = body
        self.chunked = chunked
        self.source = source
        self.version = version
        self.note = note
        self.repeat = repeat

    def but(self, **changes):
        new = Request.__new__(Request)
        new.__dict__.update(self.__dict__)
        new.headers = list(self.headers)
        new.__dict__.update(changes)
        return new

    def key(self):
        return (self.to, self.source, self.wire("0"))

    def wire(self, mark):
        lines = ["%s %s %s" % (self.method, self.target, self.version)]
        if self.host is not None:
            lines.append("Host: " + self.host)
        lines += ["%s: %s" % h for h in self.headers]
        lines.append("%s: %s" % (MARK, mark))
        body = self.body or b""
        if self.chunked:
            half = len(body) // 2
            parts = [p for p in (body[:half], body[half:]) if p]
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
        elif self.body is not None:
            lines.append("Content-Length: %d" % len(body))
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def __str__(self):
        text = "%s %s host %s" % (self.method, self.target, self.host)
        for name, value in self.headers:
            text += " %s: %s" % (name, value)
        if self.body is not None:
            text += " body of %d%s" % (len(self.body), " chunked" if self.chunked else "")
        text += " to %s:%d" % self.to
        if self.source:
            text += " from " + self.source
        return text + (" (%s)" % self.note if self.note else "")


class Upstream:
    """What an endpoint saw of a request."""

    def __init__(self, endpoint, request):
        self.endpoint = endpoint
        self.method = request.method
        self.target = request.target
        self.version = request.version
        self.headers = [h for h in request.headers if h[0] != MARK]
        self.body = request.data
        self.trailers = request.trailers


class Seen:
    """What came of a request: the response, and what the upstreams saw, each attempt."""

    def __init__(self, response=None, failure=None, upstreams=(), closed=False):
        self.status = response.status if response else None
        self.reason = response.reason if response else None
        self.headers = response.headers if response else []
        self.body = response.body if response else b""
        self.framing = response.framing if response else None
        self.failure = failure
        self.upstreams = list(upstreams)
        self.closed = closed

    def get(self, name):
        values = [v for n, v in self.headers if n == name]
        return ",".join(values) if values else None


ANSWERS = {
    "204": b"HTTP/1.1 204 No Content\r\nServer: odd\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nServer: odd\r\nETag: \"1\"\r\n\r\n",
    "404": b"HTTP/1.1 404 Gone away\r\nServer: odd\r\nContent-Length: 3\r\n\r\nno\n",
    "500": b"HTTP/1.1 500 Oh\r\nServer: odd\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Busy\r\nServer: odd\r\nContent-Length: 5\r\n\r\nbusy\n",
    "date": b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: odd\r\n"
            b"Content-Length: 0\r\n\r\n",
    "plain": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain",
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Up: one\r\nX-Up: two\r\n"
               b"Via: 1.1 x\r\nContent-Length: 2\r\n\r\nok",
    "hops": b"HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
            b"Content-Length: 2\r\n\r\nok",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "location": b"HTTP/1.1 302 Found\r\nLocation: http://web/there\r\nContent-Length: 0\r\n\r\n",
    "empty": b"HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n",
    "envoy": b"HTTP/1.1 200 OK\r\nx-envoy-upstream-service-time: 9\r\nx-request-id: up\r\n"
             b"Content-Length: 0\r\n\r\n",
}


class Echo(Backend):
    """Every endpoint: it keeps what it saw by the request's mark, and answers as it was asked."""

    def __init__(self, port=PORT, first=None):
        self.marked = first.marked if first else {}
        self.ports = {port: self}
        super().__init__(port, "echo", "0.0.0.0")

    def also(self, port):
        """Endpoints on another port, too."""
        if port not in self.ports:
            self.ports[port] = Echo(port, self)

    def default(self, connection, request):
        request.body()
        endpoint = connection.sock.getsockname()
        with self.lock:
            self.marked.setdefault(request.get(MARK), []).append(
                Upstream(endpoint[0], request))
        answer = request.get(ANSWER) or ""
        if answer.startswith("wait "):
            time.sleep(float(answer[5:]))
        if answer == "close":
            connection.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            connection.close()
            return
        if answer == "last":
            connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast")
            connection.close()
            return
        if answer == "end":
            connection.close()
            return
        if answer == "reset":
            connection.reset()
            return
        if answer in ANSWERS:
            connection.send(ANSWERS[answer])
            return
        text = b"answer\n"
        connection.send(b"HTTP/1.1 200 OK\r\nServer: odd\r\nX-Up: 1\r\nContent-Length: %d\r\n\r\n" %
                        len(text) + (b"" if request.method == "HEAD" else text))

    def take(self, mark):
        with self.lock:
            return self.marked.pop(mark, [])


def proxy_header(source, destination, token):
    tlv = struct.pack("!BH", 5, len(token)) + token if token else b""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + \
        struct.pack("!HH", source[1], destination[1])
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(addresses) + len(tlv)) + addresses + tlv


class Side:
    """One way; keeps a connection for each address as long as that is allowed."""

    def __init__(self, echo, name):
        self.echo = echo
        self.name = name
        self.kept = {}
        self.count = 0

    def drop(self):
        for c in self.kept.values():
            c.close()
        self.kept = {}

    def send(self, request):
        key = (request.to, request.source)
        self.count += 1
        mark = "%s-%d" % (self.name, self.count)
        failure = response = None
        closed = False
        for attempt in range(2):
            c = self.kept.pop(key, None)
            fresh = c is None
            try:
                if fresh:
                    c = self.connect(request)
                c.send(request.wire(mark))
                response = c.response(request.method)
            except (OSError, EOFError) as error:
                if c:
                    c.close()
                if not fresh and not c.buffer and not self.echo.take(mark):
                    # A connection that was kept and had been closed meanwhile.
                    continue
                failure = type(error).__name__
            break
        if response:
            closed = response.framing == "eof" or \
                "close" in (response.get("connection") or "").lower() or \
                request.version == "HTTP/1.0"
            if closed:
                c.close()
            else:
                self.kept[key] = c
        return Seen(response, failure, self.echo.take(mark), closed)


class ThroughEnvoy(Side):
    """With the PROXY header that the kernel would send to a slow-path proxy."""

    def __init__(self, echo, port, token=None, source="127.0.0.1"):
        super().__init__(echo, "envoy%d" % port)
        self.port = port
        self.token = token.encode() if token else None
        self.source = source

    def connect(self, request):
        c = Client(("127.0.0.1", self.port))
        c.send(proxy_header((request.source or self.source, 40000), request.to, self.token))
        return c


class ThroughTwo:
    """Through one Envoy, and what it sent to the server through another: two sidecars."""

    def __init__(self, first, second):
        self.first = first
        self.second = second

    def send(self, request):
        seen = self.first.send(request)
        if not seen.upstreams:
            return seen
        got = seen.upstreams[-1]
        headers = [h for h in got.headers if h[0] not in ("host", "content-length",
                                                          "transfer-encoding")]
        host = [v for n, v in got.headers if n == "host"][0]
        judged = self.second.send(request.but(method=got.method, target=got.target, host=host,
                                              headers=headers))
        return seen if judged.upstreams else judged

    def drop(self):
        self.first.drop()
        self.second.drop()


class ThroughKernel(Side):
    """Captured; where the request has a source address, routing is made to choose it."""

    def __init__(self, echo):
        super().__init__(echo, "kernel")
        self.routes = {}

    def connect(self, request):
        set_source(self.routes, request.to[0], request.source)
        return Client(request.to)


def ip(*words, check=True):
    done = subprocess.run(["ip"] + list(words), capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError("ip %s: %s" % (" ".join(words), done.stderr))


_addresses = set()


def local_address(address):
    """Makes it one of this machine's."""
    if address.startswith("127.") or address in _addresses:
        return
    ip("address", "add", address + "/32", "dev", "lo")
    _addresses.add(address)


def set_source(routes, destination, source):
    if routes.get(destination) == source:
        return
    if source:
        local_address(source)
        ip("route", "replace", destination + "/32", "dev", "lo", "src", source)
    else:
        ip("route", "del", destination + "/32", "dev", "lo")
    routes[destination] = source
