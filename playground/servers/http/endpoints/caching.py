"""Endpoints for clients that have something already: validators, freshness, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playground.servers.http.answer import Answer, sorted_json, text_answer
from playground.servers.http.conditions import conditional, strong_tag
from playground.servers.http.endpoints.echoing import what_a_get_carries
from playground.servers.http.endpoints.streaming import BYTES, MOST_BYTES, Unclear, number, seconds
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

EPOCH = 1_767_225_600.0
"""When the things here were last modified, for the dates' sake: 2026-01-01."""

NO_CACHE = (b"Cache-Control", b"no-cache")
"""It may be kept, and has to be asked about each time."""


@endpoint("/cache", memory="carried")
def cache(request: Request, asker: Asker, parameter: str) -> Answer:
    """What /get says, and 304 without a body to anyone who says that they have it already."""
    answer = sorted_json(what_a_get_carries(request, asker), headers=(NO_CACHE,))
    tag = strong_tag(answer.body)
    if request.fields.keys() & {b"if-none-match", b"if-modified-since"}:
        return Answer(status=304, headers=(NO_CACHE, (b"ETag", tag.encode())))
    return conditional(request, answer, etag=tag, modified=EPOCH, ranges=False)


@endpoint("/cache/{n}", example="/cache/60", about={"n": "seconds that it stays fresh"})
def cache_n(request: Request, asker: Asker, parameter: str) -> Answer:
    """What /get says, good for so many seconds: nobody need ask again before."""
    if not re.fullmatch("[0-9]{1,9}", parameter):
        return text_answer("Say a number of seconds: /cache/60", 400)
    freshness = (b"Cache-Control", b"max-age=%d" % int(parameter))
    return sorted_json(what_a_get_carries(request, asker), headers=(freshness,))


@endpoint(
    "/etag/{etag}", memory="carried", example="/etag/v1", about={"etag": "the tag of what is here, unquoted"}
)
def etag(request: Request, asker: Asker, parameter: str) -> Answer:
    """Has the entity tag that you name: 304 to If-None-Match, 412 to If-Match with another one."""
    tag = parameter.removeprefix("W/").strip('"')
    if not re.fullmatch(r"[\x21\x23-\x7e]{1,200}", tag):
        return text_answer("A tag is visible ASCII without double quotes: /etag/v1", 400)
    answer = sorted_json(what_a_get_carries(request, asker), headers=(NO_CACHE,))
    return conditional(request, answer, etag=f'"{tag}"', ranges=False)


def alphabet(count: int) -> bytes:
    """So many letters, ``a`` to ``z`` again and again."""
    return (b"abcdefghijklmnopqrstuvwxyz" * (count // 26 + 1))[:count]


@endpoint(
    "/range/{n}",
    memory="carried",
    example="/range/26?duration=0",
    about={
        "n": "how many bytes there are, 102400 at most",
        "duration": "seconds over which all of them would come",
        "chunk_size": "bytes that come at once",
    },
)
def range_n(request: Request, asker: Asker, parameter: str) -> Answer:
    """So many letters, of which you may ask for a part with Range; If-Range and ETag fit."""
    try:
        count = number(parameter, 0, MOST_BYTES + 1, "n")
        duration = seconds(request.parameter("duration"), 0.0, "duration")
        size = number(request.parameter("chunk_size"), 10_240, MOST_BYTES, "chunk_size", least=1)
    except Unclear as error:
        return text_answer(str(error), 400)
    if not 0 < count <= MOST_BYTES:
        return text_answer(f"There are ranges of 1 to {MOST_BYTES} bytes.", 404)
    answer = conditional(
        request,
        Answer(alphabet(count), BYTES, headers=(NO_CACHE,)),
        etag=f'"range{count}"',
        modified=EPOCH,
    )
    if duration and answer.body and answer.status < 300:
        body = answer.body
        answer.length, answer.pieces = len(body), _slowly(body, size, duration / count)
    return answer


def _slowly(body: bytes, size: int, pause: float) -> Iterator[bytes | float]:
    """Pieces of ``size`` bytes, each as late as its bytes are many, 100 a second at most."""
    owed = 0.0
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        owed += pause * len(piece)
        if owed >= 0.01:
            yield owed
            owed = 0.0
        yield piece
