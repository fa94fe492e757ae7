#!/usr/bin/env python3
"""PyTorch's operations, run when gpu_compare asks for them.

    gpu_compare DIR --torch "python3 tests/bench/torch_side.py"

A line of JSON says what to compute: the "torch" of a task in plan.json, as case_plan.py writes it. The answer is "ready",
or why not; "time N" is answered by N times in seconds, each from a cold cache.
"""
import json
import sys


def operation(torch, what):
    """The call that is timed, its inputs made."""
    functional = torch.nn.functional
    if what["op"] == "matmul":
        m, n, k = (what[size] for size in "MNK")
        a = torch.randn(m, k, device="cuda", dtype=torch.float16)
        b = torch.randn(k, n, device="cuda", dtype=torch.float16)
        if what["b"] == "n":
            b = torch.randn(n, k, device="cuda", dtype=torch.float16).T
        out = torch.empty(m, n, device="cuda", dtype=torch.float16)
        return lambda: torch.matmul(a, b, out=out)
    if what["op"] == "matmul_fp8":
        m, n, k = (what[size] for size in "MNK")
        a, b = (torch.randn(rows, k, device="cuda").to(torch.float8_e4m3fn) for rows in (m, n))
        one = torch.ones((), device="cuda")
        return lambda: torch._scaled_mm(a, b.T, one, one, out_dtype=torch.bfloat16, use_fast_accum=True)
    shape = (1, what["heads"], what["length"], what["depth"])
    q, k, v = (torch.randn(shape, device="cuda", dtype=torch.float16) for _ in range(3))
    if what["op"] == "forward":
        return lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=what["causal"])
    if what["op"] == "backward":
        inputs = [each.requires_grad_() for each in (q, k, v)]
        out = functional.scaled_dot_product_attention(*inputs, is_causal=what["causal"])
        gradient = torch.randn_like(out)
        return lambda: torch.autograd.grad(out, inputs, gradient, retain_graph=True)
    raise ValueError(f"no operation {what['op']}")


def measure(torch, call, repeats, room):
    events = []
    for _ in range(repeats):
        room.zero_()
        pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        pair[0].record()
        call()
        pair[1].record()
        events.append(pair)
    torch.cuda.synchronize()
    return [first.elapsed_time(last) * 1e-3 for first, last in events]


class Side:
    """What is computed at the moment."""

    def __init__(self):
        self.torch, self.call, self.room = None, None, None

    def prepare(self, what):
        if self.torch is None:
            import torch

            self.torch = torch
            self.room = torch.empty(64 << 20, device="cuda", dtype=torch.int32)  # more than any cache holds
        self.call = None
        self.torch.cuda.empty_cache()
        self.call = operation(self.torch, what)
        for _ in range(3):
            self.call()
        self.torch.cuda.synchronize()
        return "ready"

    def answer(self, line):
        try:
            if line.startswith("{"):
                return self.prepare(json.loads(line))
            return " ".join(map(str, measure(self.torch, self.call, int(line.split()[1]), self.room)))
        except Exception as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]


def main():
    side = Side()
    for line in sys.stdin:
        print(side.answer(line), flush=True)


if __name__ == "__main__":
    main()
