"""Endpoints that show a kind of answer."""

from __future__ import annotations

import re

import msgspec

from playground.servers.http.answer import JSON, Answer, text_answer
from playground.servers.http.endpoints.echoing import header_names_and_values, url
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

LONGEST_DELAY = 10.0
MOST_LINES = 100

_CODE = re.compile(r"([2-5][0-9][0-9])(?::([0-9]{1,6}(?:\.[0-9]{1,6})?))?")

_REQUIRED: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    **dict.fromkeys((301, 302, 303, 307, 308), ((b"Location", b"/get"),)),
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


@endpoint("/status/{codes}", "GET", "POST", "PUT", "PATCH", "DELETE", example="/status/418")
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
    headers = _REQUIRED.get(code, ())
    return text_answer(TEAPOT, 418) if code == 418 else Answer(status=code, headers=headers)


@endpoint("/delay/{seconds}", "GET", "POST", "PUT", "PATCH", "DELETE", example="/delay/1")
def delay(request: Request, asker: Asker, seconds: str) -> Answer:
    """An answer that takes its time: so many seconds, 10 at most."""
    if not re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", seconds):
        return text_answer("Say a number of seconds: /delay/1.5", 400)
    answer = text_answer(f"{float(seconds):g} seconds were asked for, {LONGEST_DELAY:g} are the most.")
    answer.delay = min(float(seconds), LONGEST_DELAY)
    return answer


@endpoint("/stream/{lines}", example="/stream/3")
def stream(request: Request, asker: Asker, lines: str) -> Answer:
    """So many lines of JSON, 100 at most, each one a chunk: nobody says beforehand how long it all is."""
    if not re.fullmatch(r"[0-9]{1,6}", lines):
        return text_answer("Say a number of lines: /stream/3", 400)
    count = min(int(lines), MOST_LINES)
    shown = {
        "args": request.query,
        "headers": header_names_and_values(request),
        "origin": asker.address,
        "url": url(request, asker),
    }
    pieces = (msgspec.json.encode({"id": number, **shown}) + b"\n" for number in range(count))
    return Answer(content_type=JSON, pieces=pieces)


@endpoint("/healthz")
def healthz(request: Request, asker: Asker, parameter: str) -> Answer:
    """Says ok while the server runs."""
    return Answer(b"ok\n", "text/plain; charset=utf-8")
