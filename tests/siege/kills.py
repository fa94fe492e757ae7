#!/usr/bin/env python3
"""SIGKILL of daemon and workers while clients submit and tune: what was acknowledged is there afterwards."""

import os
import random
import signal
import sqlite3
import threading
import time

from siege import Daemon, Report, arguments, document, scaled

options = arguments(__doc__, kills=40, submitters=8, pause=1.5)
chance = random.Random(options.seed)
report = Report("kills")
daemon = Daemon(["--measure-seconds", "20"])
acknowledged = {"kernels": {}, "jobs": {}, "winners": {}}
lock, ending = threading.Lock(), threading.Event()


def submit(number):
    """Submits a kernel of its own, tunes it, remembers what it was told, and starts over."""
    own = random.Random(options.seed * 1000 + number)
    while not ending.is_set():
        factor = own.randrange(1, 1 << 20)
        try:
            client = daemon.client(20)
            status, kernel = client.ask("POST", "/v1/kernels", document(f"k{factor}", scaled(factor)))
            if status != 201:
                report.check(status in (503,), f"a submission was answered {status}: {kernel}")
                continue
            with lock:
                acknowledged["kernels"][kernel["id"]] = factor
            status, job = client.ask("POST", "/v1/tune", {"kernel": kernel["id"], "sizes": {"n": own.randrange(1, 5000)}})
            if status == 202:
                with lock:
                    acknowledged["jobs"][job["id"]] = kernel["id"]
                status, job = client.wait_job(job["id"], 20)
            if status == 200 and job.get("answer"):
                with lock:
                    acknowledged["winners"][(kernel["id"], job["sizes"]["n"])] = job["answer"]["configuration"]
        except (OSError, TimeoutError):
            time.sleep(0.05)


def gone(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return ") Z" in file.read()
    except OSError:
        return True


ready = [daemon.start()]
threads = [threading.Thread(target=submit, args=(i,), daemon=True) for i in range(options.submitters)]
for thread in threads:
    thread.start()
workers_killed = 0
for _ in report.rounds(options, options.kills, "kills"):
    time.sleep(chance.uniform(0.1, options.pause))
    workers = daemon.workers()
    if workers and chance.random() < 0.5:
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
            workers_killed += 1
        except ProcessLookupError:
            pass
        report.check(daemon.alive(), "the daemon ended with a worker")
        continue
    daemon.kill()
    begin = time.monotonic()
    while not all(map(gone, workers)) and time.monotonic() < begin + 60:
        time.sleep(0.01)
    report.check(all(map(gone, workers)), "a worker outlived its daemon by a minute")
    report.timed(options, time.monotonic() - begin < 5, "a worker outlived its daemon by five seconds")
    ready.append(daemon.start())
ending.set()
for thread in threads:
    thread.join(60)

client = daemon.client()
for kernel in acknowledged["kernels"]:
    report.check(client.ask("GET", f"/v1/kernels/{kernel}")[0] == 200, f"kernel {kernel} was acknowledged and is lost")
for (kernel, n), configuration in acknowledged["winners"].items():
    status, answer = client.ask("POST", "/v1/best", {"kernel": kernel, "sizes": {"n": n}, "tune": False})
    report.check(status == 200 and answer["source"] == "cache", f"the winner of {kernel} at {n} is lost: {status}")
daemon.kill(signal.SIGTERM)
database = sqlite3.connect(daemon.cache + "/tuned.db")
report.check(database.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the database is damaged")
database.close()
report.check("corrupt" not in daemon.log(), "a file was set aside")
report.timed(options, max(ready) <= 1, f"ready only after {max(ready):.1f} s")
report.figures = {"kills of the daemon": len(ready) - 1, "of workers": workers_killed,
                  "kernels acknowledged": len(acknowledged["kernels"]), "jobs": len(acknowledged["jobs"]),
                  "winners": len(acknowledged["winners"]), "slowest start s": max(ready)}
daemon.remove()
raise SystemExit(report.end())
