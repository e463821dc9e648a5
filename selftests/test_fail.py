#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
"""Every allocation of the module fails in turn: when it is loaded, when a namespace begins, in
each request over netlink, and while HTTP requests pass. Nothing crashes, nothing is left over, and
no request is forwarded that should not be.

Loads a build of the module of its own (selftests/fail); the ordinary one comes back at the end.
"""
import errno
import os
import re
import socket
import subprocess

import bpf
import client
import genl
import ktap
import netns
from backend import Backend
from client import Client
from genl import C
from netns import Net, enter, eventually, libc, module, references

FAILING = os.path.join(client.BUILD, "fail", "l7fp.ko")
PLAIN = os.path.join(client.BUILD, "l7fp.ko")
PARAMETER = "/sys/module/l7fp/parameters/fail_at"
LISTENER = ("127.0.0.1", 18010)
MOST = 400      # more allocations than any of the sequences makes


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fail_at(n):
    with open(PARAMETER, "w", encoding="ascii") as f:
        f.write("%d\n" % n)


def happened():
    """Whether the failure that was asked for has happened; none is left to come."""
    with open(PARAMETER, encoding="ascii") as f:
        left = int(f.read())
    fail_at(0)
    return not left


def remove():
    def removed():
        return run("rmmod", "l7fp").returncode == 0

    eventually(removed, "rmmod l7fp", 60)
    netns.forget_module()


def insert(n=0):
    if references() is not None:
        remove()
    run("dmesg", "--clear")
    return run("insmod", FAILING, "fail_at=%d" % n)


def left():
    """What the module said at its end."""
    found = re.findall(r"l7fp-fail: (-?\d+) allocations left", run("dmesg").stdout)
    ktap.equal(len(found), 1, "reports of the module")
    return int(found[0])


def turns(what, sequence, least):
    """Calls sequence() with each of its allocations failing in turn."""
    for n in range(1, MOST):
        fail_at(n)
        sequence()
        if not happened():
            ktap.true(n > least, "%s: only %d allocations were seen to fail" % (what, n - 1))
            return
    raise AssertionError("%s: no end after %d allocations" % (what, MOST))


@ktap.case("loading: each step fails in turn and is unwound")
def load():
    for n in range(1, MOST):
        result = insert(n)
        if not result.returncode:
            break
        ktap.true("Cannot allocate memory" in result.stderr, "step %d: %s" % (n, result.stderr))
        ktap.equal(left(), 0, "allocations left after step %d failed" % n)
        ktap.equal(references(), None, "the module is not loaded")
    ktap.true(n > 8, "only %d steps were seen to fail" % (n - 1))
    remove()
    ktap.equal(left(), 0, "allocations left")


@ktap.case("a namespace's begin fails")
def namespace():
    insert()
    failed = []

    def unshare():
        if libc.unshare(0x40000000):
            failed.append(1)

    turns("unshare", unshare, 0)
    ktap.true(failed, "no unshare failed")
    remove()
    ktap.equal(left(), 0, "allocations left")


def attach_connection(mesh):
    """A socket that listener 1 takes over."""
    with socket.create_server(("127.0.0.1", 0)) as server, \
            socket.create_connection(server.getsockname()) as client_end:
        with server.accept()[0] as sock:
            mesh.do("CONNECTION_ATTACH", genl.nest(
                C["L7FP_A_CONNECTION"], genl.u32(C["L7FP_A_CONNECTION_FD"], sock.fileno()),
                genl.u32(C["L7FP_A_CONNECTION_LISTENER"], 1)))
        client_end.close()


def come_and_go(mesh):
    """What is made, asked for and taken away again."""
    address = socket.inet_aton("127.0.0.1")
    mesh.do("CLUSTER_NEW", genl.cluster(2, "original",
                                        genl.u32(C["L7FP_A_CLUSTER_KIND"],
                                                 C["L7FP_CLUSTER_ORIGINAL_DST"])))
    mesh.do("LISTENER_NEW", genl.listener(
        2, LISTENER[1] + 4, "127.0.0.1",
        genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_OPAQUE"]),
        genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 2)))
    mesh.begin(2, genl.nest(C["L7FP_A_SLOW_PATH"], genl.attr(C["L7FP_A_SLOW_PATH_ADDRESS"], address),
                            genl.u16(C["L7FP_A_SLOW_PATH_PORT"], 18013),
                            genl.attr(C["L7FP_A_SLOW_PATH_TOKEN"], b"token")))
    mesh.do("GENERATION_GET", genl.generation(2))
    mesh.do("DRAIN")
    attach_connection(mesh)
    for kind in ("LISTENER", "CLUSTER", "GENERATION", "CONNECTION", "STATS"):
        mesh.dump(kind + "_GET")
    mesh.do("LISTENER_DEL", genl.u32(C["L7FP_A_ID"], 2))
    mesh.do("CLUSTER_DEL", genl.u32(C["L7FP_A_ID"], 2))
    mesh.do("GENERATION_DEL", genl.generation(2))


def configure(mesh):
    """Every request that allocates. Stops at the first that fails."""
    fds = []
    try:
        mesh.do("CLUSTER_NEW", genl.cluster(1, "one"))
        mesh.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", 18011),
                genl.endpoint("127.0.0.1", 18012))
        mesh.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", 18011))
        mesh.do("LISTENER_NEW", genl.listener(1, LISTENER[1]))
        mesh.do("LISTENER_GET", genl.u32(C["L7FP_A_ID"], 1))
        come_and_go(mesh)
        mesh.do("CLUSTER_GET", genl.u32(C["L7FP_A_ID"], 1))
        mesh.begin(1, genl.slot(0, b"x-user"), genl.string(0, b"a"), genl.rule(0, "r"),
                   genl.route(0, C["L7FP_ROUTE_FORWARD"], genl.route_cluster(1),
                              genl.header_op(C["L7FP_A_ROUTE_REQUEST_HEADER"],
                                             C["L7FP_HEADER_ADD"], b"x-a", b"b")))
        m = module()
        code = bpf.begin() + bpf.call(m, "l7fp_field_match", C["L7FP_FIELD_SLOT"],
                                      C["L7FP_MATCH_EXACT"], 0)
        deny = bpf.call(m, "l7fp_deny", 0) + bpf.exit_()
        code += bpf.insn(0x15, 0, 0, len(deny) // 8) + deny
        code += bpf.call(m, "l7fp_route", 0) + bpf.exit_()
        fds.append(bpf.policy(m, 1, code, done=bpf.returns(0)))
        mesh.prepare(1, fds[0])
        mesh.do("GENERATION_GET", genl.generation(1))
        fds.append(bpf.attach(fds[0]))
        mesh.do("EXPLAIN", genl.nest(C["L7FP_A_EXPLAIN"], genl.attr(
            C["L7FP_A_EXPLAIN_HEAD"], b"GET /a/../b HTTP/1.1\r\nHost: a\r\nx-user: a\r\n\r\n")))
    except OSError:
        for fd in fds:
            os.close(fd)
        raise
    os.close(fds[0])
    return fds[1]


@ktap.case("netlink: each allocation fails in turn, with ENOMEM")
def netlink():
    insert()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def sequence():
        with Net() as mesh:
            os.system("ip link set lo up")
            try:
                os.close(configure(mesh))
            except OSError as error:
                ktap.equal(errno.errorcode.get(error.errno), "ENOMEM", "errno")
        enter(here)

    def with_begin():
        # The namespace's own begin is the other case's.
        try:
            sequence()
        except OSError as error:
            ktap.equal(errno.errorcode.get(error.errno), "ENOMEM", "errno")

    turns("netlink", with_begin, 20)
    enter(here)
    os.close(here)
    remove()
    ktap.equal(left(), 0, "allocations left")


def outcome(head):
    """A status, or "closed"."""
    try:
        with Client(LISTENER, seconds=15) as c:
            c.send(head)
            return c.response("GET").status
    except (EOFError, ConnectionError):
        return "closed"


@ktap.case("requests: each allocation fails in turn; answered with 5xx or closed, never let through")
def requests():
    insert()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    mesh = Net()
    os.system("ip link set lo up")
    backend = Backend(18011)
    link = configure(mesh)
    allowed = b"GET /allowed?%s HTTP/1.1\r\nHost: a\r\nx-user: b\r\n\r\n" % (b"q" * 3000)
    denied = b"GET /%s/../denied HTTP/1.1\r\nHost: a\r\nx-user:\r\nx-user: a\r\n\r\n" % (b"p" * 3000)
    seen = set()

    def ask():
        seen.add(outcome(allowed))
        seen.add(outcome(denied.replace(b"x-user:\r\n", b"")))

    turns("requests", ask, 5)
    ktap.true({200, 403} <= seen, "expected also 200 and 403 among %s" % seen)
    ktap.true(seen <= {200, 403, 500, 503, "closed"}, "unexpected among %s" % seen)
    ktap.equal([r.path for r in backend.requests if r.path != "/allowed"], [],
               "requests that reached the server")
    ktap.equal((outcome(allowed), outcome(denied.replace(b"x-user:\r\n", b""))), (200, 403),
               "and then")
    os.close(link)
    backend.listener.close()
    mesh.close()
    enter(here)
    os.close(here)
    remove()
    ktap.equal(left(), 0, "allocations left")


def back():
    if references() is not None:
        run("rmmod", "l7fp")
    run("insmod", PLAIN)


def main():
    if references() is None:
        ktap.skip_all("l7fp.ko is not loaded")
    if not os.path.exists(FAILING):
        ktap.skip_all("no %s: make %s" % (FAILING, os.path.relpath(FAILING)))
    ktap.at_end = back
    ktap.run(400)


if __name__ == "__main__":
    main()
