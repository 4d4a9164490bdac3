"""The timers of one connection: none of them outlives it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

FEW = 16


class Timers:
    """Makes timers, knows the pending ones, and ends them all."""

    __slots__ = ("_over", "_reactor", "_tidy_at", "_timers")

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._timers: set[IDelayedCall] = set()
        self._tidy_at = FEW
        self._over = False

    def later(self, delay: float, call: Callable[[], object]) -> IDelayedCall:
        """Call ``call`` in ``delay`` seconds. After :meth:`end` it is never called."""

        timer = self._reactor.callLater(delay, self._fire, call)
        if self._over:
            timer.cancel()
            return timer
        if (
            len(self._timers) >= self._tidy_at
        ):  # who cancels a timer tells nobody, and may do it a million times
            self._timers = {known for known in self._timers if known.active()}
            self._tidy_at = max(FEW, 2 * len(self._timers))
        self._timers.add(timer)
        return timer

    def _fire(self, call: Callable[[], object]) -> None:
        self._timers.difference_update([timer for timer in self._timers if not timer.active()])
        call()

    @property
    def pending(self) -> bool:
        """True while one of them will still be called."""
        return any(timer.active() for timer in self._timers)

    def __len__(self) -> int:
        return len(self._timers)

    def end(self) -> None:
        """Cancel all, for good."""
        self._over = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()


class Quiet(Protocol):
    """A connection on which nothing may be said for too long."""

    said_at: float
    """When something was said last, by the reactor's clock."""

    def silent_too_long(self) -> None:
        """Nothing was said since for the whole patience. Called once."""


class Silence:
    """Notices connections on which nothing was said for ``patience`` seconds; 0 is for ever.

    One timer for all connections of a server, which may be given as the set that somebody keeps of them
    anyway: a timer for each would be half a KiB of memory. Whoever says something costs it nothing. It looks
    when the next one may be due, but at most a hundred times in ``patience``, so that many cost little.
    """

    def __init__(self, reactor: IReactorTime, patience: float, all_of_them: set[Any] | None = None) -> None:
        self._reactor = reactor
        self._patience = patience
        self._all: set[Quiet] = all_of_them if all_of_them is not None else set()
        self._timer: IDelayedCall | None = None

    def begin(self, one: Quiet) -> None:
        """Listen to this one from now on."""
        one.said_at = self._reactor.seconds()
        if self._patience:
            self._all.add(one)
            if self._timer is None:
                self._timer = self._reactor.callLater(self._patience, self._look)

    def end(self, one: Quiet) -> None:
        """Listen to it no more. With the last one the timer goes, too."""
        self._all.discard(one)
        if not self._all and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now, patience = self._reactor.seconds(), self._patience
        due = [one for one in self._all if one.said_at <= now - patience + 0.001]
        for one in due:
            one.said_at = math.inf  # it is told once
        next_due = min((one.said_at for one in self._all), default=math.inf) + patience - now
        if next_due < math.inf:
            self._timer = self._reactor.callLater(max(next_due, patience / 100), self._look)
        for one in due:
            one.silent_too_long()
