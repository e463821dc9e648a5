# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP/1.1 client on a raw socket, and the way to the proxy under test.

By default a test captures its own connections with l7fp: policies of its own, the module, and a
cgroup that it joins. With L7FP_TARGET=ADDRESS:PORT set it talks to that address, where any HTTP
proxy to 127.0.0.1:18080 may stand; cases that need policies are skipped then.
"""
import json
import os
import socket
import struct
import subprocess
import tempfile
import time

import ktap

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(HERE), os.environ.get("L7FP_BUILD", "build"))
TOOL = os.path.join(BUILD, "l7fp-tool")
PORT = 18080            # where the backend of a test listens
CLOSED_PORT = 18099     # where nothing does


def limits():
    """The limits of uapi/l7fp.h by name."""
    found = {}
    with open(os.path.join(HERE, "..", "kmod", "uapi", "l7fp.h"), encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if line.startswith("#define\tL7FP_MAX_") or line.startswith("#define L7FP_MAX_"):
                found[words[1]] = int(words[2])
    return found


class Response:
    """A response; body is None where none can follow the head."""

    def __init__(self, head):
        self.head = head
        lines = head[:-4].split(b"\r\n")
        parts = lines[0].decode("latin-1").split(" ", 2)
        self.version, self.status = parts[0], int(parts[1])
        self.reason = parts[2] if len(parts) > 2 else ""
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            self.headers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        self.body = b""
        self.trailers = []
        self.framing = "none"

    def get(self, name):
        values = [v for n, v in self.headers if n == name]
        return ",".join(values) if values else None


class Client:
    """A connection; reading stops with a TimeoutError after seconds without a byte."""

    def __init__(self, target=None, seconds=20, receive_buffer=0, source=None):
        self.sock = socket.socket()
        if source:
            self.sock.bind((source, 0))
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(seconds * ktap.SCALE)
        self.sock.connect(target or target_address())
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def get(self, path="/", headers="", method="GET", host="web"):
        """Sends a request without a body and reads the answer."""
        self.send(("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, host, headers))
                  .encode("latin-1"))
        return self.response(method)

    def _recv(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise EOFError("the connection ended")
        return data

    def until(self, mark):
        while mark not in self.buffer:
            self.buffer += self._recv()
        data, _, self.buffer = self.buffer.partition(mark)
        return data + mark

    def exactly(self, size):
        parts = []
        while size:
            if not self.buffer:
                self.buffer = self._recv()
            parts.append(self.buffer[:size])
            size -= len(parts[-1])
            self.buffer = self.buffer[len(parts[-1]):]
        return b"".join(parts)

    def head(self):
        return Response(self.until(b"\r\n\r\n"))

    def response(self, method="GET", interim=None):
        """The next final response; 1xx before it are appended to interim."""
        while True:
            r = self.head()
            if r.status >= 200 or r.status == 101:
                break
            if interim is not None:
                interim.append(r)
        self.read_body(r, method)
        return r

    def read_body(self, r, method="GET"):
        if method == "HEAD" or r.status in (101, 204, 304) or \
           (method == "CONNECT" and r.status < 300):
            return
        if r.get("transfer-encoding") is not None:
            ktap.equal(r.get("transfer-encoding").lower(), "chunked", "transfer-encoding")
            ktap.equal(r.get("content-length"), None, "content-length beside transfer-encoding")
            r.framing = "chunked"
            parts = []
            while True:
                size = int(self.until(b"\r\n")[:-2].partition(b";")[0], 16)
                if not size:
                    break
                parts.append(self.exactly(size))
                ktap.equal(self.exactly(2), b"\r\n", "end of a chunk")
            while True:
                line = self.until(b"\r\n")[:-2]
                if not line:
                    break
                name, _, value = line.partition(b":")
                r.trailers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
            r.body = b"".join(parts)
        elif r.get("content-length") is not None:
            r.framing = "length"
            r.body = self.exactly(int(r.get("content-length")))
        else:
            r.framing = "eof"
            r.body = self.rest()

    def rest(self):
        """All bytes up to the end of the connection."""
        parts, self.buffer = [self.buffer], b""
        try:
            while True:
                parts.append(self._recv())
        except EOFError:
            return b"".join(parts)

    def ended(self, seconds=20):
        """How the connection ended: "eof", "reset", or None when it did not; bytes are dropped."""
        self.sock.settimeout(seconds * ktap.SCALE)
        try:
            while True:
                self._recv()
        except EOFError:
            return "eof"
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return None

    def idle(self, seconds=0.5):
        """True when the connection is open and nothing arrives."""
        if self.buffer:
            return False
        self.sock.settimeout(seconds)
        try:
            self.buffer = self._recv()
            return False
        except TimeoutError:
            return True
        except (EOFError, OSError):
            return False
        finally:
            self.sock.settimeout(20 * ktap.SCALE)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def service(name, address, backends, port=80, endpoints=("127.0.0.1",), protocol="http"):
    """A Service whose endpoints listen on port backends."""
    return [
        {"apiVersion": "v1", "kind": "Service",
         "metadata": {"name": name, "namespace": "default"},
         "spec": {"clusterIP": address,
                  "ports": [{"name": protocol, "port": port, "targetPort": 8080}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {"name": name + "-1", "namespace": "default",
                      "labels": {"kubernetes.io/service-name": name}},
         "addressType": "IPv4",
         "ports": [{"name": protocol, "port": backends, "protocol": "TCP"}],
         "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in endpoints]},
    ]


def virtual_service(name, http):
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"hosts": [name], "http": http}}


def to(host):
    return [{"destination": {"host": host}}]


def documents(default="web"):
    """The policies that the traffic tests share."""
    docs = service("web", "10.96.1.1", PORT) + service("web2", "10.96.1.2", PORT + 1) + \
        service("refused", "10.96.1.3", CLOSED_PORT) + service("empty", "10.96.1.4", CLOSED_PORT, endpoints=())
    docs.append(virtual_service("web", [
        {"match": [{"uri": {"prefix": "/timeout"}}], "timeout": "0.5s", "route": to("web")},
        {"match": [{"uri": {"prefix": "/refused"}}], "route": to("refused")},
        {"match": [{"uri": {"prefix": "/empty"}}], "route": to("empty")},
        {"match": [{"uri": {"exact": "/direct"}}],
         "directResponse": {"status": 200, "body": {"string": "direct\n"}}},
        {"route": to(default)},
    ]))
    docs.append({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
                 "metadata": {"name": "deny", "namespace": "default"},
                 "spec": {"action": "DENY",
                          "rules": [{"to": [{"operation": {"paths": ["/denied", "/denied/*"]}}]}]}})
    return docs


class Mesh:
    """l7fp around this process: module, policies, and a cgroup that captures its connections."""

    # More options of l7fp-tool apply: of the test, and of who runs it.
    options = tuple(os.environ.get("L7FP_APPLY_OPTIONS", "").split())

    def __init__(self, docs=None):
        if not os.path.exists(TOOL):
            ktap.skip_all("no %s: run make" % TOOL)
        if not os.path.isdir("/sys/module/l7fp"):
            done = subprocess.run(["insmod", os.path.join(BUILD, "l7fp.ko")],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                ktap.skip_all("l7fp.ko is not loaded and cannot be: " + done.stderr.strip())
        self.folder = tempfile.mkdtemp(prefix="l7fp.")
        self.cgroup = "/sys/fs/cgroup/l7fp-test-%d" % os.getpid()
        os.makedirs(self.cgroup)
        self.generation = 0
        self.apply(docs if docs is not None else documents())
        self.join()

    def join(self):
        with open(self.cgroup + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def leave(self):
        with open("/sys/fs/cgroup/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def tool(self, *args, check=True):
        done = subprocess.run([TOOL] + list(args), capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError("l7fp-tool %s: status %d: %s%s" % (
                " ".join(args), done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
        return done

    def apply(self, docs):
        self.generation += 1
        name = os.path.join(self.folder, "policies.json")
        with open(name, "w", encoding="ascii") as f:
            json.dump({"apiVersion": "v1", "kind": "List", "items": docs}, f, indent=1)
        return self.tool("apply", "-f", name, "--cgroup", self.cgroup, *self.options)

    def end(self):
        self.leave()
        self.tool("reset", check=False)
        for _ in range(20):
            try:
                os.rmdir(self.cgroup)
                break
            except OSError:
                time.sleep(0.1)


_target = None
mesh = None


def open_mesh(docs=None):
    """Call first: sets up the way to the proxy; returns the Mesh, or None with L7FP_TARGET."""
    global _target, mesh
    given = os.environ.get("L7FP_TARGET")
    if given:
        address, _, port = given.rpartition(":")
        _target = (address, int(port))
        return None
    _target = ("10.96.1.1", 80)
    mesh = Mesh(docs)
    ktap.at_end = mesh.end
    return mesh


def target_address():
    return _target


def need_mesh():
    if mesh is None:
        raise ktap.Skip("needs policies; L7FP_TARGET is a bare proxy")


def get(path="/", headers="", method="GET", host="web", seconds=20):
    """One request on a connection of its own."""
    with Client(seconds=seconds) as c:
        return c.get(path, headers, method, host)
