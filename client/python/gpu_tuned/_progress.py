"""A bar for tunings on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO


class Bar:
    """Takes the events of a tuning; one line that changes on a terminal, else a line every five seconds."""

    width = 30

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.last = 0.0
        self.drawn = False

    def __call__(self, event: dict[str, Any]) -> None:
        done = event.get("name") == "done"
        now = time.monotonic()
        if not done and now - self.last < (0.1 if self.terminal else 5.0):
            return
        self.last = now
        line = self.line(event.get("job", {}))
        if self.terminal:
            self.stream.write(f"\r\x1b[K{line}" + ("\n" if done else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()
        self.drawn = not done

    def line(self, job: dict[str, Any]) -> str:
        tried, total = job.get("tried", 0), job.get("configurations", 0)
        share = min(1.0, tried / total) if total else 0.0
        full = round(share * self.width)
        text = f"{job.get('kernel_name') or 'tuning'} [{'#' * full}{'.' * (self.width - full)}] {tried}/{total}"
        best = job.get("best") or {}
        if best.get("seconds") is not None:
            text += f", best {best['seconds'] * 1e6:.4g} µs"
        if job.get("eta_seconds") is not None:
            text += f", {job['eta_seconds']:.0f} s left"
        return text

    def close(self) -> None:
        if self.terminal and self.drawn:
            self.stream.write("\n")
            self.stream.flush()
