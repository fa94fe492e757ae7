"""What a launch and a question cost a Python program, beside Triton's in the same process; and a C program's launch.

PYTHONPATH=build/python GPU_TUNED_SOCKET=… python3 tests/bench/launch/launch_bench.py [--c build/bin/launch_bench]

Kernels of 6 and 19 arguments (pointers and integers, sums of arrays), launched as gpu_tuned.kernel and beside it as a plain
triton.jit; and autotuned ones in mode `build`, beside Triton's autotuner. Host time alone, in turns, medians; "ratio" is ours by
theirs. `best` is asked of a tuned softmax, from memory, and as the first question of processes of their own, behind the import.
Needs a GPU, PyTorch, Triton and a daemon; without a GPU it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

N = 16384  # elements of each array

FIRST_QUERY = """
import time; began = time.perf_counter()
import gpu_tuned; imported = time.perf_counter()
gpu_tuned.kernel("softmax").best("cuda:0", n_rows=4096, n_cols=1024)
print(imported - began, time.perf_counter() - imported)
"""


def per_call(call: Callable[[], Any], synchronize: Callable[[], Any], launches: int = 100, rounds: int = 31) -> float:
    """Median microseconds of the host's. Rounds are short, so that it never waits for a device whose queue is full."""
    for _ in range(200):
        call()
    synchronize()
    samples = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(launches):
            call()
        samples.append((time.perf_counter() - began) / launches)
        synchronize()
    return statistics.median(samples) * 1e6


def document(folder: str, inputs: int, integers: int) -> str:
    """Writes the kernel that sums `inputs` arrays and takes so many integers; the path of its document."""
    pointers = inputs + 1
    tensor, places = "tensor<${BLOCK}xf32>", "tensor<${BLOCK}x!tt.ptr<f32>>"
    numbers = "tensor<${BLOCK}xi32>"
    arguments = [f"%p{i}: !tt.ptr<f32> {{tt.divisibility = 16 : i32}}" for i in range(pointers)]
    arguments += [f"%i{i}: i32" for i in range(integers)]
    lines = [
        "%block = arith.constant ${BLOCK} : i32",
        "%program = tt.get_program_id x : i32",
        "%begin = arith.muli %program, %block : i32",
        f"%range = tt.make_range {{end = ${{BLOCK}} : i32, start = 0 : i32}} : {numbers}",
        f"%begins = tt.splat %begin : i32 -> {numbers}",
        f"%offsets = arith.addi %begins, %range : {numbers}",
        f"%ends = tt.splat %i0 : i32 -> {numbers}",
        f"%inside = arith.cmpi slt, %offsets, %ends : {numbers}",
    ]
    for i in range(pointers):
        lines += [f"%b{i} = tt.splat %p{i} : !tt.ptr<f32> -> {places}", f"%q{i} = tt.addptr %b{i}, %offsets : {places}, {numbers}"]
    lines += [f"%v{i} = tt.load %q{i}, %inside : {places}" for i in range(inputs)]
    lines += [f"%s{i} = arith.addf {f'%s{i - 1}' if i > 1 else '%v0'}, %v{i} : {tensor}" for i in range(1, inputs)]
    lines += [f"tt.store %q{inputs}, %s{inputs - 1}, %inside : {places}", "tt.return"]
    text = f"module {{\ntt.func public @sum({', '.join(arguments)}) attributes {{noinline = false}} {{\n"
    text += "\n".join(lines) + "\n}\n}\n"
    rows: list[dict[str, Any]] = [{"name": f"x{i}", "type": "*f32", "shape": ["n"]} for i in range(inputs)]
    rows.append({"name": "y", "type": "*f32", "shape": ["n"], "output": True, "fill": "zeros"})
    rows += [{"name": f"i{i}", "type": "i32", "value": f"n + {i}"} for i in range(integers)]
    path = Path(folder, f"sum_{pointers + integers}.json")
    path.write_text(json.dumps({
        "name": path.stem, "language": "ttir", "entry": "sum", "source_text": text, "sizes": ["n"], "arguments": rows,
        "parameters": {"BLOCK": [256], "num_warps": [2, 4]}, "grid": ["cdiv(n, BLOCK)"],
        "default": {"BLOCK": 256, "num_warps": 4}}))  # fmt: skip
    return str(path)


def kernels() -> tuple[Any, Any]:
    import triton
    import triton.language as tl

    @triton.jit
    def sum6(x, y, z, n, p, q, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
        o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(z + o, tl.load(x + o, o < n) + tl.load(y + o, o < n), o < n)

    @triton.jit
    def sum19(a, b, c, d, e, n, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
        o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        m = o < n
        tl.store(e + o, tl.load(a + o, m) + tl.load(b + o, m) + tl.load(c + o, m) + tl.load(d + o, m), m)

    return sum6, sum19


def row(name: str, ours: float, what: str, theirs: float) -> None:
    print(f"{name} | {ours:.2f} | {what}: {theirs:.2f} | {ours / theirs:.2f}", flush=True)


def direct(folder: str, torch: Any) -> list[str]:
    """gpu_tuned.kernel beside triton.jit; the documents."""
    import gpu_tuned

    arrays = [torch.randn(N, device="cuda") for _ in range(4)]
    out, numbers = torch.empty_like(arrays[0]), list(range(N, N + 14))
    six, nineteen = kernels()
    paths = [document(folder, 2, 3), document(folder, 4, 14)]
    grid = (N // 256,)
    for path, theirs, inputs, integers in ((paths[0], six, 2, 3), (paths[1], nineteen, 4, 14)):
        kernel = gpu_tuned.kernel(path)
        kernel.tune("cuda:0", n=N, progress=False)
        some, scalars = arrays[:inputs], numbers[:integers]
        ways = (lambda: kernel(*some, out=out), lambda: theirs[grid](*some, out, *scalars, BLOCK=256))  # noqa: B023
        for way in ways:
            out.zero_()
            way()
            assert torch.allclose(out, sum(some)), path
        samples = [[per_call(way, torch.cuda.synchronize) for way in ways] for _ in range(3)]
        one, two = (statistics.median(times) for times in zip(*samples))
        row(f"launch, {inputs + 1 + integers} arguments", one, "triton.jit", two)
    return paths


def autotuned(torch: Any) -> None:
    """Mode build beside Triton's autotuner."""
    import triton

    import gpu_tuned.triton as hooks

    arrays = [torch.randn(N, device="cuda") for _ in range(4)]
    out, numbers = torch.empty_like(arrays[0]), list(range(N, N + 14))
    configs = [triton.Config({"BLOCK": block}, num_warps=warps) for block, warps in ((256, 4), (512, 4), (1024, 8))]
    for source, inputs, integers in zip(kernels(), (2, 4), (3, 14)):
        hooks.install("build")
        kernel = triton.autotune(configs, key=["n"])(source)
        some, scalars = arrays[:inputs], numbers[:integers]

        def launch() -> None:
            kernel[lambda meta: (triton.cdiv(meta["n"], meta["BLOCK"]),)](*some, out, *scalars)  # noqa: B023

        samples = []
        for _ in range(3):
            hooks.install("build")
            out.zero_()
            launch()
            assert torch.allclose(out, sum(some))
            ours = per_call(launch, torch.cuda.synchronize)
            hooks.uninstall()
            samples.append((ours, per_call(launch, torch.cuda.synchronize)))
        one, two = (statistics.median(times) for times in zip(*samples))
        row(f"launch in mode build, {inputs + 1 + integers} arguments", one, "Triton's autotuner", two)


def questions() -> None:
    import gpu_tuned

    softmax = gpu_tuned.kernel("softmax")
    softmax.tune("cuda:0", n_rows=4096, n_cols=1024, seconds=5, progress=False)
    known = per_call(lambda: softmax.best("cuda:0", n_rows=4096, n_cols=1024), lambda: None, 20000)
    print(f"best from memory: {1e3 * known:.0f} ns")
    run = [sys.executable, "-c", FIRST_QUERY]
    said = [subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() for _ in range(7)]
    imports, firsts = ([float(words[at]) for words in said] for at in (0, 1))
    print(f"import: {1e3 * statistics.median(imports):.1f} ms; first query behind it: {1e3 * statistics.median(firsts):.2f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--c", default="", help="the program launch_bench")
    options = parser.parse_args()
    try:
        import torch
        import triton  # noqa: F401
    except ImportError as missing:
        print(f"nothing is timed: {missing}")
        return 0
    if not torch.cuda.is_available():
        print("nothing is timed: PyTorch sees no GPU")
        return 0
    print("what | ours: us | beside: us | ratio")
    with tempfile.TemporaryDirectory() as folder:
        paths = direct(folder, torch)
        if options.c:
            subprocess.run([options.c, paths[0], str(N)], check=True)
    autotuned(torch)
    questions()
    return 0


if __name__ == "__main__":
    sys.exit(main())
