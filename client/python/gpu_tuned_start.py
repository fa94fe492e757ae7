"""Imported by gpu_tuned.pth when Python starts and GPU_TUNED_TRITON or GPU_TUNED_INDUCTOR is set: waits until triton, or
Inductor, is imported, and then puts the hooks in.

Nothing else is imported here; without the variables this module is not even loaded. Inductor compiles in processes of its
own, which start like any other Python, so that they have the hooks, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from typing import Any


def _triton() -> None:
    from gpu_tuned.triton import install

    install()


def _inductor_cache() -> None:
    from gpu_tuned.inductor_cache import install

    install()


def _inductor() -> None:
    from gpu_tuned.inductor import install

    install()


_after: dict[str, tuple[str, Callable[[], None]]] = {
    "triton": ("GPU_TUNED_TRITON", _triton),
    "torch._inductor.remote_cache": ("GPU_TUNED_INDUCTOR", _inductor_cache),
    "torch._inductor.select_algorithm": ("GPU_TUNED_INDUCTOR", _inductor),
}


class _Loader(Loader):
    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader, self._then = loader, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        try:
            self._then()
        except Exception as error:  # the script must not fail for us
            import warnings

            what = "gpu_tuned.triton" if module.__name__ == "triton" else "gpu_tuned.inductor"
            warnings.warn(f"{what} is not installed: {error}", RuntimeWarning, stacklevel=2)


class _Finder(MetaPathFinder):
    """Finds what it waits for as the others do, and has something done after the import; each once."""

    def __init__(self, waiting: dict[str, Callable[[], None]]) -> None:
        self._waiting = waiting

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        then = self._waiting.pop(name, None)
        if then is None:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, then)
                return spec
        return None


def watch() -> None:
    waiting = {
        name: then
        for name, (variable, then) in _after.items()
        if os.environ.get(variable, "0") not in ("", "0") and name not in sys.modules
    }
    if waiting:
        sys.meta_path.insert(0, _Finder(waiting))


watch()
