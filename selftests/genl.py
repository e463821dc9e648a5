# SPDX-License-Identifier: GPL-2.0-only
"""The module's generic netlink family, spoken byte by byte: what user/netlink.c would
never send can be sent from here. Numbers come from kmod/uapi/l7fp.h."""
import os
import re
import socket
import struct

import ktap

HERE = os.path.dirname(os.path.abspath(__file__))
UAPI = os.path.join(HERE, "..", "kmod", "uapi", "l7fp.h")

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP = 1, 2, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK = 270, 1, 10
NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 11, 12
NLMSGERR_ATTR_MSG = 1
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3fff
GENL_ID_CTRL = 16
BUFFER = 1 << 20


def _constants():
    with open(UAPI, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    found = {}
    for name, value in re.findall(r"^#define\s+(L7FP_\w+)\s+(\d+|0x[0-9a-fA-F]+)U?\s*$", text, re.M):
        found[name] = int(value, 0)
    for body in re.findall(r"enum\s+\w+\s*\{(.*?)\}", text, re.S):
        value = 0
        for entry in body.split(","):
            entry = entry.strip()
            if not entry:
                continue
            name, _, given = entry.partition("=")
            value = int(given, 0) if given else value
            found[name.strip()] = value
            value += 1
    return found


C = _constants()


def attr(kind, payload):
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def u8(kind, value):
    return attr(kind, struct.pack("=B", value))


def u16(kind, value):
    return attr(kind, struct.pack("=H", value))


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def u64(kind, value):
    return attr(kind, struct.pack("=Q", value))


def text(kind, value):
    return attr(kind, value.encode() + b"\0")


def nest(kind, *attrs):
    return attr(kind | NLA_F_NESTED, b"".join(attrs))


def parse(data):
    """A list of (type, payload)."""
    found, at = [], 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        found.append((kind & NLA_TYPE_MASK, data[at + 4:at + length]))
        at += (length + 3) & ~3
    return found


def table(data):
    """The last attribute of each type."""
    return dict(parse(data))


class Refused(OSError):
    """The kernel's answer was an error; message is the extended one."""

    def __init__(self, number, message):
        super().__init__(number, "%s (%s)" % (os.strerror(number), message))
        self.message = message


class Genl:
    """A socket in the caller's network namespace."""

    def __init__(self, family="l7fp"):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 16)
        self.sock.settimeout(20 * ktap.SCALE)
        self.sock.bind((0, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            self.sock.setsockopt(SOL_NETLINK, option, 1)
        self.sequence = 0
        self.groups = {}
        self.events = []
        self.family = GENL_ID_CTRL
        answer = self.request(3, text(2, family), version=2)[0][1]     # GETFAMILY, FAMILY_NAME
        attrs = table(answer)
        for _, group in parse(attrs.get(7, b"")):                       # MCAST_GROUPS
            group = table(group)
            self.groups[group[1].rstrip(b"\0").decode()] = struct.unpack("=I", group[2])[0]
        self.family = struct.unpack("=H", attrs[1])[0]                  # FAMILY_ID

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def join(self, group):
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.groups[group])

    def batch(self, name, payloads):
        """Many messages of one command at once; an answer to the last one only. Errors of the
        others raise too."""
        command = C["L7FP_CMD_" + name]
        data = b""
        for payload in payloads[:-1]:
            body = struct.pack("=BBH", command, 1, 0) + payload
            self.sequence += 1
            data += struct.pack("=IHHII", 16 + len(body), self.family, NLM_F_REQUEST,
                                self.sequence, 0) + body
        self.sock.send(data)
        return self.request(command, payloads[-1])

    def request(self, command, payload=b"", flags=NLM_F_ACK, version=1):
        """Sends one message; a list of (command, attributes) of the answers."""
        self.sequence += 1
        body = struct.pack("=BBH", command, version, 0) + payload
        self.sock.send(struct.pack("=IHHII", 16 + len(body), self.family, NLM_F_REQUEST | flags,
                                   self.sequence, 0) + body)
        answers = []
        while True:
            data = self.sock.recv(BUFFER)
            at = 0
            while at < len(data):
                length, kind, mflags, sequence, _ = struct.unpack_from("=IHHII", data, at)
                message = data[at + 16:at + length]
                at += (length + 3) & ~3
                if sequence == 0 and kind == self.family:
                    self.events.append((message[0], message[4:]))
                    continue
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    error = struct.unpack_from("=i", message)[0] if len(message) >= 4 else 0
                    if error < 0:
                        raise Refused(-error, self._message(kind, message))
                    return answers
                answers.append((message[0], message[4:]))

    @staticmethod
    def _message(kind, message):
        attrs = message[20:] if kind == NLMSG_ERROR else message[4:]
        return dict(parse(attrs)).get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode()

    def do(self, name, *attrs):
        return self.request(C["L7FP_CMD_" + name], b"".join(attrs))

    def dump(self, name, *attrs):
        return [table(a) for _, a in
                self.request(C["L7FP_CMD_" + name], b"".join(attrs), NLM_F_DUMP)]

    def event(self):
        """The next event as (command, attributes)."""
        while not self.events:
            data = self.sock.recv(BUFFER)
            message = data[16:]
            self.events.append((message[0], message[4:]))
        return self.events.pop(0)


def cluster(number, name="", *more):
    return nest(C["L7FP_A_CLUSTER"], u32(C["L7FP_A_CLUSTER_ID"], number),
                text(C["L7FP_A_CLUSTER_NAME"], name), *more)


def endpoint(address, port, *more):
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    return nest(C["L7FP_A_ENDPOINT"], attr(C["L7FP_A_ENDPOINT_ADDRESS"], packed),
                u16(C["L7FP_A_ENDPOINT_PORT"], port), *more)


def listener(number, port, address="127.0.0.1", *more):
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    return nest(C["L7FP_A_LISTENER"], u32(C["L7FP_A_LISTENER_ID"], number),
                text(C["L7FP_A_LISTENER_NAME"], "listener%d" % number),
                attr(C["L7FP_A_LISTENER_ADDRESS"], packed),
                u16(C["L7FP_A_LISTENER_PORT"], port), *more)


def slow_path(token, port=15901, address="127.0.0.1", *more):
    return nest(C["L7FP_A_SLOW_PATH"],
                attr(C["L7FP_A_SLOW_PATH_ADDRESS"], socket.inet_aton(address)),
                u16(C["L7FP_A_SLOW_PATH_PORT"], port),
                attr(C["L7FP_A_SLOW_PATH_TOKEN"], token), *more)


def generation(number):
    return u64(C["L7FP_A_GENERATION"], number)


def slot(number, name, kind=0):
    return nest(C["L7FP_A_SLOT"], u32(C["L7FP_A_SLOT_ID"], number),
                u32(C["L7FP_A_SLOT_KIND"], kind), attr(C["L7FP_A_SLOT_NAME"], name))


def string(number, value):
    return nest(C["L7FP_A_STRING"], u32(C["L7FP_A_STRING_ID"], number),
                attr(C["L7FP_A_STRING_VALUE"], value))


def rule(number, name):
    return nest(C["L7FP_A_RULE"], u32(C["L7FP_A_RULE_ID"], number),
                text(C["L7FP_A_RULE_NAME"], name))


def route(number, kind, *more):
    return nest(C["L7FP_A_ROUTE"], u32(C["L7FP_A_ROUTE_ID"], number),
                u32(C["L7FP_A_ROUTE_KIND"], kind), *more)


def route_cluster(number, weight=1, *more):
    return nest(C["L7FP_A_ROUTE_CLUSTER"], u32(C["L7FP_A_ROUTE_CLUSTER_ID"], number),
                u32(C["L7FP_A_ROUTE_CLUSTER_WEIGHT"], weight), *more)


def header_op(direction, kind, name, value=None):
    """direction: the attribute's type."""
    attrs = [u32(C["L7FP_A_HEADER_OP_KIND"], kind), attr(C["L7FP_A_HEADER_OP_NAME"], name)]
    if value is not None:
        attrs.append(attr(C["L7FP_A_HEADER_OP_VALUE"], value))
    return nest(direction, *attrs)
