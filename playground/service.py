"""From settings to one running service: the servers, the journal and its file, the control socket."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from playground import __version__
from playground.ask import ControlError
from playground.control import ControlServer
from playground.journal.events import SCHEMA_VERSION, Forgotten, JournalOpen, Trouble, Where
from playground.journal.journal import Journal
from playground.layers import SERVERS
from playground.servers import Playground
from playground.settings import Settings
from playground.state_dir import StateDir, StateDirError
from playground.stores.accounts import Accounts
from playground.stores.hashing import DEAR, Hasher, HashingThread
from playground.stores.snapshots import StoreError
from playground.views.jsonl_writer import JsonlWriter
from playground.views.runs import start_run
from playground.wire.listening import BadEndpoint, ListeningService

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


class PlaygroundService:
    """All servers of one process."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        self.settings = settings
        self.reactor = reactor
        self.journal = Journal(
            time.time,
            capture=settings.capture,
            reveal=settings.reveal,
            ring_events=settings.journal.ring,
        )
        self.run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        self.running: dict[str, _Running] = {}
        self._state_dir: StateDir | None = None
        self._writer: JsonlWriter | None = None
        self._control: ControlServer | None = None
        self._hashing = HashingThread(reactor, most=settings.login.waiting)
        self.accounts = Accounts(
            settings.accounts,
            limits=settings.login,
            now=reactor.seconds,
            run=self._hashing,
            hasher=Hasher(DEAR),
        )

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
        for name, server_class in self.settings.servers.items():
            playground = Playground(
                server_class(self.settings.options[name]),
                reactor=self.reactor,
                journal=self.journal,
                accounts=self.accounts,
                random=secrets.SystemRandom(),
                state_dir=self.settings.state_dir,
                settings=self.settings.for_servers(),
            )
            self._make(name, playground)
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
                servers={name: self._endpoint_with_port(name) for name in self.running},
            )
        )
        await self._open_control()

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
        except CannotListenError as error:
            raise StartError(_why_not(name, error, self._ports_of_others(name))) from error
        except BadEndpoint as error:
            raise StartError(f"{name}: {error}") from error

    def _ports_of_others(self, name: str) -> set[int]:
        others = (endpoint for other, endpoint in self.settings.endpoints.items() if other != name)
        return {int(port) for port in (other.split(":")[1] for other in others) if port.isdecimal()}

    def _endpoint_with_port(self, name: str) -> str:
        """The endpoint string with the real port where port 0 was asked for."""
        kind, _, rest = self.settings.endpoints[name].partition(":")
        port, colon, more = rest.partition(":")
        return f"{kind}:{self.running[name].port}{colon}{more}" if port == "0" else f"{kind}:{rest}"

    async def _open_control(self) -> None:
        if self._state_dir is None:
            return
        handlers = {
            "ping": lambda _: {"pid": os.getpid()},
            "state": lambda _: self.picture(),
            "forget": self._forget,
            "flush": self._flush,
            "reset": self._reset,
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
        if self._control is not None:
            control, self._control = self._control, None
            stopping.append(Deferred.fromCoroutine(control.close()))
        for worked, failure in await DeferredList(stopping, consumeErrors=True):
            if not worked:  # the others, the journal and the folder are closed all the same
                log.failure("closing failed", cast("Failure", failure))
        self._hashing.close()
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self.journal.remove_sink(writer)
            writer.close(timeout=0.8)
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
        return {
            "event": "ready",
            "pid": os.getpid(),
            "log": str(self.settings.log),
            "state_dir": str(self.settings.state_dir),
            "accounts": shown,
            "servers": {
                name: {
                    "endpoint": self._endpoint_with_port(name),
                    "host": running.address,
                    "port": running.port,
                }
                for name, running in self.running.items()
            },
        }

    # -- what the control socket asks ---------------------------------------------------------

    def picture(self) -> dict[str, Any]:
        """What all servers remember now."""
        pictures = {name: running.playground.picture() for name, running in self.running.items()}
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

    def _forget(self, request: Mapping[str, Any]) -> dict[str, Any]:
        words = request.get("where") or ["connection", "session"]
        protocol = request.get("protocol")
        if unknown := set(words) - set(FORGETTABLE):
            raise ControlError(f"{unknown.pop()!r} cannot be forgotten; connection, session and shared can")
        if protocol is not None and protocol not in self.running:
            raise ControlError(f"no server {protocol!r} runs; {', '.join(self.running)} do")
        went: list[Forgotten] = []
        for name, running in self.running.items():
            if protocol in (None, name):
                for where in words:
                    went += running.playground.forget(where)
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


def _why_not(name: str, error: CannotListenError, not_these: Set[int]) -> str:
    """Why a server cannot listen, and what to type instead."""
    number = getattr(error.socketError, "errno", None)
    option = f"--{name} " if name in SERVERS else f"--endpoint {name}="
    if not str(error.port).isdecimal():
        return f"{name} cannot listen on {error.port}: {error.socketError}. Try: playground {option}PORT"
    port = int(error.port)
    if number == errno.EADDRINUSE:
        free = _free_port(error.interface, port + 1, not_these)
        return f"Port {port} is taken. Try: playground {option}{free}"
    if number == errno.EACCES:
        free = _free_port(error.interface, 8000 + port % 1000, not_these)
        return f"Port {port} is for root only. Try: playground {option}{free}"
    if number == errno.EADDRNOTAVAIL:
        return f"This machine has no address {error.interface}. Try: playground --host 127.0.0.1"
    return f"{name} cannot listen on {error.interface} port {port}: {error.socketError}"


def _free_port(interface: str, first: int, not_these: Set[int]) -> int:
    """The first port from ``first`` on that is free now; 0, which is any port, when there is none nearby."""
    import socket

    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    for port in range(first, min(first + 100, 65_536)):
        if port in not_these:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((interface, port))
            except OSError:
                continue
            return port
    return 0


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets a user have: the limits are ours, not the shell's."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems promise more than they give
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
