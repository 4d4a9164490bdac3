"""A server that fails harms one connection, and the journal says so. And what ``forget`` drops."""

from __future__ import annotations

import pytest
from typing_extensions import override

from playground.wire.memory import Subject
from tests.wire.wired import Repeater, Repeating, Wired, serving


@pytest.mark.expects_failure
def test_an_exception_ends_its_own_connection_and_is_in_the_journal():
    wired = Wired().connect()
    other = Wired(clock=wired.clock, playground=wired.playground).connect()
    wired.say(b"boom one\nmore\n")
    (trouble,) = wired.events("Trouble")
    assert trouble.text == "LookupError in the repeat server: boom one"
    assert trouble.conn == "repeat-1"
    assert wired.heard == b"* trouble\n"
    assert wired.closing()
    wired.closed()
    other.say(b"hello\n")
    assert other.heard == b"hello\n"


@pytest.mark.parametrize("where", ["connectionMade", "input_ended", "connectionLost", "goodbye"])
@pytest.mark.expects_failure
def test_wherever_a_protocol_fails_the_connection_is_closed_once(where: str):
    def fail(*_: object) -> None:
        raise LookupError(where)

    build = type("Failing", (Repeater,), {where: fail})
    wired = serving(build).connect()
    if where == "goodbye":
        wired.observed.goodbye("shutdown")
    wired.end()
    wired.closed()
    assert [event.text for event in wired.events("Trouble")] == [f"LookupError in the repeat server: {where}"]
    assert len(wired.events("ConnectionClose")) == 1
    assert wired.clock.getDelayedCalls() == []
    assert wired.lost == 1


@pytest.mark.expects_failure
def test_a_timer_that_fails_ends_its_connection():
    wired = Wired().connect()
    wired.observed.call_later(1, {}.__getitem__, "missing")
    wired.clock.advance(1)
    assert wired.closed().story()[1:] == ["Trouble", "S: * trouble\n", "close trouble"]


@pytest.mark.parametrize("what", ["remembered", "subjects", "subjects_of", "farewell"])
@pytest.mark.expects_failure
def test_a_server_that_fails_to_answer_the_wire_goes_on(what: str):
    def fail(*_: object) -> None:
        raise LookupError(what)

    server = Repeating()
    setattr(server, what, fail)
    wired = Wired(server).connect().say(b"hello\nhello\n")
    assert wired.heard == b"hello\nhello\n"
    wired.observed.goodbye("shutdown")
    wired.closed()
    assert [event.text for event in wired.events("Trouble")] == [
        f"LookupError in {what} of the repeat server: {what}"
    ]
    assert (wired.lost, wired.playground.ledger.count) == (1, 0)
    assert wired.story()[-1] == "close shutdown"


@pytest.mark.expects_failure
def test_a_server_timer_that_fails_is_trouble_and_memory_is_pulled_all_the_same():
    wired = Wired()
    server = wired.playground.server
    assert isinstance(server, Repeating)

    def tick() -> None:
        server.things = [Subject("shared", "repeat/ticks", {"ticks": 1})]
        raise LookupError("tick")

    wired.playground.call_later(1, tick)
    wired.clock.advance(1)
    assert wired.story() == ["Trouble", "= {'ticks': (None, 1)}"]


def test_forget_says_what_went_and_who_ordered_it():
    class Forgetful(Repeating):
        @override
        def forget(self, where: str, /) -> None:
            if where == "connection":
                for conn in self.playground.connections:
                    conn.inner.count = 0
            else:
                self.things = [thing for thing in self.things if thing.where != where]
            for conn in self.playground.connections:
                conn.inner.send_line("* forgotten")

    server = Forgetful()
    wired = Wired(server)
    server.playground = wired.playground
    server.things = [
        Subject("session", "repeat/ada", {"seat": 1}),
        Subject("shared", "repeat/table", {"n": 1}),
    ]
    wired.connect().say(b"hello\n")
    before = len(wired.events())

    (went,) = wired.playground.forget("session")
    assert (went.where, went.session, went.forgot) == ("session", "repeat/ada", {"seat": 1})
    (end,) = wired.events("SessionEnd")
    assert (end.reason, end.conn, end.cause) == ("forgotten", None, None)

    (went,) = wired.playground.forget("connection")
    assert (went.where, went.conn, went.forgot) == ("connection", "repeat-1", {"lines": 1})
    (went,) = wired.playground.forget("shared")
    assert (went.shared, went.forgot) == ("repeat/table", {"n": 1})
    assert wired.playground.forget("connection") == []
    assert wired.playground.picture()["sessions"] == wired.playground.picture()["shared"] == []
    news = wired.events()[before:]
    assert [event.forgot for event in news if type(event).__name__ == "Forgotten"] == [
        {"seat": 1},
        {"lines": 1},
        {"n": 1},
    ]
    wired.closed()
    assert wired.events("ConnectionClose")[0].forgot == {}
