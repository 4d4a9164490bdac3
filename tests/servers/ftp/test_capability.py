"""What the protocol can do, a transcript each: both address families, both directions, every way to begin."""

from __future__ import annotations

import ftplib
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.stores.accounts import Account, Accounts
from playground.testing import Served, Talk, serve
from tests.reactor import the_reactor
from tests.servers.ftp.client import Client, connect


async def beside(served: Served, work: Callable[[], Any]) -> Any:
    """What blocks, in a thread beside the server's reactor."""
    done: Any = deferToThread(work)
    return await done.addTimeout(30, served.playground.reactor)


class AnyFamily(ftplib.FTP):
    """ftplib says EPSV and EPRT over IPv6, PASV and PORT over IPv4."""


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (r"tcp:0:interface=\:\:1", "::1"),
        (r"tcp:0:interface=\:\:", "::1"),
        (r"tcp:0:interface=\:\:", "127.0.0.1"),
        ("tcp:0:interface=127.0.0.1", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("passive", [True, False])
@pytest_twisted.ensureDeferred
async def test_both_families_both_ways(tmp_path: Path, endpoint: str, address: str, passive: bool):
    reactor = the_reactor()
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint=endpoint)
    content = os.urandom(300_000)

    def talk() -> bytes:
        with AnyFamily(timeout=10) as ftp:
            ftp.connect(address, served.port)
            ftp.login("ada", "ada")
            ftp.set_pasv(passive)
            ftp.storbinary("STOR x", io.BytesIO(content))
            back = io.BytesIO()
            ftp.retrbinary("RETR x", back.write)
            return back.getvalue()

    assert await beside(served, talk) == content
    words = {event.data.split()[0] for event in served.events("event:received") if "." not in event.conn}
    ways = {
        ("::1", True): "EPSV",
        ("::1", False): "EPRT",
        ("127.0.0.1", True): "PASV",
        ("127.0.0.1", False): "PORT",
    }
    assert words & {"EPSV", "EPRT", "PASV", "PORT"} == {ways[address, passive]}
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_epsv_and_eprt_name_their_family(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint=r"tcp:0:interface=\:\:1")
    ada = await (await connect(served)).login()
    assert (await ada.ask("EPSV 2")).startswith("229 ")
    assert await ada.ask("EPSV 1") == "522 Network protocol not supported (use 2)."
    for spelling in ("::2", "0:0:0:0:0:0:0:2"):
        assert (await ada.ask(f"EPRT |2|{spelling}|51201|")).startswith(
            "501 Rejected data connection to fore"
        )
    assert await ada.ask("EPRT |2|nonsense|51201|") == "501 Invalid EPRT format."
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_facts_are_listed_and_chosen(ftp: Served):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    assert (await ada.ask("MLSD"))[:3] in ("125", "150")
    lines = (await data.rest()).decode().splitlines()
    assert await ada.reply() == "226 Transfer complete."
    facts = {line.partition("; ")[2]: line for line in lines}
    assert {"README.txt", "a.txt", "docs", "pub"} == set(facts)
    assert "type=dir" in facts["docs"]
    assert "size=45;" in facts["a.txt"]
    assert await ada.ask("OPTS MLST type;size;") == "200 MLST OPTS type;size;"
    reply = await ada.ask("MLST a.txt")
    assert reply.split("\r\n") == ['250-Listing "/a.txt":', " size=45;type=file; /a.txt", "250 End MLST."]
    assert (await ada.ask("FEAT")).count("MLST type*;perm;size*;modify;") == 1
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_mode_is_told_in_octal_digits_and_permissions_in_letters_of_the_standard(ftp: Served):
    ada = await (await connect(ftp)).login()
    assert await ada.ask("SITE CHMOD 640 a.txt") == "200 SITE CHMOD successful."
    await ada.ask("OPTS MLST perm;unix.mode;")
    reply = await ada.ask("MLST a.txt")
    assert reply.split("\r\n")[1] == " perm=radfw;unix.mode=0640; /a.txt"  # 0o640 is Python's; RFC 3659 7.5.5
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_rest_goes_on_in_both_directions_and_appe_at_the_end(ftp: Served, tmp_path: Path):
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    assert await ada.ask("REST 6") == "350 Restarting at position 6."
    assert await ada.get("pub/ten.txt") == b"6789"
    for start, command, content in (
        ("", "STOR x", b"0123456789"),
        ("REST 4", "STOR x", b"four"),
        ("", "APPE x", b"end"),
    ):
        if start:
            assert (await ada.ask(start)).startswith("350 ")
        data = await ada.data()
        assert (await ada.ask(command))[:3] in ("125", "150")
        data.say(content).hang_up()
        assert await ada.reply() == "226 Transfer complete."
    assert (tmp_path / "ftp/x").read_bytes() == b"0123four89end"
    await ada.ask("REST 100")
    await ada.data()
    assert (await ada.ask("RETR x")).startswith("554 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_stou_finds_a_name_of_its_own(ftp: Served, tmp_path: Path):
    ada = await (await connect(ftp)).login()
    names = []
    for content in (b"one", b"two"):
        data = await ada.data()
        names.append((await ada.ask("STOU")).split()[-1])
        data.say(content).hang_up()
        assert await ada.reply() == "226 Transfer complete."
    assert [(tmp_path / "ftp" / name).read_bytes() for name in names] == [b"one", b"two"]
    ada.talk.hang_up()


async def in_a_download(ftp: Served, folder: Path) -> tuple[Client, Talk]:
    """Ada, who has asked for a large file and does not read it."""
    with (folder / "ftp/big").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    data = await ada.data()
    data.stop_reading()
    assert (await ada.ask("RETR big"))[:3] in ("125", "150")
    await ftp.happens("event:state", "/transfer:RETR/")
    return ada, data


@pytest.mark.parametrize(
    ("urgent", "rest"),
    [
        (b"", b"ABOR\r\n"),
        (b"", b"\xff\xf4\xff\xf2ABOR\r\n"),  # Telnet's IP and Synch, in line
        (b"\xff\xf4\xff", b"\xf2ABOR\r\n"),  # the same, its last byte urgent, as RFC 959 4.1.3 says
        (b"\xff\xf4\xff\xf2", b"ABOR\r\n"),  # as some clients do
        (b"\xf2", b"ABOR\r\n"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_abor_is_heard_in_a_transfer_out_of_band_too(
    ftp: Served, tmp_path: Path, urgent: bytes, rest: bytes
):
    ada, data = await in_a_download(ftp, tmp_path)
    sock = cast("Any", ada.talk.transport).socket
    if urgent:
        sock.send(urgent, socket.MSG_OOB)
    sock.send(rest)
    assert await ada.reply() == "426 Transfer aborted via ABOR."
    assert await ada.reply() == "226 ABOR command successful."
    assert (await ada.ask("PWD")).startswith("257 ")
    assert ftp.events("event:refused") == []
    data.abort()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_site_state_answers_before_the_login_and_after(ftp: Served):
    ada = await connect(ftp)
    assert '"connection": {}' in await ada.ask("SITE STATE")
    await ada.login()
    assert '"user": "ada"' in await ada.ask("SITE STATE")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_accounts_have_roots_and_permissions_of_their_own(ftp: Served, tmp_path: Path):
    for name in ("eve", "mallory"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    ftp.playground.accounts = Accounts(
        [
            Account("eve", "eve", root=tmp_path / "eve"),
            Account("mallory", "mallory", root=tmp_path / "mallory", permissions="elrw"),
        ]
    )
    eve, mallory = (
        await (await connect(ftp)).login("eve"),
        await (await connect(ftp)).login("mallory"),
    )
    assert await eve.get("eve.txt") == b"eve"
    assert (await eve.ask("SIZE ../mallory/mallory.txt")).startswith("550 ")
    assert (await eve.ask("DELE eve.txt")).startswith("250 ")
    assert await mallory.get("mallory.txt") == b"mallory"
    assert await mallory.ask("DELE mallory.txt") == "550 Not enough privileges."
    data = await mallory.data()
    assert (await mallory.ask("STOR new"))[:3] in ("125", "150")
    data.say(b"new").hang_up()
    assert await mallory.reply() == "226 Transfer complete."
    for client in (eve, mallory):
        client.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_data_connection_from_another_address_is_refused_and_the_door_stays(ftp: Served):
    ada = await (await connect(ftp)).login()
    port = await ada.door()
    with socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.2", 0)) as foreign:
        assert (await ada.reply()).startswith("425 Rejected data connection from foreign address 127.0.0.2:")
        assert await beside(ftp, lambda: foreign.recv(1)) == b""
    assert [event.rule for event in ftp.events("event:refused")] == ["foreign-address"]
    data = await ada.call(port)
    assert (await ada.ask("RETR a.txt"))[:3] in ("125", "150")
    assert (await data.rest()).startswith(b"I am /a.txt")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_pasv_tells_the_address_that_clients_see(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, ftp_masquerade="192.0.2.7")
    ada = await (await connect(served)).login()
    assert (await ada.ask("PASV")).startswith("227 Entering passive mode (192,0,2,7,")
    assert (await ada.ask("EPSV")).startswith("229 ")
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_when_the_server_is_full_no_data_connection_is_opened(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(connections=1)), reactor, state_dir=tmp_path)
    ada = await (await connect(served)).login()
    served._service._listener._accept_new_cons = lambda: False  # type: ignore[attr-defined]  # as if it were
    for command in ("PASV", "EPSV", "PORT 127,0,0,1,200,1"):
        assert await ada.ask(command) == "425 Too many connections. Try again later."
    assert [event.limit for event in served.events("event:limit")] == ["ftp.connections"] * 3
    ada.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_late_change_names_the_command_that_it_belongs_to(ftp: Served):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    await ada.ask("STOR x")
    await ada.ask("NOOP")
    data.hang_up()
    assert await ada.reply() == "226 Transfer complete."
    stor = next(event.seq for event in ada.events("received") if event.data == "STOR x\r\n")
    last = ada.events("state")[-1]
    assert (last.changed, last.cause) == ({"data": ("transfer:STOR", None)}, stor)
    assert ada.events("sent")[-1].cause == stor
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_names_that_nobody_has_are_answered_as_those_that_somebody_has(ftp: Served):
    replies = []
    for name in ("ada", "nobody"):
        guesser = await connect(ftp)
        replies.append([await guesser.ask(f"USER {name}"), await guesser.ask("PASS wrong")])
        guesser.talk.hang_up()
    assert replies[0] == replies[1]


def test_systemd_may_open_the_door(tmp_path: Path):
    """A socket that is already open is passed on as descriptor 3."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        command = f'exec 3<&{sock.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=ftp exec "$0" "$@"'
        arguments = ["--only", "ftp", "--ftp", "systemd:domain=INET:name=ftp", "--state-dir", str(tmp_path)]
        playground = subprocess.Popen(
            ["bash", "-c", command, sys.executable, "-m", "playground", "up", "--json", *arguments],
            pass_fds=[sock.fileno()],
            stdout=subprocess.PIPE,
        )
        with playground:
            try:
                assert playground.stdout is not None
                ready = json.loads(playground.stdout.readline())
                with ftplib.FTP(timeout=10) as ftp:
                    ftp.connect(*sock.getsockname())
                    ftp.login("ada", ready["accounts"]["ada"])  # nobody knows who can reach that socket
                    assert "a.txt" in ftp.nlst()
            finally:
                playground.terminate()
        assert playground.returncode == 0
