"""Endpoints whose answers come bit by bit. They wait for a client that does not read, and end with it."""

from __future__ import annotations

import re
from array import array
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from random import Random
from typing import Any

import msgspec

from playground.servers.http.answer import JSON, Answer, sorted_json, text_answer
from playground.servers.http.endpoints.echoing import (
    EVERY_METHOD,
    what_a_get_carries,
    what_a_post_carries,
)
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.rules import trailer_problem
from playground.servers.http.written import Unwritable, field_name, field_value

LONGEST = 10.0
"""Seconds that an answer may take."""
MOST_LINES = 100
MOST_BYTES = 102_400
MOST_DRIPS = 1000
"""Pieces of one drip; more bytes than that come several at a time."""
BYTES = "application/octet-stream"
NOT_KEPT = (b"Cache-Control", b"no-store")


class Unclear(ValueError):
    """A parameter that is no number, or too large. Its text tells the client what would be one."""


def number(text: str | None, default: int, most: int, name: str, least: int = 0) -> int:
    """A whole number between ``least`` and ``most``; a larger one is as much as ``most``."""
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise Unclear(f"{name} is a number, {least} or more: {name}={default}")
    return min(int(text), most)


def seconds(text: str | None, default: float, name: str) -> float:
    """A time of :data:`LONGEST` seconds at most. ``1.5``, and as Go writes it ``1.5s`` and ``300ms``."""
    if text is None:
        return default
    found = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]{1,6})?)(ms|s)?", text)
    if found is None:
        raise Unclear(f"{name} is a number of seconds: {name}=1.5")
    return min(float(found[1]) / (1000 if found[2] == "ms" else 1), LONGEST)


@endpoint(
    "/delay/{seconds}", *EVERY_METHOD, example="/delay/1", about={"seconds": "how long to wait, 10 at most"}
)
def delay(request: Request, asker: Asker, parameter: str) -> Answer:
    """An answer that takes its time: so many seconds, 10 at most."""
    try:
        wait = seconds(parameter, 0.0, "delay")
    except Unclear:
        return text_answer("Say a number of seconds: /delay/1.5", 400)
    told = what_a_post_carries(request, asker)
    del told["json"]
    answer = sorted_json(told)
    answer.delay = wait
    return answer


@endpoint("/stream/{lines}", example="/stream/3", about={"lines": "how many, 100 at most"})
def stream(request: Request, asker: Asker, lines: str) -> Answer:
    """So many lines of JSON, 100 at most, each one a chunk: nobody says beforehand how long it all is."""
    if not re.fullmatch(r"[0-9]{1,6}", lines):
        return text_answer("Say a number of lines: /stream/3", 400)
    count = min(int(lines), MOST_LINES)
    told = what_a_get_carries(request, asker)
    pieces = (msgspec.json.encode({"id": line, **told}) + b"\n" for line in range(count))
    return Answer(content_type=JSON, pieces=pieces)


@endpoint(
    "/drip",
    example="/drip?duration=2&numbytes=5&delay=0",
    about={
        "duration": "seconds over which the bytes come, 10 at most",
        "numbytes": "how many bytes, 10 MiB at most",
        "code": "the answer's status",
        "delay": "seconds before the first byte",
    },
)
def drip(request: Request, asker: Asker, parameter: str) -> Answer:
    """Bytes that drip in slowly; how many there will be is said first."""
    ask = _asker_of(request)
    try:
        size = number(ask("numbytes"), 10, 10_485_760, "numbytes", least=1)
        duration = seconds(ask("duration"), 2.0, "duration")
        wait = seconds(ask("delay"), 0.0, "delay")
        code = number(ask("code"), 200, 599, "code", least=200)
    except Unclear as error:
        return text_answer(str(error), 400)
    if code in (204, 205, 304):
        return Answer(status=code)
    drops = min(size, MOST_DRIPS, max(int(duration * 100), 1))
    ends = [size * (drop + 1) // drops for drop in range(drops)]

    def fall() -> Iterator[bytes | float]:
        start = 0
        for end in ends:
            if start:
                yield duration / drops
            yield b"*" * (end - start)
            start = end

    answer = Answer(content_type=BYTES, status=code, pieces=cut(fall()), length=size)
    answer.delay = wait
    return answer


def cut(pieces: Iterator[bytes | float], size: int = 65_536) -> Iterator[bytes | float]:
    """The same in pieces of at most ``size`` bytes, so that a client can stop each one."""
    for piece in pieces:
        if isinstance(piece, float) or len(piece) <= size:
            yield piece
        else:
            yield from (piece[start : start + size] for start in range(0, len(piece), size))


def _asker_of(request: Request) -> Any:
    """Query parameters whatever the case of their names."""
    lower = {name.lower(): request.parameter(name) for name in request.query}
    return lower.get


def random_bytes(seed: int, count: int) -> bytes:
    """What ``Random(seed)`` answers to so many ``randint(0, 255)``, about ten times as fast.

    Each of those takes nine bits from the top of a 32-bit word, and again while that is 256 or more.
    """
    source, found = Random(seed), bytearray()
    while len(found) < count:
        words = array("I", source.getrandbits(32 * 1024).to_bytes(4 * 1024, "little"))
        found += bytes(word >> 23 for word in words if word < 0x8000_0000)
    return bytes(found[:count])


def _some_bytes(request: Request, asker: Asker, parameter: str) -> bytes:
    count = number(parameter, 0, MOST_BYTES, "n")
    seed = request.parameter("seed")
    if seed is None:
        return bytes(asker.random.randbytes(count))
    if not re.fullmatch(r"-?[0-9]{1,18}", seed):
        raise Unclear("seed is a number: seed=0")
    return random_bytes(int(seed), count)


@endpoint(
    "/bytes/{n}",
    example="/bytes/16?seed=0",
    about={"n": "how many, 102400 at most", "seed": "the same number, the same bytes"},
)
def some_bytes(request: Request, asker: Asker, parameter: str) -> Answer:
    """Random bytes, and with a seed the same ones each time."""
    try:
        return Answer(_some_bytes(request, asker, parameter), BYTES)
    except Unclear as error:
        return text_answer(str(error), 400)


@endpoint(
    "/stream-bytes/{n}",
    example="/stream-bytes/64?seed=0&chunk_size=16",
    about={
        "n": "how many, 102400 at most",
        "seed": "the same number, the same bytes",
        "chunk_size": "bytes in a chunk",
    },
)
def stream_bytes(request: Request, asker: Asker, parameter: str) -> Answer:
    """Random bytes in chunks of the size that you choose."""
    try:
        data = _some_bytes(request, asker, parameter)
        size = number(_asker_of(request)("chunk_size"), 10_240, MOST_BYTES, "chunk_size", least=1)
    except Unclear as error:
        return text_answer(str(error), 400)
    return Answer(
        content_type=BYTES, pieces=(data[start : start + size] for start in range(0, len(data), size))
    )


_TIMED = {
    "count": "how many, 100 at most",
    "duration": "seconds over which they come, 10 at most",
    "delay": "seconds before the first one",
}


@endpoint("/sse", memory="carried", example="/sse?count=3&duration=2", about=_TIMED)
def sse(request: Request, asker: Asker, parameter: str) -> Answer:
    """Server-sent events. Who comes back with Last-Event-ID goes on where it stopped: the client knows."""
    known = request.field(b"last-event-id")
    first = int(known) + 1 if re.fullmatch(r"[0-9]{1,9}", known) else 0

    def event(line: int) -> bytes:
        data = msgspec.json.encode({"id": first + line})
        return b"id: %d\nevent: ping\ndata: %b\n\n" % (first + line, data)

    return _timed(request, event, "text/event-stream")


@endpoint("/jsonl", example="/jsonl?count=3&duration=2", about=_TIMED)
def jsonl(request: Request, asker: Asker, parameter: str) -> Answer:
    """Lines of JSON, one after the other."""
    return _timed(request, lambda line: msgspec.json.encode({"id": line}) + b"\n", "application/jsonl")


def _timed(request: Request, piece: Any, content_type: str) -> Answer:
    try:
        count = number(request.parameter("count"), 10, MOST_LINES, "count", least=1)
        duration = seconds(request.parameter("duration"), 5.0, "duration")
        wait = seconds(request.parameter("delay"), 0.0, "delay")
    except Unclear as error:
        return text_answer(str(error), 400)

    def come() -> Iterator[bytes | float]:
        for line in range(count):
            if line and duration:
                yield duration / (count - 1)
            yield piece(line)

    answer = Answer(content_type=content_type, pieces=come(), headers=(NOT_KEPT,))
    answer.delay = wait
    return answer


@endpoint("/trailers", example="/trailers?Greeting=bye", about={"Greeting": "a trailer; any name will do"})
def trailers(request: Request, asker: Asker, parameter: str) -> Answer:
    """Fields that come behind the body: yours, and a digest that nobody knows before the body is out."""
    body = sorted_json(what_a_get_carries(request, asker)).body
    behind = []
    for name, values in request.query.items():
        if trailer_problem(field_name(name)):
            raise Unwritable(f"{name} may not come as a trailer: it is needed before the body.")
        behind += [
            (name.encode(), field_value(one)) for one in ([values] if isinstance(values, str) else values)
        ]
    behind.append((b"Repr-Digest", b"sha-256=:%b:" % b64encode(sha256(body).digest())))
    names = b", ".join(dict.fromkeys(name for name, _ in behind))
    return Answer(
        content_type=JSON,
        headers=((b"Trailer", names),),
        pieces=iter((body,)),
        trailers=tuple(behind),
    )
