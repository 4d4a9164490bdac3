"""A game that outlives its process: what was answered was saved."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
import pytest_twisted

from playground.stores import snapshots
from playground.stores.snapshots import StoreError
from playground.testing import Running, start
from tests.reactor import the_reactor
from tests.servers.game.players import GREETING, durable, seated, token_in

NO_SEAT = "! no seat has that token. Only the newest counts, while the seat is kept"


class Netcat:
    """A plain blocking client."""

    def __init__(self, playground: Running) -> None:
        self._socket = socket.create_connection(playground.servers["game"], 10)
        self._lines: IO[bytes] = self._socket.makefile("rb")
        assert self.line() == GREETING.decode().strip()

    def say(self, line: str) -> Netcat:
        self._socket.sendall(f"{line}\n".encode())
        return self

    def line(self) -> str:
        line = self._lines.readline()
        assert line, "the server has closed"
        return line.decode().strip()

    def until(self, beginning: str) -> str:
        while not (line := self.line()).startswith(beginning):
            pass
        return line

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def a_playground(folder: Path, *more: str) -> Running:
    return start(
        folder, "--set", "game.hello=0.02", *more, http=None, ftp=None, waiter=None, only="game", game_seed=3
    )


def killed(playground: Running) -> None:
    os.kill(playground.process.pid, signal.SIGKILL)
    playground.process.wait(10)


def token_of(line: str) -> str:
    found = re.search(r"\b[0-9a-f]{20}\b", line)
    assert found
    return found[0]


def test_a_game_goes_on_after_kill_9(tmp_path: Path):
    with a_playground(tmp_path) as playground:
        ada = Netcat(playground)
        token = token_of(ada.say("name ada").until("* welcome"))
        ada.say("ready").until("? ")
        ada.say("go").until("? ")
        told = ada.say("look").until("> cave")
        inside = ada.line()
        killed(playground)
        ada.close()
    with a_playground(tmp_path) as playground:
        eve = Netcat(playground)
        assert eve.say("resume " + "0" * 20).line() == NO_SEAT
        eve.close()
        ada = Netcat(playground)
        ada.say(f"resume {token}").until("* welcome back ada.")
        left = re.search(r"\((\d+)s of oil", ada.until("? "))
        assert left
        assert 50 <= int(left[1]) <= 60
        assert ada.say("look").until("> cave") == told
        assert ada.line().partition(" (")[0] == inside.partition(" (")[0]
        ada.close()


def test_with_memory_the_game_dies_with_the_process(tmp_path: Path):
    with a_playground(tmp_path, "--game-store", "memory") as playground:
        ada = Netcat(playground)
        token = token_of(ada.say("name ada").until("* welcome"))
        killed(playground)
        ada.close()
    assert not (tmp_path / "game.sqlite").exists()
    with a_playground(tmp_path, "--game-store", "memory") as playground:
        ada = Netcat(playground)
        assert ada.say(f"resume {token}").line() == NO_SEAT
        ada.close()


def test_no_token_is_in_the_file(tmp_path: Path):
    with a_playground(tmp_path) as playground:
        ada = Netcat(playground)
        token = token_of(ada.say("name ada").until("* welcome"))
        ada.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("game.sqlite*"))
    assert b'"ada"' in stored
    assert token.encode() not in stored
    assert (tmp_path / "game.sqlite").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("kind", ["garbage", "newer", "foreign", "impossible"])
def test_a_store_that_cannot_be_used_is_refused_and_left_alone(tmp_path: Path, kind: str):
    file = tmp_path / "game.sqlite"
    if kind == "garbage":
        file.write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    else:
        with closing(sqlite3.connect(file)) as made, made:
            made.execute("CREATE TABLE snapshot (one INTEGER PRIMARY KEY, taken_at REAL, body BLOB)")
            made.execute("INSERT INTO snapshot VALUES (1, 0.0, ?)", (b'{"table": "upside down"}',))
            made.execute(f"PRAGMA application_id = {1 if kind == 'foreign' else snapshots.MARK}")
            made.execute(f"PRAGMA user_version = {99 if kind == 'newer' else 1}")
    before = file.read_bytes()
    with pytest.raises(RuntimeError) as refused:
        a_playground(tmp_path)
    (line,) = str(refused.value).partition(": ")[2].splitlines()
    assert str(file) in line
    assert "playground --game-store memory" in line
    assert file.read_bytes() == before


@pytest_twisted.ensureDeferred
async def test_what_the_disk_does_not_take_did_not_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reactor = the_reactor()
    monkeypatch.setattr(snapshots, "BUSY_SECONDS", 0.05)
    served = await durable(tmp_path, reactor)
    ada, _ = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    assert await bob.line() == b"* here already: ada\n"
    await ada.until("* bob sits down\n")
    eve = await served.connect()
    await eve.line()
    with closing(sqlite3.connect(tmp_path / "game.sqlite", isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        ada.say("ready\n")
        await ada.until("! not saved")
        await ada.line()
        eve.say("name eve\n")
        assert (await eve.until("! not saved")) == b"! not saved"
        assert (await eve.line()).endswith(b"watch\n")
        somebody_else.execute("ROLLBACK")
    assert served.events("event:trouble")
    assert {event.rule for event in served.events("event:refused")} == {"not-saved"}
    eve.say("who\n")
    assert await eve.line() == b"* ada: here, carries 0, chest 0\n"
    ada.say("ready\n")
    assert await bob.line() == b"* ada is ready (1/2)\n"  # the first one never reached him
    for person in (ada, bob, eve):
        person.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_lines_sent_at_once_are_answered_in_order(tmp_path: Path):
    reactor = the_reactor()
    served = await durable(tmp_path, reactor)
    ada = await served.connect()
    await ada.line()
    ada.say("name ada\nready\nlook\nleave\nstate\nquit\n").end()
    told = (await ada.rest()).decode().splitlines()
    mine = [line[:12] for line in told if line[0] not in ">?"]
    assert mine == ["* welcome ad", "= ready", "= you have l", '{"connection', "* goodbye"]
    kinds = [type(event).__name__ for event in served.events("conn:game-1", "event:received")]
    assert len(kinds) == 6
    first, second = served.events("event:received", "/name ada/")[0], served.events("/welcome ada/")[0]
    assert second.cause == first.seq
    await served.stop()
    again = await durable(tmp_path, reactor)
    assert list(again.server.subjects()) == []  # who has left has left
    await again.stop()


@pytest_twisted.ensureDeferred
async def test_a_seat_survives_a_polite_stop_and_its_grace_begins_anew(tmp_path: Path):
    reactor = the_reactor()
    served = await durable(tmp_path, reactor)
    ada, token = await seated(served, "ada")
    await served.stop()
    told = b"* the playground closes; seats are kept until it is back: resume <token>\n"
    assert await ada.rest() == told
    served = await durable(tmp_path, reactor)
    (started,) = await served.happens("event:session.start")
    assert started.session == "game/ada"
    assert 59 < started.expires_in <= 60
    ada = await served.connect()
    ada.say(f"resume {token}\n")
    assert token_in(await ada.until("You carry 0; chest 0\n")) != token
    ada.hang_up()
    await served.stop()


def test_an_older_store_is_brought_up_to_date_and_a_copy_kept(tmp_path: Path):
    from twisted.internet.task import Clock

    path = tmp_path / "older.sqlite"
    assert snapshots.SnapshotStore(path, Clock()).open() is None
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO snapshot VALUES (1, 7.0, ?)", (b"old",))
    newer = snapshots.SnapshotStore(path, Clock(), version=2, upgrades={1: lambda body: body + b" made new"})
    found = newer.open()
    assert found == (7.0, b"old made new")
    with closing(sqlite3.connect(tmp_path / "older.sqlite.version-1")) as copy:
        assert copy.execute("SELECT body FROM snapshot").fetchone() == (b"old",)
    with pytest.raises(StoreError, match="newer version"):
        snapshots.SnapshotStore(path, Clock()).open()


@pytest_twisted.ensureDeferred
async def test_nobody_is_forgotten_who_spoke_while_others_were_saved(tmp_path: Path):
    reactor = the_reactor()
    served = await durable(tmp_path, reactor)
    people = [await served.connect() for _ in range(30)]
    for number, person in enumerate(people):
        for line in (f"name p-{number}", "look", "who", "say hello", "leave", "state", f"name q-{number}"):
            person.say(f"{line}\n")
    for number, person in enumerate(people):
        await person.until(f"* welcome q-{number}. ")
        person.say("quit\n").end()
    for person in people:
        assert (await person.rest()).endswith(b"* goodbye\n")
    await served.stop()
