#!/usr/bin/env python3
"""A day of mixed load in short: hits, misses, tunings, event streams, lists, cancellations. What it takes stays flat."""

import random
import sys
import threading
import time

from siege import Daemon, Report, arguments, document, percentile, scaled

options = arguments(__doc__, seconds=60.0, clients=12)
report = Report("mixed")
daemon = Daemon(["--tune-seconds", "30"])
daemon.start()
# There is something to hit from the start: what the clients below tune may wait behind each other for longer than this takes.
with_winner = [f"m{number}" for number in range(4)]
for name in with_winner:
    daemon.client().ask("POST", "/v1/kernels", document(name, scaled(1 + int(name[1:]))))
    report.check(daemon.client().tune(name, {"n": 1000}), f"{name} could not be tuned")
latencies, counts, lock = [], {}, threading.Lock()
end = time.monotonic() + options.seconds


def serve(number):
    chance = random.Random(options.seed * 100 + number)
    client = daemon.client(30 if options.timed else 600)
    while time.monotonic() < end:
        kernel = f"m{chance.randrange(40)}"
        request = {"kernel": kernel, "sizes": {"n": chance.choice([100, 1000, 3000, chance.randrange(1, 9000)])}}
        what = chance.choices(["best", "hit", "submit", "tune", "list", "events", "cancel", "hang up"], [30, 40, 4, 4, 10, 4, 2, 6])[0]
        begin = time.monotonic()
        try:
            if what == "best":
                status, answer = client.ask("POST", "/v1/best", request | {"budget": {"trials": 2, "seconds": 2}})
            elif what == "hit":
                request |= {"kernel": chance.choice(with_winner + [kernel]), "sizes": {"n": 1000}}
                status, answer = client.ask("POST", "/v1/best", request | {"tune": False})
                if status == 200 and answer["source"] == "cache":
                    with lock:
                        latencies.append(time.monotonic() - begin)
            elif what == "submit":
                status, answer = client.ask("POST", "/v1/kernels", document(kernel, scaled(1 + int(kernel[1:]))))
            elif what == "tune":
                request["sizes"]["n"] = 1000
                status, answer = client.ask("POST", "/v1/tune", request | {"budget": {"seconds": 2}})
            elif what == "list":
                status, answer = client.ask("GET", chance.choice(["/v1/jobs", "/v1/winners", "/v1/trials?limit=50", "/v1/kernels", "/metrics"]))
            elif what == "cancel":
                jobs = client.ask("GET", "/v1/jobs")[1]["jobs"]
                status = client.ask("DELETE", f"/v1/jobs/{chance.choice(jobs)['id']}")[0] if jobs else 0
            elif what == "events":
                jobs = client.ask("GET", "/v1/jobs")[1]["jobs"]
                if not jobs:
                    continue
                watcher = daemon.client(0.2)
                try:
                    status = watcher.raw(f"GET /v1/jobs/{jobs[0]['id']}/events HTTP/1.1\r\n\r\n".encode())[0]
                except OSError:
                    status = 0
                watcher.close()
            else:
                client.close()
                status = 0
        except OSError as error:
            report.check(daemon.alive(), f"the daemon ended: {what}")
            status = type(error).__name__
        report.check(status not in (500, "TimeoutError"), f"{what} was answered {status}")
        with lock:
            counts[(what, status)] = counts.get((what, status), 0) + 1


threads = [threading.Thread(target=serve, args=(i,)) for i in range(options.clients)]
for thread in threads:
    thread.start()
taken = []
while time.monotonic() < end:
    time.sleep(options.seconds / 20)
    if daemon.alive():
        taken.append(daemon.takes())
        print(f"mixed: {time.monotonic() - report.start:.0f} s, {sum(counts.copy().values())} requests, {len(report.failures)} failures, {taken[-1]}",
              file=sys.stderr, flush=True)
for thread in threads:
    thread.join()
# Connections in flight are no growth: what is open once all clients have gone is.
quiet = time.monotonic() + 10
while taken and daemon.alive():
    taken.append(daemon.takes())
    if taken[-1]["descriptors"] < max(t["descriptors"] for t in taken[:len(taken) // 2]) or time.monotonic() > quiet:
        break
    time.sleep(0.2)
half = taken[len(taken) // 2:]
growth = {key: max(t[key] for t in half) - max(t[key] for t in taken[:len(taken) // 2]) for key in taken[0]}
report.check(growth["rss"] < 16 * 1024, f"memory grew by {growth['rss']} KiB in the second half")
left = taken[-1]["descriptors"] - max(t["descriptors"] for t in taken[:len(taken) // 2])
report.check(left < 16 and growth["threads"] < 8, f"descriptors or threads grew: {growth}, {left} left when all had gone")
report.check(latencies, f"no hit: {counts}")
report.figures = {"requests": sum(counts.values()), "hits": len(latencies), "p50 ms": 1e3 * percentile(latencies, 0.5),
                  "p99 ms": 1e3 * percentile(latencies, 0.99), "MiB": max(t["rss"] for t in taken) // 1024,
                  "descriptors": max(t["descriptors"] for t in taken), "threads": max(t["threads"] for t in taken)}
daemon.remove()
raise SystemExit(report.end())
