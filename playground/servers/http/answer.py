"""What an endpoint answers, as a value; the writer makes bytes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import msgspec

from playground.servers.http.problems import Problem

JSON = "application/json"
PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | {
    # RFC 9110's names, which Python has from 3.13 on.
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Reason phrases by status code."""


class Answer:
    """One answer. ``body`` is the whole of it; with ``pieces`` it is streamed instead.

    What ``pieces`` yields is bytes to send, or a ``float``: seconds to pause.
    An answer that is not known yet has ``later``, and nothing else in it counts.
    """

    __slots__ = (
        "body",
        "content_type",
        "delay",
        "headers",
        "later",
        "length",
        "pieces",
        "problem",
        "secrets",
        "status",
        "trailers",
    )

    def __init__(
        self,
        body: bytes = b"",
        content_type: str = "",
        status: int = 200,
        headers: Iterable[tuple[bytes, bytes]] = (),
        *,
        pieces: Iterator[bytes | float] | None = None,
        length: int | None = None,
        trailers: tuple[tuple[bytes, bytes], ...] = (),
        delay: float = 0.0,
        later: Awaitable[Answer] | None = None,
        problem: Problem | None = None,
        secrets: Iterable[bytes] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = tuple(headers)
        """Further fields; the writer refuses CR, LF and NUL in them."""
        self.pieces = pieces
        self.length = length
        """Bytes that ``pieces`` come to, where that is known; else they are sent in chunks."""
        self.trailers = trailers
        """Fields behind a chunked body. RFC 9110 6.5."""
        self.delay = delay
        """Seconds to wait before it is sent."""
        self.later = later
        """A coroutine or a Deferred that ends with the answer, by itself and within a deadline: a client that
        has left does not stop it, its answer is dropped. A failure is a 500, but for a store's: 503."""
        self.problem = problem
        """The rule that the request broke, for the journal: ``refused``, or ``limit`` where it is one."""
        self.secrets = tuple(secrets)
        """Values in the body that the journal shows as a digest only: tokens, ids."""

    def has_field(self, name: bytes) -> bool:
        """Whether one of ``headers`` has this name, which is given in small letters."""
        return name in [one.lower() for one, _ in self.headers]


class Halves(NamedTuple):
    """An answer that is the same each time, but for the Date field that stands between its halves."""

    before: bytes
    after: bytes


def json_answer(content: Any, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """``content`` as indented JSON, keys in their order, with a line end for the terminal."""
    return Answer(pretty_json(content), JSON, status, headers)


def sorted_json(content: Any, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """As :func:`json_answer`, every object's keys in alphabetical order: httpbin's way."""
    return Answer(pretty_json(content, order="sorted"), JSON, status, headers)


INDENTED_BYTES = 65_536
INDENTED_BRACKETS = 100
"""Beyond these JSON is written on one line: deep in a nest, each comma would cost a line of spaces."""


def pretty_json(content: Any, order: Literal["sorted"] | None = None) -> bytes:
    """Indented JSON with a line end."""
    encoded = msgspec.json.encode(content, order=order)
    if len(encoded) <= INDENTED_BYTES and encoded.count(b"[") + encoded.count(b"{") <= INDENTED_BRACKETS:
        encoded = msgspec.json.format(encoded, indent=2)
    return encoded + b"\n"


class Refused(Exception):
    """An endpoint goes no further: ``answer`` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem_details(problem: Problem) -> Answer:
    """What was wrong, for a program: RFC 9457."""
    content = {
        "type": "about:blank",
        "title": PHRASES.get(problem.status, ""),
        "status": problem.status,
        "detail": problem.text,
        "rule": problem.rule,
        "source": problem.source,
    }
    # What is not there is no broken rule, only an unlucky question.
    broken = None if problem.status == 404 else problem
    return Answer(pretty_json(content), PROBLEM, problem.status, problem.headers, problem=broken)


def text_answer(text: str, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """Plain text, with a line end for the terminal."""
    return Answer((text if text.endswith("\n") else text + "\n").encode(), TEXT, status, headers)
