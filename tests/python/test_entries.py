"""Entries of a real daemon, and what is built on them."""

from __future__ import annotations

import sys
import types
from typing import Any

import gpu_tuned
import pytest
from gpu_tuned import _entries


@pytest.fixture(autouse=True)
def _everything_connected(connected: Any) -> None:
    pass


def test_who_comes_first_is_kept() -> None:
    assert _entries.get("test", "first") is None
    assert _entries.put("test", "first", {"a": 1}) == {"a": 1}
    assert _entries.put("test", "first", {"a": 2}) == {"a": 1}
    assert _entries.put("test", "first", {"a": 3}, replace=True) == {"a": 3}
    assert _entries.get("test", "first") == {"a": 3}
    assert "first" in _entries.keys("test")


def test_entries_outlive_the_daemon(connected: Any) -> None:
    _entries.put("test", "kept", {"text": "ä"})
    connected.stop()
    connected.start()
    gpu_tuned.connect(connected.socket)
    assert _entries.get("test", "kept") == {"text": "ä"}


def test_bad_names_and_values_are_refused() -> None:
    with pytest.raises(gpu_tuned.InvalidInputError, match="cannot name an entry"):
        _entries.put("test", "%2e%2e", {})
    with pytest.raises(gpu_tuned.Error):
        _entries.put("test", "large", {"text": "x" * (1 << 20)})


def test_helion_finds_what_another_process_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = types.ModuleType("helion.autotuner.remote_cache")
    remote.RemoteCacheBackend = object  # type: ignore[attr-defined]
    for name in ("helion", "helion.autotuner"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, remote.__name__, remote)
    from gpu_tuned.helion import Backend

    backend = Backend()
    assert backend.get("0" * 64) is None
    backend.put("0" * 64, '{"config": 1}')
    backend.put("1" * 64, '{"config": 2}')
    backend.put("0" * 64, '{"config": 3}')
    assert Backend().get("0" * 64) == '{"config": 3}'
    assert list(Backend().list(1)) == ['{"config": 3}']
