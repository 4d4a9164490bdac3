"""Answers that come bit by bit: they wait for a client that does not read, and end with its connection."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted

from playground.servers.http import HttpServer
from playground.testing import Served, serve
from playground.wire.outflow import waiting_bytes
from tests.reactor import the_reactor, until

MEGABYTE = 1024 * 1024
TEN_MEGABYTES = b"GET /drip?numbytes=10485760&duration=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def get(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target


SLOW = [
    b"/delay/5",
    b"/drip?duration=5&numbytes=5",
    b"/drip?duration=5&numbytes=5&delay=1",
    b"/sse?count=5&duration=5",
    b"/jsonl?count=5&duration=5",
    b"/range/26?duration=5&chunk_size=5",
]


@pytest.mark.parametrize("target", SLOW, ids=bytes.decode)
def test_its_timer_ends_with_the_connection(desk: Any, target: bytes):
    ada = desk.connect().say(get(target))
    desk.wait(2)
    assert desk.reactor.getDelayedCalls()
    ada.hang_up()
    desk.wait(0)
    assert not [
        call for call in desk.reactor.getDelayedCalls() if call.getTime() < desk.reactor.seconds() + 20
    ]
    desk.wait(10)
    assert not desk.events("event:trouble")


@pytest.mark.parametrize(
    ("target", "pieces"), [(b"/sse?count=5&duration=4", 5), (b"/drip?duration=4&numbytes=4", 4)]
)
def test_its_pieces_come_in_their_time(desk: Any, target: bytes, pieces: int):
    ada = desk.connect().say(get(target))
    assert len(desk.events("event:sent")) == 2  # the head and the first one
    for piece in range(2, pieces + 1):
        assert ada.heard()
        desk.wait(0.9)
        assert ada.heard() == b""
        desk.wait(0.1)
        assert len(desk.events("event:sent")) >= 1 + piece
    assert ada.heard()


def test_a_stream_that_is_due_waits_for_its_reader(desk: Any):
    ada = desk.connect().say(get(b"/sse?count=3&duration=2"))
    ada.heard()
    ada.clog()
    desk.wait(1)
    desk.wait(1)
    assert ada.heard() == b""
    ada.unclog()
    assert ada.heard().count(b"event: ping") == 1  # the next one counts from here
    desk.wait(1)
    assert ada.heard().count(b"event: ping") == 1


def test_a_late_answer_is_given_to_whoever_reads_late(desk: Any):
    ada = desk.connect().say(get(b"/delay/2"))
    ada.clog()
    desk.wait(2)
    ada.unclog()
    assert ada.statuses() == [200]


@pytest_twisted.async_yield_fixture
async def http():
    reactor = the_reactor()
    served = await serve(HttpServer(), reactor)
    yield served
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_ten_megabytes_are_not_kept_for_a_client_that_does_not_read(http: Served):
    crowd = [await http.connect() for _ in range(5)]
    for client in crowd:
        client.stop_reading()
        client.say(TEN_MEGABYTES)
    await http.happens("event:received", count=len(crowd))
    wires = [connection.inner.transport for connection in http.playground.connections]
    await until(lambda: all(wire.clogged for wire in wires))
    assert all(waiting_bytes(wire.transport) < MEGABYTE // 4 for wire in wires)
    assert all(conn.bytes_sent < 9 * MEGABYTE for conn in http.playground.connections)
    for client in crowd[1:]:
        client.abort()
    crowd[0].read_again()
    assert (await crowd[0].rest()).endswith(b"\r\n\r\n" + b"*" * 10 * MEGABYTE)
