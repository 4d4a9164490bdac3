"""The FTP service: opens the door, and closes it politely."""

from __future__ import annotations

import re
import socket
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from typing_extensions import override

from playground.servers.ftp.bridge import Bridge
from playground.servers.ftp.limits import FtpLimits
from playground.servers.ftp.listener import Listener
from playground.servers.ftp.permissions import Tree
from playground.servers.ftp.protection import Policy
from playground.servers.ftp.sandbox import make_sandbox
from playground.servers.ftp.session import Session
from playground.wire.certificates import NoCertificate
from playground.wire.listening import BACKLOG, BadEndpoint
from playground.wire.socket_tls import socket_context


class Place(NamedTuple):
    """Where to listen."""

    interface: str
    port: int
    backlog: int = BACKLOG


def parse_endpoint(text: str) -> Place:
    """``tcp:PORT[:interface=ADDRESS][:backlog=N]``; raises :class:`BadEndpoint` for anything else.

    In an IPv6 address each colon is written ``\\:``, as in all Twisted endpoint strings.
    """
    kind, *rest = (part.replace("\\", "") for part in re.split(r"(?<!\\):", text))
    if kind != "tcp":
        raise BadEndpoint(
            f"{text!r}: FTP opens sockets of its own, so it takes tcp:PORT[:interface=ADDRESS] only"
        )
    named = {"port": "", "interface": "", "backlog": str(BACKLOG)}
    for index, part in enumerate(rest):
        name, equals, value = part.partition("=")
        if not equals and index == 0:
            name, value = "port", part
        if name not in named:
            raise BadEndpoint(f"{text!r}: FTP knows no {part!r} here; it takes tcp:PORT[:interface=ADDRESS]")
        named[name] = value
    for name in ("port", "backlog"):
        if not re.fullmatch("[0-9]{1,5}", named[name]) or int(named[name]) > 65535:
            raise BadEndpoint(f"{text!r}: {named[name]!r} is no {name} number")
    return Place(named["interface"], int(named["port"]), int(named["backlog"]))


def open_socket(place: Place) -> socket.socket:
    """A bound TCP socket; raises ``CannotListenError``."""
    family = socket.AF_INET6 if ":" in place.interface else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((place.interface, place.port))
    except OSError as error:
        sock.close()
        raise CannotListenError(place.interface, place.port, error) from error
    return sock


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

    @property
    def sessions(self) -> dict[str, Session]:
        """The live sessions by the id of their journal connection."""
        return self._listener.sessions if self._listener is not None else {}

    @override
    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]  # Twisted does not type it
        try:
            place = parse_endpoint(self._endpoint)
            tree = self._tree()
            policy = self._policy()
            sock = open_socket(place)
        except (BadEndpoint, CannotListenError, NoCertificate) as error:
            self._clean_up()
            self.opened.errback(error)
            return
        bridge = self.bridge = Bridge(self._playground.reactor)
        self._listener = Listener(sock, bridge, self._playground, self._limits, tree, policy, place.backlog)
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
            return Tree(root, bool(settings.get("ftp_write")))
        state = self._playground.state_dir
        if state is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="playground-ftp-")
            state = Path(self._temporary.name)
        try:
            return Tree(make_sandbox(state / "ftp"), writable=True)
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
