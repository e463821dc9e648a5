# SPDX-License-Identifier: GPL-2.0-only
"""Policies that people deploy, as sets: each document with services and workloads for it.

The documents lie beside the tree, or where L7FP_CORPORA says. What is no matter of routing or
authorization of HTTP is taken out before (mirrors, faults, retries; what needs identities); what
is random is made certain (weights), and timeouts are long. A document with an error is left out:
l7fp-tool says which.
"""
import copy
import json
import os
import re
import subprocess

import yaml

import client
import derive
import golden
from sets import Set
from sides import PORT, Request

BATCH = 40              # documents in one set
SOME = 14               # requests for one document
DROPPED = ("mirror", "mirrors", "mirrorPercent", "mirrorPercentage", "mirror_percent", "fault",
           "retries", "delegate")
DROPPED_MATCH = ("gateways", "sourceLabels", "sourceNamespace")


def folder():
    return os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(golden.folder()))),
                        "policies")


def load(kind):
    """Parsed documents of a kind that differ."""
    index = os.path.join(folder(), "index.jsonl")
    if not os.path.exists(index):
        return
    with open(index, encoding="utf-8") as f:
        entries = [json.loads(line) for line in f]
    for entry in entries:
        if entry["kind"] != kind or not entry["l7"] or entry["near_dup"]:
            continue
        try:
            document = golden.read(os.path.join(folder(), entry["file"]))[0]
        except (yaml.YAMLError, UnicodeDecodeError, IndexError):
            continue
        if isinstance(document, dict) and isinstance(document.get("spec"), dict) and \
           isinstance(document.get("metadata"), dict):
            yield document


class Place:
    """The services of one document, in a namespace of its own."""

    def __init__(self, number):
        self.number = number
        self.namespace = "c%d" % number
        self.names = {}         # host in the document: service
        self.ports = {}         # service: its ports
        self.subsets = {}       # service: names

    def service(self, host, port=80):
        name = self.names.setdefault(host, "s%d" % len(self.names))
        self.ports.setdefault(name, {80}).add(port)
        return name

    def address(self, name):
        number = self.number * 8 + int(name[1:])
        return "10.97.%d.%d" % (number >> 8, number & 255)

    def endpoint(self, name, subset):
        """One address for each subset, and for what has none."""
        at = 1 + self.subsets.get(name, []).index(subset) if subset else 0
        number = (self.number * 8 + int(name[1:])) * 8 + at
        return "127.%d.%d.%d" % (2 + (number >> 16), number >> 8 & 255, number & 255)

    def documents(self, labels=None):
        docs = []
        for name in self.names.values():
            subsets = self.subsets.get(name) or [None]
            for subset in subsets:
                docs.append({"apiVersion": "l7fp.io/v1", "kind": "Workload",
                             "metadata": {"name": "%s-%s" % (name, subset),
                                          "namespace": self.namespace},
                             "spec": {"labels": dict(labels or {}, service=name,
                                                     subset=str(subset)),
                                      "addresses": [self.endpoint(name, subset)]}})
            made = client.service(name, self.address(name), PORT,
                                  endpoints=[self.endpoint(name, s) for s in subsets])
            ports = sorted(self.ports[name])
            made[0]["spec"]["ports"] = [{"name": "http-%d" % p, "port": p, "targetPort": PORT}
                                        for p in ports]
            made[0]["spec"]["selector"] = {"service": name}
            made[1]["ports"] = [{"name": "http-%d" % p, "port": PORT, "protocol": "TCP"}
                                for p in ports]
            for d in made:
                d["metadata"]["namespace"] = self.namespace
            docs += made
            if subsets[0]:
                docs.append({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                             "metadata": {"name": name, "namespace": self.namespace},
                             "spec": {"host": name, "subsets": [
                                 {"name": s, "labels": {"subset": s}} for s in subsets]}})
        return docs


def usable_host(host):
    return isinstance(host, str) and re.fullmatch(r"(\*\.)?[a-zA-Z0-9.-]+", host)


def destination(place, d):
    port = (d.get("port") or {}).get("number", 80)
    name = place.service(str(d.get("host")), port if isinstance(port, int) else 80)
    subset = d.get("subset")
    if isinstance(subset, str) and subset:
        known = place.subsets.setdefault(name, [])
        if subset not in known and len(known) < 7:
            known.append(subset)
    return dict(d, host=name)


def virtual_service(number, document):
    """The document for the mesh, its place, and the requests; None: there is nothing to route."""
    place = Place(number)
    document = copy.deepcopy(document)
    spec = document["spec"]
    hosts = [h for h in spec.get("hosts") or [] if usable_host(h) and not h.startswith("*")][:4]
    http = spec.get("http")
    if not isinstance(http, list) or not http or not hosts or \
       not all(isinstance(item, dict) for item in http):
        return None
    spec = {"hosts": [place.service(h) for h in hosts], "http": http}
    for item in http:
        for name in DROPPED:
            item.pop(name, None)
        if item.get("timeout"):
            item["timeout"] = "60s"
        for match in item.get("match") or []:
            for name in DROPPED_MATCH:
                match.pop(name, None)
            if isinstance(match.get("port"), int):
                place.service(hosts[0], match["port"])
        for at, way in enumerate(item.get("route") or []):
            if isinstance(way, dict) and isinstance(way.get("destination"), dict):
                way["destination"] = destination(place, way["destination"])
            if isinstance(way, dict) and "weight" in way:
                way["weight"] = 0 if at else 100
    if len(place.names) > 8:
        return None
    document["metadata"] = {"name": "policy", "namespace": place.namespace}
    document["spec"] = spec
    host = spec["hosts"][0]
    base = Request((place.address(host), 80),
                   host="%s.%s.svc.cluster.local" % (host, place.namespace))
    return document, place, base


def authorization(number, document):
    place = Place(number)
    document = copy.deepcopy(document)
    spec = document["spec"]
    if spec.get("action", "ALLOW") not in ("ALLOW", "DENY") or "targetRef" in spec or \
       "targetRefs" in spec or "provider" in spec:
        return None
    labels = (spec.get("selector") or {}).get("matchLabels") or {"app": "any"}
    name = place.service("server")
    golden.prune_policy(document, [])
    document["metadata"] = {"name": "policy", "namespace": place.namespace}
    base = Request((place.address(name), 80),
                   host="%s.%s.svc.cluster.local" % (name, place.namespace))
    return document, place, base, labels


class CorpusSet(Set):
    def __init__(self, name, members):
        super().__init__(name, [], [], slow=None)
        self.members = members
        # For the first apply, before any of it was checked.
        self.documents = client.service("none", "10.96.9.9", PORT)

    def prepare(self, envoy):
        """Leaves out what l7fp-tool refuses."""
        self.file += ".d"
        os.makedirs(self.file)
        left = {}
        for place, docs, document, requests in self.members:
            left[place.number] = requests
            with open("%s/%d.json" % (self.file, place.number), "w", encoding="utf-8") as f:
                json.dump({"apiVersion": "v1", "kind": "List", "items": docs + [document]}, f,
                          indent=1, default=str)
        while True:
            done = subprocess.run([client.TOOL, "slowpath", "--token", self.file],
                                  capture_output=True, text=True, check=False)
            if not done.returncode:
                break
            bad = {int(n) for n in re.findall(r"/(\d+)\.json:", done.stdout + done.stderr)}
            bad = {n for n in bad if n in left and re.search(r"/%d\.json:\S+ .*(error|invalid)" % n,
                                                            done.stdout + done.stderr)}
            if not bad:
                raise AssertionError("l7fp-tool slowpath: " + done.stderr[-2000:])
            for n in bad:
                os.unlink("%s/%d.json" % (self.file, n))
                del left[n]
        self.requests = list(derive.unique(r for rs in left.values() for r in rs))
        self.name += " (%d documents)" % len(left)
        super().prepare(envoy)


def some(requests):
    found = list(derive.unique(requests))
    return found[::max(1, len(found) // SOME)]


def members(kind):
    for number, document in enumerate(load(kind)):
        try:
            if kind == "VirtualService":
                made = virtual_service(number, document)
                if made:
                    document, place, base = made
                    yield place, place.documents(), document, \
                        some(derive.of_virtual_service(base, document))
            else:
                made = authorization(number, document)
                if made:
                    document, place, base, labels = made
                    yield place, place.documents(labels), document, some(
                        list(derive.of_authorization(base, document)) + list(derive.common(base)))
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            # Not of the form of its kind: l7fp-tool's own tests see to those.
            continue


def all_sets():
    sets = []
    for kind in ("VirtualService", "AuthorizationPolicy"):
        found = list(members(kind))
        for at in range(0, len(found), BATCH):
            sets.append(CorpusSet("policies: %s %d" % (kind, at), found[at:at + BATCH]))
    return sets
