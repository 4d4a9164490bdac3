"""Memory that many connections had goes back to the system when they are gone, where that can be.

Python's own allocator gives whole MiB back, and in each of them a few small things stay. With the C
library's allocator (``PYTHONMALLOC=malloc``) it is pages of 4 KiB, once somebody calls its ``malloc_trim``.
Events in the journal's ring keep pages, too, so it has to be small. Measured with 10,000 slow clients and a
ring of 100: 54 MiB before, 97 with them, 62 afterwards; with Python's own allocator 92 with them, and 91
afterwards. That one is faster, and so the default.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from playground.journal.events import AnyEvent, ConnectionClose, ConnectionOpen
from playground.journal.journal import Sink

LOOK_EVERY = 2.0
"""Seconds."""

MANY = 1000
"""Connections. What fewer of them had is not worth the while: it is used by the next ones."""


def trimmer(environment: Mapping[str, str] = os.environ) -> Callable[[], object] | None:
    """What gives the C library's free pages back; None where that is not the allocator or cannot do it."""
    if not environment.get("PYTHONMALLOC", "").startswith("malloc"):
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    return None if trim is None else lambda: trim(0)


class Trimming(Sink):
    """Calls ``trim`` when many connections are gone, few are left, and nobody leaves
    any more: what the journal still writes of them is memory, too, and a busy server is not stopped for this.
    """

    wants_messages = False

    def __init__(self, reactor: IReactorTime, trim: Callable[[], object]) -> None:
        self._reactor = reactor
        self._trim = trim
        self._live = 0
        self._gone = self._gone_before = 0
        reactor.callLater(LOOK_EVERY, self._look)

    @override
    def put(self, event: AnyEvent) -> None:
        """Called by the journal."""
        if isinstance(event, ConnectionOpen):
            self._live += 1
        elif isinstance(event, ConnectionClose):
            self._live -= 1
            self._gone += 1

    def _look(self) -> None:
        self._reactor.callLater(LOOK_EVERY, self._look)
        calm, self._gone_before = self._gone == self._gone_before, self._gone
        if calm and self._gone >= max(MANY, 4 * self._live):
            self._gone = self._gone_before = 0
            self._trim()
