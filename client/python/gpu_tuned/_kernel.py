"""Kernels that are called like functions."""

from __future__ import annotations

import json
import os
import sys

from . import _core, _daemon
from ._answer import Best
from ._document import Buffer, Document, fold
from ._objective import weights
from ._outputs import Outputs, conversion
from .errors import (
    ArrayDeviceError,
    DtypeError,
    FaultedError,
    GradientError,
    LayoutError,
    NotFoundError,
    ShapeError,
    class_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._objective import Objective

    #: What the extension tells of an array: name, dtype, shape, contiguous, device, address, read-only.
    Array = tuple[str, str, tuple[int, ...], bool, str, int, bool]
    Progress = Callable[[dict[str, Any]], Any]


def kernel(name: str, *, objective: Objective | None = None) -> Kernel:
    """A kernel of the library (``softmax``, ``matmul_f16``, …) or a document's path, to be called on arrays.

    ``objective``: what is made small by its launches and questions, ``"time"`` (as without), ``"energy"``, or both by
    weights: ``{"time": 1, "energy": 1}``.

    >>> softmax = gpu_tuned.kernel("softmax")
    >>> y = softmax(x)
    """
    own = os.path.join(os.path.dirname(__file__), "kernels", f"{name}.json")
    library = os.path.isfile(own)
    document = Document.of_library(own) if library else None
    try:
        made = Kernel(document or Document.parse(_core.document(own if library else name)), objective)
    except NotFoundError as error:
        raise NotFoundError(f"{error}{_near(name, os.path.dirname(own))}") from None
    made.origin = os.path.abspath(name) if os.path.isfile(name) else name
    return made


def _near(name: str, own: str) -> str:
    """Names of the library that may have been meant."""
    import difflib

    folder = own if os.path.isdir(own) else os.environ.get("GPU_TUNED_KERNELS", "")
    known = [file[:-5] for file in os.listdir(folder) if file.endswith(".json")] if os.path.isdir(folder) else []
    near = difflib.get_close_matches(name, known)
    return f"; there is {', '.join(near)}" if near else ""


def _revive(text: str, objective: dict[str, float] | None, origin: str) -> Kernel:
    made = Kernel(Document.parse(text), objective)
    made.origin = origin
    return made


def variant(name: str, constants: dict[str, Any], values: dict[str, float]) -> Kernel:
    """A kernel of the library with other constants of its document, or other values of scalar arguments."""
    document = json.loads(kernel(name).document.text)
    changed = {key: value for key, value in constants.items() if document["constants"].get(key) != value}
    document.get("constants", {}).update(changed)
    for argument in document["arguments"]:
        value = values.get(argument["name"])
        if value is not None and argument["value"] != value:
            argument["value"] = changed[argument["name"]] = value
    if not changed:
        return kernel(name)
    document["name"] += "".join(f".{key}_{value}" for key, value in sorted(changed.items()))
    return Kernel(Document.parse(json.dumps(document)))


class Kernel(_core.Dispatcher):
    """Call it with its input arrays in the order of the document; outputs by name or as ``out=``, else they are made.

    Arrays may be NumPy's, PyTorch's, CuPy's, JAX's or anyone's with DLPack or an array interface, and must be in
    row-major order. The launch goes to the current stream of the first array's library that has one, else to the
    default stream, or to ``stream=``; arrays of other libraries are waited for there. What is not tuned yet runs with the
    best that is known, and the daemon tunes behind; later calls use what it found.
    """

    #: Told of every problem that is resolved, when somebody records (gpu_tuned.record).
    recorder: Callable[[Kernel, dict[str, int], dict[str, Any]], None] | None = None

    def __init__(self, document: Document, objective: Objective | None = None) -> None:
        super().__init__(tuple((buffer.name, buffer.output) for buffer in document.buffers))
        self.document = document
        self._outputs = Outputs(document)
        self._weights = None if objective is None else weights(objective)  # None: time alone
        self.origin = ""  # how kernel() was asked for it; empty: the document was made in the program
        self._id = ""
        self._generation = 0
        self._binaries: dict[tuple[Any, ...], _core.Binary] = {}

    def __repr__(self) -> str:
        outputs = ", ".join(buffer.name for buffer in self.document.buffers if buffer.output)
        inputs = ", ".join(buffer.name for buffer in self.document.buffers if not buffer.output)
        return f"<gpu_tuned kernel {self.document.name}({inputs}) -> {outputs}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, in this process or another, ask for themselves."""
        return _revive, (self.document.text, self._weights, self.origin)

    # --- asking ---

    def tune(
        self,
        device: str | None = None,
        *,
        seconds: float = 0,
        trials: int = 0,
        force: bool = False,
        objective: Objective | None = None,
        progress: bool | Progress = True,
        **sizes: int,
    ) -> Best:
        """Tunes now and waits; ``seconds`` and ``trials`` limit it (0: the whole space).

        ``objective``: what is made small, if not what the kernel was made for. ``progress``: True draws a bar on stderr, a
        function gets each event as a dict. FaultedError: nothing worked. UnsupportedError: the device does not count the
        energy that the objective asks for.
        """
        from ._progress import Bar

        request = {
            **self._asked(objective),
            "sizes": sizes,
            "device": device or "",
            "budget": {"seconds": seconds, "trials": trials},
            "force": force,
        }
        bar = Bar() if progress is True else None
        listener: Progress | None = bar if bar else progress or None  # type: ignore[assignment]
        try:
            heard = (lambda text: listener(json.loads(text)) and None) if listener else None
            status = json.loads(self._with_id(lambda client, id: client.tune(json.dumps({**request, "kernel": id}), heard)))
        finally:
            if bar:
                bar.close()
        self._forget()
        if not status.get("answer"):
            error = status.get("error") or {}
            reason = error.get("detail") or status.get("stopped") or status.get("state")
            remedy = f"; {error['remedy']}" if error.get("remedy") else ""
            raise class_of(error.get("kind"), FaultedError)(f"tuning {self.document.name} found nothing: {reason}{remedy}")
        return Best.parse(json.dumps(status["answer"]))

    async def tune_async(self, device: str | None = None, **options: Any) -> Best:
        """:meth:`tune` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.tune, device, **{"progress": False, **options})

    async def best_async(self, device: str | None = None, *, objective: Objective | None = None, **sizes: int) -> Best:
        """:meth:`best` without blocking the event loop when the daemon has to be asked."""
        import asyncio

        return await asyncio.to_thread(self.best, device, objective=objective, **sizes)

    def explain(
        self, device: str | None = None, *, rows: int = 5, objective: Objective | None = None, **sizes: int
    ) -> str:
        """Why this configuration: the winner, its runners-up, and what failed, as text."""
        from ._explain import explain

        asked = {"sizes": sizes, "device": device or "", **self._asked(objective)}
        return self._with_id(lambda client, id: explain(client, {"kernel": id, **asked}, rows))

    def _asked(self, objective: Objective | None) -> dict[str, Any]:
        """The objective's part of a request; none for time alone."""
        wanted = self._weights if objective is None else weights(objective)
        return {"objective": wanted} if wanted else {}

    # --- what the extension asks ---

    def _ask(self, device: str | None, sizes: dict[str, int], objective: Objective | None) -> tuple[Best, bool]:
        answer = _daemon.again(lambda: self._answer(sizes, device, objective))
        return Best.parse(answer.json()), answer.settled

    def _answer(self, sizes: dict[str, int], device: str | None, objective: Objective | None = None) -> _core.Answer:
        """The best that is known. The first question brings the document along, so that one message is enough."""
        client, asked = _daemon.client(), self._asked(objective)
        known = self._generation == _daemon.generation and self._id
        where = json.dumps({"sizes": sizes, "device": device or "", **asked}) if asked or not known else ""
        if known:
            try:
                if not asked:
                    return client.best(self._id, sizes, device)
                return client.ask(f'{{"kernel": {json.dumps(self._id)}, {where[1:]}')
            except NotFoundError:  # of a daemon that came after the one that was told, perhaps: it is told, too
                where = where or json.dumps({"sizes": sizes, "device": device or ""})
        answer = client.ask(f'{{"document": {self.document.text}, {where[1:]}')
        self._id, self._generation = answer.kernel, _daemon.generation
        return answer

    def _with_id(self, ask: Callable[[_core.Client, str], str]) -> str:
        """Asks by the kernel's id; once more where a daemon does not know it that came after the one that was told."""
        return _daemon.again(lambda: self._ask_by_id(ask))

    def _ask_by_id(self, ask: Callable[[_core.Client, str], str]) -> str:
        client = _daemon.client()
        if self._generation == _daemon.generation and self._id:
            try:
                return ask(client, self._id)
            except NotFoundError:
                pass
        self._id = json.loads(client.submit(self.document.text))["id"]
        self._generation = _daemon.generation
        return ask(client, self._id)

    def _resolve(self, arrays: tuple[Array, ...]) -> tuple[_core.Binary, bool]:
        given = sorted(zip(self.document.buffers, arrays), key=lambda pair: pair[0].output)  # inputs are at fault first
        for buffer, array in given:
            self._check(buffer, array, given[0][1])
        sizes = self.document.infer({array[0]: array[2] for array in arrays})
        device = arrays[0][4]
        answer = _daemon.again(lambda: self._answer(sizes, device))
        told = json.loads(answer.json())
        self._check_answer(told["launch"], arrays)
        if (recorder := Kernel.recorder) is not None:
            recorder(self, sizes, told)
        key = (answer.artefact, device, *sizes.items())
        binary = self._binaries.get(key)
        if binary is None:
            binary = self._binaries[key] = _daemon.client().load(answer)
        return binary, answer.settled

    def _check(self, buffer: Buffer, array: Array, first: Array) -> None:
        name, dtype, shape, contiguous, device, _, read_only = array
        expected = buffer.dtype
        if dtype != expected and not (dtype[0] == "u" and expected == "i" + dtype[1:]):
            raise DtypeError(f"{self.document.name}: {name} is {dtype}; {expected} is expected{conversion(name, expected)}")
        if 0 in shape:
            raise ShapeError(f"{self.document.name}: {name} of shape {shape} is empty; sizes count from 1")
        if not contiguous:
            raise LayoutError(
                f"{self.document.name}: {name} of shape {shape} is not in row-major order; pass a contiguous copy"
            )
        if read_only and buffer.output:
            raise LayoutError(f"{self.document.name}: {name} is an output and may not be written (JAX's arrays never may)")
        if device != first[4]:
            raise ArrayDeviceError(f"{self.document.name}: {first[0]} is on {first[4]}, {name} on {device}")
        if device.startswith("device:"):
            raise ArrayDeviceError(f"{self.document.name}: {name} is on a kind of device that tuned does not know")

    def _check_answer(self, launch: dict[str, Any], arrays: tuple[Array, ...]) -> None:
        """Shapes that are expressions are only known now. What the build needs of addresses is checked by each launch."""
        arguments = launch.get("arguments", [])
        by_name = {array[0]: array for array in arrays}
        buffers = {buffer.name: buffer for buffer in self.document.buffers}
        for argument in arguments:
            array = by_name.get(argument["name"])
            if array is None:
                continue
            expected = tuple(argument.get("shape", ()))
            if expected and fold(self.document.name, buffers[array[0]], array[2]) != expected:
                raise ShapeError(f"{self.document.name}: {array[0]} has shape {array[2]}; {expected} is expected")

    def _complete(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._outputs.complete(arrays)

    def _gradient(self, name: str) -> None:
        torch = sys.modules.get("torch")
        if torch is None or torch.is_grad_enabled():
            raise GradientError(
                f"{self.document.name}: {name} wants gradients, and this call has none; use it under torch.no_grad(), "
                f"or pass {name}.detach()"
            )

    def _stream(self, array: Any) -> int | None:
        library = type(array).__module__.partition(".")[0]
        if library == "torch":
            torch = sys.modules["torch"]
            return int(torch.cuda.current_stream(array.device).cuda_stream) if array.is_cuda else None
        if library == "cupy":
            with array.device:  # each device has a current stream of its own
                return int(sys.modules["cupy"].cuda.get_current_stream().ptr)
        return None  # no current stream: JAX waits for what makes an array when it hands it out
