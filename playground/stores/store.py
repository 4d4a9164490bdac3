"""Where things under an id can be kept: one interface for memory, SQLite and Redis.

Every call returns a Deferred, and each one ends within the store's deadline:
with an answer, or with :class:`StoreDown` or :class:`StoreFull`. Nothing is
ever overwritten blindly: a change names the version that it was made from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from twisted.internet.defer import Deferred

PATIENCE = 2.0
"""Seconds within which a store answers, or counts as down."""


class StoreDown(Exception):
    """The store cannot be reached, or has not answered in time. Its text is one line for a person."""


class StoreFull(Exception):
    """The store has no room. Its text is one line for a person."""


class Kept(NamedTuple):
    """What is kept under a key."""

    body: bytes
    version: int
    """1 at first, one more with each change."""
    expires_at: float
    """Seconds since 1970."""


class Store(ABC):
    """Keeps bytes by key, each with an end. Keys are short ASCII texts."""

    name: ClassVar[str]
    """``memory``, ``sqlite`` or ``redis``."""
    survives: ClassVar[bool]
    """Whether what it keeps is there after this process has ended."""

    @abstractmethod
    def get(self, key: str) -> Deferred[Kept | None]:
        """What is kept; None where nothing is, or where it has expired."""

    @abstractmethod
    def put(self, key: str, body: bytes, *, version: int, expires_at: float) -> Deferred[bool]:
        """Keep ``body``, if what is kept has that ``version`` still (0: if nothing is).

        False tells that somebody else was quicker. A call that fails may or
        may not have been obeyed; its ``version`` makes it safe to try again.
        """

    @abstractmethod
    def delete(self, key: str) -> Deferred[bool]:
        """Keep it no more; tells whether it was there."""

    @abstractmethod
    def everything(self, beginning: str = "") -> Deferred[Mapping[str, Kept]]:
        """All that is kept and has not expired, of the keys with this beginning."""

    @abstractmethod
    def clear(self, beginning: str = "") -> Deferred[None]:
        """Keep nothing more of the keys with this beginning."""

    @abstractmethod
    def close(self) -> Deferred[None]:
        """Let go of files and connections. No call may follow."""
