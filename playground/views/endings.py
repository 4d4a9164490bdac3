"""How a connection has ended, in sentences: the last line of each in ``playground log``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from playground.journal import wording
from playground.journal.events import ConnectionClose, Json

_CLOSED: Final[Mapping[str, str]] = {
    "client": "closed by client",
    "server": "closed",
    "lost": "connection lost",
    "idle": "closed (idle for too long)",
    "flood": "closed (too many messages)",
    "limit": "closed (a limit was reached)",
    "shutdown": "closed (the playground stopped)",
    "too-many": "closed (too many connections)",
    "clogged": "closed (the client did not read)",
    "refused": "closed",
    "trouble": "closed (the server failed)",
}


class Life:
    """What the view remembers of a connection until it closes."""

    def __init__(self) -> None:
        self.carried: dict[str, Json] = {}
        self.changed: set[str] = set()
        self.speaks_http = False
        self.is_child = False
        """Whether another connection has led to it."""
        self.carries_files = False
        """Whether it is a data connection of another one of the same protocol."""
        self.recorded = 0
        """Bytes of the messages that the journal has of it."""


def told_at_the_end(event: ConnectionClose, life: Life) -> list[str]:
    """What there is to say, one sentence each. The last has no full stop."""
    forgot = wording.facts(event.forgot, life.changed or None)
    how = _CLOSED.get(event.reason, f"closed ({event.reason})")
    if event.reason == "client" and forgot == "nothing" and not event.kept:
        how = "closed"  # who hung up matters only where something was remembered
    sentences = [f"{how} after {wording.duration(event.lifetime)}."]
    if life.carries_files:
        sentences += _beyond_the_record(event, life.recorded)
    if forgot != "nothing" or not life.is_child:  # a data connection has no memory of its own
        sentences.append(f"Forgot: {forgot}.")
    if life.carried or life.speaks_http:
        carried = ", ".join(f"{name}={wording.value(of)}" for name, of in life.carried.items())
        sentences.append(f"Carried: {carried or 'nothing'}.")
    if event.kept:
        kept = ", ".join(
            f"{part.name} ({part.where}"
            + (f", {wording.duration(part.expires_in)} left)" if part.expires_in is not None else ")")
            for part in event.kept
        )
        sentences.append(f"Kept: {kept}.")
    sentences[-1] = sentences[-1].removesuffix(".")
    return sentences


def _beyond_the_record(event: ConnectionClose, recorded: int) -> list[str]:
    """How much a data connection has moved, where its messages tell the beginning only."""
    moved = [("Received", event.received_bytes), ("Sent", event.sent_bytes)]
    if not 0 < recorded < event.received_bytes + event.sent_bytes:
        return []
    told = ", ".join(f"{word} {wording.size(count)}" for word, count in moved if count)
    return [f"{told}; the first {wording.size(recorded)} are recorded."]
