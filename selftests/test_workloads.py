#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Who a client is: by the cgroup of its socket, by its address, and never by what it sends."""
import os
import socket
import struct
import subprocess
import tempfile
import time

import bpf
import client
import genl
import netns
from genl import C
from ktap import case, equal, run

PORT = 15921
FORWARD = C["L7FP_FORWARD"]
PRINCIPAL, NAMESPACE = C["L7FP_FIELD_SOURCE_PRINCIPAL"], C["L7FP_FIELD_SOURCE_NAMESPACE"]
EXACT, PRESENT = C["L7FP_MATCH_EXACT"], C["L7FP_MATCH_PRESENT"]
WEB, OTHER = b"cluster.local/ns/default/sa/web", b"cluster.local/ns/other/sa/job"


def workload(principal=WEB, namespace=b"default", cgroups=(), addresses=()):
    attrs = [genl.attr(C["L7FP_A_WORKLOAD_PRINCIPAL"], principal),
             genl.attr(C["L7FP_A_WORKLOAD_NAMESPACE"], namespace)]
    attrs += [genl.u64(C["L7FP_A_WORKLOAD_CGROUP"], c) for c in cgroups]
    attrs += [genl.attr(C["L7FP_A_WORKLOAD_ADDRESS"],
                        socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a))
              for a in addresses]
    return genl.nest(C["L7FP_A_WORKLOAD"], *attrs)


def field_is(field, op, string):
    """request: forward to cluster 1 when the field matches, else 404."""
    m = netns.module()
    no = bpf.call(m, "l7fp_no_route") + bpf.exit_()
    code = bpf.begin() + bpf.call(m, "l7fp_field_match", field, op, string)
    code += bpf.insn(0x57, 0, 0, 0, 1) + bpf.insn(0x55, 0, 0, len(no) // 8, 0) + no
    return code + bpf.call(m, "l7fp_set_cluster", 1) + bpf.mov(0, FORWARD) + bpf.exit_()


def connects(field, op, string):
    """connect: lets in where the field matches."""
    m = netns.module()
    code = bpf.load(1, 1, 0, 0x79) + bpf.mov32(2, field) + bpf.mov32(3, op)
    code += bpf.mov32(4, string) + bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_connect_match"])
    return code + bpf.insn(0x57, 0, 0, 0, 1) + bpf.insn(0xa7, 0, 0, 0, 1) + bpf.exit_()


class Mesh(netns.Net):
    """A policy with workloads; its program answers 503 UH where it forwards, else 404."""

    def __init__(self, code, *tables, protocol=None, **programs):
        super().__init__()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.do("CLUSTER_NEW", genl.cluster(1))
        attrs = [] if protocol is None else [
            genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], protocol),
            genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 1)]
        self.do("LISTENER_NEW", genl.listener(1, PORT, "0.0.0.0", *attrs))
        fd = self.ready(1, code, *tables, **programs)
        self.link = bpf.attach(fd)
        os.close(fd)

    def __exit__(self, *_):
        os.close(self.link)
        super().__exit__()

    def explain(self, source):
        head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = self.do("EXPLAIN", genl.nest(
            C["L7FP_A_EXPLAIN"], genl.attr(C["L7FP_A_EXPLAIN_HEAD"], head),
            genl.attr(C["L7FP_A_EXPLAIN_SOURCE_ADDRESS"],
                      socket.inet_pton(socket.AF_INET6 if ":" in source else socket.AF_INET,
                                       source))))[0][1]
        nest = genl.table(genl.table(answer)[C["L7FP_A_EXPLAIN"]])
        return struct.unpack("=I", nest[C["L7FP_A_EXPLAIN_VERDICT"]])[0] == FORWARD


class Cgroup:
    """A cgroup, with others below it; this thread is in the innermost."""

    def __init__(self, depth=1):
        self.paths = [tempfile.mkdtemp(prefix="l7fp", dir="/sys/fs/cgroup")]
        for _ in range(depth - 1):
            self.paths.append(self.paths[-1] + "/below")
            os.mkdir(self.paths[-1])
        self.ids = [os.stat(p).st_ino for p in self.paths]
        self.enter(self.paths[-1])

    @staticmethod
    def enter(path):
        with open(path + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.enter("/sys/fs/cgroup")
        for path in reversed(self.paths):
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.05)


def status(*headers):
    with client.Client(("127.0.0.1", PORT)) as c:
        lines = b"".join(h + b"\r\n" for h in headers)
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        return c.response().status


@case("by address, IPv4 and IPv6; an unknown one has neither principal nor namespace")
def _():
    tables = (genl.string(0, WEB), workload(addresses=("10.0.0.1", "fd00::1")),
              workload(OTHER, b"other", addresses=("10.0.0.2",)))
    with Mesh(field_is(PRINCIPAL, EXACT, 0), *tables) as m:
        equal([m.explain(a) for a in ("10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.3", "::1")],
              [True, True, False, False, False])
    tables = (genl.string(0, b"other"),) + tables[1:]
    with Mesh(field_is(NAMESPACE, EXACT, 0), *tables) as m:
        equal([m.explain(a) for a in ("10.0.0.1", "10.0.0.2")], [False, True])
    with Mesh(field_is(PRINCIPAL, PRESENT, 0), *tables) as m:
        equal([m.explain(a) for a in ("10.0.0.1", "10.0.0.2", "10.0.0.3")], [True, True, False])
    with Mesh(field_is(PRINCIPAL, PRESENT, 0), genl.string(0, WEB)) as m:
        equal(m.explain("10.0.0.1"), False)


@case("by cgroup, the inner one first, and before the address; headers say nothing")
def _():
    by_address = workload(OTHER, b"other", addresses=("127.0.0.1",))
    with Cgroup() as g, Mesh(field_is(PRINCIPAL, EXACT, 0), genl.string(0, WEB),
                             workload(cgroups=g.ids), by_address):
        equal(status(), 503)
    with Mesh(field_is(PRINCIPAL, EXACT, 0), genl.string(0, WEB), by_address):
        equal(status(b"x-forwarded-client-cert: By=spiffe://a;URI=spiffe://" + WEB,
                     b"x-forwarded-for: 10.0.0.1", b"forwarded: for=10.0.0.1"), 404)
    for depth, at, expected in ((2, 0, 503), (9, 0, 503), (10, 0, 404), (10, 1, 503)):
        with Cgroup(depth) as g, Mesh(field_is(PRINCIPAL, EXACT, 0), genl.string(0, WEB),
                                      workload(cgroups=[g.ids[at]])):
            equal((depth, at, status()), (depth, at, expected))
    with Cgroup(3) as g, Mesh(field_is(PRINCIPAL, EXACT, 0), genl.string(0, WEB),
                              workload(OTHER, b"other", cgroups=[g.ids[0]]),
                              workload(cgroups=[g.ids[1]])):
        equal(status(), 503)


@case("the connect op asks who connects")
def _():
    opaque = C["L7FP_PROTOCOL_OPAQUE"]
    for allowed in (WEB, OTHER):
        with Cgroup(2) as g, Mesh(bpf.returns(0), genl.string(0, allowed),
                                  workload(cgroups=[g.ids[0]]), protocol=opaque,
                                  connect=connects(PRINCIPAL, EXACT, 0)) as m:
            # The reset may come before connect() has returned, and then it is connect() that says so.
            try:
                with socket.create_connection(("127.0.0.1", PORT), 20) as sock:
                    sock.recv(1)
            except ConnectionResetError:
                pass
            refused = sum(struct.unpack("=Q", s[C["L7FP_A_STAT_VALUE"]])[0]
                          for s in (genl.table(x[C["L7FP_A_STAT"]]) for x in m.dump("STATS_GET"))
                          if s[C["L7FP_A_STAT_NAME"]] == b"downstream_cx_refused\0")
            equal(refused, 0 if allowed == WEB else 1)


@case("netlink: a cgroup or an address is of one workload; what is missing or odd is refused")
def _():
    with netns.Net() as m:
        m.begin(1)
        netns.refused(17, m.add, 1, workload(addresses=("10.0.0.1",)),
                      workload(OTHER, addresses=("10.0.0.1",)), says="of one workload")
        m.begin(2)
        netns.refused(17, m.add, 2, workload(cgroups=(7, 7)), says="of one workload")
        m.begin(3)
        netns.refused(22, m.add, 3, genl.nest(C["L7FP_A_WORKLOAD"],
                                              genl.attr(C["L7FP_A_WORKLOAD_PRINCIPAL"], WEB)))
        netns.refused(34, m.add, 3, workload(b"p" * (C["L7FP_MAX_PRINCIPAL"] + 1)))
        netns.refused(34, m.add, 3, workload(b""))
        netns.refused(34, m.add, 3, workload(cgroups=(0,)))
        netns.refused(22, m.add, 3, genl.nest(
            C["L7FP_A_WORKLOAD"], genl.attr(C["L7FP_A_WORKLOAD_PRINCIPAL"], WEB),
            genl.attr(C["L7FP_A_WORKLOAD_NAMESPACE"], b"x"),
            genl.attr(C["L7FP_A_WORKLOAD_ADDRESS"], b"12345")), says="4 or 16 bytes")
        m.add(3, workload(b"p" * C["L7FP_MAX_PRINCIPAL"], cgroups=(7,), addresses=("10.0.0.1",)))


@case("netlink: those of the current generation are dumped, each cgroup and address once")
def _():
    many = range(100, 3100)
    with netns.Net() as m:
        equal(m.dump("WORKLOAD_GET"), [])
        link = bpf.attach(m.ready(7, bpf.returns(0),
                                  workload(cgroups=many, addresses=("10.0.0.1", "fd00::1")),
                                  workload(OTHER, b"other", addresses=("10.0.0.2",))))
        found = {}
        for answer in m.dump("WORKLOAD_GET"):
            equal(struct.unpack("=Q", answer[C["L7FP_A_GENERATION"]])[0], 7)
            w = genl.table(answer[C["L7FP_A_WORKLOAD"]])
            key = w.get(C["L7FP_A_WORKLOAD_ADDRESS"]) or \
                struct.unpack("=Q", w[C["L7FP_A_WORKLOAD_CGROUP"]])[0]
            equal(key in found, False)
            found[key] = (w[C["L7FP_A_WORKLOAD_PRINCIPAL"]], w[C["L7FP_A_WORKLOAD_NAMESPACE"]])
        mapped = bytes(10) + b"\xff\xff"
        expected = dict.fromkeys(many, (WEB, b"default"))
        expected[mapped + b"\x0a\0\0\1"] = (WEB, b"default")
        expected[socket.inet_pton(socket.AF_INET6, "fd00::1")] = (WEB, b"default")
        expected[mapped + b"\x0a\0\0\2"] = (OTHER, b"other")
        equal(found, expected)
        os.close(link)


@case("netlink: L7FP_MAX_WORKLOAD_KEYS cgroups and addresses, and one more")
def _():
    with netns.Net() as m:
        m.begin(1)
        left, at = C["L7FP_MAX_WORKLOAD_KEYS"], 1
        while left:
            n = min(left, 4000)
            m.add(1, workload(cgroups=range(at, at + n)))
            at, left = at + n, left - n
        netns.refused(28, m.add, 1, workload(cgroups=[at]), says="at most")


if __name__ == "__main__":
    run()
