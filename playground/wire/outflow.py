"""The way out of one connection: what waits to be sent, and a reader that does not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.tcp import Server
from zope.interface import implementer

SLOWEST_READER = 1024
"""Bytes a second. Who reads less than this while something waits is given up."""

CLOSING_SECONDS = 30.0
"""How long a closing connection may stand still where no patience is set."""


@implementer(IPushProducer)
class Outflow:
    """Writes to a transport, and notices when nobody reads at the other end.

    ``patience`` (seconds) is how long that may last, ``room`` (bytes) how much
    may be added meanwhile; 0 switches either off. ``on_full`` and
    ``on_drained`` are told when output should pause and may go on; ``give_up``
    when patience (``clogged``) or room (``unsent``) has run out.
    """

    __slots__ = (
        "_give_up",
        "_gone_before",
        "_most_waiting",
        "_on_drained",
        "_on_full",
        "_patience",
        "_reactor",
        "_room",
        "_transport",
        "_watch",
        "_written",
        "full",
    )

    def __init__(
        self,
        transport: Any,
        reactor: IReactorTime,
        *,
        patience: float,
        room: int,
        on_full: Callable[[], None],
        on_drained: Callable[[], None],
        give_up: Callable[[Literal["clogged", "unsent"]], None],
    ) -> None:
        self._transport = transport
        self._reactor = reactor
        self._patience = patience
        self._room = room
        self._on_full = on_full
        self._on_drained = on_drained
        self._give_up = give_up
        self._watch: IDelayedCall | None = None
        self._written = 0
        self._gone_before = 0
        self._most_waiting = 0
        self.full = False
        """True from the moment the transport's buffer is full until it is empty."""
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the transport."""
        if self.full and self._room and waiting_bytes(self._transport) + len(data) > self._most_waiting:
            self._give_up("unsent")
            return
        self._written += len(data)
        self._transport.write(data)

    def close(self) -> None:
        """Close when all is sent; a reader that reads too slowly is given up."""
        self._transport.unregisterProducer()
        self._keep_watch(self._patience or CLOSING_SECONDS)
        self._transport.loseConnection()

    def stop(self) -> None:
        """The connection is gone: no timer may stay."""
        if self._watch is not None and self._watch.active():
            self._watch.cancel()
        self._watch = None

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        if self.full:
            return
        self.full = True
        self._most_waiting = waiting_bytes(self._transport) + self._room
        if self._patience:
            self._keep_watch(self._patience)
        self._on_full()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty again."""
        if not self.full:
            return
        self.full = False
        self.stop()
        self._on_drained()

    def stopProducing(self) -> None:
        """The transport is gone."""
        self.stop()

    @property
    def _gone(self) -> int:
        """Bytes that the kernel has taken."""
        return self._written - waiting_bytes(self._transport)

    def _keep_watch(self, seconds: float) -> None:
        self.stop()
        self._gone_before = self._gone
        self._watch = self._reactor.callLater(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        self._watch = None
        if self._gone - self._gone_before < SLOWEST_READER * seconds:
            self._give_up("clogged")
        else:
            self._keep_watch(seconds)


def can_send_now(transport: object) -> bool:
    """Whether :func:`sent_now` may be tried: on exactly Twisted's plain TCP server transport, nothing else.

    Whatever lies between (TLS is a transport of its own) would be bypassed, and **plaintext** sent.
    """
    return type(transport) is Server


def sent_now(transport: Any, data: bytes, own: Outflow | None) -> int:
    """Give ``data`` to the kernel at once. Returns how much of it that took; -1 for a broken socket.

    ``transport.write`` leaves the bytes to the reactor's next turn, which costs a second round of epoll for
    each answer: a bare responder makes 62,000 a second so, 109,000 with this. It is only done while nothing
    waits that must go first, and no producer but our ``own`` is registered, which need not be told. Whoever
    calls this hands what is left to ``transport.write``. A canary test fails when the private names change.
    """
    if (
        transport.dataBuffer
        or transport._tempDataBuffer
        or transport.disconnecting
        or not transport.connected
        or transport.TLS
        or transport._writeDisconnected
        or transport._writeDisconnecting
        or transport.producer is not own
    ):
        return 0
    try:
        taken: int = transport.socket.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return -1
    return taken


def waiting_bytes(transport: Any) -> int:
    """Bytes that the transport has not yet given to the kernel.

    Twisted has no public name for it; a canary test fails when the private ones change.
    """
    waiting = 0
    while transport is not None:
        own = vars(transport)  # TLS lies on top of TCP, and its attributes include those below
        waiting += len(own.get("dataBuffer", b"")) - own.get("offset", 0) + own.get("_tempDataLen", 0)
        waiting += sum(map(len, own.get("_appSendBuffer", ())))
        transport = getattr(transport, "transport", None)
    return waiting
