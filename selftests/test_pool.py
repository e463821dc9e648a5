#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
"""Upstream pools: connections are shared and reused, load is balanced, endpoints come and go."""
import os
import threading
import time

import client
import ktap
from backend import Backend
from client import Client
from ktap import case, equal, run, true

if os.environ.get("L7FP_TARGET"):
    ktap.skip_all("needs policies; L7FP_TARGET is a bare proxy")
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
backends = [Backend(client.PORT, "b%d" % i, address) for i, address in enumerate(HOSTS)]


def documents(endpoints, simple=None):
    docs = client.service("web", "10.96.1.1", client.PORT, endpoints=endpoints)
    if simple:
        docs.append({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                     "metadata": {"name": "web", "namespace": "default"},
                     "spec": {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": simple}}}})
    return docs


mesh = client.open_mesh(documents(HOSTS[:1]))


def who(c):
    return c.get("/who").body.split()[0].decode()


def opened():
    return [len(b.connections) for b in backends]


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


@case("requests one after the other share one upstream connection")
def _():
    with Client() as c:
        for _ in range(20):
            equal(c.get("/one").status, 200)
    equal(opened()[0], 1)


@case("clients one after the other share it, too")
def _():
    for _ in range(10):
        equal(client.get("/shared").status, 200)
    equal(opened()[0], 1)


@case("as many connections as requests at one time, and they are used again")
def _():
    go = threading.Event()

    def handler(connection, _request):
        go.wait(20)
        connection.reply(b"held")
    backends[0].on("/held", handler)
    clients = [Client() for _ in range(8)]
    for c in clients:
        c.send(b"GET /held HTTP/1.1\r\nHost: web\r\n\r\n")
    equal(len(backends[0].wait_seen("/held", 8)), 8)
    go.set()
    for c in clients:
        equal(c.response().body, b"held")
    equal(opened()[0], 8)
    for c in clients:
        equal(c.get("/again").status, 200)
        c.close()
    equal(opened()[0], 8)


@case("a connection that the server closes is not used again")
def _():
    for connection in backends[0].connections:
        connection.reset()
    time.sleep(0.5)
    with Client() as c:
        for _ in range(3):
            equal(c.get("/new").status, 200)
    equal(opened()[0], 9)


@case("round robin takes the endpoints in turn")
def _():
    mesh.apply(documents(HOSTS, "ROUND_ROBIN"))
    with Client() as c:
        order = [who(c) for _ in range(30)]
    equal({name: order.count(name) for name in set(order)}, {"b0": 10, "b1": 10, "b2": 10})
    for i in range(3, 30):
        equal(order[i], order[i - 3], "request %d" % i)


@case("random uses all endpoints, and in no fixed turn")
def _():
    mesh.apply(documents(HOSTS, "RANDOM"))
    with Client() as c:
        order = [who(c) for _ in range(120)]
    # Each gets 40 of 120 on average; fewer than 12 happens once in ten million runs.
    for name in ("b0", "b1", "b2"):
        true(order.count(name) >= 12, order)
    true(any(order[i] != order[i - 3] for i in range(3, 120)), "the order repeats")


@case("an endpoint that goes gets no more requests, and its idle connections end")
def _():
    idle = [c for c in backends[0].connections if c.open]
    true(idle, "no open connection to b0")
    mesh.apply(documents(HOSTS[1:], "ROUND_ROBIN"))
    true(wait_for(lambda: not any(c.open for c in idle)), "idle connections to b0 are still open")
    with Client() as c:
        equal(sorted({who(c) for _ in range(10)}), ["b1", "b2"])


@case("an endpoint that stays keeps its connections over a swap")
def _():
    before = opened()[1:]
    mesh.apply(documents(HOSTS[1:], "ROUND_ROBIN"))
    with Client() as c:
        for _ in range(6):
            who(c)
    equal(opened()[1:], before)


@case("an endpoint that goes during an exchange: the exchange ends well")
def _():
    go = threading.Event()

    def handler(connection, _request):
        go.wait(30)
        connection.reply(b"late")
    for b in backends:
        b.on("/late", handler)
    with Client() as c:
        c.send(b"GET /late HTTP/1.1\r\nHost: web\r\n\r\n")
        true(wait_for(lambda: any(b.seen("/late") for b in backends)), "the request did not arrive")
        mesh.apply(documents(HOSTS[:1]))
        go.set()
        equal(c.response().body, b"late")
        equal(who(c), "b0")


@case("one endpoint refuses: its requests go to another one")
def _():
    mesh.apply(documents(("127.0.0.9", HOSTS[1])))
    with Client() as c:
        equal({c.get("/who").status for _ in range(6)}, {200})


@case("all endpoints go: 503 UH; they come back: 200")
def _():
    mesh.apply(documents(()))
    with Client() as c:
        r = c.get("/none")
        equal((r.status, r.get("x-l7fp-reason")), (503, "UH"))
        mesh.apply(documents(HOSTS[:1]))
        equal(who(c), "b0")


@case("the backends met nothing that they could not read")
def _():
    equal([e for b in backends for e in b.errors], [])


run(limit=90)
