"""Kernels' time in mode `build`: what is launched where our builds and Triton's compete, beside Triton's own best.

PYTHONPATH=build/python:client/python GPU_TUNED_SOCKET=… python3 tests/bench/triton_builds.py TUTORIALS [CASE…]

TUTORIALS is python/tutorials of a checkout of Triton. Each case (triton_tutorials.py; without one: all of them) is called
in mode build, which has the daemon find the fastest build that is proven right, and without us, where Triton's autotuner
chooses; then both are timed in turns, three times each, medians of launches with a cold cache. Behind these stands the host's
time of a launch alone, of the same call: ours, Triton's autotuner's, and its function's without the autotuner.
GPU_TUNED_TRITON_SECONDS limits a tuning. Needs a GPU, PyTorch, Triton and a daemon; without a GPU it says so and ends.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent / "launch"))
from launch_bench import per_call  # noqa: E402


def winner(autotuners: list[Any]) -> str:
    """Whose build it is that the kernels launch now, and how many configurations they have."""
    from gpu_tuned import _entries
    from gpu_tuned.triton import _build

    kept = [entry for key in _entries.keys(_build.SPACE) if (entry := _entries.get(_build.SPACE, key))]
    names = {getattr(autotuner.base_fn, "__name__", "") for autotuner in autotuners}
    newest = [entry for entry in kept if entry["question"]["function"] in names]
    return ", ".join(sorted({entry["origin"] or "ours" for entry in newest})) or "Triton's launch (stays with Triton)"


Launch = tuple[Any, tuple[Any, ...], dict[str, Any]]


def launches_of(run: Callable[[], Any]) -> list[Launch]:
    """The autotuned kernels that a call launches, each with what it is called with."""
    from triton.runtime.autotuner import Autotuner

    seen: list[Launch] = []
    original = Autotuner.run

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((self, args, {name: value for name, value in kwargs.items() if name != "warmup"}))
        return original(self, *args, **kwargs)

    Autotuner.run = noted
    try:
        run()
    finally:
        Autotuner.run = original
    return seen


def host_times(launch: Launch, hooks: Any, synchronize: Callable[[], None]) -> list[float]:
    """Microseconds of the host for the launch: in mode build, by Triton's autotuner, by its function."""
    autotuner, args, kwargs = launch
    keywords = {name: value for name, value in kwargs.items() if name != "grid"}
    grid = kwargs["grid"]

    def by_autotuner() -> None:
        autotuner[grid](*args, **keywords)

    def by_function() -> None:
        autotuner.fn[grid](*args, **keywords, **autotuner.best_config.all_kwargs())

    hooks.install("build")
    ours = per_call(by_autotuner, synchronize, rounds=11)
    hooks.uninstall()
    return [ours, *(per_call(way, synchronize, rounds=11) for way in (by_autotuner, by_function))]


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    try:
        import torch
        import triton
    except ImportError as missing:
        print(f"nothing is timed: {missing}")
        return 0
    if not torch.cuda.is_available():
        print("nothing is timed: PyTorch sees no GPU")
        return 0
    import triton_tutorials

    import gpu_tuned.triton as hooks

    def median(call: Callable[[], Any]) -> float:
        return float(triton.testing.do_bench(call, warmup=25, rep=100, return_mode="median"))

    wrong = 0
    print("case | Triton's best: us | launched in mode build: us | whose | Triton's / launched | right | host: us")
    for case in arguments[1:] or list(triton_tutorials.CASES):
        call, reference = triton_tutorials.make(arguments[0], case)
        launches = launches_of(call)
        theirs, ours = [], []
        for _ in range(3):
            hooks.install("build")
            result = call()
            ours.append(median(call))
            whose = winner([autotuner for autotuner, _, _ in launches])
            hooks.uninstall()
            call()
            theirs.append(median(call))
        right = triton_tutorials.close(result, reference())
        wrong += not right
        one, two = statistics.median(theirs) * 1e3, statistics.median(ours) * 1e3
        host = ", ".join(f"{time:.1f}" for time in host_times(launches[-1], hooks, torch.cuda.synchronize))
        print(f"{case} | {one:.1f} | {two:.1f} | {whose} | {one / two:.3f} | {'yes' if right else 'no'} | {host}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
