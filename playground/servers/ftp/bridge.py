"""pyftpdlib's loop inside Twisted's reactor: one thread, no polling.

An epoll or kqueue descriptor is itself readable when one of its members is
ready. So the whole of pyftpdlib is one descriptor of the reactor and at most
one timer. What it does on its descriptors is none of the reactor's business,
which is why pyftpdlib may close them in any order it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from playground.servers.ftp.stock import IOLoop, route_logging, timer

log = Logger()


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


@implementer(IReadDescriptor)
class Bridge:
    """Turns pyftpdlib's loop whenever one of its descriptors is ready or its next timer is due."""

    def __init__(self, reactor: Any) -> None:
        route_logging()
        self.loop: Any = Loop()
        """Hand it to everything of pyftpdlib's: its default is shared by the whole process."""
        self.turns = 0
        """How often the loop was turned."""
        self._reactor = reactor
        self._timer: IDelayedCall | None = None
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
            delay = self.loop.loop(timeout=0, blocking=False)
        except Exception:  # whatever one connection did, the others go on
            log.failure("a turn of the FTP loop failed")
            delay = 1.0
        self._turning = False
        self._arm(delay)

    def stop(self) -> None:
        """Close everything of the loop, and forget its timer."""
        self._reactor.removeReader(self)
        self._turning = True  # closing sets timers, which are cancelled a moment later
        self.loop.close()
        self._arm(None)

    # -- IReadDescriptor: the reactor calls these ----------------------------------------------

    def fileno(self) -> int:
        """The descriptor of the whole loop."""
        descriptor: int = self.loop.fileno()
        return descriptor

    def doRead(self) -> None:  # noqa: N802  # the interface names it
        """One of pyftpdlib's descriptors is ready."""
        self.turn()

    def logPrefix(self) -> str:  # noqa: N802  # the interface names it
        """Whose log lines these are."""
        return "ftp"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # the interface names it
        """The reactor stops, or finds the descriptor closed: nothing is left to watch."""
        self._arm(None)

    def _timer_set(self) -> None:
        """A timer was set from outside of a turn: the reactor must know when the first one is due."""
        if not self._turning:
            tasks = self.loop.sched._tasks
            first = tasks[0].timeout if tasks else None
            self._arm(None if first is None else max(0.0, first - timer()))

    def _arm(self, delay: float | None) -> None:
        if self._timer is not None and self._timer.active():
            if delay is not None and self._timer.getTime() <= self._reactor.seconds() + delay:
                return  # it comes early enough, and then sets the next
            self._timer.cancel()
        self._timer = None if delay is None else self._reactor.callLater(delay, self.turn)
