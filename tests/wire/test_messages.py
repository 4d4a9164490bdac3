"""What is said on an observed connection, and how it is written down."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.protocols.basic import LineReceiver
from typing_extensions import override

from playground.journal.redaction import Secret
from tests.wire.wired import Repeater, Stock, StockEcho, Wired, serving

TALKS = [
    b"hello\nworld\r\nthird\r\0half",
    b"x" * 1024 + b"\n",
    b"x" * 1024 + b"\r\n",
    b"x" * 1025 + b"\nafter\n",
    b"x" * 3000,
    b"\n\n\r\n",
    b"\xff\xfe\nok\n",
    b"bye\nafter\nthat\n",
    b"boom\nafter\n",
    b"later\nhello",
    b"y" * 10_000 + b"\nok\n",
]


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: repr(talk[:12]))
@pytest.mark.parametrize("build", [Repeater, Stock, StockEcho])
@pytest.mark.expects_failure
def test_packets_make_no_difference(build: type[Protocol], talk: bytes):
    stories = []
    for size in (len(talk), 1, 2, 3, 7, 4096):
        wired = serving(build).connect()
        for start in range(0, len(talk), size):
            wired.say(talk[start : start + size])
        wired.end()
        wired.clock.pump([1.0] * 3)
        wired.closed()
        stories.append((wired.story(), wired.heard))
    assert all(story == stories[0] for story in stories)


def test_a_stock_protocol_is_journaled_line_by_line():
    wired = serving(Stock).connect().say(b"hel").say(b"lo\nwor").say(b"ld\nha")
    assert wired.story() == ["ConnectionOpen", "C: hello\n", "S: HELLO\n", "C: world\n", "S: WORLD\n"]
    assert wired.closed(ConnectionLost()).story()[-2:] == ["partial 2", "close lost"]


def test_a_stock_protocol_gets_long_lines_in_pieces():
    wired = serving(StockEcho).connect().say(b"x" * 5000)
    assert [event.size for event in wired.events("Received")] == [4096]
    wired.say(b"\n")
    assert [event.size for event in wired.events("Received")] == [4096, 905]
    assert wired.heard == b"x" * 5000 + b"\n"


def test_a_stock_protocol_gets_its_last_bytes_when_the_input_ends():
    wired = serving(StockEcho).connect().say(b"no newline").end().closed()
    assert wired.heard == b"no newline"
    assert wired.story() == ["ConnectionOpen", "C: no newline", "S: no newline", "close client"]


def test_a_stock_protocol_that_pauses_gets_the_rest_later():
    class Pausing(LineReceiver):
        delimiter = b"\n"

        @override
        def lineReceived(self, line: bytes) -> None:
            transport: Any = self.transport
            transport.write(line + b"!\n")
            transport.pauseProducing()

    wired = serving(Pausing).connect().say(b"a\nb\nc\n").end()
    assert wired.heard == b"a!\n"
    assert not wired.reads()
    wired.observed.resumeProducing()
    assert wired.heard == b"a!\nb!\n"
    wired.observed.resumeProducing()
    assert not wired.closing()
    wired.observed.resumeProducing()
    assert wired.closing()  # all is answered, and the client has closed its half
    assert wired.closed().story()[-1] == "close client"


def test_bytes_that_never_became_a_message_are_masked():
    wired = Wired().connect().say(b"PASS hunt").closed()
    (partial,) = wired.events("Partial")
    assert (partial.data, partial.size) == ("*" * 9, 9)
    assert wired.story()[-1] == "close client"


def test_a_line_that_is_no_text_is_refused():
    wired = Wired().connect().say(b"\xff\nok\n")
    assert wired.heard == b"! that line is not valid UTF-8\nok\n"
    assert [event.rule for event in wired.events("Refused")] == ["not-utf-8"]


def test_a_secret_in_a_line_that_is_too_long_is_masked_too():
    class Secretive(Repeater):
        @override
        def secrets_in(self, line: bytes) -> list[Secret]:
            return [Secret(5, len(line))] if line.startswith(b"PASS ") else []

    wired = serving(Secretive).connect().say(b"PASS " + b"s" * 5000)
    assert "sss" not in wired.events("Received")[0].data


def test_totals_stand_in_the_close_event():
    wired = Wired().connect().say(b"hello\nhal")
    wired.clock.advance(3)
    (closed,) = wired.closed().events("ConnectionClose")
    assert (closed.received_bytes, closed.sent_bytes, closed.lifetime) == (9, 6, 3.0)
    assert (closed.received_messages, closed.sent_messages, closed.forgot) == (1, 1, {"lines": 1})


def test_silent_bytes_are_counted_and_not_journaled():
    wired = Wired().connect()
    wired.observed.write_silently(b"echo")
    assert wired.heard == b"echo"
    assert wired.closed().events("Sent") == []
    assert wired.events("ConnectionClose")[0].sent_bytes == 4
