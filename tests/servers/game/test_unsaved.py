"""What somebody may be told while a save hangs, or when one has failed: nothing but what is saved."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_twisted

from playground.servers.game import words
from playground.stores import snapshots
from playground.testing import Served, Talk
from tests.reactor import the_reactor
from tests.servers.game.players import GREETING, durable, seated


@contextmanager
def a_disk_that_hangs(folder: Path) -> Iterator[None]:
    """Nothing can be saved meanwhile, and nobody is told so yet: somebody else writes to the file."""
    with closing(sqlite3.connect(folder / "game.sqlite", isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        yield
        somebody_else.execute("ROLLBACK")


async def a_table(folder: Path, *names: str) -> tuple[Served, list[Talk]]:
    """A game that is saved in ``folder``, and who sits there. They have read all that was said."""
    served = await durable(folder, the_reactor())
    people: list[Talk] = []
    for name in names:
        newcomer, _ = await seated(served, name)
        if people:
            await newcomer.until("* here already: ")
            await newcomer.line()
        for person in people:
            await person.until(f"* {name} sits down\n")
        people.append(newcomer)
    return served, people


@pytest_twisted.ensureDeferred
async def test_who_only_asks_is_told_of_what_is_saved_and_waits_for_no_save(tmp_path: Path):
    served, (ada, bob) = await a_table(tmp_path, "ada", "bob")
    with a_disk_that_hangs(tmp_path):
        ada.say("ready\nlook\n")
        await served.happens("conn:game-1", "event:state", "/ready/")
        bob.say("look\nwho\nhelp\n")
        assert await bob.line() == b"> no cave is open. Chests: ada=0, bob=0\n"
        assert await bob.line() == b"> not ready yet: ada and bob\n"
        assert await bob.line() == b"* ada: here, carries 0, chest 0\n"
        assert await bob.line() == b"* bob: here, carries 0, chest 0\n"
        for line in words.HELP:
            assert await bob.line() == f"{line}\n".encode()
        eve = await served.connect()
        assert await eve.line() == GREETING
        assert not served.events("conn:game-1", "event:sent", "/= ready/")
    assert await ada.line() == b"= ready\n"
    assert await ada.line() == b"* ada is ready (1/2)\n"
    assert await ada.line() == b"> no cave is open. Chests: ada=0, bob=0\n"
    assert await ada.line() == b"> not ready yet: bob\n"  # she has asked after she was ready
    assert await bob.line() == b"* ada is ready (1/2)\n"
    bob.say("look\n")
    assert await bob.until("not ready yet: bob\n")
    for person in (ada, bob, eve):
        person.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_in_a_cave_too_the_saved_one_is_shown_until_the_next_is_saved(tmp_path: Path):
    served, (ada, bob, eve) = await a_table(tmp_path, "ada", "bob", "eve")
    for person in (ada, bob, eve):
        person.say("ready\n")
    for person in (ada, bob, eve):
        await person.until("you carry 0\n")
    with a_disk_that_hangs(tmp_path):
        ada.say("go\n")
        await served.happens("conn:game-1", "event:received", "/go/")
        bob.abort()
        await served.happens("event:state", "/bob/", "/away/")
        eve.say("look\nwho\n")
        assert await eve.line() == b"> cave 1, depth 0. Floor: 0 gems. Dangers seen: none\n"
        assert (await eve.line()).startswith(b"> inside: ada=0, bob=0, eve=0 (")
        assert await eve.line() == b"> still to choose: ada, bob and eve\n"
        assert [(await eve.line()).split(b",")[0] for _ in range(3)] == [
            b"* ada: here",
            b"* bob: here",  # that he has gone is no news yet
            b"* eve: here",
        ]
    assert await eve.line() == b"* ada has chosen (1/3)\n"
    assert (await eve.line()).startswith(b"* bob has gone quiet")
    eve.say("look\nwho\n")
    await eve.until("> still to choose: bob (away) and eve\n")
    await eve.until("* bob: away")
    for person in (ada, eve):
        person.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_question_that_proves_a_new_token_arrived_is_answered_when_that_is_saved(tmp_path: Path):
    served = await durable(tmp_path, the_reactor())
    ada, token = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    ada.hang_up()
    await bob.until("gone quiet")
    ada = await served.connect()
    await ada.line()
    ada.say(f"resume {token}\n")
    await ada.until("* Say: ready\n")
    await bob.until("* ada is back\n")
    with a_disk_that_hangs(tmp_path):
        ada.say("look\n")
        await served.happens("conn:game-3", "event:received", "/look/")
        bob.say("look\n")
        await bob.until("> not ready yet: ada and bob\n")
        assert not served.events("conn:game-3", "event:sent", "/Chests/")
        eve = await served.connect()
        await eve.line()
        eve.say(f"resume {token}\n")  # the older token is not good any more, and that waits as well
        await served.happens("conn:game-4", "event:received", "/resume/")
    assert await ada.line() == b"> no cave is open. Chests: ada=0, bob=0\n"
    assert await eve.line() == b"! no seat has that token. Only the newest counts, while the seat is kept\n"
    for person in (ada, bob, eve):
        person.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_after_a_failed_save_a_question_waits_until_it_is_certain_again_what_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(snapshots, "BUSY_SECONDS", 0.05)
    served, (ada, bob) = await a_table(tmp_path, "ada", "bob")
    with a_disk_that_hangs(tmp_path):
        ada.say("ready\n")
        assert (await ada.until("! not saved")) == b"! not saved"
        await ada.line()
        bob.say("look\n")  # what the disk refused it may have taken all the same
        assert (await bob.until("! not saved")) == b"! not saved"
        await bob.line()
        assert not served.events("conn:game-2", "event:sent", "/Chests/")
    bob.say("look\n")
    assert await bob.line() == b"> no cave is open. Chests: ada=0, bob=0\n"
    assert await bob.line() == b"> not ready yet: ada and bob\n"
    ada.hang_up()
    bob.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_of_those_whose_moves_are_saved_together_each_is_the_cause_of_its_own_answers_alone(
    tmp_path: Path,
):
    served, (ada, bob, eve) = await a_table(tmp_path, "ada", "bob", "eve")
    with a_disk_that_hangs(tmp_path):
        for person, name in ((eve, "game-3"), (ada, "game-1"), (bob, "game-2")):
            person.say("ready\n")
            await served.happens(f"conn:{name}", "event:received", "/ready/")
    for person in (ada, bob, eve):
        await person.until("* bob is ready (3/3)\n")
    said = {event.seq: event.conn for event in served.events("event:received")}
    told = served.events("event:sent", "/is ready/")
    assert [(event.data, event.conn, said.get(event.cause)) for event in told] == [
        (line, conn, conn if conn == mover else None)
        for line, mover in (
            ("* eve is ready (1/3)\n", "game-3"),
            ("* ada is ready (2/3). Not ready yet: bob\n", "game-1"),
            ("* bob is ready (3/3)\n", "game-2"),
        )
        for conn in ("game-1", "game-2", "game-3")
    ]
    for person in (ada, bob, eve):
        person.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_who_has_sent_much_ahead_is_read_again_once_all_of_it_is_saved(tmp_path: Path):
    """More than is kept: nothing more is read of it meanwhile. Its last line has to be saved, too."""
    served, (ada,) = await a_table(tmp_path, "ada")
    with a_disk_that_hangs(tmp_path):
        ada.say("ready\n" + 26 * f"say {'x' * 180}\n" + "leave\n")
        await served.happens("conn:game-1", "event:received", "/ready/")
    for _ in range(26):
        await ada.until(f"* ada: {'x' * 180}\n")
    await ada.until("= you have left the table. ")
    ada.say("name ada\n")
    await ada.until("* welcome ada. ")
    ada.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_who_closes_its_half_during_a_save_is_answered_and_closed_after_it(tmp_path: Path):
    served, (ada,) = await a_table(tmp_path, "ada")
    with a_disk_that_hangs(tmp_path):
        ada.say("ready\n").end()
        await served.happens("conn:game-1", "event:received", "/ready/")
    assert (await ada.rest()).startswith(b"= ready\n> cave 1 of 3. ")
    await served.stop()
