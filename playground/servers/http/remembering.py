"""What this server remembers, on the few paths that ask it to: one counter, kept in three places.

A path that is not about memory never touches this. Sessions are known to the
world by the digest of their id; the id itself is a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playground.journal.events import Snapshot
from playground.journal.redaction import digest
from playground.wire.memory import NOTHING, Subject

SHARED_NAME = "http/counter"
ID_BYTES = 16


@dataclass(slots=True)
class Visitor:
    """What is held for one socket, and which session its newest request named."""

    remembered: Snapshot = field(default_factory=lambda: NOTHING)
    session: str = field(default="", repr=False)
    """The session's id, or nothing."""
    login: str = field(default="", repr=False)
    """The id of the login session, or nothing."""
    has_shared: bool = False
    """Whether somebody on this socket has used what is shared."""
    notes: tuple[int, ...] = ()
    """The notes that somebody on this socket has made or changed, the last ten."""
    key: str = ""
    """The idempotency key that its newest request with one has brought."""


@dataclass(slots=True)
class _Session:
    remembered: Snapshot
    last_used: float


class Remembering:
    """Sessions and the shared counter of one server.

    ``now`` is a clock in seconds, ``random`` a :class:`random.Random` that
    nobody can foresee; a session ends ``expires`` seconds after its last use,
    and where there would be more than ``most``, the one that was not used for
    the longest time.
    """

    def __init__(self, now: Callable[[], float], random: Any, *, expires: float, most: int) -> None:
        self._now = now
        self._random = random
        self._expires = expires
        self._most = most
        self._sessions: dict[str, _Session] = {}
        self._shared: Snapshot = NOTHING
        self._subjects: tuple[Subject, ...] = ()
        self._made_at = -1
        self.on_first: Callable[[float], object] = lambda seconds: None
        """Told when the first session begins, with the seconds until :meth:`expire` should be called."""

    # -- the counter -------------------------------------------------------------------------

    def count_connection(self, visitor: Visitor) -> int:
        """One more on this socket."""
        visitor.remembered = _one_more(visitor.remembered)
        return int(visitor.remembered["counter"])

    def count_shared(self, visitor: Visitor) -> int:
        """One more for everybody."""
        visitor.has_shared = True
        self._shared = _one_more(self._shared)
        self._made_at = -1
        return int(self._shared["counter"])

    def count_session(self, visitor: Visitor, presented: str | None) -> tuple[int, str | None]:
        """One more in the session that the client names, or in a new one.

        Returns the number, and the id of a session that is new.
        """
        known = self.recognise(visitor, presented)
        if known is None:
            visitor.session = new = self._begin()
        else:
            new = None
        name = visitor.session
        session = self._sessions.pop(name)  # to the end: the order is that of the last use
        session.remembered = _one_more(session.remembered)
        session.last_used = self._now()
        self._sessions[name] = session
        self._made_at = -1
        return int(session.remembered["counter"]), new

    def recognise(self, visitor: Visitor, presented: str | None) -> Snapshot | None:
        """What is kept in the session that the client names; None where there is no such session."""
        self._drop_expired()
        session = self._sessions.get(presented or "")
        visitor.session = presented or "" if session else ""
        return session.remembered if session else None

    def _begin(self) -> str:
        while len(self._sessions) >= self._most:
            del self._sessions[next(iter(self._sessions))]
        if not self._sessions:
            self.on_first(self._expires)
        taken = {digest(name) for name in self._sessions}
        while digest(name := self._new_id()) in taken:  # the log tells sessions apart by their digest
            pass
        self._sessions[name] = _Session(NOTHING, self._now())
        return name

    def _new_id(self) -> str:
        return f"{self._random.getrandbits(8 * ID_BYTES):0{2 * ID_BYTES}x}"

    # -- the end -----------------------------------------------------------------------------

    def expire(self) -> float | None:
        """End what has expired; returns the seconds until the next one does, or None."""
        self._drop_expired()
        for session in self._sessions.values():
            return max(session.last_used + self._expires - self._now(), 0.0)
        return None

    def _drop_expired(self) -> None:
        before = self._now() - self._expires
        for name, session in list(self._sessions.items()):
            if session.last_used > before:
                break
            del self._sessions[name]
            self._made_at = -1

    def forget_sessions(self) -> None:
        """Drop every session."""
        self._sessions.clear()
        self._made_at = -1

    def forget_shared(self) -> None:
        """The counter is at nothing again."""
        self._shared = NOTHING
        self._made_at = -1

    # -- what is told about it ---------------------------------------------------------------

    def subjects(self) -> tuple[Subject, ...]:
        """All of it. The identical object while nothing has changed and no second has passed."""
        if not self._sessions and self._made_at == 0:
            return self._subjects
        second = int(self._now()) if self._sessions else 0
        if second != self._made_at:
            self._made_at = second
            found = [self._subject(name, session) for name, session in self._sessions.items()]
            if self._shared:
                found.append(Subject("shared", SHARED_NAME, self._shared))
            self._subjects = tuple(found)
        return self._subjects

    def subjects_of(self, visitor: Visitor, *, gone: bool) -> list[Subject]:
        """What of it belongs to whoever is on that socket; once that is ``gone``, what it has to do with."""
        found = []
        if session := self._sessions.get(visitor.session):
            found.append(self._subject(visitor.session, session))
        if self._shared and (visitor.has_shared or not gone):
            found.append(Subject("shared", SHARED_NAME, self._shared))
        return found

    def _subject(self, name: str, session: _Session) -> Subject:
        left = round(session.last_used + self._expires - self._now(), 3)
        return Subject("session", digest(name), session.remembered, max(left, 0.0))


class Joined:
    """What several sources tell as one tuple: the identical one while nothing has changed in any of them."""

    def __init__(self, *sources: Callable[[], tuple[Subject, ...]]) -> None:
        self._told = [(source, source()) for source in sources]
        self._whole = self._joined()

    def __call__(self) -> tuple[Subject, ...]:
        """All of it."""
        for source, part in self._told:
            if source() is not part:
                self._told = [(source, source()) for source, _ in self._told]
                self._whole = self._joined()
                break
        return self._whole

    def _joined(self) -> tuple[Subject, ...]:
        return tuple(subject for _, part in self._told for subject in part)


def _one_more(snapshot: Snapshot) -> Snapshot:
    return {"counter": int(snapshot.get("counter", 0)) + 1}
