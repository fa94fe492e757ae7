"""The examples of docs/ run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.mark.parametrize("with_daemon", [True, False])
def test_hybrid(daemon: Any, with_daemon: bool) -> None:
    pytest.importorskip("torch")
    environment = {**os.environ, "GPU_TUNED_SOCKET": daemon.socket if with_daemon else "/nowhere/tuned.sock"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / "hybrid.py"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ("tuned on" in done.stdout) == with_daemon
