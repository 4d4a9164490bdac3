"""The live lines below the start table: one line an exchange, in batches."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text
from twisted.internet.interfaces import IDelayedCall
from typing_extensions import override

from playground.journal.events import AnyEvent
from playground.journal.journal import Journal, Sink
from playground.views.live import LiveView

BATCH_SECONDS = 0.1
"""The lines are at most this far behind."""

SUMMARY_SECONDS = 1.0
"""A flood is summed up this long after its last line."""

WAITING_EVENTS = 5000
"""What may wait for a slow terminal."""


class Live(Sink):
    """Prints what happens, without ever waking up while nothing does."""

    def __init__(self, journal: Journal, reactor: Any) -> None:
        self._reactor = reactor
        self._journal = journal
        self._console = Console(highlight=False, markup=False)
        self._view = LiveView()
        self._events = journal.subscribe(WAITING_EVENTS)
        self._batch: IDelayedCall | None = None
        journal.add_sink(self)

    @override
    def put(self, event: AnyEvent) -> None:
        """Something happened: print it with what else happens in the next moment."""
        if self._batch is None:
            self._batch = self._reactor.callLater(BATCH_SECONDS, self._print)

    def _print(self) -> None:
        self._batch = None
        self._show(self._view.lines(self._events.take(), self._console.width))
        if self._view.owes:  # a flood's summary, which is due when its second is over
            self._batch = self._reactor.callLater(SUMMARY_SECONDS, self._sum_up)

    def _sum_up(self) -> None:
        self._batch = None
        self._show(self._view.lines(self._events.take(), self._console.width))
        self._show(self._view.finish())

    def _show(self, lines: Iterable[Text]) -> None:
        with suppress(OSError):  # the terminal has hung up; the servers have not
            for line in lines:
                self._console.print(line)

    def stop(self) -> None:
        """Print the last lines and no more."""
        self._journal.remove_sink(self)
        if self._batch is not None:
            self._batch.cancel()
        self._sum_up()
        self._events.close()
