#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1400
"""Change without loss: policies that are swapped, l7fpd that is killed and replaced, a drain, the
module that is unloaded and loaded again, all under the requests of several kinds of clients. No
request fails, and each is judged by exactly one generation.

Every answer says by which generation its request was judged (the server repeats a header that the
policy sets) and by which its response was (another header). A request that was sent on an open
connection and got no byte of an answer has failed; one that fails for any other reason has, too.

L7FP_LOSSLESS_REQUESTS, _SWAPS and _KILLS say how much; make check-lossless asks for more than the
default. L7FP_LOSSLESS_SEED repeats a run's choices.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import client
import ktap
import netns
from client import Client
from ktap import case, equal, true

REQUESTS = int(os.environ.get("L7FP_LOSSLESS_REQUESTS", "300"))
SWAPS = int(os.environ.get("L7FP_LOSSLESS_SWAPS", "6"))
KILLS = int(os.environ.get("L7FP_LOSSLESS_KILLS", "2"))
SEED = int(os.environ.get("L7FP_LOSSLESS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
DAEMON = os.path.join(client.BUILD, "l7fpd")
# A server's own addresses, so that it is reached without the mesh, too.
OPEN, BOUND, PORT = "10.96.7.1", "10.96.7.2", 80
URL = "http://%s/" % OPEN


def documents(generation):
    docs = client.service("open", OPEN, PORT, endpoints=(OPEN,)) + \
        client.service("bound", BOUND, PORT, endpoints=(BOUND,))
    for d in docs:
        if d["kind"] == "Service":
            d["spec"]["selector"] = {"app": d["metadata"]["name"]}
            d["spec"]["ports"][0]["targetPort"] = PORT
        else:
            d["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": d["metadata"]["name"]}
    marks = {"set": {"x-generation": generation}}
    for name in ("open", "bound"):
        docs.append(client.virtual_service(name, [
            {"route": client.to(name), "headers": {"request": marks, "response": marks}}]))
        docs.append({"apiVersion": "v1", "kind": "Pod",
                     "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
                     "status": {"podIP": OPEN if name == "open" else BOUND}})
    docs.append({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
                 "metadata": {"name": "bound", "namespace": "default"},
                 "spec": {"selector": {"matchLabels": {"app": "bound"}}, "action": "DENY",
                          "rules": [{"to": [{"operation": {"paths": ["/no"]}}]}]}})
    return docs


def start_server(folder):
    """nginx, which says what header reached it."""
    os.chmod(folder, 0o755)
    with open(folder + "/nginx.conf", "w", encoding="ascii") as f:
        f.write("""
worker_processes 1; daemon off; pid %(d)s/nginx.pid; error_log %(d)s/error.log;
events { worker_connections 4096; }
http {
	access_log off; default_type text/plain; keepalive_requests 100000000;
	client_body_temp_path %(d)s/n1; proxy_temp_path %(d)s/n2; fastcgi_temp_path %(d)s/n3;
	uwsgi_temp_path %(d)s/n4; scgi_temp_path %(d)s/n5;
	server { listen %(o)s:%(p)d backlog=4096; listen %(b)s:%(p)d;
		location / { return 200 "generation=$http_x_generation $request_uri\\n"; } }
}
""" % {"d": folder, "o": OPEN, "b": BOUND, "p": PORT})
    for address in (OPEN, BOUND):
        subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"], check=False,
                       capture_output=True)
    server = subprocess.Popen(["nginx", "-e", folder + "/error.log", "-c", folder + "/nginx.conf"])
    netns.eventually(lambda: os.path.exists(folder + "/nginx.pid"), "nginx starts")
    return server


class Crossed(Exception):
    """The end of the connection came between our look at it and our request."""


class Tally:
    """What the clients saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by = {}
        self.failed = []
        self.crossed = 0
        self.stop = threading.Event()
        self.direct = threading.Event()     # a drain has begun: the mesh may be out of the way

    def judged(self, who, up, down):
        """The generations that judged a request and its response; "" where none did."""
        with self.lock:
            if up != down:
                self.failed.append("%s: request judged by '%s', response by '%s'" % (who, up, down))
            elif not up and not self.direct.is_set():
                self.failed.append("%s: not judged at all" % who)
            self.by[up] = self.by.get(up, 0) + 1

    def fail(self, who, error):
        with self.lock:
            self.failed.append("%s: %r" % (who, error))

    def total(self):
        with self.lock:
            return sum(self.by.values())


tally = Tally()


def seen_end(c):
    """Whether the connection's end is there to see."""
    c.sock.setblocking(False)
    try:
        return c.sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        c.sock.settimeout(30)


def exchange(c, who, number):
    path = "/%s-%d" % (who, number)
    try:
        c.send(b"GET %s HTTP/1.1\r\nHost: open\r\n\r\n" % path.encode())
    except (BrokenPipeError, ConnectionResetError):
        raise Crossed() from None
    # An end that is there by now may have been there when we sent.
    c.sock.setblocking(False)
    try:
        if c.sock.recv(1, socket.MSG_PEEK) == b"":
            raise Crossed()
    except BlockingIOError:
        pass
    finally:
        c.sock.settimeout(30)
    r = c.response()
    match = re.fullmatch(rb"generation=(\w*) (\S+)\n", r.body)
    if r.status != 200 or not match or match.group(2).decode() != path:
        raise AssertionError("%d %r to %s" % (r.status, r.body[:100], path))
    tally.judged(who, match.group(1).decode(), r.get("x-generation") or "")
    return r.get("connection") != "close"


def python_client(who, fresh, pause):
    """fresh: a connection for each request; pause: how long it is silent, at most."""
    c, number = None, 0
    choice = random.Random("%d %s" % (SEED, who))
    while not tally.stop.is_set():
        number += 1
        try:
            if c and seen_end(c):
                c.close()
                c = None
            c = c or Client((OPEN, PORT), 30)
            if not exchange(c, who, number) or fresh:
                c.close()
                c = None
        except Crossed:
            tally.crossed += 1
            c.close()
            c = None
        except Exception as error:
            tally.fail(who, error)
            if c:
                c.close()
            c = None
        if pause:
            tally.stop.wait(choice.uniform(0, pause))
    if c:
        c.close()


def curl_client(who):
    """Eight URLs a run: one connection, unless its end is announced."""
    pattern = re.compile(r"generation=(\w*) \S+\n:(\w*):200\n")
    while not tally.stop.is_set():
        done = subprocess.run(
            ["curl", "-s", "-S", "-m", "60", "-H", "Host: open",
             "-w", ":%header{x-generation}:%{http_code}\n"] + [URL + who] * 8,
            capture_output=True, text=True, check=False)
        found = pattern.findall(done.stdout)
        for up, down in found:
            tally.judged(who, up, down)
        if done.returncode or len(found) != 8:
            tally.fail(who, "status %d, %d answers: %s %s" % (
                done.returncode, len(found), done.stderr[-200:], done.stdout[-200:]))


class Wrk:
    """wrk, for as long as the others; its own count of errors."""

    def __init__(self):
        self.process = None
        if shutil.which("wrk"):
            self.process = subprocess.Popen(
                ["wrk", "-t1", "-c4", "-d3600", "--timeout", "60", "-H", "Host: open", URL + "wrk"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self):
        """How many requests, and what was wrong with them."""
        if not self.process:
            return None, ""
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate(timeout=60)[0]
        requests = re.search(r"(\d+) requests in", text)
        wrong = re.findall(r".*(?:Socket errors|Non-2xx).*", text)
        return int(requests.group(1)) if requests else 0, "; ".join(wrong)


class Daemon:
    """l7fpd, which is killed and started again."""

    def __init__(self):
        self.log = open(mesh.folder + "/l7fpd.log", "ab")
        self.process = None

    def start(self, *more):
        self.process = subprocess.Popen(
            [DAEMON, "--config", mesh.folder + "/policies.json", "--cgroup", mesh.cgroup, *more],
            stdout=self.log, stderr=self.log)

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(30)

    def said(self):
        with open(mesh.folder + "/l7fpd.log", encoding="utf-8", errors="replace") as f:
            return f.read()


def write(generation):
    """The files of another generation; whoever watches them applies it."""
    name = mesh.folder + "/policies.json"
    with open(name + ".new", "w", encoding="ascii") as f:
        json.dump({"apiVersion": "v1", "kind": "List", "items": documents(generation)}, f)
    os.rename(name + ".new", name)


def served_by(address=OPEN, host="open"):
    with Client((address, PORT), 30) as c:
        r = c.get("/look", host=host)
        return r.status, r.get("x-generation") or ""


def sockets():
    """TCP sockets of this namespace that are in use."""
    with open("/proc/net/sockstat", encoding="ascii") as f:
        return int(re.search(r"TCP: inuse (\d+)", f.read()).group(1))


def refused(address):
    """connect() fails with EPERM: the hook refuses it."""
    try:
        socket.create_connection((address, PORT), 20).close()
    except PermissionError:
        return True
    return False


if not shutil.which("nginx"):
    ktap.skip_all("no nginx here")
server = start_server(tempfile.mkdtemp(prefix="l7fp."))
sockets_before = sockets()
mesh = client.Mesh(documents("g0"))
daemon = Daemon()
CLIENTS = [("kept1", False, 0), ("kept2", False, 0.02), ("fresh1", True, 0), ("fresh2", True, 0.02),
           ("silent1", False, 3), ("silent2", False, 2), ("silent3", False, 1.3)]
threads = [threading.Thread(target=python_client, args=row, daemon=True) for row in CLIENTS]
threads += [threading.Thread(target=curl_client, args=(name,), daemon=True)
            for name in ("curl1", "curl2")]
wrk = Wrk()
print("# seed %d, %d requests, %d swaps, %d kills" % (SEED, REQUESTS, SWAPS, KILLS), flush=True)


def end():
    tally.stop.set()
    wrk.end()
    if daemon.process:
        daemon.process.kill()
    server.terminate()
    mesh.end()
    for address in (OPEN, BOUND):
        subprocess.run(["ip", "address", "del", address + "/32", "dev", "lo"], check=False)


ktap.at_end = end


def fine():
    with tally.lock:
        equal(tally.failed[:10], [], "failed requests")


@case("policies are swapped, and l7fpd is killed and started again")
def _():
    choice = random.Random(SEED)
    for t in threads:
        t.start()
    daemon.start()
    kill_at = set(choice.sample(range(SWAPS), KILLS))
    for i in range(SWAPS):
        name = "g%d" % (i + 1)
        write(name)
        if i in kill_at:
            time.sleep(choice.uniform(0, 0.6))
            daemon.end(signal.SIGKILL)
            time.sleep(choice.uniform(0, 0.5))
            daemon.start()
        netns.eventually(lambda name=name: served_by() == (200, name), name + " is in force", 120)
    netns.eventually(lambda: tally.total() >= REQUESTS, "%d requests" % REQUESTS, 600)
    fine()
    with tally.lock:
        true(len(tally.by) > SWAPS // 2, "requests were judged by %s only" % tally.by)


@case("another l7fpd takes over from the one that runs")
def _():
    old = daemon.process
    before = served_by()
    daemon.start("--replace")
    old.wait(60)
    equal(old.returncode, 0, "status of the old one")
    write("taken")
    netns.eventually(lambda: served_by() == (200, "taken"), "the new one applies", 60)
    true(before != (200, "taken"), before)
    daemon.end(signal.SIGTERM)
    fine()


@case("rmmod is refused while the module serves")
def _():
    done = subprocess.run(["rmmod", "l7fp"], capture_output=True, text=True, check=False)
    true(done.returncode != 0, "rmmod succeeded under load")
    true(netns.references() is not None, "the module is gone")


@case("a drain ends the service, and what is bound is refused")
def _():
    equal(served_by(BOUND, "bound"), (200, "taken"))
    tally.direct.set()
    done = mesh.tool("drain", "--deadline", "120s", "--json")
    result = json.loads(done.stdout)["namespaces"]
    equal([(n["reset"], n["guarded_addresses"] > 0) for n in result], [(0, True)], done.stdout)
    equal(served_by(), (200, ""), "the open service")
    true(refused(BOUND), "the bound service was reached")
    fine()


@case("the module goes at once, and what is bound stays refused")
def _():
    netns.eventually(lambda: subprocess.run(["rmmod", "l7fp"], check=False,
                                            capture_output=True).returncode == 0,
                     "rmmod after the drain", 10)
    with open("/proc/slabinfo", encoding="ascii") as f:
        equal([line for line in f if line.startswith("l7fp")], [], "slab caches")
    equal(served_by(), (200, ""))
    true(refused(BOUND), "the bound service was reached")
    fine()


@case("loaded again and applied, it serves on")
def _():
    subprocess.run(["insmod", os.path.join(client.BUILD, "l7fp.ko")], check=True)
    true(refused(BOUND), "the bound service was reached")
    mesh.apply(documents("again"))
    equal(served_by(), (200, "again"))
    equal(served_by(BOUND, "bound"), (200, "again"))
    with Client((BOUND, PORT)) as c:
        equal(c.get("/no", host="bound").status, 403)
    more = tally.total() + 50
    netns.eventually(lambda: tally.total() >= more, "more requests", 120)
    fine()


@case("no request failed")
def _():
    tally.stop.set()
    for t in threads:
        t.join(60)
    requests, wrong = wrk.end()
    wrk.process = None
    print("# judged by: %s" % tally.by)
    print("# %d requests, %d met the end of their connection; wrk: %s requests" % (
        tally.total(), tally.crossed, requests))
    fine()
    true(tally.crossed <= 3 + tally.total() // 500, "too many met the end of their connection")
    equal(wrong, "", "wrk's errors")
    equal([t.name for t in threads if t.is_alive()], [], "clients that hang")


@case("nothing is left")
def _():
    mesh.tool("drain", "--deadline", "20s")
    netns.eventually(lambda: subprocess.run(["rmmod", "l7fp"], check=False,
                                            capture_output=True).returncode == 0, "rmmod", 10)
    # Before anything fails: the next test wants it.
    subprocess.run(["insmod", os.path.join(client.BUILD, "l7fp.ko")], check=True)
    try:
        netns.eventually(lambda: sockets() <= sockets_before, "sockets are freed", 20)
    except AssertionError:
        with open("/proc/net/tcp", encoding="ascii") as f:
            print("# %d sockets before, %d now:\n# %s" % (
                sockets_before, sockets(), f.read().replace("\n", "\n# ")))
        raise


ktap.run(limit=1300)
