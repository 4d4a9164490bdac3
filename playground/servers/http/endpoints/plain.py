"""Endpoints that show a kind of answer."""

from __future__ import annotations

import base64
import binascii
import platform
import re
from uuid import UUID

from playground import __version__
from playground.servers.http.answer import HTML, JSON, TEXT, Answer, pretty_json, sorted_json, text_answer
from playground.servers.http.endpoints.echoing import EVERY_METHOD, HARMLESS, NOSNIFF
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.written import Unwritable, field_name, field_value

_CODE = re.compile(r"([2-5][0-9][0-9])(?::([0-9]{1,6}(?:\.[0-9]{1,6})?))?")

_REQUIRED: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    **dict.fromkeys((301, 302, 303, 305, 307, 308), ((b"Location", b"/redirect/1"),)),
    401: ((b"WWW-Authenticate", b'Basic realm="Fake Realm"'),),
    405: ((b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),),
    407: ((b"Proxy-Authenticate", b'Basic realm="Fake Realm"'),),
    416: ((b"Content-Range", b"bytes */0"),),
    426: ((b"Upgrade", b"HTTP/2.0"), (b"Connection", b"upgrade")),
}
"""Fields without which such an answer would not be a correct one. RFC 9110 15."""

TEAPOT = r"""
    -=[ I'm a teapot ]=-

         _
     ___(_)___
    /         \__,
   |           __/
    \_________/
"""
PICTURES = ("image/webp", "image/svg+xml", "image/jpeg", "image/png", "image/*")


@endpoint(
    "/status/{codes}",
    *EVERY_METHOD,
    example="/status/418",
    about={"codes": "a status from 200 to 599, or several with weights"},
)
def status(request: Request, asker: Asker, codes: str) -> Answer:
    """An answer with that status, or with one of several: /status/200:3,500:1 fails one time in four."""
    choices: list[int] = []
    weights: list[float] = []
    for word in codes.split(","):
        found = _CODE.fullmatch(word)
        if found is None:
            text = "Say one status from 200 to 599, or several with weights: /status/200:3,500:1"
            return text_answer(text, 400)
        choices.append(int(found[1]))
        weights.append(float(found[2] or 1))
    if not sum(weights):
        return text_answer("At least one weight must be more than 0.", 400)
    code = asker.random.choices(choices, weights)[0]
    if code == 418:
        return text_answer(TEAPOT, 418)
    if code == 402:
        return text_answer("Pay first, please.", 402)
    if code == 406:
        message = "Client did not request a supported media type."
        return sorted_json({"message": message, "accept": PICTURES}, 406)
    return Answer(status=code, headers=_REQUIRED.get(code, ()))


_FRAMING = frozenset(
    b"content-length transfer-encoding connection keep-alive trailer upgrade te date "
    b"content-encoding content-range playground-memory".split()
)
"""Fields that this server must write itself, or the answer could not be read."""


@endpoint(
    "/response-headers",
    "GET",
    "POST",
    example="/response-headers?Animal=dog&Animal=cat",
    about={"Animal": "a field of the answer; any name will do"},
)
def response_headers(request: Request, asker: Asker, parameter: str) -> Answer:
    """An answer with the header fields that you name, and all of its fields in its body."""
    shown: dict[str, str | list[str]] = {}
    headers: list[tuple[bytes, bytes]] = []
    content_type = JSON
    for name, values in request.query.items():
        key = field_name(name)
        if key.lower() in _FRAMING:
            raise Unwritable(f"{name} says how this answer is to be read, so it is not yours to write.")
        written = [field_value(value) for value in ([values] if isinstance(values, str) else values)]
        if key.lower() == b"content-type":
            content_type = written[-1].decode("latin-1")
            continue
        headers += [(key, value) for value in written]
        shown[name] = values
    shown["Content-Type"] = content_type
    body, length = b"", -1
    while len(body) != length:
        length = len(body)
        shown["Content-Length"] = str(length)
        body = pretty_json(shown, order="sorted")
    return Answer(body, content_type, headers=(*headers, *HARMLESS))


@endpoint("/uuid")
def uuid(request: Request, asker: Asker, parameter: str) -> Answer:
    """A random UUID, another one each time."""
    return sorted_json({"uuid": str(UUID(int=asker.random.getrandbits(128), version=4))})


@endpoint(
    "/base64/{value...}",
    example="/base64/UHJvdG9jb2wgUGxheWdyb3VuZA==",
    about={"value": "text in base64, with - and _ for + and /"},
)
def decode_base64(request: Request, asker: Asker, value: str) -> Answer:
    """What a base64 text says."""
    wrong = "This is no base64 of a text. Try: /base64/UHJvdG9jb2wgUGxheWdyb3VuZA==\n"
    try:
        body = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
        body.decode()
    except (binascii.Error, UnicodeError, ValueError):
        return text_answer(wrong, 400)
    return Answer(body, TEXT, headers=HARMLESS)


def _links(count: str, offset: str) -> Answer:
    if not (re.fullmatch("[0-9]{1,6}", count) and re.fullmatch("[0-9]{1,6}", offset)):
        return text_answer("Say two numbers: /links/10/0", 400)
    most = min(max(1, int(count)), 200)
    links = [
        f"{one} " if one == int(offset) else f"<a href='/links/{most}/{one}'>{one}</a> "
        for one in range(most)
    ]
    page = f"<html><head><title>Links</title></head><body>{''.join(links)}</body></html>"
    return Answer(page.encode(), HTML, headers=(NOSNIFF,))


@endpoint(
    "/links/{n}/{offset}",
    example="/links/10/0",
    about={"n": "how many links, 200 at most", "offset": "which one is this page itself"},
)
def links(request: Request, asker: Asker, parameter: str) -> Answer:
    """A page of links to pages like it."""
    return _links(*parameter.split("/"))


@endpoint("/links/{n}", example="/links/10", about={"n": "how many links, 200 at most"})
def links_begin(request: Request, asker: Asker, parameter: str) -> Answer:
    """Sends you to the first of so many pages."""
    if not re.fullmatch("[0-9]{1,6}", parameter):
        return text_answer("Say a number: /links/10", 400)
    where = b"/links/%d/0" % int(parameter)
    return text_answer(f"See {where.decode()}", 302, ((b"Location", where),))


@endpoint("/hostname")
def hostname(request: Request, asker: Asker, parameter: str) -> Answer:
    """The name of the machine that this server runs on."""
    return sorted_json({"hostname": platform.node()})


@endpoint("/version", lasting=True)
def version(request: Request, asker: Asker, parameter: str) -> Answer:
    """The version of this server."""
    return sorted_json({"version": __version__})


@endpoint(
    "/unstable",
    *EVERY_METHOD,
    example="/unstable?failure_rate=0.5",
    about={"failure_rate": "how often it fails, from 0 to 1", "seed": "the same number, the same outcome"},
)
def unstable(request: Request, asker: Asker, parameter: str) -> Answer:
    """Works half of the time, as some servers do."""
    word, seed = request.parameter("failure_rate") or "0.5", request.parameter("seed")
    if not re.fullmatch(r"0?\.[0-9]{1,9}|[01](?:\.0{1,9})?", word):
        return text_answer("failure_rate is a number from 0 to 1: failure_rate=0.5", 400)
    if seed is not None and not re.fullmatch(r"-?[0-9]{1,18}", seed):
        return text_answer("seed is a number: seed=0", 400)
    chance = type(asker.random)(int(seed)).random() if seed is not None else asker.random.random()
    return text_answer("This time it failed.", 500) if chance < float(word) else text_answer("It works.")


@endpoint("/healthz", open_to_pages=False)
def healthz(request: Request, asker: Asker, parameter: str) -> Answer:
    """Says ok while the server runs."""
    return Answer(b"ok\n", "text/plain; charset=utf-8")
