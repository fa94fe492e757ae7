"""Why a configuration won, as text."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from . import _core
from ._answer import Best


def explain(client: _core.Client, kernel_id: str, best: Best, rows: int) -> str:
    path = f"/v1/trials?kernel={quote(kernel_id)}&device={quote(best.device)}&limit=100000"
    trials: list[dict[str, Any]] = json.loads(client.request("GET", path))["trials"]
    newest: dict[str, dict[str, Any]] = {}
    for trial in trials:  # newest first
        if trial["sizes"] == best.sizes:
            newest.setdefault(json.dumps(trial["configuration"], sort_keys=True), trial)
    lines = [str(best)]
    if best.interval:
        low, high = best.interval
        lines.append(f"  median of one launch with a cold cache, 95 % interval {low * 1e6:.4g} to {high * 1e6:.4g} µs")
    lines.append(f"  {best.coverage:.0%} of the space was tried" + (f"; a tuning goes on ({best.job})" if best.job else ""))
    if best.stale:
        lines.append("  measured under another driver or compiler; it is timed again")
    timed = sorted((t for t in newest.values() if t.get("seconds") is not None), key=lambda t: float(t["seconds"]))
    for trial in timed[:rows]:
        lines.append(f"  {trial['seconds'] * 1e6:10.4g} µs  {_configuration(trial)}")
    if len(timed) > rows:
        lines.append(f"  … and {len(timed) - rows} slower ones, down to {timed[-1]['seconds'] * 1e6:.4g} µs")
    reasons: dict[str, list[dict[str, Any]]] = {}
    for trial in newest.values():
        if trial["outcome"] != "timed":
            reasons.setdefault(trial["outcome"], []).append(trial)
    for outcome, failed in sorted(reasons.items()):
        lines.append(f"  {len(failed)} {outcome.replace('_', ' ')}, such as {_configuration(failed[0])}: {failed[0]['reason']}")
    return "\n".join(lines)


def _configuration(trial: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in trial["configuration"].items()) or "no parameters"
