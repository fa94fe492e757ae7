"""What gpu_tuned.pth does when Python starts: nothing, until triton is imported with GPU_TUNED_TRITON set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

START = Path(__file__).resolve().parents[2] / "client" / "python" / "gpu_tuned.pth"

FAKE_TRITON = """
__version__ = "{version}"
"""


def run(tmp_path: Path, program: str, *, mode: str | None, version: str = "9.9.0") -> subprocess.CompletedProcess[str]:
    """Runs a program as a Python does whose site-packages have the .pth file and a triton that says it is ``version``."""
    (tmp_path / "triton").mkdir(exist_ok=True)
    (tmp_path / "triton" / "__init__.py").write_text(FAKE_TRITON.format(version=version))
    environment = {name: value for name, value in os.environ.items() if name != "GPU_TUNED_TRITON"}
    shutil.copy(START.with_name("gpu_tuned_start.py"), tmp_path)  # its folder has the package's sources, which are not built
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    if mode is not None:
        environment["GPU_TUNED_TRITON"] = mode
    line = START.read_text().strip()
    return subprocess.run(
        [sys.executable, "-c", f"{line}\n{program}"], capture_output=True, text=True, env=environment, check=True
    )


def test_without_the_variable_nothing_is_loaded(tmp_path: Path) -> None:
    done = run(tmp_path, "import sys; print('gpu_tuned_start' in sys.modules)", mode=None)
    assert done.stdout.strip() == "False"


def test_nothing_but_the_hook_is_loaded_before_triton_is(tmp_path: Path) -> None:
    program = "import sys; print('gpu_tuned_start' in sys.modules, 'gpu_tuned' in sys.modules)"
    assert run(tmp_path, program, mode="config").stdout.strip() == "True False"


def test_a_triton_that_is_not_known_runs_without_us(tmp_path: Path) -> None:
    done = run(tmp_path, "import triton; print(triton.__version__)", mode="config")
    assert done.stdout.strip() == "9.9.0"
    assert done.stderr.count("gpu_tuned.triton is not installed: Triton 9.9.0 is not one of") == 1


def test_a_look_for_triton_before_its_import_takes_no_hooks_away(tmp_path: Path) -> None:
    """Libraries ask whether Triton is there long before they, or others, import it."""
    program = """
import sys, importlib.util, types
import gpu_tuned.triton._state as state
seams = types.SimpleNamespace(patch=lambda: print("patched"))
for name in ("_autotuner", "_version"):  # the seams themselves need all of Triton
    sys.modules["gpu_tuned.triton." + name] = seams
    setattr(sys.modules["gpu_tuned.triton"], name, seams)
for _ in range(2):
    assert importlib.util.find_spec("triton") is not None
assert not state.active
import triton
print(state.active, state.mode, type(triton.__spec__.loader).__name__)
importlib.reload(triton)
"""
    done = run(tmp_path, program, mode="build", version="3.6.0")
    assert done.stdout.split() == ["patched", "patched", "True", "build", "SourceFileLoader"]
    assert done.stderr == ""


def test_a_mode_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "import triton; print(triton.__version__)", mode="fast")
    assert done.stdout.strip() == "9.9.0"
    assert "the modes are config" in done.stderr
