"""Endpoints that send a client elsewhere."""

from __future__ import annotations

import re

from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.endpoints.echoing import EVERY_METHOD, base
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, Contract, endpoint
from playground.servers.http.written import location

TIMES = {"n": "how many times, one less each time"}


def redirect(where: str, code: int = 302) -> Answer:
    """An answer that sends to ``where``."""
    target = location(where)
    return text_answer(f"See {target.decode()}", code, ((b"Location", target),))


def _times(parameter: str, below: str, start: str = "") -> Answer:
    if not re.fullmatch("[1-9][0-9]{0,5}", parameter):
        return text_answer("Say a number, 1 or more: /redirect/3", 400)
    left = int(parameter) - 1
    return redirect(f"{start}{below}/{left}" if left else f"{start}/get")


@endpoint(
    "/redirect/{n}",
    example="/redirect/3",
    about=TIMES | {"absolute": "true: with scheme and host in the address"},
)
def redirect_n(request: Request, asker: Asker, parameter: str) -> Answer:
    """Sends you on so many times, and then to /get."""
    if (request.parameter("absolute") or "").lower() == "true":
        return _times(parameter, "/absolute-redirect", base(request, asker))
    return _times(parameter, "/relative-redirect")


@endpoint("/relative-redirect/{n}", example="/relative-redirect/3", about=TIMES)
def relative_redirect(request: Request, asker: Asker, parameter: str) -> Answer:
    """The same; the new address is only a path."""
    return _times(parameter, "/relative-redirect")


@endpoint("/absolute-redirect/{n}", example="/absolute-redirect/3", about=TIMES)
def absolute_redirect(request: Request, asker: Asker, parameter: str) -> Answer:
    """The same; the new address has scheme and host."""
    return _times(parameter, "/absolute-redirect", base(request, asker))


@endpoint(
    "/redirect-to",
    *EVERY_METHOD,
    example="/redirect-to?url=/get&status_code=307",
    about={"url": "the new address", "status_code": "300 to 399, else 302"},
    contract=Contract(required=("url",)),
)
def redirect_to(request: Request, asker: Asker, parameter: str) -> Answer:
    """Sends you to the address that you name."""
    where, code = request.parameter("url"), request.parameter("status_code") or "302"
    if not where:
        return text_answer("Say where to: /redirect-to?url=/get", 400)
    chosen = int(code) if re.fullmatch("3[0-9][0-9]", code) and code != "304" else 302
    return redirect(where, chosen)
