"""The functions as a server of the playground, so that journal, limits, state and forget are those of all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.servers.function.desk import PRIVATE_PORT, Desk
from playground.servers.function.folder import Folder
from playground.servers.function.limits import FunctionLimits
from playground.servers.function.states import Input
from playground.wire.ledger import Connection
from playground.wire.listening import ListeningService
from playground.wire.memory import NOTHING, Subject


class FunctionServer(Server):
    """The other side of ``/function/...``: it listens for processes that it has started."""

    name = "function"
    endpoint = PRIVATE_PORT
    memory = frozenset({"connection", "shared"})
    Options = FunctionLimits

    def __init__(self, options: FunctionLimits | None = None) -> None:
        super().__init__(options)
        self.desk: Desk | None = None
        """Whom others ask to run a function; there when the service is made."""

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        return _FunctionService(self.open(playground))

    def open(self, playground: Playground) -> Desk:
        """Be ready to run functions."""
        own = playground.settings.get("functions")
        self.desk = Desk(playground, Folder(own if isinstance(own, Path) else None))
        return self.desk

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        environment = getattr(conn.inner, "environment", None)
        if environment is None or environment.client is not conn.inner:
            return NOTHING
        picture: Snapshot = environment.picture()
        return picture

    @override
    def subjects(self) -> Iterable[Subject]:
        return self.desk.subjects if self.desk is not None else ()

    @override
    def forget(self, where: Where, /) -> None:
        if self.desk is None:
            return
        if where == "connection":
            self.desk.end_all(Input.FORGOTTEN)
        elif where == "shared":
            self.desk.forget_totals()


class _FunctionService(Service):
    """Has no port of its own: each environment gets one."""

    secured = None
    speaks_tls = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.opened: Deferred[tuple[str, int]] = succeed(("127.0.0.1", 0))

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted's
        return self._desk.close()
