"""WebSockets on the HTTP server, over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted

from playground.servers.http import HttpLimits, HttpServer
from playground.testing import Served, Talk, serve
from playground.wire.frames import Opcode, close_content, frame
from tests.reactor import the_reactor

KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    "Host: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest_twisted.async_yield_fixture
async def site() -> AsyncIterator[Served]:
    reactor = the_reactor()
    served = await serve(HttpServer(HttpLimits(websocket_message=1000)), reactor)
    yield served
    await served.stop()


def said(content: bytes, opcode: int = Opcode.TEXT) -> bytes:
    """A client's frame."""
    return frame(opcode, content, key=KEY)


async def opened(site: Served, path: str, more: bytes = b"", headers: str = "") -> Talk:
    talk = await site.connect()
    talk.say(f"GET {path} HTTP/1.1\r\n{HANDSHAKE}{headers}\r\n".encode() + more)
    head = await talk.until("\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head  # RFC 6455 1.3
    return talk


async def test_frames_that_come_with_the_request_are_answered_once(site: Served) -> None:
    talk = await opened(site, "/websocket/echo", said(b"one") + said(b"two"))
    assert await talk.until(b"two") == frame(1, b"one") + frame(1, b"two")
    talk.say(said(close_content(1000), Opcode.CLOSE))
    assert await talk.rest() == frame(8, close_content(1000))
    await site.happens("event:connection.close")
    kept = [(event.event, event.frame, event.data) for event in messages(site)]
    assert kept[:4] == [
        ("received", "text", "one"),
        ("sent", "text", "one"),
        ("received", "text", "two"),
        ("sent", "text", "two"),
    ]


def messages(site: Served) -> list[Any]:
    return [_Shown(event) for event in site.events() if getattr(event, "frame", None) is not None]


class _Shown:
    def __init__(self, event: Any) -> None:
        self.event = type(event).__name__.lower()
        self.frame, self.data = event.frame, event.data
        self.seq, self.cause, self.size = event.seq, event.cause, event.size


async def test_a_counter_lives_as_long_as_the_socket(site: Served) -> None:
    talk = await opened(site, "/ws")
    talk.say(said(b"hello"))
    assert b'{"n":1,"echo":"hello"}' in await talk.until(b"}")
    talk.say(said(b'{"ask":"state"}'))
    answer = await talk.until(b"}}")
    assert b'"connection":{"counter":1}' in answer
    talk.hang_up()
    [change] = await site.happens("changed")
    assert change.changed == {"counter": (None, 1)}
    [close] = await site.happens("event:connection.close")
    assert close.forgot == {"counter": 1}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Host: here\r\n", b"426"),
        (HANDSHAKE + "Origin: http://elsewhere\r\n", b"403"),
        (HANDSHAKE.replace("13", "8"), b"426"),
        (HANDSHAKE.replace("dGhl", ""), b"400"),
    ],
)
async def test_a_handshake_that_is_not_taken(site: Served, headers: str, status: bytes) -> None:
    talk = await site.connect()
    talk.say(f"GET /ws HTTP/1.1\r\n{headers}\r\n".encode())
    assert (await talk.line()).split()[1] == status
    talk.hang_up()


async def test_a_page_of_this_server_is_let_in(site: Served) -> None:
    talk = await opened(site, "/ws", headers="Origin: http://here\r\n")
    talk.hang_up()


async def test_the_end_of_the_server_is_said(site: Served) -> None:
    talk = await opened(site, "/ws", said(b"hi"))
    await talk.until(b"}")
    await site.stop()
    assert (await talk.rest())[2:4] == (1001).to_bytes(2, "big")


def test_whoever_says_something_now_and_then_is_not_idle_even_unanswered(open_desk: Any) -> None:
    desk = open_desk(idle=60.0, websocket_ping=0.0)
    ada = desk.connect().say(f"GET /websocket/echo HTTP/1.1\r\n{HANDSHAKE}\r\n".encode())
    for _ in range(6):
        desk.wait(30)
        ada.say(said(b"", Opcode.PONG))
    assert not ada.closed
    desk.wait(60)
    desk.wait(1)
    assert ada.closed


async def test_an_echo_is_caused_by_its_message_in_one_piece_or_in_several(site: Served) -> None:
    talk = await opened(site, "/websocket/echo")
    talk.say(said(b"whole") + frame(Opcode.TEXT, b"in ", fin=False, key=KEY) + said(b"pieces", 0))
    assert await talk.until(b"pieces") == frame(1, b"whole") + frame(1, b"in pieces")
    shown = [(event.event, event.frame, event.data, event.size) for event in messages(site)]
    assert shown == [
        ("received", "text", "whole", 11),
        ("sent", "text", "whole", 7),
        ("received", "text", "in ", 9),
        ("received", "continuation", "pieces", 12),
        ("sent", "text", "in pieces", 11),
    ]
    first, echoed, _, last, whole = messages(site)
    assert (echoed.cause, whole.cause) == (first.seq, last.seq)


async def test_what_one_socket_counts_stands_before_what_another_echoes(site: Served) -> None:
    echo, counting = await opened(site, "/websocket/echo"), await opened(site, "/ws")
    counting.say(said(b"one"))
    await counting.until(b"}")
    echo.say(said(b"two"))
    await echo.until(b"two")
    kinds = [
        type(event).__name__
        for event in site.events("from:client", "or", "from:server", "or", "changed")[-5:]
    ]
    assert kinds == ["Received", "State", "Sent", "Received", "Sent"]
