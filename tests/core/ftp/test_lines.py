"""Command lines: framing, faults, secrets."""

from __future__ import annotations

import re

import pytest

from playground.journal.redaction import mask_spans
from playground.servers.ftp.lines import (
    BARE_LF,
    CONTROL_BYTES,
    HTTP,
    LONGEST_LINE,
    NOT_UTF8,
    TLS,
    TOO_LONG,
    CommandLines,
    Fault,
    Line,
    secrets,
)


def lines(*packets: bytes) -> list[tuple[bytes, Fault | None]]:
    cutter = CommandLines()
    found = []
    for packet in packets:
        cutter.feed(packet)
        while (line := cutter.take()) is not None:
            found.append((line.raw, line.fault))
    return found


STREAM = (
    b"USER ada\r\nPASS ada\r\n"
    + b"X" * 5000
    + b"\r\nNOOP\nPWD\r\nCWD a\x00b\r\nCWD \xff\xfe\r\nNOOP\r\nGET / HTTP/1.1\r\n"
)


def test_how_the_stream_is_cut_into_packets_does_not_matter():
    assert lines(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == lines(STREAM)


def test_each_line_has_its_fault():
    assert lines(STREAM) == [
        (b"USER ada\r\n", None),
        (b"PASS ada\r\n", None),
        (b"X" * LONGEST_LINE, TOO_LONG),
        (b"NOOP\n", BARE_LF),
        (b"PWD\r\n", BARE_LF),  # it may be the rest of a name with a line end in it
        (b"CWD a\x00b\r\n", CONTROL_BYTES),
        (b"CWD \xff\xfe\r\n", NOT_UTF8),
        (b"NOOP\r\n", None),
        (b"GET / HTTP/1.1\r\n", HTTP),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"USER ada\r\n",
        b"stor a b.txt\r\n",
        b"PWD\r\n",
        b"GET x\r\n",
        b"PRI * x\r\n",
        b"Host: x\r\n",
        b"RETR a HTTP/1.1\r\n",
        b"RETR a/b\r\n",
        b"CWD a\r\r\n",
        b"CWD a\tb\r\n",
        b"CWD a\x7f\r\n",
        b"CWD \xc3\xa4\r\n",
        b"CWD \xff\r\n",
        b"\xff\xf4\xff\xf2ABOR\r\n",
        b"NOOP\n",
        b"\r\n",
    ],
)
def test_a_line_like_most_is_not_looked_at_closely_and_nothing_is_overlooked(
    line: bytes, monkeypatch: pytest.MonkeyPatch
):
    taken = whole_line(line)
    monkeypatch.setattr("playground.servers.ftp.lines._PLAIN", re.compile(rb"\Z."))  # none is like that
    assert taken == whole_line(line)


def whole_line(data: bytes) -> Line | None:
    cutter = CommandLines()
    cutter.feed(data)
    return cutter.take()


def test_a_line_of_exactly_the_limit_is_a_line():
    line = b"N" * (LONGEST_LINE - 2) + b"\r\n"
    assert lines(line) == [(line, None)]


def test_nothing_in_the_tail_of_a_long_line_is_a_command():
    assert lines(b"A" * 2040 + b" DELE precious.txt\r\n") == [
        ((b"A" * 2040 + b" DELE precious.txt")[:LONGEST_LINE], TOO_LONG)
    ]


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1\r\n", b"post /x HTTP/1.0\r\n", b"Host: localhost\r\n", b"PRI * HTTP/2.0\r\n"]
)
def test_http_is_recognised(line: bytes):
    assert lines(line) == [(line, HTTP)]


def test_tls_is_recognised_without_a_line_end():
    assert lines(b"\x16\x03\x01\x02\x00\x01") == [(b"\x16\x03", TLS)]
    assert lines(b"\x16", b"\x03") == [(b"\x16\x03", TLS)]


def test_telnet_codes_before_abor_are_no_part_of_it():
    cutter = CommandLines()
    cutter.feed(b"\xff\xf4\xff\xf2ABOR\r\n")
    line = cutter.take()
    assert line is not None
    assert (line.fault, line.text) == (None, "ABOR")


def test_names_may_be_in_any_script():
    cutter = CommandLines()
    cutter.feed("CWD grüße/日本\r\n".encode())
    line = cutter.take()
    assert line is not None
    assert line.text == "CWD grüße/日本"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"PASS hush\r\n", b"PASS ****\r\n"),
        (b"pass  hush hush\r\n", b"pass  *********\r\n"),
        (b" PASS hush\n", b" PASS ****\n"),
        (b"PASSWORD hush\r\n", b"PASSWORD ****\r\n"),
        (b"ACCT hush\r\n", b"ACCT ****\r\n"),
        (b"PASS\r\n", b"PASS\r\n"),
        (b"CWD PASS x\r\n", b"CWD PASS x\r\n"),
    ],
)
def test_passwords_are_secret(line: bytes, shown: bytes):
    assert mask_spans(line, secrets(line)) == shown
