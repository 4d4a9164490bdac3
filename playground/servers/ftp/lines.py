"""Command lines of the control connection: framing, what is wrong with one, what in it is secret.

Pure: bytes in, lines out. The same bytes give the same lines however they are
cut into packets.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from playground.journal.redaction import Secret

LONGEST_LINE = 2048
"""Bytes of a command with its line end."""


class Fault(NamedTuple):
    """Why a line is no command, and how that is answered."""

    rule: str
    reply: str
    """Three digits and a text, without line end."""
    source: str
    hangs_up: bool = False
    """True when the connection is closed after the reply."""


class Line(NamedTuple):
    """One line as it came."""

    raw: bytes
    """With its line end, as far as it was kept."""
    fault: Fault | None
    text: str = ""
    """The command without line end and telnet codes; nothing where there is a fault."""


BARE_LF = Fault(
    "line-end", "501 Lines end with CR LF here. With netcat: nc -C (macOS: nc -c)", "RFC 959 5.3.1, RFC 854"
)
CONTROL_BYTES = Fault("control-bytes", "501 No control characters, please.", "RFC 2640 3.1")
NOT_UTF8 = Fault("encoding", "501 Not UTF-8.", "RFC 2640 2.2")
TOO_LONG = Fault("line-length", f"500 Command too long: {LONGEST_LINE} bytes at most.", "RFC 959 4.2")
HTTP = Fault("http-request", "421 This is FTP, not HTTP. Goodbye.", "RFC 959 4.1", hangs_up=True)
TLS = Fault(
    "tls",
    "421 That was TLS. Here it begins with AUTH TLS (explicit FTPS). Goodbye.",
    "RFC 4217 4",
    hangs_up=True,
)
TLS_BEGINS = b"\x16\x03"
"""A handshake in any version of TLS (RFC 8446 5.1). It needs no line end to be recognised."""

# IAC IP IAC DM before ABOR and STAT (RFC 959 4.1.3); a command itself is ASCII.
_TELNET = re.compile(rb"\A[\xf0-\xff]+")
# A browser that is made to talk to this port sends a request line; no FTP command looks like one.
_HTTP = re.compile(
    rb"\A(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) |[A-Z]+ [^ ]* HTTP/|PRI \* |Host:)", re.I
)
# What most lines look like: there can be nothing wrong with these, so nobody looks closer.
_PLAIN = re.compile(rb"(?!GET|HEAD|POST|PUT|PRI)[A-Z]{3,4}(?: [ -.0-~]*)?\r\n", re.I)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET = re.compile(rb"\A[\xf0-\xff\s]*(?:PASS|ACCT)\w*[ \t]+", re.I)


class CommandLines:
    """Cuts a stream into lines.

    A command ends with CR LF. A line that ends with a bare LF is refused at
    once, so that somebody at a terminal is not left in silence, and whatever
    follows up to the next CR LF is refused too: it would be a command smuggled
    in by a file name with a line end in it.
    """

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._buffer = bytearray()
        self._skipping = False
        self._torn = False

    def feed(self, data: bytes) -> None:
        """More bytes of the stream."""
        self._buffer += data

    def take(self) -> Line | None:
        """The next line, or ``None`` when there is no whole one yet."""
        buffer = self._buffer
        if not buffer:
            return None
        if buffer.startswith(TLS_BEGINS) and not self._skipping:
            del buffer[: len(TLS_BEGINS)]
            return Line(TLS_BEGINS, TLS)
        end = buffer.find(b"\n") + 1
        if self._skipping:
            del buffer[: end or len(buffer)]
            if not end:
                return None
            self._skipping = False
            end = buffer.find(b"\n") + 1
        if 0 < end <= self._longest:
            raw = bytes(buffer[:end])
            del buffer[:end]
            return self._line(raw)
        if len(buffer) < self._longest:
            return None
        raw = bytes(buffer[: self._longest])
        del buffer[: self._longest]
        self._skipping = True
        return Line(raw, TOO_LONG)

    def rest(self) -> bytes:
        """Bytes that have not become a line."""
        return bytes(self._buffer)

    def _line(self, raw: bytes) -> Line:
        if not self._torn and _PLAIN.fullmatch(raw):
            return Line(raw, None, raw[:-2].decode())
        if _HTTP.match(raw):
            return Line(raw, HTTP)
        bare = not raw.endswith(b"\r\n")
        torn, self._torn = self._torn, bare
        if bare or torn:
            return Line(raw, BARE_LF)
        try:
            text = _TELNET.sub(b"", raw[:-2]).decode()
        except UnicodeDecodeError:
            return Line(raw, NOT_UTF8)
        return Line(raw, CONTROL_BYTES) if _CONTROL.search(text) else Line(raw, None, text)


def secrets(raw: bytes) -> tuple[Secret, ...]:
    """The spans of a command line that the journal must not show: the argument of PASS and ACCT."""
    found = _SECRET.match(raw)
    if found is None:
        return ()
    end = len(raw.rstrip(b"\r\n"))
    return (Secret(found.end(), end),) if found.end() < end else ()
