"""What can go wrong: one class for each kind, all of them :class:`Error`.

Each also is the built-in exception that fits, so that ``except ConnectionError`` works where it is natural.
"""

from __future__ import annotations

import warnings

try:
    from . import _core
except ImportError as error:
    if "undefined symbol: gputuned_" not in str(error):
        raise
    raise ImportError(
        f"{error}; the C library libgputuned that was loaded is older than gpu_tuned: two installations are mixed; "
        "install gpu-tuned anew, and look at LD_LIBRARY_PATH"
    ) from error

__all__ = [
    "ArrayDeviceError",
    "CancelledError",
    "DeniedError",
    "DtypeError",
    "Error",
    "FallbackWarning",
    "FaultedError",
    "GradientError",
    "InternalError",
    "InvalidInputError",
    "LayoutError",
    "NotFoundError",
    "OutOfResourcesError",
    "ShapeError",
    "TimedOutError",
    "UnavailableError",
    "UnsupportedError",
]


class Error(Exception):
    """Base of everything that gpu_tuned raises on purpose."""


class InvalidInputError(Error, ValueError):
    """The kernel, sizes, document, arrays or options are wrong."""


class UnsupportedError(Error, NotImplementedError):
    """Well-formed, but beyond what this build or device can do."""


class OutOfResourcesError(Error, MemoryError):
    """Memory, shared memory, registers or disk: the limit is in the message."""


class NotFoundError(Error, LookupError):
    """No such kernel, device, job, artefact or winner."""


class FaultedError(Error, RuntimeError):
    """A kernel crashed, trapped or failed an assertion."""


class TimedOutError(Error, TimeoutError):
    """A deadline passed."""


class DeniedError(Error, PermissionError):
    """The daemon does not let this user do that."""


class UnavailableError(Error, ConnectionError):
    """No daemon, library or device is there now."""


class InternalError(Error, RuntimeError):
    """A defect of gpu_tuned."""


class CancelledError(Error, RuntimeError):
    """Somebody took the request back."""


class DtypeError(InvalidInputError, TypeError):
    """An array's elements are of another type than the kernel's."""


class ShapeError(InvalidInputError):
    """An array's shape does not fit the kernel or the other arrays."""


class LayoutError(InvalidInputError):
    """An array's elements are not behind each other in row-major order, or it may not be written."""


class ArrayDeviceError(InvalidInputError):
    """Arrays are on different devices, or on one that tuned does not know."""


class GradientError(InvalidInputError):
    """An array wants gradients, and the kernel has none."""


class FallbackWarning(RuntimeWarning):
    """Arrays begin or overlap as the winner does not allow: another build is launched, which may be slower."""


def _warn(text: str) -> None:
    warnings.warn(text, FallbackWarning, stacklevel=2)


#: By the names that the daemon and the C library have for them.
_classes: dict[str, type[Exception]] = {
    "invalid_input": InvalidInputError,
    "unsupported": UnsupportedError,
    "out_of_resources": OutOfResourcesError,
    "not_found": NotFoundError,
    "faulted": FaultedError,
    "timed_out": TimedOutError,
    "denied": DeniedError,
    "unavailable": UnavailableError,
    "internal": InternalError,
    "cancelled": CancelledError,
    # Not the daemon's: what the extension finds of an array.
    "dtype": DtypeError,
    "layout": LayoutError,
    "array_device": ArrayDeviceError,
}


def class_of(kind: str | None, otherwise: type[Exception]) -> type[Exception]:
    """The class of a kind of error; ``otherwise`` where it is none that is known."""
    return _classes.get(kind or "", otherwise)


_core.on_notice(_warn)
_core.set_errors(_classes)
