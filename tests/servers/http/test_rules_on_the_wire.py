"""Every message rule over a real socket: all at once, one byte after the other, cut in two at every place."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from docs._ext.http_reference import WRONG, refusal
from playground.testing import Running, run

SECONDS = 20.0
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
"""Stands behind each refused request, and must never be answered."""


@pytest.fixture(scope="module")
def playground() -> Iterator[Running]:
    with run(only="http", set=["http.connections=0", "http.connections_per_address=0"]) as running:
        yield running


def cuts(data: bytes) -> list[Sequence[bytes]]:
    """The ways in which it is sent."""
    in_two = [(data[:at], data[at:]) for at in range(1, len(data))]
    return [(data,), [data[at : at + 1] for at in range(len(data))], *in_two]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: refusal(wrong.whole).rule)
def test_it_is_refused_once_however_it_comes(playground: Running, wrong: Any):
    playground.reset()
    ways = cuts(wrong.whole + SMUGGLED)
    heard = said_in_pieces(playground, ways)
    problem = refusal(wrong.whole)
    status_line = b"HTTP/1.1 %d " % problem.status
    assert heard[0].startswith(status_line)
    assert b"\r\nConnection: close\r\n" in heard[0]
    assert problem.text.encode() in heard[0]

    told = journal(playground)
    assert len(told) == len(ways) + 1
    (control,) = [conn for conn, events in told.items() if not any(hasattr(one, "rule") for one in events)]
    del told[control]
    for events in told.values():
        assert [(one.rule, one.source) for one in events if hasattr(one, "rule")] == [
            (problem.rule, problem.source)
        ]
        answers = [one.data for one in events if type(one).__name__ == "Sent"]
        assert [answer.encode().startswith(status_line) for answer in answers] == [True]


def said_in_pieces(playground: Running, ways: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Say all of that, each on a connection of its own; what is heard there.

    All send a piece, and the next one when the server has had time to read it.
    """
    address = playground.servers["http"]
    with ExitStack() as closing, socket.create_connection(address, SECONDS) as control:
        sockets = [closing.enter_context(socket.create_connection(address, SECONDS)) for _ in ways]
        for client in sockets:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(max(map(len, ways))):
            for client, pieces in zip(sockets, ways, strict=True):
                if number < len(pieces):
                    with suppress(OSError):  # it may be refused already
                        client.sendall(pieces[number])
            control.sendall(HEALTH)
            assert control.recv(4096).endswith(b"ok\n")
        return [rest(client) for client in sockets]


def rest(client: socket.socket) -> bytes:
    """All that is heard until the server closes; less where the connection was reset, as more came then."""
    heard = b""
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
    with suppress(ConnectionError):
        while piece := client.recv(65536):
            heard += piece
    return heard


def journal(playground: Running) -> dict[str, list[Any]]:
    """What happened on each connection, once all are closed."""
    while playground.state()["connections"]:
        pass
    told = defaultdict(list)
    for event in playground.events("protocol:http"):
        told[str(event.conn)].append(event)
    return told
