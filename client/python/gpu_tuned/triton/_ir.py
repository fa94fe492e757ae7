"""What has to be known of a Triton IR text without a compiler: its signature, and which arguments it reads and writes."""

from __future__ import annotations

import re

from . import _descriptors

_signature = re.compile(r"tt\.func public @([\w$.]+)\((.*?)\)(?: ->[^{]*)? attributes|tt\.func public @([\w$.]+)\((.*?)\) \{")
_parameter = re.compile(r"(%[\w.$-]+): ((?:!tt\.ptr<[^>]*>|[\w]+))(?: \{([^}]*)\})?")
_value = re.compile(r"%[\w.$-]+(?:#\d+)?")
_result = re.compile(r"\s*(%[\w.$-]+)(?::\d+)? = (.*)")
_carried = re.compile(r"(%[\w.$-]+) = (%[\w.$-]+(?:#\d+)?)")

_types = {"f8E4M3FN", "f8E5M2", "f16", "bf16", "f32", "f64", "i1", "i8", "i16", "i32", "i64"}
_bytes = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8}


class NotUnderstood(Exception):
    """The IR is not of a form that is known here."""


class Parameter:
    """A parameter of the function: "*f32", "i32", …; divisibility is 1 where nothing is said."""

    __slots__ = ("divisibility", "type", "value")

    def __init__(self, value: str, type: str, divisibility: int) -> None:
        self.value, self.type, self.divisibility = value, type, divisibility

    def bytes(self) -> int:
        return _bytes[self.type]


class Function:
    """The module's text without locations and with descriptors made of pointers, its public function's name and its
    parameters."""

    __slots__ = ("name", "parameters", "text")

    def __init__(self, text: str, name: str, parameters: list[Parameter]) -> None:
        self.text, self.name, self.parameters = text, name, parameters

    @classmethod
    def parse(cls, text: str) -> Function:
        text = _descriptors.lower(without_locations(text))
        found = _signature.search(text)
        if not found:
            raise NotUnderstood("its IR has no public function")
        name, parameters = found[1] or found[3], found[2] if found[1] else found[4]
        return cls(text, name, [_read(*match) for match in _parameter.findall(parameters)])

    def use(self) -> tuple[set[int], set[int]]:
        """The positions of pointers that are loaded from and stored to; more than that where it is not clear."""
        roots: dict[str, frozenset[str]] = {p.value: frozenset([p.value]) for p in self.parameters if p.type[0] == "*"}
        loaded: set[str] = set()
        stored: set[str] = set()

        def origin(words: list[str]) -> frozenset[str]:
            return frozenset().union(*(roots.get(word.partition("#")[0], frozenset()) for word in words))

        for line in self.text.splitlines():
            result = _result.match(line)
            operation = result[2] if result else line.strip()
            words = _value.findall(operation)
            if operation.startswith(("tt.call", "scf.while", "cf.", "tt.inline")) or "ptr<!tt.ptr" in operation:
                raise NotUnderstood(f"its IR has {operation.split()[0]}")
            if operation.startswith("scf.if") and ("!tt.ptr" in operation or "!tt.tensordesc" in operation):
                raise NotUnderstood("its IR chooses between pointers")
            if operation.startswith(("tt.load", "tt.descriptor_load", "tt.descriptor_gather", "tt.atomic")):
                loaded |= origin(words[:1])
            if operation.startswith(("tt.store", "tt.descriptor_store", "tt.descriptor_scatter", "tt.descriptor_reduce",
                                     "tt.atomic")):  # fmt: skip
                if not origin(words[:1]):
                    raise NotUnderstood("its IR stores through a pointer of unknown origin")
                stored |= origin(words[:1])
            if operation.startswith(("tt.load", "tt.atomic", "tt.descriptor_load", "tt.descriptor_gather")):
                continue  # what was read is no pointer
            for carried, start in _carried.findall(operation):
                roots[carried] = origin([start])
            if result:
                roots[result[1]] = origin(words)
        places = {p.value: position for position, p in enumerate(self.parameters)}
        return {places[name] for name in loaded}, {places[name] for name in stored}


def _read(value: str, type: str, attributes: str) -> Parameter:
    pointer = re.fullmatch(r"!tt\.ptr<(\w+)(?:, 1)?>", type)
    name = pointer[1] if pointer else type
    if name not in _types:
        raise NotUnderstood(f"its argument {value} is a {type}")
    divisibility = re.search(r"tt\.divisibility = (\d+)", attributes)
    return Parameter(value, ("*" if pointer else "") + name, int(divisibility[1]) if divisibility else 1)


def without_locations(text: str) -> str:
    """The text without ``loc(…)`` and ``#loc`` lines: where a file lies is no part of a kernel."""
    out = []
    for line in text.splitlines():
        if line.startswith("#loc"):
            continue
        while (at := line.find(" loc(")) >= 0:
            depth, end, quoted = 0, at + 4, False
            while end < len(line):
                if line[end] == '"' and line[end - 1] != "\\":
                    quoted = not quoted
                depth += 0 if quoted else (line[end] == "(") - (line[end] == ")")
                end += 1
                if depth == 0:
                    break
            line = line[:at] + line[end:]
        out.append(line.rstrip())
    return "\n".join(out) + "\n"
