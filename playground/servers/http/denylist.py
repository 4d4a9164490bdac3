"""Tokens that are refused though they are good: what a logout costs when the state is the client's.

Only the ``jti`` is kept, so that no other text of the same token gets past,
and only until the token would have expired anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from playground.servers.http.tokens import Claims
from playground.stores.store import Store, StoreDown, StoreFull
from playground.wire.memory import Subject

log = Logger()

BEGINNING = "jti:"
"""Of the keys in the store."""
EACH = len(BEGINNING) + 32
"""Bytes of an entry: its key. It has no body."""
NAME = "http/denylist"


class Denylist:
    """The tokens that were logged out, ``most`` at once. ``now`` is seconds since 1970."""

    def __init__(self, store: Store, now: Callable[[], float], *, most: int) -> None:
        self._store = store
        self._now = now
        self._most = most
        self._ends: dict[str, int] = {}
        self._looked_at = 0
        self._subjects: tuple[Subject, ...] = ()

    @property
    def held(self) -> int:
        """Bytes that the server holds for it."""
        self._drop_expired()
        return EACH * len(self._ends)

    async def deny(self, claims: Claims) -> None:
        """Refuse that token from now on. Raises :class:`StoreFull` and :class:`StoreDown`."""
        self._drop_expired()
        if len(self._ends) >= self._most and claims.ident not in self._ends:
            raise StoreFull("Too many tokens were logged out; the oldest have to expire first.")
        await self._store.put(BEGINNING + claims.ident, b"", version=0, expires_at=float(claims.expires_at))
        self._ends[claims.ident] = claims.expires_at

    async def denies(self, claims: Claims) -> bool:
        """Whether that token is refused. Raises :class:`StoreDown`."""
        return await self._store.get(BEGINNING + claims.ident) is not None

    async def load(self) -> None:
        """Count what the store has kept from before this process."""
        for key, kept in (await self._store.everything(BEGINNING)).items():
            self._ends[key.removeprefix(BEGINNING)] = int(kept.expires_at)

    def _drop_expired(self) -> None:
        now = int(self._now())
        if now == self._looked_at:
            return
        self._looked_at = now
        for ident in [ident for ident, end in self._ends.items() if end <= now]:
            del self._ends[ident]

    def forget(self) -> None:
        """Refuse none any more: those that have not expired work again."""
        self._ends.clear()
        _ = self._store.clear(BEGINNING).addErrback(_told)

    def subjects(self) -> tuple[Subject, ...]:
        """How many there are. The identical object while that has not changed."""
        self._drop_expired()
        number = len(self._ends)
        known = self._subjects[0].remembers["tokens"] if self._subjects else 0
        if number != known:
            told = {"tokens": number, "bytes": EACH * number}
            self._subjects = (Subject("shared", NAME, told),) if number else ()
        return self._subjects


def _told(failure: Failure) -> None:
    failure.trap(StoreDown, StoreFull)
    log.warn("the denylist is to be forgotten, but: {why}", why=failure.getErrorMessage())
