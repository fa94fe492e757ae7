"""Outputs that a call leaves out: arrays like its first input, of the same library and on the same device."""

from __future__ import annotations

import sys

from ._document import fold
from .errors import ShapeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._document import Buffer, Document

_numpy_types = {
    "f16": "float16", "f32": "float32", "f64": "float64", "i1": "bool_", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
}  # fmt: skip
_torch_types = {
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "i1": "bool", "i8": "int8", "i16": "int16",
    "i32": "int32", "i64": "int64", "f8E4M3FN": "float8_e4m3fn", "f8E5M2": "float8_e5m2",
}  # fmt: skip


class Outputs:
    """Makes what is left out of a kernel's calls."""

    __slots__ = ("document", "inputs", "only")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.inputs = [index for index, buffer in enumerate(document.buffers) if not buffer.output]
        outputs = [index for index, buffer in enumerate(document.buffers) if buffer.output]
        #: The one output there is, where it is of the first input's shape and type: most kernels, and the cheap way.
        self.only: int | None = None
        if len(outputs) == 1 and self.inputs:
            like, out = document.buffers[self.inputs[0]], document.buffers[outputs[0]]
            if (like.shape, like.dtype) == (out.shape, out.dtype) and like.shape:
                self.only = outputs[0]

    def complete(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arrays with those filled in that are None."""
        if self.only is not None:
            made = _like(arrays[self.inputs[0]], self.document.buffers[self.only].dtype)
            if made is not None:
                return (*arrays[: self.only], made, *arrays[self.only + 1 :])
        return self._complete(arrays)

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
            sizes.update(zip(buffer.shape, fold(buffer, tuple(array.shape))))
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
            out[index] = _empty(like, shape, buffer)
        return tuple(out)


def _like(array: Any, dtype: str) -> Any:
    """A new array as this one, if it is of that type and of a library that makes such quickly; else None."""
    if (torch := sys.modules.get("torch")) is not None and type(array) is torch.Tensor:
        if array.dtype is getattr(torch, _torch_types.get(dtype, ""), None):
            return torch.empty_like(array, memory_format=torch.contiguous_format, requires_grad=False)
    elif (numpy := sys.modules.get("numpy")) is not None and type(array) is numpy.ndarray:
        if array.dtype == getattr(numpy, _numpy_types.get(dtype, ""), None):
            return numpy.empty(array.shape, array.dtype)
    return None


def _empty(like: Any, shape: tuple[int, ...], buffer: Buffer) -> Any:
    """An array of the same library on the same device."""
    library = type(like).__module__.partition(".")[0]
    if library == "torch" and buffer.dtype in _torch_types:
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, _torch_types[buffer.dtype]), device=like.device)
    if library in ("numpy", "cupy") and buffer.dtype in _numpy_types:
        module = sys.modules[library]
        return module.empty(shape, dtype=getattr(module, _numpy_types[buffer.dtype]))
    raise UnsupportedError(f"no {buffer.dtype} array can be made like a {type(like).__name__}; pass {buffer.name}=")
