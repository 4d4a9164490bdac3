"""Data connections: bytes, journal, accidents."""

from __future__ import annotations

import ftplib
import io
import os
import socket
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.testing import Served, serve
from tests.reactor import the_reactor
from tests.servers.ftp.client import Client, connect

BIG = 200 * 1024 * 1024
STAMP = os.urandom(4096)


class Epsv(ftplib.FTP):
    """ftplib asks for EPSV over IPv6 only."""

    def makepasv(self) -> tuple[str, int]:
        assert self.sock is not None
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())


async def impatient(folder: Path) -> tuple[Served, Client]:
    """A server that waits 0.2 s for data connections, and somebody who has logged in there."""
    served = await serve(FtpServer(FtpLimits(data_wait=0.2)), the_reactor(), state_dir=folder)
    return served, await (await connect(served)).login()


def make_big(path: Path) -> bytes:
    """A sparse file that is not the same everywhere; returns its digest."""
    with path.open("wb") as file:
        for offset in (0, BIG // 3, BIG - len(STAMP)):
            file.seek(offset)
            file.write(STAMP)
    return digest(path)


def digest(path: Path) -> bytes:
    hashed = blake2b()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            hashed.update(piece)
    return hashed.digest()


def log_in(client: ftplib.FTP, port: int) -> ftplib.FTP:
    client.connect("127.0.0.1", port, timeout=30)
    client.login("ada", "ada")
    return client


@pytest_twisted.ensureDeferred
async def test_200_mb_come_and_go_unchanged_by_pasv_epsv_and_port(ftp: Served, tmp_path: Path):
    original = tmp_path / "original"
    expected = make_big(original)

    def transfer(client: ftplib.FTP, passive: bool) -> None:
        log_in(client, ftp.port).set_pasv(passive)
        with original.open("rb") as source:
            client.storbinary("STOR big", source, blocksize=1 << 18)
        assert digest(tmp_path / "ftp/big") == expected
        hashed = blake2b()
        client.retrbinary("RETR big", hashed.update, blocksize=1 << 18)
        assert hashed.digest() == expected
        client.delete("big")
        client.quit()

    for client, passive in ((ftplib.FTP(), True), (Epsv(), True), (ftplib.FTP(), False)):
        done: Any = deferToThread(transfer, client, passive)
        await done.addTimeout(120, ftp.playground.reactor)
    closed = [event for event in ftp.events("event:connection.close") if "." in event.conn]
    assert [event.received_bytes + event.sent_bytes for event in closed] == [BIG] * 6
    assert len(ftp.journal.ring) < 400  # a large file does not push everything else out of sight


@pytest_twisted.ensureDeferred
async def test_ascii_and_binary_files_survive_the_round_trip(ftp: Served):
    def transfer() -> tuple[bytes, list[str]]:
        client = log_in(ftplib.FTP(), ftp.port)
        client.storlines("STOR text.txt", io.BytesIO(b"one\ntwo\nthree"))
        heard: list[str] = []
        client.retrlines("RETR text.txt", heard.append)
        data = bytes(range(256)) * 300
        client.storbinary("STOR all.bin", io.BytesIO(data))
        client.storbinary("APPE all.bin", io.BytesIO(b"more"))
        back = io.BytesIO()
        client.retrbinary("RETR all.bin", back.write, rest=256 * 299)
        client.mkd("new")
        client.rename("all.bin", "new/all.bin")
        assert "all.bin" in dict(client.mlsd("new"))
        assert any("all.bin" in line for line in client.nlst("new"))
        client.sendcmd("SITE CHMOD 600 new/all.bin")
        client.quit()
        return back.getvalue(), heard

    done: Any = deferToThread(transfer)
    back, heard = await done.addTimeout(30, ftp.playground.reactor)
    assert back == bytes(range(256)) + b"more"
    assert heard == ["one", "two", "three"]


@pytest_twisted.ensureDeferred
async def test_a_client_killed_in_the_middle_of_an_upload_has_finished_it_for_ftp(
    ftp: Served, tmp_path: Path
):
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    data = await ada.data()
    await ada.ask("STOR half.bin")
    data.say(b"h" * 5000)
    await ftp.happens("event:received", "conn:ftp-1.1")
    data.hang_up()
    ada.talk.abort()
    closed = await ftp.happens("event:connection.close", count=2)
    assert {event.conn for event in closed} == {"ftp-1", "ftp-1.1"}
    assert (tmp_path / "ftp/half.bin").read_bytes() == b"h" * 5000
    assert ftp.playground.connections == []


@pytest_twisted.ensureDeferred
async def test_abor_ends_a_transfer_with_two_replies(ftp: Served, tmp_path: Path):
    make_big(tmp_path / "ftp/big")
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    data = await ada.data()
    data.stop_reading()
    await ada.ask("RETR big")
    await ftp.happens("event:state", "/transfer:RETR/")
    ada.talk.say(b"\xff\xf4\xff\xf2ABOR\r\n")
    assert await ada.reply() == "426 Transfer aborted via ABOR."
    assert await ada.reply() == "226 ABOR command successful."
    assert "data" not in ada.remembers()
    data.abort()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_abor_ends_a_transfer_that_waits_for_its_data_connection(ftp: Served):
    ada = await (await connect(ftp)).login()
    await ada.door()
    assert (await ada.ask("RETR a.txt")).startswith("150 ")
    assert await ada.ask("ABOR") == "426 Transfer aborted via ABOR."
    assert await ada.reply() == "226 ABOR command successful."
    assert ada.remembers() == {"user": "ada", "authenticated": True, "cwd": "/"}
    assert (await ada.get("docs/a.txt")).startswith(b"I am /docs/a.txt.")
    ada.talk.hang_up()


@pytest.mark.parametrize("command", ["RETR a.txt", "STOR x", "LIST"])
@pytest_twisted.ensureDeferred
async def test_a_transfer_without_a_data_connection_is_not_promised_for_ever(tmp_path: Path, command: str):
    served, ada = await impatient(tmp_path)
    assert (await ada.ask(command)).startswith("150 ")
    assert await ada.reply() == "425 No data connection: say PASV, EPSV, PORT or EPRT first."
    assert [event.limit for event in ada.events("limit")] == ["ftp.data_wait"]
    assert {event.rule for event in served.events("event:refused")} == {"bad-sequence"}
    assert (await ada.ask("NOOP")).startswith("200 ")
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_transfer_may_be_asked_for_before_its_data_connection(ftp: Served):
    """RFC 959 has it the other way round; pyftpdlib lets clients do so."""
    ada = await (await connect(ftp)).login()
    assert (await ada.ask("RETR a.txt")).startswith("150 ")
    data = await ada.data()
    assert (await data.rest()).startswith(b"I am /a.txt.")
    assert (await ada.reply()).startswith("226 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_client_that_hangs_up_on_a_download_is_told(ftp: Served, tmp_path: Path):
    make_big(tmp_path / "ftp/big")
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    data = await ada.data()
    data.stop_reading()
    await ada.ask("RETR big")
    await ftp.happens("event:state", "/transfer:RETR/")
    data.abort()
    assert (await ada.reply()).startswith("426 Transfer aborted; ")
    (closed,) = await ftp.happens("event:connection.close")
    assert closed.reason == "client"
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_second_transfer_has_to_wait(ftp: Served):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    await ada.ask("STOR x")
    data.say("half")
    await ftp.happens("event:state", "/transfer:STOR/")
    assert (await ada.ask("RETR a.txt")).startswith("450 Another transfer")
    ada.talk.say("PASV\r\n")
    assert await ada.reply() == "426 Transfer aborted: a new data connection was asked for."
    assert (await ada.reply()).startswith("227 ")
    await data.rest()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_data_connection_that_does_not_come_is_not_waited_for(tmp_path: Path):
    served, ada = await impatient(tmp_path)
    await ada.ask("PASV")
    await ada.ask("RETR a.txt")
    assert ada.remembers()["queued"] == "RETR"
    assert await ada.reply() == "425 The data connection did not come in time."
    assert ada.remembers() == {"user": "ada", "authenticated": True, "cwd": "/"}
    pasv = next(event for event in ada.events("received") if event.data == "PASV\r\n")
    assert ada.events("sent")[-1].cause == pasv.seq
    assert [(event.limit, event.value) for event in ada.events("limit")] == [("ftp.data_wait", 0.2)]
    await ada.ask("PASV")  # now nothing waits for it, so nobody is told
    await served.happens("event:limit", count=2)
    assert await ada.ask("NOOP") == "200 Nothing done, nothing changed."
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_client_that_cannot_be_called_back_is_told_and_stays(tmp_path: Path):
    served, ada = await impatient(tmp_path)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as others:
        for _ in range(4):  # nobody accepts them, so the next one gets no answer
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        told = await ada.ask(f"EPRT |1|127.0.0.1|{full.getsockname()[1]}|")
    assert told == "425 The data connection could not be opened in time."
    assert [event.limit for event in ada.events("limit")] == ["ftp.data_wait"]
    assert (await ada.ask("PWD")).startswith("257 ")
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_transfer_that_does_not_move_is_given_up(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(data_stall=0.2)), reactor, state_dir=tmp_path)
    ada = await (await connect(served)).login()
    data = await ada.data()
    await ada.ask("STOR x")
    assert await ada.reply() == "421 Data connection timed out."
    await data.rest()
    await ada.talk.rest()
    await served.happens("event:connection.close", count=2)
    assert [event.reason for event in served.events("event:connection.close")] == ["idle", "idle"]
    assert [event.limit for event in served.events("event:limit")] == ["ftp.data_stall"]
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_file_that_is_sent_before_its_command_is_stored(ftp: Served, tmp_path: Path):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    data.say("sent early").end()
    await ftp.happens("event:state", "/open-idle/")
    assert (await ada.ask("NOOP")).startswith("200 ")
    assert (await ada.ask("STOR early.txt")).startswith("125 ")
    assert await ada.reply() == "226 Transfer complete."
    assert (tmp_path / "ftp/early.txt").read_bytes() == b"sent early"
    data.hang_up()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_passive_ports_are_those_that_were_chosen_and_when_they_are_taken_that_is_told(tmp_path: Path):
    reactor = the_reactor()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, ftp_passive_ports=range(free, free + 1))
    ada, bob = await (await connect(served)).login(), await (await connect(served)).login("bob")
    assert await ada.door() == free
    assert await ada.door("EPSV") == free  # replaces the first
    told = "425 All ports for data connections are taken; try again, or use PORT."
    assert [await bob.ask("PASV"), await bob.ask("EPSV")] == [told] * 2
    assert [event.limit for event in served.events("event:limit")] == ["ftp.passive_ports"] * 2
    assert (await ada.get("a.txt")).startswith(b"I am /a.txt")
    assert (await bob.get("a.txt")).startswith(b"I am /a.txt")
    for client in (ada, bob):
        client.talk.hang_up()
    await served.stop()
