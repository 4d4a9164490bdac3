r"""Lines out of bytes, for netcat and for telnet.

A line ends with ``\n``, ``\r\n`` or ``\r\0``. Telnet's own bytes (RFC 854) are
taken out wherever they stand. What the client offers or asks for is declined,
with one exception: a client that asks us to echo (RFC 857) and to suppress
go-ahead (RFC 858) is in character mode, and sees nothing of what it types
unless we agree. We never ask for anything, so no negotiation can go in circles.

A line can be mended as in a shell: backspace, Ctrl-W for a word, Ctrl-U for all of
it. Keys that would move a cursor (ECMA-48, section 5.4) do nothing here, in
whatever mode they come. Ctrl-C and Ctrl-D arrive as such in character mode only;
there they are a line of their own, and what was half typed is taken back. In line
mode telnet says IAC IP for Ctrl-C, IAC BRK for Ctrl-\, and then asks for a timing
mark (RFC 860): it shows nothing until that is answered, so the line comes after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WILL, WONT, DO, DONT, IAC = 251, 252, 253, 254, 255
ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK = 1, 3, 6
RUBOUT = b"\b \b"
BREAK = b"\x03"
"""The line that Ctrl-C makes."""

_TOKEN = re.compile(
    rb"""
      (?P<text>  [^\xff\r\n\x08\x7f\x15\x17\x1b\x03\x04]+ )
    | (?P<end>   \n | \r[\n\0] )
    | (?P<lone>  \r(?=[^\n\0]) )
    | (?P<erase> [\x08\x7f] | \xff\xf7 )          # backspace, delete, IAC EC
    | (?P<kill>  \x15 | \xff\xf8 )                # control-U, IAC EL
    | (?P<word>  \x17 )                           # control-W
    | (?P<break> [\x03\x04] )                     # control-C, control-D
    | (?P<key>   \x1b (?: \[[0-9;]{0,8}[A-DFHZ~] | O[A-DFHP-S] ) )  # arrows, Home, End, Delete, F1 ...
    | (?P<esc>   \x1b (?= [^[O] | O[^A-DFHP-S] | \[[0-9;]{0,8}[^0-9;A-DFHZ~] | \[[0-9;]{9} ) )
    | (?P<offer> \xff[\xfb-\xfe][\x00-\xff] )     # IAC WILL/WONT/DO/DONT option
    | (?P<sub>   \xff\xfa (?: [^\xff] | \xff[^\xf0] ){0,1000} \xff\xf0 )
    | (?P<stop>  \xff[\xf3\xf4] )                # IAC BRK, IAC IP: Ctrl-\ and Ctrl-C
    | (?P<other> \xff[\xf0-\xf9] )                # the other commands: nothing to do
    | (?P<data>  \xff\xff | \xff(?=[\x00-\xef]) ) # a byte 255 that is meant
    """,
    re.VERBOSE | re.DOTALL,
)
_OVERHEAD = 1000
"""Bytes that erased characters and telnet's own may add to one line, before it counts as too long."""


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line; ``raw`` without its end, ``text`` as it was meant.

    ``size`` is its bytes on the wire: 0 for a :data:`BREAK` that telnet's own bytes have told of.
    """

    size: int
    raw: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Negotiation:
    """Telnet's own bytes. ``size`` is 0 amid a line, whose size contains them; ``answer`` may be empty."""

    size: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that is longer than lines may be; its first ``size`` bytes are all that was looked at."""

    size: int
    raw: bytes


Piece = Line | Negotiation | TooLong


class LineReader:
    """Takes bytes as they come and hands out pieces one by one; ``longest`` is in bytes of text."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._buffer = bytearray()
        self._raw = bytearray()
        self._text = bytearray()
        self._echo = bytearray()
        self._agreed: set[int] = set()
        self._stopped = False
        """Whether the last thing that came was IAC IP or IAC BRK."""
        self._break_is_due = False

    @property
    def echoing(self) -> bool:
        """True in character mode."""
        return ECHO in self._agreed

    def feed(self, data: bytes) -> None:
        """More bytes came."""
        self._buffer += data

    def beginning(self) -> bytes:
        """What there is of the line that is not whole yet."""
        return bytes(self._raw + self._buffer)

    @property
    def half_typed(self) -> bytes:
        """What stands on the screen of a client in character mode, and is no line yet."""
        return bytes(byte for byte in self._text if byte >= 0x20) if self.echoing else b""

    def take_echo(self) -> bytes:
        """What a client in character mode must see of its own typing since the last call."""
        echo = bytes(self._echo)
        self._echo.clear()
        return echo

    def next(self) -> Piece | None:
        """The next piece, or None until more bytes come."""
        if self._break_is_due:
            self._break_is_due = False
            return self._broken_off(0)
        while (token := _TOKEN.match(self._buffer)) is not None:
            kind, found = token.lastgroup, token[0]
            if kind == "text":
                # One byte more than may be, so that it does not matter how they were cut into packets.
                found = found[: min(self._longest - len(self._text), self._room) + 1]
            del self._buffer[: len(found)]
            self._raw += found
            if kind == "end":
                return self._whole(len(found))
            if kind == "break" and self.echoing:
                return self._broken_off(len(found))
            self._break_is_due = self._stopped and found == bytes([IAC, DO, TIMING_MARK])
            self._stopped = kind == "stop"
            if kind in ("offer", "sub", "stop", "other"):
                return self._negotiated(found)
            self._type(kind or "", found)
            if len(self._text) > self._longest or self._room < 0:
                return TooLong(len(self._raw), bytes(self._raw))
        if len(self._buffer) > max(self._room, 0) and self._buffer[:1] == b"\xff":
            return TooLong(len(self._raw), bytes(self._raw))  # a subnegotiation without end
        return None

    @property
    def _room(self) -> int:
        return self._longest + _OVERHEAD - len(self._raw)

    def _type(self, kind: str, found: bytes) -> None:
        if kind == "erase":
            self._echo_back(RUBOUT if self._rub_out() else b"")
        elif kind == "kill":
            self._kill()
        elif kind == "word":
            self._kill_word()
        elif kind != "key":
            typed = b"\xff" if kind == "data" else b" " if kind == "lone" else found
            if self.echoing:  # what leaves no trace on the screen is no part of the line either
                typed = bytes(byte for byte in typed.replace(b"\t", b" ") if byte >= 0x20)
            self._text += typed
            self._echo_back(typed)

    def _kill(self) -> None:
        while self._rub_out():
            self._echo_back(RUBOUT)

    def _kill_word(self) -> None:
        """As a terminal does (``WERASE``): the spaces before the cursor, and the word before those."""
        word = self._text.rstrip(b" ").rfind(b" ") + 1
        while len(self._text) > word and self._rub_out():
            self._echo_back(RUBOUT)

    def _rub_out(self) -> bool:
        """Take back the last character, which may be several bytes; false when there is none."""
        while self._text and self._text[-1] & 0xC0 == 0x80:
            self._text.pop()
        return bool(self._text) and bool(self._text.pop() + 1)

    def _echo_back(self, data: bytes) -> None:
        if self.echoing:
            self._echo += data

    def _broken_off(self, end: int) -> Line:
        self._kill()
        self._text += BREAK
        if not self.echoing:
            self._echo += b"\n"  # telnet has shown ^C, and stands behind it
        return self._whole(end)

    def _whole(self, end: int) -> Line:
        self._echo_back(b"\r\n")
        line = Line(len(self._raw), bytes(self._raw[: len(self._raw) - end]), bytes(self._text))
        self._raw.clear()
        self._text.clear()
        return line

    def _negotiated(self, found: bytes) -> Negotiation:
        answer = self._answer(found[1], found[2]) if len(found) == 3 else b""
        if self._raw != found:
            return Negotiation(0, answer)
        self._raw.clear()
        return Negotiation(len(found), answer)

    def _answer(self, verb: int, option: int) -> bytes:
        if verb == WILL:
            return bytes([IAC, DONT, option])
        if verb == DO and option not in (ECHO, SUPPRESS_GO_AHEAD):
            return bytes([IAC, WONT, option])
        if verb == DO and option not in self._agreed:
            self._agreed.add(option)
            return bytes([IAC, WILL, option])
        if verb == DONT and option in self._agreed:
            self._agreed.discard(option)
            return bytes([IAC, WONT, option])
        return b""
