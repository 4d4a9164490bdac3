from __future__ import annotations

from playground.journal.redaction import digest, mask_spans
from playground.servers.http.carried import carries, echoed_spans, refused_spans, secret_spans
from playground.servers.http.limits import HttpLimits
from playground.servers.http.reader import Reader, Step
from playground.servers.http.request import Request


def request(*lines: bytes, target: bytes = b"/") -> Request:
    reader = Reader(HttpLimits())
    reader.append(b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: a", *lines, b"", b""]))
    step = reader.next()
    assert isinstance(step, Step)
    return step.request


def test_a_plain_request_carries_nothing():
    assert carries(request()) == ({}, 0)


def test_a_query_is_carried_by_name():
    assert carries(request(target=b"/state?name=ada&n=1&n=2")) == ({"name": "ada", "n": ["1", "2"]}, 16)


def test_cookies_are_carried_by_name_and_digest():
    carried, size = carries(request(b"Cookie: sid=s3cret; theme=dark", b"Cookie: c=d; bare"))
    assert carried == {
        "cookie sid": digest("s3cret"),
        "cookie theme": digest("dark"),
        "cookie c": digest("d"),
        "cookie ": digest("bare"),
    }
    assert size == len("sid=s3cret; theme=dark; c=d; bare")


def test_credentials_are_carried_by_scheme_only():
    assert carries(request(b"Authorization: Basic YWRhOmFkYQ==")) == ({"Authorization": "Basic ***"}, 18)
    assert carries(request(b"Authorization: YWRhOmFkYQ=="))[0] == {"Authorization": "***"}


def test_conditions_are_carried():
    carried, size = carries(request(b"Range: bytes=0-1", b'If-None-Match: "x"'))
    assert carried == {"Range": "bytes=0-1", "If-None-Match": '"x"'}
    assert size == len('bytes=0-1"x"')


def test_what_is_carried_is_bounded():
    many = "&".join(f"n{number}={'x' * 99}" for number in range(70))
    carried, size = carries(request(target=f"/?long={'x' * 500}&{many}".encode()))
    assert size == len(many) + 506
    assert len(carried) == 50
    assert carried["long"] == "x" * 199 + "…"


def test_secrets_are_covered_and_everything_else_is_seen():
    head = (
        b"GET / HTTP/1.1\r\nAUTHORIZATION:  Basic YWRhOmFkYQ==\r\nX-Cookie: seen\r\n"
        b"cookie: sid=s3cret; t=\r\nProxy-Authorization: token\r\n\r\n"
    )
    masked = mask_spans(head, secret_spans(head))
    assert len(masked) == len(head)
    assert b"Basic ************\r\nX-Cookie: seen\r\n" in masked
    assert b"sid=" + digest("s3cret").encode() + b"*; t=\r\n" in masked
    assert b"Proxy-Authorization: *****\r\n" in masked


def test_of_what_is_refused_more_is_covered():
    for refused in (
        b"GET / HTTP/1.1\r\nAuthorization : Basic YWRhOmFkYQ==\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Basic YWRhOmFkYQ==\n",
        b"GET / HTTP/1.1\r\nAuthorization: Basic\r\n YWRhOmFkYQ==\r\n",
        b"GET / HTTP/1.1\r\n\tcookie: a=YWRhOmFkYQ==\r\n",
        b"GET / HTTP/1.1\r\nCookie: a=b; YWRhOmFkYQ\r\nX\r\n",
        b"GET http://YWRhOmFkYQ==@a/ HTTP/1.1\r\n",
    ):
        assert b"YWRh" not in mask_spans(refused, refused_spans(refused))


def test_headers_that_are_echoed_as_json_are_covered_whatever_is_in_them():
    body = rb'{"headers": {"Cookie": "a=1; sid=\"q\\uote\"", "Authorization": "x\"y", "Accept": "*/*"}}'
    masked = mask_spans(body, echoed_spans(body))
    assert b"q" not in masked
    assert b'"y' not in masked
    assert masked.endswith(b', "Accept": "*/*"}}')
