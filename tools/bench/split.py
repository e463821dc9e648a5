# SPDX-License-Identifier: GPL-2.0-only
"""Reads what plugin.c counted and what tools/bench/snapshot says about it.

The split of a request's instructions:

client, server, proxy  user space of load, of the nginx servers, of the proxies
l7fp                   functions of l7fp.ko, and BPF programs in rows of l7fp
kernel_tcp             functions of the kernel whose names say that they belong to sockets, TCP/IP,
                       network devices or netfilter, and its modules for those
kernel_other           the rest of the kernel: system calls, epoll, scheduler, timers, memory,
                       interrupts, other processes

A function's instructions are its own, without those of the functions that it calls: TCP that
l7fp.ko calls is kernel_tcp.
"""
import bisect
import collections
import re

CATEGORIES = ("client", "server", "proxy", "l7fp", "kernel_tcp", "kernel_other")
MODULES = 0xffffffffa0000000
NETWORK = re.compile(
    r"_*(tcp|inet|ip[46v_]|sk_|sock|skb|net[_i]|netif|napi|dev_|loopback|lo_|nf_|nft|nat|udp|dst|"
    r"neigh|eth_|qdisc|fib|rt_|release_sock|lock_sock|validate_xmit|process_backlog|"
    r"enqueue_to_backlog|csum|simple_copy_to_iter|copy_to_iter|copy_from_iter|kfree_skb|"
    r"consume_skb|alloc_skb|build_skb|(x64_)?sys_(send|recv|connect|accept|socket|shutdown)|"
    r"aa_(sk|inet|sock|label_sk)|apparmor_sock|security_sock|bpf_sk|veth|conntrack|harddev|xmit|"
    r"softnet|rps_|raw_local_deliver|secure_tcp|mptcp|bictcp|cubictcp|cgroup_bpf_filter)")
NETWORK_MODULES = re.compile(r"(nf|nft|ip|ip6|xt|veth|x_tables|tls|libcrc32c)(_|$)")


class Snapshot:
    def __init__(self, name):
        self.roles = {}         # by pid
        self.tasks = {}         # by stack: (pid, name)
        self.modules = []       # (address, end, name)
        self.symbols = []       # (address, name)
        with open(name, encoding="utf-8", errors="replace") as f:
            for line in f:
                w = line.split()
                if w[0] in ("server", "proxy") and len(w) == 2:
                    self.roles[int(w[1])] = w[0]
                elif w[0] == "module":
                    address = int(w[2], 16)
                    self.modules.append((address, address + int(w[3]), w[1]))
                elif w[0] == "symbol":
                    self.symbols.append((int(w[1], 16), " ".join(w[2:])))
                elif len(w) >= 4:
                    self.tasks[w[0]] = (int(w[1]), " ".join(w[3:]))
        self.modules.sort()
        self.symbols.sort()

    def role(self, stack):
        pid, name = self.tasks.get(stack, (0, "idle"))
        if name == "load":
            return "client"
        return self.roles.get(pid, "other")

    def module(self, address):
        """The module that has the address; None: a BPF program."""
        i = bisect.bisect(self.modules, (address, 1 << 64, "")) - 1
        if i >= 0 and address < self.modules[i][1]:
            return self.modules[i][2]
        return None

    def name(self, function):
        """A function's name; FUNCTION is what plugin.c wrote."""
        if not re.fullmatch("[0-9a-f]{16}", function):
            return function
        address = int(function, 16)
        i = bisect.bisect(self.symbols, (address, "\x7f")) - 1
        if i < 0 or address < MODULES:
            return function
        return self.symbols[i][1]

    def category(self, stack, function, l7fp):
        if function == "user":
            role = self.role(stack)
            return role if role != "other" else "kernel_other"
        if re.fullmatch("[0-9a-f]{16}", function):
            module = self.module(int(function, 16))
            if module == "l7fp":
                return "l7fp"
            if module is None:
                return "l7fp" if l7fp else "kernel_tcp"
            return "kernel_tcp" if NETWORK_MODULES.match(module) else "kernel_other"
        return "kernel_tcp" if NETWORK.match(function) else "kernel_other"


def segments(name):
    """For each pair of marks a list of (stack, function, instructions)."""
    out = []
    with open(name, encoding="ascii") as f:
        for line in f:
            w = line.split()
            if len(w) == 2:
                out.append([])
            else:
                out[-1].append((w[0], w[1], int(w[2])))
    return out


def split(segment, snapshot, requests, l7fp):
    """Instructions a request: in all, and by category."""
    by = collections.Counter()
    for stack, function, count in segment:
        by[snapshot.category(stack, function, l7fp)] += count
    return sum(by.values()) / requests, {c: round(by[c] / requests) for c in CATEGORIES}


def functions(segment, snapshot, requests, l7fp):
    """[(instructions a request, function, category, {role: instructions})], the dearest first."""
    rows = {}
    for stack, function, count in segment:
        role = snapshot.role(stack)
        name = "user space of the " + role if function == "user" else snapshot.name(function)
        row = rows.setdefault(name, [0, snapshot.category(stack, function, l7fp),
                                     collections.Counter()])
        row[0] += count / requests
        row[2][role] += count / requests
    return sorted(((n, name, c, r) for name, (n, c, r) in rows.items()), reverse=True)
