"""A reader that does not read: nobody waits for it, and what waits for it is bounded."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol

from playground.wire.limits import Limits
from tests.wire.wired import Repeater, Stock, Wired, serving


def clogged(options: Limits | None = None, build: type[Protocol] = Repeater) -> Wired:
    """A connection whose client does not read, with 100,000 bytes on the way to it."""
    wired = serving(build, options)
    wired.socket.room = 0
    wired.connect()
    wired.observed.send(b"x" * 100_000)
    assert wired.observed.clogged
    return wired


def test_who_does_not_read_is_not_asked_for_more():
    wired = clogged()
    assert not wired.reads()
    wired.say(b"hello\nworld\n")  # was on its way
    assert wired.events("Received") == []
    wired.socket.read(100_000)
    assert wired.reads()
    assert [event.data for event in wired.events("Received")] == ["hello\n", "world\n"]
    wired.socket.read(100)
    assert wired.heard == b"x" * 100_000 + b"hello\nworld\n"


def test_a_stock_protocol_is_not_asked_for_more_either():
    wired = clogged(build=Stock)
    wired.say(b"hello\n")
    assert wired.events("Received") == []
    wired.socket.read(200_000)
    assert wired.heard.endswith(b"HELLO\n")


def test_who_does_not_read_for_30_seconds_is_given_up():
    wired = clogged()
    wired.clock.pump([1] * 29)
    assert not wired.aborted()
    wired.clock.advance(1)
    assert wired.aborted()
    assert wired.closed(ConnectionLost()).story()[-2:] == ["limit repeat.clogged 30", "close clogged"]
    assert wired.clock.getDelayedCalls() == []


def test_who_reads_slowly_is_not_given_up():
    wired = clogged(Limits(idle=0))
    for _ in range(48):
        wired.socket.read(2000)
        wired.clock.advance(1)
    wired.clock.advance(10)
    assert not wired.aborted()


def test_who_reads_what_is_added_is_not_given_up():
    wired = clogged(Limits(idle=0))
    for _ in range(300):
        wired.observed.send(b"news" * 500)
        wired.socket.read(2000)
        wired.clock.advance(1)
    assert not wired.aborted()  # never empty, never still, never more


def test_what_waits_for_one_reader_is_bounded():
    wired = clogged(Limits(unsent=50_000))
    for _ in range(5):
        wired.observed.send(b"x" * 10_000)
    assert not wired.aborted()
    wired.observed.send(b"x")
    assert wired.aborted()
    assert [event.limit for event in wired.events("LimitHit")] == ["repeat.unsent"]
    assert wired.closed(ConnectionLost()).story()[-1] == "close clogged"


def test_limits_of_0_are_off():
    wired = clogged(
        Limits(unsent=0, clogged=0, idle=0, half_closed=0, connections=0, connections_per_address=0)
    )
    wired.observed.send(b"x" * 2_000_000)
    wired.end()
    wired.clock.advance(100_000)
    assert not wired.aborted()
    assert wired.clock.getDelayedCalls() == []


def test_closing_waits_for_a_slow_reader():
    wired = clogged()
    wired.observed.loseConnection()
    for _ in range(90):
        wired.socket.read(1100)
        wired.clock.advance(1)
    assert not wired.aborted()
    assert wired.closed().events("LimitHit") == []


def test_closing_does_not_wait_for_who_reads_nothing():
    wired = clogged()
    wired.observed.farewell("idle")
    wired.clock.pump([1] * 30)
    assert wired.aborted()
    assert wired.closed(ConnectionLost()).story()[-1] == "close idle"
    assert wired.clock.getDelayedCalls() == []


class Flow:
    """A push producer that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted calls it
        self.told.append("pause")

    def resumeProducing(self) -> None:  # noqa: N802  # Twisted calls it
        self.told.append("resume")

    def stopProducing(self) -> None:  # noqa: N802  # Twisted calls it
        self.told.append("stop")


def test_a_protocols_producer_is_paused_resumed_and_stopped():
    wired, flow = clogged(), Flow()
    wired.observed.registerProducer(flow, True)
    wired.socket.read(100_000)
    wired.observed.send(b"x" * 100_000)
    wired.closed(ConnectionLost())
    assert flow.told == ["pause", "resume", "pause", "stop"]

    late = Flow()
    wired.observed.unregisterProducer()
    wired.observed.registerProducer(late, True)
    assert late.told == ["stop"]


def test_a_half_closed_client_gets_what_a_producer_still_has():
    wired, flow = serving(Stock).connect(), Flow()
    wired.observed.registerProducer(flow, True)
    wired.end()
    wired.observed.write(b"the rest")
    assert not wired.closing()
    wired.observed.unregisterProducer()
    assert wired.closing()
    assert wired.heard == b"the rest"


def test_only_one_push_producer_may_be_registered():
    wired = Wired().connect()
    with pytest.raises(ValueError, match="only push producers"):
        wired.observed.registerProducer(Flow(), False)
    wired.observed.registerProducer(Flow(), True)
    with pytest.raises(RuntimeError, match="still is"):
        wired.observed.registerProducer(Flow(), True)
