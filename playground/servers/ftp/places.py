"""Where the FTP server listens: an endpoint string, as a socket that pyftpdlib can have."""

from __future__ import annotations

import re
import socket
from typing import Any, NamedTuple

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError

from playground.wire.listening import BACKLOG, BadEndpoint


def open_endpoint(text: str, reactor: Any) -> tuple[socket.socket, int]:
    """A bound socket, and how many may wait; raises ``CannotListenError`` or :class:`BadEndpoint`."""
    if text.startswith("systemd:"):
        return adopted(text, reactor), BACKLOG
    place = parse_endpoint(text)
    return open_socket(place), place.backlog


def adopted(text: str, reactor: Any) -> socket.socket:
    """The socket that systemd has opened for us, as in ``systemd:domain=INET:index=0``."""
    try:
        endpoint = serverFromString(reactor, text)
    except Exception as error:  # Twisted's own parser raises what it meets
        raise BadEndpoint(f"{text!r}: systemd has passed no such socket ({error!r})") from error
    assert isinstance(endpoint, AdoptedStreamServerEndpoint)
    if endpoint.addressFamily not in (socket.AF_INET, socket.AF_INET6):
        raise BadEndpoint(f"{text!r}: FTP names its addresses to clients, so it takes domain=INET or INET6")
    return socket.fromfd(endpoint.fileno, endpoint.addressFamily, socket.SOCK_STREAM)


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
            f"{text!r}: FTP has sockets of its own, so it takes tcp:PORT[:interface=ADDRESS] or systemd: only"
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
