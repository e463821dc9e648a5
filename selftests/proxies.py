# SPDX-License-Identifier: GPL-2.0-only
"""Slow-path proxies for the tests: started with what l7fp-tool slowpath wrote."""
import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import time

import client
import ktap

PORT = 15003


def envoy_binary():
    """The program, or None: tools/envoy fetches it."""
    given = os.environ.get("L7FP_ENVOY")
    if given:
        return given if os.access(given, os.X_OK) else None
    cache = os.environ.get("XDG_CACHE_HOME") or pwd.getpwuid(os.getuid()).pw_dir + "/.cache"
    found = sorted(glob.glob(cache + "/l7fp/envoy-*/envoy"))
    return found[-1] if found else None


def wait_port(port, seconds=90):
    end = time.monotonic() + seconds * ktap.SCALE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class Line:
    """One request of an access log."""

    def __init__(self, source, destination, method, path, status):
        self.source = source
        self.destination = destination
        self.method = method
        self.path = path
        self.status = status

    def __repr__(self):
        return "%s %s %d from %s" % (self.method, self.path, self.status, self.source)


class Proxy:
    """A proxy in a cgroup of its own."""

    def __init__(self, folder, cgroup):
        self.folder = folder
        self.cgroup = cgroup
        self.process = None
        self.number = 0
        os.makedirs(cgroup, exist_ok=True)

    def configuration(self, policies, *options):
        """l7fp-tool slowpath; returns the finished process."""
        return subprocess.run(
            [client.TOOL, "slowpath", "--format", self.format, "-f", policies, "-o", self.config,
             "--listen", "127.0.0.1:%d" % PORT] + list(options),
            capture_output=True, text=True, check=False)

    def start(self, policies):
        """Again, with the configuration of these policies."""
        self.stop()
        self.number += 1
        self.config = os.path.join(self.folder, "%s.%d" % (self.format, self.number))
        self.log = os.path.join(self.folder, "%s.log.%d" % (self.format, self.number))
        done = self.configuration(policies, *self.log_options())
        if done.returncode:
            raise AssertionError("l7fp-tool slowpath: " + done.stderr)
        self.begin()
        wait_port(PORT)
        return done

    def spawn(self, *argv):
        def enter():
            with open(self.cgroup + "/cgroup.procs", "w", encoding="ascii") as f:
                f.write("0")
        out = open(self.config + ".out", "w", encoding="ascii")
        self.process = subprocess.Popen(argv, stdout=out, stderr=out, preexec_fn=enter)
        out.close()

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def said(self):
        with open(self.config + ".out", encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]

    def requests(self, count=None, seconds=20):
        """The access log, once it has count lines."""
        end = time.monotonic() + seconds * ktap.SCALE
        while True:
            lines = self.parse()
            if count is None or len(lines) >= count or time.monotonic() > end:
                return lines
            time.sleep(0.1)


class Envoy(Proxy):
    format = "envoy"

    @staticmethod
    def missing():
        return None if envoy_binary() else "no Envoy: run tools/envoy"

    def log_options(self):
        return ["--access-log", self.log]

    def begin(self):
        self.spawn(envoy_binary(), "--concurrency", "1", "-l", "warning", "--disable-hot-restart",
                   "--file-flush-interval-msec", "100", "-c", self.config + ".json")

    def configuration(self, policies, *options):
        done = super().configuration(policies, *options)
        if not done.returncode:
            # Envoy goes by the name's ending.
            os.rename(self.config, self.config + ".json")
        return done

    def parse(self):
        form = re.compile(r'\[.*?\] (\S+):(\d+) (\S+):(\d+) "(\S+) (\S+) \S+" (\d+) ')
        lines = []
        if not os.path.exists(self.log):
            return lines
        with open(self.log, encoding="utf-8", errors="replace") as f:
            for text in f.read().splitlines():
                m = form.match(text)
                lines.append(Line((m[1], int(m[2])), (m[3], int(m[4])), m[5], m[6], int(m[7])))
        return lines


class Haproxy(Proxy):
    format = "haproxy"

    @staticmethod
    def missing():
        return None if shutil.which("haproxy") else "no HAProxy: tools/setup installs it"

    def log_options(self):
        return ["--access-log", "stdout"]

    def begin(self):
        # Of several threads one that finds the log busy drops its line.
        with open(self.config + ".one", "w", encoding="ascii") as f:
            f.write("global\n    nbthread 1\n")
        self.spawn("haproxy", "-db", "-f", self.config, "-f", self.config + ".one")

    def parse(self):
        form = re.compile(r'l7fp (\S+):(\d+) (\S+):(\d+) (\S+) (\S+) (\d+)$')
        lines = []
        with open(self.config + ".out", encoding="utf-8", errors="replace") as f:
            for text in f.read().splitlines():
                m = form.search(text)
                if m:
                    lines.append(Line((m[1], int(m[2])), (m[3], int(m[4])), m[5], m[6],
                                      int(m[7])))
        return lines
