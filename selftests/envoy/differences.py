# SPDX-License-Identifier: GPL-2.0-only
"""The differences that Documentation/envoy-differences.rst names, each with its reason there.

A function tells of a request, one difference, and what was seen on both sides, whether the
difference is the one of its name.
"""
import os
import re

import derive

_known = []


def known(name):
    def mark(function):
        _known.append((name, function))
        return function
    return mark


def names():
    return [name for name, _ in _known]


def name_of(request, difference, envoy, kernel):
    """The documented difference that it is; None: it is none."""
    for name, function in _known:
        if function(request, difference, envoy, kernel):
            return name
    return None


def documented(root):
    """The names in the table, in order."""
    path = os.path.join(root, "Documentation", "envoy-differences.rst")
    with open(path, encoding="utf-8") as f:
        return re.findall(r"^   \* - ``([a-z0-9-]+)``$", f.read(), re.M)


KNOWN_METHODS = derive.METHODS + ("CONNECT",)
ENVOY_HEADERS = ("x-envoy-internal", "x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on",
                 "x-envoy-max-retries", "x-envoy-expected-rq-timeout-ms")


def sent(request, name):
    return [v for n, v in request.headers if n.lower() == name]


@known("no-content-length")
def _(request, d, envoy, kernel):
    return d.aspect == "upstream content-length" and (d.envoy, d.kernel) == (["0"], None) and \
        request.body is None


@known("unknown-method")
def _(request, d, envoy, kernel):
    return envoy.status == 400 and envoy.body == b"Bad Request" and \
        request.method not in KNOWN_METHODS and kernel.status != 400


@known("empty-400")
def _(request, d, envoy, kernel):
    return envoy.status == kernel.status == 400 and (envoy.body, kernel.body) in \
        ((b"", b"Bad Request"), (b"Bad Request", b"")) and \
        d.aspect in ("body", "response content-length", "response content-type")


@known("original-path")
def _(request, d, envoy, kernel):
    return d.aspect in ("upstream x-envoy-original-path", "upstream x-envoy-original-host") and \
        d.kernel is None


@known("expected-timeout")
def _(request, d, envoy, kernel):
    return d.aspect == "upstream x-envoy-expected-rq-timeout-ms" and d.kernel is None


@known("envoy-request-headers")
def _(request, d, envoy, kernel):
    name = d.aspect.partition(" ")[2]
    return d.aspect.startswith("upstream ") and name in ENVOY_HEADERS and d.envoy is None and \
        d.kernel == sent(request, name)


@known("retried-text")
def _(request, d, envoy, kernel):
    return envoy.status == kernel.status == 503 and kernel.get("x-l7fp-reason") == "UF" and \
        d.aspect in ("body", "response content-length") and \
        (b"retried and the latest" in envoy.body or request.method == "HEAD")


@known("early-answer")
def _(request, d, envoy, kernel):
    return d.aspect in ("closed", "response connection") and request.body and \
        envoy.status == kernel.status and envoy.status >= 400 and not envoy.upstreams


@known("head-framing")
def _(request, d, envoy, kernel):
    return request.method == "HEAD" and kernel.get("content-length") == "0" and \
        d.aspect in ("response content-length", "response transfer-encoding") and \
        envoy.get("transfer-encoding") == "chunked"


@known("location-of-304")
def _(request, d, envoy, kernel):
    return d.aspect == "response location" and envoy.status == kernel.status == 304 and \
        not kernel.upstreams


@known("response-connection-names")
def _(request, d, envoy, kernel):
    return d.aspect == "response x-hop" and d.kernel is None


@known("te-alone")
def _(request, d, envoy, kernel):
    return d.aspect == "upstream te" and d.kernel is None and sent(request, "te")


@known("http-version")
def _(request, d, envoy, kernel):
    return request.version != "HTTP/1.1" and envoy.status == 426


@known("options-asterisk")
def _(request, d, envoy, kernel):
    return request.target == "*" and envoy.status == 404


@known("empty-forwarded-proto")
def _(request, d, envoy, kernel):
    return "" in sent(request, "x-forwarded-proto") and envoy.status == 404


@known("host-forms")
def _(request, d, envoy, kernel):
    port = (request.host or "").partition(":")[2]
    return kernel.status == 400 and envoy.status != 400 and \
        (request.host == "" or sent(request, "host") or
         (port and (not port.isdigit() or int(port) > 65535)))


@known("sent-once-more")
def _(request, d, envoy, kernel):
    return d.aspect == "requests at the upstream" and (d.envoy, d.kernel) == (1, 2) and \
        request.method in ("GET", "HEAD", "OPTIONS", "TRACE") and request.body is None


@known("repeated-and-changed")
def _(request, d, envoy, kernel):
    lines = [n.lower() for n, _ in request.headers]
    return kernel.status == 503 and len(set(lines)) < len(lines) and \
        kernel.body.startswith(b"neither the kernel nor the proxy can decide: it changes what")


@known("empty-label")
def _(request, d, envoy, kernel):
    return d.aspect == "endpoint set" and (request.host or "").startswith(".")
