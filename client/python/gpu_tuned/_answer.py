"""The daemon's answers as Python sees them."""

from __future__ import annotations

import json

TYPE_CHECKING = False  # typing and dataclasses would double the time that importing takes
if TYPE_CHECKING:
    from typing import Any


class Best:
    """The best that is known for one problem. Times are seconds; None: not measured or not known. Never changes."""

    kernel: str
    sizes: dict[str, int]
    device: str
    configuration: dict[str, int]
    source: str  # "cache": a winner of this very problem; "nearest": of other sizes; "default"
    seconds: float | None
    interval: tuple[float, float] | None  # 95 % confidence interval of the median
    joules: float | None  # of one launch, where the objective asked for energy
    gigabytes_per_second: float | None
    gigaflops_per_second: float | None
    gain: float | None  # the default's time / this one's
    verdict: str  # "passed", "failed" or "unchecked"
    coverage: float  # share of the space that was tried
    stale: bool  # measured under another driver or compiler; timed again behind
    disturbed: str | None  # what others did on the device while it was timed
    job: str | None  # a tuning under way that may better it
    details: dict[str, Any]  # the whole answer

    def __init__(self, answer: dict[str, Any]) -> None:
        interval = answer.get("interval")
        self.kernel = answer.get("kernel_name") or answer["kernel"]
        self.sizes = answer["sizes"]
        self.device = answer["device"]
        self.configuration = answer["configuration"]
        self.source = answer["source"]
        self.seconds = answer.get("seconds")
        self.interval = (interval["low"], interval["high"]) if interval else None
        self.joules = answer.get("joules")
        self.gigabytes_per_second = answer.get("gigabytes_per_second")
        self.gigaflops_per_second = answer.get("gigaflops_per_second")
        self.gain = answer.get("gain")
        self.verdict = answer.get("verdict", {}).get("state", "unchecked")
        self.coverage = answer.get("coverage", 0.0)
        self.stale = answer.get("stale", False)
        self.disturbed = answer.get("disturbed")
        self.job = answer.get("job") or None
        self.details = answer

    @classmethod
    def parse(cls, text: str) -> Best:
        return cls(json.loads(text))

    def __repr__(self) -> str:
        return f"<gpu_tuned best: {self}>"

    def __str__(self) -> str:
        configuration = " ".join(f"{name}={value}" for name, value in self.configuration.items())
        sizes = " ".join(f"{name}={value}" for name, value in self.sizes.items())
        text = f"{self.kernel} {sizes} on {self.device}: {configuration or 'no parameters'}"
        if self.seconds is not None:
            text += f", {self.seconds * 1e6:.4g} µs"
        if self.joules is not None:
            text += f", {self.joules * 1e3:.4g} mJ"
        if self.gain is not None:
            text += f", {self.gain:.3g}x the default"
        return f"{text} ({self.source}, verdict {self.verdict})"
