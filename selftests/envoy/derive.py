# SPDX-License-Identifier: GPL-2.0-only
"""Requests from policies: for each rule a hit, near misses and other forms of the same."""
import fnmatch
import re

from sides import ANSWER, Request

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND",
           "PROPPATCH", "SUBSCRIBE", "REPORT", "MKCOL", "MERGE", "LOCK")


def path_forms(path):
    """Forms of a path, equal or almost."""
    forms = [path, path + "x", path + "/", path.upper() if path != path.upper() else path.lower(),
             path + "?q=1", path + "?", "/." + path, "/" + path, "/x/.." + path, path + "/..",
             path + "/.", path + "%2F", path + "%2fx", path + "\\x", path + "//x", path + ";a=b",
             path + "%00", path + "%"]
    if len(path) > 1:
        forms.append(path[:-1])
        at = path.rfind("/", 0, -1) + 1
        forms.append("%s%%%02x%s" % (path[:at], ord(path[at]), path[at + 1:]))
        forms.append("%s%%%02X%s" % (path[:-1], ord(path[-1]), ""))
        forms.append(path.replace("/", "/%2e/", 1))
        forms.append(path.replace("/", "\\", 1) if path.count("/") == 1 else
                     path[0] + path[1:].replace("/", "\\", 1))
        forms.append(path.replace("/", "/y/%2E%2e/", 1))
    return forms


def host_forms(host):
    name = host.partition(":")[0]
    return [name, name + ":80", name + ":8080", name.upper(), name.capitalize() + ":80", name + ".",
            "x." + name, name + "x", name[1:] or name]


def _values(kind, value):
    """A value that a string match meets, and ones that it does not."""
    if kind == "prefix":
        return [value + "tail", value], [value[:-1], "x" + value, value.swapcase() + "t", ""]
    if kind == "suffix":
        return ["head" + value, value], [value[1:], value + "x", ""]
    return [value], [value + "x", value[:-1], value.swapcase(), "", value + "," + value]


def _kind(match):
    for kind in ("exact", "prefix", "suffix", "regex"):
        if isinstance(match, dict) and kind in match:
            return kind, match[kind]
    return None, None


def _of_regex(regex):
    """One string that it may match: operators become bytes."""
    text = re.sub(r"\\([^dws])", r"\1", regex.replace("(?i)", "").strip("^$"))
    text = re.sub(r"\\d[+*]?|\[0-9\][+*]?", "7", text)
    text = re.sub(r"\[[^]]*\][+*]?|\\w[+*]?|\.[+*]|\(\.[+*]\)", "a", text)
    return re.sub(r"[()?]|\|.*", "", text)


def _hit_path(match):
    kind, value = _kind(match.get("uri"))
    if kind == "regex":
        return _of_regex(value)
    return value if kind else "/anything"


def _set_query(target, parameters):
    return target + ("?" if "?" not in target else "&") + "&".join(parameters)


def of_match(base, match):
    """The request that meets a match block of a VirtualService, and its neighbours."""
    hit = base.but(target=_hit_path(match))
    if not hit.target.startswith("/"):
        hit.target = "/" + hit.target
    kind, method = _kind(match.get("method"))
    if kind:
        hit.method = method if kind != "regex" else _of_regex(method)
    kind, authority = _kind(match.get("authority"))
    if kind:
        hit.host = authority if kind == "exact" else authority + "x"
    for name, m in match.get("headers", {}).items():
        kind, value = _kind(m)
        if name.startswith((":", "@")):
            continue
        hit.headers.append((name, _of_regex(value) if kind == "regex" else
                            value if kind in ("exact", None) and value else
                            (value or "") + "any"))
    queries = match.get("queryParams", {})
    for name, m in queries.items():
        kind, value = _kind(m)
        hit.target = _set_query(hit.target, [name + "=" + (
            _of_regex(value) if kind == "regex" else (value or "any"))])
    if "port" in match:
        hit.to = (hit.to[0], match["port"])
    yield hit
    if "uri" in match:
        tail = hit.target.partition("?")[1] + hit.target.partition("?")[2]
        for form in path_forms(hit.target.partition("?")[0]):
            yield hit.but(target=form + (tail.replace("?", "&") if "?" in form else tail))
    if "method" in match:
        for other in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get", "PATCH", "TRACE",
                      "PROPFIND", hit.method + "X"):
            yield hit.but(method=other)
    if "authority" in match:
        for form in host_forms(hit.host) + [hit.host + ":80"]:
            yield hit.but(host=form)
    for name, m in list(match.get("headers", {}).items()) + \
            list(match.get("withoutHeaders", {}).items()):
        if not name.startswith((":", "@")):
            yield from _header(hit, name, m)
    for name, m in queries.items():
        yield from _query(hit, name, m)
    if "port" in match:
        yield hit.but(to=base.to)


def _without(headers, name):
    return [h for h in headers if h[0].lower() != name.lower()]


def _header(hit, name, m):
    others = _without(hit.headers, name)
    kind, value = _kind(m)
    if kind == "regex":
        value = _of_regex(value)
    good, bad = _values(kind, value) if value else (["any"], ["", "*"])
    yield hit.but(headers=others)
    for v in good + bad:
        yield hit.but(headers=others + [(name, v)])
    yield hit.but(headers=others + [(name.upper(), good[0])])
    yield hit.but(headers=others + [(name, good[0]), (name, "other")])
    yield hit.but(headers=others + [(name, "other"), (name, good[0])])
    yield hit.but(headers=others + [(name, good[0]), (name, good[0])])
    yield hit.but(headers=others + [(name, " " + good[0] + "\t")])
    yield hit.but(headers=others + [(name, good[0]), ("Connection", name)])
    yield hit.but(headers=others + [(name + "x", good[0])])


def _query(hit, name, m):
    path = hit.target.partition("?")[0]
    kind, value = _kind(m)
    if kind == "regex":
        value = _of_regex(value)
    good, bad = _values(kind, value) if value else (["any"], ["", "*"])
    yield hit.but(target=path)
    for v in good + bad:
        yield hit.but(target="%s?%s=%s" % (path, name, v))
    yield hit.but(target="%s?%s" % (path, name))
    yield hit.but(target="%s?a=b&%s=%s&c" % (path, name, good[0]))
    yield hit.but(target="%s?%s=%s&%s=other" % (path, name, good[0], name))
    yield hit.but(target="%s?%s=other&%s=%s" % (path, name, name, good[0]))
    yield hit.but(target="%s?%s=%s" % (path, name.upper(), good[0]))
    yield hit.but(target="%s?%s=%%%02x%s" % (path, name, ord(good[0][0]), good[0][1:]))
    yield hit.but(target="%s?%%%02x%s=%s" % (path, ord(name[0]), name[1:], good[0]))
    yield hit.but(target="%s?x%s=%s" % (path, name, good[0]))
    yield hit.but(target="%s?%s=%s#f" % (path, name, good[0]))


def common(base):
    """What any route should do alike: methods, bodies, hosts, forms of answers."""
    yield base
    yield base.but(method="HEAD")
    yield base.but(method="OPTIONS")
    yield base.but(method="POST", body=b"a body of some bytes")
    yield base.but(method="PUT", body=b"a body in chunks", chunked=True)
    yield base.but(method="POST", body=b"")
    yield base.but(method="DELETE")
    yield base.but(headers=base.headers + [("X-Empty", ""), ("x-twice", "1"), ("X-Twice", "2")])


def answers(base):
    for answer in ("204", "304", "404", "500", "503", "date", "plain", "cookies", "hops", "chunked",
                   "interim", "location", "empty", "envoy", "last", "close"):
        yield base.but(headers=base.headers + [(ANSWER, answer)])
    yield base.but(method="HEAD", headers=base.headers + [(ANSWER, "304")])


def of_virtual_service(base, document):
    for http in document["spec"].get("http", []):
        for match in http.get("match") or [{}]:
            for request in of_match(base, match):
                yield request
            hit = next(of_match(base, match))
            yield from common(hit)


def _pattern(value):
    """A string for a value with *, of AuthorizationPolicy."""
    return value.replace("{**}", "a/b").replace("{*}", "seg").replace("*", "any")


def _variants(value):
    hit = _pattern(value)
    plain = value.strip("*")
    return [hit, plain, hit + "x", "x" + hit, hit[:-1], hit.swapcase(), ""]


def _path(text):
    return text if text.startswith("/") else "/" + text


def neighbours(address):
    """An address or block: inside, and next to it."""
    name, _, bits = address.partition("/")
    if ":" in name:
        return []
    number = 0
    for part in name.split("."):
        number = number << 8 | int(part)
    size = 1 << (32 - int(bits or 32))
    first = number & ~(size - 1)
    return [".".join(str(n >> s & 255) for s in (24, 16, 8, 0))
            for n in (first, first + size - 1, first - 1, first + size)]


def _method(value):
    """One that meets a value, of those that Envoy knows."""
    return next((m for m in METHODS if fnmatch.fnmatchcase(m, value)), value)


def _operation(base, operation):
    """Requests that meet it, each field varied."""
    hit = base
    if operation.get("methods"):
        hit = hit.but(method=_method(operation["methods"][0]))
    if operation.get("hosts"):
        hit = hit.but(host=_pattern(operation["hosts"][0]))
    if operation.get("paths"):
        hit = hit.but(target=_path(_pattern(operation["paths"][0])))
    yield hit
    for field in ("paths", "notPaths"):
        for value in operation.get(field, []):
            for form in path_forms(_path(_pattern(value))):
                yield hit.but(target=form)
            for form in _variants(value):
                if form and re.fullmatch("[!-~]+", form):
                    yield hit.but(target=_path(form))
    for field in ("methods", "notMethods"):
        for value in operation.get(field, []):
            for form in METHODS + (value.strip("*") + "X", value.strip("*").lower()):
                if re.fullmatch("[A-Za-z-]+", form):
                    yield hit.but(method=form)
    for field in ("hosts", "notHosts"):
        for value in operation.get(field, []):
            for form in _variants(value) + host_forms(_pattern(value)):
                if re.fullmatch(r"[a-zA-Z0-9.:-]+", form):
                    yield hit.but(host=form)


def _when(hit, when):
    match = re.fullmatch(r"request\.headers\[(.*)\]", when["key"])
    if match:
        for value in when.get("values", []) + when.get("notValues", []):
            for form in _variants(value):
                yield hit.but(headers=_without(hit.headers, match[1]) + [(match[1], form)])
            yield hit.but(headers=_without(hit.headers, match[1]) +
                          [(match[1], _pattern(value)), (match[1], "other")])
        yield hit.but(headers=_without(hit.headers, match[1]))
    if when["key"] in ("source.ip", "remote.ip"):
        for value in when.get("values", []) + when.get("notValues", []):
            for address in neighbours(value):
                yield from _from_address(hit, address, when["key"] == "remote.ip")


def _from_address(hit, address, remote):
    if remote:
        yield hit.but(headers=hit.headers + [("X-Forwarded-For", address)])
    elif usable(address):
        yield hit.but(source=address)


def usable(address):
    """As the address of a local socket."""
    first = int(address.split(".")[0])
    return 0 < first < 224 and first != 127


def of_authorization(base, document):
    for rule in document["spec"].get("rules") or []:
        hit = base
        for when in rule.get("when", []):
            match = re.fullmatch(r"request\.headers\[(.*)\]", when["key"])
            if match and when.get("values"):
                hit = hit.but(headers=hit.headers + [(match[1], _pattern(when["values"][0]))])
            if when["key"] == "source.ip" and when.get("values"):
                address = when["values"][0].partition("/")[0]
                hit = hit.but(source=address if usable(address) else None)
        for item in rule.get("from", []):
            blocks = item["source"].get("ipBlocks")
            if blocks and usable(blocks[0].partition("/")[0]):
                hit = hit.but(source=blocks[0].partition("/")[0])
        for to in rule.get("to", [{"operation": {}}]):
            for request in _operation(hit, to["operation"]):
                yield request
            hit = next(_operation(hit, to["operation"]))
        for when in rule.get("when", []):
            yield from _when(hit, when)
        for item in rule.get("from", []):
            for field in ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"):
                for block in item["source"].get(field, []):
                    for address in neighbours(block):
                        yield from _from_address(hit, address, "emote" in field)
        yield from common(hit)


def of_documents(base, documents):
    for d in documents:
        if d["kind"] == "VirtualService":
            yield from of_virtual_service(base, d)
        elif d["kind"] == "AuthorizationPolicy":
            yield from of_authorization(base, d)


def unique(requests):
    seen = set()
    for r in requests:
        if r.key() not in seen:
            seen.add(r.key())
            yield r
