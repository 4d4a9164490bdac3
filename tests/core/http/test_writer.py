from __future__ import annotations

import pytest

from playground.servers.http.answer import Answer, json_answer, text_answer
from playground.servers.http.writer import UnsafeField, Writer, chunk, is_safe

NOON = 1_795_521_600.9


def writer() -> Writer:
    return Writer(lambda: NOON)


def test_a_whole_answer():
    assert writer().whole(text_answer("hi"), "none", b"") == (
        b"HTTP/1.1 200 OK\r\n"
        b"Playground-Memory: none\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
        b"Content-Length: 3\r\n"
        b"\r\n"
        b"hi\n"
    )


def test_a_head_request_gets_the_same_fields_and_no_body():
    whole = writer().whole(text_answer("hi"), "none", b"")
    assert writer().whole(text_answer("hi"), "none", b"", with_body=False) == whole.removesuffix(b"hi\n")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_has_no_length_and_no_body(status: int):
    data = writer().whole(Answer(b"lost", status=status), "none", b"")
    assert b"Content-Length" not in data
    assert data.endswith(b"\r\n\r\n")


def test_a_205_says_that_it_is_empty():
    assert writer().whole(Answer(status=205), "none", b"").endswith(b"Content-Length: 0\r\n\r\n")


def test_the_date_follows_the_clock():
    now = [NOON]
    out = Writer(lambda: now[0])
    assert out.date() == out.date()
    now[0] += 1
    assert out.date() == b"Date: Tue, 24 Nov 2026 12:00:01 GMT\r\n"


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\0b", b"\r\nSet-Cookie: a=b"])
def test_a_value_that_would_end_the_head_early_is_never_written(value: bytes):
    assert not is_safe(value)
    with pytest.raises(UnsafeField):
        writer().whole(Answer(headers=((b"X", value),)), "none", b"")
    with pytest.raises(UnsafeField):
        writer().whole(Answer(headers=((value, b"x"),)), "none", b"")
    with pytest.raises(UnsafeField):
        writer().whole(Answer(b"x", value.decode()), "none", b"")


def test_an_unknown_status_still_has_a_phrase():
    assert writer().whole(Answer(status=299), "none", b"").startswith(b"HTTP/1.1 299 Unknown\r\n")


def test_made_up_content_types_do_not_pile_up():
    out = writer()
    for number in range(1000):
        out.whole(Answer(b"", f"x/{number}"), "none", b"")
    assert len(out._prefixes) <= 200


def test_chunks():
    assert chunk(b"hello, world!!!!") == b"10\r\nhello, world!!!!\r\n"
    assert chunk(b"") == b""


def test_json_is_indented_and_ends_its_line():
    assert json_answer({"a": ["é"]}).body == '{\n  "a": [\n    "é"\n  ]\n}\n'.encode()
