"""The process's connection to the daemon: made when first needed, one for all threads, made anew after a fork."""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading would double the time that importing takes

from . import _core
from .errors import UnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_lock = allocate_lock()
_client: _core.Client | None = None
_socket: str | None = None
_exported = False
_inherited: str | None = None  # GPU_TUNED_SOCKET before we set it
_written: str | None = None  # … and what we set it to
generation = 0  # counts the connections; what was made with an older one is asked for again


def client() -> _core.Client:
    """The connection. With ``GPU_TUNED_AUTOSTART=1`` a daemon of this user's is started where none is."""
    global _client, generation
    known = _client
    if known is not None:
        return known
    with _lock:
        if _client is None:
            try:
                _client = _core.Client(_socket)
            except UnavailableError as error:
                if not _starts_one():
                    raise UnavailableError(f"{error}; GPU_TUNED_AUTOSTART=1 in the environment starts one of your own") from error
                _start()
                _client = _core.Client(_socket)
            generation += 1
        return _client


def _starts_one() -> bool:
    return os.environ.get("GPU_TUNED_AUTOSTART", "") in ("1", "true", "yes")


def again(ask: Callable[[], T]) -> T:
    """What ``ask`` gives; with ``GPU_TUNED_AUTOSTART=1`` asked once more of a daemon that is started where the last has ended."""
    try:
        return ask()
    except UnavailableError:
        if _client is None or not _starts_one():
            raise
        with _lock:
            _start()
        return ask()


def connect(socket: str | None = None) -> None:
    """Uses the daemon at ``socket`` from now on (None: where ``GPU_TUNED_SOCKET`` or the system has it)."""
    global _client, _socket
    with _lock:
        _socket = socket
        _client = None
        if _exported:
            _export()
    client()


def export_socket() -> None:
    """Processes that are started from now on use the daemon that :func:`connect` was told, now or later."""
    global _exported
    with _lock:
        _exported = True
        _export()


def _export() -> None:
    """Where nothing was told, the environment is as others left it."""
    global _inherited, _written
    now = os.environ.get("GPU_TUNED_SOCKET")
    if now != _written:  # somebody else's since
        _inherited, _written = now, None
    if _socket is not None:
        os.environ["GPU_TUNED_SOCKET"] = _written = _socket
    elif _written is not None:
        _written = None
        if _inherited is None:
            del os.environ["GPU_TUNED_SOCKET"]
        else:
            os.environ["GPU_TUNED_SOCKET"] = _inherited


def programs() -> str | None:
    """The folder of ``tunectl`` and ``tuned``: that of ``GPU_TUNED_BIN``, else the wheel's, else none."""
    for folder in (os.environ.get("GPU_TUNED_BIN"), os.path.join(os.path.dirname(__file__), "bin")):
        if folder and os.path.isfile(os.path.join(folder, "tunectl")):
            return folder
    return None


def _start() -> None:
    import shutil
    import subprocess

    folder = programs()
    tunectl = os.path.join(folder, "tunectl") if folder else shutil.which("tunectl")
    if tunectl is None:
        raise UnavailableError("no daemon runs, and there is no tunectl to start one with (GPU_TUNED_BIN, PATH)")
    command = [tunectl, "serve", "--detach"]
    if _socket:
        command += ["--socket", _socket]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    # Another process may have started one at the same moment: then connecting works.
    if done.returncode != 0:
        try:
            _core.Client(_socket)
        except UnavailableError as error:
            raise UnavailableError(f"no daemon could be started: {done.stderr.strip() or done.stdout.strip()}") from error


def _after_fork() -> None:
    # The parent's connections and threads are not ours; letting go of the client would end its thread, which we lack.
    global _client, _lock
    _lock = allocate_lock()
    _leaked.append(_client)
    _client = None


_leaked: list[_core.Client | None] = []
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
