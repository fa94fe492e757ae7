#!/usr/bin/env python3
"""Hits beside 10,000 idle and some slow clients: all are answered, and as fast as without them."""

import json
import subprocess

from siege import BIN, Daemon, Report, arguments, document, scaled

options = arguments(__doc__, idle=2000, active=64, slow=500, seconds=3.0, rounds=5)
report = Report("crowd")
daemon = Daemon()
daemon.start()
client = daemon.client()
kernel = client.ask("POST", "/v1/kernels", document("crowd", scaled(5)))[1]
report.check(client.tune(kernel["id"], {"n": 1000}), "it could not be tuned")
body = {"kernel": kernel["id"], "sizes": {"n": 1000}}
report.check(client.ask("POST", "/v1/best", body)[1]["source"] == "cache", "no winner")
before = daemon.takes()
run = subprocess.run([BIN / "siege_crowd", daemon.socket, json.dumps(body), str(options.idle), str(options.active), str(options.slow),
                      str(options.seconds), str(options.rounds)], capture_output=True, text=True, timeout=options.seconds * 2 + options.rounds * 5 + 120)
if report.check(run.returncode == 0, run.stderr):
    out = json.loads(run.stdout)
    takes = daemon.takes()
    # siege_crowd has failed already if a hit was refused, was no hit or got no answer.
    report.check(out["crowded"]["hits"] >= options.active, f"somebody was never answered: {out}")
    report.check(takes["threads"] <= before["threads"] + 8, f"a thread a client? {before}, {takes}")
    most = before["descriptors"] + options.active + options.idle + options.slow + 16
    report.check(takes["descriptors"] <= most, f"descriptors: {before}, {takes}")
    report.timed(options, out["crowded"]["p99_ms"] <= 2 and out["p99_ratio"] <= 1.1, f"slower in the crowd: {out}")
    report.figures = {"idle": options.idle, "slow": options.slow, "hits/s alone": out["alone"]["hits"] / options.seconds,
                      "p99 ms": out["alone"]["p99_ms"], "hits/s crowded": out["crowded"]["hits"] / options.seconds,
                      "p99 ms crowded": out["crowded"]["p99_ms"], "ratio": out["p99_ratio"], "quartiles": out["p99_ratio_quartiles"],
                      "control": out["control"], "its quartiles": out["control_quartiles"], "MiB": takes["rss"] // 1024}
daemon.remove()
raise SystemExit(report.end())
