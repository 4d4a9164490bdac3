"""One byte at a time, all at once, or cut anywhere: the same messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.servers.http.cutter import PIECE
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Reader

LIMITS = HttpLimits()
SMALL = replace(LIMITS, request_line=60, header_line=50, head=150, fields=4, body=40, chunk_extensions=20)

GET = b"GET /state?name=ada HTTP/1.1\r\nHost: a\r\nCookie: sid=abcdefgh\r\n\r\n"
POST = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\na=1&b=2"
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;a="b"\r\nhello\r\n1\r\n!\r\n0\r\nDigest: x\r\n\r\n'
)
STREAMS = {
    "one request": GET,
    "three in a row": GET + POST + CHUNKED,
    "bodies that look like heads": POST.replace(b"a=1&b=2", b"\r\n\r\nGET") + CHUNKED + GET,
    "empty lines before and between": b"\r\n" + GET + b"\r\n\r\n" + POST,
    "a bare LF in the second": GET + b"GET / HTTP/1.1\r\nAuthorization: secret\n\r\n\r\n" + GET,
    "a bare LF, and CR LF CR LF behind it": b"GET / HTTP/1.1\r\nA: b\n\r\nX: y\r\n\r\n",
    "netcat without -C": b"GET / HTTP/1.1\nHost: a\n\n",
    "no Host": b"GET / HTTP/1.1\r\nA: b\r\n\r\n" + GET,
    "folded": b"GET / HTTP/1.1\r\nA: b\r\n c\r\nHost: a\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a wrong chunk": CHUNKED.replace(b"5;", b"6;") + GET,
    "a wrong trailer": CHUNKED.replace(b"Digest", b"Host") + GET,
    "a wrong second chunk": CHUNKED.replace(b"\r\n1\r\n", b"\r\n1;\r\n") + GET,
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + GET,
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n",
    "absolute form": b"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n" + GET,
    "an upgrade": POST.replace(b"Host", b"Connection: upgrade\r\nUpgrade: x\r\nHost") + GET,
    "a request line that is too long": b"GET /" + b"a" * 80 + b" HTTP/1.1\r\n\r\n",
    "a field that is too long": b"GET / HTTP/1.1\r\nHost: " + b"a" * 80 + b"\r\n\r\n",
    "a head that is too long": b"GET / HTTP/1.1\r\n" + (b"A: " + b"a" * 40 + b"\r\n") * 4 + b"\r\n",
    "too many fields": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 9 + b"\r\n",
    "a body that is too long": POST.replace(b": 7", b": 99"),
    "chunks that are too long": CHUNKED.replace(b"1\r\n!", b"99\r\n!"),
    "extensions that are too long": CHUNKED.replace(b'a="b"', b"a=" + b"b" * 30),
}


def messages(pieces: Iterable[bytes], limits: HttpLimits = LIMITS) -> list[Any]:
    """Every message that comes out, and what it was made of; the last is what was wrong, if anything was."""
    reader = Reader(limits)
    unclaimed = b""
    found: list[Any] = []
    for piece in pieces:
        unclaimed += piece
        if reader.cutter.goes_on(piece):  # as the server does: such a piece is nothing to look at
            continue
        reader.append(piece)
        while (step := reader.next()) is not None:
            message, unclaimed = unclaimed[: step.size], unclaimed[step.size :]
            if isinstance(step, Problem):
                return [*found, (message, step)]
            request = step.request
            whole = (request.method, request.target, request.headers, request.body, request.trailers)
            found.append((message, step.is_head, list(step.secrets), whole if step.complete else None))
    return found


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("limits", [LIMITS, SMALL], ids=["usual limits", "small limits"])
@pytest.mark.parametrize("name", STREAMS)
def test_every_way_to_cut_it_in_two_gives_the_same_messages(name: str, limits: HttpLimits):
    stream = STREAMS[name]
    at_once = messages([stream], limits)
    assert messages(bytewise(stream), limits) == at_once
    for at in range(1, len(stream)):
        assert messages([stream[:at], stream[at:]], limits) == at_once


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(1, 40), max_size=30), st.booleans())
def test_every_way_to_cut_it_gives_the_same_messages(name: str, sizes: list[int], small: bool):
    limits = SMALL if small else LIMITS
    stream = STREAMS[name]
    pieces, at = [], 0
    for size in sizes:
        pieces.append(stream[at : at + size])
        at += size
    pieces.append(stream[at:])
    assert messages([piece for piece in pieces if piece], limits) == messages([stream], limits)


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b"\xff", b";", b"#", b"0"]),
    ),
    min_size=1,
    max_size=4,
)


@given(st.sampled_from([GET, POST, CHUNKED, GET + POST, CHUNKED + GET]), MUTATIONS)
@example(GET, [(16, b"\r")])
@settings(max_examples=300)
def test_a_damaged_request_is_judged_alike_however_it_comes(stream: bytes, damages: list[tuple[int, bytes]]):
    for at, damage in damages:
        stream = stream[:at] + damage + stream[at + 1 :]
    assert messages(bytewise(stream)) == messages([stream])


@given(st.binary(max_size=200))
def test_noise_is_no_harm(noise: bytes):
    assert messages(bytewise(noise)) == messages([noise])


def test_a_head_is_one_message_and_its_body_another():
    assert [message[0] for message in messages([GET + POST])] == [
        GET,
        POST[:-7],
        b"a=1&b=2",
    ]


def test_each_chunk_is_a_message_and_so_is_the_end():
    head = CHUNKED.index(b"\r\n\r\n") + 4
    assert [message[0] for message in messages([CHUNKED])] == [
        CHUNKED[:head],
        b'5;a="b"\r\nhello\r\n',
        b"1\r\n!\r\n",
        b"0\r\nDigest: x\r\n\r\n",
    ]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_cut_into_pieces_and_comes_out_whole(chunked: bool):
    body = bytes(range(256)) * 40
    if chunked:
        stream = (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2800\r\n"
            + body
            + b"\r\n0\r\n\r\n"
        )
    else:
        stream = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10240\r\n\r\n" + body
    at_once = messages([stream])
    sizes = [len(message[0]) for message in at_once]
    assert sizes[1:3] == [PIECE, PIECE]
    assert b"".join(message[0] for message in at_once) == stream
    assert at_once[-1][3][3] == body
    for size in (1, 7, 1000, 4096, 4097):
        assert messages([stream[at : at + size] for at in range(0, len(stream), size)]) == at_once


@pytest.mark.parametrize("size", range(4085, 4100))
def test_a_chunk_may_end_anywhere_in_a_piece(size: int):
    chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
    stream = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    assert messages([stream])[-1][3][3] == b"x" * size


@pytest.mark.parametrize(
    ("data", "begun"),
    [
        (b"", False),
        (b"\r\n", False),
        (b"\r\n\r", False),
        (b"G", True),
        (b"\r\nG", True),
        (GET, False),
        (POST[:-1], True),
        (CHUNKED[:-1], True),
        (CHUNKED, False),
        (GET + b"\r\n", False),
        (GET + b"GET / HTTP/1.1\r\n", True),
    ],
)
def test_it_knows_whether_a_request_has_begun(data: bytes, begun: bool):
    for pieces in ([data], bytewise(data)):
        reader = Reader(LIMITS)
        for piece in pieces:
            reader.append(piece)
            while reader.next() is not None:
                pass
        assert reader.begun is begun
