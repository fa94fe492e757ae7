"""A daemon of the tests' own. GPU_TUNED_TEST_BIN is the folder of the built programs, GPU_TUNED_TEST_KERNELS the library."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def programs() -> Path:
    folder = Path(os.environ.get("GPU_TUNED_TEST_BIN", ROOT / "build" / "bin"))
    if not (folder / "tuned").is_file():
        pytest.skip(f"no daemon in {folder}")
    return folder


class Daemon:
    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.socket = str(folder / "tuned.sock")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        import gpu_tuned._core as core
        from gpu_tuned.errors import Error

        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "tuned", "--socket", self.socket, "--cache", self.folder / "cache", "--device", "cpu"],
                stderr=log,
            )
        for _ in range(1200):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                core.Client(self.socket, 5).request("GET", "/readyz")
                return
            except Error:
                time.sleep(0.05)
        raise AssertionError("the daemon is not ready after a minute")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@pytest.fixture(scope="session")
def daemon(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    os.environ["GPU_TUNED_KERNELS"] = os.environ.get("GPU_TUNED_TEST_KERNELS", str(ROOT / "configs" / "kernels"))
    daemon = Daemon(programs, tmp_path_factory.mktemp("daemon"))
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def connected(daemon: Daemon) -> Daemon:
    """The process is connected to the daemon of the tests."""
    import gpu_tuned

    if daemon.process is None:
        daemon.start()
    gpu_tuned.connect(daemon.socket)
    return daemon
