#!/usr/bin/env python3
"""Several GPUs of one host: tunings spread over them, one is lost, and CUDA_VISIBLE_DEVICES says which there are. Ends at once where
there are fewer than two. Losing one takes root: its node is hidden in a mount namespace of the daemon's own."""

import glob
import os
import shutil
import subprocess
import sys
import time

from siege import Daemon, Report, arguments, document, scaled

options = arguments(__doc__, kernels=4)
report = Report("gpus")


def smi(*query):
    if not shutil.which("nvidia-smi"):
        return []
    return subprocess.run(["nvidia-smi", *query, "--format=csv,noheader"], capture_output=True, text=True).stdout.split("\n")[:-1]


uuids = smi("--query-gpu=uuid")
if len(uuids) < 2:
    print(f"gpus: skipped, this host has {len(uuids)}")
    sys.exit(0)
every = [f"cuda:{index}" for index in range(len(uuids))]


def submit(client, factor):
    status, kernel = client.ask("POST", "/v1/kernels", document(f"scaled{factor}", scaled(factor)))
    report.check(status < 300, f"a kernel is refused: {kernel}")
    return kernel["id"]


def start(client, kernel, device=""):
    status, job = client.ask("POST", "/v1/tune", {"kernel": kernel, "sizes": {"n": 1 << 20}, **({"device": device} if device else {})})
    report.check(status < 300, f"a tuning on {device or 'any device'} is refused: {job}")
    return job["id"]


def tune(client, kernel, device=""):
    return client.wait_job(start(client, kernel, device))[1]


def passed(job, where=None):
    good = job["state"] == "done" and job["answer"]["verdict"]["state"] == "passed" and where in (None, job["device"])
    report.check(good, f"on {where or 'any device'}: {job}")


def spread():
    daemon = Daemon(devices=every)
    daemon.start()
    client = daemon.client()
    begin = time.monotonic()
    ids = [start(client, submit(client, factor)) for factor in range(1, options.kernels * len(every) + 1)]
    jobs = [client.wait_job(id)[1] for id in ids]
    report.figures["spread_s"] = time.monotonic() - begin
    for job in jobs:
        passed(job)
    for device in every:
        count = sum(job["device"] == device for job in jobs)
        report.figures[device] = count
        report.check(count > 0, f"{device} had none of {len(jobs)} tunings")
        passed(tune(client, submit(client, 1000 + every.index(device)), device), device)
    daemon.remove()


def lose():
    nodes = sorted(glob.glob("/dev/nvidia[0-9]*"), key=lambda name: int(name[len("/dev/nvidia"):]))
    if len(nodes) != len(every) or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("gpus: none is lost, for want of rights", file=sys.stderr)
        return
    daemon = Daemon(["--idle-seconds", "1"], devices=every, inside=("unshare", "-m"))
    daemon.start()
    client = daemon.client()
    passed(tune(client, submit(client, 1), every[-1]), every[-1])
    while daemon.workers():
        time.sleep(0.1)
    subprocess.run(["nsenter", "-t", str(daemon.process.pid), "-m", "mount", "--bind", "/dev/null", nodes[-1]], check=True)
    job = tune(client, submit(client, 2), every[-1])
    report.check(job["state"] == "failed", f"on a device that is lost: {job}")
    for factor in range(3, 8):
        job = tune(client, submit(client, factor))
        passed(job)
        report.check(job["device"] != every[-1], f"went to the lost device: {job}")
    rows = {row["id"]: row for row in client.ask("GET", "/v1/devices")[1]["devices"]}
    report.check(not rows[every[-1]]["available"] and rows[every[-1]]["reason"], f"not told as lost: {rows[every[-1]]}")
    report.check(all(rows[device]["available"] for device in every[:-1]), f"others are told as lost: {rows}")
    daemon.remove()


def visible(value, expected):
    os.environ["CUDA_VISIBLE_DEVICES"] = value
    daemon = Daemon(devices=())
    daemon.start()
    client = daemon.client()
    found = [row["id"] for row in client.ask("GET", "/v1/devices")[1]["devices"] if row["id"].startswith("cuda:")]
    report.check(len(found) == len(expected), f"CUDA_VISIBLE_DEVICES={value}: {found}")
    for device, uuid in zip(found, expected):
        passed(tune(client, submit(client, 1), device), device)
        users = dict(line.split(", ") for line in smi("--query-compute-apps=pid,gpu_uuid"))
        mine = {users[pid] for pid in map(str, daemon.workers()) if pid in users}
        report.check(not users or uuid in mine, f"CUDA_VISIBLE_DEVICES={value}: {device} is not {uuid} but one of {mine}")
    daemon.remove()


spread()
lose()
for value, expected in (("1", uuids[1:2]), (uuids[1], uuids[1:2]), ("1,0", [uuids[1], uuids[0]]), ("", [])):
    visible(value, expected)
sys.exit(report.end())
