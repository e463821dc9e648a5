#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: envoy.py TOOL POLICIES FOLDER

Configurations of Envoy as sidecars, made from what `l7fp-tool slowpath` writes for the same
policies, in FOLDER: {outbound,inbound,one}-{redirect,direct}{,-production}.json.

  outbound   beside the client: the routes
  inbound    beside the server: the authorization rules, one route
  one        a single Envoy beside the client: both
  redirect   connections come by NAT; the listener asks for the original destination
  direct     clients connect to the listener; outbound connects to the inbound listener
  production with request ids, statistics of the router and an access log

Changed against what l7fp-tool writes, always in Envoy's favour: no PROXY protocol, no check of
the token, no access log, no request ids, no attempt counts, no fault and CORS filters, no router
statistics, one copy of the authorization rules instead of one a route. Kept: the routes, the rules,
path normalisation, limits of the circuit breakers at their highest.
"""
import copy
import json
import os
import subprocess
import sys

OUTBOUND, INBOUND, SERVER = 15001, 15006, 9080
RBAC = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
# As in tools/demo/topology.sh.
RUN = os.environ.get("L7FP_DEMO_RUN", "/run/l7fp-demo")
ORIGINAL_DST = {
    "name": "envoy.filters.listener.original_dst",
    "typed_config": {"@type": "type.googleapis.com/"
                     "envoy.extensions.filters.listener.original_dst.v3.OriginalDst"},
}
LIMITS = {"thresholds": [{"max_connections": 4294967295, "max_pending_requests": 4294967295,
                          "max_requests": 4294967295, "max_retries": 4294967295}]}


def bootstrap(tool, policies, names):
    files = [os.path.join(policies, n) for n in names if os.path.exists(os.path.join(policies, n))]
    text = subprocess.run([tool, "slowpath"] + files, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(text)


def manager_of(config):
    chain, = config["static_resources"]["listeners"][0]["filter_chains"]
    return chain["filters"][-1]


def authorization(tool, policies):
    """The RBAC filters with their rules, from the default route of the service."""
    config = bootstrap(tool, policies, ["services.yaml", "authorization.yaml"])
    manager = manager_of(config)["typed_config"]
    host, = (h for h in manager["route_config"]["virtual_hosts"] if "reviews" in h["domains"])
    per_filter = host["routes"][-1]["typed_per_filter_config"]
    return [{"name": f["name"],
             "typed_config": {"@type": RBAC, **per_filter[f["name"]]["rbac"],
                              "rules_stat_prefix": f["name"] + "."}}
            for f in manager["http_filters"] if f["name"] in per_filter]


def router(production):
    return {"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        "dynamic_stats": production, "suppress_envoy_headers": not production}}


def strip(node):
    """Without the rules at each route and weighted cluster: they are in the filter."""
    if isinstance(node, dict):
        node.pop("typed_per_filter_config", None)
        for value in node.values():
            strip(value)
    elif isinstance(node, list):
        for value in node:
            strip(value)


def http(manager, filters, production, name):
    """A connection manager like the one that l7fp-tool wrote, with these filters."""
    m = copy.deepcopy(manager)
    c = m["typed_config"]
    c["stat_prefix"] = name
    c["http_filters"] = filters + [router(production)]
    c["generate_request_id"] = production
    if not production:
        c.pop("access_log", None)
    else:
        c["access_log"] = [{
            "name": "envoy.access_loggers.file",
            "typed_config": {"@type": "type.googleapis.com/"
                             "envoy.extensions.access_loggers.file.v3.FileAccessLog",
                             "path": "%s/%s-access.log" % (RUN, name)}}]
    return m


def listener(name, address, port, manager, redirect):
    return {"name": name, "listener_filters": [ORIGINAL_DST] if redirect else [],
            "address": {"socket_address": {"address": address, "port_value": port}},
            "filter_chains": [{"filters": [manager]}]}


def outbound(config, filters, redirect, production, inbound_port):
    r = copy.deepcopy(config["static_resources"])
    manager = manager_of(config)
    m = http(manager, filters, production, "outbound")
    hosts = m["typed_config"]["route_config"]["virtual_hosts"]
    # Requests for other hosts need the original destination, and are none of this.
    hosts[:] = [h for h in hosts if "*" not in h["domains"]]
    for h in hosts:
        h["include_request_attempt_count"] = production
    strip(hosts)
    clusters = [c for c in r["clusters"] if c["name"].startswith("outbound|")]
    for c in clusters:
        for group in c["load_assignment"]["endpoints"]:
            for e in group["lb_endpoints"]:
                e["endpoint"]["address"]["socket_address"]["port_value"] = inbound_port
    return {"listeners": [listener("outbound", "0.0.0.0", OUTBOUND, m, redirect)],
            "clusters": clusters}


def addresses(config):
    return sorted({e["endpoint"]["address"]["socket_address"]["address"]
                   for c in config["static_resources"]["clusters"]
                   for group in c["load_assignment"]["endpoints"]
                   for e in group["lb_endpoints"]})


def inbound(config, filters, redirect, production):
    def manager(cluster):
        m = http(manager_of(config), filters, production, "inbound")
        m["typed_config"]["route_config"] = {"name": "inbound", "virtual_hosts": [
            {"name": "*", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}]}]}
        return m

    options = config["static_resources"]["clusters"][0]["typed_extension_protocol_options"]
    base = {"connect_timeout": "10s", "circuit_breakers": LIMITS,
            "typed_extension_protocol_options": options}
    if redirect:
        return {"listeners": [listener("inbound", "0.0.0.0", INBOUND, manager("inbound"), True)],
                "clusters": [{"name": "inbound", "type": "ORIGINAL_DST",
                              "lb_policy": "CLUSTER_PROVIDED", **base}]}
    listeners, clusters = [], []
    for a in addresses(config):
        listeners.append(listener("inbound " + a, a, INBOUND, manager(a), False))
        clusters.append({"name": a, "type": "STATIC", **base, "load_assignment": {
            "cluster_name": a, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                "socket_address": {"address": a, "port_value": SERVER}}}}]}]}})
    return {"listeners": listeners, "clusters": clusters}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    tool, policies, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    routes = bootstrap(tool, policies, ["services.yaml", "routes.yaml"])
    rules = authorization(tool, policies)
    for redirect in (True, False):
        for production in (False, True):
            sets = {
                "outbound": outbound(routes, [], redirect, production,
                                     SERVER if redirect else INBOUND),
                "inbound": inbound(routes, rules, redirect, production),
                "one": outbound(routes, rules, redirect, production, SERVER),
            }
            for name, resources in sets.items():
                config = {
                    "node": {"id": name, "cluster": "bench"},
                    "admin": {"address": {"socket_address": {
                        "address": "127.0.0.1",
                        "port_value": 19001 if name == "inbound" else 19000}}},
                    "static_resources": resources,
                }
                file = "%s-%s%s.json" % (name, "redirect" if redirect else "direct",
                                         "-production" if production else "")
                with open(os.path.join(folder, file), "w", encoding="ascii") as f:
                    json.dump(config, f)


if __name__ == "__main__":
    main()
