# SPDX-License-Identifier: GPL-2.0-only
"""KTAP for the Python selftests: functions marked with @case, and run()."""
import os
import sys
import threading
import traceback

# Multiplies time limits, on slow kernels.
SCALE = int(os.environ.get("L7FP_TIME_SCALE", "1"))

_cases = []
at_end = None   # called once, after the last case


def case(name):
    """Marks a function as one case; it fails by raising."""
    def mark(function):
        _cases.append((name, function))
        return function
    return mark


def cases(rows):
    """Marks a function as one case a row; row[0] is the name, the rest its arguments."""
    def mark(function):
        for row in rows:
            _cases.append((row[0], lambda row=row: function(*row[1:])))
        return function
    return mark


class Skip(Exception):
    """Raised by a case that this machine cannot run."""


def skip_all(reason):
    print("TAP version 13\n1..0 # SKIP " + reason)
    sys.exit(4)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError("%s: expected %.400r, got %.400r" % (what, expected, got))


def true(value, what):
    if not value:
        raise AssertionError(what)


def run(limit=60):
    """Runs all cases, or those whose name contains an argument of the program."""
    limit *= SCALE
    chosen = [c for c in _cases
              if len(sys.argv) < 2 or any(a in c[0] for a in sys.argv[1:])]
    failed = 0
    print("TAP version 13\n1..%d" % len(chosen), flush=True)
    for number, (name, function) in enumerate(chosen, 1):
        result = []

        def body(function=function, result=result):
            try:
                function()
                result.append(("ok", "", ""))
            except Skip as reason:
                result.append(("ok", " # SKIP %s" % reason, ""))
            except BaseException:
                result.append(("not ok", "", traceback.format_exc()))

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join(limit)
        if not result:
            frame = sys._current_frames().get(thread.ident)
            result.append(("not ok", "", "no end within %d seconds\n%s" % (
                limit, "".join(traceback.format_stack(frame)) if frame else "")))
        word, suffix, text = result[0]
        for line in text.splitlines():
            print("# " + line)
        failed += word != "ok"
        print("%s %d %s%s" % (word, number, name, suffix), flush=True)
    if at_end:
        at_end()
    sys.stdout.flush()
    # Threads that hang must not keep the program.
    os._exit(1 if failed else 0)
