"""Addresses as the journal tells them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """One end of a connection."""

    address: str
    port: int


def as_endpoint(address: Any) -> Endpoint:
    """A Twisted address. Unix sockets have a path, or ``unix`` where they have none, and port 0."""
    where = getattr(address, "host", None) or getattr(address, "name", None) or "unix"
    return Endpoint(os.fsdecode(where), int(getattr(address, "port", 0)))


def kind(transport: Any) -> str:
    """What carries a connection: ``tcp``, ``unix`` or ``websocket``."""
    if hasattr(transport, "carrier"):
        return "websocket"
    return "tcp" if hasattr(transport.getPeer(), "port") else "unix"
