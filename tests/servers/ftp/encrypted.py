"""An FTP client that speaks TLS, plainly enough to do what a client should not."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from playground.testing import Served

SECONDS = 10.0
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

T = TypeVar("T")
Serve = Callable[..., Awaitable[Served]]
"""Starts an FTP server that has a certificate: the fixture ``house``."""


def client(served: Served, newest: ssl.TLSVersion = TLS_1_3) -> Client:
    """A new client, greeted, still without TLS."""
    identity = served.playground.identity
    assert identity is not None
    assert identity.authority is not None
    return Client(served.port, trusting(identity.authority, newest))


def refusals(served: Served) -> list[tuple[str, str]]:
    """Connection and rule of all refusals so far."""
    return [(event.conn, event.rule) for event in served.events("event:refused")]


def in_a_thread(served: Served, work: Callable[[], T]) -> Deferred[T]:
    """What blocks, beside the reactor that serves it."""
    done: Deferred[T] = deferToThread(work)
    return done.addTimeout(3 * SECONDS, served.playground.reactor)


def trusting(authority: Path, newest: ssl.TLSVersion = TLS_1_3) -> ssl.SSLContext:
    """A client's context."""
    context = ssl.create_default_context(cafile=str(authority))
    context.maximum_version = newest
    return context


class Client:
    """One control connection, of blocking sockets."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.context = context
        self.socket: Any = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._buffer = b""
        assert self.reply().startswith("220 ")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def say(self, text: str) -> None:
        """Send it as it is."""
        self.socket.sendall(text.encode())

    def reply(self) -> str:
        """The next reply; nothing when there is none any more."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] != " ":
            while b"\r\n" not in self._buffer:
                data = self.socket.recv(4096)
                if not data:
                    return ""
                self._buffer += data
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            lines.append(line.decode())
        return "\r\n".join(lines)

    def ask(self, command: str) -> str:
        """A command and its first reply."""
        self.say(command + "\r\n")
        return self.reply()

    def shake_hands(self) -> None:
        """TLS, from here on."""
        self.socket = self.context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def secure(self) -> Client:
        """``AUTH TLS``."""
        assert self.ask("AUTH TLS").startswith("234 ")
        self.shake_hands()
        return self

    def log_in(self) -> Client:
        """As ada."""
        assert self.ask("USER ada").startswith("331 ")
        assert self.ask("PASS ada").startswith("230 ")
        return self

    def protect(self) -> Client:
        """``PROT P``."""
        assert self.ask("PBSZ 0").startswith("200 ")
        assert self.ask("PROT P").startswith("200 ")
        return self

    def dial(self) -> socket.socket:
        """A data connection, still plain."""
        numbers = [int(number) for number in re.findall("[0-9]+", self.ask("PASV"))[1:]]
        return socket.create_connection(("127.0.0.1", numbers[4] * 256 + numbers[5]), SECONDS)

    def wrapped(self, sock: socket.socket, resume: bool = True) -> ssl.SSLSocket:
        """A data connection in TLS, after its command was answered with 150."""
        session = self.socket.session if resume else None
        return self.context.wrap_socket(sock, server_hostname="127.0.0.1", session=session)

    @contextmanager
    def data(self, command: str, resume: bool = True) -> Iterator[ssl.SSLSocket]:
        """A data connection in TLS, for a command."""
        with closing(self.dial()) as plain:
            assert self.ask(command)[:3] in ("125", "150")
            with closing(self.wrapped(plain, resume)) as secured:
                yield secured

    def get(self, command: str) -> bytes:
        """All that a command sends."""
        pieces = []
        with self.data(command) as data:
            while piece := data.recv(65536):
                pieces.append(piece)
        assert self.reply() == "226 Transfer complete."
        return b"".join(pieces)

    def put(self, command: str, content: bytes) -> str:
        """Send it, with a goodbye; returns the reply."""
        with self.data(command) as data:
            data.sendall(content)
            data.unwrap()
        return self.reply()
