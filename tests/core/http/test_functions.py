"""What a function is asked, and what becomes of its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from playground.servers.http.functions import answer_of, event_of, secrets_of
from playground.servers.http.limits import HttpLimits
from playground.servers.http.reader import Reader, Step
from playground.servers.http.request import Request
from playground.wire.invoking import Invoked


def request(head: str, body: bytes = b"") -> Request:
    reader = Reader(HttpLimits())
    reader.append(f"{head}\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    while True:
        step = reader.next()
        assert isinstance(step, Step)
        if step.complete:
            return step.request


def event(head: str, body: bytes = b"") -> Any:
    return json.loads(event_of(request(head, body), "192.0.2.1", "r-1"))


def test_the_event_is_that_of_a_function_url():
    asked = event("POST /function/greet?name=ada&pet=cat&pet=dog HTTP/1.1\r\nX-Pet: cat", b"hello")
    assert asked["version"] == "2.0"
    assert asked["rawQueryString"] == "name=ada&pet=cat&pet=dog"
    assert asked["queryStringParameters"] == {"name": "ada", "pet": "cat,dog"}
    assert asked["headers"] == {"x-pet": "cat", "host": "a", "content-length": "5"}
    assert (asked["body"], asked["isBase64Encoded"]) == ("hello", False)
    assert asked["requestContext"]["requestId"] == "r-1"
    assert asked["requestContext"]["http"]["method"] == "POST"
    assert asked["requestContext"]["http"]["sourceIp"] == "192.0.2.1"


def test_bytes_that_are_no_text_come_in_base64():
    asked = event("POST /function/greet HTTP/1.1", b"\xff\x00")
    assert (asked["body"], asked["isBase64Encoded"]) == ("/wA=", True)
    assert "body" not in event("GET /function/greet HTTP/1.1")


def test_credentials_and_cookies_are_kept_back_and_other_secrets_named():
    secrets = "Cookie: id=12345678\r\nAuthorization: Bearer abcdefgh"
    head = f"POST /function/greet?token=a%2Bbcdef HTTP/1.1\r\n{secrets}"
    asked = request(head, b'{"password": "cor\\"rect"}')
    text = event_of(asked, "192.0.2.1", "r-1")
    assert b"12345678" not in text
    assert b"abcdefgh" not in text
    assert {b"a%2Bbcdef", b"a+bcdef"} <= set(secrets_of(asked))
    for secret in secrets_of(asked):
        text = text.replace(secret, b"")
    assert b"bcdef" not in text
    assert b"rect" not in text


ANSWERED = Invoked(200, b"", environment="hits-1", start="warm", number=3, seconds=0.00049)


def test_what_a_function_returns_is_json():
    answer = answer_of(ANSWERED._replace(content=b'{"hits": 3}'))
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b'{"hits": 3}\n')
    assert dict(answer.headers) == {
        b"Playground-Environment": b"hits-1",
        b"Playground-Start": b"warm",
        b"Playground-Invocation": b"3",
        b"Playground-Duration-Ms": b"0.5",
    }


def test_what_looks_like_an_answer_is_one():
    said = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html", "X-Pet": "cat", "Transfer-Encoding": "chunked"},
        "cookies": ["pet=cat; Path=/"],
        "body": "aGVsbG8=",
        "isBase64Encoded": True,
    }
    answer = answer_of(ANSWERED._replace(content=json.dumps(said).encode()))
    assert (answer.status, answer.content_type, answer.body) == (201, "text/html", b"hello")
    assert (b"X-Pet", b"cat") in answer.headers
    assert (b"Set-Cookie", b"pet=cat; Path=/") in answer.headers
    assert b"Transfer-Encoding" not in dict(answer.headers)


@pytest.mark.parametrize(
    "said",
    [
        {"statusCode": 99},
        {"statusCode": 100},
        {"statusCode": 200, "headers": {"X-Pet": "cat\r\nX-Dog: yes"}},
        {"statusCode": 200, "headers": {"X Pet": "cat"}},
        {"statusCode": 200, "headers": ["X-Pet"]},
        {"statusCode": 200, "cookies": ["a\nb"]},
        {"statusCode": 200, "cookies": 5},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"Content-Type": "text/html\r\nX-Dog: yes"}},
    ],
)
def test_an_answer_that_is_none_is_a_502(said: Any):
    answer = answer_of(ANSWERED._replace(content=json.dumps(said).encode()))
    assert answer.status == 502
    assert json.loads(answer.body)["rule"] == "function-answer"
    assert dict(answer.headers)[b"Playground-Environment"] == b"hits-1"


@pytest.mark.parametrize(
    ("status", "told"), [(404, False), (429, True), (501, False), (502, False), (504, False)]
)
def test_what_went_wrong_is_a_problem_and_only_a_refusal_is_the_clients(status: int, told: bool):
    answer = answer_of(Invoked(status, b"", "some-rule", "What to do."))
    assert answer.status == status
    assert json.loads(answer.body)["detail"] == "What to do."
    assert bool(answer.problem) is told
    assert (b"Retry-After" in dict(answer.headers)) is (status == 429)
