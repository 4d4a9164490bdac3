"""A connection without a socket: a transport that notes, a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from typing_extensions import override

from playground.journal.events import Snapshot
from playground.journal.journal import Journal
from playground.servers import Playground, Server
from playground.stores.accounts import Accounts
from playground.testing import Served
from playground.wire.ledger import Connection
from playground.wire.limits import Limits
from playground.wire.lines import LineProtocol
from playground.wire.listening import ListeningService
from playground.wire.memory import NOTHING, Subject
from playground.wire.observed import Observed

Serve = Callable[..., Awaitable[Served]]
LOCALHOST = "tcp:0:interface=127.0.0.1"


class Repeater(LineProtocol):
    """Says every line again; ``later`` and ``boom`` do as they say."""

    count = 0

    @override
    def line_received(self, line: str) -> None:
        self.count += 1
        if line == "later":
            self.wire.call_later(2.0, self.send_line, "now")
        elif line.startswith("boom"):
            raise LookupError(line)
        elif line == "bye":
            self.send_line("bye")
            self.wire.loseConnection()
        else:
            self.send_line(line)


class Stock(LineOnlyReceiver):
    """Twisted's own, which knows nothing of any journal."""

    delimiter = b"\n"

    @override
    def lineReceived(self, line: bytes) -> None:
        assert self.transport is not None
        self.transport.writeSequence([line.upper(), b"\n"])
        if line == b"bye":
            self.transport.loseConnection()


class StockEcho(Protocol):
    """The first example of Twisted's book."""

    @override
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Greeter(Repeater):
    """Speaks first."""

    @override
    def connectionMade(self) -> None:
        self.send_line("* welcome")


class Generous(Repeater):
    """Says three megabytes."""

    @override
    def line_received(self, line: str) -> None:
        self.wire.send(line.encode() * (3_000_000 // len(line)))


class Repeating(Server):
    """Counts your lines while you are connected."""

    name = "repeat"
    endpoint = "tcp:4002"
    memory = frozenset({"connection"})
    playground: Playground

    def __init__(self, options: Limits | None = None, build: Callable[[], Protocol] = Repeater) -> None:
        super().__init__(options)
        self.build = build
        self.things: list[Subject] = []

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        from twisted.internet.protocol import Factory

        self.playground = playground
        build = self.build

        class Building(Factory):
            noisy = False

            @override
            def buildProtocol(self, addr: object) -> Protocol:
                return build()

        return playground.listen(endpoint, Building())

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        count = getattr(conn.inner, "count", 0)
        return {"lines": count} if count else NOTHING

    @override
    def subjects(self) -> list[Subject]:
        return self.things

    @override
    def farewell(self, reason: str, /) -> bytes:
        return f"* {reason}\n".encode()


class Socket(StringTransport):
    """A transport whose peer reads only when the test says so, and which the reactor would have closed."""

    def __init__(self) -> None:
        super().__init__()
        self.dataBuffer = b""
        self.offset = 0
        self._tempDataLen = 0
        self.aborted = False
        self.reading = True
        self.room: int | None = None
        """Bytes that the kernel takes before the peer reads; None for as many as come."""

    @override
    def write(self, data: bytes) -> None:
        if self.room is None:
            super().write(data)
            return
        self.dataBuffer += data
        self._move()
        if len(self.dataBuffer) > 65_536 and self.producer is not None:
            self.producer.pauseProducing()

    def read(self, size: int) -> None:
        """The peer reads that many bytes."""
        assert self.room is not None
        self.room += size
        self._move()
        if not self.dataBuffer and self.producer is not None:
            self.producer.resumeProducing()

    def _move(self) -> None:
        assert self.room is not None
        now, self.dataBuffer = self.dataBuffer[: self.room], self.dataBuffer[self.room :]
        self.room -= len(now)
        super().write(now)

    @override
    def pauseProducing(self) -> None:
        self.reading = False

    @override
    def resumeProducing(self) -> None:
        self.reading = True

    @override
    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True


class Wired:
    """An observed protocol, its client's side and its journal."""

    def __init__(
        self,
        server: Repeating | None = None,
        *,
        clock: Clock | None = None,
        playground: Playground | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.playground = playground or Playground(
            server or Repeating(),
            reactor=self.clock,
            journal=Journal(self.clock.seconds),
            accounts=Accounts(),
            random=None,
        )
        server = self.playground.server  # type: ignore[assignment]  # it is one
        assert isinstance(server, Repeating)
        self.inner: Any = server.build()
        self.socket = Socket()
        self.lost = 0
        self.observed = Observed(
            self.inner, self.playground.ledger, self.clock, on_lost=lambda _: self._count()
        )

    def _count(self) -> None:
        self.lost += 1

    def connect(self) -> Wired:
        self.observed.makeConnection(self.socket)
        return self

    def say(self, data: bytes) -> Wired:
        self.observed.dataReceived(data)
        return self

    def end(self) -> Wired:
        """The client closes its half."""
        assert IHalfCloseableProtocol.providedBy(self.observed)
        self.observed.readConnectionLost()
        return self

    def closed(self, reason: BaseException | None = None) -> Wired:
        """The reactor has closed the socket."""
        from twisted.internet.error import ConnectionDone

        self.observed.connectionLost(Failure(reason or ConnectionDone()))
        return self

    @property
    def heard(self) -> bytes:
        return bytes(self.socket.value())

    # Methods, because type checkers believe that an attribute stays as it was.

    def closing(self) -> bool:
        return bool(self.socket.disconnecting)

    def aborted(self) -> bool:
        return self.socket.aborted

    def reads(self) -> bool:
        return self.socket.reading

    def events(self, *kinds: str) -> list[Any]:
        return [event for event in self.playground.journal.ring if not kinds or type(event).__name__ in kinds]

    def story(self) -> list[str]:
        """What happened, in one line each."""
        return [told(event) for event in self.events()]


def serving(build: type[Protocol], options: Limits | None = None) -> Wired:
    return Wired(Repeating(options, build))


def told(event: Any) -> str:
    """An event without its time and addresses."""
    match type(event).__name__:
        case "Received":
            return f"C: {event.data or event.data_b64}"
        case "Sent":
            return f"S: {event.data or event.data_b64}"
        case "State":
            return f"= {event.changed}"
        case "LimitHit":
            return f"limit {event.limit} {event.value:g}"
        case "Partial":
            return f"partial {event.size}"
        case "ConnectionClose":
            return f"close {event.reason}"
        case name:
            return name
