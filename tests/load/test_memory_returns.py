"""What many connections had goes back to the system, with the C library's allocator."""

from __future__ import annotations

import platform
import socket

import pytest

from playground.testing import Running, run
from tests.load.people import SECONDS, all_closed, enough_descriptors, needs_proc, resident, soon

MANY = 8000
FEW = 500
"""Connections that come first: what is loaded and made once is not counted."""
QUESTION = b"GET /state?name=ada HTTP/1.1\r\nHost: x\r\n\r\n"


@needs_proc
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is glibc's")
def test_most_of_it_is_given_back_within_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONMALLOC", "malloc")
    room = [f"http.{name}={MANY + 10}" for name in ("connections", "connections_per_address")]
    with enough_descriptors(MANY + 500), run(only="http", set=[*room, "journal.ring=100"]) as playground:
        crowd(playground, FEW)
        before = resident(playground)
        most = crowd(playground, MANY)
        grown = most - before
        assert grown > 10_000
        kept = [grown]

        def half_is_back() -> bool | None:
            kept.append(resident(playground) - before)
            return kept[-1] < grown / 2 or None

        soon(half_is_back, f"half of the memory again; KiB: {kept}")


def crowd(playground: Running, how_many: int) -> float:
    """So many come, ask, and leave; the KiB that the process had while they were there."""
    clients = [socket.create_connection(playground.servers["http"], SECONDS) for _ in range(how_many)]
    try:
        for client in clients:
            client.sendall(QUESTION)
        for client in clients:
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        return resident(playground)
    finally:
        for client in clients:
            client.close()
        all_closed(playground)
