"""What pyftpdlib's defaults leave open, and what strangers send."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from playground.servers.ftp import FtpServer
from playground.servers.ftp.limits import FtpLimits
from playground.testing import Served, serve
from tests.reactor import the_reactor
from tests.servers.ftp.client import connect


@pytest.mark.parametrize(
    ("line", "reply", "rule"),
    [
        ("NOOP\n", "501 Lines end with CR LF here. With netcat: nc -C (macOS: nc -c)", "line-end"),
        ("RETR a\x00b\r\n", "501 No control characters, please.", "control-bytes"),
        ("MKD a\rb\r\n", "501 No control characters, please.", "control-bytes"),
        ("MKD \x1b[2J\r\n", "501 No control characters, please.", "control-bytes"),
        ("X" * 3000 + "\r\n", "500 Command too long: 2048 bytes at most.", "line-length"),
        ("FOO bar\r\n", '500 Command "FOO" not understood.', "unknown-command"),
        ("XQUIT\r\n", '500 Command "XQUIT" not understood.', "unknown-command"),
        ("SITE QUIT\r\n", '500 Command "SITE QUIT" not understood.', "unknown-command"),
        ("USER\r\n", "501 Syntax error: command needs an argument.", "syntax"),
        ("REST 1_0\r\n", "501 REST takes a number of bytes.", "syntax"),
        ("REST １\r\n", "501 REST takes a number of bytes.", "syntax"),  # noqa: RUF001  # full width
        ("REST " + "9" * 1900 + "\r\n", "501 REST takes a number of bytes.", "syntax"),
        ("PORT +127,0,0,1,200,1\r\n", "501 Invalid PORT format.", "syntax"),
        (
            "PORT 127,0,0,2,200,1\r\n",
            "501 Rejected data connection to foreign address 127.0.0.2:51201.",
            "foreign-address",
        ),
        ("EPRT |1|127.0.0.1|+99|\r\n", "501 Invalid EPRT format.", "syntax"),
        ("EPRT |2|::1|5000|\r\n", "522 Network protocol not supported (use 1).", "network-protocol"),
        ("PORT 127,0,0,1,0,22\r\n", '501 PORT against the privileged port "22" refused.', "privileged-port"),
        (
            "SITE CHMOD 4755 a.txt\r\n",
            "501 CHMOD takes three digits from 0 to 7: no permission above 0777.",
            "syntax",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_bad_input_gets_its_error_is_written_down_and_the_connection_lives(
    ftp: Served, line: str, reply: str, rule: str
):
    ada = await (await connect(ftp)).login()
    ada.talk.say(line)
    assert await ada.reply() == reply
    assert [event.rule for event in ftp.events("event:refused")] == [rule]
    ada.talk.say("\r\n" if line == "NOOP\n" else "")  # a torn line lasts up to the next CR LF
    if line == "NOOP\n":
        await ada.reply()
    assert await ada.ask("PWD") == '257 "/" is the current directory.'
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_file_name_with_a_line_end_runs_no_command(ftp: Served, tmp_path: Path):
    ada = await (await connect(ftp)).login()
    ada.talk.say("SIZE x\nDELE a.txt\r\n")
    assert (await ada.reply()).startswith("501 ")
    assert (await ada.reply()).startswith("501 ")
    assert (tmp_path / "ftp/a.txt").exists()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_browser_is_sent_away_and_its_body_is_not_executed(ftp: Served, tmp_path: Path):
    ada = await connect(ftp)
    ada.talk.say(
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nUSER ada\r\nPASS ada\r\nDELE a.txt\r\n" + "x" * 50_000
    )
    assert await ada.talk.rest() == b"421 This is FTP, not HTTP. Goodbye.\r\n"
    await ftp.happens("event:connection.close")
    assert [event.rule for event in ftp.events("event:refused")] == ["http-request"]
    assert (tmp_path / "ftp/a.txt").exists()


@pytest_twisted.ensureDeferred
async def test_no_packet_boundary_shows_in_the_journal(ftp: Served):
    commands = b"USER ada\r\nPASS ada\r\nCWD docs\r\nNOOP\nFOO\r\nQUIT\r\n"
    whole = await connect(ftp)
    whole.talk.say(commands)
    await whole.talk.rest()
    bytewise = await connect(ftp)
    for byte in commands:
        bytewise.talk.say(bytes([byte]))
        await deferToThread(lambda: None)  # one turn of the reactor, so that each byte is a packet
    await bytewise.talk.rest()
    await ftp.happens("event:connection.close", count=2)
    assert whole.story() == bytewise.story()


@pytest_twisted.ensureDeferred
async def test_a_password_is_masked_however_it_comes(ftp: Served):
    ada = await connect(ftp)
    await ada.ask("USER ada")
    for line in ("PASS swordfish\n", "pass swordfish\r\n", " PASS swordfish\r\n"):
        ada.talk.say(line)
        await ada.reply()
    ada.talk.say("PASS swordf").hang_up()
    await ftp.happens("event:connection.close")
    assert ftp.events("event:partial")
    assert not ftp.events("/swordf/")


@pytest_twisted.ensureDeferred
async def test_who_guesses_passwords_is_delayed_alone_and_then_sent_away(ftp: Served):
    eve, ada = await connect(ftp), await connect(ftp)
    await eve.ask("USER ada")
    eve.talk.say("PASS one\r\n")
    await ada.login()  # from the same address, with the same account, meanwhile
    assert await eve.reply() == "530 Authentication failed."
    eve.talk.say("USER ada\r\nPASS two\r\nUSER ada\r\nPASS three\r\nUSER ada\r\n")
    assert (await eve.talk.rest()).endswith(b"530 Authentication failed. Disconnecting.\r\n")
    assert [event.limit for event in ftp.events("event:limit")] == ["ftp.login_attempts"]
    assert await ada.ask("PWD") == '257 "/" is the current directory.'
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_vanishes_during_the_penalty_harms_nobody(ftp: Served):
    eve = await connect(ftp)
    await eve.ask("USER ada")
    eve.talk.say("PASS one\r\n")
    await ftp.happens("event:state", "/failed_logins/")
    eve.talk.abort()
    others = [await (await connect(ftp)).login() for _ in range(3)]  # may get the descriptor anew
    await ftp.happens("event:connection.close")
    for other in others:
        assert (await other.ask("PWD")).startswith("257 ")
        other.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_an_active_transfer_leaves_other_connections_alone(ftp: Served):
    """pyftpdlib forgets to let go of the descriptor; its number may be somebody else's by then."""
    ada = await (await connect(ftp)).login()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def accept_and_read() -> bytes:
        sock, _ = listener.accept()
        with sock:
            return sock.makefile("rb").read()

    received = deferToThread(accept_and_read)
    port = listener.getsockname()[1]
    assert (await ada.ask(f"PORT 127,0,0,1,{port // 256},{port % 256}")).startswith("200 ")
    assert (await ada.ask("RETR a.txt")).startswith("125 ")
    assert await ada.reply() == "226 Transfer complete."
    assert (await received).startswith(b"I am /a.txt")
    listener.close()
    others = [await connect(ftp) for _ in range(4)]
    await ada.ask("PASV")
    for other in others:
        assert (await other.ask("NOOP")).startswith("200 ")
        other.talk.hang_up()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_refused_active_connection_is_told(ftp: Served):
    ada = await (await connect(ftp)).login()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = await ada.ask(f"PORT 127,0,0,1,{port // 256},{port % 256}")
    assert reply == "425 Can't connect to specified address."
    assert "data" not in ada.remembers()
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_root_cannot_be_left(ftp: Served, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "ftp/way-out").symlink_to(tmp_path)
    ada = await (await connect(ftp)).login()
    await ada.ask("TYPE I")
    assert (await ada.ask("SIZE ../secret.txt")).startswith("550 ")
    assert (await ada.ask("SIZE way-out/secret.txt")).startswith("550 ")
    assert (await ada.ask("CWD way-out")).startswith("550 ")
    assert await ada.ask("CWD ..") == '250 "/" is the current directory.'
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_pipe_makes_nobody_wait(ftp: Served, tmp_path: Path):
    os.mkfifo(tmp_path / "ftp/pipe")
    ada = await (await connect(ftp)).login()
    await ada.door()
    assert await ada.ask("RETR pipe") == "550 Not a regular file."
    assert (await ada.ask("STOR pipe")).startswith("550 ")
    ada.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_anonymous_reads_and_does_not_write(ftp: Served):
    guest = await connect(ftp)
    await guest.ask("USER anonymous")
    assert await guest.ask("PASS me@example.org") == "230 Login successful."
    assert (await guest.get("a.txt")).startswith(b"I am /a.txt")
    for command in ("STOR x", "DELE a.txt", "MKD x", "RNFR a.txt", "SITE CHMOD 600 a.txt"):
        assert await guest.ask(command) == "550 Not enough privileges."
    guest.talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_chosen_root_is_read_only_unless_writing_is_allowed(tmp_path: Path):
    reactor = the_reactor()
    (tmp_path / "mine.txt").write_text("mine")
    for write, expected in ((False, "550 Not enough privileges."), (True, "250 File removed.")):
        served = await serve(FtpServer(), reactor, ftp_root=str(tmp_path), ftp_write=write)
        ada = await (await connect(served)).login()
        assert await ada.ask("DELE mine.txt") == expected
        ada.talk.hang_up()
        await served.stop()


@pytest_twisted.ensureDeferred
async def test_who_does_not_read_the_replies_is_cut_off(tmp_path: Path):
    reactor = the_reactor()
    limits = FtpLimits(unsent=4096, last_words=0.2)
    served = await serve(FtpServer(limits), reactor, state_dir=tmp_path)
    eve, ada = await connect(served), await connect(served)
    eve.talk.stop_reading()
    for _ in range(100):
        eve.talk.say("HELP\r\n" * 1000)
    (closed,) = await served.happens("event:connection.close", seconds=30)
    assert closed.reason == "clogged"
    assert [event.limit for event in served.events("event:limit")] == ["ftp.unsent"]
    assert (await ada.ask("NOOP")).startswith("200 ")
    ada.talk.hang_up()
    eve.talk.abort()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_listing_on_the_control_connection_is_one_reply(ftp: Served, tmp_path: Path):
    (tmp_path / "ftp/bad\r\n226 name").write_text("")
    ada = await (await connect(ftp)).login()
    reply = await ada.ask("STAT /")
    assert reply.startswith('213-Status of "/":')
    assert reply.endswith("213 End of status.")
    assert "226" not in reply
    assert (await ada.ask("STAT")).startswith("211-FTP server status:")
    ada.talk.hang_up()
