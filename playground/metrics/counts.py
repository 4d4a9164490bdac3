"""A sink of the journal that counts what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Forgotten,
    LimitHit,
    Received,
    Refused,
    SessionEnd,
    SessionStart,
    State,
    Trouble,
)
from playground.journal.journal import Sink

MOST_LABELS = 200
"""Combinations of labels that one counter keeps apart; a server from a stranger's file may invent any."""

OTHER = "other"


class Tally:
    """A counter with labels. Those that are one too many are counted together, as ``other``."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, *labels: str, count: float = 1) -> None:
        """Count ``count`` more."""
        if labels not in self.counts and len(self.counts) >= MOST_LABELS:
            labels = (OTHER,) * len(labels)
        self.counts[labels] += count  # type: ignore[assignment]  # a Counter takes any number


class Counts(Sink):
    """What happened since the start. Messages and bytes are those of closed connections only:

    the live ones are asked when somebody wants to know, so that a message costs nothing but a glance.
    """

    wants_messages = False

    def __init__(self) -> None:
        self.opened = Tally()
        """By protocol, as are those up to ``changes``."""
        self.received = Tally()
        self.sent = Tally()
        self.received_bytes = Tally()
        self.sent_bytes = Tally()
        self.carried_bytes = Tally()
        self.closed = Tally()
        """By protocol and reason."""
        self.changes = Tally()
        """By protocol and where, as ``forgotten``."""
        self.forgotten = Tally()
        self.sessions = Tally()
        """Begun ones, by protocol."""
        self.sessions_ended = Tally()
        """By protocol and reason."""
        self.refusals = Tally()
        """By protocol and rule."""
        self.limits = Tally()
        """By protocol and limit."""
        self.troubles = Tally()
        """By protocol; empty where it is nobody's in particular."""
        self._takers: dict[type[Any], Callable[[Any], None]] = {
            Received: self._received,
            State: lambda event: self.changes.add(event.protocol or "", event.where),
            ConnectionOpen: lambda event: self.opened.add(event.protocol or ""),
            ConnectionClose: self._closed,
            Refused: lambda event: self.refusals.add(event.protocol or "", event.rule),
            LimitHit: lambda event: self.limits.add(event.protocol or "", event.limit),
            Forgotten: lambda event: self.forgotten.add(event.protocol or "", event.where),
            SessionStart: lambda event: self.sessions.add(event.protocol or ""),
            SessionEnd: lambda event: self.sessions_ended.add(event.protocol or "", event.reason),
            Trouble: lambda event: self.troubles.add(event.protocol or ""),
        }

    @override
    def put(self, event: AnyEvent) -> None:
        """Called by the journal. Most events count for nothing, and must cost next to nothing."""
        take = self._takers.get(type(event))
        if take is not None and not event.again:
            take(event)

    def _received(self, event: Received) -> None:
        if event.carried_size:
            self.carried_bytes.add(event.protocol or "", count=event.carried_size)

    def _closed(self, event: ConnectionClose) -> None:
        protocol = event.protocol or ""
        self.closed.add(protocol, event.reason)
        self.received.add(protocol, count=event.received_messages)
        self.sent.add(protocol, count=event.sent_messages)
        self.received_bytes.add(protocol, count=event.received_bytes)
        self.sent_bytes.add(protocol, count=event.sent_bytes)
