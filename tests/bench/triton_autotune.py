"""Seconds from a cold start to the best configuration: @triton.autotune, and tuned on the IR of the same configurations.

PYTHONPATH=build/python GPU_TUNED_SOCKET=… python3 tests/bench/triton_autotune.py TUTORIALS [--effort quick,full] [CASE…]

TUTORIALS is python/tutorials of a checkout of Triton; cases are of triton_tutorials.py (default: 09's descriptor persistent
with 48 configurations, and 06 forward with D 128). Each side is a process of its own with an empty TRITON_CACHE_DIR:

- Triton's: the first call, in which its autotuner compiles and times every configuration; behind the imports, those of the first launch included.
- ours: the same first call is caught at the autotuner; Triton's frontend gives the IR of every configuration, one document
  goes to the daemon, and its answer (timed, judged) is waited for. Each effort is another tuning of the same document,
  forced, so that nothing of an earlier one counts; the IR is counted each time.

Needs a GPU, PyTorch, Triton and a daemon; without a GPU it says so and ends. `--device cpu --size N` tries our side without
a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

USUAL = ["09 descriptor persistent", "06 forward D 128"]


def import_all() -> None:
    """What both sides import, before their time begins. Triton imports gluon at its first launch: 0.03 s, and 0.09 to 0.23 s
    where Python may not keep what it compiles."""
    import torch  # noqa: F401
    import triton  # noqa: F401

    with contextlib.suppress(ImportError):  # releases that have none
        import triton.experimental.gluon  # noqa: F401


class Caught(Exception):
    """A call of an autotuned kernel, with its arguments."""

    def __init__(self, autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.autotuner, self.args_, self.kwargs = autotuner, args, kwargs


class Draft:
    """One configuration as Triton's frontend has it: what gpu_tuned.triton makes documents of."""

    def __init__(self, index: int, config: Any, source: Any, ir: Any, grid: tuple[int, int, int]) -> None:
        self.index, self.config, self.grid, self.signature = index, config, grid, source.signature
        self.ir = ir

    def configuration(self) -> dict[str, int]:
        return {"config": self.index, "num_warps": int(self.config.num_warps), "num_stages": int(self.config.num_stages)}


def frontend(source: Any, target: Any, options: dict[str, Any]) -> str:
    """The IR before any pass that knows a GPU, as Triton's compiler makes it."""
    from triton._C.libtriton import ir
    from triton.compiler.compiler import make_backend

    backend = make_backend(target)
    parsed = backend.parse_options(options)
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    module = source.make_ir(target, parsed, backend.get_codegen_implementation(parsed), backend.get_module_map(), context)
    return str(backend.make_ttir(module, {}, parsed, target.arch))


class Printed(Exception):
    """Instead of a compiled kernel: its source, and its place in what the frontend is to be run on."""

    def __init__(self, source: Any, place: int) -> None:
        super().__init__()
        self.source, self.place = source, place


class Frontend:
    """Catches what Triton's frontend is to be run on, once for configurations that differ in nothing it reads: warps and stages
    are for later passes."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}
        self.work: list[tuple[Any, Any, dict[str, Any]]] = []

    def __call__(self, src: Any, target: Any = None, options: Any = None, **_: Any) -> Any:
        read = {name: value for name, value in dict(options or {}).items() if name not in ("num_warps", "num_stages")}
        key = (src.hash(), repr(sorted(read.items())))
        if key not in self.places:
            self.places[key] = len(self.work)
            self.work.append((src, target, dict(options or {})))
        raise Printed(src, self.places[key])

    def functions(self) -> list[Any]:
        """The IR of all that was caught, parsed. The frontend is Python, which runs on one core a process: it goes on in children,
        which use no GPU."""
        from gpu_tuned.triton import _ir  # noqa: F401  before children are made

        children = min(len(self.work), os.cpu_count() or 1)
        if children < 2:
            return [parsed_ir(*each) for each in self.work]
        global CAUGHT
        CAUGHT = self.work
        try:
            with multiprocessing.get_context("fork").Pool(children) as pool:
                return pool.map_async(parsed_ir_of, range(len(self.work)), chunksize=1).get(timeout=30)
        except (RuntimeError, multiprocessing.TimeoutError) as failed:
            print(f"children cannot run the frontend: {failed}", file=sys.stderr)
            return [parsed_ir(*each) for each in self.work]


CAUGHT: list[tuple[Any, Any, dict[str, Any]]] = []


def parsed_ir_of(place: int) -> Any:
    from triton.runtime import driver

    # Asking the GPU's driver is what a child may not do.
    driver.active.get_current_target = lambda: CAUGHT[place][1]
    return parsed_ir(*CAUGHT[place])


def parsed_ir(source: Any, target: Any, options: dict[str, Any]) -> Any:
    from gpu_tuned.triton import _ir

    return _ir.Function.parse(frontend(source, target, options))


def drafts_of(call: Caught, caught: Frontend) -> tuple[Any, list[Draft], list[Any]]:
    """The function, every configuration's IR, and the arguments of the compiled function."""
    from gpu_tuned.triton import _export

    autotuner, args, kwargs = call.autotuner, call.args_, call.kwargs
    autotuner.nargs = dict(zip(autotuner.arg_names, args))
    drafts, first = [], None
    for index, config in enumerate(autotuner.prune_configs(kwargs)):
        _, meta = _export.meta_of(autotuner, args, kwargs, config)
        # Behind the configuration's hook, which sets the blocks of host descriptors.
        function, seen = _export.meta_of(autotuner, *_export.call_of(autotuner, args, kwargs, config), config)
        named = {name: seen[name] for name in function.signature.parameters if name in seen}
        options = {name: value for name, value in seen.items() if name not in named}
        grid = _export.grid_of(kwargs["grid"], meta)
        try:
            function.run(grid=grid, warmup=True, **named, **options)
            raise RuntimeError("Triton has compiled it before")
        except Printed as made:
            drafts.append(Draft(index, config, made.source, made.place, grid))
            first = first or meta
    functions = caught.functions()
    for draft in drafts:
        draft.ir = functions[draft.ir]
    return function, drafts, _export.parameters_of(drafts[0], first)


def ours(options: argparse.Namespace) -> None:
    import triton
    import triton_tutorials
    from triton.runtime.autotuner import Autotuner

    from gpu_tuned import _daemon
    from gpu_tuned.triton import _build, _export

    if options.device == "cpu":
        pretend_a_gpu(triton_tutorials)

    def caught(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise Caught(self, args, kwargs)

    Autotuner.run = caught
    sources = Frontend()
    triton.compiler.compile = sources
    run, _ = triton_tutorials.make(options.tutorials, options.cases[0], options.size)
    client = _daemon.client()
    try:
        run()
        raise RuntimeError("the case launches no autotuned kernel")
    except Caught as found:
        call = found
    began = time.perf_counter()
    _build.wake(client, options.device)
    with _export.uncollected():
        function, drafts, arguments = drafts_of(call, sources)
    document = _export.document(function, drafts, arguments, [])
    kernel = json.loads(client.submit(json.dumps(document)))["id"]
    before = time.perf_counter() - began
    for effort in options.effort.split(","):
        began = time.perf_counter()
        status = json.loads(client.tune(json.dumps({"kernel": kernel, "sizes": {}, "device": options.device, "effort": effort,
                                                    "force": True})))  # fmt: skip
        seconds = before + time.perf_counter() - began
        answer = status.get("answer") or {}
        print(json.dumps({"who": f"tuned, {effort}", "seconds": seconds, "frontend": before, "configurations": len(drafts),
                          "best": answer.get("seconds"), "verdict": (answer.get("verdict") or {}).get("state"),
                          "phases": status.get("phase_seconds"), "stopped": status.get("stopped"), "tried": status.get("tried"),
                          "error": status.get("error")}), flush=True)  # fmt: skip


def pretend_a_gpu(tutorials: Any) -> None:
    """For trying this program: Triton's frontend for an H100, arrays in this machine's memory."""
    import torch
    from triton.runtime import driver

    sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))
    from triton_standins import Driver

    driver.set_active(Driver())
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    torch.cuda.get_device_properties = lambda *_: type("Properties", (), {"multi_processor_count": 132})()
    tutorials.DEVICE = "cpu"


def plain(options: argparse.Namespace) -> None:
    import torch
    import triton
    import triton_tutorials
    from triton.runtime.autotuner import Autotuner

    timed = 0
    bench = Autotuner._bench

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal timed
        timed += 1
        return bench(self, *args, **kwargs)

    Autotuner._bench = counted
    run, _ = triton_tutorials.make(options.tutorials, options.cases[0], options.size)
    torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    best = triton.testing.do_bench(run, warmup=25, rep=100, return_mode="median") * 1e-3
    print(json.dumps({"who": f"Triton {triton.__version__}", "seconds": seconds, "configurations": timed, "best": best}), flush=True)


def process(side: str, case: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, options.tutorials, case, "--inside", side, "--effort", options.effort,
               "--device", options.device, "--size", str(options.size)]  # fmt: skip
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(command, env={**os.environ, "TRITON_CACHE_DIR": cache}, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(f"{case}: {side} failed with status {done.returncode}", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"who"')]


def has_gpu() -> str:
    """Empty, or why nothing can be compared."""
    try:
        import torch
        import triton  # noqa: F401
    except ImportError as missing:
        return str(missing)
    return "" if torch.cuda.is_available() else "PyTorch sees no GPU"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tutorials")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--effort", default="quick,full")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--no-plain", action="store_true", help="our side alone")
    parser.add_argument("--inside", choices=["ours", "plain"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        import_all()
        (ours if options.inside == "ours" else plain)(options)
        return 0
    missing = "" if options.device == "cpu" else has_gpu()
    if missing:
        print(f"nothing is compared: {missing}")
        return 0
    failed = 0
    print("case | who | seconds to the best | configurations | best: us | verdict | times faster")
    for case in options.cases or USUAL:
        rows = [] if options.device == "cpu" or options.no_plain else process("plain", case, options)
        base = rows[0]["seconds"] if rows else 0.0
        mine = process("ours", case, options)
        rows += mine
        failed += not mine or any(row["verdict"] != "passed" for row in mine)
        for row in rows:
            best = f"{row['best'] * 1e6:.1f}" if row.get("best") else "-"
            times = f"{base / row['seconds']:.1f}" if base else "-"
            print(" | ".join([case, row["who"], f"{row['seconds']:.2f}", str(row["configurations"]), best, row.get("verdict") or "-", times]))
            if row.get("phases"):
                print("    " + ", ".join(f"{name} {value:.2f}" for name, value in row["phases"].items())
                      + f", frontend {row['frontend']:.2f}; tried {row['tried']}: {row['stopped']}")  # fmt: skip
            if row.get("error"):
                print(f"    {row['error']}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
