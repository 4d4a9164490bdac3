"""The small parts of the wire that need no socket: the flood bucket and the end of a line."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from playground.wire.addresses import as_endpoint
from playground.wire.flood import Flood
from playground.wire.lines import _line_end

# -- flood ------------------------------------------------------------------------------------


def test_a_burst_is_allowed_and_then_the_rate():
    flood = Flood(rate=2, burst=5)
    assert [flood.exceeded(10.0) for _ in range(6)] == [False] * 5 + [True]
    assert flood.exceeded(10.4) is True  # what was too much has to be made good first
    assert [flood.exceeded(20.0) for _ in range(6)] == [False] * 5 + [True]


def test_who_keeps_to_the_rate_is_never_stopped():
    flood = Flood(rate=10, burst=0)
    assert not any(flood.exceeded(second / 10) for second in range(1000))


def test_a_rate_below_one_still_allows_the_first_message():
    flood = Flood(rate=0.1, burst=0)
    assert flood.exceeded(0.0) is False
    assert flood.exceeded(1.0) is True


def test_a_clock_that_stands_still_gives_nothing():
    flood = Flood(rate=1, burst=1)
    assert [flood.exceeded(0.0) for _ in range(3)] == [False, True, True]


# -- lines ------------------------------------------------------------------------------------


def lines_of(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    """What a reader makes of data that comes in these pieces: the lines, and what waits for more."""
    waiting, lines = bytearray(), []
    for piece in pieces:
        waiting += piece
        while end := _line_end(waiting):
            lines.append(bytes(waiting[: end[0]]))
            del waiting[: end[1]]
    return lines, bytes(waiting)


@pytest.mark.parametrize(
    ("data", "lines", "rest"),
    [
        (b"", [], b""),
        (b"abc", [], b"abc"),
        (b"\n", [b""], b""),
        (b"\r\n\r\n", [b"", b""], b""),
        (b"a\nb\r\nc\r\0d", [b"a", b"b", b"c"], b"d"),
        (b"a\rb\n", [b"a\rb"], b""),
        (b"a\r\r\n", [b"a\r"], b""),
        (b"a\r", [], b"a\r"),
        (b"\0a\n", [b"\0a"], b""),
        (b"\r\0\r\0", [b"", b""], b""),
        (b"a\n\r\0b", [b"a", b""], b"b"),
        (b"a\n\0", [b"a"], b"\0"),
    ],
)
def test_a_line_ends_the_same_way_however_the_bytes_are_cut(data: bytes, lines: list[bytes], rest: bytes):
    places = range(1, len(data))
    for many in range(len(data)):
        for cuts in combinations(places, many):
            edges = [0, *cuts, len(data)]
            pieces = [data[start:end] for start, end in pairwise(edges)]
            assert lines_of(pieces) == (lines, rest), pieces


# -- addresses --------------------------------------------------------------------------------


def test_addresses_of_all_kinds():
    from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

    assert as_endpoint(IPv4Address("TCP", "127.0.0.1", 4000)) == ("127.0.0.1", 4000)
    assert as_endpoint(IPv6Address("TCP", "::1", 4000)) == ("::1", 4000)
    assert as_endpoint(UNIXAddress("/run/playground")) == ("/run/playground", 0)
    assert as_endpoint(UNIXAddress(None)) == ("unix", 0)
