"""What is done with each FTP server while the clock runs. The clients are plain sockets.

Everybody who only reads is anonymous, so that no server spends its time on a password.
"""

from __future__ import annotations

import functools
import multiprocessing
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

BIG = 200 * 1024 * 1024
SMALL = 64 * 1024
LOGIN_SECONDS = 1.5
CLIENTS = 2
"""Processes that log in as often as they can."""
CROWD = 300
PATIENCE = 30.0


class Target(NamedTuple):
    """A server, and what it serves."""

    port: int
    folder: Path
    writer: tuple[str, str]
    """Who may store files there."""
    tls: bool = False
    """Whether commands and files are encrypted."""


@functools.cache
def trusting() -> ssl.SSLContext:
    """Any certificate is taken, as only the speed matters."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Visit:
    """A control connection, greeted, and in TLS where that is asked for."""

    def __init__(self, target: Target) -> None:
        self._control: Any = socket.create_connection(("127.0.0.1", target.port), PATIENCE)
        self._lines = self._control.makefile("rb")
        self._tls = target.tls
        self._hear()
        if target.tls:
            self.ask("AUTH TLS", "234")
            self._lines.close()
            self._control = trusting().wrap_socket(self._control)
            self._lines = self._control.makefile("rb")

    def login(self, name: str = "anonymous", password: str = "a@b") -> Visit:
        """Say who it is."""
        self.ask(f"USER {name}", "331")
        self.ask(f"PASS {password}", "230")
        if self._tls:
            self.ask("PBSZ 0", "200")
            self.ask("PROT P", "200")
        return self

    def ask(self, command: str, code: str) -> str:
        """Say it; the answer must begin so."""
        self._control.sendall(f"{command}\r\n".encode())
        return self._hear(code)

    def data(self, command: str) -> socket.socket:
        """A data connection on which that command's transfer has begun."""
        numbers = re.findall("[0-9]+", self.ask("PASV", "227")[3:])
        connection = socket.create_connection(
            ("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5])), PATIENCE
        )
        self.ask(command, "1")
        if not self._tls:
            return connection
        return trusting().wrap_socket(connection, session=self._control.session)

    def done(self) -> None:
        """The transfer is complete."""
        self._hear("226")

    def quit(self) -> None:
        """Say goodbye and hang up."""
        self.ask("QUIT", "221")
        self._lines.close()
        self._control.close()

    def _hear(self, code: str = "2") -> str:
        line = self._lines.readline().decode()
        first = line[:3]
        while line[:4] != f"{first} ":
            line = self._lines.readline().decode()
            if not line:
                raise EOFError(f"hung up instead of {code}")
        if not line.startswith(code):
            raise AssertionError(f"{line!r} instead of {code}")
        return line


def logins(target: Target) -> float:
    """Visits a second: connect, log in, say goodbye."""
    with multiprocessing.Pool(CLIENTS) as clients:
        return sum(clients.map(log_in_and_out, [target] * CLIENTS))


def log_in_and_out(target: Target) -> float:
    """One client's visits a second."""
    begun, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < LOGIN_SECONDS:
        Visit(target).login().quit()
        count += 1
    return count / spent


def retrieve(target: Target) -> float:
    """MB/s of one large download."""
    visit = Visit(target).login()
    visit.ask("TYPE I", "200")
    begun, got, buffer = time.perf_counter(), 0, bytearray(1 << 18)
    with visit.data("RETR big") as data:
        while count := data.recv_into(buffer):
            got += count
    visit.done()
    spent = time.perf_counter() - begun
    visit.quit()
    assert got == BIG, got
    return got / spent / 1e6


def store(target: Target) -> float:
    """MB/s of one large upload."""
    visit = Visit(target).login(*target.writer)
    visit.ask("TYPE I", "200")
    with (target.folder / "big").open("rb") as source:
        begun = time.perf_counter()
        with visit.data(f"STOR up/{target.port}") as data:
            data.sendfile(source)
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
        visit.done()
        spent = time.perf_counter() - begun
    visit.quit()
    there = target.folder / "up" / str(target.port)
    assert there.stat().st_size == BIG
    there.unlink()
    return BIG / spent / 1e6


def crowd(target: Target) -> float:
    """Visits a second of so many who are connected at once: each logs in and gets one small file."""
    failed: list[BaseException] = []

    def come(visit: Visit) -> None:
        try:
            visit.login().ask("TYPE I", "200")
            with visit.data("RETR small") as data:
                got = sum(iter(lambda: len(data.recv(SMALL)), 0))
            visit.done()
            visit.quit()
            assert got == SMALL, got
        except Exception as error:
            failed.append(error)

    begun = time.perf_counter()
    # One knock after the other: vsftpd's listen queue holds 32.
    people = [threading.Thread(target=come, args=[Visit(target)]) for _ in range(CROWD)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    if failed:
        raise failed[0]
    return CROWD / (time.perf_counter() - begun)


MEASURED: dict[str, Callable[[Target], float]] = {
    "logins/s": logins,
    "STOR MB/s": store,
    "RETR MB/s": retrieve,
    f"{CROWD} at once/s": crowd,
}
"""What it is called to how it is done."""
