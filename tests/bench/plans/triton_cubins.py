#!/usr/bin/env python3
"""Compiles each DIR/<task>/<n>.ttir of a gpu_prepare folder with Triton, for gpu_compare.

    triton_cubins.py DIR [--jobs N]

Needs Triton (3.6 and 3.9 were used) and no GPU. Run it once for each version to be compared, in a Python that has it.
Beside each .ttir it writes <n>.triton-3.6.cubin and <n>.triton-3.6.json with the symbol, threads and shared memory of
the launch; or, in the .json, the error.
"""
import argparse
import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import re
import tempfile


def later_text(source):
    """The IR as later versions of Triton want it, in a file of its own: descriptors no longer wrap a tensor's type."""
    text = re.sub(r"(?<=[c ]<)tensor<([^<>]*)>(?=>)", r"\1", pathlib.Path(source).read_text())
    with tempfile.NamedTemporaryFile("w", suffix=".ttir", delete=False) as file:
        file.write(text)
    return file.name


def compile_text(triton, source, **how):
    try:
        return triton.compile(source, **how)
    except RuntimeError as error:
        if "Parse MLIR" not in str(error):
            raise
    later = later_text(source)
    try:
        return triton.compile(later, **how)
    finally:
        os.unlink(later)


def compile_one(job):
    folder, identity, options, capability, version = job
    base = str(pathlib.Path(folder) / identity)
    ours = f"{base}.triton-{version}"
    result = {}
    try:
        import triton
        from triton.backends.compiler import GPUTarget

        kernel = compile_text(
            triton,
            base + ".ttir",
            target=GPUTarget("cuda", capability, 32),
            options=options,
        )
        pathlib.Path(ours + ".cubin").write_bytes(kernel.asm["cubin"])
        metadata = kernel.metadata
        # Warp specialisation may launch more warps than asked for: the PTX says how many.
        required = re.search(r"\.reqntid (\d+)", kernel.asm["ptx"])
        result = {
            "symbol": metadata.name,
            "threads": int(required.group(1)) if required else metadata.num_warps * 32,
            "shared": metadata.shared,
            "global_scratch": metadata.global_scratch_size,
            "tensor_maps": getattr(metadata, "tensordesc_meta", None) or [],
        }
    except Exception as error:  # out of shared memory, say: that variant is not there
        result = {"error": f"{type(error).__name__}: {error}"[:2000]}
    pathlib.Path(ours + ".json").write_text(json.dumps(result))
    return identity, result.get("error")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    plan = json.loads((pathlib.Path(arguments.folder) / "plan.json").read_text())
    capability = int(re.sub(r"\D", "", plan["target"]))
    version = ".".join(importlib.metadata.version("triton").split(".")[:2])
    names = ("num_warps", "num_stages", "num_ctas")
    jobs = [
        (arguments.folder, variant["id"], {name: variant[name] for name in names if name in variant}, capability, version)
        for task in plan["tasks"]
        for variant in task["variants"]
    ]
    failed = 0
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
            for identity, error in pool.map(compile_one, jobs):
                if error:
                    failed += 1
                    print(f"{identity}: {error.splitlines()[0]}")
    print(f"{len(jobs)} given to Triton {version}, {failed} of them not compiled")


if __name__ == "__main__":
    main()
