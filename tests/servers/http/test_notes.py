"""/notes over a socket: the resource that everybody shares, and what keeps a change from being lost."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_twisted

from playground.servers.http import HttpLimits, HttpServer
from playground.testing import Served, Talk, serve
from tests.reactor import the_reactor


class Said(NamedTuple):
    """An answer."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def tag(self) -> str:
        return self.fields["etag"]


class Client:
    """One connection that asks for things."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk

    async def ask(self, line: str, body: Any = None, *headers: str, kind: str = "application/json") -> Said:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{line} HTTP/1.1", "Host: here", *headers]
        if content:
            lines += [f"Content-Length: {len(content)}", *([f"Content-Type: {kind}"] if kind else [])]
        self.talk.say("\r\n".join([*lines, "", ""]).encode() + content)
        return await self.answer("HEAD" if line.startswith("HEAD") else "")

    async def answer(self, method: str = "") -> Said:
        status, *lines = (await self.talk.until("\r\n\r\n")).decode().strip().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = 0 if method == "HEAD" else int(fields.get("content-length", 0))
        body = b""
        while len(body) < size:
            body += await self.talk.until("\n")
        return Said(int(status.split()[1]), fields, body)


class House(NamedTuple):
    site: Served

    async def client(self) -> Client:
        return Client(await self.site.connect())


@pytest_twisted.async_yield_fixture
async def house() -> AsyncIterator[House]:
    reactor = the_reactor()
    served = await serve(
        HttpServer(HttpLimits(notes=5, idempotency_seconds=0.5, idempotency_keys=3)), reactor
    )
    yield House(served)
    await served.stop()


@pytest_twisted.async_yield_fixture
async def ada(house: House) -> AsyncIterator[Client]:
    client = await house.client()
    yield client
    client.talk.hang_up()


MILK = {"title": "milk", "text": "", "labels": {}}
MERGE = "application/merge-patch+json"


async def test_a_note_is_made_read_changed_and_deleted(house: House, ada: Client) -> None:
    made = await ada.ask("POST /notes", {"title": "milk"})
    assert (made.status, made.fields["location"], made.json) == (201, "/notes/1", MILK)
    assert made.fields["playground-memory"] == "shared"
    read = await ada.ask("GET /notes/1")
    assert (read.status, read.json, read.tag) == (200, MILK, made.tag)
    put = await ada.ask("PUT /notes/1", {"title": "oats", "labels": {"for": "bob"}}, f"If-Match: {read.tag}")
    assert (put.status, put.json["title"]) == (200, "oats")
    patched = await ada.ask("PATCH /notes/1", {"labels": {"for": None}}, f"If-Match: {put.tag}", kind=MERGE)
    assert (patched.status, patched.json) == (200, {"title": "oats", "text": "", "labels": {}})
    gone = await ada.ask("DELETE /notes/1", None, f"If-Match: {patched.tag}")
    assert (gone.status, gone.body) == (204, b"")
    assert "content-length" not in gone.fields
    assert (await ada.ask("GET /notes/1")).status == 404
    changes = [event.changed for event in house.site.events("changed") if event.shared == "notes/1"]
    assert changes == [
        {"title": (None, "milk"), "text": (None, ""), "labels": (None, {})},
        {"title": ("milk", "oats"), "labels.for": (None, "bob")},
        {"labels.for": ("bob", None)},
        {"title": ("oats", None), "text": ("", None), "labels": ({}, None)},
    ]


async def test_a_change_that_others_have_not_seen_is_not_lost(house: House, ada: Client) -> None:
    made = await ada.ask("POST /notes", {"title": "milk"})
    bob = await house.client()
    seen = await bob.ask("GET /notes/1")
    await ada.ask("PUT /notes/1", {"title": "milk, two litres"}, f"If-Match: {made.tag}")
    lost = await bob.ask("PUT /notes/1", {"title": "milk, oat"}, f"If-Match: {seen.tag}")
    assert (lost.status, lost.json["rule"]) == (412, "if-match")
    assert (await bob.ask("GET /notes/1")).json["title"] == "milk, two litres"
    [refused] = house.site.events("event:refused")
    assert (refused.rule, refused.source) == ("if-match", "RFC 9110 13.1.1")
    forced = await bob.ask("PUT /notes/1", {"title": "milk, oat"}, "If-Match: *")
    assert forced.status == 200
    bob.talk.hang_up()


@pytest.mark.parametrize(
    ("line", "body", "headers", "kind", "status", "rule"),
    [
        ("PUT /notes/1", {"title": "x"}, (), "application/json", 428, "if-match-missing"),
        ("PATCH /notes/1", {"title": "x"}, (), MERGE, 428, "if-match-missing"),
        ("DELETE /notes/1", None, (), "", 428, "if-match-missing"),
        ("DELETE /notes/1", None, ('If-Match: "other"',), "", 412, "if-match"),
        ("DELETE /notes/1", None, ("If-Match: other",), "", 400, "if-match-malformed"),
        ("DELETE /notes/1", None, ("If-Match: *", "If-None-Match: *"), "", 412, "if-none-match"),
        ("GET /notes/1", None, ('If-Match: "other"',), "", 412, "precondition"),
        ("PUT /notes/7", {"title": "x"}, ("If-Match: *",), "application/json", 404, "no-such-note"),
        ("GET /notes/01x", None, (), "", 404, "no-such-note"),
        ("GET /notes/99999999999999", None, (), "", 404, "no-such-note"),
        ("POST /notes", b"title=milk", (), "application/x-www-form-urlencoded", 415, "content-type"),
        (
            "POST /notes",
            {"title": "x"},
            ("Content-Encoding: gzip",),
            "application/json",
            415,
            "content-coding",
        ),
        ("PATCH /notes/1", {"title": "x"}, ("If-Match: *",), "application/json", 415, "content-type"),
        ("POST /notes", b"{", (), "application/json", 400, "not-json"),
        ("POST /notes", b"\xff", (), "application/json", 400, "not-json"),
        ("POST /notes", b"[" * 9000, (), "application/json", 400, "not-json"),
        ("POST /notes", {"text": "no title"}, (), "application/json", 422, "no-note"),
        ("POST /notes", {"title": ""}, (), "application/json", 422, "no-note"),
        ("POST /notes", {"title": "x" * 201}, (), "application/json", 422, "no-note"),
        ("POST /notes", {"title": 5}, (), "application/json", 422, "no-note"),
        ("POST /notes", {"title": "x", "id": 5}, (), "application/json", 422, "no-note"),
        ("POST /notes", {"title": "x", "labels": {"a": 1}}, (), "application/json", 422, "no-note"),
        ("POST /notes", b"null", (), "application/json", 422, "no-note"),
        ("PATCH /notes/1", {"title": None}, ("If-Match: *",), MERGE, 422, "no-note"),
        ("PATCH /notes/1", "text", ("If-Match: *",), MERGE, 422, "no-note"),
        ("GET /notes/1", None, ("Accept: text/html",), "", 406, "accept"),
        ("GET /notes", None, ("Accept: */*, application/json;q=0",), "", 406, "accept"),
        ("GET /notes?limit=0", None, (), "", 400, "page"),
        ("GET /notes?limit=101", None, (), "", 400, "page"),
        ("GET /notes?cursor=x", None, (), "", 400, "page"),
        ("POST /notes?delay=11", {"title": "x"}, (), "application/json", 400, "delay"),
        (
            "POST /notes",
            {"title": "x"},
            ("Idempotency-Key: two words",),
            "application/json",
            400,
            "idempotency-key",
        ),
    ],
)
async def test_what_is_refused_says_why(
    ada: Client, line: str, body: Any, headers: tuple[str, ...], kind: str, status: int, rule: str
) -> None:
    await ada.ask("POST /notes", {"title": "milk"})
    said = await ada.ask(line, body, *headers, kind=kind)
    assert (said.status, said.json["status"], said.json["rule"]) == (status, status, rule)
    assert said.fields["content-type"] == "application/problem+json"
    assert said.json["type"] == "about:blank"
    assert len(said.json["detail"]) > 10
    assert (await ada.ask("GET /notes")).json["notes"] == [{"href": "/notes/1", **MILK}]


async def test_who_has_it_already_is_told_so_in_few_bytes(ada: Client) -> None:
    made = await ada.ask("POST /notes", {"title": "milk"})
    for path in ("/notes/1", "/notes"):
        tag = (await ada.ask(f"GET {path}")).tag
        same = await ada.ask(f"GET {path}", None, f"If-None-Match: {tag}")
        assert (same.status, same.body, same.tag) == (304, b"", tag)
    await ada.ask("PATCH /notes/1", {"text": "two"}, f"If-Match: {made.tag}", kind=MERGE)
    assert (await ada.ask("GET /notes/1", None, f"If-None-Match: {made.tag}")).status == 200
    head = await ada.ask("HEAD /notes/1")
    assert (head.status, head.body) == (200, b"")


async def test_the_list_comes_in_pages_that_name_each_other(ada: Client) -> None:
    for number in range(5):
        await ada.ask("POST /notes", {"title": str(number)})
    titles: list[str] = []
    target: str | None = "/notes?limit=2"
    links: dict[str, str] = {}
    while target:
        page = await ada.ask(f"GET {target}")
        links = dict(reversed(link) for link in re.findall(r'<([^>]*)>; rel="(\w+)"', page.fields["link"]))
        titles += [note["title"] for note in page.json["notes"]]
        assert (page.json["count"], links["first"], links["last"]) == (
            5,
            "/notes?limit=2",
            "/notes?limit=2&cursor=4",
        )
        target = links.get("next")
    assert titles == ["0", "1", "2", "3", "4"]
    assert links["prev"] == "/notes?limit=2&cursor=2"


async def test_there_is_an_end_to_them(house: House, ada: Client) -> None:
    for number in range(5):
        assert (await ada.ask("POST /notes", {"title": str(number)})).status == 201
    full = await ada.ask("POST /notes", {"title": "one more"}, "Idempotency-Key: k")
    assert (full.status, full.json["rule"]) == (409, "notes")
    [hit] = house.site.events("event:limit")
    assert (hit.limit, hit.value) == ("http.notes", 5)
    await ada.ask("DELETE /notes/3", None, "If-Match: *")
    assert (await ada.ask("POST /notes", {"title": "one more"}, "Idempotency-Key: k")).status == 201


async def test_the_same_key_gives_the_same_answer(house: House, ada: Client) -> None:
    first = await ada.ask("POST /notes", {"title": "milk"}, 'Idempotency-Key: "a-1"')
    ada.talk.hang_up()  # as if the answer had been lost
    again = await (bob := await house.client()).ask("POST /notes", {"title": "milk"}, "Idempotency-Key: a-1")
    assert (again.status, again.body, again.tag) == (201, first.body, first.tag)
    assert again.fields["location"] == first.fields["location"] == "/notes/1"
    assert again.fields["idempotency-replayed"] == "true"
    other = await bob.ask("POST /notes", {"title": "oats"}, "Idempotency-Key: a-1")
    assert (other.status, other.json["rule"]) == (422, "idempotency-key-reused")
    assert (await bob.ask("GET /notes")).json["count"] == 1
    [end] = await house.site.happens("event:session.end")
    assert (end.session, end.reason) == ("notes/key-1", "expired")
    assert (await bob.ask("POST /notes", {"title": "oats"}, "Idempotency-Key: a-1")).status == 201
    bob.talk.hang_up()


async def test_what_takes_its_time_is_done_though_nobody_waits(house: House, ada: Client) -> None:
    impatient = await house.client()
    impatient.talk.say(
        "POST /notes?delay=0.2 HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        'Idempotency-Key: slow\r\nContent-Length: 16\r\n\r\n{"title":"milk"}'
    )
    await house.site.happens("event:session.start")
    busy = await ada.ask("POST /notes?delay=0.2", b'{"title":"milk"}', "Idempotency-Key: slow")
    assert (busy.status, busy.fields["retry-after"]) == (409, "1")
    impatient.talk.hang_up()
    await house.site.happens("changed", "/title/")
    again = await ada.ask("POST /notes?delay=0.2", b'{"title":"milk"}', "Idempotency-Key: slow")
    assert (again.status, again.fields["location"]) == (201, "/notes/1")
    assert (await ada.ask("GET /notes")).json["count"] == 1


async def test_who_waits_gets_the_answer(ada: Client) -> None:
    said = await ada.ask("POST /notes?delay=0.05", {"title": "milk"})
    assert (said.status, said.fields["location"]) == (201, "/notes/1")


async def test_what_is_under_way_when_the_server_stops_is_finished(house: House, ada: Client) -> None:
    ada.talk.say(
        "POST /notes?delay=9 HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        'Idempotency-Key: slow\r\nContent-Length: 16\r\n\r\n{"title":"milk"}'
    )
    await house.site.happens("event:session.start")
    await house.site.stop()
    assert (await ada.answer()).status == 201


async def test_forget_empties_them(house: House, ada: Client) -> None:
    await ada.ask("POST /notes", {"title": "milk"}, "Idempotency-Key: k")
    state = await ada.ask("GET /state")
    assert state.json["shared"] == {"notes/1": MILK}
    assert list(state.json["session"]) == ["notes/key-1"]
    gone = house.site.playground.forget("shared")
    assert [(event.shared, event.forgot) for event in gone] == [("notes/1", MILK)]
    assert (await ada.ask("GET /notes")).json == {"notes": [], "count": 0}
    assert house.site.playground.forget("session")
    assert (await ada.ask("GET /state")).json == {
        "connection": {},
        "session": {},
        "shared": {},
        "carried": {},
    }


async def test_options_tell_methods_and_kinds(ada: Client) -> None:
    collection = await ada.ask("OPTIONS /notes")
    assert collection.fields["allow"] == "GET, HEAD, POST, OPTIONS"
    assert collection.fields["accept-post"] == "application/json"
    from_elsewhere = await ada.ask("OPTIONS /notes", None, "Origin: http://elsewhere")
    assert not [name for name in from_elsewhere.fields if name.startswith("access-control")]
    item = await ada.ask("OPTIONS /notes/1")
    assert item.fields["allow"] == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
    assert item.fields["accept-patch"] == MERGE
    wrong = await ada.ask("DELETE /notes", None, "Accept: application/json")
    assert (wrong.status, wrong.fields["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert wrong.json["rule"] == "method-not-allowed"
