"""The daemon's reasons for a winner, as text."""

from __future__ import annotations

import json
from typing import Any

from . import _core
from ._answer import Best


def explain(client: _core.Client, asked: dict[str, Any], rows: int) -> str:
    """What ``POST /v1/explain`` says of a problem; ``rows`` of its field. NotFoundError: nothing was tuned for it."""
    why: dict[str, Any] = json.loads(client.request("POST", "/v1/explain", json.dumps(asked)))
    best = Best(why["answer"])
    lines = [str(best)]
    if best.interval:
        low, high = best.interval
        lines.append(f"  median of one launch with a cold cache, 95 % interval {low * 1e6:.4g} to {high * 1e6:.4g} µs")
    lines += [f"  {line}" for line in (_limits(why["limits"]), f"judged by {why['judge']}") if line]
    tried = f"{why['space'] - why['untried']} of {why['space']} configurations were tried"
    lines.append(f"  {tried}" + (f"; a tuning goes on ({best.job})" if best.job else ""))
    if best.stale:
        lines.append("  measured under another driver or compiler; it is timed again")
    if best.disturbed:
        lines.append(f"  while it was timed {best.disturbed}")
    field: list[dict[str, Any]] = why["field"]
    timed = [one for one in field if one["measurement"].get("seconds") is not None]
    lines += [_row(one) for one in timed[:rows]]
    if len(timed) > rows:
        slowest = max(float(one["measurement"]["seconds"]) for one in timed[rows:])
        lines.append(f"  … and {len(timed) - rows} more, up to {slowest * 1e6:.4g} µs")
    failed: dict[str, list[dict[str, Any]]] = {}
    for one in field:
        if one["measurement"].get("seconds") is None:
            failed.setdefault(one["measurement"]["outcome"], []).append(one["measurement"])
    for outcome, some in sorted(failed.items()):
        reason = f": {some[0]['reason']}" if some[0].get("reason") else ""
        lines.append(f"  {len(some)} {outcome.replace('_', ' ')}, such as {_configuration(some[0])}{reason}")
    return "\n".join(lines)


def _limits(limits: dict[str, Any]) -> str:
    text = "" if limits["bound"] == "not known" else f"nearest roof: {limits['bound']}"
    for name, what in (("memory_share", "of the memory's peak"), ("arithmetic_share", "of the 32-bit cores' peak")):
        if limits.get(name) is not None:
            text += f"{', ' if text else ''}{limits[name]:.0%} {what}"
    return text


def _row(one: dict[str, Any]) -> str:
    """How far it is behind, as the daemon tells it: finalists were timed against each other, and are ordered by that."""
    measured = one["measurement"]
    remark = one.get("ruled_out") or ("finalist" if one.get("finalist") else "")
    joules = f", {measured['joules'] * 1e3:.4g} mJ" if measured.get("joules") is not None else ""
    return f"  {measured['seconds'] * 1e6:10.4g} µs{joules}  {_configuration(measured)}{_distance(one)}" + (f" ({remark})" if remark else "")


def _distance(one: dict[str, Any]) -> str:
    """From the winner. Who is not a finalist was timed at another moment, and may have looked faster then."""
    behind = float(one.get("behind") or 0)
    if behind < 0:
        return f", {-behind:.1%} ahead" + ("" if one.get("finalist") else " when it was timed alone")
    return f", {behind:.1%} behind" if behind else ""


def _configuration(measured: dict[str, Any]) -> str:
    text = " ".join(f"{name}={value}" for name, value in measured["configuration"].items()) or "no parameters"
    return text + (f" by {measured['origin']}" if measured.get("origin") else "")
