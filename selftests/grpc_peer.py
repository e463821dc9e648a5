#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""gRPC's own client and server, all call types, with plain bytes as messages.

usage: grpc_peer.py server [ADDRESS:]PORT NAME LOG     cancelled calls are told to LOG
       grpc_peer.py client TARGET CASE       prints what came of it
"""
import collections
import concurrent.futures
import os
import sys
import threading
import time

import grpc

SERVICE = "l7fp.Echo"
# How many times as slow as usual the machine is.
SCALE = int(os.environ.get("L7FP_TIME_SCALE", 1))
BIG = 10 << 20
OPTIONS = [("grpc.max_receive_message_length", BIG + 1024),
           ("grpc.max_send_message_length", BIG + 1024)]


def serve(port, name, log):
    def tell(context):
        context.set_trailing_metadata((("server", name),))

    def unary(request, context):
        tell(context)
        return request

    def slow(request, context):
        time.sleep(3)
        return request

    def server_stream(request, context):
        tell(context)
        for i in range(int(request)):
            yield b"%d" % i

    def client_stream(requests, context):
        tell(context)
        return b"%d" % sum(int(r) for r in requests)

    def both(requests, context):
        tell(context)
        for r in requests:
            yield r * 2

    def endless(request, context):
        def ended():
            with open(log, "a") as f:
                f.write("cancelled\n")
        context.add_callback(ended)
        while context.is_active():
            yield b"x"
            time.sleep(0.05)

    kinds = {"Unary": grpc.unary_unary_rpc_method_handler(unary),
             "Secret": grpc.unary_unary_rpc_method_handler(unary),
             "Slow": grpc.unary_unary_rpc_method_handler(slow),
             "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
             "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
             "Both": grpc.stream_stream_rpc_method_handler(both),
             "Endless": grpc.unary_stream_rpc_method_handler(endless)}
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8), options=OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),))
    if not server.add_insecure_port(port if ":" in port else "127.0.0.1:%s" % port):
        sys.exit("port %s is taken" % port)
    server.start()
    server.wait_for_termination()


def path(method):
    return "/%s/%s" % (SERVICE, method)


def balance(channel):
    """One channel, 30 calls: how many each server had."""
    count = collections.Counter()
    call = channel.unary_unary(path("Unary"))
    for _ in range(30):
        _, info = call.with_call(b"x", timeout=60 * SCALE)
        count[dict(info.trailing_metadata())["server"]] += 1
    return " ".join("%s=%d" % item for item in sorted(count.items()))


def streams(channel):
    got = b"".join(channel.unary_stream(path("ServerStream"))(b"5", timeout=60 * SCALE)).decode()
    total = channel.stream_unary(path("ClientStream"))(
        (b"%d" % i for i in range(100)), timeout=60 * SCALE).decode()
    turn = threading.Semaphore(1)

    def questions():
        for i in range(10):
            turn.acquire()
            yield b"%d" % i

    answers = []
    for answer in channel.stream_stream(path("Both"))(questions(), timeout=60 * SCALE):
        answers.append(answer.decode())
        turn.release()
    return "%s %s %s" % (got, total, ",".join(answers))


def big(channel):
    message = bytes(range(256)) * (BIG // 256)
    return channel.unary_unary(path("Unary"))(message, timeout=240 * SCALE) == message


def cancel(channel):
    call = channel.unary_stream(path("Endless"))(b"", timeout=60 * SCALE)
    got = [next(call) for _ in range(3)]
    call.cancel()
    try:
        next(call)
    except grpc.RpcError as e:
        return "%d %s" % (len(got), e.code().name)


def status(channel, method, timeout=60 * SCALE):
    try:
        channel.unary_unary(method)(b"x", timeout=timeout)
        return "OK"
    except grpc.RpcError as e:
        return "%s: %s" % (e.code().name, e.details())


def many(channel):
    """500 calls from 20 threads; how many failed."""
    call = channel.unary_unary(path("Unary"))

    def one(i):
        return call(b"%d" % i, timeout=120 * SCALE) != b"%d" % i

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        return sum(pool.map(one, range(500)))


def idle(channel):
    """Keep-alive pings between two calls."""
    first = status(channel, path("Unary"))
    time.sleep(4)
    return "%s %s" % (first, status(channel, path("Unary")))


CASES = {
    "balance": balance, "streams": streams, "big": big, "cancel": cancel, "many": many,
    "idle": idle,
    "deadline": lambda c: status(c, path("Slow"), 1).split(":")[0],
    "denied": lambda c: status(c, path("Secret")),
    "unrouted": lambda c: status(c, "/other.Service/Unary").split(":")[0],
}


def ask(target, case):
    options = OPTIONS + [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    if case == "idle":
        options += [("grpc.keepalive_time_ms", 1000), ("grpc.http2.max_pings_without_data", 0),
                    ("grpc.keepalive_permit_without_calls", 1)]
    with grpc.insecure_channel(target, options) as channel:
        print(CASES[case](channel))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(*sys.argv[2:5])
    else:
        ask(*sys.argv[2:4])
