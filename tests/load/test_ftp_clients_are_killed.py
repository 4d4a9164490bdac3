"""``kill -9`` of an FTP client, wherever it stands: what it held is released, and the journal says why."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from playground.testing import Running, run
from tests.load.people import SECONDS, descriptors_of, needs_proc, soon

PENALTY, HALF_CLOSED = 0.5, 1.0
ROOM = 8 * 1024 * 1024
"""Bytes of a file that no socket's buffers swallow."""

CLIENT = """
import ftplib, sys
ftp = ftplib.FTP(timeout=30)
ftp.connect(sys.argv[1], int(sys.argv[2]))

def login():
    ftp.login("ada", "ada")
    ftp.voidcmd("TYPE I")

{what}
print("there", flush=True)
sys.stdin.read()
"""
"""A client that goes as far as is told, says so, and does nothing more."""


class Place(NamedTuple):
    """Where a client is killed."""

    what: str
    """The Python that brings it there."""
    remembers: dict[str, Any]
    """What the server remembers there; ``...`` stands for anything."""
    ends: dict[str, str]
    """Connection (``ftp`` the control connection, ``data``) to the reasons that its end may have."""
    seconds: float
    """Until which all is released."""


PLACES = {
    "before it says anything": Place("", {}, {"ftp": "client"}, 0),
    "before its password": Place("ftp.sendcmd('USER ada')", {"user": "ada"}, {"ftp": "client"}, 0),
    "while the answer to a wrong password is held back": Place(
        "ftp.sendcmd('USER ada'); ftp.putcmd('PASS wrong')", {"failed_logins": 1}, {"ftp": "client"}, PENALTY
    ),
    "logged in": Place("login()", {"user": "ada", "type": "I"}, {"ftp": "client"}, 0),
    "with a rename begun": Place(
        "login(); ftp.sendcmd('RNFR a.txt')", {"rename_from": "/a.txt"}, {"ftp": "client"}, 0
    ),
    "with a door open that nobody has come to": Place(
        "login(); ftp.makepasv()", {"data": ..., "type": "I"}, {"ftp": "client"}, 0
    ),
    "with a transfer promised": Place(
        "login(); ftp.makepasv(); ftp.sendcmd('RETR big')",
        {"data": ..., "queued": "RETR"},
        {"ftp": "client"},
        HALF_CLOSED,  # a client that has closed its half may still come for the data
    ),
    "with a data connection open": Place(
        "import socket; login(); data = socket.create_connection(ftp.makepasv()); ftp.voidcmd('NOOP')",
        {"data": "open-idle"},
        {"ftp": "client", "data": "client"},
        0,
    ),
    "in the middle of an upload": Place(
        "login(); data = ftp.transfercmd('STOR half'); data.sendall(bytes(1_000_000))",
        {"data": "transfer:STOR"},
        {"ftp": "client or lost", "data": "client"},  # lost: when 226 was sent to it, and came back
        0,
    ),
    "in the middle of a download": Place(
        "login(); data = ftp.transfercmd('RETR big'); data.recv(1000)",
        {"data": "transfer:RETR"},
        {"ftp": "client or lost", "data": "client"},  # lost: when 426 was sent to it, and came back
        0,
    ),
    "in the middle of an active download": Place(
        "login(); ftp.set_pasv(False); data = ftp.transfercmd('RETR big'); data.recv(1000)",
        {"data": "transfer:RETR"},
        {"ftp": "client or lost", "data": "client"},  # lost: when 426 was sent to it, and came back
        0,
    ),
}


@pytest.fixture(scope="module")
def playground() -> Iterator[Running]:
    limits = [f"ftp.login_penalty={PENALTY}", f"ftp.half_closed={HALF_CLOSED}"]
    with run(only="ftp", set=limits) as running:
        with (running.state_dir / "ftp" / "big").open("wb") as file:
            file.truncate(ROOM)
        yield running


@pytest.fixture(scope="module")
def quiet(playground: Running) -> int:
    """Descriptors of a playground that nobody talks to."""
    with Client(playground, "login()"):  # it has had a client once: nothing is still to be loaded
        pass
    counts = [0, 1]
    while len(set(counts[-10:])) > 1:  # who asked it something has hung up, but that takes it a turn
        counts.append(descriptors_of(playground.ready["pid"]))
        threading.Event().wait(0.02)
    return counts[-1]


@needs_proc
@pytest.mark.parametrize("place", PLACES)
def test_a_client_is_killed(playground: Running, quiet: int, place: str):
    what, remembers, ends, seconds = PLACES[place]
    playground.reset()
    with Client(playground, what) as killed:
        held = soon(lambda: reached(playground, remembers), f"the server knows {remembers}")
        assert descriptors_of(playground.ready["pid"]) > quiet
        killed.kill()
    closes = soon(lambda: all_closed(playground, len(ends)), "the end of its connections", seconds + 5)
    why = {("data" if "." in event.conn else "ftp"): event.reason for event in closes}
    assert why.keys() == ends.keys()
    assert all(why[name] in reasons.split(" or ") for name, reasons in ends.items()), why
    forgot = {name: value for name, value in closes[-1].forgot.items() if name in held}
    assert set(forgot) >= set(held) - {"data"}, "the journal says what died with the socket"
    soon(lambda: descriptors_of(playground.ready["pid"]) == quiet or None, "no descriptor is left")
    assert not playground.events("event:trouble")


@needs_proc
def test_a_killed_uploader_leaves_what_has_arrived_and_the_next_one_goes_on_from_there(playground: Running):
    there = playground.state_dir / "ftp" / "half"
    there.unlink(missing_ok=True)
    playground.reset()
    with Client(playground, PLACES["in the middle of an upload"].what) as killed:
        soon(lambda: size(there) == 1_000_000 or None, "all that was sent is in the file")
        killed.kill()
    closes = soon(lambda: all_closed(playground, 2), "the end of its connections")
    assert closes[0].received_bytes == 1_000_000
    # For FTP a data connection that ends is an upload that is finished: nothing tells the two apart.
    (said,) = playground.events("event:sent", "226")
    assert said.data == "226 Transfer complete.\r\n"
    go_on = "login(); data = ftp.transfercmd('STOR half', rest=ftp.size('half')); data.sendall(b'the rest')"
    with Client(playground, f"{go_on}; data.close(); ftp.voidresp()"):
        pass
    assert size(there) == 1_000_008


class Client:
    """A client in a process of its own, at that place; it is gone at the end."""

    def __init__(self, playground: Running, what: str) -> None:
        host, port = playground.servers["ftp"]
        command = [sys.executable, "-c", CLIENT.format(what=what), host, str(port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> subprocess.Popen[str]:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "there\n"
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=SECONDS)


def reached(playground: Running, remembers: dict[str, Any]) -> dict[str, Any] | None:
    """What is remembered, as soon as it is that."""
    (connection,) = [one for one in playground.state()["connections"] if "." not in one["conn"]]
    held: dict[str, Any] = connection["remembers"]
    fits = all(name in held and value in (..., held[name]) for name, value in remembers.items())
    return held if fits else None


def all_closed(playground: Running, count: int) -> list[Any] | None:
    """So many ends, as soon as nothing is open any more."""
    closes = playground.events("event:connection.close")
    return closes if len(closes) == count and not playground.state()["connections"] else None


def size(file: Path) -> int:
    """Bytes of a file; 0 when there is none."""
    return file.stat().st_size if file.exists() else 0
