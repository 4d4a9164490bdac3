"""What a function in the cloud is asked, and what becomes of its answer: AWS's format 2.0 for function URLs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from playground.servers.http.answer import JSON, Answer, problem_details
from playground.servers.http.carried import CREDENTIALS, secrets_in, secrets_in_body
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request
from playground.servers.http.written import field_name, field_value
from playground.wire.invoking import Invoked

KEPT_BACK = frozenset((*CREDENTIALS, b"cookie"))
"""Fields that a function does not get: the journal shows what it is asked."""

_OURS = frozenset(
    b"connection content-length content-type date keep-alive playground-memory server trailer"
    b" transfer-encoding upgrade".split()
)
"""Fields that the server writes itself."""

SOURCES = {429: "RFC 6585 4", 501: "RFC 9110 15.6.2", 502: "RFC 9110 15.6.3", 504: "RFC 9110 15.6.5"}


def event_of(request: Request, address: str, request_id: str) -> bytes:
    """The JSON that the function gets."""
    try:
        body: dict[str, Any] = {"body": request.body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        body = {"body": b64encode(request.body).decode(), "isBase64Encoded": True}
    fields = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in request.fields.items()
        if name not in KEPT_BACK
    }
    query = {
        name: ",".join(value) if isinstance(value, list) else value for name, value in request.query.items()
    }
    http = {
        "method": request.method,
        "path": request.path,
        "protocol": f"HTTP/1.{request.minor}",
        "sourceIp": address,
        "userAgent": request.field(b"user-agent"),
    }
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.raw_query,
        "headers": fields,
        "queryStringParameters": query,
        "requestContext": {"http": http, "requestId": request_id},
        **(body if request.body else {"isBase64Encoded": False}),
    }
    return msgspec.json.encode(event)


def secrets_of(request: Request) -> tuple[bytes, ...]:
    """The secret values in it, in each of the ways in which the event may write them."""
    raw = [request.head[start:end] for start, end, _ in secrets_in(request, request.head)]
    raw += [request.body[start:end] for start, end, _ in secrets_in_body(request.body)]
    plain = {form for value in raw for form in (value, unquote_plus(value.decode("latin-1")).encode())}
    written = {msgspec.json.encode(value.decode(errors="replace"))[1:-1] for value in plain}
    return tuple(plain | written - {b""})


def answer_of(invoked: Invoked) -> Answer:
    """The HTTP answer for how it has ended."""
    told: tuple[tuple[bytes, bytes], ...] = ()
    if invoked.environment:
        told = (
            (b"Playground-Environment", invoked.environment.encode()),
            (b"Playground-Start", invoked.start.encode()),
            (b"Playground-Invocation", b"%d" % invoked.number),
            (b"Playground-Duration-Ms", b"%.1f" % (invoked.seconds * 1000)),
        )
    if invoked.rule:
        retry = ((b"Retry-After", b"1"),) if invoked.status in (429, 503) else ()
        source = SOURCES.get(invoked.status, "RFC 9110 15.5.5")
        problem = Problem(invoked.status, invoked.rule, invoked.text, source, headers=(*told, *retry))
        answer = problem_details(problem)
        if invoked.status != 429:  # the function's own trouble: its connection has the line
            answer.problem = None
        return answer
    answer = _translated(invoked.content)
    answer.headers += told
    return answer


def _translated(content: bytes) -> Answer:
    """What the function has returned: an answer if it looks like one, else JSON."""
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return Answer(content, JSON)
    if not (isinstance(said, dict) and isinstance(said.get("statusCode"), int)):
        return Answer(content + b"\n", JSON)
    try:
        return _http_answer(said)
    except (ValueError, TypeError, AttributeError) as error:
        text = f"The function's answer is none of HTTP's: {error}."
        answer = problem_details(Problem(502, "function-answer", text, "RFC 9110 15.6.3"))
        answer.problem = None
        return answer


def _http_answer(said: dict[str, Any]) -> Answer:
    status = said["statusCode"]
    if not 200 <= status <= 599:
        raise ValueError(f"the status {status}")
    body = said.get("body", "")
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    content = b64decode(text, validate=True) if said.get("isBase64Encoded") else text.encode()
    fields = [(field_name(name), field_value(str(value))) for name, value in said.get("headers", {}).items()]
    fields += [(b"Set-Cookie", field_value(cookie)) for cookie in said.get("cookies", [])]
    kinds = [value.decode("latin-1") for name, value in fields if name.lower() == b"content-type"]
    headers = [(name, value) for name, value in fields if name.lower() not in _OURS]
    if status in (204, 205, 304):
        return Answer(b"", "", status, headers)
    return Answer(content, (kinds or [JSON])[0], status, headers)
