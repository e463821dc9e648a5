#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: haproxy_counts.py SOCKET

Prints two numbers of HAProxy's frontend: requests, and requests that a rule denied.
"""
import csv
import socket
import sys


def main():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(sys.argv[1])
        s.sendall(b"show stat\n")
        text = s.makefile().read()
    for row in csv.DictReader(text.lstrip("# ").splitlines()):
        if row["svname"] == "FRONTEND":
            print(row["req_tot"], row["dreq"])
            return
    sys.exit("haproxy_counts.py: no frontend in what HAProxy says")


if __name__ == "__main__":
    main()
