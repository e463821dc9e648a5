# SPDX-License-Identifier: GPL-2.0-only
"""Two answers to the same request: where they differ."""
# Header lines that are not compared, and why. Others are, by name, value and order of lines.
IGNORED_RESPONSE = {
    "date": "the time",
    "x-envoy-upstream-service-time": "what a proxy has measured",
    "x-l7fp-reason": "of the kernel's own answers; Envoy has flags in its log",
}
# In a request at the upstream: presence alone counts.
IGNORED_VALUE = {
    "x-request-id": "random",
}


# One of several endpoints may be chosen: whoever compares looks further.
ENDPOINT = "endpoint"


class Difference:
    def __init__(self, aspect, envoy, kernel):
        self.aspect = aspect
        self.envoy = envoy
        self.kernel = kernel

    def __str__(self):
        return "%s: Envoy %.300r, kernel %.300r" % (self.aspect, self.envoy, self.kernel)


def _lines(headers, ignored):
    """By name the values; lines may be joined (RFC 9110 5.3), but those of Set-Cookie."""
    lines = {}
    for name, value in headers:
        if name in ignored:
            continue
        value = "*" if name in IGNORED_VALUE else value
        if name in lines and name != "set-cookie":
            lines[name] = [lines[name][0] + "," + value]
        else:
            lines.setdefault(name, []).append(value)
    return lines


def _headers(prefix, envoy, kernel, ignored):
    a, b = _lines(envoy, ignored), _lines(kernel, ignored)
    for name in sorted(set(a) | set(b)):
        if a.get(name) != b.get(name):
            yield Difference("%s %s" % (prefix, name), a.get(name), b.get(name))


def _upstream(a, b):
    for aspect in ("method", "target", "version", "body", "trailers"):
        if getattr(a, aspect) != getattr(b, aspect):
            yield Difference("upstream " + aspect, getattr(a, aspect), getattr(b, aspect))
    yield from _headers("upstream", a.headers, b.headers, {})
    if a.endpoint != b.endpoint:
        yield Difference(ENDPOINT, a.endpoint, b.endpoint)


def compare(envoy, kernel):
    """All differences between what was seen of a request through Envoy and through the kernel."""
    found = []
    for aspect in ("failure", "status", "body", "framing", "closed"):
        if getattr(envoy, aspect) != getattr(kernel, aspect):
            found.append(Difference(aspect, getattr(envoy, aspect), getattr(kernel, aspect)))
    found += _headers("response", envoy.headers, kernel.headers, IGNORED_RESPONSE)
    if (envoy.get("date") is None) != (kernel.get("date") is None):
        found.append(Difference("response date", envoy.get("date"), kernel.get("date")))
    if len(envoy.upstreams) != len(kernel.upstreams):
        found.append(Difference("requests at the upstream", len(envoy.upstreams),
                                len(kernel.upstreams)))
    elif envoy.upstreams:
        found += _upstream(envoy.upstreams[-1], kernel.upstreams[-1])
    return found
