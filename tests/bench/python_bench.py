"""What Python pays: importing, asking, launching; and softmax on the CPU beside NumPy and PyTorch.

PYTHONPATH=build/python GPU_TUNED_SOCKET=… GPU_TUNED_KERNELS=configs/kernels python3 tests/bench/python_bench.py
Everything in one process and in turns; medians. Needs a daemon; PyTorch is compared with where it is installed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def per_call(call: Callable[[], Any], seconds: float = 0.5) -> float:
    """Median seconds of a call, timed in batches of about a millisecond."""
    call()
    began = time.perf_counter()
    call()
    batch = max(1, int(1e-3 / max(time.perf_counter() - began, 1e-9)))
    samples = []
    end = time.perf_counter() + seconds
    while len(samples) < 5 or time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(batch):
            call()
        samples.append((time.perf_counter() - began) / batch)
    return statistics.median(samples)


def importing() -> float:
    program = "import time; t = time.process_time(); import gpu_tuned; print(time.process_time() - t)"
    run = [sys.executable, "-c", program]
    return statistics.median(float(subprocess.run(run, capture_output=True, check=True).stdout) for _ in range(7))


def first_query() -> float:
    program = (
        "import time, gpu_tuned; t = time.perf_counter();"
        "gpu_tuned.kernel('softmax').best(n_rows=4096, n_cols=4096, device='cpu'); print(time.perf_counter() - t)"
    )
    run = [sys.executable, "-c", program]
    return statistics.median(float(subprocess.run(run, capture_output=True, check=True).stdout) for _ in range(7))


def seconds_of(way: Callable[[], Any]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def numpy_softmax(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def main() -> None:
    import gpu_tuned

    softmax = gpu_tuned.kernel("softmax")
    for rows, columns in ((8, 64), (4096, 4096)):
        print(softmax.tune("cpu", n_rows=rows, n_cols=columns, progress=False))
    print(f"importing: {importing() * 1e3:.1f} ms of processor time")
    print(f"first query of a process: {first_query() * 1e3:.2f} ms")
    asked = per_call(lambda: softmax.best("cpu", n_rows=4096, n_cols=4096))
    print(f"best in process: {asked * 1e9:.0f} ns")
    x, y = np.ones((8, 64), np.float32), np.empty((8, 64), np.float32)
    print(f"launch of an 8 x 64 softmax, NumPy arrays: {per_call(lambda: softmax(x, out=y)) * 1e6:.2f} us")
    x = np.random.default_rng(1).standard_normal((4096, 4096), dtype=np.float32)
    y = np.empty_like(x)
    ways: dict[str, Callable[[], Any]] = {"tuned": lambda: softmax(x, out=y), "numpy": lambda: numpy_softmax(x)}
    try:
        import torch

        tensor, result = torch.from_numpy(x), torch.empty(4096, 4096)
        ways["torch"] = lambda: torch.softmax(tensor, -1, out=result)
    except ImportError:
        pass
    seconds = {name: min(per_call(way, 1.0) for _ in range(3)) for name, way in ways.items()}
    for name, value in seconds.items():
        print(f"softmax 4096 x 4096, {name}: {value * 1e3:.2f} ms, {value / seconds['tuned']:.2f} x tuned's")
    if "torch" in ways:  # launch by launch: the threads of the one are still awake when the other begins
        turns = [(seconds_of(ways["tuned"]), seconds_of(ways["torch"])) for _ in range(60)]
        ours, theirs = (statistics.median(column) for column in zip(*turns))
        print(f"in turns, medians: tuned {ours * 1e3:.2f} ms, torch {theirs * 1e3:.2f} ms, {theirs / ours:.2f} x tuned's")


if __name__ == "__main__":
    main()
