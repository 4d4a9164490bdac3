"""A wrapper around every TCP transport: ids, byte counts, half-close, limits, journal.

To the reactor it is the protocol; to the server's protocol it is the
transport. Because each server's connections pass through here, a new protocol
gets all of this for nothing and cannot forget any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.journal.events import Json, Trouble
from playground.journal.redaction import Secret
from playground.wire.flood import Flood
from playground.wire.ledger import Connection, Endpoint, Ledger
from playground.wire.outflow import Outflow

log = Logger()

UNCLAIMED_BYTES = 8 * 1024 * 1024
"""A protocol that leaves this much unclaimed is broken: its connection is closed."""

LINE_BYTES = 4096
"""A protocol that claims nothing gets longer lines in pieces of this size."""


class Inner(Protocol):
    """What :class:`Observed` calls on a server's protocol."""

    def makeConnection(self, transport: Any, /) -> None:
        """Twisted's."""

    def dataReceived(self, data: bytes, /) -> None:
        """Twisted's."""

    def connectionLost(self, reason: Failure, /) -> None:
        """Twisted's."""


@implementer(IHalfCloseableProtocol, ITransport, IConsumer)
class Observed(TwistedProtocol):
    """One observed connection.

    A protocol that says what its messages are has ``claims_messages = True``
    and calls :meth:`claim`. Any other is given its input line by line, and
    each line is journaled as one message.

    It may have, and then is called on, ``input_ended()`` (the client has
    closed its half: close when all is answered; asked again after each timer),
    ``goodbye(reason)`` (the server stops) and ``drained()`` (a clogged reader
    reads again).
    """

    def __init__(
        self,
        inner: Inner,
        ledger: Ledger,
        reactor: IReactorTime,
        on_lost: Callable[[Observed], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._on_lost = on_lost
        self._ledger = ledger
        self._limits = ledger.server.options
        self._reactor = reactor
        self._claims = bool(getattr(inner, "claims_messages", False))
        self._unclaimed = bytearray()
        self._timers: set[IDelayedCall] = set()
        self._idle: IDelayedCall | None = None
        self._half_closed: IDelayedCall | None = None
        self._active_at = 0.0
        self._reason = ""
        self._ended = False
        self._inner_connected = False
        self._input_paused = False
        self._producer: Any = None
        self._flood = Flood(self._limits.flood_per_second, self._limits.flood_burst)
        self.disconnecting = False
        """True once the connection is being closed; writes are ignored then."""

    @property
    def clogged(self) -> bool:
        """True while the peer does not read fast enough. Make no more output until ``drained()``."""
        return self._out.full

    @property
    def close_reason(self) -> str:
        """Why this side closes, in the journal's word; empty while it does not. For ``connectionLost``."""
        return self._reason

    # -- the reactor calls these -------------------------------------------------------------

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        client, here = as_endpoint(transport.getPeer()), as_endpoint(transport.getHost())
        self.connection: Connection = self._ledger.open(
            client, here, tls=hasattr(transport, "getPeerCertificate")
        )
        self.connection.inner = self._inner
        self._out = Outflow(
            transport,
            self._reactor,
            patience=self._limits.clogged,
            room=self._limits.unsent,
            on_full=self._on_full,
            on_drained=self._on_drained,
            give_up=self._give_up,
        )
        self._active_at = self._reactor.seconds()
        if full := self._ledger.full(client):
            setting, value = full
            self.connection.limit(setting, value, "too many connections; this one is sent away")
            self.farewell("too-many")
            return
        if self._limits.idle:
            self._idle = self._reactor.callLater(self._limits.idle, self._check_idle)
        self._inner_connected = True
        self._guarded(self._inner.makeConnection, self)
        self.connection.pull()

    @override
    def dataReceived(self, data: bytes) -> None:
        self.connection.bytes_received += len(data)
        if self.disconnecting:
            return
        self._active_at = self._reactor.seconds()
        self._unclaimed += data
        if len(self._unclaimed) > UNCLAIMED_BYTES:
            self.limit("unclaimed", UNCLAIMED_BYTES, "more bytes than any message may have")
            self.abortConnection("limit")
            return
        if self._claims:
            self._guarded(self._inner.dataReceived, data)
        else:
            self._feed_lines()
        self.connection.pull()

    def readConnectionLost(self) -> None:
        """The client has closed its half. It still reads, so everything it asked for is sent."""
        if self._ended or self.disconnecting:
            return
        self._ended = True
        if self._limits.half_closed:
            self._half_closed = self._reactor.callLater(
                self._limits.half_closed, self.loseConnection, "half-closed"
            )
        self._end_input()

    def writeConnectionLost(self) -> None:
        """The client takes nothing any more."""
        # With epoll connectionLost may never follow when the write side goes first (Twisted issue 5662).
        self.abortConnection("lost")

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        for timer in (self._idle, self._half_closed, *self._timers):
            if timer is not None and timer.active():
                timer.cancel()
        self._timers.clear()
        self._out.stop()
        self._producer = None
        self.disconnecting = True
        if self._inner_connected:
            self._inner_connected = False
            self._guarded(self._inner.connectionLost, reason)
        if self._unclaimed:
            self.connection.partial(bytes(self._unclaimed))
        self.connection.closed(self._reason or ("client" if reason.check(ConnectionDone) else "lost"))
        self._on_lost(self)

    # -- the protocol calls these: messages --------------------------------------------------

    def claim(
        self,
        size: int,
        *,
        secrets: Sequence[Secret] = (),
        carried: Mapping[str, Json] | None = None,
        carried_size: int | None = None,
    ) -> bytes:
        """The first ``size`` bytes that were not claimed yet are one message; returns them.

        Call it before handling the message. ``secrets`` are spans in it,
        ``carried`` is the state that the client had to bring along.
        """
        unclaimed = self._unclaimed
        message = bytes(unclaimed[:size])
        del unclaimed[:size]
        self.connection.received(message, secrets=secrets, carried=carried, carried_size=carried_size)
        if self._flood.rate and self._flood.exceeded(self._reactor.seconds()):
            self.limit("flood_per_second", self._flood.rate, "more messages than one connection may send")
            self.farewell("flood")
        return message

    def write(self, data: bytes) -> None:
        """Send one whole message (Twisted's name for it)."""
        self.send(data)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """Send one whole message that comes in pieces."""
        self.send(b"".join(pieces))

    def send(self, data: bytes, *, secrets: Sequence[Secret] = ()) -> None:
        """Send one whole message, with the spans in it that are secret."""
        if self.disconnecting or not data:
            return
        self.connection.sent(data, secrets=secrets)
        self.write_silently(data)

    def write_silently(self, data: bytes) -> None:
        """Send bytes that are no message (a telnet echo): counted, not journaled."""
        if self.disconnecting:
            return
        self.connection.bytes_sent += len(data)
        self._active_at = self._reactor.seconds()
        self._out.write(data)

    def refused(self, rule: str, text: str, source: str | None = None) -> None:
        """Journal that the newest message is not allowed."""
        self.connection.refused(rule, text, source)

    def limit(self, setting: str, value: float, text: str) -> None:
        """Journal that a limit was reached."""
        self.connection.limit(setting, value, text)

    # -- the protocol calls these: life ------------------------------------------------------

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> IDelayedCall:
        """A timer (seconds) that ends with the connection and after which memory is pulled.

        While one is pending, a client that has closed its half is waited for.
        """

        def fire() -> None:
            self._timers.discard(timer)
            self._ledger.memory.stale = True
            self._guarded(call, *args)
            if self.connection.open:
                self.connection.pull()
            if self._ended:
                self._end_input()

        timer = self._reactor.callLater(delay, fire)
        self._timers.add(timer)
        return timer

    @property
    def has_timers(self) -> bool:
        """True while a timer made with :meth:`call_later` is pending."""
        return any(timer.active() for timer in self._timers)

    def loseConnection(self, reason: str = "server") -> None:
        """Close when everything written is sent. ``reason`` goes to the journal."""
        if self.disconnecting:
            return
        self.disconnecting = True
        self._reason = self._reason or ("client" if self._ended else reason)
        self._out.close()

    def abortConnection(self, reason: str = "server") -> None:
        """Close now; what is not sent is lost."""
        self.disconnecting = True
        self._reason = self._reason or reason
        cast("Any", self.transport).abortConnection()

    def farewell(self, reason: str) -> None:
        """Say goodbye in the protocol's own way, then close."""
        if self.connection.open and not self.disconnecting:
            self.send(self._ledger.server.farewell(reason))
            self.loseConnection(reason)

    def goodbye(self, reason: str) -> None:
        """The server stops: the protocol finishes what is under way, if it knows how."""
        if self._inner_connected and hasattr(self._inner, "goodbye"):
            self._guarded(self._inner.goodbye, reason)
        else:
            self.farewell(reason)

    def getPeer(self) -> IAddress:
        """The client's address."""
        return cast("ITransport", self.transport).getPeer()

    def getHost(self) -> IAddress:
        """This side's address."""
        return cast("ITransport", self.transport).getHost()

    # -- back-pressure -----------------------------------------------------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """A protocol's push producer is paused while the client does not read."""
        if not streaming:
            raise ValueError("only push producers are supported: pass streaming=True")
        self._producer = producer
        if self.clogged:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """The protocol's producer has finished."""
        self._producer = None

    def pauseProducing(self) -> None:
        """The protocol wants no more input for now."""
        self._input_paused = True
        cast("Any", self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        """The protocol wants input again. It comes when the client also reads what it was sent."""
        self._input_paused = False
        if not self.clogged:
            cast("Any", self.transport).resumeProducing()

    def _on_full(self) -> None:
        # Who does not read answers need not be asked for more: memory stays bounded.
        cast("Any", self.transport).pauseProducing()
        if self._producer is not None:
            self._producer.pauseProducing()

    def _on_drained(self) -> None:
        if self._producer is not None:
            self._producer.resumeProducing()
        if hasattr(self._inner, "drained"):
            self._guarded(self._inner.drained)
        if not self._claims:
            self._feed_lines()
        if self._ended:
            self._end_input()
        self.connection.pull()
        if not (self._input_paused or self.clogged or self.disconnecting):
            cast("Any", self.transport).resumeProducing()

    def _give_up(self) -> None:
        if not self.disconnecting:
            self.limit("clogged", self._limits.clogged, "the client does not read what it is sent")
        self.abortConnection("clogged")

    # -- inside ------------------------------------------------------------------------------

    def _feed_lines(self) -> None:
        """Give a protocol that claims nothing its input, each line as one message."""
        while not (self.clogged or self.disconnecting):
            end = self._unclaimed.find(b"\n") + 1
            if not end and len(self._unclaimed) < LINE_BYTES:
                return
            self._guarded(self._inner.dataReceived, self.claim(end or LINE_BYTES))

    def _end_input(self) -> None:
        """Nothing more will come. Close when all is answered; asked again after each timer."""
        if self.disconnecting:
            return
        if hasattr(self._inner, "input_ended"):
            self._guarded(self._inner.input_ended)
            self.connection.pull()
        elif not (self.has_timers or self.clogged or self._producer is not None):
            self.loseConnection("client")

    def _check_idle(self) -> None:
        self._idle = None
        quiet = self._reactor.seconds() - self._active_at
        if quiet + 0.001 < self._limits.idle:
            self._idle = self._reactor.callLater(self._limits.idle - quiet, self._check_idle)
        elif not self.disconnecting:
            self.limit("idle", self._limits.idle, "nothing was said for too long")
            self.farewell("idle")

    def _guarded(self, call: Callable[..., object], *args: object) -> None:
        """Call the server's code. If it fails, its own connection ends and the journal says so."""
        try:
            call(*args)
        except Exception as error:  # a server from a stranger's file may raise anything
            log.failure("a server's protocol failed", protocol=self.connection.protocol)
            text = f"{type(error).__name__} in the {self.connection.protocol} server: {error}"
            self._ledger.journal.record(
                Trouble(protocol=self.connection.protocol, conn=self.connection.id, text=text)
            )
            self.farewell("trouble")


def as_endpoint(address: Any) -> Endpoint:
    """A Twisted address as the journal tells it; Unix sockets have a path and no port."""
    return Endpoint(
        str(getattr(address, "host", None) or getattr(address, "name", None) or "unix"),
        int(getattr(address, "port", 0)),
    )
