"""Count messages against a rate."""

from __future__ import annotations


class Flood:
    """A token bucket: ``rate`` messages a second, ``burst`` at once."""

    __slots__ = ("_at", "_burst", "_left", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self._burst = self._left = max(burst, rate, 1.0)
        self._at: float | None = None

    def exceeded(self, now: float) -> bool:
        """Count one message at ``now`` (seconds); true when it is one too many."""
        if self._at is not None:
            self._left = min(self._burst, self._left + (now - self._at) * self.rate)
        self._at = now
        self._left -= 1
        return self._left < 0
