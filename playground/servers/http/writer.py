"""Answers as bytes. RFC 9112 4 and 7, RFC 9110 6.4.1 and 6.6.1."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate

from playground.servers.http.answer import PHRASES, TEXT, Answer, Halves
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

BODILESS = frozenset((204, 205, 304))
"""Statuses whose answers have no content."""

_UNSAFE = re.compile(rb"[\x00\r\n]")
_KEPT_PREFIXES = 200


class UnsafeField(ValueError):
    """A field that would end the head early if it were written. RFC 9110 5.5."""


def is_safe(value: bytes) -> bool:
    """Whether a value can be written into a head."""
    return _UNSAFE.search(value) is None


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; empty for no data, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def chunks(
    pieces: Iterable[bytes | float], trailers: tuple[tuple[bytes, bytes], ...]
) -> Iterator[bytes | float]:
    """A chunked body, with the pauses (seconds) that are between its pieces."""
    for piece in pieces:
        yield piece if isinstance(piece, float) else chunk(piece)
    yield b"0\r\n%b\r\n" % fields(trailers) if trailers else LAST_CHUNK


class Writer:
    """Makes the bytes of answers. ``now`` is seconds since 1970.

    The first lines of a head depend on little and are kept; the date is made
    once a second.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._second = -1
        self._date = b""
        self._prefixes: dict[tuple[int, str, str], bytes] = {}

    def date(self) -> bytes:
        """The Date field with its line end."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._date = f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._date

    def whole(self, answer: Answer, memory: str, persistence: bytes, *, with_body: bool = True) -> bytes:
        """A whole answer. ``persistence`` is the Connection field with its line end, or nothing.

        Without ``with_body`` (the request was a HEAD) the fields are as if
        there were one.
        """
        before, after = self.halves(answer, memory, persistence, with_body=with_body)
        return before + self.date() + after

    def halves(self, answer: Answer, memory: str, persistence: bytes, *, with_body: bool = True) -> Halves:
        """The same without its Date field: what stands before it and what comes behind."""
        before = self._prefix(answer.status, answer.content_type, memory)
        after = persistence + fields(answer.headers) if answer.headers else persistence
        body = answer.body
        if answer.status in BODILESS:
            # A 204 must not have a length (RFC 9110 8.6); a 304's would be that of the answer not sent.
            return Halves(before, after + (b"Content-Length: 0\r\n\r\n" if answer.status == 205 else b"\r\n"))
        return Halves(
            before, b"%bContent-Length: %d\r\n\r\n%b" % (after, len(body), body if with_body else b"")
        )

    def streamed_head(self, answer: Answer, memory: str, persistence: bytes, *, chunked: bool) -> bytes:
        """The head of a streamed answer; one of unknown length is ``chunked`` or ends with the connection."""
        head = self._prefix(answer.status, answer.content_type, memory) + self.date() + persistence
        if answer.headers:
            head += fields(answer.headers)
        if answer.length is not None:
            return b"%bContent-Length: %d\r\n\r\n" % (head, answer.length)
        return head + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n")

    def _prefix(self, status: int, content_type: str, memory: str) -> bytes:
        key = (status, content_type, memory)
        known = self._prefixes.get(key)
        if known is not None:
            return known
        lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Unknown')}", f"Playground-Memory: {memory}"]
        if content_type:
            if not is_safe(content_type.encode("latin-1")):
                raise UnsafeField("Content-Type")
            lines.append(f"Content-Type: {content_type}")
        prefix = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
        if len(self._prefixes) < _KEPT_PREFIXES:  # a client can make up content types
            self._prefixes[key] = prefix
        return prefix


def persistence(request: Request, keep: bool) -> bytes:
    """The Connection field of an answer, where it says more than the version does. RFC 9112 9.3."""
    if not keep:
        return b"Connection: close\r\n"
    return b"" if request.minor == 1 else b"Connection: keep-alive\r\n"


def fields(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Field lines. Raises :exc:`UnsafeField` for one that would end the head early."""
    lines = []
    for name, value in headers:
        if _UNSAFE.search(name) or _UNSAFE.search(value):
            raise UnsafeField(name.decode("latin-1"))
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def problem_answer(problem: Problem) -> Answer:
    """What a client is told that broke a rule: which one, how to do better, and where it is written."""
    phrase = PHRASES.get(problem.status, "")
    text = f"{problem.status} {phrase}\n{problem.text}\n(rule {problem.rule}, {problem.source})\n"
    return Answer(text.encode(), TEXT, problem.status, problem.headers)
