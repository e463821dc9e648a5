#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: decided.py TOOL FOLDER

For each request in FOLDER/requests: one line that says which rule of FOLDER/policies decides it,
by file and line, as TOOL (l7fp-tool) explains it. Needs no kernel.
"""
import json
import os
import subprocess
import sys


def place(source, folder):
    what = source["what"].split(" ", 1)[1].split("/", 1)[1]
    return "%s:%d %s" % (os.path.relpath(source["file"], folder), source["line"], what)


def decided(tool, folder, method, service, path, headers):
    command = [tool, "explain", "--json", "--method", method, "--host", service + ":9080",
               "--path", path]
    for header in filter(None, headers.split(";")):
        command += ["--header", header]
    done = subprocess.run(command + [os.path.join(folder, "policies")],
                          stdout=subprocess.PIPE, check=True)
    # A denied request is decided by the authorization rule, any other one by its route.
    first = json.loads(done.stdout)["outcomes"][0]
    rule, route = first.get("rule"), first.get("route")
    if first["reason"] == "RBAC":
        return place(rule, folder) if rule else "no ALLOW rule matches"
    return place(route, folder) if route else first["reason"]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tool, folder = sys.argv[1:]
    with open(os.path.join(folder, "requests"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                fields = [field.strip() for field in line.split("|")]
                print(decided(tool, folder, *fields[:4]))


if __name__ == "__main__":
    main()
