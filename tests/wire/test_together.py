"""Many are told the same: in the journal each as if it were told alone, on the wire in one write."""

from __future__ import annotations

from typing import Any

import pytest

from playground.journal.redaction import Secret
from playground.wire.together import Together
from tests.wire.wired import Repeating, Wired, told

NEWS = b"* news\n"


def three() -> tuple[Wired, Wired, Wired]:
    first = Wired(Repeating()).connect()
    second, third = (Wired(clock=first.clock, playground=first.playground).connect() for _ in range(2))
    return first, second, third


def all_of(*wired: Wired) -> list[Any]:
    return [one.observed for one in wired]


def story(wired: Wired, since: int) -> list[str]:
    return [f"{event.conn} {told(event)}" for event in wired.events() if event.seq > since]


def counting_writes(wired: Wired) -> list[bytes]:
    writes: list[bytes] = []
    write = wired.socket.write

    def counted(data: bytes) -> None:
        writes.append(data)
        write(data)

    wired.socket.write = counted  # type: ignore[method-assign]
    return writes


def test_each_line_is_one_event_of_each_and_all_lines_are_one_write():
    first, second, third = three()
    writes = [counting_writes(one) for one in (first, second, third)]
    together, since = Together(first.playground.ledger), first.playground.journal.last_seq
    together.tell(all_of(first, second, third), b"* one\n")
    together.tell(all_of(third, first), b"* two\n")
    assert story(first, since) == [
        "repeat-1 S: * one\n",
        "repeat-2 S: * one\n",
        "repeat-3 S: * one\n",
        "repeat-3 S: * two\n",
        "repeat-1 S: * two\n",
    ]
    assert writes == [[], [], []]
    together.leave()
    assert writes == [[b"* one\n* two\n"], [b"* one\n"], [b"* one\n* two\n"]]
    together.leave()
    assert sum(map(len, writes)) == 3


def test_the_events_are_those_of_single_messages():
    """Counters, causes, masks: one by one or together, nobody can tell the difference but by the time."""

    lines: list[tuple[bytes, list[Secret]]] = [
        (b"your token: abcdef\n", [Secret(12, 18, "digest")]),
        (b"\xff\n", []),
        (b"long " * 2000, []),
    ]

    def events(together: bool) -> list[Any]:
        wired = three()
        for one in wired[:2]:
            one.say(b"hello\n")
        gathering = Together(wired[0].playground.ledger)
        for line, secrets in lines:
            if together:
                gathering.tell(all_of(*wired), line, secrets)
            else:
                for one in wired:
                    one.observed.send(line, secrets=secrets)
        gathering.leave()
        for one in wired:
            one.closed()
        return wired[0].events()

    assert events(together=True) == events(together=False)


def test_what_a_connection_remembers_is_told_before_its_line():
    first, second, third = three()
    since = first.playground.journal.last_seq
    first.inner.count = second.inner.count = 1
    Together(first.playground.ledger).tell(all_of(third, second, first), NEWS)
    assert story(first, since) == [
        "repeat-3 S: * news\n",
        "repeat-2 = {'lines': (None, 1)}",
        "repeat-2 S: * news\n",
        "repeat-1 = {'lines': (None, 1)}",
        "repeat-1 S: * news\n",
    ]


def test_what_is_sent_alone_takes_along_what_was_gathered_before():
    first, *_ = three()
    together = Together(first.playground.ledger)
    together.tell(all_of(first), NEWS)
    first.say(b"hello\n")
    assert first.heard == b"* news\nhello\n"
    together.leave()
    assert first.heard == b"* news\nhello\n"


def test_who_closes_gets_what_was_gathered_and_nothing_more():
    first, second, _ = three()
    together, since = Together(first.playground.ledger), first.playground.journal.last_seq
    together.tell(all_of(first, second), NEWS)
    first.observed.loseConnection()
    together.tell(all_of(first, second), b"* later\n")
    together.leave()
    assert (first.heard, second.heard) == (NEWS, b"* news\n* later\n")
    assert story(first, since) == ["repeat-1 S: * news\n", "repeat-2 S: * news\n", "repeat-2 S: * later\n"]
    first.closed()
    (closed,) = first.events("ConnectionClose")
    assert closed.sent_bytes == len(NEWS)


def test_who_is_gone_meanwhile_is_passed_over():
    first, second, _ = three()
    together = Together(first.playground.ledger)
    together.tell(all_of(first, second), NEWS)
    first.closed()
    together.leave()
    assert (first.heard, second.heard) == (b"", NEWS)


@pytest.mark.expects_failure
def test_a_server_that_fails_when_asked_is_said_once_and_everybody_is_told():
    server = Repeating()
    first = Wired(server).connect()
    second = Wired(clock=first.clock, playground=first.playground).connect()

    def remembered(conn: object) -> Any:
        raise LookupError("never")

    server.remembered = remembered  # type: ignore[method-assign]
    since = first.playground.journal.last_seq
    Together(first.playground.ledger).tell(all_of(first, second), NEWS)
    assert story(first, since) == ["repeat-1 Trouble", "repeat-1 S: * news\n", "repeat-2 S: * news\n"]
