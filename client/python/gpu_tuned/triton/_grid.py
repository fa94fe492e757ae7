"""What a grid function's result follows from, where its code shows that it is nothing but arithmetic.

``grid = lambda META: (triton.cdiv(M, META["BLOCK_M"]),)`` is made anew for every launch, and calling it costs more than the
launch. Such a function gives what it gave before when its code, what is in its closure and the globals that it
reads are the same, and META is. Whatever does more than that is called each time.
"""

from __future__ import annotations

import builtins
import dis
import inspect
import math
from types import CodeType, FunctionType, ModuleType
from typing import Any

_numbers = (int, float, bool)
_built_in = {"abs", "divmod", "float", "int", "max", "min", "pow", "round", "sum"}
_attributes = {"cdiv", "next_power_of_2", "ceil", "floor", "prod", "log2", "get"}
_writes = ("STORE_GLOBAL", "STORE_NAME", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF", "DELETE_", "IMPORT_", "MAKE_FUNCTION",
           "YIELD", "SEND", "RAISE", "LOAD_BUILD_CLASS")  # fmt: skip
_more_than_a_function = (
    inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
)

Facts = tuple[FunctionType, tuple[Any, ...], dict[str, Any]]


def facts(grid: Any, meta: dict[str, Any]) -> Facts | None:
    """The function, the values in its closure, and the globals that it reads (None: a built-in); None: not known."""
    if type(grid) is not FunctionType:
        return None
    code = grid.__code__
    if code.co_argcount != 1 or code.co_kwonlyargcount or code.co_flags & _more_than_a_function:
        return None
    try:
        cells = tuple(cell.cell_contents for cell in grid.__closure__ or ())
    except ValueError:  # not filled yet
        return None
    if not all(type(value) is str or _plain(value) for value in cells):
        return None
    if any(isinstance(constant, CodeType) for constant in code.co_consts):
        return None
    words = [value for value in (*code.co_consts, *cells) if isinstance(value, str)]
    if not all(type(meta[word]) in _numbers for word in words if word in meta):
        return None
    watched: dict[str, Any] = {}
    for step in dis.get_instructions(code):
        if step.opname.startswith(_writes):
            return None
        name = str(step.argval)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if name in grid.__globals__:
                value = grid.__globals__[name]
                if not _plain(value):
                    return None
                watched[name] = value
            elif name in _built_in and hasattr(builtins, name):
                watched[name] = None
            else:
                return None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR") and name not in _attributes:
            return None
    return grid, cells, watched


def _plain(value: Any) -> bool:
    """A number, or something whose functions of these names are arithmetic."""
    import triton

    if type(value) in _numbers or (isinstance(value, ModuleType) and value in (triton, math)):
        return True
    return any(value is known for known in (triton.cdiv, triton.next_power_of_2, math.ceil, math.floor, math.prod, math.log2))
