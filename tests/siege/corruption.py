#!/usr/bin/env python3
"""Damage to the database while no daemon runs: no wrong answer, no crash, and what is whole is kept."""

import os
import random
import shutil
import time

from siege import Daemon, Report, arguments, document, scaled

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
        job = client.wait_job(client.ask("POST", "/v1/tune", {"kernel": kernel["id"], "sizes": {"n": n}})[1]["id"])[1]
        if report.check(job["state"] == "done", f"tuning: {job}"):
            answer = job["answer"]
            truth[(kernel["id"], n)] = (answer["configuration"], answer["artefact"])
daemon.kill(15)
kept = daemon.folder + "/whole"
shutil.copytree(daemon.cache, kept)


def damage(path):
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


starts, served, asked, aside = [], 0, 0, 0
for number in range(options.corruptions):
    shutil.rmtree(daemon.cache)
    shutil.copytree(kept, daemon.cache)
    kind = damage(daemon.cache + "/tuned.db")
    try:
        starts.append(daemon.start())
    except RuntimeError as error:
        report.check("tuned: " in str(error) and "-11" not in str(error), f"{number} ({kind}): {error}")
        continue
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
report.timed(options, max(starts) <= 2, f"started in {max(starts):.1f} s")
report.figures = {"corruptions": options.corruptions, "winners still served %": 100.0 * served / max(1, asked), "set aside": aside,
                  "slowest start s": max(starts)}
daemon.remove()
raise SystemExit(report.end())
