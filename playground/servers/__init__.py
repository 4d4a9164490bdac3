"""What a server is, and what it is given to live in.

A new protocol is one file with one :class:`Server` in it; see
``servers/waiter.py`` for the smallest that says something.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.interfaces import IDelayedCall, IProtocolFactory
from twisted.logger import Logger

from playground.journal.events import Forgotten, Json, Snapshot, Trouble, Where
from playground.journal.journal import Journal
from playground.stores.accounts import Accounts
from playground.wire.addresses import Endpoint
from playground.wire.certificates import Identity
from playground.wire.doors import Door
from playground.wire.invoking import Functions
from playground.wire.ledger import Connection, Ledger
from playground.wire.limits import Limits
from playground.wire.listening import Listening, ListeningService, Tls
from playground.wire.machines import Transition
from playground.wire.memory import NOTHING, Subject, SubjectWhere, held

log = Logger()


class Server(ABC):
    """One protocol. Subclasses say what they remember; the playground writes it down."""

    name: ClassVar[str]
    """Short, lower case. Names connections (``game-3``), options (``--game``), settings (``game.idle``)."""
    endpoint: ClassVar[str]
    """Where it listens by default: a Twisted endpoint string without an interface, ``tcp:4000``."""
    memory: ClassVar[frozenset[Where]] = frozenset()
    """What the protocol itself remembers of a client."""
    paths: ClassVar[Mapping[str, frozenset[Where]]] = {}
    """Its paths that remember what the protocol itself does not, each with what it adds."""
    remembers_you: ClassVar[str] = ""
    """The same for the start table, in a person's words; made from ``memory`` when empty."""
    try_it: ClassVar[tuple[str, ...]] = ()
    """Commands a person types, with ``{host}`` and ``{port}``. The tests run them."""
    tls_endpoint: ClassVar[str] = ""
    """Where it listens with TLS besides, when there is a certificate; empty for nowhere."""
    try_tls: ClassVar[str] = ""
    """What a person types for that one, with ``{authority}``, ``{host}`` and ``{port}``."""
    alpn: ClassVar[tuple[bytes, ...]] = ()
    """The names under which TLS clients may ask for it (RFC 7301), such as ``http/1.1``."""
    Options: ClassVar[type[Limits]] = Limits
    """A frozen dataclass of settings; its fields are set by ``--set NAME.FIELD=VALUE``."""

    def __init__(self, options: Limits | None = None) -> None:
        self.options: Any = options if options is not None else self.Options()

    @abstractmethod
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        """A service that serves on ``endpoint``; usually ``playground.listen(endpoint, factory)``."""

    def remembered(self, conn: Connection, /) -> Snapshot:
        """What is held for that socket now: a frozen public picture, never a secret.

        Called after each message and timer: hand out the identical object
        while nothing has changed.
        """
        return NOTHING

    def subjects(self) -> Iterable[Subject]:
        """Everything held under ids or for everybody."""
        return ()

    def subjects_of(self, conn: Connection, /) -> Iterable[Subject]:
        """Those that belong to whoever is, or was until just now, on that connection."""
        return ()

    def doors(self) -> Iterable[Door]:
        """WebSockets through which it can be reached too, where another server opens such.

        Asked once, when all services are made and none listens yet.
        """
        return ()

    def farewell(self, reason: str, /) -> bytes:
        """The protocol's goodbye: ``idle``, ``flood``, ``too-many``, ``trouble`` or ``shutdown``.

        ``not-tls`` is said in plain text, on a TLS connection, to a client that does not speak TLS.
        """
        return b""

    def forget(self, where: Where, /) -> None:  # noqa: B027  # a server without memory has nothing to drop
        """Drop that memory now; connections stay open."""


class Playground:
    """What one server is given to live in."""

    def __init__(
        self,
        server: Server,
        *,
        reactor: Any,
        journal: Journal,
        accounts: Accounts,
        random: Any,
        state_dir: Path | None = None,
        settings: Mapping[str, object] | None = None,
        identity: Identity | None = None,
        tls_endpoint: str = "",
    ) -> None:
        self.server = server
        self.reactor = reactor
        self.journal = journal
        self.accounts = accounts
        self.random = random
        """A ``secrets.SystemRandom``, or a seeded ``random.Random`` in tests."""
        self.state_dir = state_dir
        """Where a server may keep files, or None."""
        self.settings: Mapping[str, object] = settings or {}
        """Settings that are no limits: ``ftp_root``, ``ftp_write``, ``game_seed``."""
        self.doors: tuple[Door, ...] = ()
        """What all servers of this process offer; complete when the service is started."""
        self.functions: Functions | None = None
        """Whom to ask to run a function, where somebody can; there when the service is started."""
        self.identity = identity
        """The certificate of ``--tls``, for servers that begin TLS themselves; None where there is none."""
        self.tls_endpoint = tls_endpoint
        """Where this server listens with TLS besides; empty for nowhere."""
        self.ledger = Ledger(journal, server, reactor.seconds, self._report)

    def _report(self, what: str) -> None:
        log.failure("{what} of the {server} server failed", what=what, server=self.server.name)

    @property
    def options(self) -> Any:
        """The server's own settings."""
        return self.server.options

    @property
    def connections(self) -> list[Connection]:
        """The live connections."""
        return list(self.ledger.live.values())

    def listen(
        self, endpoint: str, factory: IProtocolFactory, *, at_end: Callable[[], Awaitable[None]] | None = None
    ) -> Listening:
        """Serve ``factory`` on a Twisted endpoint string, with every connection observed.

        Where there is a :attr:`tls_endpoint`, it is served there, too. ``at_end`` is called when the service
        stops and nobody is connected any more: to close what the connections have used.
        """
        tls = Tls(self.identity, self.server.alpn)
        ledger, reactor, secured = self.ledger, self.reactor, None
        if self.tls_endpoint:
            secured = Listening(self.tls_endpoint, factory, ledger, reactor, tls._replace(always=True))
        return Listening(endpoint, factory, ledger, reactor, tls, secured, at_end)

    def connection(
        self,
        client: tuple[str, int],
        server_side: tuple[str, int],
        *,
        parent: Connection | None = None,
        transport: str = "tcp",
        tls: bool = False,
    ) -> Connection:
        """The book of one connection, for servers whose sockets are not the reactor's."""
        return self.ledger.open(
            Endpoint(*client), Endpoint(*server_side), parent=parent, transport=transport, tls=tls
        )

    def call_later(self, delay: float, call: Callable[..., object], *args: object) -> IDelayedCall:
        """A timer (seconds) of the server's own, after which its memory is pulled."""

        def fire() -> None:
            memory = self.ledger.memory
            self.ledger.acting, memory.stale, memory.settled = "server", True, False
            try:
                call(*args)
            except Exception as error:  # the server goes on; its journal says what happened
                log.failure("a server's timer failed", server=self.server.name)
                self.journal.record(
                    Trouble(protocol=self.server.name, text=f"{type(error).__name__} in a timer: {error}")
                )
            finally:
                self.ledger.acting = None
            self.pull(why="expired")

        timer: IDelayedCall = self.reactor.callLater(delay, fire)
        return timer

    def machine_step(self, where: SubjectWhere, name: str, step: Transition) -> None:
        """A machine of that session or shared thing moved; its next ``state`` event says so."""
        self.ledger.memory.step(where, name, step)

    def pull(self, why: str | None = None) -> None:
        """Write down what has changed in sessions and shared things."""
        self.ledger.pull(why)

    def settle(self, conn: Connection, why: str = "") -> None:
        """Write down now what a message on ``conn`` has changed, though its answer came later.

        ``why`` is the reason of sessions that are gone, where it is known.
        """
        if conn.open:
            conn.pull_own()
        self.ledger.pull_subjects(conn.id, conn.last_received, why or None)

    def four_words(self, conn: Connection, carried: Mapping[str, Json] | None = None) -> dict[Where, Json]:
        """Where the asker's state lives: the answer of ``/state``, ``SITE STATE`` and ``state``."""
        words: dict[Where, Json] = {
            "connection": dict(self.server.remembered(conn)),
            "session": {},
            "shared": {},
            "carried": dict(carried or {}),
        }
        for subject in self.server.subjects_of(conn):
            words[subject.where][subject.name] = dict(subject.remembers)
        return words

    def forget(self, *words: Where) -> list[Forgotten]:
        """Make the server drop that memory; returns and records what went, as it was before any of it did."""
        asked = {where: list(self._held(where)) for where in words}
        return [event for where in asked for event in self._forget(where, asked[where])]

    def _forget(self, where: Where, asked: Iterable[Forgotten]) -> list[Forgotten]:
        ledger = self.ledger
        ledger.acting, ledger.memory.why = "server", "forgotten"  # whatever the server says meanwhile
        ledger.memory.settled = False
        try:
            self.server.forget(where)
            for conn in self.connections:
                conn.pull_own()
            still = {(event.conn, event.session, event.shared): event.forgot for event in self._held(where)}
            gone = [
                event
                for event in asked
                if event.forgot and still.get((event.conn, event.session, event.shared)) != event.forgot
            ]
            for event in gone:
                self.journal.record(event)
            self.pull()
        finally:
            ledger.acting, ledger.memory.why = None, "ended"
        return gone

    def _held(self, where: Where) -> Iterable[Forgotten]:
        name = self.server.name
        if where == "connection":
            for conn in self.ledger.live.values():
                yield Forgotten(protocol=name, where=where, conn=conn.id, forgot=dict(conn.remembered))
        for subject in self.server.subjects():
            if subject.where == where:
                event = Forgotten(protocol=name, where=where, forgot=dict(subject.remembers))
                setattr(event, subject.where, subject.name)
                yield event

    def picture(self) -> dict[str, Json]:
        """Everything this server remembers now, for ``playground state``."""
        connections = [
            {
                "conn": conn.id,
                "protocol": self.server.name,
                "client": f"{conn.client.address}:{conn.client.port}",
                "age": round(conn.age, 3),
                "remembers": dict(conn.remembered),
                "held": held(conn.remembered),
            }
            for conn in self.ledger.live.values()
        ]
        subjects = [
            {
                "protocol": self.server.name,
                subject.where: subject.name,
                "remembers": dict(subject.remembers),
                "held": held(subject.remembers),
                "expires_in": subject.expires_in,
            }
            for subject in self.server.subjects()
        ]
        return {
            "connections": connections,
            "sessions": [subject for subject in subjects if "session" in subject],
            "shared": [subject for subject in subjects if "shared" in subject],
        }
