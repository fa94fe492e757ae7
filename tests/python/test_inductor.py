"""Inductor's seams as far as they go without a GPU: keys, answers and what is kept, through a real daemon."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch._inductor.lookup_table.choices")

import gpu_tuned.inductor as inductor  # noqa: E402
from gpu_tuned import inductor_cache  # noqa: E402


class Inputs:
    """Inductor's KernelInputs of a matrix product on a GPU."""

    def __init__(self, m: int = 64, device: str = "cuda") -> None:
        self.m, self.kind, self._scalars = m, device, {"alpha": 1}

    def device(self) -> Any:
        return torch.device(self.kind, 0) if self.kind == "cuda" else torch.device(self.kind)

    def dtypes(self) -> tuple[Any, ...]:
        return (torch.float16, torch.float16)

    def shapes_hinted(self) -> tuple[tuple[int, ...], ...]:
        return ((self.m, 32), (32, 16))

    def strides_hinted(self) -> tuple[tuple[int, ...], ...]:
        return ((32, 1), (16, 1))


class Choice:
    def __init__(self, template: str, inputs: Inputs, **options: Any) -> None:
        self.inputs = inputs
        self.template = type("Template", (), {"uid": template, "src_hash": "h1"})()
        self.params = type("Params", (), {"to_kwargs": staticmethod(lambda: options)})()
        self.annotations = {"ktc": self}


@pytest.fixture(autouse=True)
def _connected(connected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.setenv("GPU_TUNED_INDUCTOR", "1")  # install() sets both; they are taken back
    monkeypatch.setenv("GPU_TUNED_SOCKET", connected.socket)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "a GPU")
    monkeypatch.setattr(inductor_cache, "_said", set())


def test_the_fastest_template_is_the_only_choice_of_the_next_process() -> None:
    inputs = Inputs(64)
    choices = inductor.Choices()
    assert choices.lookup_template_configs(inputs, "mm", ["triton::mm", "aten::mm"]) == {}
    fast, slow = Choice("triton::mm", inputs, BLOCK_M=64, num_warps=4), Choice("aten::mm", inputs)
    failed = Choice("triton::mm", inputs, BLOCK_M=128)
    inductor.remember({slow: 2.0, fast: 1.0, failed: float("inf")}, "mm", [], [slow, fast])
    found = choices.lookup_template_configs(inputs, "mm", ["triton::mm", "aten::mm"], {"triton::mm": "h1"})
    assert found == {"triton::mm": [{"BLOCK_M": 64, "num_warps": 4}]}
    assert choices.lookup_template_configs(inputs, "addmm", ["triton::mm"]) == {}
    assert choices.lookup_template_configs(Inputs(65), "mm", ["triton::mm"]) == {}
    assert choices.lookup_template_configs(inputs, "mm", ["aten::mm"]) == {}
    assert choices.lookup_template_configs(inputs, "mm", ["triton::mm"], {"triton::mm": "another"}) == {}
    assert choices.lookup_template_configs(Inputs(64, "cpu"), "mm", ["triton::mm"]) == {}


def test_what_cannot_be_written_is_not_kept() -> None:
    inputs = Inputs(96)
    symbolic = Choice("triton::mm", inputs, EVEN_K=object())
    inductor.remember({symbolic: 1.0, Choice("aten::mm", inputs): 2.0}, "mm")
    inductor.remember({}, "mm")
    assert inductor.Choices().lookup_template_configs(inputs, "mm", ["triton::mm"]) == {}


def test_fused_kernels_are_remembered_through_inductors_own_cache() -> None:
    from torch._inductor.remote_cache import RemoteAutotuneCache

    inductor.install()
    inductor.install()
    assert torch._inductor.config.autotune_remote_cache is True
    cache = RemoteAutotuneCache("autotune")
    assert cache.get("key of a kernel") is None
    cache.put("key of a kernel", {"XBLOCK": 128, "num_warps": 4, "configs_hash": "c"})
    assert RemoteAutotuneCache("autotune").get("key of a kernel") == {"XBLOCK": 128, "num_warps": 4, "configs_hash": "c"}
    assert RemoteAutotuneCache("another").get("key of a kernel") is None


def test_what_descending_coordinates_found_replaces_what_was_before() -> None:
    """Inductor saves twice; a process that found only the first would descend again."""
    from torch._inductor.remote_cache import RemoteAutotuneCache

    inductor.install()
    cache = RemoteAutotuneCache("descended")
    cache.put("k", {"XBLOCK": 1, "found_by_coordesc": False})
    cache.put("k", {"XBLOCK": 2, "found_by_coordesc": False})
    assert cache.get("k") == {"XBLOCK": 1, "found_by_coordesc": False}, "who comes first is right"
    cache.put("k", {"XBLOCK": 4, "found_by_coordesc": True})
    assert cache.get("k") == {"XBLOCK": 4, "found_by_coordesc": True}


def test_a_block_that_was_found_is_not_halved_and_timed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor.runtime.triton_heuristics import CachingAutotuner

    halved: list[Any] = []
    monkeypatch.setattr(CachingAutotuner, "_dynamic_scale_rblock", halved.append)
    inductor.load_what_was_found()
    inductor.load_what_was_found()

    def loaded(*found: bool) -> Any:
        results = [type("Result", (), {"config": type("Config", (), {"found_by_coordesc": one})()})() for one in found]
        kernel = type("Kernel", (), {"compile_results": results})()
        CachingAutotuner._dynamic_scale_rblock(kernel)
        return kernel

    loaded(True)
    assert halved == []
    assert halved == [] and [loaded(False), loaded(True, False), loaded()] == halved


class Result:
    def __init__(self, config: Any) -> None:
        self.config = config


def test_a_kernel_keeps_that_its_configuration_was_found_where_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    import copy
    import pickle

    import triton
    from torch._inductor.runtime.triton_heuristics import CachingAutotuner

    for name in ("__getstate__", "__setstate__"):
        monkeypatch.setattr(CachingAutotuner, name, CachingAutotuner.__dict__[name])  # taken back afterwards
    kernel = CachingAutotuner.__new__(CachingAutotuner)
    kernel.launchers = []
    kernel.compile_results = [Result(triton.Config({"XBLOCK": block})) for block in (1, 2)]
    kernel.compile_results[1].config.found_by_coordesc = True
    inductor.copy_what_was_found()
    inductor.copy_what_was_found()
    for copied in (copy.deepcopy(kernel), pickle.loads(pickle.dumps(kernel))):
        assert [getattr(result.config, "found_by_coordesc", False) for result in copied.compile_results] == [False, True]
        assert copied.compile_results[1].config is not kernel.compile_results[1].config


def test_compiling_goes_on_without_a_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no daemon")

    monkeypatch.setattr(inductor_cache._entries, "get", gone)
    monkeypatch.setattr(inductor_cache._entries, "put", gone)
    with pytest.warns(RuntimeWarning, match="no daemon; Inductor tunes by itself"):
        assert inductor_cache.FusedBackend().get("a") is None
    with pytest.warns(RuntimeWarning, match="what Inductor timed is not kept"):
        inductor_cache.FusedBackend().put("a", b"{}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inductor_cache.FusedBackend().get("b") is None


def test_what_somebody_else_put_in_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config
    from torch._inductor.lookup_table.choices import LookupTableChoices
    from torch._inductor.remote_cache import RemoteAutotuneCache

    class Handler(LookupTableChoices):
        pass

    class Backend(inductor_cache.FusedBackend):
        pass

    monkeypatch.setattr(RemoteAutotuneCache, "backend_override_cls", Backend)
    with config.patch(inductor_choices_class=Handler, autotune_remote_cache=False):
        with pytest.warns(RuntimeWarning, match="another handler of choices is installed"):
            inductor.install()
        assert RemoteAutotuneCache.backend_override_cls is Backend
        assert config.inductor_choices_class is Handler and config.autotune_remote_cache is False


def test_uuid_is_part_of_a_graphs_key() -> None:
    assert inductor.Choices().uuid() == inductor.Choices().uuid() != ""


def test_processes_that_compile_have_the_cache_too(connected: Any, tmp_path: Any) -> None:
    """They are started as Python is, with the variables of the process that wants code."""
    import os
    import shutil
    import subprocess
    import sys
    from pathlib import Path

    package = Path(__file__).resolve().parents[2] / "client" / "python"
    (tmp_path / "sitecustomize.py").write_text((package / "gpu_tuned.pth").read_text())  # as site does with it
    shutil.copy(package / "gpu_tuned_start.py", tmp_path)
    environment = {
        **os.environ,
        "GPU_TUNED_SOCKET": connected.socket,
        "GPU_TUNED_INDUCTOR": "1",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }
    program = (
        "import sys; assert 'gpu_tuned' not in sys.modules\n"
        "from torch._inductor.remote_cache import RemoteAutotuneCache\n"
        "print(RemoteAutotuneCache.backend_override_cls.__module__)\n"
        "RemoteAutotuneCache('a').put('of a worker', {'XBLOCK': 1})\n"
        "import torch._inductor.select_algorithm\n"
        "from torch._inductor import config\n"
        "print(config.autotune_remote_cache, config.inductor_choices_class.__module__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["gpu_tuned.inductor_cache", "True", "gpu_tuned.inductor"]
    from torch._inductor.remote_cache import RemoteAutotuneCache

    inductor.install()
    assert RemoteAutotuneCache("a").get("of a worker") == {"XBLOCK": 1}
