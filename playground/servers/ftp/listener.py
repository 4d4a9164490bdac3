"""Where control connections come in."""

from __future__ import annotations

import errno
import sys
from typing import Any

from twisted.logger import Logger
from typing_extensions import override

from playground.journal.events import Trouble
from playground.servers.ftp.bridge import Bridge
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.permissions import Tree
from playground.servers.ftp.protection import Policy
from playground.servers.ftp.quota import Tally
from playground.servers.ftp.session import Session, session_class
from playground.servers.ftp.stock import FTPServer

log = Logger()

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
PAUSE_SECONDS = 1.0
"""How long no connection is accepted after the system had no descriptor left."""


class Listener(FTPServer):
    """Accepts control connections and knows the live ones.

    pyftpdlib finds its connections in its loop, where those that wait for the
    answer to a wrong password are missing.
    """

    def __init__(
        self,
        sock: Any,
        bridge: Bridge,
        playground: Any,
        limits: FtpLimits,
        tree: Tree,
        policy: Policy | None,
        backlog: int,
    ) -> None:
        self.playground = playground
        self.limits = limits
        self.tree = tree
        self.policy = policy
        """How TLS is spoken; None where it is not."""
        self.tallies: dict[str, Tally] = {}
        """By account, what is stored: one for all connections of its."""
        self.name: str = playground.server.name
        self.sessions: dict[str, Session] = {}
        """Live sessions by the id of their journal connection."""
        super().__init__(
            sock, session_class(limits, playground.settings), ioloop=bridge.loop, backlog=backlog
        )

    @override
    def _accept_new_cons(self) -> bool:
        # Asked before a data connection: each session may have one, and a door to it.
        most = self.limits.connections
        return not most or len(self.ioloop.socket_map) <= 3 * most

    @override
    def handle_accepted(self, sock: Any, addr: Any) -> Any:
        session = self.handler(sock, self, ioloop=self.ioloop)
        if not session.connected:
            return None
        session.welcome()
        return session

    def entered(self, session: Session) -> None:
        """A session has its journal connection."""
        if session.conn is not None:
            self.sessions[session.conn.id] = session

    def left(self, session: Session) -> None:
        """A session is over."""
        if session.conn is not None:
            self.sessions.pop(session.conn.id, None)

    @override
    def handle_error(self) -> None:
        """Accepting failed. The door stays open, unlike pyftpdlib's."""
        error = sys.exc_info()[1]
        text = f"{type(error).__name__} in the ftp server: {error}"
        self.playground.journal.record(Trouble(protocol=self.name, text=text))
        if isinstance(error, OSError) and error.errno in EXHAUSTED:
            log.warn("FTP cannot accept connections for a moment: {error}", error=error)
            self.del_channel()
            self.call_later(PAUSE_SECONDS, self.add_channel)
        else:
            log.failure("FTP could not accept a connection")
