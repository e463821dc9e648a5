# SPDX-License-Identifier: GPL-2.0-only
"""HTTP/2 frames by hand (RFC 9113), without dynamic table (RFC 7541): what a test must control."""
import socket
import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9)
ACK, END_STREAM, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 8, 11
# SETTINGS_HEADER_TABLE_SIZE of 0: no field of the peer's refers to an earlier one.
NO_TABLE = struct.pack(">HI", 1, 0)
STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
# RFC 7541, appendix B: the digits.
DIGITS = {"00000": 0, "00001": 1, "00010": 2, "011001": 3, "011010": 4, "011011": 5,
          "011100": 6, "011101": 7, "011110": 8, "011111": 9}


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A literal field without indexing, of up to 126 bytes each."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def get(path, authority=b"web", *more):
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", authority),
              (b":path", path), *more]
    return b"".join(literal(n, v) for n, v in fields)


def status(block):
    """The status of a response's field block, which comes first."""
    at = 0
    while block[at] & 0xe0 == 0x20:
        at += 1
    first = block[at]
    if first & 0x80:
        return STATUS[first & 0x7f]
    length = block[at + 1]
    value = block[at + 2:at + 2 + (length & 0x7f)]
    if not length & 0x80:
        return int(value)
    bits, digits, code = "".join("{:08b}".format(b) for b in value), 0, ""
    for bit in bits:
        code += bit
        if code in DIGITS and digits < 1000:
            digits, code = digits * 10 + DIGITS[code], ""
    return digits


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def take(self, length):
        while len(self.buffer) < length:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the connection ended")
            self.buffer += more
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def frame(self):
        """The next one as (type, flags, stream, payload)."""
        head = self.take(9)
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return kind, flags, stream, self.take(length)

    def until(self, kind, stream=None):
        """Frames up to the first of that type (and stream), which is returned."""
        while True:
            f = self.frame()
            if f[0] == kind and stream in (None, f[2]) and not (kind == SETTINGS and f[1] & ACK):
                return f

    def goaway(self):
        """Error code and debug data of the GOAWAY that must come."""
        payload = self.until(GOAWAY)[3]
        return struct.unpack(">I", payload[4:8])[0], payload[8:]


def client(address, seconds=20):
    c = Connection(socket.create_connection(address, seconds))
    c.send(PREFACE, frame(SETTINGS, payload=NO_TABLE))
    return c


class Server:
    """Answers 200, keeps quiet about /hold. @proxied: each connection has a PROXY header first."""

    def __init__(self, port, proxied=False, body=b"served"):
        self.requests = 0
        self.blocks = []        # of their fields
        self.resets = 0
        self.ended = 0
        self.headers = []       # what follows the signature, of each connection that has one
        self.proxied = proxied
        self.body = body
        self.resets_after = 0   # how often each stream is reset after its response
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # The accept() under way holds the listener: shutdown wakes it.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(Connection(sock),), daemon=True).start()

    def serve(self, c):
        try:
            if self.proxied:
                head = c.take(16)
                self.headers.append(head[12:] + c.take(struct.unpack(">H", head[14:])[0]))
            if c.take(len(PREFACE)) != PREFACE:
                raise EOFError("no preface")
            c.send(frame(SETTINGS, payload=NO_TABLE))
            while True:
                kind, flags, stream, payload = c.frame()
                if kind == SETTINGS and not flags & ACK:
                    c.send(frame(SETTINGS, ACK))
                elif kind == PING and not flags & ACK:
                    c.send(frame(PING, ACK, 0, payload))
                elif kind == RST_STREAM:
                    self.resets += 1
                elif kind == HEADERS:
                    self.requests += 1
                    self.blocks.append(payload)
                    # A raw string, or Huffman's code of "hold".
                    if b"/hold" in payload or b"\x62\x73\xd1\x27" in payload:
                        continue
                    c.send(frame(HEADERS, END_HEADERS, stream, b"\x88"),
                           frame(DATA, END_STREAM, stream, self.body),
                           *[frame(RST_STREAM, 0, stream, struct.pack(">I", NO_ERROR))] *
                           self.resets_after)
        except (EOFError, OSError):
            self.ended += 1
            c.sock.close()
