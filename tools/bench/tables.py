# SPDX-License-Identifier: GPL-2.0-only
"""Tables and plots of what tools/bench/matrix measured."""
import html
import os

import split


def title(figure):
    """What a row is, besides its path and its connections."""
    body = figure["body"]
    protocol = figure["protocol"]
    words = [] if protocol == "http/1.1" else [
        {"http/2": "HTTP/2", "grpc": "gRPC"}[protocol],
        "%d streams" % figure["streams"] if figure["streams"] != 1 else "1 stream"]
    words += ["small" if body < 1024 else "%d KiB" % (body >> 10) if body < 1 << 20 else
             "%d MiB" % (body >> 20),
             "%d rules" % figure["rules"] if figure["rules"] != 1 else "1 rule",
             "kept alive" if figure["keepalive"] else "new connections",
             "one node" if figure["nodes"] == 1 else "two nodes"]
    if figure["rate"]:
        words.append("open loop, %d/s" % figure["rate"])
    if figure["production"]:
        words.append("production")
    return ", ".join(words)


def path(figure):
    capture = figure["capture"]
    return figure["path"] + (", direct" if capture == "direct" else "")


def thousands(n):
    return "{:,}".format(n) if n is not None else "-"


def table(head, rows):
    """Markdown with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(str(r[i])) for r in [head] + rows) for i in range(len(head))]
    lines = ["| " + " | ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                               for i, (c, w) in enumerate(zip(r, widths))) + " |"
             for r in [head] + rows]
    rule = "| " + " | ".join("-" * w if i == 0 else "-" * (w - 1) + ":"
                             for i, w in enumerate(widths)) + " |"
    return "\n".join([lines[0], rule] + lines[1:]) + "\n"


def base_of(figures, figure):
    """The same without a mesh, which has no rules."""
    for f in figures:
        if f["path"] == "no mesh" and all(f[k] == figure[k] for k in (
                "protocol", "streams", "connections", "body", "keepalive", "nodes", "clock", "rate")):
            return f
    return None


def instructions(figures):
    chosen = [f for f in figures if f["instructions_per_request"]]
    if not chosen:
        return ""
    rows = []
    for f in chosen:
        base = base_of(chosen, f)
        parts = f["split"]
        n = f["instructions_per_request"]
        than = base and base["instructions_per_request"]
        rows.append([path(f), title(f), f["connections"], thousands(n)] +
                    (["%.2f" % (n / than), thousands(n - than)] if base else ["-", "-"]) +
                    [thousands(parts[c]) for c in split.CATEGORIES])
    return "Instructions a request, counted (not time):\n\n" + table(
        ["path", "what", "conn.", "in all", "of no mesh", "added"] +
        [c.replace("_", " ") for c in split.CATEGORIES], rows) + "\n"


def wall(figures):
    chosen = [f for f in figures if f["wall_rate"]]
    if not chosen:
        return ""
    rows = []
    for f in chosen:
        def cell(name, spread=f["spread"], f=f):
            return "%.0f (%.0f-%.0f)" % (f[name], *spread[name])
        rows.append([path(f), title(f), f["connections"], cell("wall_p50_us"), cell("wall_p90_us"),
                     cell("wall_p99_us"), cell("wall_rate")])
    return "Wall clock, median of %d rounds (lowest-highest); noise, where it is emulated:\n\n" % \
        chosen[0]["rounds"] + table(
            ["path", "what", "conn.", "p50 us", "p90 us", "p99 us", "requests/s"], rows) + "\n"


def memory(figures):
    chosen = [f for f in figures if "memory_per_connection" in f]
    if not chosen:
        return ""
    base = next((f["memory_per_connection"] for f in chosen if f["path"] == "no mesh"), None)
    rows = []
    for f in chosen:
        m = f["memory_per_connection"]
        above = {k: m[k] - base[k] for k in m} if base else None
        rows.append([path(f), f["connections"], thousands(m["kernel"]), thousands(m["sockets"]),
                     "%.1f" % m["tcp"], thousands(m["user"])] +
                    ([thousands(above["kernel"] + above["user"]),
                      thousands(above["kernel"] - above["sockets"] + above["user"])]
                     if above else ["-", "-"]))
    return "Memory, bytes for each idle connection:\n\n" + table(
        ["path", "conn.", "kernel", "of it sockets", "TCP sockets", "servers, proxies",
         "above no mesh", "of it beyond sockets"], rows) + "\n"


def markdown(figures):
    return instructions(figures) + wall(figures) + memory(figures)


def profile(figure, functions, n):
    """Prints the functions that cost most in one row."""
    print("\n%s, %s, %d connections: %s instructions a request" % (
        path(figure), title(figure), figure["connections"],
        thousands(figure["instructions_per_request"])))
    print("%9s %9s %9s %9s %9s  %-12s %s" % ("in all", "client", "server", "proxy", "other",
                                             "part", "function"))
    for count, name, category, roles in functions[:n]:
        print("%9.0f %9.0f %9.0f %9.0f %9.0f  %-12s %s" % (
            count, roles["client"], roles["server"], roles["proxy"], roles["other"], category, name))
    print("(by the task that was running; a function's own instructions, without those that it calls)")


def slabs(figure, before, after, n):
    """Prints the slabs that grew most, from two copies of /proc/slabinfo."""
    def read(name):
        with open(name, encoding="ascii") as f:
            lines = [line.split() for line in f.readlines()[2:]]
        # Objects in use, their size, and bytes of all pages.
        return {w[0]: (int(w[1]), int(w[3]), int(w[5]) * int(w[14]) * 4096) for w in lines}
    old, new = read(before), read(after)
    grown = sorted(((new[name][2] - old.get(name, (0, 0, 0))[2], name) for name in new),
                   reverse=True)
    print("\n%s, %d connections: slabs" % (path(figure), figure["connections"]))
    print("%14s %14s %9s  %s" % ("bytes a conn.", "objects a conn.", "size", "slab"))
    for size, name in grown[:n]:
        if size > 0:
            print("%14.0f %14.2f %9d  %s" % (
                size / figure["connections"],
                (new[name][0] - old.get(name, (0, 0, 0))[0]) / figure["connections"],
                new[name][1], name))


COLOURS = ("#4477aa", "#66ccee", "#ee6677", "#228833", "#ccbb44", "#bbbbbb")


def svg(heading, rows):
    """A picture: for each (label, [(part, instructions)]) a bar."""
    left, width, height, top = 170, 560, 26, 64
    most = max(sum(n for _, n in parts) for _, parts in rows)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="840" height="%d" '
           'font-family="sans-serif" font-size="12">' % (top + height * len(rows) + 10),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="20" font-size="14">%s</text>' % html.escape(heading)]
    x = left
    for colour, category in zip(COLOURS, split.CATEGORIES):
        name = category.replace("_", " ")
        out.append('<rect x="%d" y="34" width="12" height="12" fill="%s"/>'
                   '<text x="%d" y="45">%s</text>' % (x, colour, x + 16, name))
        x += 36 + 7 * len(name)
    for i, (label, parts) in enumerate(rows):
        y, x = top + i * height, float(left)
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' %
                   (left - 8, y + 15, html.escape(label)))
        for colour, (name, n) in zip(COLOURS, parts):
            w = n * width / most
            out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s">'
                       '<title>%s: %s</title></rect>' % (x, y, w, height - 6, colour,
                                                         html.escape(name), thousands(n)))
            x += w
        out.append('<text x="%.1f" y="%d">%s</text>' %
                   (x + 6, y + 15, thousands(sum(n for _, n in parts))))
    return "\n".join(out + ["</svg>", ""])


def plots(figures, folder):
    """One picture (SVG) for each combination that was counted, a bar a path."""
    os.makedirs(folder, exist_ok=True)
    groups = {}
    for f in figures:
        if f["instructions_per_request"]:
            groups.setdefault((title(f), f["connections"]), []).append(f)
    for (what, connections), rows in groups.items():
        name = "%s, %d connection%s" % (what, connections, "" if connections == 1 else "s")
        file = os.path.join(folder, name.replace(",", "").replace(" ", "-") + ".svg")
        with open(file, "w", encoding="utf-8") as f:
            f.write(svg(name + ": instructions a request", [
                (path(r), [(c, r["split"][c]) for c in split.CATEGORIES]) for r in rows]))
        print("plot: " + file)
