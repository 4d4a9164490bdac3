"""Write the tables of the HTTP page from the server itself, so that they cannot differ from it.

In a page, these marks become what their names say:

* ``<!-- http endpoints -->``: everything that can be asked, by where the answer's state lives;
* ``<!-- http rules -->``: what is wrong in some requests, and how the reader refuses each of them;
* ``<!-- http limits -->``: the settings with their defaults and reasons;
* ``<!-- http states -->``: a picture of the states of a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from docs._ext.http_states import picture
from playground.servers.http import HttpLimits
from playground.servers.http.endpoints import ALL
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Reader
from playground.servers.http.router import Endpoint, MemoryClass

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HEADINGS = {
    "none": "Nothing: the request and the server's code are enough",
    "carried": "`carried`: what the request brings along besides its question",
    "connection": "`connection`: what the server holds for this socket",
    "session": "`session`: what the server holds under an id that you bring back",
    "shared": "`shared`: what the server holds for everybody",
}


def endpoints() -> str:
    """One table for each memory class, the classes that remember first."""
    sections = []
    for memory in reversed(get_args(MemoryClass)):
        rows = [row(f"`{one.path}`", methods(one), one.title) for one in ALL if one.memory == memory]
        sections.append(f"### {HEADINGS[memory]}\n\n" + table("path", "methods", "what it shows", rows=rows))
    return "\n\n".join(sections)


def methods(one: Endpoint) -> str:
    """The methods that it answers, besides HEAD and OPTIONS."""
    return "any" if len(one.methods) > 3 else ", ".join(one.methods)


class Wrong(NamedTuple):
    """A request with something wrong in it."""

    piece: bytes
    """What is wrong."""
    whole: bytes
    """The bytes that are sent."""


def line(piece: bytes) -> Wrong:
    """A wrong request line."""
    return Wrong(piece, piece + b"\r\nHost: a\r\n\r\n")


def field(piece: bytes, behind: bytes = b"\r\n\r\n") -> Wrong:
    """A wrong header field, or several."""
    return Wrong(piece, b"POST / HTTP/1.1\r\nHost: a\r\n" + piece + behind)


def chunk(piece: bytes) -> Wrong:
    """Something wrong in a chunked body."""
    return Wrong(piece, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + piece)


WRONG = (
    line(b"GET  / HTTP/1.1"),
    line(b"GET /"),
    line(b"GET / HTTP/2.0"),
    line(b"GET / http/1.1"),
    line(b"PRI * HTTP/2.0"),
    line(b"G(T / HTTP/1.1"),
    line(b"BREW / HTTP/1.1"),
    line(b"CONNECT a:80 HTTP/1.1"),
    line(b"GET /\xc3\xa4 HTTP/1.1"),
    line(b"GET /#here HTTP/1.1"),
    line(b"GET state HTTP/1.1"),
    line(b"GET * HTTP/1.1"),
    line(b"GET http://ada@b/ HTTP/1.1"),
    line(b"GET http://b:x/ HTTP/1.1"),
    Wrong(b"\r\n" * 9, b"\r\n" * 9),
    Wrong(b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\n"),
    field(b"X: a\rb"),
    field(b"X: a\r\n b"),
    Wrong(b"GET / HTTP/1.1\r\n X: a", b"GET / HTTP/1.1\r\n X: a\r\n\r\n"),
    field(b"X : a"),
    field(b"X"),
    field(b"X(: a"),
    field(b"X: a\0b"),
    Wrong(b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
    Wrong(b"Host: a/b", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    field(b"Content-Length: +5"),
    field(b"Content-Length: 5\r\nContent-Length: 6"),
    field(b"Content-Length: 9223372036854775808"),
    field(b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    field(b"Transfer-Encoding: chunked, gzip"),
    field(b"Transfer-Encoding: gzip"),
    Wrong(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    field(b"Content-Length: 2\r\nExpect: a miracle"),
    chunk(b"0x5\r\n"),
    chunk(b"fffffffffffffffff\r\n"),
    chunk(b"5;\r\n"),
    chunk(b"5\n"),
    chunk(b"2\r\nhi!\r\n"),
    chunk(b"0\r\nContent-Length: 3\r\n\r\n"),
)


def refusal(data: bytes) -> Problem:
    """How the reader refuses these bytes."""
    reader = Reader(HttpLimits())
    reader.append(data)
    while (step := reader.next()) is not None:
        if isinstance(step, Problem):
            return step
    raise AssertionError(f"{data!r} is not refused")


def rules() -> str:
    """What is wrong, how it is answered, the rule's name and source."""
    rows = []
    for wrong in WRONG:
        problem = refusal(wrong.whole)
        answer = f"{problem.status} {HTTPStatus(problem.status).phrase}"
        rows.append(row(shown(wrong.piece), answer, f"`{problem.rule}`", problem.source))
    return table("what is sent", "answer", "rule in the journal", "source", rows=rows)


def shown(data: bytes) -> str:
    """Bytes as code, as Python writes them."""
    return f"`{repr(data)[2:-1]}`"


def limits() -> str:
    """The settings with their defaults and reasons."""
    rows = [
        row(f"`http.{one.name}`", f"{one.default:,}".replace(",", " "), one.metadata["why"])
        for one in fields(HttpLimits)
    ]
    return table("setting", "default", "why", rows=rows)


def table(*heads: str, rows: list[str]) -> str:
    """A table in Markdown."""
    return "\n".join([row(*heads), row(*["---"] * len(heads)), *rows])


def row(*cells: str) -> str:
    """One line of it."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


MARKS: dict[str, Callable[[], str]] = {
    "<!-- http endpoints -->": endpoints,
    "<!-- http rules -->": rules,
    "<!-- http limits -->": limits,
    "<!-- http states -->": lambda: f"```{{raw}} html\n{picture()}\n```",
}


def filled(text: str) -> str:
    """The page with all marks replaced."""
    for mark, write in MARKS.items():
        if mark in text:
            text = text.replace(mark, write())
    return text


def put_reference(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marks, and read the page anew each time: it depends on the whole server."""
    if any(mark in source[0] for mark in MARKS):
        app.env.note_reread()
        source[0] = filled(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("source-read", put_reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
