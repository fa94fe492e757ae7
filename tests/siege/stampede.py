#!/usr/bin/env python3
"""Many processes ask for one problem at a time, with budgets alike or not: one tuning each round."""

import multiprocessing
import random

from siege import Client, Daemon, Report, arguments, document, metric, scaled

options = arguments(__doc__, rounds=10, processes=64)
report = Report("stampede")
start = multiprocessing.Barrier(options.processes)  # the processes inherit it: all of them go on within a moment


def ask(path, kernel, n, number):
    client = Client(path)
    start.wait()
    request = {"kernel": kernel, "sizes": {"n": n}}
    if number % 3 == 1:
        request["budget"] = {"seconds": 5 + number}
    if number % 2:
        status, answer = client.ask("POST", "/v1/best", request | {"wait": 60})
        return answer.get("job", ""), answer.get("configuration")
    status, job = client.ask("POST", "/v1/tune", request)
    job = client.wait_job(job["id"])[1]
    return job["id"], job["answer"]["configuration"]


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
            answers = pool.starmap(ask, [(daemon.socket, kernel["id"], n, i) for i in range(options.processes)], 1)
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
