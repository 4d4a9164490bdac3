"""Conditional requests and ranges."""

from __future__ import annotations

import pytest

from playground.servers.http.answer import Answer
from playground.servers.http.conditions import conditional
from playground.servers.http.request import Request

BODY = b"abcdefghijklmnopqrstuvwxyz"
MODIFIED = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


def ask(method: str = "GET", **fields: str) -> Answer:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    request = Request(method, "/", 1, list(named.items()), named)
    return conditional(request, Answer(BODY, "text/plain"), etag='"v1"', modified=MODIFIED)


@pytest.mark.parametrize("tag", ['"v1"', 'W/"v1"', '"x", W/"v1"', "*", "v1"])
def test_what_is_known_is_not_sent(tag: str):
    answer = ask(if_none_match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert (b"ETag", b'"v1"') in answer.headers


@pytest.mark.parametrize(
    ("date", "status"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 304),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("Sun Nov  6 08:49:37 1994", 304),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("yesterday", 200),
    ],
)
def test_a_date_is_a_validator_too(date: str, status: int):
    assert ask(if_modified_since=date).status == status


def test_a_tag_wins_over_a_date():
    assert ask(if_none_match='"x"', if_modified_since="Sun, 06 Nov 1994 08:49:37 GMT").status == 200


@pytest.mark.parametrize(("tag", "status"), [('"v1"', 200), ("*", 200), ('"x"', 412), ('W/"v1"', 412)])
def test_who_insists_on_a_version_gets_that_or_412(tag: str, status: int):
    assert ask(if_match=tag).status == status


@pytest.mark.parametrize(
    ("asked", "status", "body", "place"),
    [
        ("bytes=0-2", 206, b"abc", b"bytes 0-2/26"),
        ("bytes=23-", 206, b"xyz", b"bytes 23-25/26"),
        ("bytes=-3", 206, b"xyz", b"bytes 23-25/26"),
        ("bytes=24-99", 206, b"yz", b"bytes 24-25/26"),
        ("bytes=26-", 416, None, b"bytes */26"),
        ("bytes=5-2", 200, BODY, None),
        ("bytes=0-5,3-8", 200, BODY, None),
        ("lines=1-2", 200, BODY, None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(11)), 200, BODY, None),
    ],
)
def test_ranges(asked: str, status: int, body: bytes | None, place: bytes | None):
    answer = ask(range=asked)
    assert answer.status == status
    assert body is None or answer.body == body
    assert dict(answer.headers).get(b"Content-Range") == place


def test_several_ranges_come_in_parts():
    answer = ask(range="bytes=0-1,-2")
    assert answer.status == 206
    assert answer.content_type.startswith("multipart/byteranges; boundary=")
    assert answer.body.count(b"Content-Range: bytes ") == 2


def test_a_part_fits_only_to_what_has_not_changed():
    assert ask(range="bytes=0-1", if_range='"v1"').status == 206
    assert ask(range="bytes=0-1", if_range='"x"').status == 200
    assert ask("HEAD", range="bytes=0-1").status == 200
