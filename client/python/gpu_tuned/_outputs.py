"""Outputs that a call leaves out: arrays like its first input, of the same library and on the same device."""

from __future__ import annotations

import sys

from ._document import fold
from .errors import LayoutError, ShapeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._document import Buffer, Document

_numpy_types = {
    "f16": "float16", "f32": "float32", "f64": "float64", "i1": "bool_", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
}  # fmt: skip
_torch_types = {
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "i1": "bool", "i8": "int8", "i16": "int16",
    "i32": "int32", "i64": "int64", "f8E4M3FN": "float8_e4m3fn", "f8E5M2": "float8_e5m2",
}  # fmt: skip


def conversion(name: str, dtype: str) -> str:
    """How an array becomes one of ``dtype``; empty where no library is known to have it."""
    ways = []
    if dtype in _numpy_types:
        ways.append(f"{name}.astype({_numpy_types[dtype].strip('_')!r}) of NumPy's")
    if dtype in _torch_types:
        ways.append(f"{name}.to(torch.{_torch_types[dtype]}) of PyTorch's")
    return f" (convert it: {' or '.join(ways)} arrays)" if ways else ""


class Outputs:
    """Makes what is left out of a kernel's calls."""

    __slots__ = ("document", "dtype", "first", "kind", "make", "only")

    def __init__(self, document: Document) -> None:
        self.document = document
        inputs = [index for index, buffer in enumerate(document.buffers) if not buffer.output]
        outputs = [index for index, buffer in enumerate(document.buffers) if buffer.output]
        #: The first input and the one output there is, where they are of one shape and type: most kernels, and the cheap way.
        self.first, self.only = inputs[0] if inputs else 0, -1
        if len(outputs) == 1 and inputs:
            like, out = document.buffers[inputs[0]], document.buffers[outputs[0]]
            if (like.shape, like.dtype) == (out.shape, out.dtype) and like.shape:
                self.only = outputs[0]
        #: How one is made of the class that was met last, which has this type.
        self.kind: type | None = None
        self.dtype: Any = None
        self.make: Callable[[Any], Any] | None = None

    def complete(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arrays with those filled in that are None."""
        only = self.only
        if only >= 0:
            like = arrays[self.first]
            if type(like) is not self.kind:
                self._learn(like)
            if self.make is not None and like.dtype == self.dtype:
                try:
                    made = self.make(like)
                except RuntimeError as error:  # PyTorch's sparse tensors and their like
                    raise self._unlike(error) from error
                return (*arrays[:only], made, *arrays[only + 1 :])
        return self._complete(arrays)

    def _unlike(self, error: Exception) -> LayoutError:
        inputs, output = self.document.buffers[self.first], self.document.buffers[self.only]
        said = str(error).partition("\n")[0]
        return LayoutError(f"{self.document.name}: no {output.name} can be made like {inputs.name}, which has to be dense: {said}")

    def _learn(self, array: Any) -> None:
        self.kind, self.make, dtype = type(array), None, self.document.buffers[self.only].dtype
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch is not None and self.kind is torch.Tensor and dtype in _torch_types:
            empty_like, order = torch.empty_like, torch.contiguous_format
            self.dtype, self.make = getattr(torch, _torch_types[dtype]), lambda like: empty_like(like, memory_format=order)
        elif numpy is not None and self.kind is numpy.ndarray and dtype in _numpy_types:
            empty = numpy.empty
            self.dtype, self.make = numpy.dtype(_numpy_types[dtype].strip("_")), lambda like: empty(like.shape, like.dtype)

    def _complete(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        name, buffers = self.document.name, self.document.buffers
        given = [(buffer, array) for buffer, array in zip(buffers, arrays) if array is not None]
        if not given:
            raise ShapeError(f"{name}: pass at least one array")
        like_buffer, like = given[0]
        for buffer, array in given:
            if not hasattr(array, "shape"):
                raise TypeError(f"{name}: {buffer.name} is a {type(array).__name__}, not an array")
        sizes: dict[str, int] = {}
        for buffer, array in given:
            sizes.update(zip(buffer.shape, fold(name, buffer, tuple(array.shape))))
        out = list(arrays)
        for index, buffer in enumerate(buffers):
            if out[index] is not None:
                continue
            if buffer.shape == like_buffer.shape:
                shape = tuple(like.shape)
            else:
                try:
                    shape = tuple(int(extent) if extent.isdigit() else sizes[extent] for extent in buffer.shape)
                except KeyError as missing:
                    raise ShapeError(
                        f"{name}: the shape of {buffer.name} has {missing.args[0]!r}, which the inputs do not tell; "
                        f"pass {buffer.name}="
                    ) from None
            out[index] = _empty(name, like, shape, buffer)
        return tuple(out)


def _empty(kernel: str, like: Any, shape: tuple[int, ...], buffer: Buffer) -> Any:
    """An array of the same library on the same device."""
    library = type(like).__module__.partition(".")[0]
    if library == "torch" and buffer.dtype in _torch_types:
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, _torch_types[buffer.dtype]), device=like.device)
    if library in ("numpy", "cupy") and buffer.dtype in _numpy_types:
        module = sys.modules[library]
        return module.empty(shape, dtype=getattr(module, _numpy_types[buffer.dtype]))
    reason = f"{library} has no such type" if library in ("numpy", "cupy", "torch") else f"{library} is not known here"
    raise UnsupportedError(
        f"{kernel}: no {buffer.name} of {buffer.dtype} can be made like a {type(like).__name__}, since {reason}; pass "
        f"{buffer.name}=, or arrays of a library that has it"
    )
