"""Reads WebSocket frames, RFC 6455 5: a client's bytes in, whole frames out. No I/O."""

from __future__ import annotations

import codecs
from typing import Final, Protocol

from playground.wire.frame_rules import (
    LENGTH_TOO_LONG,
    NOT_DEFLATED,
    NOT_UTF_8,
    Broken,
    close_problem,
    frame_too_big,
    header_problem,
    message_too_big,
)
from playground.wire.frames import Frame, unmask
from playground.wire.opcodes import CONTROL_BYTES, DEFLATED, FIN, LENGTH, MASKED, OPCODE, Opcode

_number = int.from_bytes
_Utf8 = codecs.getincrementaldecoder("utf-8")

_TEXT: Final = 0x81
"""The first byte of a text in one frame that is not deflated (a number: an enum's member is looked up)."""
_BINARY: Final = 0x82
"""The same of bytes."""


class Inflater(Protocol):
    """What :mod:`playground.wire.deflate` does for incoming messages."""

    def inflate(self, data: bytes, room: int, *, last: bool) -> bytes | None:
        """More of a message's content; None when it has more than ``room`` bytes. Raises ``ValueError``."""


class FrameReader:
    """Reads what one client sends. ``most`` is how many bytes a message may have.

    ``most_frame`` is the same for a frame; ``inflater`` is there when
    permessage-deflate was agreed on.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_content",
        "_deflated",
        "_head",
        "_in_message",
        "_inflater",
        "_key",
        "_left",
        "_length",
        "_message",
        "_most",
        "_most_frame",
        "_opcode",
        "_short",
        "_size",
        "_text",
        "_total",
    )

    def __init__(self, most: int, most_frame: int = 0, inflater: Inflater | None = None) -> None:
        self._most = most
        self._most_frame = most_frame or most
        self._short = min(most, self._most_frame, CONTROL_BYTES)
        self._inflater = inflater
        self._buffer = b""
        self._at = 0
        # Of the frame under way:
        self._head = -1
        self._left = 0
        self._length = 0
        self._size = 0
        self._key = b""
        self._content = bytearray()  # no list: each piece may be a single byte
        # Of the message under way:
        self._in_message = False
        self._opcode = 0
        self._deflated = False
        self._message = bytearray()
        self._total = 0
        self._text: codecs.IncrementalDecoder | None = None

    @property
    def is_empty(self) -> bool:
        """Whether all that was fed is read."""
        return self._at == len(self._buffer)

    @property
    def unfinished(self) -> int:
        """Bytes of a frame that is not whole."""
        of_frame = self._size - self._left if self._head >= 0 else 0
        return of_frame + len(self._buffer) - self._at

    def only(self, data: bytes) -> Frame | Broken | None:
        """What ``data`` is, if it is one whole short message and nothing is under way, as nearly always.

        Else None, and it is to be fed.
        """
        if self._head >= 0 or self._in_message or self._at != len(self._buffer):
            return None
        return _short_message(data, self._short)

    def feed(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._at == len(self._buffer):
            self._buffer = data
        else:
            self._buffer = self._buffer[self._at :] + data  # seldom: less than a header, or what has to wait
        self._at = 0

    def next(self) -> Frame | Broken | None:
        """The next frame; what is wrong; or None while more bytes are needed."""
        buffer, at = self._buffer, self._at
        if len(buffer) - at >= 6 and self._head < 0 and not self._in_message:
            end = at + 6 + (buffer[at + 1] & LENGTH)
            if (one := _short_message(buffer[at:end], self._short)) is not None:
                self._at = end
                return one
        return self._the_long_way()

    def _the_long_way(self) -> Frame | Broken | None:
        if self._at == len(self._buffer):
            return None
        if self._head < 0 and (problem := self._header()) is not None:
            return problem
        if self._head < 0:
            return None
        at, left = self._at, self._left
        take = min(left, len(self._buffer) - at)
        if take < left and not take:
            return None
        data = self._buffer[at : at + take]
        self._at = at + take
        self._left = left - take
        if data:
            done = (self._length - left) & 3
            data = unmask(data, self._key[done:] + self._key[:done] if done else self._key)
        if self._head & 8:
            return self._control(data)
        return self._data(data)

    # -- headers -----------------------------------------------------------------------------

    def _header(self) -> Broken | None:
        """Read a header once it is whole; what is wrong with it, or None."""
        buffer, at = self._buffer, self._at
        there = len(buffer) - at
        if there < 2:
            # The first byte alone may be wrong, but nothing is lost by waiting for the second.
            return None
        first, second = buffer[at], buffer[at + 1]
        inflates = self._inflater is not None
        if problem := header_problem(first, second, inflates=inflates, in_message=self._in_message):
            return problem
        length = second & LENGTH
        extended = 0 if length < 126 else 2 if length == 126 else 8
        size = 6 + extended
        if there < size:
            return None
        if extended:
            length = int.from_bytes(buffer[at + 2 : at + 2 + extended], "big")
            if length < (126 if extended == 2 else 65_536):
                return LENGTH_TOO_LONG
        if not first & 8 and (problem := self._too_big(length)):
            return problem
        self._key = buffer[at + size - 4 : at + size]
        self._at = at + size
        self._head, self._length, self._left, self._size = first, length, length, size + length
        opcode = first & OPCODE
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self._in_message, self._opcode = True, opcode
            self._deflated = bool(first & DEFLATED)
            self._total = 0
            self._text = None
        return None

    def _too_big(self, length: int) -> Broken | None:
        if length > self._most_frame:
            return frame_too_big(self._most_frame)
        if (self._total if self._in_message else 0) + length > self._most:
            return message_too_big(self._most)
        return None

    # -- contents ----------------------------------------------------------------------------

    def _control(self, data: bytes) -> Frame | Broken | None:
        self._content += data
        if self._left:
            return None
        content = self._take_content()
        opcode = self._head & OPCODE
        self._head = -1
        if opcode == Opcode.CLOSE and (problem := close_problem(content)):
            return problem._replace(goodbye=True)
        return Frame(opcode, self._size, content, content)

    def _data(self, data: bytes) -> Frame | Broken | None:
        whole, last = not self._left, not self._left and bool(self._head & FIN)
        if whole and last and not (self._deflated or self._content or self._message or self._text):
            return self._short_way(data)
        if self._deflated and self._inflater is not None:
            room = self._most - self._total
            try:
                inflated = self._inflater.inflate(data, room, last=last)
            except ValueError:
                return NOT_DEFLATED
            if inflated is None:
                return message_too_big(self._most)
            data = inflated
        if self._opcode == Opcode.TEXT:
            self._text = self._text or _Utf8()
            try:
                self._text.decode(data, last)
            except UnicodeDecodeError:
                return NOT_UTF_8
        self._total += len(data)
        self._content += data
        if not whole:
            return None
        content = self._take_content()
        frame_opcode = self._head & OPCODE
        self._head = -1
        self._message += content
        if not last:
            return Frame(frame_opcode, self._size, content)
        message = bytes(self._message)
        self._message.clear()
        self._in_message, self._text = False, None
        shown = message.decode() if self._opcode == Opcode.TEXT else message
        return Frame(frame_opcode, self._size, content, shown)

    def _short_way(self, data: bytes) -> Frame | Broken:
        """A message in one frame that came in one piece, as nearly all do."""
        opcode = self._head & OPCODE
        self._head = -1
        self._in_message = False
        if self._opcode != Opcode.TEXT:
            return Frame(opcode, self._size, data, data)
        try:
            return Frame(opcode, self._size, data, data.decode())
        except UnicodeDecodeError:
            return NOT_UTF_8

    def _take_content(self) -> bytes:
        content = bytes(self._content)
        self._content.clear()
        return content


def _short_message(data: bytes, most: int) -> Frame | Broken | None:
    """``data`` as one frame that is a whole message of ``most`` bytes (125 at most); None if it is not that.

    All that the long way asks about holds for such a frame. Measured: 0.5 µs instead of 2.9.
    """
    size = len(data) - 6
    if not 0 <= size <= most or data[1] != MASKED | size:
        return None
    first = data[0]
    if first != _TEXT and first != _BINARY:
        return None
    mask = (data[2:6] * 32)[:size]
    content = (_number(data[6:], "little") ^ _number(mask, "little")).to_bytes(size, "little")
    if first == _BINARY:
        return Frame(2, size + 6, content, content)
    try:
        return Frame(1, size + 6, content, content.decode())
    except UnicodeDecodeError:
        return NOT_UTF_8
