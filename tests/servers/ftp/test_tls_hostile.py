"""TLS under attack: from whoever sits in between, from thieves, and from those who never shake hands."""

from __future__ import annotations

import socket
import ssl
import struct
import warnings
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
import pytest_twisted

from tests.servers.ftp.encrypted import Client, Serve, client, in_a_thread, refusals


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


def end(data: ssl.SSLSocket) -> None:
    """End the stream as somebody in between can do it."""
    socket.socket.shutdown(data, socket.SHUT_WR)


def reset(data: ssl.SSLSocket) -> None:
    """The same, with a reset."""
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    data.close()


@pytest.mark.parametrize("cut", [end, reset])
@pytest.mark.parametrize(("tls", "reply"), [("allowed", "226 "), ("required", "426 The end came without")])
@pytest_twisted.ensureDeferred
async def test_an_upload_that_was_cut_short(
    house: Serve, tls: str, reply: str, cut: Callable[[ssl.SSLSocket], None]
):
    served = await house(tls)

    def talk() -> None:
        with client(served) as ada:
            ada.secure().log_in().protect()
            with ada.data("STOR half") as data:
                data.sendall(b"half")
                cut(data)
                assert ada.reply().startswith(reply)

    await in_a_thread(served, talk)
    closed = served.events("event:connection.close", "conn:ftp-1.1")
    assert [event.reason for event in closed] == ["lost"]


@pytest_twisted.ensureDeferred
async def test_what_is_no_tls_in_the_middle_of_it_ends_the_connection(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as ada:
            ada.secure().log_in()
            socket.socket.sendall(ada.socket, b"DELE a.txt\r\n")  # as if somebody in between had done it
            with suppress(OSError):
                assert ada.reply() == ""

    await in_a_thread(served, talk)
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "refused"
    assert refusals(served) == [("ftp-1", "tls")]


@pytest_twisted.ensureDeferred
async def test_who_does_not_read_the_replies_in_tls_is_cut_off(house: Serve):
    served = await house(unsent=4096, last_words=0.2)

    def talk() -> None:
        with client(served) as eve:
            eve.secure()
            with suppress(OSError):  # how it is told, and when, is the system's business
                eve.say("HELP\r\n" * 1_000_000)

    await in_a_thread(served, talk)
    (closed,) = await served.happens("event:connection.close")
    assert closed.reason == "clogged"
    assert [event.limit for event in served.events("event:limit")] == ["ftp.unsent"]


@pytest_twisted.ensureDeferred
async def test_many_who_never_shake_hands_hold_up_nobody_and_are_let_go(house: Serve):
    served = await house(handshake=0.5)

    def talk() -> None:
        silent = [client(served) for _ in range(40)]
        for number, eve in enumerate(silent):
            assert eve.ask("AUTH TLS").startswith("234 ")
            if number % 2:
                eve.socket.sendall(b"\x16\x03\x01\x40\x00")  # a record of 16 kB, which does not come
        with client(served) as ada:
            ada.secure().log_in().protect()
            assert ada.get("RETR a.txt").startswith(b"I am /a.txt")
        for eve in silent:
            with eve:
                assert eve.reply() == ""

    await in_a_thread(served, talk)
    closed = await served.happens("event:connection.close", count=42)
    assert [event.reason for event in closed].count("limit") == 40
    assert served.playground.connections == []


@pytest_twisted.ensureDeferred
async def test_a_handshake_of_single_bytes_comes_about_and_one_that_is_reset_leaves_nothing(house: Serve):
    served = await house()

    def talk() -> None:
        with client(served) as gone:
            assert gone.ask("AUTH TLS").startswith("234 ")
            gone.socket.sendall(b"\x16\x03\x01")
            gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        with client(served) as ada:
            assert ada.ask("AUTH TLS").startswith("234 ")
            heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = ada.context.wrap_bio(heard, said, server_hostname="127.0.0.1")
            shaken = False
            while not shaken:
                try:
                    tls.do_handshake()
                    shaken = True
                except ssl.SSLWantReadError:
                    pass
                for byte in said.read():
                    ada.socket.sendall(bytes([byte]))
                if not shaken:
                    heard.write(ada.socket.recv(65536))
            tls.write(b"NOOP\r\n")
            ada.socket.sendall(said.read())
            heard.write(ada.socket.recv(65536))
            assert tls.read(3) == b"200"

    await in_a_thread(served, talk)
    closed = await served.happens("event:connection.close", count=2)
    assert {event.reason for event in closed} <= {"client", "lost"}
    assert refusals(served) == []
