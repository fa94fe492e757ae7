"""What is read of Triton's functions and of the functions that are grids, without a GPU."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

triton = pytest.importorskip("triton")
pytest.importorskip("gpu_tuned")

from gpu_tuned.triton import _export, _ir  # noqa: E402
from triton_standins import tensor  # noqa: E402


def test_a_choice_between_many_grids_is_shallow() -> None:
    text = _export.choice([(i, i * i + 1) for i in range(0, 200, 3)])
    depth = max(text[:at].count("(") - text[:at].count(")") for at in range(len(text)))
    assert depth <= 8
    for config in range(0, 200, 3):
        python = text.replace("?", "and [").replace(":", "] or [")
        assert python.count("config") > 10
        assert _evaluate(text, config) == config * config + 1


def _evaluate(text: str, config: int) -> int:
    if not text.startswith("("):
        return int(text)
    limit = int(text[len("(config < ") :].split(" ")[0])
    body = text[text.index("?") + 2 : -1]
    depth = 0
    for at, letter in enumerate(body):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter == ":":
            return _evaluate(body[: at - 1] if config < limit else body[at + 2 :], config)
    raise AssertionError(text)


def test_locations_are_no_part_of_a_kernel() -> None:
    text = '#loc = loc("/a/b.py":1:0)\nmodule {\n  %a = x.y %b : i32 loc(callsite("f(x" at #loc))\n} loc(#loc)\n'
    assert _ir.without_locations(text) == "module {\n  %a = x.y %b : i32\n}\n"


def test_pointers_of_unknown_origin_are_not_understood() -> None:
    head = "module {\ntt.func public @k(%a: !tt.ptr<f32>, %b: i64) attributes {noinline = false} {\n"
    with pytest.raises(_ir.NotUnderstood, match="unknown origin"):
        _ir.Function.parse(head + "%0 = tt.int_to_ptr %b : i64 -> !tt.ptr<f32>\ntt.store %0, %c : !tt.ptr<f32>\n}}\n").use()
    with pytest.raises(_ir.NotUnderstood, match=r"!tt\.ptr<!tt\.ptr|is a"):
        _ir.Function.parse(head.replace("!tt.ptr<f32>", "!tt.ptr<i128>") + "}}\n")


def facts_of(grid: Any, **meta: Any) -> Any:
    from gpu_tuned.triton import _grid

    return _grid.facts(grid, {"n": 100, "BLOCK": 64, "x": tensor(np.zeros(8)), **meta})


LIMIT = 7


def test_what_a_grid_of_plain_arithmetic_follows_from_is_known() -> None:
    n, m = 100, 3
    _, cells, watched = facts_of(lambda meta: (triton.cdiv(n, meta["BLOCK"]) * m, min(LIMIT, 4)))
    assert set(cells) == {100, 3}
    assert watched == {"triton": triton, "LIMIT": 7, "min": None}
    assert facts_of(lambda meta: (meta["n"],)) is not None
    import triton as imported_here

    _, cells, _ = facts_of(lambda meta: (imported_here.cdiv(n, meta["BLOCK"]),))
    assert cells == (imported_here, 100)


def test_other_grids_are_called_each_time() -> None:
    x, state = tensor(np.zeros(8)), {"n": 1}

    def counting(meta: dict[str, Any]) -> tuple[int]:
        state["n"] += 1
        return (1,)

    def listed(meta: dict[str, Any]) -> list[int]:
        return [v for v in (meta["n"],)]

    for grid in (
        lambda meta: (x.array.size,),  # an object in its closure
        lambda meta: (meta["x"].array.size,),  # an attribute of an argument
        lambda meta: (np.prod([meta["n"]]),),  # a module that is not known
        lambda meta: (len(meta["x"]),),  # an argument that is no number
        lambda *metas: (1,),
        lambda meta: (print(meta["n"]) or 1,),
        counting,
        (4,),
        type("Grid", (), {"__call__": lambda self, meta: (1,)})(),
    ):
        assert facts_of(grid) is None, grid
    # Comprehensions are functions of their own before Python 3.12, and arithmetic in place from then on.
    found = facts_of(listed)
    assert (found is None) == (sys.version_info < (3, 12))
    assert found is None or found == (listed, (), {})
