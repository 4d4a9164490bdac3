"""Room to store: quotas, full disks, and transfers that break just then."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest_twisted

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.stores.accounts import Account, Accounts
from playground.testing import Served, serve
from tests.reactor import the_reactor
from tests.servers.ftp.client import Client, connect

SMALL = 64 * 1024


async def with_quota(served: Served, home: Path, quota: int) -> tuple[Client, Client]:
    """Eve, twice, who may store so many bytes in her own folder."""
    home.mkdir()
    served.playground.accounts = Accounts([Account("eve", "eve", root=home, quota=quota)])
    return await (await connect(served)).login("eve"), await (await connect(served)).login("eve")


@pytest_twisted.ensureDeferred
async def test_a_quota_ends_an_upload_and_what_was_stored_stays(ftp: Served, tmp_path: Path):
    eve, again = await with_quota(ftp, tmp_path / "eve", 100)
    (tmp_path / "eve/old").write_bytes(b"o" * 60)
    data = await eve.data()
    await eve.ask("STOR big")
    data.say(b"b" * 50)
    assert await eve.reply() == f"552 {os.strerror(122)}; the file is incomplete, and stays."
    await data.rest()
    assert [event.limit for event in ftp.events("event:limit")] == ["ftp.quota"]
    assert (await eve.ask("DELE old")).startswith("250 ")
    data = await eve.data()
    await eve.ask("STOR big")
    data.say(b"b" * 100).hang_up()
    assert await eve.reply() == "226 Transfer complete."
    for client in (eve, again):
        client.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_two_uploads_of_one_account_share_its_quota(ftp: Served, tmp_path: Path):
    eve, again = await with_quota(ftp, tmp_path / "eve", 100)
    first, second = await eve.data(), await again.data()
    await eve.ask("STOR one")
    await again.ask("STOR two")
    first.say(b"1" * 80)
    await ftp.happens("event:state", "conn:ftp-1", "/transfer:STOR/")
    second.say(b"2" * 80)
    first.hang_up()
    second.hang_up()
    replies = {await eve.reply(), await again.reply()}
    assert {reply[:3] for reply in replies} == {"226", "552"}
    stored = sum(path.stat().st_size for path in (tmp_path / "eve").iterdir())
    assert stored <= 100
    for client in (eve, again):
        client.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_more_files_than_can_be_counted_end_in_a_refusal(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(quota_files=3)), reactor, state_dir=tmp_path)
    eve, again = await with_quota(served, tmp_path / "eve", 1000)
    for number in range(4):
        assert (await eve.ask(f"MKD {number}")).startswith("257 ")
    reply = "552 You have more than 3 files and folders; delete some first."
    assert [await eve.ask(f"{command} x") for command in ("STOR", "APPE", "STOU", "MKD")] == [reply] * 4
    assert not (tmp_path / "eve/x").exists()
    assert [event.limit for event in served.events("event:limit")] == ["ftp.quota_files"] * 4
    for client in (eve, again):
        client.talk.hang_up()
    await served.stop()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk with little room, where one may be mounted; else files that may not grow."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    mount = shutil.which("mount")
    if mount and subprocess.run([mount, *options], capture_output=True, check=False).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_told_in_words_and_what_was_stored_stays(tmp_path: Path):
    reactor = the_reactor()
    with small_disk(tmp_path / "disk"):
        served = await serve(FtpServer(), reactor, ftp_root=str(tmp_path / "disk"), ftp_write=True)
        ada = await (await connect(served)).login()
        await ada.ask("TYPE I")
        data = await ada.data()
        await ada.ask("STOR big")
        data.say(b"b" * 4 * SMALL)
        assert (await ada.reply()) in {
            "552 No space left on device; the file is incomplete, and stays.",
            "552 File too large; the file is incomplete, and stays.",
        }
        await data.rest()
        assert 0 < (tmp_path / "disk/big").stat().st_size <= SMALL
        assert len(served.events("event:trouble")) == 1
        assert (await ada.ask("NOOP")).startswith("200 ")
        ada.talk.hang_up()
        await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_disk_that_is_full_at_the_very_end_is_no_success(tmp_path: Path):
    """The last bytes are in a buffer of ours when the client has gone."""
    reactor = the_reactor()
    with small_disk(tmp_path / "disk"):
        (tmp_path / "disk/big").write_bytes(b"b" * SMALL)
        served = await serve(FtpServer(), reactor, ftp_root=str(tmp_path / "disk"), ftp_write=True)
        ada = await (await connect(served)).login()
        await ada.ask("TYPE I")
        data = await ada.data()
        await ada.ask("APPE big")
        data.say(b"!").hang_up()
        assert (await ada.reply()).startswith("552 ")
        assert (await ada.ask("NOOP")).startswith("200 ")
        assert "data" not in ada.remembers()
        ada.talk.hang_up()
        await served.stop()


def reset(sock: socket.socket) -> None:
    """Close so that the other side is told of a failure."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest_twisted.ensureDeferred
async def test_a_download_that_breaks_at_its_first_byte_is_no_success(ftp: Served, tmp_path: Path):
    """pyftpdlib would say 226: nothing is queued yet when sendfile fails the first time."""
    (tmp_path / "ftp/big").write_bytes(b"b" * 1_000_000)
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    port = await ada.door()
    data = socket.create_connection(("127.0.0.1", port), 5)
    await ftp.happens("event:connection.open", "conn:ftp-1.1")
    # Both come in one turn of the reactor, the command first.
    ada.talk.transport.socket.sendall(b"RETR big\r\n")  # type: ignore[union-attr]  # at once, not in the next turn
    reset(data)
    assert (await ada.reply())[:3] in ("125", "150")
    assert (await ada.reply()) == "426 Transfer aborted; 0 bytes transmitted."
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_promise_whose_connection_breaks_at_once_is_told(ftp: Served):
    ada = await (await connect(ftp)).login()
    port = await ada.door()
    await ada.ask("RETR a.txt")
    reset(socket.create_connection(("127.0.0.1", port), 5))  # before it is accepted
    assert (await ada.reply()).startswith("426 ")
    assert "queued" not in ada.remembers()
    ada.talk.hang_up()
