#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
"""Clients of a strict listener that bring what they should not: each ends as it is documented, is
counted under its own reason, and leaves nothing behind."""
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import genl  # noqa: E402
import ktap  # noqa: E402
import netns  # noqa: E402
import pki  # noqa: E402
from genl import C  # noqa: E402
from ktap import case, equal, run, true  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get("L7FP_BUILD", "build"))
PORT = 18443
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
# The beginning of a ClientHello: a record of 512 bytes, of which 11 are here.
HALF_HELLO = bytes.fromhex("1603010200010001fc0303")

# Of old versions, which are what is tried.
warnings.simplefilter("ignore", DeprecationWarning)
if not os.path.exists("/proc/net/tls_stat"):
    subprocess.run(["modprobe", "tls"], check=False, capture_output=True)
if not os.path.exists("/proc/net/tls_stat"):
    ktap.skip_all("a kernel without kTLS")
tmp = tempfile.mkdtemp(prefix="l7fp-tls.")
authority = pki.Authority(tmp)
stranger = pki.Authority(tmp, "stranger")


def certificate(name, uri, who=authority, **more):
    return who.workload(os.path.join(tmp, name), uri, **more)


OURS = certificate("ours", pki.spiffe("ours"))
GOOD = certificate("good", pki.spiffe("good"))
CERTIFICATES = {
    "expired": certificate("expired", pki.spiffe("good"), days=-1),
    "trust_domain": certificate("elsewhere", pki.spiffe("good", domain="elsewhere")),
    "untrusted": certificate("untrusted", pki.spiffe("good"), who=stranger),
    "identity": certificate("host", None, dns=["good.example"]),
}


class Net(netns.Net):
    """A namespace with a strict listener, and somebody who shakes hands for it."""

    def __init__(self, shake=True, *more):
        super().__init__()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.do("LISTENER_NEW", genl.listener(1, PORT, "127.0.0.1", genl.u32(
            C["L7FP_A_LISTENER_TLS"], C["L7FP_TLS_STRICT"]), *more))
        self.helper = None
        if shake:
            self.start()

    def start(self):
        log = os.path.join(tmp, "l7fpd.log")
        with open(log, "wb") as f:
            self.helper = subprocess.Popen(
                [os.path.join(BUILD, "l7fpd"), "--handshakes", "--certificates", OURS],
                stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        netns.eventually(lambda: b"ready" in open(log, "rb").read(), "somebody shakes hands", 30)

    def end(self, number=signal.SIGTERM):
        if self.helper:
            self.helper.send_signal(number)
            self.helper.wait(20)
        self.helper = None

    def __exit__(self, *args):
        self.end()
        return super().__exit__(*args)

    def count(self, name):
        for s in self.dump("STATS_GET"):
            stat = genl.table(s[C["L7FP_A_STAT"]])
            if stat[C["L7FP_A_STAT_NAME"]].rstrip(b"\0").decode() == name:
                return struct.unpack("=Q", stat[C["L7FP_A_STAT_VALUE"]])[0]
        raise AssertionError("no counter " + name)

    def reaches(self, name, value, seconds=20):
        netns.eventually(lambda: self.count(name) == value,
                         "%s is %d, it is %d" % (name, value, self.count(name)), seconds)


def context(folder=GOOD):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.load_verify_locations(authority.crt)
    if folder:
        c.load_cert_chain(os.path.join(folder, "tls.crt"), os.path.join(folder, "tls.key"))
    return c


def connect():
    return socket.create_connection(("127.0.0.1", PORT), 30 * ktap.SCALE)


def served(folder=GOOD, configure=None):
    """What a request is answered with, or b'' where it is not."""
    c = context(folder)
    if configure:
        configure(c)
    try:
        with connect() as raw, c.wrap_socket(raw) as s:
            s.sendall(REQUEST)
            return s.recv(1000)
    except OSError:
        return b""


def gone(sock):
    """The other end closed or reset it."""
    try:
        return sock.recv(1000) == b""
    except ConnectionError:
        return True


@case("a good client is served")
def _():
    with Net() as net:
        true(served().startswith(b"HTTP/1.1 503 "), "no answer")
        equal(net.count("tls_handshake_done"), 1)


def add_certificate(reason, folder):
    @case("a certificate that is refused: " + reason)
    def _():
        with Net() as net:
            equal(served(folder), b"")
            net.reaches("tls_handshake_" + reason, 1)
            equal((net.count("tls_handshake_done"), net.count("downstream_rq_total")), (0, 0))


for why, where in CERTIFICATES.items():
    add_certificate(why, where)


@case("no certificate")
def _():
    with Net() as net:
        equal(served(None), b"")
        net.reaches("tls_handshake_no_certificate", 1)


@case("an old version")
def _():
    def old(c):
        c.minimum_version = ssl.TLSVersion.TLSv1
        c.maximum_version = ssl.TLSVersion.TLSv1_1
        c.set_ciphers("ALL:@SECLEVEL=0")
    with Net() as net:
        equal(served(GOOD, old), b"")
        net.reaches("tls_handshake_version", 1)


@case("no cipher in common")
def _():
    def cbc(c):
        c.maximum_version = ssl.TLSVersion.TLSv1_2
        c.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    with Net() as net:
        equal(served(GOOD, cbc), b"")
        net.reaches("tls_handshake_no_cipher", 1)


@case("plain text")
def _():
    with Net() as net, connect() as s:
        s.sendall(REQUEST)
        true(gone(s), "it was answered")
        net.reaches("tls_handshake_plain_text", 1)


def shaken(meanwhile=None):
    """A connection whose handshake is done, its TLS by hand: both sides of it in memory.
    meanwhile() is called when the ClientHello is sent."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = context()
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    tls, raw = c.wrap_bio(incoming, outgoing), connect()
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        raw.sendall(outgoing.read())
    if meanwhile:
        meanwhile()
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))
    raw.sendall(outgoing.read())
    return raw, tls, incoming, outgoing


def record(tls, outgoing, data):
    tls.write(data)
    return bytearray(outgoing.read())


@case("a record that was changed on its way")
def _():
    with Net() as net:
        raw, tls, _, outgoing = shaken()
        with raw:
            bad = record(tls, outgoing, REQUEST)
            bad[-5] ^= 1
            raw.sendall(bad)
            true(gone(raw), "it was answered")
        net.reaches("tls_bad_record", 1)
        equal(net.count("downstream_rq_total"), 0)


@case("a stream that is cut")
def _():
    with Net() as net:
        raw, tls, _, outgoing = shaken()
        with raw:
            raw.sendall(record(tls, outgoing, REQUEST[:-2]))
            raw.shutdown(socket.SHUT_WR)
            true(gone(raw), "it was answered")
        net.reaches("tls_truncated", 1)


@case("a stream that is closed")
def _():
    with Net() as net:
        c = context()
        with connect() as raw, c.wrap_socket(raw) as s:
            s.sendall(REQUEST)
            true(s.recv(1000).startswith(b"HTTP/1.1 503 "), "no answer")
            s.unwrap()
        equal((net.count("tls_truncated"), net.count("tls_alert")), (0, 0))


@case("new keys are wanted, which the kernel cannot change")
def _():
    with Net() as net:
        p = subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % PORT, "-tls1_3", "-cert",
             os.path.join(GOOD, "tls.crt"), "-key", os.path.join(GOOD, "tls.key")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        net.reaches("tls_handshake_done", 1)
        p.stdin.write(b"k\n")
        p.stdin.flush()
        net.reaches("tls_key_update", 1)
        p.wait(20 * ktap.SCALE)


@case("half a ClientHello, then silence")
def _():
    with Net() as net, connect() as s:
        s.sendall(HALF_HELLO)
        true(gone(s), "it was answered")
        net.reaches("tls_handshake_timeout", 1)


@case("nothing at all")
def _():
    with Net() as net, connect() as s:
        true(gone(s), "it was answered")
        net.reaches("tls_handshake_timeout", 1)


@case("a thousand who begin and are silent: others are served, and all of them end")
def _():
    with Net() as net:
        silent = []
        for _ in range(1000):
            s = connect()
            s.sendall(HALF_HELLO)
            silent.append(s)
        true(served().startswith(b"HTTP/1.1 503 "), "no answer")
        for s in silent:
            true(gone(s), "it was answered")
            s.close()
        net.reaches("tls_handshake_timeout", 1000, 60)
        equal(net.count("tls_handshake_done"), 1)
        netns.eventually(lambda: net.count("downstream_cx_destroy") ==
                         net.count("downstream_cx_total"), "all connections are gone", 20)


@case("whoever shakes hands is killed while it does")
def _():
    with Net() as net:
        silent = []
        for _ in range(50):
            s = connect()
            s.sendall(HALF_HELLO)
            silent.append(s)
        time.sleep(1)
        net.end(signal.SIGKILL)
        for s in silent:
            true(gone(s), "it was answered")
            s.close()
        net.reaches("tls_handshake_abandoned", 50)
        net.start()
        true(served().startswith(b"HTTP/1.1 503 "), "no answer")


@case("nobody shakes hands yet")
def _():
    with Net(False) as net:
        raw, tls, _, outgoing = shaken(net.start)
        with raw:
            raw.sendall(record(tls, outgoing, REQUEST))
            true(raw.recv(1000)[:1] == b"\x17", "no record of data")
        equal(net.count("tls_handshake_done"), 1)


@case("a handshake that is not ours cannot be given back")
def _():
    with Net(False) as net, connect() as s:
        s.sendall(HALF_HELLO)
        time.sleep(0.5)
        number = genl.u64(C["L7FP_A_HANDSHAKE_NUMBER"], 1)
        failure = genl.u32(C["L7FP_A_HANDSHAKE_FAILURE"], C["L7FP_TLS_SYSTEM"])
        netns.refused(2, net.do, "HANDSHAKE_DONE",
                      genl.nest(C["L7FP_A_HANDSHAKE"], number, failure), says="no such handshake")


try:
    run(240)
finally:
    shutil.rmtree(tmp, ignore_errors=True)
