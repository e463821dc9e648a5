#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: l7fp-tool stats --json | counts.py

Prints two numbers: requests that the policy program judged, and local replies that a denying rule
made.
"""
import json
import sys


def main():
    judged = denied = 0
    for counter in json.load(sys.stdin)["counters"]:
        if counter["scope"] == "verdict":
            judged += counter["value"]
        elif counter["scope"] == "global" and counter["name"] == "local_reply":
            denied += counter["value"]
    print(judged, denied)


if __name__ == "__main__":
    main()
