"""Imported by gpu_tuned.pth when Python starts and GPU_TUNED_TRITON is set: waits for triton to be imported.

Nothing else is imported here; without the variable this module is not even loaded.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from typing import Any


class _Loader(Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        try:
            from gpu_tuned.triton import install

            install()
        except Exception as error:  # the script must not fail for us
            import warnings

            warnings.warn(f"gpu_tuned.triton is not installed: {error}", RuntimeWarning, stacklevel=2)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "triton":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def watch() -> None:
    if "triton" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


watch()
