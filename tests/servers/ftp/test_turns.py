"""Nobody is held up: large folders and floods of commands are worked through piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted

from playground.servers.ftp.filesystem import NAMES_AT_ONCE
from playground.servers.ftp.talk import LINES_AT_ONCE
from playground.testing import Served
from tests.servers.ftp.client import connect

MANY = 3 * NAMES_AT_ONCE + 7


@pytest.fixture
def many(tmp_path: Path) -> list[str]:
    """Names in the folder ``many``, in order. One more is in it, which is never shown."""
    folder = tmp_path / "ftp" / "many"
    folder.mkdir(parents=True)
    names = [f"file {number:05}" for number in range(MANY)]
    for name in [*reversed(names), "two\nlines"]:
        (folder / name).touch()
    return names


@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD"])
@pytest_twisted.ensureDeferred
async def test_a_large_folder_is_listed_whole_and_in_order(many: list[str], ftp: Served, command: str):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    ada.talk.say(f"{command} many\r\nNOOP\r\n")
    listing = (await data.rest()).decode().splitlines()
    assert [line[line.index("file ") :] for line in listing] == many
    replies = [(await ada.reply())[:3] for _ in range(3)]
    assert sorted(replies) == ["125", "200", "226"]
    assert replies[0] == "125", "NOOP waits for the listing to begin"
    (sent,) = [event for event in ftp.events("event:sent") if event.data.startswith("226")]
    asked = next(event.seq for event in ftp.events("event:received") if event.data.startswith(command))
    assert sent.cause == asked
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_stat_shows_as_much_of_a_large_folder_as_a_reply_holds(many: list[str], ftp: Served):
    ada = await (await connect(ftp)).login()
    reply = await ada.ask("STAT many")
    assert many[0] in reply
    assert " ... and more. LIST gives all of it.\r\n" in reply
    assert (await ada.ask("NOOP")).startswith("200 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_while_one_folder_is_read_others_are_served(many: list[str], ftp: Served):
    ada, bob = await (await connect(ftp)).login(), await (await connect(ftp)).login("bob")
    data = await ada.data()
    before = len(ftp.events())
    ada.talk.say("NLST many\r\n")
    bob.talk.say("NOOP\r\n")
    await bob.reply()
    assert await ada.reply() == "125 Data connection already open. Transfer starting."
    conns = [event.conn for event in ftp.events("event:sent") if event.seq > before]
    assert conns[:2] == [bob.conn, ada.conn]
    await data.rest()
    for client in (ada, bob):
        client.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_is_forgotten_while_a_folder_is_read_gets_no_listing(many: list[str], ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.door()
    ada.talk.say("NLST many\r\n")
    await ftp.happens("event:received", "NLST")
    ftp.playground.forget("connection")
    assert await ada.reply() == "530 Log in with USER and PASS first."
    assert (await ada.ask("PWD")).startswith("530 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_flood_of_commands_is_answered_whole_and_in_order(ftp: Served):
    ada = await (await connect(ftp)).login()
    count = 5 * LINES_AT_ONCE + 1
    ada.talk.say("NOOP\r\nPWD\r\n" * count + "QUIT\r\n").end()
    replies = (await ada.talk.rest()).decode().splitlines()
    assert [reply[:3] for reply in replies] == ["200", "257"] * count + ["221"]
