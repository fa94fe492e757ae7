"""Installing, and what all of the hooks share."""

from __future__ import annotations

import os
import re
import sys
import threading
import warnings
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError, UnsupportedError

#: Releases whose seams were read and tried; newer ones are left alone until somebody has.
OLDEST, NEWEST = (3, 4), (3, 9)
MODES = ("config", "build", "async")

BUILDS = "_gpu_tuned_builds"  # an autotuner's attribute, in modes build and async: what is known of it (_build.Builds)


@dataclass
class Statistics:
    """What happened in this process."""

    hits: int = 0  # configurations that the daemon knew
    misses: int = 0  # … and that Triton timed, with the timings kept
    unkept: int = 0  # timed, and not kept: frozen, or no daemon
    left: int = 0  # calls of modes build and async that stay with Triton


statistics = Statistics()
frozen = False
active = False
mode = "config"

_lock = threading.Lock()
_said: set[str] = set()


def say_once(what: str) -> None:
    """A warning, the first time it comes up; the script runs on without us."""
    with _lock:
        if what in _said:
            return
        _said.add(what)
    warnings.warn(f"gpu_tuned.triton: {what}", RuntimeWarning, stacklevel=3)


def version_of(module: Any) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", getattr(module, "__version__", ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install(wanted: str | None = None) -> None:
    """Puts the hooks in; ``wanted`` is "config", "build" or "async" (default: ``GPU_TUNED_TRITON``, else "config").

    Kernels decorated before are covered, too. Twice is once. InvalidInputError: no such mode. UnsupportedError: a version
    of Triton that this release does not know, or a system without our extension; nothing is changed then.
    """
    global active, mode
    wanted = wanted or os.environ.get("GPU_TUNED_TRITON") or "config"
    if wanted not in MODES:
        raise InvalidInputError(f"GPU_TUNED_TRITON={wanted}: the modes are {', '.join(MODES)}")
    import triton

    from .. import _core

    _core.version()  # UnsupportedError where there is no extension
    version = version_of(triton)
    if not OLDEST <= version <= NEWEST:
        raise UnsupportedError(
            f"Triton {triton.__version__} is not one of {'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}; "
            "it runs without tuned"
        )
    if os.environ.get("TRITON_INTERPRET", "0") not in ("", "0"):
        raise UnsupportedError("Triton interprets its kernels (TRITON_INTERPRET); there is nothing to tune")
    from . import _autotuner, _version

    mode = wanted
    active = True
    _autotuner.patch()
    _version.patch()


def uninstall() -> None:
    """Takes the hooks out. Configurations that were answered stay in Triton's own memory."""
    global active
    active = False
    if f"{__package__}._autotuner" in sys.modules:
        from . import _autotuner, _version

        _autotuner.unpatch()
        _version.unpatch()


def freeze(on: bool = True) -> None:
    """From now on nothing that this process times is kept, so that no other process can be told anything new by it."""
    global frozen
    frozen = on
