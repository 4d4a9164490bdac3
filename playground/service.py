"""From settings to one running service: the servers, the journal and its file, the control socket."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from playground import __version__
from playground.ask import ControlError
from playground.control import ControlServer
from playground.functions import FunctionsOnDemand
from playground.journal.events import SCHEMA_VERSION, Forgotten, JournalOpen, Trouble, Where
from playground.journal.journal import Journal
from playground.layers import SECURED
from playground.metrics import Counts, Family, JournalNumbers, families
from playground.ports import Port, names, why_not, with_port
from playground.servers import Playground, Server
from playground.settings import Settings
from playground.state_dir import StateDir, StateDirError
from playground.stores.accounts import Accounts
from playground.stores.hashing import DEAR, Cost, Hasher, HashingThread
from playground.stores.snapshots import StoreError
from playground.views.jsonl_writer import JsonlWriter
from playground.views.runs import start_run
from playground.wire.certificates import Identity, NoCertificate, identity_of, utc_now
from playground.wire.listening import BadEndpoint, ListeningService

if TYPE_CHECKING:
    from playground.metrics.scraped import Scraped

log = Logger()

FORGETTABLE: Final[tuple[Where, ...]] = ("connection", "session", "shared")
DESCRIPTORS_WANTED = 65_536


class StartError(Exception):
    """The playground cannot start. Its text is one line that tells a person what to do."""


@dataclass
class _Running:
    """One server that is served."""

    playground: Playground
    service: ListeningService
    address: str = ""
    port: int = 0
    secured: tuple[str, int] | None = None
    """Where it listens with TLS besides."""


class PlaygroundService:
    """All servers of one process. ``cost`` is that of hashing a password."""

    def __init__(self, settings: Settings, reactor: Any, *, cost: Cost = DEAR) -> None:
        self.settings = settings
        self.reactor = reactor
        self.journal = Journal(
            time.time,
            capture=settings.capture,
            reveal=settings.reveal,
            ring_events=settings.journal.ring,
        )
        self._started = time.time()
        self._counts = Counts()
        self.journal.add_sink(self._counts)
        self.scraped: Scraped | None = None
        """Where Prometheus asks."""
        self.run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        self.running: dict[str, _Running] = {}
        self.functions = FunctionsOnDemand(settings.function, self._functions_playground)
        self._state_dir: StateDir | None = None
        self._writer: JsonlWriter | None = None
        self.unwritten = 0
        """After :meth:`close`, events that are not in the journal's file and never will be."""
        self._control: ControlServer | None = None
        self._hashing = HashingThread(reactor, most=settings.login.waiting)
        self.accounts = Accounts(
            settings.accounts,
            limits=settings.login,
            now=reactor.seconds,
            run=self._hashing,
            hasher=Hasher(cost),
        )
        self.identity: Identity | None = None
        """The certificate of ``--tls``."""

    async def open(self) -> None:
        """Open everything. Raises :class:`StartError`, and then nothing is left open."""
        try:
            await self._open()
        except Exception:
            await self.close()
            raise

    async def _open(self) -> None:
        raise_descriptor_limit()
        self._hold_state_dir()
        self._have_identity()
        for name, server_class in self.settings.servers.items():
            playground = Playground(
                server_class(self.settings.options[name]),
                reactor=self.reactor,
                journal=self.journal,
                accounts=self.accounts,
                random=secrets.SystemRandom(),
                state_dir=self.settings.state_dir,
                settings=self.settings.for_servers(),
                identity=self.identity,
                tls_endpoint=self.settings.tls_endpoints.get(name, ""),
            )
            self._make(name, playground)
            playground.functions = self.functions
        doors = tuple(door for one in self.running.values() for door in one.playground.server.doors())
        for name, running in self.running.items():
            running.playground.doors = doors
            await self._start(name, running)
        self.journal.record(
            JournalOpen(
                schema=SCHEMA_VERSION,
                run=self.run,
                version=__version__,
                pid=os.getpid(),
                servers={name: endpoint for name, endpoint, *_ in self.ports()},
            )
        )
        await self._open_control()
        await self._open_metrics()

    async def _open_metrics(self) -> None:
        if not self.settings.metrics:
            return
        from playground.metrics.scraped import Scraped  # its imports take a tenth of a second

        self.scraped = Scraped(self.reactor, self.metrics)
        try:
            await self.scraped.open(self.settings.metrics)
        except CannotListenError as error:
            raise StartError(why_not(self.settings, "metrics", error)) from error
        except BadEndpoint as error:
            raise StartError(f"metrics: {error}") from error

    def _functions_playground(self, server: Server) -> Playground:
        """What the functions live in, made when somebody asks for the first one."""
        return Playground(
            server,
            reactor=self.reactor,
            journal=self.journal,
            accounts=self.accounts,
            random=secrets.SystemRandom(),
            settings=self.settings.for_servers(),
        )

    def _playgrounds(self) -> dict[str, Playground]:
        """What each server lives in, and the functions where one was asked for."""
        return {name: one.playground for name, one in self.running.items()} | self.functions.playgrounds()

    def _hold_state_dir(self) -> None:
        settings = self.settings
        try:
            self._state_dir = StateDir.hold(settings.state_dir)
        except StateDirError as error:
            raise StartError(str(error)) from error
        try:
            start_run(settings.log, settings.log.parent / "runs", settings.journal.runs)
            settings.log.touch(mode=0o600)
        except OSError as error:
            raise StartError(
                f"The journal {settings.log} cannot be written: {error.strerror}. Try: --log FILE"
            ) from error
        self._writer = JsonlWriter(
            settings.log,
            max_bytes=settings.journal.file_bytes or sys.maxsize,
            keep=settings.journal.keep,
            queue_events=settings.journal.queue or sys.maxsize,
            on_trouble=lambda text: self.reactor.callFromThread(self._trouble, text),
        )
        self.journal.add_sink(self._writer)

    def _have_identity(self) -> None:
        settings = self.settings
        try:
            self.identity = identity_of(settings.tls, settings.state_dir, names(settings), utc_now())
        except NoCertificate as error:
            raise StartError(str(error)) from error

    def _trouble(self, text: str) -> None:
        self.journal.record(Trouble(text=text))
        sys.stderr.write(f"playground: {text}\n")

    def _make(self, name: str, playground: Playground) -> None:
        try:
            service = playground.server.service(playground, self.settings.endpoints[name])
        except StoreError as error:  # what it kept cannot be read: better no server than an empty one
            raise StartError(str(error)) from error
        self.running[name] = _Running(playground, service)

    async def _start(self, name: str, running: _Running) -> None:
        running.service.startService()
        try:
            running.address, running.port = await running.service.opened
            running.secured = running.service.secured
        except CannotListenError as error:
            raise StartError(why_not(self.settings, name, error)) from error
        except (BadEndpoint, NoCertificate) as error:
            raise StartError(f"{name}: {error}") from error

    def ports(self) -> Iterator[Port]:
        """Where the servers listen, those with TLS right behind the same without."""
        for name, running in self.running.items():
            server = running.playground.server
            said = self.settings.endpoints[name]
            tls = said.partition(":")[0] in ("ssl", "tls")
            plain = Port(name, with_port(said, running.port), running.address, running.port, server, tls)
            yield plain._replace(upgrades=running.service.speaks_tls)
            if running.secured is not None:
                address, port = running.secured
                endpoint = with_port(self.settings.tls_endpoints[name], port)
                yield Port(SECURED.get(name, f"{name}-tls"), endpoint, address, port, server, True)

    async def _open_control(self) -> None:
        if self._state_dir is None:
            return
        handlers = {
            "ping": lambda _: {"pid": os.getpid()},
            "state": lambda _: self.picture(),
            "forget": self._forget,
            "flush": self._flush,
            "reset": self._reset,
            "metrics": lambda _: {"metrics": msgspec.to_builtins(self.metrics())},
        }
        control = ControlServer(self.reactor, self._state_dir.control, handlers)
        try:
            await control.open()
        except (OSError, CannotListenError) as error:
            raise StartError(f"The control socket cannot be opened: {error}. Try: TMPDIR=DIR") from error
        self._control = control
        self._state_dir.tell(
            {"pid": os.getpid(), "ports": {name: running.port for name, running in self.running.items()}}
        )

    async def close(self) -> None:
        """Say goodbye on every connection, flush the journal, and leave nothing open. Takes at most 3 s."""
        running, self.running = self.running, {}
        stopping = [maybeDeferred(one.service.stopService) for one in running.values()]
        stopping.append(maybeDeferred(self.functions.close))
        if self._control is not None:
            control, self._control = self._control, None
            stopping.append(Deferred.fromCoroutine(control.close()))
        if self.scraped is not None:
            scraped, self.scraped = self.scraped, None
            stopping.append(Deferred.fromCoroutine(scraped.close()))
        for worked, failure in await DeferredList(stopping, consumeErrors=True):
            if not worked:  # the others, the journal and the folder are closed all the same
                log.failure("closing failed", cast("Failure", failure))
        self._hashing.close()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self.journal.remove_sink(writer)
            writer.close(timeout=0.8)
            self.unwritten = writer.lost + writer.waiting
        if self._state_dir is not None:
            self._state_dir.release()
            self._state_dir = None

    def ready(self) -> dict[str, Any]:
        """The line of ``--json``."""
        shown = {
            name: password
            for name, password in ((a.name, a.password) for a in self.settings.accounts)
            if name in self.settings.demo_passwords
        }
        asked = self.scraped.address if self.scraped else None
        metrics = {"metrics": {"host": asked[0], "port": asked[1]}} if asked else {}
        tls = {"tls": {"authority": str(authority)}} if (authority := self.authority) else {}
        return {
            "event": "ready",
            "pid": os.getpid(),
            "log": str(self.settings.log),
            "state_dir": str(self.settings.state_dir),
            "accounts": shown,
            "servers": {
                one.name: {"endpoint": one.endpoint, "host": one.host, "port": one.port}
                for one in self.ports()
            },
            **tls,
            **metrics,
        }

    @property
    def authority(self) -> Path | None:
        """The certificate that clients must be told to trust, when it is one of our own."""
        return self.identity.authority if self.identity else None

    # -- what the control socket asks ---------------------------------------------------------

    def picture(self) -> dict[str, Any]:
        """What all servers remember now."""
        pictures = {name: one.picture() for name, one in self._playgrounds().items()}
        return {
            "connections": [row for one in pictures.values() for row in one["connections"]],
            "sessions": [row for one in pictures.values() for row in one["sessions"]],
            "shared": [row for one in pictures.values() for row in one["shared"]],
            "totals": {
                name: {
                    "connections": len(one["connections"]),
                    "remembers": sum(1 for row in _rows(one) if row["held"]),
                    "held": sum(row["held"] for row in _rows(one)),
                }
                for name, one in pictures.items()
            },
        }

    def metrics(self) -> list[Family]:
        """Everything that can be counted, now."""
        writer = self._writer
        journal = JournalNumbers(
            events=self.journal.last_seq,
            waiting=writer.waiting if writer else 0,
            lag=writer.lag() if writer else 0.0,
            lost=writer.lost if writer else 0,
        )
        servers = self._playgrounds()
        return list(families(self._counts, servers, journal, version=__version__, started=self._started))

    def _forget(self, request: Mapping[str, Any]) -> dict[str, Any]:
        words = request.get("where") or ["connection", "session"]
        protocol = request.get("protocol")
        if unknown := set(words) - set(FORGETTABLE):
            raise ControlError(f"{unknown.pop()!r} cannot be forgotten; connection, session and shared can")
        playgrounds = self._playgrounds()
        if protocol is not None and protocol not in playgrounds:
            raise ControlError(f"no server {protocol!r} runs; {', '.join(playgrounds)} do")
        went: list[Forgotten] = []
        for name, playground in playgrounds.items():
            if protocol in (None, name):
                went += playground.forget(*words)
        return {"forgot": msgspec.to_builtins(went)}

    def _flush(self, _: Mapping[str, Any]) -> Deferred[dict[str, Any]]:
        flushed: Deferred[dict[str, Any]] = Deferred()
        seq = self.journal.last_seq
        if self._writer is None:
            raise ControlError("the journal is closed")
        self._writer.when_flushed(lambda: self.reactor.callFromThread(flushed.callback, {"seq": seq}))
        return flushed

    def _reset(self, _: Mapping[str, Any]) -> Deferred[dict[str, Any]]:
        """Forget everything; what the journal says after the returned ``seq`` is new."""
        self._forget({"where": list(FORGETTABLE)})
        return self._flush({})


def _rows(picture: Mapping[str, Any]) -> list[Any]:
    return [*picture["connections"], *picture["sessions"], *picture["shared"]]


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets a user have: the limits are ours, not the shell's."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems promise more than they give
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    _make_room_for_descriptors()


def _make_room_for_descriptors() -> None:
    """Have the kernel make its table of our descriptors large now, by using a high one.

    It doubles the table when it is full, and a process with threads waits for that: 6 to 32 ms measured,
    in which nobody is answered.
    """
    import fcntl
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = DESCRIPTORS_WANTED if soft == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, soft)
    with suppress(OSError), open(os.devnull, "rb") as low:
        os.close(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, room - 1))
