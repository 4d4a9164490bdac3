"""The FTP service: opens the door, and closes it politely."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from typing_extensions import override

from playground.servers.ftp.bridge import Bridge
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.listener import Listener
from playground.servers.ftp.permissions import Tree
from playground.servers.ftp.places import open_endpoint
from playground.servers.ftp.protection import Policy
from playground.servers.ftp.sandbox import make_sandbox
from playground.servers.ftp.session import Session
from playground.wire.certificates import NoCertificate
from playground.wire.listening import BadEndpoint
from playground.wire.socket_tls import socket_context


class FtpService(Service):
    """Serves FTP on one endpoint. ``opened`` fires with (address, port), or fails."""

    def __init__(self, playground: Any, endpoint: str, limits: FtpLimits) -> None:
        self._playground = playground
        self._endpoint = endpoint
        self._limits = limits
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._listener: Listener | None = None
        self.bridge: Bridge | None = None
        self.opened: Deferred[tuple[str, int]] = Deferred()
        self.secured: tuple[str, int] | None = None

    @property
    def sessions(self) -> dict[str, Session]:
        """The live sessions by the id of their journal connection."""
        return self._listener.sessions if self._listener is not None else {}

    @property
    def speaks_tls(self) -> bool:
        """Whether a client may begin TLS."""
        return self._listener is not None and self._listener.policy is not None

    @override
    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]  # Twisted does not type it
        try:
            tree = self._tree()
            policy = self._policy()
            sock, backlog = open_endpoint(self._endpoint, self._playground.reactor)
        except (BadEndpoint, CannotListenError, NoCertificate) as error:
            self._clean_up()
            self.opened.errback(error)
            return
        bridge = self.bridge = Bridge(self._playground.reactor)
        self._listener = Listener(sock, bridge, self._playground, self._limits, tree, policy, backlog)
        bridge.start()
        address, port = sock.getsockname()[:2]
        self.opened.callback((address, port))

    def _tree(self) -> Tree:
        """The files to serve: somebody's folder, or a sandbox that is made now."""
        settings = self._playground.settings
        chosen = settings.get("ftp_root")
        if chosen:
            root = Path(str(chosen)).expanduser()
            if not root.is_dir():
                raise BadEndpoint(f"--ftp-root {root}: there is no such folder")
            return Tree(root.resolve(), bool(settings.get("ftp_write")))
        state = self._playground.state_dir
        if state is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="playground-ftp-")
            state = Path(self._temporary.name)
        try:
            return Tree(make_sandbox(state / "ftp").resolve(), writable=True)
        except OSError as error:
            raise BadEndpoint(f"FTP's sandbox {state / 'ftp'} cannot be made: {error.strerror}") from error

    def _policy(self) -> Policy | None:
        """Whether and how TLS is spoken: ``--ftp-tls off``, ``allowed`` or ``required``."""
        identity = self._playground.identity
        wanted = self._playground.settings.get("ftp_tls", "allowed")
        if identity is None:
            if wanted == "required":
                raise NoCertificate("--ftp-tls required wants a certificate. Try: --tls auto")
            return None
        if wanted == "off":
            return None
        required = wanted == "required"
        resumed = required and self._limits.tls_resumed
        return Policy(lambda: socket_context(identity, resumable=resumed), required, resumed)

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted does not type it
        listener, bridge = self._listener, self.bridge
        if listener is not None and bridge is not None:
            listener.close()
            for session in list(listener.sessions.values()):
                session.farewell("shutdown")
            bridge.turn()
            for session in list(listener.sessions.values()):
                session.close()
            bridge.stop()
        self._listener = self.bridge = None
        self._clean_up()
        return succeed(None)

    def _clean_up(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
