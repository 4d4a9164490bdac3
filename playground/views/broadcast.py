"""What several connections were told in the same words, at once: one line of the log for all of them."""

from __future__ import annotations

from playground.journal.events import Sent
from playground.views.escape import escape
from playground.views.lines import PAUSE
from playground.views.message_text import Told

_NAMED = 3
"""So many listeners are named; more are counted."""


class ToldToMany:
    """A message that was sent, and to whom else the same was sent."""

    def __init__(self, event: Sent, told: Told) -> None:
        self.event = event
        self.told = told
        self._cause = event.cause
        self._others: list[str] = []
        self._more = 0

    def takes(self, event: Sent) -> bool:
        """Whether ``event`` says the same to another connection; then it is counted.

        Two answers in the same words, each to what its own client has said, are no broadcast.
        """
        first = self.event
        if event.conn == first.conn or _said(event) != _said(first) or abs(event.time - first.time) >= PAUSE:
            return False
        if None not in (event.cause, self._cause) and event.cause != self._cause:
            return False
        self._cause = self._cause or event.cause
        if len(self._others) < _NAMED:
            self._others.append(escape(event.conn or "?"))
        self._more += 1
        return True

    @property
    def notes(self) -> list[str]:
        """What stands beside the message, the fullest first."""
        if not self._more:
            return [self.told.note]
        also = [f"and {self._more} others" if self._more > 1 else "and another", f"+{self._more}"]
        if self._more <= _NAMED:
            also.insert(0, f"also to {', '.join(self._others)}")
        return [f"{self.told.note} {one}".lstrip() for one in also]


def _said(event: Sent) -> tuple[object, ...]:
    """What has to be the same."""
    return (event.protocol, event.frame, event.size, event.data, event.data_b64)
