"""A server behind a door: its lines over a WebSocket that the HTTP server opens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import ClassVar, NamedTuple

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from typing_extensions import override

from playground.journal.events import Snapshot
from playground.journal.redaction import Secret
from playground.servers import Playground, Server
from playground.servers.http import HttpServer
from playground.testing import Served, Talk, serve
from playground.wire.doors import Door
from playground.wire.frames import Opcode, close_content, frame
from playground.wire.ledger import Connection
from playground.wire.limits import Limits
from playground.wire.lines import LineProtocol
from playground.wire.listening import Listening
from tests.reactor import the_reactor

KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    "Host: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Parrot(LineProtocol):
    """Says what it hears, and keeps the last of it."""

    max_line = 40

    def __init__(self) -> None:
        super().__init__()
        self.kept: Snapshot = {}

    @override
    def connectionMade(self) -> None:
        self.send_line("hello")

    @override
    def line_received(self, line: str) -> None:
        self.kept = {"last": line}
        if line == "go away":
            self.send_line("bye")
            self.wire.loseConnection()
        elif line == "later":
            self.wire.call_later(0.05, self.send_line, "now")
        elif line == "much":
            for _ in range(2_000):
                self.wire.send(b"x" * 9_999 + b"\n")
        else:
            self.send_line(line)

    @override
    def secrets_in(self, line: bytes) -> Sequence[Secret]:
        return (Secret(7, len(line)),) if line.startswith(b"secret ") else ()


class Parrots(Factory):
    noisy = False
    protocol = Parrot


class ParrotServer(Server):
    name = "parrot"
    endpoint = "tcp:4009"
    memory = frozenset({"connection"})
    Options: ClassVar[type[Limits]] = Limits

    @override
    def service(self, playground: Playground, endpoint: str) -> Listening:
        self._listening = playground.listen(endpoint, Parrots())
        return self._listening

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        return conn.inner.kept if conn.inner is not None else {}

    @override
    def doors(self) -> Iterable[Door]:
        return (Door("/parrot", "A parrot that says what it hears.", "connection", self._listening.factory),)

    @override
    def farewell(self, reason: str, /) -> bytes:
        return f"goodbye: {reason}\n".encode()


class House(NamedTuple):
    """Two servers of one process."""

    site: Served
    parrot: Served

    async def enter(self) -> Talk:
        talk = await self.site.connect()
        talk.say(f"GET /parrot HTTP/1.1\r\n{HANDSHAKE}")
        head = await talk.until("\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Playground-Memory: connection\r\n" in head
        assert await talk.until("hello") == frame(1, b"hello")
        return talk


@pytest_twisted.async_yield_fixture
async def house() -> AsyncIterator[House]:
    reactor = the_reactor()
    parrot = await serve(ParrotServer(Limits(unsent=100_000)), reactor)
    site = await serve(HttpServer(), reactor, doors=parrot.server.doors())
    yield House(site, parrot)
    await site.stop()
    await parrot.stop()


def said(content: bytes, opcode: int = Opcode.TEXT) -> bytes:
    """A client's frame."""
    return frame(opcode, content, key=KEY)


async def goodbye(talk: Talk) -> bytes:
    """What is said up to the close frame, which is answered."""
    said_before = await talk.until(b"\x88")
    head = await talk.take(1)
    content = await talk.take(head[0])
    talk.say(said(content, Opcode.CLOSE))
    return bytes(said_before + head + content + await talk.rest())


async def test_a_text_message_is_a_line_both_ways(house: House) -> None:
    talk = await house.enter()
    talk.say(said(b"one") + said(b"two\n") + said("drei, größer".encode()))
    heard = await talk.until("er")
    assert heard == frame(1, b"one") + frame(1, b"two") + frame(1, "drei, größer".encode())
    talk.say(said(close_content(1000), Opcode.CLOSE))
    assert await talk.rest() == frame(8, close_content(1000))
    await house.parrot.happens("event:connection.close")


async def test_its_lines_stand_in_the_journal_of_the_server_behind_it(house: House) -> None:
    talk = await house.enter()
    talk.say(said(b"secret 12345"))
    await talk.until("12345")
    talk.hang_up()
    [close] = await house.parrot.happens("event:connection.close")
    [opened] = house.parrot.events("event:connection.open")
    assert (opened.conn, opened.parent, opened.transport) == ("parrot-1", "http-1", "websocket")
    lines = house.parrot.events("event:received")
    assert [line.data for line in lines] == ["secret *****\n"]
    assert close.reason in ("client", "lost")
    assert close.forgot == {"last": "secret 12345"}
    [closed] = await house.site.happens("event:connection.close")
    assert (closed.conn, house.site.events("event:received", "frame")) == ("http-1", [])


async def test_it_speaks_later_too_and_closes_as_it_wants(house: House) -> None:
    talk = await house.enter()
    talk.say(said(b"later"))
    assert await talk.until("now") == frame(1, b"now")
    talk.say(said(b"go away"))
    assert await talk.until("bye") == frame(1, b"bye")
    assert await talk.until(close_content(1000)) == frame(8, close_content(1000))
    talk.say(said(close_content(1000), Opcode.CLOSE))
    assert await talk.rest() == b""
    [close] = await house.parrot.happens("event:connection.close")
    assert close.reason == "server"


async def test_a_client_that_closes_its_half_is_answered(house: House) -> None:
    talk = await house.enter()
    talk.say(said(b"later")).end()
    assert (await talk.rest()).startswith(frame(1, b"now"))


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        (said(b"bytes", Opcode.BINARY), 1003, "text-only"),
        (said(b"x" * 100), 1008, "line"),
    ],
)
async def test_what_cannot_be_a_line_is_refused(house: House, message: bytes, code: int, told: str) -> None:
    talk = await house.enter()
    talk.say(message)
    assert (await goodbye(talk)).rpartition(b"\x88")[2][1:3] == code.to_bytes(2, "big")
    events = house.site.events("event:refused") + house.parrot.events("event:limit")
    assert any(told in (getattr(event, "rule", ""), getattr(event, "limit", "")[7:]) for event in events)


async def test_whoever_does_not_read_is_given_up_and_nobody_else_notices(house: House) -> None:
    talk, other = await house.enter(), await house.enter()
    talk.stop_reading()
    talk.say(said(b"much"))  # 20 MB are asked for; the kernel takes a few
    await house.parrot.happens("event:limit", "unsent")
    await house.parrot.happens("event:connection.close", "clogged")
    talk.abort()
    other.say(said(b"still here"))
    assert await other.until("here") == frame(1, b"still here")
    other.hang_up()


async def test_the_end_of_the_server_is_said_in_its_own_words(house: House) -> None:
    talk = await house.enter()
    stopped = Deferred.fromCoroutine(house.site.stop())
    rest = await goodbye(talk)
    await stopped
    assert rest.startswith(frame(1, b"goodbye: shutdown"))
    assert rest.endswith(frame(8, close_content(1001)))


async def test_one_too_many_is_sent_away(house: House) -> None:
    object.__setattr__(house.parrot.server.options, "connections", 1)
    first = await house.enter()
    talk = await house.site.connect()
    talk.say(f"GET /parrot HTTP/1.1\r\n{HANDSHAKE}")
    await talk.until(b"\r\n\r\n")
    rest = await goodbye(talk)
    assert rest == frame(1, b"goodbye: too-many") + frame(8, close_content(1013))
    first.hang_up()


async def test_the_list_of_paths_names_it(house: House) -> None:
    talk = await house.site.connect()
    talk.say("GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    page = await talk.rest()
    assert b"/parrot\n      GET, connection: A parrot that says what it hears.\n" in page
