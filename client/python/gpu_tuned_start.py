"""Imported by gpu_tuned.pth when Python starts and GPU_TUNED_TRITON or GPU_TUNED_INDUCTOR is set: waits until triton, or
Inductor, is imported, and then puts the hooks in.

Nothing else is imported here, not even typing or importlib.abc, which bring thirty modules along: many a process that starts
with the variable set imports neither. Without the variables this module is not even loaded. Inductor compiles in processes of its
own, which start like any other Python, so that they have the hooks, too.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What is waited for: the variable that asks for it, and the module whose install() puts the hooks in.
_hooks: dict[str, tuple[str, str]] = {
    "triton": ("GPU_TUNED_TRITON", "gpu_tuned.triton"),
    "torch._inductor.remote_cache": ("GPU_TUNED_INDUCTOR", "gpu_tuned.inductor_cache"),
    "torch._inductor.select_algorithm": ("GPU_TUNED_INDUCTOR", "gpu_tuned.inductor"),
}


class _Loader:
    """The module's own loader; after its first import, and not after a look for it, the hooks are put in."""

    def __init__(self, loader: Any, name: str, waiting: dict[str, str]) -> None:
        self._loader, self._name, self._waiting = loader, name, waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        hooks = self._waiting.pop(self._name, None)
        if hooks is None:  # another spec of the module was loaded before
            return
        try:
            import_module(hooks).install()
        except Exception as error:  # the script must not fail for us
            import warnings

            what = "gpu_tuned.triton" if self._name == "triton" else "gpu_tuned.inductor"
            warnings.warn(f"{what} is not installed: {error}", RuntimeWarning, stacklevel=2)


class _Finder:
    """Finds what it waits for as the others do, and has the hooks put in after the import, once.

    A module that is only looked for (``importlib.util.find_spec``) is waited for still.
    """

    def __init__(self, waiting: dict[str, str]) -> None:
        self._waiting = waiting

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._waiting:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, name, self._waiting)  # type: ignore[assignment]
                return spec
        return None


def watch() -> None:
    waiting = {
        name: hooks
        for name, (variable, hooks) in _hooks.items()
        if os.environ.get(variable, "0") not in ("", "0") and name not in sys.modules
    }
    if waiting:
        sys.meta_path.insert(0, _Finder(waiting))


watch()
