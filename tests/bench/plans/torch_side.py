#!/usr/bin/env python3
"""PyTorch's operations, run when gpu_compare or cpu_products asks for them.

    gpu_compare DIR --torch "python3 tests/bench/plans/torch_side.py"

A line of JSON says what to compute: the "torch" of a task in plan.json, as case_plan.py writes it. The answer is "ready",
or why not; "time N" is answered by N times in seconds, on a GPU each from a cold cache.
"""
import json
import sys
import time


def operation(torch, what):
    """The call that is timed, its inputs made."""
    functional = torch.nn.functional
    if what["op"] == "matmul_cpu":
        torch.set_num_threads(what["threads"])
        m, n, k = (what[size] for size in "MNK")
        kind = {"f32": torch.float32, "bf16": torch.bfloat16}[what["type"]]
        a, b = torch.randn(m, k).to(kind), torch.randn(k, n).to(kind)
        out = torch.empty(m, n, dtype=kind)
        return lambda: torch.matmul(a, b, out=out)
    if what["op"] == "matmul":
        m, n, k = (what[size] for size in "MNK")
        a = torch.randn(m, k, device="cuda", dtype=torch.float16)
        b = torch.randn(k, n, device="cuda", dtype=torch.float16)
        if what["b"] == "n":
            b = torch.randn(n, k, device="cuda", dtype=torch.float16).T
        out = torch.empty(m, n, device="cuda", dtype=torch.float16)
        return lambda: torch.matmul(a, b, out=out)
    if what["op"] == "matmuls":
        pairs = [[torch.randn(size, size, device="cuda", dtype=torch.float16) for _ in range(2)] for size in what["squares"]]
        return lambda: [torch.matmul(a, b) for a, b in pairs]
    if what["op"] == "matmul_fp8":
        m, n, k = (what[size] for size in "MNK")
        a, b = (torch.randn(rows, k, device="cuda").to(torch.float8_e4m3fn) for rows in (m, n))
        one = torch.ones((), device="cuda")
        return lambda: torch._scaled_mm(a, b.T, one, one, out_dtype=torch.bfloat16, use_fast_accum=True)
    if what["op"] in ("add", "softmax", "layer_norm"):
        return rows(torch, what)
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


def rows(torch, what):
    """What has no dots."""
    if what["op"] == "add":
        x, y = (torch.randn(what["n_elements"], device="cuda") for _ in range(2))
        out = torch.empty_like(x)
        return lambda: torch.add(x, y, out=out)
    if what["op"] == "softmax":
        x = torch.randn(what["n_rows"], what["n_cols"], device="cuda")
        return lambda: torch.softmax(x, 1)
    x = torch.randn(what["M"], what["N"], device="cuda", dtype=torch.float16)
    weight, bias = (torch.randn(what["N"], device="cuda", dtype=torch.float16) for _ in range(2))
    return lambda: torch.nn.functional.layer_norm(x, (what["N"],), weight, bias)


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


def measure_cpu(call, repeats):
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


class Side:
    """What is computed at the moment."""

    def __init__(self):
        self.torch, self.call, self.room, self.cpu = None, None, None, False

    def prepare(self, what):
        if self.torch is None:
            import torch

            self.torch = torch
        self.call, self.cpu = None, what["op"].endswith("_cpu")
        if not self.cpu:
            self.torch.cuda.empty_cache()
            if self.room is None:
                self.room = self.torch.empty(64 << 20, device="cuda", dtype=self.torch.int32)  # more than any cache holds
        self.call = operation(self.torch, what)
        for _ in range(3):
            self.call()
        if not self.cpu:
            self.torch.cuda.synchronize()
        return "ready"

    def measure(self, repeats):
        return measure_cpu(self.call, repeats) if self.cpu else measure(self.torch, self.call, repeats, self.room)

    def answer(self, line):
        try:
            if line.startswith("{"):
                return self.prepare(json.loads(line))
            return " ".join(map(str, self.measure(int(line.split()[1]))))
        except Exception as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]


def main():
    side = Side()
    for line in sys.stdin:
        print(side.answer(line), flush=True)


if __name__ == "__main__":
    main()
