"""Cuts a byte stream into the pieces of HTTP messages, and never looks past one message.

It stands in front of the tokenizer. What it has not cut yet is the queue of
pipelined requests; what it cuts are the journal's messages. Where the cuts are
does not depend on how the bytes arrived.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from playground.servers.http.heads import FIELD_LINE, TOKEN, HeadLines
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem, over_limit
from playground.servers.http.request import CHUNKED
from playground.servers.http.rules import trailer_problem

PIECE = 4096
"""Bytes. A longer body is cut into pieces of this size, as long as a journal line is wont to be."""

LONGEST_SIZE = 16
"""Hexadecimal digits of a chunk's size: 64 bits."""

_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)((?:;%b(?:=(?:%b|%b))?+)*+)\r\n" % (TOKEN, TOKEN, _QUOTED))
"""A chunk's first line: size and extensions, without white space. RFC 9112 7.1."""


class Part(IntEnum):
    """What a cut is."""

    HEAD = 1
    BODY = 2
    END = 3
    """The last piece of a chunked body: its zero-sized chunk and the trailers."""


class Cut(NamedTuple):
    """One piece of a message: what it is, its bytes on the wire, and what they stand for."""

    part: Part
    size: int
    data: bytes
    """A head: as it came. A piece of a body: the content in it. The end: the trailers, raw."""
    last: bool = False
    """Whether the message is complete with this."""


class Cutter:
    """The cutter of one connection. It never holds more than it was given and has not cut."""

    __slots__ = ("_at", "_body_left", "_buffer", "_chunks", "_limits", "_lines", "_short")

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._short = min(limits.head, limits.header_line, limits.request_line)
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._lines: HeadLines | None = None
        self._body_left = 0
        self._chunks: Chunks | None = None

    @property
    def waiting(self) -> int:
        """Bytes that are not cut yet."""
        return len(self._buffer) - self._at

    @property
    def heads_waiting(self) -> int:
        """At most this many requests wait. It is an upper bound: bodies may look like ends of heads."""
        return self._buffer.count(b"\r\n\r\n", self._at)

    @property
    def begun(self) -> bool:
        """Whether a message has begun that is not cut to its end. Empty lines before one do not count."""
        lines = self._lines
        if lines is None or lines.begun:
            return bool(self._body_left or self._chunks or self.waiting)
        rest = self.waiting - lines.at
        return rest > 1 or (rest == 1 and self._buffer[-1] != 0x0D)

    def append(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._at == len(self._buffer):
            self._buffer = data
        elif isinstance(self._buffer, bytearray):
            del self._buffer[: self._at]
            self._buffer += data
        else:
            self._buffer = bytearray(memoryview(self._buffer)[self._at :])
            self._buffer += data
        self._at = 0

    def goes_on(self, data: bytes) -> bool:
        """Take ``data`` if it only makes the unfinished line of a head longer, within all limits: then there
        is nothing to be cut yet, and nothing is wrong. Returns whether it was taken.
        """
        if self._lines is None or b"\n" in data or self.waiting + len(data) > self._short:
            return False
        self.append(data)
        return True

    def peek(self, size: int) -> bytes:
        """The first ``size`` bytes that are not cut yet."""
        return bytes(self._buffer[self._at : self._at + size])

    def expect_body(self, length: int) -> None:
        """The head that was cut last has a body of so many bytes, or :data:`CHUNKED`."""
        if length == CHUNKED:
            self._chunks = Chunks(self._limits)
        else:
            self._body_left = length

    def next(self) -> Cut | Problem | None:
        """The next piece; what is wrong; or None while more bytes are needed."""
        if self._body_left:
            return self._length()
        if self._chunks is not None:
            return self._chunk(self._chunks)
        return self._head()

    def _take(self, size: int) -> bytes:
        start, buffer = self._at, self._buffer
        self._at = end = start + size
        if end == len(buffer):
            self._buffer, self._at = b"", 0  # an idle connection keeps nothing
        return bytes(buffer[start:end])

    def _head(self) -> Cut | Problem | None:
        buffer, at = self._buffer, self._at
        if at == len(buffer):
            return None
        if self._lines is None:
            size = buffer.find(b"\r\n\r\n", at) + 4 - at
            # Short enough that no limit on a line or on the whole can be exceeded.
            if 4 < size <= self._short:
                return Cut(Part.HEAD, size, self._take(size))
            self._lines = HeadLines(self._limits)
        if problem := self._lines.look(buffer, at):
            return problem
        if not self._lines.complete:
            return None
        size = self._lines.at
        self._lines = None
        return Cut(Part.HEAD, size, self._take(size))

    def _length(self) -> Cut | None:
        size = min(self._body_left, PIECE)
        if self.waiting < size:
            return None
        self._body_left -= size
        return Cut(Part.BODY, size, self._take(size), last=not self._body_left)

    def _chunk(self, chunks: Chunks) -> Cut | Problem | None:
        cut = chunks.look(self._buffer, self._at)
        if isinstance(cut, Cut):
            self._take(cut.size)
            if cut.last:
                self._chunks = None
        return cut


class Chunks:
    """A chunked body. A chunk is one piece, or several where it is long. RFC 9112 7.1."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._total = 0
        self._extensions = 0
        self._content_from = 0
        self._content_to = -1
        self._done = 0
        self._trailers: HeadLines | None = None

    def look(self, buffer: bytes | bytearray, at: int) -> Cut | Problem | None:
        """The next piece of ``buffer``, where it begins at ``at``."""
        at_size_line = self._trailers is None and self._content_to < 0
        if at_size_line and (problem := self._size_line(buffer, at)):
            return problem
        if self._trailers is not None:
            return self._end(self._trailers, buffer, at)
        if self._content_to < 0:
            return None
        done, content_to = self._done, self._content_to
        size = min(PIECE, content_to + 2 - done)
        if len(buffer) - at < size:
            return None
        raw = bytes(buffer[at : at + size])
        # What lies behind the content must be CR LF, or the piece's share of it.
        behind = min(max(content_to - done, 0), size)
        if raw[behind:] != b"\r\n"[max(done - content_to, 0) :][: size - behind]:
            text = "A chunk's content is not followed by CR LF: its size is wrong."
            return Problem(400, "chunk-end", text, "RFC 9112 7.1", size, unread=True)
        self._done += size
        content = raw[max(self._content_from - done, 0) : behind]
        if self._done == content_to + 2:
            self._content_to = -1
        return Cut(Part.BODY, size, content)

    def _size_line(self, buffer: bytes | bytearray, at: int) -> Problem | None:
        limits = self._limits
        room = LONGEST_SIZE + 2 + limits.chunk_extensions - self._extensions
        newline = buffer.find(b"\n", at, at + room)
        if newline < 0:
            if len(buffer) - at < room:
                return None
            text = f"The chunks' extensions are longer than {limits.chunk_extensions} bytes. Leave them out."
            setting = "chunk_extensions"
            return over_limit(400, setting, limits.chunk_extensions, text, "RFC 9112 7.1.1", room)
        line = bytes(buffer[at : newline + 1])
        found = CHUNK_LINE.fullmatch(line)
        if found is None:
            return chunk_line_problem(line).at(len(line))
        self._extensions += len(found[2])
        size = int(found[1], 16)
        self._total += size
        if self._total > limits.body:
            text = f"A body may have {limits.body} bytes here."
            return over_limit(413, "body", limits.body, text, "RFC 9110 15.5.14", len(line))
        if size == 0:
            self._trailers = HeadLines(limits, trailers_from=len(line))
        else:
            self._done, self._content_from, self._content_to = 0, len(line), len(line) + size
        return None

    def _end(self, lines: HeadLines, buffer: bytes | bytearray, at: int) -> Cut | Problem | None:
        if problem := lines.look(buffer, at):
            return problem._replace(unread=True)
        if not lines.complete:
            return None
        raw = bytes(buffer[at : at + lines.at])
        size_line = raw.index(b"\n") + 1
        for found in FIELD_LINE.finditer(raw, size_line):
            if problem := trailer_problem(found[1]):
                return problem.at(lines.at)
        return Cut(Part.END, lines.at, raw[size_line:], last=True)


def chunk_line_problem(line: bytes) -> Problem:
    """What is wrong with a chunk's first line."""
    size = re.match(rb"[0-9A-Fa-f]*", line)
    digits = len(size[0]) if size else 0
    behind = line[digits:]
    if not line.endswith(b"\r\n"):
        rule, text = "chunk-bare-lf", "The line with a chunk's size ends with LF alone, not CR LF."
    elif digits > LONGEST_SIZE:
        rule, text = "chunk-size-overflow", "A chunk's size is absurdly large."
    elif digits == 0 or behind[:1] not in (b";", b"\r"):
        rule, text = (
            "chunk-size",
            "A chunk begins with its size in plain hexadecimal digits: 5, not 0x5 or +5.",
        )
    else:
        rule, text = "chunk-extension", "A chunk's extension is not ;name or ;name=value."
    return Problem(400, rule, text, "RFC 9112 7.1", unread=True)
