"""What hostile, broken and odd clients do to a line server: each attack is one function.

Each opens its own connections, does its worst to the address it is given, and
closes them. They never raise because the server defends itself: being cut off
is what they ask for.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from random import Random

from playground.testing import Address

SECONDS = 5.0
"""How long an attack waits for any one thing."""

IAC = 0xFF
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(194))

Attack = Callable[[Address, Random], None]

ATTACKS: dict[str, Attack] = {}


def _attack(attack: Attack) -> Attack:
    @wraps(attack)
    def until_it_is_cut_off(address: Address, random: Random) -> None:
        with suppress(OSError):
            attack(address, random)

    ATTACKS[attack.__name__.replace("_", " ")] = until_it_is_cut_off
    return attack


def _line(address: Address) -> socket.socket:
    return socket.create_connection(address, SECONDS)


def _hear_the_end(line: socket.socket) -> bytes:
    heard = b""
    while data := line.recv(65536):
        heard += data
    return heard


def _hear(line: socket.socket, mark: bytes) -> bytes:
    heard = b""
    while mark not in heard and (data := line.recv(65536)):
        heard += data
    return heard


def _sit(line: socket.socket, random: Random) -> str:
    """Take a seat; returns its token, or nothing where there is none."""
    line.sendall(f"name x{random.getrandbits(40):x}\n".encode())
    found = re.search(rb"token is ([0-9a-f]{20})", _hear(line, b"Say: ready") or b"")
    return found[1].decode() if found else ""


def _reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@_attack
def takeover_of_a_half_open_connection(address: Address, random: Random) -> None:
    """The older connection neither reads nor ends."""
    with _line(address) as old, _line(address) as new:
        token = _sit(old, random)
        new.sendall(f"resume {token}\nquit\n".encode())
        _hear_the_end(new)


@_attack
def token_replay(address: Address, random: Random) -> None:
    """A token that was used already."""
    with _line(address) as first, _line(address) as second, _line(address) as third:
        token = _sit(first, random)
        second.sendall(f"resume {token}\nlook\n".encode())
        _hear(second, b"Chests")
        third.sendall(f"resume {token}\nquit\n".encode())
        _hear_the_end(third)
        second.sendall(b"quit\n")


@_attack
def flood(address: Address, random: Random) -> None:
    """As many lines as go into one write, from a seat."""
    with _line(address) as line:
        _sit(line, random)
        line.sendall(b"say flood\n" * 500)
        _hear_the_end(line)


@_attack
def wrong_tokens(address: Address, random: Random) -> None:
    """Guesses, until it is shown the door."""
    with _line(address) as line:
        line.sendall(b"".join(f"resume {random.getrandbits(80):020x}\n".encode() for _ in range(9)))
        _hear_the_end(line)


@_attack
def line_without_end(address: Address, random: Random) -> None:
    """A megabyte, and no end of line."""
    with _line(address) as line:
        line.sendall(b"x" * 1_000_000)
        _hear_the_end(line)


@_attack
def bytes_that_are_no_text(address: Address, random: Random) -> None:
    """NULs, invalid UTF-8, noise."""
    with _line(address) as line:
        line.sendall(b"\0\0name\0\n\xc3\x28\n\xed\xa0\x80\n" + random.randbytes(300) + b"\nquit\n")
        _hear_the_end(line)


@_attack
def terminal_escapes(address: Address, random: Random) -> None:
    """What would clear another player's screen."""
    with _line(address) as line:
        _sit(line, random)
        line.sendall("say \x1b[2J\x1b]0;owned\x07 \x9b31m \u202e\nquit\n".encode())
        _hear_the_end(line)


@_attack
def telnet_in_every_order(address: Address, random: Random) -> None:
    """A hundred negotiations amid lines."""
    with _line(address) as line:
        for _ in range(100):
            line.sendall(bytes([IAC, random.choice((251, 252, 253, 254)), random.randrange(256)]))
        line.sendall(b"\xff\xfa\x18\x00xterm\xff\xf0lo\xff\xf1ok\r\0quit\r\n")
        _hear_the_end(line)


@_attack
def telnet_in_character_mode(address: Address, random: Random) -> None:
    """Key by key, with corrections."""
    with _line(address) as line:
        line.sendall(b"\xff\xfd\x03\xff\xfd\x01")
        for key in b"lok\x7fok\r\0nonsense\x15quit\r\0":
            line.sendall(bytes([key]))
        _hear_the_end(line)


@_attack
def reader_that_stops_reading(address: Address, random: Random) -> None:
    """Asks for megabytes and takes none."""
    with _line(address) as line:
        _sit(line, random)
        line.settimeout(0.5)
        with suppress(TimeoutError):
            while True:
                line.sendall(b"help\n" * 1000)
        _reset(line)


@_attack
def one_byte_writes(address: Address, random: Random) -> None:
    """Each byte a packet."""
    with _line(address) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"look\nwho\nhelp\nquit\n":
            line.sendall(bytes([byte]))
        _hear_the_end(line)


@_attack
def two_hundred_commands_at_once(address: Address, random: Random) -> None:
    """In one packet."""
    with _line(address) as line:
        line.sendall(b"look\n" * 199 + b"quit\n")
        _hear_the_end(line)


@_attack
def half_close(address: Address, random: Random) -> None:
    """As ``nc -N``: hangs up its half, and wants all answers."""
    with _line(address) as line:
        line.sendall(b"look\nhelp\n")
        line.shutdown(socket.SHUT_WR)
        _hear_the_end(line)


@_attack
def abort(address: Address, random: Random) -> None:
    """A reset amid a line, from a seat."""
    with _line(address) as line:
        _sit(line, random)
        line.sendall(b"say hal")
        _reset(line)


@_attack
def http_request(address: Address, random: Random) -> None:
    """A browser."""
    with _line(address) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _hear_the_end(line)


@_attack
def tls_client(address: Address, random: Random) -> None:
    """A browser that wants it safe."""
    with _line(address) as line:
        line.sendall(CLIENT_HELLO)
        _hear_the_end(line)


@_attack
def connections_without_a_name(address: Address, random: Random) -> None:
    """Twenty that say nothing, for as long as they may."""
    lines: list[socket.socket] = []
    with suppress(OSError):
        lines += [socket.create_connection(address, SECONDS) for _ in range(20)]
        for line in lines:
            line.recv(1000)
    for line in lines:
        line.close()
