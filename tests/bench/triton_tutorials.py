"""Autotuned kernels of Triton's tutorials at sizes worth timing, for triton_builds.py and triton_autotune.py.

A tutorial's definitions are loaded as they are, without what runs them and without its own benchmarks.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton.testing


class NoReport:
    """Stands in for a benchmark of the tutorial's own."""

    def run(self, **_: Any) -> None:
        pass


triton.testing.perf_report = lambda configs: lambda function: NoReport()


def load(folder: str, number: str) -> dict[str, Any]:
    """What the tutorial defines before its first statement that only does something (03 tries its kernel there, which would
    be no cold start); LookupError: there is none of that number."""
    files = sorted(Path(folder).glob(f"{number}-*.py"))
    if not files:
        raise LookupError(f"{folder} has no tutorial {number}")
    tree = ast.parse(files[0].read_text(encoding="utf-8"))
    does = (at for at, node in enumerate(tree.body) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    tree.body = tree.body[: next(does, len(tree.body))]
    names: dict[str, Any] = {"__name__": "tutorial", "__file__": str(files[0])}
    exec(compile(tree, str(files[0]), "exec"), names)  # Triton reads its functions' source in that file
    return names


def half(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device=DEVICE, dtype=torch.float16) * 0.5


DEVICE = "cuda"


def matmul(names: dict[str, Any], size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    a, b = half(size, size), half(size, size)
    return lambda: names["matmul"](a, b), lambda: a @ b


def transposed(function: str) -> Callable[[dict[str, Any], int], tuple[Callable[[], Any], Callable[[], Any]]]:
    """A product of tutorial 09, whose b is [N, K]."""

    def make(names: dict[str, Any], size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        a, b = half(size, size), half(size, size)
        return lambda: names[function](a, b, False), lambda: a @ b.T

    return make


def persistent(names: dict[str, Any], size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    a, b = half(size, size), half(size, size)
    return lambda: names["matmul_persistent"](a, b), lambda: a @ b


def attention(depth: int) -> Callable[[dict[str, Any], int], tuple[Callable[[], Any], Callable[[], Any]]]:
    """Tutorial 06, forward and causal, 4 batches of 32 heads; size is the context."""

    def make(names: dict[str, Any], size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        q, k, v = (half(4, 32, size, depth) for _ in range(3))
        more = (False,) * (names["_attention"].forward.__code__.co_argcount - 6)  # later versions: warp_specialize
        scale = depth**-0.5
        return (
            lambda: names["attention"](q, k, v, True, scale, *more),
            lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale),
        )

    return make


#: name → (tutorial, size, what makes the call and PyTorch's answer)
CASES: dict[str, tuple[str, int, Callable[[dict[str, Any], int], tuple[Callable[[], Any], Callable[[], Any]]]]] = {
    "03 matmul": ("03", 4096, matmul),
    "03 matmul small": ("03", 2048, matmul),
    "06 forward D 64": ("06", 4096, attention(64)),
    "06 forward D 128": ("06", 4096, attention(128)),
    "09 persistent": ("09", 8192, persistent),
    "09 descriptor persistent": ("09", 8192, transposed("matmul_descriptor_persistent")),
    "09 TMA": ("09", 8192, transposed("matmul_tma")),
    "09 TMA persistent": ("09", 8192, transposed("matmul_tma_persistent")),
}


def make(folder: str, case: str, size: int = 0) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The case's call and PyTorch's; `size` instead of the case's own where it is not 0."""
    number, usual, build = CASES[case]
    torch.manual_seed(0)
    return build(load(folder, number), size or usual)


def close(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Equal within what halves of such sums may differ by."""
    return bool(torch.allclose(ours.float(), theirs.float(), rtol=2e-2, atol=2e-2 * float(theirs.float().abs().max())))
