"""Memory goes back to the system when most of many connections are gone."""

from __future__ import annotations

from twisted.internet.task import Clock

from playground.journal.events import ConnectionClose, ConnectionOpen
from playground.trimming import LOOK_EVERY, MANY, Trimming, trimmer

OPEN = ConnectionOpen(client_address="::1", client_port=1, server_address="::1", server_port=2)
CLOSE = ConnectionClose(
    reason="client",
    received_bytes=0,
    sent_bytes=0,
    received_messages=0,
    sent_messages=0,
    lifetime=0.0,
    forgot={},
    kept=[],
)


class Watched:
    """A trimming with a clock that is moved by hand."""

    def __init__(self) -> None:
        self._clock = Clock()
        self.trimmed = 0
        self._trimming = Trimming(self._clock, self._trim)

    def _trim(self) -> None:
        self.trimmed += 1

    def come(self, how_many: int) -> None:
        for _ in range(how_many):
            self._trimming.put(OPEN)

    def go(self, how_many: int) -> None:
        for _ in range(how_many):
            self._trimming.put(CLOSE)

    def look(self) -> None:
        self._clock.advance(LOOK_EVERY)


def test_it_trims_once_when_most_of_many_are_gone():
    watched = Watched()
    watched.come(2 * MANY)
    watched.go(MANY)
    watched.look()
    watched.look()
    assert watched.trimmed == 0
    watched.go(MANY)
    watched.look()
    watched.look()
    watched.look()
    assert watched.trimmed == 1


def test_while_they_still_leave_it_waits():
    watched = Watched()
    watched.come(2 * MANY)
    watched.go(2 * MANY - 1)
    watched.look()
    watched.go(1)
    watched.look()
    assert watched.trimmed == 0
    watched.look()
    assert watched.trimmed == 1


def test_few_that_come_and_go_are_not_worth_it():
    watched = Watched()
    watched.come(MANY)
    watched.go(MANY - 1)
    watched.look()
    watched.look()
    assert watched.trimmed == 0


def test_with_pythons_own_allocator_there_is_nothing_to_trim():
    assert trimmer({}) is None
    assert trimmer({"PYTHONMALLOC": "pymalloc"}) is None
