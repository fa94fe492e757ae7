"""Inductor's cache of fused kernels' configurations, kept by the tuned daemon. Also in Inductor's compile processes."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import Any

from torch._inductor.remote_cache import RemoteAutotuneCache, RemoteCacheBackend

from . import _core, _entries

SPACE = "inductor-fused"

_said: set[str] = set()


def say_once(what: str) -> None:
    if what not in _said:
        _said.add(what)
        warnings.warn(f"gpu_tuned.inductor: {what}", RuntimeWarning, stacklevel=3)


def get(space: str, key: str) -> dict[str, Any] | None:
    """What is kept; None when nothing is, or nobody answers: compiling goes on."""
    try:
        return _entries.get(space, key)
    except Exception as error:
        say_once(f"{error}; Inductor tunes by itself")
        return None


def put(space: str, key: str, value: dict[str, Any], *, replace: bool = False) -> None:
    try:
        _entries.put(space, key, value, replace=replace)
    except Exception as error:
        say_once(f"{error}; what Inductor timed is not kept")


class FusedBackend(RemoteCacheBackend):  # type: ignore[misc]
    """Best configurations of fused kernels: JSON by keys that hold PyTorch's version, the device and the source."""

    def _get(self, key: str) -> bytes | None:
        entry = get(SPACE, hashlib.sha256(key.encode()).hexdigest())
        return None if entry is None else json.dumps(entry).encode()

    def _put(self, key: str, data: bytes) -> None:
        value = json.loads(data)
        # Saved twice where coordinates are descended behind the autotuning: without the second one, that would be done again.
        refined = isinstance(value, dict) and bool(value.get("found_by_coordesc"))
        put(SPACE, hashlib.sha256(key.encode()).hexdigest(), value, replace=refined)


def install() -> None:
    """Becomes the backend of Inductor's remote cache, unless it has one already. UnsupportedError: a system without our
    extension."""
    _core.version()
    if RemoteAutotuneCache.backend_override_cls is None:
        RemoteAutotuneCache.backend_override_cls = FusedBackend
