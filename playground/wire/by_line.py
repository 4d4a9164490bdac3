"""Messages for a protocol that does not say what its messages are: each line is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.wire.inner import Inner
    from playground.wire.observed import Observed

LINE_BYTES = 4096
"""Longer lines are handed over in pieces of this size."""


class ByLine:
    """Hands a stock protocol its input line by line, so that packets leave no trace in the journal."""

    idle_by_message = True

    def __init__(self, inner: Inner, wire: Observed) -> None:
        self._inner = inner
        self._wire = wire
        self._feeding = False

    def dataReceived(self, data: bytes) -> None:
        """There is more, and :class:`Observed` keeps it."""
        self.feed()

    def drained(self) -> None:
        """A reader that was behind has caught up."""
        if hasattr(self._inner, "drained"):
            self._inner.drained()
        self.feed()

    def feed(self) -> None:
        """Hand over what is whole. At the end of the input that is everything."""
        if self._feeding:  # the protocol has asked for more while it handles a line: it gets it afterwards
            return
        self._feeding = True
        try:
            while size := self._next():
                message = self._wire.claim(size)
                if not self._wire.disconnecting:
                    self._inner.dataReceived(message)
        finally:
            self._feeding = False
            if self._wire.disconnecting:
                self._wire.drop_unclaimed()  # how much came with the last line is an accident of packets

    def _next(self) -> int:
        wire = self._wire
        if wire.clogged or wire.disconnecting or wire.input_paused:
            return 0
        end = wire.unclaimed.find(b"\n", 0, LINE_BYTES) + 1
        if end:
            return end
        rest = min(len(wire.unclaimed), LINE_BYTES)
        return rest if rest == LINE_BYTES or wire.input_over else 0
