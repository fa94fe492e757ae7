"""Softmax on whatever there is: tuned builds where a daemon answers, else what PyTorch has on the device.

Run it: ``python hybrid.py``. It prints which way was taken and how far the result is from PyTorch's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def device() -> str:
    """The best device that PyTorch sees: "cuda", "mps" on a Mac, "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def softmax_for(where: str) -> tuple[str, Callable[[Any], Any]]:
    """How softmax is computed on ``where``, and the function that does it. Never fails: the last way is eager PyTorch."""
    if where in ("cuda", "cpu"):
        try:
            import gpu_tuned

            tuned = gpu_tuned.kernel("softmax")
            tuned(torch.zeros(8, 64, device=where))  # asks the daemon, loads a build, launches it
            return "tuned", tuned
        except Exception as error:  # not installed, no daemon, no build for this device
            print(f"without tuned: {error}")
    if where == "cuda":
        try:
            compiled = torch.compile(lambda x: torch.softmax(x, -1))
            compiled(torch.zeros(8, 64, device=where))
            return "inductor", compiled
        except Exception as error:  # no Triton, no compiler
            print(f"without Inductor: {error}")
    return "eager", lambda x: torch.softmax(x, -1)


def main() -> None:
    where = device()
    way, softmax = softmax_for(where)
    x = torch.randn(256, 1000, device=where)
    worst = (softmax(x) - torch.softmax(x, -1)).abs().max().item()
    print(f"{way} on {where}: largest difference {worst:.1e}")
    assert worst < 1e-5


if __name__ == "__main__":
    main()
