#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: report.py JSON FOLDER N...

Joins what tools/bench/rules/measure wrote in FOLDER/N, writes JSON, prints
tables, and fails when the cost of a request at one of the positions differs by
more than a fifth between the sizes. The guest's clock advances one nanosecond
an instruction, so times are instructions.
"""
import json
import sys

MOST = 0.2


def read(folder, n):
    with open("%s/%d/apply.json" % (folder, n), encoding="ascii") as f:
        apply = json.load(f)
    positions = {}
    with open("%s/%d/requests.tsv" % (folder, n), encoding="ascii") as f:
        for line in f:
            name, requests, rate, ns, runs = line.rstrip("\n").split("\t")
            if int(requests) < 100 or int(runs) < 100:
                sys.exit("report.py: %d rules, %s: too few requests" % (n, name))
            positions[name] = {
                "requests": int(requests),
                "instructions_per_request": round(1e9 / float(rate)),
                "instructions_per_decision": round(int(ns) / int(runs)),
            }
    attach = apply["load_ms"] - apply["synthesize_ms"] - apply["verify_ms"]
    return {
        "rules": n,
        "routes": apply["routes"],
        "authorization_rules": apply["authorization_rules"],
        "program_instructions": apply["instructions"],
        "verifier_processed": apply["verified_instructions"],
        "translate_million_instructions": round(apply["translate_ms"], 1),
        "compile_million_instructions": round(apply["synthesize_ms"], 1),
        "verify_million_instructions": round(apply["verify_ms"], 1),
        "attach_million_instructions": round(attach, 1),
        "positions": positions,
    }


def table(heads, rows):
    widths = [max(len(row[i]) for row in [heads] + rows) for i in range(len(heads))]
    for row in [heads] + rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))
    print()


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    figures = [read(sys.argv[2], int(n)) for n in sys.argv[3:]]
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump(figures, f, indent=1)
        f.write("\n")
    names = list(figures[0]["positions"])
    for title, key in (("instructions a request", "instructions_per_request"),
                       ("of which in the program and what it calls", "instructions_per_decision")):
        print(title)
        table(["rules"] + names,
              [["{:,}".format(f["rules"])] +
               ["{:,}".format(f["positions"][name][key]) for name in names] for f in figures])
    print("putting it in force, million instructions")
    table(["rules", "translate", "compile", "verify", "attach", "program", "processed"],
          [["{:,}".format(f["rules"])] +
           ["{:,}".format(f[key + "_million_instructions"])
            for key in ("translate", "compile", "verify", "attach")] +
           ["{:,}".format(f["program_instructions"]), "{:,}".format(f["verifier_processed"])]
           for f in figures])
    failed = 0
    for name in names:
        costs = [f["positions"][name]["instructions_per_request"] for f in figures]
        growth = max(costs) / min(costs) - 1
        wrong = growth > MOST
        failed += wrong
        print("%s: %s, %s to %s instructions (%+.1f %%)" %
              ("FAILED" if wrong else "ok", name, "{:,}".format(min(costs)),
               "{:,}".format(max(costs)), 100 * growth))
    print("%d passed, %d failed" % (len(names) - failed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
