#!/usr/bin/env python3
"""Many processes ask for one problem at a time, with budgets alike or not: one tuning each round."""

import json
import multiprocessing
import random

from siege import Client, Daemon, Report, arguments, document, metric, scaled

options = arguments(__doc__, rounds=10, processes=64)
report = Report("stampede")
# The processes inherit both: all of them go on within a moment, and whoever is told of a tuning says so.
start, told = multiprocessing.Barrier(options.processes), multiprocessing.Semaphore(0)


def ask(path, kernel, n, number):
    client = Client(path, 600)
    start.wait()
    request = {"kernel": kernel, "sizes": {"n": n}}
    if number % 3 == 1:
        request["budget"] = {"seconds": 60 + number}
    if number % 2:
        status, answer = client.ask("POST", "/v1/best", request | {"wait": 500})
        return answer.get("job", ""), answer.get("configuration")
    status, job = client.ask("POST", "/v1/tune", request)
    told.release()
    if status != 202:
        return json.dumps(job), None
    job = client.wait_job(job["id"], 500)[1]
    return job["id"], job["answer"]["configuration"] if job.get("answer") else json.dumps(job)


def main():
    chance = random.Random(options.seed)
    daemon = Daemon()
    daemon.start()
    client = daemon.client()
    tunings = 0
    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        for number in report.rounds(options, options.rounds):
            status, kernel = client.ask("POST", "/v1/kernels", document("stampede", scaled(chance.randrange(1, 1 << 20))))
            before = metric(client, "gpu_tuned_jobs_started_total")
            n = chance.randrange(100, 5000)
            # Who asks for a tuning after the first has ended is given another: it goes on when all have asked. Who only asks for
            # the best may be late.
            client.ask("POST", "/v1/pause")
            asked = pool.starmap_async(ask, [(daemon.socket, kernel["id"], n, i) for i in range(options.processes)], 1)
            heard = all(told.acquire(timeout=300) for _ in range(0, options.processes, 2))
            report.check(heard, f"round {number}: not everybody was answered")
            client.ask("POST", "/v1/resume")
            answers = asked.get(900)
            jobs = {job for job, _ in answers if job}
            report.check(len(jobs) <= 1, f"round {number}: {len(jobs)} tunings")
            started = metric(client, "gpu_tuned_jobs_started_total") - before
            report.check(started == 1, f"round {number}: {started:.0f} tunings started")
            tunings += started
            report.check(len({str(configuration) for _, configuration in answers}) == 1, f"round {number}: answers differ")
    report.figures = {"rounds": report.done, "processes": options.processes, "tunings": int(tunings)}
    daemon.remove()
    return report.end()


if __name__ == "__main__":
    raise SystemExit(main())
