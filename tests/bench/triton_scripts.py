"""Unchanged Triton scripts with and without tuned: how long to their end, what is timed, and whether they print the same.

PYTHONPATH=build/python:client/python GPU_TUNED_SOCKET=… python3 tests/bench/triton_scripts.py SCRIPT[::CALL[;CALL…]]…
                                                                 … "pytest TESTS [ARGUMENT…]"…

Three processes for all scripts together, after each other: with tuned and nothing known (unless the daemon knows them from
before); plain Triton with all its binaries cached; with tuned again. A script runs as __main__, or, where CALL begins with
"-", is only loaded; calls of its functions are evaluated behind it. Benchmarks by triton.testing.perf_report are left out.
Of tests (pytest's arguments in one word) which passed is compared, of scripts what they print. Seconds are from a script's
first line to its end, behind the imports of torch and triton and the start of the GPU, and from the end of the tests'
collection. Needs a GPU, PyTorch, Triton and a daemon. GPU_TUNED_TRITON chooses the mode (default: config).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import runpy
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any


class Timer:
    """A plugin of pytest: when the tests began behind their collection, and what came of each."""

    def __init__(self) -> None:
        self.began = 0.0
        self.outcomes: list[str] = []

    def pytest_collection_finish(self, session: Any) -> None:
        self.began = time.perf_counter()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes.append(f"{report.nodeid} {report.outcome}")


def run_tests(arguments: list[str]) -> tuple[float, str]:
    """Seconds behind collection, and the outcomes as text; AssertionError: a test failed, or there was none."""
    import pytest

    timer = Timer()
    status = pytest.main(["-q", "-p", "no:cacheprovider", "-W", "ignore", "--no-header", *arguments], plugins=[timer])
    seconds = time.perf_counter() - timer.began
    assert status == 0, f"pytest ends with status {status}: {timer.outcomes}"
    return seconds, "\n".join(timer.outcomes)


class NoReport:
    """Stands in for a benchmark of the script's own."""

    def run(self, **_: Any) -> None:
        pass


def run_script(script: str, calls: str) -> None:
    names = runpy.run_path(script, run_name="loaded" if calls.startswith("-") else "__main__")
    for call in filter(None, calls.lstrip("-").split(";")):
        eval(call, names)


def run_all(scripts: list[str]) -> None:
    """In a process of its own; a line of JSON for each script."""
    if os.environ.get("GPU_TUNED_TRITON"):
        import gpu_tuned_start  # noqa: F401  as gpu_tuned.pth does it
    import torch
    import triton.testing
    from triton.runtime.autotuner import Autotuner

    torch.zeros(1, device="cuda")
    torch.cuda.synchronize()
    timed = 0
    bench = Autotuner._bench

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal timed
        timed += 1
        return bench(self, *args, **kwargs)

    Autotuner._bench = counted
    triton.testing.perf_report = lambda configs: lambda function: NoReport()
    for item in scripts:
        script, _, calls = item.partition("::") if not item.startswith("pytest ") else (item, "", "")
        torch.manual_seed(0)
        timed, printed, failure = 0, io.StringIO(), ""
        began, seconds, text = time.perf_counter(), None, None
        try:
            if item.startswith("pytest "):
                with contextlib.redirect_stdout(printed):
                    seconds, text = run_tests(shlex.split(item)[1:])
                    torch.cuda.synchronize()
            else:
                with contextlib.redirect_stdout(printed):
                    run_script(script, calls)
                    torch.cuda.synchronize()
        except BaseException:  # the next script is run all the same
            failure = traceback.format_exc(limit=-2)
        seconds = seconds or time.perf_counter() - began
        output = hashlib.sha256((text or printed.getvalue()).encode()).hexdigest()[:12]
        print(json.dumps({"script": item, "seconds": seconds, "timed": timed, "output": output, "failure": failure}), flush=True)


def process(scripts: list[str], mode: str | None) -> list[dict[str, Any]]:
    environment = {name: value for name, value in os.environ.items() if name != "GPU_TUNED_TRITON"}
    if mode is not None:
        environment["GPU_TUNED_TRITON"] = mode
    command = [sys.executable, __file__, "--inside", *scripts]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"script"')]


def main(scripts: list[str]) -> int:
    if not scripts:
        print(__doc__)
        return 2
    if scripts[0] == "--inside":
        run_all(scripts[1:])
        return 0
    mode = os.environ.get("GPU_TUNED_TRITON", "config")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        first, plain, second = (process(scripts, which) for which in (mode, None, mode))
    wrong = 0
    print("script | first process: s (timed) | plain Triton, warm: s (timed) | second process: s (timed) | ratio | same output")
    for one, two, three in zip(first, plain, second):
        columns = [f"{run['seconds']:.3f} ({run['timed']})" for run in (one, two, three)]
        same = one["output"] == two["output"] == three["output"]
        failure = next((run["failure"] for run in (one, two, three) if run["failure"]), "")
        print(" | ".join([one["script"], *columns, f"{three['seconds'] / two['seconds']:.2f}", "yes" if same else "no"]))
        if failure:
            print(failure)
        wrong += bool(failure) or not same or three["timed"] > 0
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
