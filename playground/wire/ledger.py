"""The book of one server's connections: which are live, who acts, and what the server remembers.

:class:`Observed` keeps it for the reactor's transports, the FTP handler for
pyftpdlib's sockets. Nobody else records messages, life or state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from playground.journal.events import ConnectionOpen, Trouble
from playground.journal.journal import Journal
from playground.wire.addresses import Endpoint
from playground.wire.connection import TROUBLE_CHARACTERS, Connection
from playground.wire.memory import Memory, Remembers

__all__ = ["Connection", "Ledger"]

T = TypeVar("T")

Acting = Connection | Literal["server"] | None
"""On whose behalf the server's code does something: a client's, its own (a timer), or nobody knows."""


class Ledger:
    """All connections of one server, live ones by id."""

    def __init__(
        self,
        journal: Journal,
        server: Remembers,
        seconds: Callable[[], float],
        report: Callable[[str], object] = lambda what: None,
    ) -> None:
        self.journal = journal
        self.server = server
        self.seconds = seconds
        """A clock for durations, in seconds."""
        self._report = report
        self.memory = Memory(journal, server)
        self.live: dict[str, Connection] = {}
        self.opened = 0
        """Connections so far, not counting children."""
        self.count = 0
        """Live connections, not counting children and those that are being sent away."""
        self.by_address: Counter[str] = Counter()
        """The same by address."""
        self.acting: Acting = None
        """For whom the server's code runs now, where that is known: its are the changes."""
        self._here = Endpoint("", 0)
        self._failed: set[tuple[str, str]] = set()

    def open(
        self,
        client: Endpoint,
        server_side: Endpoint,
        *,
        parent: Connection | None = None,
        carrier: Connection | None = None,
        transport: str = "tcp",
        tls: bool = False,
    ) -> Connection:
        """A peer has connected. A child of ``ftp-1`` (a data connection) is ``ftp-1.1``; a ``carrier`` is
        a connection of another server.
        """
        if parent is None:
            self.opened += 1
            self.count += 1
            self.by_address[client.address] += 1
            name = f"{self.server.name}-{self.opened}"
        else:
            parent.children += 1
            name = f"{parent.id}.{parent.children}"
        if server_side == self._here:
            server_side = self._here  # one object for all that came to the same address
        self._here = server_side
        conn = self.live[name] = Connection(self, name, client, server_side, parent)
        below = parent or carrier
        self.journal.record(
            ConnectionOpen(
                protocol=self.server.name,
                conn=name,
                client_address=client.address,
                client_port=client.port,
                server_address=server_side.address,
                server_port=server_side.port,
                transport=transport,
                tls=tls,
                parent=below.id if below else None,
            )
        )
        return conn

    def full(self, client: Endpoint) -> tuple[str, int] | None:
        """The limit that forbids this connection, which is counted already: (setting, value), or None."""
        options = self.server.options
        if 0 < options.connections < self.count:
            return "connections", options.connections
        if 0 < options.connections_per_address < self.by_address[client.address]:
            return "connections_per_address", options.connections_per_address
        return None

    def release(self, conn: Connection) -> None:
        """``conn`` is gone, or is being sent away: it counts for nothing any more."""
        if self.live.pop(conn.id, None) is None or conn.parent is not None:
            return
        self.count -= 1
        self.by_address[conn.client.address] -= 1
        if not self.by_address[conn.client.address]:
            del self.by_address[conn.client.address]

    def pull(self, why: str | None = None) -> None:
        """Write down what changed in sessions and shared things without anybody's message."""
        self.pull_subjects(None, None, why)

    def pull_subjects(self, conn: str | None, cause: int | None, why: str | None = None) -> None:
        """Write down what changed in sessions and shared things, and whose message did it, where one did."""
        memory = self.memory
        memory.stale = False
        try:
            subjects = self.server.subjects()
            if subjects is memory.same and not memory.steps:
                return  # who hands out the same tuple again says that nothing has changed
            memory.compare(subjects, conn, cause, why)
        except Exception as error:  # a server from a stranger's file may raise anything
            self.failed("subjects", conn, error)

    def ask(self, what: str, conn: Connection, otherwise: T, call: Callable[..., T], /, *args: Any) -> T:
        """What ``call`` returns; ``otherwise`` if the server's code fails, which the journal says once."""
        try:
            return call(*args)
        except Exception as error:  # a server from a stranger's file may raise anything
            self.failed(what, conn.id, error)
            return otherwise

    def failed(self, what: str, conn: str | None, error: Exception) -> None:
        """The server's own code failed when it was asked: said once for each question and kind of error."""
        kind = type(error).__name__
        if (what, kind) in self._failed:
            return
        self._failed.add((what, kind))
        self._report(what)
        text = f"{kind} in {what} of the {self.server.name} server: {error}"
        self.journal.record(Trouble(protocol=self.server.name, conn=conn, text=text[:TROUBLE_CHARACTERS]))
