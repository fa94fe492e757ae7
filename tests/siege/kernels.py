#!/usr/bin/env python3
"""Hostile kernels (loops, wild stores and loads, traps, memory) on the devices named. Others are served meanwhile."""

import os
import random
import threading
import time

from siege import Daemon, Report, arguments, document, metric, percentile, scaled, STORE

options = arguments(__doc__, kernels=10, deadline=3.0, devices="cpu")
devices = options.devices.split(",")
chance = random.Random(options.seed)
report = Report("kernels")
POINTER = "tensor<${BLOCK}x!tt.ptr<f32>>"


def wild(address, store):
    """Reads or writes at a number taken for an address."""
    access = (f"    tt.store %wild_ptrs, %x, %mask : {POINTER}\n" + STORE.format("%x") if store else
              f"    %read = tt.load %wild_ptrs, %mask : {POINTER}\n" + STORE.format("%read"))
    return (f"    %address = arith.constant {address} : i64\n    %wild = tt.int_to_ptr %address : i64 -> !tt.ptr<f32>\n"
            f"    %wild_base = tt.splat %wild : !tt.ptr<f32> -> {POINTER}\n"
            f"    %wild_ptrs = tt.addptr %wild_base, %offsets : {POINTER}, tensor<${{BLOCK}}xi32>\n" + access)


def endless():
    return ("    %zero = arith.constant 0 : i32\n    %last = scf.while (%i = %zero) : (i32) -> i32 {\n"
            "      %more = arith.cmpi sge, %block, %zero : i32\n      scf.condition(%more) %i : i32\n    } do {\n    ^bb0(%i: i32):\n"
            "      tt.store %y_ptrs, %x, %mask : " + POINTER + "\n      scf.yield %i : i32\n    }\n" + STORE.format("%x"))


def beyond(elements):
    return (f"    %far = arith.constant dense<{elements}> : tensor<${{BLOCK}}xi32>\n"
            f"    %out = tt.addptr %y_ptrs, %far : {POINTER}, tensor<${{BLOCK}}xi32>\n    tt.store %out, %x : {POINTER}\n" + STORE.format("%x"))


def hostile():
    kind = chance.choice(["loop", "store", "load", "beyond", "division"])
    address = chance.choice([0, 8, 4096, 0x7fffffffe000, chance.randrange(1 << 47), 0x555555554000])
    if kind == "loop":
        return kind, endless()
    if kind in ("store", "load"):
        return kind, wild(address, kind == "store")
    if kind == "beyond":
        elements = chance.choice([-1, -100, 5000, 1 << 20, 1 << 29])
        # A GPU maps more than a worker asked for: what is far away may be the worker's own, where guards do not reach.
        return "beyond" if abs(elements) < 1 << 14 else "far", beyond(elements)
    return kind, ("    %nothing = arith.constant 0 : i32\n    %q = arith.divsi %n, %nothing : i32\n    %qf = arith.sitofp %q : i32 to f32\n"
                  "    %qs = tt.splat %qf : f32 -> tensor<${BLOCK}xf32>\n" + STORE.format("%qs"))


daemon = Daemon(["--measure-seconds", str(options.deadline), "--compile-seconds", "20"], devices=devices)
daemon.start()
client = daemon.client()
status, good = client.ask("POST", "/v1/kernels", document("good", scaled(7)))
job = client.wait_job(client.ask("POST", "/v1/tune", {"kernel": good["id"], "sizes": {"n": 1000}})[1]["id"])[1]
report.check(job["state"] == "done", f"the good kernel: {job}")
expected = job["answer"]["configuration"]
alone, besides, ending, hostility = [], [], threading.Event(), threading.Event()


def hit():
    own = daemon.client(10)
    while not ending.is_set():
        begin = time.monotonic()
        status, answer = own.ask("POST", "/v1/best", {"kernel": good["id"], "sizes": {"n": 1000}})
        (besides if hostility.is_set() else alone).append(time.monotonic() - begin)
        report.check(status == 200 and answer["configuration"] == expected, f"a hit was answered {status}")
        time.sleep(0.002)


def checked(work, *arguments):
    """What a thread dies of is a failure, not a line that nobody reads."""
    try:
        work(*arguments)
    except Exception as error:
        report.check(False, f"{work.__name__}: {error!r}")


thread = threading.Thread(target=checked, args=(hit,))
thread.start()
time.sleep(2)
hostility.set()
outcomes, longest, lock = {}, 0.0, threading.Lock()


def attack(device, numbers):
    """Tunes hostile kernels on one device, one after the other."""
    global longest
    own = daemon.client(100)
    for number in numbers:
        if time.monotonic() - report.start > options.limit:
            return
        with lock:
            kind, tail = hostile()
        status, kernel = own.ask("POST", "/v1/kernels", document(f"h{number}", f"    %mark = arith.constant {number} : i32\n" + tail, (64,)))
        if not report.check(status == 201, f"{kind}: {kernel}"):
            continue
        begin = time.monotonic()
        status, job = own.ask("POST", "/v1/tune", {"kernel": kernel["id"], "sizes": {"n": 1000}, "device": device})
        job = own.wait_job(job["id"], 100)[1]
        seconds = time.monotonic() - begin
        outcome = ", ".join(sorted(job["outcomes"])) or job["state"]
        with lock:
            outcomes[(kind, outcome)] = outcomes.get((kind, outcome), 0) + 1
            longest = max(longest, seconds) if kind == "loop" else longest
        report.check(kind != "loop" or "timed_out" in outcome, f"{kind}: {job}")
        fatal = kind in ("store", "beyond") or (kind == "far" and device == "cpu")
        report.check(not fatal or "timed" not in job["outcomes"], f"{kind} won: {job}")
        report.check(daemon.alive(), f"{kind} ended the daemon")
        report.one_done("kernels")


report.wanted = options.kernels
attackers = [threading.Thread(target=checked, args=(attack, device, range(i, options.kernels, len(devices)))) for i, device in enumerate(devices)]
for each in attackers:
    each.start()
for each in attackers:
    each.join()
ending.set()
thread.join()
report.check(report.done > 0, "no kernel was tried")
# The next client's kernel is measured as if nothing had been.
begin = time.monotonic()
job = client.wait_job(client.ask("POST", "/v1/tune", {"kernel": good["id"], "sizes": {"n": 2000}})[1]["id"])[1]
report.check(job["state"] == "done", f"the good kernel afterwards: {job}")
respawned = time.monotonic() - begin
report.timed(options, respawned <= 5, f"the next kernel took {respawned:.1f} s")
# A loop is measured once: compiling and the reference come on top of its deadline.
report.timed(options, longest <= options.deadline + 5, f"a loop was ended after {longest:.1f} s")
report.timed(options, percentile(besides, 0.99) <= max(2e-3, 1.5 * percentile(alone, 0.99)), "others' hits were slower")
report.figures = {"kernels": report.done, "p99 of hits alone ms": 1e3 * percentile(alone, 0.99),
                  "besides ms": 1e3 * percentile(besides, 0.99), "longest loop s": longest, "next tuning s": respawned,
                  **{f"{kind} -> {outcome}": count for (kind, outcome), count in sorted(outcomes.items())}}
daemon.remove()
raise SystemExit(report.end())
