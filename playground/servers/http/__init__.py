"""HTTP: the protocol that does not remember you. Everything an answer needs is in its request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory
from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.doorman import Doorman
from playground.servers.http.endpoints import ALL
from playground.servers.http.limits import HttpLimits
from playground.servers.http.protocol import HttpProtocol
from playground.servers.http.remembering import Remembering, Visitor
from playground.servers.http.router import Endpoint
from playground.servers.http.site import Site
from playground.servers.http.tokens import KeyFileError, key_from
from playground.servers.http.writer import Writer
from playground.stores.opening import open_store
from playground.stores.snapshots import StoreError
from playground.stores.store import StoreDown
from playground.wire.ledger import Connection
from playground.wire.listening import ListeningService
from playground.wire.memory import NOTHING, Subject

__all__ = ["HttpLimits", "HttpServer"]

LONGEST_TIMER = 86_400.0
"""Seconds. Where nothing ends for longer, it is looked after once a day."""

FAREWELLS: dict[str, Answer] = {
    "idle": text_answer(
        "408 Request Timeout\nNo request came for too long; open a new connection for the next.", 408
    ),
    "flood": text_answer("429 Too Many Requests\nOne connection sent too much at once; slow down.", 429),
    "too-many": text_answer(
        "503 Service Unavailable\nToo many connections are open; try again when some are closed.",
        503,
        ((b"Retry-After", b"5"),),
    ),
    "not-tls": text_answer(
        "400 Bad Request\nThis port speaks HTTPS, and that was no TLS. Say https:// instead of http://.", 400
    ),
    "limit": text_answer("503 Service Unavailable\nA limit of this server was reached.", 503),
    "trouble": text_answer(
        "500 Internal Server Error\nThat was this server's own mistake; its log knows more.", 500
    ),
}
"""What a connection ends with when that answers no request. At shutdown there is nothing to say."""


class Expiry:
    """The timer of things that end: ``expire`` ends them, and says in how many seconds the next one does."""

    def __init__(self, call_later: Callable[..., IDelayedCall], expire: Callable[[], float | None]) -> None:
        self._call_later = call_later
        self._expire = expire
        self._timer: IDelayedCall | None = None

    def expect(self, seconds: float) -> None:
        """Something ends in so many seconds."""
        if self._timer is None:
            self._timer = self._call_later(min(seconds, LONGEST_TIMER), self._look)

    def _look(self) -> None:
        self._timer = None
        left = self._expire()
        if left is not None:
            self.expect(left)

    def stop(self) -> None:
        """Nothing is waited for any more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class HttpFactory(Factory):
    """Builds the connections."""

    noisy = False

    def __init__(self, site: Site, playground: Playground) -> None:
        self._site = site
        self._playground = playground
        sessions = site.doorman.sessions
        counting = Expiry(playground.call_later, site.remembering.expire)
        logged_in = Expiry(playground.call_later, sessions.expire)
        site.remembering.on_first, sessions.on_first = counting.expect, logged_in.expect
        self._expiries = (counting, logged_in)

    @override
    def startFactory(self) -> None:
        self._site.open_doors(self._playground.doors)
        self._site.functions = self._playground.functions
        self._site.doorman.load(self._playground.pull)
        self._site.notebook.start()

    @override
    def stopFactory(self) -> None:
        for expiry in self._expiries:
            expiry.stop()
        self._site.notebook.stop()

    @override
    def buildProtocol(self, addr: IAddress | None) -> HttpProtocol:
        return HttpProtocol(self._site)


def remembering_paths(endpoints: Iterable[Endpoint]) -> dict[str, frozenset[Where]]:
    """What remembers something, by the first word of its path, and where."""
    found: dict[str, frozenset[Where]] = {}
    for one in endpoints:
        if one.memory in ("connection", "session", "shared"):
            name = "/" + one.path.split("/")[1]
            found[name] = found.get(name, frozenset()) | {one.memory}
    return found


class HttpServer(Server):
    """HTTP/1.1 and 1.0. The protocol remembers nothing; a few paths do, each in a place of its own."""

    name = "http"
    endpoint = "tcp:8080"
    memory = frozenset()
    paths = remembering_paths(ALL)
    remembers_you = "not at all"
    try_it = ("curl '{host}:{port}/state?name=ada'", "curl {host}:{port}/state")
    tls_endpoint = "tcp:8443"
    try_tls = "curl --cacert {authority} https://{host}:{port}/state"
    alpn = (b"http/1.1",)
    Options = HttpLimits

    def __init__(self, options: HttpLimits | None = None) -> None:
        super().__init__(options)
        self._writer: Writer | None = None
        self._remembering: Remembering | None = None
        self._playground: Playground | None = None
        self._site: Site | None = None

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        def four_words(conn: Connection, carried: dict[str, object]) -> Any:
            return playground.four_words(conn, carried)

        self._site = site = Site(
            self.options,
            now=playground.reactor.seconds,
            random=playground.random,
            four_words=four_words,
            call_later=playground.call_later,
            doorman=_doorman(playground),
            settle=playground.settle,
        )
        self._writer, self._remembering, self._playground = site.writer, site.remembering, playground
        return playground.listen(endpoint, HttpFactory(site, playground), at_end=site.doorman.close)

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        visitor = getattr(conn.inner, "visitor", None)
        return visitor.remembered if visitor is not None else NOTHING

    @override
    def subjects(self) -> Iterable[Subject]:
        return self._site.subjects() if self._site is not None else ()

    @override
    def subjects_of(self, conn: Connection, /) -> Iterable[Subject]:
        visitor = _visitor(conn)
        if self._site is None or visitor is None:
            return ()
        gone = not conn.open
        return [
            *self._site.remembering.subjects_of(visitor, gone=gone),
            *self._site.notebook.subjects_of(visitor, gone=gone),
            *self._site.doorman.subjects_of(visitor.login),
        ]

    @override
    def forget(self, where: Where, /) -> None:
        if self._site is None or self._remembering is None or self._playground is None:
            return
        if where == "connection":
            for conn in self._playground.connections:
                if (visitor := _visitor(conn)) is not None:
                    visitor.remembered = NOTHING
        elif where == "session":
            self._remembering.forget_sessions()
            self._site.notebook.attempts.forget()
            self._site.doorman.sessions.forget()
        elif where == "shared":
            self._remembering.forget_shared()
            self._site.notebook.notes.forget()
            self._site.doorman.forget_denied()

    @override
    def farewell(self, reason: str, /) -> bytes:
        answer = FAREWELLS.get(reason)
        if answer is None or self._writer is None:
            return b""
        return self._writer.whole(answer, "none", b"Connection: close\r\n")


def _doorman(playground: Playground) -> Doorman:
    """Who may come in, with the store and the key that the settings and the state folder say."""
    folder, random = playground.state_dir, playground.random
    now = playground.reactor.seconds
    wanted = str(playground.settings.get("session_store", "memory"))
    try:
        key = key_from(folder / "token.key" if folder else None, random)
        store = open_store(wanted, playground.reactor, now, folder / "sessions.sqlite" if folder else None)
    except KeyFileError as error:
        raise StoreError(str(error)) from error
    except StoreDown as error:
        raise StoreError(
            f"The sessions' store {error} Move it away, or: playground --session-store memory"
        ) from error
    limits = playground.options.effective()
    return Doorman(playground.accounts, store, limits, now=now, random=random, key=key)


def _visitor(conn: Connection) -> Visitor | None:
    """What is held for that socket; None before anything was asked there."""
    return getattr(conn.inner, "visitor", None)
