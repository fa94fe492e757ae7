"""A large cache carried from one machine to another: seconds to build it, to import it, and to measure what was imported.

    tests/bench/carried_builds.py --bin build/bin --kernels configs/kernels [--problems 1250] [--kernel add --size n_elements]

Builds the kernel's whole space for the CPU at so many sizes without a daemon (prewarm --compile-only), exports all of it,
imports it into an empty cache, and starts a daemon there, which times what it finds. That ends when each problem is
answered from the cache; then the daemon's own counters say how many variants it compiled, which has to be none. The
second prewarm of the same manifest has to compile nothing. Needs Python alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FIRST, STEP = 4096, 64  # sizes


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("tuned", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def get(path: str, where: str) -> str:
    """The body; empty where nobody answers yet."""
    try:
        connection = Connection(path)
        connection.request("GET", where)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else ""
    except OSError:
        return ""


def counter(path: str, name: str) -> int:
    found = re.search(rf"^gpu_tuned_{name} (\d+)", get(path, "/metrics"), re.M)
    return int(found[1]) if found else 0


def run(options: argparse.Namespace, *words: str) -> tuple[float, str]:
    """Seconds and output of a tunectl; its errors end this program."""
    began = time.perf_counter()
    done = subprocess.run([f"{options.bin}/tunectl", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"tunectl {words[0]} ended with {done.returncode}")
    return time.perf_counter() - began, done.stdout


def prewarm(options: argparse.Namespace, manifest: Path, cache: Path) -> tuple[float, dict[str, Any]]:
    seconds, text = run(options, "prewarm", str(manifest), "--compile-only", "--target", "cpu", "--cache", str(cache),
                        "--kernels", options.kernels, "--json")  # fmt: skip
    report: dict[str, Any] = json.loads(text)
    return seconds, report


def measure(options: argparse.Namespace, cache: Path, folder: Path) -> tuple[float, int]:
    """Seconds from the daemon's start until every problem has its winner, and the variants that it compiled."""
    path = str(folder / "socket")
    with open(folder / "log", "wb") as log:
        began = time.perf_counter()
        daemon = subprocess.Popen([f"{options.bin}/tuned", "--socket", path, "--cache", str(cache), "--device", "cpu"],
                                  stderr=log, stdout=log)  # fmt: skip
        try:
            while (done := counter(path, "jobs_done_total")) + counter(path, "jobs_failed_total") < options.problems:
                if daemon.poll() is not None:
                    sys.exit(f"the daemon ended: {(folder / 'log').read_text()[-2000:]}")
                print(f"\r{done} of {options.problems} problems measured", end="", file=sys.stderr, flush=True)
                time.sleep(0.5)
            seconds = time.perf_counter() - began
            print("", file=sys.stderr)
            if failed := counter(path, "jobs_failed_total"):
                sys.exit(f"{failed} problems have no winner")
            return seconds, counter(path, "builds_made_total")
        finally:
            daemon.terminate()
            daemon.wait(30)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--kernels", required=True)
    parser.add_argument("--problems", type=int, default=1250)
    parser.add_argument("--kernel", default="add")
    parser.add_argument("--size", default="n_elements")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest, bundle = folder / "manifest.json", folder / "all.bundle"
        sizes = {"from": FIRST, "to": FIRST + STEP * (options.problems - 1), "step": STEP}
        manifest.write_text(json.dumps({"name": "many", "kernels": [{"kernel": options.kernel, "sizes": {options.size: sizes}}]}))
        seconds, report = prewarm(options, manifest, folder / "built")
        idle = f", {report['cores_idle']:.0%} idle" if "cores_idle" in report else ""
        print(f"built     {report['builds']} builds of {report['problems']} problems in {seconds:.1f} s, cores "
              f"{report['cores_busy']:.0%} busy with it{idle}", flush=True)  # fmt: skip
        again, second = prewarm(options, manifest, folder / "built")
        print(f"again     {second['compiled']} compiled in {again:.2f} s", flush=True)
        seconds, _ = run(options, "export", str(bundle), "--cache", str(folder / "built"))
        print(f"exported  {bundle.stat().st_size / 1e6:.1f} MB in {seconds:.1f} s", flush=True)
        seconds, text = run(options, "import", str(bundle), "--cache", str(folder / "there"), "--allow-untrusted")
        print(f"imported  in {seconds:.1f} s: {text.strip()}", flush=True)
        seconds, compiled = measure(options, folder / "there", folder)
        print(f"measured  {options.problems} problems, {seconds:.1f} s after the daemon's start, {compiled} variants compiled")
    return 1 if compiled or second["compiled"] else 0


if __name__ == "__main__":
    sys.exit(main())
