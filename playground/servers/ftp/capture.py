"""What the journal keeps of a data connection. Pure."""

from __future__ import annotations

from collections.abc import Callable


class Capture:
    """Records the first bytes of one direction, in pieces that do not depend on packets.

    A file may have gigabytes: what is beyond ``budget`` bytes is not recorded,
    only counted in the totals of ``connection.close``.
    """

    def __init__(self, record: Callable[[bytes], object], budget: int, piece: int) -> None:
        self._record = record
        self._left = budget
        self._size = max(1, min(budget, piece))
        self._waiting = bytearray()

    def wanted(self, count: int) -> int:
        """How many of the next ``count`` bytes :meth:`add` would look at."""
        return min(count, self._left)

    def add(self, data: bytes) -> None:
        """The next bytes of the stream."""
        if self._left > 0:
            self._waiting += data[: self._left]
            self._left -= min(len(data), self._left)
            while len(self._waiting) >= self._size:
                self._record(bytes(self._waiting[: self._size]))
                del self._waiting[: self._size]

    def finish(self) -> None:
        """The stream has ended."""
        if self._waiting:
            self._record(bytes(self._waiting))
            self._waiting.clear()
        self._left = 0
