"""Bytes in, requests out: the cutter, llhttp as tokenizer, and the rules on top.

llhttp is only ever given whole heads. It is strict with their characters, but
it has no limits, knows methods and versions that this server does not, and
leaves a body unread when a client offers an upgrade that nobody takes up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import httptools

from playground.journal.redaction import Secret
from playground.servers.http.carried import refused_spans, secrets_in
from playground.servers.http.cutter import Cut, Cutter, Part
from playground.servers.http.heads import FIELD_LINE, REQUEST_LINE, HeadLines
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem, over_limit
from playground.servers.http.request import Request
from playground.servers.http.rules import broken_rule

_ANY_REQUEST_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.([01])\r\n")


class Step(NamedTuple):
    """One message for the journal: a request's head, or a piece of its body."""

    size: int
    request: Request
    is_head: bool
    complete: bool
    """Whether the request is whole now."""
    secrets: Sequence[Secret] = ()
    """Secret spans in it."""


class Fields:
    """Takes the header fields from the tokenizer."""

    __slots__ = ("by_name", "in_order")

    def __init__(self) -> None:
        self.clear()

    @property
    def frames_nothing(self) -> bool:
        """Whether no body is announced."""
        return b"content-length" not in self.by_name and b"transfer-encoding" not in self.by_name

    def clear(self) -> None:
        """Begin anew; what was handed out before stays as it is."""
        self.in_order: list[tuple[bytes, bytes]] = []
        self.by_name: dict[bytes, bytes] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp calls this for each field; white space is still behind the value."""
        value = value.rstrip(b" \t")
        self.in_order.append((name, value))
        key = name.lower()
        known = self.by_name.get(key)
        if known is None:
            self.by_name[key] = value
        else:
            self.by_name[key] = known + (b"; " if key == b"cookie" else b", ") + value


class Tokenizer:
    """llhttp, which takes a whole head at once and so can be shared by all connections of a server.

    It only ever reads heads of requests that it takes for complete: one that has a body, would close the
    connection, or is refused, ends the parser, and the next head gets a new one.
    """

    def __init__(self) -> None:
        self._fields = Fields()
        self._parser: httptools.HttpRequestParser | None = None

    def fields_of(self, head: bytes) -> Fields | None:
        """The header fields of a whole head; None where llhttp does not take it."""
        fields, parser = self._fields, self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(fields)
        fields.clear()
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            self._parser = None  # the request is whole; an upgrade may be ignored, RFC 9110 7.8
        except httptools.HttpParserError:
            self._parser = None
            return None
        if not parser.should_keep_alive() or not fields.frames_nothing:
            self._parser = None
        return fields


class Reader:
    """Reads the requests of one connection, one at a time."""

    __slots__ = ("_limits", "_pieces", "_request", "_tokenizer", "cutter")

    def __init__(self, limits: HttpLimits, tokenizer: Tokenizer | None = None) -> None:
        self._limits = limits
        self.cutter = Cutter(limits)
        self._tokenizer = tokenizer or Tokenizer()
        self._request: Request | None = None
        self._pieces: list[bytes] | None = None

    def append(self, data: bytes) -> None:
        """Bytes arrived."""
        self.cutter.append(data)

    @property
    def in_body(self) -> bool:
        """Whether a head is complete whose body is not."""
        return self._request is not None

    @property
    def begun(self) -> bool:
        """Whether part of a request is here that is not complete."""
        return self._request is not None or self.cutter.begun

    def next(self) -> Step | Problem | None:
        """The next message; what is wrong with it; or None while more bytes are needed."""
        cut = self.cutter.next()
        if cut is None:
            return None
        if isinstance(cut, Problem):
            return self._placed(cut, self.cutter.peek(cut.size))
        if cut.part is Part.HEAD:
            return self._head(cut)
        return self._body(cut)

    def _head(self, cut: Cut) -> Step | Problem:
        head = cut.data
        request = self._tokenize(head) or self._tokenize_slowly(head)
        if isinstance(request, Problem):
            return self._placed(request, head[: request.size])
        if problem := broken_rule(request, self._limits):
            return self._placed(problem.at(cut.size), head)
        request.head = head
        secrets = secrets_in(request, head)
        if request.length == 0:
            return Step(cut.size, request, True, True, secrets)
        self.cutter.expect_body(request.length)
        self._pieces = []
        self._request = request
        return Step(cut.size, request, True, False, secrets)

    def _placed(self, problem: Problem, data: bytes) -> Problem:
        """The problem with what can be known of its request; ``data`` is what is refused."""
        known = self._request.method == "HEAD" if self._request else data.lstrip(b"\r\n").startswith(b"HEAD ")
        return problem._replace(head_only=known, secrets=tuple(refused_spans(data)))

    def _body(self, cut: Cut) -> Step:
        request, pieces = self._request, self._pieces
        assert request is not None
        assert pieces is not None
        if cut.part is Part.END:
            request.trailers = [
                (field[1], field[2].rstrip(b" \t")) for field in FIELD_LINE.finditer(cut.data)
            ]
        else:
            pieces.append(cut.data)
        if cut.last:
            request.body = b"".join(pieces)
            self._request = self._pieces = None
        return Step(cut.size, request, False, cut.last)

    def _tokenize(self, head: bytes) -> Request | None:
        """The common case: a request line that needs no second look, and fields that llhttp takes."""
        line = REQUEST_LINE.match(head)
        if line is None:
            return None
        fields = self._tokenizer.fields_of(head)
        if fields is None or len(fields.in_order) > self._limits.fields:
            return None
        method, target, minor = line.groups()
        if target[:1] != b"/":
            return None
        return Request(method.decode(), target.decode(), minor == b"1", fields.in_order, fields.by_name)

    def _tokenize_slowly(self, head: bytes) -> Request | Problem:
        """Say what is wrong with a head that was not taken, or take it after all."""
        size = len(head)
        lines = HeadLines(self._limits)
        if problem := lines.look(head, 0):
            return problem
        head = head.lstrip(b"\r\n")
        line = _ANY_REQUEST_LINE.match(head)
        if line is None:  # cannot be: the lines were examined
            return Problem(400, "malformed", "This is no HTTP request.", "RFC 9112 2", size)
        fields = Fields()
        for field in FIELD_LINE.finditer(head, line.end()):
            fields.on_header(field[1], field[2])
        method, target, minor = line.groups()
        request = Request(method.decode(), target.decode(), minor == b"1", fields.in_order, fields.by_name)
        if problem := broken_rule(request, self._limits):
            return problem.at(size)
        try:
            httptools.HttpRequestParser(Fields()).feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            return Problem(400, "malformed", f"The request is malformed: {error}.", "RFC 9112 2", size)
        return request


def too_slow(what: str, setting: str, seconds: float) -> Problem:
    """A request that does not come to its end in time."""
    text = f"The {what} did not arrive within {seconds:g} seconds."
    return over_limit(408, setting, seconds, text, "RFC 9110 15.5.9")


def incomplete() -> Problem:
    """The client has ended its half in the middle of a request."""
    text = "The request ends in the middle. A head ends with an empty line; a body is as long as was said."
    return Problem(400, "incomplete", text, "RFC 9112 8")
