"""Writes down what a program launches, as a manifest for ``tunectl prewarm``.

``python -m gpu_tuned.record [-o FILE] script.py arguments``: runs the script, and at its end writes each kernel with its
sizes, once. Kernels of the library stand by name; a document stands by its path. Kernels whose documents the program
made itself, such as matmul with an activation, are left out, and the last line says so.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ._kernel import Kernel

_seen: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
_targets: set[str] = set()
_nameless: set[str] = set()  # kernels whose documents were made in the program: no manifest can name them


def _note(kernel: Kernel, sizes: dict[str, int], answer: dict[str, Any]) -> None:
    if not kernel.origin:
        _nameless.add(kernel.document.name)
        return
    key = (kernel.origin, tuple(sorted(sizes.items())))
    _seen[key] = _seen.get(key, 0) + 1
    target = str(answer.get("target", ""))
    if target.startswith("sm_"):
        _targets.add(target)


def start() -> None:
    """From now on this process writes down what its kernels resolve."""
    Kernel.recorder = _note


def manifest(name: str) -> dict[str, Any]:
    """What was written down, in the order it came."""
    out: dict[str, Any] = {"name": name}
    if _targets:
        out["targets"] = sorted(_targets)
    out["kernels"] = [{"kernel": kernel, "sizes": dict(sizes)} for kernel, sizes in _seen]
    return out


def main(arguments: list[str]) -> int:
    import os
    import runpy

    file = "manifest.json"
    if len(arguments) >= 2 and arguments[0] in ("-o", "--output"):
        file, arguments = arguments[1], arguments[2:]
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m gpu_tuned.record [-o FILE] SCRIPT [ARGUMENT...]", file=sys.stderr)
        return 2
    # What can be told before the script runs, perhaps for hours, is told before.
    try:
        with open(arguments[0], "rb"), open(file, "a", encoding="utf-8"):
            pass
    except OSError as error:
        print(f"record: {error.filename}: {error.strerror}; nothing was run", file=sys.stderr)
        return 2
    start()
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    finally:
        name = os.path.splitext(os.path.basename(arguments[0]))[0]
        if _seen:
            with open(file, "w", encoding="utf-8") as out:
                json.dump(manifest(name), out, indent=2)
                out.write("\n")
            print(f"{len(_seen)} problems written to {file}", file=sys.stderr)
        else:
            if os.path.getsize(file) == 0:
                os.unlink(file)
            print("nothing to write down: no kernel of gpu_tuned was launched here (children's launches are not seen)", file=sys.stderr)
        if _nameless:
            print(f"left out, since the program made their documents: {', '.join(sorted(_nameless))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    # The module that is running is not the one that kernels would find: hand over to that.
    from gpu_tuned import record

    sys.exit(record.main(sys.argv[1:]))
