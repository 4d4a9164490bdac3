"""Limits that every server has, and how a server declares its own.

A limit is a field of a frozen dataclass with its default and the reason for
it beside it; ``--set http.idle=30`` fills it, ``playground config`` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

UNCLAIMED_BYTES = 8 * 1024 * 1024
"""A protocol that leaves this much unclaimed is broken: its connection is closed."""

SENT_AWAY_SECONDS = 5.0
"""How long a connection that is one too many may take to hear so (TLS has to shake hands first)."""


def limit(default: float | bool | str, why: str) -> Any:
    """A dataclass field with its reason.

    Returns ``Any`` as :func:`dataclasses.field` does for type checkers, so
    that the annotation beside it decides the type.
    """
    return field(default=default, metadata={"why": why})


@dataclass(frozen=True)
class Limits:
    """What holds for every connection of a server. Times are seconds; 0 switches a limit off."""

    connections: int = limit(1024, "descriptors are finite, and one server must leave some to the others")
    connections_per_address: int = limit(
        256, "a classroom behind one address fits (30 people with four connections each), a flood does not"
    )
    idle: float = limit(300.0, "a silent connection is given up after five minutes, as FTP servers do")
    flood_per_second: float = limit(0.0, "messages a second that one connection may keep up")
    flood_burst: int = limit(0, "messages at once before the rate counts")
    half_closed: float = limit(30.0, "a client that has hung up its half waits this long for the rest")
    handshake: float = limit(10.0, "TLS shakes hands in two round trips; whoever never does holds a socket")
    clogged: float = limit(30.0, "a reader that stops reading is given up after this")
    unsent: int = limit(1024 * 1024, "bytes that may wait for a reader that has stopped reading")
