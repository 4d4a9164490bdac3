"""The timers of one connection: none of them outlives it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

FEW = 16


class Timers:
    """Makes timers, knows the pending ones, and ends them all."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._timers: set[IDelayedCall] = set()
        self._tidy_at = FEW
        self._over = False

    def later(self, delay: float, call: Callable[[], object]) -> IDelayedCall:
        """Call ``call`` in ``delay`` seconds. After :meth:`end` it is never called."""

        def fire() -> None:
            self._timers.discard(timer)
            call()

        timer = self._reactor.callLater(delay, fire)
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


class Silence:
    """Notices that nothing was said for ``patience`` seconds; 0 is for ever."""

    def __init__(
        self, reactor: IReactorTime, timers: Timers, patience: float, too_long: Callable[[], object]
    ) -> None:
        self._reactor = reactor
        self._timers = timers
        self._patience = patience
        self._too_long = too_long
        self._since = 0.0

    def begin(self) -> None:
        """Listen from now on."""
        self.broken()
        if self._patience:
            self._timers.later(self._patience, self._look)

    def broken(self) -> None:
        """Something was said. Costs no timer."""
        self._since = self._reactor.seconds()

    def _look(self) -> None:
        left = self._patience - (self._reactor.seconds() - self._since)
        if left > 0.001:
            self._timers.later(left, self._look)
        else:
            self._too_long()
