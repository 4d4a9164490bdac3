"""The rules that a whole, well-formed head must keep. Each one is a function, with its source.

A rule looks at a request and returns what is wrong, or None; it may write down
on the request what it found (how long the body is, whether to keep alive).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from playground.servers.http.limits import HttpLimits
from playground.servers.http.problems import Problem, over_limit
from playground.servers.http.request import CHUNKED, Request

_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]{0,5})?")
_DIGITS = re.compile(rb"[0-9]+")
LARGEST_LENGTH = 2**63 - 1

FORBIDDEN_TRAILERS = frozenset(
    b"transfer-encoding content-length host connection keep-alive te trailer upgrade expect max-forwards "
    b"cache-control range if-match if-none-match if-modified-since if-unmodified-since if-range "
    b"authorization proxy-authorization cookie set-cookie "
    b"content-encoding content-type content-range".split()
)
"""Fields that decide how a message is framed, routed or read, and so must come before it. RFC 9110 6.5.1."""


def host(request: Request, limits: HttpLimits) -> Problem | None:
    """HTTP/1.1 requires exactly one Host field, a host with perhaps a port. RFC 9112 3.2, RFC 9110 7.2."""
    value = request.fields.get(b"host")
    if value is None:
        if request.minor == 0:
            return None
        text = "An HTTP/1.1 request needs a Host field. Say: Host: localhost"
        return Problem(400, "host-missing", text, "RFC 9112 3.2")
    if not _HOST.fullmatch(value):
        if b"," in value:
            text = "There must be one Host field with one host in it."
        elif not value:
            text = "The Host field is empty. Say: Host: localhost"
        else:
            text = "The Host field must be a host with perhaps a port (localhost:8080), and nothing else."
        return Problem(400, "host-invalid", text, "RFC 9112 3.2")
    request.authority = value.decode("latin-1")
    return None


def absolute_form(request: Request, limits: HttpLimits) -> Problem | None:
    """A whole address as target wins over the Host field. RFC 9112 3.2.2."""
    target = request.target
    if target.startswith("/") or target == "*":
        return None
    authority = re.split(r"[/?]", target[target.index("//") + 2 :], maxsplit=1)[0]
    if not _HOST.fullmatch(authority.encode()):
        return Problem(400, "target-authority", "The target's host is not a host.", "RFC 9112 3.2.2")
    request.authority = authority
    return None


def framing(request: Request, limits: HttpLimits) -> Problem | None:
    """How long the body is. Whoever disagrees about this can be made to smuggle requests. RFC 9112 6.

    Sets :attr:`Request.length`.
    """
    length = request.fields.get(b"content-length")
    coding = request.fields.get(b"transfer-encoding")
    if coding is not None:
        return _transfer_encoding(request, coding, length is not None)
    if length is None:
        return None
    if not _DIGITS.fullmatch(length):
        if b"," in length:
            text = "There must be one Content-Length with one number in it."
        else:
            text = "Content-Length must be a decimal number without a sign."
        return Problem(400, "content-length", text, "RFC 9110 8.6")
    # int() refuses more than 4300 digits and is slow long before.
    if len(length) > 19 or int(length) > LARGEST_LENGTH:
        return Problem(400, "content-length-overflow", "Content-Length is absurdly large.", "RFC 9110 8.6")
    request.length = int(length)
    if request.length > limits.body:
        text = f"A body may have {limits.body} bytes here."
        return over_limit(413, "body", limits.body, text, "RFC 9110 15.5.14")
    return None


def _transfer_encoding(request: Request, coding: bytes, has_length: bool) -> Problem | None:
    if has_length:
        text = "A request has Content-Length or Transfer-Encoding, never both."
        return Problem(400, "length-and-chunked", text, "RFC 9112 6.1")
    if request.minor == 0:
        text = "HTTP/1.0 has no Transfer-Encoding. Send Content-Length, or speak HTTP/1.1."
        return Problem(400, "chunked-in-http-1.0", text, "RFC 9112 6.1")
    coding = coding.lower()
    if coding == b"chunked":
        request.length = CHUNKED
        return None
    if b"," in coding or coding in (b"", b"identity") or coding.startswith(b"chunked"):
        text = "Transfer-Encoding must be the one word chunked."
        return Problem(400, "transfer-encoding", text, "RFC 9112 6.1")
    text = "This server knows no transfer coding but chunked."
    return Problem(501, "transfer-coding-unknown", text, "RFC 9112 6.1", unread=True)


def connection(request: Request, limits: HttpLimits) -> Problem | None:
    """Whether the client would go on with this connection. RFC 9112 9.3. Sets :attr:`Request.keep_alive`."""
    value = request.fields.get(b"connection")
    if value is not None:
        options = {option.strip(b" \t") for option in value.lower().split(b",")}
        if b"close" in options:
            request.keep_alive = False
        elif request.minor == 0:
            request.keep_alive = b"keep-alive" in options
    return None


def expectation(request: Request, limits: HttpLimits) -> Problem | None:
    """The one expectation there is. RFC 9110 10.1.1. Sets :attr:`Request.expects_continue`."""
    value = request.fields.get(b"expect")
    if value is None:
        return None
    if value.lower() != b"100-continue":
        text = "The only expectation that this server can meet is 100-continue."
        return Problem(417, "expectation", text, "RFC 9110 10.1.1", unread=request.length != 0)
    # In HTTP/1.0 it must be ignored; without a body there is nothing to wait for.
    request.expects_continue = request.minor == 1 and request.length != 0
    return None


RULES: tuple[Callable[[Request, HttpLimits], Problem | None], ...] = (
    framing,
    host,
    absolute_form,
    connection,
    expectation,
)
"""In the order in which they are asked; the first problem is the answer."""


def broken_rule(request: Request, limits: HttpLimits) -> Problem | None:
    """The first rule that ``request`` breaks, or None."""
    for rule in RULES:
        if problem := rule(request, limits):
            return problem
    return None


def trailer_problem(name: bytes) -> Problem | None:
    """Whether a field may come behind the body. RFC 9110 6.5.1."""
    if name.lower() not in FORBIDDEN_TRAILERS:
        return None
    text = f"{name.decode('latin-1')} may not come as a trailer: it is needed before the body."
    return Problem(400, "trailer-forbidden", text, "RFC 9110 6.5.1")
