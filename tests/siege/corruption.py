#!/usr/bin/env python3
"""Damage to the database, its log and its schema, also under a running daemon: no wrong answer, no crash, and what is whole is kept."""

import os
import random
import shutil
import sqlite3

from siege import Daemon, Ended, Report, arguments, document, scaled

options = arguments(__doc__, corruptions=40, winners=6)
chance = random.Random(options.seed)
report = Report("corruption")
daemon = Daemon(["--tune-seconds", "20"])
daemon.start()
client = daemon.client()
truth = {}
for number in range(options.winners):
    kernel = client.ask("POST", "/v1/kernels", document(f"c{number}", scaled(number + 2)))[1]
    for n in (100, 1000):
        answer = client.tune(kernel["id"], {"n": n})
        if report.check(answer, f"c{number} at {n} could not be tuned"):
            truth[(kernel["id"], n)] = (answer["configuration"], answer["artefact"])
daemon.kill()
killed, kept = daemon.folder + "/killed", daemon.folder + "/whole"
shutil.copytree(daemon.cache, killed)  # with a log that was not folded in
daemon.start()
daemon.kill(15)
shutil.copytree(daemon.cache, kept)


def damage(path):
    """Bytes, pages or the end of a file; says which."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        kind = chance.choice(["byte", "byte", "bytes", "page", "zeros", "cut", "text"])
        at = chance.randrange(size)
        if kind == "byte":
            file.seek(at)
            old = file.read(1)[0]
            file.seek(at)
            file.write(bytes([old ^ (1 << chance.randrange(8))]))
        elif kind == "bytes":
            file.seek(at)
            file.write(chance.randbytes(chance.randrange(1, 200)))
        elif kind in ("page", "zeros"):
            file.seek(at // 4096 * 4096)
            file.write(chance.randbytes(4096) if kind == "page" else bytes(4096))
        elif kind == "cut":
            file.truncate(at)
        else:
            data = file.read()
            places = [i for i in range(len(data) - 6) if data[i:i + 3] in (b'"n"', b"BLO")]
            if places:
                file.seek(chance.choice(places) + chance.randrange(6))
                file.write(bytes([48 + chance.randrange(10)]))
    return kind


def damage_schema(path):
    """A table or an index is gone, or an index names rows that are not there: pages are sound, what they say is not."""
    database = sqlite3.connect(path, isolation_level=None)
    table = chance.choice(["documents", "names", "targets", "problems", "artefacts", "builds", "measurements", "searches", "jobs"])
    indices = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
                                                  (table,))]
    kind = chance.choice(["table", "index", "stale"] if indices else ["table"])
    if kind == "table":
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute(f"DROP TABLE {table}")
    elif kind == "index":
        database.execute(f"DROP INDEX {chance.choice(indices)}")
    else:
        index = chance.choice(indices)
        row = database.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
        database.execute("PRAGMA writable_schema=ON")
        database.execute("DELETE FROM sqlite_schema WHERE name = ?", (index,))
        database.close()
        database = sqlite3.connect(path, isolation_level=None)
        database.execute(f"DELETE FROM {table} WHERE rowid % 2 = {chance.randrange(2)}")
        database.execute("PRAGMA writable_schema=ON")
        database.execute("INSERT INTO sqlite_schema VALUES(?, ?, ?, ?, ?)", row)
    database.close()
    return f"{kind} {table}"


def prepare():
    """The cache with some damage; gives its kind, and whether it is to come while the daemon runs."""
    where = chance.choices(["file", "log", "schema", "running"], [70, 10, 10, 10])[0]
    shutil.rmtree(daemon.cache)
    shutil.copytree(killed if where == "log" else kept, daemon.cache)
    if where == "schema":
        return damage_schema(daemon.cache + "/tuned.db"), False
    if where == "running":
        return "while running", True
    return where + " " + damage(daemon.cache + ("/tuned.db-wal" if where == "log" else "/tuned.db")), False


starts, served, asked, aside, slowest = [], 0, 0, 0, ""
for number in report.rounds(options, options.corruptions, "corruptions"):
    kind, running = prepare()
    try:
        starts.append(daemon.start())
    except Ended as error:
        report.check(error.refused, f"{number} ({kind}): {error}")
        continue
    if starts[-1] == max(starts):
        slowest = f"{number} ({kind})"
    if running:
        kind += ", " + damage(daemon.cache + "/tuned.db")
    client = daemon.client()
    for (kernel, n), (configuration, artefact) in truth.items():
        asked += 1
        status, answer = client.ask("POST", "/v1/best", {"kernel": kernel, "sizes": {"n": n}, "tune": False})
        if status == 200 and answer["source"] == "cache":
            served += 1
            report.check(answer["kernel"] == kernel and answer["sizes"] == {"n": n}, f"{number} ({kind}): the answer to another question")
            # Where the winner's row was lost the runner-up is right; a configuration with another's binary never is.
            report.check((answer["configuration"] == configuration) == (answer["artefact"] == artefact), f"{number} ({kind}): a mixed answer")
        report.check(status != 500 and daemon.alive(), f"{number} ({kind}): status {status}: {answer}")
    aside += any("corrupt" in name for name in os.listdir(daemon.cache))
    report.check(daemon.kill(15) == 0, f"{number} ({kind}): it does not end cleanly")
report.timed(options, max(starts) <= 2, f"started in {max(starts):.1f} s: {slowest}")
report.figures = {"corruptions": report.done, "winners still served %": 100.0 * served / max(1, asked), "set aside": aside,
                  "slowest start s": max(starts)}
daemon.remove()
raise SystemExit(report.end())
