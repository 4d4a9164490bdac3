"""A door: what a server speaks on a port of its own, over a WebSocket that another server has opened.

One text message is one line, both ways. The server behind the door notices
nothing: its protocol sits on an observed transport as ever, in its own
journal lines (``game-5``, whose ``parent`` is ``http-3``), with its own limits.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress, IPushProducer, ITransport
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.journal.events import Where
from playground.wire.ledger import Connection
from playground.wire.listening import ObservedFactory
from playground.wire.observed import Observed
from playground.wire.opcodes import Code
from playground.wire.websocket import CODES, Conversation, WebSocket


class Door(NamedTuple):
    """What a server offers to whoever can open WebSockets."""

    path: str
    """Such as ``/game``."""
    shows: str
    """What is behind it: one sentence for a list of paths."""
    memory: Where
    """Where what is remembered behind it lives the longest."""
    factory: ObservedFactory
    """Builds what is behind it: that of the server's :class:`~playground.wire.listening.Listening`."""

    def open(self) -> Conversation:
        """Somebody comes in."""
        return Doorway(self.factory)


@implementer(ITransport, IPushProducer)
class Doorway(Conversation):
    """One WebSocket as the transport of one connection of the server behind the door."""

    shows_messages = False

    def __init__(self, factory: ObservedFactory) -> None:
        self._factory = factory
        self._inside: Observed | None = None
        self._unfinished = b""
        self.transport: Observed | None = None
        """What carries it, named as Twisted names it in transports on transports."""

    @property
    def carrier(self) -> Connection:
        """The connection that was opened as something else: the ``parent`` in the journal."""
        return self._socket.wire.connection

    # -- the WebSocket calls these -----------------------------------------------------------

    @override
    def opened(self, socket: WebSocket) -> None:
        self._socket = socket
        self.transport = socket.wire
        inside = self._factory.buildProtocol(socket.wire.getPeer())
        if inside is None:
            socket.close(Code.TRY_AGAIN, "nobody is at home", "refused")
            return
        self._inside = inside
        cast("Any", inside).makeConnection(self)  # Twisted's has no types

    @override
    def heard(self, socket: WebSocket, message: str | bytes) -> None:
        if self._inside is None:
            return
        if isinstance(message, bytes):
            text = "Speak in text messages here: each is a line."
            socket.wire.refused("text-only", text, "RFC 6455 7.4.1")
            socket.close(Code.UNSUPPORTED, text, "refused")
            return
        line = message.removesuffix("\n").removesuffix("\r")  # a page may or may not end its lines
        inside = self._inside
        inside.dataReceived(f"{line}\n".encode())
        inside.write_gathered()  # the next frame may be a goodbye, after which nothing is said any more

    @override
    def ended(self, socket: WebSocket) -> None:
        if self._inside is not None:
            self._inside.readConnectionLost()

    @override
    def goodbye(self, socket: WebSocket, reason: str) -> None:
        if self._inside is not None:
            self._inside.goodbye(reason)

    @override
    def closed(self, socket: WebSocket, reason: Failure) -> None:
        inside, self._inside = self._inside, None
        if inside is not None:
            by_client = socket.wire.close_reason in ("", "client")
            inside.connectionLost(reason if by_client else Failure(ConnectionLost()))

    # -- the connection behind the door calls these ------------------------------------------

    def write(self, data: bytes) -> None:
        """Say the lines in ``data``; one without an end waits for it."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._socket.say(line.removesuffix(b"\r").decode(errors="replace"))

    def writeSequence(self, data: Any) -> None:
        """Twisted's."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Say what is left to say, and close."""
        if self._unfinished:
            self.write(b"\n")
        reason = self._inside.close_reason if self._inside is not None else "server"
        self._socket.close(CODES.get(reason, Code.NORMAL), "", reason)

    def abortConnection(self) -> None:
        """Close now."""
        reason = self._inside.close_reason if self._inside is not None else "server"
        self._socket.wire.abortConnection(reason)

    def getPeer(self) -> IAddress:
        """The client's address."""
        return self._socket.wire.getPeer()

    def getHost(self) -> IAddress:
        """This side's address: that of the server that opened the door."""
        return self._socket.wire.getHost()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Whoever writes is paused while the client does not read."""
        self._socket.wire.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Nobody writes any more."""
        self._socket.wire.unregisterProducer()

    def pauseProducing(self) -> None:
        """No more messages for now."""
        self._socket.hold()

    def resumeProducing(self) -> None:
        """Messages again."""
        self._socket.go_on()

    def stopProducing(self) -> None:
        """Twisted's."""
        self.loseConnection()
