#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
"""Mutual TLS with other implementations, as clients and as servers: every version and cipher that
each of them can be told to use. What is not told is proved by who else would have refused."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import ktap  # noqa: E402
import netns  # noqa: E402
import pki  # noqa: E402
from ktap import case, equal, run  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get("L7FP_BUILD", "build"))
PEER, OURS, PORT = "10.79.0.1", "10.79.0.2", 8443
# By OpenSSL's names; what others call them.
CELLS = [("1.3", "TLS_AES_128_GCM_SHA256"), ("1.3", "TLS_AES_256_GCM_SHA384"),
         ("1.3", "TLS_CHACHA20_POLY1305_SHA256"), ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
         ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"), ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")]
GO = {"ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}
SCALE = ktap.SCALE

if not os.path.exists("/proc/net/tls_stat"):
    subprocess.run(["modprobe", "tls"], check=False, capture_output=True)
if not os.path.exists("/proc/net/tls_stat"):
    ktap.skip_all("a kernel without kTLS")
tmp = tempfile.mkdtemp(prefix="l7fp-tls.")
ns = {name: "l7fp-%d-%s" % (os.getpid(), name) for name in ("ours", "peer")}
running = []
authorities = []


def ip(*args):
    subprocess.run(("ip",) + args, check=True)


def inside(where, *command):
    return ("nsenter", "--net=/run/netns/" + ns[where]) + command


def start(where, name, *command):
    with open(os.path.join(tmp, name + ".log"), "wb") as log:
        p = subprocess.Popen(inside(where, *command), stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log)
    running.append(p)
    return p


def stop(p):
    running.remove(p)
    p.terminate()
    try:
        p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()


def log_of(name):
    with open(os.path.join(tmp, name + ".log"), encoding="utf-8", errors="replace") as f:
        return f.read()[-1500:]


def output(where, *command, stdin=""):
    done = subprocess.run(inside(where, *command), input=stdin.encode(), capture_output=True,
                          timeout=60 * SCALE, check=False)
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def documents():
    base = [
        {"apiVersion": "l7fp.io/v1", "kind": "Workload",
         "metadata": {"name": "ours", "namespace": "default"},
         "spec": {"serviceAccount": "ours", "labels": {"app": "ours"}, "addresses": [OURS],
                  "networkNamespace": ns["ours"]}},
        {"apiVersion": "l7fp.io/v1", "kind": "Workload",
         "metadata": {"name": "peer", "namespace": "default"},
         "spec": {"serviceAccount": "peer", "labels": {"app": "peer"}, "addresses": [PEER]}},
        {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
         "metadata": {"name": "strict", "namespace": "default"},
         "spec": {"mtls": {"mode": "STRICT"}}},
        {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
         "metadata": {"name": "peer", "namespace": "default"},
         "spec": {"selector": {"matchLabels": {"app": "ours"}}, "rules": [{"from": [{"source": {
             "principals": ["cluster.local/ns/default/sa/peer"]}}]}]}},
        {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
         "metadata": {"name": "peer", "namespace": "default"},
         "spec": {"host": "peer", "trafficPolicy": {"tls": {
             # GnuTLS refuses names with an underscore, as Istio's sidecars send them.
             "mode": "ISTIO_MUTUAL", "sni": "peer.example",
             "subjectAltNames": [pki.spiffe("peer")]}}}}]
    for name, address, port, target, at in (("ours", "10.96.8.1", 80, 8080, OURS),
                                            ("peer", "10.96.8.2", 80, PORT, PEER)):
        base.append({"apiVersion": "v1", "kind": "Service",
                     "metadata": {"name": name, "namespace": "default"},
                     "spec": {"clusterIP": address, "ports": [{"name": "http", "port": port}]}})
        base.append({"apiVersion": "v1", "kind": "Endpoints",
                     "metadata": {"name": name, "namespace": "default"},
                     "subsets": [{"addresses": [{"ip": at}],
                                  "ports": [{"name": "http", "port": target}]}]})
    return "\n---\n".join(json.dumps(d) for d in base)


def set_up():
    for n in ns.values():
        ip("netns", "add", n)
        ip("-n", n, "link", "set", "lo", "up")
    ip("link", "add", "eth0", "netns", ns["ours"], "type", "veth", "peer", "name", "eth0", "netns",
       ns["peer"])
    for name, address in (("ours", OURS), ("peer", PEER)):
        ip("-n", ns[name], "addr", "add", address + "/24", "dev", "eth0")
        ip("-n", ns[name], "link", "set", "eth0", "up")
    ip("-n", ns["ours"], "route", "add", "default", "via", PEER)
    authorities.append(pki.Authority(tmp))
    for account in ("ours", "peer"):
        authorities[0].workload(os.path.join(tmp, "pki", "default", account), pki.spiffe(account))
    with open(os.path.join(tmp, "mesh.yaml"), "w", encoding="ascii") as f:
        f.write(documents())
    start("ours", "backend", sys.executable, "-c", """
import http.server
class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = ("ours " + str(self.headers.get("x-forwarded-client-cert"))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("%s", 8080), Web).serve_forever()
""" % OURS)
    start("ours", "l7fpd", os.path.join(BUILD, "l7fpd"), "--workloads", "--certificates",
          os.path.join(tmp, "pki"), os.path.join(tmp, "mesh.yaml"))
    netns.eventually(lambda: "LISTEN" in output("ours", "ss", "-Hltn", "sport = :8080"),
                     "the backend listens", 60)
    netns.eventually(lambda: "0 failed" in log_of("l7fpd") and "ready for" in log_of("l7fpd"),
                     "l7fpd is ready", 60)


def tear_down():
    for p in list(running):
        stop(p)
    subprocess.run([os.path.join(BUILD, "l7fp-tool"), "reset", "--netns", ns["ours"]], check=False,
                   capture_output=True)
    for n in ns.values():
        subprocess.run(["ip", "netns", "del", n], check=False)
    shutil.rmtree(tmp, ignore_errors=True)


MINE = os.path.join(tmp, "pki", "default", "peer")
CRT, KEY, CA = (os.path.join(MINE, n) for n in ("tls.crt", "tls.key", "ca.crt"))
REQUEST = "GET /one HTTP/1.1\r\nHost: ours\r\nConnection: close\r\n\r\n"


def gnutls_priority(version, cipher):
    kind = "AES-128-GCM" if "128" in cipher else \
        "AES-256-GCM" if "256_GCM" in cipher or "AES256" in cipher else "CHACHA20-POLY1305"
    return "NORMAL:-VERS-ALL:+VERS-TLS%s:-CIPHER-ALL:+%s" % (version, kind)


def ask_openssl(version, cipher):
    kind = "-ciphersuites" if version == "1.3" else "-cipher"
    return output("peer", "openssl", "s_client", "-connect", OURS + ":8080", "-cert", CRT, "-key",
                  KEY, "-CAfile", CA, "-verify_return_error", "-ign_eof", "-quiet",
                  "-tls" + version.replace(".", "_"), kind, cipher, stdin=REQUEST)


def ask_curl(version, cipher):
    kind = "--tls13-ciphers" if version == "1.3" else "--ciphers"
    # -k: the certificate names a SPIFFE identity, no host.
    return output("peer", "curl", "-sik", "--cert", CRT, "--key", KEY, "--tlsv" + version,
                  "--tls-max", version, kind, cipher, "https://%s:8080/one" % OURS)


def ask_gnutls(version, cipher):
    return output("peer", "sh", "-c", '(cat; sleep 2) | gnutls-cli --x509certfile "$0" '
                  '--x509keyfile "$1" --no-ca-verification --priority "$2" -p 8080 ' + OURS,
                  CRT, KEY, gnutls_priority(version, cipher), stdin=REQUEST)


def ask_go(version, cipher):
    return output("peer", os.path.join(BUILD, "tls-peer"), "client", OURS + ":8080", MINE, version,
                  GO.get(cipher, "-"))


def nginx(name, text):
    path = os.path.join(tmp, name + ".conf")
    with open(path, "w", encoding="ascii") as f:
        f.write("daemon off; master_process off; pid %s/nginx.pid; error_log stderr;\n"
                "events {}\nhttp { access_log off; %s }\n" % (tmp, text))
    return ("nginx", "-c", path, "-p", tmp, "-e", "stderr")


def nginx_versions(prefix, version, cipher):
    if version == "1.3":
        return "%s_protocols TLSv1.3; %s_conf_command Ciphersuites %s;" % (prefix, prefix, cipher)
    return "%s_protocols TLSv1.2; %s_ciphers %s;" % (prefix, prefix, cipher)


def with_proxy(port, name, command):
    """Asks a proxy in the peer's namespace that asks us."""
    p = start("peer", name, *command)
    try:
        netns.eventually(lambda: port_open(port), "%s listens: %s" % (name, log_of(name)), 20)
        return output("peer", "curl", "-si", "http://127.0.0.1:%d/one" % port)
    finally:
        stop(p)


def port_open(port):
    return "LISTEN" in output("peer", "ss", "-Hltn", "sport = :%d" % port)


def ask_nginx(version, cipher):
    return with_proxy(8181, "nginx", nginx("client", (
        "server { listen 127.0.0.1:8181; location / { proxy_pass https://%s:8080;"
        " proxy_ssl_certificate %s; proxy_ssl_certificate_key %s; %s } }") % (
            OURS, CRT, KEY, nginx_versions("proxy_ssl", version, cipher))))


def envoy_tls(version, cipher, extra):
    params = {"tls_minimum_protocol_version": "TLSv1_" + version[2:],
              "tls_maximum_protocol_version": "TLSv1_" + version[2:]}
    if version == "1.2":
        params["cipher_suites"] = [cipher]
    common = {"tls_params": params,
              "tls_certificates": [{"certificate_chain": {"filename": CRT},
                                    "private_key": {"filename": KEY}}],
              "validation_context": {
                  "trusted_ca": {"filename": CA},
                  "match_typed_subject_alt_names": [
                      {"san_type": "URI", "matcher": {"exact": pki.spiffe("ours")}}]}}
    common.update(extra)
    return common


HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3." \
      "HttpConnectionManager"
ROUTER = {"name": "envoy.filters.http.router", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}


def http_filter(route):
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": HCM, "stat_prefix": "x", "http_filters": [ROUTER], "route_config": {
            "virtual_hosts": [{"name": "x", "domains": ["*"],
                               "routes": [dict({"match": {"prefix": "/"}}, **route)]}]}}}


def envoy(name, listener, clusters=()):
    path = os.path.join(tmp, name + ".json")
    with open(path, "w", encoding="ascii") as f:
        json.dump({"static_resources": {"listeners": [listener], "clusters": list(clusters)}}, f)
    return (os.environ["L7FP_ENVOY"], "-c", path, "--concurrency", "1", "--log-level", "error",
            "--use-dynamic-base-id", "--disable-hot-restart")


def at(address, port):
    return {"socket_address": {"address": address, "port_value": port}}


def ask_envoy(version, cipher):
    cluster = {
        "name": "ours", "connect_timeout": "20s", "type": "STATIC",
        "load_assignment": {"cluster_name": "ours", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": at(OURS, 8080)}}]}]},
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": "type.googleapis.com/"
                     "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": envoy_tls(version, cipher, {
                "alpn_protocols": ["istio-http/1.1", "istio", "http/1.1"]})}}}
    listener = {"address": at("127.0.0.1", 8181), "filter_chains": [
        {"filters": [http_filter({"route": {"cluster": "ours"}})]}]}
    return with_proxy(8181, "envoy", envoy("envoy-client", listener, [cluster]))


def serve_openssl(version, cipher):
    kind = "-ciphersuites" if version == "1.3" else "-cipher"
    return ("openssl", "s_server", "-accept", str(PORT), "-cert", CRT, "-key", KEY, "-CAfile", CA,
            "-Verify", "3", "-verify_return_error", "-www", "-quiet",
            "-tls" + version.replace(".", "_"), kind, cipher)


def serve_gnutls(version, cipher):
    return ("gnutls-serv", "--http", "-p", str(PORT), "--x509certfile", CRT, "--x509keyfile", KEY,
            "--x509cafile", CA, "--require-client-cert", "--verify-client-cert", "--priority",
            gnutls_priority(version, cipher))


def serve_go(version, cipher):
    return (os.path.join(BUILD, "tls-peer"), "server", ":%d" % PORT, MINE, version,
            GO.get(cipher, "-"))


def serve_nginx(version, cipher):
    return nginx("server", (
        "server { listen %d ssl; ssl_certificate %s; ssl_certificate_key %s;"
        " ssl_client_certificate %s; ssl_verify_client on; %s"
        " location / { return 200 nginx; } }") % (
            PORT, CRT, KEY, CA, nginx_versions("ssl", version, cipher)))


def serve_envoy(version, cipher):
    # As a sidecar: the chain is chosen by what only meshes say, all else is refused.
    chain = {"filter_chain_match": {"transport_protocol": "tls", "application_protocols": [
        "istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"]},
             "filters": [http_filter({"direct_response": {
                 "status": 200, "body": {"inline_string": "envoy"}}})],
             "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                 "@type": "type.googleapis.com/"
                          "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                 "require_client_certificate": True,
                 "common_tls_context": envoy_tls(version, cipher, {
                     "alpn_protocols": ["h2", "http/1.1"]})}}}
    inspector = {"name": "envoy.filters.listener.tls_inspector", "typed_config": {
        "@type": "type.googleapis.com/"
                 "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}
    return envoy("envoy-server", {"address": at("0.0.0.0", PORT), "listener_filters": [inspector],
                                  "filter_chains": [chain]})


def told(name, version, cipher):
    """Whether the program can be told so: Go and BoringSSL choose ciphers of TLS 1.3."""
    return version == "1.2" or name not in ("Go", "Envoy") or cipher == CELLS[0][1]


def cell(name, version, cipher):
    if name in ("Go", "Envoy") and version == "1.3":
        return "%s, TLS 1.3, its own choice" % name
    return "%s, TLS %s, %s" % (name, version, cipher)


def available(name, program):
    if name == "Envoy":
        return bool(os.environ.get("L7FP_ENVOY"))
    return bool(shutil.which(program)) or os.path.exists(program)


PROGRAMS = [("OpenSSL", "openssl", ask_openssl, serve_openssl),
            ("curl", "curl", ask_curl, None),
            ("GnuTLS", "gnutls-cli", ask_gnutls, serve_gnutls),
            ("Go", os.path.join(BUILD, "tls-peer"), ask_go, serve_go),
            ("nginx", "nginx", ask_nginx, serve_nginx),
            ("Envoy", "envoy", ask_envoy, serve_envoy)]


def add_client(name, program, ask, version, cipher):
    @case("client: " + cell(name, version, cipher))
    def _():
        if not available(name, program):
            raise ktap.Skip("no " + program)
        got = ask(version, cipher)
        if "200" not in got or "URI=%s" % pki.spiffe("peer") not in got:
            raise AssertionError("%s\n%s" % (got[-1500:], log_of("l7fpd")))


def add_server(name, program, serve, version, cipher):
    @case("server: " + cell(name, version, cipher))
    def _():
        if not available(name, program):
            raise ktap.Skip("no " + program)
        p = start("peer", name, *serve(version, cipher))
        try:
            netns.eventually(lambda: port_open(PORT), "%s listens: %s" % (name, log_of(name)), 20)
            got = [output("ours", "curl", "-si", "-H",
                          "Host: peer", "http://10.96.8.2/one") for _ in range(3)]
            if [g.split(" ")[1:2] for g in got] != [["200"]] * 3:
                raise AssertionError("%s\n%s\n%s" % (got, log_of(name), log_of("l7fpd")))
        finally:
            stop(p)
            time.sleep(0.2)


for program_name, path, asks, serves in PROGRAMS:
    for v, c in CELLS:
        if told(program_name, v, c):
            add_client(program_name, path, asks, v, c)
            if serves:
                add_server(program_name, path, serves, v, c)


class Load:
    """Connections, one after the other, from the peer: each shakes hands anew."""

    def __init__(self):
        self.stop, self.done, self.wrong = threading.Event(), 0, []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _one(self):
        # The parent namespace is not the peer's: a program in it asks.
        done = subprocess.run(
            inside("peer", sys.executable, "-c", ASK, OURS, MINE), capture_output=True,
            timeout=60 * SCALE, check=False)
        return done.stdout.decode() + done.stderr.decode()

    def _run(self):
        while not self.stop.is_set():
            got = self._one()
            self.done += got.count("ok\n")
            if got.replace("ok\n", ""):
                self.wrong.append(got[-500:])

    def end(self):
        self.stop.set()
        self.thread.join()


# Ten handshakes, each with the files as they are.
ASK = """
import os, socket, ssl, sys
address, folder = sys.argv[1:]
for _ in range(10):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    while True:
        try:
            c.load_verify_locations(os.path.join(folder, "ca.crt"))
            c.load_cert_chain(os.path.join(folder, "tls.crt"), os.path.join(folder, "tls.key"))
            break
        except ssl.SSLError:
            pass  # between the renames of key and certificate
    with socket.create_connection((address, 8080), 30) as raw, c.wrap_socket(raw) as s:
        s.sendall(b"GET /one HTTP/1.1\\r\\nHost: ours\\r\\n\\r\\n")
        got = s.recv(1000)
        print("ok" if got.startswith(b"HTTP/1.1 200 ") else got)
"""


def replace(folder, target):
    """Puts the files of folder in the place of those of target, one after the other."""
    for name in ("ca.crt", "tls.key", "tls.crt"):
        shutil.copyfile(os.path.join(folder, name), os.path.join(target, name + ".new"))
        os.rename(os.path.join(target, name + ".new"), os.path.join(target, name))


@case("certificates and bundles change every second: no request fails")
def _():
    seconds = int(os.environ.get("L7FP_TLS_SECONDS", 20))
    former = authorities[0]
    following = pki.Authority(tmp, "following")
    # Trusted everywhere before somebody shows what it signed.
    for account in ("ours", "peer"):
        former.workload(os.path.join(tmp, "pki", "default", account), pki.spiffe(account),
                        trusts=[following])
    netns.eventually(lambda: "new ones are in force" in log_of("l7fpd"), "the bundle is read", 20)
    ready = []
    for n, (signs, trusts) in enumerate([(following, former), (former, following)] * 2):
        ready.append(os.path.join(tmp, "ready", str(n)))
        for account in ("ours", "peer"):
            signs.workload(os.path.join(ready[-1], account), pki.spiffe(account), trusts=[trusts])
    load, end, turn = Load(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for account in ("ours", "peer"):
            replace(os.path.join(ready[turn % len(ready)], account),
                    os.path.join(tmp, "pki", "default", account))
        turn += 1
        time.sleep(1)
    load.end()
    equal(load.wrong, [])
    # A busy machine does little; that nothing was done is no proof.
    if load.done < seconds // 4 or turn < seconds // 4:
        raise AssertionError("%d requests, %d changes" % (load.done, turn))
    print("# %d handshakes while certificates changed %d times" % (load.done, turn))


@case("strangers are not let in by any of the above")
def _():
    equal(output("peer", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}",
                 "https://%s:8080/one" % OURS).strip(), "000")


ktap.at_end = tear_down
set_up()
run(300)
