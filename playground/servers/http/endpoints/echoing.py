"""Endpoints that tell a client what it has sent. Shapes as httpbin 0.10.4 has them."""

from __future__ import annotations

from playground.servers.http.answer import Answer, json_answer
from playground.servers.http.forms import read_form
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

HARMLESS = (
    # What a stranger sent must not run as a page of ours.
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", b"sandbox; default-src 'none'"),
)


def header_names_and_values(request: Request) -> dict[str, str]:
    """The request's fields as httpbin shows them: names in title case, repeated ones joined by a comma."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").title()
        value = raw_value.decode("latin-1")
        shown[name] = f"{shown[name]},{value}" if name in shown else value
    return shown


def url(request: Request, asker: Asker) -> str:
    """The whole address that was asked for."""
    return f"{asker.scheme}://{request.authority or 'localhost'}{request.origin_form}"


@endpoint("/", "POST", "PUT", "PATCH", example="curl -d hi '{base}/'")
def echo(request: Request, asker: Asker, parameter: str) -> Answer:
    """The body comes back exactly as it was sent: the smallest echo."""
    content_type = request.field(b"content-type") or "application/octet-stream"
    return Answer(request.body, content_type, headers=HARMLESS)


@endpoint("/get", example="/get?name=ada")
def get(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a GET carries: query, headers, and the address it came from."""
    return json_answer(
        {
            "args": request.query,
            "headers": header_names_and_values(request),
            "origin": asker.address,
            "url": url(request, asker),
        }
    )


@endpoint("/post", "POST", example="curl -d name=ada '{base}/post'")
def post(request: Request, asker: Asker, parameter: str) -> Answer:
    """What a POST carries: as /get, and the body as form, files, JSON or text."""
    form = read_form(request)
    return json_answer(
        {
            "args": request.query,
            "data": form.data,
            "files": form.files,
            "form": form.form,
            "headers": header_names_and_values(request),
            "json": form.json,
            "origin": asker.address,
            "url": url(request, asker),
        }
    )


def _anything(request: Request, asker: Asker, parameter: str) -> Answer:
    """Whatever is sent, with any method: all of it as JSON."""
    form = read_form(request)
    return json_answer(
        {
            "args": request.query,
            "data": form.data,
            "files": form.files,
            "form": form.form,
            "headers": header_names_and_values(request),
            "json": form.json,
            "method": request.method,
            "origin": asker.address,
            "url": url(request, asker),
        }
    )


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
anything = endpoint("/anything", *_METHODS)(_anything)
anything_below = endpoint("/anything/{path...}", *_METHODS, example="/anything/you/like")(_anything)


@endpoint("/headers")
def headers(request: Request, asker: Asker, parameter: str) -> Answer:
    """The request's header fields."""
    return json_answer({"headers": header_names_and_values(request)})


@endpoint("/ip")
def ip(request: Request, asker: Asker, parameter: str) -> Answer:
    """The address that the request came from: the socket's, whatever a header claims."""
    return json_answer({"origin": asker.address})
