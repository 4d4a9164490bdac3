"""Bodies of HTTP in the log: what was said, and not how it was framed."""

from __future__ import annotations

import pytest

from playground.journal.events import Received, Sent
from playground.views.message_text import tell


def told(data: str, size: int | None = None, protocol: str = "http") -> str:
    whole = len(data) if size is None else size
    event = Received(seq=1, protocol=protocol, conn="a-1", size=whole, data=data, truncated=whole > len(data))
    return " ".join(part for part in tell(event)[:2] if part)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("8\r\nname=ada\r\n", "name=ada (chunk, 8 bytes)"),
        ("9;x=1\r\nid: 1\n\nxy\r\n", "id: 1 (chunk, 9 bytes)"),
        ("0\r\n\r\n", "(last chunk)"),
        ("0\r\nDigest: abc\r\n\r\n", "Digest: abc (last chunk)"),
        ("8\r\nname=a", "8 (+1 line)"),  # not all of it
        ("9\r\nname=ada\r\n", "9 (+1 line)"),  # not as long as it says
        ("0\r\n", "0"),
    ],
)
def test_a_chunk_is_told_by_what_it_holds(data: str, line: str) -> None:
    assert told(data) == line


def test_a_long_chunk_is_told_by_its_whole_size() -> None:
    assert told("3e8\r\nid: 1\nx", 1007) == "id: 1 (chunk, 1,000 bytes)"


def test_what_looks_like_a_chunk_elsewhere_is_none() -> None:
    assert told("3\r\nabc\r\n", protocol="ftp") == "3 (+1 line)"


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ("Content-Length: 3\r\n", "(head alone)"),
        ("transfer-encoding: chunked\r\n", "(head alone)"),
        ("Content-Length: 0\r\n", "(no body)"),
        ("", "(no body)"),
    ],
)
def test_a_head_without_its_body_does_not_say_that_there_is_none(fields: str, note: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{fields}\r\n"
    assert tell(Sent(seq=1, conn="http-1", size=len(head), data=head)).note == note
