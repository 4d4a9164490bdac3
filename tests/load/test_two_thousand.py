"""Two thousand connections of each kind, all open at once."""

from __future__ import annotations

import socket
from collections import Counter
from typing import NamedTuple

from playground.journal.events import ConnectionClose, ConnectionOpen, Dropped, Received, Sent, Trouble
from playground.testing import Address, Running, run
from tests.load.people import SECONDS, all_closed, descriptors_of, enough_descriptors, needs_proc, soon

OF_EACH = 2000
AT_ONCE = 50
"""Connections that knock together; more than a listen queue holds would have to knock again."""


class Kind(NamedTuple):
    """What is said on a connection."""

    server: str
    greeting: bytes
    question: bytes
    answer: bytes


KINDS = (
    Kind("http", b"", b"GET /state?name=ada HTTP/1.1\r\nHost: x\r\n\r\n", b'"name": "ada"\n  }\n}\n'),
    Kind(
        "ftp",
        b"220 Playground FTP. Try: USER ada\r\n",
        b"USER ada\r\n",
        b"331 Username ok, send password.\r\n",
    ),
    Kind("game", b"* Lantern. Say: name <you> | resume <token> | watch\n", b"who\n", b"* no seat is taken\n"),
    Kind(
        "waiter",
        b"* Good evening. Say: order <dish> | the usual | bill\n",
        b"bill\n",
        b"= 0.00 for nothing\n",
    ),
)
LIMITS = [
    *(f"{kind.server}.connections={OF_EACH + 10}" for kind in KINDS),
    *(f"{kind.server}.connections_per_address={OF_EACH + 10}" for kind in KINDS),
    "game.hello=0",
]


@needs_proc
def test_all_are_answered_and_nothing_is_left_of_them():
    with enough_descriptors(len(KINDS) * OF_EACH + 500), run(set=LIMITS) as playground:
        one_of_each(playground)
        all_closed(playground)
        pid, before = playground.ready["pid"], descriptors_of(playground.ready["pid"])

        clients = {kind: open_all(kind, playground.servers[kind.server]) for kind in KINDS}
        try:
            for kind, sockets in clients.items():
                ask_all(kind, sockets)
            assert Counter(row["protocol"] for row in playground.state()["connections"]) == {
                kind.server: OF_EACH for kind in KINDS
            }
            assert descriptors_of(pid) > len(KINDS) * OF_EACH
        finally:
            for sockets in clients.values():
                close_all(sockets)

        all_closed(playground)
        soon(lambda: descriptors_of(pid) <= before or None, f"no more than {before} descriptors again")
        assert playground.state()["totals"] == {
            kind.server: {"connections": 0, "remembers": 0, "held": 0} for kind in KINDS
        }
        everything_is_written(playground)


def one_of_each(playground: Running) -> None:
    """What a server opens at its first connection and keeps is not counted."""
    for kind in KINDS:
        with socket.create_connection(playground.servers[kind.server], SECONDS) as client:
            read(client, kind.greeting)
            ask_all(kind, [client])


def open_all(kind: Kind, address: Address) -> list[socket.socket]:
    """Connect so many, and read the greetings."""
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < OF_EACH:
            newest = []
            for _ in range(AT_ONCE):
                newest.append(socket.create_connection(address, SECONDS))
                sockets.append(newest[-1])
            for client in newest:
                read(client, kind.greeting)
    except BaseException:
        close_all(sockets)
        raise
    return sockets


def ask_all(kind: Kind, sockets: list[socket.socket]) -> None:
    """Everybody asks at once, and then reads the answer."""
    for client in sockets:
        client.sendall(kind.question)
    for client in sockets:
        read(client, kind.answer)


def read(client: socket.socket, ending: bytes) -> None:
    """Read until that is what was read last."""
    said = b""
    while not said.endswith(ending):
        piece = client.recv(4096)
        assert piece, f"closed after {said!r}"
        said += piece


def close_all(sockets: list[socket.socket]) -> None:
    """Everybody hangs up."""
    for client in sockets:
        client.close()


def everything_is_written(playground: Running) -> None:
    """Every connection opens and closes in the journal, and what was said stands between."""
    events = playground.events()
    opened = Counter(event.conn for event in events if isinstance(event, ConnectionOpen))
    closed = Counter(event.conn for event in events if isinstance(event, ConnectionClose))
    assert opened == closed
    assert Counter(opened.values()) == {1: len(KINDS) * (OF_EACH + 1)}
    asked = Counter(event.protocol for event in events if isinstance(event, Received))
    assert asked == {kind.server: OF_EACH + 1 for kind in KINDS}
    said = Counter(event.protocol for event in events if isinstance(event, Sent))
    assert said == {kind.server: (OF_EACH + 1) * (2 if kind.greeting else 1) for kind in KINDS}
    assert not [event for event in events if isinstance(event, Dropped | Trouble)]
