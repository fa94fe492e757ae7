"""Inductor's autotuning, kept by the tuned daemon: what one process has timed, the next ones use.

``gpu_tuned.inductor.install()`` before ``torch.compile``, or ``GPU_TUNED_INDUCTOR=1`` with an unchanged script. Two seams:
fused kernels through Inductor's remote cache of autotuning, matrix templates through its lookup table of choices. Both are
Inductor's own; a daemon that is not there leaves Inductor as it is, and is said once. PyTorch 2.10 and later.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import torch
from torch._inductor import config
from torch._inductor.lookup_table.choices import LookupTableChoices

from . import _core, _daemon, inductor_cache

TEMPLATES = "inductor-templates"
FORMAT = 1  # counts up when keys or values change

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
        entry = inductor_cache.get(TEMPLATES, key) if key else None
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
    inductor_cache.put(TEMPLATES, key, {"template": chosen.template.uid, "hash": getattr(chosen.template, "src_hash", None),
                          "options": options, "milliseconds": finite[best], "operation": name})  # fmt: skip


def load_what_was_found() -> None:
    """Inductor halves the block of a looped reduction when it loads it, and times both, also where descending coordinates
    has found this very block; what it saves then lacks that it was found, so that every later load descends again. A kernel
    whose configurations all were found is loaded as it is."""
    from torch._inductor.runtime.triton_heuristics import CachingAutotuner

    original = getattr(CachingAutotuner, "_dynamic_scale_rblock", None)
    if original is None or hasattr(original, "gpu_tuned"):  # a release that does no such thing; twice is once
        return

    def unless_found(self: Any, *args: Any, **kwargs: Any) -> None:
        results = getattr(self, "compile_results", None)
        if not results or not all(getattr(result.config, "found_by_coordesc", False) for result in results):
            original(self, *args, **kwargs)

    unless_found.gpu_tuned = True  # type: ignore[attr-defined]
    CachingAutotuner._dynamic_scale_rblock = unless_found


def copy_what_was_found() -> None:
    """Triton's Config forgets, when it is copied or pickled, that descending coordinates has found it. Inductor copies kernels
    into its cache of graphs; each that came out of there descended again at its first launch. The mark travels beside."""
    from torch._inductor.runtime.triton_heuristics import CachingAutotuner

    get, put = CachingAutotuner.__getstate__, CachingAutotuner.__setstate__
    if hasattr(get, "gpu_tuned"):  # twice is once
        return

    def with_marks(self: Any) -> dict[str, Any]:
        results = getattr(self, "compile_results", None) or []
        found = [bool(getattr(result.config, "found_by_coordesc", False)) for result in results]
        return {**get(self), "gpu_tuned_found": found}

    def marked(self: Any, state: dict[str, Any]) -> None:
        put(self, state)
        for result, found in zip(getattr(self, "compile_results", None) or [], state.get("gpu_tuned_found", []), strict=False):
            if found:
                result.config.found_by_coordesc = True

    with_marks.gpu_tuned = True  # type: ignore[attr-defined]
    CachingAutotuner.__getstate__, CachingAutotuner.__setstate__ = with_marks, marked


def install() -> None:
    """Puts both seams in, in this process and in Inductor's compile processes; twice is once.

    A handler of choices of somebody else's stays. Compile processes see what gpu_tuned.pth puts in when they start, and so
    only where the package is installed. UnsupportedError: a system without our extension.
    """
    _core.version()
    from torch._inductor.remote_cache import RemoteAutotuneCache
    from torch._inductor.select_algorithm import add_feedback_saver

    os.environ["GPU_TUNED_INDUCTOR"] = "1"
    _daemon.export_socket()  # for the processes that compile
    inductor_cache.install()
    if RemoteAutotuneCache.backend_override_cls is inductor_cache.FusedBackend:
        config.autotune_remote_cache = True
        load_what_was_found()
        copy_what_was_found()
    if config.inductor_choices_class not in (None, Choices):
        inductor_cache.say_once("another handler of choices is installed; templates are Inductor's to time")
    elif config.inductor_choices_class is None:
        config.inductor_choices_class = Choices
        add_feedback_saver(remember)
