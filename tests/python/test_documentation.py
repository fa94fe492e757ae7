"""The examples of docs/ run, and print what they say they print."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEHIND = re.compile(r"(, [\d.]+% (behind|ahead( when it was timed alone)?))?( \((finalist|given up early: clearly slower)\))?$")
DISTURBED = re.compile(r"^  while it was timed .*\n", re.MULTILINE)  # on a busy machine
BLOCKS = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.parametrize("with_daemon", [True, False])
def test_hybrid(daemon: Any, with_daemon: bool) -> None:
    pytest.importorskip("torch")
    environment = {**os.environ, "GPU_TUNED_SOCKET": daemon.socket if with_daemon else "/nowhere/tuned.sock"}
    done = subprocess.run(
        [sys.executable, DOCS / "examples" / "hybrid.py"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ("tuned on" in done.stdout) == with_daemon


def shape(text: str) -> str:
    """The text with its numbers taken out, and what else depends on them."""
    lines = [BEHIND.sub("", line) for line in DISTURBED.sub("", text).strip().splitlines()]
    lines = [re.sub(r"[\d.,]+(e[+-]?\d+)?", "0", line) for line in lines]
    return "\n".join(re.sub(r"\s+", " ", line) for line in lines)


def test_the_tour(connected: Any) -> None:
    """GPU_TUNED_TEST_WRITE=1 writes the outputs into the page instead of comparing them."""
    page = DOCS / "tour.md"
    text = page.read_text()
    names: dict[str, Any] = {}
    written = []
    for block in BLOCKS.finditer(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block[1], str(page), "exec"), names)
        output = printed.getvalue().strip() + "\n"
        written.append((block, output))
        if not os.environ.get("GPU_TUNED_TEST_WRITE"):
            assert shape(output) == shape(block[2]), f"in the block that begins {block[1].splitlines()[0]!r}"
    if os.environ.get("GPU_TUNED_TEST_WRITE"):
        for block, output in reversed(written):
            text = text[: block.start(2)] + output + text[block.end(2) :]
        page.write_text(text)


def test_the_first_three_lines_of_the_readme(connected: Any) -> None:
    import numpy as np

    section = (DOCS.parent / "README.md").read_text().partition("## From Python")[2]
    block = BLOCKS.search(section)
    assert block is not None and len(block[1].strip().splitlines()) == 3
    x = np.random.default_rng(0).standard_normal((64, 128), dtype=np.float32)
    names: dict[str, Any] = {"x": x}
    exec(block[1], names)
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(names["y"], e / e.sum(-1, keepdims=True), rtol=1e-4, atol=1e-6)
