"""torch.compile(mode="max-autotune") of one model, many times: what Inductor times in the first process and in the second.

PYTHONPATH=build/python:client/python GPU_TUNED_SOCKET=… python3 tests/bench/torch_compile.py [--calls 1000] [--lower 10] [--seconds N] [--no-plain]

Three processes after each other, each with empty caches of Inductor's and Triton's of its own, so that only the daemon can
know anything: with tuned, once; without it, once; with tuned, CALLS times, each behind torch._dynamo.reset(). From the
second call on Inductor's cache of graphs in this process may answer; the first LOWER of them are made without that cache,
so that each lowers the model and chooses templates and configurations again; --seconds ends it earlier, and the calls that were
made are printed. What is counted is every benchmark of a
template's choices and every benchmark of a fused kernel's configurations. The last process must count none and give what
PyTorch gives without compiling. Needs a GPU, PyTorch 2.10 or later and a daemon; without a GPU it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "client" / "python"


names: dict[str, int] = {}  # of fused kernels that were timed


def count_benchmarks() -> dict[str, int]:
    """Counts from now on; the functions are Inductor's own."""
    from torch._inductor import select_algorithm
    from torch._inductor.runtime import triton_heuristics

    counts = {"templates": 0, "fused": 0}

    def counting(owner: Any, name: str, what: str) -> None:
        raw = owner.__dict__[name]
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw

        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[what] += 1
            name = getattr(args[0], "inductor_meta", {}).get("kernel_name", "") if args else ""
            if name:
                names[name] = names.get(name, 0) + 1
            return function(*args, **kwargs)

        setattr(owner, name, type(raw)(counted) if isinstance(raw, (staticmethod, classmethod)) else counted)

    counting(select_algorithm.AlgorithmSelectorCache, "benchmark_choice", "templates")
    counting(triton_heuristics.CachingAutotuner, "bench", "fused")
    return counts


def inside(calls: int, lower: int, most: float) -> None:
    if os.environ.get("GPU_TUNED_INDUCTOR"):
        import gpu_tuned_start  # noqa: F401  as gpu_tuned.pth does it
    import torch
    from torch import nn

    counts = count_benchmarks()
    torch.manual_seed(0)
    model = nn.Sequential(nn.LayerNorm(768), nn.Linear(768, 3072), nn.GELU(), nn.Softmax(-1))
    model = model.to("cuda", torch.float16).eval()
    x = torch.randn(1024, 768, device="cuda", dtype=torch.float16)
    first, right = 0.0, True
    with torch.no_grad():
        expected = model(x).float()
        began = time.perf_counter()
        for call in range(calls):
            if most and call and time.perf_counter() - began > most:
                calls = call
                break
            if call in (lower, 10 * lower) or call and call % 100 == 0:
                print(f"{call} calls after {time.perf_counter() - began:.1f} s: {counts}", file=sys.stderr, flush=True)
            torch._dynamo.reset()
            fresh = call < lower
            torch._inductor.config.fx_graph_cache = not fresh
            torch._functorch.config.enable_autograd_cache = not fresh
            y = torch.compile(model, mode="max-autotune-no-cudagraphs")(x)
            if call == 0:
                torch.cuda.synchronize()
                first = time.perf_counter() - began
                right = bool(torch.allclose(y.float(), expected, rtol=1e-2, atol=1e-3))
        torch.cuda.synchronize()
        seconds = time.perf_counter() - began
        right = right and bool(torch.allclose(y.float(), expected, rtol=1e-2, atol=1e-3))
    if names:
        print(f"timed: {names}", file=sys.stderr)
    print(json.dumps({"calls": calls, "first": first, "seconds": seconds, "right": right, **counts}), flush=True)


def process(with_us: bool, calls: int, lower: int, most: float) -> dict[str, Any]:
    """Compile processes of Inductor's start as Python does: a sitecustomize stands in for the installed .pth file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text((PACKAGE / "gpu_tuned.pth").read_text() if PACKAGE.is_dir() else "")
        environment = {
            **os.environ,
            "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor",
            "TRITON_CACHE_DIR": f"{folder}/triton",
            "PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]),
        }
        environment.pop("GPU_TUNED_INDUCTOR", None)
        if with_us:
            environment["GPU_TUNED_INDUCTOR"] = "1"
        command = [sys.executable, __file__, "--inside", "--calls", str(calls), "--lower", str(lower), "--seconds", str(most)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"calls"')))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--lower", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--no-plain", action="store_true", help="leave out the process without us")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.calls, options.lower, options.seconds)
        return 0
    try:
        import torch
    except ImportError as missing:
        print(f"nothing is compiled: {missing}")
        return 0
    if not torch.cuda.is_available():
        print("nothing is compiled: PyTorch sees no GPU")
        return 0
    print("process | calls | first call: s | all: s | templates timed | fused kernels timed | right")
    last: dict[str, Any] = {}
    for name, with_us, calls in (("with tuned, first", True, 1), ("without", False, 1), ("with tuned, second", True, options.calls)):
        if options.no_plain and not with_us:
            continue
        last = process(with_us, calls, options.lower, options.seconds)
        print(f"{name} | {last['calls']} | {last['first']:.2f} | {last['seconds']:.2f} | {last['templates']} | {last['fused']} | "
              f"{'yes' if last['right'] else 'no'}", flush=True)  # fmt: skip
    return 0 if last["right"] and last["templates"] == last["fused"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
