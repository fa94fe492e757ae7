"""Kernels of the library on NumPy arrays, on the CPU, through a real daemon."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import gpu_tuned
import numpy as np
import pytest


@pytest.fixture(scope="module")
def softmax() -> gpu_tuned.Kernel:
    return gpu_tuned.kernel("softmax")


@pytest.fixture(autouse=True)
def _everything_connected(connected: Any) -> None:
    pass


def expected(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    e = np.exp(x.astype(np.float64) - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def rows(n_rows: int, n_cols: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).standard_normal((n_rows, n_cols), dtype=np.float32)


def test_an_output_is_made_when_none_is_given(softmax: gpu_tuned.Kernel) -> None:
    x = rows(33, 70)
    y = softmax(x)
    assert isinstance(y, np.ndarray) and y.shape == x.shape and y.dtype == np.float32
    np.testing.assert_allclose(y, expected(x), rtol=1e-4, atol=1e-6)


def test_an_output_that_is_given_is_written_and_returned(softmax: gpu_tuned.Kernel) -> None:
    x, y = rows(33, 70), np.zeros((33, 70), np.float32)
    assert softmax(x, out=y) is y
    np.testing.assert_allclose(y, expected(x), rtol=1e-4, atol=1e-6)
    z = np.zeros_like(y)
    assert softmax(x, y=z) is z
    np.testing.assert_array_equal(y, z)


def test_leading_axes_are_rows(softmax: gpu_tuned.Kernel) -> None:
    x = rows(24, 64).reshape(2, 3, 4, 64)
    y = softmax(x)
    assert y.shape == x.shape
    np.testing.assert_allclose(y, expected(x), rtol=1e-4, atol=1e-6)


def test_a_signature_is_asked_for_once(softmax: gpu_tuned.Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows(40, 80)
    best = softmax.tune(n_rows=40, n_cols=80, device="cpu", trials=2, progress=False)
    assert best.source == "cache" and best.verdict == "passed"
    y = softmax(x)
    remembered = softmax._remembered
    monkeypatch.setattr(gpu_tuned.Kernel, "_resolve", lambda *_: pytest.fail("asked again"))
    np.testing.assert_array_equal(softmax(x), y)
    assert softmax._remembered == remembered


def test_matmul_infers_its_sizes_from_three_arrays() -> None:
    matmul = gpu_tuned.kernel("matmul_f32")
    a, b = rows(64, 32), rows(32, 48)
    c = matmul(a, b)
    np.testing.assert_allclose(c, a @ b, rtol=1e-3, atol=1e-4)


def test_best_tells_the_configuration_and_where_it_is_from(softmax: gpu_tuned.Kernel) -> None:
    softmax.tune(n_rows=16, n_cols=64, device="cpu", trials=2, progress=False)
    best = softmax.best(n_rows=16, n_cols=64, device="cpu")
    assert best.sizes == {"n_rows": 16, "n_cols": 64}
    assert best.device == "cpu" and best.seconds is not None and best.seconds > 0
    assert "ROWS" in best.configuration
    assert softmax.best(n_rows=16, n_cols=64, device="cpu") is best
    text = softmax.explain(n_rows=16, n_cols=64, device="cpu")
    lines = text.splitlines()
    assert lines[0] == str(best) and "configurations were tried" in text
    configuration = " ".join(f"{name}={value}" for name, value in best.configuration.items())
    first = next(line for line in lines if re.match(r" +[\d.e+]+ µs  ", line))
    assert configuration in first and "behind" not in first, "the winner is first, and behind nobody"
    with pytest.raises(gpu_tuned.NotFoundError):
        softmax.explain(n_rows=17, n_cols=63, device="cpu")


def counts_energy() -> bool:
    """Whether the daemon, who runs as we do, may read the processor's counters."""
    return any(os.access(path, os.R_OK) for path in Path("/sys/class/powercap").glob("*/energy_uj"))


def test_an_objective_is_asked_for_and_tuned(softmax: gpu_tuned.Kernel) -> None:
    sizes = {"n_rows": 24, "n_cols": 64}
    fastest = softmax.tune("cpu", objective="time", progress=False, **sizes)
    assert fastest.joules is None
    assert softmax.best("cpu", objective={"time": 2}, **sizes).configuration == fastest.configuration
    saving = gpu_tuned.kernel("softmax", objective="energy")
    if counts_energy():
        best = saving.tune("cpu", progress=False, **sizes)
        assert best.joules is not None and best.joules > 0 and " mJ" in str(best)
        assert " mJ" in saving.explain("cpu", **sizes)
        assert softmax.best("cpu", objective={"time": 1, "energy": 1}, **sizes).joules is not None
    else:
        with pytest.raises(gpu_tuned.UnsupportedError, match="is not counted"):
            saving.tune("cpu", progress=False, **sizes)
        with pytest.raises(gpu_tuned.UnsupportedError, match="is not counted"):
            softmax.tune("cpu", objective={"time": 1, "energy": 0.5}, progress=False, **sizes)
        assert saving.best("cpu", **sizes).source != "cache", "what was measured by time alone answers no other question"
    # Its launches run all the same, with the best that is known; and who asks for the fastest still gets it.
    np.testing.assert_allclose(saving(rows(24, 64)), expected(rows(24, 64)), rtol=1e-5, atol=1e-7)
    assert softmax.best("cpu", **sizes).configuration == fastest.configuration
    assert softmax.best("cpu", **sizes) is softmax.best("cpu", objective=None, **sizes), "from memory"


@pytest.mark.parametrize("wrong", ["speed", {"money": 1}, {"time": -1}, {"time": 0, "energy": 0}, {"energy": float("nan")}, 3.5])
def test_an_objective_that_is_none_is_said(softmax: gpu_tuned.Kernel, wrong: Any) -> None:
    for ask in (softmax.best, softmax.tune, softmax.explain):
        with pytest.raises(gpu_tuned.InvalidInputError, match="objective=.*are expected"):
            ask("cpu", n_rows=8, n_cols=64, objective=wrong)
    with pytest.raises(gpu_tuned.InvalidInputError, match="objective="):
        gpu_tuned.kernel("softmax", objective=wrong)


def test_a_size_may_be_called_as_a_question_is(softmax: gpu_tuned.Kernel) -> None:
    with pytest.raises(gpu_tuned.InvalidInputError, match="objective"):  # an integer is a size
        softmax.best("cpu", n_rows=8, n_cols=64, objective=3)


def test_tuning_reports_its_progress(softmax: gpu_tuned.Kernel) -> None:
    events: list[dict[str, Any]] = []
    softmax.tune(n_rows=8, n_cols=64, device="cpu", trials=2, force=True, progress=events.append)
    assert events[0]["name"] == "status" and events[-1]["name"] == "done"


def test_an_exception_in_the_listener_is_the_callers(softmax: gpu_tuned.Kernel) -> None:
    def listener(event: dict[str, Any]) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        softmax.tune(n_rows=8, n_cols=96, device="cpu", progress=listener)


def test_asyncio(softmax: gpu_tuned.Kernel) -> None:
    async def both() -> list[gpu_tuned.Best]:
        return list(
            await asyncio.gather(
                softmax.tune_async("cpu", n_rows=8, n_cols=64, trials=2), softmax.best_async("cpu", n_rows=8, n_cols=64)
            )
        )

    assert all(isinstance(best, gpu_tuned.Best) for best in asyncio.run(both()))


@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        (lambda: (rows(8, 64).astype(np.float64),), gpu_tuned.DtypeError, r"x is f64; f32 is expected .*x\.astype\('float32'\)"),
        (lambda: (rows(8, 64).astype(np.complex64),), gpu_tuned.DtypeError, "x is c64"),
        (lambda: (np.full((8, 64), None),), gpu_tuned.DtypeError, r"\|O, are of a type that no kernel takes"),
        (lambda: (rows(64, 8).T,), gpu_tuned.LayoutError, "row-major"),
        (lambda: (rows(8, 64)[:, ::2],), gpu_tuned.LayoutError, "row-major"),
        (lambda: (np.zeros((0, 64), np.float32),), gpu_tuned.ShapeError, "empty"),
        (lambda: (np.zeros(64, np.float32),), gpu_tuned.ShapeError, r"softmax: x has .*\(n_rows, n_cols\) is expected"),
        (lambda: (np.zeros((8, 64), ">f4"),), gpu_tuned.DtypeError, "byte order .*newbyteorder"),
        (lambda: (np.ma.masked_equal(rows(8, 64), 0),), gpu_tuned.LayoutError, "mask"),
        (lambda: ("text",), TypeError, "x is a str, not an array"),
        (lambda: (rows(8, 64), "text"), TypeError, "not an array"),
        (lambda: (), TypeError, "'x' is missing"),
        (lambda: (rows(8, 64), rows(8, 64), rows(8, 64)), TypeError, "takes 2 arrays, got 3"),
    ],
)
def test_wrong_arrays_are_said(softmax: gpu_tuned.Kernel, arrays: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        softmax(*arrays())


class Differentiable(np.ndarray[Any, Any]):
    """An array of a library that has gradients."""

    requires_grad = False


def test_an_array_that_wants_gradients_is_refused(softmax: gpu_tuned.Kernel) -> None:
    x = rows(8, 64).view(Differentiable)
    y = np.zeros((8, 64), np.float32)
    np.testing.assert_allclose(softmax(x, out=y), expected(rows(8, 64)), rtol=1e-4, atol=1e-6)
    x.requires_grad = True
    with pytest.raises(gpu_tuned.GradientError, match="x wants gradients, and this call has none"):
        softmax(x, out=y)


def test_arrays_that_contradict_each_other(softmax: gpu_tuned.Kernel) -> None:
    with pytest.raises(gpu_tuned.ShapeError, match="n_rows is 9 by x .* and 8 by y"):
        softmax(rows(9, 64), out=np.zeros((8, 64), np.float32))
    with pytest.raises(gpu_tuned.LayoutError, match="may not be written"):
        y = np.zeros((9, 64), np.float32)
        y.flags.writeable = False
        softmax(rows(9, 64), out=y)
    with pytest.raises(TypeError, match="'z' is no array of this kernel"):
        softmax(rows(9, 64), z=rows(9, 64))


def test_an_input_may_be_read_only(softmax: gpu_tuned.Kernel) -> None:
    x = rows(8, 64)
    x.flags.writeable = False
    np.testing.assert_allclose(softmax(x), expected(x), rtol=1e-4, atol=1e-6)


def test_an_array_that_begins_anywhere_is_right(softmax: gpu_tuned.Kernel) -> None:
    memory = np.zeros(8 * 64 + 1, np.float32)
    x = memory[1:].reshape(8, 64)
    x[:] = rows(8, 64)
    assert x.ctypes.data % 16 != 0
    np.testing.assert_allclose(softmax(x), expected(x), rtol=1e-4, atol=1e-6)


REVERSED = """module {
  tt.func public @reversed(%x_ptr: !tt.ptr<f32>, %y_ptr: !tt.ptr<f32>) {
    %range = tt.make_range {end = ${n} : i32, start = 0 : i32} : tensor<${n}xi32>
    %last = arith.constant dense<${n - 1}> : tensor<${n}xi32>
    %back = arith.subi %last, %range : tensor<${n}xi32>
    %xs = tt.splat %x_ptr : !tt.ptr<f32> -> tensor<${n}x!tt.ptr<f32>>
    %xp = tt.addptr %xs, %back : tensor<${n}x!tt.ptr<f32>>, tensor<${n}xi32>
    %x = tt.load %xp : tensor<${n}x!tt.ptr<f32>>
    %ys = tt.splat %y_ptr : !tt.ptr<f32> -> tensor<${n}x!tt.ptr<f32>>
    %yp = tt.addptr %ys, %range : tensor<${n}x!tt.ptr<f32>>, tensor<${n}xi32>
    tt.store %yp, %x : tensor<${n}x!tt.ptr<f32>>
    tt.return
  }
}
"""


def test_arrays_that_overlap_take_another_build_and_a_warning_says_so(tmp_path: Any) -> None:
    document = {
        "name": "reversed_in_python",
        "language": "ttir",
        "source_text": REVERSED,
        "entry": "reversed",
        "sizes": ["n"],
        "parameters": {},
        "arguments": [
            {"name": "x", "type": "*f32", "shape": ["n"]},
            {"name": "y", "type": "*f32", "shape": ["n"], "output": True},
        ],
        "grid": ["1"],
        "default": {},
    }
    path = tmp_path / "reversed.json"
    path.write_text(json.dumps(document))
    kernel = gpu_tuned.kernel(str(path))
    x = np.arange(512, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(kernel(x), x[::-1])
    both = x.copy()
    with pytest.warns(gpu_tuned.FallbackWarning, match="x and y do not overlap"):
        kernel(both, out=both)
    np.testing.assert_array_equal(both, x[::-1])


def test_sizes_beyond_the_space_are_refused(softmax: gpu_tuned.Kernel) -> None:
    with pytest.raises(gpu_tuned.Error, match="n_cols"):
        softmax(np.zeros((1, 70000), np.float32))


def test_kernels_that_are_not_there() -> None:
    with pytest.raises(gpu_tuned.NotFoundError, match="no kernel named"):
        gpu_tuned.kernel("softmin")
    with pytest.raises(LookupError):
        gpu_tuned.kernel("/nowhere/at/all.json")


def test_a_name_that_is_nearly_one_is_told() -> None:
    with pytest.raises(gpu_tuned.NotFoundError, match="there is softmax"):
        gpu_tuned.kernel("softmaxx")


def test_a_kernel_may_be_copied_and_sent(softmax: gpu_tuned.Kernel) -> None:
    x = rows(8, 64)
    for again in (copy.copy(softmax), pickle.loads(pickle.dumps(softmax))):
        assert again is not softmax and again.origin == softmax.origin
        np.testing.assert_array_equal(again(x), softmax(x))
    energy = pickle.loads(pickle.dumps(gpu_tuned.kernel("softmax", objective="energy")))
    assert energy._weights == {"time": 0.0, "energy": 1.0}


def test_an_output_that_the_library_of_the_inputs_has_no_type_for(connected: Any) -> None:
    with pytest.raises(gpu_tuned.UnsupportedError, match="no c of bf16 .* numpy has no such type; pass c="):
        gpu_tuned.kernel("matmul_bf16")(rows(16, 32), rows(32, 16))


def test_threads_launch_at_once(softmax: gpu_tuned.Kernel) -> None:
    x = rows(64, 128)
    right = expected(x)
    wrong: list[str] = []

    def work() -> None:
        for _ in range(20):
            if not np.allclose(softmax(x), right, rtol=1e-4, atol=1e-6):
                wrong.append("softmax")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_connects_and_launches_by_itself(softmax: gpu_tuned.Kernel) -> None:
    x = rows(16, 64)
    y = softmax(x)
    child = os.fork()
    if child == 0:
        try:
            same = np.array_equal(softmax(x), y)
            asked = softmax.best(n_rows=16, n_cols=64).device == "cpu" and gpu_tuned.status()["pid"] != os.getpid()
            os._exit(0 if same and asked else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(softmax(x), y)


def test_a_daemon_that_ends_takes_no_launched_kernel_away(softmax: gpu_tuned.Kernel, connected: Any) -> None:
    x = rows(40, 80)
    y = softmax(x)
    connected.stop()
    try:
        np.testing.assert_array_equal(softmax(x), y)
        with pytest.raises(gpu_tuned.UnavailableError):
            softmax(rows(41, 80))
        with pytest.raises(ConnectionError):
            gpu_tuned.connect("/nowhere/tuned.sock")
    finally:
        connected.start()
        gpu_tuned.connect(connected.socket)
    np.testing.assert_allclose(softmax(rows(41, 80)), expected(rows(41, 80)), rtol=1e-4, atol=1e-6)


def test_what_is_known_stays_when_something_else_was_tuned_and_the_daemon_ends(softmax: gpu_tuned.Kernel, connected: Any) -> None:
    x = rows(24, 48)
    y = softmax(x)
    softmax.tune("cpu", n_rows=4, n_cols=16, progress=False)  # asks anew for everything
    connected.stop()
    try:
        np.testing.assert_array_equal(softmax(x), y)
    finally:
        connected.start()


def test_a_daemon_that_knows_nothing_is_told_again(connected: Any, programs: Any, tmp_path: Any) -> None:
    kernel = gpu_tuned.kernel("softmax")
    np.testing.assert_allclose(kernel(rows(8, 64)), expected(rows(8, 64)), rtol=1e-4, atol=1e-6)
    connected.stop()
    empty = type(connected)(programs, tmp_path)
    empty.socket = connected.socket
    empty.start()
    try:
        np.testing.assert_allclose(kernel(rows(9, 64)), expected(rows(9, 64)), rtol=1e-4, atol=1e-6)
        assert kernel.best(n_rows=10, n_cols=64).device == "cpu"
        empty.stop()
        (again := type(connected)(programs, tmp_path / "other")).folder.mkdir()
        again.socket = connected.socket
        again.start()
        empty = again
        assert kernel.tune("cpu", n_rows=8, n_cols=64, progress=False).verdict == "passed"
        assert "configurations were tried" in kernel.explain(n_rows=8, n_cols=64)
        with pytest.raises(gpu_tuned.NotFoundError, match="no device 'tpu'"):
            kernel.best("tpu", n_rows=8, n_cols=64)
    finally:
        empty.stop()
        connected.start()


def test_tensors_that_are_not_in_memory_as_numbers_are_said(softmax: gpu_tuned.Kernel) -> None:
    torch = pytest.importorskip("torch")
    for made in (torch.ones(8, 64, device="meta"), torch.ones(8, 64).to_sparse()):
        with pytest.raises(gpu_tuned.LayoutError) as refused:
            softmax(made)
        assert "\n" not in str(refused.value)


def test_torch_tensors(softmax: gpu_tuned.Kernel) -> None:
    torch = pytest.importorskip("torch")
    x = torch.randn(32, 100)
    y = softmax(x)
    torch.testing.assert_close(y, torch.softmax(x, -1), rtol=1e-4, atol=1e-6)
    with pytest.raises(gpu_tuned.GradientError, match="x wants gradients"):
        softmax(x.clone().requires_grad_())
    with torch.no_grad():
        torch.testing.assert_close(softmax(x.clone().requires_grad_()), y)
    with pytest.raises(gpu_tuned.LayoutError):
        softmax(torch.randn(100, 32).T)


def test_importing_is_cheap_and_pulls_in_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules); import gpu_tuned; new = {n.partition('.')[0] for n in set(sys.modules) - before};"
        "print(sorted(new & {'torch', 'triton', 'numpy', 'asyncio', 'subprocess', 'urllib'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_takes_little_time() -> None:
    """Processor time, the least of several processes; a busy machine is told by what importing json takes on it."""
    program = (
        "import time; a = time.process_time(); import json; b = time.process_time(); import gpu_tuned;"
        "c = time.process_time(); print(c - b, b - a)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = [
        [float(word) for word in subprocess.check_output([sys.executable, "-c", program], env=environment).split()]
        for _ in range(5)
    ]
    assert min(own for own, _ in times) <= max(0.03, 3 * min(json for _, json in times))


def test_a_tuning_that_was_waited_for_is_the_answer_at_once(softmax: gpu_tuned.Kernel) -> None:
    softmax.best("cpu", n_rows=56, n_cols=512)  # begins to tune behind
    tuned = softmax.tune("cpu", n_rows=56, n_cols=512, progress=False)
    best = softmax.best("cpu", n_rows=56, n_cols=512)
    assert (best.configuration, best.job, best.coverage) == (tuned.configuration, None, tuned.coverage)


def test_an_answer_in_memory_is_not_asked_for_again(softmax: gpu_tuned.Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    softmax.tune(n_rows=24, n_cols=64, device="cpu", trials=1, progress=False)
    best = softmax.best("cpu", n_rows=24, n_cols=64)
    monkeypatch.setattr(gpu_tuned.Kernel, "_ask", lambda *_: pytest.fail("asked again"))
    assert softmax.best("cpu", n_rows=24, n_cols=64) is best
    assert softmax.best(n_rows=np.int64(24), n_cols=64, device="cpu") is best
    with pytest.raises(TypeError):
        softmax.best("cpu", n_rows="24", n_cols=64)  # type: ignore[arg-type]


def ended(process: int) -> bool:
    """Whether it has, though whoever adopted it may not know yet."""
    try:
        return ") Z" in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True


def test_a_daemon_is_started_when_asked_for(programs: Any, tmp_path: Any) -> None:
    program = "import gpu_tuned; print(gpu_tuned.status()['pid'])"
    environment = {
        **os.environ,
        "GPU_TUNED_SOCKET": str(tmp_path / "own.sock"),
        "GPU_TUNED_CACHE": str(tmp_path / "cache"),
        "GPU_TUNED_BIN": str(programs),
        "GPU_TUNED_AUTOSTART": "1",
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    os.kill(int(done.stdout), 15)
    for _ in range(1200):  # the next has the same cache
        if ended(int(done.stdout)):
            break
        time.sleep(0.05)
    # … and another where the first one has ended.
    program = (
        "import gpu_tuned, os, signal, time; from gpu_tuned import _core\n"
        "first = gpu_tuned.status()['pid']; os.kill(first, signal.SIGKILL)\n"
        "try:\n    while _core.Client(): time.sleep(0.05)\nexcept ConnectionError: pass\n"
        "print(gpu_tuned.kernel('softmax').best('cpu', n_rows=8, n_cols=64).device, gpu_tuned.status()['pid'] != first)\n"
        "os.kill(gpu_tuned.status()['pid'], signal.SIGTERM)"
    )
    environment["GPU_TUNED_SOCKET"] = str(tmp_path / "second.sock")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split() == ["cpu", "True"], done.stderr
    program = "import gpu_tuned; print(gpu_tuned.status()['pid'])"
    environment["GPU_TUNED_AUTOSTART"] = "0"
    environment["GPU_TUNED_SOCKET"] = str(tmp_path / "other.sock")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert "UnavailableError" in done.stderr


def test_documents_of_the_library_are_read_as_in_c() -> None:
    from gpu_tuned import _core
    from gpu_tuned._document import Document

    paths = sorted(Path(os.environ["GPU_TUNED_KERNELS"]).glob("*.json"))
    read = {path.stem: Document.of_library(str(path)) for path in paths}
    for path in paths:
        if (document := read[path.stem]) is not None:
            assert json.loads(document.text) == json.loads(_core.document(str(path))), path
    assert {"softmax", "add", "matmul_f16", "layer_norm_f16"} <= {name for name, document in read.items() if document}


def test_a_distance_from_the_winner_is_never_a_negative_one() -> None:
    from gpu_tuned import _explain

    measured = {"seconds": 1e-6, "configuration": {"ROWS": 1}}
    row = _explain._row({"measurement": measured, "finalist": True, "behind": 0.013})
    assert row.endswith("ROWS=1, 1.3% behind (finalist)")
    row = _explain._row({"measurement": measured, "finalist": False, "behind": -0.002})
    assert row.endswith("ROWS=1, 0.2% ahead when it was timed alone")
    assert _explain._row({"measurement": measured, "finalist": True, "behind": 0.0}).endswith("ROWS=1 (finalist)")
