#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP/1.1 server that records all that it saw and answers as it is told.

In a test: backend = Backend(port); backend.on("/path", function), where
function(connection, request) writes whatever bytes it likes. Without a
function a request is answered with 200 and a body that says what arrived.

As a program: backend.py PORT answers
  GET  /bytes/N           N bytes of pattern(), with Content-Length
  GET  /bytes/N?chunked   the same, chunked
  PUT or POST /sha256     the sha256 of the body
"""
import hashlib
import re
import socket
import struct
import sys
import threading
import time

import ktap

BLOCK = 1 << 20


def _base():
    block = b"".join(hashlib.sha256(struct.pack("<I", i)).digest() for i in range(BLOCK // 32))
    return block + block


_pattern = None


def pattern(size):
    """size bytes that differ from place to place, in pieces of at most 1 MiB."""
    global _pattern
    if _pattern is None:
        _pattern = _base()
    at = 0
    while at < size:
        turn = at // BLOCK * 4099 % BLOCK
        n = min(BLOCK, size - at)
        yield memoryview(_pattern)[turn:turn + n]
        at += n


def pattern_sha256(size):
    digest = hashlib.sha256()
    for piece in pattern(size):
        digest.update(piece)
    return digest.hexdigest()


class Request:
    """A request head; body() reads what follows it."""

    def __init__(self, connection, head):
        self.connection = connection
        self.head = head
        lines = head[:-4].split(b"\r\n")
        self.method, self.target, self.version = lines[0].decode("latin-1").split(" ")
        self.headers = []
        for line in lines[1:]:
            name, value = line.split(b":", 1)
            self.headers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        self.path = self.target.partition("?")[0]
        self.trailers = []
        self.data = None
        self.complete = False

    def get(self, name):
        """The values of a header, joined with commas; None when absent."""
        values = [v for n, v in self.headers if n == name]
        return ",".join(values) if values else None

    def pieces(self):
        """The body as it arrives."""
        c = self.connection
        if self.get("transfer-encoding"):
            while True:
                line = c.line()
                size = int(line.partition(b";")[0], 16)
                if not size:
                    break
                while size:
                    piece = c.some(size)
                    size -= len(piece)
                    yield piece
                if c.exactly(2) != b"\r\n":
                    raise ValueError("chunk without an end")
            while True:
                line = c.line()
                if not line:
                    break
                name, value = line.split(b":", 1)
                self.trailers.append((name.decode("latin-1").lower(),
                                      value.strip().decode("latin-1")))
        else:
            left = int(self.get("content-length") or 0)
            while left:
                piece = c.some(left)
                left -= len(piece)
                yield piece
        self.complete = True

    def body(self):
        if self.data is None:
            self.data = b"".join(self.pieces())
        return self.data


class Connection:
    """One accepted connection, from the server's side."""

    def __init__(self, backend, sock, number):
        self.backend = backend
        self.sock = sock
        self.number = number
        self.buffer = b""
        self.received = 0
        self.ended = None       # how the peer's bytes ended: "eof" or "reset"
        self.open = True
        self.released = False

    def _recv(self):
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            self.ended = "reset"
            raise
        if not data:
            self.ended = "eof"
            raise EOFError("the peer closed")
        self.received += len(data)
        return data

    def until(self, mark):
        while mark not in self.buffer:
            self.buffer += self._recv()
        data, _, rest = self.buffer.partition(mark)
        self.buffer = rest
        return data + mark

    def line(self):
        return self.until(b"\r\n")[:-2]

    def some(self, most):
        if not self.buffer:
            self.buffer = self._recv()
        data, self.buffer = self.buffer[:most], self.buffer[most:]
        return data

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += self.some(size - len(data))
        return data

    def request(self):
        """The next request head; raises EOFError at a clean end."""
        request = Request(self, self.until(b"\r\n\r\n"))
        with self.backend.lock:
            self.backend.requests.append(request)
            self.backend.changed.notify_all()
        return request

    def send(self, data):
        self.sock.sendall(data)

    def reply(self, body=b"", status="200 OK", headers=()):
        lines = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)]
        lines += ["%s: %s" % h for h in headers]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def wait_end(self, seconds=20):
        """Throws away what comes until the peer ends; "eof", "reset" or None when it does not."""
        self.sock.settimeout(seconds * ktap.SCALE)
        try:
            while True:
                self._recv()
        except (EOFError, OSError):
            return self.ended

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.open = False
        try:
            self.sock.close()
        except OSError:
            pass


class Backend:
    """Listens on 127.0.0.1:port; each connection has a thread."""

    def __init__(self, port, name="backend", address="127.0.0.1"):
        self.name = name
        self.port = port
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.requests = []
        self.connections = []
        self.handlers = {}
        self.errors = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, path, function):
        self.handlers[path] = function

    def answer(self, path, *steps):
        """Answers path with steps: bytes to send, a number of seconds to wait, or a function."""
        def handler(connection, _request):
            for step in steps:
                if isinstance(step, (bytes, bytearray)):
                    connection.send(step)
                elif isinstance(step, (int, float)):
                    time.sleep(step)
                else:
                    step(connection)
        self.on(path, handler)

    def seen(self, path=None):
        with self.lock:
            return [r for r in self.requests if path is None or r.path == path]

    def wait_seen(self, path, count=1, seconds=20):
        """The requests for path, once there are that many."""
        end = time.monotonic() + seconds * ktap.SCALE
        with self.lock:
            while True:
                found = [r for r in self.requests if r.path == path]
                left = end - time.monotonic()
                if len(found) >= count or left <= 0:
                    return found
                self.changed.wait(left)

    def _accept(self):
        while True:
            sock, _ = self.listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while connection.open:
                request = connection.request()
                handler = self.handlers.get(request.path, self.default)
                handler(connection, request)
                if connection.open and handler is not self.default:
                    # A handler that did not look at the body: the next request is behind it.
                    if request.data is None and not request.complete:
                        request.body()
        except (EOFError, OSError):
            pass
        except Exception as error:
            self.errors.append("%s: %r" % (self.name, error))
        finally:
            connection.close()
            with self.lock:
                self.changed.notify_all()

    def default(self, connection, request):
        body = request.body()
        text = "%s %s %s %d %s\n" % (self.name, request.method, request.target, len(body),
                                     hashlib.sha256(body).hexdigest())
        data = text.encode()
        connection.send(b"HTTP/1.1 200 OK\r\nServer: odd\r\nX-Backend: %s\r\nContent-Length: %d\r\n\r\n"
                        % (self.name.encode(), len(data)) +
                        (b"" if request.method == "HEAD" else data))


def send_pattern(connection, request):
    """GET /bytes/N: the pattern, with a length or chunked."""
    size = int(request.path.rpartition("/")[2])
    request.body()
    if "chunked" in request.target:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pattern(size):
            connection.send(b"%x\r\n" % len(piece))
            connection.send(piece)
            connection.send(b"\r\n")
        connection.send(b"0\r\n\r\n")
    else:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for piece in pattern(size):
            connection.send(piece)


def send_sha256(connection, request):
    """PUT /sha256: the digest of the body, read as it comes."""
    if request.get("expect"):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    digest = hashlib.sha256()
    size = 0
    for piece in request.pieces():
        digest.update(piece)
        size += len(piece)
    kind = "chunked" if request.get("transfer-encoding") else "length"
    connection.reply(digest.hexdigest().encode() + b"\n", headers=[("x-size", size), ("x-kind", kind)])


class Sizes(dict):
    """Handlers by path, with one for all of /bytes/."""

    def get(self, path, default=None):
        if re.fullmatch(r"/bytes/[0-9]+", path):
            return send_pattern
        return dict.get(self, path, default)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    backend = Backend(int(sys.argv[1]))
    backend.handlers = Sizes({"/sha256": send_sha256})
    threading.Event().wait()


if __name__ == "__main__":
    main()
