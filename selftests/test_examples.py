#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""The policies of bpf/examples with real requests, and network namespaces that go while requests
pass through them: with responses held back, and with a policy that l7fp-tool never saw.

client --- listener of l7fp.ko, 127.0.0.1:18000 --- cluster 1, cluster 2: two backends
"""
import os
import struct
import threading

import bpf
import client
import genl
import ktap
import libbpf
from backend import Backend
from client import Client
from genl import C
from netns import Net, enter, eventually, module, references

EXAMPLES = os.path.join(client.BUILD, "bpf", "examples")
LISTENER = ("127.0.0.1", 18000)


class Mesh(Net):
    """A namespace with a listener and a backend for each of two clusters."""

    def __init__(self):
        super().__init__()
        ktap.equal(os.system("ip link set lo up"), 0, "ip link set lo up")
        self.backends = [Backend(18001, "one"), Backend(18002, "two")]
        for i, backend in enumerate(self.backends):
            self.do("CLUSTER_NEW", genl.cluster(i + 1, backend.name))
            self.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], i + 1),
                    genl.endpoint("127.0.0.1", backend.port))
        self.do("LISTENER_NEW", genl.listener(1, LISTENER[1]))
        self.policy = None

    def load(self, name):
        self.policy = libbpf.Policy(os.path.join(EXAMPLES, name + ".bpf.o"),
                                    name.replace("-", "_"))
        self.begin(1)
        self.prepare(1, self.policy.fd)
        self.policy.attach()

    def close(self):
        if self.policy:
            self.policy.close()
        super().close()

    def counter(self, scope, name, number):
        for s in self.dump("STATS_GET"):
            s = genl.table(s[C["L7FP_A_STAT"]])
            if (struct.unpack("=I", s[C["L7FP_A_STAT_SCOPE"]])[0] == C["L7FP_STAT_" + scope] and
                    struct.unpack("=I", s[C["L7FP_A_STAT_ID"]])[0] == number and
                    s[C["L7FP_A_STAT_NAME"]] == name.encode() + b"\0"):
                return struct.unpack("=Q", s[C["L7FP_A_STAT_VALUE"]])[0]
        raise AssertionError("no counter %s %s" % (scope, name))


def get(path="/", headers="", method="GET"):
    with Client(LISTENER) as c:
        return c.get(path, headers, method)


@ktap.case("without a policy every request is answered with 503, none is forwarded")
def no_policy():
    with Mesh() as mesh:
        r = get()
        ktap.equal(r.status, 503, "status")
        ktap.equal(r.get("x-l7fp-reason"), "NP", "reason")
        ktap.equal(mesh.backends[0].requests, [], "requests at the backend")
        ktap.equal(mesh.counter("REASON", "rq_total", C["L7FP_REASON_NP"]), 1, "counter")


@ktap.case("allow-list: public paths pass, /healthz is answered, all else is denied")
def allow_list():
    with Mesh() as mesh:
        mesh.load("allow-list")
        r = get("/public/page?q=1")
        ktap.equal(r.status, 200, "status of a public path")
        ktap.equal(mesh.backends[0].requests[-1].target, "/public/page?q=1", "what was forwarded")
        r = get("/healthz")
        ktap.equal((r.status, r.body), (200, b"ok\n"), "/healthz")
        for path, method in (("/", "GET"), ("/publicx", "GET"), ("/Public/", "GET"),
                             ("/public/../admin", "GET"), ("/public", "GET"), ("/healthzz", "GET"),
                             ("/%70ublic/../x", "GET"), ("/public/page", "POST"),
                             ("/public/page", "DELETE")):
            r = get(path, "Content-Length: 0\r\n", method)
            ktap.equal((r.status, r.body), (403, b"RBAC: access denied"), method + " " + path)
        # The same path in other words is public, too.
        ktap.equal(get("/%70ublic/x").status, 200, "status of an escaped path")
        ktap.equal(get("/admin/../public/x").status, 200, "status of a path with dots")
        ktap.equal([r.path for r in mesh.backends[0].requests[1:]], ["/public/x"] * 2,
                   "what was forwarded: the normal form")
        ktap.equal(mesh.backends[1].requests, [], "requests at the other backend")


@ktap.case("canary: a header chooses, the others are split, the response says which")
def canary():
    with Mesh() as mesh:
        mesh.load("canary")
        one, two = mesh.backends
        for value, backend, version in (("always", two, "canary"), ("never", one, "stable")):
            for _ in range(10):
                n = len(backend.requests)
                r = get("/", "X-Canary: %s\r\n" % value)
                ktap.equal((r.status, r.get("x-version")), (200, version), value)
                ktap.equal(len(backend.requests), n + 1, "requests at " + backend.name)
                ktap.equal(backend.requests[-1].get("x-canary"), None, "x-canary at the server")
        n, canaries = 600, 0
        with Client(LISTENER) as c:
            for i in range(n):
                # Neither word: longer, or shorter.
                r = c.get("/", "x-canary: %s\r\n" % ("alwaysalways" if i % 2 else "neve"))
                canaries += r.get("x-version") == "canary"
        # Six standard deviations around one in ten.
        ktap.true(abs(canaries - n / 10) < 6 * (n * 0.1 * 0.9) ** 0.5,
                  "%d of %d went to the canary" % (canaries, n))
        ktap.equal(len(two.requests), canaries + 10, "requests at the canary")


@ktap.case("a connection refused by the connect op ends; response and done run once an exchange")
def other_ops():
    m = module()
    forward = bpf.begin() + bpf.call(m, "l7fp_set_cluster", 1) + bpf.returns(C["L7FP_FORWARD"])
    with Mesh() as mesh:
        fd = mesh.ready(1, forward, connect=bpf.returns(1))
        link = bpf.attach(fd)
        try:
            get()
        except (EOFError, OSError):
            pass
        else:
            raise AssertionError("the connection was let in")
        ktap.equal(mesh.backends[0].requests, [], "requests at the backend")
        second = mesh.ready(2, forward, connect=bpf.returns(0), response=bpf.returns(0),
                            done=bpf.returns(0))
        bpf.update(link, second)
        ktap.equal(get().status, 200, "status")
        for f in (link, fd, second):
            os.close(f)


@ktap.case("L7FP_RESET closes the connection without an answer")
def reset():
    with Mesh() as mesh:
        fd = mesh.ready(1, bpf.returns(C["L7FP_RESET"]))
        link = bpf.attach(fd)
        try:
            r = get()
        except (EOFError, OSError):
            pass
        else:
            raise AssertionError("answered with %d" % r.status)
        ktap.equal(mesh.backends[0].requests, [], "requests at the backend")
        os.close(link)
        os.close(fd)


@ktap.case("what one request leaves in path and host the next one does not see")
def nothing_left():
    m = module()
    room, host_room = C["L7FP_PATH_INLINE"], C["L7FP_AUTHORITY_INLINE"]
    code = bpf.begin() + bpf.load(1, 6, 20)
    other = bpf.call(m, "l7fp_set_cluster", 1) + bpf.returns(C["L7FP_FORWARD"])
    code += bpf.insn(0x15, 1, 0, len(other) // 8, 2) + other    # a path of two bytes is checked
    code += bpf.differ(m, 48, b"/s", room) + bpf.differ(m, 48 + room, b"h", host_room)
    code += bpf.call(m, "l7fp_deny", 0xffffffff) + bpf.exit_()
    with Mesh() as mesh:
        fd = mesh.ready(1, code)
        link = bpf.attach(fd)
        with Client(LISTENER) as c:
            for path, host in ((room, host_room), (17, 9), (room + 99, host_room + 9), (3, 200),
                               (room - 1, 2)):
                ktap.equal(c.get("/" + "l" * (path - 1), host="g" * host).status, 200, "long")
                for _ in range(3):
                    ktap.equal(c.get("/s", host="h").status, 403, "after %d bytes" % path)
        os.close(link)
        os.close(fd)


def exit_with_traffic(held, policy):
    """Runs in a child: a namespace that ends with its process, held responses and all."""
    mesh = Mesh()
    fd = None
    if policy:
        m = module()
        fd = mesh.ready(1, bpf.begin() + bpf.call(m, "l7fp_set_cluster", 1) +
                        bpf.returns(C["L7FP_FORWARD"]), done=bpf.returns(0))
        bpf.attach(fd)
    never = threading.Event()
    arrived = []

    def hold(connection, request):
        arrived.append(request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        never.wait(120)

    mesh.backends[0].on("/held", hold)
    clients = []
    for i in range(held):
        c = Client(LISTENER)
        c.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n" if i % 2 else
               b"POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
        clients.append(c)
    if policy:
        eventually(lambda: len(arrived) == held, "all requests arrived")
        states = mesh.dump("GENERATION_GET")
        count = struct.unpack("=Q", states[0][C["L7FP_A_EXCHANGES"]])[0]
        ktap.equal(count, held, "exchanges that hold the generation")
    # Half a head, and a connection that says nothing.
    clients.append(Client(LISTENER))
    clients[-1].send(b"GET / HTT")
    clients.append(Client(LISTENER))


@ktap.cases([
    ("a namespace goes with 20 responses held back", 20, True),
    ("a namespace goes with connections and no policy", 4, False),
])
def namespace_exit(held, policy):
    module()    # loaded by the parent: the ids stay
    before = references()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        answer = b"ok"
        try:
            exit_with_traffic(held, policy)
        except BaseException as error:  # pylint: disable=broad-except
            answer = repr(error).encode()
        os.write(writer, answer)
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 4096)
    os.close(reader)
    os.waitpid(pid, 0)
    ktap.equal(answer, b"ok", "the child's answer")
    eventually(lambda: references() <= before, "the module's references are back", 100)


@ktap.case("a generation is held by its exchanges after the detach, and goes with the last one")
def generation_held():
    m = module()
    with Mesh() as mesh:
        fd = mesh.ready(1, bpf.begin() + bpf.call(m, "l7fp_set_cluster", 1) +
                        bpf.returns(C["L7FP_FORWARD"]), response=bpf.returns(0),
                        done=bpf.returns(0))
        link = bpf.attach(fd)
        os.close(fd)    # from here on only link and generation hold the programs
        go = threading.Event()

        def hold(connection, request):
            request.body()
            go.wait(60)
            connection.reply(b"held")

        mesh.backends[0].on("/held", hold)
        held = Client(LISTENER)
        held.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        ktap.true(mesh.backends[0].wait_seen("/held"), "the request did not arrive")
        os.close(link)
        eventually(lambda: mesh.states() == {1: C["L7FP_GENERATION_DRAINING"]}, "draining")
        ktap.equal(get().status, 503, "status without a policy")
        go.set()
        r = held.response()
        ktap.equal((r.status, r.body), (200, b"held"), "the held response")
        eventually(lambda: mesh.states() == {}, "the generation is gone")
        held.close()


def main():
    if references() is None:
        ktap.skip_all("l7fp.ko is not loaded")
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    ktap.at_end = lambda: enter(here)
    ktap.run(200)


if __name__ == "__main__":
    main()
