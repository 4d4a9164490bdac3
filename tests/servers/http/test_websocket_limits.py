"""WebSockets of clients that are strange, silent, slow or hostile; and what the others notice of them."""

from __future__ import annotations

import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_twisted
from typing_extensions import override

from playground.servers.http import HttpLimits, HttpServer
from playground.servers.http.endpoints.sockets import Echo
from playground.testing import Served, Talk, serve
from playground.wire.frames import Opcode, close_content, frame
from playground.wire.outflow import waiting_bytes
from tests.reactor import the_reactor

KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
Open = Callable[..., Awaitable[Served]]


@pytest_twisted.async_yield_fixture
async def server() -> AsyncIterator[Open]:
    """Makes servers: ``await server(websocket_ping=0.1)``. They are stopped at the test's end."""
    reactor = the_reactor()
    opened: list[Served] = []

    async def make(**limits: Any) -> Served:
        opened.append(await serve(HttpServer(HttpLimits(**limits)), reactor))
        return opened[-1]

    yield make
    for served in opened:
        await served.stop()


def said(content: bytes, opcode: int = Opcode.TEXT, *, fin: bool = True, deflated: bool = False) -> bytes:
    """A client's frame."""
    return frame(opcode, content, fin=fin, deflated=deflated, key=KEY)


async def opened(site: Served, path: str = "/websocket/echo", headers: str = "") -> Talk:
    talk = await site.connect()
    talk.say(f"GET {path} HTTP/1.1\r\nHost: here:8080\r\n{HANDSHAKE}{headers}\r\n")
    assert (await talk.until("\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return talk


async def closes(talk: Talk) -> int:
    """The code that the server closes with, once it has been answered."""
    await talk.until(b"\x88")
    content = await talk.take((await talk.take(1))[0])
    talk.say(said(content[:2], Opcode.CLOSE))
    await talk.rest()
    return int.from_bytes(content[:2], "big")


def later(seconds: float) -> Any:
    """A while: these tests are about time."""
    reactor = the_reactor()
    from twisted.internet.task import deferLater

    return deferLater(reactor, seconds)


# -- who may come in -------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["", "Origin: http://here:8080\r\n", "Origin: http://HERE:8080\r\n"])
async def test_programs_and_pages_of_this_server_come_in(server: Open, origin: str) -> None:
    talk = await opened(await server(), headers=origin)
    talk.say(said(b"hi"))
    assert await talk.until("hi") == frame(1, b"hi")
    talk.hang_up()


@pytest.mark.parametrize(
    "origin",
    [
        "http://elsewhere",
        "http://here",
        "https://here:8080",
        "http://here:8080.elsewhere",
        "null",
        "",
        "http://[",
        "http://here:8080, http://elsewhere",
    ],
)
async def test_a_page_from_elsewhere_does_not(server: Open, origin: str) -> None:
    site = await server()
    talk = await site.connect()
    talk.say(f"GET /ws HTTP/1.1\r\nHost: here:8080\r\n{HANDSHAKE}Origin: {origin}\r\n\r\n")
    assert (await talk.line()).startswith(b"HTTP/1.1 403 ")
    [refused] = site.events("event:refused")
    assert (refused.rule, refused.source) == ("foreign-origin", "RFC 6455 10.2")
    talk.hang_up()


# -- who is still there ----------------------------------------------------------------------


async def test_a_silent_client_is_asked_and_stays_if_it_answers(server: Open) -> None:
    site = await server(websocket_ping=0.05, websocket_pong=5)
    talk = await opened(site)
    for _ in range(3):
        assert await talk.take(2) == frame(Opcode.PING, b"")
        talk.say(said(b"", Opcode.PONG))
    talk.say(said(b"still here"))
    assert (await talk.until("here")).endswith(frame(1, b"still here"))
    talk.hang_up()


async def test_whoever_does_not_answer_a_ping_is_gone(server: Open) -> None:
    site = await server(websocket_ping=0.05, websocket_pong=0.1)
    talk = await opened(site)
    assert await closes(talk) == 1011
    [limit] = site.events("event:limit")
    assert (limit.limit, limit.value) == ("http.websocket_pong", 0.1)
    [close] = await site.happens("event:connection.close")
    assert close.reason == "idle"


async def test_half_a_frame_is_no_sign_of_life(server: Open) -> None:
    site = await server(websocket_ping=0.1, websocket_pong=0.2)
    talk = await opened(site)
    talk.say(said(b"x" * 100)[:50])
    assert await closes(talk) == 1011


async def test_a_frame_that_takes_long_is_waited_for_while_it_comes(server: Open) -> None:
    site = await server(websocket_ping=0.05, websocket_pong=0.1)
    talk = await opened(site)
    message = said(b"x" * 40_000, Opcode.BINARY)
    for start in range(0, len(message), 2000):
        talk.say(message[start : start + 2000])
        await later(0.02)
    assert (await talk.until(b"x" * 40_000)).endswith(frame(Opcode.BINARY, b"x" * 40_000))
    assert not site.events("event:limit")
    talk.hang_up()


async def test_where_nobody_is_asked_silence_has_an_end_too(server: Open) -> None:
    site = await server(websocket_ping=0, idle=0.1)
    talk = await opened(site)
    assert await talk.rest() == frame(Opcode.CLOSE, close_content(1001, "idle"))
    [limit] = site.events("event:limit")
    assert limit.limit == "http.idle"


# -- what may be said ------------------------------------------------------------------------

BROKEN = {
    "fragmented-ping": (said(b"", Opcode.PING, fin=False), 1002, "control-fragmented"),
    "fragmented-close": (said(b"", Opcode.CLOSE, fin=False), 1002, "control-fragmented"),
    "long-ping": (said(b"x" * 126, Opcode.PING), 1002, "control-length"),
    "unmasked": (frame(1, b"hi"), 1002, "frame-unmasked"),
    "reserved": (bytes([0xA1, 0x80]) + KEY, 1002, "frame-reserved"),
    "deflated-but-not-agreed": (said(b"hi", deflated=True), 1002, "frame-reserved"),
    "unknown": (said(b"", 11), 1002, "frame-opcode"),
    "continued": (said(b"hi", Opcode.CONTINUATION), 1002, "nothing-to-continue"),
    "interrupted": (said(b"a", fin=False) + said(b"b"), 1002, "message-unfinished"),
    "no-text": (said(b"\xc3\x28"), 1007, "not-utf-8"),
    "half-a-character": (said(b"\xe2\x82"), 1007, "not-utf-8"),
    "surrogate": (said(b"\xed\xa0\x80"), 1007, "not-utf-8"),
    "bad-close-code": (said(close_content(999), Opcode.CLOSE), 1002, "close-code"),
    "close-of-one-byte": (said(b"\x03", Opcode.CLOSE), 1002, "close-code"),
    "bad-close-reason": (said(close_content(1000) + b"\xff", Opcode.CLOSE), 1007, "not-utf-8"),
    "too-long": (said(b"x" * 1001), 1009, "http.websocket_message"),
    "too-long-in-pieces": (
        said(b"x" * 600, fin=False) + said(b"x" * 600, Opcode.CONTINUATION),
        1009,
        "http.websocket_message",
    ),
    "far-too-long": (bytes([0x82, 0xFF]) + (2**62).to_bytes(8, "big") + KEY, 1009, "http.websocket_message"),
    "negative-length": (bytes([0x82, 0xFF]) + b"\xff" * 8 + KEY, 1009, "http.websocket_message"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_broken_has_its_code_and_its_line(server: Open, name: str) -> None:
    stream, code, told = BROKEN[name]
    site = await server(websocket_message=1000)
    talk = await opened(site)
    talk.say(stream)
    assert await closes(talk) == code
    [event] = site.events("event:refused") + site.events("event:limit")
    assert told in (getattr(event, "rule", ""), getattr(event, "limit", ""))
    [close] = await site.happens("event:connection.close")
    assert close.reason == ("limit" if code == 1009 else "refused")


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
async def test_a_goodbye_is_answered_with_its_code(server: Open, code: int) -> None:
    site = await server()
    talk = await opened(site)
    talk.say(said(close_content(code, "so long"), Opcode.CLOSE) + said(b"not heard any more"))
    assert await talk.rest() == frame(Opcode.CLOSE, close_content(code))
    [close] = await site.happens("event:connection.close")
    assert close.reason == "client"


async def test_a_goodbye_may_say_nothing(server: Open) -> None:
    talk = await opened(await server())
    talk.say(said(b"", Opcode.CLOSE))
    assert await talk.rest() == frame(Opcode.CLOSE, b"")


async def test_a_bomb_bursts_at_the_limit(server: Open) -> None:
    site = await server(websocket_message=100_000)
    talk = await opened(site, headers="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 60_000
    talk.say(said(bomb.removesuffix(b"\0\0\xff\xff"), Opcode.BINARY, deflated=True))
    assert await closes(talk) == 1009
    [limit] = site.events("event:limit")
    assert (limit.limit, limit.value) == ("http.websocket_message", 100_000)


async def test_what_is_deflated_wrongly_is_refused(server: Open) -> None:
    site = await server()
    talk = await opened(site, headers="Sec-WebSocket-Extensions: permessage-deflate\r\n")
    talk.say(said(b"\xff\xff\xff\xff", deflated=True))
    assert await closes(talk) == 1002
    [refused] = site.events("event:refused")
    assert refused.rule == "deflate"


# -- who does not read -----------------------------------------------------------------------


async def test_a_client_that_does_not_read_is_not_read_either(server: Open) -> None:
    site = await server(clogged=0.5)
    deaf, other = await opened(site), await opened(site)
    transport: Any = deaf.transport
    transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    deaf.stop_reading()
    message = said(b"x" * 60_000)
    for _ in range(400):  # 24 MB, more than the buffers between the two hold
        deaf.say(message)
    most = 0
    for number in range(20):
        other.say(said(f"{number}.".encode()))
        assert await other.until(".") == frame(1, f"{number}.".encode())
        for conn in site.playground.connections:
            if conn.id == "http-1":
                most = max(most, waiting_bytes(conn.inner.transport.transport))
    [limit] = await site.happens("event:limit")
    assert (limit.conn, limit.limit) == ("http-1", "http.clogged")
    [close] = await site.happens("event:connection.close")
    assert (close.conn, close.reason) == ("http-1", "clogged")
    assert most < 500_000
    assert close.received_bytes < 24_000_000
    deaf.abort()
    other.hang_up()


async def test_a_slow_reader_gets_everything_in_the_end(server: Open) -> None:
    site = await server()
    slow = await opened(site)
    slow.stop_reading()
    for number in range(200):
        slow.say(said(b"%05d" % number + b"x" * 59_995, Opcode.BINARY))
    await site.happens("event:sent", count=10)
    slow.read_again()
    for number in range(200):
        assert (await slow.take(60_004))[4:9] == b"%05d" % number
    slow.hang_up()


async def test_a_flood_is_stopped_where_that_is_asked_for(server: Open) -> None:
    site = await server(flood_per_second=10, flood_burst=20)
    talk = await opened(site)
    talk.say(said(b"hi") * 100)
    assert await closes(talk) == 1008
    [limit] = site.events("event:limit")
    assert (limit.limit, limit.value) == ("http.flood_per_second", 10)
    assert 20 <= len(site.events("event:sent", "/hi/")) <= 21
    [close] = await site.happens("event:connection.close")
    assert close.reason == "flood"


async def test_many_small_messages_at_once_let_others_have_their_turn(server: Open) -> None:
    site = await server()
    busy, other = await opened(site), await opened(site)
    busy.say(said(b"hi") * 5000)
    other.say(said(b"me too"))
    assert await other.until("too") == frame(1, b"me too")
    assert len(site.events("conn:http-1", "event:received")) < 2000
    assert await busy.take(5000 * 4) == frame(1, b"hi") * 5000
    busy.hang_up()
    other.hang_up()


# -- how it ends -----------------------------------------------------------------------------


async def test_whoever_closes_its_half_is_answered(server: Open) -> None:
    site = await server()
    talk = await opened(site)
    talk.say(said(b"one") + said(b"two")).end()
    assert await talk.rest() == frame(1, b"one") + frame(1, b"two")
    [close] = await site.happens("event:connection.close")
    assert close.reason == "client"


async def test_what_was_not_whole_at_the_end_is_partial(server: Open) -> None:
    site = await server()
    talk = await opened(site)
    talk.say(said(b"a secret")[:9])
    talk.hang_up()
    [partial] = await site.happens("event:partial")
    assert partial.size == 9
    assert b"secret" not in bytes(str(partial), "utf-8")


@pytest.mark.expects_failure
async def test_a_failure_of_ours_is_said_in_a_frame(server: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Echo):
        @override
        def answer(self, message: str | bytes) -> str | bytes:
            raise ValueError("no")

    monkeypatch.setattr("playground.servers.http.endpoints.sockets.Echo.answer", Failing.answer)
    site = await server()
    talk = await opened(site)
    talk.say(said(b"hi"))
    assert await talk.rest() == frame(Opcode.CLOSE, close_content(1011, "trouble"))
    heard, trouble, goodbye = site.events("from:client", "or", "event:trouble", "or", "from:server")[-3:]
    assert (heard.frame, heard.data) == ("text", "hi")
    assert trouble.text == "ValueError in the http server: no"
    assert (goodbye.frame, goodbye.cause) == ("close", heard.seq)
