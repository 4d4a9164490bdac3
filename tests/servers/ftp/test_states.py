"""Every way between the states of an FTP session, walked over a socket."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted

from playground.servers.ftp.states import WAYS
from playground.testing import Served
from tests.servers.ftp.client import Client, connect, steps


async def download(ada: Client, *meanwhile: str) -> None:
    """A transfer during which something is said. The file is larger than what is in flight."""
    data = await ada.data()
    data.stop_reading()
    await ada.ask("RETR big")
    for command in meanwhile:
        await ada.ask(command)
    data.read_again()
    await data.rest()
    assert (await ada.reply()).startswith("226 ")


async def upload_and(ada: Client, command: str, *answers: str) -> None:
    """An upload that the command ends."""
    await ada.data()
    await ada.ask("STOR up")
    ada.talk.say(f"{command}\r\n")
    assert [(await ada.reply())[:3] for _ in answers] == [*answers]


async def later(ada: Client, command: str) -> None:
    """The command first, the data connection afterwards."""
    port = await ada.door()
    await ada.ask(command)
    data = await ada.call(port)
    await data.rest()
    await ada.reply()


async def forget(ada: Client) -> None:
    """``playground forget``."""
    ada.served.playground.forget("connection")


async def walk(ada: Client) -> None:
    """All of them."""
    await ada.login()
    await ada.ask("REIN")
    await ada.ask("USER ada")
    await ada.ask("PASS wrong")
    await ada.ask("USER ada")
    await forget(ada)
    await ada.login()
    await ada.ask("USER bob")
    await ada.ask("PASS bob")
    await forget(ada)
    await ada.login()
    await ada.ask("RNFR a.txt")
    await later(ada, "LIST")
    await ada.ask("RNTO b.txt")
    await ada.ask("RNFR b.txt")
    await ada.ask("REIN")
    await ada.login()
    await ada.ask("RNFR b.txt")
    await ada.ask("USER ada")
    await ada.ask("PASS ada")
    await ada.ask("RNFR b.txt")
    await download(ada)
    await forget(ada)
    await ada.login()
    await download(ada, "REIN")
    await ada.login()
    await download(ada, "USER bob")
    await ada.ask("PASS bob")


@pytest_twisted.ensureDeferred
async def test_every_way_is_walked(ftp: Served, tmp_path: Path):
    (tmp_path / "ftp" / "big").write_bytes(bytes(12_000_000))
    ada = await connect(ftp)
    await walk(ada)
    for command in ("NLST", "MLSD", "RETR b.txt"):
        data = await ada.data()
        await ada.ask(command)
        await data.rest()
        await ada.reply()
    for command in ("STOR x", "APPE x", "STOU"):
        data = await ada.data()
        await ada.ask(command)
        data.end()
        await ada.reply()
    await upload_and(ada, "ABOR", "225")
    await upload_and(ada, "PASV", "426", "227")
    await upload_and(ada, "EPSV", "426", "229")
    await upload_and(ada, "NOOP", "200")
    await forget(ada)
    assert (await ada.reply()).startswith("426 ")
    await ada.login()
    data = await ada.data()
    await ada.ask("STOR x")
    ada.talk.say("QUIT\r\n")
    await ftp.happens("event:state", "quit_pending")
    walked = {(step.before, step.input, step.after) for step in steps(ftp)}
    assert {(before, after) for before, _, after in walked} == {(way.before, way.after) for way in WAYS}
    assert walked <= {(way.before, what, way.after) for way in WAYS for what in way.inputs}
    data.hang_up()
