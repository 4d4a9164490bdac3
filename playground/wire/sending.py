"""The half of an observed connection that sends, and what happens when the client does not read.

Here alone it is decided whether bytes go to the kernel at once or through the transport's buffer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

from twisted.internet.interfaces import IAddress, IReactorTime, ITransport
from twisted.internet.protocol import Protocol as TwistedProtocol

from playground.wire.connection import Connection
from playground.wire.handshake import Handshake
from playground.wire.ledger import Ledger
from playground.wire.limits import Limits
from playground.wire.outflow import Outflow, can_send_now, sent_now


class Sending(TwistedProtocol):
    """Writes, and pauses whoever writes while the client does not read.

    An :class:`~playground.wire.outflow.Outflow` is only made where it is needed: what the kernel takes at
    once needs nobody to wait for it.
    """

    connection: Connection

    def __init__(self, ledger: Ledger, reactor: IReactorTime) -> None:
        self._ledger = ledger
        self._reactor = reactor
        self._out: Outflow | None = None
        self._producer: Any = None
        self._sends_now = False
        self.handshake: Handshake | None = None
        self.said_at = 0.0
        """When something was said last, by the reactor's clock."""
        self.input_paused = False
        """True while the protocol wants no input."""
        self.disconnecting = False
        """True once the connection is being closed; writes are ignored then."""
        self.gathered: list[bytes] | None = None
        """Messages, journaled already, that leave with :meth:`write_gathered` or before the next write."""

    @property
    def _limits(self) -> Limits:
        return self._ledger.server.options

    @property
    def clogged(self) -> bool:
        """True while the peer does not read fast enough. Make no more output until ``drained()``."""
        out = self._out
        return out is not None and out.full

    def was_heard(self) -> None:
        """Something whole was said that is no claimed message: the connection is not idle."""
        self.said_at = self._ledger.seconds()

    def write(self, data: bytes) -> None:
        """Send one whole message (Twisted's name for it)."""
        self.send(data)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """Send one whole message that comes in pieces."""
        self.send(b"".join(pieces))

    def send(self, data: bytes) -> None:
        """Send one whole message."""
        raise NotImplementedError

    def write_silently(self, data: bytes) -> None:
        """Send bytes that are no message (a telnet echo): counted, not journaled."""
        if self.disconnecting:
            return
        if self.gathered:
            data = b"".join((*self.gathered, data))
            self.gathered.clear()  # who gathers has this list, and goes on
        size = len(data)
        self.connection.bytes_sent += size
        self.said_at = self._ledger.seconds()
        sent = sent_now(self.transport, data, self._out) if self._sends_now else 0
        if sent < 0:
            self.writeConnectionLost()
        elif sent < size:
            (self._out or self._make_outflow()).write(data[sent:])

    def write_gathered(self) -> None:
        """Send what was gathered, in one write."""
        if self.gathered:
            self.write_silently(b"")
        self.gathered = None

    # -- a protocol's push producer ----------------------------------------------------------

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

    # -- back-pressure -----------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """The protocol wants no more input for now."""
        self.input_paused = True
        cast("Any", self.transport).pauseProducing()

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

    def writeConnectionLost(self) -> None:
        """The client takes nothing any more."""
        raise NotImplementedError

    def _on_drained(self) -> None:
        """The client has read all that waited."""
        raise NotImplementedError

    def _give_up(self, setting: Literal["clogged", "unsent"]) -> None:
        """The client reads nothing, or too little."""
        raise NotImplementedError

    def getPeer(self) -> IAddress:
        """The client's address."""
        return cast("ITransport", self.transport).getPeer()

    def getHost(self) -> IAddress:
        """This side's address."""
        return cast("ITransport", self.transport).getHost()

    # -- life --------------------------------------------------------------------------------

    def _begin_to_send(self) -> None:
        self._sends_now = can_send_now(self.transport)
        if not self._sends_now:
            self._make_outflow()

    def _make_outflow(self) -> Outflow:
        self._out = Outflow(
            self.transport,
            self._reactor,
            patience=self._limits.clogged,
            room=self._limits.unsent,
            on_full=self._on_full,
            on_drained=self._on_drained,
            give_up=self._give_up,
        )
        return self._out

    def _close_when_sent(self) -> None:
        if self._out is not None:
            self._out.close()
        else:  # all is sent
            cast("Any", self.transport).loseConnection()

    def _stop_sending(self) -> None:
        self.disconnecting = True
        if self._out is not None:
            self._out.stop()
