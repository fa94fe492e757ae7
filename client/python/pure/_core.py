"""Stands in for the extension in the wheel for systems that tuned has no programs for (macOS, Windows).

Importing gpu_tuned works there; whatever would need the extension, the C library or the daemon is an UnsupportedError that
says so, so that a program which falls back (docs/python.md) runs on.
"""

from __future__ import annotations

import platform
from typing import Any, NoReturn


def _refuse(*_: Any, **__: Any) -> NoReturn:
    from gpu_tuned.errors import UnsupportedError

    raise UnsupportedError(
        f"gpu_tuned is installed here without its extension, C library, daemon and backends: there are none for "
        f"{platform.system()} on {platform.machine()}; run it on Linux on x86-64 (glibc 2.36 or newer), or go on without it, "
        "as docs/examples/hybrid.py does"
    )


class Answer:
    __init__ = _refuse


class Binary:
    __init__ = _refuse


class Client:
    __init__ = _refuse


class Dispatcher:
    __init__ = _refuse


class Calls:
    __init__ = _refuse


version = document = describe = enable_calls = bound_item = _refuse


def on_notice(*_: Any) -> None:
    """There is nobody who could tell anything."""


set_errors = on_notice
