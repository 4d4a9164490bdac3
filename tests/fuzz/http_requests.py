"""What must hold for any bytes that the HTTP server's reader is given; ``__main__.py`` makes up the bytes.

An input is a stream of bytes, as a client might send it. For each one, :func:`examine` wants to see that

* nothing raises, and what waits for more bytes is bounded;
* the messages are the same, whether the bytes come all at once, one by one or in any other pieces;
* it does not matter what other connections have sent before;
* h11 and llhttp, each on its own, find the ends of the accepted requests where we do, and the same bodies
  in them. They may refuse what we accept, but who reads another request out of the same bytes than somebody
  before or behind him can be made to answer a request that was smuggled past that one.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

import h11
import httptools

from playground.servers.http.cutter import LONGEST_SIZE, PIECE
from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Reader, Tokenizer

CORPUS = Path(__file__).with_suffix(".txt")
"""One input a line, written as Python writes bytes."""

USUAL = HttpLimits()
SMALL = replace(USUAL, request_line=60, header_line=50, head=150, fields=4, body=40, chunk_extensions=20)


SHARED = Tokenizer()
"""All connections of a server use one; so do all inputs here, one after the other."""


class Fault(Exception):
    """The reader does what it must not do."""


class Message(NamedTuple):
    """A request as it was read: its bytes, the content of its body, and whether it wants to be the last."""

    raw: bytes
    body: bytes
    last: bool


class Reading(NamedTuple):
    """What became of a stream of bytes."""

    requests: list[Message]
    """Those that are whole."""
    pieces: list[int]
    """The sizes of all messages that the journal would have, the refused one included."""
    refused: str
    """The rule that was broken, or nothing."""
    rest: bytes
    """What is not whole yet, or not read because of the refusal."""


def read(pieces: Iterable[bytes], limits: HttpLimits, tokenizer: Tokenizer | None = None) -> Reading:
    """Give a reader these pieces, one after the other."""
    reader = Reader(limits, tokenizer)
    found: list[Message] = []
    sizes: list[int] = []
    rest, begun = b"", 0
    most = limits.head + PIECE + limits.chunk_extensions + LONGEST_SIZE + 4
    for piece in pieces:
        rest += piece
        if reader.cutter.goes_on(piece):
            continue
        reader.append(piece)
        while (step := reader.next()) is not None:
            sizes.append(step.size)
            if isinstance(step, Problem):
                return Reading(found, sizes, step.rule, rest)
            begun += step.size
            if step.complete:
                found.append(Message(rest[:begun], step.request.body, not step.request.keep_alive))
                rest, begun = rest[begun:], 0
                if len(step.request.body) > limits.body:
                    raise Fault(f"a body of {len(step.request.body)} bytes is over the limit")
        if reader.cutter.waiting != len(rest) - begun:
            raise Fault(f"{len(rest) - begun} bytes are not read, but {reader.cutter.waiting} are said to be")
        if reader.cutter.waiting > most:
            raise Fault(f"{reader.cutter.waiting} bytes wait for more")
    return Reading(found, sizes, "", rest)


def examine(data: bytes) -> Reading:
    """Everything that has to hold for these bytes; raises :exc:`Fault`. Returns how they were read."""
    in_any_pieces(data, SMALL)
    reading = in_any_pieces(data, USUAL)
    if (other := read([data], USUAL, SHARED)) != reading:
        raise Fault(f"behind what others have sent: {other}, alone: {reading}")
    for told, second_opinion in (("h11", h11_reads), ("llhttp", llhttp_reads)):
        for message in reading.requests:
            bodies = second_opinion(message.raw)
            if bodies is not None and bodies != [message.body]:
                raise Fault(f"{told} reads {bodies} out of {message}")
        if not reading.refused and second_opinion(reading.rest):
            raise Fault(f"{told} finds a whole request in {reading.rest!r}, which waits here")
    return reading


def in_any_pieces(data: bytes, limits: HttpLimits) -> Reading:
    """The one way in which these bytes are read; raises :exc:`Fault` where there are two."""
    random = Random(zlib.crc32(data))
    at_once = read([data], limits)
    for cut in (bytewise(data), anyhow(data, random), anyhow(data, random)):
        if (other := read(cut, limits)) != at_once and not same_but_unread(other, at_once):
            raise Fault(f"in pieces: {other}, at once: {at_once}")
    return at_once


def same_but_unread(one: Reading, other: Reading) -> bool:
    """Whether they differ in nothing but how much had arrived when the refusal came."""
    return bool(one.refused) and one[:3] == other[:3]


def bytewise(data: bytes) -> Iterator[bytes]:
    """One byte after the other."""
    return (data[at : at + 1] for at in range(len(data)))


def anyhow(data: bytes, random: Random) -> Iterator[bytes]:
    """In pieces of random sizes: mostly small ones."""
    at = 0
    while at < len(data):
        size = random.choice((1, 2, 3, 7, 20, 100, 1000))
        yield data[at : at + size]
        at += size


def h11_reads(data: bytes) -> list[bytes] | None:
    """The bodies of the whole requests that h11 finds; None where it refuses any of it."""
    bodies: list[bytes] = []
    while data:
        connection, body = h11.Connection(h11.SERVER), b""
        connection.receive_data(data)
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError:
                return None
            if isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            elif not isinstance(event, h11.Request):
                return bodies
        bodies.append(body)
        data = connection.trailing_data[0]
    return bodies


class _Bodies:
    """llhttp's callbacks."""

    def __init__(self) -> None:
        self.found: list[bytes] = []
        self.now = b""
        self.upgrades = False

    def on_message_begin(self) -> None:
        self.now = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.upgrades = self.upgrades or name.lower() == b"upgrade"

    def on_body(self, data: bytes) -> None:
        self.now += data

    def on_message_complete(self) -> None:
        self.found.append(self.now)


def llhttp_reads(data: bytes) -> list[bytes] | None:
    """The bodies of the whole requests that llhttp finds; None where it refuses any of it.

    It has no opinion on a request that offers an upgrade: there it leaves the body to the other protocol.
    """
    bodies = _Bodies()
    try:
        httptools.HttpRequestParser(bodies).feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return None if bodies.upgrades else bodies.found


def kept() -> list[bytes]:
    """The inputs in the file."""
    return [ast.literal_eval(line) for line in CORPUS.read_text(encoding="ascii").splitlines()]
