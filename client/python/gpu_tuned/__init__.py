"""The fastest build of a kernel, found, proven and kept by the tuned daemon.

>>> import gpu_tuned
>>> softmax = gpu_tuned.kernel("softmax")
>>> y = softmax(x)

Importing needs neither PyTorch nor Triton nor NumPy, and talks to nobody.
"""

from __future__ import annotations

from . import errors
from ._answer import Best
from ._daemon import connect
from ._kernel import Kernel, kernel
from .errors import *  # noqa: F403

__all__ = ["Best", "Kernel", "connect", "errors", "kernel", "status", *errors.__all__]
__version__ = "0.1.0"


def status() -> dict[str, object]:
    """The daemon's state: version, devices, counts, and what an operator should know."""
    import json

    from . import _daemon

    content: dict[str, object] = json.loads(_daemon.client().request("GET", "/v1/status"))
    return content
