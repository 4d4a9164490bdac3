"""What a request carries: the state that the client had to bring along, and its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from playground.journal.redaction import Secret, digest
from playground.servers.http.request import Request

CONDITIONS = (
    b"range",
    b"if-range",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
)
"""Fields in which a client says what it has from before."""

CREDENTIALS = (b"authorization", b"proxy-authorization")
_TELLING = frozenset((*CONDITIONS, *CREDENTIALS, b"cookie"))
_SECRET = frozenset((*CREDENTIALS, b"cookie", b"set-cookie"))

MOST_NAMES = 50
LONGEST_VALUE = 200
"""Characters; the whole is in the message itself."""

_SECRET_LINE = re.compile(
    rb"^(authorization|proxy-authorization|cookie|set-cookie)[ \t]*:[ \t]*([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET_NAME = re.compile(rb"authorization|cookie", re.IGNORECASE)
_COOKIE_VALUE = re.compile(rb"[ \t]*+(?:[^=;]*+=)?([^;]*+)")
_USERINFO = re.compile(rb"[A-Z]+ +\w+://([^/?#\s]*)@")
_JSON_SECRET = re.compile(
    rb'"(?:proxy-)?authorization": ?"((?:[^"\\]|\\.)+)"|"(?:set-)?cookie": ?"((?:[^"\\]|\\.)+)"',
    re.IGNORECASE,
)


def carries(request: Request) -> tuple[dict[str, object], int]:
    """What a request carries by name, secrets masked, and how many bytes of it that is."""
    if not request.raw_query and _TELLING.isdisjoint(request.fields):
        return {}, 0
    found: dict[str, object] = dict(request.query)
    size = len(request.raw_query)
    fields = request.fields
    if b"cookie" in fields:
        size += len(fields[b"cookie"])
        for cookie, value in cookies(request):
            found[f"cookie {cookie}"] = digest(value.encode("latin-1"))
    for name in CREDENTIALS:
        if name in fields:
            size += len(fields[name])
            scheme, space, _ = request.field(name).partition(" ")
            found[name.decode().title()] = f"{scheme} ***" if space else "***"
    for name in CONDITIONS:
        if name in fields:
            size += len(fields[name])
            found[name.decode().title()] = request.field(name)
    return {key: _bounded(value) for key, value in list(found.items())[:MOST_NAMES]}, size


def _bounded(value: object) -> object:
    if isinstance(value, list):
        return [_bounded(one) for one in value[:MOST_NAMES]]
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def cookies(request: Request) -> list[tuple[str, str]]:
    """The cookies in their order, as they came; one without ``=`` has no name. RFC 6265 5.4."""
    pairs = (pair.strip().partition("=") for pair in request.field(b"cookie").split(";"))
    return [(name, value) if equals else ("", name) for name, equals, value in pairs if name or value]


def secrets_in(request: Request, head: bytes) -> list[Secret]:
    """The secret spans of a head that was accepted; ``head`` is its bytes as they came."""
    return secret_spans(head) if has_secrets(request) else []


def has_secrets(request: Request) -> bool:
    """Whether the request has a field whose value is secret."""
    return not _SECRET.isdisjoint(request.fields)


def secret_spans(head: bytes) -> list[Secret]:
    """The values of credentials and cookies in a message head."""
    spans: list[Secret] = []
    for line in _SECRET_LINE.finditer(head):
        start, end = line.span(2)
        if b"cookie" in line[1].lower():
            spans += [Secret(*pair.span(1), "digest") for pair in _COOKIE_VALUE.finditer(head, start, end)]
        else:
            # The scheme may be seen: it says how the client proves who it is.
            space = head.find(b" ", start, end)
            spans.append(Secret(space + 1 if space >= 0 else start, end))
    return [span for span in spans if span.start < span.end]


def refused_spans(data: bytes) -> list[Secret]:
    """As :func:`secret_spans`, of bytes that need not be well-formed: in doubt more is covered."""
    spans = secret_spans(data)
    if found := _USERINFO.match(data):
        spans.append(Secret(*found.span(1)))
    last_line = data.rfind(b"\n", 0, len(data) - 1) + 1
    if found := _SECRET_NAME.search(data, last_line):
        spans.append(Secret(found.end(), len(data)))
    elif spans and data[last_line : last_line + 1] in (b" ", b"\t"):
        spans.append(Secret(last_line, len(data)))
    return spans


def echoed_spans(message: bytes) -> list[Secret]:
    """The secrets in an answer that repeats the request's headers."""
    found = []
    for match in _JSON_SECRET.finditer(message):
        if match[2] is None:
            found.append(Secret(*match.span(1)))
        else:
            found += [
                Secret(*value.span(1), "digest") for value in _COOKIE_VALUE.finditer(message, *match.span(2))
            ]
    # And in one that shows its bytes as they came.
    return [span for span in found if span.start < span.end] + secret_spans(message)


def spans_of(message: bytes, values: Iterable[bytes]) -> list[Secret]:
    """Every place where one of those secret values stands in a message."""
    return [
        Secret(*found.span(), "digest")
        for value in values
        if value
        for found in re.finditer(re.escape(value), message)
    ]
