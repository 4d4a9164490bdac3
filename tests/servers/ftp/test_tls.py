"""Explicit TLS (RFC 4217): what is encrypted, what is refused, and what the journal says of both."""

from __future__ import annotations

import ftplib
import os
import ssl
from contextlib import closing
from pathlib import Path

import pytest
import pytest_twisted

from playground.servers.ftp import FtpServer
from playground.testing import serve
from playground.wire.certificates import NoCertificate, own_identity, utc_now
from tests.reactor import the_reactor
from tests.servers.ftp.encrypted import (
    TLS_1_2,
    TLS_1_3,
    Client,
    Serve,
    client,
    in_a_thread,
    refusals,
    trusting,
)

SIZE = 1_000_000


@pytest.mark.parametrize("newest", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("tls", ["allowed", "required"])
@pytest_twisted.ensureDeferred
async def test_commands_and_files_go_through_it_unchanged(
    house: Serve, tmp_path: Path, tls: str, newest: ssl.TLSVersion
):
    served = await house(tls)
    content = os.urandom(SIZE)

    def talk() -> None:
        with client(served, newest) as ada:
            assert "AUTH TLS" in ada.ask("FEAT")
            ada.secure().log_in().protect()
            ada.ask("TYPE I")
            assert ada.put("STOR big", content) == "226 Transfer complete."
            assert ada.get("RETR big") == content
            assert b"big" in ada.get("LIST")
            assert ada.ask("REST 999990").startswith("350 ")
            assert ada.get("RETR big") == content[-10:]
            assert ada.ask("REST 500000").startswith("350 ")
            assert ada.put("STOR big", content[500_000:]) == "226 Transfer complete."
            assert ada.put("APPE big", b"more") == "226 Transfer complete."
            assert ada.ask("QUIT") == "221 Goodbye."
            assert ada.socket.recv(1) == b""  # TLS's goodbye: else this raises

    await in_a_thread(served, talk)
    await served.happens("event:connection.close", count=7)
    assert (tmp_path / "ftp/big").read_bytes() == content + b"more"
    assert refusals(served) == []
    opened = [event.tls for event in served.events("event:connection.open")]
    assert opened == [False] + [True] * 6
    changed = [state.changed for state in served.events("event:state") if state.changed]
    assert changed[0] == {"tls": (None, True)}
    assert {"pbsz": (None, True)} in changed
    assert {"prot": (None, "P")} in changed
    auth = served.events("event:received", "/AUTH TLS/")[0]
    assert served.events("event:state")[0].cause == auth.seq


@pytest_twisted.ensureDeferred
async def test_auth_logs_out_and_is_refused_in_a_transfer_and_a_second_time(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            ada.log_in()
            with closing(ada.dial()):
                assert ada.ask("STOR x")[:3] in ("125", "150")
                assert ada.ask("AUTH TLS").startswith("503 ")
            assert ada.reply().startswith("226 ")
            assert ada.ask("AUTH KERBEROS") == "504 AUTH TLS is the only kind."
            ada.secure()
            assert ada.ask("PWD").startswith("530 ")
            assert ada.ask("AUTH TLS") == "503 Already using TLS."

    await in_a_thread(served, talk)
    assert [rule for _, rule in refusals(served)] == [
        "bad-sequence",
        "parameter",
        "not-logged-in",
        "bad-sequence",
    ]


@pytest_twisted.ensureDeferred
async def test_pbsz_prot_and_ccc_have_their_order(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            assert [ada.ask(command)[:3] for command in ("PBSZ 0", "PROT P", "CCC")] == ["503", "503", "533"]
            ada.secure()
            answers = [
                ada.ask(c)[:3] for c in ("PROT P", "PBSZ x", "PBSZ 0", "PROT X", "PROT S", "PROT C", "CCC")
            ]
            assert answers == ["503", "501", "200", "504", "536", "200", "534"]
            ada.log_in()
            with closing(ada.dial()) as plain:
                assert ada.ask("RETR a.txt")[:3] in ("125", "150")
                assert plain.makefile("rb").read().startswith(b"I am /a.txt")
            assert ada.reply().startswith("226 ")
            assert ada.ask("REIN").startswith("230 ")
            assert ada.ask("PROT P").startswith("503 ")  # REIN has forgotten PBSZ, and TLS is still there

    await in_a_thread(served, talk)
    assert served.events("event:state")[-1].remembers == {"tls": True}


@pytest_twisted.ensureDeferred
async def test_where_it_is_required_nothing_goes_without_it(house: Serve):
    served = await house("required")

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("USER ada") == "530 First AUTH TLS: nobody logs in here without TLS."
            assert ada.ask("USER anonymous").startswith("530 ")
            ada.secure().log_in()
            for command in ("PASV", "EPSV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|"):
                assert ada.ask(command).startswith("521 First PBSZ 0 and PROT P")
            ada.protect()
            assert ada.ask("PROT C").startswith("534 ")
            assert ada.get("RETR a.txt").startswith(b"I am /a.txt")

    await in_a_thread(served, talk)
    assert [rule for _, rule in refusals(served)] == ["tls-required"] * 2 + ["data-tls"] * 4 + ["protection"]


@pytest_twisted.ensureDeferred
async def test_resuming_is_a_setting_for_clients_that_cannot(house: Serve):
    served = await house("required", tls_resumed=False)
    identity = served.playground.identity
    assert identity is not None
    authority = identity.authority
    assert authority is not None

    def talk() -> list[str]:
        with ftplib.FTP_TLS(context=trusting(authority), timeout=10) as ftp:
            ftp.connect("127.0.0.1", served.port)
            ftp.login("ada", "ada")
            ftp.prot_p()
            return ftp.nlst()

    assert "a.txt" in await in_a_thread(served, talk)


@pytest_twisted.ensureDeferred
async def test_many_commands_in_one_record_are_all_answered(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            ada.secure()
            ada.say("NOOP\r\n" * 2700)  # 16 kB: one record of TLS, more than is read at once
            for _ in range(2700):
                assert ada.reply().startswith("200 ")
            assert ada.ask("USER ada").startswith("331 ")

    await in_a_thread(served, talk)


@pytest_twisted.ensureDeferred
async def test_forget_logs_out_and_leaves_tls_as_it_is(house: Serve):
    served = await house()

    def before() -> tuple[Client, ssl.SSLSocket]:
        ada = client(served).secure().log_in().protect()
        ada.ask("CWD docs")
        sock = ada.dial()
        assert ada.ask("STOR x")[:3] in ("125", "150")
        data = ada.wrapped(sock)
        data.sendall(b"half")
        return ada, data

    ada, data = await in_a_thread(served, before)
    await served.happens("event:state", "/transfer:STOR/")
    (went,) = served.playground.forget("connection")
    assert went.forgot["cwd"] == "/docs"

    def after() -> None:
        with ada, closing(data):
            assert ada.reply() == "426 Transfer aborted: this server was told to forget."
            assert ada.ask("PWD") == "530 Log in with USER and PASS first."
            ada.log_in()
            assert ada.ask("PWD") == '257 "/" is the current directory.'
            assert ada.get("RETR a.txt").startswith(b"I am /a.txt")

    await in_a_thread(served, after)
    told = [state for state in served.events("event:state") if state.changed.get("user") == ("ada", None)]
    assert [state.remembers for state in told] == [{"tls": True, "pbsz": True, "prot": "P"}]


@pytest_twisted.ensureDeferred
async def test_forget_in_the_middle_of_a_handshake_harms_nothing(house: Serve):
    served = await house()

    def before() -> Client:
        ada = client(served)
        assert ada.ask("AUTH TLS").startswith("234 ")
        return ada

    ada = await in_a_thread(served, before)
    assert served.playground.forget("connection") == []

    def after() -> None:
        with ada:
            ada.shake_hands()
            ada.log_in()

    await in_a_thread(served, after)


@pytest_twisted.ensureDeferred
async def test_stopping_says_goodbye_in_tls_and_nothing_to_those_in_between(house: Serve):
    served = await house()

    def before() -> tuple[Client, Client]:
        ada, late = client(served), client(served)
        ada.secure().log_in()
        assert late.ask("AUTH TLS").startswith("234 ")
        return ada, late

    ada, late = await in_a_thread(served, before)
    await served.stop()

    def after() -> None:
        with ada, late:
            assert ada.reply().startswith("421 The server stops.")
            assert (ada.reply(), late.reply()) == ("", "")

    await in_a_thread(served, after)
    assert {event.reason for event in served.events("event:connection.close")} == {"shutdown"}


@pytest_twisted.ensureDeferred
async def test_without_a_certificate_or_switched_off_there_is_none(tmp_path: Path, house: Serve):
    reactor = the_reactor()
    served = await house("off")

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("AUTH TLS") == "502 No TLS here. Whoever runs this server can say --tls auto."
            assert "AUTH" not in ada.ask("FEAT")

    await in_a_thread(served, talk)
    with pytest.raises(NoCertificate, match="Try: --tls auto"):
        await serve(FtpServer(), reactor, state_dir=tmp_path, ftp_tls="required")


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_is_gone_is_told_and_the_connection_lives(tmp_path: Path):
    reactor = the_reactor()
    identity = own_identity(tmp_path / "tls", [], utc_now())
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, identity=identity, ftp_tls="required")
    identity.key.unlink()

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("AUTH TLS") == "431 The certificate cannot be used now; it is in the journal."
            assert ada.ask("NOOP").startswith("200 ")

    await in_a_thread(served, talk)
    assert len(served.events("event:trouble")) == 1
    await served.stop()
