"""FTP: a server that remembers you for as long as you are connected.

The commands and the files are pyftpdlib's; ``bridge.py`` puts its loop into
the reactor, ``talk.py`` keeps the journal, ``memory.py`` says what is remembered.
"""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.service import FtpService
from playground.servers.ftp.session import Session
from playground.wire.ledger import Connection
from playground.wire.limits import Limits
from playground.wire.memory import NOTHING

FAREWELLS = {
    "idle": b"421 You were silent for too long. Goodbye, you are forgotten.\r\n",
    "flood": b"421 Too many commands at once. Goodbye.\r\n",
    "too-many": b"421 Too many connections. Come back later.\r\n",
    "shutdown": b"421 The server stops. Goodbye, you are forgotten.\r\n",
}


class FtpServer(Server):
    """RFC 959 with the usual extensions (RFC 2428, RFC 3659)."""

    name: ClassVar[str] = "ftp"
    endpoint: ClassVar[str] = "tcp:2121"
    memory: ClassVar[frozenset[Where]] = frozenset({"connection"})
    remembers_you: ClassVar[str] = "while you are connected"
    try_it: ClassVar[tuple[str, ...]] = ("ftp {host} {port}",)
    try_tls: ClassVar[str] = "curl --ssl-reqd --cacert {authority} ftp://{host}:{port}/a.txt"
    Options: ClassVar[type[Limits]] = FtpLimits

    def __init__(self, options: Limits | None = None) -> None:
        super().__init__(options)
        self._services: list[FtpService] = []

    @override
    def service(self, playground: Playground, endpoint: str) -> FtpService:
        service = FtpService(playground, endpoint, self.options)
        self._services.append(service)
        return service

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        session: Session | None = conn.inner
        return session.snapshot() if session is not None else NOTHING

    @override
    def farewell(self, reason: str, /) -> bytes:
        return FAREWELLS.get(reason, b"421 Goodbye.\r\n")

    @override
    def forget(self, where: Where, /) -> None:
        if where == "connection":
            for service in self._services:
                for session in list(service.sessions.values()):
                    session.forget()
