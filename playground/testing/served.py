"""One server in this process, and a client that speaks in transcripts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import time
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.journal.events import AnyEvent
from playground.journal.journal import Journal, Sink
from playground.journal.query import parse_filter
from playground.servers import Playground, Server
from playground.stores.accounts import Account, Accounts
from playground.wire.certificates import Identity
from playground.wire.doors import Door
from playground.wire.listening import ListeningService

PATIENCE = 10.0
"""Seconds that a test waits for anything before it fails."""

DEMO_ACCOUNTS = (Account("ada", "ada"), Account("bob", "bob"))


@implementer(IHalfCloseableProtocol)
class Talk(Protocol):
    """A raw client: what it sends and receives is bytes, and every wait has an end."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._heard = bytearray()
        self._waiting: list[tuple[bytes | int | None, Deferred[bytes]]] = []
        self._closed = False

    def say(self, data: bytes | str) -> Talk:
        """Send ``data`` as it is."""
        cast("Any", self.transport).write(data.encode() if isinstance(data, str) else data)
        return self

    def end(self) -> Talk:
        """Close our half, as ``nc -N`` does at the end of its input."""
        cast("Any", self.transport).loseWriteConnection()
        return self

    def hang_up(self) -> None:
        """Close."""
        cast("Any", self.transport).loseConnection()

    def abort(self) -> None:
        """Reset, as a killed client with unread input does."""
        cast("Any", self.transport).abortConnection()

    def stop_reading(self) -> None:
        """Read nothing any more, as a stopped process does."""
        cast("Any", self.transport).pauseProducing()

    def read_again(self) -> None:
        """Go on reading."""
        cast("Any", self.transport).resumeProducing()

    def until(self, mark: bytes | str, seconds: float = PATIENCE) -> Deferred[bytes]:
        """All that was heard since the last wait, up to and with ``mark``.

        Fails with ``TimeoutError``, or with ``EOFError`` if the server closes first.
        """
        return self._wait(mark.encode() if isinstance(mark, str) else mark, seconds)

    def line(self, seconds: float = PATIENCE) -> Deferred[bytes]:
        """The next line."""
        return self._wait(b"\n", seconds)

    def take(self, size: int, seconds: float = PATIENCE) -> Deferred[bytes]:
        """The next ``size`` bytes."""
        return self._wait(size, seconds)

    def rest(self, seconds: float = PATIENCE) -> Deferred[bytes]:
        """All that the server says until it closes."""
        return self._wait(None, seconds)

    def _wait(self, mark: bytes | int | None, seconds: float) -> Deferred[bytes]:
        heard: Deferred[bytes] = Deferred()
        _ = heard.addTimeout(seconds, self._reactor)
        self._waiting.append((mark, heard))
        self._answer()
        return heard

    def _answer(self) -> None:
        while self._waiting:
            mark, heard = self._waiting[0]
            if heard.called:  # it has waited too long
                self._waiting.pop(0)
                continue
            size = self._size_until(mark)
            if size >= 0:
                pass
            elif self._closed and mark is None:
                size = len(self._heard)
            elif self._closed:
                self._waiting.pop(0)
                heard.errback(EOFError(f"closed before {mark!r}; heard {bytes(self._heard)!r}"))
                continue
            else:
                return
            self._waiting.pop(0)
            text = bytes(self._heard[:size])
            del self._heard[:size]
            heard.callback(text)

    def _size_until(self, mark: bytes | int | None) -> int:
        """Bytes up to and with ``mark`` (a number: so many), or -1 where they are not there yet."""
        if isinstance(mark, int):
            return mark if len(self._heard) >= mark else -1
        end = self._heard.find(mark) if mark is not None else -1
        return end + len(mark) if mark is not None and end >= 0 else -1

    @override
    def dataReceived(self, data: bytes) -> None:
        self._heard += data
        self._answer()

    def readConnectionLost(self) -> None:
        """The server will say nothing more."""
        self._closed = True
        self._answer()
        cast("Any", self.transport).loseConnection()

    def writeConnectionLost(self) -> None:
        """The server takes nothing more; it may still speak."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._answer()


class Served:
    """A running server with its own journal. Make one with :func:`serve`."""

    def __init__(self, playground: Playground, service: ListeningService, host: str, port: int) -> None:
        self.playground = playground
        self.server = playground.server
        self.journal = playground.journal
        self.host = host
        self.port = port
        self._service = service

    async def connect(self) -> Talk:
        """A new client, connected."""
        reactor = self.playground.reactor
        endpoint = HostnameEndpoint(reactor, self.host, self.port)
        talk: Talk = await connectProtocol(endpoint, Talk(reactor))
        return talk

    def events(self, *words: str) -> list[Any]:
        """The journal so far, filtered as ``playground log`` does (Any: a test may ask for any field)."""
        keep = parse_filter(words)
        return [event for event in self.journal.ring if keep(event)]

    async def happens(self, *words: str, count: int = 1, seconds: float = PATIENCE) -> list[Any]:
        """Wait until ``count`` events match, and return those that do. Fails with ``TimeoutError``."""
        matching = self.events(*words)
        if len(matching) < count:
            waiter = _Waiter(words, count - len(matching), self.playground.reactor)
            _ = waiter.done.addTimeout(seconds, self.playground.reactor)
            self.journal.add_sink(waiter)
            try:
                await waiter.done
            finally:
                self.journal.remove_sink(waiter)
        return self.events(*words)

    async def stop(self) -> None:
        """Stop, and wait until everything is closed."""
        await cast("Deferred[None]", self._service.stopService())


class _Waiter(Sink):
    def __init__(self, words: Sequence[str], missing: int, reactor: Any) -> None:
        self._reactor = reactor
        self._keep = parse_filter(words)
        self._missing = missing
        self.done: Deferred[None] = Deferred()

    @override
    def put(self, event: AnyEvent) -> None:
        if self._keep(event):
            self._missing -= 1
            if self._missing == 0:
                # In the next turn: the test must not go on in the middle of what is being recorded.
                self._reactor.callLater(0, self._tell)

    def _tell(self) -> None:
        if not self.done.called:
            self.done.callback(None)


async def serve(
    server: Server,
    reactor: Any,
    *,
    seed: int = 1,
    state_dir: Path | None = None,
    endpoint: str = "tcp:0:interface=127.0.0.1",
    doors: Iterable[Door] = (),
    identity: Identity | None = None,
    **settings: object,
) -> Served:
    """Start ``server`` in this process on a free loopback port.

    ``settings`` are what it finds in ``playground.settings``; randomness comes
    from ``seed``; ``doors`` are what other servers offer; ``identity`` is a certificate for servers that
    begin TLS themselves. Stop it with :meth:`Served.stop`.
    """
    playground = Playground(
        server,
        reactor=reactor,
        journal=Journal(time, ring_events=1_000_000),
        accounts=Accounts(DEMO_ACCOUNTS),
        random=random.Random(seed),
        state_dir=state_dir,
        settings=settings,
        identity=identity,
    )
    service = server.service(playground, endpoint)
    playground.doors = (*server.doors(), *doors)
    service.startService()
    host, port = await service.opened
    return Served(playground, service, host, port)
