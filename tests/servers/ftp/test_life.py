"""The service: no polling, no leftovers, its limits, its goodbyes, and what forget does."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.places import Place, parse_endpoint
from playground.testing import Served, serve
from playground.wire.listening import BadEndpoint
from tests.reactor import the_reactor, until
from tests.servers.ftp.client import connect


@pytest_twisted.ensureDeferred
async def test_an_idle_server_does_not_turn(ftp: Served):
    ada = await (await connect(ftp)).login()
    await deferLater(ftp.playground.reactor, 0.1, lambda: None)  # what was under way ends
    bridge = ftp._service.bridge  # type: ignore[attr-defined]  # the one place that looks inside
    before = bridge.turns
    await deferLater(ftp.playground.reactor, 1.0, lambda: None)  # the second that is measured
    assert bridge.turns == before
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_stopping_says_goodbye_and_leaves_nothing(tmp_path: Path):
    reactor = the_reactor()
    timers, readers = len(reactor.getDelayedCalls()), len(reactor.getReaders())
    served = await serve(FtpServer(FtpLimits(login_penalty=60)), reactor, state_dir=tmp_path)
    ada = await (await connect(served)).login()
    data = await ada.data()
    await ada.ask("STOR x")
    data.say("half")
    await served.happens("event:state", "/transfer:STOR/")
    guesser = await connect(served)
    await guesser.ask("USER ada")
    guesser.talk.say("PASS wrong\r\n")
    await served.happens("event:state", "/failed_logins/")
    await served.stop()
    goodbye = b"421 The server stops. Goodbye, you are forgotten.\r\n"
    assert (await ada.talk.rest()).endswith(goodbye)
    assert await guesser.talk.rest() == goodbye
    closed = {event.conn: event.reason for event in served.events("event:connection.close")}
    assert closed == {"ftp-1": "shutdown", "ftp-1.1": "shutdown", "ftp-2": "shutdown"}
    data.hang_up()
    await until(lambda: (len(reactor.getDelayedCalls()), len(reactor.getReaders())) == (timers, readers))


@pytest_twisted.ensureDeferred
async def test_silence_ends_a_connection(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(idle=0.2)), reactor, state_dir=tmp_path)
    ada = await (await connect(served)).login()
    assert await ada.talk.rest() == b"421 You were silent for too long. Goodbye, you are forgotten.\r\n"
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "idle"
    assert closed.forgot["user"] == "ada"
    assert [event.limit for event in served.events("event:limit")] == ["ftp.idle"]
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_bytes_without_a_line_end_are_silence(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(idle=0.3)), reactor, state_dir=tmp_path)
    ada = await connect(served)
    for _ in range(4):
        ada.talk.say("N")
        await deferLater(reactor, 0.1, lambda: None)  # drip
    assert (await ada.talk.rest()).startswith(b"421 ")
    await served.stop()


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (FtpLimits(connections=2), "ftp.connections"),
        (FtpLimits(connections_per_address=2), "ftp.connections_per_address"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_too_many_connections_are_sent_away(tmp_path: Path, limits: FtpLimits, setting: str):
    reactor = the_reactor()
    served = await serve(FtpServer(limits), reactor, state_dir=tmp_path)
    ada, bob = await connect(served), await connect(served)
    late = await served.connect()
    assert await late.rest() == b"421 Too many connections. Come back later.\r\n"
    assert [event.limit for event in served.events("event:limit")] == [setting]
    ada.talk.hang_up()
    await served.happens("event:connection.close", count=2)
    again = await connect(served)
    for client in (bob, again):
        assert (await client.ask("NOOP")).startswith("200 ")
        client.talk.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_flood_is_ended_where_a_rate_is_set(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(FtpLimits(flood_per_second=5, flood_burst=5)), reactor, state_dir=tmp_path)
    ada = await connect(served)
    ada.talk.say("NOOP\r\n" * 10)
    heard = await ada.talk.rest()
    assert heard.count(b"200 ") == 5
    assert heard.endswith(b"421 Too many commands at once. Goodbye.\r\n")
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_forget_keeps_the_socket_and_drops_the_rest(ftp: Served):
    ada = await (await connect(ftp)).login()
    for command in ("CWD docs", "TYPE I", "REST 3", "RNFR a.txt", "EPSV ALL"):
        await ada.ask(command)
    before = ada.remembers()
    (went,) = ftp.playground.forget("connection")
    assert dict(went.forgot) == before
    assert ada.remembers() == {}
    assert await ada.ask("CWD docs") == "530 Log in with USER and PASS first."
    await ada.login()
    assert await ada.ask("PWD") == '257 "/" is the current directory.'
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_forget_aborts_a_running_transfer(ftp: Served):
    ada = await (await connect(ftp)).login()
    data = await ada.data()
    await ada.ask("STOR x")
    data.say("half")
    await ftp.happens("event:state", "/transfer:STOR/")
    ftp.playground.forget("connection")
    assert await ada.reply() == "426 Transfer aborted: this server was told to forget."
    await data.rest()
    assert await ada.ask("PWD") == "530 Log in with USER and PASS first."
    assert ada.remembers() == {}
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_forget_of_other_memory_is_nothing_to_ftp(ftp: Served):
    ada = await (await connect(ftp)).login()
    assert ftp.playground.forget("session") == []
    assert ftp.playground.forget("shared") == []
    assert await ada.ask("PWD") == '257 "/" is the current directory.'
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_hangs_up_half_still_gets_the_answers(ftp: Served):
    ada = await connect(ftp)
    ada.talk.say("USER ada\r\nPASS wrong\r\nUSER ada\r\nPASS ada\r\nPWD\r\n").end()
    heard = await ada.talk.rest()
    assert [line[:3] for line in heard.splitlines()] == [b"331", b"530", b"331", b"230", b"257"]


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_and_other_endpoints_are_told(tmp_path: Path):
    reactor = the_reactor()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenError):
            await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint=f"tcp:{port}:interface=127.0.0.1")
    with pytest.raises(BadEndpoint, match="tcp:PORT"):
        await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint="unix:/tmp/ftp")
    for endpoint, match in (
        ("systemd:domain=INET:index=0", "no such socket"),
        ("systemd:x", "no such socket"),
    ):
        with pytest.raises(BadEndpoint, match=match):
            await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint=endpoint)
    with pytest.raises(BadEndpoint, match="no such folder"):
        await serve(FtpServer(), reactor, ftp_root=str(tmp_path / "nowhere"))


@pytest_twisted.ensureDeferred
async def test_ipv6_works_with_epsv_and_says_so_for_pasv(tmp_path: Path):
    reactor = the_reactor()
    served = await serve(FtpServer(), reactor, state_dir=tmp_path, endpoint=r"tcp:0:interface=\:\:1")
    ada = await (await connect(served)).login()
    assert await ada.ask("PASV") == "502 PASV is for IPv4; over IPv6 use EPSV (RFC 2428)."
    assert (await ada.ask("EPSV")).startswith("229 ")
    ada.talk.hang_up()
    await served.stop()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tcp:2121", Place("", 2121)),
        ("tcp:port=0:interface=127.0.0.1", Place("127.0.0.1", 0)),
        (r"tcp:2121:interface=\:\:1:backlog=5", Place("::1", 2121, 5)),
    ],
)
def test_endpoints_that_are_understood(text: str, place: Place):
    assert parse_endpoint(text) == place


@pytest.mark.parametrize("text", ["", "tcp", "tcp:x", "tcp:70000", "tcp:1:2", "ssl:2121", "tcp:1:nodelay=1"])
def test_endpoints_that_are_not(text: str):
    with pytest.raises(BadEndpoint):
        parse_endpoint(text)
