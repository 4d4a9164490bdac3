"""The way out of one connection: what waits to be sent, and a reader that does not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

SLOWEST_READER = 1024
"""Bytes a second. Who reads less than this while something waits is given up."""


@implementer(IPushProducer)
class Outflow:
    """Writes to a transport, and notices when nobody reads at the other end.

    ``patience`` (seconds) is how long that may last, ``room`` (bytes) how much
    may wait meanwhile. ``on_full`` and ``on_drained`` are told when output
    should pause and may go on; ``give_up`` when patience or room has run out.
    """

    def __init__(
        self,
        transport: Any,
        reactor: IReactorTime,
        *,
        patience: float,
        room: int,
        on_full: Callable[[], None],
        on_drained: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._reactor = reactor
        self._patience = patience
        self._room = room
        self._on_full = on_full
        self._on_drained = on_drained
        self._give_up = give_up
        self._watch: IDelayedCall | None = None
        self._waiting = 0
        self._added_while_full = 0
        self.full = False
        """True from the moment the transport's buffer is full until it is empty."""
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the transport."""
        if self.full:
            self._added_while_full += len(data)
            if self._added_while_full > self._room:
                self._give_up()
                return
        self._transport.write(data)

    def close(self) -> None:
        """Close when all is sent; a reader that reads too slowly is given up."""
        self._transport.unregisterProducer()
        self._keep_watch(5.0)
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
        self._added_while_full = 0
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

    def _keep_watch(self, seconds: float) -> None:
        self.stop()
        self._waiting = waiting_bytes(self._transport)
        self._watch = self._reactor.callLater(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        self._watch = None
        # What was added meanwhile hides progress, and must: a reader has to keep up with it.
        if self._waiting - waiting_bytes(self._transport) < SLOWEST_READER * seconds:
            self._give_up()
        else:
            self._keep_watch(seconds)


def waiting_bytes(transport: Any) -> int:
    """Bytes that the transport has not yet given to the kernel.

    Twisted has no public name for it; a canary test fails when the private ones change.
    """
    waiting = 0
    while transport is not None:
        waiting += len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
        waiting += getattr(transport, "_tempDataLen", 0)
        transport = getattr(transport, "transport", None)  # TLS lies on top of TCP
    return waiting
