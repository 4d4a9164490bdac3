"""What a request carries: the state that the client had to bring along, and its secrets."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable

from playground.journal.redaction import Secret, digest
from playground.servers.http.answer import Answer
from playground.servers.http.request import Request

CONDITIONS = (
    b"range",
    b"if-range",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
    b"idempotency-key",
)
"""Fields in which a client says what it has from before."""

CREDENTIALS = (b"authorization", b"proxy-authorization")
_TELLING = frozenset((*CONDITIONS, *CREDENTIALS, b"cookie"))
_SECRET = frozenset((*CREDENTIALS, b"cookie", b"set-cookie"))

SECRET_PARAMETERS = frozenset(("password", "token", "access_token", "refresh_token"))
"""What has no business in an address; where it is there all the same, the journal does not repeat it."""

MOST_NAMES = 50
LONGEST_TOKEN = 16_384
LONGEST_VALUE = 200
"""Characters; the whole is in the message itself."""

_SECRET_LINE = re.compile(
    rb"^(authorization|proxy-authorization|cookie|set-cookie)[ \t]*:[ \t]*([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET_NAME = re.compile(rb"authorization|cookie", re.IGNORECASE)
_COOKIE_VALUE = re.compile(rb"[ \t]*+(?:[^=;]*+=)?([^;]*+)")
_USERINFO = re.compile(rb"[A-Z]+ +\w+://([^/?#\s]*)@")
_IN_ADDRESS = re.compile(r"(?:^|[?&;])(?:password|(?:access_|refresh_)?token)=([^&;# ]*)", re.IGNORECASE)
_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_IN_FIRST_LINE = re.compile(_IN_ADDRESS.pattern.encode(), re.IGNORECASE)
_IN_BODY = re.compile(
    rb"""(?:^|[&;])password=([^&;\s]*)|password\\?"\s*:\s*\\?"((?:[^"\\]|\\.)*)"""
    rb"""|name="?password"?[^\n]*\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)""",
    re.IGNORECASE,
)
_JSON_SECRET = re.compile(
    rb'"(?:proxy-)?authorization": ?"((?:[^"\\]|\\.)+)"|"(?:set-)?cookie": ?"((?:[^"\\]|\\.)+)"',
    re.IGNORECASE,
)


def carries(request: Request) -> tuple[dict[str, object], int]:
    """What a request carries by name, secrets masked, and how many bytes of it that is."""
    if not request.raw_query and _TELLING.isdisjoint(request.fields):
        return {}, 0
    found: dict[str, object] = {
        name: "***" if name.lower() in SECRET_PARAMETERS else value for name, value in request.query.items()
    }
    size = len(request.raw_query)
    fields = request.fields
    if b"cookie" in fields:
        size += len(fields[b"cookie"])
        for cookie, value in cookies(request):
            found[f"cookie {cookie}"] = digest(value.encode("latin-1"))
    for name in CREDENTIALS:
        if name in fields:
            size += len(fields[name])
            scheme, space, rest = request.field(name).partition(" ")
            shown = digest(rest.strip().encode("latin-1")) if scheme.lower() == "bearer" else "***"
            found[name.decode().title()] = f"{scheme} {shown}" if space else "***"
            if claims := _claims(rest.strip()) if scheme.lower() == "bearer" else ():
                found["claims"] = ", ".join(claims)
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
    """Whether the request has a field whose value is secret, or a secret in its address."""
    return not _SECRET.isdisjoint(request.fields) or bool(
        request.raw_query and _IN_ADDRESS.search(request.raw_query)
    )


def secrets_in_body(piece: bytes) -> list[Secret]:
    """The passwords in a piece of a body, be it a form, JSON, or a form with files; and tokens anywhere."""
    spans = [Secret(*found.span(), "digest") for found in _JWT.finditer(piece)] if b"eyJ" in piece else []
    if b"password" in piece.lower():
        spans += [
            Secret(*found.span(group))
            for found in _IN_BODY.finditer(piece)
            for group in (1, 2, 3)
            if found[group]
        ]
    return spans


def _claims(token: str) -> tuple[str, ...]:
    """The names of what a token says, true or not; none where it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST_TOKEN:
        return ()
    try:
        said = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return ()
    return tuple(said)[:MOST_NAMES] if isinstance(said, dict) else ()


def secret_spans(head: bytes) -> list[Secret]:
    """The values of credentials and cookies in a message head."""
    spans: list[Secret] = []
    for line in _SECRET_LINE.finditer(head):
        start, end = line.span(2)
        if line[1].lower() == b"set-cookie":  # what stands behind the first semicolon is no secret
            if pair := _COOKIE_VALUE.match(head, start, end):
                spans.append(Secret(*pair.span(1), "digest"))
        elif b"cookie" in line[1].lower():
            spans += [Secret(*pair.span(1), "digest") for pair in _COOKIE_VALUE.finditer(head, start, end)]
        else:
            # The scheme may be seen: it says how the client proves who it is.
            space = head.find(b" ", start, end)
            bearer = head[start:space].lower() == b"bearer"
            spans.append(Secret(space + 1 if space >= 0 else start, end, "digest" if bearer else "mask"))
    first_line = head.partition(b"\n")[0]
    if b"=" in first_line:
        spans += [Secret(*found.span(1)) for found in _IN_FIRST_LINE.finditer(first_line)]
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


def secrets_in_answer(data: bytes, request: Request | None, answer: Answer | None) -> list[Secret]:
    """What the journal must not show of an answer, or, without ``answer``, of a later piece of one."""
    spans: list[Secret] = []
    if request is not None and has_secrets(request):
        spans += echoed_spans(data)
    if request is not None and b"password" in request.body:
        spans += secrets_in_body(data)
    if answer is not None and answer.has_field(b"set-cookie"):
        spans += secret_spans(data[: data.find(b"\r\n\r\n") + 2])
    if answer is not None and answer.secrets:
        spans += spans_of(data, answer.secrets)
    return spans


def spans_of(message: bytes, values: Iterable[bytes]) -> list[Secret]:
    """Every place where one of those secret values stands in a message."""
    return [
        Secret(*found.span(), "digest")
        for value in values
        if value
        for found in re.finditer(re.escape(value), message)
    ]
