"""Helion's remote cache of tuned configurations, kept by the tuned daemon.

``HELION_AUTOTUNE_CACHE=RemoteAutotuneCache HELION_REMOTE_CACHE_BACKEND=gpu_tuned.helion.Backend``: what one process has
tuned, the next one uses.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from helion.autotuner.remote_cache import RemoteCacheBackend

from . import _entries

SPACE = "helion"
MOST_LISTED = 500  # each is a question to the daemon


class Backend(RemoteCacheBackend):  # type: ignore[misc]
    """Strings of JSON by key. A daemon that is not there is Helion's to handle: it falls back to its local cache."""

    def get(self, key: str) -> str | None:
        entry = _entries.get(SPACE, key)
        return None if entry is None else str(entry["data"])

    def put(self, key: str, data: str) -> None:
        _entries.put(SPACE, key, {"data": data, "time": time.time()}, replace=True)

    def list(self, max_results: int | None = None) -> Iterable[str]:
        entries = [_entries.get(SPACE, key) for key in _entries.keys(SPACE)[:MOST_LISTED]]
        newest = sorted((e for e in entries if e is not None), key=lambda e: float(e.get("time", 0)), reverse=True)
        return [str(entry["data"]) for entry in newest[:max_results]]
