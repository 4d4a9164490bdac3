"""The book of one server's connections: every line about a connection is written here.

:class:`Observed` keeps it for the reactor's transports, the FTP handler for
pyftpdlib's sockets. Nobody else records messages, life or state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from playground.journal.events import (
    ConnectionClose,
    ConnectionOpen,
    Json,
    Kept,
    LimitHit,
    Partial,
    Received,
    Refused,
    Sent,
    Snapshot,
    Trouble,
)
from playground.journal.journal import Journal
from playground.journal.redaction import Secret, echoes, mask_values
from playground.wire.addresses import Endpoint
from playground.wire.machines import Transition
from playground.wire.memory import NOTHING, Memory, Remembers, Step, state_event

T = TypeVar("T")


TROUBLE_CHARACTERS: Final = 500


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
        self.acting: Connection | Literal["server"] | None = None
        """For whom the server's code runs now, where that is known: its are the changes."""
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
        self.ask("subjects", None, None, self.memory.pull, why=why)

    def ask(
        self,
        what: str,
        conn: Connection | None,
        otherwise: T,
        call: Callable[..., T],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> T:
        """What ``call`` returns; ``otherwise`` if the server's code fails, which the journal says once."""
        try:
            return call(*args, **kwargs)
        except Exception as error:  # a server from a stranger's file may raise anything
            kind = type(error).__name__
            if (what, kind) not in self._failed:
                self._failed.add((what, kind))
                self._report(what)
                text = f"{kind} in {what} of the {self.server.name} server: {error}"
                self.journal.record(
                    Trouble(
                        protocol=self.server.name,
                        conn=conn.id if conn else None,
                        text=text[:TROUBLE_CHARACTERS],
                    )
                )
            return otherwise


class Connection:
    """One connection in the journal."""

    __slots__ = (
        "_echoes",
        "_journal",
        "_ledger",
        "_remembered",
        "_sent_away",
        "_server",
        "_step",
        "_unanswered",
        "bytes_received",
        "bytes_sent",
        "children",
        "client",
        "id",
        "inner",
        "last_received",
        "messages_received",
        "messages_sent",
        "open",
        "opened_at",
        "parent",
        "protocol",
        "server_side",
    )

    def __init__(
        self, ledger: Ledger, name: str, client: Endpoint, server_side: Endpoint, parent: Connection | None
    ) -> None:
        self._ledger = ledger
        self._journal = ledger.journal
        self._server = ledger.server
        self._remembered: Snapshot = NOTHING
        self._step: Step | None = None
        self._echoes: list[tuple[bytes, str]] = []
        self._unanswered = False
        self._sent_away = False
        self.id = name
        self.protocol = ledger.server.name
        self.client = client
        self.server_side = server_side
        self.parent = parent
        self.children = 0
        self.inner: Any = None
        """The server's protocol object on this connection."""
        self.open = True
        self.opened_at = ledger.seconds()
        self.bytes_received = 0
        """Counted by whoever owns the socket, as is ``bytes_sent``."""
        self.bytes_sent = 0
        self.messages_received = 0
        self.messages_sent = 0
        self.last_received: int | None = None
        """The ``seq`` of the newest message from the client: the cause of what follows."""

    @property
    def remembered(self) -> Snapshot:
        """What was last recorded as remembered for this socket."""
        return self._remembered

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return self._ledger.seconds() - self.opened_at

    def received(
        self,
        data: bytes,
        *,
        secrets: Sequence[Secret] = (),
        carried: Mapping[str, Json] | None = None,
        carried_size: int | None = None,
    ) -> int:
        """The client sent one message; returns its ``seq``. Call it before handling the message."""
        self.pull()
        self._step = None  # a step that changed nothing is no part of what this message will change
        self.messages_received += 1
        self._echoes = echoes(data, secrets, self._echoes if self._unanswered else ())
        event = Received(
            protocol=self.protocol,
            conn=self.id,
            size=len(data),
            carried=dict(carried) if carried else None,
            carried_size=carried_size if carried else None,
            **self._journal.payload(data, secrets),
        )
        self._unanswered = True
        self.last_received = self._journal.record(event)
        self._ledger.memory.stale = True
        return self.last_received

    def sent(self, data: bytes, *, secrets: Sequence[Secret] = (), cause: int | None = None) -> int:
        """The server sends one message; returns its ``seq``. What changed before it is written first."""
        acting = self._ledger.acting or self
        self.pull_own()
        if self._ledger.memory.stale:
            self._pull_subjects(None if acting == "server" else acting)
        self.messages_sent += 1
        self._unanswered = False
        if cause is None and acting is self:
            cause = self.last_received  # else somebody else's message or the clock made the server say this
        return self._journal.record(
            Sent(
                protocol=self.protocol,
                conn=self.id,
                cause=cause,
                size=len(data),
                **self._journal.payload(data, secrets, self._echoes),
            )
        )

    def frame_received(self, kind: str, content: bytes, size: int) -> int:
        """As :meth:`received`, of a frame of that kind: what it says, and its bytes on the wire."""
        self.pull()
        self._step = None
        self.messages_received += 1
        event = Received(protocol=self.protocol, conn=self.id, size=size, frame=kind)
        self._show_frame(event, content)
        self.last_received = seq = self._journal.record(event)
        self._ledger.memory.stale = True
        return seq

    def frame_sent(self, kind: str, content: bytes, size: int) -> int:
        """As :meth:`sent`, of a frame of that kind."""
        self.pull()
        self.messages_sent += 1
        cause = self.last_received if self._ledger.acting in (None, self) else None
        event = Sent(protocol=self.protocol, conn=self.id, cause=cause, size=size, frame=kind)
        self._show_frame(event, content)
        return self._journal.record(event)

    def _show_frame(self, event: Received | Sent, content: bytes) -> None:
        for name, value in self._journal.payload(content).items():
            setattr(event, name, value)

    def partial(self, data: bytes) -> None:
        """Bytes that arrived but never became a message."""
        whole = (Secret(0, len(data)),)
        event = Partial(
            protocol=self.protocol, conn=self.id, size=len(data), **self._journal.payload(data, whole)
        )
        self._journal.record(event)

    def refused(self, rule: str, text: str, source: str | None = None) -> int:
        """The newest message is not allowed by a rule or by the present state."""
        return self._journal.record(
            Refused(
                protocol=self.protocol,
                conn=self.id,
                cause=self.last_received,
                rule=rule,
                text=text,
                source=source,
            )
        )

    def limit(self, setting: str, value: float, text: str) -> int:
        """A limit was reached. ``setting`` is its name without the server's, such as ``idle``."""
        return self._journal.record(
            LimitHit(
                protocol=self.protocol,
                conn=self.id,
                cause=self.last_received,
                limit=f"{self.protocol}.{setting}",
                value=value,
                text=text,
            )
        )

    def trouble(self, text: str) -> int:
        """The server's own difficulty with this connection."""
        masked = text.encode("utf-8", "replace")
        if not self._journal.reveal:
            masked = mask_values(masked, self._echoes)
        text = masked.decode("utf-8", "replace")[:TROUBLE_CHARACTERS]
        return self._journal.record(Trouble(protocol=self.protocol, conn=self.id, text=text))

    def machine_step(self, step: Transition) -> None:
        """A machine of this connection moved; its next ``state`` event will say so."""
        self._step = self._step.then(step) if self._step else Step(*step)

    def pull(self) -> None:
        """Write down what the server remembers differently since the last time."""
        self.pull_own()
        self._pull_subjects(self)

    def send_away(self) -> None:
        """One connection too many: it is never asked about, and counts no more."""
        self._sent_away = True
        self._ledger.release(self)

    def _pull_subjects(self, acting: Connection | None) -> None:
        ledger = self._ledger
        conn, cause = (acting.id, acting.last_received) if acting else (None, None)
        ledger.ask("subjects", acting, None, ledger.memory.pull, conn=conn, cause=cause)

    def pull_own(self) -> None:
        """The same as :meth:`pull`, for this socket's part alone."""
        if self.parent is not None or self._sent_away:
            return  # a data connection is part of its control connection's state
        now = self._ledger.ask("remembered", self, self._remembered, self._server.remembered, self)
        before = self._remembered
        if now is before:
            return
        self._remembered = now
        step, self._step = self._step, None
        if now != before:
            self._journal.record(
                state_event(
                    self.protocol, "connection", before, now, step, conn=self.id, cause=self.last_received
                )
            )

    def closed(self, reason: str) -> None:
        """The socket is gone, and the server's protocol knows. Says what died with it and what lives on."""
        if not self.open:
            return
        self.open = False
        ledger = self._ledger
        ledger.ask("subjects", self, None, ledger.memory.pull, conn=self.id)
        ledger.release(self)
        kept: list[Kept] = []
        if self.parent is None and not self._sent_away:
            kept = ledger.ask("subjects_of", self, kept, self._kept)
        self._journal.record(
            ConnectionClose(
                protocol=self.protocol,
                conn=self.id,
                reason=reason,
                received_bytes=self.bytes_received,
                sent_bytes=self.bytes_sent,
                received_messages=self.messages_received,
                sent_messages=self.messages_sent,
                lifetime=round(self.age, 6),
                forgot=dict(self._remembered),
                kept=kept,
            )
        )
        self._remembered = NOTHING

    def _kept(self) -> list[Kept]:
        return [
            Kept(where=where, name=name, remembers=dict(remembers), expires_in=expires_in)
            for where, name, remembers, expires_in in self._server.subjects_of(self)
        ]
