# SPDX-License-Identifier: GPL-2.0-only
"""The policy sets: documents, and the requests that are sent under each."""
import base64
import json

import derive
from client import service, to, virtual_service
from sides import ANSWER, PORT, Request, ThroughEnvoy, ThroughTwo

WEB, WEB_ADDRESS = ("127.0.1.1", "127.0.1.2"), "10.96.1.1"
CLOSED = 18099


class Set:
    """slow: requests are left to the slow path, that is, to the Envoy that they are compared with;
    None: they may be; False: only those that repeat a header."""

    def __init__(self, name, documents, requests, slow=False):
        self.name = name
        self.documents = documents
        self.requests = list(derive.unique(requests))
        self.slow = slow
        self.slow_listener = True
        self.undecidable = False        # the kernel may answer 503 (SP): it has no slow path

    def prepare(self, envoy):
        """self.file has the documents by now."""
        self.listener, self.token = envoy.add(self.file)

    def envoy_side(self, echo):
        return ThroughEnvoy(echo, self.listener, self.token)


class TwoHopSet(Set):
    """Routing and authorization in two passes through Envoy, as through two sidecars: what the
    first sends to the server is judged by the second."""

    def prepare(self, envoy):
        super().prepare(envoy)
        passes = []
        for kind in ("AuthorizationPolicy", "VirtualService"):
            name = "%s.%s" % (self.file, kind)
            with open(name, "w", encoding="utf-8") as f:
                json.dump({"apiVersion": "v1", "kind": "List",
                           "items": [d for d in self.documents if d["kind"] != kind]}, f)
            passes.append(envoy.add(name))
        self.passes = passes

    def envoy_side(self, echo):
        return ThroughTwo(*[ThroughEnvoy(echo, *p) for p in self.passes])


def workload(name, address, **labels):
    return {"apiVersion": "l7fp.io/v1", "kind": "Workload",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"labels": labels, "addresses": [address]}}


def services():
    """web in two versions, api, one whose endpoints refuse, one without any."""
    docs = service("web", WEB_ADDRESS, PORT, endpoints=WEB)
    docs[0]["spec"]["selector"] = {"app": "web"}
    docs[0]["spec"]["ports"].append({"name": "http-more", "port": 8080, "targetPort": 8081})
    docs[1]["ports"].append({"name": "http-more", "port": PORT, "protocol": "TCP"})
    docs += service("api", "10.96.1.2", PORT, endpoints=("127.0.1.3",))
    docs += service("refused", "10.96.1.3", CLOSED, endpoints=("127.0.1.4",))
    docs += service("empty", "10.96.1.4", PORT, endpoints=())
    docs.append(workload("web-1", WEB[0], app="web", version="v1"))
    docs.append(workload("web-2", WEB[1], app="web", version="v2"))
    docs.append(workload("api-1", "127.0.1.3", app="api"))
    docs.append(workload("refused-1", "127.0.1.4", app="refused"))
    return docs


SUBSETS = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
           "metadata": {"name": "web", "namespace": "default"},
           "spec": {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
                    "subsets": [{"name": "v1", "labels": {"version": "v1"}},
                                {"name": "v2", "labels": {"version": "v2"}},
                                {"name": "none", "labels": {"version": "v9"}}]}}
BASE = Request((WEB_ADDRESS, 80))


def subset(name, **more):
    return [dict({"destination": {"host": "web", "subset": name}}, **more)]


def http(match, route=None, **more):
    item = dict({"match": match if isinstance(match, list) else [match]}, **more)
    if not {"redirect", "directResponse"} & set(more):
        item["route"] = route or subset("v1")
    return item


def routing(*items, last=True):
    """A VirtualService of web; what none of its routes takes goes to api."""
    return virtual_service("web", list(items) + ([{"route": to("api")}] if last else []))


def policy(name, action, rules, selector=None, namespace="default"):
    spec = {"action": action} if action else {}
    if rules is not None:
        spec["rules"] = rules
    if selector:
        spec["selector"] = {"matchLabels": selector}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def operation(**fields):
    return {"to": [{"operation": fields}]}


def source(**fields):
    return {"from": [{"source": fields}]}


def when(key, values=None, not_values=None):
    item = {"key": key}
    if values:
        item["values"] = values
    if not_values:
        item["notValues"] = not_values
    return {"when": [item]}


def make(name, *documents, requests=(), base=BASE, slow=False, kind=Set):
    docs = services() + [SUBSETS] + list(documents)
    found = list(requests) + list(derive.of_documents(base, documents))
    return kind(name, docs, found, slow)


def uri():
    return make("uri", routing(
        http({"uri": {"exact": "/exact/path"}}),
        http({"uri": {"exact": "/Mixed"}}, subset("v2")),
        http({"uri": {"exact": "/any/case"}, "ignoreUriCase": True}, subset("v2")),
        http({"uri": {"prefix": "/api/v1"}}),
        http({"uri": {"prefix": "/api"}}, subset("v2")),
        http({"uri": {"prefix": "/Pre/Fix"}, "ignoreUriCase": True}),
        http([{"uri": {"exact": "/one"}}, {"uri": {"prefix": "/two/"}}], subset("v2")),
        http({"uri": {"exact": "/"}})))


def no_route():
    return make("no route", routing(http({"uri": {"prefix": "/only"}}), last=False))


def methods():
    return make("method", routing(
        http({"method": {"exact": "GET"}, "uri": {"prefix": "/m"}}),
        http({"method": {"exact": "POST"}}, subset("v2")),
        http({"method": {"exact": "PROPFIND"}}, subset("v2")),
        http({"method": {"prefix": "P"}})))


def authorities():
    return make("authority", routing(
        http({"authority": {"exact": "web"}, "uri": {"prefix": "/a"}}),
        http({"authority": {"exact": "web.default:80"}}, subset("v2")),
        http({"authority": {"prefix": "web.default"}}),
        http({"scheme": {"exact": "http"}, "uri": {"prefix": "/s"}}, subset("v2")),
        http({"scheme": {"exact": "https"}})))


def headers():
    return make("headers", routing(
        http({"headers": {"x-exact": {"exact": "value"}}}),
        http({"headers": {"X-Prefix": {"prefix": "pre"}}}, subset("v2")),
        http({"headers": {"x-there": {}}}),
        http({"headers": {"x-a": {"exact": "1"}, "x-b": {"exact": "2"}}}, subset("v2")),
        http({"headers": {"x-list": {"exact": "one,two"}}}),
        http({"headers": {"x-not": {"exact": "n"}},
              "withoutHeaders": {"x-without": {"exact": "w"}}}, subset("v2")),
        http({"uri": {"prefix": "/w"}, "withoutHeaders": {"x-gone": {}}}, subset("v2")),
        http({"uri": {"prefix": "/p"}, "withoutHeaders": {"x-pre": {"prefix": "no"}}}),
        http({"headers": {"user-agent": {"prefix": "curl"}}}, subset("v2")),
        http({"headers": {"cookie": {"exact": "user=a"}}}),
        http({"headers": {"x-forwarded-proto": {"exact": "https"}}})))


def queries():
    return make("queryParams", routing(
        http({"queryParams": {"key": {"exact": "value"}}}),
        http({"queryParams": {"pre": {"prefix": "ab"}}}, subset("v2")),
        http({"queryParams": {"a": {"exact": "1"}, "b": {"exact": "2"}}})))


def ports():
    return make("port", routing(
        http({"port": 8080, "uri": {"prefix": "/p"}}),
        http({"port": 80}, subset("v2"))))


def weights():
    base = BASE.but(repeat=90)
    document = routing(
        http({"uri": {"prefix": "/half"}}, subset("v1", weight=50) + subset("v2", weight=50)),
        http({"uri": {"prefix": "/zero"}}, subset("v1", weight=0) + subset("v2", weight=100)),
        http({"uri": {"prefix": "/three"}},
             subset("v1", weight=20, headers={"request": {"set": {"x-to": "one"}}}) +
             subset("v2", weight=30, headers={"response": {"add": {"x-from": "two"}}}) +
             [dict(to("api")[0], weight=50)]),
        http({"uri": {"prefix": "/sum"}}, subset("v1", weight=1) + subset("v2", weight=1)))
    return Set("weights", services() + [SUBSETS, document],
               [base.but(target=t + "/x") for t in ("/half", "/three", "/sum")] +
               [BASE.but(target="/zero", repeat=20)])


def rewrites():
    return make("rewrite", routing(
        http({"uri": {"prefix": "/strip/"}}, rewrite={"uri": "/"}),
        http({"uri": {"prefix": "/bare"}}, rewrite={"uri": "/"}),
        http({"uri": {"prefix": "/long"}}, rewrite={"uri": "/a/longer/prefix"}),
        http({"uri": {"exact": "/one"}}, rewrite={"uri": "/other"}),
        http({"uri": {"prefix": "/host"}}, rewrite={"authority": "api.example"}),
        http({"uri": {"prefix": "/Both"}, "ignoreUriCase": True},
             rewrite={"uri": "/both", "authority": "b.example:81"}),
        http({"headers": {"x-all": {"exact": "1"}}}, rewrite={"uri": "/root/"}),
        http([{"uri": {"prefix": "/m1/"}}, {"uri": {"prefix": "/m22/"}}], rewrite={"uri": "/n/"})))


def redirects():
    def item(path, **redirect):
        return http({"uri": path}, redirect=redirect)
    return make("redirect", routing(
        item({"prefix": "/uri"}, uri="/new"),
        item({"prefix": "/query"}, uri="/new?fixed=1"),
        item({"prefix": "/auth"}, authority="other.example"),
        item({"prefix": "/autp"}, authority="other.example:8443"),
        item({"prefix": "/scheme"}, scheme="https"),
        item({"prefix": "/port"}, port=8443),
        item({"prefix": "/derive"}, derivePort="FROM_REQUEST_PORT", authority="d.example"),
        item({"prefix": "/protocol"}, derivePort="FROM_PROTOCOL_DEFAULT", scheme="https"),
        item({"prefix": "/302"}, uri="/x", redirectCode=302),
        item({"prefix": "/303"}, uri="/x", redirectCode=303),
        item({"prefix": "/307"}, uri="/x", redirectCode=307),
        item({"prefix": "/308"}, uri="/x", authority="y", scheme="https", redirectCode=308),
        item({"exact": "/%PREFIX"}, uri="/z")))


def direct():
    def item(path, headers=None, **response):
        more = {"headers": headers} if headers else {}
        return http({"uri": {"prefix": path}}, directResponse=response, **more)
    return make("directResponse", routing(
        item("/text", status=200, body={"string": "text\n"}),
        item("/none", status=404),
        item("/204", status=204),
        item("/304", status=304),
        item("/bytes", status=503, body={"bytes": base64.b64encode(b"\0\1\xff").decode()}),
        item("/large", status=418, body={"string": "0123456789abcdef" * 2000}),
        item("/headers", {"response": {"set": {"x-direct": "1", "content-type": "text/html"},
                                       "add": {"x-more": "2"}, "remove": ["server"]}},
             status=200, body={"string": "<p>"})))


def header_changes():
    request = {"set": {"x-set": "new", "X-Case": "Kept", "user-agent": "us"},
               "add": {"x-add": "added", "x-twice": "3"}, "remove": ["x-remove", "x-empty"]}
    response = {"set": {"x-up": "set", "server": "mine"}, "add": {"x-added": "a", "set-cookie": "c=3"},
                "remove": ["via", "x-l7fp-none"]}
    sent = [("x-set", "old"), ("x-set", "old2"), ("x-add", "mine"), ("x-remove", "gone"),
            ("X-Remove", "gone too"), ("x-case", "c"), ("x-stay", "s")]
    base = BASE.but(headers=sent)
    document = routing(
        http({"uri": {"prefix": "/request"}}, headers={"request": request}),
        http({"uri": {"prefix": "/response"}}, headers={"response": response}),
        http({"uri": {"prefix": "/both"}},
             subset("v1", headers={"request": {"set": {"x-set": "inner"}, "add": {"x-add": "inner"}},
                                   "response": {"set": {"x-up": "inner"}, "remove": ["x-added"]}}),
             headers={"request": request, "response": response}),
        http({"uri": {"prefix": "/host"}}, headers={"request": {"set": {"Host": "set.example"}}}),
        http({"uri": {"prefix": "/own"}},
             headers={"request": {"set": {"x-request-id": "mine", "x-forwarded-proto": "https"},
                                  "remove": ["x-envoy-attempt-count"]}}),
        http({"uri": {"prefix": "/redirect"}}, redirect={"uri": "/r"},
             headers={"response": {"add": {"x-added": "r"}}}))
    answers = [base.but(target=t, headers=sent + [(ANSWER, a)]) for t in ("/response", "/both")
               for a in ("cookies", "204", "404", "plain")]
    return make("header changes", document, base=base, requests=answers)


def timeouts():
    wait = [(ANSWER, "wait 1.5")]
    return make("timeout", routing(
        http({"uri": {"prefix": "/short"}}, timeout="0.3s"),
        http({"uri": {"prefix": "/enough"}}, timeout="60s"),
        http({"uri": {"prefix": "/none"}}, timeout="0s")),
        requests=[BASE.but(target="/short", headers=wait),
                  BASE.but(target="/short", headers=wait, method="POST", body=b"x"),
                  BASE.but(target="/short", headers=wait, method="HEAD"),
                  BASE.but(target="/enough", headers=wait), BASE.but(target="/none", headers=wait)])


def unavailable():
    return make("no endpoint", routing(
        http({"uri": {"prefix": "/refused"}}, to("refused")),
        http({"uri": {"prefix": "/empty"}}, to("empty")),
        http({"uri": {"prefix": "/subset"}}, subset("none")),
        http({"uri": {"prefix": "/unknown"}}, to("nowhere")),
        http({"uri": {"prefix": "/ends"}}),
        http({"uri": {"prefix": "/nosubset"}}, subset("nosuch")),
        http({"uri": {"prefix": "/once"}}, to("refused"), retries={"attempts": 0})),
        requests=[Request((a, 80), host=h) for a, h in (("10.96.1.3", "refused"),
                                                         ("10.96.1.4", "empty"))] +
        [BASE.but(target="/ends", method=m, body=b, headers=[(ANSWER, a)])
         for m, b in (("GET", None), ("POST", b"x")) for a in ("reset", "end")])


def hosts():
    entry = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
             "metadata": {"name": "outside", "namespace": "default"},
             "spec": {"hosts": ["api.example.com"], "addresses": ["10.96.1.9"],
                      "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                      "resolution": "STATIC", "location": "MESH_EXTERNAL",
                      "endpoints": [{"address": "127.0.1.3", "ports": {"http": PORT}}]}}
    wild = virtual_service("wild", [http({"uri": {"prefix": "/w"}}), http({}, subset("v2"))])
    wild["spec"]["hosts"] = ["*.example.com"]
    deep = virtual_service("deep", [http({}, subset("v1"))])
    deep["spec"]["hosts"] = ["*.deep.example.com", "exact.example.com"]
    names = ["web", "api", "api.example.com", "x.example.com", "exact.example.com", "example.com",
             "a.deep.example.com", "deep.example.com", "x.y.example.com", "nowhere", "10.96.1.1",
             "web.default.svc.cluster.local", "web.other"]
    requests = [Request((a, 80), target=t, host=h) for name in names
                for h in derive.host_forms(name) for t in ("/w", "/v")
                for a in (WEB_ADDRESS, "10.96.1.9")]
    return make("hosts", entry, wild, deep, routing(http({"uri": {"prefix": "/w"}})),
                requests=requests)


def plain():
    bodies = [BASE.but(method="POST", body=b"x" * n, chunked=c) for n in (1, 8191, 70000)
              for c in (False, True)]
    hops = [BASE.but(headers=[h]) for h in (
        ("Connection", "close"), ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("TE", "trailers"), ("TE", "gzip"),
        ("Upgrade", "nothing"), ("Proxy-Authorization", "x"), ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "h"), ("X-Request-Id", "given"),
        ("X-Envoy-Attempt-Count", "7"), ("X-Envoy-Original-Path", "/x"), ("Via", "1.1 x"),
        ("X-Envoy-Expected-Rq-Timeout-Ms", "5"), ("X-Envoy-Internal", "true"),
        ("Forwarded", "for=x"), ("Cookie", "a=b"), ("Accept-Encoding", "gzip"),
        ("X-Envoy-Upstream-Rq-Timeout-Ms", "90000"), ("X-Envoy-Retry-On", "5xx"),
        ("X-Envoy-Max-Retries", "3"), ("X-Envoy-Decorator-Operation", "x"),
        ("X-L7fp-Reason", "UH"))]
    hops.append(BASE.but(headers=[("Connection", "x-drop"), ("X-Drop", "1")]))
    hops.append(BASE.but(headers=[("Connection", "close, x-drop"), ("X-Drop", "1")]))
    old = [BASE.but(version="HTTP/1.0"), BASE.but(version="HTTP/1.0", host=None),
           BASE.but(version="HTTP/1.0", headers=[("Connection", "keep-alive")]),
           BASE.but(version="HTTP/1.0", headers=[(ANSWER, "chunked")])]
    return make("plain", routing(), requests=list(derive.common(BASE)) + list(derive.answers(BASE)) +
                bodies + hops + old + [BASE.but(target="http://web/absolute?q"),
                                       BASE.but(target="http://other/absolute"),
                                       BASE.but(target="*", method="OPTIONS")])


def bad():
    """What no proxy should pass on."""
    odd = [BASE.but(target=t) for t in ("/a b", "/a#f", "/%00", "/%zz", "/\xe9", "/a\x7f", "nopath",
                                        "//double", "/..", "/../..", "/%2e%2e/", "/%252e", "?q")]
    odd += [BASE.but(headers=[h]) for h in (("X-Bad ", "v"), ("X Bad", "v"), ("X-Nul", "a\0b"),
                                            ("Content-Length", "x"), ("Content-Length", "-1"),
                                            ("Transfer-Encoding", "gzip"), ("X-High", "\xe9"),
                                            ("Content-Length", "0"), ("x_under", "1"), ("Host", "two"))]
    odd += [BASE.but(host=h) for h in ("", "a b", "web:x", "web:99999", "[::1]", "web/", "w\x01")]
    odd += [BASE.but(host=None), BASE.but(version="HTTP/2.0"), BASE.but(version="HTTP/1.2"),
            BASE.but(method="G(T"), BASE.but(headers=[("Content-Length", "1"), ("Content-Length", "1")],
                                             note="no body follows")]
    return make("bad input", routing(), requests=odd)


def deny():
    return make("DENY", routing(), policy("paths", "DENY", [
        operation(paths=["/exact", "/prefix/*", "*/suffix", "/tpl/{*}/end", "/deep/{**}"]),
        operation(methods=["DELETE"]), operation(methods=["PUT"], notPaths=["/open/*"]),
        when("request.headers[x-deny]", ["yes", "pre*", "*post"])]))


def allow():
    return make("ALLOW", routing(), policy("some", "ALLOW", [
        operation(methods=["GET", "HEAD"], paths=["/public/*", "/"]),
        operation(methods=["POST"], paths=["/form"], hosts=["web", "web:*", "*.svc"]),
        dict(operation(paths=["/keyed"]), **when("request.headers[x-key]", ["k1", "k*2"[:2]], ["k3"])),
        operation(notMethods=["GET", "POST"], notPaths=["/public/*", "/admin*"]),
        operation(notHosts=["web", "api*"], paths=["/hosts"])]))


def both():
    return make("DENY and ALLOW", routing(http({"uri": {"prefix": "/api"}}, to("api"))),
                policy("deny", "DENY", [operation(paths=["/a/secret*"])], {"app": "web"}),
                policy("allow", "ALLOW", [operation(paths=["/a/*", "/api/*"])]),
                policy("more", "ALLOW", [operation(methods=["OPTIONS"])], {"app": "api"}),
                policy("root", "DENY", [operation(paths=["/a/root"])], namespace="istio-system"))


def extremes():
    """Empty policies: one set each, since each decides everything."""
    return [make("ALLOW without rules", routing(), policy("none", "ALLOW", None),
                 requests=derive.common(BASE)),
            make("ALLOW everything", routing(), policy("all", "ALLOW", [{}]),
                 requests=derive.common(BASE)),
            make("DENY everything", routing(), policy("all", "DENY", [{}]),
                 requests=derive.common(BASE)),
            make("DENY without rules", routing(), policy("none", "DENY", None),
                 requests=derive.common(BASE)),
            make("present", routing(), policy("star", "DENY", [
                operation(hosts=["*"], methods=["DELETE"]),
                operation(paths=["*"], methods=["PUT"]),
                when("request.headers[x-any]", ["*"])]))]


def addresses():
    return make("source.ip", routing(), policy("from", "DENY", [
        dict(source(ipBlocks=["192.0.2.0/28", "198.51.100.7"]), **operation(paths=["/block"])),
        dict(source(notIpBlocks=["192.0.2.0/24"]), **operation(paths=["/not"])),
        dict(when("source.ip", ["203.0.113.0/25"], ["203.0.113.8/29"]), **operation(paths=["/when"]))]))


def server_ports():
    return make("ports", routing(), policy("ports", "DENY", [
        operation(ports=[str(PORT)], paths=["/backend"]), operation(ports=["80"], paths=["/service"]),
        operation(notPorts=["80"], paths=["/not"]),
        dict(when("destination.port", [str(PORT)]), **operation(paths=["/when"])),
        dict(when("destination.ip", ["127.0.1.0/24"]), **operation(paths=["/ip"]))]))


def after_routing():
    """Authorization judges what the server receives."""
    document = routing(
        http({"uri": {"prefix": "/in/"}}, rewrite={"uri": "/out/"}),
        http({"uri": {"prefix": "/host"}}, rewrite={"authority": "secret.example"}),
        http({"uri": {"prefix": "/set"}}, headers={"request": {"set": {"x-role": "admin"}}}),
        http({"uri": {"prefix": "/unset"}}, headers={"request": {"remove": ["x-role"]}}))
    return make("after routing", document, policy("after", "DENY", [
        operation(paths=["/out/secret*"]), operation(hosts=["secret.example"]),
        dict(operation(paths=["/set*", "/unset*"]), **when("request.headers[x-role]", ["admin"]))]),
        requests=[BASE.but(target=t, headers=h) for t in ("/in/secret", "/in/open", "/out/secret",
                                                          "/host", "/set", "/unset/1", "/other")
                  for h in ([], [("x-role", "admin")], [("x-role", "user")])], kind=TwoHopSet)


def undecided():
    """What the kernel leaves to Envoy: through it, the answers must be the same, too."""
    fault = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
    return make("slow path", routing(
        http({"uri": {"regex": "/re/[a-z]+/[0-9]+"}}, subset("v2")),
        http({"headers": {"x-re": {"regex": "a+b"}}}, subset("v2")),
        http({"uri": {"prefix": "/abort"}}, fault=fault),
        http({"uri": {"prefix": "/variable"}},
             headers={"request": {"set": {"x-copy": "%REQ(x-original)%"}}}),
        http({"uri": {"prefix": "/change/"}},
             rewrite={"uriRegexRewrite": {"match": "^/change/([a-z]+)$", "rewrite": "/to/\\1"}}),
        http({"uri": {"prefix": "/cors"}}, corsPolicy={"allowOrigins": [{"exact": "http://a"}],
                                                       "allowMethods": ["GET"]}),
        http({"uri": {"prefix": "/fast"}})),
        policy("deny", "DENY", [operation(paths=["/re/a/0", "/fast/no"])]),
        policy("remote", "DENY", [dict(source(remoteIpBlocks=["192.0.2.0/24"]),
                                       **operation(paths=["/remote"]))]),
        requests=[BASE.but(target="/cors", headers=[("Origin", "http://a")]),
                  BASE.but(target="/re/x/1/../2"), BASE.but(target="/fast/../re/x/2")], slow=True)


def rewritten_undecided():
    """Where Envoy would judge what the client sent, not what the server gets: answered with 503."""
    return make("slow path, after routing", routing(
        http({"uri": {"regex": "/re/[a-z]+"}}, rewrite={"uri": "/secret"}),
        http({"uri": {"regex": "/role/[a-z]+"}}, headers={"request": {"set": {"x-role": "admin"}}})),
        policy("deny", "DENY", [operation(paths=["/secret"]),
                                when("request.headers[x-role]", ["admin"])]), slow=True)


def all_sets():
    sets = [uri(), no_route(), methods(), authorities(), headers(), queries(), ports(), weights(),
            rewrites(), redirects(), direct(), header_changes(), timeouts(), unavailable(), hosts(),
            plain(), bad(), deny(), allow(), both(), addresses(), server_ports(), after_routing(),
            undecided(), rewritten_undecided()]
    return sets + extremes()
