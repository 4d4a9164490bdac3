"""FTP as real clients speak it: each in its own way, all with the same bytes."""

from __future__ import annotations

import ftplib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.clients.shell import Shell, soon

SIZE = 1_000_000


def client(name: str, command: str, way: str) -> Any:
    """Puts ``sent.bin``, lists the folder, gets it as ``back.bin``, with data connections opened that way."""
    return pytest.param(command, way, id=f"{name} {way}", marks=pytest.mark.needs(name))


BY_HAND = "user ada ada\nbinary\nput sent.bin\nls\nget sent.bin back.bin\nbye\n"
URL = "ftp://ada:ada@$HOST:$FTP/sent.bin"
LFTP = "put sent.bin; ls; get sent.bin -o back.bin; bye"
NCFTP = "-u ada -p ada -P $FTP"


def curl(*options: str) -> str:
    """curl three times, with these options."""
    start = " ".join(["curl -sS", *options])
    return f"{start} -T sent.bin {URL} && {start} {URL.removesuffix('sent.bin')} && {start} -o back.bin {URL}"


def ncftp(option: str) -> str:
    """ncftp's three programs, with that option. The first and the last name no file of ours: a folder."""
    options = f"{option} {NCFTP}"
    return (
        f"ncftpput -V {options} $HOST . sent.bin && ncftpls {options} ftp://$HOST/ && mkdir back && "
        f"ncftpget -V {options} $HOST back sent.bin && mv back/sent.bin back.bin"
    )


CLIENTS = [
    client("tnftp", "tnftp -n $HOST $FTP", "EPSV"),
    client("tnftp", "tnftp -A -n $HOST $FTP", "EPRT"),
    client("inetutils-ftp", "inetutils-ftp -n $HOST $FTP", "PORT"),
    client("inetutils-ftp", "inetutils-ftp -p -n $HOST $FTP", "PASV"),
    client("lftp", f"lftp -u ada,ada -p $FTP $HOST -e '{LFTP}'", "PASV"),
    client("lftp", f"lftp -u ada,ada -p $FTP $HOST -e 'set ftp:passive-mode no; {LFTP}'", "PORT"),
    client("curl", curl(), "EPSV"),
    client("curl", curl("--disable-epsv"), "PASV"),
    client("curl", curl("-P -"), "EPRT"),
    client("curl", curl("--disable-eprt", "-P -"), "PORT"),
    client("ncftpget", ncftp("-F"), "PASV"),
    client("ncftpget", ncftp("-E"), "PORT"),
]


@pytest.mark.parametrize(("command", "way"), CLIENTS)
def test_what_was_put_is_got_back(shell: Shell, command: str, way: str):
    sent = shell.file("sent.bin", os.urandom(SIZE))
    by_hand = BY_HAND if "-n $HOST" in command else ""
    said = shell(command, by_hand)
    assert said.status == 0, said
    assert shell.read("back.bin") == sent
    assert (shell.playground.state_dir / "ftp" / "sent.bin").read_bytes() == sent

    ways = {"PASV", "EPSV", "PORT", "EPRT"}
    events = shell.playground.events("protocol:ftp", "event:received")
    words = {event.data.split()[0].upper() for event in events if event.data and "." not in event.conn}
    assert ways & words == {way}
    assert "sent.bin" in said.text, "it is listed"
    up, listing, down = data_connections(shell)
    assert (up.received_bytes, down.sent_bytes) == (SIZE, SIZE)
    assert 0 < listing.sent_bytes < SIZE


def data_connections(shell: Shell) -> list[Any]:
    """How those data connections ended that moved anything, once all connections have ended."""

    def ended() -> list[Any] | None:
        opens = shell.playground.events("protocol:ftp", "event:connection.open")
        closes = shell.playground.events("protocol:ftp", "event:connection.close")
        return closes if len(closes) == len(opens) else None

    closes = soon(ended, "the end of all FTP connections")
    return [event for event in closes if "." in event.conn and event.received_bytes + event.sent_bytes]


@pytest.mark.needs("tnftp")
def test_ftp_as_a_person_types_it(shell: Shell):
    ftp = shell.begin("tnftp $HOST $FTP")
    ftp.until("220 Playground FTP. Try: USER ada")
    ftp.until("Name (")
    ftp.types("ada")
    ftp.until("Password:")
    ftp.types("ada")
    ftp.until("230 Login successful.")
    ftp.until("ftp> ")
    ftp.types("cd docs")
    ftp.until('250 "/docs" is the current directory.')
    ftp.types("ls")
    ftp.until("guide.txt")
    ftp.types("bye")
    ftp.until("221 Goodbye.")
    ftp.rest()
    assert ftp.status == 0


@pytest.mark.needs("tnftp")
def test_a_new_connection_has_forgotten_the_login(shell: Shell):
    assert "230 Login" in shell("tnftp -nv $HOST $FTP", "user ada ada\nbye\n").text
    assert "530 Log in with USER and PASS first." in shell("tnftp -nv $HOST $FTP", "quote pwd\nbye\n").text


@pytest.mark.needs("lftp")
def test_a_folder_is_mirrored_down_and_up_again(shell: Shell):
    root = shell.playground.state_dir / "ftp"
    for number in range(12):
        folder = root / "many" / f"folder {number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file {number}").write_bytes(os.urandom(1000 * number))
    said = shell(
        "lftp -u ada,ada -p $FTP $HOST -e "
        "'mirror --parallel=3 many down; mirror -R --parallel=3 down up; "
        "mirror --verbose --no-perms -R -e down up; bye'"
    )
    assert (said.out, said.status) == (b"", 0), "nothing is left to do when it is asked once more"
    assert contents(shell.folder / "down") == contents(root / "many") == contents(root / "up")
    assert len(contents(root / "up")) == 12


def contents(folder: Path) -> dict[str, bytes]:
    """Every file beneath a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.needs("wget")
@pytest.mark.parametrize("option", ["", "--no-passive-ftp"])
def test_wget_lists_and_downloads(shell: Shell, option: str):
    there = os.urandom(SIZE)
    (shell.playground.state_dir / "ftp" / "sent.bin").write_bytes(there)
    assert "sent.bin" in shell(f"wget -q {option} -O - {URL.removesuffix('sent.bin')}").text
    assert shell(f"wget -q {option} -O whole.bin {URL}").status == 0
    assert shell.read("whole.bin") == there


@pytest.mark.needs("curl")
def test_curl_uploads_what_it_is_piped(shell: Shell):
    sent = shell.file("sent.bin", os.urandom(SIZE))
    assert shell(f"curl -sS -T - {URL} <sent.bin && curl -sS {URL} >back.bin").status == 0
    assert shell.read("back.bin") == sent


@pytest.mark.needs("curl")
def test_curl_lists_makes_renames_and_deletes(shell: Shell):
    ftp = "curl -sS ftp://ada:ada@$HOST:$FTP"
    assert {"README.txt", "docs", "pub"} <= set(shell(f"{ftp}/ -l").text.split())
    shell.file("new.txt", b"new\n")
    assert shell(f"{ftp}/made/by/curl/new.txt --ftp-create-dirs -T new.txt").status == 0
    assert shell(f"{ftp}/made/ -l -Q 'RNFR /made/by' -Q 'RNTO /made/with'").text.split() == ["with"]
    assert shell(f"{ftp}/made/with/curl/new.txt").out == b"new\n"
    assert "Content-Length: 4" in shell(f"{ftp}/made/with/curl/new.txt -I").text.splitlines()
    assert shell(f"{ftp}/made/ -l -Q 'DELE /made/with/curl/new.txt'").status == 0
    assert shell(f"{ftp}/made/with/curl/new.txt").status == 78, "there is no such file"


@pytest.mark.needs("curl")
def test_a_stranger_may_read_and_not_write(shell: Shell):
    shell.file("new.txt", b"new\n")
    assert shell("curl -sS ftp://$HOST:$FTP/pub/ten.txt").out == b"0123456789"
    assert shell("curl -sS -T new.txt ftp://$HOST:$FTP/new.txt").status == 25, "curl's word for: refused"
    assert shell.waits_for("protocol:ftp", "event:refused")
    assert not (shell.playground.state_dir / "ftp" / "new.txt").exists()


def test_ftplib(shell: Shell):
    host, port = shell.playground.servers["ftp"]
    sent = os.urandom(SIZE)
    source = shell.folder / "sent.bin"
    source.write_bytes(sent)
    for passive in (True, False):
        with ftplib.FTP(timeout=15) as ftp:
            ftp.connect(host, port)
            ftp.login("ada", "ada")
            ftp.set_pasv(passive)
            with source.open("rb") as file:
                ftp.storbinary("STOR sent.bin", file)
            pieces: list[bytes] = []
            ftp.retrbinary("RETR sent.bin", pieces.append)
            assert b"".join(pieces) == sent
            assert ftp.size("sent.bin") == SIZE
            facts = dict(ftp.mlsd())
            assert facts["sent.bin"]["size"] == str(SIZE)
            lines: list[str] = []
            ftp.retrlines("RETR pub/ten.txt", lines.append)
            assert lines == ["0123456789"]
            ftp.quit()
