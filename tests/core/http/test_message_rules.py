"""Every message rule as a line of a table: what is sent, what is answered, which rule was broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem
from playground.servers.http.reader import Reader, Step
from playground.servers.http.writer import problem_answer

LIMITS = HttpLimits()


def read(data: bytes, limits: HttpLimits = LIMITS) -> list[Step | Problem]:
    reader = Reader(limits)
    reader.append(data)
    steps = []
    while (step := reader.next()) is not None:
        steps.append(step)
        if isinstance(step, Problem):
            break
    return steps


def verdict(data: bytes, limits: HttpLimits = LIMITS) -> tuple[int, str] | str:
    """The status and rule of what is wrong, or the whole request as one word."""
    last = read(data, limits)[-1]
    if isinstance(last, Problem):
        return last.status, last.rule
    return "accepted" if last.complete else "incomplete"


def get(*lines: bytes, target: bytes = b"/", version: bytes = b"1.1", host: bytes = b"Host: a") -> bytes:
    """A GET request of these header lines."""
    head = [b"GET " + target + b" HTTP/" + version, *([host] if host else []), *lines, b"", b""]
    return b"\r\n".join(head)


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST request of these header lines."""
    return b"\r\n".join([b"POST / HTTP/" + version, b"Host: a", *lines, b"", body])


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


FRAMING = [
    (post(b"Content-Length: 2", body=b"hi"), "accepted"),
    (post(b"Content-Length: 0"), "accepted"),
    (post(b"Content-Length: 2 ", body=b"hi"), "accepted"),
    (post(b"Content-Length:\t2", body=b"hi"), "accepted"),
    (post(b"Content-Length: 5", b"Transfer-Encoding: chunked"), (400, "length-and-chunked")),
    (post(b"Transfer-Encoding: chunked", b"Content-Length: 5"), (400, "length-and-chunked")),
    (post(b"Content-Length: 5", b"Content-Length: 6"), (400, "content-length")),
    (post(b"Content-Length: 5", b"Content-Length: 5"), (400, "content-length")),
    (post(b"Content-Length: 5, 5"), (400, "content-length")),
    (post(b"Content-Length: +5"), (400, "content-length")),
    (post(b"Content-Length: -1"), (400, "content-length")),
    (post(b"Content-Length: 0x5"), (400, "content-length")),
    (post(b"Content-Length: 5 5"), (400, "content-length")),
    (post(b"Content-Length:"), (400, "content-length")),
    (post(b"Content-Length: five"), (400, "content-length")),
    (post(b"Content-Length: 9223372036854775808"), (400, "content-length-overflow")),
    (post(b"Content-Length: 99999999999999999999999999"), (400, "content-length-overflow")),
    (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), "accepted"),
    (post(b"Transfer-Encoding: Chunked", body=b"0\r\n\r\n"), "accepted"),
    (post(b"Transfer-Encoding: chunked, gzip"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: gzip, chunked"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: chunked, chunked"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: identity"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding:"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: chunked;q=1"), (400, "transfer-encoding")),
    (post(b"Transfer-Encoding: xchunked"), (501, "transfer-coding-unknown")),
    (post(b"Transfer-Encoding: gzip"), (501, "transfer-coding-unknown")),
    (post(b"Transfer-Encoding: chunked", version=b"1.0"), (400, "chunked-in-http-1.0")),
]

LINES = [
    (b"GET / HTTP/1.1\nHost: a\n\n", (400, "bare-lf")),
    (b"GET / HTTP/1.1\r\nHost: a\n\r\n", (400, "bare-lf")),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\n", (400, "bare-lf")),
    (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", (400, "bare-lf")),
    (get(b"X: a\rb"), (400, "bare-cr")),
    (get(b"X: a\r"), (400, "bare-cr")),
    (get(b"X: a", b" b"), (400, "obs-fold")),
    (get(b"X: a", b"\tb"), (400, "obs-fold")),
    (get(b" X: a", host=b""), (400, "space-before-field")),
    (get(b"X : a"), (400, "space-before-colon")),
    (get(b"X\t: a"), (400, "space-before-colon")),
    (get(b"X"), (400, "field-colon")),
    (get(b": a"), (400, "field-name")),
    (get(b"X Y: a"), (400, "field-name")),
    (get(b"X\x00: a"), (400, "field-name")),
    (get("Ä: a".encode()), (400, "field-name")),
    (get(b"X(: a"), (400, "field-name")),
    (get(b"X: a\x00b"), (400, "field-value")),
    (get(b"X: a\x01b"), (400, "field-value")),
    (get(b"X: a\x7fb"), (400, "field-value")),
    (get(b"X: a\tb"), "accepted"),
    (get("X: ä".encode()), "accepted"),
    (get(b"X:"), "accepted"),
    (b"\r\n\r\n" + get(), "accepted"),
    (b"\r\n" * 9 + get(), (400, "empty-lines")),
]

REQUEST_LINES = [
    (get(target=b"http://b/x?y", host=b"Host: a"), "accepted"),
    (get(target=b"HTTP://b"), "accepted"),
    (get(target=b"http://b?y"), "accepted"),
    (get(target=b"http://u:p@b/"), (400, "target-userinfo")),
    (get(target=b"http://"), (400, "target-form")),
    (get(target=b"ftp://a/"), (400, "target-form")),
    (get(target=b"state"), (400, "target-form")),
    (get(target=b"a:80"), (400, "target-form")),
    (get(target=b"*"), (400, "target-asterisk")),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", (405, "connect")),
    (get(target=b"/#here"), (400, "target-fragment")),
    (get(target="/ä".encode()), (400, "target-characters")),
    (get(target=b"/\x01"), (400, "target-characters")),
    (get(target=b"/\x7f"), (400, "target-characters")),
    (b"GET /\r\n\r\n", (505, "version-missing")),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", (505, "version-unknown")),
    (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", (505, "version-unknown")),
    (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", (505, "version-unknown")),
    (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", (505, "version-unknown")),
    (b"GET / http/1.1\r\nHost: a\r\n\r\n", (400, "version-syntax")),
    (b"GET / ICY/1.0\r\nHost: a\r\n\r\n", (400, "version-syntax")),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505, "http-2-preface")),
    (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", (400, "request-line")),
    (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", (400, "request-line")),
    (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", (400, "request-line")),
    (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", (400, "request-line")),
    (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", (400, "request-line")),
    (b"hello\r\n", (400, "request-line")),
    (b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", (400, "request-line")),
    (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", (400, "method-token")),
    (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", (501, "method-unknown")),
    (b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", (501, "method-unknown")),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", (501, "method-unknown")),
]

HOSTS = [
    (get(host=b"Host: localhost:8080"), "accepted"),
    (get(host=b"Host: [::1]:8080"), "accepted"),
    (get(host=b"Host: a_b.example"), "accepted"),
    (get(host=b""), (400, "host-missing")),
    (get(host=b"", version=b"1.0"), "accepted"),
    (get(host=b"Host: a b", version=b"1.0"), (400, "host-invalid")),
    (get(b"Host: b"), (400, "host-invalid")),
    (get(b"Host: a"), (400, "host-invalid")),
    (get(host=b"Host:"), (400, "host-invalid")),
    (get(host=b"Host: a, b"), (400, "host-invalid")),
    (get(host=b"Host: u@a"), (400, "host-invalid")),
    (get(host=b"Host: a/b"), (400, "host-invalid")),
    (get(host=b"Host: a?b"), (400, "host-invalid")),
    (get(host=b"Host: a:b"), (400, "host-invalid")),
    (get(host=b"Host: http://a"), (400, "host-invalid")),
    (get(target=b"http://b b/"), (400, "request-line")),
    (get(target=b"http://b:x/"), (400, "target-authority")),
    (get(target=b"http://b/", host=b""), (400, "host-missing")),
]

CHUNKS = [
    (chunked(b"2\r\nhi\r\n0\r\n\r\n"), "accepted"),
    (chunked(b"0002\r\nhi\r\n000\r\n\r\n"), "accepted"),
    (chunked(b'2;a;b=c;d="e;f"\r\nhi\r\n0;x\r\n\r\n'), "accepted"),
    (chunked(b"0\r\nA: b\r\n\r\n"), "accepted"),
    (chunked(b"2\nhi\r\n0\r\n\r\n"), (400, "chunk-bare-lf")),
    (chunked(b"2;\r\nhi\r\n"), (400, "chunk-extension")),
    (chunked(b"2;(\r\nhi\r\n"), (400, "chunk-extension")),
    (chunked(b"2;a=\r\nhi\r\n"), (400, "chunk-extension")),
    (chunked(b"2;a\x01\r\nhi\r\n"), (400, "chunk-extension")),
    (chunked(b'2;a="b\r\nhi\r\n'), (400, "chunk-extension")),
    (chunked(b"2; a\r\nhi\r\n"), (400, "chunk-extension")),
    (chunked(b"2 \r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b" 2\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"0x2\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"+2\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"-2\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"x\r\nhi\r\n"), (400, "chunk-size")),
    (chunked(b"11111111111111112\r\nhi\r\n"), (400, "chunk-size-overflow")),
    (chunked(b"ffffffffffffffff\r\nhi\r\n"), (413, "body")),
    (chunked(b"2\r\nhi!\r\n0\r\n\r\n"), (400, "chunk-end")),
    (chunked(b"3\r\nhi\r\n0\r\n\r\n"), (400, "chunk-end")),
    (chunked(b"0\r\nContent-Length: 3\r\n\r\n"), (400, "trailer-forbidden")),
    (chunked(b"0\r\ntransfer-encoding: chunked\r\n\r\n"), (400, "trailer-forbidden")),
    (chunked(b"0\r\nHost: b\r\n\r\n"), (400, "trailer-forbidden")),
    (chunked(b"0\r\nA : b\r\n\r\n"), (400, "space-before-colon")),
    (chunked(b"0\r\nA: b\n\r\n"), (400, "bare-lf")),
    (chunked(b"0\r\nA: b\r\n c\r\n\r\n"), (400, "obs-fold")),
    (chunked(b"1;" + b"a" * 2000 + b"\r\nx\r\n1;" + b"a" * 3000 + b"\r\n"), (400, "chunk_extensions")),
    (chunked(b"1;" + b"a" * 5000), (400, "chunk_extensions")),
]

EXPECTATIONS = [
    (post(b"Content-Length: 2", b"Expect: 100-continue", body=b"hi"), "accepted"),
    (post(b"Content-Length: 2", b"Expect: 100-Continue", body=b"hi"), "accepted"),
    (post(b"Content-Length: 2", b"Expect: the unexpected", body=b"hi"), (417, "expectation")),
    (post(b"Content-Length: 2", b"Expect: 100-continue, x", body=b"hi"), (417, "expectation")),
]

SMALL = replace(LIMITS, request_line=40, header_line=60, head=120, fields=3, body=10)
TOO_MUCH = [
    (get(target=b"/" + b"a" * 24), "accepted"),  # 40 bytes with its CR LF
    (get(target=b"/" + b"a" * 25), (414, "request_line")),
    (b"A" * 41, (414, "request_line")),
    (get(b"X: " + b"a" * 55), "accepted"),
    (get(b"X: " + b"a" * 56), (431, "header_line")),
    (get(b"X: " + b"a" * 57)[:100], (431, "header_line")),
    (get(b"X: " + b"a" * 45, b"Y: " + b"a" * 45), (431, "head")),
    (get(b"A: a", b"B: b"), "accepted"),
    (get(b"A: a", b"B: b", b"C: c"), (431, "fields")),
    (post(b"Content-Length: 10", body=b"a" * 10), "accepted"),
    (post(b"Content-Length: 11"), (413, "body")),
    (post(b"Transfer-Encoding: chunked", body=b"a\r\n" + b"a" * 10 + b"\r\n0\r\n\r\n"), "accepted"),
    (post(b"Transfer-Encoding: chunked", body=b"6\r\naaaaaa\r\n5\r\n"), (413, "body")),
    (chunked(b"0\r\nA: a\r\nB: b\r\nC: c\r\nD: d\r\n\r\n"), (431, "fields")),
]


@pytest.mark.parametrize(("data", "expected"), FRAMING)
def test_framing(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), LINES)
def test_lines(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), REQUEST_LINES)
def test_request_lines(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), HOSTS)
def test_hosts(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), CHUNKS)
def test_chunks(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), EXPECTATIONS)
def test_expectations(data: bytes, expected: object):
    assert verdict(data) == expected


@pytest.mark.parametrize(("data", "expected"), TOO_MUCH)
def test_too_much(data: bytes, expected: object):
    assert verdict(data, SMALL) == expected


def test_a_size_of_nought_is_no_limit():
    off = replace(LIMITS, request_line=0, header_line=0, head=0, fields=0, body=0, chunk_extensions=0)
    big = b"x" * 2_000_000
    for request in (
        get(*[b"X: y"] * 1000, b"X: " + big, target=b"/" + big),
        post(b"Content-Length: 2000000", body=big),
        chunked(b"1e8480;%b\r\n%b\r\n0\r\n\r\n" % (big, big)),
    ):
        assert verdict(request, off.effective()) == "accepted"
    assert LIMITS.effective() is LIMITS


@pytest.mark.parametrize(
    "data",
    [data for table in (FRAMING, LINES, REQUEST_LINES, HOSTS, CHUNKS, EXPECTATIONS) for data, _ in table],
)
def test_each_problem_says_what_was_wrong_and_where_that_is_written(data: bytes):
    problem = read(data)[-1]
    if isinstance(problem, Problem):
        assert problem.source.startswith("RFC ")
        assert problem.text[0].isupper() or problem.rule == "trailer-forbidden"
        assert 0 < problem.size <= len(data)
        answer = problem_answer(problem)
        assert answer.status == problem.status
        assert problem.text.encode() in answer.body


def test_a_bare_line_feed_tells_how_netcat_sends_a_whole_line_end():
    problem = read(b"GET / HTTP/1.1\nHost: a\n\n")[-1]
    assert isinstance(problem, Problem)
    assert "-C" in problem.text


def test_a_method_in_small_letters_is_told_how_it_is_written():
    problem = read(b"get / HTTP/1.1\r\nHost: a\r\n\r\n")[-1]
    assert isinstance(problem, Problem)
    assert "GET" in problem.text


def test_expecting_100_is_ignored_in_http_1_0():
    step = read(post(b"Content-Length: 2", b"Expect: 100-continue", version=b"1.0"))[-1]
    assert isinstance(step, Step)
    assert not step.request.expects_continue


def test_trailers_are_not_merged_into_the_headers():
    step = read(chunked(b"2\r\nhi\r\n0\r\nDigest: abc \r\n\r\n"))[-1]
    assert isinstance(step, Step)
    assert step.request.trailers == [(b"Digest", b"abc")]
    assert b"digest" not in step.request.fields


def test_the_target_wins_over_the_host_field():
    step = read(get(target=b"http://b:1/x?y=z"))[-1]
    assert isinstance(step, Step)
    assert (step.request.authority, step.request.path, step.request.raw_query) == ("b:1", "/x", "y=z")


@pytest.mark.parametrize(
    ("lines", "version", "keep_alive"),
    [
        ((), b"1.1", True),
        ((), b"1.0", False),
        ((b"Connection: close",), b"1.1", False),
        ((b"Connection: Keep-Alive",), b"1.0", True),
        ((b"Connection: foo, close",), b"1.1", False),
        ((b"Connection: foo", b"Connection: CLOSE"), b"1.1", False),
        ((b"Connection: keep-alive, close",), b"1.0", False),
    ],
)
def test_keep_alive(lines: tuple[bytes, ...], version: bytes, keep_alive: bool):
    step = read(get(*lines, version=version))[-1]
    assert isinstance(step, Step)
    assert step.request.keep_alive is keep_alive


def test_an_upgrade_that_nobody_takes_up_leaves_the_body_in_the_message():
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA")
    steps = read(post(*upgrade, b"Content-Length: 2", body=b"hi") + get(*upgrade) + get())
    bodies = [step.request.body for step in steps if isinstance(step, Step) and step.complete]
    assert bodies == [b"hi", b"", b""]
