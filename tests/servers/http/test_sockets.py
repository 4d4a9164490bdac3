"""Over real sockets: the same, and what only a socket can do."""

from __future__ import annotations

import gc

import pytest_twisted

from playground.servers.http import HttpServer
from playground.testing import Served, serve
from playground.wire.observed import Observed
from tests.reactor import the_reactor

CLOSE = b"Connection: close\r\n"


@pytest_twisted.async_yield_fixture
async def http():
    reactor = the_reactor()
    served = await serve(HttpServer(), reactor)
    yield served
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_half_close_after_the_request_gets_the_whole_answer(http: Served):
    ada = await http.connect()
    ada.say(b"GET /delay/0.1 HTTP/1.1\r\nHost: a\r\n\r\n").end()
    assert (await ada.rest()).endswith(b"}\n")
    (closed,) = await http.happens("event:connection.close")
    assert closed.reason == "client"


@pytest_twisted.ensureDeferred
async def test_a_request_and_its_end_in_one_packet(http: Served):
    ada = await http.connect()
    ada.say(b"GET /state?name=ada HTTP/1.1\r\nHost: a\r\n\r\n").end()
    assert b'"name": "ada"' in await ada.rest()


@pytest_twisted.ensureDeferred
async def test_a_megabyte_comes_back_through_a_half_close(http: Served):
    body = bytes(range(256)) * 4096
    ada = await http.connect()
    ada.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body).end()
    answer = await ada.rest()
    assert answer.partition(b"\r\n\r\n")[2] == body


@pytest_twisted.ensureDeferred
async def test_a_thousand_pipelined_requests_are_answered_in_order(http: Served):
    ada = await http.connect()
    requests = [b"GET /counter/carried?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000)]
    ada.say(b"".join(requests)).end()
    answers = (await ada.rest()).split(b'"next": "/counter/carried?n=')[1:]
    assert [int(answer.partition(b'"')[0]) for answer in answers] == list(range(1, 1001))


@pytest_twisted.ensureDeferred
async def test_who_pipelines_and_does_not_read_is_held_back_until_it_does(http: Served):
    ada = await http.connect()
    ada.stop_reading()
    echo = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    ada.say(echo * 100)
    bob = await http.connect()
    bob.say(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n")
    assert (await bob.rest()).endswith(b"ok\n")
    connection = http.playground.connections[0]
    assert connection.bytes_sent < 100 * 100_000  # nor has the server made all the answers
    ada.read_again()
    ada.end()
    assert (await ada.rest()).count(b"HTTP/1.1 200 OK") == 100


@pytest_twisted.ensureDeferred
async def test_netcat_without_crlf_is_told_how(http: Served):
    ada = await http.connect()
    ada.say(b"GET / HTTP/1.1\n")
    assert b"-C" in await ada.rest()


@pytest_twisted.ensureDeferred
async def test_a_body_that_is_too_long_is_refused_and_the_refusal_arrives(http: Served):
    ada = await http.connect()
    ada.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 100_000)
    assert b"413 Content Too Large" in await ada.until(b"15.5.14)\n")
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_stopping_finishes_the_exchange_under_way():
    reactor = the_reactor()
    served = await serve(HttpServer(), reactor)
    busy, idle = await served.connect(), await served.connect()
    busy.say(b"GET /delay/0.2 HTTP/1.1\r\nHost: a\r\n\r\n")
    await served.happens("event:received")
    await served.stop()
    assert b"\r\nConnection: close\r\n" in (answer := await busy.rest())
    assert answer.endswith(b"}\n")
    assert await idle.rest() == b""
    assert {event.reason for event in served.events("event:connection.close")} == {"shutdown"}


@pytest_twisted.ensureDeferred
async def test_who_is_gone_leaves_nothing_to_the_garbage_collector(http: Served):
    """It stops everybody while it looks, and with thousands of connections it would have to look often."""
    gc.collect()
    gc.disable()
    try:
        others = _connections()  # until logging begins Twisted keeps the newest failures, with all they hold
        ada, bob = await http.connect(), await http.connect()
        ada.say(b"GET /delay/0.01 HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n")
        bob.say(b"GET / HTTP/1.1\n")
        await ada.rest()
        await bob.rest()
        await http.happens("event:connection.close", count=2)
        left = [one for one in _connections() if one not in others]
    finally:
        gc.enable()
    assert left == []


def _connections() -> list[Observed]:
    return [one for one in gc.get_objects() if isinstance(one, Observed)]
