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


def test_calls_that_are_left_go_where_they_were_told_to_at_once() -> None:
    owner, x = Owner(), Watched()
    seen: list[Any] = []
    core.enable_calls(True, None, lambda *args, **kwargs: seen.append((args, kwargs)))
    bound = owner.calls.bind(owner, (1,))
    bound(x, 1)
    assert (seen, owner.told) == ([], [None]), "nothing is known: its owner may find out"
    assert owner.calls.put((x, 1), {"grid": (1,)}, None, (), (), (1, 1, 1), {})
    assert owner.calls.put((x,), {"y": 2, "grid": (1,)}, None, (), (), (1, 1, 1), {})
    bound(x, 1)
    bound(*(x,), **{"y": 2})
    assert owner.calls.put((x, 3), {"grid": (1,)}, False, (), (), (1, 1, 1), {})
    bound(x, 3)
    assert owner.told.pop() is False, "left for now: its owner is asked each time"
    told = [((owner, x, 1), {"grid": (1,), "warmup": False}), ((owner, x), {"grid": (1,), "warmup": False, "y": 2})]
    assert (seen, owner.told) == (told, [None])


@pytest.mark.parametrize("word", ["grid", "warmup"])
def test_a_bound_call_refuses_a_second_grid(word: str) -> None:
    owner = Owner()
    for way in (lambda bound: bound(1, **{word: 3}), lambda bound: bound.__call__(1, **{word: 3})):
        with pytest.raises(TypeError, match=f"two values for '{word}'"):
            way(owner.calls.bind(owner, (1,)))


def test_what_an_instance_is_bound_by_is_its_classes_run() -> None:
    class Kernel:
        def run(self, *args: Any, grid: Any, warmup: bool) -> Any:
            return args, grid, warmup

    class Other(Kernel):
        def run(self, *args: Any, grid: Any, warmup: bool) -> Any:
            return "other"

    def plain(self: Any, grid: Any) -> Any:
        return lambda *args: ("plain", grid, args)

    Kernel.__getitem__ = core.bound_item(Kernel, "_known", Kernel.run, plain)  # type: ignore[attr-defined]
    kernel, other = Kernel(), Other()
    assert kernel[7](1) == ("plain", 7, (1,)), "nothing is known"  # type: ignore[index]
    for one in (kernel, other):
        one._known = Owner()  # type: ignore[attr-defined]
    assert kernel[7](1) == ((1,), 7, False)  # type: ignore[index]
    assert other[7](1) == ("plain", 7, (1,))  # type: ignore[index]
