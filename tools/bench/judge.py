#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: judge.py ROW PATH HAS-POLICY LOAD BEFORE AFTER SERVED-BEFORE SERVED-AFTER SEGMENT MEMORY

Prints what tools/bench/load measured, as one line of JSON for tools/bench/matrix, unless the
policy's counters or the servers' do not say the same: then it says so and fails.

BEFORE and AFTER: "JUDGED DENIED", "-" for what a path does not count; SERVED-*: "REQUESTS
QUESTIONS", of which the questions are the counting's own.
"""
import json
import sys


def memory(folder):
    """Differences in KiB."""
    def read(name):
        with open("%s/memory-%s" % (folder, name), encoding="ascii") as f:
            return {w[0]: int(w[1]) for w in map(str.split, f)}
    before, after = read("before"), read("after")
    return {name: after[name] - before[name] for name in before}


def main():
    if len(sys.argv) != 11:
        sys.exit(__doc__)
    row, path, policy, load = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "1", sys.argv[4]
    before, after, served_before, served_after = (a.split() for a in sys.argv[5:9])
    with open(load, encoding="ascii") as f:
        result = json.load(f)
    # nginx counts the question, too.
    own = 1 if path == "nginx" else 0
    for name, i, expected in (("requests judged", 0, result["sent"] + own),
                              ("requests denied", 1, result["denied"])):
        if policy and before[i] != "-":
            counted = int(after[i]) - int(before[i])
            if counted != expected:
                sys.exit("judge.py: %s: %s by the policy: %d, sent: %d" %
                         (path, name, counted, expected))
    if policy and (before[0] == "-" or not result["denied"]):
        sys.exit("judge.py: %s: nothing shows that the policy was asked" % path)
    served = int(served_after[0]) - int(served_before[0]) - int(served_after[1])
    expected = result["sent"] - (result["denied"] if policy else 0)
    if served != expected:
        sys.exit("judge.py: %s: requests that reached the servers: %d, expected: %d" %
                 (path, served, expected))
    result["row"] = row
    if sys.argv[9]:
        result["segment"] = int(sys.argv[9])
    if sys.argv[10]:
        result["memory_kib"] = memory(sys.argv[10])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
