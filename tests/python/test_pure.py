"""The wheel for systems without our programs (scripts/wheel --pure): it is imported, and says what is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[2] / "client" / "python"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What that wheel holds, put together as scripts/wheel does."""
    folder = tmp_path_factory.mktemp("pure")
    shutil.copytree(PYTHON / "gpu_tuned", folder / "gpu_tuned", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PYTHON.parents[1] / "configs" / "kernels", folder / "gpu_tuned" / "kernels")
    shutil.copy(PYTHON / "pure" / "_core.py", folder / "gpu_tuned")
    shutil.copy(PYTHON / "gpu_tuned_start.py", folder)
    return folder


def run(package: Path, program: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, env=everything, check=False)


@pytest.mark.parametrize("call", [
    'gpu_tuned.kernel("softmax")',
    'gpu_tuned.kernel("/nowhere/kernel.json")',
    'gpu_tuned.connect("/nowhere/tuned.sock")',
    "gpu_tuned.status()",
])  # fmt: skip
def test_what_is_not_there_is_unsupported_and_said(package: Path, call: str) -> None:
    program = f"import gpu_tuned\ntry:\n    {call}\nexcept gpu_tuned.UnsupportedError as error:\n    print(error)"
    done = run(package, program, GPU_TUNED_AUTOSTART="1")
    assert done.returncode == 0, done.stderr
    assert "without its extension, C library, daemon and backends" in done.stdout and "Linux on x86-64" in done.stdout


def test_systems_that_cannot_fork_import_it(package: Path) -> None:
    done = run(package, "import os; del os.register_at_fork; import gpu_tuned; print(gpu_tuned.__version__)")
    assert done.returncode == 0, done.stderr


def test_tritons_hooks_stay_out_and_say_why(package: Path, tmp_path: Path) -> None:
    (tmp_path / "triton").mkdir()
    (tmp_path / "triton" / "__init__.py").write_text('__version__ = "3.6.0"\n')
    done = run(package, f"import sys; sys.path.append({str(tmp_path)!r}); import gpu_tuned_start, triton; print('runs on')",
               GPU_TUNED_TRITON="build")  # fmt: skip
    assert done.stdout == "runs on\n", done.stderr
    assert "gpu_tuned.triton is not installed" in done.stderr and "Linux on x86-64" in done.stderr


def test_pytorchs_operators_are_pytorchs_and_said_once(package: Path) -> None:
    pytest.importorskip("torch")
    program = (
        "import torch, gpu_tuned.torch; x = torch.randn(8, 64)\n"
        "for _ in range(2): assert torch.allclose(torch.ops.gpu_tuned.softmax(x), torch.softmax(x, -1))"
    )
    done = run(package, program, "-W", "always")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("without its extension") == 1, done.stderr


def test_the_example_falls_back(package: Path) -> None:
    pytest.importorskip("torch")
    example = PYTHON.parents[1] / "docs" / "examples" / "hybrid.py"
    done = run(package, f"import runpy; runpy.run_path({str(example)!r}, run_name='__main__')")
    assert done.returncode == 0, done.stderr
    assert "without tuned: gpu_tuned is installed here without" in done.stdout and "eager on" in done.stdout
