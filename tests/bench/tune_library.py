"""Tunes kernels of the library from cold caches, and says what the answers were worth.

    tests/bench/tune_library.py --bin build/bin --kernels configs/kernels --device cuda:0 --out DIR
    tests/bench/tune_library.py … --repeat 100 --only matmul4096        # the same tuning again and again

Each problem is tuned at `quick` and at `full`, each by a daemon with an empty cache; then the winners of both meet in
one duel after the other (`only`), and the regret of the quick one is the median of its time over the better one's. With
--repeat, one problem is tuned so many times at --effort, and all winners meet, and what was within --near of the last: regret
against a long measurement of all that the whole space has near its best. Needs Python alone; writes DIR/table.md,
DIR/library.csv, DIR/library.svg and what went into each tuning, DIR/jobs.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import math
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROBLEMS: dict[str, tuple[str, str]] = {
    "relu": ("relu", "n_elements=33554432"),
    "softmax": ("softmax", "n_rows=8192,n_cols=4096"),
    "layer_norm": ("layer_norm_f16", "n_rows=8192,n_cols=4096"),
    "rms_norm": ("rms_norm_f16", "n_rows=8192,n_cols=4096"),
    "cross_entropy": ("cross_entropy_f32", "n_rows=4096,n_cols=32000"),
    "rope": ("rope_f16", "Z=4,H=32,N=4096,D=128"),
    "matmul4096": ("matmul_f16", "M=4096,N=4096,K=4096"),
    "matmul1024": ("matmul_f16", "M=1024,N=1024,K=1024"),
    "matmul_row": ("matmul_f16", "M=16,N=8192,K=8192"),
    "mlp": ("mlp_silu_f16", "M=2048,N=4096,K=2048"),
    "attention64": ("attention_f16", "Z=4,H=32,HKV=32,N=2048,D=64"),
    "attention128": ("attention_causal_f16", "Z=4,H=16,HKV=16,N=4096,D=128"),
    "layer_norm_backward": ("layer_norm_backward_f16", "n_rows=8192,n_cols=2048"),
}
CPU_PROBLEMS: dict[str, tuple[str, str]] = {
    "softmax": ("softmax", "n_rows=4096,n_cols=4096"),
    "matmul": ("matmul_f32", "M=1024,N=1024,K=1024"),
    "layer_norm": ("layer_norm_f32", "n_rows=4096,n_cols=4096"),
    "relu": ("relu", "n_elements=33554432"),
}


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("tuned", timeout=300)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(300)
        self.sock.connect(self.path)


class Daemon:
    """A daemon on an empty cache of its own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.folder = tempfile.mkdtemp(prefix="tune-library-")
        self.path = f"{self.folder}/socket"
        self.bin = options.bin
        self.environment = {"GPU_TUNED_SOCKET": self.path, "GPU_TUNED_KERNELS": options.kernels, "PATH": "/usr/bin:/bin"}
        command = [f"{self.bin}/tuned", "--socket", self.path, "--cache", f"{self.folder}/cache"]
        if options.device == "cpu":
            command += ["--device", "cpu"]
        self.log = open(f"{options.out}/daemon.txt", "a")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while not self.ready():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"the daemon is not ready: see {options.out}/daemon.txt")
            time.sleep(0.02)

    def ready(self) -> bool:
        try:
            connection = Connection(self.path)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def call(self, verb: str, path: str, body: Any = None) -> Any:
        connection = Connection(self.path)
        text = None if body is None else json.dumps(body)
        connection.request(verb, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status >= 400:
            raise RuntimeError(answer.get("detail", str(answer)))
        return answer

    def tune(self, request: dict[str, Any]) -> Any:
        job = self.call("POST", "/v1/tune", request)
        while job["state"] in ("queued", "running"):
            time.sleep(0.01)
            job = self.call("GET", f"/v1/jobs/{job['id']}")
        return job

    def tune_cold(self, problem: tuple[str, str], options: argparse.Namespace, effort: str, seed: int = 0) -> Any:
        """As a user does it, with tunectl, which brings the kernel. With a seed the search is in order, and takes longer."""
        command = [f"{self.bin}/tunectl", "tune", problem[0], "--size", problem[1], "--device", options.device, "--effort",
                   effort, "--force", "--json", *(["--seed", str(seed)] if seed else [])]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        if not done.stdout.strip():
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def sizes_of(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in (part.split("=") for part in text.split(","))}


def against(daemon: Daemon, job: Any, configurations: list[Any], options: argparse.Namespace) -> list[float]:
    """What each configuration takes as it compares with the others: the median, over several duels, of its time over that
    of the first, which is in each duel; with --least its least time."""
    of: Callable[[list[float]], float] = min if options.least else statistics.median
    seen: list[list[float]] = [[] for _ in configurations]
    for _ in range(options.rounds):
        request = {"kernel": job["kernel"], "sizes": job["sizes"], "device": job["device"], "force": True}
        # A duel takes six at most: in parts, each with the first.
        rest = configurations[1:] or []
        for at in range(0, max(1, len(rest)), 4):
            part = [configurations[0], *rest[at : at + 4]]
            timed = daemon.tune({**request, "only": part})
            trials = daemon.call("GET", f"/v1/trials?job={timed['id']}&limit=1000")["trials"]
            # The newest of each is what the duel saw.
            newest = [next((t["seconds"] for t in trials if t["configuration"] == each and t.get("seconds")), None) for each in part]
            for configuration, seconds in zip(part, newest):
                if seconds and newest[0]:
                    seen[configurations.index(configuration)].append(seconds if options.least else seconds / newest[0])
    return [of(times) if times else float("nan") for times in seen]


def library(options: argparse.Namespace, problems: dict[str, tuple[str, str]]) -> None:
    rows = []
    with open(f"{options.out}/jobs.jsonl", "a") as jobs:
        for name, problem in problems.items():
            if time.monotonic() > options.end:
                print(f"no time left for {name}")
                continue
            try:
                row: dict[str, Any] = {"name": name}
                winners = []
                for effort in ("quick", "full"):
                    with Daemon(options) as daemon:
                        job = daemon.tune_cold(problem, options, effort)
                        jobs.write(json.dumps({"problem": name, "effort": effort, "job": job}) + "\n")
                        if not job.get("answer"):
                            raise RuntimeError(job.get("error", {}).get("detail", job["state"]))
                        row[effort] = job["elapsed_seconds"]
                        row[f"tried_{effort}"] = job["tried"]
                        row["space"] = job["configurations"]
                        row["verdict"] = job["answer"]["verdict"]["state"]
                        winners.append(job["answer"]["configuration"])
                        if effort == "full":
                            quick, full = against(daemon, job, winners, options) if winners[0] != winners[1] else (1.0, 1.0)
                            row["behind"] = max(0.0, quick / full - 1)
                            row["best"] = job["answer"]["seconds"]
                rows.append(row)
                print(row, flush=True)
            except (RuntimeError, OSError) as error:
                print(f"{name}: {error}", flush=True)
    write(options, rows)


def write(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    with open(f"{options.out}/table.md", "w") as out:
        out.write("| kernel | configurations | quick | tried | behind the best | full | best |\n|---|---|---|---|---|---|---|\n")
        for r in rows:
            out.write(f"| {r['name']} | {r['space']} | {r['quick']:.2f} s | {r['tried_quick']} | {100 * r['behind']:.1f} % "
                      f"| {r['full']:.2f} s | {1e6 * r['best']:.1f} µs |\n")
    with open(f"{options.out}/library.csv", "w") as out:
        out.write("kernel,configurations,quick,tried_quick,behind,full,best,verdict\n")
        for r in rows:
            out.write(f"{r['name']},{r['space']},{r['quick']},{r['tried_quick']},{r['behind']},{r['full']},{r['best']},{r['verdict']}\n")
    Path(f"{options.out}/library.svg").write_text(plot(rows))


def plot(rows: list[dict[str, Any]]) -> str:
    """Two bars a kernel, seconds of quick and of full, on a scale of tenfolds; how far quick was behind, in words."""
    low, width, left, line = 0.3, 420, 150, 30
    top = max([10.0, *(r["full"] for r in rows)])

    def at(seconds: float) -> float:
        return width * max(0.0, math.log(seconds / low) / math.log(top / low))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 110}" height="{len(rows) * line + 40}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for tick in (0.5, 1, 2, 5, 10, 20, 50):
        if low < tick <= top:
            x = left + at(tick)
            out.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="5" y2="{len(rows) * line + 12}" stroke="#ddd"/>'
                       f'<text x="{x:.0f}" y="{len(rows) * line + 28}" text-anchor="middle">{tick} s</text>')
    for i, r in enumerate(rows):
        y = 10 + i * line
        out.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{r["name"]}</text>'
                   f'<rect x="{left}" y="{y}" width="{at(r["quick"]):.0f}" height="9" fill="#2a78b0"/>'
                   f'<rect x="{left}" y="{y + 11}" width="{at(r["full"]):.0f}" height="9" fill="#c9c9c9"/>'
                   f'<text x="{left + at(r["quick"]) + 5:.0f}" y="{y + 9}" font-size="10">quick, {100 * r["behind"]:.1f} % behind</text>')
    return "\n".join([*out, "</svg>"])


def repeat(options: argparse.Namespace, name: str, problem: tuple[str, str]) -> None:
    """One tuning again and again: how far its winners are behind the best of all winners, timed at length."""
    found: dict[str, Any] = {}
    wins: dict[str, int] = {}
    seconds = []
    job: Any = {}
    with contextlib.ExitStack() as running:
        for seed in range(1, options.repeat + 1):
            if time.monotonic() > options.end:
                break
            if not options.warm or seed == 1:
                running.close()
                daemon = running.enter_context(Daemon(options))
            job = daemon.tune_cold(problem, options, options.effort, seed if options.effort != "full" else 0)
            if not job.get("answer"):
                print(f"{name}: {job['state']}", flush=True)
                continue
            key = json.dumps(job["answer"]["configuration"], sort_keys=True)
            found[key] = job["answer"]["configuration"]
            wins[key] = wins.get(key, 0) + 1
            seconds.append(job["elapsed_seconds"])
            phases = ", ".join(f"{phase} {spent:.2f}" for phase, spent in job.get("phase_seconds", {}).items())
            print(f"{name} {seed}: {job['elapsed_seconds']:.2f} s ({phases}), {job['tried']} of {job['configurations']}: {key}", flush=True)
        if not wins or not job.get("answer"):
            print(f"{name}: the last of {options.repeat} tunings has no answer, or none had time")
            return
        # What was near in the last tuning meets them, too: a winner that no tuning found would be among these.
        trials = daemon.call("GET", f"/v1/trials?job={job['id']}&limit=100000")["trials"]
        for trial in sorted((t for t in trials if t.get("seconds") and not t.get("abandoned")), key=lambda t: t["seconds"]):
            if trial["seconds"] <= options.near * job["answer"]["seconds"] and len(found) < options.field:
                found.setdefault(json.dumps(trial["configuration"], sort_keys=True), trial["configuration"])
        order = sorted(found, key=lambda key: -wins.get(key, 0))
        times = dict(zip(order, against(daemon, job, [found[key] for key in order], options)))
    best = min(times.values())
    regrets = sorted(times[key] / best - 1 for key in order for _ in range(wins.get(key, 0)))
    within = sum(1 for regret in regrets if regret <= 0.01)
    line = (f"{name}, {options.effort}: {within} of {len(regrets)} winners within 1 % of the best of {len(order)} candidates, worst "
            f"{100 * regrets[-1]:.1f} %; {statistics.median(seconds):.2f} s a tuning")
    print(line)
    with open(f"{options.out}/repeat.txt", "a") as out:
        out.write(line + "\n")
        for key in order:
            out.write(f"  {wins.get(key, 0)} times, {100 * (times[key] / best - 1):.2f} % behind: {key}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="tunes the library from cold caches")
    parser.add_argument("--bin", required=True, help="folder of tuned and tunectl")
    parser.add_argument("--kernels", required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", action="append", help="a problem's name; may be given again")
    parser.add_argument("--effort", default="full", help="of --repeat")
    parser.add_argument("--repeat", type=int, default=0)
    parser.add_argument("--warm", action="store_true", help="of --repeat: one daemon for all, each tuning forced; builds are kept")
    parser.add_argument("--least", action="store_true", help="the least time of all duels counts, where others use the machine, too")
    parser.add_argument("--field", type=int, default=16, help="configurations that meet in the end, at most")
    parser.add_argument("--near", type=float, default=1.03, help="of the last winner's time: what is so fast meets them, too")
    parser.add_argument("--rounds", type=int, default=5, help="duels that winners are compared in")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no further problem after so long")
    options = parser.parse_args()
    options.end = time.monotonic() + options.seconds
    Path(options.out).mkdir(parents=True, exist_ok=True)
    problems = CPU_PROBLEMS if options.device == "cpu" else PROBLEMS
    if options.only:
        unknown = [name for name in options.only if name not in problems]
        if unknown:
            sys.exit(f"no problem {unknown[0]}; there are {', '.join(problems)}")
        problems = {name: problems[name] for name in options.only}
    if options.repeat:
        for name, problem in problems.items():
            repeat(options, name, problem)
    else:
        library(options, problems)


if __name__ == "__main__":
    main()
