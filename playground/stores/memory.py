"""A store that dies with the process: that is its lesson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from twisted.internet.defer import Deferred, fail, succeed
from typing_extensions import override

from playground.stores.store import Kept, Store, StoreFull

ROOM = 64 * 1024 * 1024


class MemoryStore(Store):
    """A dictionary. ``now`` is seconds since 1970, ``room`` the bytes that bodies may take."""

    name: ClassVar[str] = "memory"
    survives: ClassVar[bool] = False

    def __init__(self, now: Callable[[], float], *, room: int = ROOM) -> None:
        self._now = now
        self._room = room
        self._taken = 0
        self._kept: dict[str, Kept] = {}

    @override
    def get(self, key: str) -> Deferred[Kept | None]:
        return succeed(self._get(key))

    def _get(self, key: str) -> Kept | None:
        kept = self._kept.get(key)
        if kept is not None and kept.expires_at <= self._now():
            self._drop(key)
            return None
        return kept

    @override
    def put(self, key: str, body: bytes, *, version: int, expires_at: float) -> Deferred[bool]:
        known = self._get(key)
        if version != (known.version if known else 0):
            return succeed(False)
        more = len(body) - (len(known.body) if known else 0)
        if self._taken + more > self._room:
            for other in list(self._kept):
                self._get(other)
            if self._taken + more > self._room:
                return fail(StoreFull("The memory store has no more room."))
        self._taken += more
        self._kept[key] = Kept(body, version + 1, expires_at)
        return succeed(True)

    @override
    def delete(self, key: str) -> Deferred[bool]:
        there = self._get(key) is not None
        if there:
            self._drop(key)
        return succeed(there)

    def _drop(self, key: str) -> None:
        self._taken -= len(self._kept.pop(key).body)

    @override
    def everything(self, beginning: str = "") -> Deferred[Mapping[str, Kept]]:
        found = ((key, self._get(key)) for key in list(self._kept) if key.startswith(beginning))
        return succeed({key: kept for key, kept in found if kept is not None})

    @override
    def clear(self, beginning: str = "") -> Deferred[None]:
        for key in list(self._kept):
            if key.startswith(beginning):
                self._drop(key)
        return succeed(None)

    @override
    def close(self) -> Deferred[None]:
        return succeed(None)
