"""Every limit of the HTTP server, reached over a real socket. A limit that has no test here fails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import Field, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
import pytest_twisted

from playground.servers.http import HttpLimits, HttpServer
from playground.settings import load
from playground.testing import Served, serve
from playground.wire.certificates import own_identity, utc_now
from playground.wire.frames import Opcode, close_content, frame
from tests.reactor import the_reactor, until
from tests.servers.http.visitors import ask, bearer, log_in, take_token

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
WEBSOCKET = (
    b"GET /websocket/echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
DRIP = b"GET /drip?numbytes=10485760&duration=0 HTTP/1.1\r\nHost: a\r\n\r\n"
"""10 MiB at once: more than the sockets' buffers take from a client that does not read."""
SHORT = 0.2
"""Seconds."""


class Case(NamedTuple):
    """A limit that is reached."""

    limits: dict[str, Any]
    """What the server is started with."""
    play: Callable[[Served], Awaitable[None]]
    journal: str = ""
    """The ``limit`` event that tells of it; nothing where another event does, or none."""


CASES: dict[str, Case] = {}


def case(journal: str = "", **limits: Any) -> Callable[[Callable[[Served], Awaitable[None]]], None]:
    """The function's name is the limit's."""

    def add(play: Callable[[Served], Awaitable[None]]) -> None:
        CASES[play.__name__] = Case(limits, play, journal)

    return add


def refused(status: int, sent: bytes) -> Callable[[Served], Awaitable[None]]:
    """A request that is answered so, and the connection closed."""

    async def play(http: Served) -> None:
        client = await http.connect()
        client.say(sent)
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\nConnection: close\r\n" in answer

    return play


# -- sizes: one byte, field or message too many --------------------------------------------------

CASES |= {
    "request_line": Case({"request_line": 20}, refused(414, HEALTH), "request_line"),
    "header_line": Case({"header_line": 8}, refused(431, HEALTH), "header_line"),
    "head": Case({"head": len(HEALTH) - 1}, refused(431, HEALTH), "head"),
    "fields": Case({"fields": 1}, refused(431, POST + b"X: y\r\n\r\n"), "fields"),
    "body": Case({"body": 4}, refused(413, POST + b"Content-Length: 5\r\n\r\nhello"), "body"),
    "chunk_extensions": Case(
        {"chunk_extensions": 4},
        refused(400, POST + b"Transfer-Encoding: chunked\r\n\r\n1;a=" + b"b" * 99 + b"\r\n"),
        "chunk_extensions",
    ),
}


@case("requests", requests=2)
async def requests(http: Served) -> None:
    client = await http.connect()
    client.say(HEALTH * 3)
    assert (await client.rest()).count(b"HTTP/1.1 200 OK") == 2


@case("websocket_message", websocket_message=3)
async def websocket_message(http: Served) -> None:
    client = await http.connect()
    client.say(WEBSOCKET + frame(Opcode.TEXT, b"abcd", key=b"\0\0\0\0"))
    await client.until("\r\n\r\n")
    assert (await client.rest())[2:4] == close_content(1009)


# -- how many ------------------------------------------------------------------------------------


@case("connections", connections=1)
async def connections(http: Served) -> None:
    await one_too_many(http)


@case("connections_per_address", connections_per_address=1)
async def connections_per_address(http: Served) -> None:
    await one_too_many(http)


async def one_too_many(http: Served) -> None:
    ada = await http.connect()
    ada.say(HEALTH)
    await ada.until("ok\n")
    assert (await (await http.connect()).rest()).startswith(b"HTTP/1.1 503 ")
    ada.say(LAST)
    assert (await ada.rest()).startswith(b"HTTP/1.1 200 ")


@case("flood_per_second", flood_per_second=0.01, flood_burst=5)
async def flood_per_second(http: Served) -> None:
    await flood(http, 5)


@case("flood_per_second", flood_per_second=0.01, flood_burst=2)
async def flood_burst(http: Served) -> None:
    await flood(http, 2)


async def flood(http: Served, answered: int) -> None:
    client = await http.connect()
    client.say(HEALTH * 9)
    answers = await client.rest()
    assert (answers.count(b"HTTP/1.1 200 "), answers.count(b"HTTP/1.1 429 ")) == (answered, 1)


@case(queued=2)
async def queued(http: Served) -> None:
    client = await http.connect()
    client.say(b"GET /delay/%g HTTP/1.1\r\nHost: a\r\n\r\n" % SHORT)
    await http.happens("event:received")
    client.say(HEALTH * 3)
    (connection,) = http.playground.connections
    await until(lambda: connection.inner.transport.input_paused)
    client.say(LAST)
    assert (await client.rest()).count(b"HTTP/1.1 200 OK") == 5


@case(sessions=1)
async def sessions(http: Served) -> None:
    ada = await cookie_of(http)
    await cookie_of(http)
    assert [event.cause is not None for event in http.events("event:session.end")] == [True]
    assert b'"n": 1' in await count(http, ada)


async def cookie_of(http: Served) -> bytes:
    answer = await count(http, b"")
    assert b'"n": 1' in answer
    return answer.partition(b"Set-Cookie: ")[2].partition(b";")[0]


async def count(http: Served, cookie: bytes) -> bytes:
    client = await http.connect()
    carried = b"Cookie: " + cookie + b"\r\n" if cookie else b""
    client.say(b"GET /counter/session HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + carried + b"\r\n")
    return await client.rest()


@case("notes", notes=1)
async def notes(http: Served) -> None:
    client = await http.connect()
    client.say(note() * 2 + LAST)
    answers = await client.rest()
    assert (answers.count(b"HTTP/1.1 201 "), answers.count(b"HTTP/1.1 409 ")) == (1, 1)


def note(key: bytes = b"") -> bytes:
    """A request that makes one."""
    said = b"Content-Type: application/json\r\nContent-Length: 15\r\n"
    if key:
        said += b"Idempotency-Key: " + key + b"\r\n"
    return b"POST /notes HTTP/1.1\r\nHost: a\r\n" + said + b'\r\n{"title":"ada"}'


@case(idempotency_keys=1)
async def idempotency_keys(http: Served) -> None:
    client = await http.connect()
    client.say(note(b"a") + note(b"a") + note(b"b") + note(b"a") + LAST)
    assert places(await client.rest()) == [b"1", b"1", b"2", b"3"]


def places(answers: bytes) -> list[bytes]:
    """The ids of the notes that were made."""
    return re.findall(rb"\r\nLocation: /notes/([0-9]+)\r\n", answers)


# -- how long ------------------------------------------------------------------------------------


@case("idle", idle=SHORT)
async def idle(http: Served) -> None:
    client = await http.connect()
    client.say(HEALTH)
    answers = await client.rest()
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


@case("head_seconds", head_seconds=SHORT)
async def head_seconds(http: Served) -> None:
    await refused(408, HEALTH[:-1])(http)


@case("body_seconds", body_seconds=SHORT)
async def body_seconds(http: Served) -> None:
    await refused(408, POST + b"Content-Length: 5\r\n\r\nhell")(http)


@case("body", body=4, linger_seconds=SHORT)
async def linger_seconds(http: Served) -> None:
    await refused(413, POST + b"Content-Length: 5\r\n\r\nhello")(http)
    (closed,) = await http.happens("event:connection.close")
    assert SHORT <= closed.lifetime < SHORT + 5


@case("half_closed", half_closed=SHORT)
async def half_closed(http: Served) -> None:
    client = await http.connect()
    client.say(b"GET /delay/10 HTTP/1.1\r\nHost: a\r\n\r\n").end()
    assert await client.rest() == b""


@case("clogged", clogged=SHORT)
async def clogged(http: Served) -> None:
    client = await http.connect()
    client.stop_reading()
    client.say(DRIP)
    (closed,) = await http.happens("event:connection.close")
    assert closed.reason == "clogged"
    client.abort()


@case("unsent", unsent=1, idle=SHORT, clogged=0.0)
async def unsent(http: Served) -> None:
    """A client that does not read cannot be told goodbye either."""
    client = await http.connect()
    client.stop_reading()
    client.say(DRIP)
    (closed,) = await http.happens("event:connection.close")
    assert closed.reason == "clogged"
    assert [event.limit for event in http.events("event:limit")] == ["http.idle", "http.unsent"]
    client.abort()


@case(idempotency_seconds=SHORT)
async def idempotency_seconds(http: Served) -> None:
    client = await http.connect()
    client.say(note(b"a") + note(b"a") + b"GET /delay/%g HTTP/1.1\r\nHost: a\r\n\r\n" % (2 * SHORT))
    client.say(note(b"a") + LAST)
    assert places(await client.rest()) == [b"1", b"1", b"2"]


@case(session_seconds=SHORT)
async def session_seconds(http: Served) -> None:
    cookie = await cookie_of(http)
    assert b'"n": 2' in await count(http, cookie)
    (ended,) = await http.happens("event:session.end")
    assert ended.reason == "expired"
    assert b'"n": 1' in await count(http, cookie)


@case(login_seconds=SHORT)
async def login_seconds(http: Served) -> None:
    cookie = (await log_in(http)).cookie
    (ended,) = await http.happens("event:session.end")
    assert ended.reason == "expired"
    assert (await ask(http, "/session/me", None, f"Cookie: {cookie}")).status == 401


@case(token_seconds=1.0)
async def token_seconds(http: Served) -> None:
    token = await take_token(http)
    while (reply := await ask(http, "/token/me", None, bearer(token))).status == 200:
        pass
    assert reply.said["rule"] == "token-expired"


@case(token_denylist=True)
async def token_denylist(http: Served) -> None:
    token = await take_token(http)
    assert (await ask(http, "/token/logout", "", bearer(token))).status == 200
    assert (await ask(http, "/token/me", None, bearer(token))).said["rule"] == "token-denied"


@case(token_denylist=True, denied_tokens=1)
async def denied_tokens(http: Served) -> None:
    statuses = [
        (await ask(http, "/token/logout", "", bearer(await take_token(http)))).status for _ in range(2)
    ]
    assert statuses == [200, 503]


@case(websocket_ping=SHORT)
async def websocket_ping(http: Served) -> None:
    client = await http.connect()
    client.say(WEBSOCKET)
    await client.until("\r\n\r\n")
    assert (await client.until(b"\x89\x00")) == frame(Opcode.PING, b"")
    client.hang_up()


@case("websocket_pong", websocket_ping=SHORT, websocket_pong=SHORT)
async def websocket_pong(http: Served) -> None:
    client = await http.connect()
    client.say(WEBSOCKET)
    await client.rest()
    (closed,) = await http.happens("event:connection.close")
    assert closed.reason == "idle"


@case(handshake=SHORT)
async def handshake(http: Served) -> None:
    """On a port that speaks TLS a client that says nothing is not waited for."""
    with TemporaryDirectory() as folder:
        own = own_identity(Path(folder), [], utc_now())
        door = f"ssl:0:privateKey={own.key}:certKey={own.chain}:interface=127.0.0.1"
        secured = await serve(HttpServer(http.server.options), http.playground.reactor, endpoint=door)
    client = await secured.connect()
    (closed,) = await secured.happens("event:connection.close")
    assert closed.reason == "limit"
    assert [event.limit for event in secured.events("event:limit")] == ["http.handshake"]
    client.abort()
    await secured.stop()


NAMES = [field.name for field in fields(HttpLimits)]


@pytest.mark.parametrize("name", NAMES)
@pytest_twisted.ensureDeferred
async def test_each_limit_holds(name: str):
    reactor = the_reactor()
    limits, play, journal = CASES[name]
    http = await serve(HttpServer(replace(HttpLimits(), **({"linger_seconds": SHORT} | limits))), reactor)
    try:
        await play(http)
        told = [event.limit for event in http.events("event:limit")]
        assert told[-1:] == ([f"http.{journal}"] if journal else [])
    finally:
        await http.stop()


def test_no_case_is_about_a_limit_that_is_gone():
    assert set(CASES) == set(NAMES)


@pytest.mark.parametrize("field", fields(HttpLimits), ids=NAMES)
def test_config_shows_each_limit_with_its_reason(field: Field[Any]):
    rows = {row[0]: row for row in load({}, explain=True).effective}
    _, value, origin, why = rows[f"http.{field.name}"]
    is_word = isinstance(field.default, bool)
    assert (value == "on" if is_word else float(value), origin) == (field.default, "default")
    assert why == field.metadata["why"]
    assert len(why.split()) >= 4
