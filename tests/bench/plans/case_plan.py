#!/usr/bin/env python3
"""Makes a plan for gpu_prepare and gpu_compare of recorded launches of Triton's tutorials, at sizes that are worth timing.

    case_plan.py CASES OUT [--tutorials FOLDER] [--only NAME] [--target sm_90a]

CASES is the folder of recorded launches (tutorials/03_matmul-…/case.json with kernel.ttir). OUT gets plan.json and a .ttir
for each variant. The IR is the recorded one: its block sizes and warps are the recorded launch's, only the arguments and
the grid are others. With FOLDER, python/tutorials of a checkout of Triton, and in a Python that has Triton, tutorial_tiles.py's
tiles are planned too. Then: gpu_prepare --plan --out OUT; triton_cubins.py OUT; gpu_compare OUT --torch PYTHON.
"""
import argparse
import json
import pathlib
import re

from plan_arguments import HALF, block_of, cdiv, descriptor, float_bits, integer, pointer, real
from tutorial_ir import Tutorials, print_ir
from tutorial_rows import ROW_TASKS
from tutorial_tiles import TILES

def with_tile(case, tile):
    """The case at another tile: its constants and the blocks of its descriptors."""
    constants = case["constants"] | {key: value for key, value in tile.items() if not key.startswith("num_") and key != "hints"}
    blocks = {}
    if "BLOCK_SIZE_M" in constants:
        m, n, k = (constants["BLOCK_SIZE_" + axis] for axis in "MNK")
        stored = n // 2 if constants.get("EPILOGUE_SUBTILE") else n
        blocks = {"a_desc": (m, k), "b_desc": (n, k), "c_desc": (m, stored)}
    elif "BLOCK_M" in constants:
        m, n, depth = (constants[name] for name in ("BLOCK_M", "BLOCK_N", "HEAD_DIM"))
        blocks = {"desc_q": (m, depth), "desc_k": (n, depth), "desc_v": (n, depth), "desc_o": (m, depth)}
    arguments = []
    for argument in case["args"]:
        if argument["type"].startswith("tensordesc"):
            inside = "[" + ", ".join(map(str, blocks[argument["name"]])) + "]"
            argument = argument | {"type": re.sub(r"\[.*?\]", inside, argument["type"], count=1)}
        arguments.append(argument)
    options = case["options"] | {key: value for key, value in tile.items() if key.startswith("num_")}
    return case | {"constants": constants, "args": arguments, "options": options}


def matmul(case, sizes):
    """Tutorials 03 and 09: a[M, K] times b, which is [K, N] in 03 and [N, K] in 09, gives c[M, N]."""
    m, n, k = sizes["M"], sizes["N"], sizes["K"]
    recorded = {argument["name"]: argument for argument in case["args"]}
    arguments = []
    for name, argument in recorded.items():
        rows, columns = {"a": (m, k), "b": (n, k), "c": (m, n)}.get(name[0], (0, 0))
        output = name[0] == "c"
        if argument["type"].startswith("tensordesc"):
            arguments.append(descriptor(name, "fp16", rows, columns, block_of(argument), output))
        elif argument["type"].startswith("*"):
            arguments.append(pointer(name, "fp16", rows * columns, output=output))
        else:
            value = {"M": m, "N": n, "K": k, "stride_am": k, "stride_bk": n, "stride_bn": k, "stride_cm": n}[name]
            arguments.append(integer(name, value))
    constants = case["constants"]
    tiles = cdiv(m, constants["BLOCK_SIZE_M"]) * cdiv(n, constants["BLOCK_SIZE_N"])
    programs = min(constants.get("NUM_SMS", tiles), tiles)
    return arguments, [programs, 1, 1], 2.0 * m * n * k, 2.0 * (m * k + k * n + m * n)


def attention_forward(case, sizes):
    """Tutorial 06, forward: the recorded kernels know Z = 1, so that all heads are H."""
    heads, context = sizes["H"], sizes["N_CTX"]
    depth, stage = case["constants"]["HEAD_DIM"], case["constants"]["STAGE"]
    rows = heads * context
    arguments = [real("sm_scale", HALF), pointer("M", "fp32", rows), integer("H", heads)]
    for argument in case["args"][3:7]:
        arguments.append(descriptor(argument["name"], "fp16", rows, depth, block_of(argument),
                                    argument["name"] == "desc_o"))
    arguments.append(integer("N_CTX", context))
    grid = [cdiv(context, case["constants"]["BLOCK_M"]), heads, 1]
    flops = 4.0 * heads * context * context * depth * (0.5 if stage == 3 else 1.0)
    return arguments, grid, flops, 8.0 * rows * depth


def attention_backward(case, sizes):
    """Tutorial 06, backward. K comes scaled, M (the logarithm of each row's sum) and D from the forward pass. Here products
    of a row are about depth / 4, being of numbers from 0 to 1, and M is above them, so that all probabilities are small."""
    heads, context = sizes["H"], sizes["N_CTX"]
    depth = case["constants"]["HEAD_DIM"]
    rows = heads * context
    arguments = []
    for argument in case["args"]:
        name = argument["name"]
        if name == "M":
            arguments.append(pointer(name, "fp32", rows, "constant") | {"bits": float_bits(depth / 4 + 8.0)})
        elif argument["type"].startswith("*"):
            narrow = name == "D"
            arguments.append(pointer(name, "fp32" if narrow else "fp16", rows * (1 if narrow else depth),
                                     "uniform" if name in ("Q", "K", "D") else "normal",
                                     name in ("DQ", "DK", "DV")))
        elif name == "sm_scale":
            arguments.append(real(name, HALF))
        else:
            value = {"stride_z": rows * depth, "stride_h": context * depth, "stride_tok": depth, "H": heads,
                     "N_CTX": context}[name]
            arguments.append(integer(name, value))
    grid = [cdiv(context, case["constants"]["BLOCK_N1"]), 1, heads]
    share = 0.5 if case["constants"].get("CAUSAL", True) else 1.0
    return arguments, grid, 10.0 * heads * context * context * depth * share, 16.0 * rows * depth


def square(size):
    return {"M": size, "N": size, "K": size}


def product(rows):
    """What PyTorch is asked for: `rows` says whose rows b's are."""
    return lambda sizes, constants: {"op": "matmul", "b": rows} | sizes


def attention(op):
    return lambda sizes, constants: {"op": op, "heads": sizes["H"], "length": sizes["N_CTX"], "depth": constants["HEAD_DIM"],
                                     "causal": constants.get("STAGE", 3) == 3 and constants.get("CAUSAL", True)}


class Task:
    """One problem: where its recorded launches are, and how they are scaled.

    `test`: what the recorded test's name has, or a launch that was not recorded; `constants`: what a recorded launch must
    have; `more`: constants that later versions of the tutorial ask for.
    """

    def __init__(self, name, number, test, kernel, constants, scale, sizes, tolerance, torch, more=None, recorded=True):
        self.name, self.number, self.test, self.kernel, self.constants = name, number, test, kernel, constants
        self.scale, self.sizes, self.tolerance, self.torch = scale, sizes, tolerance, torch
        self.more, self.recorded = more or {}, recorded
        self.tiles = TILES.get(name) or TILES[name.rsplit("_", 1)[0]]

    def cases(self, cases):
        """The recorded launches that fit, one for each tile; those of odd sizes, which serve for their types alone, last."""
        if isinstance(self.test, dict):
            return [(None, self.test)]
        found = {}
        for folder, case in sorted(cases, key=lambda each: is_odd(each[1])):
            fits = case["kernel"] == self.kernel and ("test_" + self.test) in case["test"]
            if not fits or any(case["constants"].get(key) != value for key, value in self.constants.items()):
                continue
            blocks = tuple(value for key, value in sorted(case["constants"].items()) if key.startswith("BLOCK"))
            found.setdefault((blocks, case["options"]["num_warps"], case["options"]["num_stages"]), (folder, case))
        return list(found.values())


def is_odd(case):
    """Sizes that 16 does not divide made Triton leave that out of the IR, which so fits no other sizes."""
    sizes = ("M", "N", "K", "n_rows", "n_cols", "n_elements")
    return any(isinstance(each.get("value"), int) and each["value"] % 16 for each in case["args"] if each["name"] in sizes)


CLOSE = (1e-2, 0.5)
TASKS = [
    Task(f"tutorial03_{size}", "03", "03_matmul[leaky_relu", "matmul_kernel", {}, matmul, square(size), CLOSE, product("k"))
    for size in (4096, 8192)
] + [
    Task("tutorial03_16x8192x8192", "03", "03_matmul[-mnk2", "matmul_kernel", {}, matmul, {"M": 16, "N": 8192, "K": 8192}, CLOSE,
         product("k"))
] + [
    Task(f"tutorial09_{kernel.removeprefix('matmul_kernel').strip('_') or 'plain'}_8192", "09", "09_persistent", kernel, {}, matmul,
         square(8192), CLOSE, product("n"))
    for kernel in ("matmul_kernel", "matmul_kernel_persistent", "matmul_kernel_tma", "matmul_kernel_tma_persistent",
                   "matmul_kernel_descriptor_persistent")
] + [
    Task(f"tutorial06_forward_d{depth}_{'causal' if stage == 3 else 'full'}", "06", "06_attention", "_attn_fwd",
         {"HEAD_DIM": depth, "STAGE": stage}, attention_forward, {"H": 128, "N_CTX": 4096}, (1e-2, 1e-2), attention("forward"))
    for depth in (64, 128) for stage in (3, 1)
] + [
    Task(f"tutorial06_backward_d{depth}_{'causal' if causal else 'full'}", "06", "06_attention", "_attn_bwd", {"HEAD_DIM": depth},
         attention_backward, {"H": 128, "N_CTX": 4096}, (2e-2, 0.5), attention("backward"), {"CAUSAL": causal}, causal)
    for depth in (64, 128) for causal in (True, False)
] + [Task(*each) for each in ROW_TASKS]


def plan_variant(task, case, number, text, out, hints):
    arguments, grid, flops, moved = task.scale(case, task.sizes)
    identity = f"{task.name}/{number}"
    file = out / (identity + ".ttir")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    options = {key: case["options"][key] for key in ("num_warps", "num_stages", "num_ctas")}
    said = {key: value for key, value in case["constants"].items() if "BLOCK" in key or "SUBTILE" in key} | options
    variant = {"id": identity, "configuration": " ".join(f"{key}={value}" for key, value in sorted(said.items())),
               "grid": grid, "builds": []} | options
    if hints is not None:
        variant["hints"] = hints
    # A host descriptor's block is the tile's, so that the arguments are a variant's.
    variant["blocks"] = {each["name"]: each["block"] for each in arguments if "block" in each}
    return variant, arguments, flops, moved


def plan_task(task, cases, tutorials, out):
    recorded = task.cases(cases)
    wanted = [(case, (folder / "kernel.ttir").read_text(), None) for folder, case in recorded
              if folder and task.recorded and not is_odd(case)]
    for tile in task.tiles if tutorials and recorded else []:
        case = with_tile(recorded[0][1], tile)
        types = {argument["name"]: argument["type"] for argument in case["args"]}
        values = {each["name"]: each["bits"] for each in task.scale(case, task.sizes)[0] if each["type"].startswith("i")}
        text = print_ir(tutorials.function(task.number, task.kernel), types, task.more | case["constants"], values)
        wanted.append((case, text, tile["hints"]))
    if not wanted:
        print(f"{task.name}: no recorded launch fits")
        return None
    variants, like = [], None
    for number, (case, text, hints) in enumerate(wanted):
        variant, arguments, flops, moved = plan_variant(task, case, number, text, out, hints)
        variants.append(variant)
        like = like or arguments
    relative, absolute = task.tolerance
    constants = task.more | wanted[0][0]["constants"]
    return {"name": task.name, "flops": flops, "bytes": moved, "relative": relative, "absolute": absolute,
            "arguments": like, "variants": variants} | ({"torch": task.torch(task.sizes, constants)} if task.torch else {})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tutorials", type=pathlib.Path, help="python/tutorials of Triton: plans further tiles")
    parser.add_argument("--only", default="", help="tasks whose names start so, by commas")
    parser.add_argument("--target", default="sm_90a")
    given = parser.parse_args()
    cases = [(file.parent, json.loads(file.read_text())) for file in sorted(given.cases.glob("tutorials/*/case.json"))]
    tutorials = Tutorials(given.tutorials) if given.tutorials else None
    tasks = [plan_task(task, cases, tutorials, given.out) for task in TASKS if task.name.startswith(tuple(given.only.split(",")))]
    tasks = [task for task in tasks if task]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "plan.json").write_text(json.dumps({"target": given.target, "tasks": tasks}, indent=1))
    print(f"{len(tasks)} tasks, {sum(len(task['variants']) for task in tasks)} variants")


if __name__ == "__main__":
    main()
