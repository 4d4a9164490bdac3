"""Logging in with a cookie: the server holds the state, the client an id that means nothing by itself."""

from __future__ import annotations

from typing import NoReturn

from playground.servers.http.answer import Answer
from playground.servers.http.carried import cookies
from playground.servers.http.doorman import doorman_of
from playground.servers.http.endpoints.cookies import set_cookie
from playground.servers.http.endpoints.knocking import (
    changed_cart,
    person,
    refuse,
    refuse_from_elsewhere,
    said,
    told,
)
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint
from playground.servers.http.sessions import Change, Found

COOKIE = "session"
PATH = "/session"
"""The browser brings the cookie back to these paths only: others here repeat what they are sent."""

CHALLENGE = (b"WWW-Authenticate", b'Cookie realm="playground", form-action="/session/login"')
"""A 401 must say how one proves who one is (RFC 9110 15.5.2); for cookies there is no registered word."""

LOGIN = "curl -c jar -d 'user=ada&password=ada' '{base}/session/login'"


def _brought(request: Request, asker: Asker, *, changes: bool = True) -> str:
    """The session id that the client brings, empty where it brings none."""
    if changes:
        refuse_from_elsewhere(request, asker.scheme)
    found = [value for name, value in cookies(request) if name == COOKIE and value]
    if len(found) > 1:
        text = "Two cookies of one name came; which one you mean, and who has set the other, cannot be known."
        refuse(400, "cookie-twice", text, "RFC 6265 8.6")
    asker.visitor.login = found[0] if found else ""
    return asker.visitor.login


def _refuse_stranger() -> NoReturn:
    refuse(401, "not-logged-in", "Log in first: POST /session/login", "RFC 9110 15.5.2", CHALLENGE)


def _cookie(asker: Asker, value: str, *more: str) -> tuple[bytes, bytes]:
    secure = ("Secure",) if asker.scheme == "https" else ()
    return set_cookie(COOKIE, value, f"Path={PATH}", "HttpOnly", "SameSite=Lax", *secure, *more)


def _dashboard(found: Found, ident: str, *headers: tuple[bytes, bytes], lesson: str) -> Answer:
    session = found.session
    content = {
        "user": session.user,
        "cart": session.cart,
        "session": session.name,
        "expires_in": round(found.expires_in),
        "lesson": lesson,
    }
    return told(content, found.held, len(f"{COOKIE}={ident}"), 200, headers)


async def _login(request: Request, asker: Asker) -> Answer:
    before = _brought(request, asker)
    account = await person(request, asker, CHALLENGE)
    # A new id, whatever was brought: nobody may have given it to the client before. OWASP: session fixation.
    ident, found = await doorman_of(asker).sessions.begin(account.name, before or None, asker.settle)
    asker.visitor.login = ident
    lesson = "The server holds who you are and your cart; you hold an id that opens them."
    return _dashboard(found, ident, _cookie(asker, ident), lesson=lesson)


async def _known(request: Request, asker: Asker, change: Change | None) -> tuple[Found, str]:
    """The session of whoever asks, with its cart changed, and its id."""
    ident = _brought(request, asker, changes=change is not None)
    doorman = doorman_of(asker)
    sessions = doorman.sessions
    found = await sessions.use(ident, change, asker.settle) if ident else None
    if found is not None and doorman.accounts.get(found.session.user) is None:
        await sessions.end(ident, "no such account", asker.settle)
        found = None
    if found is None:
        _refuse_stranger()
    return found, ident


async def _me(request: Request, asker: Asker) -> Answer:
    known = await _known(request, asker, None)
    return _dashboard(*known, lesson="The cart came out of the server's store: you brought its key.")


async def _cart(request: Request, asker: Asker) -> Answer:
    words = said(request)
    known = await _known(request, asker, lambda cart: changed_cart(cart, words))
    return _dashboard(*known, lesson="The server's cart has changed; your cookie is the same.")


async def _logout(request: Request, asker: Asker) -> Answer:
    ident = _brought(request, asker)
    asker.visitor.login = ""
    if not ident or not await doorman_of(asker).sessions.end(ident, "logout", asker.settle):
        _refuse_stranger()
    lesson = "The server has thrown it away: whoever has a copy of your cookie has nothing."
    return told({"user": None, "lesson": lesson}, 0, 0, 200, (_cookie(asker, "", "Max-Age=0"),))


@endpoint("/session/login", "POST", memory="session", example=LOGIN, open_to_pages=False)
def login(request: Request, asker: Asker, parameter: str) -> Answer:
    """Log in with user and password in the body: the answer's cookie brings you back.

    The server keeps you and your cart under the cookie's id, where --session-store says.
    """
    return Answer(later=_login(request, asker))


@endpoint("/session/me", memory="session", example="curl -b jar '{base}/session/me'", open_to_pages=False)
def me(request: Request, asker: Asker, parameter: str) -> Answer:
    """Who you are and what is in your cart, as the server remembers it."""
    return Answer(later=_me(request, asker))


@endpoint(
    "/session/cart",
    "POST",
    memory="session",
    example="curl -b jar -d add=tea '{base}/session/cart'",
    open_to_pages=False,
)
def cart(request: Request, asker: Asker, parameter: str) -> Answer:
    """Put something into the cart that the server keeps: add=tea in the body, or remove=tea."""
    return Answer(later=_cart(request, asker))


@endpoint(
    "/session/logout",
    "POST",
    memory="session",
    example="curl -b jar -X POST '{base}/session/logout'",
    open_to_pages=False,
)
def logout(request: Request, asker: Asker, parameter: str) -> Answer:
    """The server forgets you, now."""
    return Answer(later=_logout(request, asker))
