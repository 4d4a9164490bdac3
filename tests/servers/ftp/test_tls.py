"""Explicit TLS (RFC 4217): what is encrypted, what is refused, and what the journal says of both."""

from __future__ import annotations

import ftplib
import os
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.testing import Served, serve
from playground.wire.certificates import Identity, NoCertificate, own_identity, utc_now
from tests.servers.ftp.encrypted import TLS_1_2, TLS_1_3, Client, in_a_thread, trusting

pytest.importorskip("cryptography")

SIZE = 1_000_000
Serve = Callable[..., Awaitable[Served]]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("tls"), [], utc_now())


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path, identity: Identity) -> AsyncIterator[Serve]:
    from twisted.internet import reactor  # noqa: TID251

    running: list[Served] = []

    async def start(tls: str = "allowed", **limits: Any) -> Served:
        options = FtpLimits(**{"login_penalty": 0.05, "last_words": 0.3, **limits})
        served = await serve(FtpServer(options), reactor, state_dir=tmp_path, identity=identity, ftp_tls=tls)
        running.append(served)
        return served

    yield start
    for served in running:
        await served.stop()


def client(served: Served, newest: ssl.TLSVersion = TLS_1_3) -> Client:
    identity = served.playground.identity
    assert identity is not None
    assert identity.authority is not None
    return Client(served.port, trusting(identity.authority, newest))


def refusals(served: Served) -> list[tuple[str, str]]:
    return [(event.conn, event.rule) for event in served.events("event:refused")]


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
async def test_what_was_sent_behind_auth_counts_for_nothing(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("AUTH TLS\r\nUSER ada\r\nPASS ada\r\nMKD evil").startswith("234 ")
            ada.shake_hands()
            assert ada.ask("PWD") == "530 Log in with USER and PASS first."
            assert ada.ask("NOOP").startswith("200 ")

    await in_a_thread(served, talk)
    assert refusals(served)[0] == ("ftp-1", "pipelined-auth")
    assert served.events("event:partial")
    assert not served.events("/MKD evil/")


@pytest_twisted.ensureDeferred
async def test_plain_commands_instead_of_a_handshake_end_the_connection(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("AUTH TLS").startswith("234 ")
            assert ada.ask("USER ada") == ""

    await in_a_thread(served, talk)
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "refused"
    assert refusals(served) == [("ftp-1", "tls-handshake")]


@pytest_twisted.ensureDeferred
async def test_nobody_waits_for_a_handshake_for_ever(house: Serve):
    served = await house(handshake=0.2)

    def talk() -> None:
        with client(served) as silent, client(served) as ada:
            assert silent.ask("AUTH TLS").startswith("234 ")
            assert silent.reply() == ""
            ada.secure().log_in().protect()
            with closing(ada.dial()):
                assert ada.ask("RETR a.txt")[:3] in ("125", "150")
                assert ada.reply() == "522 No TLS on the data connection: nobody shook hands in time."
            assert ada.ask("NOOP").startswith("200 ")

    await in_a_thread(served, talk)
    limits = [(event.conn, event.limit) for event in served.events("event:limit")]
    assert limits == [("ftp-1", "ftp.handshake"), ("ftp-2.1", "ftp.handshake")]


@pytest_twisted.ensureDeferred
async def test_tls_1_1_is_refused(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                ada.context.minimum_version = ada.context.maximum_version = ssl.TLSVersion.TLSv1_1
            ada.context.set_ciphers("ALL:@SECLEVEL=0")
            assert ada.ask("AUTH TLS").startswith("234 ")
            with pytest.raises(ssl.SSLError):
                ada.shake_hands()

    await in_a_thread(served, talk)
    await served.happens("event:connection.close")
    (refused,) = served.events("event:refused")
    assert (refused.rule, refused.text) == ("tls-handshake", "No TLS came about: unsupported protocol.")


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
async def test_auth_gives_no_guesses_back(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as eve:
            for _ in range(2):
                eve.ask("USER ada")
                assert eve.ask("PASS wrong") == "530 Authentication failed."
            eve.secure()
            eve.ask("USER ada")
            assert eve.ask("PASS wrong") == "530 Authentication failed. Disconnecting."

    await in_a_thread(served, talk)


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
async def test_a_thief_at_the_same_address_gets_the_file_where_tls_is_only_allowed(house: Serve):
    """The lesson: who connects first to the port that PASV has named gets what was asked for."""
    served = await house("allowed")

    def talk() -> bytes:
        with client(served) as ada, client(served) as eve:
            ada.secure().log_in().protect()
            with closing(ada.dial()) as first:  # eve has watched which port was opened, and is quicker
                assert ada.ask("RETR a.txt")[:3] in ("125", "150")
                with closing(eve.context.wrap_socket(first, server_hostname="127.0.0.1")) as stolen:
                    return stolen.recv(100)

    assert (await in_a_thread(served, talk)).startswith(b"I am /a.txt")


@pytest.mark.parametrize("how", ["a session of nobody", "a session of its own", "no TLS at all"])
@pytest_twisted.ensureDeferred
async def test_a_thief_gets_nothing_where_tls_is_required(house: Serve, how: str):
    served = await house("required")

    def talk() -> None:
        with client(served) as ada, client(served) as eve:
            ada.secure().log_in().protect()
            eve.secure()
            with closing(ada.dial()) as first:
                assert ada.ask("RETR a.txt")[:3] in ("125", "150")
                with pytest.raises(OSError):  # which of many, is TLS's business
                    steal(eve, first, how)
            assert ada.reply().startswith("522 No TLS on the data connection: ")
            assert ada.get("RETR a.txt").startswith(b"I am /a.txt")

    await in_a_thread(served, talk)
    assert refusals(served) == [("ftp-1.1", "data-tls"), ("ftp-1", "data-tls")]


def steal(eve: Client, data: socket.socket, how: str) -> None:
    """Get at what is sent there. Raises ``OSError``."""
    if how == "no TLS at all":
        data.sendall(b"here I am\r\n")
        stolen = data.recv(100)
        if stolen[:1] == b"\x15":  # an alert
            stolen = b""
    else:
        secured = eve.wrapped(data, resume=how == "a session of its own")
        with closing(secured):
            stolen = secured.recv(100)
    assert not stolen
    raise OSError("nothing")


@pytest_twisted.ensureDeferred
async def test_who_was_refused_before_the_command_is_told_with_the_command(house: Serve):
    served = await house("required")

    def talk() -> None:
        with client(served) as ada:
            ada.secure().log_in().protect()
            with closing(ada.dial()) as first:
                first.sendall(b"no TLS")
                with suppress(ConnectionResetError):
                    assert first.recv(100)[:1] in (b"", b"\x15")  # nothing, or an alert
            assert ada.ask("RETR a.txt").startswith("522 No TLS on the data connection: ")
            assert ada.get("RETR a.txt").startswith(b"I am /a.txt")

    await in_a_thread(served, talk)
    data = [state.changed["data"] for state in served.events("event:state") if "data" in state.changed]
    assert ("open-idle", "refused") in data


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


@pytest.mark.parametrize(("tls", "reply"), [("allowed", "226 "), ("required", "426 The end came without")])
@pytest_twisted.ensureDeferred
async def test_an_upload_that_was_cut_short(house: Serve, tls: str, reply: str):
    served = await house(tls)

    def talk() -> None:
        with client(served) as ada:
            ada.secure().log_in().protect()
            with ada.data("STOR half") as data:
                data.sendall(b"half")
                socket.socket.shutdown(data, socket.SHUT_WR)  # as if somebody in between had done it
                assert ada.reply().startswith(reply)

    await in_a_thread(served, talk)
    closed = served.events("event:connection.close", "conn:ftp-1.1")
    assert [event.reason for event in closed] == ["lost"]


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
    from twisted.internet import reactor  # noqa: TID251

    served = await house("off")

    def talk() -> None:
        with client(served) as ada:
            assert ada.ask("AUTH TLS") == "502 No TLS here. Whoever runs this server can say --tls auto."
            assert "AUTH" not in ada.ask("FEAT")

    await in_a_thread(served, talk)
    with pytest.raises(NoCertificate, match="Try: --tls auto"):
        await serve(FtpServer(), reactor, state_dir=tmp_path, ftp_tls="required")
