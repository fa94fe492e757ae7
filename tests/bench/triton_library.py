"""Seconds that @triton.autotune takes, from a cold start, for the configurations that the library's documents have.

    tests/bench/triton_library.py [--only relu] [--seconds 60]

The kernels are the library's (configs/kernels: relu, softmax, layer_norm_f16, rms_norm_f16, matmul_f16), written in Triton as
Triton's users write them, with the parameters and constraints of those documents for an H100; tune_library.py times the same
problems. Each case is a process of its own with an empty TRITON_CACHE_DIR; what is measured is the first call, behind the
imports, in which Triton's autotuner compiles and times every configuration. Needs a GPU, PyTorch and Triton; without a GPU it
says so and ends.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

CASES = ["relu", "layer_norm", "rms_norm", "softmax", "matmul4096"]

try:
    import torch
    import triton
    import triton.language as tl
except ImportError as missing:
    sys.exit(f"nothing is compared: {missing}")


@triton.jit
def relu_kernel(x_ptr, y_ptr, n_elements, BLOCK_SIZE: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK_SIZE + tl.arange(0, BLOCK_SIZE)
    mask = offsets < n_elements
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(y_ptr + offsets, tl.maximum(x, 0.0), mask=mask)


@triton.jit
def softmax_kernel(y_ptr, x_ptr, n_rows, n_cols, ROWS: tl.constexpr, STAGES: tl.constexpr, WIDTH: tl.constexpr):
    first = tl.program_id(0) * ROWS
    columns = tl.arange(0, WIDTH)
    mask = columns < n_cols
    for row in tl.range(first, tl.minimum(first + ROWS, n_rows), num_stages=STAGES):
        start = row.to(tl.int64) * n_cols
        x = tl.load(x_ptr + start + columns, mask=mask, other=-float("inf"))
        numerator = tl.exp(x - tl.max(x, axis=0))
        tl.store(y_ptr + start + columns, numerator / tl.sum(numerator, axis=0), mask=mask)


@triton.jit
def layer_norm_kernel(x_ptr, y_ptr, w_ptr, b_ptr, mean_ptr, rstd_ptr, n_rows, n_cols, epsilon,
                      ROWS: tl.constexpr, STAGES: tl.constexpr, WIDTH: tl.constexpr):  # fmt: skip
    first = tl.program_id(0) * ROWS
    columns = tl.arange(0, WIDTH)
    mask = columns < n_cols
    weight = tl.load(w_ptr + columns, mask=mask, other=0.0).to(tl.float32)
    bias = tl.load(b_ptr + columns, mask=mask, other=0.0).to(tl.float32)
    for row in tl.range(first, tl.minimum(first + ROWS, n_rows), num_stages=STAGES):
        start = row.to(tl.int64) * n_cols
        x = tl.load(x_ptr + start + columns, mask=mask, other=0.0).to(tl.float32)
        mean = tl.sum(x, axis=0) / n_cols
        centred = tl.where(mask, x - mean, 0.0)
        rstd = 1 / tl.sqrt(tl.sum(centred * centred, axis=0) / n_cols + epsilon)
        tl.store(mean_ptr + row, mean)
        tl.store(rstd_ptr + row, rstd)
        tl.store(y_ptr + start + columns, (centred * rstd * weight + bias).to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def rms_norm_kernel(x_ptr, y_ptr, w_ptr, rstd_ptr, n_rows, n_cols, epsilon,
                    ROWS: tl.constexpr, STAGES: tl.constexpr, WIDTH: tl.constexpr):  # fmt: skip
    first = tl.program_id(0) * ROWS
    columns = tl.arange(0, WIDTH)
    mask = columns < n_cols
    weight = tl.load(w_ptr + columns, mask=mask, other=0.0).to(tl.float32)
    for row in tl.range(first, tl.minimum(first + ROWS, n_rows), num_stages=STAGES):
        start = row.to(tl.int64) * n_cols
        x = tl.load(x_ptr + start + columns, mask=mask, other=0.0).to(tl.float32)
        rstd = 1 / tl.sqrt(tl.sum(x * x, axis=0) / n_cols + epsilon)
        tl.store(rstd_ptr + row, rstd)
        tl.store(y_ptr + start + columns, (x * rstd * weight).to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
                  GROUP_M: tl.constexpr):  # fmt: skip
    number = tl.program_id(0)
    across, down = tl.cdiv(N, BLOCK_N), tl.cdiv(M, BLOCK_M)
    first = number // (GROUP_M * across) * GROUP_M
    rows = tl.minimum(down - first, GROUP_M)
    m = first + number % (GROUP_M * across) % rows
    n = number % (GROUP_M * across) // rows
    om = (m * BLOCK_M + tl.arange(0, BLOCK_M)) % M
    on = (n * BLOCK_N + tl.arange(0, BLOCK_N)) % N
    ok = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + om[:, None] * K + ok[None, :]
    b_ptrs = b_ptr + ok[:, None] * N + on[None, :]
    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        a = tl.load(a_ptrs, mask=ok[None, :] < K - k * BLOCK_K, other=0.0)
        b = tl.load(b_ptrs, mask=ok[:, None] < K - k * BLOCK_K, other=0.0)
        sums = tl.dot(a, b, sums)
        a_ptrs += BLOCK_K
        b_ptrs += BLOCK_K * N
    cm = m * BLOCK_M + tl.arange(0, BLOCK_M)
    cn = n * BLOCK_N + tl.arange(0, BLOCK_N)
    tl.store(c_ptr + cm[:, None] * N + cn[None, :], sums.to(tl.float16), mask=(cm[:, None] < M) & (cn[None, :] < N))


def rows_configs(width: int) -> list[Any]:
    return [triton.Config({"ROWS": rows, "STAGES": stages}, num_warps=warps)
            for rows, warps, stages in itertools.product([1, 2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32], [1, 2, 4])
            if (rows > 1 or stages == 1) and (warps == 1 or width >= 32 * warps)]  # fmt: skip


def relu_configs() -> list[Any]:
    return [triton.Config({"BLOCK_SIZE": block}, num_warps=warps)
            for block, warps in itertools.product([128, 256, 512, 1024, 2048, 4096, 8192], [1, 2, 4, 8, 16])
            if 32 * warps <= block <= 2048 * warps]  # fmt: skip


def matmul_configs() -> list[Any]:
    """The document's for 4096³ but those of few rows, of 132 programs and of clusters, which the kernel above does not have."""
    return [triton.Config({"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "GROUP_M": 8}, num_warps=warps, num_stages=stages)
            for m, n, k, warps, stages in itertools.product([32, 64, 128, 256], [32, 64, 128, 256], [32, 64, 128], [4, 8], [2, 3, 4])
            if m * n <= 32768 and 512 * warps <= m * n <= 8192 * warps and (m + n) * k * stages * 2 <= 232448]  # fmt: skip


def make(case: str) -> tuple[Any, Any]:
    """The autotuned kernel, and a call of it."""

    def empty(*shape: int, like: Any = torch.float16) -> Any:
        return torch.empty(shape, device="cuda", dtype=like)

    def random(*shape: int, like: Any = torch.float16) -> Any:
        return torch.randn(shape, device="cuda", dtype=like)

    rows, columns = 8192, 4096
    by_rows = lambda meta: (triton.cdiv(rows, meta["ROWS"]),)  # noqa: E731
    if case == "relu":
        n = 33554432
        tuned = triton.autotune(relu_configs(), key=[])(relu_kernel)
        x, y = random(n, like=torch.float32), empty(n, like=torch.float32)
        return tuned, lambda: tuned[lambda meta: (triton.cdiv(n, meta["BLOCK_SIZE"]),)](x, y, n)
    if case == "softmax":
        tuned = triton.autotune(rows_configs(columns), key=[])(softmax_kernel)
        x, y = random(rows, columns, like=torch.float32), empty(rows, columns, like=torch.float32)
        return tuned, lambda: tuned[by_rows](y, x, rows, columns, WIDTH=columns)
    if case == "layer_norm":
        tuned = triton.autotune(rows_configs(columns), key=[])(layer_norm_kernel)
        x, y, w, b = random(rows, columns), empty(rows, columns), random(columns), random(columns)
        mean, rstd = empty(rows, like=torch.float32), empty(rows, like=torch.float32)
        return tuned, lambda: tuned[by_rows](x, y, w, b, mean, rstd, rows, columns, 1e-5, WIDTH=columns)
    if case == "rms_norm":
        tuned = triton.autotune(rows_configs(columns), key=[])(rms_norm_kernel)
        x, y, w, rstd = random(rows, columns), empty(rows, columns), random(columns), empty(rows, like=torch.float32)
        return tuned, lambda: tuned[by_rows](x, y, w, rstd, rows, columns, 1e-6, WIDTH=columns)
    n = 4096
    tuned = triton.autotune(matmul_configs(), key=[])(matmul_kernel)
    a, b, c = random(n, n), random(n, n), empty(n, n)
    grid = lambda meta: (triton.cdiv(n, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)  # noqa: E731
    return tuned, lambda: tuned[grid](a, b, c, n, n, n)


def one(case: str) -> None:
    tuned, call = make(case)
    torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    best = triton.testing.do_bench(call, warmup=25, rep=100, return_mode="median") * 1e-3
    print(json.dumps({"case": case, "seconds": seconds, "configurations": len(tuned.configs), "best": best}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=CASES)
    parser.add_argument("--seconds", type=float, default=3600, help="a case that takes longer is told as such")
    parser.add_argument("--inside", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        one(options.inside)
        return 0
    if not torch.cuda.is_available():
        print("nothing is compared: PyTorch sees no GPU")
        return 0
    print(f"Triton {triton.__version__} | seconds | configurations | best: us")
    failed = 0
    for case in options.only or CASES:
        with tempfile.TemporaryDirectory() as cache:
            try:
                done = subprocess.run([sys.executable, __file__, "--inside", case], env={**os.environ, "TRITON_CACHE_DIR": cache},
                                      stdout=subprocess.PIPE, text=True, check=False, timeout=options.seconds)  # fmt: skip
            except subprocess.TimeoutExpired:
                print(f"{case} | more than {options.seconds:.0f} | - | -", flush=True)
                continue
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]
        failed += not rows
        for row in rows:
            print(f"{case} | {row['seconds']:.1f} | {row['configurations']} | {row['best'] * 1e6:.1f}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
