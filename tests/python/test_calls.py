"""The table of launches without Triton: cycles through it are collected, and what its owner launches is looked up once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

core = pytest.importorskip("gpu_tuned._core")


class Owner:
    """What an autotuned kernel is: its launches come back through run()."""

    def __init__(self) -> None:
        self.calls = core.Calls(("x", "y"))
        self.told: list[Any] = []

    def run(self, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> None:
        self.told.append(self.calls.launch(args, {"grid": grid, "warmup": warmup, **kwargs}))


class Watched:
    """An array that counts how often it is looked at."""

    def __init__(self) -> None:
        self.array, self.looks = np.zeros(8, np.float32), 0

    @property
    def __array_interface__(self) -> Any:
        self.looks += 1
        return self.array.__array_interface__


@pytest.fixture(autouse=True)
def _enabled() -> Iterator[None]:
    core.enable_calls(True)
    yield
    core.enable_calls(False)


def test_cycles_through_tables_and_bound_calls_are_collected() -> None:
    def cycle() -> weakref.ref[Owner]:
        owner = Owner()
        assert owner.calls.put((owner, 1), {"grid": (1,)}, None, (), (), (1, 1, 1), {})  # kept: its key names it
        owner.calls.watch(owner, owner)
        owner.told.append(owner.calls.bind(owner, lambda meta: owner))
        return weakref.ref(owner)

    gone = [cycle() for _ in range(3)]
    gc.collect()
    assert [one() for one in gone] == [None] * 3
    table = core.Calls(("x",))
    assert gc.is_tracked(table) and gc.is_tracked(table.bind(table, (1,)))


def test_a_call_that_its_owner_launches_is_looked_up_once() -> None:
    owner, x = Owner(), Watched()
    assert owner.calls.launch((x, 1), {"grid": (1,), "warmup": False}) is None
    once = x.looks
    bound = owner.calls.bind(owner, (1,))
    bound(x, 1)
    assert (x.looks, owner.told.pop()) == (2 * once, None), "nothing is known, and it was not looked for again"
    assert owner.calls.put((x, 1), {"grid": (1,)}, None, (), (), (1, 1, 1), {})
    x.looks = 0
    bound(x, 1)
    bound(x, y=1)
    assert (x.looks, owner.told) == (2 * once, [False, None]), "left to its owner; by keyword it is another call"


def test_what_an_owner_launches_besides_is_looked_up() -> None:
    owner, x, other = Owner(), Watched(), Watched()
    assert owner.calls.put((other, 2), {"grid": (1,)}, None, (), (), (1, 1, 1), {})
    x_first = owner.run

    def run(*args: Any, **kwargs: Any) -> None:
        x_first(other, 2, **kwargs)
        x_first(*args, **kwargs)
        owner.calls.put(args, {"grid": (1,)}, None, (), (), (1, 1, 1), {})
        x_first(*args, **kwargs)

    owner.run = run  # type: ignore[method-assign]
    owner.calls.bind(owner, (1,))(x, 1)
    assert owner.told == [False, None, False]
