"""The messages of the Lambda Runtime API: HTTP/1.1 in its plainest form, as AWS's own client speaks it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

HEAD_BYTES: Final = 2 * 1024 * 1024
"""AWS's client puts a stack trace of up to 1 MiB into a header field of its error messages."""

_VERSION = "/2018-06-01/runtime"
_REQUEST_LINE = re.compile(r"([A-Z]+) (/[!-~]*) HTTP/1\.1")
_LENGTH = re.compile(r"[0-9]{1,15}")

What = Literal["next", "response", "error", "init-error"]

_ROUTES: Final[tuple[tuple[What, str, re.Pattern[str]], ...]] = (
    ("next", "GET", re.compile(rf"{_VERSION}/invocation/next")),
    ("response", "POST", re.compile(rf"{_VERSION}/invocation/([^/]+)/response")),
    ("error", "POST", re.compile(rf"{_VERSION}/invocation/([^/]+)/error")),
    ("init-error", "POST", re.compile(rf"{_VERSION}/init/error")),
)


class Wrong(NamedTuple):
    """A message that cannot be taken."""

    status: int
    rule: str
    text: str


class Head(NamedTuple):
    """What the head of a message says."""

    what: What
    request_id: str
    size: int
    """Bytes of the head."""
    length: int
    """Bytes of the body that follows."""


def head_of(data: bytes | bytearray) -> Head | Wrong | None:
    """The head that ``data`` begins with; what is wrong with it; or None while it is not whole."""
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES)
    if end < 0:
        return Wrong(431, "head", "The head is too long.") if len(data) >= HEAD_BYTES else None
    lines = bytes(data[:end]).decode("latin-1").split("\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        return Wrong(400, "request-line", "That is no request of the Lambda Runtime API.")
    method, path = line.groups()
    length = _length_of(lines[1:])
    if isinstance(length, Wrong):
        return length
    for what, its_method, pattern in _ROUTES:
        if (found := pattern.fullmatch(path)) and method == its_method:
            return Head(what, found[1] if found.groups() else "", end + 4, length)
    return Wrong(404, "not-found", f"The Lambda Runtime API has no {method} {path[:200]}.")


def _length_of(fields: list[str]) -> int | Wrong:
    found = [value.strip() for name, _, value in map(_parts, fields) if name == "content-length"]
    if any(name == "transfer-encoding" for name, _, _ in map(_parts, fields)):
        return Wrong(411, "length-missing", "Say how long the body is: Content-Length.")
    if not found:
        return 0
    if len(found) > 1 or not _LENGTH.fullmatch(found[0]):
        return Wrong(400, "content-length", "The Content-Length is no number.")
    return int(found[0])


def _parts(field: str) -> tuple[str, str, str]:
    name, colon, value = field.partition(":")
    return name.lower(), colon, value


_PHRASES = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 411: "Length Required"}
_PHRASES |= {403: "Forbidden", 413: "Content Too Large", 431: "Request Header Fields Too Large"}


def answer(
    status: int, body: bytes, fields: tuple[tuple[str, str], ...] = (), *, last: bool = False
) -> bytes:
    """The bytes of an answer."""
    lines = [
        f"HTTP/1.1 {status} {_PHRASES[status]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in fields),
        *(["Connection: close"] if last else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
