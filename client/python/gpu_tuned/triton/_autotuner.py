"""The seam in Triton's autotuner: its cache of configurations.

``Autotuner.run`` looks whether its cache has the key of a call, and times all configurations when it has not. The cache
is replaced by a dict that asks the daemon in between. So nothing of Triton's own code is copied, kernels that were
decorated before are covered, and so are subclasses that call ``super().run``.
"""

from __future__ import annotations

import threading
from typing import Any

from .. import _core, _entries
from . import _key, _state

_original: Any = None
_original_getitem: Any = None
_getitem: Any = None
_now = threading.local()


class ConfigCache(dict[Any, Any]):
    """Triton's key → Config. ``in`` asks the daemon when it does not know."""

    __slots__ = ("_autotuner",)

    def __init__(self, autotuner: Any, known: dict[Any, Any]) -> None:
        super().__init__(known)
        self._autotuner = autotuner

    def __contains__(self, key: object) -> bool:
        if dict.__contains__(self, key):
            return True
        call: _Call | None = getattr(_now, "call", None)
        if call is None or call.autotuner is not self._autotuner or not _state.active:
            return False  # somebody else looks
        try:
            config = _ask(call, key)
        except Exception as error:  # the script runs on, whatever it was
            _state.say_once(f"{type(error).__name__}: {error}; Triton tunes by itself")
            return False
        if config is None:
            return False
        self[key] = config
        return True

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class _Call:
    """One call of an autotuned kernel, and what was asked for it in vain: key, digest, question, configurations."""

    __slots__ = ("asked", "autotuner", "kwargs", "provisional", "untimed")

    def __init__(self, autotuner: Any, kwargs: dict[str, Any], untimed: bool) -> None:
        self.autotuner = autotuner
        self.kwargs = kwargs
        self.untimed = untimed  # a tuning behind will answer: nothing is to be timed now
        self.provisional: Any = None  # the key that the first configuration stands under until the call is over
        self.asked: tuple[Any, str, dict[str, Any], list[Any]] | None = None


def _ask(call: _Call, key: Any) -> Any:
    """The Config that the daemon has for the call; None when it knows none. Remembers what was asked."""
    autotuner, kwargs = call.autotuner, call.kwargs
    configs = autotuner.prune_configs(kwargs)
    if len(configs) < 2:
        return None  # nothing is timed then
    asked = _key.question(autotuner, key, kwargs, configs)
    name = _key.digest(asked)
    entry = _entries.get(_key.SPACE, name)
    if entry is not None:
        chosen = _find(configs, entry.get("config"))
        if chosen is not None:
            _state.statistics.hits += 1
            _tell_listener(autotuner, key, chosen, entry)
            return chosen
    if call.untimed:
        call.provisional = key
        return configs[0]
    call.asked = (key, name, asked, configs)
    return None


def _find(configs: list[Any], wanted: Any) -> Any:
    return next((config for config in configs if _key.identity(config) == wanted), None)


def _tell_listener(autotuner: Any, key: Any, config: Any, entry: dict[str, Any]) -> None:
    """Triton 3.8 and later tell a listener of every tuning, and of answers that need none."""
    from triton import knobs

    listener = getattr(getattr(knobs, "autotuning", None), "listener", None)
    if listener is None:
        return
    listener(fn=_key.jit_function(autotuner), key=key, best_config=config, configs_timings={config: entry.get("milliseconds")},
             duration=None, cache_hit=True)  # fmt: skip


def _keep(autotuner: Any, key: Any, name: str, asked: dict[str, Any], configs: list[Any]) -> None:
    """After Triton has timed: the daemon keeps it. Who came first is right, so that all ranks of a job agree."""
    best = dict.get(autotuner.cache, key)
    timings = getattr(autotuner, "configs_timings", None)
    if best is None:
        return
    if _state.frozen:
        _state.statistics.unkept += 1
        return
    kept = _entries.put(
        _key.SPACE,
        name,
        {
            "config": _key.identity(best),
            "milliseconds": _milliseconds(timings.get(best)) if timings else None,
            "timings": [[_key.identity(config), _milliseconds(timings[config])] for config in configs if config in timings]
            if timings
            else [],
            "question": asked,
        },
    )
    _state.statistics.misses += 1
    chosen = _find(configs, kept.get("config"))
    if chosen is not None and chosen is not best:
        autotuner.cache[key] = chosen


def _milliseconds(timing: Any) -> float | None:
    """do_bench gives one number or several quantiles; what failed is infinite."""
    value = timing[0] if isinstance(timing, (list, tuple)) else timing
    value = float(value) if value is not None else None
    return value if value is not None and value < float("inf") else None


def _run(self: Any, *args: Any, **kwargs: Any) -> Any:
    untimed = False
    if _state.mode != "config" and _state.active:
        from . import _build  # which mode config has no use for

        builds = _build.of(self)
        if builds.launch(self, args, kwargs):
            return None  # Triton would give its compiled kernel; there is none
        untimed = builds.pending > 0 or bool(builds.ready)
    cache = self.cache
    if type(cache) is not ConfigCache:
        if type(cache) is not dict:  # a cache of somebody else's
            return _original(self, *args, **kwargs)
        self.cache = ConfigCache(self, cache)
    before = getattr(_now, "call", None)
    _now.call = call = _Call(self, kwargs, untimed)
    try:
        result = _original(self, *args, **kwargs)
        if call.asked is not None:
            try:
                _keep(self, *call.asked)
            except Exception as error:
                _state.statistics.unkept += 1
                _state.say_once(f"{type(error).__name__}: {error}; what Triton timed is not kept")
        return result
    finally:
        _now.call = before
        if call.provisional is not None:
            self.cache.pop(call.provisional, None)


def _descriptor_type() -> type | None:
    try:
        from triton.tools.tensor_descriptor import TensorDescriptor
    except ImportError:  # a release that has none, or has it elsewhere
        return None
    found: type = TensorDescriptor
    return found


def patch() -> None:
    global _original, _original_getitem, _getitem
    from triton.runtime.autotuner import Autotuner

    if _original is None:
        _original, _original_getitem = Autotuner.run, Autotuner.__getitem__
        Autotuner.run = _run
        # kernel[grid]: where builds of ours are known, what launches them without Python code.
        _getitem = _core.bound_item(Autotuner, _state.BUILDS, _run, _original_getitem)
        Autotuner.__getitem__ = _getitem
    # Calls that are known to stay with Triton go there at once.
    _core.enable_calls(_state.mode != "config", _descriptor_type(), _original)


def unpatch() -> None:
    global _original
    from triton.runtime.autotuner import Autotuner

    _core.enable_calls(False, None)
    if _original is not None and Autotuner.run is _run:  # not under somebody else's patch
        Autotuner.run = _original
        if Autotuner.__dict__.get("__getitem__") is _getitem:
            Autotuner.__getitem__ = _original_getitem
        _original = None
