"""Many are told the same: in the journal each as if it were told alone, on the wire in one write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from typing_extensions import override

from playground.journal.events import Snapshot
from playground.journal.redaction import Secret
from playground.wire.ledger import Connection
from playground.wire.memory import Subject
from playground.wire.together import Together
from tests.wire.wired import Repeating, Wired, told

NEWS = b"* news\n"


class Steady(Repeating):
    """Hands out the identical picture while nothing has changed, as the servers here do."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: dict[str, Snapshot] = {}

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        now = super().remembered(conn)
        if self.pictures.get(conn.id) != now:
            self.pictures[conn.id] = now
        return self.pictures[conn.id]


def three(server: Repeating | None = None) -> tuple[Wired, Wired, Wired]:
    first = Wired(server or Repeating()).connect()
    second, third = (Wired(clock=first.clock, playground=first.playground).connect() for _ in range(2))
    return first, second, third


def tell(together: Together, wired: Iterable[Wired], line: bytes, secrets: Sequence[Secret] = ()) -> None:
    together.tell(together.audience(one.observed for one in wired), line, secrets)


def story(wired: Wired, since: int) -> list[str]:
    return [f"{event.conn} {told(event)}" for event in wired.events() if event.seq > since]


def counting_writes(wired: Wired) -> list[bytes]:
    writes: list[bytes] = []
    write = wired.socket.write

    def counted(data: bytes) -> None:
        writes.append(data)
        write(data)

    wired.socket.write = counted  # type: ignore[method-assign]  # it is listened in on
    return writes


def test_each_line_is_one_event_of_each_and_all_lines_are_one_write():
    first, second, third = three()
    writes = [counting_writes(one) for one in (first, second, third)]
    together, since = Together(first.playground.ledger), first.playground.journal.last_seq
    tell(together, [first, second, third], b"* one\n")
    tell(together, [third, first], b"* two\n")
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


@pytest.mark.parametrize("but", [None, "repeat-2"])
@pytest.mark.parametrize("acting", [None, "server", "repeat-2", "repeat-3"])
@pytest.mark.parametrize("server", [Repeating, Steady])
def test_the_events_are_those_of_single_messages(
    server: type[Repeating], acting: str | None, but: str | None
):
    """Counters, causes, masks: one by one or together, nobody can tell the difference but by the time."""

    lines: list[tuple[bytes, list[Secret]]] = [
        (b"your token: abcdef\n", [Secret(12, 18, "digest")]),
        (b"\xff\n", []),
        (b"long " * 2000, []),
    ]

    def events(together: bool) -> list[Any]:
        wired = three(server())
        for one in wired[:2]:
            one.say(b"hello\n")
        ledger = wired[0].playground.ledger
        gathering = Together(ledger)
        audience = gathering.audience(one.observed for one in wired)
        ledger.acting = "server" if acting == "server" else ledger.live.get(acting or "")
        for line, secrets in lines:
            if together:
                gathering.tell(audience, line, secrets, but=but)
            else:
                for one in wired:
                    if one.observed.connection.id != but:
                        one.observed.send(line, secrets=secrets)
        gathering.leave()
        for one in wired:
            one.closed()
        return wired[0].events()

    assert events(together=True) == events(together=False)


def test_who_may_be_answered_with_a_secret_of_theirs_is_masked_and_the_others_are_one_broadcast():
    """As where somebody has said a password, and is told of it among others."""
    first, second, third = three()
    ledger = first.playground.ledger
    wires = [one.observed for one in (first, second, third)]
    second.observed.connection.received(b"hunter2", secrets=[Secret(0, 7)])
    together, since = Together(ledger), first.playground.journal.last_seq
    ledger.acting = "server"
    audience = together.audience(wires)
    for line in (b"* hunter2\n", b"* again hunter2\n"):
        together.tell(audience, line)
    together.tell_one(second.observed, b"* bye hunter2\n")
    assert story(first, since) == [
        "repeat-1 S: * hunter2\n",
        "repeat-2 S: * *******\n",
        "repeat-3 S: * hunter2\n",
        "repeat-1 S: * again hunter2\n",
        "repeat-2 S: * again *******\n",
        "repeat-3 S: * again hunter2\n",
        "repeat-2 S: * bye *******\n",
    ]
    together.leave()
    assert second.heard == b"* hunter2\n* again hunter2\n* bye hunter2\n"


def test_what_a_connection_remembers_is_told_before_its_line():
    first, second, third = three()
    since = first.playground.journal.last_seq
    first.inner.count = second.inner.count = 1
    tell(Together(first.playground.ledger), [third, second, first], NEWS)
    assert story(first, since) == [
        "repeat-3 S: * news\n",
        "repeat-2 = {'lines': (None, 1)}",
        "repeat-2 S: * news\n",
        "repeat-1 = {'lines': (None, 1)}",
        "repeat-1 S: * news\n",
    ]


def test_what_has_changed_for_everybody_is_told_before_the_line():
    server = Steady()
    first, second, third = three(server)
    ledger = first.playground.ledger
    together, since = Together(ledger), first.playground.journal.last_seq
    ledger.acting = "server"
    audience = together.audience(one.observed for one in (first, second, third))
    together.tell(audience, b"* one\n")
    server.things = [Subject("shared", "repeat/pot", {"soup": 1})]
    ledger.memory.stale = True  # as whoever runs the server's code leaves it
    together.tell(audience, b"* two\n")
    assert [line.partition(" ")[2] for line in story(first, since)] == [
        "S: * one\n",
        "S: * one\n",
        "S: * one\n",
        "= {'soup': (None, 1)}",
        "S: * two\n",
        "S: * two\n",
        "S: * two\n",
    ]


def test_who_has_sent_something_alone_meanwhile_hears_the_rest_too():
    first, second, _ = three()
    together = Together(first.playground.ledger)
    audience = together.audience([first.observed, second.observed])
    together.tell(audience, b"* one\n")
    first.observed.write_silently(b"echo")
    together.tell(audience, b"* two\n")
    together.leave()
    assert (first.heard, second.heard) == (b"* one\necho* two\n", b"* one\n* two\n")


def test_one_who_is_being_closed_is_told_nothing():
    first, *_ = three()
    first.observed.loseConnection()
    Together(first.playground.ledger).tell_one(first.observed, NEWS)
    assert not first.events("Sent")


def test_what_is_sent_alone_takes_along_what_was_gathered_before():
    first, *_ = three()
    together = Together(first.playground.ledger)
    tell(together, [first], NEWS)
    first.say(b"hello\n")
    assert first.heard == b"* news\nhello\n"
    together.leave()
    assert first.heard == b"* news\nhello\n"


def test_who_closes_gets_what_was_gathered_and_nothing_more():
    first, second, _ = three()
    together, since = Together(first.playground.ledger), first.playground.journal.last_seq
    tell(together, [first, second], NEWS)
    first.observed.loseConnection()
    tell(together, [first, second], b"* later\n")
    together.leave()
    assert (first.heard, second.heard) == (NEWS, b"* news\n* later\n")
    assert story(first, since) == ["repeat-1 S: * news\n", "repeat-2 S: * news\n", "repeat-2 S: * later\n"]
    first.closed()
    (closed,) = first.events("ConnectionClose")
    assert closed.sent_bytes == len(NEWS)


def test_who_is_gone_meanwhile_is_passed_over():
    first, second, _ = three()
    together = Together(first.playground.ledger)
    tell(together, [first, second], NEWS)
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

    server.remembered = remembered  # type: ignore[method-assign]  # for this one test
    since = first.playground.journal.last_seq
    tell(Together(first.playground.ledger), [first, second], NEWS)
    assert story(first, since) == ["repeat-1 Trouble", "repeat-1 S: * news\n", "repeat-2 S: * news\n"]
