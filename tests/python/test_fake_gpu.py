"""What reaches a GPU's driver, and what its failures become: on a driver of the test's own, in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("gpu_tuned")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("fake") / "cuda.c"
    library = folder / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", "-o", library, source], check=True)
    return folder


def run(driver: Path, folder: Path, program: str, mapped: bool = False) -> None:
    """Runs a program that has a `kernel` of three arrays at 0x1000, 0x2000 and 0x3000, the `driver` and the `daemon`."""
    head = """
        import gpu_tuned
        from fake import N, Array, set_up
        kernel, driver, daemon = set_up({folder!r}, {mapped})
        x, y, z = Array(0x1000), Array(0x2000), Array(0x3000)
        def fails(error, words):
            try:
                kernel(x, y, out=z)
            except error as seen:
                assert words in str(seen), seen
                return
            raise AssertionError("it did not fail")
    """
    text = textwrap.dedent(head).format(folder=str(folder), mapped=mapped) + textwrap.dedent(program)
    paths = [str(Path(__file__).parent), *sys.path]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(driver), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_addresses_scalars_and_the_stream_reach_the_driver(driver: Path, tmp_path: Path) -> None:
    run(driver, tmp_path, """
        driver.context = 0x99  # another library's
        assert kernel(x, y, out=z, stream=0x77) is z
        assert driver.slots(3) == [0x1000, 0x2000, 0x3000] and driver.slots(4)[3] & 0xffffffff == N
        assert (driver.launches, driver.stream, driver.launch_context, driver.context) == (1, 0x77, 0x1000, 0x99)
        kernel(y, x, z)
        assert driver.slots(3) == [0x2000, 0x1000, 0x3000]
        assert (driver.launches, driver.loads, driver.stream, daemon.asked) == (2, 1, None, {"best": 1, "artefacts": 1})
    """)  # fmt: skip


def test_a_first_launch_while_a_graph_is_captured_loads_and_leaves_the_capture_as_it_was(driver: Path, tmp_path: Path) -> None:
    run(driver, tmp_path, """
        driver.capture_mode = 1  # of a thread that captures: loading fails unless it is relaxed
        kernel(x, y, out=z, stream=0x77)
        assert (driver.loads, driver.launches, driver.capture_mode) == (1, 1, 1)
    """)  # fmt: skip


@pytest.mark.parametrize(("status", "error"), [(200, "InvalidInputError"), (209, "UnsupportedError"), (2, "OutOfResourcesError")])
def test_a_winner_whose_binary_does_not_load_is_an_error_and_asked_for_again(
    driver: Path, tmp_path: Path, status: int, error: str
) -> None:
    run(driver, tmp_path, f"""
        driver.load_status = {status}
        fails(gpu_tuned.{error}, "loading 'sum' on cuda:0: CUDA_ERROR_FAKE: as the test wants it")
        assert driver.launches == 0
        driver.load_status = 0
        kernel(x, y, out=z)
        assert (driver.launches, daemon.asked["artefacts"]) == (1, 2)
    """)  # fmt: skip


@pytest.mark.parametrize(("status", "error"), [(700, "FaultedError"), (701, "OutOfResourcesError"), (702, "TimedOutError")])
def test_a_launch_that_fails_is_an_error(driver: Path, tmp_path: Path, status: int, error: str) -> None:
    run(driver, tmp_path, f"""
        kernel(x, y, out=z)
        driver.launch_status = {status}
        fails(gpu_tuned.{error}, "launching 'sum' on a grid of 4")
        driver.launch_status = 0
        assert kernel(x, y, out=z) is z
    """)  # fmt: skip


def test_an_address_that_breaks_a_condition_is_not_launched(driver: Path, tmp_path: Path) -> None:
    run(driver, tmp_path, """
        kernel(x, y, out=z)
        x = Array(0x1004)
        fails(gpu_tuned.Error, "x is a multiple of 16")
        assert driver.launches == 1
    """)  # fmt: skip


def test_a_parameter_that_is_a_tensor_map_is_made_at_the_launch(driver: Path, tmp_path: Path) -> None:
    run(driver, tmp_path, """
        driver.parameters = 8
        kernel(x, y, out=z)
        assert driver.map() == [7, 2, 0x1000, 3, 0, 60, 16, 0, 0, 0, 256, 0, 0, 0, 0, 32, 16, 0, 0, 0], driver.map()
        slots = driver.slots(8)
        assert [slots[0], *slots[3:7]] == [0xfeed0001, 64, 1, 0x2000, 0x3000], slots
        assert [slot & 0xffffffff for slot in (slots[1], slots[2], slots[7])] == [16, 60, N], slots
        kernel(x, y, out=z)
        assert (driver.launches, driver.encodes, driver.slots(1)) == (2, 1, [0xfeed0001]), "the same tensor's map"
        kernel(y, x, out=z)
        assert (driver.encodes, driver.map()[2]) == (2, 0x2000)
        x = Array(0x1008)
        fails(gpu_tuned.InvalidInputError, "argument 'x' of 'sum' becomes a tensor map, and its base is 0x1008")
        assert (driver.launches, driver.encodes) == (3, 2)
    """, mapped=True)  # fmt: skip
