#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: report.py JSON ICOUNT WALL

Joins what tools/bench/measure wrote in an instruction-counted run and in a
wall-clock run (either file may be missing), writes JSON and prints a table.
The guest's clock in the first run advances one nanosecond an instruction, so
10^9 / (requests/s) is instructions a request.
"""
import json
import sys


def read(name):
    rows = {}
    try:
        with open(name, encoding="ascii") as f:
            for line in f:
                path, connections, requests, rate, p50, p99 = line.rstrip("\n").split("\t")
                rows[path, int(connections)] = (int(requests), float(rate), float(p50), float(p99))
    except FileNotFoundError:
        pass
    return rows


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    icount, wall = read(sys.argv[2]), read(sys.argv[3])
    figures = []
    for path, connections in list(icount) + [key for key in wall if key not in icount]:
        counted, timed = icount.get((path, connections)), wall.get((path, connections))
        figures.append({
            "path": path,
            "connections": connections,
            "instructions_per_request": round(1e9 / counted[1]) if counted else None,
            "wall_p50_us": timed[2] if timed else None,
            "wall_rate": timed[1] if timed else None,
        })
    if not figures:
        sys.exit("report.py: no figures in %s or %s" % (sys.argv[2], sys.argv[3]))
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump(figures, f, indent=1)
        f.write("\n")

    by_key = {(f["path"], f["connections"]): f for f in figures}
    numbers = sorted({f["connections"] for f in figures})
    paths = list(dict.fromkeys(f["path"] for f in figures))
    print("                instructions a request   wall-clock (noisy; emulated where there is no KVM)")
    print("path        " + "".join("%13s" % ("%d conn." % n) for n in numbers) +
          "".join("%20s" % ("%d conn. p50, rate" % n) for n in numbers))
    for path in paths:
        line = "%-12s" % path
        for n in numbers:
            f = by_key.get((path, n))
            value = f and f["instructions_per_request"]
            line += "%13s" % ("{:,}".format(value) if value else "-")
        for n in numbers:
            f = by_key.get((path, n))
            line += "%20s" % ("%.0f us, %.0f/s" % (f["wall_p50_us"], f["wall_rate"])
                              if f and f["wall_rate"] else "-")
        print(line)


if __name__ == "__main__":
    main()
