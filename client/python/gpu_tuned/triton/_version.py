"""Triton's name for its own version, without reading its library again in every process.

``triton_key()`` is part of the key of every cached binary and hashes all of the compiler, several hundred megabytes, before
the first launch. What it gave is kept in Triton's own cache, under names, sizes and times of the files that it reads.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

#: The modules that have it, by release: its own, and those that took it over by name.
_modules = ("triton.runtime.cache", "triton.compiler.compiler", "triton.runtime.autotuner")
_file = "triton_key"

_known: str | None = None
_original: Callable[[], str] | None = None


def _files(root: str) -> Iterator[str]:
    for part in ("compiler", "backends", "language", "runtime"):
        for folder, _, names in os.walk(os.path.join(root, part)):
            yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))
    for name in os.listdir(os.path.join(root, "_C")):
        yield os.path.join(root, "_C", name)


def stamp(root: str) -> str:
    """Changes whenever a file that the key is made of may have."""
    sha = hashlib.sha256(f"gpu_tuned 1 {sys.version}".encode())
    for path in sorted(_files(root)):
        seen = os.stat(path)
        sha.update(f"{path} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino}\n".encode())
    return sha.hexdigest()


def _triton_key() -> str:
    global _known
    if _known is None:
        assert _original is not None
        try:
            import triton
            from triton.runtime.cache import get_cache_manager

            manager = get_cache_manager(stamp(os.path.dirname(os.path.abspath(triton.__file__))))
            kept = manager.get_file(_file)
            if kept is not None:
                with open(kept, encoding="utf-8") as file:
                    _known = file.read()
            if not _known or not _known.startswith(triton.__version__):
                _known = _original()
                manager.put(_known, _file, binary=False)
        except Exception:  # a cache of somebody else's, a folder that may not be written: Triton finds out by itself
            _known = _original()
    return _known


def _replace(old: Any, new: Any) -> None:
    for name in _modules:
        module = sys.modules.get(name)
        if module is not None and getattr(module, "triton_key", None) is old:
            module.triton_key = new  # type: ignore[attr-defined]


def patch() -> None:
    global _original
    for name in _modules:
        found = getattr(sys.modules.get(name), "triton_key", None)
        if found is not None and found is not _triton_key and _original is None:
            _original = found
    if _original is not None:
        _replace(_original, _triton_key)


def unpatch() -> None:
    global _original
    if _original is not None:
        _replace(_triton_key, _original)
        _original = None
