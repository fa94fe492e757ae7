"""The seams of Triton's autotuner, without a GPU: kernels are real, their launch and timing are not."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

import pytest

triton = pytest.importorskip("triton")
pytest.importorskip("gpu_tuned")

import gpu_tuned.errors  # noqa: E402
import gpu_tuned.triton as hooks  # noqa: E402
import triton.language as tl  # noqa: E402
from gpu_tuned import _entries  # noqa: E402
from gpu_tuned.triton import _autotuner, _key, _state  # noqa: E402


class Target:
    backend, arch, warp_size = "cuda", 90, 32


class Driver:
    """Says what a driver says; launches nothing."""

    def get_current_device(self) -> int:
        return 0

    def get_current_target(self) -> Target:
        return Target()

    def get_benchmarker(self) -> Any:
        raise AssertionError("kernels here bring their own")


class Tensor:
    def __init__(self, address: int, dtype: str = "torch.float32") -> None:
        self.address, self.dtype = address, dtype

    def data_ptr(self) -> int:
        return self.address


@triton.jit
def kernel_source(x, y, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + offsets, tl.load(x + offsets, offsets < n), offsets < n)


@triton.jit
def other_source(x, y, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + offsets, tl.load(x + offsets, offsets < n) + 1, offsets < n)


class Bench:
    """An autotuned kernel whose timing says that the larger BLOCK is, the faster; counts what is timed and launched."""

    def __init__(self, source: Any = kernel_source, blocks: tuple[int, ...] = (64, 128, 256), **options: Any) -> None:
        self.timed: list[int] = []
        self.launched: list[int] = []
        self.configs = options.pop("configs", None) or [triton.Config({"BLOCK": block}, num_warps=4) for block in blocks]
        self.kernel = triton.autotune(self.configs, key=["n"], do_bench=self.bench, **options)(source)
        self.inside = 0
        self.fn = source
        self.kernel.fn = self  # before the JIT function: nothing is compiled here

    def run(self, *args: Any, BLOCK: int, **kwargs: Any) -> str:
        (self.timed if self.inside else self.launched).append(BLOCK)
        return f"launched {BLOCK}"

    def bench(self, call: Any, quantiles: Any = None, **_: Any) -> list[float]:
        self.inside += 1
        call()
        self.inside -= 1
        return [1.0 / self.timed[-1]] * 3

    def __call__(self, n: int = 1000, address: int = 4096, **kwargs: Any) -> Any:
        return self.kernel.run(Tensor(address), Tensor(8192), n, grid=(1,), warmup=False, **kwargs)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    from triton.runtime import driver

    driver.set_active(Driver())
    hooks.install("config")
    monkeypatch.setattr(_state, "_said", set())
    monkeypatch.setattr(_state, "frozen", False)
    yield
    hooks.uninstall()


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The daemon's entries, here in memory."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(_entries, "get", lambda space, name: kept.get(name))
    monkeypatch.setattr(_entries, "put", lambda space, name, value: kept.setdefault(name, value))
    return kept


def test_a_second_process_times_nothing(entries: dict[str, Any]) -> None:
    first = Bench()
    assert first() == "launched 256"
    assert sorted(set(first.timed)) == [64, 128, 256]
    assert len(entries) == 1
    second = Bench()
    assert second() == "launched 256"
    assert second.timed == []
    assert second.kernel.best_config is second.configs[2]
    (entry,) = entries.values()
    assert entry["config"]["BLOCK"] == 256
    assert [config["BLOCK"] for config, _ in entry["timings"]] == [64, 128, 256]


def test_an_answer_is_one_of_the_kernels_own_config_objects(entries: dict[str, Any]) -> None:
    Bench()()
    ran: list[int] = []
    configs = [triton.Config({"BLOCK": block}, num_warps=4, pre_hook=lambda _: ran.append(1)) for block in (64, 128)]
    first = Bench(configs=configs)
    first()
    ran.clear()
    second = Bench(configs=configs)
    second()
    assert second.timed == []
    assert ran == [1], "the pre-hook of the answer's own object runs"


@pytest.mark.parametrize(
    "other",
    [
        lambda: Bench()(n=2000),
        lambda: Bench()(address=4100),
        lambda: Bench(other_source)(),
        lambda: Bench(blocks=(64, 256))(),
        lambda: Bench()(debug=True),
    ],
    ids=["another key", "another alignment", "another source", "other configs", "another option"],
)
def test_another_question_has_another_answer(entries: dict[str, Any], other: Any) -> None:
    Bench()()
    before = len(entries)
    other()
    assert len(entries) == before + 1


def test_environments_with_another_triton_ask_another_question(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Bench()()
    before = len(entries)
    monkeypatch.setattr(triton, "__version__", f"{triton.__version__}.post1")
    Bench()()
    assert len(entries) == before + 1


def test_integers_are_told_apart_as_triton_specialises_them() -> None:
    assert _key.value_class(1) == "i32:1"
    assert _key.value_class(32) == _key.value_class(48) == "i32:16"
    assert _key.value_class(33) == "i32"
    assert _key.value_class(2**31) == "i64:16"
    assert _key.value_class(2**31 + 1) == "i64"
    assert _key.value_class(True) == "u1"
    assert _key.value_class(None) == "none"
    assert _key.value_class(Tensor(16)) == "*torch.float32:16"
    assert _key.value_class(Tensor(8, "torch.int8")) == "*torch.int8"


def test_who_came_first_is_right(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    kept = {"config": _key.identity(bench.configs[0])}
    monkeypatch.setattr(_entries, "put", lambda space, name, value: kept)
    assert bench() == "launched 256", "the launch that was tuned for had its own"
    assert bench() == "launched 64", "from then on all have the one that is kept"


def test_an_answer_that_the_kernel_no_longer_has_is_none(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_entries, "get", lambda space, name: {"config": {"BLOCK": 4096}})
    bench = Bench()
    assert bench() == "launched 256"
    assert bench.timed


def test_a_daemon_that_is_not_there_is_said_once_and_triton_tunes(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise gpu_tuned.errors.UnavailableError("no daemon")

    monkeypatch.setattr(_entries, "get", gone)
    monkeypatch.setattr(_entries, "put", gone)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for n in (1, 2, 3):
            bench = Bench()
            assert bench(n) == "launched 256"
            assert bench.timed
    assert len([w for w in said if "Triton tunes by itself" in str(w.message)]) == 1


def test_an_exception_of_the_kernel_is_the_callers(entries: dict[str, Any]) -> None:
    bench = Bench()

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("the kernel's own")

    bench.run = broken  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="the kernel's own"):
        bench()
    assert entries == {}
    assert Bench()() == "launched 256"


def test_frozen_processes_keep_nothing(entries: dict[str, Any]) -> None:
    hooks.freeze()
    assert Bench()() == "launched 256"
    assert entries == {}


def test_pruning_is_respected(entries: dict[str, Any]) -> None:
    prune = {"early_config_prune": lambda configs, named_args, **kwargs: configs[:2]}
    first = Bench(prune_configs_by=prune)
    assert first() == "launched 128"
    second = Bench(prune_configs_by=prune)
    assert second() == "launched 128"
    assert second.timed == []


def test_one_configuration_asks_nobody(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_entries, "get", lambda space, name: pytest.fail("asked"))
    assert Bench(blocks=(64,))() == "launched 64"


def test_subclasses_that_preset_the_cache_are_left_alone(entries: dict[str, Any]) -> None:
    from triton.runtime.autotuner import Autotuner

    class Cached(Autotuner):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            arguments = dict(zip(self.arg_names, args))
            key = (arguments["n"], "torch.float32", "torch.float32")
            self.cache[key] = self.configs[1]
            return super().run(*args, **kwargs)

    bench = Bench()
    bench.kernel.__class__ = Cached
    assert bench() == "launched 128"
    assert bench.timed == []
    assert entries == {}


def test_a_cache_of_another_class_is_left_alone(entries: dict[str, Any]) -> None:
    class Theirs(dict):  # type: ignore[type-arg]
        pass

    bench = Bench()
    bench.kernel.cache = Theirs()
    assert bench() == "launched 256"
    assert entries == {}


def test_threads_do_not_mix_their_questions(entries: dict[str, Any]) -> None:
    benches = [Bench() for _ in range(4)]
    threads = [threading.Thread(target=bench, args=(n,)) for n, bench in enumerate(benches, start=100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries) == 4
    assert {tuple(entry["question"]["key"]) for entry in entries.values()} == {
        (str(n), "'torch.float32'", "'torch.float32'") for n in range(100, 104)
    }


def test_uninstalled_nothing_is_asked(entries: dict[str, Any]) -> None:
    hooks.uninstall()
    from triton.runtime.autotuner import Autotuner

    assert Autotuner.run.__module__ == "triton.runtime.autotuner"
    assert Bench()() == "launched 256"
    assert entries == {}


def test_the_listener_hears_of_answers(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from triton import knobs

    if not hasattr(getattr(knobs, "autotuning", None), "listener"):
        pytest.skip("this Triton has no listener")
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(knobs.autotuning, "listener", lambda **told: heard.append(told))
    for _ in range(2):
        Bench()()
    assert heard[-1]["cache_hit"] is True
    assert heard[-1]["best_config"].kwargs["BLOCK"] == 256


def test_a_version_that_is_not_known_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks.uninstall()
    monkeypatch.setattr(triton, "__version__", "4.0.0")
    with pytest.raises(gpu_tuned.errors.UnsupportedError, match="4.0.0"):
        hooks.install()
    monkeypatch.undo()
    with pytest.raises(gpu_tuned.errors.InvalidInputError, match="modes are"):
        hooks.install("fast")


def test_launches_after_the_first_cost_little() -> None:
    """Not a timing test: what is done per launch is a fixed, small number of Python calls."""
    import sys

    bench = Bench()
    _state.active = False
    bench()
    _state.active = True
    calls = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event == "call" and "gpu_tuned" in frame.f_code.co_filename

    sys.setprofile(count)
    bench()
    sys.setprofile(None)
    assert calls <= 4


def test_environment_is_clean() -> None:
    assert os.environ.get("TRITON_INTERPRET", "0") in ("", "0")
    assert _autotuner._original is not None


def test_interpreted_kernels_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks.uninstall()
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(gpu_tuned.errors.UnsupportedError, match="interprets"):
        hooks.install()
    assert not _state.active


def test_a_kernel_that_is_redefined_is_another_one(entries: dict[str, Any], tmp_path: Any) -> None:
    """A notebook's cell that is run again with a change: the answer of the old source is not the new one's."""
    import importlib.util

    def defined(body: str) -> Any:
        path = tmp_path / f"cell{len(list(tmp_path.iterdir()))}.py"
        path.write_text(f"import triton\nimport triton.language as tl\n\n@triton.jit\n{body}")
        spec = importlib.util.spec_from_file_location("cell", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.cell

    body = "def cell(x, y, n, BLOCK: tl.constexpr):\n    i = tl.arange(0, BLOCK)\n    tl.store(y + i, tl.load(x + i) * 2, i < n)\n"
    first, again, changed = (Bench(defined(text)) for text in (body, body, body.replace("* 2", "* 3")))
    for bench in (first, again, changed):
        bench()
    assert first.timed and not again.timed, "the same text is the same kernel, wherever it stands"
    assert changed.timed and len(entries) == 2


def test_configurations_that_cannot_be_written_down_are_told_by_their_names(entries: dict[str, Any]) -> None:
    """A hook is a closure, and a value may be any object: neither is pickled."""
    import threading

    lock = threading.Lock()

    def hook(arguments: dict[str, Any]) -> None:
        with lock:
            pass

    class Choice:
        def __init__(self) -> None:
            self.lock = lock

        def __repr__(self) -> str:
            return "Choice()"

    configs = [triton.Config({"BLOCK": block, "MODE": Choice()}, pre_hook=hook) for block in (64, 128)]

    class WithMode(Bench):
        def run(self, *args: Any, BLOCK: int, MODE: Any, **kwargs: Any) -> str:  # type: ignore[override]
            return super().run(*args, BLOCK=BLOCK, **kwargs)

    first = WithMode(configs=configs)
    assert first() == "launched 128"
    second = WithMode(configs=[triton.Config({"BLOCK": block, "MODE": Choice()}, pre_hook=hook) for block in (64, 128)])
    assert second() == "launched 128" and second.timed == []


def test_tritons_version_key_is_read_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from gpu_tuned.triton import _version

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    counted: list[int] = []
    original = _version._original
    assert original is not None, "installed"
    monkeypatch.setattr(_version, "_original", lambda: counted.append(1) or f"{triton.__version__}-of all files")
    monkeypatch.setattr(_version, "stamp", lambda root: "a" * 64)
    for _ in range(2):
        monkeypatch.setattr(_version, "_known", None)  # as in a new process
        assert _version._triton_key() == f"{triton.__version__}-of all files"
    assert len(counted) == 1
    monkeypatch.setattr(_version, "stamp", lambda root: "b" * 64)  # a file has changed
    monkeypatch.setattr(_version, "_known", None)
    _version._triton_key()
    assert len(counted) == 2
    monkeypatch.setattr(_version, "stamp", lambda root: 1 / 0)
    monkeypatch.setattr(_version, "_known", None)
    assert _version._triton_key() == f"{triton.__version__}-of all files"
    monkeypatch.undo()


def test_a_version_key_that_was_kept_is_tritons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Two environments on one machine have a key each, since the stamp is of the files of each."""
    from gpu_tuned.triton import _version

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    root = os.path.dirname(os.path.abspath(triton.__file__))
    assert _version.stamp(root) == _version.stamp(root)
    monkeypatch.setattr(_version, "_known", None)
    assert _version._original is not None
    assert _version._triton_key() == _version._original()
