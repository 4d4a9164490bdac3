"""Answers kept under a key of the client's, so that a request sent twice is carried out once. No I/O.

What the client holds is the key, what the server holds is the answer: a
session. See draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from playground.journal.events import Snapshot
from playground.journal.redaction import digest
from playground.servers.http.answer import Answer
from playground.wire.memory import Subject


@dataclass(slots=True)
class Attempt:
    """What is known under one key."""

    name: str
    """In the journal."""
    key: str
    fingerprint: bytes
    """Of the request that brought the key first."""
    expires: float
    remembered: Snapshot
    answer: Answer | None = None
    """None while it is being worked on."""


class Attempts:
    """All keys of one server.

    ``now`` is a clock in seconds. A key is forgotten ``seconds`` after its
    first use (0: never), and where there would be more than ``most``, the
    oldest gives way.
    """

    def __init__(self, now: Callable[[], float], *, seconds: float, most: int) -> None:
        self._now = now
        self._seconds = seconds or math.inf
        self._most = max(most, 1)
        self._by_key: dict[str, Attempt] = {}  # the oldest first
        self._begun = 0
        self._subjects: tuple[Subject, ...] | None = ()
        self._made_at = 0

    def find(self, key: str) -> Attempt | None:
        """What is known under ``key``."""
        self.expire()
        return self._by_key.get(key)

    def begin(self, key: str, fingerprint: bytes) -> Attempt:
        """A request with a new key is being worked on."""
        self.expire()
        while len(self._by_key) >= self._most:
            del self._by_key[next(iter(self._by_key))]
        self._begun += 1
        remembered: Snapshot = {"key": digest(key), "answer": None}
        expires = self._now() + self._seconds
        attempt = Attempt(f"notes/key-{self._begun}", key, fingerprint, expires, remembered)
        self._by_key[key] = attempt
        self._subjects = None
        return attempt

    def keep(self, attempt: Attempt, answer: Answer, said: str) -> None:
        """That is the answer: whoever brings the key again gets it again. ``said`` is it in a few words."""
        attempt.answer = answer
        attempt.remembered = {**attempt.remembered, "answer": said}
        self._subjects = None

    def drop(self, attempt: Attempt) -> None:
        """It came to nothing; the same key may be used again."""
        if self._by_key.get(attempt.key) is attempt:
            del self._by_key[attempt.key]
            self._subjects = None

    def expire(self) -> float | None:
        """Forget what is too old; returns the seconds until there is more to forget, or None."""
        now = self._now()
        for key, attempt in list(self._by_key.items()):
            if attempt.expires > now:
                return attempt.expires - now if attempt.expires < math.inf else None
            del self._by_key[key]
            self._subjects = None
        return None

    def forget(self) -> None:
        """Forget all of them."""
        self._by_key.clear()
        self._subjects = None

    def subjects(self) -> tuple[Subject, ...]:
        """All of them for the journal. The identical object while nothing changes and no second passes."""
        second = int(self._now()) if self._by_key else self._made_at
        if self._subjects is None or second != self._made_at:
            self._made_at = second
            self._subjects = tuple(map(self.subject, self._by_key.values()))
        return self._subjects

    def subject(self, attempt: Attempt) -> Subject:
        """One for the journal."""
        left = max(round(attempt.expires - self._now(), 3), 0.0) if attempt.expires < math.inf else None
        return Subject("session", attempt.name, attempt.remembered, left)
