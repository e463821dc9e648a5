#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares two traces of selftests/sockets: compare.py PLAIN OTHER [--table PAGE --section TITLE]

Prints KTAP, one case a scenario. A difference fails unless a row of the table
in that section of the page allows it; a row that allowed nothing is reported.
The columns are: scenario, observation, on plain TCP, here, reason. All but the
last may hold the wildcards of a shell; what is between `` and `` counts.
"""
import argparse
import fnmatch
import re
import sys

MISSING = "(nothing)"


def read_trace(path):
    """{scenario: [(key, value)]}: keys that come again are numbered."""
    scenarios, seen, current = {}, {}, None
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("== "):
                current, seen = scenarios.setdefault(line[3:], []), {}
                continue
            key, _, value = line.partition("\t")
            if key == "#" or current is None:
                continue
            seen[key] = seen.get(key, 0) + 1
            current.append((key if seen[key] == 1 else f"{key} #{seen[key]}", value))
    return scenarios


def cell(lines):
    text = " ".join(line.strip() for line in lines).strip()
    literal = re.fullmatch(r"``(.*)``", text)
    return literal.group(1) if literal else text


def read_table(path, section):
    """Rows of the list-tables in one section: lists of cells, the header left out."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    rows, inside, header = [], False, False
    for i, line in enumerate(lines):
        if i and re.fullmatch(r"[=\-~^\"]{3,}", line) and lines[i - 1].strip():
            inside = lines[i - 1].strip() == section
            continue
        if not inside:
            continue
        if line.strip() == ".. list-table::":
            header = True
        elif line.startswith("   * - "):
            rows.append([[line[7:]]])
            if header:
                rows[-1] = None
                header = False
        elif rows and rows[-1] is not None and line.startswith("     - "):
            rows[-1].append([line[7:]])
        elif rows and rows[-1] is not None and line.startswith("       ") and line.strip():
            rows[-1][-1].append(line)
    rows = [[cell(c) for c in row] for row in rows if row is not None]
    for row in rows:
        if len(row) != 5:
            sys.exit(f"compare.py: {path}: section '{section}': expected 5 columns, got {row}")
    if not rows and not any(line.strip() == section for line in lines):
        sys.exit(f"compare.py: {path}: no section '{section}'")
    return rows


def differences(plain, other):
    """(key, value of plain, value of other) wherever the two are not the same."""
    have, want = dict(other), dict(plain)
    result = [(key, value, have.get(key, MISSING)) for key, value in plain
              if have.get(key, MISSING) != value]
    result += [(key, MISSING, value) for key, value in other if key not in want]
    order = [key for key, _ in plain if key in have], [key for key, _ in other if key in want]
    if order[0] != order[1]:
        result.append(("order", " ".join(order[0]), " ".join(order[1])))
    return result


def matches(pattern, text):
    return pattern == text or fnmatch.fnmatchcase(text, pattern)


def allowed(rows, used, scenario, difference):
    for i, row in enumerate(rows):
        if all(matches(p, t) for p, t in zip(row, (scenario,) + difference)):
            used.add(i)
            return row[4]
    return None


def main():
    parser = argparse.ArgumentParser(description="compare two traces of selftests/sockets")
    parser.add_argument("plain")
    parser.add_argument("other")
    parser.add_argument("--table")
    parser.add_argument("--section")
    args = parser.parse_args()
    plain, other = read_trace(args.plain), read_trace(args.other)
    rows = read_table(args.table, args.section) if args.table else []
    used, failed = set(), 0
    names = list(plain) + [name for name in other if name not in plain]
    print("TAP version 13")
    print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        bad, notes = [], []
        if name not in plain or name not in other:
            bad.append(f"only in {args.plain if name in plain else args.other}")
        for difference in differences(plain.get(name, []), other.get(name, [])):
            reason = allowed(rows, used, name, difference)
            text = "{}: '{}' on plain TCP, '{}' here".format(*difference)
            if reason is None:
                bad.append(text)
            else:
                notes.append(f"allowed: {text}: {reason}")
        for line in bad + notes:
            print(f"# {name}: {line}")
        print(f"{'not ok' if bad else 'ok'} {number} {name}")
        failed += bool(bad)
    for i, row in enumerate(rows):
        if i not in used:
            print(f"# documented, but did not occur: {row[0]}: {row[1]}: '{row[2]}', '{row[3]}'")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
