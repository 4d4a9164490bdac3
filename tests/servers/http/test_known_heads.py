"""A head that came before is taken at one glance: the same answers and journal, whatever stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from playground.journal.events import Partial
from playground.servers.http.endpoints import ALL
from playground.servers.http.known import LONGEST, MOST, Known, KnownHeads
from playground.servers.http.limits import HttpLimits
from playground.servers.http.reader import Reader, Step
from playground.servers.http.request import Request
from playground.servers.http.router import Asker
from playground.servers.http.site import Site
from tests.core.http.test_message_rules import (
    CHUNKS,
    EXPECTATIONS,
    FRAMING,
    HOSTS,
    LINES,
    REQUEST_LINES,
    TOO_MUCH,
)

RULES = [*FRAMING, *LINES, *REQUEST_LINES, *HOSTS, *CHUNKS, *EXPECTATIONS, *TOO_MUCH]
GET = b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n"
QUERY = b"GET /get?name=ada HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"


def told(desk: Any, *pieces: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """What a new connection hears that sends these pieces, and what the journal says of it."""
    client = desk.connect()
    heard = bytearray()
    for piece in pieces:
        client.say(piece)
        desk.reactor.advance(0)
        heard += client.heard()
    desk.wait(0)
    heard += client.heard()
    if not client.closed:
        client.hang_up()
    events = [event for event in desk.journal.ring if event.conn == client.observed.connection.id]
    if events[-1].reason != "client":  # how much of what comes behind the end is still read is an accident
        events = [event for event in events if not isinstance(event, Partial)]
    return bytes(heard), [plain(event) for event in events]


NOT_COMPARED = ("seq", "time", "conn", "cause", "client_port", "lifetime", "received_bytes")


def plain(event: Any) -> dict[str, Any]:
    """What an event says of the exchange."""
    said = msgspec.structs.asdict(event) | {"kind": type(event).__name__}
    return {key: said[key] for key in said if key not in NOT_COMPARED}


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("of_ten", range(10))
def test_every_rule_gives_the_same_however_it_comes(open_desk: Any, of_ten: int):
    for data, _ in RULES[of_ten::10]:
        desk = open_desk()
        expected = told(desk, *bytewise(data))
        for _ in range(3):  # now its head is known, if any head of it may be
            assert told(desk, data) == expected
        step = max(1, len(data) // 40)
        for at in range(1, len(data), step):
            assert told(desk, data[:at], data[at:]) == expected


@pytest.mark.parametrize("known", [GET, QUERY], ids=["answer known", "head known"])
@pytest.mark.parametrize("of_ten", range(10))
def test_a_known_head_before_and_behind_changes_nothing(open_desk: Any, known: bytes, of_ten: int):
    for data, _ in RULES[of_ten::10]:
        desk = open_desk()
        stream = known + data + known
        expected = told(desk, *bytewise(stream))
        assert told(desk, known, known)[0].count(b"HTTP/1.1 200 OK") == 2
        assert told(desk, stream) == expected
        assert told(desk, known, data, known) == expected
        assert told(desk, known, data + known) == expected
        assert told(desk, known + data, known) == expected


@pytest.mark.parametrize("known", [GET, QUERY], ids=["answer known", "head known"])
def test_a_body_that_looks_like_a_known_head_is_a_body(desk: Any, known: bytes):
    told(desk, known, known)
    whole = POST % (len(known), known)
    chunked = b"POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(known)
    for stream in (whole, chunked + known + b"\r\n0\r\n\r\n"):
        at = stream.index(known)
        pieces = stream[:at], known, stream[at + len(known) :]
        heard, events = told(desk, *(piece for piece in pieces if piece))
        assert (heard, events) == told(desk, stream)
        assert heard.count(b"HTTP/1.1 ") == 1
        assert [event["kind"] for event in events].count("Sent") == 1


@pytest.mark.parametrize(
    "before", [b"\r\n", b"\r", b"GET / HTTP/1.1\r\n", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n\r"]
)
def test_a_known_head_behind_something_unfinished_is_no_request_of_its_own(desk: Any, before: bytes):
    told(desk, GET, GET)
    expected = told(desk, *bytewise(before + GET))
    assert told(desk, before, GET) == expected
    assert told(desk, before + GET) == expected


def test_a_known_head_waits_for_its_turn(desk: Any):
    told(desk, GET, GET)
    client = desk.connect().say(b"GET /delay/1 HTTP/1.1\r\nHost: a\r\n\r\n", GET)
    assert client.heard() == b""
    desk.wait(1)
    first, second = client.heard().split(b"HTTP/1.1 200 OK")[1:]
    assert b"/delay/1" in first
    assert b'"version"' in second


def test_a_known_head_waits_for_a_client_that_does_not_read(desk: Any):
    client = desk.connect().say(GET)
    client.heard()
    client.clog()
    client.say(GET)
    assert client.heard() == b""
    client.unclog()
    assert client.statuses() == [200]


def test_known_requests_are_numbered_and_counted_and_have_an_end(open_desk: Any):
    desk = open_desk(requests=5)
    heard, events = told(desk, *[GET] * 7)
    assert heard.count(b"HTTP/1.1 200 OK") == 5
    assert heard.count(b"Connection: close") == 1
    assert [event["limit"] for event in events if event["kind"] == "LimitHit"] == ["http.requests"]
    counter = b"GET /counter/connection HTTP/1.1\r\nHost: a\r\n\r\n"
    heard, events = told(desk, counter, GET, counter, counter)
    assert [event["remembers"]["counter"] for event in events if event["kind"] == "State"] == [1, 2, 3]


def test_a_flood_of_known_heads_is_a_flood(open_desk: Any):
    desk = open_desk(flood_per_second=1.0, flood_burst=3)
    heard, events = told(desk, *[GET] * 5)
    assert [int(answer[:3]) for answer in heard.split(b"HTTP/1.1 ")[1:]] == [200, 200, 200, 429]
    assert [event["limit"] for event in events if event["kind"] == "LimitHit"] == ["http.flood_per_second"]


def test_known_answers_have_todays_date(desk: Any):
    first, _ = told(desk, GET)
    desk.reactor.advance(86_400)
    second, _ = told(desk, GET)
    assert b"12:00:00" in first
    assert first != second
    assert first.split(b"Date")[1][30:] == second.split(b"Date")[1][30:]


def test_idle_and_shutdown_are_as_ever(desk: Any):
    client = desk.connect().say(GET, GET)
    client.heard()
    desk.wait(59)
    client.say(GET)
    assert client.statuses() == [200]
    desk.wait(59)
    assert not client.closed
    desk.wait(1)
    assert client.statuses() == [408]
    assert client.closed


# -- what is kept -----------------------------------------------------------------------------


def request_of(data: bytes) -> Request:
    reader = Reader(HttpLimits())
    reader.append(data)
    step = reader.next()
    assert isinstance(step, Step)
    return step.request


def head(path: str, *lines: bytes) -> bytes:
    return b"\r\n".join([f"GET {path} HTTP/1.1".encode(), b"Host: a", *lines, b"", b""])


@pytest.mark.parametrize(
    "data",
    [
        POST % (2, b"hi"),
        POST.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked")[:-2] + b"0\r\n\r\n",
        head("/", b"Cookie: sid=secret"),
        head("/", b"authorization: Basic YWRhOmFkYQ=="),
        head("/", b"Proxy-Authorization: x"),
        head("/" + "x" * LONGEST),
    ],
)
def test_bodies_secrets_and_long_heads_are_not_kept(data: bytes):
    known = KnownHeads()
    assert known.keep(request_of(data), {}, 0) is None
    assert len(known) == 0


def test_heads_that_are_all_different_cost_no_memory():
    known = KnownHeads()
    often = request_of(head("/often"))
    known.keep(often, {}, 0)
    for number in range(10 * MOST):
        known.keep(request_of(head(f"/{number}")), {}, 0)
        assert isinstance(known.find(often.head), Known)  # who comes again stays
        assert len(known) <= 2 * MOST
    assert known.find(head("/0")) is None


def test_only_short_answers_are_kept(desk: Any):
    told(desk, *[head("/image/png"), head("/robots.txt")] * 2)
    kept = {path: desk.server._site.known.find(head(path)) for path in ("/image/png", "/robots.txt")}
    assert kept["/robots.txt"].answer is not None
    assert kept["/image/png"].answer is None


# -- what endpoints promise -------------------------------------------------------------------


def asked(request: Request, seed: int) -> Any:
    """What a request comes to, at another time, from elsewhere, with other dice."""

    def four_words(*carried: object) -> dict[str, object]:
        return {"connection": seed}

    site = Site(HttpLimits(), now=lambda: 1e9 + seed * 1e6, random=Random(seed), four_words=four_words)
    remembered = site.remembering, site.notebook
    asker = Asker(f"192.0.2.{seed}", "http", four_words, Random(seed), {}, *remembered)
    asker.number = seed
    return site.respond(request, asker)


LASTING = [one for one in ALL if one.lasting]


@pytest.mark.parametrize("one", LASTING, ids=lambda one: one.path)
@pytest.mark.parametrize(
    "lines", [(), (b"If-None-Match: *",), (b"Range: bytes=0-3",), (b"Origin: http://b",)]
)
def test_a_lasting_answer_is_the_same_at_any_time_for_anybody(one: Any, lines: Sequence[bytes]):
    request = request_of(head(one.example, *lines))
    outcomes = [asked(request, seed) for seed in (1, 2, 3)]
    said = [(o.answer.status, o.answer.body, o.answer.headers, o.answer.content_type) for o in outcomes]
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("one", [one for one in ALL if one.example.startswith("/")], ids=lambda one: one.path)
def test_no_endpoint_changes_a_request(one: Any):
    request = request_of(head(one.example))
    before = dict(vars(request)) | {"headers": list(request.headers), "fields": dict(request.fields)}
    outcome = asked(request, 1)
    if outcome.later is not None:
        outcome.later.addErrback(lambda failure: None)
    after = {key: value for key, value in vars(request).items() if key != "query"}
    assert after == before


def test_lasting_is_said_of_those_that_remember_nothing():
    assert LASTING
    assert {one.memory for one in LASTING} <= {"none", "carried"}
