"""Clients of the load tests: plain blocking sockets, each with a time limit."""

from __future__ import annotations

import ftplib
import http.client
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pytest

from playground.testing import Address, Running

SECONDS = 30.0
"""How long any single answer may take before the test fails."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux's /proc")
"""For tests that look into the playground's process."""

T = TypeVar("T")


class Line:
    """A client of a protocol that speaks in lines."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address, SECONDS)
        self._lines = self.socket.makefile("rb")

    def says(self, *lines: str) -> None:
        """Send lines."""
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def hears(self, beginning: str) -> str:
        """Read lines until one begins like that, and return it.

        Raises ``TimeoutError`` when none comes, ``EOFError`` when none can come any more.
        """
        while not (line := self._lines.readline().decode()).startswith(beginning):
            if not line:
                raise EOFError(f"the connection ended before {beginning!r}")
        return line.rstrip("\n")

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self.socket.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ftp_to(playground: Running) -> ftplib.FTP:
    """A control connection that is greeted. Close it."""
    ftp = ftplib.FTP(timeout=SECONDS)
    ftp.connect(*playground.servers["ftp"])
    return ftp


def http_to(playground: Running) -> http.client.HTTPConnection:
    """A connection that is kept for many requests. Close it."""
    return http.client.HTTPConnection(*playground.servers["http"], timeout=SECONDS)


def get(connection: http.client.HTTPConnection, target: str) -> bytes:
    """The body of an answer that is 200."""
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, f"{target}: {answer.status} {body!r}"
    return body


def threads_of(pid: int) -> list[str]:
    """The names of a process's threads."""
    names = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            names.append((task / "comm").read_text().strip())
        except FileNotFoundError:  # it has ended meanwhile
            continue
    return sorted(names)


def descriptors_of(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(playground: Running) -> float:
    """KiB of memory that its process has, once its journal is written."""
    playground.events("event:journal.open")
    status = Path(f"/proc/{playground.ready['pid']}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def soon(ask: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """What ``ask`` answers as soon as that is not None; it is asked again and again."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
    return answer


def all_closed(playground: Running) -> list[Any]:
    """The journal's ``connection.close`` events, once no connection is open any more."""

    def closes() -> list[Any] | None:
        if playground.state()["connections"]:
            return None
        return playground.events("event:connection.close")

    return soon(closes, "the end of all connections")


@contextmanager
def enough_descriptors(wanted: int) -> Iterator[None]:
    """Let this process open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < wanted:
        pytest.skip(f"this user may open {hard} descriptors, and {wanted} are needed: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
