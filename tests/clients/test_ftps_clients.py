"""FTP in TLS as real clients speak it: log in, list, upload, download, go on with what was broken."""

from __future__ import annotations

import ftplib
import io
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.servers.ftp import FtpServer
from playground.servers.ftp.sandbox import SAMPLES
from playground.testing import Running, run
from tests.clients.shell import Shell

pytest.importorskip("cryptography")

SIZE = 1_000_000
FTP = "$CURL ftp://ada:ada@$HOST:$FTP"
CURL = 'CURL="curl -sS --ssl-reqd --cacert $CA"; '
LFTP = (
    "lftp -u ada,ada -p $FTP $HOST -e "
    "'set ssl:ca-file '$CA'; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; "
)


@pytest.fixture(scope="module", params=["allowed", "required"])
def playground(request: pytest.FixtureRequest) -> Iterator[Running]:
    """An FTP server with a certificate, for the tests of this file."""
    with run(only="ftp", tls="auto", ftp_tls=request.param) as running:
        yield running


@pytest.fixture
def tls(shell: Shell) -> Shell:
    """A terminal window where ``$CA`` is the authority's certificate."""
    (shell.folder / "ca.pem").symlink_to(shell.playground.state_dir / "tls" / "ca.pem")
    return shell


def typed(shell: Shell, command: str) -> Any:
    """Run it; all of its data connections were encrypted."""
    said = shell(f"CA=$PWD/ca.pem; {CURL}{command}")
    opened = shell.playground.events("protocol:ftp", "event:connection.open")
    assert all(event.tls for event in opened if event.parent)
    return said


def served(shell: Shell) -> Path:
    """The folder that is served."""
    return shell.playground.state_dir / "ftp"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            f"{FTP}/sent.bin -T sent.bin && {FTP}/sent.bin -o back.bin && {FTP}/ -l",
            id="curl",
            marks=pytest.mark.needs("curl"),
        ),
        pytest.param(
            f"{FTP}/sent.bin --tls-max 1.2 -T sent.bin && {FTP}/sent.bin --tls-max 1.2 -o back.bin && "
            f"{FTP}/ -l",
            id="curl, TLS 1.2",
            marks=pytest.mark.needs("curl"),
        ),
        pytest.param(
            f"{LFTP} put sent.bin; get sent.bin -o back.bin; ls; bye'",
            id="lftp",
            marks=pytest.mark.needs("lftp"),
        ),
        pytest.param(
            f"{LFTP} set ftp:passive-mode no; put sent.bin; get sent.bin -o back.bin; ls; bye'",
            id="lftp, active",
            marks=pytest.mark.needs("lftp"),
        ),
    ],
)
def test_what_was_put_is_got_back(tls: Shell, command: str):
    sent = tls.file("sent.bin", os.urandom(SIZE))
    said = typed(tls, command)
    assert (said.status, said.err) == (0, b"")
    assert tls.read("back.bin") == sent
    assert (served(tls) / "sent.bin").read_bytes() == sent
    assert "README.txt" in said.text
    refused = {event.rule for event in tls.playground.events("protocol:ftp", "event:refused")}
    assert refused <= {"not-logged-in"}, "lftp sends a command before its login"


@pytest.mark.needs("curl")
def test_curl_sends_many_files_over_one_control_connection(tls: Shell):
    sent = [tls.file(f"many{number}", os.urandom(50_000)) for number in range(4)]
    assert typed(tls, f"{FTP}/ -T 'many[0-3]'").status == 0
    assert [(served(tls) / f"many{number}").read_bytes() for number in range(4)] == sent


@pytest.mark.needs("curl")
def test_curl_goes_on_where_it_was_broken_off(tls: Shell):
    sent = tls.file("sent.bin", os.urandom(SIZE))
    (served(tls) / "sent.bin").write_bytes(sent[:300_000])
    assert typed(tls, f"{FTP}/sent.bin -C - -T sent.bin").status == 0
    assert (served(tls) / "sent.bin").read_bytes() == sent
    tls.file("back.bin", sent[:400_000])
    assert typed(tls, f"{FTP}/sent.bin -C - -o back.bin").status == 0
    assert tls.read("back.bin") == sent


@pytest.mark.needs("curl")
def test_curl_does_not_talk_to_a_server_that_it_does_not_trust(tls: Shell):
    said = tls("curl -sS --ssl-reqd ftp://ada:ada@$HOST:$FTP/a.txt")
    assert said.status == 60
    (refused,) = tls.waits_for("protocol:ftp", "event:refused")
    assert refused.rule == "tls-handshake"


@pytest.mark.needs("wget")
def test_wget_downloads(tls: Shell):
    there = os.urandom(SIZE)
    (served(tls) / "sent.bin").write_bytes(there)
    said = typed(tls, "wget -q --ca-certificate=$CA -O back.bin ftps://ada:ada@$HOST:$FTP/sent.bin")
    assert said.status == 0
    assert tls.read("back.bin") == there


class Resuming(ftplib.FTP_TLS):
    """ftplib does not resume the control connection's session; this is what its users write."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(plain, server_hostname=self.host, session=session), size


@pytest.mark.parametrize("passive", [True, False])
def test_ftplib(tls: Shell, playground: Running, passive: bool):
    command: Any = playground.process.args
    required = "required" in command
    context = ssl.create_default_context(cafile=str(tls.folder / "ca.pem"))
    sent = os.urandom(SIZE)
    with (Resuming if required else ftplib.FTP_TLS)(context=context, timeout=15) as ftp:
        ftp.connect(*playground.servers["ftp"])
        ftp.login("ada", "ada")
        ftp.prot_p()
        ftp.set_pasv(passive)
        ftp.storbinary("STOR sent.bin", io.BytesIO(sent))
        pieces: list[bytes] = []
        ftp.retrbinary("RETR sent.bin", pieces.append, rest=10)
        assert b"".join(pieces) == sent[10:]
        ftp.storbinary("STOR sent.bin", io.BytesIO(sent[500_000:]), rest=500_000)
        assert dict(ftp.mlsd())["sent.bin"]["size"] == str(SIZE)
        assert "sent.bin" in ftp.nlst()
        ftp.quit()
    assert (served(tls) / "sent.bin").read_bytes() == sent


@pytest.mark.needs("curl")
def test_who_speaks_tls_at_once_is_told_how_it_begins_here(tls: Shell):
    assert tls("curl -sSk ftps://$HOST:$FTP/").status != 0
    (refused,) = tls.waits_for("protocol:ftp", "event:refused")
    assert (refused.rule, refused.text[:14]) == ("tls", "That was TLS. ")


@pytest.mark.needs("curl")
def test_the_command_works_that_the_start_prints(tls: Shell, playground: Running):
    host, port = playground.servers["ftp"]
    authority = playground.state_dir / "tls" / "ca.pem"
    said = tls(FtpServer.try_tls.format(authority=authority, host=host, port=port))
    assert (said.status, said.text) == (0, SAMPLES["a.txt"])


@pytest.mark.needs("curl")
def test_the_start_says_how_to_begin_tls(tls: Shell):
    said = tls("playground --until-eof --state-dir other --only ftp --ftp 0 --tls auto")
    assert "  tls       curl --ssl-reqd --cacert " in said.text
    said = tls("playground --until-eof --state-dir other --only ftp --ftp 0 --tls auto --ftp-tls off")
    assert "--ssl-reqd" not in said.text
    said = tls("playground --until-eof --state-dir other --only ftp --ftp 0 --ftp-tls required")
    assert said.status != 0
    assert "--ftp-tls required wants a certificate. Try: --tls auto" in said.err.decode()
