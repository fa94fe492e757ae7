#!/usr/bin/env python3
"""Hostile requests from a grammar (HTTP, JSON, documents, expressions): the daemon answers or hangs up, and goes on."""

import json
import random

from siege import Daemon, Report, arguments, document, scaled

options = arguments(__doc__, requests=5000)
chance = random.Random(options.seed)
report = Report("hostile")
daemon = Daemon(configuration={"request_seconds": 0.3, "jobs": 8, "tune_seconds": 1})
ROUTES = ["/v1/kernels", "/v1/best", "/v1/tune", "/v1/jobs", "/v1/jobs/x", "/v1/jobs/x/events", "/v1/trials", "/v1/winners",
          "/v1/devices", "/v1/devices/cpu/wake", "/v1/devices/x/wake", "/v1/builds", "/v1/explain", "/v1/studies", "/v1/studies/x/ask",
          "/v1/studies/x/tell", "/v1/status", "/v1/artefacts/00", "/metrics", "/healthz", "/readyz", "/v1/openapi.json", "/", "/v1/%2e%2e"]
POSTED = ("/v1/kernels", "/v1/best", "/v1/tune", "/v1/builds", "/v1/explain", "/v1/studies", "/v1/devices/cpu/w", "/v1/devices/x/w")


def integer():
    return chance.choice([0, -1, 1, 2**31, 2**63 - 1, -2**63, 2**64, 10**30, chance.randrange(-10**6, 10**6)])


def expression(depth=0):
    if depth > 5 or chance.random() < 0.3:
        return chance.choice(["n", "BLOCK", "0", "1", "9" * chance.randrange(1, 40), "x", "", "\u00fc", "("])
    a, b = expression(depth + 1), expression(depth + 1)
    return chance.choice([f"({a} {chance.choice('+-*/%<>&|?:')} {b})", f"cdiv({a}, {b})", f"log2({a})", f"next_power_of_2({a})",
                          f"{a} ? {b} : {a}", "(" * chance.randrange(1, 300) + a, f"!{a}", f"-{a}"])


def value(depth=0):
    kind = chance.randrange(9 if depth < 6 else 6)
    if kind < 6:
        return [integer(), None, True, chance.choice(["", "x" * chance.randrange(5000), "\x00", "\u2028", "cpu"]),
                chance.uniform(-1e308, 1e308), expression()][kind]
    if kind == 6:
        return [value(depth + 1) for _ in range(chance.randrange(6))]
    return {chance.choice(["name", "kernel", "sizes", "n", "document", "BLOCK", "x" * 300]): value(depth + 1) for _ in range(chance.randrange(6))}


def mutated(tree):
    """The tree with a few of its nodes replaced."""
    if chance.random() < 0.08:
        return value()
    if isinstance(tree, dict):
        out = {chance.choice([k, k, k, k, k, k, k, k + "x"]): mutated(v) for k, v in tree.items() if chance.random() > 0.02}
        if chance.random() < 0.03:
            out.update({f"P{i}": [i] for i in range(chance.choice([3, 100, 20000]))})
        return out
    if isinstance(tree, list):
        return [mutated(v) for v in tree] * (1000 if chance.random() < 0.01 else 1)
    if isinstance(tree, str) and tree and chance.random() < 0.2:
        at = chance.randrange(len(tree))
        return tree[:at] + chance.choice(["", "\x00", "%", "${", "\u00e9", "x" * 1000]) + tree[at + 1:]
    return tree


def perhaps(usual):
    return usual if chance.random() < 0.7 else integer()


def tensor_map():
    """A parameter of that kind, mostly none that any driver makes."""
    rank = chance.choice([0, 1, 2, 2, 2, 5, 6, 300])
    return {"kind": "tensor_map", "size_bytes": perhaps(128),
            "map": {"swizzle": perhaps(3), "element_type": perhaps(7), "element_bytes": perhaps(4), "box": [perhaps(32) for _ in range(rank)]}}


def build():
    """Somebody's build of the kernel: a head of an ELF file, and a launch."""
    pointer, scalar = {"kind": "pointer", "size_bytes": 8}, {"kind": "scalar", "size_bytes": 4}
    parameters = [chance.choice([pointer, pointer, tensor_map()]), chance.choice([pointer, tensor_map()]), scalar]
    for _ in range(chance.choice([0, 0, 1, 4, 10])):
        parameters.append(chance.choice([scalar, {"kind": "scalar", "size_bytes": 8}, pointer, tensor_map()]))
    launch = {"symbol": "kernel", "grid": [perhaps(1), perhaps(1), 1], "block": [perhaps(1), 1, perhaps(1)], "parameters": parameters,
              "dynamic_shared_bytes": perhaps(0), "scratch_bytes": perhaps(0), "cluster_size": perhaps(1)}
    return {"kernel": "hostile", "sizes": {"n": 100}, "origin": f"nobody {chance.randrange(20)}", "configuration": {"theirs": perhaps(1)},
            "target": chance.choice(["cpu", "sm_90a", ""]), "format": chance.choice(["object", "cubin"]), "binary": "f0VMRgIBAQAAAAAA",
            "launch": launch}


def body():
    kind = chance.randrange(12)
    if kind == 0:
        return chance.choice([b"[", b"{\"a\":", b"{\"document\":{\"a\":" + b"["]) * chance.choice([10, 1000, 100000])
    if kind == 1:
        return b'{"kernel":"x","sizes":{"n":' + chance.choice([b"1e999", b"-1e999", b"1e", b"0x1", b"NaN", b"1.5"]) + b"}}"
    if kind == 2:
        return chance.randbytes(chance.randrange(2000))
    if kind < 6:
        return json.dumps(mutated(document("hostile", scaled(3)))).encode("utf8", "surrogatepass")
    if kind >= 10:
        whole = build()
        return json.dumps(whole if chance.random() < 0.6 else mutated(whole)).encode("utf8", "surrogatepass")
    request = {"kernel": "hostile", "sizes": {"n": chance.choice([1, 100, 10**9, 10**15])}, "tune": False, "device": "cpu", "wait": 0,
               "budget": {"seconds": 1, "trials": 1}}
    if chance.random() < 0.2:
        request["document"] = document("hostile", scaled(3))
        request.pop("kernel")
    return json.dumps(mutated(request)).encode("utf8", "surrogatepass")


def request():
    """Bytes, and whether they are sound enough HTTP to be answered."""
    kind = chance.randrange(12)
    text = body()
    target = chance.choice(ROUTES) + chance.choice([*[""] * 20, "?limit=" + str(integer()), "?" + "&" * 500, "?kernel=%zz%41%", "/" * 200,
                                                  "?cursor=x", "?after=x", "?job=x&kernel=y", "?limit=1&limit=2", "?kernel=%00", "/"])
    method = chance.choice(["GET", "POST", "DELETE", "PUT", "OPTIONS", "BREW"]) if chance.random() < 0.3 else (
        "POST" if target.startswith(POSTED) else "GET")
    if method != "POST" and chance.random() < 0.8:
        text = b""  # where no body is read one is refused
    head = f"{method} {target} HTTP/1.1\r\nHost: tuned\r\n".encode()
    if chance.random() < 0.1:
        head += chance.choice([b"Content-Encoding: gzip", b"Last-Event-ID: " + str(integer()).encode(), b"Expect: 100-continue", b"Connection: upgrade",
                               b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"]) + b"\r\n"
    sound = b"Expect" not in head and b"Transfer" not in head
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 3000)) + b"\r\n\r\n", False
    if kind == 1:
        return head + b"X: " + b"y" * chance.randrange(40000) + b"\r\n\r\n", False
    if kind == 2:
        return head + b"Content-Length: " + chance.choice([b"-1", b"99999999999999999999", b"1, 2", b"0x5", b"1048577000"]) + b"\r\n\r\n" + text[:100], False
    if kind == 3:
        return head + b"Transfer-Encoding: " + chance.choice([b"gzip", b"chunked, gzip", b"identity"]) + b"\r\n\r\n" + text[:1000], False
    if kind == 4:
        size = chance.choice([b"%x" % len(text), b"ffffffffffffffff", b"-1", b"zz"])
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + text + b"\r\n0\r\n\r\n", False
    return head + b"Content-Length: %d\r\n\r\n" % len(text) + text, sound


def answered_again(data):
    """On a busy machine a large request takes longer to send than this daemon waits for one: it is sent again."""
    for _ in range(20):
        again = daemon.client(10)
        try:
            again.raw(data)
            return True
        except OSError:
            pass
        finally:
            again.close()
    return False


daemon.start()
daemon.client().ask("POST", "/v1/kernels", document("hostile", scaled(3)))
statuses, unanswered, before = {}, 0, None
client = daemon.client(10)
for number in report.rounds(options, options.requests, "requests"):
    data, sound = request()
    try:
        status, _ = client.raw(data)
        statuses[status // 100] = statuses.get(status // 100, 0) + 1
        report.check(status != 500, f"request {number}: status 500")
        if not sound:
            client.close()
    except TimeoutError:
        report.check(b"/events" in data[:60], f"request {number} hung: {data[:80]!r}")
    except OSError:
        unanswered += 1
        report.check(not sound or len(data) > 1 << 20 or answered_again(data), f"request {number} was not answered: {data[:80]!r}")
    if not report.check(daemon.alive(), f"request {number} ended the daemon: {data[:200]!r}"):
        break
    if number == min(options.requests // 4, 5000):
        before = daemon.takes()
if report.check(before, "too few requests to tell whether it grows") and daemon.alive():
    after = daemon.takes()
    report.check(daemon.client().ask("GET", "/healthz")[0] == 200, "it does not answer any more")
    report.check(after["rss"] - before["rss"] < 32 * 1024, f"it grew from {before} to {after}")
    report.check(after["descriptors"] <= before["descriptors"] + 8, f"descriptors: {before}, {after}")
    report.figures = {"requests": report.done, **{f"{k}xx": v for k, v in sorted(statuses.items())}, "closed": unanswered,
                      "MiB before": before["rss"] // 1024, "after": after["rss"] // 1024}
daemon.remove()
raise SystemExit(report.end())
