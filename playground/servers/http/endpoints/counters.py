"""One counter whose number is kept in four places. The fourth, ``carried``, is in ``stateless.py``."""

from __future__ import annotations

from playground.servers.http.answer import Answer, json_answer
from playground.servers.http.carried import cookies
from playground.servers.http.endpoints.cookies import set_cookie
from playground.servers.http.request import Request
from playground.servers.http.router import Asker, endpoint

COOKIE = "playground"
NOT_KEPT = (b"Cache-Control", b"no-store")


def presented(request: Request) -> str | None:
    """The id of the session that the client names."""
    if b"cookie" not in request.fields:
        return None
    return next((value for name, value in cookies(request) if name == COOKIE), None)


def _told(number: int, lesson: str) -> Answer:
    return json_answer({"n": number, "lesson": lesson}, headers=(NOT_KEPT,))


@endpoint("/counter/connection", memory="connection", open_to_pages=False)
def connection(request: Request, asker: Asker, parameter: str) -> Answer:
    """A counter that the server keeps for this socket: a new connection begins at 1."""
    number = asker.remembering.count_connection(asker.visitor)
    return _told(number, "The server holds the number for this socket: hang up, and it is gone.")


@endpoint("/counter/session", memory="session", open_to_pages=False)
def session(request: Request, asker: Asker, parameter: str) -> Answer:
    """A counter that the server keeps under an id; a cookie brings the id back."""
    number, new = asker.remembering.count_session(asker.visitor, presented(request))
    answer = _told(number, "The server holds the number under the id in your cookie: come back with it.")
    if new is not None:
        secure = ("Secure",) if asker.scheme == "https" else ()
        answer.headers += (set_cookie(COOKIE, new, *secure, "Path=/", "HttpOnly", "SameSite=Lax"),)
    return answer


@endpoint("/counter/shared", memory="shared", open_to_pages=False)
def shared(request: Request, asker: Asker, parameter: str) -> Answer:
    """A counter that the server keeps for everybody."""
    number = asker.remembering.count_shared(asker.visitor)
    return _told(number, "The server holds the number for everybody: whoever asks makes it one more.")
