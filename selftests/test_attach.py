#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sockets that user space hands over: they serve as downstreams, their file stays usable, and
what has an owner already is refused."""
import errno
import socket
import subprocess

import genl
import ktap
from genl import C
from netns import Net, refused


def attach(g, fd, kind, owner):
    g.do("CONNECTION_ATTACH", genl.nest(C["L7FP_A_CONNECTION"],
         genl.u32(C["L7FP_A_CONNECTION_FD"], fd),
         genl.u32(C["L7FP_A_CONNECTION_" + kind], owner)))


def namespace():
    g = Net()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return g


def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        client.settimeout(20)
        return client, server.accept()[0]


@ktap.case("a socket handed over is served, and its file outlives the connection")
def downstream():
    with namespace() as g:
        g.do("LISTENER_NEW", genl.listener(1, 18080))
        client, ours = pair()
        attach(g, ours.fileno(), "LISTENER", 1)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := client.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 503 "), answer
        client.close()
        ours.settimeout(20)
        try:
            assert ours.recv(10) == b""
        except OSError as e:
            assert e.errno in (errno.ECONNRESET, errno.ENOTCONN), e
        ours.close()


@ktap.case("a socket is handed over once")
def twice():
    with namespace() as g:
        g.do("LISTENER_NEW", genl.listener(1, 18080))
        client, ours = pair()
        attach(g, ours.fileno(), "LISTENER", 1)
        refused(errno.EINVAL, attach, g, ours.fileno(), "LISTENER", 1)
        client.close()
        ours.close()


ktap.run(60)
