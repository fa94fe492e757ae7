"""Host tensor descriptors: arguments that are a tensor, its shape and strides, and the block that is copied at once.

A compiled function takes such an argument as a descriptor with shape and strides behind it, which Triton's launcher makes a
tensor map of. Here the IR is rewritten to take a pointer in its place and to make the descriptor itself: what our compilers
have for descriptors that kernels make serves these, too, and whoever launches passes addresses and integers alone. Triton's
own build keeps its tensor maps: whoever launches it makes them of the same addresses and integers (maps).
"""

from __future__ import annotations

import copy
import re
from typing import Any

from .._core import describe

ATTRIBUTES = ("base", "shape", "strides", "block_shape")

_parameter = re.compile(r"(%[\w.$-]+): !tt\.tensordesc<(?:tensor<)?((?:\d+x)+)(\w+)>{1,2}(?: \{[^}]*\})?")
_header = re.compile(r"(tt\.func public @[\w$.]+\()(.*?)(\)[^\n]*\{)", re.DOTALL)


def is_descriptor(value: Any) -> bool:
    return all(hasattr(value, name) for name in ATTRIBUTES) and hasattr(value.base, "data_ptr")


def refusal(descriptor: Any) -> str:
    """Why our compilers could be wrong about it; empty: they are not."""
    if getattr(descriptor, "padding", "zero") != "zero":
        return "is padded with NaN"
    if getattr(descriptor, "round_f32_to_tf32", False):
        return "rounds to tf32"
    return "" if type(descriptor).__module__ == "triton.tools.tensor_descriptor" else f"is a {type(descriptor).__name__}"


def like(descriptor: Any, base: Any) -> Any:
    """Another one of the same form, whose block may be set without a trace on the first."""
    made = copy.copy(descriptor)
    made.base, made.block_shape = base, list(descriptor.block_shape)
    return made


#: Triton counts types of elements as the device's instructions do; the driver's function has three of them elsewhere.
_DRIVERS_TYPE = {8: 10, 9: 8, 10: 9}


def maps(signature: dict[str, Any], metadata: Any) -> dict[int, dict[str, Any]]:
    """How Triton's build wants the driver to make each of its tensor maps, by the parameter's position; ValueError says
    what of it is of a kind that is not known here.

    A descriptor is a map, its shape and its strides, in this order, in every release from 3.4 to 3.9.
    """
    told = list(getattr(metadata, "tensordesc_meta", None) or ())
    found: dict[int, dict[str, Any]] = {}
    position = 0
    for kind in signature.values():
        if kind == "constexpr":
            continue
        if not kind.startswith("tensordesc"):
            position += 1
            continue
        if not told:
            raise ValueError("descriptors without tensor maps")
        one = told.pop(0)
        if one.get("fp4_padded") or one.get("is_im2col"):
            raise ValueError("a tensor map of another form")
        box = [int(extent) for extent in one["block_size"]]
        kind_of_element = int(one["elem_type"])
        found[position] = {
            "swizzle": int(one["swizzle"]),
            "element_type": _DRIVERS_TYPE.get(kind_of_element, kind_of_element),
            "element_bytes": int(one["elem_size"]),
            "box": box,
        }
        position += 1 + 2 * len(box)
    if told:
        raise ValueError("more tensor maps than descriptors")
    return found


def reach(descriptor: Any) -> int:
    """Elements from the first to the end of the last one that it can touch."""
    last = sum((int(extent) - 1) * int(stride) for extent, stride in zip(descriptor.shape, descriptor.strides))
    return last + 1


def form(descriptor: Any) -> list[Any]:
    """All that a build depends on but the block: the element's type, shape and strides."""
    return [describe(descriptor.base)[0], [int(extent) for extent in descriptor.shape], [int(step) for step in descriptor.strides]]


def parts(name: str, descriptor: Any) -> list[tuple[str, Any]]:
    """The arguments that stand for it, in the order of the compiled function's: the base, shape and strides."""
    shape = [(f"{name}_shape_{axis}", int(extent)) for axis, extent in enumerate(descriptor.shape)]
    strides = [(f"{name}_stride_{axis}", int(step)) for axis, step in enumerate(descriptor.strides)]
    return [(name, descriptor.base), *shape, *strides]


def lower(text: str) -> str:
    """The module whose public function makes its descriptors of pointers; as it was where it takes none."""
    header = _header.search(text)
    if header is None or "!tt.tensordesc<" not in header[2]:
        return text
    names = re.findall(r"(%[\w.$-]+):", header[2])
    made: list[str] = []

    def pointer(found: re.Match[str]) -> str:
        name, extents, element = found.groups()
        base = f"{name}_base"
        while base in names or re.search(re.escape(base) + r"\b", text):
            base += "_"
        rank, at = extents.count("x"), names.index(name)
        shape, strides = names[at + 1 : at + 1 + rank], names[at + 1 + rank : at + 1 + 2 * rank]
        made.append(
            f"    {name} = tt.make_tensor_descriptor {base}, [{', '.join(shape)}], [{', '.join(strides)}] : "
            f"!tt.ptr<{element}>, !tt.tensordesc<tensor<{extents}{element}>>"
        )
        return f"{base}: !tt.ptr<{element}> {{tt.divisibility = 16 : i32}}"

    parameters = _parameter.sub(pointer, header[2])
    begin = header[1] + parameters + header[3]
    return text[: header.start()] + "\n".join([begin, *made]) + text[header.end() :]
