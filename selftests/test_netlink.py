#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
"""The netlink family and the policy's struct_ops: what is accepted and what is refused,
limits at N and N + 1, the life of generations, and what goes with a network namespace.

Each case works in a network namespace of its own.
"""
import errno
import os
import socket
import struct
import time

import bpf
import genl
import ktap
from genl import C
from netns import CLONE_NEWNET, Net, enter, eventually, libc, module, references, refused, unshare

PREPARED, CURRENT, DRAINING = (C["L7FP_GENERATION_" + s] for s in
                               ("PREPARED", "CURRENT", "DRAINING"))
FORWARD, REDIRECT, DIRECT = (C["L7FP_ROUTE_" + s] for s in ("FORWARD", "REDIRECT", "DIRECT"))
REQUEST_HEADER, RESPONSE_HEADER = C["L7FP_A_ROUTE_REQUEST_HEADER"], C["L7FP_A_ROUTE_RESPONSE_HEADER"]


# ---- permission and form

@ktap.case("without CAP_NET_ADMIN every command is refused with EPERM")
def no_permission():
    unshare()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        answer = b"?"
        try:
            with genl.Genl() as g:
                os.setgid(65534)
                os.setuid(65534)
                answer = b""
                for name in (n for n in C if n.startswith("L7FP_CMD_")):
                    command = name[len("L7FP_CMD_"):]
                    if command in ("UNSPEC", "MAX", "UPSTREAM_WANTED", "CONNECTION_LOST"):
                        continue
                    for flags in (genl.NLM_F_ACK, genl.NLM_F_DUMP):
                        try:
                            g.request(C[name], b"", flags)
                            answer += ("%s was accepted " % command).encode()
                        except OSError as error:
                            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                                answer += ("%s: %s " % (command, error)).encode()
        finally:
            os.write(writer, answer or b"ok")
            os._exit(0)
    os.close(writer)
    answer = os.read(reader, 4096)
    os.waitpid(pid, 0)
    ktap.equal(answer, b"ok", "answer")


@ktap.case("a capable process of another user namespace is refused")
def no_permission_in_user_namespace():
    if libc.prctl(36, 1, 0, 0, 0):     # a subreaper, so that nothing is left over
        raise ktap.Skip("prctl")
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        answer = b"?"
        try:
            if libc.unshare(0x10000000 | CLONE_NEWNET):    # CLONE_NEWUSER
                answer = b"skip"
            else:
                with genl.Genl() as g:
                    try:
                        g.dump("CLUSTER_GET")
                        answer = b"accepted"
                    except OSError as error:
                        answer = errno.errorcode[error.errno].encode()
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.close(writer)
    answer = os.read(reader, 100)
    os.waitpid(pid, 0)
    if answer == b"skip":
        raise ktap.Skip("no user namespaces")
    ktap.equal(answer, b"EPERM", "answer")


@ktap.case("what a message may not hold is refused, and named")
def strict():
    with Net() as g:
        # An attribute of another command, one that does not exist, none where one is needed.
        refused(errno.EINVAL, g.do, "CLUSTER_NEW", genl.u32(C["L7FP_A_MAP_FD"], 1))
        refused(errno.EINVAL, g.do, "CLUSTER_NEW", genl.cluster(1), genl.u32(200, 1))
        refused(errno.EINVAL, g.do, "CLUSTER_NEW")
        refused(errno.EINVAL, g.do, "CLUSTER_NEW", genl.nest(C["L7FP_A_CLUSTER"]))
        refused(errno.EINVAL, g.do, "CLUSTER_NEW", genl.cluster(1, "", genl.u32(99, 1)))
        # A u32 of two bytes.
        refused(errno.EINVAL, g.do, "CLUSTER_DEL", genl.u16(C["L7FP_A_ID"], 1))
        refused(errno.ERANGE, g.do, "CLUSTER_NEW",
                genl.cluster(1, "", genl.u32(C["L7FP_A_CLUSTER_LB"], C["__L7FP_LB_MAX"])))
        refused(errno.ERANGE, g.do, "CLUSTER_NEW", genl.cluster(0xffffffff))
        refused(errno.EINVAL, g.do, "LISTENER_NEW", genl.nest(
            C["L7FP_A_LISTENER"], genl.u32(C["L7FP_A_LISTENER_ID"], 1),
            genl.attr(C["L7FP_A_LISTENER_ADDRESS"], b"12345"),
            genl.u16(C["L7FP_A_LISTENER_PORT"], 1)), says="4 or 16 bytes")
        refused(errno.EINVAL, g.do, "LISTENER_NEW", genl.listener(
            1, 0, "127.0.0.1", genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_OPAQUE"])),
            says="expected a cluster")
        refused(errno.EINVAL, g.do, "LISTENER_NEW", genl.listener(
            1, 0, "127.0.0.1", genl.u32(C["L7FP_A_LISTENER_FLAGS"],
                                        C["L7FP_LISTENER_FLAGS_ALL"] + 1)))
        for command in ("LISTENER_GET", "CLUSTER_GET", "GENERATION_GET", "CONNECTION_GET",
                        "STATS_GET", "WORKLOAD_GET"):
            refused(errno.EINVAL, g.dump, command, genl.u32(C["L7FP_A_ID"], 1))
        refused(errno.EOPNOTSUPP, g.request, C["__L7FP_CMD_MAX"])
        refused(errno.EOPNOTSUPP, g.request, C["L7FP_CMD_UPSTREAM_WANTED"])


@ktap.case("what does not exist is not found, and named")
def not_found():
    with Net() as g:
        one = genl.u32(C["L7FP_A_ID"], 77)
        for command in ("LISTENER_DEL", "LISTENER_GET", "CLUSTER_DEL", "CLUSTER_GET",
                        "ENDPOINT_SET"):
            refused(errno.ENOENT, g.do, command, one, says="77 does not exist")
        for command in ("GENERATION_ADD", "GENERATION_DEL", "GENERATION_GET"):
            refused(errno.ENOENT, g.do, command, genl.generation(77), says="77 does not exist")
        refused(errno.ENOENT, g.do, "CONNECTION_ATTACH", genl.nest(
            C["L7FP_A_CONNECTION"], genl.u32(C["L7FP_A_CONNECTION_FD"], connected()),
            genl.u32(C["L7FP_A_CONNECTION_LISTENER"], 77)), says="77 does not exist")


_sockets = []


def connected(net=True):
    """A connected TCP socket of this thread's namespace."""
    if net:
        os.system("ip link set lo up")
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    _sockets.extend((server, client, server.accept()[0]))
    return client.fileno()


@ktap.case("only a connected TCP socket of the namespace can be attached")
def attach_refused():
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))

        def attach(fd):
            g.do("CONNECTION_ATTACH", genl.nest(
                C["L7FP_A_CONNECTION"], genl.u32(C["L7FP_A_CONNECTION_FD"], fd),
                genl.u32(C["L7FP_A_CONNECTION_CLUSTER"], 1)))

        with open("/dev/null", "rb") as f:
            refused(errno.ENOTSOCK, attach, f.fileno(), says="expected a socket")
        refused(errno.EBADF, attach, 999999)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                refused(errno.EINVAL, attach, s.fileno(), says="connected TCP socket")
        left, right = socket.socketpair()
        refused(errno.EINVAL, attach, left.fileno(), says="connected TCP socket")
        left.close()
        right.close()
        foreign = connected()
        unshare()
        with genl.Genl() as other:
            other.do("CLUSTER_NEW", genl.cluster(1))
            refused(errno.EINVAL, other.do, "CONNECTION_ATTACH", genl.nest(
                C["L7FP_A_CONNECTION"], genl.u32(C["L7FP_A_CONNECTION_FD"], foreign),
                genl.u32(C["L7FP_A_CONNECTION_CLUSTER"], 1)), says="this network namespace")


# ---- listeners, clusters, endpoints

@ktap.case("listeners: the chosen port is told, ids and ports are taken once")
def listeners():
    with Net() as g:
        g.do("LISTENER_NEW", genl.listener(5, 0))
        nest = genl.table(genl.table(g.do("LISTENER_GET", genl.u32(C["L7FP_A_ID"], 5))[0][1])
                          [C["L7FP_A_LISTENER"]])
        port = struct.unpack("=H", nest[C["L7FP_A_LISTENER_PORT"]])[0]
        ktap.true(port, "expected the port that the kernel chose")
        refused(errno.EEXIST, g.do, "LISTENER_NEW", genl.listener(5, 0), says="delete it first")
        refused(errno.EADDRINUSE, g.do, "LISTENER_NEW", genl.listener(6, port))
        g.do("LISTENER_DEL", genl.u32(C["L7FP_A_ID"], 5))
        ktap.equal(g.dump("LISTENER_GET"), [], "listeners")
        g.do("LISTENER_NEW", genl.listener(5, 0, "::"))


@ktap.case("listeners: what is shown can be given back: OPAQUE and DETECT name their cluster")
def listeners_shown():
    with Net() as g:
        for number, protocol in enumerate(("HTTP", "OPAQUE", "DETECT")):
            more = [genl.u32(C["L7FP_A_LISTENER_PROTOCOL"], C["L7FP_PROTOCOL_" + protocol])]
            if protocol != "HTTP":
                more.append(genl.u32(C["L7FP_A_LISTENER_CLUSTER"], 7))
            g.do("LISTENER_NEW", genl.listener(number, 0, "127.0.0.1", *more))
            shown = g.do("LISTENER_GET", genl.u32(C["L7FP_A_ID"], number))[0][1]
            nest = genl.table(genl.table(shown)[C["L7FP_A_LISTENER"]])
            ktap.equal(nest.get(C["L7FP_A_LISTENER_CLUSTER"]),
                       None if protocol == "HTTP" else struct.pack("=I", 7),
                       "cluster of a listener for " + protocol)
            g.do("LISTENER_DEL", genl.u32(C["L7FP_A_ID"], number))
            g.do("LISTENER_NEW", genl.nest(C["L7FP_A_LISTENER"],
                                           *[genl.attr(t, v) for t, v in nest.items()]))


@ktap.case("clusters and endpoints are dumped as they were set; a dump has several parts")
def clusters():
    with Net() as g:
        for i in range(400):
            g.do("CLUSTER_NEW", genl.cluster(i * 3, "cluster-%d" % i))
            g.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], i * 3),
                 genl.endpoint("10.0.0.1", i + 1), genl.endpoint(
                     "fd00::1", i + 1, genl.u32(C["L7FP_A_ENDPOINT_WEIGHT"], 7),
                     genl.u8(C["L7FP_A_ENDPOINT_HEALTHY"], 0)))
        dumped = [genl.table(c[C["L7FP_A_CLUSTER"]]) for c in g.dump("CLUSTER_GET")]
        ktap.equal([struct.unpack("=I", c[C["L7FP_A_CLUSTER_ID"]])[0] for c in dumped],
                   [i * 3 for i in range(400)], "ids")
        ktap.equal(dumped[9][C["L7FP_A_CLUSTER_NAME"]], b"cluster-9\0", "name")
        endpoints = [genl.table(e[C["L7FP_A_ENDPOINT"]]) for e in g.dump("ENDPOINT_GET")]
        ktap.equal(len(endpoints), 800, "endpoints")
        ports = sorted(struct.unpack("=H", e[C["L7FP_A_ENDPOINT_PORT"]])[0] for e in endpoints)
        ktap.equal(ports, sorted(list(range(1, 401)) * 2), "ports")
        some = [genl.table(e[C["L7FP_A_ENDPOINT"]])
                for e in g.dump("ENDPOINT_GET", genl.u32(C["L7FP_A_ID"], 6))]
        ktap.equal(len(some), 2, "endpoints of one cluster")
        v6 = [e for e in some if len(e[C["L7FP_A_ENDPOINT_ADDRESS"]]) == 16][0]
        ktap.equal((v6[C["L7FP_A_ENDPOINT_WEIGHT"]], v6[C["L7FP_A_ENDPOINT_HEALTHY"]]),
                   (struct.pack("=I", 7), b"\0"), "weight and health")
        g.do("CLUSTER_NEW", genl.cluster(0, "renamed"))
        ktap.equal(len(g.dump("CLUSTER_GET")), 400, "clusters after a change")
        g.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 6))
        ktap.equal(g.dump("ENDPOINT_GET", genl.u32(C["L7FP_A_ID"], 6)), [], "no endpoint is left")
        # A name of the greatest length, and one byte more.
        g.do("CLUSTER_NEW", genl.cluster(0, "n" * C["L7FP_MAX_NAME"]))
        refused(errno.EINVAL, g.do, "CLUSTER_NEW",
                genl.cluster(0, "n" * (C["L7FP_MAX_NAME"] + 1)))


@ktap.case("L7FP_MAX_ENDPOINTS endpoints, and one more")
def endpoints_limit():
    limit = C["L7FP_MAX_ENDPOINTS"]
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))
        one = genl.u32(C["L7FP_A_ID"], 1)
        many = [genl.endpoint("10.0.0.1", i + 1) for i in range(limit)]
        g.do("ENDPOINT_SET", one, *many)
        ktap.equal(len(g.dump("ENDPOINT_GET")), limit, "endpoints")
        refused(errno.E2BIG, g.do, "ENDPOINT_SET", one, *many, genl.endpoint("10.0.0.2", 1),
                says="at most %d endpoints" % limit)
        ktap.equal(len(g.dump("ENDPOINT_GET")), limit, "endpoints after the refusal")


@ktap.case("L7FP_MAX_LISTENERS listeners, and one more")
def listeners_limit():
    limit = C["L7FP_MAX_LISTENERS"]
    with Net() as g:
        for i in range(limit):
            g.do("LISTENER_NEW", genl.listener(i, 0))
        refused(errno.ENOSPC, g.do, "LISTENER_NEW", genl.listener(limit, 0),
                says="at most %d listeners" % limit)
        g.do("LISTENER_DEL", genl.u32(C["L7FP_A_ID"], 3))
        g.do("LISTENER_NEW", genl.listener(limit, 0))


@ktap.case("L7FP_MAX_CLUSTERS clusters, and one more")
def clusters_limit():
    limit = C["L7FP_MAX_CLUSTERS"]
    with Net() as g:
        for first in range(0, limit, 1024):
            g.batch("CLUSTER_NEW", [genl.cluster(first + i) for i in range(1024)])
        refused(errno.ENOSPC, g.do, "CLUSTER_NEW", genl.cluster(limit),
                says="at most %d clusters" % limit)
        g.do("CLUSTER_NEW", genl.cluster(0, "changed"))
        g.do("CLUSTER_DEL", genl.u32(C["L7FP_A_ID"], 3))
        g.do("CLUSTER_NEW", genl.cluster(limit))


# ---- tables

def op(kind, name, value=None, direction=REQUEST_HEADER):
    return genl.header_op(direction, C["L7FP_HEADER_" + kind], name, value)


def forward(number, *more):
    return genl.route(number, FORWARD, genl.route_cluster(1), *more)


A = {n[len("L7FP_A_ROUTE_"):]: v for n, v in C.items() if n.startswith("L7FP_A_ROUTE_")}


@ktap.cases([
    ("a route without a cluster", genl.route(0, FORWARD), errno.EINVAL, "expected clusters"),
    ("a redirect with a cluster",
     genl.route(0, REDIRECT, genl.route_cluster(1), genl.u32(A["STATUS"], 301)),
     errno.EINVAL, "expected clusters"),
    ("a redirect without a status", genl.route(0, REDIRECT), errno.EINVAL, "expected a status"),
    ("a redirect with status 200", genl.route(0, REDIRECT, genl.u32(A["STATUS"], 200)),
     errno.ERANGE, "300 to 399"),
    ("a redirect with status 400", genl.route(0, REDIRECT, genl.u32(A["STATUS"], 400)),
     errno.ERANGE, "300 to 399"),
    ("a direct response with status 199", genl.route(0, DIRECT, genl.u32(A["STATUS"], 199)),
     errno.ERANGE, None),
    ("a direct response with status 600", genl.route(0, DIRECT, genl.u32(A["STATUS"], 600)),
     errno.ERANGE, None),
    ("a body in a route that forwards", forward(0, genl.attr(A["BODY"], b"x")),
     errno.EINVAL, "not for a route of this kind"),
    ("a timeout in a redirect",
     genl.route(0, REDIRECT, genl.u32(A["STATUS"], 301), genl.u32(A["TIMEOUT_MS"], 1)),
     errno.EINVAL, "not for a route of this kind"),
    ("a full rewrite without a slash",
     forward(0, genl.u32(A["REWRITE_KIND"], 2), genl.attr(A["REWRITE_PATH"], b"v1")),
     errno.EINVAL, "expected a path"),
    ("a rewrite with a space",
     forward(0, genl.u32(A["REWRITE_KIND"], 1), genl.attr(A["REWRITE_PATH"], b"/a b")),
     errno.EINVAL, "expected a path"),
    ("a rewrite with a line end",
     forward(0, genl.u32(A["REWRITE_KIND"], 1), genl.attr(A["REWRITE_PATH"], b"/a\r\nX: y")),
     errno.EINVAL, "expected a path"),
    ("a rewrite kind without a path", forward(0, genl.u32(A["REWRITE_KIND"], 1)),
     errno.EINVAL, "or neither"),
    ("a rewrite path without a kind", forward(0, genl.attr(A["REWRITE_PATH"], b"/")),
     errno.EINVAL, "or neither"),
    ("an authority with a path", forward(0, genl.attr(A["REWRITE_AUTHORITY"], b"a/b")),
     errno.EINVAL, "expected a host"),
    ("an authority with a line end", forward(0, genl.attr(A["REWRITE_AUTHORITY"], b"a\r\nb")),
     errno.EINVAL, "expected a host"),
    ("an authority with a bad port", forward(0, genl.attr(A["REWRITE_AUTHORITY"], b"a:65536")),
     errno.EINVAL, "expected a host"),
    ("a redirect to ftp",
     genl.route(0, REDIRECT, genl.u32(A["STATUS"], 301), genl.attr(A["REDIRECT_SCHEME"], b"ftp")),
     errno.EINVAL, "http or https"),
    ("a header name with a space", forward(0, op("SET", b"a b", b"c")),
     errno.EINVAL, "expected a header name"),
    ("a header name with a colon", forward(0, op("SET", b"a:", b"c")),
     errno.EINVAL, "expected a header name"),
    ("a header name with a zero", forward(0, op("SET", b"a\0b", b"c")),
     errno.EINVAL, "expected a header name"),
    ("a header value with CR LF", forward(0, op("SET", b"a", b"c\r\nd: e")),
     errno.EINVAL, "expected a header value"),
    ("a header value with LF", forward(0, op("ADD", b"a", b"c\nd: e", RESPONSE_HEADER)),
     errno.EINVAL, "expected a header value"),
    ("a header value with a zero", forward(0, op("SET", b"a", b"c\0")),
     errno.EINVAL, "expected a header value"),
    ("a header to set without a value", forward(0, op("SET", b"a")),
     errno.EINVAL, "expected a value"),
    ("a header to remove with a value", forward(0, op("REMOVE", b"a", b"")),
     errno.EINVAL, "expected a value"),
    ("Content-Length set", forward(0, op("SET", b"Content-Length", b"1")),
     errno.EINVAL, "does not frame"),
    ("Transfer-Encoding removed", forward(0, op("REMOVE", b"transfer-Encoding", None,
                                                RESPONSE_HEADER)),
     errno.EINVAL, "does not frame"),
    ("Host set", forward(0, op("SET", b"host", b"a")), errno.EINVAL, "authority"),
    ("weights over 2^31 - 1",
     genl.route(0, FORWARD, genl.route_cluster(1, 0x7fffffff), genl.route_cluster(1, 1)),
     errno.ERANGE, "whose sum"),
    ("a slot over the last", genl.slot(C["L7FP_MAX_SLOTS"], b"a"), errno.ERANGE, None),
    ("a string over the last", genl.string(C["L7FP_MAX_STRINGS"], b"a"), errno.ERANGE, None),
    ("a route over the last", forward(C["L7FP_MAX_ROUTES"]), errno.ERANGE, None),
    ("a rule over the last", genl.rule(C["L7FP_MAX_RULES"], "a"), errno.ERANGE, None),
    ("a slot's name in capitals", genl.slot(0, b"X-User"), errno.EINVAL, "lower case"),
    ("a slot without a name", genl.slot(0, b""), errno.ERANGE, None),
    ("a string that is too long", genl.string(0, b"s" * (C["L7FP_MAX_STRING"] + 1)),
     errno.ERANGE, None),
    ("a body that is too long",
     genl.route(0, DIRECT, genl.u32(A["STATUS"], 200),
                genl.attr(A["BODY"], b"b" * (C["L7FP_MAX_BODY"] + 1))), errno.ERANGE, None),
    ("a header value that is too long",
     forward(0, op("SET", b"a", b"v" * (C["L7FP_MAX_STRING"] + 1))), errno.ERANGE, None),
    ("a header name that is too long",
     forward(0, op("SET", b"n" * (C["L7FP_MAX_NAME"] + 1), b"v")), errno.ERANGE, None),
    ("too many clusters of a route",
     genl.route(0, FORWARD, *[genl.route_cluster(1)] * (C["L7FP_MAX_ROUTE_CLUSTERS"] + 1)),
     errno.E2BIG, "at most"),
    ("too many header changes",
     forward(0, *[op("ADD", b"a", b"b")] * (C["L7FP_MAX_HEADER_OPS"] + 1)),
     errno.E2BIG, "at most"),
])
def table_refused(attrs, number, says):
    with Net() as g:
        g.begin(1)
        refused(number, g.add, 1, attrs, says=says)


@ktap.case("the greatest of everything in a table is accepted")
def table_limits():
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))
        g.begin(1)
        g.add(1, *[genl.slot(i, b"x-%d" % i) for i in range(C["L7FP_MAX_SLOTS"])])
        g.add(1, genl.string(0, b"s" * C["L7FP_MAX_STRING"]), genl.string(1, b""))
        g.add(1, forward(0, *[op("ADD", b"n" * C["L7FP_MAX_NAME"], b"v")] *
                         C["L7FP_MAX_HEADER_OPS"]))
        g.add(1, forward(1, op("SET", b"a", b"v" * C["L7FP_MAX_STRING"])))
        g.add(1, genl.route(2, FORWARD, *[genl.route_cluster(1, 33554431)] *
                            C["L7FP_MAX_ROUTE_CLUSTERS"]))
        g.add(1, genl.route(3, DIRECT, genl.u32(A["STATUS"], 200),
                            genl.attr(A["BODY"], b"b" * C["L7FP_MAX_BODY"])))
        g.add(1, genl.rule(0, "r" * C["L7FP_MAX_NAME"]))
        fd = bpf.policy(module(), 1)
        g.prepare(1, fd)
        os.close(fd)


@ktap.case("L7FP_MAX_STRINGS strings, L7FP_MAX_ROUTES routes, L7FP_MAX_RULES rules")
def table_counts():
    def chunks(items, size=1500):
        items = list(items)
        return (items[i:i + size] for i in range(0, len(items), size))

    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))
        g.begin(1)
        for part in chunks(genl.string(i, b"%d" % i) for i in range(C["L7FP_MAX_STRINGS"])):
            g.add(1, *part)
        for part in chunks(forward(i) for i in range(C["L7FP_MAX_ROUTES"])):
            g.add(1, *part)
        for part in chunks(genl.rule(i, "") for i in range(C["L7FP_MAX_RULES"])):
            g.add(1, *part)
        fd = bpf.policy(module(), 1)
        g.prepare(1, fd)
        os.close(fd)


@ktap.case("L7FP_MAX_GENERATION bytes of tables, and more")
def table_memory():
    with Net() as g:
        g.begin(1)
        value = b"s" * C["L7FP_MAX_STRING"]
        per_message = 50
        number = 0

        def fill():
            nonlocal number
            while number * len(value) <= C["L7FP_MAX_GENERATION"]:
                g.add(1, *[genl.string(number + i, value) for i in range(per_message)])
                number += per_message

        refused(errno.E2BIG, fill, says="at most %d bytes" % C["L7FP_MAX_GENERATION"])
        # The rest: what is left at the end of blocks, the table of strings, the last message.
        ktap.true(number * len(value) > C["L7FP_MAX_GENERATION"] * 5 // 6,
                  "refused at %d strings already" % number)


@ktap.cases([
    ("a missing slot", genl.slot(1, b"a"), "slot 0 is missing"),
    ("a missing string", genl.string(2, b"a"), "string 0 is missing"),
    ("a missing route", forward(1), "route 0 is missing"),
    ("a missing rule", genl.rule(1, "a"), "rule 0 is missing"),
])
def holes(attrs, says):
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))
        g.begin(1, attrs)
        fd = bpf.policy(module(), 1)
        refused(errno.EINVAL, g.prepare, 1, fd, says=says)
        os.close(fd)


@ktap.case("what was set once cannot be set again")
def duplicates():
    with Net() as g:
        for attrs in (genl.slot(0, b"a"), genl.string(0, b"a"), forward(0), genl.rule(0, "a")):
            g.begin(1, attrs)
            refused(errno.EEXIST, g.add, 1, attrs, says="set before")
            g.do("GENERATION_DEL", genl.generation(1))


@ktap.case("a route's cluster must exist when the generation is prepared")
def missing_cluster():
    with Net() as g:
        g.begin(1, genl.route(0, FORWARD, genl.route_cluster(42)))
        fd = bpf.policy(module(), 1)
        refused(errno.ENOENT, g.prepare, 1, fd, says="cluster 42 does not exist")
        g.do("CLUSTER_NEW", genl.cluster(42))
        g.prepare(1, fd)
        os.close(fd)


@ktap.case("after a PREPARE that failed more can be added, and is counted")
def prepare_again():
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1))
        g.begin(1, forward(0), genl.rule(0, "first"))
        with open("/dev/null", "rb") as other:
            refused(errno.EINVAL, g.prepare, 1, other.fileno(), says="struct_ops map")
        count = 2 * 512 + 2     # of counters: more than one allocation's
        g.add(1, *[forward(i) for i in range(1, count)])
        g.add(1, *[genl.rule(i, "more") for i in range(1, count)])
        fd = bpf.policy(module(), 1)
        g.prepare(1, fd)
        link = bpf.attach(fd)
        scopes = [struct.unpack("=I", genl.table(s[C["L7FP_A_STAT"]])[C["L7FP_A_STAT_SCOPE"]])[0]
                  for s in g.dump("STATS_GET")]
        ktap.equal((scopes.count(C["L7FP_STAT_ROUTE"]), scopes.count(C["L7FP_STAT_RULE"])),
                   (count, count), "counters of routes and rules")
        os.close(link)
        os.close(fd)


# ---- generations and the struct_ops

@ktap.case("a generation: building, prepared, current, draining, gone")
def generation_life():
    with Net() as g:
        refused(errno.ERANGE, g.begin, 0)
        g.begin(7)
        refused(errno.EEXIST, g.begin, 7, says="7 exists")
        first = bpf.policy(module(), 7)
        g.prepare(7, first)
        ktap.equal(g.states(), {7: PREPARED}, "states")
        refused(errno.EBUSY, g.add, 7, says="cannot change")
        refused(errno.EBUSY, g.prepare, 7, first, says="cannot change")
        link = bpf.attach(first)
        ktap.equal(g.states(), {7: CURRENT}, "states")
        refused(errno.EBUSY, g.do, "GENERATION_DEL", genl.generation(7), says="is current")
        second = g.ready(8)
        ktap.equal(g.states(), {7: CURRENT, 8: PREPARED}, "states")
        bpf.update(link, second)
        ktap.equal(g.states().get(8), CURRENT, "state of 8")
        eventually(lambda: g.states() == {8: CURRENT}, "7 is gone")
        # Again the same one: nothing changes.
        bpf.update(link, second)
        ktap.equal(g.states(), {8: CURRENT}, "states")
        # What is gone does not come back.
        refused(errno.ENOENT, bpf.update, link, first)
        os.close(link)
        eventually(lambda: not g.states(), "8 is gone after the detach")
        refused(errno.ENOENT, bpf.attach, second)
        for fd in (first, second):
            os.close(fd)


@ktap.case("only the map that was prepared, in its namespace, can be attached")
def attach_prepared_only():
    with Net() as g:
        never = bpf.policy(module(), 3)
        refused(errno.ENOENT, bpf.attach, never)
        g.begin(3)
        refused(errno.ENOENT, bpf.attach, never)
        prepared = bpf.policy(module(), 3)
        g.prepare(3, prepared)
        # The same number, another map.
        refused(errno.ENOENT, bpf.attach, never)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        unshare()
        refused(errno.ENOENT, bpf.attach, prepared)
        enter(here)
        os.close(here)
        link = bpf.attach(prepared)
        refused(errno.ENOENT, bpf.update, link, never)
        ktap.equal(g.states(), {3: CURRENT}, "states")
        for fd in (link, never, prepared):
            os.close(fd)


@ktap.case("a second policy in a namespace is refused with EBUSY; another namespace has its own")
def attach_twice():
    with Net() as g:
        first, second = g.ready(1), g.ready(2)
        link = bpf.attach(first)
        refused(errno.EBUSY, bpf.attach, second)
        unshare()
        with genl.Genl() as other:
            other.do("GENERATION_NEW", genl.generation(1))
            third = bpf.policy(module(), 1)
            other.do("GENERATION_PREPARE", genl.generation(1),
                     genl.u32(C["L7FP_A_MAP_FD"], third))
            other_link = bpf.attach(third)
            ktap.equal(g.states(), {1: CURRENT, 2: PREPARED}, "states here")
            os.close(other_link)
            eventually(lambda: not other.dump("GENERATION_GET"), "no generation there")
        ktap.equal(g.states(), {1: CURRENT, 2: PREPARED}, "states here, after the detach there")
        os.close(link)
        for fd in (first, second, third):
            os.close(fd)


@ktap.case("after the detach the namespace takes another policy")
def attach_again():
    with Net() as g:
        first, second = g.ready(1), g.ready(2)
        os.close(bpf.attach(first))
        link = bpf.attach(second)
        ktap.equal(g.states().get(2), CURRENT, "state of 2")
        for fd in (link, first, second):
            os.close(fd)


@ktap.case("PREPARE wants a struct_ops map made with BPF_F_LINK")
def wrong_map():
    with Net() as g:
        g.begin(1)
        array = bpf.create_array()
        refused(errno.EINVAL, g.prepare, 1, array, says="expected a struct_ops map")
        unlinked = bpf.create_map(module(), bpf.BPF_F_VTYPE_BTF_OBJ_FD)
        refused(errno.EINVAL, g.prepare, 1, unlinked, says="expected a struct_ops map")
        refused(errno.EBADF, g.prepare, 1, 999999)
        with open("/dev/null", "rb") as f:
            refused(errno.EINVAL, g.prepare, 1, f.fileno())
        os.close(array)
        os.close(unlinked)


@ktap.case("a policy without a request program, a generation or an end of its name is refused")
def wrong_value():
    m = module()
    request = bpf.load_program(m, bpf.returns(0))
    done = bpf.load_program(m, bpf.returns(0), "done")
    for generation, programs, name in ((1, {"done": done}, b"t"), (0, {"request": request}, b"t"),
                                       (1, {"request": request}, b"n" * 16)):
        fd = bpf.create_map(m)
        refused(errno.EINVAL, bpf.set_policy, m, fd, generation, programs, name)
        os.close(fd)
    os.close(request)
    os.close(done)


@ktap.case("sleepable programs are refused")
def sleepable():
    refused(errno.EINVAL, bpf.load_program, module(), bpf.returns(0), "request",
            bpf.BPF_F_SLEEPABLE)


@ktap.case("a program reads the exchange and cannot write it")
def verifier():
    m = module()
    os.close(bpf.load_program(m, bpf.begin() + bpf.load(0, 6, 16) + bpf.exit_()))
    store = bpf.insn(0x62, 6, 0, 16, 1)     # *(u32 *)(r6 + 16) = 1
    refused(errno.EACCES, bpf.load_program, m, bpf.begin() + store + bpf.returns(0))
    # A pointer that is none.
    refused(errno.EACCES, bpf.load_program, m, bpf.mov(1, 0) + bpf.mov32(2, 0) +
            bpf.insn(0x85, 0, 2, 1, m.functions["l7fp_route"]) + bpf.exit_())


@ktap.case("L7FP_MAX_GENERATIONS generations, and one more")
def generations_limit():
    limit = C["L7FP_MAX_GENERATIONS"]
    with Net() as g:
        for i in range(limit):
            g.begin(i + 1)
        refused(errno.ENOSPC, g.begin, limit + 1, says="at most %d generations" % limit)
        g.do("GENERATION_DEL", genl.generation(1))
        g.begin(limit + 1)


# ---- namespaces and the module

@ktap.case("a namespace goes with listeners, clusters, generations and an attached policy in it")
def namespace_exit():
    before = references()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            g = Net()
            os.system("ip link set lo up")
            g.do("CLUSTER_NEW", genl.cluster(1))
            g.do("ENDPOINT_SET", genl.u32(C["L7FP_A_ID"], 1), genl.endpoint("127.0.0.1", 9))
            for i in range(3):
                g.do("LISTENER_NEW", genl.listener(i, 0))
            g.begin(1, genl.string(0, b"x"))
            g.ready(2, None, forward(0))
            fd = g.ready(3, None, forward(0))
            link = bpf.attach(fd)
            ktap.equal(g.states().get(3), CURRENT, "state of 3")
            os.write(writer, b"attached")
            # The process ends, and with it all that holds the namespace.
            status = 0 if link >= 0 else 1
        finally:
            os._exit(status)
    os.close(writer)
    ktap.true(os.read(reader, 100), "the child did not get there")
    ktap.equal(os.waitpid(pid, 0)[1], 0, "exit status of the child")
    eventually(lambda: references() <= before, "the module's references are back at %d, not %d" %
               (before, references()), 60)


@ktap.case("a link that outlives its namespace can be updated no more, and closed")
def link_after_namespace():
    before = references()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with Net() as g:
        fd, other = g.ready(1), g.ready(2)
        link = bpf.attach(fd)
    enter(here)
    os.close(here)

    def dead():
        try:
            bpf.update(link, other)
        except OSError as error:
            return error.errno == errno.ENOLINK
        return False

    eventually(dead, "the namespace is gone", 60)
    for f in (link, fd, other):
        os.close(f)
    eventually(lambda: references() <= before, "the module's references are back", 60)


def settled():
    """References, when those of earlier cases, some of which end after a grace period, are back."""
    same, last = 0, references()
    while same < 10:
        time.sleep(0.1)
        same, last = (same + 1 if references() == last else 0), references()
    return last


@ktap.case("the module stays while a policy is attached or prepared")
def module_stays():
    with Net() as g:
        before = settled()
        fd = g.ready(1)
        os.close(fd)
        ktap.true(references() > before, "a prepared generation holds the module")
        status = os.system("rmmod l7fp 2>/dev/null")
        ktap.true(status, "rmmod of a module in use was accepted")
        g.do("GENERATION_DEL", genl.generation(1))
        eventually(lambda: references() <= before, "the references are back")


@ktap.case("statistics name every scope")
def statistics():
    with Net() as g:
        g.do("CLUSTER_NEW", genl.cluster(1, "one"))
        g.do("LISTENER_NEW", genl.listener(2, 0))
        fd = g.ready(1, None, forward(0, genl.text(A["NAME"], "vs.yaml:3")),
                     genl.rule(0, "deny.yaml:9"))
        link = bpf.attach(fd)
        stats = [genl.table(s[C["L7FP_A_STAT"]]) for s in g.dump("STATS_GET")]
        seen = {(struct.unpack("=I", s[C["L7FP_A_STAT_SCOPE"]])[0],
                 s.get(C["L7FP_A_STAT_OBJECT"], b"").rstrip(b"\0"),
                 s[C["L7FP_A_STAT_NAME"]].rstrip(b"\0")) for s in stats}
        for scope, name, counter in (("GLOBAL", b"", b"downstream_rq_total"),
                                     ("LISTENER", b"listener2", b"downstream_cx_total"),
                                     ("CLUSTER", b"one", b"upstream_rq_total"),
                                     ("ROUTE", b"vs.yaml:3", b"rq_total"),
                                     ("RULE", b"deny.yaml:9", b"matched"),
                                     ("VERDICT", b"forward", b"rq_total"),
                                     ("REASON", b"RBAC", b"rq_total")):
            ktap.true((C["L7FP_STAT_" + scope], name, counter) in seen,
                      "no counter %s of %s %s" % (counter, scope, name))
        ktap.equal(len(seen), len(stats), "counters, each once")
        os.close(link)
        os.close(fd)


def main():
    if references() is None:
        ktap.skip_all("l7fp.ko is not loaded")
    ktap.run(120)


if __name__ == "__main__":
    main()
