"""Programs of tests/bench that are Python: they run in small, and say so where what they need is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    "words",
    [["torch_compile.py"], ["triton_builds.py", "nowhere"], ["triton_autotune.py", "nowhere"], ["launch/launch_bench.py"]],
)
def test_without_a_gpu_nothing_is_timed_and_that_is_said(words: list[str]) -> None:
    done = run(BENCH / words[0], *words[1:], CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    assert re.match(r"nothing is (compiled|timed|compared): .", done.stdout)


def test_builds_are_carried_and_measured_and_none_is_compiled_again(programs: Path) -> None:
    done = run(BENCH / "carried_builds.py", "--bin", programs, "--kernels", ROOT / "configs" / "kernels", "--problems", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(lines) == ["built", "again", "exported", "imported", "measured"]
    built = re.match(r"built +(\d+) builds of 3 problems", lines["built"])
    assert built is not None and int(built[1]) >= 6
    assert f" {built[1]} new builds" in lines["imported"]
    assert lines["measured"].endswith(" 0 variants compiled")


def test_tritons_frontend_gives_what_is_tuned_instead_of_its_autotuner(connected: Any, tmp_path: Path) -> None:
    """A tutorial in small on the CPU: the IR of every configuration, one document, one tuning an effort."""
    for module in ("triton", "torch"):
        pytest.importorskip(module)
    (tmp_path / "03-product.py").write_text(
        '''"""A product, as tutorial 03 has it."""
import torch, triton
import triton.language as tl


@triton.autotune([triton.Config({"BLOCK": block}, num_warps=4) for block in (32, 64)], key=["n"])
@triton.jit
def product(a, b, c, n, BLOCK: tl.constexpr):
    rows, columns = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    sums = tl.zeros((BLOCK, BLOCK), tl.float32)
    for k in range(0, n, BLOCK):
        inner = k + tl.arange(0, BLOCK)
        sums += tl.dot(tl.load(a + rows[:, None] * n + inner[None, :]), tl.load(b + inner[:, None] * n + columns[None, :]))
    tl.store(c + rows[:, None] * n + columns[None, :], sums.to(tl.float16))


def matmul(a, b):
    c = torch.empty_like(a)
    product[lambda meta: (a.shape[0] // meta["BLOCK"], b.shape[1] // meta["BLOCK"])](a, b, c, a.shape[0])
    return c


print("never printed: only definitions are loaded")
'''
    )
    done = run(BENCH / "triton_autotune.py", tmp_path, "03 matmul", "--device", "cpu", "--size", "128",
               GPU_TUNED_SOCKET=connected.socket)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("03 matmul")]
    assert [row[1] for row in rows] == ["tuned, quick", "tuned, full"]
    assert all(row[3] == "2" and float(row[4]) > 0 and row[5] == "passed" for row in rows)
    assert "frontend" in done.stdout and "never printed" not in done.stdout
