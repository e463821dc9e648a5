#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""What policies see of a request and what becomes of what they say: fields, routes, rewrites,
redirects, and every way in which a program can be wrong.

Requests are given to the current policy with EXPLAIN; nothing is sent.
"""
import errno
import os
import socket
import struct

import bpf
import genl
import ktap
from genl import C
from netns import Net, module, references

FORWARD, REDIRECT, DIRECT, SLOW = (C["L7FP_ROUTE_" + s] for s in
                                   ("FORWARD", "REDIRECT", "DIRECT", "SLOW_PATH"))
A = {n[len("L7FP_A_ROUTE_"):]: v for n, v in C.items() if n.startswith("L7FP_A_ROUTE_")}
REASONS = {v: n[len("L7FP_REASON_"):] for n, v in C.items() if n.startswith("L7FP_REASON_")}
PATH, AUTHORITY, METHOD, HOST, SLOT = (C["L7FP_FIELD_" + s] for s in
                                       ("PATH", "AUTHORITY", "METHOD", "HOST", "SLOT"))
EXACT, PRESENT = C["L7FP_MATCH_EXACT"], C["L7FP_MATCH_PRESENT"]
NONE = 0xffffffff


class Answer:
    """What EXPLAIN says."""

    def __init__(self, attrs):
        nest = genl.table(genl.table(attrs)[C["L7FP_A_EXPLAIN"]])

        def number(name):
            value = nest.get(C["L7FP_A_EXPLAIN_" + name])
            return None if value is None else struct.unpack("=I", value)[0]

        self.verdict, self.status, self.cluster, self.route, self.rule = (
            number(n) for n in ("VERDICT", "STATUS", "CLUSTER", "ROUTE", "RULE"))
        self.reason = REASONS[number("REASON")]
        self.path, self.host, self.location = (
            nest.get(C["L7FP_A_EXPLAIN_" + n], b"") for n in ("PATH", "HOST", "LOCATION"))


def head(target="/", headers=("Host: a.example",), method="GET", version="1.1"):
    return ("%s %s HTTP/%s\r\n" % (method, target, version) +
            "".join(h + "\r\n" for h in headers) + "\r\n").encode("latin-1")


class Policy(Net):
    """A namespace with clusters 1 and 2 and one policy attached."""

    def __init__(self, code, *tables, **programs):
        super().__init__()
        self.do("CLUSTER_NEW", genl.cluster(1))
        self.do("CLUSTER_NEW", genl.cluster(2))
        fd = self.ready(1, code, *tables, **programs)
        self.link = bpf.attach(fd)
        os.close(fd)

    def close(self):
        os.close(self.link)
        super().close()

    def explain(self, request=None, mode=None):
        attrs = [genl.attr(C["L7FP_A_EXPLAIN_HEAD"], request or head())]
        if mode is not None:
            attrs.append(genl.u32(C["L7FP_A_EXPLAIN_PATH_MODE"], mode))
        for side in ("SOURCE", "DESTINATION"):
            attrs.append(genl.attr(C["L7FP_A_EXPLAIN_%s_ADDRESS" % side],
                                   socket.inet_aton("127.0.0.1")))
        return Answer(self.do("EXPLAIN", genl.nest(C["L7FP_A_EXPLAIN"], *attrs))[0][1])


def call(function, *arguments):
    return bpf.call(module(), function, *arguments)


def if_zero(skip):
    """Skips that many instructions when r0 is 0."""
    return bpf.insn(0x15, 0, 0, skip, 0)


def if_match(field, op, string, then, otherwise):
    """then when the field matches, otherwise when not; both end."""
    return (call("l7fp_field_match", field, op, string) + if_zero(len(then) // 8) + then +
            otherwise)


def deny_or_404(field=SLOT, op=EXACT, string=0):
    """403 when the field matches, 404 when not."""
    return (bpf.begin() + if_match(field, op, string, call("l7fp_deny", 0) + bpf.exit_(),
                                   call("l7fp_no_route") + bpf.exit_()))


def one_route(*more, kind=FORWARD):
    """A policy that applies route 0 to everything."""
    clusters = (genl.route_cluster(1),) if kind == FORWARD else ()
    return Policy(bpf.begin() + call("l7fp_route", 0) + bpf.exit_(),
                  genl.route(0, kind, *clusters, *more))


# ---- fields

HOST_LINE = "Host: A.Example:8080"


@ktap.cases([
    ("two lines of a header with a slot", b"x-user", ["x-user: a", "X-USER: b"], True),
    ("two equal lines", b"x-user", ["x-user: a", "x-user: a"], True),
    ("cookie lines", b"cookie", ["Cookie: a=1", "Cookie: b=2"], True),
    ("lines of a header without a slot", b"x-user", ["x-user: a", "y: 1", "y: 2"], False),
    ("lines of a header that resembles it", b"x-user", ["x-user: a", "x-uzer: 1", "x-uzer: 2"],
     False),
    ("two lines that Connection names", b"x-user",
     ["x-user: a", "x-user: b", "Connection: x-user"], False),
])
def repeated_header(name, lines, slow):
    with Policy(deny_or_404(), genl.slot(0, name), genl.string(0, b"a"), genl.rule(0, "r")) as p:
        answer = p.explain(head("/p", [HOST_LINE] + lines))
        ktap.equal(answer.verdict == C["L7FP_SLOW_PATH"], slow, "slow path")


@ktap.cases([
    ("a header", b"x-user", ["X-User: jason"], b"jason"),
    ("a header's value keeps its case", b"x-user", ["x-user: Jason"], b"Jason"),
    ("a header of two lines is joined with a comma where Envoy joins them", b"via",
     ["via: a", "VIA: b"], b"a,b"),
    ("a header of three lines with others between", b"accept",
     ["accept: a", "y: 1", "Accept: b", "y: 2", "accept:"], b"a,b,"),
    ("an absent header", b"x-user", ["x-userx: a", "xx-user: b"], None),
    ("an empty header is present", b"x-user", ["x-user:"], b""),
    ("a header that Connection names is not there", b"x-user",
     ["x-user: a", "Connection: keep-alive, X-User"], None),
    (":path has the query", b":path", [], b"/p?q=1&r=%20"),
    (":authority has the port and the case", b":authority", [], b"A.Example:8080"),
    ("host is :authority", b"host", [], b"A.Example:8080"),
    (":method", b":method", [], b"GET"),
    (":scheme", b":scheme", [], b"http"),
    ("x-forwarded-proto is set where there is none", b"x-forwarded-proto", [], b"http"),
    ("x-forwarded-proto is kept where there is one", b"x-forwarded-proto",
     ["X-Forwarded-Proto: https"], b"https"),
])
def header_slot(name, lines, expected):
    value = b"(absent)" if expected is None else expected
    with Policy(deny_or_404(), genl.slot(0, name), genl.string(0, value),
                genl.rule(0, "r")) as p:
        answer = p.explain(head("/p?q=1&r=%20", [HOST_LINE] + lines))
        ktap.equal(answer.status, 404 if expected is None else 403, "status")
    with Policy(deny_or_404(op=PRESENT), genl.slot(0, name), genl.rule(0, "r")) as p:
        answer = p.explain(head("/p?q=1&r=%20", [HOST_LINE] + lines))
        ktap.equal(answer.status, 404 if expected is None else 403, "status by presence")


@ktap.cases([
    ("a query parameter", "/p?a=1&user=jason", b"jason"),
    ("an absent query parameter", "/p?a=1&users=jason", None),
    ("the path is no query", "/user=jason", None),
])
def query_slot(target, expected):
    with Policy(deny_or_404(op=PRESENT if expected is None else EXACT),
                genl.slot(0, b"user", C["L7FP_SLOT_QUERY"]), genl.string(0, expected or b""),
                genl.rule(0, "r")) as p:
        ktap.equal(p.explain(head(target)).status, 404 if expected is None else 403, "status")


@ktap.cases([
    ("the path, without the query", PATH, b"/a/b", None),
    ("the host, in lower case, without the port", AUTHORITY, b"a.example", None),
    ("the method", METHOD, b"GET", None),
    ("Host as sent", HOST, b"A.Example:8080", None),
])
def plain_field(field, value, _):
    code = deny_or_404(field)
    with Policy(code, genl.string(0, value), genl.rule(0, "r")) as p:
        ktap.equal(p.explain(head("/a/./b?c", [HOST_LINE])).status, 403, "status")
    with Policy(code, genl.string(0, value + b"x"), genl.rule(0, "r")) as p:
        ktap.equal(p.explain(head("/a/./b?c", [HOST_LINE])).status, 404, "status")


@ktap.case("HTTP/1.0 without Host has no host field")
def no_host():
    for field in (AUTHORITY, HOST, SLOT):
        with Policy(deny_or_404(field, PRESENT), genl.slot(0, b":authority"),
                    genl.rule(0, "r")) as p:
            ktap.equal(p.explain(head(headers=[], version="1.0")).status, 404, "status")
            ktap.equal(p.explain(head()).status, 403, "status")


EXCHANGE = 48       # offset of the path in struct l7fp_exchange
PATH_ROOM, AUTHORITY_ROOM = C["L7FP_PATH_INLINE"], C["L7FP_AUTHORITY_INLINE"]


@ktap.cases([(name, name, path, host) for name, path, host in [
    ("short", "/", "a"),
    ("seven bytes", "/234567", "1234567"),
    ("eight bytes", "/2345678", "12345678"),
    ("nine bytes", "/23456789", "123456789"),
    ("one byte less than there is room for", "/" + "p" * (PATH_ROOM - 2),
     "h" * (AUTHORITY_ROOM - 1)),
    ("as much as there is room for", "/" + "p" * (PATH_ROOM - 1), "h" * AUTHORITY_ROOM),
    ("one byte more", "/" + "p" * PATH_ROOM, "h" * (AUTHORITY_ROOM + 1)),
]])
def inline_fields(_, path, host):
    """The program compares every word of both, so that none beyond the end may be left over."""
    code = bpf.begin() + bpf.differ(module(), EXCHANGE, path.encode(), PATH_ROOM)
    code += bpf.differ(module(), EXCHANGE + PATH_ROOM, host.encode(), AUTHORITY_ROOM)
    for offset, length in ((20, len(path)), (24, len(host))):
        code += bpf.load(1, 6, offset)
        no = call("l7fp_no_route") + bpf.exit_()
        code += bpf.insn(0x15, 1, 0, len(no) // 8, length) + no
    code += call("l7fp_deny", NONE) + bpf.exit_()
    with Policy(code) as p:
        ktap.equal(p.explain(head(path, ["Host: " + host])).status, 403, "status")
        ktap.equal(p.explain(head(path, ["Host: " + host.upper()])).status, 403, "status")
        ktap.equal(p.explain(head(path + "?query", ["Host: %s:80" % host])).status, 403, "status")
        ktap.equal(p.explain(head(path + "x", ["Host: " + host])).status, 404, "status")


@ktap.case("l7fp_field() pads with zeroes, l7fp_field_len() knows all of the value")
def field_buffer():
    code = bpf.begin() + call("l7fp_field", SLOT, 16)
    absent = call("l7fp_no_route") + bpf.exit_()
    code += bpf.insn(0x55, 0, 0, len(absent) // 8) + absent
    first, second = struct.unpack("=QQ", b"0123456789\0\0\0\0\0\0")
    for i, word in enumerate((first, second)):
        code += bpf.load(1, 0, 8 * i, 0x79)
        code += bpf.insn(0x18, 2, 0, 0, word & NONE) + bpf.insn(0, 0, 0, 0, word >> 32)
        code += bpf.insn(0x1d, 1, 2, 2) + bpf.returns(99)
    code += call("l7fp_field_len", SLOT)
    code += bpf.insn(0x15, 0, 0, 2, 10) + bpf.returns(99)
    code += call("l7fp_deny", NONE) + bpf.exit_()
    with Policy(code, genl.slot(0, b"x")) as p:
        ktap.equal(p.explain(head(headers=["Host: a", "x: 0123456789"])).status, 403, "status")
        ktap.equal(p.explain(head(headers=["Host: a", "x: 0123456789a"])).status, 503, "status")
        ktap.equal(p.explain().status, 404, "status")


def move64(register, value):
    return bpf.insn(0x18, register, 0, 0, value & NONE) + bpf.insn(0, 0, 0, 0, value >> 32)


@ktap.case("l7fp_hpack_decode() says which of the slots asked for are there")
def present():
    slots = [genl.slot(i, b"x%d" % i) for i in range(41)]
    # Its call without arguments, and the second one before it.
    code = bpf.begin() + move64(2, 1 << 40 | 1 << 1 | 1) + call("l7fp_hpack_decode")
    for bits, verdict in ((1 << 40 | 1, call("l7fp_deny", NONE)), (0, call("l7fp_no_route"))):
        end = verdict + bpf.exit_()
        code += move64(1, bits) + bpf.insn(0x5d, 0, 1, len(end) // 8) + end
    code += bpf.returns(99)
    with Policy(code, *slots) as p:
        ktap.equal(p.explain(head(headers=["Host: a", "X0: 1", "x2: 1", "x40:"])).status, 403,
                   "two that are there")
        ktap.equal(p.explain(head(headers=["Host: a", "x2: 1"])).status, 404, "none")
        ktap.equal(p.explain(head(headers=["Host: a", "x1: 1"])).status, 503, "another")


# ---- paths

@ktap.cases([
    ("the path is normalised and forwarded so", "/a/../b//c/%41?x=/../", b"/b//c/A?x=/../"),
    ("an empty path of absolute-form is /", "http://a.example", b"/"),
    ("a bare query of absolute-form follows /", "http://a.example?x", b"/?x"),
    ("a path that grows when it is normalised", "/" + "<" * 300, b"/" + b"%3C" * 300),
])
def normal_path(target, path):
    with one_route() as p:
        answer = p.explain(head(target))
        ktap.equal((answer.verdict, answer.path), (C["L7FP_FORWARD"], path), "answer")


@ktap.case("a path that must not be forwarded is answered with 400")
def bad_path():
    with one_route() as p:
        for target in ("/a%00b", "/a%00"):
            answer = p.explain(head(target))
            ktap.equal((answer.verdict, answer.status, answer.reason),
                       (C["L7FP_RESPOND"], 400, "DPE"), "answer to %s" % target)


@ktap.case("a host with a bad port is answered with 400")
def bad_host():
    with one_route() as p:
        for host in ("a:65536", "a:x", "[::1"):
            try:
                answer = p.explain(head(headers=["Host: " + host]))
            except OSError as error:    # the codec may refuse it before
                ktap.equal(error.errno, errno.EINVAL, "errno")
            else:
                ktap.equal((answer.verdict, answer.status), (C["L7FP_RESPOND"], 400), host)


# ---- routes

def rewrite(kind, path, match=None):
    attrs = [genl.u32(A["REWRITE_KIND"], C["L7FP_REWRITE_" + kind]),
             genl.attr(A["REWRITE_PATH"], path)]
    if match is not None:
        attrs.append(genl.u32(A["REWRITE_MATCH_LEN"], match))
    return attrs


@ktap.cases([
    ("a prefix is rewritten, the query stays", rewrite("PREFIX", b"/v2", 4), "/api/x?q=/api",
     b"/v2/x?q=/api"),
    ("a prefix that is all of the path", rewrite("PREFIX", b"/v2", 4), "/api?q", b"/v2?q"),
    ("a prefix rewrite ends with the path", rewrite("PREFIX", b"/v2", 100), "/api?q=1", b"/v2?q=1"),
    ("the whole path is rewritten, the query stays", rewrite("FULL", b"/new"), "/a/b?q=1",
     b"/new?q=1"),
    ("a rewrite is not normalised again", rewrite("PREFIX", b"/a/", 1), "/b", b"/a/b"),
    ("a rewrite makes a double slash as Envoy does", rewrite("PREFIX", b"/", 4), "/api/x", b"//x"),
])
def path_rewrite(attrs, target, expected):
    with one_route(*attrs) as p:
        answer = p.explain(head(target))
        ktap.equal((answer.verdict, answer.path, answer.cluster, answer.route),
                   (C["L7FP_FORWARD"], expected, 1, 0), "answer")


@ktap.case("a rewritten host is forwarded, and is what the policy sees from then on")
def host_rewrite():
    route = genl.route(0, FORWARD, genl.route_cluster(1),
                       genl.attr(A["REWRITE_AUTHORITY"], b"New.Example:81"),
                       *rewrite("FULL", b"/new"))
    code = bpf.begin() + call("l7fp_route", 0)
    for string, field in enumerate((AUTHORITY, HOST, SLOT, PATH, SLOT + 1)):
        no = call("l7fp_no_route") + bpf.exit_()
        code += call("l7fp_field_match", field, EXACT, string)
        code += bpf.insn(0x55, 0, 0, len(no) // 8) + no
    code += bpf.returns(C["L7FP_FORWARD"])
    values = (b"new.example", b"New.Example:81", b"New.Example:81", b"/new", b"/new?q=1")
    with Policy(code, route, genl.slot(0, b"host"), genl.slot(1, b":path"),
                *[genl.string(i, v) for i, v in enumerate(values)]) as p:
        answer = p.explain(head("/old?q=1"))
        ktap.equal((answer.verdict, answer.host, answer.path),
                   (C["L7FP_FORWARD"], b"New.Example:81", b"/new?q=1"), "answer")


@ktap.case("header changes show in slots: weighted cluster first, then route")
def header_changes():
    def op(kind, name, value=None, direction=A["REQUEST_HEADER"]):
        return genl.header_op(direction, C["L7FP_HEADER_" + kind], name, value)

    inner = C["L7FP_A_ROUTE_CLUSTER_REQUEST_HEADER"]
    route = genl.route(0, FORWARD, genl.route_cluster(
        1, 1, op("SET", b"X-A", b"cluster", inner), op("ADD", b"x-e", b"cluster", inner)),
        op("ADD", b"x-a", b"route"), op("SET", b"x-b", b"set"), op("REMOVE", b"X-C"),
        op("ADD", b"x-d", b"added"), op("SET", b"x-f", b""))
    expected = {b"x-a": b"cluster,route", b"x-b": b"set", b"x-c": None, b"x-d": b"sent,added",
                b"x-e": b"cluster", b"x-f": b"", b"x-g": b"kept"}
    code = bpf.begin()
    # Looked at before the route applies, the slots must not remember what they held.
    for i in range(len(expected)):
        code += call("l7fp_field_match", SLOT + i, PRESENT, 0)
    code += call("l7fp_route", 0)
    no = call("l7fp_no_route") + bpf.exit_()
    for i, value in enumerate(expected.values()):
        code += call("l7fp_field_match", SLOT + i, PRESENT if value is None else EXACT, i)
        code += bpf.insn(0x15 if value is None else 0x55, 0, 0, len(no) // 8) + no
    code += bpf.returns(C["L7FP_FORWARD"])
    with Policy(code, route, *[genl.slot(i, n) for i, n in enumerate(expected)],
                *[genl.string(i, v or b"") for i, v in enumerate(expected.values())]) as p:
        lines = ["Host: a", "x-a: sent", "x-b: 1", "x-c: sent", "x-d: sent", "x-f: sent",
                 "x-g: kept"]
        ktap.equal(p.explain(head(headers=lines)).verdict, C["L7FP_FORWARD"], "verdict")
        ktap.equal(p.explain(head(headers=lines[:-1])).status, 404, "status")


def redirect_attrs(status=301, scheme=None, authority=None, port=None, path=None):
    attrs = [genl.u32(A["STATUS"], status)]
    for name, value in (("SCHEME", scheme), ("AUTHORITY", authority), ("PATH", path)):
        if value is not None:
            attrs.append(genl.attr(A["REDIRECT_" + name], value))
    if port is not None:
        attrs.append(genl.u16(A["REDIRECT_PORT"], port))
    return attrs


PROTO = "X-Forwarded-Proto: https"


@ktap.cases([
    ("a redirect keeps what it does not change", redirect_attrs(), "/p?q=1", ["Host: a:81"],
     b"http://a:81/p?q=1"),
    ("a redirect's path, the query stays", redirect_attrs(path=b"/new"), "/p?q=1", ["Host: a"],
     b"http://a/new?q=1"),
    ("a redirect's path with a query of its own", redirect_attrs(path=b"/new?x"), "/p?q=1",
     ["Host: a"], b"http://a/new?x"),
    ("a redirect's host", redirect_attrs(authority=b"b.example"), "/", ["Host: a:81"],
     b"http://b.example/"),
    ("a redirect's port takes the place of the port", redirect_attrs(port=8443), "/",
     ["Host: a:81"], b"http://a:8443/"),
    ("a redirect's port and IPv6", redirect_attrs(port=8443), "/", ["Host: [::1]:81"],
     b"http://[::1]:8443/"),
    ("an IPv6 address has no port", redirect_attrs(port=8443), "/", ["Host: [::1]"],
     b"http://[::1]:8443/"),
    ("to https: the default port of http goes", redirect_attrs(scheme=b"https"), "/",
     ["Host: a:80"], b"https://a/"),
    ("to https: another port stays", redirect_attrs(scheme=b"https"), "/", ["Host: a:81"],
     b"https://a:81/"),
    ("to https: the port of https stays where http came", redirect_attrs(scheme=b"https"), "/",
     ["Host: a:443"], b"https://a:443/"),
    ("to http behind https: 443 goes", redirect_attrs(scheme=b"http"), "/",
     ["Host: a:443", PROTO], b"http://a/"),
    ("to https behind https: nothing changes", redirect_attrs(scheme=b"https"), "/",
     ["Host: a:443", PROTO], b"https://a:443/"),
    ("a redirect by prefix", redirect_attrs() + rewrite("PREFIX", b"/v2", 4), "/api/x?q",
     ["Host: a"], b"http://a/v2/x?q"),
    ("everything at once", redirect_attrs(308, b"https", b"b", 444, b"/n"), "/p?q", ["Host: a:1"],
     b"https://b:444/n?q"),
])
def redirect(attrs, target, lines, location):
    with one_route(*attrs, kind=REDIRECT) as p:
        answer = p.explain(head(target, lines))
        ktap.equal((answer.verdict, answer.reason, answer.location),
                   (C["L7FP_RESPOND"], "DR", location), "answer")
        ktap.true(answer.status in (301, 308), "status %d" % answer.status)


@ktap.case("a direct response")
def direct():
    with one_route(genl.u32(A["STATUS"], 418), genl.attr(A["BODY"], b"tea"), kind=DIRECT) as p:
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason, answer.route),
                   (C["L7FP_RESPOND"], 418, "DR", 0), "answer")


@ktap.case("a route for the slow path is answered with 503")
def slow_route():
    with one_route(kind=SLOW) as p:
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason, answer.route),
                   (C["L7FP_SLOW_PATH"], 503, "SP", 0), "answer")


@ktap.case("weights: zero is never chosen, 9 to 1 is 9 to 1")
def weights():
    code = bpf.begin() + call("l7fp_route", 0) + bpf.exit_()
    with Policy(code, genl.route(0, FORWARD, genl.route_cluster(1, 0), genl.route_cluster(2, 3),
                                 genl.route_cluster(1, 0))) as p:
        ktap.equal({p.explain().cluster for _ in range(200)}, {2}, "clusters")
    with Policy(code, genl.route(0, FORWARD, genl.route_cluster(1, 9),
                                 genl.route_cluster(2, 1))) as p:
        n = 2000
        second = sum(p.explain().cluster == 2 for _ in range(n))
        # Six standard deviations.
        ktap.true(abs(second - n / 10) < 6 * (n * 0.1 * 0.9) ** 0.5, "%d of %d" % (second, n))


# ---- what can go wrong

def constant(value):
    return bpf.returns(value & NONE)


def set_cluster(number):
    return bpf.begin() + call("l7fp_set_cluster", number) + bpf.returns(C["L7FP_FORWARD"])


def then_forward(*calls):
    """Calls, each result ignored, then an existing cluster and FORWARD."""
    return bpf.begin() + b"".join(call(*c) for c in calls) + call("l7fp_set_cluster", 1) + \
        bpf.returns(C["L7FP_FORWARD"])


@ktap.cases([
    ("a program that decides nothing", lambda: constant(0), "PE"),
    ("a verdict that does not exist", lambda: constant(C["__L7FP_VERDICT_MAX"]), "PE"),
    ("a negative verdict", lambda: constant(-1), "PE"),
    ("FORWARD without a cluster", lambda: constant(C["L7FP_FORWARD"]), "PE"),
    ("FORWARD to a cluster that does not exist", lambda: set_cluster(42), "NC"),
    ("RESPOND without an answer", lambda: constant(C["L7FP_RESPOND"]), "PE"),
    ("a route that does not exist",
     lambda: bpf.begin() + call("l7fp_route", 7) + bpf.exit_(), "PE"),
    ("a field that does not exist",
     lambda: then_forward(("l7fp_field_match", SLOT - 1, EXACT, 0)), "PE"),
    ("a slot that does not exist",
     lambda: then_forward(("l7fp_field_match", SLOT + 1, EXACT, 0)), "PE"),
    ("a bit of no slot",
     lambda: bpf.begin() + move64(2, 2) + call("l7fp_hpack_decode") +
     bpf.returns(C["L7FP_FORWARD"]), "PE"),
    ("a slot over all slots", lambda: then_forward(("l7fp_field_len", NONE)), "PE"),
    ("a string that does not exist",
     lambda: then_forward(("l7fp_field_match", PATH, EXACT, 1)), "PE"),
])
def wrong(code, reason):
    with Policy(code(), genl.slot(0, b"a"), genl.string(0, b"/")) as p:
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason),
                   (C["L7FP_RESPOND"], 503, reason), "answer")


@ktap.case("a second route is refused")
def second_route():
    code = bpf.begin() + call("l7fp_route", 0) + call("l7fp_route", 0) + bpf.exit_()
    with Policy(code, genl.route(0, FORWARD, genl.route_cluster(1))) as p:
        ktap.equal((p.explain().status, p.explain().reason), (503, "PE"), "answer")


@ktap.case("a route whose weights are all zero has no cluster")
def no_weight():
    code = bpf.begin() + call("l7fp_route", 0) + bpf.exit_()
    with Policy(code, genl.route(0, FORWARD, genl.route_cluster(1, 0))) as p:
        ktap.equal((p.explain().status, p.explain().reason), (503, "NC"), "answer")


@ktap.case("slow path, reset, and no policy at all")
def other_verdicts():
    with Policy(bpf.begin() + call("l7fp_slow_path", NONE) + bpf.exit_()) as p:
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason),
                   (C["L7FP_SLOW_PATH"], 503, "SP"), "answer")
    with Policy(constant(C["L7FP_RESET"])) as p:
        ktap.equal(p.explain().verdict, C["L7FP_RESET"], "verdict")
        os.close(p.link)
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason),
                   (C["L7FP_RESPOND"], 503, "NP"), "answer")
        p.link = os.open("/dev/null", os.O_RDONLY)


@ktap.case("denied: 403, and the rule")
def denied():
    with Policy(bpf.begin() + call("l7fp_deny", 1) + bpf.exit_(), genl.rule(0, "a"),
                genl.rule(1, "b")) as p:
        answer = p.explain()
        ktap.equal((answer.verdict, answer.status, answer.reason, answer.rule),
                   (C["L7FP_RESPOND"], 403, "RBAC", 1), "answer")


# ---- kfuncs that take memory

def on_stack(data, offset):
    """Stores data at r10 - offset, in words of 4 bytes."""
    data += b"\0" * (-len(data) % 4)
    return b"".join(bpf.insn(0x62, 10, 0, 4 * i - offset, struct.unpack_from("=I", data, 4 * i)[0])
                    for i in range(len(data) // 4))


def pointer(register, offset):
    return bpf.move(register, 10) + bpf.insn(0x07, register, 0, 0, -offset & NONE)


def change_header(function, name, value):
    """r0 = function(exchange, name, value)"""
    code = on_stack(name, 256) + on_stack(value, 128) + bpf.move(1, 6) + pointer(2, 256)
    code += bpf.mov32(3, len(name)) + pointer(4, 128) + bpf.mov32(5, len(value))
    return code + bpf.insn(0x85, 0, 2, 1, module().functions[function])


def respond_with_result():
    """Status 300 - r0."""
    code = bpf.mov32(2, 300) + bpf.insn(0x1c, 2, 0) + on_stack(b"x", 8) + bpf.move(1, 6)
    code += pointer(3, 8) + bpf.mov32(4, 1)
    return code + bpf.insn(0x85, 0, 2, 1, module().functions["l7fp_respond"]) + bpf.exit_()


@ktap.cases([
    ("a header is set", "l7fp_header_set", b"x-new", b"v", 0),
    ("a response header is set", "l7fp_response_header_set", b"x-new", b"v", 0),
    ("a header with a space in its name", "l7fp_header_set", b"x new", b"v", errno.EINVAL),
    ("a header with a line end", "l7fp_header_add", b"x", b"a\r\nb: c", errno.EINVAL),
    ("Content-Length", "l7fp_header_set", b"Content-Length", b"1", errno.EINVAL),
    ("Transfer-Encoding of the response", "l7fp_response_header_add", b"Transfer-Encoding", b"x",
     errno.EINVAL),
    ("Host", "l7fp_header_set", b"hoSt", b"b", errno.EINVAL),
])
def header_kfunc(function, name, value, number):
    with Policy(bpf.begin() + change_header(function, name, value) + respond_with_result()) as p:
        ktap.equal(p.explain().status, 300 + number, "300 plus the errno")


@ktap.case("as many header changes as there is room for, and one more")
def header_kfunc_limit():
    for n, number in ((16, 0), (17, errno.ENOSPC)):
        code = bpf.begin() + change_header("l7fp_header_add", b"x", b"v") * n
        with Policy(code + respond_with_result()) as p:
            ktap.equal(p.explain().status, 300 + number, "300 plus the errno")


@ktap.case("l7fp_header_get() copies, pads, and knows changes")
def header_get():
    def get(name):
        code = on_stack(name, 256) + bpf.move(1, 6) + pointer(2, 256) + bpf.mov32(3, len(name))
        code += pointer(4, 64) + bpf.mov32(5, 8)
        return code + bpf.insn(0x85, 0, 2, 1, module().functions["l7fp_header_get"])

    def status_is_length(name):
        """Status 300 + length."""
        return get(name) + bpf.insn(0x84, 0) + respond_with_result()

    with Policy(bpf.begin() + status_is_length(b"X-User")) as p:
        ktap.equal(p.explain(head(headers=["Host: a", "x-user: abc", "x-user: d"])).status, 305,
                   "300 plus the length of 'abc,d'")
    with Policy(bpf.begin() + get(b"x-user") + respond_with_result()) as p:
        ktap.equal(p.explain().status, 300 + errno.ENOENT, "300 plus the errno")
    changed = bpf.begin() + change_header("l7fp_header_set", b"x-user", b"12345678901")
    with Policy(changed + status_is_length(b"x-user")) as p:
        ktap.equal(p.explain().status, 311, "300 plus the length of what was set")


@ktap.case("the memory of an exchange is bounded: answered with 503 when it is used up")
def memory():
    # 512 bytes in the exchange itself, then L7FP_MAX_ARENA of exchange.h.
    last = (512 + 4 * C["L7FP_MAX_HEAD"]) // 256
    for n, status in ((last, 403), (last + 1, 503)):
        code = bpf.begin() + call("l7fp_field", METHOD, 256) * n + call("l7fp_deny", NONE)
        with Policy(code + bpf.exit_()) as p:
            answer = p.explain()
            ktap.equal((answer.status, answer.reason),
                       (status, "RBAC" if status == 403 else "OM"), "%d buffers" % n)


@ktap.cases([
    ("a path with a query of its own", b"/new?x=1", b"/new?x=1", 0),
    ("a path without: the query stays", b"/new", b"/new?q", 0),
    ("a path without a slash", b"new", b"/old?q", errno.EINVAL),
    ("a path with a space", b"/n w", b"/old?q", errno.EINVAL),
])
def rewrite_kfunc(path, expected, number):
    code = bpf.begin() + on_stack(path, 64) + bpf.move(1, 6) + pointer(2, 64)
    code += bpf.mov32(3, len(path))
    code += bpf.insn(0x85, 0, 2, 1, module().functions["l7fp_rewrite_path"])
    with Policy(code + respond_with_result()) as p:
        answer = p.explain(head("/old?q"))
        ktap.equal((answer.status, answer.path), (300 + number, expected), "answer")


def main():
    if references() is None:
        ktap.skip_all("l7fp.ko is not loaded")
    ktap.run(60)


if __name__ == "__main__":
    main()
