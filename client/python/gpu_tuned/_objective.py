"""What a tuning makes small: time, the energy of a launch, or both by weights."""

from __future__ import annotations

from .errors import InvalidInputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Objective = str | Mapping[str, float]

NAMES = ("time", "energy")


def weights(objective: Objective) -> dict[str, float] | None:
    """As the daemon is asked for it; None: time alone, what it takes for granted.

    ``"time"``, ``"energy"``, or weights such as ``{"time": 1, "energy": 1}`` (which ranks by their product): numbers of at
    least 0, not all 0. InvalidInputError: anything else.
    """
    given = {objective: 1.0} if isinstance(objective, str) else objective
    try:
        out = {**dict.fromkeys(NAMES, 0.0), **{str(name): float(weight) for name, weight in given.items()}}
    except (AttributeError, TypeError, ValueError):
        out = {}
    # Not a number is less than nothing and not less than infinity.
    sound = set(out) == set(NAMES) and all(0 <= weight < float("inf") for weight in out.values()) and any(out.values())
    if not sound:
        raise InvalidInputError(
            f"objective={objective!r}: 'time', 'energy' or weights for them, such as {{'time': 1, 'energy': 1}}, are expected; "
            "weights are at least 0, and not all are 0"
        )
    return out if out["energy"] else None
