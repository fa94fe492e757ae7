#!/usr/bin/env python3
"""Makes a plan for gpu_prepare and gpu_compare of the Triton kernels that a Python package launches. Needs no GPU.

    recorded_plan.py WORKLOADS OUT [--only NAME] [--configs N] [--target sm_90a]

WORKLOADS is a Python file with a list WORKLOADS of Workload (recorded_workloads.py shows how). Each calls functions of
the package on tensors of the size that is wanted; PyTorch (its CPU build will do), Triton and the package have to be
there. OUT gets plan.json and a .ttir for each variant. Then: gpu_prepare --plan --out OUT; triton_cubins.py OUT;
gpu_compare OUT.

Variants are the package's own configurations: up to N of an autotuned kernel's, spread over the list; of others the
package's number of warps and its half, or its double where half is below four. Tile IR builds those with dots a second
time with eight worker warps. Kernels whose outputs are read in place are timed, but their results are not compared: a
launch would change the next one's input.
"""
import argparse
import importlib.util
import json
import pathlib
import re
import sys

import torch

from recorded_launches import OnTheGpu, Recorder, pretend_gpu

ELEMENTS = {"fp16": ("f16", 2), "bf16": ("bf16", 2), "fp32": ("f32", 4), "fp64": ("f64", 8), "i1": ("i1", 1), "u1": ("i1", 1),
            "i8": ("i8", 1), "u8": ("i8", 1), "i16": ("i16", 2), "i32": ("i32", 4), "u32": ("i32", 4), "i64": ("i64", 8)}
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "i32": torch.int32, "i64": torch.int64}


class Workload:
    """`run` calls the package; `fills`: by a pattern of an argument's name, a fill or a number for all elements.

    `kernels`: a pattern of the kernels that count; `partial`: of outputs that are not compared, because a launch leaves
    parts of them as they were; `tolerance`: relative and absolute, else by whether there are dots.
    """

    def __init__(self, name, run, fills=None, kernels=".*", partial="", tolerance=None):
        self.name, self.run, self.fills, self.kernels = name, run, fills or {}, kernels
        self.partial, self.tolerance = partial, tolerance


POINTS = ("tt.splat", "tt.addptr", "tt.broadcast", "tt.expand_dims", "tt.make_tensor_ptr", "tt.make_tensor_descriptor",
          "tt.advance", "tt.bitcast", "arith.select", "tt.reshape", "tt.trans", "ttg.convert_layout")


def uses(text):
    """Which of the kernel's pointers are read, written and added to, followed through the text: sets of numbers."""
    roots, read, written, added = {}, set(), set(), set()
    head = re.search(r"tt\.func public @\w+\((.*)\) attributes", text)
    for name, number in [(f"%{each}", i) for i, each in enumerate(re.findall(r"%(\w+): ", head.group(1)))]:
        roots[name] = {number}

    def of(names):
        return set().union(*(roots.get(name.split("#")[0] if name not in roots else name, set()) for name in names))

    for line in text.splitlines():
        names = re.findall(r"%[\w$.]+(?:#\d+)?", line.split(" loc(")[0])
        loop = re.search(r"iter_args\((.*?)\) ->", line)
        if loop:
            pairs = re.findall(r"(%\w+) = (%\w+(?:#\d+)?)", loop.group(1))
            result = re.match(r"\s*(%\w+)(?::\d+)? = ", line)
            for i, (inner, outer) in enumerate(pairs):
                roots[inner] = of([outer])
                if result:
                    roots[f"{result.group(1)}#{i}" if len(pairs) > 1 else result.group(1)] = of([outer])
            continue
        found = re.match(r"\s*(%\w+)(?::\d+)? = \"?([\w.]+)", line)
        operation = found.group(2) if found else (re.match(r"\s*\"?([\w.]+)", line) or [None, ""])[1]
        if found:
            roots[found.group(1)] = of(names[1:]) if operation in POINTS and ("!tt.ptr" in line or "desc" in line) else set()
        operands = names[1:] if found else names
        if operation in ("tt.load", "tt.descriptor_load", "tt.descriptor_gather"):
            read |= of(operands[:1])
        elif operation in ("tt.store", "tt.descriptor_store"):
            written |= of(operands[:1])
        elif operation.startswith(("tt.atomic", "tt.descriptor_reduce")):
            added |= of(operands[:1])
    return read, written, added


def fill_of(name, fills):
    for pattern, fill in fills.items():
        if re.fullmatch(pattern, name):
            return fill
    return None


def float_bits(value, kind):
    wide = {2: torch.int16, 4: torch.int32, 8: torch.int64}[ELEMENTS[kind][1]]
    return int(torch.tensor(value, dtype=DTYPES[kind]).view(wide).item()) & ((1 << 8 * ELEMENTS[kind][1]) - 1)


def argument_of(name, kind, value, output, fill):
    if not kind.startswith("*"):
        element, size = ELEMENTS[kind]
        bits = float_bits(float(value), kind) if element[0] in "fb" else int(value) & ((1 << 8 * size) - 1)
        return {"name": name, "type": element, "fill": "", "elements": 0, "bytes": size, "bits": bits, "output": False}
    element, size = ELEMENTS[kind.removeprefix("*").removeprefix("k")]
    elements = value.untyped_storage().nbytes() // value.element_size() - value.storage_offset()
    made = {"name": name, "type": "*" + element, "fill": "zeros" if output else "normal", "elements": elements, "bytes": size,
            "bits": 0, "output": output}
    if isinstance(fill, str) and not output:
        made["fill"] = fill
    elif fill is not None and not output:
        made |= {"fill": "constant", "bits": float_bits(fill, kind[1:]) if element[0] in "fb" else int(fill)}
    elif element[0] == "i" and not output:
        made["fill"] = "uniform"
    return made


def hints_of(text):
    """Builds by Tile IR beside the plain one: more workers, and for loops deeper rings of what is on its way."""
    if "tt.dot" not in text:
        return [""]
    return ["", "worker_warps=8"] + (["latency=5", "latency=7"] if "scf.for" in text else [])


def variants_of(launches, name, out):
    """A launch that is not autotuned also with half the warps, or double."""
    made = []
    for launch in launches:
        warps = [launch.options.num_warps]
        if len(launches) == 1:
            warps += [each for each in (warps[0] // 2, warps[0] * 2) if 4 <= each <= 16][:1]
        text = launch.ttir()
        for count in warps:
            identity = f"{name}/{len(made)}"
            file = out / (identity + ".ttir")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            values = launch.values() | {"num_warps": count, "num_stages": launch.options.num_stages}
            made.append({"id": identity, "configuration": " ".join(f"{key}={value}" for key, value in values.items()),
                         "grid": launch.grid, "num_warps": count, "num_stages": launch.options.num_stages, "num_ctas": 1,
                         "hints": hints_of(text),
                         "builds": []})
    return made, text


def task_of(workload, launches, name, out):
    variants, text = variants_of(launches, name, out)
    read, written, added = uses(text)
    names = [argument for argument, _, _ in launches[0].arguments()]
    outputs = {i for i in written - read - added if not re.fullmatch(workload.partial, names[i])}
    arguments = [argument_of(argument, kind, value, number in outputs, fill_of(argument, workload.fills))
                 for number, (argument, kind, value) in enumerate(launches[0].arguments())]
    relative, absolute = workload.tolerance or ((2e-2, 0.5) if "tt.dot" in text else (2e-2, 2e-3))
    moved = sum(each["elements"] * each["bytes"] for i, each in enumerate(arguments) if i in read | written | added)
    moved += sum(arguments[i]["elements"] * arguments[i]["bytes"] for i in read & (written | added))
    return {"name": name, "flops": 0, "bytes": moved, "relative": relative, "absolute": absolute, "arguments": arguments,
            "variants": variants}


def load(file):
    sys.modules.setdefault("recorded_plan", sys.modules[__name__])
    spec = importlib.util.spec_from_file_location("workloads", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WORKLOADS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="", help="workloads whose name starts so")
    parser.add_argument("--configs", type=int, default=4, help="configurations of an autotuned kernel")
    parser.add_argument("--target", default="sm_90a")
    given = parser.parse_args()
    pretend_gpu()
    tasks, seen, failed = [], set(), 0
    for workload in load(given.workloads):
        if not workload.name.startswith(given.only):
            continue
        try:
            with Recorder(given.configs) as recorder, OnTheGpu(), torch.no_grad():
                workload.run()
            for launches in recorder.launches:
                name = f"{workload.name}.{launches[0].name.strip('_')}"
                if name in seen or not re.search(workload.kernels, launches[0].name):
                    continue
                seen.add(name)
                tasks.append(task_of(workload, launches, name, given.out))
        except Exception as problem:
            failed += 1
            print(f"{workload.name}: {type(problem).__name__}: {problem}")
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "plan.json").write_text(json.dumps({"target": given.target, "tasks": tasks}, indent=1))
    for task in tasks:
        shown = ", ".join(each["name"] for each in task["arguments"] if each["output"])
        print(f"{task['name']}: {len(task['variants'])} variants, compared: {shown or 'nothing (in place)'}")
    print(f"{len(tasks)} tasks, {sum(len(task['variants']) for task in tasks)} variants, {failed} workloads failed")


if __name__ == "__main__":
    main()
