"""What a kernel document says of the arrays it is called with."""

from __future__ import annotations

import json
import os
import re

from .errors import InvalidInputError, ShapeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_name = re.compile(r"[A-Za-z_]\w*\Z")
_hole = re.compile(r"\$\{(\w+)\}")  # a word of the document's constants, in a type


class Buffer:
    """An array argument: ``dtype`` is "f32", …; ``shape`` has numbers, names of sizes, and expressions."""

    __slots__ = ("dtype", "name", "output", "shape")

    def __init__(self, name: str, dtype: str, shape: tuple[str, ...], output: bool) -> None:
        self.name, self.dtype, self.shape, self.output = name, dtype, shape, output


class Document:
    """A kernel document: its name, its text with the source in it, names of its sizes, and its buffers."""

    __slots__ = ("buffers", "name", "sizes", "text")

    def __init__(self, name: str, text: str, sizes: tuple[str, ...], buffers: tuple[Buffer, ...]) -> None:
        self.name, self.text, self.sizes, self.buffers = name, text, sizes, buffers

    @classmethod
    def parse(cls, text: str) -> Document:
        """A document with its source in it. InvalidInputError: it is not one that can be called."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise InvalidInputError(f"this is no kernel document: {type(error).__name__}: {error}") from error
        return cls._of(content, text)

    @classmethod
    def of_library(cls, path: str) -> Document | None:
        """The document at ``path`` of the package's own library; None where packing it takes more than its source.

        Those are known to be well-formed: reading them in C, with all checks, takes longer than the daemon's answer.
        """
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            content = json.loads("\n".join(map(_without_comment, text.splitlines())) if "//" in text else text)
        except ValueError:  # a comment within a line
            return None
        if "source" not in content or not content.keys().isdisjoint(("judge", "include", "headers")):
            return None
        source = os.path.join(os.path.dirname(path), content.pop("source"))
        with open(source, encoding="utf-8", newline="") as file:
            content["source_text"], content["source_name"] = file.read(), source
        return cls._of(content, json.dumps(content))

    @classmethod
    def _of(cls, content: Any, text: str) -> Document:
        try:
            constants = content.get("constants", {})
            buffers = tuple(
                Buffer(
                    argument["name"],
                    _hole.sub(lambda hole: str(constants[hole[1]]), argument["type"])[1:],
                    tuple(str(extent) for extent in argument.get("shape", ())),
                    bool(argument.get("output", False)),
                )
                for argument in content["arguments"]
                if argument["type"].startswith("*")
            )
            document = cls(content["name"], text, tuple(content["sizes"]), buffers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"this is no kernel document: {type(error).__name__}: {error}") from error
        if not any(buffer.output for buffer in buffers):
            raise InvalidInputError(f"kernel {document.name} marks no argument as an output")
        return document

    def infer(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
        """The sizes of a problem from the shapes of its arrays.

        An array may have more axes than the document says when the leading ones multiply to the first: a batch of rows.
        ShapeError: the arrays contradict each other, or leave a size open.
        """
        sizes: dict[str, int] = {}
        source: dict[str, str] = {}
        for buffer in sorted(self.buffers, key=lambda buffer: buffer.output):  # what is wrong is an input's fault first
            shape = fold(self.name, buffer, shapes[buffer.name])
            for expression, extent in zip(buffer.shape, shape):
                if not _name.match(expression) or expression not in self.sizes:
                    continue
                if sizes.setdefault(expression, extent) != extent:
                    raise ShapeError(
                        f"{self.name}: {expression} is {sizes[expression]} by {source[expression]} and {extent} by "
                        f"{buffer.name} of shape {shapes[buffer.name]}"
                    )
                source.setdefault(expression, f"{buffer.name} of shape {shapes[buffer.name]}")
        open_sizes = [name for name in self.sizes if name not in sizes]
        if open_sizes:
            raise ShapeError(
                f"{self.name}: no array's shape tells {', '.join(open_sizes)}: the document's `shape` of an argument has to name it"
            )
        return sizes


def _without_comment(line: str) -> str:
    before, _, _ = line.partition("//")
    return before if before.count('"') % 2 == 0 else line


def fold(kernel: str, buffer: Buffer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with as many axes as the document says, the leading ones taken together."""
    surplus = len(shape) - len(buffer.shape)
    if surplus < 0 or not buffer.shape:
        raise ShapeError(f"{kernel}: {buffer.name} has shape {shape}; ({', '.join(buffer.shape)}) is expected")
    leading = 1
    for extent in shape[: surplus + 1]:
        leading *= extent
    return (leading, *shape[surplus + 1 :])
