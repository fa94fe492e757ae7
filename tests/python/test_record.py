"""python -m gpu_tuned.record, and its manifest read by tunectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = """
import sys
import numpy as np
import gpu_tuned
softmax = gpu_tuned.kernel("softmax")
for n in (32, 64, 64):
    softmax(np.zeros((n, 128), np.float32))
gpu_tuned.kernel("matmul_f32")(np.zeros((16, 32), np.float32), np.zeros((32, 48), np.float32))
if sys.argv[1:] == ["fail"]:
    raise SystemExit("no more")
"""


def record(daemon: Any, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "GPU_TUNED_SOCKET": daemon.socket}
    command = [sys.executable, "-m", "gpu_tuned.record", "-o", str(folder / "m.json"), str(folder / "script.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_problems_are_written_once_and_can_be_built_ahead(daemon: Any, tmp_path: Path) -> None:
    done = record(daemon, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 problems written" in done.stderr
    manifest = json.loads((tmp_path / "m.json").read_text())
    assert manifest["kernels"] == [
        {"kernel": "softmax", "sizes": {"n_cols": 128, "n_rows": 32}},
        {"kernel": "softmax", "sizes": {"n_cols": 128, "n_rows": 64}},
        {"kernel": "matmul_f32", "sizes": {"K": 32, "M": 16, "N": 48}},
    ]
    command = [daemon.programs / "tunectl", "prewarm", tmp_path / "m.json", "--compile-only", "--target", "cpu",
               "--cache", tmp_path / "cache"]  # fmt: skip
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr


def test_a_script_that_fails_is_written_down_as_far_as_it_came(daemon: Any, tmp_path: Path) -> None:
    done = record(daemon, tmp_path, "fail")
    assert done.returncode == 1 and "no more" in done.stderr
    assert len(json.loads((tmp_path / "m.json").read_text())["kernels"]) == 3


def test_what_cannot_be_written_is_said_before_the_script_runs(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print('it ran')")
    for output, script in (("nowhere/m.json", "script.py"), ("m.json", "none.py")):
        command = [sys.executable, "-m", "gpu_tuned.record", "-o", str(tmp_path / output), str(tmp_path / script)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "nothing was run" in done.stderr and "Traceback" not in done.stderr
        assert done.stdout == "" and not (tmp_path / output).exists()


def test_a_script_that_launches_nothing_leaves_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import gpu_tuned")
    command = [sys.executable, "-m", "gpu_tuned.record", "-o", str(tmp_path / "m.json"), str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "no kernel of gpu_tuned was launched" in done.stderr
    assert not (tmp_path / "m.json").exists()


def test_without_a_script_it_says_how_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-m", "gpu_tuned.record"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "usage" in done.stderr
