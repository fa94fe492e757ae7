"""Modes build and async, without a GPU: Triton compiles for one that is not there, the daemon's CPU tunes and launches."""

from __future__ import annotations

import importlib
import re
import time
import types
import warnings
from typing import Any

import numpy as np
import pytest

triton = pytest.importorskip("triton")
pytest.importorskip("gpu_tuned")

import gpu_tuned.triton as hooks  # noqa: E402
import triton.language as tl  # noqa: E402
from gpu_tuned import _entries  # noqa: E402
from gpu_tuned.triton import _build, _export, _ir, _state  # noqa: E402
from triton_standins import Driver, Tensor, tensor  # noqa: E402


@triton.jit
def scale_source(x, y, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + offsets, tl.load(x + offsets, offsets < n) * factor, offsets < n)


@triton.jit
def gather_source(x, index, y, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    where = tl.load(index + offsets, offsets < n)
    tl.store(y + offsets, tl.load(x + where, offsets < n), offsets < n)


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("Triton times")


def autotuned(source: Any, bench: Any = never, **options: Any) -> Any:
    configs = options.pop("configs", None) or [triton.Config({"BLOCK": block}, num_warps=4) for block in (64, 128, 256)]
    return triton.autotune(configs, key=["n"], do_bench=bench, **options)(source)


@pytest.fixture(autouse=True)
def installed(connected: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from triton.runtime import driver

    driver.set_active(Driver())
    monkeypatch.setenv("GPU_TUNED_TRITON_SECONDS", "20")
    monkeypatch.setattr(_state, "_said", set())
    hooks.install("build")
    yield
    hooks.uninstall()


def launched_by_triton(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on Triton's launches are counted, and do nothing."""
    from triton.runtime.jit import JITFunction

    blocks: list[int] = []
    original = JITFunction.run

    def run(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        if warmup:
            return original(self, *args, grid=grid, warmup=True, **kwargs)
        blocks.append(kwargs["BLOCK"])
        return None

    monkeypatch.setattr(JITFunction, "run", run)
    return blocks


def grid(meta: dict[str, Any]) -> tuple[int]:
    return (triton.cdiv(meta["n"], meta["BLOCK"]),)


def test_the_winner_is_launched_and_another_process_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    x = tensor(np.arange(1000))
    y = tensor(np.zeros(1000))
    kernel = autotuned(scale_source)
    kernel[grid](x, y, 1000, 1.5)
    np.testing.assert_array_equal(y.array, x.array * 1.5)
    assert len(_build.of(kernel).calls) == 1
    assert kernel.best_config in kernel.configs
    entry = next(
        e for e in (_entries.get(_build.SPACE, key) for key in _entries.keys(_build.SPACE)) if e and e["written"] == ["y"]
    )
    assert entry["buffers"] == ["x", "y"]

    monkeypatch.setattr(_build, "tune", never)
    again = autotuned(scale_source)  # as in a new process: nothing is known of it here
    y.array[:] = 0
    again[grid](x, y, 1000, 1.5)
    np.testing.assert_array_equal(y.array, x.array * 1.5)
    assert by_triton == []


def test_only_the_very_same_call_is_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    x, y = tensor(np.arange(512)), tensor(np.zeros(512))
    kernel = autotuned(scale_source)
    kernel[grid](x, y, 512, 2.0)
    builds = _build.of(kernel)
    asked: list[Any] = []
    monkeypatch.setattr(builds, "_resolve", lambda *call: asked.append(call))

    def call(*args: Any, grid: Any = grid) -> bool | None:
        return builds.calls.launch(args, {"grid": grid, "warmup": False})

    assert call(x, y, 512, 2.0) is True
    assert call(x, y, 512, 3.0) is None, "another scalar"
    assert call(x, y, 511, 2.0) is None, "another size"
    assert call(tensor(np.arange(511)), y, 512, 2.0) is None, "a shorter array"
    assert call(Tensor(x.array[1:]), y, 512, 2.0) is None, "another alignment"
    assert call(x, x, 512, 2.0) is False, "in place"
    assert call(x, y, 512, 2.0, grid=(1,)) in (False, True), "as many programs as the winner has, or not"
    assert call(x, y, 512, 2.0, grid=(77,)) is False, "another grid"
    assert asked == [] and by_triton == []


def test_what_integers_mean_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    monkeypatch.setattr(_state, "mode", "build")
    kernel = autotuned(gather_source, configs=[triton.Config({"BLOCK": 64})])
    with pytest.warns(RuntimeWarning, match="gather_source stays with Triton: it reads integers from index"):
        kernel[grid](tensor(np.arange(64)), tensor(np.arange(64), np.int32), tensor(np.zeros(64)), 64)
    assert by_triton == [64]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel[grid](tensor(np.arange(64)), tensor(np.arange(64), np.int32), tensor(np.zeros(64)), 64)
    assert by_triton == [64, 64]


@pytest.mark.parametrize("how", ["hook of a configuration", "hook of launches", "no daemon"])
def test_what_is_not_as_expected_stays_with_triton(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    by_triton = launched_by_triton(monkeypatch)
    writes = (lambda named: named["y"].zero_()) if how == "hook of a configuration" else None
    configs = [triton.Config({"BLOCK": 64}, pre_hook=writes)]
    if how == "no daemon":
        monkeypatch.setattr(_build._daemon, "client", lambda: (_ for _ in ()).throw(ConnectionError("no daemon")))
        monkeypatch.setattr(_entries, "get", lambda *_: None)
    kernel = autotuned(scale_source, configs=configs)
    if how == "hook of launches":
        _build.of(kernel).calls.watch(types.SimpleNamespace(launch_enter_hook=print, launch_exit_hook=None), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernel[grid](tensor(np.arange(96)), tensor(np.zeros(96)), 96, 7.0)
    assert by_triton == [64]


# --- descriptors ---


@triton.jit
def blocks_source(x, y, n, factor, BLOCK: tl.constexpr):
    begin = tl.program_id(0) * BLOCK
    y.store([begin], x.load([begin]) * factor)


def described(array: Tensor, block: int = 16, **options: Any) -> Any:
    from triton.tools.tensor_descriptor import TensorDescriptor

    return TensorDescriptor(array, [len(array.array)], [1], [block], **options)


hooked: list[int] = []


def set_blocks(named: dict[str, Any]) -> None:
    hooked.append(named["BLOCK"])
    for name in ("x", "y"):
        named[name].block_shape = [named["BLOCK"]]


def of_blocks(bench: Any = never) -> Any:
    return autotuned(blocks_source, bench, configs=[triton.Config({"BLOCK": b}, num_warps=4, pre_hook=set_blocks) for b in (64, 128)])


def test_descriptors_are_served_with_the_blocks_of_the_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    x, y = tensor(np.arange(1000)), tensor(np.zeros(1000))
    of_blocks()[grid](described(x), described(y), 1000, 1.5)
    np.testing.assert_array_equal(y.array, x.array * 1.5)
    y.array[:] = 0
    hooked.clear()
    again, target = of_blocks(), described(y, 32)
    again[grid](described(x, 32), target, 1000, 1.5)  # blocks are the hook's to say
    np.testing.assert_array_equal(y.array, x.array * 1.5)
    assert by_triton == [], "neither process times anything, nor launches by Triton"
    block = target.block_shape[0]
    assert block in (64, 128) and hooked[-1] == block, "the hook was called before the launch"
    y.array[:] = 0
    hooked.clear()
    monkeypatch.setattr(_build.Builds, "_resolve", lambda *_: pytest.fail("asked again"))
    again[grid](described(x, 32), described(y, 32), 1000, 1.5)  # other objects of the same form
    np.testing.assert_array_equal(y.array, x.array * 1.5)
    assert hooked == [block]
    table = _build.of(again).calls
    assert table.launch((described(tensor(np.arange(999)), 32), described(y, 32), 1000, 1.5), {"grid": grid}) is None, "another shape"
    assert table.launch((described(x, 32), described(x, 32), 1000, 1.5), {"grid": grid}) is False, "in place"


@triton.jit
def corner_source(x, y, n, BLOCK: tl.constexpr):
    y.store([0, 0], x.load([0, 0]))


def of_corner(columns: int) -> tuple[Any, tuple[Any, ...]]:
    """A kernel that copies 64 rows of so many halves by descriptors, and its arguments."""
    from triton.tools.tensor_descriptor import TensorDescriptor

    arrays = [tensor(np.zeros(128 * 256), np.float16) for _ in range(2)]
    x, y = (TensorDescriptor(array, [100, 200], [256, 1], [64, columns]) for array in arrays)
    return autotuned(corner_source, configs=[triton.Config({"BLOCK": 64}, num_warps=4)]), (x, y, 100)


def compiled_by_triton(kernel: Any, args: tuple[Any, ...]) -> Any:
    kernel.nargs = dict(zip(kernel.arg_names, args))
    (candidate,) = _export.compile_all(kernel, args, {"grid": (1,)}, kernel.configs, [(1, 1, 1)])
    return candidate


def test_tritons_own_build_says_how_its_tensor_maps_are_made() -> None:
    import json

    kernel, args = of_corner(128)
    candidate = compiled_by_triton(kernel, args)
    request = json.loads(_export.build(candidate, "k", candidate.configuration(), "sm_90a", "triton"))
    map = {"swizzle": 3, "element_type": 6, "element_bytes": 2, "box": [64, 64]}  # 128 bytes of a row at once
    slots = [{"kind": "tensor_map", "size_bytes": 128, "map": map}]
    slots += [{"kind": "scalar", "size_bytes": size} for size in (4, 4, 8, 8)]
    assert request["launch"]["parameters"][:11] == [*slots, *slots, {"kind": "scalar", "size_bytes": 4}]
    assert {"kind": "divisible", "argument": 5, "value": 16} in request["launch"]["conditions"], "the second map's base"
    # The function takes in this order what the launch gives it.
    compiled = kernel.fn.run(*args, grid=(1,), warmup=True, BLOCK=64, num_warps=4)
    entry = compiled.asm["ptx"].partition(".entry")[2].partition(")")[0]
    sizes = [int(word) for word in re.findall(r"\.(?:u|b8 \w+\[)(\d+)", entry)]
    assert sizes[:11] == [128, 32, 32, 64, 64, 128, 32, 32, 64, 64, 32]


@pytest.mark.parametrize(("changed", "says"), [
    ({"fp4_padded": True}, "a tensor map of another form"),
    ({"is_im2col": True}, "a tensor map of another form"),
    (None, "descriptors without tensor maps"),
])  # fmt: skip
def test_tensor_maps_of_kinds_that_are_not_known_are_not_handed_over(changed: Any, says: str) -> None:
    candidate = compiled_by_triton(*of_corner(64))
    first, *others = candidate.metadata.tensordesc_meta
    told = [] if changed is None else [{**first, **changed}, *others]
    candidate.metadata = candidate.metadata._replace(tensordesc_meta=told)
    with pytest.raises(_export.Declined, match=f"Triton's build has {says}"):
        _export.build(candidate, "k", candidate.configuration(), "sm_90a", "triton")


def test_types_of_elements_are_counted_as_the_driver_does() -> None:
    from gpu_tuned.triton import _descriptors

    def of(kind: int) -> Any:
        told = {"swizzle": 1, "elem_size": 2, "elem_type": kind, "block_size": [16], "fp4_padded": False}
        return _descriptors.maps({"n": "constexpr", "x": "tensordesc<bf16[16]>"}, types.SimpleNamespace(tensordesc_meta=[told]))

    host = importlib.import_module("triton.backends.nvidia.driver").TMA_DTYPE_DEVICE_TO_HOST
    assert [of(kind)[0]["element_type"] for kind in range(13)] == [host[kind] for kind in range(13)]
    assert _descriptors.maps({"x": "*fp32", "n": "constexpr"}, types.SimpleNamespace(tensordesc_meta=None)) == {}


def test_descriptors_that_pad_with_nan_stay_with_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    from triton.tools.tensor_descriptor import TensorDescriptor

    if "padding" not in TensorDescriptor.__dataclass_fields__:
        pytest.skip("this release pads with zeros alone")
    by_triton = launched_by_triton(monkeypatch)
    kernel = of_blocks(lambda call, quantiles: (call(), [1.0] * 3)[1])
    with pytest.warns(RuntimeWarning, match="blocks_source stays with Triton: its descriptor x is padded with NaN"):
        kernel[grid](described(tensor(np.arange(96)), padding="nan"), described(tensor(np.zeros(96))), 96, 3.0)
    assert by_triton


def test_a_function_that_takes_descriptors_takes_pointers() -> None:
    from gpu_tuned.triton import _descriptors

    for block in ("tensor<16x64xf16>", "16x64xf16"):
        text = (
            f"module {{\n  tt.func public @k(%x: !tt.tensordesc<{block}>, %x_0: i32, %x_1: i32, %x_2: i64, %x_3: i64, "
            "%n: i32 {tt.divisibility = 16 : i32}) attributes {noinline = false} {\n    tt.return\n  }\n}\n"
        )
        function = _ir.Function.parse(text)
        assert [parameter.type for parameter in function.parameters] == ["*f16", "i32", "i32", "i64", "i64", "i32"]
        assert function.parameters[0].divisibility == 16
        made = function.text.splitlines()[2]
        assert made.strip() == (
            "%x = tt.make_tensor_descriptor %x_base, [%x_0, %x_1], [%x_2, %x_3] : !tt.ptr<f16>, !tt.tensordesc<tensor<16x64xf16>>"
        )
    plain = "module {\n  tt.func public @k(%x: !tt.ptr<f16>) attributes {noinline = false} {\n    tt.return\n  }\n}\n"
    assert _descriptors.lower(plain) == plain


def test_async_serves_the_first_configuration_and_swaps(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    monkeypatch.setattr(_state, "mode", "async")
    x, y = tensor(np.arange(700)), tensor(np.zeros(700))
    kernel = autotuned(scale_source)
    kernel[grid](x, y, 700, 4.0)
    assert by_triton == [64], "untimed"
    builds = _build.of(kernel)
    for _ in range(1200):
        if builds.ready or not builds.pending:
            break
        time.sleep(0.05)
    monkeypatch.setattr(_build, "_capturing", lambda: True)
    kernel[grid](x, y, 700, 4.0)
    assert not y.array.any(), "while a graph is captured nothing is swapped"
    monkeypatch.setattr(_build, "_capturing", lambda: False)
    kernel[grid](x, y, 700, 4.0)
    np.testing.assert_array_equal(y.array, x.array * 4)
    assert set(by_triton) <= {64}


def test_while_a_graph_is_captured_a_call_that_is_not_known_is_tritons(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    x, y = tensor(np.arange(700)), tensor(np.zeros(700))
    kernel = autotuned(scale_source, configs=[triton.Config({"BLOCK": 64}, num_warps=4)])
    monkeypatch.setattr(_build, "_capturing", lambda: True)
    for _ in range(2):
        kernel[grid](x, y, 700, 6.0)
    assert (by_triton, _build.of(kernel).tuned, len(_build.of(kernel).calls)) == ([64, 64], 0, 0), "nothing is tuned, nor given up"
    monkeypatch.setattr(_build, "_capturing", lambda: False)
    kernel[grid](x, y, 700, 6.0)
    monkeypatch.setattr(_build, "_capturing", lambda: True)
    y.array[:] = 0
    kernel[grid](x, y, 700, 6.0)
    np.testing.assert_array_equal(y.array, x.array * 6)
    assert by_triton == [64, 64], "what is known is launched in a capture, too"


def test_a_copied_autotuner_begins_anew() -> None:
    import copy

    kernel = autotuned(scale_source)
    first = _build.of(kernel)
    assert _build.of(kernel) is first
    assert copy.copy(first) is None


def test_hooks_and_changed_globals_are_tritons_to_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    from triton import knobs

    kernel = autotuned(scale_source)
    kernel[grid](tensor(np.arange(80)), tensor(np.zeros(80)), 80, 3.0)
    calls, function = _build.of(kernel).calls, kernel.fn
    assert calls.quiet()
    function.add_pre_run_hook(print)
    assert not calls.quiet()
    function.pre_run_hooks.clear()
    scope = {"LIMIT": 1}
    monkeypatch.setattr(function, "used_global_vals", {("LIMIT", id(scope)): (1, scope)})
    assert calls.quiet()
    scope["LIMIT"] = 2
    assert not calls.quiet()
    del scope["LIMIT"]
    assert not calls.quiet()
    monkeypatch.undo()
    enter = knobs.runtime.launch_enter_hook
    if hasattr(enter, "add"):
        enter.add(print)
        assert not calls.quiet()
        enter.remove(print)
    else:
        monkeypatch.setattr(knobs.runtime, "launch_enter_hook", print)
        assert not calls.quiet()
        monkeypatch.undo()
    assert calls.quiet()


def test_tritons_own_build_says_how_it_is_launched() -> None:
    kernel = autotuned(scale_source, configs=[triton.Config({"BLOCK": 128}, num_warps=8)])
    args = (tensor(np.zeros(256)), tensor(np.zeros(256)), 256, 1.5)
    kernel.nargs = dict(zip(kernel.arg_names, args))
    function, meta = _export.meta_of(kernel, args, {}, kernel.configs[0])
    (candidate,) = _export.compile_all(kernel, args, {"grid": grid}, kernel.configs, [_export.grid_of(grid, meta)])
    document = _export.document(function, [candidate], _export.parameters_of(candidate, meta), [])
    assert document["grid"] == ["2", "1", "1"]
    assert [row["type"] for row in document["arguments"]] == ["*f32", "*f32", "i32", "f32"]
    assert document["arguments"][2]["value"] == 256 and document["arguments"][3]["value"] == 1.5
    import json

    request = json.loads(_export.build(candidate, "k", document["sources"][0]["configuration"], "sm_90a", "triton"))
    launch = request["launch"]
    assert launch["symbol"] == "scale_source" and launch["block"] == [256, 1, 1] and launch["grid"] == [2, 1, 1]
    assert [slot["kind"] for slot in launch["parameters"][:4]] == ["pointer", "pointer", "scalar", "scalar"]
    assert [c["argument"] for c in launch["conditions"]] == [0, 1, 2]


def test_a_grid_is_called_again_when_what_it_follows_from_has_changed() -> None:
    calls: list[int] = []

    def made(count: int) -> Any:
        return lambda meta: (count if count < 1000 else triton.cdiv(meta["n"], meta["BLOCK"]),)

    def noting(meta: dict[str, Any]) -> tuple[int]:
        calls.append(1)
        return (triton.cdiv(meta["n"], meta["BLOCK"]),)

    x, y = tensor(np.arange(1000)), tensor(np.zeros(1000))
    kernel = autotuned(scale_source, configs=[triton.Config({"BLOCK": 128})])
    kernel[made(1000)](x, y, 1000, 2.5)
    table = _build.of(kernel).calls
    args = (x, y, 1000, 2.5)
    assert table.launch(args, {"grid": made(1000), "warmup": False}) is True
    assert table.launch(args, {"grid": made(3), "warmup": False}) is False, "another closure, another grid"
    assert table.launch(args, {"grid": made(8), "warmup": False}) is True, "another closure, the same grid"
    assert table.launch(args, {"grid": noting, "warmup": False}) is True and calls == [1]
    assert table.launch(args, {"grid": noting, "warmup": False}) is True and calls == [1, 1]


def test_bound_calls_launch_without_python_and_leave_the_rest_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    by_triton = launched_by_triton(monkeypatch)
    x, y = tensor(np.arange(300)), tensor(np.zeros(300))
    kernel = autotuned(scale_source, configs=[triton.Config({"BLOCK": 64})])
    kernel[grid](x, y, 300, 5.0)
    bound = kernel[grid]
    assert type(bound).__name__ == "BoundCall"
    monkeypatch.setattr(_build.Builds, "launch", lambda *_: pytest.fail("in Python"))
    y.array[:] = 0
    assert kernel[grid](x, y, 300, 5.0) is None
    np.testing.assert_array_equal(y.array, x.array * 5)
    monkeypatch.undo()
    by_triton = launched_by_triton(monkeypatch)
    with pytest.raises(TypeError, match="two values for 'grid'"):
        bound(x, y, 300, 5.0, grid=grid)
    with pytest.raises(TypeError, match="two values for 'warmup'"):
        bound(x, y, 300, 5.0, warmup=False)
    hooks.uninstall()
    y.array[:] = 0
    bound(x, y, 300, 5.0)
    assert by_triton == [64] and not y.array.any(), "uninstalled: Triton's own run"
    hooks.install("build")


def test_a_winner_whose_binary_does_not_load_leaves_the_call_to_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpu_tuned import _daemon
    from gpu_tuned.errors import UnsupportedError

    by_triton = launched_by_triton(monkeypatch)
    real = _daemon.client()

    class Client:
        def load(self, answer: Any) -> Any:
            raise UnsupportedError("loading 'scale_source' on cuda:0: CUDA_ERROR_NO_BINARY_FOR_GPU")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(_build._daemon, "client", lambda: Client())
    kernel = autotuned(scale_source, configs=[triton.Config({"BLOCK": 64})])
    x, y = tensor(np.arange(112)), tensor(np.zeros(112))
    with pytest.warns(RuntimeWarning, match="NO_BINARY_FOR_GPU; scale_source stays with Triton"):
        kernel[grid](x, y, 112, 2.0)
    kernel[grid](x, y, 112, 2.0)
    assert by_triton == [64, 64] and not y.array.any()


def test_a_winner_that_was_not_compared_with_tritons_builds_is_none() -> None:
    import json

    class Client:
        def __init__(self, *measured: tuple[str, str]) -> None:
            self.field = [{"measurement": {"origin": origin, "outcome": outcome}} for origin, outcome in measured]

        def request(self, method: str, path: str, body: str) -> str:
            assert (method, path, json.loads(body)["device"]) == ("POST", "/v1/explain", "cuda:0")
            return json.dumps({"field": self.field})

    assert _build._compared(Client(("", "timed"), ("triton 3.6.0", "timed")), "k", "cuda:0")
    assert not _build._compared(Client(("", "timed"), ("triton 3.6.0", "faulted")), "k", "cuda:0")
    assert not _build._compared(Client(("", "timed")), "k", "cuda:0")
