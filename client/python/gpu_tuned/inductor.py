"""Inductor's autotuning, kept by the tuned daemon: what one process has timed, the next ones use.

``gpu_tuned.inductor.install()`` before ``torch.compile``, or ``GPU_TUNED_INDUCTOR=1`` with :mod:`gpu_tuned.torch`. Two seams:
fused kernels through Inductor's remote cache of autotuning, matrix templates through its lookup table of choices. Both are
Inductor's own; a daemon that is not there leaves Inductor as it is, and is said once. PyTorch 2.10 and later.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import Any

import torch
from torch._inductor import config
from torch._inductor.lookup_table.choices import LookupTableChoices
from torch._inductor.remote_cache import RemoteCacheBackend

from . import _entries

FUSED, TEMPLATES = "inductor-fused", "inductor-templates"
FORMAT = 1  # counts up when keys or values change

_said: set[str] = set()


def _say_once(what: str) -> None:
    if what not in _said:
        _said.add(what)
        warnings.warn(f"gpu_tuned.inductor: {what}", RuntimeWarning, stacklevel=3)


def _get(space: str, key: str) -> dict[str, Any] | None:
    try:
        return _entries.get(space, key)
    except Exception as error:  # compiling goes on
        _say_once(f"{error}; Inductor tunes by itself")
        return None


def _put(space: str, key: str, value: dict[str, Any]) -> None:
    try:
        _entries.put(space, key, value)
    except Exception as error:
        _say_once(f"{error}; what Inductor timed is not kept")


class FusedBackend(RemoteCacheBackend):  # type: ignore[misc]
    """Best configurations of fused kernels: JSON by keys that hold PyTorch's version, the device and the source."""

    def _get(self, key: str) -> bytes | None:
        entry = _get(FUSED, hashlib.sha256(key.encode()).hexdigest())
        return None if entry is None else json.dumps(entry).encode()

    def _put(self, key: str, data: bytes) -> None:
        _put(FUSED, hashlib.sha256(key.encode()).hexdigest(), json.loads(data))


def _key(operation: str, inputs: Any) -> str | None:
    """What the best template depends on; None for devices that Inductor's templates are not timed on."""
    device = inputs.device()
    if device.type != "cuda":
        return None
    import triton

    asked = {
        "format": FORMAT,
        "operation": operation,
        "inputs": LookupTableChoices._generate_kernel_inputs_key(inputs),
        "device": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "triton": triton.__version__,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class Choices(LookupTableChoices):  # type: ignore[misc]
    """The template that was the fastest for such inputs before; all of Inductor's where nobody knows."""

    def lookup_template_configs(
        self,
        kernel_inputs: Any,
        op_name: str,
        template_uids: list[str],
        template_hash_map: dict[str, str | None] | None = None,
    ) -> dict[str, list[dict[str, Any]]]:
        key = _key(op_name, kernel_inputs)
        entry = _get(TEMPLATES, key) if key else None
        if entry is None or entry["template"] not in template_uids:
            return {}
        known = (template_hash_map or {}).get(entry["template"])
        if known is not None and known != entry.get("hash"):
            return {}  # the template is another one now
        return {entry["template"]: [dict(entry["options"])]}

    def uuid(self) -> str:
        """A part of the key of compiled graphs."""
        return f"gpu_tuned {FORMAT}"


def remember(timings: dict[Any, float], name: str, *_: Any) -> None:
    """Keeps the fastest of choices that Inductor has timed."""
    finite = {choice: seconds for choice, seconds in timings.items() if seconds < float("inf")}
    best = min(finite, key=lambda choice: finite[choice], default=None)
    chosen = getattr(best, "annotations", {}).get("ktc")
    if chosen is None or len(finite) < 2:
        return
    key = _key(name, chosen.inputs)
    if key is None:
        return
    options = chosen.params.to_kwargs()
    try:
        json.dumps(options)
    except TypeError:
        return  # symbols: good for this graph only
    _put(TEMPLATES, key, {"template": chosen.template.uid, "hash": getattr(chosen.template, "src_hash", None),
                          "options": options, "milliseconds": finite[best], "operation": name})  # fmt: skip


def install() -> None:
    """Puts both seams in, in this process; twice is once. A handler of choices of somebody else's stays."""
    from torch._inductor.remote_cache import RemoteAutotuneCache
    from torch._inductor.select_algorithm import add_feedback_saver

    if RemoteAutotuneCache.backend_override_cls is None:
        RemoteAutotuneCache.backend_override_cls = FusedBackend
        config.autotune_remote_cache = True
    if config.inductor_choices_class not in (None, Choices):
        _say_once("another handler of choices is installed; templates are Inductor's to time")
    elif config.inductor_choices_class is None:
        config.inductor_choices_class = Choices
        add_feedback_saver(remember)
