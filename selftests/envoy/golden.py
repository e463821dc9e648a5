# SPDX-License-Identifier: GPL-2.0-only
"""Istio's own translation of AuthorizationPolicy, in a real Envoy as a server's sidecar has it.

Each pair NAME-in.yaml, NAME-out*.yaml of istio-golden: the RBAC filters of the one, in front of
an endpoint, against the policy of the other in the kernel. The pairs lie beside the tree, or
where L7FP_CORPORA says.
"""
import glob
import os
import re

import yaml

import derive
import sides
from sets import Set
from sides import PORT, Request, ThroughEnvoy

TYPE = "type.googleapis.com/envoy.extensions."
SERVICE = ("10.96.0.1", 8000)
ADDRESS = "127.0.1.9"
IN_KERNEL = {"ipBlocks", "notIpBlocks", "hosts", "notHosts", "ports", "notPorts", "methods",
             "notMethods", "paths", "notPaths", "values", "notValues"}
SOME = 40               # requests where only the server differs from the set before
KEYS = r"request\.headers\[.*\]|source\.ip|destination\.ip|destination\.port"

# The conditions of the largest pairs exclude each other ("ports" and "destination.port" have no
# port in common, and "*" is everywhere): without one half they can match. The same values are
# taken out of both sides, and what the kernel cannot decide.
PRUNED = (
    ("allow-path", ""), ("allow-host-before-111", ""), ("multiple-policies", ""),
    ("single-policy", ""),
    ("allow-full-rule", "80,90,8000,9000,1.2.3.4,5.6.0.0/16,9.0.0.1,9.2.0.0/16"),
    ("allow-full-rule",
     "91,92,9001,9002,10.10.10.10,192.168.10.0/24,90.10.10.10,90.168.10.0/24"),
)


def folder():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    return os.path.join(os.environ.get("L7FP_CORPORA") or os.path.join(root, "..", "shared",
                                                                       "corpora"),
                        "istio-golden", "authz", "http")


# No request can have those: the same on both sides instead. Methods are some that Envoy knows.
METHODS = {"method": "REPORT", "method-prefix-": "PROP", "-suffix-method": "SCRIBE",
           "not-method": "LOCK", "not-method-prefix-": "MK", "-not-suffix-method": "GE"}
RULE_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT")


def sendable(match):
    rule, to, number = (int(match[i]) for i in (1, 2, 4))
    if match[3] == "method":
        return RULE_METHODS[4 * rule + 2 * to + number - 1]
    return "%srule%d-to%d-%s%d" % ("/" if match[3] == "path" else "", rule, to, match[3], number)


def read(path):
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"rule\[(\d)\]-to\[(\d)\]-(method|host|path)\[(\d)\]", sendable, f.read())
    return [d for d in yaml.safe_load_all(text) if d]


def known_methods(node):
    """Changes values of METHODS, in a policy or in filters."""
    if isinstance(node, list):
        for x in node:
            known_methods(x)
    elif isinstance(node, dict):
        for field in ("methods", "notMethods"):
            if isinstance(node.get(field), list):
                node[field] = [v.replace(v.strip("*"), METHODS.get(v.strip("*"), v.strip("*")))
                               if v.strip("*") else v for v in node[field]]
        if node.get("name") == ":method" and "stringMatch" in node:
            match = node["stringMatch"]
            for how in ("exact", "prefix", "suffix"):
                if how in match:
                    match[how] = METHODS.get(match[how], match[how])
        for x in node.values():
            known_methods(x)


# ---- both sides without some values

def prune_fields(fields, values):
    """True when nothing is left."""
    for name in list(fields):
        if name == "key":
            continue
        if name in IN_KERNEL:
            fields[name] = [v for v in fields[name] if v != "*" and v not in values]
        if name not in IN_KERNEL or not fields[name]:
            del fields[name]
    return not set(fields) - {"key"}


def prune_policy(document, values):
    rules = document["spec"].get("rules")
    for rule in list(rules or []):
        before = len(rule)
        for name, field in (("from", "source"), ("to", "operation"), ("when", None)):
            kept = [x for x in rule.get(name, [])
                    if not ("key" in x and not re.fullmatch(KEYS, x["key"])) and
                    not prune_fields(x[field] if field else x, values)]
            if name in rule:
                rule[name] = kept
            if not kept:
                rule.pop(name, None)
        if before and not rule:
            rules.remove(rule)


def prune_list(rules, values):
    rules[:] = [r for r in rules if not prune_rule(r, values)]
    return not rules


def prune_rule(rule, values):
    """True: take it out."""
    (key, v), = rule.items()
    if key in ("andRules", "orRules"):
        return prune_list(v["rules"], values)
    if key in ("andIds", "orIds"):
        return prune_list(v["ids"], values)
    if key in ("notRule", "notId"):
        return prune_rule(v, values)
    if key in ("authenticated", "metadata", "requestedServerName", "remoteIp", "filterState"):
        return True
    if key == "header":
        return "presentMatch" in v
    if key == "urlPath":
        return v["path"].get("safeRegex", {}).get("regex") == ".+"
    if key == "destinationPort":
        return str(v) in values
    if key in ("directRemoteIp", "destinationIp"):
        return v["addressPrefix"] in values or \
            "%s/%d" % (v["addressPrefix"], v["prefixLen"]) in values
    return False


def only_any(items):
    inner = [(x.get("andRules", {}).get("rules") or x.get("andIds", {}).get("ids") or [])
             for x in items]
    return all(len(i) == 1 and "any" in i[0] for i in inner)


def prune_filter(one, values):
    policies = one["typedConfig"].get("rules", {}).get("policies", {})
    for name, policy in list(policies.items()):
        all_before = only_any(policy["permissions"]) and only_any(policy["principals"])
        gone = []
        for part, many in (("permissions", "andRules"), ("principals", "andIds")):
            gone.append(prune_list(policy[part], values) or only_any(policy[part]))
            if not policy[part]:
                # A side without conditions is "any".
                policy[part] = [{"any": True}]
        if all(gone) and not all_before:
            del policies[name]


# ---- a pair

def server_listener(filters, address, port):
    """What a server's sidecar does with HTTP, and its cluster."""
    manager = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "golden", "codec_type": "HTTP1", "normalize_path": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "server_header_transformation": "PASS_THROUGH", "stream_idle_timeout": "0s",
        "route_config": {"virtual_hosts": [{
            "name": "all", "domains": ["*"], "include_request_attempt_count": True,
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "server", "timeout": "0s"}}],
        }]},
        "http_filters": filters + [{
            "name": "router", "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"}}],
    }
    proxy = TYPE + "filters.listener.proxy_protocol.v3.ProxyProtocol"
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "listener_filters": [{"name": "proxy", "typed_config": {"@type": proxy}}],
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    endpoint = {"endpoint": {"address": {"socket_address": {"address": address,
                                                            "port_value": port}}}}
    cluster = {"name": "server", "type": "STATIC", "connect_timeout": "10s",
               "load_assignment": {"cluster_name": "server",
                                   "endpoints": [{"lb_endpoints": [endpoint]}]}}
    return listener, cluster


class ThroughServer(ThroughEnvoy):
    """source.ip is the peer's address there: the connection really comes from it."""

    def __init__(self, echo, port, server):
        super().__init__(echo, port)
        self.server = server

    def connect(self, request):
        source = request.source or self.source
        sides.local_address(source)
        c = sides.Client(("127.0.0.1", self.port), source=source)
        c.send(sides.proxy_header((source, 40000), self.server, None))
        return c


class GoldenSet(Set):
    def __init__(self, name, policies, filters, server, undecidable):
        base = Request(SERVICE, host="httpbin.foo")
        docs = self.service(server) + policies
        super().__init__("golden " + name, docs,
                         list(derive.of_documents(base, policies)) + list(derive.common(base)))
        self.filters = filters
        self.server = server
        self.undecidable = undecidable
        self.slow_listener = False

    @staticmethod
    def service(server):
        return [
            {"apiVersion": "v1", "kind": "Service",
             "metadata": {"name": "httpbin", "namespace": "foo"},
             "spec": {"clusterIP": SERVICE[0], "selector": {"app": "httpbin"},
                      "ports": [{"name": "http", "port": SERVICE[1], "targetPort": server[1]}]}},
            {"apiVersion": "l7fp.io/v1", "kind": "Workload",
             "metadata": {"name": "httpbin", "namespace": "foo"},
             "spec": {"labels": {"app": "httpbin", "version": "v1"}, "addresses": [server[0]]}}]

    def prepare(self, envoy):
        sides.local_address(self.server[0])
        listener, cluster = server_listener(self.filters, *self.server)
        self.listener = envoy.add_server(listener, cluster)

    def envoy_side(self, echo):
        echo.also(self.server[1])
        return ThroughServer(echo, self.listener, self.server)


def servers(policies):
    """Addresses and ports of the server that the policies tell apart."""
    ports, addresses = [PORT], [ADDRESS]
    for d in policies:
        for rule in d["spec"].get("rules") or []:
            for to in rule.get("to", []):
                ports += to["operation"].get("ports", []) + to["operation"].get("notPorts", [])
            for w in rule.get("when", []):
                values = w.get("values", []) + w.get("notValues", [])
                if w["key"] == "destination.port":
                    ports += values
                elif w["key"] == "destination.ip":
                    addresses += [v.partition("/")[0] for v in values]
    found = [(addresses[0], int(p)) for p in ports] + [(a, int(ports[-1])) for a in addresses] + \
        [(a, int(p)) for a in addresses[1:2] for p in ports[1:3]]
    return sorted(set(found))


def undecidable(policies):
    """Does the kernel know too little for some rule?"""
    for d in policies:
        for rule in d["spec"].get("rules") or []:
            fields = [f for x in rule.get("from", []) for f in x["source"]]
            if set(fields) - IN_KERNEL or \
               any(not re.fullmatch(KEYS, w["key"]) for w in rule.get("when", [])):
                return True
    return False


def pair(name, without=None):
    policies = read(os.path.join(folder(), name + "-in.yaml"))
    filters = [f for path in sorted(glob.glob(os.path.join(folder(), name + "-out*.yaml")))
               for f in read(path)]
    known_methods(policies)
    known_methods(filters)
    if without is not None:
        values = without.split(",")
        for d in policies:
            prune_policy(d, values)
        for f in filters:
            prune_filter(f, values)
    label = name if without is None else name + " pruned"
    for number, server in enumerate(servers(policies)):
        one = GoldenSet("%s %s:%d" % ((label,) + server), policies, filters, server,
                        undecidable(policies))
        if number and len(one.requests) > SOME:
            # The server's address and port make the difference here.
            one.requests = one.requests[::len(one.requests) // SOME]
        yield one


def all_sets():
    """CUSTOM is for an external authorizer: what its pairs hold is no decision."""
    names = sorted(os.path.basename(p)[:-len("-in.yaml")]
                   for p in glob.glob(os.path.join(folder(), "*-in.yaml")))
    sets = [s for n in names if not n.startswith("custom") for s in pair(n)]
    if names:
        sets += [s for p in PRUNED for s in pair(*p)]
    return sets
