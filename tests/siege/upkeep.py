#!/usr/bin/env python3
"""SIGTERM in the middle of what goes through all of a large cache: a collection, a kernel forgotten. The daemon ends, nothing that
stays is lost, the next start is like any other, and the same request again does the rest."""

import hashlib
import sqlite3
import threading
import time

from siege import Daemon, Report, arguments, document, scaled

options = arguments(__doc__, binaries=100000)
report = Report("upkeep")
daemon = Daemon()
SIZES = {"n": 1000}
PROBLEMS = 1000  # of the kernel that is forgotten


def database():
    return sqlite3.connect(daemon.cache + "/tuned.db")


def counted(table, where="1"):
    """Between daemons: one that runs has the file to itself."""
    file = database()
    try:
        return file.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]
    finally:
        file.close()


def fill():
    """So many binaries of others, which stay, older than as many that are nobody's any more."""
    into = database()
    with into:
        for number in range(PROBLEMS):
            into.execute("INSERT INTO problems(kernel, sizes, magnitude) VALUES ('others', ?, 0)", (f'{{"n":{number}}}',))
        first = into.execute("SELECT min(id) FROM problems WHERE kernel = 'others'").fetchone()[0]
        for number in range(2 * options.binaries):
            sha = hashlib.sha256(b"%d" % number).hexdigest()
            into.execute("INSERT INTO artefacts(sha, format, target, size, created, compressed) VALUES (?, 'cubin', 'sm_90a', 4000, ?, ?)",
                         (sha, 1000.0 + number, b"x" * 200))
            if number < options.binaries:
                into.execute("INSERT INTO builds(problem, configuration, toolchain, options, origin, artefact, body, created, sum) "
                             "VALUES (?, '{}', 'tools', '', ?, ?, '{}', 1000, x'00')", (first + number % PROBLEMS, f"somebody {number}", sha))
    into.close()


def interrupted(name, method, body, table, where):
    """Ends the daemon while it does this, and has it done again; what is left of the table's rows."""
    before, all_, seconds, said = counted(table, where), counted(table), daemon.start(), []
    asking = threading.Thread(target=lambda: said.append(attempt(method, body)))
    asking.start()
    client, longest, end = daemon.client(), 0.0, time.monotonic() + 60
    there = all_
    while there == all_ and asking.is_alive() and time.monotonic() < end:
        begin = time.monotonic()
        there = client.ask("GET", "/v1/status")[1][table]
        longest = max(longest, time.monotonic() - begin)
    begin = time.monotonic()
    status = daemon.kill(15)
    ended = time.monotonic() - begin
    asking.join()
    left = counted(table, where)
    report.check(status == 0, f"{name}: SIGTERM gave {status}")
    report.check(said[0] in (None, 200, 503), f"{name}: {said[0]}")
    report.check(left < before, f"{name}: nothing had been done")
    again = daemon.start()
    report.check(daemon.client().ask("GET", "/v1/status")[1].get("problems") == usual, f"{name}: the next daemon has problems")
    best = daemon.client().ask("POST", "/v1/best", {"kernel": "stays", "sizes": SIZES, "tune": False})[1]
    report.check(best.get("source") == "cache", f"{name}: the winner is not there: {best}")
    report.check(attempt(method, body) in (200, 404), f"{name}: not done by the next daemon")  # 404: nothing was left to do
    report.check(daemon.kill(15) == 0, f"{name}: the next daemon did not end")
    report.timed(options, ended < 5, f"{name}: ended after {ended:.1f} s")
    report.timed(options, longest < 1, f"{name}: another request took {longest:.1f} s")
    report.figures.update({f"{name} done when told to end": before - left, f"{name} ended after s": ended, f"{name} others' longest s": longest,
                           f"{name} starts s": max(seconds, again)})
    report.one_done("interruptions")


def attempt(method, body):
    """The status; none when the daemon ended without an answer."""
    try:
        return daemon.client(300).ask("POST", method, body)[0]
    except OSError:
        return None


report.wanted = 2
daemon.start()
daemon.client().ask("POST", "/v1/kernels", document("stays", scaled(3)))
usual = daemon.client().ask("GET", "/v1/status")[1].get("problems")
report.check(daemon.client().tune("stays", SIZES), "the kernel was not tuned")
report.check(daemon.kill(15) == 0, "the first daemon did not end")
fill()
interrupted("collection", "/v1/collect", {"max_bytes": 0}, "artefacts", "created < 1e6")
report.check(counted("artefacts", "created < 1e6") == options.binaries, "binaries of others are gone, or losers left")
interrupted("forgetting", "/v1/forget", {"kernel": "others"}, "builds", "origin <> ''")
report.check(counted("builds", "origin <> ''") == 0 and counted("builds") > 0, "builds of the forgotten kernel are left, or others are gone")
report.figures["binaries"] = 2 * options.binaries
daemon.remove()
raise SystemExit(report.end())
