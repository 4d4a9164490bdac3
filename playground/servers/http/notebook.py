"""The notes, the keys that keep a note from being made twice, and the notes that take their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.servers.http.idempotency import Attempts
from playground.servers.http.limits import HttpLimits
from playground.servers.http.notes import Notes, subject
from playground.servers.http.remembering import Visitor
from playground.wire.memory import Subject

MOST_TOUCHED = 10
"""Notes of one connection that its last line in the journal names: those it touched last."""

CallLater = Callable[[float, Callable[[], object]], Any]
"""Makes a timer (seconds) after which the journal looks at what is remembered."""


def at_once(seconds: float, call: Callable[[], object]) -> None:
    """Where there is no clock, nothing takes time."""
    call()


class Notebook:
    """What ``/notes`` remembers. ``now`` is seconds since 1970."""

    def __init__(self, now: Callable[[], float], limits: HttpLimits, call_later: CallLater = at_once) -> None:
        self.notes = Notes(now, most=limits.notes)
        self.attempts = Attempts(now, seconds=limits.idempotency_seconds, most=limits.idempotency_keys)
        self._call_later = call_later
        self._under_way: dict[Callable[[], object], Any] = {}
        self._expiry: Any = None
        self._open = False
        self._subjects: tuple[Subject, ...] = ()
        self._parts: tuple[object, object] = ((), ())

    # -- time --------------------------------------------------------------------------------

    def start(self) -> None:
        """The server listens: from now on things may take time."""
        self._open = True

    def stop(self) -> None:
        """The server stops: what is under way is finished at once, and no timer stays."""
        self._open = False
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        under_way, self._under_way = self._under_way, {}
        for call, timer in under_way.items():
            timer.cancel()
            call()

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Do that in so many seconds, whether or not anybody waits for it."""

        def due() -> None:
            del self._under_way[call]
            call()

        if self._open and seconds:
            self._under_way[call] = self._call_later(seconds, due)
        else:
            call()

    def expect_expiry(self) -> None:
        """Somebody has brought a key, which will have to be forgotten."""
        if self._open and self._expiry is None and (left := self.attempts.expire()) is not None:
            self._expiry = self._call_later(left, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self.expect_expiry()

    # -- what is told about it ---------------------------------------------------------------

    def subjects(self) -> tuple[Subject, ...]:
        """All that is remembered. The identical object while nothing has changed."""
        parts = (self.attempts.subjects(), self.notes.subjects())
        if parts[0] is not self._parts[0] or parts[1] is not self._parts[1]:
            self._parts = parts
            self._subjects = parts[0] + parts[1]
        return self._subjects

    def subjects_of(self, visitor: Visitor, *, gone: bool) -> list[Subject]:
        """What whoever is on that socket sees of it; once that is ``gone``, what it has to do with."""
        found = []
        if visitor.key and (attempt := self.attempts.find(visitor.key)):
            found.append(self.attempts.subject(attempt))
        if not gone:
            return found + list(self.notes.subjects())
        touched = (self.notes.get(number) for number in visitor.notes)
        return found + [subject(note) for note in touched if note is not None]
