"""pyftpdlib's loop inside Twisted's reactor: one thread, no polling.

An epoll or kqueue descriptor is itself readable when one of its members is
ready. So the whole of pyftpdlib is one descriptor of the reactor and at most
one timer. What it does on its descriptors is none of the reactor's business,
which is why pyftpdlib may close them in any order it likes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.servers.ftp.stock import IOLoop, route_logging, timer

log = Logger()

NEVER = math.inf
MANY = 512
"""With so many timers that were cancelled, pyftpdlib sweeps them out."""


class Loop(IOLoop):
    """pyftpdlib's loop, which says when a timer was set."""

    def __init__(self) -> None:
        super().__init__()
        self.timer_set: Callable[[], None] = lambda: None

    @override
    def call_later(self, seconds: float, target: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        timer = super().call_later(seconds, target, *args, **kwargs)
        self.timer_set()
        return timer

    @override
    def call_every(self, seconds: float, target: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        timer = super().call_every(seconds, target, *args, **kwargs)
        self.timer_set()
        return timer

    def turn(self) -> float:
        """Handle what is ready now, and what is due. Returns when the next timer is, by pyftpdlib's clock.

        As pyftpdlib's ``loop``, which asks all of its parts each time.
        """
        self.poll(0)
        scheduled = self.sched
        tasks = scheduled._tasks
        if tasks and (tasks[0].timeout <= timer() or scheduled._cancellations > MANY):
            scheduled.poll()
        return self.due()

    def due(self) -> float:
        """When the next timer is due; never, when there is none."""
        tasks = self.sched._tasks
        return tasks[0].timeout if tasks else NEVER


@implementer(IReadDescriptor)
class Bridge:
    """Turns pyftpdlib's loop whenever one of its descriptors is ready or its next timer is due."""

    def __init__(self, reactor: Any) -> None:
        route_logging()
        self.loop = Loop()
        """Hand it to everything of pyftpdlib's: its default is shared by the whole process."""
        self._descriptor: int = self.loop.fileno()
        self.turns = 0
        """How often the loop was turned."""
        self._reactor = reactor
        self._timer: IDelayedCall | None = None
        self._wakes_at = NEVER
        """When that timer fires, by pyftpdlib's clock."""
        self._turning = False
        self.loop.timer_set = self._timer_set

    def start(self) -> None:
        """Begin to watch the loop."""
        self._reactor.addReader(self)
        self._timer_set()

    def turn(self) -> None:
        """Handle what is ready now, without waiting."""
        self._turning = True
        self.turns += 1
        try:
            due = self.loop.turn()
        except Exception:  # whatever one connection did, the others go on
            log.failure("a turn of the FTP loop failed")
            due = self.loop.due()
        self._turning = False
        if due < self._wakes_at:
            self._arm(due)

    def stop(self) -> None:
        """Close everything of the loop, and forget its timer."""
        self._reactor.removeReader(self)
        self._turning = True  # closing sets timers, which are cancelled a moment later
        self.loop.close()
        self._disarm()

    # -- IReadDescriptor: the reactor calls these ----------------------------------------------

    def fileno(self) -> int:
        """The descriptor of the whole loop."""
        return self._descriptor

    def doRead(self) -> None:  # noqa: N802  # the interface names it
        """One of pyftpdlib's descriptors is ready."""
        self.turn()

    def logPrefix(self) -> str:  # noqa: N802  # the interface names it
        """Whose log lines these are."""
        return "ftp"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # the interface names it
        """The reactor stops, or finds the descriptor closed: nothing is left to watch."""
        self._disarm()

    def _timer_set(self) -> None:
        """A timer was set from outside of a turn: the reactor must know when the first one is due."""
        if not self._turning and (due := self.loop.due()) < self._wakes_at:
            self._arm(due)

    def _arm(self, due: float) -> None:
        """Wake up then. (A timer that comes earlier is left alone: it sets the next.)"""
        self._disarm()
        self._wakes_at = due
        self._timer = self._reactor.callLater(max(0.0, due - timer()), self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_at = None, NEVER

    def _wake(self) -> None:
        self._timer, self._wakes_at = None, NEVER
        self.turn()
