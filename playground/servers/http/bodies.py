"""What a client may send and wants to be sent: Content-Type and Accept. RFC 9110 8.3, 12.5.1."""

from __future__ import annotations

from collections.abc import Iterable

from playground.servers.http.forms import read_json
from playground.servers.http.problems import Problem
from playground.servers.http.request import Request


def accept_fields(method: str, accepted: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Accept-Post or Accept-Patch, which name the media types that are taken. RFC 5789 3.1."""
    kinds = ", ".join(accepted)
    return [(f"Accept-{method.title()}".encode(), kinds.encode())] if kinds else []


def unsupported(request: Request, accepted: tuple[str, ...]) -> Problem | None:
    """What is wrong with the body's kind, or None. ``accepted`` are the media types that are taken."""
    kinds = " or ".join(accepted)
    headers = tuple(accept_fields(request.method, accepted)) if request.method in ("POST", "PATCH") else ()
    coding = request.field(b"content-encoding").strip().lower()
    if coding not in ("", "identity"):
        text = f"A body in the coding {coding} is not taken. Send it as it is."
        return Problem(
            415, "content-coding", text, "RFC 9110 15.5.16", headers=((b"Accept-Encoding", b"identity"),)
        )
    kind = media_type(request)
    if kind in accepted:
        return None
    text = (
        f"The body has to be {kinds}, and yours is {kind or 'of no kind'}: -H 'Content-Type: {accepted[0]}'"
    )
    return Problem(415, "content-type", text, "RFC 9110 15.5.16", headers=headers)


def media_type(request: Request) -> str:
    """The body's kind without parameters, in lower case."""
    return request.field(b"content-type").partition(";")[0].strip().lower()


def json_body(request: Request) -> object | Problem:
    """The body's JSON, or what is wrong with it."""
    found = read_json(request.body)
    if found is None and request.body.strip(b" \t\r\n") != b"null":
        return Problem(400, "not-json", "The body is no JSON, or nested too deeply.", "RFC 8259 2")
    return found


def not_acceptable(request: Request, kind: str) -> Problem | None:
    """The 406 for a client that does not want ``kind``, or None."""
    if accepts(request, kind):
        return None
    text = f"There is {kind} here, and you accept {request.field(b'accept')} only."
    return Problem(406, "accept", text, "RFC 9110 15.5.7")


def accepts(request: Request, kind: str) -> bool:
    """Whether the client takes that media type. The most precise of its words decides."""
    if b"accept" not in request.fields:
        return True
    ranks = {kind: 2, f"{kind.partition('/')[0]}/*": 1, "*/*": 0}
    best, quality = -1, 0.0
    for word in request.field(b"accept").split(",")[:50]:
        media, _, parameters = word.lower().partition(";")
        rank = ranks.get(media.strip(), -1)
        if rank > best:
            best, quality = rank, _quality(parameters)
    return quality > 0


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0


def wants_json(request: Request) -> bool:
    """Whether the client asks for JSON by name, as programs do; people read text."""
    return "json" in request.field(b"accept").lower()
