"""The tutorial "Five carts", typed as it stands in two terminals, with a Redis and two playgrounds."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from playground.ask import ControlError, ask
from tests.clients.transcripts import ROOT, Terminal, steps

PAGE = ROOT / "docs" / "five-carts.md"
BLOCK = re.compile(r"^```console( other)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("8080", "8081", "6390")
"""Those that the page names."""


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ones in their place, of those that the system gives to no client's connection."""
    free: list[str] = []
    random = Random()
    while len(free) < len(PORTS):
        port = random.randrange(20_000, 32_000)
        with closing(socket.socket()) as knock:
            if str(port) not in free and knock.connect_ex(("127.0.0.1", port)):
                free.append(str(port))
    return dict(zip(PORTS, free, strict=True))


@pytest.fixture
def terminals(tmp_path: Path, ports: dict[str, str]) -> Iterator[tuple[Terminal, Terminal]]:
    """Both in one folder. What is still running in the end is ended."""
    both = (Terminal(None, tmp_path, ports), Terminal(None, tmp_path, ports))
    yield both
    for terminal in both:
        terminal.close()
    for name in ("one", "two"):
        with suppress(OSError, ControlError):
            os.kill(ask(tmp_path / "carts" / name, {"ask": "ping"})["pid"], signal.SIGKILL)
    with suppress(OSError), socket.create_connection(("127.0.0.1", int(ports["6390"])), 5) as redis:
        redis.sendall(b"SHUTDOWN NOSAVE\r\n")
        redis.recv(100)


@pytest.mark.needs("curl", "redis-server", "redis-cli")
def test_the_page_works_as_typed(terminals: tuple[Terminal, Terminal]):
    blocks = BLOCK.findall(PAGE.read_text())
    assert sum(1 for other, _ in blocks if other) == 2
    for number, (other, text) in enumerate(blocks):
        terminal = terminals[1 if other else 0]
        later = [where for where, _ in blocks[number + 1 :]]
        terminal.play(steps(text), leave=bool(other) and " other" in later)
