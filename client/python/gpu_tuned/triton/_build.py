"""Modes ``build`` and ``async``: the winner among our builds and Triton's own, launched without Triton.

A call of an autotuned kernel is looked up in a table (``_core.Calls``) and launched; only what the table lacks comes
here. The daemon is asked which build is the best for exactly this call; where it does not know yet, every configuration
goes there as IR and as Triton's binary, is timed and judged, and the answer is kept for later processes. Calls that
cannot be handed over (hooks that write, integers that mean something) stay with Triton, and the reason is said once.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import Any

from .. import _daemon, _entries
from .._core import describe
from ..errors import Error, NotFoundError
from . import _descriptors, _export, _grid, _key, _state
from ._export import Declined
from ._ir import NotUnderstood

SPACE = "triton-build"
MOST_CALLS = 16  # of one kernel in one process are tuned: a service whose sizes never repeat would tune for ever
SECONDS = 60.0  # a tuning may take; GPU_TUNED_TRITON_SECONDS


class Question:
    """One call, asked about: what identifies it, and what is needed to tune it."""

    __slots__ = (
        "args", "asked", "autotuner", "configs", "descriptors", "device", "function", "grids", "kwargs", "metas", "name",
    )  # fmt: skip

    def __init__(self, autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.autotuner, self.args, self.kwargs = autotuner, args, kwargs
        autotuner.nargs = dict(zip(autotuner.arg_names, args))
        self.configs = list(autotuner.prune_configs(kwargs)) if len(autotuner.configs) > 1 else list(autotuner.configs)
        values = {**autotuner.nargs, **_key.keywords_of(kwargs)}
        self.descriptors = {name: value for name, value in values.items() if _descriptors.is_descriptor(value)}
        calls = [_export.call_of(autotuner, args, kwargs, config) for config in self.configs]
        found = [_export.meta_of(autotuner, args, kwargs, config) for config in self.configs]
        self.function = found[0][0]
        self.metas = [meta for _, meta in found]
        self.grids = [_export.grid_of(kwargs["grid"], meta) for meta in self.metas]
        arrays = {name: describe(value) for name, value in values.items() if hasattr(value, "data_ptr")}
        bases = {name: describe(value.base) for name, value in self.descriptors.items()}
        devices = {array[1] for array in (*arrays.values(), *bases.values())}
        if len(devices) != 1:
            raise Declined(f"its arrays are on {len(devices)} devices")
        self.device = devices.pop()
        # Blocks that a hook sets are those of the configuration, whatever they were before.
        named, keywords = calls[0]
        autotuner.nargs = dict(zip(autotuner.arg_names, named))
        told = {name: [array[0], array[3]] for name, array in arrays.items()}
        told |= {name: _descriptors.form(value) for name, value in self.descriptors.items()}
        self.asked = {
            **_key.question(autotuner, (), {**keywords, "grid": None}, self.configs),
            "grids": [list(grid) for grid in self.grids],
            "values": [[name, told[name] if name in told else repr(value)] for name, value in sorted(values.items())],
        }
        if self.descriptors:
            self.asked["descriptors"] = [_blocks(autotuner, *call) for call in calls]
        self.name = _key.digest(self.asked)
        autotuner.nargs = None


def _blocks(autotuner: Any, named: tuple[Any, ...], keywords: dict[str, Any]) -> list[Any]:
    values = {**dict(zip(autotuner.arg_names, named)), **keywords}
    return [[name, list(value.block_shape)] for name, value in sorted(values.items()) if _descriptors.is_descriptor(value)]


class Builds:
    """What is known of one autotuned kernel: its table of launches, and what waits to be put into it."""

    def __init__(self, autotuner: Any, core: Any) -> None:
        from triton import knobs

        self.runtime: Any = knobs.runtime
        self.calls = core.Calls(tuple(autotuner.arg_names))
        self.calls.watch(self.runtime, None)
        self.ready: list[tuple[Question, Any, dict[str, Any]]] = []  # appended by a thread, taken by launches
        self.tuned = 0
        self.pending = 0  # tunings behind; while there are any, Triton serves its first configuration untimed
        self.lock = threading.Lock()  # guards pending

    def launch(self, autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the call was launched here. Errors are those of a launch; everything else leaves it to Triton."""
        if self.ready and not _capturing():
            self._swap()
        if not self.calls.quiet():
            return False
        done = self.calls.launch(args, kwargs)
        if done is not None or kwargs.get("grid") is None or _capturing():
            return bool(done)
        try:
            if not self._resolve(autotuner, args, kwargs):
                self._leave(args, kwargs)
        except (Declined, NotUnderstood) as reason:
            self._leave(args, kwargs)
            _state.statistics.left += 1
            _state.say_once(f"{_name(autotuner)} stays with Triton: {reason}")
        except Exception as error:
            self._leave(args, kwargs)
            _state.statistics.left += 1
            _state.say_once(f"{type(error).__name__}: {error}; {_name(autotuner)} stays with Triton")
        return bool(self.calls.launch(args, kwargs))

    def _leave(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # In mode async a tuning behind may bring a build for it yet.
        self.calls.put(args, kwargs, False if _state.mode == "async" else None, (), (), (1, 1, 1), {})

    def _resolve(self, autotuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        question = Question(autotuner, args, kwargs)
        self.calls.watch(self.runtime, question.function)
        entry = _entries.get(SPACE, question.name)
        if entry is not None:
            answer = _answer(entry, question.device)
            if answer is not None:
                _state.statistics.hits += 1
                self._put(question, answer, entry)
                return True
        if self.tuned >= MOST_CALLS:
            raise Declined(f"{MOST_CALLS} kinds of its calls are tuned in this process already")
        if _state.frozen:
            return False
        self.tuned += 1
        if _state.mode == "async":
            self._tune_behind(question)
            return False
        answer, entry = tune(question)
        self._put(question, answer, entry)
        return True

    def _put(self, question: Question, answer: Any, entry: dict[str, Any]) -> None:
        binary = _daemon.client().load(answer)
        index = entry["config"]
        positions = _positions(question)
        order = tuple(positions[name] for name in entry["buffers"])
        written = tuple(place for place, name in enumerate(entry["buffers"]) if name in entry["written"])
        config = question.configs[index]
        constants = {name: value for name, value in question.metas[index].items() if name not in positions}
        facts = _grid.facts(question.kwargs["grid"], question.metas[index])
        if not self.calls.put(question.args, question.kwargs, binary, order, written, question.grids[index], constants, facts,
                              config.pre_hook):  # fmt: skip
            raise Declined("its calls cannot be told apart")
        question.autotuner.best_config = config

    def _tune_behind(self, question: Question) -> None:
        def work() -> None:
            try:
                _select(question.device)
                answer, entry = tune(question)
                self.ready.append((question, answer, entry))
            except Exception as error:
                _state.statistics.left += 1
                _state.say_once(f"{type(error).__name__}: {error}; {_name(question.autotuner)} stays with Triton")
            finally:
                with self.lock:
                    self.pending -= 1

        with self.lock:
            self.pending += 1
        threading.Thread(target=work, name="gpu_tuned", daemon=True).start()

    def _swap(self) -> None:
        """Outside of graph capture: a captured launch keeps what it was captured with."""
        while True:
            try:
                found = self.ready.pop()
            except IndexError:  # another thread took the last one
                return
            try:
                self._put(*found)
            except Exception as error:
                _state.say_once(f"{type(error).__name__}: {error}; Triton's build stays")


    def __reduce__(self) -> Any:
        return type(None), ()  # an autotuner that is copied or pickled begins anew


def of(autotuner: Any) -> Builds:
    known: Builds | None = autotuner.__dict__.get(_state.BUILDS)
    if known is None:
        from .. import _core

        known = autotuner.__dict__[_state.BUILDS] = Builds(autotuner, _core)
    return known


def tune(question: Question) -> tuple[Any, dict[str, Any]]:
    """Hands every configuration over, as IR and as Triton's build, waits for the winner, and keeps it."""
    import triton

    autotuner, client = question.autotuner, _daemon.client()
    wake(client, question.device)
    candidates = _export.compile_all(autotuner, question.args, question.kwargs, question.configs, question.grids)
    arguments = _export.parameters_of(candidates[0], question.metas[candidates[0].index])
    zeroed = [str(name) for name in getattr(autotuner, "reset_to_zero", None) or ()]
    document = _export.document(question.function, candidates, arguments, zeroed)
    kernel = json.loads(client.submit(json.dumps(document)))["id"]
    brought, refused = 0, ""
    target = _target(question.device)
    rivals = document["sources"] if question.device.startswith("cuda:") else ()
    for candidate, source in zip(candidates, rivals):
        try:
            origin = f"triton {triton.__version__}"
            client.request("POST", "/v1/builds", _export.build(candidate, kernel, source["configuration"], target, origin))
            brought += 1
        except Declined as reason:
            refused = str(reason)
    if refused and not brought:
        raise Declined(f"{refused}, so that ours could not be compared with it")
    seconds = float(os.environ.get("GPU_TUNED_TRITON_SECONDS", SECONDS))
    status = json.loads(client.tune(json.dumps({"kernel": kernel, "sizes": {}, "device": question.device,
                                                "budget": {"seconds": seconds}})))  # fmt: skip
    found = status.get("answer")
    if not found or found.get("verdict", {}).get("state") != "passed":
        raise Declined("no build of it was proven right")
    if brought and not _compared(client, kernel, question.device):
        raise Declined("none of Triton's builds could be timed, so that ours could not be compared with it")
    buffers = [row["name"] for row in document["arguments"] if "shape" in row]
    written = [row["name"] for row in document["arguments"] if row.get("output")]
    entry = {"kernel": kernel, "config": found["configuration"]["config"], "artefact": found["artefact"],
             "origin": found.get("origin", ""), "seconds": found.get("seconds"), "buffers": buffers,
             "written": written, "question": question.asked}  # fmt: skip
    _state.statistics.misses += 1
    kept = _entries.put(SPACE, question.name, entry)
    answer = _answer(kept, question.device)
    if answer is None:
        raise Declined("its winner is no longer known")
    return answer, kept


def wake(client: Any, device: str) -> None:
    """The daemon starts its processes while Triton makes what is tuned; a daemon that knows no such request does without."""
    with contextlib.suppress(Error):
        client.request("POST", f"/v1/devices/{device}/wake")


def _compared(client: Any, kernel: str, device: str) -> bool:
    """Whether a build that was brought was timed: a winner is launched only if it beat Triton's, or is one."""
    why = json.loads(client.request("POST", "/v1/explain", json.dumps({"kernel": kernel, "sizes": {}, "device": device})))
    measured = [one["measurement"] for one in why["field"]]
    return any(one.get("origin") and one["outcome"] == "timed" for one in measured)


def _answer(entry: dict[str, Any], device: str) -> Any:
    """The proven winner that an entry speaks of; None when the daemon has another one or none."""
    try:
        answer = _daemon.client().best(entry["kernel"], {}, device)
    except NotFoundError:
        return None  # forgotten
    told = json.loads(answer.json())
    if told["source"] != "cache" or told.get("verdict", {}).get("state") != "passed":
        return None
    entry["config"] = told["configuration"]["config"]
    return answer


def _positions(question: Question) -> dict[str, int]:
    """Where each argument stands among a call's values: positional ones, then keywords in their order."""
    names = [*question.autotuner.arg_names[: len(question.args)], *_key.keywords_of(question.kwargs)]
    return {name: position for position, name in enumerate(names)}


def _target(device: str) -> str:
    devices = json.loads(_daemon.client().request("GET", "/v1/devices"))["devices"]
    found = next((row for row in devices if row.get("id", row.get("info", {}).get("id")) == device), None)
    if found is None:
        raise Declined(f"the daemon has no {device}")
    return str(found.get("architecture") or found["info"]["architecture"])


def _capturing() -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized() and bool(torch.cuda.is_current_stream_capturing())


def _select(device: str) -> None:
    """A new thread begins on the first device; Triton compiles for the current one."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and device.startswith("cuda:"):
        torch.cuda.set_device(int(device.partition(":")[2]))


def _name(autotuner: Any) -> str:
    return str(getattr(autotuner.base_fn, "__name__", autotuner))
