"""What an input led to waits here until the game is saved: no byte of it leaves before.

One save is under way at a time, and what comes meanwhile shares the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from playground.servers.game import saved
from playground.servers.game.effects import Effect, Show, Wake
from playground.servers.game.lantern import Lantern
from playground.servers.game.scene import Scene, scene_saved
from playground.stores.snapshots import SnapshotStore, StoreError
from playground.wire.ledger import Connection

log = Logger()


class Batch(NamedTuple):
    """All that one input led to."""

    effects: list[Effect]
    cause: Connection | None
    """Whose input; None for the clock and the owner."""


class Held:
    """Batches in order.

    ``release`` is called with those that are saved; ``undo`` with those that are not: the game is
    then as it was saved last, and what this takes comes with them.
    """

    def __init__(
        self,
        lantern: Lantern,
        store: SnapshotStore,
        release: Callable[[list[Batch]], None],
        undo: Callable[[list[Batch], list[Effect], StoreError], None],
    ) -> None:
        self._lantern = lantern
        self._store = store
        self._release = release
        self._undo = undo
        self._batches: deque[Batch] = deque()
        self._waiting: set[str] = set()
        self._under_way: Deferred[None] | None = None
        self._last = saved.taken(lantern)
        self._bound: dict[str, str] = {}
        self._closed = False
        self._looked_at = -1
        """Of all changes, how many :attr:`_last` or what is being saved knows of."""
        self._certain = True
        """True while :attr:`_last` is known to be what the store holds."""
        self._put_back = False
        """True from a start until what was put back is saved in turn: its clocks have been set anew."""
        self._seen: Scene | None = None
        """What there is to see of :attr:`_last`, once somebody has asked."""
        lantern.saved_scene = self.saved_scene

    def open(self) -> None:
        """Put back what the store holds. To be called once. Raises :class:`StoreError`."""
        found = self._store.open()
        if found is None:
            return
        try:
            game = saved.read(found.body)
        except saved.Unusable as error:
            raise StoreError(f"{self._store.path} is damaged: {error}") from error
        slept = max(0.0, self._lantern.now() - found.taken_at)
        effects = self._lantern.put_back(game, {}, slept)
        self._last, self._put_back = found.body, True
        self.add(Batch(effects, None))

    def waits(self, conn: str) -> bool:
        """Whether something that ``conn`` said is not saved yet."""
        return conn in self._waiting

    def may_leave_now(self, effects: list[Effect], conn: str) -> bool:
        """Whether ``effects``, which ``conn`` has led to, tell of nothing that is not saved."""
        return not self.waits(conn) and all(_needs_no_save(effect) for effect in effects)

    def saved_scene(self) -> Scene | None:
        """What there is to see of what is saved, whatever has happened since; None if that is not certain."""
        if not self._certain or self._put_back:
            return None
        if self._under_way is None and self._looked_at == self._lantern.changes:
            return self._lantern.scene()
        if self._seen is None:
            self._seen = scene_saved(saved.read(self._last), self._bound)
        return self._seen

    def add(self, batch: Batch) -> None:
        """One more; it leaves with :meth:`settle` at the earliest."""
        self._batches.append(batch)
        if batch.cause is not None:
            self._waiting.add(batch.cause.id)

    def settle(self) -> None:
        """Let go what needs no saving, and save the rest."""
        while self._batches and self._under_way is None:
            if self._closed or (self._certain and self._looked_at == self._lantern.changes):
                self._release(self._taken_out(len(self._batches)))
                continue
            now, self._looked_at = saved.taken(self._lantern), self._lantern.changes
            bound = {seat.name: seat.conn for seat in self._lantern.seats if seat.conn}
            if self._certain and now == self._last:
                self._bound, self._seen, self._put_back = bound, None, False
                self._release(self._taken_out(len(self._batches)))
                continue
            saving = self._under_way = self._store.save(now)
            _ = saving.addCallbacks(
                self._saved, self._not_saved, callbackArgs=(now, bound, len(self._batches))
            ).addErrback(lambda failure: log.failure("letting go what was saved failed", failure))

    async def close(self) -> None:
        """Save what is left to save, then close the store."""
        self.settle()
        while self._under_way is not None:
            await _end_of(self._under_way)
        self._closed = True
        await self._store.close()

    # -- inside ------------------------------------------------------------------------------

    def _saved(self, _: object, now: bytes, bound: dict[str, str], how_many: int) -> None:
        self._under_way = None
        self._last, self._bound, self._certain = now, bound, True
        self._seen, self._put_back = None, False
        self._release(self._taken_out(how_many))
        self.settle()

    def _not_saved(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, StoreError):
            error = StoreError(str(error))
        self._under_way = None
        self._certain = False
        lost = self._taken_out(len(self._batches))
        effects = self._lantern.put_back(saved.read(self._last), self._bound)
        self._undo(lost, effects, error)
        self.settle()

    def _taken_out(self, how_many: int) -> list[Batch]:
        batches = [self._batches.popleft() for _ in range(how_many)]
        self._waiting = {batch.cause.id for batch in self._batches if batch.cause is not None}
        return batches


def _needs_no_save(effect: Effect) -> bool:
    return isinstance(effect, Show) or (isinstance(effect, Wake) and effect.alarm.kind == "greeting")


def _end_of(saving: Deferred[None]) -> Deferred[None]:
    """Fires when ``saving`` has worked or failed, and that was handled."""
    ended: Deferred[None] = Deferred()

    def tell(result: object) -> None:
        ended.callback(None)

    _ = saving.addBoth(tell)
    return ended
