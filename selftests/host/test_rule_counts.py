#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Every rule and every field of the policies in the wild has a verdict.

Rules and fields are counted here with another YAML reader, and compared with
what `l7fp-tool check --json` names. The policies lie beside the tree, or where
L7FP_CORPORA says.
"""
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

KSFT_SKIP = 4
TOP = Path(__file__).resolve().parents[2]
TOOL = TOP / os.environ.get("L7FP_BUILD", "build") / "l7fp-tool"
FOLDER = Path(os.environ.get("L7FP_CORPORA", TOP / "../shared/corpora")) / "policies"

# (group, kind): the lists below spec whose items are rules.
RULES = {
    ("networking.istio.io", "VirtualService"): ["http", "tls", "tcp"],
    ("networking.istio.io", "DestinationRule"): ["trafficPolicy", "subsets"],
    ("networking.istio.io", "Gateway"): ["servers"],
    ("networking.istio.io", "Sidecar"): ["ingress", "egress"],
    ("networking.istio.io", "EnvoyFilter"): ["configPatches"],
    ("security.istio.io", "AuthorizationPolicy"): ["rules"],
    ("security.istio.io", "PeerAuthentication"): ["mtls", "portLevelMtls"],
    ("security.istio.io", "RequestAuthentication"): ["jwtRules"],
    ("telemetry.istio.io", "Telemetry"): ["tracing", "metrics", "accessLogging"],
    ("gateway.networking.k8s.io", "HTTPRoute"): ["rules"],
    ("gateway.networking.k8s.io", "GRPCRoute"): ["rules"],
    ("gateway.networking.k8s.io", "TCPRoute"): ["rules"],
    ("gateway.networking.k8s.io", "UDPRoute"): ["rules"],
    ("linkerd.io", "ServiceProfile"): ["routes"],
}


def skip(why):
    print(f"TAP version 13\n1..0 # SKIP {why}")
    sys.exit(KSFT_SKIP)


try:
    import yaml
except ImportError:
    skip("no python3-yaml")


def rules(document):
    """How many rules; a document without any is one."""
    group = document.get("apiVersion", "").rpartition("/")[0]
    spec = document.get("spec")
    n = 0
    for key in RULES.get((group, document.get("kind")), []):
        value = spec.get(key) if isinstance(spec, dict) else None
        if value not in (None, "", "~", "null"):
            n += len(value) if isinstance(value, list) else 1
    return max(n, 1)


def leaves(node):
    if isinstance(node, dict):
        return sum(map(leaves, node.values())) if node else 1
    if isinstance(node, list):
        return sum(map(leaves, node)) if node else 1
    return 1


def main():
    files = sorted(str(f) for f in FOLDER.rglob("*.yaml"))
    if not files:
        skip(f"no policies in {FOLDER}")
    run = subprocess.run([TOOL, "check", "--json", FOLDER], capture_output=True, check=False)
    answer = json.loads(run.stdout)
    named = Counter(os.path.realpath(rule["file"]) for rule in answer["rules"])
    fields = Counter()
    for rule in answer["rules"]:
        # A container that is invalid itself is named beside what it holds.
        paths = [f["field"] for f in rule["fields"]]
        fields[os.path.realpath(rule["file"])] += sum(
            not any(o != p and o.startswith(p) and (not p or o[len(p)] in ".[")
                    for o in paths)
            for p in paths)
    wrong_rules, wrong_fields, without = [], [], []
    for name in files:
        with open(name, encoding="utf-8") as text:
            documents = [d for d in yaml.load_all(text, Loader=yaml.BaseLoader) if d]
        real = os.path.realpath(name)
        if named[real] != sum(map(rules, documents)):
            wrong_rules.append(name)
        if fields[real] != sum(map(leaves, documents)):
            wrong_fields.append(f"{name}: {fields[real]}, {sum(map(leaves, documents))}")
    for rule in answer["rules"]:
        if rule["verdict"] not in ("kernel", "input") and not rule["reason"]:
            without.append(rule["rule"])
    total = answer["kernel"] + answer["slow_path"] + answer["invalid"]
    cases = [
        ("each rule has a verdict", wrong_rules),
        ("each field has a verdict", wrong_fields),
        ("each verdict other than kernel has a reason", without),
        ("the sum is that of the rules",
         [] if total + answer["input"] + answer["ignored"] == sum(named.values()) else [total]),
    ]
    print(f"TAP version 13\n1..{len(cases)}")
    for number, (name, wrong) in enumerate(cases, 1):
        for one in wrong[:20]:
            print(f"# {one}")
        print(f"{'not ' if wrong else ''}ok {number} {name}")
    return any(wrong for _, wrong in cases)


if __name__ == "__main__":
    sys.exit(main())
