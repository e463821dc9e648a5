#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: l7fp-tool stats --json | counts.py

Prints two numbers: requests that the kernel decided, and requests that it sent to the slow path.
"""
import json
import sys


def main():
    fast = slow = 0
    for counter in json.load(sys.stdin)["counters"]:
        if counter["scope"] == "verdict":
            if counter["object"] == "slow_path":
                slow += counter["value"]
            else:
                fast += counter["value"]
    print(fast, slow)


if __name__ == "__main__":
    main()
