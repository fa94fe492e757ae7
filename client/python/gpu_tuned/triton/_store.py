"""Where answers are kept: entries of the daemon, by the digest of the question."""

from __future__ import annotations

from typing import Any

from .. import _entries

SPACE = "triton-config"


def get(name: str, space: str = SPACE) -> dict[str, Any] | None:
    """What is kept under a name; None when nothing is. Errors are gpu_tuned's."""
    return _entries.get(space, name)


def put(name: str, value: dict[str, Any], space: str = SPACE) -> dict[str, Any]:
    """Keeps a value unless there is one; gives what is kept."""
    return _entries.put(space, name, value)
