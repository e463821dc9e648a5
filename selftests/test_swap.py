#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
"""Swaps and detaches the policy while responses are held back and while requests pass."""
import os
import subprocess
import threading
import time

import client
import ktap
from backend import Backend
from client import Client
from ktap import case, equal, run, true

if os.environ.get("L7FP_TARGET"):
    ktap.skip_all("needs policies; L7FP_TARGET is a bare proxy")
first = Backend(client.PORT, "first")
second = Backend(client.PORT + 1, "second")
mesh = client.open_mesh(client.documents("web"))


class Held:
    """A request whose response the backend holds back."""

    def __init__(self, path, backend=first, body=b"", half=False):
        self.go = threading.Event()
        self.path = path
        backend.on(path, self.handler)
        self.half = half
        self.client = Client(seconds=60)
        self.client.send(b"POST %s HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" %
                         (path.encode(), len(body)) + body)
        true(backend.wait_seen(path), "the request did not arrive")

    def handler(self, connection, request):
        request.body()
        if self.half:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe")
            self.go.wait(60)
            connection.send(b"ld")
        else:
            self.go.wait(60)
            connection.reply(b"held")

    def finish(self):
        self.go.set()
        r = self.client.response("POST")
        equal((r.status, r.body), (200, b"held"))


def served_by():
    return client.get("/who").body.split()[0].decode()


@case("a swap: held responses end on the old policy, new requests on the new one")
def _():
    equal(served_by(), "first")
    held = [Held("/swap-1"), Held("/swap-2", half=True)]
    mesh.apply(client.documents("web2"))
    equal(served_by(), "second")
    for h in held:
        h.finish()
    # The same connections go on under the new policy.
    for h in held:
        equal(h.client.get("/who").body.split()[0].decode(), "second")
        h.client.close()


@case("a swap between two requests of one connection")
def _():
    with Client() as c:
        equal(c.get("/who").body.split()[0], b"second")
        mesh.apply(client.documents("web"))
        equal(c.get("/who").body.split()[0], b"first")


@case("a swap while a request's body is on its way")
def _():
    with Client() as c:
        c.send(b"POST /half-up HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhello")
        first.wait_seen("/half-up")
        mesh.apply(client.documents("web2"))
        c.send(b"world")
        r = c.response()
        equal((r.status, r.body.split()[0], r.body.split()[3]), (200, b"first", b"10"))
        equal(c.get("/who").body.split()[0], b"second")


@case("swaps under traffic: no request fails, each is answered by one policy or the other")
def _():
    stop = threading.Event()
    counts, wrong = {"first": 0, "second": 0}, []

    def traffic(fresh):
        c = Client()
        while not stop.is_set():
            try:
                if fresh:
                    c.close()
                    c = Client()
                r = c.get("/who")
                counts[r.body.split()[0].decode()] += 1
            except Exception as error:
                wrong.append(repr(error))
                return
        c.close()
    threads = [threading.Thread(target=traffic, args=(i % 2 == 0,), daemon=True) for i in range(4)]
    for t in threads:
        t.start()
    for i in range(6):
        mesh.apply(client.documents("web2" if i % 2 else "web"))
    stop.set()
    for t in threads:
        t.join(30)
    equal(wrong, [])
    true(counts["first"] > 0 and counts["second"] > 0, counts)


@case("a swap to a policy that is refused changes nothing")
def _():
    docs = client.documents("web")
    docs[-1]["spec"]["action"] = "PERHAPS"
    before = served_by()
    done = None
    try:
        mesh.apply(docs)
    except AssertionError as error:
        done = str(error)
    true(done, "apply accepted action: PERHAPS")
    true("PERHAPS" in done and "policies.json:" in done, done)
    equal(served_by(), before)


@case("old generations go when their last exchange ends")
def _():
    for i in range(3):
        mesh.apply(client.documents("web2" if i % 2 else "web"))
    client.get("/after")
    for _ in range(50):
        done = mesh.tool("status", "--json", check=False)
        if done.stdout.count('"draining"') == 0 and done.returncode == 0:
            break
        time.sleep(0.2)
    equal(done.returncode, 0, done.stderr)
    equal(done.stdout.count('"draining"'), 0, done.stdout[-1500:])


@case("the module cannot be unloaded while it is in use")
def _():
    held = Held("/unload")
    done = subprocess.run(["rmmod", "l7fp"], capture_output=True, text=True, check=False)
    true(done.returncode != 0, "rmmod succeeded under a held exchange")
    held.finish()
    equal(client.get("/after").status, 200)


@case("detach with responses held back: the held ones end, nothing new passes unjudged")
def _():
    held = [Held("/detach-1"), Held("/detach-2", half=True)]
    mesh.tool("reset")
    passed = []
    try:
        r = client.get("/after-detach", seconds=5)
        passed.append(r.status)
    except OSError:
        pass
    true(200 not in passed, "a new request passed without a policy")
    for h in held:
        h.go.set()
        try:
            r = h.client.response("POST")
            equal((r.status, r.body), (200, b"held"))
        except (EOFError, ConnectionResetError):
            pass        # ended with its listener: not silently wrong
    mesh.apply(client.documents("web"))
    equal(client.get("/after").status, 200)


@case("attach and detach, many times, with requests in between")
def _():
    for _ in range(3):
        mesh.tool("reset")
        mesh.apply(client.documents("web"))
        equal(client.get("/after").status, 200)


@case("detach with a response held back, then the module is unloaded and loaded again")
def _():
    held = Held("/last")
    mesh.tool("reset")
    held.go.set()
    try:
        held.client.response("POST")
    except (EOFError, ConnectionResetError):
        pass
    held.client.close()
    for _ in range(50):
        done = subprocess.run(["rmmod", "l7fp"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        time.sleep(0.2)
    equal(done.returncode, 0, "rmmod: " + done.stderr)
    subprocess.run(["insmod", os.path.join(client.BUILD, "l7fp.ko")], check=True)
    mesh.apply(client.documents("web"))
    equal(client.get("/after").status, 200)


run(limit=200)
