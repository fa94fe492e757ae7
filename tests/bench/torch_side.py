#!/usr/bin/env python3
"""PyTorch's operation for one task, run when gpu_compare asks for it.

    gpu_compare DIR --torch "python3 tests/bench/torch_side.py"

The first line of the input says what to compute: the "torch" of a task in plan.json, as case_plan.py writes it. The answer
is "ready", or why not; "time N" is answered by N times in seconds, each from a cold cache.
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


def main():
    try:
        import torch

        call = operation(torch, json.loads(sys.stdin.readline()))
        room = torch.empty(64 << 20, device="cuda", dtype=torch.int32)  # more than any cache holds
        for _ in range(3):
            call()
        torch.cuda.synchronize()
    except Exception as error:
        print(f"{type(error).__name__}: {error}".splitlines()[0], flush=True)
        return
    print("ready", flush=True)
    for line in sys.stdin:
        print(*measure(torch, call, int(line.split()[1]), room), flush=True)


if __name__ == "__main__":
    main()
