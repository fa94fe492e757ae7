"""What may go wrong around a process: daemons that end or speak otherwise, forks and spawns, threads at the end, binaries.

Wrong arrays are in test_kernel.py and test_arrays.py, what is wrong about Triton's kernels in test_triton*.py.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gpu_tuned
import numpy as np
import pytest
from gpu_tuned import _core


def rows(n_rows: int, n_cols: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(2).standard_normal((n_rows, n_cols), dtype=np.float32)


class Speaker:
    """Listens where a daemon would, and answers every request with the same bytes (None: never)."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.path, self.answer = str(path), answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            while peer.recv(1 << 20):
                if self.answer is not None:
                    peer.sendall(self.answer)

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.listener.close()


def http(body: str, status: str = "200 OK", server: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{f'Server: {server}' if server else 'X-Nothing: 0'}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


# --- the daemon ---


@pytest.mark.parametrize(
    "body",
    ['{"answer": "of a newer daemon", "format": 9}', "[]", "not JSON", '{"kernel": 7, "sizes": "many", "configuration": []}'],
)
def test_a_daemon_of_another_version_is_unsupported_and_said(tmp_path: Path, body: str) -> None:
    with Speaker(tmp_path / "s", http(body)) as speaker:
        client = _core.Client(speaker.path, 5)
        with pytest.raises(gpu_tuned.UnsupportedError, match="different versions.*upgrade the older"):
            client.best("softmax", {"n_rows": 8, "n_cols": 64}, "cpu")


def test_a_daemon_that_does_not_know_what_is_asked_is_told_by_its_version(tmp_path: Path) -> None:
    problem = '{"detail": "objective: unknown key", "kind": "invalid_input", "status": 400}'
    with Speaker(tmp_path / "s", http(problem, "400 Bad Request", "gpu-tuned/0.0.9 (messages 01234567)")) as speaker:
        with pytest.raises(gpu_tuned.InvalidInputError, match=r"unknown key.*the daemon is gpu-tuned/0\.0\.9.*upgrade the older"):
            _core.Client(speaker.path, 5).ask('{"kernel": "k", "sizes": {}, "objective": {"energy": 1}}')


@pytest.mark.parametrize(("version", "words"), [(2000003, "is 2.0.3, and gpu_tuned is of 0.1.0"), (None, "is older than gpu_tuned")])
def test_a_c_library_of_another_version_is_said_when_it_is_loaded(tmp_path: Path, version: int | None, words: str) -> None:
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    symbols = subprocess.run(["nm", "-D", "--undefined-only", _core.__file__], capture_output=True, text=True, check=True).stdout
    names = sorted({word.partition("@")[0] for word in symbols.split() if word.startswith("gputuned_")})
    if version is None:
        names.remove("gputuned_on_notice")
    stub = tmp_path / "stub.c"
    body = "".join(f"unsigned {name}(void) {{ return {version if name == 'gputuned_version' else 0}u; }}\n" for name in names)
    stub.write_text(body.replace("Noneu", "1000u"))
    script = tmp_path / "map"
    script.write_text(Path(__file__).resolve().parents[2].joinpath("client/capi/gputuned.map").read_text())
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "libgputuned.so.0", stub, "-Wl,-soname,libgputuned.so.0",
                    f"-Wl,--version-script={script}"], check=True)  # fmt: skip
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "libgputuned.so.0")}
    done = subprocess.run([sys.executable, "-c", "import gpu_tuned"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode != 0 and "ImportError" in done.stderr
    assert words in done.stderr and "two installations are mixed" in done.stderr


def test_a_daemon_that_knows_no_such_route_says_so(tmp_path: Path) -> None:
    with Speaker(tmp_path / "s", http('{"title": "no such route"}', "404 Not Found")) as speaker:
        with pytest.raises(gpu_tuned.NotFoundError):
            _core.Client(speaker.path, 5).request("GET", "/v1/of/tomorrow")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"220 mail.example.org ESMTP\r\n", 'it said "220 mail.example.org ESMTP.*which is no HTTP'),
        (http("{}", server="Docker/24.0"), 'it calls itself "Docker/24.0"'),
    ],
)
def test_what_listens_in_the_daemons_place_is_no_daemon(tmp_path: Path, answer: bytes, words: str) -> None:
    with Speaker(tmp_path / "s", answer) as speaker:
        with pytest.raises(gpu_tuned.UnavailableError, match=words) as error:
            _core.Client(speaker.path, 5).request("GET", "/v1/status")
        assert isinstance(error.value, ConnectionError)
        assert speaker.path in str(error.value) and "ss -xlp" in str(error.value)


def test_a_daemon_that_never_answers_ends_in_a_time_out(tmp_path: Path) -> None:
    with Speaker(tmp_path / "s", None) as speaker:
        began = time.monotonic()
        with pytest.raises(gpu_tuned.TimedOutError, match="in time"):
            _core.Client(speaker.path, 0.5).request("GET", "/v1/status")
        assert time.monotonic() - began < 20


def test_no_daemon_is_a_connection_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="tunectl serve --detach"):
        _core.Client(str(tmp_path / "nobody"), 1).request("GET", "/v1/status")


def test_a_daemon_that_dies_while_it_tunes_ends_the_waiting(connected: Any) -> None:
    softmax = gpu_tuned.kernel("softmax")
    softmax.best("cpu", n_rows=8, n_cols=64)  # connected, the document is there
    killed = threading.Event()

    def kill(event: dict[str, Any]) -> None:
        if not killed.is_set():
            killed.set()
            assert connected.process is not None
            connected.process.kill()
            connected.process.wait()

    try:
        with pytest.raises(gpu_tuned.UnavailableError):
            softmax.tune("cpu", n_rows=512, n_cols=1024, force=True, progress=kill)
        assert killed.is_set()
    finally:
        connected.process = None
        connected.start()
    # The same object asks the daemon that came after it.
    assert softmax.best("cpu", n_rows=8, n_cols=64).device == "cpu"


def test_what_waits_for_the_daemon_can_be_interrupted(connected: Any) -> None:
    """A tuning that stands in line has no events; Ctrl-C ends the waiting all the same."""
    client = _core.Client(connected.socket)
    program = (
        "import gpu_tuned\n"
        "try: gpu_tuned.kernel('softmax').tune('cpu', n_rows=24, n_cols=40, progress=False)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    client.request("POST", "/v1/pause")
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", program], env={**os.environ, "GPU_TUNED_SOCKET": connected.socket}, stdout=subprocess.PIPE
        )
        jobs: list[Any] = []
        while not jobs:
            assert child.poll() is None
            time.sleep(0.05)
            found = json.loads(client.request("GET", "/v1/jobs"))["jobs"]
            jobs = [job for job in found if job["sizes"] == {"n_rows": 24, "n_cols": 40} and job["state"] == "queued"]
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=300)[0] == b"interrupted\n"
        client.request("DELETE", f"/v1/jobs/{jobs[0]['id']}")
    finally:
        client.request("POST", "/v1/resume")


# --- processes and threads ---


def _softmax_of_a_child(path: str, x: Any) -> Any:
    import gpu_tuned

    gpu_tuned.connect(path)
    return gpu_tuned.kernel("softmax")(x)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children_launch_by_themselves(connected: Any, method: str) -> None:
    x = rows(16, 64)
    y = gpu_tuned.kernel("softmax")(x)
    with multiprocessing.get_context(method).Pool(2) as pool:
        for got in pool.starmap(_softmax_of_a_child, [(connected.socket, x)] * 4):
            np.testing.assert_array_equal(got, y)


def test_the_interpreter_ends_while_threads_launch_and_answers_are_refreshed(connected: Any) -> None:
    program = (
        "import threading, time, numpy as np, gpu_tuned\n"
        "softmax = gpu_tuned.kernel('softmax')\n"
        "x = np.ones((64, 128), np.float32)\n"
        "softmax(x)\n"
        "softmax.best('cpu', n_rows=72, n_cols=512)\n"  # tuned behind: a thread of ours asks again
        "def work():\n"
        "    while True: softmax(x)\n"
        "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.3)\n"
    )
    environment = {**os.environ, "GPU_TUNED_SOCKET": connected.socket}
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120, check=False
        )
        assert done.returncode == 0, (done.returncode, done.stderr)


# --- binaries ---


class DamagingProxy(Speaker):
    """Stands between a client and the daemon, and turns a byte of every binary that is fetched."""

    def __init__(self, path: Path, daemon: str) -> None:
        self.daemon = daemon
        super().__init__(path, None)

    def _answer(self, peer: socket.socket) -> None:
        with peer, socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self.daemon)
            while request := peer.recv(1 << 20):
                daemon.sendall(request)
                head, _, body = self._read(daemon).partition(b"\r\n\r\n")
                if b"/v1/artefacts/" in request:
                    body = body[:-1] + bytes([body[-1] ^ 1])
                peer.sendall(head + b"\r\n\r\n" + body)

    @staticmethod
    def _read(daemon: socket.socket) -> bytes:
        """One response, with as much body as it says that it has."""
        seen = b""
        while True:
            seen += daemon.recv(1 << 20)
            head, end, body = seen.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if end and length and len(body) >= int(length[1]):
                return seen


def test_a_binary_that_is_damaged_is_never_launched(connected: Any, tmp_path: Path) -> None:
    softmax = gpu_tuned.kernel("softmax")
    best = softmax.tune("cpu", n_rows=11, n_cols=96, trials=1, progress=False)
    with DamagingProxy(tmp_path / "proxy", connected.socket) as proxy:
        client = _core.Client(proxy.path, 20)
        answer = client.best(best.details["kernel"], best.sizes, "cpu")
        with pytest.raises(gpu_tuned.InternalError, match="came damaged: its SHA-256"):
            client.load(answer)
    assert _core.Client(connected.socket, 20).load(answer).buffers == 2


def test_an_order_of_more_buffers_than_a_launch_has_is_refused(connected: Any) -> None:
    best = gpu_tuned.kernel("softmax").tune("cpu", n_rows=11, n_cols=96, trials=1, progress=False)
    client = _core.Client(connected.socket, 20)
    binary = client.load(client.best(best.details["kernel"], best.sizes, "cpu"))
    memory = [rows(11, 96), np.zeros((11, 96), np.float32)]

    class Tensor:
        """An array as Triton is given it: without DLPack's capsule, which such a table cannot keep."""

        def __init__(self, array: np.ndarray[Any, Any]) -> None:
            self.__array_interface__ = array.__array_interface__

    calls = _core.Calls(("x", "y"))
    args, options = tuple(map(Tensor, memory)), {"grid": (1,)}
    with pytest.raises(ValueError, match="at most 64 buffers"):
        calls.put(args, options, binary, (0,) * 65, (), (1, 1, 1), {})
    with pytest.raises(ValueError, match="at most 64 buffers"):
        calls.put(args, options, binary, (0, 1), (1,) * 65, (1, 1, 1), {})
    assert len(calls) == 0
    assert calls.put(args, options, binary, (0, 1), (1,), (1, 1, 1), {}) is True


def test_arrays_on_several_devices_are_refused(connected: Any) -> None:
    from test_arrays import Foreign

    x = Foreign(index=1)
    with pytest.raises(gpu_tuned.ArrayDeviceError, match="x is on cuda:1, y on cpu"):
        gpu_tuned.kernel("softmax")(x, out=np.zeros(16, np.float32))
    with pytest.raises(gpu_tuned.Error, match="cuda:7"):  # a device that the daemon does not have
        gpu_tuned.kernel("relu")(Foreign(index=7), out=Foreign(index=7))


def test_every_error_is_of_the_one_base() -> None:
    from gpu_tuned import errors

    for name in errors.__all__:
        base = Warning if name.endswith("Warning") else errors.Error
        assert issubclass(getattr(errors, name), base), name


def test_processes_that_are_started_use_the_daemon_that_this_one_was_told_last(
    connected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpu_tuned
    from gpu_tuned import _daemon

    monkeypatch.setenv("GPU_TUNED_SOCKET", connected.socket)
    for name, value in (("_exported", False), ("_inherited", None), ("_written", None)):
        monkeypatch.setattr(_daemon, name, value)
    monkeypatch.setattr(_daemon, "client", lambda: None)
    gpu_tuned.connect("/nowhere/a")
    assert os.environ["GPU_TUNED_SOCKET"] == connected.socket, "nobody asked for it"
    _daemon.export_socket()
    assert os.environ["GPU_TUNED_SOCKET"] == "/nowhere/a"
    gpu_tuned.connect("/nowhere/b")
    assert os.environ["GPU_TUNED_SOCKET"] == "/nowhere/b"
    gpu_tuned.connect(None)
    assert os.environ["GPU_TUNED_SOCKET"] == connected.socket, "as it was"
    os.environ["GPU_TUNED_SOCKET"] = "/nowhere/c"
    gpu_tuned.connect(None)
    assert os.environ["GPU_TUNED_SOCKET"] == "/nowhere/c", "another's"
    gpu_tuned.connect("/nowhere/d")
    gpu_tuned.connect(None)
    assert os.environ["GPU_TUNED_SOCKET"] == "/nowhere/c"
