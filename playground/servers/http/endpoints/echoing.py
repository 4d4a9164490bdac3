"""Endpoints that tell a client what it has sent. Shapes as httpbin 0.10.4 has them."""

from __future__ import annotations

from playground.servers.http.answer import TEXT, Answer, sorted_json
from playground.servers.http.forms import read_form
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

NOSNIFF = (b"X-Content-Type-Options", b"nosniff")

HARMLESS = (
    # What a stranger sent must not run as a page of ours.
    NOSNIFF,
    (b"Content-Security-Policy", b"sandbox; default-src 'none'"),
)

EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")


def header_names_and_values(request: Request) -> dict[str, str]:
    """The request's fields as httpbin shows them: names in title case, repeated ones joined by a comma."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").title()
        value = raw_value.decode("latin-1")
        shown[name] = f"{shown[name]},{value}" if name in shown else value
    return shown


def base(request: Request, asker: Asker) -> str:
    """Scheme and authority that were asked for; a proxy in front may tell the scheme."""
    told = request.field(b"x-forwarded-proto").lower()
    scheme = told if told in ("http", "https") else asker.scheme
    return f"{scheme}://{request.authority or 'localhost'}"


def url(request: Request, asker: Asker) -> str:
    """The whole address that was asked for."""
    return f"{base(request, asker)}{request.origin_form}"


def what_a_get_carries(request: Request, asker: Asker) -> dict[str, object]:
    """Query, headers, and the address it came from."""
    return {
        "args": request.query,
        "headers": header_names_and_values(request),
        "origin": asker.address,
        "url": url(request, asker),
    }


def what_a_post_carries(request: Request, asker: Asker) -> dict[str, object]:
    """The same, and the body as form, files, JSON or text."""
    form = read_form(request)
    parts = {"data": form.data, "files": form.files, "form": form.form, "json": form.json}
    return what_a_get_carries(request, asker) | parts


@endpoint("/", "POST", "PUT", "PATCH", example="curl -d hi '{base}/'")
def echo(request: Request, asker: Asker, parameter: str) -> Answer:
    """The body comes back exactly as it was sent: the smallest echo."""
    content_type = request.field(b"content-type") or "application/octet-stream"
    return Answer(request.body, content_type, headers=HARMLESS)


@endpoint("/get", example="/get?name=ada")
def get(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a GET carries: query, headers, and the address it came from."""
    return sorted_json(what_a_get_carries(request, asker))


def _with_body(request: Request, asker: Asker, parameter: str) -> Answer:
    return sorted_json(what_a_post_carries(request, asker))


@endpoint("/post", "POST", example="curl -d name=ada '{base}/post'")
def post(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a POST carries: as /get, and the body as form, files, JSON or text."""
    return _with_body(request, asker, parameter)


@endpoint("/put", "PUT", example="curl -X PUT -d name=ada '{base}/put'")
def put(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a PUT carries, as /post tells it."""
    return _with_body(request, asker, parameter)


@endpoint("/patch", "PATCH", example="curl -X PATCH -d name=ada '{base}/patch'")
def patch(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a PATCH carries, as /post tells it."""
    return _with_body(request, asker, parameter)


@endpoint("/delete", "DELETE", example="curl -X DELETE '{base}/delete?name=ada'")
def delete(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a DELETE carries, as /post tells it."""
    return _with_body(request, asker, parameter)


def _anything(request: Request, asker: Asker, parameter: str) -> Answer:
    """Whatever is sent, with any method: all of it as JSON.

    The field ``Playground-Request`` of the answer counts the requests on this connection.
    """
    answer = sorted_json(what_a_post_carries(request, asker) | {"method": request.method})
    answer.headers = (request_number(asker),)
    return answer


def request_number(asker: Asker) -> tuple[bytes, bytes]:
    """How many requests this connection has made: keep-alive, made visible."""
    return (b"Playground-Request", b"%d" % asker.number)


anything = endpoint("/anything", *EVERY_METHOD)(_anything)
anything_below = endpoint(
    "/anything/{path...}",
    *EVERY_METHOD,
    example="/anything/you/like",
    about={"path": "whatever you like"},
)(_anything)


@endpoint("/headers")
def headers(request: Request, asker: Asker, parameter: str) -> Answer:
    """The request's header fields."""
    return sorted_json({"headers": header_names_and_values(request)})


@endpoint("/ip")
def ip(request: Request, asker: Asker, parameter: str) -> Answer:
    """The address that the request came from: the socket's, whatever a header claims."""
    return sorted_json({"origin": asker.address})


@endpoint("/user-agent")
def user_agent(request: Request, asker: Asker, parameter: str) -> Answer:
    """What the client calls itself."""
    told = request.field(b"user-agent") if b"user-agent" in request.fields else None
    return sorted_json({"user-agent": told})


@endpoint("/dump/request", *EVERY_METHOD)
def dump_request(request: Request, asker: Asker, parameter: str) -> Answer:
    """The request, byte for byte: order and case of its fields, sizes of its chunks.

    The field ``Playground-Request`` of the answer counts the requests on this connection.
    """
    body = b"".join(request.chunks) or request.body
    return Answer(request.head + body, TEXT, headers=(*HARMLESS, request_number(asker)))


@endpoint("/upload", "POST", "PUT", "PATCH", example="curl -T FILE '{base}/upload'")
def upload(request: Request, asker: Asker, parameter: str) -> Answer:
    """Takes a body, throws it away and tells how long it was."""
    told = what_a_get_carries(request, asker)
    return sorted_json(told | {"bytes_received": len(request.body), "method": request.method})
