#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""HTTP/2 with prior knowledge, both sides: streams, the policy on each, limits, and the end."""
import os
import socket
import struct
import subprocess
import time

import bpf
import genl
import h2
import netns
from genl import C
from ktap import SCALE, case, cases, equal, run, true

PORT, SERVER, PROXY = 15931, 15932, 15933
TARGET = ("127.0.0.1", PORT)
NO_REQUEST_ID = 1 << 0  # L7FP_LISTENER_NO_REQUEST_ID
APP_PORTS = 1 << 5      # L7FP_LISTENER_APP_PORTS


def forward_but(path, how="L7FP_MATCH_EXACT", otherwise=None):
    """request: no route (or that) for that path, string 0; the rest goes to cluster 1."""
    m = netns.module()
    otherwise = otherwise or bpf.call(m, "l7fp_no_route") + bpf.exit_()
    yes = bpf.call(m, "l7fp_set_cluster", 1) + bpf.mov(0, C["L7FP_FORWARD"]) + bpf.exit_()
    code = bpf.begin() + bpf.call(m, "l7fp_field_match", C["L7FP_FIELD_PATH"],
                                  C[how], 0)
    code += bpf.insn(0x57, 0, 0, 0, 1) + bpf.insn(0x55, 0, 0, len(yes) // 8, 0) + yes
    return code + otherwise, genl.string(0, path)


class Mesh(netns.Net):
    def __init__(self, protocol="L7FP_CLUSTER_HTTP2", listener="L7FP_PROTOCOL_HTTP2", flags=0):
        super().__init__()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.server = h2.Server(SERVER)
        self.do("CLUSTER_NEW", genl.cluster(
            1, "one", genl.u32(C["L7FP_A_CLUSTER_PROTOCOL"], C[protocol])))
        self.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", SERVER))
        self.do("LISTENER_NEW", genl.listener(
            1, PORT, "127.0.0.1",
            genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C[listener]),
            genl.u32(C["L7FP_A_LISTENER_FLAGS"], flags),
            genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 1) if "DETECT" in listener else b""))
        code, *tables = forward_but(b"/no")
        self.map = self.ready(1, code, *tables)
        self.link = bpf.attach(self.map)

    def swap(self, number, code, *tables):
        fd = self.ready(number, code, *tables)
        bpf.update(self.link, fd)
        os.close(fd)

    def __exit__(self, *_):
        os.close(self.link)
        os.close(self.map)
        self.server.close()
        super().__exit__()

    def stat(self, name):
        return sum(struct.unpack("=Q", s[C["L7FP_A_STAT_VALUE"]])[0]
                   for s in (genl.table(x[C["L7FP_A_STAT"]]) for x in self.dump("STATS_GET"))
                   if s[C["L7FP_A_STAT_NAME"]] == name.encode() + b"\0")


def request(c, stream, path, *more):
    c.send(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, h2.get(path, b"web", *more)))


def answer(c, stream):
    return h2.status(c.until(h2.HEADERS, stream)[3])


@case("each stream is judged, forwarded or refused; streams share a connection to the server")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        for stream, path, expected in ((1, b"/a", 200), (3, b"/no", 404), (5, b"/b", 200)):
            request(c, stream, path)
            equal((path, answer(c, stream)), (path, expected))
            if expected == 200:
                equal(c.until(h2.DATA, stream)[3], b"served")
        # A path that means the refused one is refused.
        request(c, 7, b"/x/../%6eo")
        equal(answer(c, 7), 404)
        with h2.client(TARGET) as other:
            for c2, stream in ((c, 9), (other, 1), (c, 11), (other, 3)):
                request(c2, stream, b"/c")
                equal(answer(c2, stream), 200)
        equal(m.server.requests, 6)
        equal(m.stat("downstream_cx_http2_total"), 2)


@case("streams at one time: a held one stands in nobody's way")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        request(c, 1, b"/hold")
        for stream in range(3, 2 * C["L7FP_H2_MAX_STREAMS"], 2):
            request(c, stream, b"/hold")
        # One more than is allowed.
        last = 2 * C["L7FP_H2_MAX_STREAMS"] + 1
        request(c, last, b"/a")
        equal(struct.unpack(">I", c.until(h2.RST_STREAM, last)[3])[0], 7)
        with h2.client(TARGET) as other:
            request(other, 1, b"/a")
            equal(answer(other, 1), 200)
        netns.eventually(lambda: m.server.requests == C["L7FP_H2_MAX_STREAMS"] + 1, "all arrive")
        c.send(h2.frame(h2.RST_STREAM, 0, 1, struct.pack(">I", h2.CANCEL)))
        netns.eventually(lambda: m.server.resets == 1, "the server hears of the reset")


@case("a server of the other version: 502")
def _():
    with Mesh("L7FP_CLUSTER_HTTP1") as m, h2.client(TARGET) as c:
        request(c, 1, b"/a")
        equal(answer(c, 1), 502)
        request(c, 3, b"/no")
        equal(answer(c, 3), 404)
        equal(m.server.requests, 0)


@case("what is no HTTP/2 ends the connection, nothing is forwarded")
def _():
    with Mesh() as m:
        with h2.client(TARGET) as c:
            c.send(h2.frame(h2.DATA, 0, 1, b"x"))
            equal(c.goaway()[0], h2.PROTOCOL_ERROR)
        for field in ((b"Upper", b"x"), (b"connection", b"close"), (b"te", b"gzip")):
            with h2.client(TARGET) as c:
                request(c, 1, b"/a", field)
                code = struct.unpack(">I", c.until(h2.RST_STREAM, 1)[3])[0]
                equal((field, code), (field, h2.PROTOCOL_ERROR))
        equal(m.server.requests, 0)


@cases([("the preface tells HTTP/2: %s%s" % (kind.lower(), ", app ports" if app else ""),
         kind, app) for kind in ("HTTP", "DETECT") for app in (0, 1)])
def _(kind, app):
    with Mesh("L7FP_CLUSTER_HTTP2", "L7FP_PROTOCOL_" + kind, APP_PORTS if app else 0) as m:
        hello = h2.PREFACE + h2.frame(h2.SETTINGS, payload=h2.NO_TABLE)
        hello += h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, h2.get(b"/a"))
        # In one piece, and cut at each place that means something else to each reader.
        for cut in (0, 1, 3, 14, 18, 23, 24, 25, 40):
            with h2.Connection(socket.create_connection(TARGET, 20)) as c:
                c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if cut:
                    c.send(hello[:cut])
                    time.sleep(0.02)
                c.send(hello[cut:])
                equal((cut, answer(c, 1)), (cut, 200))
                equal(c.until(h2.DATA, 1)[3], b"served")
                request(c, 3, b"/no")
                equal(answer(c, 3), 404)
        with h2.Connection(socket.create_connection(TARGET, 20)) as c:
            for at in range(len(hello)):
                c.send(hello[at:at + 1])
            equal(answer(c, 1), 200)
        equal(m.server.requests, 10)
        # Requests of HTTP/1 are none of HTTP/2's, and no preface comes behind one.
        with h2.Connection(socket.create_connection(TARGET, 20)) as c:
            c.send(b"GET /a HTTP/1.1\r\nHost: web\r\n\r\n")
            equal(c.take(12), b"HTTP/1.1 502")
        if kind == "HTTP":
            with h2.Connection(socket.create_connection(TARGET, 20)) as c:
                c.send(b"GET /no HTTP/1.1\r\nHost: web\r\n\r\n" + hello)
                equal(c.take(12), b"HTTP/1.1 404")
                true(b"HTTP/1.1 505" in rest(c), "505 to what follows")
            with h2.Connection(socket.create_connection(TARGET, 20)) as c:
                c.send(hello[:22] + b"xx")
                equal(c.take(12), b"HTTP/1.1 505")
        equal(m.stat("downstream_cx_http2_total"), 10)
        equal(m.stat("app_port_rx_bytes_total") > 0, bool(app))


def marked(value, *more):
    """Everything goes to cluster 1, with this header."""
    code = bpf.begin() + bpf.call(netns.module(), "l7fp_route", 0) + bpf.exit_()
    return code, genl.route(0, C["L7FP_ROUTE_FORWARD"], genl.route_cluster(1), *more,
                            genl.header_op(C["L7FP_A_ROUTE_REQUEST_HEADER"],
                                           C["L7FP_HEADER_SET"], b"x-mark", value))


@case("the same head again and again: what is made of it is what its generation says")
def _():
    # With an id that is made for each request no two blocks would be the same.
    with Mesh(flags=NO_REQUEST_ID) as m, h2.client(TARGET) as c, h2.client(TARGET) as other:
        stream = 1
        # Values that are sent as they are: their Huffman code is longer. A number is used twice.
        marks = {(2, b"~1~~"), (3, b"~2~~"), (2, b"~3~~")}
        for number, mark in sorted(marks, key=lambda x: x[1]):
            m.swap(number, *marked(mark))
            netns.eventually(lambda: len(m.states()) == 1, "the old one is gone")
            del m.server.blocks[:]
            for _ in range(6):
                for c2 in (c, other):
                    request(c2, stream, b"/a", (b"x-more", b"~~~~"))
                    equal(answer(c2, stream), 200)
                stream += 2
            for block in m.server.blocks:
                equal([x for _, x in marks if x in block], [mark])
                equal(block.count(b"~~~~"), 1)
            equal(len(m.server.blocks), 12)
        # The path is not the head's: it was rewritten, and differs where heads do.
        m.swap(4, *marked(b"~4~~", genl.u32(C["L7FP_A_ROUTE_REWRITE_KIND"], C["L7FP_REWRITE_FULL"]),
                          genl.attr(C["L7FP_A_ROUTE_REWRITE_PATH"], b"/~~~~~~")))
        del m.server.blocks[:]
        for path in (b"/x", b"/y") * 5:
            request(c, stream, path)
            equal(answer(c, stream), 200)
            stream += 2
        equal([b"/~~~~~~" in block for block in m.server.blocks], [True] * 10)
        # Connections that have nothing in common but their server.
        for _ in range(5):
            with h2.client(TARGET) as c2:
                for stream, path in ((1, b"/x"), (3, b"/x"), (5, b"/x"), (7, b"/y"), (9, b"/x")):
                    request(c2, stream, path)
                    equal(answer(c2, stream), 200)
        equal(len(m.server.blocks), 35)


def slow(prefix=b"/h"):
    """What begins with it goes to the slow path."""
    return forward_but(prefix, "L7FP_MATCH_PREFIX",
                       bpf.mov(0, C["L7FP_SLOW_PATH"]) + bpf.exit_())


@case("streams for the slow path: a connection to the proxy of their own, the others as before")
def _():
    with Mesh() as m, h2.Server(PROXY, True, b"proxy") as proxy:
        code, *tables = slow()
        m.swap(2, code, *tables, genl.slow_path(b"one", PROXY))
        with h2.client(TARGET) as c, h2.client(TARGET) as other:
            for c2, stream, path, body in ((c, 1, b"/a", b"served"), (c, 3, b"/hi", b"proxy"),
                                           (other, 1, b"/hi", b"proxy"), (c, 5, b"/b", b"served"),
                                           (c, 7, b"/hi", b"proxy")):
                request(c2, stream, path)
                equal((path, answer(c2, stream)), (path, 200))
                equal(c2.until(h2.DATA, stream)[3], body)
            equal((proxy.requests, m.server.requests), (3, 2))
            for header, client in zip(proxy.headers, (c, other)):
                equal(header[:2], b"\x21\x11")
                source = socket.inet_aton("127.0.0.1") * 2
                equal(header[4:16], source + struct.pack(
                    ">HH", client.sock.getsockname()[1], PORT))
                equal(header[16:], b"\x05\x00\x03one")
            # A body goes along.
            c.send(h2.frame(h2.HEADERS, h2.END_HEADERS, 9, h2.get(b"/hi")),
                   h2.frame(h2.DATA, h2.END_STREAM, 9, b"x" * 1000))
            equal(answer(c, 9), 200)
            # The next generation's streams go over connections with its token.
            request(c, 11, b"/hold")
            netns.eventually(lambda: proxy.requests == 5, "the held one arrives")
            m.swap(3, code, *tables, genl.slow_path(b"two", PROXY))
            request(c, 13, b"/hi")
            equal(answer(c, 13), 200)
            equal((len(proxy.headers), proxy.headers[2][16:]), (3, b"\x05\x00\x03two"))
            equal(proxy.ended, 0, "the held one keeps its connection")
            c.send(h2.frame(h2.RST_STREAM, 0, 11, struct.pack(">I", h2.CANCEL)))
            netns.eventually(lambda: proxy.resets == 1 and proxy.ended == 1,
                             "it is reset, and its connection ends")
            m.swap(4, code, *tables)
            request(c, 15, b"/hi")
            equal(answer(c, 15), 503)
            request(c, 17, b"/a")
            equal(answer(c, 17), 200)
        netns.eventually(lambda: proxy.ended == 3, "they end with their clients")
        equal((m.stat("slow_path_rq_total"), m.stat("slow_path_cx_total")), (6, 3))


@case("a proxy that is not there: 503 to its streams alone")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        code, *tables = slow()
        m.swap(2, code, *tables, genl.slow_path(b"one", PROXY))
        for stream, path, expected in ((1, b"/hi", 503), (3, b"/a", 200), (5, b"/hi", 503)):
            request(c, stream, path)
            equal((path, answer(c, stream)), (path, expected))
        equal(m.stat("slow_path_rq_failed"), 2)


def rest(c):
    """What comes until the connection ends."""
    taken = b""
    try:
        while True:
            taken += c.take(1)
    except (EOFError, ConnectionError):
        return taken


def pings(n):
    return [h2.frame(h2.PING, 0, 0, struct.pack(">Q", i)) for i in range(n)]


def empties(n):
    head = h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.get(b"/hold"))
    return [head] + [h2.frame(h2.DATA, 0, 1)] * n


def resets(n):
    return [part for i in range(n) for part in (
        h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 2 * i + 1, h2.get(b"/hold")),
        h2.frame(h2.RST_STREAM, 0, 2 * i + 1, struct.pack(">I", h2.CANCEL)))]


def settings(n):
    return [h2.frame(h2.SETTINGS)] * n


def made_resets(n):
    """Streams that we must reset: a WINDOW_UPDATE of 0 is an error of its stream."""
    return [part for i in range(n) for part in (
        h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 2 * i + 1, h2.get(b"/hold")),
        h2.frame(h2.WINDOW_UPDATE, 0, 2 * i + 1, bytes(4)))]


def continuations(n):
    block = h2.get(b"/a")
    parts = [h2.frame(h2.CONTINUATION, 0, 1) for _ in range(n - 1)]
    return [h2.frame(h2.HEADERS, h2.END_STREAM, 1, block), *parts,
            h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1)]


@cases([("flood: PING frames", pings, "L7FP_H2_MAX_CONTROL", "http2_flood_control"),
        ("flood: SETTINGS frames", settings, "L7FP_H2_MAX_CONTROL", "http2_flood_control"),
        ("flood: streams that must be reset", made_resets, "L7FP_H2_MAX_MADE_RESETS",
         "http2_flood_made_reset"),
        ("flood: DATA frames without data", empties, "L7FP_H2_MAX_EMPTY", "http2_flood_empty_data"),
        ("flood: streams that are reset", resets, "L7FP_H2_MAX_RESETS", "http2_flood_reset"),
        ("flood: CONTINUATION frames", continuations, "L7FP_H2_MAX_CONTINUATIONS", None)])
def _(frames, limit, counter):
    with Mesh() as m:
        # Some are left for SETTINGS and what answers them.
        with h2.client(TARGET) as c:
            c.send(*frames(C[limit] - 4), *pings(1))
            equal(c.until(h2.PING)[1], h2.ACK)
        with h2.client(TARGET) as c:
            # Counted by the second, in which a slow machine takes fewer.
            c.send(*frames((C[limit] + 4) * (SCALE if counter else 1)))
            code, debug = c.goaway()
            equal(code, h2.ENHANCE_YOUR_CALM)
            true(debug, "the reason is in the debug data")
            print("# %s" % debug.decode("ascii", "replace"))
        if counter:
            equal(m.stat(counter), 1)


@case("an HPACK bomb: its stream is reset, nothing is forwarded, the connection goes on")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        # A field of 4000 bytes, put into the table, and 20 bytes that each stand for it.
        value = b"\x7f" + bytes([(4000 - 127) & 127 | 128, (4000 - 127) >> 7]) + b"x" * 4000
        bomb = h2.get(b"/a") + b"\x40\x03x-a" + value + b"\xbe" * 20
        c.send(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, bomb))
        equal(struct.unpack(">I", c.until(h2.RST_STREAM, 1)[3])[0], h2.ENHANCE_YOUR_CALM)
        equal(m.server.requests, 0)
        request(c, 3, b"/a")
        equal(answer(c, 3), 200)


@case("a window that stays shut: the stream waits, others do not, and it goes on")
def _():
    body = bytes(range(256)) * 64
    with Mesh() as m, h2.client(TARGET) as c, h2.client(TARGET) as other:
        # SETTINGS_INITIAL_WINDOW_SIZE of 0; the connection's own window is 65535.
        c.send(h2.frame(h2.SETTINGS, payload=struct.pack(">HI", 4, 0)))
        m.server.body = body
        request(c, 1, b"/a")
        equal(answer(c, 1), 200)
        request(c, 3, b"/a")
        equal(answer(c, 3), 200)
        request(other, 1, b"/a")
        equal(answer(other, 1), 200)
        equal(other.until(h2.DATA, 1)[3], body)
        c.send(h2.frame(h2.WINDOW_UPDATE, 0, 3, struct.pack(">I", 1000)))
        equal(c.until(h2.DATA)[2:], (3, body[:1000]))
        c.send(h2.frame(h2.WINDOW_UPDATE, 0, 1, struct.pack(">I", 16384)))
        equal(c.until(h2.DATA)[2:], (1, body))
        c.send(h2.frame(h2.WINDOW_UPDATE, 0, 3, struct.pack(">I", 15384)))
        equal(c.until(h2.DATA)[2:], (3, body[1000:]))


@case("a server resets each stream after its response, as it may: no flood, unless it does it often")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        m.server.resets_after = 1
        last = 2 * C["L7FP_H2_MAX_RESETS"] + 41
        for stream in range(1, last, 2):
            request(c, stream, b"/a")
            equal((stream, answer(c, stream)), (stream, 200))
        equal((m.server.ended, m.stat("http2_flood_reset")), (0, 0))
        m.server.resets_after = C["L7FP_H2_MAX_RESETS"] + 10
        request(c, last, b"/a")
        c.until(h2.HEADERS, last)
        netns.eventually(lambda: m.stat("http2_flood_reset") == 1, "the server is given up")
        m.server.resets_after = 0
        request(c, last + 2, b"/a")
        equal(answer(c, last + 2), 200)


@case("a drain: GOAWAY, the open stream is answered, the connection ends")
def _():
    with Mesh() as m, h2.client(TARGET) as c:
        request(c, 1, b"/a")
        equal(answer(c, 1), 200)
        m.do("DRAIN", genl.nest(C["L7FP_A_DRAIN"], genl.u32(C["L7FP_A_DRAIN_DEADLINE_MS"], 60000)))
        equal(c.goaway()[0], h2.NO_ERROR)
        try:
            while True:
                c.frame()
        except EOFError:
            pass


if __name__ == "__main__":
    run()
