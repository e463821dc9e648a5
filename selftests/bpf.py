# SPDX-License-Identifier: GPL-2.0-only
"""Policies from bare bytecode: the bpf() calls that user/load.c makes, each by itself, so that
a test can leave one out or make it wrong."""
import ctypes
import json
import os
import struct
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_NR_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
MAP_CREATE, MAP_UPDATE_ELEM, PROG_LOAD, OBJ_GET_INFO = 0, 2, 5, 15
BTF_LOAD, BTF_GET_FD_BY_ID, BTF_GET_NEXT_ID = 18, 19, 23
LINK_CREATE, LINK_UPDATE = 28, 29
BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_STRUCT_OPS = 2, 26
BPF_PROG_TYPE_STRUCT_OPS, BPF_STRUCT_OPS = 27, 44
BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18
BPF_F_LINK, BPF_F_VTYPE_BTF_OBJ_FD, BPF_F_SLEEPABLE = 1 << 13, 1 << 15, 1 << 4
MODULE = os.environ.get("L7FP_BTF_MODULE", "l7fp")


def _bpf(command, data):
    buffer = ctypes.create_string_buffer(bytes(data), max(len(data), 144))
    result = _libc.syscall(_NR_BPF, command, buffer, len(buffer))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result, buffer.raw


def _pointer(buffer):
    return ctypes.addressof(buffer)


class Module:
    """Ids of types and functions in the module's BTF."""

    def __init__(self):
        path = "/sys/kernel/btf/" + MODULE
        out = subprocess.run(["bpftool", "-j", "btf", "dump", "file", path], check=True,
                             capture_output=True).stdout
        types = json.loads(out)["types"]
        self.functions = {t["name"]: t["id"] for t in types if t["kind"] == "FUNC"}
        self.structs = {t["name"]: t for t in types if t["kind"] == "STRUCT"}
        self.policy = self.structs["l7fp_policy"]
        self.value = self.structs["bpf_struct_ops_l7fp_policy"]
        self.members = {m["name"]: (i, m["bits_offset"] // 8)
                        for i, m in enumerate(self.policy["members"])}
        self.data_offset = [m["bits_offset"] // 8 for m in self.value["members"]
                            if m["name"] == "data"][0]
        self.fd = self._btf_fd()

    @staticmethod
    def _btf_fd():
        number = 0
        while True:
            number = struct.unpack_from("=I", _bpf(BTF_GET_NEXT_ID, struct.pack(
                "=II", number, 0))[1], 4)[0]
            fd, _ = _bpf(BTF_GET_FD_BY_ID, struct.pack("=I", number))
            name = ctypes.create_string_buffer(64)
            info = ctypes.create_string_buffer(struct.pack(
                "=QIIQII", 0, 0, 0, _pointer(name), len(name), 0), 32)
            _bpf(OBJ_GET_INFO, struct.pack("=IIQ", fd, len(info), _pointer(info)))
            if name.value.decode() == MODULE:
                return fd
            os.close(fd)


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("=BBhi", code, src << 4 | dst, off,
                       imm - (1 << 32) if imm >= 1 << 31 else imm)


def mov(dst, imm):
    return insn(0xb7, dst, 0, 0, imm)


def mov32(dst, imm):
    return insn(0xb4, dst, 0, 0, imm)


def move(dst, src):
    return insn(0xbf, dst, src)


def load(dst, src, off, code=0x61):
    """32 bits by default; 0x79: 64."""
    return insn(code, dst, src, off)


def exit_():
    return insn(0x95)


def returns(value):
    return mov32(0, value) + exit_()


def begin():
    """r6 = the exchange."""
    return load(6, 1, 0, 0x79)


def call(module, function, *arguments):
    """function(exchange, arguments...)"""
    code = move(1, 6)
    for i, value in enumerate(arguments):
        code += mov32(2 + i, value)
    return code + insn(0x85, 0, 2, 1, module.functions[function])


def differ(module, offset, expected, size):
    """404 at once when the size bytes at that offset of the exchange are not expected and
    zeroes behind it."""
    data = expected[:size] + b"\0" * (size - len(expected[:size]))
    code = b""
    for i, word in enumerate(struct.unpack("=%dQ" % (size // 8), data)):
        code += load(1, 6, offset + 8 * i, 0x79)
        code += insn(0x18, 2, 0, 0, word & 0xffffffff) + insn(0, 0, 0, 0, word >> 32)
        no = move(1, 6) + insn(0x85, 0, 2, 1, module.functions["l7fp_no_route"]) + exit_()
        code += insn(0x1d, 1, 2, len(no) // 8) + no
    return code


def load_program(module, code, member="request", flags=0):
    """A program for one op. An error has the verifier's log, as far as it fits."""
    code_buffer = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 20)
    fds = ctypes.create_string_buffer(struct.pack("=ii", 0, module.fd), 8)

    def load(level):
        return _bpf(PROG_LOAD, struct.pack(
            "=IIQQIIQII16sIIIIQIIQIIIIQ", BPF_PROG_TYPE_STRUCT_OPS, len(code) // 8,
            _pointer(code_buffer), _pointer(licence), level, len(log) if level else 0,
            _pointer(log) if level else 0, 0, flags, b"test", 0, module.members[member][0],
            0, 0, 0, 0, 0, 0, 0, module.policy["id"], module.fd, 0, _pointer(fds)))[0]

    try:
        return load(0)
    except OSError as error:
        try:
            load(1)
        except OSError:
            pass
        error.log = log.value.decode(errors="replace")
        raise


def _empty_btf():
    """One int: a struct_ops map wants a BTF that is not the kernel's."""
    strings = b"\0int\0"
    types = struct.pack("=IIII", 1, 1 << 24, 4, 0x01000020)
    data = struct.pack("=HBBIIIII", 0xeb9f, 1, 0, 24, 0, len(types), len(types), len(strings))
    data += types + strings
    buffer = ctypes.create_string_buffer(data, len(data))
    return _bpf(BTF_LOAD, struct.pack("=QQIII", _pointer(buffer), 0, len(data), 0, 0))[0]


def create_map(module, flags=BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD):
    btf = _empty_btf()
    data = struct.pack("=IIIIIII16sIIIIIQi", BPF_MAP_TYPE_STRUCT_OPS, 4, module.value["size"], 1,
                       flags, 0, 0, b"policy", 0, btf, 0, 0, module.value["id"], 0, module.fd)
    try:
        return _bpf(MAP_CREATE, data)[0]
    finally:
        os.close(btf)


def create_array():
    return _bpf(MAP_CREATE, struct.pack("=IIII", BPF_MAP_TYPE_ARRAY, 4, 8, 1))[0]


def set_policy(module, map_fd, generation, programs, name=b"test"):
    """programs: member to program fd."""
    value = bytearray(module.value["size"])
    base = module.data_offset
    for member, fd in programs.items():
        struct.pack_into("=Q", value, base + module.members[member][1], fd)
    struct.pack_into("=Q", value, base + module.members["generation"][1], generation)
    struct.pack_into("=16s", value, base + module.members["name"][1], name)
    key = ctypes.create_string_buffer(4)
    buffer = ctypes.create_string_buffer(bytes(value), len(value))
    _bpf(MAP_UPDATE_ELEM, struct.pack("=IIQQQ", map_fd, 0, _pointer(key), _pointer(buffer), 0))


def attach(map_fd):
    return _bpf(LINK_CREATE, struct.pack("=IIII", map_fd, 0, BPF_STRUCT_OPS, 0))[0]


def update(link_fd, map_fd):
    _bpf(LINK_UPDATE, struct.pack("=IIII", link_fd, map_fd, 0, 0))


def attach_cgroup(cgroup_fd, module, kind, code):
    """A hook of a cgroup: kind is the end of a BPF_* attach type. Returns the link."""
    attach_type = {"CGROUP_INET4_CONNECT": 10, "CGROUP_INET6_CONNECT": 11,
                   "CGROUP_INET4_GETPEERNAME": 29, "CGROUP_INET6_GETPEERNAME": 30}[kind]
    code_buffer = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 16)
    fds = ctypes.create_string_buffer(struct.pack("=ii", 0, module.fd), 8)
    try:
        program = _bpf(PROG_LOAD, struct.pack(
            "=IIQQIIQII16sIIIIQIIQIIIIQ", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, len(code) // 8,
            _pointer(code_buffer), _pointer(licence), 1, len(log), _pointer(log), 0, 0, b"test",
            0, attach_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, _pointer(fds)))[0]
    except OSError as error:
        raise OSError(error.errno, log.value.decode(errors="replace")[-2000:]) from error
    try:
        return _bpf(LINK_CREATE, struct.pack("=IIII", program, cgroup_fd, attach_type, 0))[0]
    finally:
        os.close(program)


def policy(module, generation, code=None, name=b"test", **programs):
    """A struct_ops map with one request program (by default one that decides nothing), ready to prepare."""
    if code is None:
        code = returns(0)
    request = load_program(module, code)
    fds = {"request": request}
    for member, other in programs.items():
        fds[member] = load_program(module, other, member)
    map_fd = create_map(module)
    try:
        set_policy(module, map_fd, generation, fds, name)
    finally:
        for fd in fds.values():
            os.close(fd)
    return map_fd
