"""Cookies: what a server asks the client to remember, so that it need not."""

from __future__ import annotations

import re

from playground.servers.http.answer import Answer, sorted_json, text_answer
from playground.servers.http.carried import cookies
from playground.servers.http.endpoints.redirecting import redirect
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.written import Unwritable, cookie_read, cookie_value, field_name, field_value

_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")
ATTRIBUTES = {
    "path": "the paths below which it is sent, / if nothing is said",
    "domain": "the hosts to which it is sent",
    "max_age": "seconds that it lives",
    "secure": "1: over TLS only",
    "httponly": "1: not for scripts",
    "samesite": "Strict, Lax or None",
}


def set_cookie(name: str, value: str, *attributes: str) -> tuple[bytes, bytes]:
    """A Set-Cookie field. RFC 6265 4.1."""
    written = f"{field_name(name).decode()}={cookie_value(value)}"
    return (b"Set-Cookie", "; ".join([written, *attributes]).encode())


def drop_cookie(name: str) -> tuple[bytes, bytes]:
    """A Set-Cookie field that makes the client forget it."""
    return set_cookie(name, "", "Max-Age=0", "Path=/")


def cookies_of(request: Request) -> dict[str, str]:
    """The cookies by name, the first of each."""
    found: dict[str, str] = {}
    for name, value in cookies(request):
        found.setdefault(name, cookie_read(value))
    return found


@endpoint("/cookies", memory="carried")
def show(request: Request, asker: Asker, parameter: str) -> Answer:
    """The cookies that you carry."""
    return sorted_json({"cookies": cookies_of(request)})


def _secure(asker: Asker) -> tuple[str, ...]:
    return ("Secure",) if asker.scheme == "https" else ()


@endpoint(
    "/cookies/set",
    memory="carried",
    example="/cookies/set?flavour=chocolate",
    about={"flavour": "a cookie; any name will do"},
)
def set_several(request: Request, asker: Asker, parameter: str) -> Answer:
    """Asks you to carry these cookies from now on, and sends you to /cookies."""
    answer = redirect("/cookies")
    for name in request.query:
        value = request.parameter(name) or ""
        answer.headers += (set_cookie(name, value, *_secure(asker), "Path=/"),)
    return answer


@endpoint(
    "/cookies/set/{name}/{value}",
    memory="carried",
    example="/cookies/set/flavour/chocolate?max_age=60&samesite=Lax",
    about={"name": "the cookie's name", "value": "its value"} | ATTRIBUTES,
)
def set_one(request: Request, asker: Asker, parameter: str) -> Answer:
    """Asks you to carry one cookie, with the attributes that you choose."""
    name, value = parameter.split("/")
    try:
        attributes = list(_attributes(request))
    except ValueError as error:
        if isinstance(error, Unwritable):
            raise
        return text_answer(str(error), 400)
    if "Secure" not in attributes:
        attributes += _secure(asker)
    answer = redirect("/cookies")
    answer.headers += (set_cookie(name, value, *attributes),)
    return answer


def _attributes(request: Request) -> list[str]:
    """What stands behind the value. Raises :exc:`ValueError`."""
    asked = {
        name.lower().replace("-", "_"): field_value(request.parameter(name) or "").decode()
        for name in request.query
    }
    if not all(_ATTRIBUTE.fullmatch(value) for value in asked.values()):
        raise ValueError("A cookie's attributes are ASCII, without a semicolon.")
    path = asked.get("path") or "/"
    if not path.startswith("/"):
        raise ValueError("path begins with /: path=/cookies")
    written = [f"Path={path}"]
    if asked.get("domain"):
        written.append(f"Domain={asked['domain']}")
    if max_age := asked.get("max_age"):
        if not re.fullmatch("0|-?[1-9][0-9]{0,9}", max_age):
            raise ValueError("max_age is a number of seconds: max_age=60")
        written.append(f"Max-Age={max_age}")
    if same_site := asked.get("samesite"):
        if same_site.title() not in ("Strict", "Lax", "None"):
            raise ValueError("samesite is Strict, Lax or None.")
        written.append(f"SameSite={same_site.title()}")
    written += [
        word
        for name, word in (("secure", "Secure"), ("httponly", "HttpOnly"))
        if name in asked and asked[name].lower() not in ("0", "false")
    ]
    return written


@endpoint(
    "/cookies/delete",
    memory="carried",
    example="/cookies/delete?flavour",
    about={"flavour": "a cookie; any name will do"},
)
def delete(request: Request, asker: Asker, parameter: str) -> Answer:
    """Asks you to forget these cookies, and sends you to /cookies."""
    answer = redirect("/cookies")
    answer.headers += tuple(drop_cookie(name) for name in request.query)
    return answer
