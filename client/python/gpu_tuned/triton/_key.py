"""The question that a configuration answers: everything that its speed depends on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

SPACE = "triton-config"  # of the daemon's entries: answers, by the digest of the question
FORMAT = 1  # counts up when the question changes


def question(autotuner: Any, key: tuple[Any, ...], kwargs: dict[str, Any], configs: list[Any]) -> dict[str, Any]:
    """What is asked, as plain data. ``autotuner.nargs`` is set; ``key`` is Triton's own."""
    import triton

    function = jit_function(autotuner)
    keywords = keywords_of(kwargs)
    arguments = {**autotuner.nargs, **keywords}
    names = [name for name in autotuner.arg_names if name in arguments]
    return {
        "format": FORMAT,
        "triton": triton.__version__,
        "function": getattr(function, "__qualname__", str(function)),
        "source": str(function.cache_key),  # of the kernel's source and of all it calls
        "device": device(),
        "key": [repr(part) for part in key],
        "classes": [[name, value_class(arguments[name])] for name in names],
        "options": sorted((name, repr(value)) for name, value in keywords.items() if name not in autotuner.arg_names),
        "contraction": os.environ.get("TRITON_DEFAULT_FP_FUSION", ""),
        "configs": [identity(config) for config in configs],
    }  # fmt: skip


def keywords_of(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What a launch gives by name: all but what is Triton's own."""
    return {name: value for name, value in kwargs.items() if name not in ("grid", "warmup")}


def digest(asked: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def identity(config: Any) -> dict[str, Any]:
    """What tells a configuration from the others of its kernel."""
    out = {name: value if isinstance(value, (int, float, bool, str)) else repr(value)
           for name, value in config.all_kwargs().items()}  # fmt: skip
    if config.pre_hook is not None:
        out["pre_hook"] = getattr(config.pre_hook, "__qualname__", "?")
    return out


def value_class(value: Any) -> str:
    """An argument as Triton's specialisation sees it: type, alignment of pointers, divisibility of integers."""
    if isinstance(value, bool):
        return "u1"
    if isinstance(value, int):
        width = "i32" if -(2**31) <= value < 2**31 else "i64" if value < 2**63 else "u64"
        return width + (":1" if value == 1 else ":16" if value % 16 == 0 else "")
    if isinstance(value, float):
        return "f"
    if value is None:
        return "none"
    if hasattr(value, "data_ptr"):
        return f"*{value.dtype}" + (":16" if value.data_ptr() % 16 == 0 else "")
    if hasattr(value, "block_shape"):  # a tensor descriptor
        base = getattr(value, "base", None)
        return f"desc {getattr(base, 'dtype', '?')} {list(value.block_shape)} of {len(getattr(value, 'shape', ()))}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(value_class(item) for item in value) + ")"
    return f"{type(value).__name__}:{value}"


def jit_function(autotuner: Any) -> Any:
    """The JITFunction at the end of the chain of decorators."""
    function = autotuner.fn
    while not hasattr(function, "cache_key"):
        function = function.fn
    return function


def device() -> dict[str, Any]:
    from triton.runtime import driver

    active = driver.active
    index = active.get_current_device()
    target = active.get_current_target()
    return {
        "backend": str(target.backend),
        "architecture": str(target.arch),
        "name": _device_name(index),
        "driver": _driver_version(),
    }


@lru_cache(maxsize=None)
def _device_name(index: int) -> str:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(index))
    return ""


@lru_cache(maxsize=None)
def _driver_version() -> str:
    try:
        return Path("/sys/module/nvidia/version").read_text().strip()
    except OSError:
        pass
    try:
        words = Path("/proc/driver/nvidia/version").read_text().split()
    except OSError:
        return ""
    return next((word for word in words if word[0].isdigit() and "." in word), "")
