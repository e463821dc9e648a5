#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: plot.py JSON SVG

Draws what tools/bench/rules/report.py wrote: instructions a request, and those
of the decision, over the number of rules (logarithmic).
"""
import json
import math
import sys

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 40, 50
COLOURS = ["#1b6ca8", "#c8553d", "#4a7c59", "#7d5ba6", "#666666"]


def text(x, y, content, anchor="middle", extra=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (x, y, anchor, extra, content)


def nice_step(top):
    step = 10 ** math.floor(math.log10(top))
    while top / step < 4:
        step /= 2
    return int(step)


def draw(figures):
    sizes = [f["rules"] for f in figures]
    names = list(figures[0]["positions"])
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    top = max(p["instructions_per_request"] for f in figures for p in f["positions"].values()) * 1.1

    def x(n):
        return LEFT + (math.log10(n) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="12" fill="#222222">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           "<!-- SPDX-License-Identifier: GPL-2.0-only -->",
           '<rect width="%d" height="%d" fill="white"/>' % (WIDTH, HEIGHT),
           text(WIDTH / 2, 22, "Instructions a request; dashed: of the decision alone",
                extra=' font-size="14"')]
    value, step = 0, nice_step(top)
    while value <= top:
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/>' %
                   (LEFT, WIDTH - RIGHT, y(value), y(value)))
        out.append(text(LEFT - 8, y(value) + 4, "{:,}".format(value), "end"))
        value += step
    for n in sizes:
        out.append(text(x(n), HEIGHT - BOTTOM + 18, "{:,}".format(n)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "routes, and as many authorization rules"))
    for name, colour in zip(names, COLOURS):
        for key, dash in ("instructions_per_request", ""), ("instructions_per_decision", "5 4"):
            points = [(x(f["rules"]), y(f["positions"][name][key])) for f in figures]
            out.append('<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" '
                       'points="%s"/>' % (colour, dash or "none",
                                          " ".join("%.1f,%.1f" % p for p in points)))
    for i, (name, colour) in enumerate(zip(names, COLOURS)):
        row = TOP + 20 + 20 * i
        out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2"/>' %
                   (WIDTH - RIGHT + 16, WIDTH - RIGHT + 40, row - 4, row - 4, colour))
        out.append(text(WIDTH - RIGHT + 46, row, name if name != "none" else "no match", "start"))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="ascii") as f:
        figures = json.load(f)
    with open(sys.argv[2], "w", encoding="ascii") as f:
        f.write(draw(figures))


if __name__ == "__main__":
    main()
