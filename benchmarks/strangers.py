"""Clients on the server's own machine that are measured as if they had machines of their own."""

from __future__ import annotations

import os
import socket
import struct
import time

SO_TIMESTAMPNS = 35
"""Linux: the kernel tells when it got what is read. Python has no name for it."""


def give_way() -> None:
    """From now on this process runs where nobody else wants to, and nobody waits for it to stop.

    Attackers do it: with nice 19 they would still keep a processor for milliseconds that the server needs.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def stamp(client: socket.socket) -> None:
    """Let the kernel tell :func:`read` when it had what is read."""
    client.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def read(client: socket.socket) -> tuple[bytes, float]:
    """What a :func:`stamp`\\ ed client has heard, and when the kernel had it, in seconds since 1970.

    With this an answer's time does not end only when the client, one of many on the same processors, gets
    round to reading it. Raises :class:`EOFError` where the server has closed.
    """
    heard, told, _, _ = client.recvmsg(65536, 64)
    if not heard:
        raise EOFError("the server has closed")
    for _, kind, moment in told:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack_from("qq", moment)
            return heard, seconds + nanoseconds / 1e9
    return heard, time.time()
