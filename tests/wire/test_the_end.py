"""How an observed connection ends: half-close, timers, abort, goodbye."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from typing_extensions import override

from playground.journal.events import AnyEvent
from playground.journal.journal import Sink
from playground.wire.limits import Limits
from tests.wire.wired import Repeater, Wired, serving


def test_a_client_that_closes_its_half_is_answered_first():
    wired = Wired().connect().say(b"hello\nlater\n").end()
    assert not wired.closing()
    wired.clock.advance(2)
    assert wired.heard == b"hello\nnow\n"
    assert wired.closing()
    assert wired.closed().story()[-1] == "close client"


def test_a_client_that_closes_its_half_does_not_wait_for_ever():
    class Never(Repeater):
        @override
        def has_more_to_say(self) -> bool:
            return True

    wired = serving(Never, Limits(idle=0)).connect().say(b"hello\n").end()
    wired.clock.advance(29)
    assert not wired.closing()
    wired.clock.advance(1)
    assert wired.closing()
    assert wired.closed().story()[-2:] == ["limit repeat.half_closed 30", "close half-closed"]


def test_input_that_ends_twice_ends_once():
    wired = Wired().connect().say(b"later\n").end().end()
    wired.clock.advance(2)
    wired.end().closed()
    assert wired.story().count("close client") == 1


def test_nothing_is_sent_or_heard_once_it_closes():
    wired = Wired().connect().say(b"bye\n").say(b"hello\n")
    wired.observed.write(b"more")
    wired.observed.write_silently(b"more")
    wired.observed.loseConnection("other")
    assert wired.heard == b"bye\n"
    closed = wired.closed().events("ConnectionClose")[0]
    assert (closed.reason, closed.received_bytes) == ("server", 10)


def test_no_timer_outlives_the_connection():
    wired = Wired().connect().say(b"later\nlater\n")
    assert wired.observed.has_timers
    wired.closed()
    assert wired.clock.getDelayedCalls() == []
    late = wired.observed.call_later(1, pytest.fail)
    assert not late.active()
    assert wired.clock.getDelayedCalls() == []
    assert wired.lost == 1


def test_a_protocol_may_cancel_its_own_timer_when_it_is_lost():
    class Careful(Repeater):
        @override
        def connectionMade(self) -> None:
            self.timer = self.wire.call_later(9, pytest.fail)

        @override
        def connectionLost(self, reason: object = None) -> None:
            self.timer.cancel()

    wired = serving(Careful).connect().closed()
    assert wired.events("Trouble") == []
    assert wired.clock.getDelayedCalls() == []


def test_a_million_cancelled_timers_are_not_kept():
    wired = Wired().connect()
    keep = wired.observed.call_later(60, str)
    for _ in range(10_000):
        wired.observed.call_later(60, str).cancel()
    timers = wired.observed._timers
    assert timers is not None
    assert len(timers) < 100
    keep.cancel()
    assert not wired.observed.has_timers


def test_an_abort_in_the_middle_of_a_message_is_one_close():
    wired = Wired().connect()

    class Aborting(Sink):
        @override
        def put(self, event: AnyEvent) -> None:
            if type(event).__name__ == "Received":
                wired.observed.abortConnection("killed")

    wired.playground.journal.add_sink(Aborting())
    wired.say(b"hello\nworld\n")
    assert wired.aborted()
    assert wired.heard == b""
    assert wired.closed(ConnectionLost()).story() == ["ConnectionOpen", "C: hello\n", "close killed"]


def test_a_goodbye_in_the_middle_of_a_message_is_one_goodbye():
    wired = Wired().connect()

    class Stopping(Sink):
        @override
        def put(self, event: AnyEvent) -> None:
            if type(event).__name__ == "Received":
                wired.observed.goodbye("shutdown")
                wired.observed.goodbye("shutdown")

    wired.playground.journal.add_sink(Stopping())
    wired.say(b"hello\nworld\n")
    assert wired.heard == b"* shutdown\n"
    assert wired.closed().story() == ["ConnectionOpen", "C: hello\n", "S: * shutdown\n", "close shutdown"]


def test_a_stop_is_no_hang_up_even_if_the_client_has_closed_its_half():
    wired = Wired().connect().say(b"later\n").end()
    wired.observed.goodbye("shutdown")
    assert wired.heard == b"* shutdown\n"
    assert wired.closed().story()[-1] == "close shutdown"
