"""Everything that fuzzing has found worth keeping is read as it should be, and answered no more than once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from playground.servers.http.cutter import Chunks
from playground.servers.http.reader import Reader
from tests.fuzz.http_requests import CORPUS, USUAL, Fault, examine, kept, read
from tests.servers.http.conftest import Desk

LATE = (b"/delay", b"/drip", b"/sse", b"/jsonl", b"/range", b"Upgrade")


def test_it_is_small_enough_to_be_replayed_each_time():
    assert 100 <= len(kept()) <= 300
    assert CORPUS.stat().st_size <= 300_000


@pytest.fixture(scope="module", params=range(10))
def some(request: pytest.FixtureRequest) -> list[bytes]:
    """A tenth of it."""
    return kept()[request.param :: 10]


def test_it_is_read_as_it_should_be(some: list[bytes]):
    for data in some:
        examine(data)


def test_it_is_answered_once(some: list[bytes]):
    for data in some:
        if not any(word.lower() in data.lower() for word in LATE):
            reading = read([data], USUAL)
            lasts = [message.last for message in reading.requests]
            most = lasts.index(True) + 1 if True in lasts else len(lasts) + bool(reading.refused)
            assert answers(data) == most, data


def answers(data: bytes) -> int:
    """How many times the server answers it."""
    desk = Desk(replace(USUAL, linger_seconds=0.0))
    client = desk.connect()
    written: list[bytes] = []
    client.transport.write = written.append  # each message is written whole, or its beginning first
    client.say(data)
    desk.wait(0)
    if not client.closed:
        client.hang_up()
    return sum(piece.startswith(b"HTTP/1.1 ") and b"100 Continue" not in piece for piece in written)


# -- that it can fail ----------------------------------------------------------------------------


def lax_length(reader: Any, cut: Any) -> Any:
    """Read a head as one that trusts Content-Length though the body is chunked."""
    step = original_head(reader, cut)
    request = getattr(step, "request", None)
    if request is not None and b"transfer-encoding" in request.fields and request.length:
        request.length = 5
        reader.cutter._chunks, reader.cutter._body_left = None, 5
    return step


original_head: Any = Reader._head


def test_a_reader_that_is_easily_smuggled_past_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Reader, "_head", lax_length)
    smuggling = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with pytest.raises(Fault, match="h11"):
        examine(smuggling)


def test_a_reader_that_minds_how_the_bytes_arrive_is_found(monkeypatch: pytest.MonkeyPatch):
    def hasty(chunks: Any, buffer: bytes, at: int) -> Any:
        if buffer[at:].startswith(b"1") and b"\n" not in buffer[at:]:
            return original_look(chunks, b"0\r\n\r\n", 0)
        return original_look(chunks, buffer, at)

    original_look: Any = Chunks.look
    monkeypatch.setattr(Chunks, "look", hasty)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(Fault):
        examine(head + b"1\r\na\r\n0\r\n\r\n")
