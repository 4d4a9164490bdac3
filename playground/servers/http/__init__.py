"""HTTP: the protocol that does not remember you. Everything an answer needs is in its request."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from typing_extensions import override

from playground.journal.events import Snapshot
from playground.servers import Playground, Server
from playground.servers.http.answer import Answer, text_answer
from playground.servers.http.limits import HttpLimits
from playground.servers.http.protocol import HttpProtocol
from playground.servers.http.site import Site
from playground.servers.http.writer import Writer
from playground.wire.ledger import Connection
from playground.wire.listening import ListeningService

__all__ = ["HttpLimits", "HttpServer"]

NOTHING: Snapshot = {}
"""What this server remembers of anybody: always this very object."""

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
    "limit": text_answer("503 Service Unavailable\nA limit of this server was reached.", 503),
    "trouble": text_answer(
        "500 Internal Server Error\nThat was this server's own mistake; its log knows more.", 500
    ),
}
"""What a connection ends with when that answers no request. At shutdown there is nothing to say."""


class HttpFactory(Factory):
    """Builds the connections."""

    noisy = False

    def __init__(self, site: Site) -> None:
        self._site = site

    @override
    def buildProtocol(self, addr: IAddress | None) -> HttpProtocol:
        return HttpProtocol(self._site)


class HttpServer(Server):
    """HTTP/1.1 and 1.0. Remembers nothing: neither for the socket, nor under an id, nor for everybody."""

    name = "http"
    endpoint = "tcp:8080"
    memory = frozenset()
    remembers_you = "not at all"
    try_it = ("curl '{host}:{port}/state?name=ada'", "curl {host}:{port}/state")
    Options = HttpLimits

    def __init__(self, options: HttpLimits | None = None) -> None:
        super().__init__(options)
        self._writer: Writer | None = None

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        def four_words(conn: Connection, carried: dict[str, object]) -> Any:
            return playground.four_words(conn, carried)

        site = Site(
            self.options, now=playground.reactor.seconds, random=playground.random, four_words=four_words
        )
        self._writer = site.writer
        return playground.listen(endpoint, HttpFactory(site))

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        return NOTHING

    @override
    def farewell(self, reason: str, /) -> bytes:
        answer = FAREWELLS.get(reason)
        if answer is None or self._writer is None:
            return b""
        return self._writer.whole(answer, "none", b"Connection: close\r\n")
