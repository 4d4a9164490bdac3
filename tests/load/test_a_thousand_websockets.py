"""A thousand WebSockets, all open and remembered at once; and nothing is left of them."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

from playground.testing import Address, Running, run
from playground.wire.frames import Opcode, close_content, frame
from tests.load.people import all_closed, descriptors_of, enough_descriptors, needs_proc, soon

HOW_MANY = 1000
SECONDS = 30
MOST_BYTES = 20 * 1024
"""Resident memory that one may take: socket, protocols, journal and what deflating needs."""

KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
LIMITS = [f"http.connections={HOW_MANY + 50}", f"http.connections_per_address={HOW_MANY + 50}"]


@needs_proc
def test_each_has_its_counter_and_nothing_is_left_of_them():
    with enough_descriptors(HOW_MANY + 200), run(only="http", set=LIMITS) as playground:
        pid = playground.ready["pid"]
        talk_and_go(playground, 20)  # what is loaded at the first use
        descriptors, memory = descriptors_of(pid), memory_of(pid)

        sockets = [opened(playground.servers["http"]) for _ in range(HOW_MANY)]
        for number in (1, 2):
            for client in sockets:
                client.sendall(frame(Opcode.TEXT, b"hi", key=KEY))
            for client in sockets:
                assert heard(client) == b'{"n":%d,"echo":"hi"}' % number
        each = (memory_of(pid) - memory) / HOW_MANY
        state = playground.state()["connections"]
        assert [row["remembers"] for row in state] == [{"counter": 2}] * HOW_MANY
        print(f"{each:.0f} bytes of memory for each WebSocket, {state[0]['held']} of them remembered")
        assert each < MOST_BYTES

        for client in sockets:
            client.sendall(frame(Opcode.CLOSE, close_content(1000), key=KEY))
        for client in sockets:
            assert heard(client) == close_content(1000)
            assert client.recv(10) == b""
            client.close()
        all_closed(playground)
        soon(lambda: descriptors_of(pid) <= descriptors or None, f"{descriptors} descriptors again")
        closes = playground.events("event:connection.close")
        assert [event.forgot for event in closes[20:]] == [{"counter": 2}] * HOW_MANY
        assert {event.reason for event in closes} == {"client"}
        assert playground.events("event:dropped") == playground.events("event:trouble") == []

        talk_and_go(playground, HOW_MANY)  # the same once more takes no more memory
        again = (memory_of(pid) - memory) / HOW_MANY
        assert again < 1.5 * each, f"{again:.0f} bytes after all are gone, {each:.0f} while they were there"


def talk_and_go(playground: Running, how_many: int) -> None:
    """So many WebSockets that say one thing and hang up."""
    sockets = [opened(playground.servers["http"]) for _ in range(how_many)]
    for client in sockets:
        client.sendall(frame(Opcode.TEXT, b"hi", key=KEY))
    for client in sockets:
        assert heard(client) == b'{"n":1,"echo":"hi"}'
        client.close()
    all_closed(playground)


def opened(address: Address) -> socket.socket:
    """A WebSocket."""
    client = socket.create_connection(address, SECONDS)
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"permessage-deflate" in head
    return client


def heard(client: socket.socket) -> bytes:
    """The next short frame's content."""
    head = exactly(client, 2)
    return exactly(client, head[1])


def exactly(client: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def memory_of(pid: Any) -> int:
    """Resident memory of a process in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
