"""What clients keep for each other in the daemon: objects by space and key."""

from __future__ import annotations

import json

from . import _daemon
from .errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def get(space: str, key: str) -> dict[str, Any] | None:
    """What is kept; None when nothing is."""
    try:
        text = _daemon.client().request("GET", f"/v1/entries/{space}/{key}")
    except NotFoundError:
        return None
    value: dict[str, Any] = json.loads(text)["value"]
    return value


def put(space: str, key: str, value: dict[str, Any], *, replace: bool = False) -> dict[str, Any]:
    """Keeps a value, unless there is one and it is not to be replaced; gives what is kept."""
    body = json.dumps({"value": value, "replace": replace})
    kept: dict[str, Any] = json.loads(_daemon.client().request("PUT", f"/v1/entries/{space}/{key}", body))["value"]
    return kept


def keys(space: str) -> list[str]:
    """All keys of a space, in their order."""
    found: list[str] = json.loads(_daemon.client().request("GET", f"/v1/entries/{space}"))["keys"]
    return found
