# SPDX-License-Identifier: GPL-2.0-only
"""Network namespaces for cases, with a netlink socket and policies in them."""
import ctypes
import errno
import os
import struct
import time

import bpf
import genl
import ktap
from genl import C

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
_module = None


def module():
    global _module
    if _module is None:
        _module = bpf.Module()
    return _module


def forget_module():
    """After an unload: the next load brings another BTF."""
    global _module
    if _module is not None:
        os.close(_module.fd)
        _module = None


def unshare():
    """A new network namespace for this thread: each case has its own."""
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


class Net(genl.Genl):
    """A namespace and a netlink socket in it; lo is down, which nothing here minds."""

    def __init__(self):
        unshare()
        super().__init__()

    def states(self):
        return {struct.unpack("=Q", g[C["L7FP_A_GENERATION"]])[0]:
                struct.unpack("=I", g[C["L7FP_A_GENERATION_STATE"]])[0]
                for g in self.dump("GENERATION_GET")}

    def begin(self, number, *attrs):
        self.do("GENERATION_NEW", genl.generation(number))
        if attrs:
            self.add(number, *attrs)

    def add(self, number, *attrs):
        self.do("GENERATION_ADD", genl.generation(number), *attrs)

    def prepare(self, number, fd):
        self.do("GENERATION_PREPARE", genl.generation(number), genl.u32(C["L7FP_A_MAP_FD"], fd))

    def ready(self, number, code=None, *attrs, **programs):
        """A prepared generation; returns its map."""
        self.begin(number, *attrs)
        fd = bpf.policy(module(), number, code, **programs)
        self.prepare(number, fd)
        return fd


def refused(number, function, *args, says=None):
    """function must fail with that errno, and say so in words that hold says."""
    try:
        function(*args)
    except OSError as error:
        ktap.equal(errno.errorcode.get(error.errno), errno.errorcode[number], "errno")
        if says is not None:
            message = getattr(error, "message", "")
            ktap.true(says in message, "expected %r in the message, got %r" % (says, message))
        return error
    raise AssertionError("expected %s, but it was accepted" % errno.errorcode[number])


def eventually(function, what, seconds=20):
    deadline = time.monotonic() + seconds * ktap.SCALE
    while not function():
        ktap.true(time.monotonic() < deadline, "not within %d seconds: %s" % (seconds, what))
        time.sleep(0.01)


def enter(fd):
    """Back to the namespace that fd stands for."""
    ktap.equal(libc.setns(fd, CLONE_NEWNET), 0, "setns")


def references():
    """How many hold the module; None when it is not loaded."""
    with open("/proc/modules", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if words[0] == "l7fp":
                return int(words[2])
    return None
