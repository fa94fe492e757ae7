"""A GPU that is not there, for processes of their own: fake/cuda.c as the driver, and a daemon that has one winner for it."""

from __future__ import annotations

import ctypes
import hashlib
import json
import socket
import threading
from typing import Any

from dlpack import CUDA, Floats

BINARY = b"what the fake driver takes for a cubin"
N = 1024

#: A parameter of Triton's own builds: what is made at a launch of x, its shape and its strides.
MAP = {"swizzle": 3, "element_type": 7, "element_bytes": 4, "box": [16, 32]}
ROWS, COLUMNS, STRIDE = 16, 60, 64


def document(mapped: bool) -> str:
    """Sums x and y into z; its integer is n, and with `mapped` there are x's shape and strides, too."""
    sizes = {"x_shape_0": ("i32", ROWS), "x_shape_1": ("i32", COLUMNS), "x_stride_0": ("i64", STRIDE), "x_stride_1": ("i64", 1)}
    parts = [{"name": name, "type": kind, "value": value} for name, (kind, value) in sizes.items()] if mapped else []
    return json.dumps({
        "name": "sum", "language": "ttir", "entry": "sum", "source_text": "module {}", "sizes": ["n"], "grid": ["1"],
        "arguments": [
            {"name": "x", "type": "*f32", "shape": ["n"]},
            *parts,
            {"name": "y", "type": "*f32", "shape": ["n"]},
            {"name": "z", "type": "*f32", "shape": ["n"], "output": True},
            {"name": "n", "type": "i32", "value": "n"},
        ],
    })  # fmt: skip


def launch(mapped: bool) -> dict[str, Any]:
    """How the build of such a document is launched."""
    parameters: list[dict[str, Any]] = []
    arguments: list[dict[str, Any]] = []
    for row in json.loads(document(mapped))["arguments"]:
        pointer = row["type"].startswith("*")
        kind, size = ("pointer", 8) if pointer else ("scalar", int(row["type"][1:]) // 8)
        parameters.append({"kind": kind, "size_bytes": size})
        told = {"shape": [N], "output": row["name"] == "z"} if pointer else {"integer": N if row["name"] == "n" else row["value"]}
        arguments.append({"name": row["name"], "type": row["type"], **told})
    if mapped:
        parameters[0] = {"kind": "tensor_map", "size_bytes": 128, "map": MAP}
    conditions = [] if mapped else [{"kind": "divisible", "argument": 0, "value": 16}]
    return {"symbol": "sum", "block": [128, 1, 1], "parameters": parameters, "arguments": arguments, "conditions": conditions}


def answer(mapped: bool) -> dict[str, Any]:
    return {
        "source": "cache", "kernel": "0" * 64, "kernel_name": "sum", "sizes": {"n": N}, "device": "cuda:0", "target": "sm_90a",
        "configuration": {}, "artefact": hashlib.sha256(BINARY).hexdigest(), "format": "cubin", "grid": [4, 1, 1],
        "verdict": {"state": "passed"}, "job": "", "launch": launch(mapped),
    }  # fmt: skip


class Daemon:
    """Answers every question with the one winner, and counts what it is asked."""

    def __init__(self, path: str, mapped: bool) -> None:
        self.mapped = mapped
        self.path, self.asked = path, dict.fromkeys(("best", "artefacts"), 0)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        seen = b""
        while piece := peer.recv(1 << 20):
            seen += piece
            head, end, body = seen.partition(b"\r\n\r\n")
            sized = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if not end or len(body) < sum(sized):
                continue
            seen = b""
            what = "artefacts" if b"/v1/artefacts/" in head else "best"
            self.asked[what] += 1
            said = BINARY if what == "artefacts" else json.dumps(answer(self.mapped)).encode()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


class Array:
    """N floats at an address of device 0."""

    def __init__(self, address: int) -> None:
        self.floats = Floats(address, N)

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, 0

    def __dlpack__(self, *, stream: int | None = None) -> Any:
        return self.floats.capsule()


class Driver:
    """What the driver wrote down, by name."""

    def __init__(self) -> None:
        object.__setattr__(self, "library", ctypes.CDLL("libcuda.so.1"))

    def _place(self, name: str) -> Any:
        kind = ctypes.c_void_p if name in ("stream", "context", "launch_context") else ctypes.c_int
        return kind.in_dll(self.library, f"fake_{name}")

    def __getattr__(self, name: str) -> Any:
        return self._place(name).value

    def __setattr__(self, name: str, value: int) -> None:
        self._place(name).value = value

    def slots(self, count: int) -> list[int]:
        return list((ctypes.c_uint64 * 64).in_dll(self.library, "fake_slots")[:count])

    def map(self) -> list[int]:
        return list((ctypes.c_uint64 * 20).in_dll(self.library, "fake_map"))


def set_up(folder: str, mapped: bool = False) -> tuple[Any, Driver, Daemon]:
    """A kernel of the fake daemon's, the driver, and the daemon."""
    import gpu_tuned

    daemon = Daemon(f"{folder}/s", mapped)
    gpu_tuned.connect(daemon.path)
    with open(f"{folder}/sum.json", "w", encoding="utf-8") as file:
        file.write(document(mapped))
    return gpu_tuned.kernel(f"{folder}/sum.json"), Driver(), daemon
