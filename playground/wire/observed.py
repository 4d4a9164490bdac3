"""A wrapper around every TCP transport: ids, byte counts, half-close, limits, journal.

To the reactor it is the protocol; to the server's protocol it is the
transport. Because each server's connections pass through here, a new protocol
gets all of this for nothing and cannot forget any of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.wire.addresses import as_endpoint, kind
from playground.wire.by_line import ByLine
from playground.wire.claiming import Claiming
from playground.wire.handshake import Handshake
from playground.wire.inner import NOBODY, Inner, failed, ran
from playground.wire.ledger import Ledger
from playground.wire.limits import SENT_AWAY_SECONDS
from playground.wire.timers import Silence, Timers


@implementer(IHalfCloseableProtocol, IHandshakeListener, ITransport, IConsumer)
class Observed(Claiming):
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
        silence: Silence | None = None,
    ) -> None:
        super().__init__(ledger, reactor)
        limits = self._limits
        self._inner = inner
        self._on_made = on_made
        self._on_lost = on_lost
        self._by_line = None if getattr(inner, "claims_messages", False) else ByLine(inner, self)
        self._reader = self._by_line or inner
        self._idle_by_message = bool(getattr(self._reader, "idle_by_message", False))
        self._timers: Timers | None = None
        self._deadlines: Timers | None = None
        self._silence = silence or Silence(reactor, limits.idle)
        self.close_reason = ""
        """Why this side closes, in the journal's word; empty while it does not. For ``connectionLost``."""
        self._inner_connected = False
        self._handling_input = False
        self.input_over = False
        """True once the client has closed its half."""

    # -- the reactor calls these -------------------------------------------------------------

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        client, here = as_endpoint(transport.getPeer()), as_endpoint(transport.getHost())
        tls, below = hasattr(transport, "getPeerCertificate"), getattr(transport, "carrier", None)
        self.connection = self._ledger.open(client, here, transport=kind(transport), tls=tls, carrier=below)
        self.handshake = Handshake(self, self._limits.handshake) if tls else None
        self.connection.inner = self._inner
        self._on_made(self)
        self._begin_to_send()
        if full := self._ledger.full(client):
            self.connection.send_away()
            self.connection.limit(*full, "too many connections; this one is sent away")
            self.farewell("too-many")
            self.deadline(SENT_AWAY_SECONDS, self.abortConnection)
            return
        self._silence.begin(self)
        self._inner_connected = True
        self._guarded(self._inner.makeConnection, self)
        self.connection.pull()

    def handshakeCompleted(self) -> None:
        """TLS is ready."""
        cast("Handshake", self.handshake).under_way = False

    @override
    def dataReceived(self, data: bytes) -> None:
        connection, ledger = self.connection, self._ledger
        connection.bytes_received += len(data)
        if self.disconnecting:
            return
        if not self._idle_by_message:
            self.said_at = ledger.seconds()
        if not self.unclaimed:
            self.unclaimed = data
        elif not self._keep(data):
            return
        # _handle_input, written out: every message comes this way, and three calls are 0.4 µs.
        acting, ledger.acting = ledger.acting, connection
        outermost, self._handling_input = not self._handling_input, True
        self.nothing_asked = connection.forgetful
        try:
            self._reader.dataReceived(data)
        except Exception as error:  # a server from a stranger's file may raise anything
            failed(connection, error)
            self._end_in_trouble()
        finally:
            ledger.acting = acting
            self._handling_input = not outermost
        if not (self.nothing_asked and ledger.memory.settled):
            connection.pull()
            ledger.memory.settled = acting is None

    def readConnectionLost(self) -> None:
        """The client has closed its half. It still reads, so everything it asked for is sent."""
        if self.input_over or self.disconnecting:
            return
        self.input_over = True
        if patience := self._limits.half_closed:
            self.deadline(patience, self._half_closed_too_long)
        self._end_input()

    @override
    def writeConnectionLost(self) -> None:
        self.abortConnection("lost")  # with epoll connectionLost might never follow (Twisted issue 5662)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._silence.end(self)
        if self._deadlines is not None:
            self._deadlines.end()
        if self.handshake is not None:
            self.close_reason = self.close_reason or self.handshake.lost(reason)
        self._stop_sending()
        if self._producer is not None:
            self._guarded(self._producer.stopProducing)
        if self._inner_connected:
            self._inner_connected = False
            self._guarded(self._inner.connectionLost, reason)
        if self._timers is None:
            self._timers = Timers(self._reactor)
        self._timers.end()  # for good, and after the protocol, which may cancel its own
        if self.unclaimed:
            self.connection.partial(bytes(self.unclaimed))
        self.connection.closed(self.close_reason or ("client" if reason.check(ConnectionDone) else "lost"))
        self._on_lost(self)
        self.connection.inner, self._by_line = None, None
        self._inner = self._reader = NOBODY

    # -- the protocol calls these ------------------------------------------------------------

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

        if self._timers is None:
            self._timers = Timers(self._reactor)
        return self._timers.later(delay, fire)

    def deadline(self, seconds: float, call: Callable[[], object]) -> None:
        """A timer that ends with the connection and for which no half-closed client is waited for."""
        if self._deadlines is None:
            self._deadlines = Timers(self._reactor)
        self._deadlines.later(seconds, call)

    @property
    def has_timers(self) -> bool:
        """True while a timer made with :meth:`call_later` is pending."""
        return self._timers is not None and self._timers.pending

    def loseConnection(self, reason: str = "server") -> None:
        """Close when everything written is sent. ``reason`` goes to the journal."""
        if not self.disconnecting:
            self.write_gathered()
            self._disconnect("client" if self.input_over and reason == "server" else reason)
            self._close_when_sent()

    @override
    def abortConnection(self, reason: str = "server") -> None:
        """Close now; what is not sent is lost."""
        self._disconnect(reason)
        cast("Any", self.transport).abortConnection()

    def _disconnect(self, reason: str) -> None:
        self.disconnecting, self.close_reason = True, self.close_reason or reason

    @override
    def farewell(self, reason: str) -> None:
        """Say goodbye in the protocol's own way, then close."""
        if self.connection.open and not self.disconnecting:
            ledger = self._ledger
            words = getattr(self._inner, "farewell", ledger.server.farewell)  # whoever has it by now says it
            self.send(ledger.ask("farewell", self.connection, b"", words, reason))
            self.loseConnection(reason)

    def goodbye(self, reason: str) -> None:
        """The server stops: the protocol finishes what is under way, if it knows how."""
        if self._inner_connected and not self.disconnecting and hasattr(self._inner, "goodbye"):
            self._guarded(self._inner.goodbye, reason)
        else:
            self.farewell(reason)

    # -- back-pressure -----------------------------------------------------------------------

    @override
    def unregisterProducer(self) -> None:
        super().unregisterProducer()
        self._end_if_over()

    def resumeProducing(self) -> None:
        """The protocol wants input again. It comes when the client also reads what it was sent."""
        self.input_paused = False
        if self._by_line is not None:
            self._handle_input(self._by_line.feed)
            self._end_if_over()
        self._read_again()

    @override
    def _on_drained(self) -> None:
        if self._producer is not None:
            self._guarded(self._producer.resumeProducing)
        if hasattr(self._reader, "drained"):
            self._handle_input(self._reader.drained)
        self._end_if_over()
        self.connection.pull()
        self._read_again()

    @override
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

    def silent_too_long(self) -> None:
        """The idle limit is reached."""
        if getattr(self._inner, "owes_answer", False):  # the client waits for us: the silence is ours
            self._silence.begin(self)
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
            self._end_in_trouble()

    def _end_in_trouble(self) -> None:
        if self._handling_input:
            self.drop_unclaimed()  # how much came with it is an accident of packets
        self.farewell("trouble")
