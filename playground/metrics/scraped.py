"""A port of its own where a Prometheus scraper may ask: one question, one answer, and the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from playground.metrics.families import Family
from playground.metrics.text import CONTENT_TYPE, exposition
from playground.wire.addresses import as_endpoint
from playground.wire.listening import BadEndpoint

QUESTION_BYTES = 8192
QUESTION_SECONDS = 2.0
"""From the first to the last byte: a scraper's question fits into one packet."""
ASKERS = 16
"""At once. A scraper is one."""


class _Question(Protocol):
    def __init__(self, factory: ScrapedFactory) -> None:
        self._factory = factory
        self._said = b""
        self._deadline: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        self._factory.live.add(self)
        transport: Any = self.transport
        self._deadline = self._factory.reactor.callLater(QUESTION_SECONDS, transport.abortConnection)
        if len(self._factory.live) > ASKERS:
            self._answer("503 Service Unavailable", b"Too many ask at once.\n")

    @override
    def dataReceived(self, data: bytes) -> None:
        if cast("Any", self.transport).disconnecting:
            return
        self._said += data
        head, end, _ = self._said.partition(b"\r\n\r\n")
        if not end:
            if len(self._said) > QUESTION_BYTES:
                self._answer("431 Request Header Fields Too Large", b"That is no scraper's question.\n")
            return
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            self._answer("400 Bad Request", b"Say: GET /metrics HTTP/1.1\n")
        elif words[0] not in (b"GET", b"HEAD"):
            self._answer("405 Method Not Allowed", b"GET only.\n", "Allow: GET, HEAD\r\n")
        elif words[1].split(b"?")[0] != b"/metrics":
            self._answer("404 Not Found", b"The numbers are at /metrics.\n")
        else:
            text = exposition(self._factory.tell())
            self._answer("200 OK", text, kind=CONTENT_TYPE, with_body=words[0] == b"GET")

    def _answer(
        self,
        status: str,
        body: bytes,
        more: str = "",
        *,
        kind: str = "text/plain; charset=utf-8",
        with_body: bool = True,
    ) -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        transport: Any = self.transport
        transport.write(head.encode() + (body if with_body else b""))
        transport.loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._factory.live.discard(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()


class ScrapedFactory(Factory):
    """Answers ``GET /metrics`` with what ``tell`` tells."""

    noisy = False

    def __init__(self, tell: Callable[[], list[Family]], reactor: Any) -> None:
        self.tell = tell
        self.reactor = reactor
        self.live: set[_Question] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Question(self)

    def hang_up(self) -> None:
        """Nobody is answered any more."""
        for question in list(self.live):
            cast("Any", question.transport).abortConnection()


class Scraped:
    """The listening side."""

    def __init__(self, reactor: Any, tell: Callable[[], list[Family]]) -> None:
        self._reactor = reactor
        self._factory = ScrapedFactory(tell, reactor)
        self._port: IListeningPort | None = None
        self.address: tuple[str, int] | None = None
        """Where it listens, once it does."""

    async def open(self, endpoint: str) -> None:
        """Listen. Raises ``CannotListenError`` or :class:`BadEndpoint`."""
        try:
            where = serverFromString(self._reactor, endpoint)
        except Exception as error:  # each kind of endpoint raises what it likes
            raise BadEndpoint(f"{endpoint!r} is no endpoint that can be used: {error}") from error
        self._port = await where.listen(self._factory)
        address, port = as_endpoint(self._port.getHost())
        self.address = address, port

    async def close(self) -> None:
        """Stop listening, and answer nobody any more."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        self._factory.hang_up()
