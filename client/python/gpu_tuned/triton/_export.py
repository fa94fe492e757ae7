"""From a call of an autotuned kernel to what the daemon can tune: every configuration's IR, and Triton's build of it.

Triton's own frontend and compiler make both (a warm-up of each configuration, as its autotuner would do), so that
heuristics, defaults and specialisation are Triton's. Nothing is launched.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import re
from collections.abc import Iterator
from typing import Any

from .._core import describe
from . import _descriptors, _ir, _key

WORKSPACES = ("global_scratch_size", "profile_scratch_size")


class Declined(Exception):
    """This call stays with Triton, and why."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles. Triton's frontend makes syntax trees, which set the collector off, and that walks all
    objects of PyTorch each time: 28 ms for each function that is parsed, 2 ms without."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class StandIn:
    """What specialisation sees of a tensor; keeps no memory of a device alive."""

    __slots__ = ("address", "dtype")

    def __init__(self, tensor: Any) -> None:
        self.dtype = tensor.dtype
        self.address = int(tensor.data_ptr())

    def data_ptr(self) -> int:
        return self.address


def stand_in(value: Any) -> Any:
    """What takes an argument's place where nothing is launched."""
    if hasattr(value, "data_ptr"):
        return StandIn(value)
    return _descriptors.like(value, StandIn(value.base)) if _descriptors.is_descriptor(value) else value


def call_of(autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any], config: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call with stand-ins, as it is behind the hook that comes before a configuration's launch.

    Hooks set the blocks of descriptors, and are run before each launch of ours, too. Declined: one that does what stand-ins
    do not bear, such as writing to a tensor.
    """
    named = tuple(stand_in(value) for value in args)
    keywords = {name: stand_in(value) for name, value in _key.keywords_of(kwargs).items()}
    if config.pre_hook is not None:
        try:
            config.pre_hook({**dict(zip(autotuner.arg_names, named)), **keywords, **config.all_kwargs()})
        except Exception as error:
            raise Declined(f"a configuration's hook does more than set blocks ({type(error).__name__}: {error})") from error
    return named, keywords


class Argument:
    """A parameter of the compiled function: the call's argument, its value, and of an array what it is."""

    __slots__ = ("array", "name", "reach", "value")

    def __init__(self, name: str, value: Any, reach: int = 0) -> None:
        self.name, self.value = name, value
        self.array = describe(value) if hasattr(value, "data_ptr") else None
        self.reach = reach or (self.array[3] if self.array else 0)


class Candidate:
    """One configuration, compiled by Triton: its IR, its binary, how both are launched."""

    def __init__(self, index: int, config: Any, compiled: Any, grid: tuple[int, int, int]) -> None:
        self.index, self.config, self.grid = index, config, grid
        self.metadata = compiled.metadata
        self.binary: bytes = compiled.asm["cubin"]
        self.signature: dict[str, Any] = compiled.src.signature
        self.ir = _ir.Function.parse(compiled.asm["ttir"])

    def configuration(self) -> dict[str, int]:
        out = {"config": self.index, "num_warps": int(self.config.num_warps), "num_stages": int(self.config.num_stages)}
        if self.config.num_ctas != 1:
            out["num_ctas"] = int(self.config.num_ctas)
        return out


def meta_of(autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any], config: Any) -> tuple[Any, dict[str, Any]]:
    """The JIT function and everything it is called with by name, heuristics and defaults applied."""
    named = dict(zip(autotuner.arg_names, args))
    keywords = {**_key.keywords_of(kwargs), **config.all_kwargs()}
    function = autotuner.fn
    while not hasattr(function, "cache_key"):
        if not isinstance(getattr(function, "values", None), dict):
            raise Declined(f"a {type(function).__name__} stands between the autotuner and the kernel")
        for name, heuristic in function.values.items():
            keywords[name] = heuristic({**named, **keywords})
        function = function.fn
    for name, parameter in function.signature.parameters.items():
        if parameter.default is not parameter.empty and name not in named:
            keywords.setdefault(name, parameter.default)
    return function, {**named, **keywords}


def grid_of(grid: Any, meta: dict[str, Any]) -> tuple[int, int, int]:
    extents = [int(extent) for extent in (grid(meta) if callable(grid) else grid)]
    if not 1 <= len(extents) <= 3 or min(extents) < 1:
        raise Declined(f"its grid is {tuple(extents)}")
    x, y, z = (*extents, 1, 1)[:3]
    return x, y, z


def compile_all(autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any], configs: list[Any],
                grids: list[tuple[int, int, int]]) -> list[Candidate]:  # fmt: skip
    """Every configuration that Triton can compile. Errors that its autotuner passes over are passed over here."""
    out = []
    with uncollected():
        for index, (config, grid) in enumerate(zip(configs, grids)):
            function, meta = meta_of(autotuner, *call_of(autotuner, args, kwargs, config), config)
            named = {name: meta[name] for name in function.signature.parameters if name in meta}
            options = {name: value for name, value in meta.items() if name not in named}
            try:
                compiled = function.run(grid=grid, warmup=True, **named, **options)
            except Exception as error:
                if type(error).__name__ not in ("OutOfResources", "CompileTimeAssertionFailure", "PTXASError"):
                    raise
                continue
            if compiled is None:
                raise Declined("somebody's hook keeps Triton from compiling")
            out.append(Candidate(index, config, compiled, grid))
    if not out:
        raise Declined("none of its configurations compiles")
    return out


def parameters_of(candidate: Candidate, meta: dict[str, Any]) -> list[Argument]:
    """The compiled function's parameters in its order; constants are none, and a descriptor is several."""
    out = []
    for name, kind in candidate.signature.items():
        if not isinstance(kind, str):
            raise Declined(f"its argument {name} is a tuple")
        if kind == "constexpr":
            continue
        if not kind.startswith("tensordesc"):
            out.append(Argument(name, meta[name]))
            continue
        if reason := _descriptors.refusal(meta[name]):
            raise Declined(f"its descriptor {name} {reason}")
        for part, value in _descriptors.parts(name, meta[name]):
            out.append(Argument(part, value, _descriptors.reach(meta[name]) if part == name else 0))
    if len(out) != len(candidate.ir.parameters) or len({argument.name for argument in out}) != len(out):
        raise Declined("its IR has other arguments than its signature")
    return out


def document(function: Any, candidates: list[Candidate], arguments: list[Argument], zeroed: list[str]) -> dict[str, Any]:
    """The kernel document, all configurations in it; Declined where our compilers could be wrong about it."""
    first = candidates[0]
    use = [candidate.ir.use() for candidate in candidates]
    loaded, stored = set().union(*(u[0] for u in use)), set().union(*(u[1] for u in use))
    rows = []
    for position, (argument, parameter) in enumerate(zip(arguments, first.ir.parameters)):
        row: dict[str, Any] = {"name": argument.name, "type": parameter.type}
        if argument.array is not None:
            if position in loaded and parameter.type[1:2] not in ("f", "b"):
                raise Declined(f"it reads integers from {argument.name}, and what they mean is not known")
            row["shape"] = [argument.reach]
            if position in stored:
                row["output"] = True
                row["fill"] = "zeros" if position not in loaded or argument.name in zeroed else "normal"
        elif parameter.type.startswith("f") or parameter.type == "bf16":
            row["value"] = float(argument.value)
        else:
            row["value"] = int(argument.value)
        rows.append(row)
    if not stored:
        raise Declined("it writes to no argument that could be told")
    with_ctas = any("num_ctas" in candidate.configuration() for candidate in candidates)
    sources = [{"configuration": {**({"num_ctas": 1} if with_ctas else {}), **candidate.configuration()},
                "source_text": candidate.ir.text} for candidate in candidates]  # fmt: skip
    name = re.sub(r"[^\w.-]", "_", getattr(function, "__name__", "kernel"))
    return {
        "name": f"triton.{name}"[:128],
        "language": "ttir",
        "entry": first.ir.name,
        "sizes": [],
        "sources": sources,
        "arguments": rows,
        "grid": [choice([(c.index, c.grid[axis]) for c in candidates]) for axis in range(3)],
    }


def choice(values: list[tuple[int, int]]) -> str:
    """An expression over ``config`` that gives each index's value; indices rise."""
    if len({value for _, value in values}) == 1:
        return str(values[0][1])
    middle = len(values) // 2
    return f"(config < {values[middle][0]} ? {choice(values[:middle])} : {choice(values[middle:])})"


def build(candidate: Candidate, kernel: str, configuration: dict[str, int], target: str, origin: str) -> str:
    """Triton's own binary as a request to ``POST /v1/builds``; Declined where its launch needs more than a build says."""
    metadata = candidate.metadata
    for name in (*WORKSPACES, "launch_cooperative_grid", "launch_pdl"):
        if getattr(metadata, name, None):
            raise Declined(f"Triton's build needs {name}")
    try:
        maps = _descriptors.maps(candidate.signature, metadata)
    except ValueError as reason:
        raise Declined(f"Triton's build has {reason}") from reason
    slots: list[dict[str, Any]] = []
    conditions = []
    for position, parameter in enumerate(candidate.ir.parameters):
        pointer = parameter.type.startswith("*")
        if position in maps:
            slots.append({"kind": "tensor_map", "size_bytes": 128, "map": maps[position]})
        else:
            slots.append({"kind": "pointer" if pointer else "scalar", "size_bytes": 8 if pointer else parameter.bytes()})
        if parameter.divisibility > 1:
            conditions.append({"kind": "divisible", "argument": position, "value": parameter.divisibility})
    slots += [{"kind": "pointer", "size_bytes": 8} for name in WORKSPACES if hasattr(metadata, name)]
    launch = {
        "symbol": metadata.name,
        "block": [32 * metadata.num_warps, 1, 1],
        "dynamic_shared_bytes": metadata.shared,
        "cluster_size": metadata.num_ctas,
        "parameters": slots,
        "conditions": conditions,
        "grid": list(candidate.grid),
    }
    return json.dumps(
        {"kernel": kernel, "sizes": {}, "origin": origin, "configuration": configuration, "target": target,
         "format": "cubin", "binary": base64.b64encode(candidate.binary).decode(), "launch": launch}
    )  # fmt: skip
