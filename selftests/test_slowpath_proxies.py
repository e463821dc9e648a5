#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""What the kernel cannot decide goes to Envoy and to HAProxy, and nothing else does."""
import json
import os
import threading

import client
import h2
import ktap
import proxies
from backend import Backend
from client import Client
from ktap import case, equal, run, true

if os.environ.get("L7FP_TARGET"):
    ktap.skip_all("needs policies; L7FP_TARGET is a bare proxy")
backend = Backend(client.PORT, "first")
other = Backend(client.PORT + 1, "second")
mesh = client.open_mesh()
current = None


def route(match, to="web", **more):
    return dict({"match": [match], "route": client.to(to)}, **more)


def authorization(name, action, rule):
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"action": action, "rules": [rule]}}


def documents(first, extra=()):
    docs = client.service("web", "10.96.1.1", client.PORT) + \
        client.service("web2", "10.96.1.2", client.PORT + 1)
    docs.append(client.virtual_service("web", first + [{"route": client.to("web")}]))
    docs.append(authorization("deny", "DENY",
                              {"to": [{"operation": {"paths": ["/denied*", "/slow/denied/*"]}}]}))
    return docs + list(extra)


REGEX = [route({"uri": {"regex": "/slow/[a-z]+/[0-9]+"}}, "web2",
               headers={"request": {"set": {"x-by": "proxy"}}})]
BOTH = [route({"uri": {"prefix": "/denied"}}), route({"uri": {"prefix": "/plain"}})] + REGEX + \
    [route({"uri": {"prefix": "/fast"}})]
# What only Envoy does.
MORE = [
    route({"uri": {"prefix": "/abort"}}, fault={"abort": {"httpStatus": 418,
                                                          "percentage": {"value": 100}}}),
    route({"uri": {"prefix": "/mirror"}}, mirror={"host": "web2"}),
    route({"uri": {"prefix": "/cors"}}, corsPolicy={"allowOrigins": [{"exact": "http://a"}],
                                                    "allowMethods": ["GET"]}),
    route({"uri": {"prefix": "/variable"}},
          headers={"request": {"set": {"x-copy": "%REQ(x-original)%"}}}),
    route({"uri": {"prefix": "/again"}}, retries={"attempts": 3, "retryOn": "503"}),
    route({"uri": {"prefix": "/change/"}},
          rewrite={"uriRegexRewrite": {"match": "^/change/([a-z]+)$", "rewrite": "/to/\\1"}}),
    route({"uri": {"prefix": "/claim"},
           "headers": {"@request.auth.claims.sub": {"exact": "somebody"}}}),
]
REMOTE = authorization("remote", "DENY", {"from": [{"source": {"remoteIpBlocks": ["192.0.2.0/24"]}}],
                                          "to": [{"operation": {"paths": ["/remote"]}}]})


def write(docs):
    name = os.path.join(mesh.folder, "slow.json")
    with open(name, "w", encoding="ascii") as f:
        json.dump({"apiVersion": "v1", "kind": "List", "items": docs}, f, indent=1)
    return name


def apply(name, slowpath=True):
    options = ["--slowpath", "127.0.0.1:%d" % proxies.PORT, "--exempt", current.cgroup] \
        if slowpath else []
    mesh.tool("apply", "-f", name, "--cgroup", mesh.cgroup, *options)


def use(proxy, docs):
    """The proxy and the kernel with the same policies."""
    global current
    if proxy.missing():
        raise ktap.Skip(proxy.missing())
    if not isinstance(current, proxy):
        if current:
            current.stop()
        # Inside what is captured, so that only the exemption keeps it from meeting itself.
        current = proxy(mesh.folder, mesh.cgroup + "/proxy")
    name = write(docs)
    done = current.start(name)
    apply(name)
    return done


def counter(name):
    for c in json.loads(mesh.tool("stats", "--json").stdout)["counters"]:
        if c["scope"] == "global" and c["name"] == name:
            return c["value"]
    raise AssertionError("no counter " + name)


CLIENTS = 6
TURNS = 18              # of each client; a turn is one or three requests


class Downstream:
    """One client of count_everything(): what it sent, and from which port."""

    def __init__(self, number):
        self.number = number
        self.slow = {}          # path of each request that is for the proxy: port
        self.requests = 0

    def path(self, kind, turn):
        return "/%s/%d" % (kind, self.number * 1000 + turn)

    def expect(self, c, kind, path, method="GET"):
        self.requests += 1
        r = c.response(method)
        if kind == "slow/a":
            self.slow[path] = c.sock.getsockname()[1]
            equal((r.status, r.body.split()[:1]), (200, [b"second"]), path)
        elif kind == "fast":
            # Nothing says before the regular expression that it is not meant.
            self.slow[path] = c.sock.getsockname()[1]
            equal((r.status, r.body.split()[:1]), (200, [b"first"]), path)
        elif kind == "plain":
            equal((r.status, r.body.split()[:1]), (200, [b"first"]), path)
        else:
            equal(r.status, 403, path)

    def run(self):
        """Kept alive for some turns; single requests, with bodies, and three at once."""
        kinds = ("slow/a", "plain", "denied", "slow/denied", "fast")
        for first in range(0, TURNS, 6):
            with Client() as c:
                for turn in range(first, first + 6):
                    kind = kinds[(self.number + turn) % len(kinds)]
                    if turn % 3 == 2:
                        three = [kinds[(self.number + turn + i) % len(kinds)] for i in range(3)]
                        paths = [self.path(k, turn * 10 + i) for i, k in enumerate(three)]
                        c.send("".join("GET %s HTTP/1.1\r\nHost: web\r\n\r\n" % p
                                       for p in paths).encode())
                        for k, p in zip(three, paths):
                            self.expect(c, k, p)
                    elif turn % 3 == 1 and "denied" not in kind:
                        path = self.path(kind, turn * 10)
                        c.send(("POST %s HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody" %
                                path).encode())
                        self.expect(c, kind, path, "POST")
                    else:
                        path = self.path(kind, turn * 10)
                        c.send(("GET %s HTTP/1.1\r\nHost: web\r\n\r\n" % path).encode())
                        self.expect(c, kind, path)


def count_everything(proxy):
    """Several downstreams at once, persistent and pipelined: slow, fast and denied requests."""
    use(proxy, documents(BOTH))
    before = counter("slow_path_rq_total")
    downstreams, failed = [Downstream(n) for n in range(CLIENTS)], []

    def one(downstream):
        try:
            downstream.run()
        except Exception as error:
            failed.append(repr(error))
    threads = [threading.Thread(target=one, args=(d,)) for d in downstreams]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(failed, [])
    expected = {}
    for d in downstreams:
        expected.update(d.slow)
    total = sum(d.requests for d in downstreams)
    sent = counter("slow_path_rq_total") - before
    lines = current.requests(sent)
    equal((sent, len(lines)), (len(expected), len(expected)), "counted, and in the access log")
    true(total > 150 and 40 < sent < total - 40, "%d of %d requests came to the proxy" % (sent, total))
    # Each once, and each under the port of its own client: no connection served two of them.
    equal({x.path: x.source[1] for x in lines}, expected, "paths and clients")
    equal({x.destination for x in lines}, {("10.96.1.1", 80)})
    # What the client itself would be seen with.
    equal(len({x.source[0] for x in lines}), 1)
    seen = [r for r in other.seen() if r.path.startswith("/slow/a/")]
    true(seen and all(r.get("x-by") == "proxy" for r in seen), "header of the route")


def only_undecided(proxy):
    """First match: what is decided before the regular expression never comes to the proxy."""
    use(proxy, documents([route({"uri": {"prefix": "/fast"}})] + REGEX))
    before = counter("slow_path_rq_total")
    with Client() as c:
        for i in range(10):
            equal(c.get("/fast/%d" % i).status, 200)
            equal(c.get("/slow/b/%d" % i).status, 200)
    sent = counter("slow_path_rq_total") - before
    lines = current.requests(sent)
    equal((sent, len(lines)), (10, 10))
    equal([x.path for x in lines], ["/slow/b/%d" % i for i in range(10)])


def other_policies(proxy):
    """After another policy nothing comes to the old proxy, until it has the configuration."""
    use(proxy, documents(BOTH))
    equal(client.get("/slow/a/1").status, 200)
    lines = len(current.requests(1))
    changed = write(documents(BOTH, [authorization("more", "DENY", {
        "to": [{"operation": {"paths": ["/never"]}}]})]))
    apply(changed)
    with Client() as c:
        for _ in range(3):
            r = c.get("/slow/a/2")
            equal((r.status, r.get("x-l7fp-reason")), (503, "SPF"))
    equal(len(current.requests()), lines)
    apply(changed, slowpath=False)
    r = client.get("/slow/a/3")
    equal((r.status, r.get("x-l7fp-reason")), (503, "SP"))
    equal(len(current.requests()), lines)
    current.start(changed)
    apply(changed)
    equal(client.get("/slow/a/4").status, 200)
    current.stop()
    r = client.get("/slow/a/5")
    equal((r.status, r.get("x-l7fp-reason")), (503, "SPF"))


def streams(proxy):
    """Of one connection with HTTP/2 some go to the proxy, by HTTP/2, and on by HTTP/2."""
    docs = documents(BOTH) + client.service("rpc", "10.96.1.3", client.PORT + 2, protocol="grpc")
    docs.append(client.virtual_service("rpc", [
        route({"uri": {"prefix": "/plain"}}, "rpc"), route({"uri": {"prefix": "/denied"}}, "rpc"),
        route({"uri": {"regex": "/slow/[a-z]+/[0-9]+"}}, "rpc")]))
    use(proxy, docs)
    before = counter("slow_path_rq_total")
    with h2.Server(client.PORT + 2) as server, h2.client(("10.96.1.3", 80)) as c:
        for stream, path, expected in ((1, b"/slow/a/1", 200), (3, b"/plain/1", 200),
                                       (5, b"/denied/1", 403), (7, b"/slow/a/2", 200),
                                       (9, b"/slow/a", 404)):
            c.send(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream,
                            h2.get(path, b"rpc")))
            equal((path, h2.status(c.until(h2.HEADERS, stream)[3])), (path, expected))
        equal(server.requests, 3)
        port = c.sock.getsockname()[1]
    # Whether a regular expression matches only the proxy knows.
    sent = counter("slow_path_rq_total") - before
    lines = current.requests(sent)
    # HAProxy logs the whole URI.
    equal([(x.path.removeprefix("http://rpc"), x.source[1], x.status) for x in lines],
          [("/slow/a/1", port, 200), ("/slow/a/2", port, 200), ("/slow/a", port, 404)])
    equal(sent, 3)


for kind in (proxies.Envoy, proxies.Haproxy):
    for text, function in (("the access log has every request of the slow path and no other",
                            count_everything),
                           ("only what is undecided goes there", only_undecided),
                           ("streams of HTTP/2", streams),
                           ("only the configuration of these policies is used", other_policies)):
        case("%s: %s" % (kind.format, text))(lambda kind=kind, function=function: function(kind))


@case("envoy: faults, mirrors, CORS, variables, retries, regular expressions, addresses")
def _():
    done = use(proxies.Envoy, documents(MORE, [REMOTE]))
    true("@request.auth.claims" not in done.stderr and "tokens are not checked" in done.stderr,
         done.stderr)
    with Client() as c:
        r = c.get("/abort")
        equal((r.status, r.body), (418, b"fault filter abort"))
        equal(c.get("/mirror/1").status, 200)
        true(other.wait_seen("/mirror/1"), "no mirrored request")
        r = c.get("/cors", headers="Origin: http://a\r\n")
        equal(r.get("access-control-allow-origin"), "http://a")
        c.get("/variable", headers="X-Original: 7\r\n")
        equal(backend.seen("/variable")[0].get("x-copy"), "7")
        backend.on("/again", lambda connection, request: connection.reply(
            b"", "503 No" if len(backend.seen("/again")) < 3 else "200 OK"))
        equal(c.get("/again").status, 200)
        equal(len(backend.seen("/again")), 3)
        r = c.get("/change/it")
        equal((r.status, b"changes what the authorization" in r.body), (503, True))
        r = c.get("/claim")
        equal((r.status, b"tokens" in r.body), (503, True))
        equal(c.get("/remote", headers="X-Forwarded-For: 192.0.2.1\r\n").status, 403)
        equal(c.get("/remote").status, 200)


@case("envoy: a path that is rewritten by a regular expression, with no rule that looks at it")
def _():
    use(proxies.Envoy, [d for d in documents(MORE) if d["kind"] != "AuthorizationPolicy"])
    equal(client.get("/change/it").status, 200)
    equal(len(backend.seen("/to/it")), 1)


@case("haproxy: rules that it cannot express are refused, each by file and line")
def _():
    name = write(documents(MORE))
    done = mesh.tool("slowpath", "--format", "haproxy", "-f", name, check=False)
    equal(done.returncode, 1)
    refused = {x.split(": ")[1] for x in done.stderr.splitlines() if x.startswith(name)}
    equal(refused, {"VirtualService default/web http[%d]" % i for i in (1, 2, 3, 5)} |
          {"VirtualService default/web http[6].match[0]"}, done.stderr)
    done = mesh.tool("slowpath", "--format", "haproxy", "-f", write(documents(REGEX)))
    true("frontend slow_path" in done.stdout, done.stdout)


def end():
    if current:
        current.stop()
        mesh.leave()
        try:
            os.rmdir(current.cgroup)
        except OSError:
            pass
    mesh.end()


ktap.at_end = end
run(120)
