"""How long answers took, in the figures that all benchmarks print."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def p99(times: Sequence[float]) -> float:
    """99 of 100 took no longer: the longest but for the slowest hundredth (of fewer than 100 the longest)."""
    return sorted(times)[-1 - len(times) // 100]


def in_ms(times: Sequence[float]) -> str:
    """p50, p99 and the longest of these seconds, in ms, as three columns."""
    return " ".join(f"{1000 * value:8.2f}" for value in (median(times), p99(times), max(times)))
