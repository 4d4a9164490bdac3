"""What the wire calls on a server's protocol, and what happens when that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from playground.wire.ledger import Connection, Ledger

log = Logger()


class Inner(Protocol):
    """What :class:`~playground.wire.observed.Observed` calls on a server's protocol."""

    def makeConnection(self, transport: Any, /) -> None:
        """Twisted's."""

    def dataReceived(self, data: bytes, /) -> None:
        """Twisted's."""

    def connectionLost(self, reason: Failure, /) -> None:
        """Twisted's."""


class _Nobody:
    def makeConnection(self, transport: Any, /) -> None:
        """Nobody is told."""

    def dataReceived(self, data: bytes, /) -> None:
        """Nobody is told."""

    def connectionLost(self, reason: Failure, /) -> None:
        """Nobody is told."""


NOBODY: Inner = _Nobody()
"""Whoever is at a connection that is closed.

Wire and protocol let go of each other then, so that all of it is freed at once. What holds on to itself in a
circle has to wait for the garbage collector, and where ten thousand connections come and go, that one stops
everybody for half a second.
"""


def ran(ledger: Ledger, conn: Connection, call: Callable[..., object], *args: object) -> bool:
    """Call the server's code on behalf of ``conn``. False if it failed; the journal says so then."""
    memory = ledger.memory
    memory.stale, memory.settled = True, False
    acting, ledger.acting = ledger.acting, conn
    try:
        call(*args)
    except Exception as error:  # a server from a stranger's file may raise anything
        failed(conn, error)
        return False
    finally:
        ledger.acting = acting
    return True


def failed(conn: Connection, error: Exception) -> None:
    """The server's code has raised ``error``: the log gets all of it, the journal a line."""
    log.failure("a server's protocol failed", protocol=conn.protocol)
    conn.trouble(f"{type(error).__name__} in the {conn.protocol} server: {error}")
