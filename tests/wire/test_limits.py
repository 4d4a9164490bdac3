"""Silence, floods, and too many connections."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from typing_extensions import override

from playground.wire.limits import Limits
from tests.wire.wired import Repeater, Repeating, Stock, Wired, serving


def test_silence_is_ended_with_the_servers_words():
    wired = serving(Repeater, Limits(idle=10)).connect()
    wired.clock.advance(9)
    wired.say(b"hello\n")
    wired.clock.advance(9)
    assert not wired.closing()
    wired.clock.advance(1)
    assert wired.heard == b"hello\n* idle\n"
    assert wired.closed().story()[-3:] == ["limit repeat.idle 10", "S: * idle\n", "close idle"]
    assert wired.clock.getDelayedCalls() == []


@pytest.mark.parametrize("build", [Repeater, Stock])
def test_a_byte_now_and_then_holds_no_connection(build: type[Protocol]):
    wired = serving(build, Limits(idle=10)).connect()
    for _ in range(10):
        wired.say(b"x")
        wired.clock.advance(1)
    assert wired.closing()


def test_a_client_that_is_told_something_is_not_idle():
    wired = serving(Repeater, Limits(idle=10)).connect()
    for _ in range(5):
        wired.clock.advance(9)
        wired.observed.send(b"news\n")
    assert not wired.closing()


def test_a_flood_is_ended_once_with_one_limit_event():
    class Careless(Protocol):
        """Claims on and on, whatever the wire says."""

        claims_messages = True

        @override
        def dataReceived(self, data: bytes) -> None:
            for _ in data:
                self.transport.claim(1)  # type: ignore[union-attr]  # Observed
                self.transport.write(b"ok")  # type: ignore[union-attr]  # the same

    wired = serving(Careless, Limits(flood_per_second=1, flood_burst=3)).connect().say(b"abcdefgh")
    assert wired.heard == b"okokok* flood\n"
    assert [event.limit for event in wired.events("LimitHit")] == ["repeat.flood_per_second"]
    assert wired.closed().story()[-1] == "close flood"


@pytest.mark.parametrize("build", [Repeater, Stock])
def test_the_message_that_is_one_too_many_is_not_handled(build: type[Protocol]):
    wired = serving(build, Limits(flood_per_second=1, flood_burst=2)).connect().say(b"a\nb\nc\nd\n")
    assert wired.heard.lower() == b"a\nb\n* flood\n"
    assert [event.data for event in wired.events("Received")] == ["a\n", "b\n", "c\n"]
    assert wired.closed().events("Partial") == []


def test_a_protocol_that_claims_nothing_of_what_it_says_it_claims_is_closed():
    class Broken(Protocol):
        claims_messages = True

    wired = serving(Broken).connect()
    for _ in range(9):
        wired.say(b"x" * 1024 * 1024)
    assert wired.aborted()
    assert wired.closed().story()[-3:] == [
        "limit repeat.unclaimed 8.38861e+06",
        "partial 9437184",
        "close limit",
    ]


def test_too_many_from_one_address_are_sent_away_and_the_next_comes_in():
    server = Repeating(Limits(connections_per_address=1))
    first = Wired(server).connect()
    second = Wired(clock=first.clock, playground=first.playground).connect()
    assert second.heard == b"* too-many\n"
    assert second.closing()
    assert [conn.id for conn in first.playground.connections] == ["repeat-1"]
    first.say(b"still here\n")
    assert first.heard == b"still here\n"
    third = Wired(clock=first.clock, playground=first.playground)
    first.closed()  # the second one is not closed yet, but counts no more
    third.connect().say(b"hello\n")
    assert third.heard == b"hello\n"
    second.closed()
    assert first.playground.ledger.count == 1
    assert [event.limit for event in first.events("LimitHit")] == ["repeat.connections_per_address"]


def test_one_too_many_is_cut_off_if_it_does_not_go():
    server = Repeating(Limits(connections=0, connections_per_address=1))
    first = Wired(server).connect()
    second = Wired(clock=first.clock, playground=first.playground).connect()
    first.clock.advance(5)
    assert second.aborted()
    assert not first.aborted()
    assert second.closed(ConnectionLost()).events("ConnectionClose")[0].reason == "too-many"
