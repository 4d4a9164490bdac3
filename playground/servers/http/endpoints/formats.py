"""Endpoints that answer in some format, each one always with the same bytes, or with yours encoded."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from importlib.resources import files

from playground.servers.http.answer import HTML, JSON, TEXT, Answer, pretty_json, sorted_json
from playground.servers.http.brotli import stored
from playground.servers.http.conditions import conditional, strong_tag
from playground.servers.http.endpoints.caching import EPOCH
from playground.servers.http.endpoints.echoing import NOSNIFF, what_a_get_carries
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

FRESH = (b"Cache-Control", b"max-age=3600")
"""They change with the playground's version alone."""

FORM_POLICY = (
    b"Content-Security-Policy",
    b"default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
)


class Unchanging:
    """Bytes that are always the same, their validators ready."""

    def __init__(
        self, body: bytes, content_type: str, headers: Iterable[tuple[bytes, bytes]] = (NOSNIFF, FRESH)
    ) -> None:
        self._body = body
        self._type = content_type
        self._headers = tuple(headers)
        self._tag = strong_tag(body)

    def answer(self, request: Request) -> Answer:
        """The answer: all of it, or what the request's conditions leave of it."""
        answer = Answer(self._body, self._type, headers=self._headers)
        return conditional(request, answer, etag=self._tag, modified=EPOCH)


SLIDES = {
    "title": "Sample Slide Show",
    "date": "date of publication",
    "author": "Yours Truly",
    "slides": [
        {"type": "all", "title": "Wake up to WonderWidgets!"},
        {
            "type": "all",
            "title": "Overview",
            "items": ["Why <em>WonderWidgets</em> are great", "Who <em>buys</em> WonderWidgets"],
        },
    ],
}

_FOLDER = files("playground.servers.http")


def _sample(name: str) -> bytes:
    return (_FOLDER / "samples" / name).read_bytes()


_HTML = Unchanging(_sample("moby.html"), HTML)
_XML = Unchanging(_sample("slides.xml"), "application/xml")
_JSON = Unchanging(pretty_json({"slideshow": SLIDES}, order="sorted"), JSON)
_ROBOTS = Unchanging(_sample("robots.txt"), TEXT)
_DENIED = Unchanging(_sample("deny.txt"), TEXT)
_TONGUES = Unchanging(_sample("tongues.html"), HTML)
_FORM = Unchanging(_sample("form.html"), HTML, (NOSNIFF, FRESH, FORM_POLICY))

PICTURE_TYPES = {"webp": "image/webp", "svg": "image/svg+xml", "jpeg": "image/jpeg", "png": "image/png"}
_BY_ACCEPT = (FRESH, NOSNIFF, (b"Vary", b"Accept"))


def _pictures(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Unchanging]:
    folder = _FOLDER / "pictures"
    return {
        name: Unchanging((folder / f"playground.{name}").read_bytes(), content_type, headers)
        for name, content_type in PICTURE_TYPES.items()
    }


_PICTURES = _pictures((FRESH, NOSNIFF))
_CHOSEN = _pictures(_BY_ACCEPT)


@endpoint("/html", memory="carried", lasting=True)
def html(request: Request, asker: Asker, parameter: str) -> Answer:
    """A page of HTML."""
    return _HTML.answer(request)


@endpoint("/json", memory="carried", lasting=True)
def json(request: Request, asker: Asker, parameter: str) -> Answer:
    """A JSON document."""
    return _JSON.answer(request)


@endpoint("/xml", memory="carried", lasting=True)
def xml(request: Request, asker: Asker, parameter: str) -> Answer:
    """An XML document."""
    return _XML.answer(request)


@endpoint("/robots.txt", memory="carried", lasting=True)
def robots(request: Request, asker: Asker, parameter: str) -> Answer:
    """What robots are asked to leave alone: /deny."""
    return _ROBOTS.answer(request)


@endpoint("/deny", memory="carried", lasting=True)
def deny(request: Request, asker: Asker, parameter: str) -> Answer:
    """What robots were asked to leave alone."""
    return _DENIED.answer(request)


@endpoint("/encoding/utf8", memory="carried", lasting=True)
def utf8(request: Request, asker: Asker, parameter: str) -> Answer:
    """A page in many scripts, encoded as UTF-8."""
    return _TONGUES.answer(request)


@endpoint("/forms/post", memory="carried", lasting=True)
def form(request: Request, asker: Asker, parameter: str) -> Answer:
    """A form that posts to /post."""
    return _FORM.answer(request)


def _encoded(request: Request, asker: Asker, told: str) -> bytes:
    content = what_a_get_carries(request, asker) | {told: True, "method": request.method}
    del content["args"], content["url"]
    return pretty_json(content, order="sorted")


@endpoint("/gzip")
def gzipped(request: Request, asker: Asker, parameter: str) -> Answer:
    """JSON, compressed with gzip."""
    body = gzip.compress(_encoded(request, asker, "gzipped"), mtime=0)
    return Answer(body, JSON, headers=((b"Content-Encoding", b"gzip"),))


@endpoint("/deflate")
def deflated(request: Request, asker: Asker, parameter: str) -> Answer:
    """JSON, compressed with deflate."""
    body = zlib.compress(_encoded(request, asker, "deflated"))
    return Answer(body, JSON, headers=((b"Content-Encoding", b"deflate"),))


@endpoint("/brotli")
def brotli(request: Request, asker: Asker, parameter: str) -> Answer:
    """JSON in Brotli's frame."""
    body = stored(_encoded(request, asker, "brotli"))
    return Answer(body, JSON, headers=((b"Content-Encoding", b"br"),))


@endpoint("/image", memory="carried")
def image(request: Request, asker: Asker, parameter: str) -> Answer:
    """A picture of the kind that your Accept field prefers."""
    accept = request.field(b"accept").lower() if b"accept" in request.fields else "image/png"
    for name, content_type in PICTURE_TYPES.items():
        if content_type in accept:
            return _CHOSEN[name].answer(request)
    if "image/*" in accept or "*/*" in accept:
        return _CHOSEN["png"].answer(request)
    message = "Client did not request a supported media type."
    told = {"message": message, "accept": [*PICTURE_TYPES.values(), "image/*"]}
    return sorted_json(told, 406, ((b"Vary", b"Accept"),))


@endpoint("/image/png", memory="carried")
def image_png(request: Request, asker: Asker, parameter: str) -> Answer:
    """A PNG picture."""
    return _PICTURES["png"].answer(request)


@endpoint("/image/jpeg", memory="carried")
def image_jpeg(request: Request, asker: Asker, parameter: str) -> Answer:
    """A JPEG picture."""
    return _PICTURES["jpeg"].answer(request)


@endpoint("/image/webp", memory="carried")
def image_webp(request: Request, asker: Asker, parameter: str) -> Answer:
    """A WebP picture."""
    return _PICTURES["webp"].answer(request)


@endpoint("/image/svg", memory="carried")
def image_svg(request: Request, asker: Asker, parameter: str) -> Answer:
    """An SVG picture."""
    return _PICTURES["svg"].answer(request)
