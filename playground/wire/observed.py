"""A wrapper around every TCP transport: ids, byte counts, half-close, limits, journal.

To the reactor it is the protocol; to the server's protocol it is the
transport. Because each server's connections pass through here, a new protocol
gets all of this for nothing and cannot forget any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.journal.events import Json
from playground.journal.redaction import Secret
from playground.wire.addresses import as_endpoint, kind
from playground.wire.by_line import ByLine
from playground.wire.flood import Flood
from playground.wire.handshake import Handshake
from playground.wire.inner import Inner, ran
from playground.wire.ledger import Ledger
from playground.wire.limits import SENT_AWAY_SECONDS, UNCLAIMED_BYTES
from playground.wire.outflow import Outflow
from playground.wire.timers import Silence, Timers


@implementer(IHalfCloseableProtocol, IHandshakeListener, ITransport, IConsumer)
class Observed(TwistedProtocol):
    """One observed connection.

    A protocol that says what its messages are has ``claims_messages = True`` and calls :meth:`claim`.
    Any other is given its input line by line, and each line is journaled as one message.

    It may have, and then is called on, ``input_ended()`` (the client has closed its half: close
    when all is answered; asked again after each timer), ``goodbye(reason)`` (the server stops) and
    ``drained()`` (a clogged reader reads again). While its ``owes_answer`` is true, it is not idle. With
    ``idle_by_message = True`` only whole messages count as activity.
    """

    def __init__(
        self,
        inner: Inner,
        ledger: Ledger,
        reactor: IReactorTime,
        on_made: Callable[[Observed], None] = lambda _: None,
        on_lost: Callable[[Observed], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._on_made = on_made
        self._on_lost = on_lost
        self._ledger = ledger
        self._limits = ledger.server.options
        self._reactor = reactor
        self._by_line = None if getattr(inner, "claims_messages", False) else ByLine(inner, self)
        self._reader = self._by_line or inner
        self._idle_by_message = bool(getattr(self._reader, "idle_by_message", False))
        self._timers = Timers(reactor)
        self._deadlines = Timers(reactor)
        self._silence = Silence(reactor, self._deadlines, self._limits.idle, self._silent_too_long)
        self._reason = ""
        self._inner_connected = False
        self._handling_input = False
        self._producer: Any = None
        self._flood = Flood(self._limits.flood_per_second, self._limits.flood_burst)
        self.unclaimed = bytearray()
        """What the client has sent and the protocol has not claimed; in the end it is ``partial``."""
        self.input_over = False
        """Whether the client has closed its half."""
        self.input_paused = False
        """True while the protocol wants no input."""
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
        tls, below = hasattr(transport, "getPeerCertificate"), getattr(transport, "carrier", None)
        self.connection = self._ledger.open(client, here, transport=kind(transport), tls=tls, carrier=below)
        self.handshake = Handshake(self, self._deadlines, self._limits.handshake) if tls else None
        self.connection.inner = self._inner
        self._on_made(self)
        self._out = Outflow(
            transport,
            self._reactor,
            patience=self._limits.clogged,
            room=self._limits.unsent,
            on_full=self._on_full,
            on_drained=self._on_drained,
            give_up=self._give_up,
        )
        if full := self._ledger.full(client):
            self.connection.send_away()
            self.connection.limit(*full, "too many connections; this one is sent away")
            self.farewell("too-many")
            self._deadlines.later(SENT_AWAY_SECONDS, self.abortConnection)
            return
        self._silence.begin()
        self._inner_connected = True
        self._guarded(self._inner.makeConnection, self)
        self.connection.pull()

    def handshakeCompleted(self) -> None:
        """TLS is ready."""
        cast("Handshake", self.handshake).under_way = False

    @override
    def dataReceived(self, data: bytes) -> None:
        self.connection.bytes_received += len(data)
        if self.disconnecting:
            return
        if not self._idle_by_message:
            self._silence.broken()
        self.unclaimed += data
        if len(self.unclaimed) > UNCLAIMED_BYTES:
            self.limit("unclaimed", UNCLAIMED_BYTES, "more bytes than any message may have")
            self.abortConnection("limit")
            return
        self._handle_input(self._reader.dataReceived, data)
        self.connection.pull()

    def readConnectionLost(self) -> None:
        """The client has closed its half. It still reads, so everything it asked for is sent."""
        if self.input_over or self.disconnecting:
            return
        self.input_over = True
        if self._limits.half_closed:
            self._deadlines.later(self._limits.half_closed, self._half_closed_too_long)
        self._end_input()

    def writeConnectionLost(self) -> None:
        """The client takes nothing any more."""
        self.abortConnection("lost")  # with epoll connectionLost might never follow (Twisted issue 5662)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadlines.end()
        self._out.stop()
        if self.handshake is not None:
            self._reason = self._reason or self.handshake.lost(reason)
        self.disconnecting = True
        if self._producer is not None:
            self._guarded(self._producer.stopProducing)
        if self._inner_connected:
            self._inner_connected = False
            self._guarded(self._inner.connectionLost, reason)
        self._timers.end()  # after the protocol, which may cancel its own
        if self.unclaimed:
            self.connection.partial(bytes(self.unclaimed))
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

        Call it before handling the message, and do not handle it when ``disconnecting`` afterwards: it was
        one too many. ``secrets`` are spans in it, ``carried`` is the state that the client had to bring.
        """
        message = bytes(self.unclaimed[:size])
        del self.unclaimed[:size]
        self._silence.broken()
        self.connection.received(message, secrets=secrets, carried=carried, carried_size=carried_size)
        if self._flood.rate and not self.disconnecting and self._flood.exceeded(self._reactor.seconds()):
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
        self._silence.broken()
        self._out.write(data)

    def refused(self, rule: str, text: str, source: str | None = None) -> None:
        """Journal that the newest message is not allowed."""
        self.connection.refused(rule, text, source)

    def limit(self, setting: str, value: float, text: str) -> None:
        """Journal that a limit was reached."""
        self.connection.limit(setting, value, text)

    def hand_over(self, inner: Inner) -> None:
        """From now on ``inner`` has the connection: what was not claimed, once, and all that follows."""
        self._inner = self._reader = inner
        self._idle_by_message = bool(getattr(inner, "idle_by_message", False))
        rest = bytes(self.unclaimed)
        inner.makeConnection(self)
        if rest and not self.disconnecting:
            inner.dataReceived(rest)

    # -- the protocol calls these: life ------------------------------------------------------

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> IDelayedCall:
        """A timer (seconds) that ends with the connection and after which memory is pulled.

        While one is pending, a client that has closed its half is waited for.
        """

        def fire() -> None:
            self._guarded(call, *args)
            self.connection.pull()
            self._end_if_over()

        return self._timers.later(delay, fire)

    @property
    def has_timers(self) -> bool:
        """True while a timer made with :meth:`call_later` is pending."""
        return self._timers.pending

    def loseConnection(self, reason: str = "server") -> None:
        """Close when everything written is sent. ``reason`` goes to the journal."""
        if not self.disconnecting:
            self._disconnect("client" if self.input_over and reason == "server" else reason)
            self._out.close()

    def abortConnection(self, reason: str = "server") -> None:
        """Close now; what is not sent is lost."""
        self._disconnect(reason)
        cast("Any", self.transport).abortConnection()

    def _disconnect(self, reason: str) -> None:
        self.disconnecting, self._reason = True, self._reason or reason

    def farewell(self, reason: str) -> None:
        """Say goodbye in the protocol's own way, then close."""
        if self.connection.open and not self.disconnecting:
            ledger = self._ledger
            self.send(ledger.ask("farewell", self.connection, b"", ledger.server.farewell, reason))
            self.loseConnection(reason)

    def goodbye(self, reason: str) -> None:
        """The server stops: the protocol finishes what is under way, if it knows how."""
        if self._inner_connected and not self.disconnecting and hasattr(self._inner, "goodbye"):
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
        if self._producer is not None:
            raise RuntimeError(f"{producer} cannot be registered: {self._producer} still is")
        if not self.connection.open:
            producer.stopProducing()
            return
        self._producer = producer
        if self.clogged:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """The protocol's producer has finished."""
        self._producer = None
        self._end_if_over()

    def pauseProducing(self) -> None:
        """The protocol wants no more input for now."""
        self.input_paused = True
        cast("Any", self.transport).pauseProducing()

    def resumeProducing(self) -> None:
        """The protocol wants input again. It comes when the client also reads what it was sent."""
        self.input_paused = False
        if self._by_line is not None:
            self._handle_input(self._by_line.feed)
            self._end_if_over()
        self._read_again()

    def _read_again(self) -> None:
        if not (self.input_paused or self.clogged or self.disconnecting):
            cast("Any", self.transport).resumeProducing()

    def _on_full(self) -> None:
        # Who does not read answers need not be asked for more: memory stays bounded.
        # But TLS cannot send anything before it has read the other half of its handshake.
        if self.handshake is None or not self.handshake.under_way:
            cast("Any", self.transport).pauseProducing()
        if self._producer is not None:
            self._producer.pauseProducing()

    def _on_drained(self) -> None:
        if self._producer is not None:
            self._guarded(self._producer.resumeProducing)
        if hasattr(self._reader, "drained"):
            self._handle_input(self._reader.drained)
        self._end_if_over()
        self.connection.pull()
        self._read_again()

    def _give_up(self, setting: str) -> None:
        if not self.disconnecting:
            value = getattr(self._limits, setting)
            self.limit(setting, value, "the client does not read what it is sent")
        self.abortConnection("clogged")

    def _end_if_over(self) -> None:
        if self.input_over and not self._handling_input:
            self._end_input()

    def _end_input(self) -> None:
        """Nothing more will come. Close when all is answered; asked again after each timer."""
        if self.disconnecting:
            return
        if hasattr(self._inner, "input_ended"):
            self._handle_input(self._inner.input_ended)
            self.connection.pull()
            return
        if self._by_line is not None:
            self._handle_input(self._by_line.feed)
        if not (self.has_timers or self.clogged or self.input_paused or self._producer is not None):
            self.loseConnection("client")

    def _half_closed_too_long(self) -> None:
        if not self.disconnecting:
            self.limit("half_closed", self._limits.half_closed, "what the client asked for took too long")
            self.loseConnection("half-closed")

    def _silent_too_long(self) -> None:
        if getattr(self._inner, "owes_answer", False):  # the client waits for us: the silence is ours
            self._silence.begin()
        elif not self.disconnecting:
            self.limit("idle", self._limits.idle, "nothing was said for too long")
            self.farewell("idle")

    def _handle_input(self, call: Callable[..., object], *args: object) -> None:
        outermost, self._handling_input = not self._handling_input, True
        try:
            self._guarded(call, *args)
        finally:
            self._handling_input = not outermost

    def _guarded(self, call: Callable[..., object], *args: object) -> None:
        """Call the server's code. If it fails, its own connection ends and the journal says so."""
        if not ran(self._ledger, self.connection, call, *args):
            if self._handling_input:
                self.unclaimed.clear()  # how much came with it is an accident of packets
            self.farewell("trouble")
