"""Which connections hear the news."""

from __future__ import annotations


class Hearers:
    """Connections in the order in which they came."""

    def __init__(self) -> None:
        self._conns: dict[str, None] = {}
        self._all: tuple[str, ...] | None = ()

    def add(self, conn: str) -> None:
        """From now on it hears them."""
        self._conns[conn] = None
        self._all = None

    def discard(self, conn: str) -> None:
        """It hears nothing any more, if it did."""
        self._conns.pop(conn, None)
        self._all = None

    def all(self) -> tuple[str, ...]:
        """Everybody: the identical object until somebody comes or goes."""
        if self._all is None:
            self._all = tuple(self._conns)
        return self._all
