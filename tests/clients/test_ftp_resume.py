"""Broken transfers that real FTP clients go on with: up and down, and not a byte is sent twice."""

from __future__ import annotations

import ftplib
import os
from typing import Any

import pytest

from tests.clients.shell import Shell
from tests.clients.test_ftp_clients import NCFTP, SIZE, URL, data_connections

BROKEN_AT = 300_000
LFTP = "lftp -u ada,ada -p $FTP $HOST -e"


def client(name: str, command: str, typed: str = "") -> Any:
    """A command, and what is typed into it after the login."""
    by_hand = f"user ada ada\nbinary\n{typed}\nbye\n" if typed else ""
    return pytest.param(command, by_hand, id=name, marks=pytest.mark.needs(name))


DOWN = [
    client("tnftp", "tnftp -n $HOST $FTP", "reget file.bin"),
    client("inetutils-ftp", "inetutils-ftp -n $HOST $FTP", "reget file.bin"),
    client("lftp", f"{LFTP} 'get -c file.bin; bye'"),
    client("curl", f"curl -sS -C - -o file.bin {URL.replace('sent', 'file')}"),
    client("wget", f"wget -q -c {URL.replace('sent', 'file')}"),
    client("ncftpget", f"ncftpget -V -z {NCFTP} $HOST . file.bin"),
]
# Not wget, which sends nothing, nor ncftpput -z, which spoils what it goes on with.
UP = [
    client("tnftp", "tnftp -n $HOST $FTP", f"restart {BROKEN_AT}\nput file.bin"),
    client("inetutils-ftp", "inetutils-ftp -n $HOST $FTP", f"restart {BROKEN_AT}\nput file.bin"),
    client("lftp", f"{LFTP} 'put -c file.bin; bye'"),
    client("curl", f"curl -sS -C - -T file.bin {URL.replace('sent', 'file')}"),
]


@pytest.mark.parametrize(("command", "typed"), DOWN)
def test_a_broken_download(shell: Shell, command: str, typed: str):
    whole = os.urandom(SIZE)
    (shell.playground.state_dir / "ftp" / "file.bin").write_bytes(whole)
    shell.file("file.bin", whole[:BROKEN_AT])
    said = shell(command, typed)
    assert said.status == 0, said
    assert shell.read("file.bin") == whole
    data = data_connections(shell)[-1]  # ncftpget lists the file first
    assert data.sent_bytes == SIZE - BROKEN_AT


@pytest.mark.parametrize(("command", "typed"), UP)
def test_a_broken_upload(shell: Shell, command: str, typed: str):
    whole = shell.file("file.bin", os.urandom(SIZE))
    there = shell.playground.state_dir / "ftp" / "file.bin"
    there.write_bytes(whole[:BROKEN_AT])
    said = shell(command, typed)
    assert said.status == 0, said
    assert there.read_bytes() == whole
    (data,) = data_connections(shell)
    assert data.received_bytes == SIZE - BROKEN_AT


def test_ftplib_goes_on_both_ways(shell: Shell):
    whole = shell.file("file.bin", os.urandom(SIZE))
    there = shell.playground.state_dir / "ftp" / "file.bin"
    there.write_bytes(whole[:BROKEN_AT])
    with ftplib.FTP(timeout=15) as ftp, (shell.folder / "file.bin").open("rb") as file:
        ftp.connect(*shell.playground.servers["ftp"])
        ftp.login("ada", "ada")
        file.seek(BROKEN_AT)
        ftp.storbinary("STOR file.bin", file, rest=BROKEN_AT)
        rest: list[bytes] = []
        ftp.retrbinary("RETR file.bin", rest.append, rest=BROKEN_AT)
    assert there.read_bytes() == whole
    assert b"".join(rest) == whole[BROKEN_AT:]


@pytest.mark.needs("nc")
def test_netcat_logs_in_lists_uploads_downloads_and_goes_on(shell: Shell):
    """One nc for the commands, and one for each data connection."""
    whole = shell.file("file.bin", os.urandom(SIZE))
    shell.file("rest.bin", whole[BROKEN_AT:])
    shell.file("head.bin", whole[:BROKEN_AT])
    control = shell.begin("nc -C $HOST $FTP")

    def ask(command: str, answer: str) -> str:
        control.types(command)
        return control.until(answer) + control.line()

    def transfer(command: str, by: str) -> None:
        door = int(ask("EPSV", "229").partition("|||")[2].partition("|")[0])
        control.types(command)
        assert shell(by.format(f"$HOST {door}")).status == 0
        control.until("226 Transfer complete.")

    control.until("220")
    ask("USER ada", "331")
    ask("PASS ada", "230")
    ask("TYPE I", "200")
    transfer("STOR file.bin", "nc -N {} <head.bin")
    ask(f"REST {BROKEN_AT}", "350")
    transfer("STOR file.bin", "nc -N {} <rest.bin")
    transfer("LIST", "nc {} >list.txt")
    transfer("RETR file.bin", "nc {} >back.bin")
    os.truncate(shell.folder / "back.bin", BROKEN_AT)
    ask(f"REST {BROKEN_AT}", "350")
    transfer("RETR file.bin", "nc {} >>back.bin")
    ask("QUIT", "221")
    control.presses(b"\x04")
    control.rest()
    assert (shell.playground.state_dir / "ftp" / "file.bin").read_bytes() == whole
    assert shell.read("back.bin") == whole
    assert f"{SIZE} " in shell.read("list.txt").decode()


@pytest.mark.needs("nc")
def test_netcat_is_fed_a_whole_visit_at_once(shell: Shell):
    said = shell("nc -C -q 1 $HOST $FTP", "USER ada\nPASS ada\nCWD docs\nPWD\nSTAT .\nQUIT\n")
    assert [line[:3] for line in said.text.splitlines() if line[:3].isdigit()] == [
        "220", "331", "230", "250", "257", "213", "213", "221",
    ]  # fmt: skip  # the whole visit on one line
    assert '257 "/docs" is the current directory.' in said.text
    assert "guide.txt" in said.text
