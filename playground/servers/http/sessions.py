"""Who is logged in: sessions under an id that the client brings back, kept in a store.

An id is 192 random bits. The store knows its SHA-256 only, so whoever reads
the store cannot log in with what is there; the journal knows its digest. What
the store keeps is mirrored here, so that one can see at any time who is logged
in: the store decides, the mirror only shows.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from playground.journal.events import Snapshot
from playground.journal.redaction import digest
from playground.servers.http.carts import Cart
from playground.stores.store import Kept, Store, StoreDown, StoreFull
from playground.wire.memory import Subject

log = Logger()

BEGINNING = "session:"
"""Of the keys in the store."""
ID_BYTES = 24
MOST_TRIES = 50
"""Changes of one session at once: of as many as try, one wins each time."""
WORTH_WRITING = 0.1
"""A use prolongs a session in the store once it has come this much closer to its end."""

Change = Callable[[Cart], dict[str, int]]
"""From one cart to the next."""

Settle = Callable[[str], None]
"""Writes into the journal what has changed; the word says why sessions have ended, where some have."""


class Session(msgspec.Struct, frozen=True):
    """What is kept under an id."""

    name: str
    """The digest of the id, under which the journal knows it."""
    user: str
    begun: int
    """Milliseconds since 1970: as many digits each time, so that sizes can be compared."""
    cart: dict[str, int] = {}  # msgspec copies it

    @property
    def snapshot(self) -> Snapshot:
        """What of it the world may see."""
        return {"user": self.user, "cart": dict(self.cart)} if self.cart else {"user": self.user}


class Found(NamedTuple):
    """A session, and what it takes to keep it."""

    session: Session
    held: int
    """Bytes in the store: key and body."""
    expires_in: float
    """Seconds until it ends if it is not used."""


@dataclass(slots=True)
class _Seen:
    """What the mirror shows of a session."""

    subject: Subject
    expires_at: float


def key_of(ident: str) -> str:
    """Under which key the session with this id is kept."""
    return BEGINNING + sha256(ident.encode("latin-1", "replace")).hexdigest()


class Sessions:
    """The sessions of one server.

    ``now`` is seconds since 1970, ``random`` a :class:`random.Random` that
    nobody can foresee. A session ends ``idle`` seconds after its last use, and
    ``longest`` seconds after it began in any case (0 is never); where there
    would be more than ``most``, the one that was not used for the longest time ends.
    All coroutines raise :class:`StoreDown` or :class:`StoreFull` within the
    store's deadline, and then nothing is lost.
    """

    def __init__(
        self, store: Store, now: Callable[[], float], random: Any, *, idle: float, longest: float, most: int
    ) -> None:
        self.store = store
        self._now = now
        self._random = random
        self._idle = idle
        self._longest = longest
        self._most = most
        self._seen: dict[str, _Seen] = {}  # by key, in the order of their last use
        self._names: set[str] = set()
        self._to_forget = False
        self._forgetting = DeferredLock()
        self._subjects: tuple[Subject, ...] = ()
        self._changed = False
        self._made_at = 0
        self.on_first: Callable[[float], object] = lambda seconds: None
        """Told when there is a session, with the seconds until :meth:`expire` should be called."""

    # -- what clients do ---------------------------------------------------------------------

    async def begin(self, user: str, before: str | None, settle: Settle) -> tuple[str, Found]:
        """Somebody has logged in; returns the new id. A session that they bring ends, whosever it was."""
        await self._forget_what_is_to_be()
        if before is not None:
            await self._end(key_of(before), "logged in again", settle)
        while len(self._seen) >= self._most:
            await self._end(next(iter(self._seen)), "too many", settle)
        while True:
            ident = self._new_id()
            if digest(ident) not in self._names:  # the journal tells sessions apart by it
                break
        session = Session(digest(ident), user, round(1000 * self._now()))
        self._names.add(session.name)
        try:
            found = await self._put(key_of(ident), session, 0)
            if found is None:  # 192 bits came twice
                raise StoreDown("No new session could be made; try again.")
        except (StoreDown, StoreFull):
            self._names.discard(session.name)
            raise
        settle("")
        return ident, found

    def _new_id(self) -> str:
        raw: bytes = self._random.getrandbits(8 * ID_BYTES).to_bytes(ID_BYTES, "big")
        return base64.urlsafe_b64encode(raw).decode()

    async def use(self, ident: str, change: Change | None, settle: Settle) -> Found | None:
        """The session with that id, which thereby lives longer; None where there is none.

        With ``change`` it has another cart afterwards. What that raises comes
        back, and nothing is changed.
        """
        await self._forget_what_is_to_be()
        key = key_of(ident)
        for _ in range(MOST_TRIES):
            kept = await self.store.get(key)
            if kept is None:
                self._gone(key, settle)
                return None
            session = _read(kept)
            if change is not None:
                session = msgspec.structs.replace(session, cart=change(session.cart))
            if change or self._end_of(session) - kept.expires_at > self._idle * WORTH_WRITING:
                found = await self._put(key, session, kept.version)
                if found is None:
                    continue  # somebody else was quicker
            else:
                self._show(key, session, kept.expires_at)
                found = Found(session, len(key) + len(kept.body), kept.expires_at - self._now())
            settle("")
            return found
        raise StoreDown("Too many requests change this session at once; try again.")

    async def end(self, ident: str, why: str, settle: Settle) -> bool:
        """End a session; tells whether there was one."""
        await self._forget_what_is_to_be()
        return await self._end(key_of(ident), why, settle)

    # -- the store and the mirror --------------------------------------------------------------

    def _end_of(self, session: Session) -> float:
        """When a session that is used now ends."""
        end = self._now() + self._idle
        return min(end, session.begun / 1000 + self._longest) if self._longest else end

    async def _put(self, key: str, session: Session, version: int) -> Found | None:
        body = msgspec.json.encode(session)
        end = self._end_of(session)
        if not await self.store.put(key, body, version=version, expires_at=end):
            return None
        self._show(key, session, end)
        return Found(session, len(key) + len(body), end - self._now())

    async def _end(self, key: str, why: str, settle: Settle) -> bool:
        there = await self.store.delete(key)
        self._hide(key)
        settle(why)
        return there

    def _gone(self, key: str, settle: Settle) -> None:
        """The store has it no more: its time is over, or somebody else has ended it."""
        seen = self._seen.get(key)
        if seen is not None:
            why = "expired" if seen.expires_at <= self._now() else "gone from the store"
            self._hide(key)
            settle(why)

    def _show(self, key: str, session: Session, expires_at: float) -> None:
        seen = self._seen.pop(key, None)  # to the end: the order is that of the last use
        first = not self._seen and seen is None
        snapshot = session.snapshot
        if seen is not None and seen.subject.remembers == snapshot:
            snapshot = seen.subject.remembers
        else:
            self._changed = True
        self._seen[key] = _Seen(self._subject(session.name, snapshot, expires_at), expires_at)
        self._names.add(session.name)
        if first:
            self.on_first(max(expires_at - self._now(), 0.0))

    def _hide(self, key: str) -> None:
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._names.discard(seen.subject.name)
            self._changed = True

    async def load(self) -> None:
        """Show what the store has kept from before this process, the latest to end where it is too much."""
        found: Mapping[str, Kept] = await self.store.everything(BEGINNING)
        for key, kept in sorted(found.items(), key=lambda item: item[1].expires_at)[-self._most :]:
            if key not in self._seen and not self._to_forget:
                self._show(key, _read(kept), kept.expires_at)

    # -- the end -------------------------------------------------------------------------------

    def expire(self) -> float | None:
        """Show no more what has expired; returns the seconds until the next one does, or None."""
        now = self._now()
        for key in [key for key, seen in self._seen.items() if seen.expires_at <= now]:
            self._hide(key)
        ends = [seen.expires_at for seen in self._seen.values()]
        return max(min(ends) - now, 0.0) if ends else None

    def forget(self) -> None:
        """Drop every session, from now on: no request finds one that began before.

        What the store cannot do at once it does before anything else is asked of it.
        """
        self._seen.clear()
        self._names.clear()
        self._changed = True
        self._to_forget = True
        _ = Deferred.fromCoroutine(self._forget_what_is_to_be()).addErrback(_told)

    async def _forget_what_is_to_be(self) -> None:
        if not self._to_forget:
            return
        await self._forgetting.acquire()
        try:
            if self._to_forget:
                await self.store.clear(BEGINNING)
                self._to_forget = False
        finally:
            self._forgetting.release()

    # -- what is told about it -----------------------------------------------------------------

    def subjects(self) -> tuple[Subject, ...]:
        """All of it. The identical object while nothing has changed and no second has passed."""
        second = int(self._now()) if self._seen else 0
        if second != self._made_at:
            self._made_at, self._changed = second, True
            for seen in self._seen.values():
                _, name, snapshot, _ = seen.subject
                seen.subject = self._subject(name, snapshot, seen.expires_at)
        if self._changed:
            self._changed = False
            self._subjects = tuple(seen.subject for seen in self._seen.values())
        return self._subjects

    def subject_of(self, ident: str) -> Subject | None:
        """The session with that id, as the journal knows it."""
        seen = self._seen.get(key_of(ident)) if ident else None
        return seen.subject if seen is not None else None

    def _subject(self, name: str, snapshot: Snapshot, expires_at: float) -> Subject:
        return Subject("session", name, snapshot, max(round(expires_at - self._now(), 3), 0.0))


def _read(kept: Kept) -> Session:
    try:
        return msgspec.json.decode(kept.body, type=Session)
    except msgspec.MsgspecError as error:
        raise StoreDown(f"The store holds a session that cannot be read: {error}.") from error


def _told(failure: Failure) -> None:
    """The next request tries again, and is told why it cannot be answered."""
    failure.trap(StoreDown, StoreFull)
    log.warn("sessions are to be forgotten, but: {why}", why=failure.getErrorMessage())
