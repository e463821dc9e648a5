#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: policies.py DEMO-POLICIES FOLDER RULES PROTOCOL

Policies with 1 or more rules for the services of tools/demo, in FOLDER. 20 are those of
tools/demo/policies. More are those with as many before them, three routes to two authorization
rules, none of which matches what is measured: GET /reviews/... is judged by all rules but the last
few, whatever their number. Of the routes a third each compares an exact path, a prefix, a header;
of the DENY rules half an exact path, half a prefix. 1 is the DENY rule for /admin* alone.

PROTOCOL is http/1.1, http/2 or grpc: the names of the services' ports say so.
"""
import os
import sys

ONE = """\
# SPDX-License-Identifier: GPL-2.0-only
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: deny
  namespace: default
spec:
  action: DENY
  rules:
  - to:
    - operation:
        paths: ["/admin*"]
"""
KINDS = ["uri:\n        exact: /exact/%d", "uri:\n        prefix: /prefix-%d/",
         "headers:\n        x-header-%d:\n          exact: value-%d"]
PORTS = {"http/1.1": "http", "http/2": "http2", "grpc": "grpc"}
# No more different ones than a policy may look at.
HEADERS = 40


def match(i):
    kind = KINDS[i % 3]
    return kind % (i % HEADERS, i) if kind.count("%d") == 2 else kind % i


def routes(n):
    return "".join("""\
  - name: route-%d
    match:
    - %s
    route:
    - destination:
        host: reviews
        subset: v%d
""" % (i, match(i), i % 3 + 1) for i in range(n))


def denials(n):
    return "".join("""\
  - to:
    - operation:
        paths: ["%s"]
""" % (("/denied/%d" if i % 2 else "/denied-%d/*") % i) for i in range(n))


def insert(text, before, new):
    """The text with something new before the first line that is given, which must be there."""
    at = text.index(before)
    return text[:at] + new + text[at:]


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    source, folder, rules, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), PORTS[sys.argv[4]]
    os.makedirs(folder, exist_ok=True)
    files = {}
    for name in ("services.yaml", "routes.yaml", "authorization.yaml"):
        with open(os.path.join(source, name), encoding="ascii") as f:
            files[name] = f.read()
    files["services.yaml"] = files["services.yaml"].replace("- name: http\n", "- name: %s\n" % port)
    if rules == 1:
        files["authorization.yaml"] = ONE
        del files["routes.yaml"]
    elif rules > 20:
        more = rules - 20
        files["routes.yaml"] = insert(files["routes.yaml"], "  # 9\n",
                                      routes(more - more * 2 // 5))
        files["authorization.yaml"] = insert(files["authorization.yaml"], "  # 1\n",
                                             denials(more * 2 // 5))
    elif rules != 20:
        sys.exit("policies.py: expected 1, 20 or more rules, got %d" % rules)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)


if __name__ == "__main__":
    main()
