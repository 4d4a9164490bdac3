"""Where servers listen: their ports, and why one cannot be had."""

from __future__ import annotations

import errno
import socket
from collections.abc import Set
from typing import NamedTuple

from twisted.internet.error import CannotListenError

from playground.layers import SECURED, SPECS
from playground.servers import Server
from playground.settings import Settings
from playground.terminal.start import reachable
from playground.where import interface


class Port(NamedTuple):
    """One place where a server listens."""

    name: str
    endpoint: str
    """With the real port where port 0 was asked for."""
    host: str
    port: int
    server: Server
    tls: bool
    upgrades: bool = False
    """Whether TLS begins here when the client asks for it."""


def names(settings: Settings) -> list[str]:
    """What clients on other machines may call this one, for its certificate; nothing if none can reach it."""
    if settings.loopback:
        return []
    wanted = (*settings.endpoints.values(), *settings.tls_endpoints.values())
    hosts = {reachable(interface(endpoint) or "0.0.0.0") for endpoint in wanted}
    return [*sorted(hosts), socket.gethostname()]


def _ports(settings: Settings) -> set[int]:
    """Those that the servers of these settings want."""
    wanted = (*settings.endpoints.values(), *settings.tls_endpoints.values())
    return {int(port) for port in map(_port, wanted) if port.isdecimal()}


def with_port(endpoint: str, real: int) -> str:
    """The endpoint string with the real port where port 0 was asked for."""
    kind, _, rest = endpoint.partition(":")
    port, colon, more = rest.partition(":")
    return f"{kind}:{real}{colon}{more}" if port == "0" else endpoint


def _port(endpoint: str) -> str:
    """What stands in the place of an endpoint's port."""
    return endpoint.split(":")[1] if ":" in endpoint else ""


def why_not(settings: Settings, server: str, error: CannotListenError) -> str:
    """Why a server cannot listen, and what to type instead."""
    secured = str(error.port) == _port(settings.tls_endpoints.get(server, ""))
    name = SECURED.get(server, server) if secured else server
    not_these = _ports(settings)
    number = getattr(error.socketError, "errno", None)
    option = f"--{name} " if name in SPECS else f"--endpoint {name}="
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
