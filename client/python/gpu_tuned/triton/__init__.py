"""Triton's autotuner, answered by the tuned daemon.

``gpu_tuned.triton.install()``, or ``GPU_TUNED_TRITON=config`` in the environment of an unchanged script. An autotuned
kernel then asks the daemon which of its configurations is the best; Triton compiles and launches it as always. Only
where nobody knows yet does Triton time them itself, and the daemon keeps what it found, so that the next process, and
every other rank of a job, uses the same one without timing anything. Whatever is not as expected (a version of Triton
that is not known, a daemon that is not there) leaves Triton as it is, and is said once.

``build`` goes further: on a miss every configuration's IR and Triton's own build of it go to the daemon, which times and
judges them beside its own builds; the winner is launched without Triton, by exactly the calls it was found for.
``async`` is the same with the tuning behind: Triton's first configuration serves until the winner is there.
"""

from __future__ import annotations

from ._state import Statistics, freeze, install, statistics, uninstall

__all__ = ["Statistics", "freeze", "install", "statistics", "uninstall"]
