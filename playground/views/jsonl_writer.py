"""The journal's file: written in batches by a thread of its own, rotated by size, never in a server's way.

``put`` costs the servers an append to a queue. Everything that can be slow or can fail (encoding, the disk)
happens in the thread. When the disk is full or the folder unwritable, the servers go on: events wait in the
bounded queue, those that find no room are counted, and once writing works again a ``dropped`` event tells how
many are missing.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from typing_extensions import override

from playground.journal.broadcast import Broadcast, each_alone, first_of, last_of
from playground.journal.events import AnyEvent, Dropped, Message
from playground.journal.journal import Events, Sink
from playground.views.jsonl import encode, encode_all, rotated
from playground.views.jsonl_file import File, Known

MAX_BYTES: Final = 64 * 1024 * 1024
"""A file of this size is put aside and a new one begun."""
KEEP: Final = 4
"""Older parts of the run that stay."""
QUEUE_EVENTS: Final = 200_000
"""Events that wait for a slow or full disk; a few hundred bytes of memory each."""
GATHER: Final = 0.05
"""Seconds between the first event of a batch and its writing: the file is at most 100 ms behind."""
RETRY: Final = 1.0
"""Seconds between attempts while the disk refuses."""
_BATCH: Final = 1000
"""Events that are encoded and written in one go: the servers wait meanwhile, because both are Python."""
_LARGE_BATCH: Final = 10_000
"""The same where the queue is a quarter full: before each, this thread waits too; it must not fall behind."""
_FEW: Final = 2000
"""With no more to do, the thread writes gently, which nobody is to notice:"""
_GENTLE_BATCH: Final = 100
"""so many in one go,"""
_REST: Final = 0.001
"""then so many seconds of rest."""
_LOOK_AFTER: Final = 50
"""Batches in one go after which it is looked whether the file is still in its place."""
_BATCH_BYTES: Final = 4 * 1024 * 1024


class _Mark:
    """Stands in the queue behind the events that must be on disk before ``reached`` is called."""

    def __init__(self, reached: Callable[[], None]) -> None:
        self.reached = reached


class _Gap:
    """Stands in the queue where events found no room."""

    count = 0


class _Batch(NamedTuple):
    """What is written next."""

    lines: bytes
    events: int
    """How many they are."""
    begun: datetime
    """When the first of them happened."""
    lasting: list[AnyEvent]
    """Those of them that are no messages: something later may build on one."""


class JsonlWriter(Sink):
    """Writes ``path``.

    ``on_trouble`` is called in the writer's thread, once per episode, with a
    text for a person. ``now`` is the clock (seconds since 1970) for the
    ``dropped`` events that the writer adds. The file's mode is 0600.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = MAX_BYTES,
        keep: int = KEEP,
        queue_events: int = QUEUE_EVENTS,
        retry: float = RETRY,
        on_trouble: Callable[[str], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.lost = 0
        """Events that will never be in the file, in all."""
        self._max_bytes = max_bytes
        self._keep = keep
        self._queue_events = queue_events
        self._retry = retry
        self._on_trouble = on_trouble
        self._now = now
        self._queue: deque[AnyEvent | Broadcast | _Mark | _Gap] = deque()
        self._more_put = self._more_taken = 0
        """A broadcast to 100 is one thing in the queue and 99 more events: how many more came, counted by
        the servers' thread, and how many went, counted by the other one.
        """
        self._gap_lock = threading.Lock()
        self._resting = True
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = False
        self._in_trouble = False
        self._batch: _Batch | None = None
        self._known = Known()
        self._last_seq = 0
        self._file: File | None = None
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()

    # Called by the servers' thread.

    @override
    def put(self, event: AnyEvent) -> None:
        """Take one event. Returns at once, never raises."""
        # _queued, written out: this is done for most events.
        if len(self._queue) + self._more_put - self._more_taken >= self._queue_events or self._closing:
            self._lose()
            return
        self._queue.append(event)
        if self._resting:  # set before the thread's last look into the queue, so no event is overlooked
            self._resting = False
            self._wake.set()

    @override
    def put_all(self, events: Events) -> None:
        """Take many at once."""
        if self._queued + len(events) > self._queue_events or self._closing:
            super().put_all(events)
            return
        if isinstance(events, Broadcast):
            self._more_put += len(events) - 1
            self._queue.append(events)
        else:
            self._queue.extend(events)
        if self._resting:
            self._resting = False
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Events that are not in the file yet."""
        batch = self._batch
        return self._queued + (batch.events if batch is not None else 0)

    @property
    def _queued(self) -> int:
        return len(self._queue) + self._more_put - self._more_taken

    def lag(self) -> float:
        """Seconds since the oldest event happened that is not in the file yet; 0 where all are."""
        batch = self._batch
        if batch is not None:
            return max(0.0, self._now() - batch.begun.timestamp())
        with suppress(IndexError):  # the writer may take it at this moment
            oldest = self._queue[0]
            if not isinstance(oldest, _Mark | _Gap):
                return max(0.0, self._now() - first_of(oldest).time.timestamp())
        return 0.0

    def _lose(self) -> None:
        with self._gap_lock:
            self.lost += 1
            newest = self._queue[-1] if self._queue else None
            if not isinstance(newest, _Gap):
                newest = _Gap()
                self._queue.append(newest)
            newest.count += 1

    def flush(self, timeout: float | None = 5.0) -> bool:
        """Wait until all that was put so far is in the file. False when ``timeout`` (s) was too short."""
        reached = threading.Event()
        self.when_flushed(reached.set)
        return reached.wait(timeout)

    def when_flushed(self, reached: Callable[[], None]) -> None:
        """Call ``reached``, in the writer's thread, once all that was put so far is in the file."""
        self._queue.append(_Mark(reached))
        self._hurry.set()
        self._wake.set()

    def close(self, timeout: float = 5.0) -> bool:
        """Write the rest and end the thread. False when something could not be written in time."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._queue and self._batch is None

    # The writer's thread.

    def _run(self) -> None:
        while True:
            if self._in_trouble:
                self._hurry.wait(self._retry)
            else:
                self._wake.wait()
                self._hurry.wait(GATHER)
            self._wake.clear()
            self._hurry.clear()
            closing = self._closing
            self._resting = True
            try:
                self._work_off()
            except OSError as error:
                self._trouble(error)
            if closing:
                if self._file is not None:
                    self._file.close()
                return

    def _trouble(self, error: OSError) -> None:
        if self._in_trouble:
            return
        self._in_trouble = True
        if self._on_trouble is not None:
            with suppress(Exception):  # nothing that a listener does may end this thread
                self._on_trouble(
                    f"The journal cannot be written: {error.strerror or error} ({self.path})."
                    f" The servers go on; {self._queue_events:,} events are kept until writing works again."
                )

    def _work_off(self) -> None:
        """Write all that is queued. Raises :class:`OSError`; what is not written yet waits for the next."""
        gently, written = True, 0
        while self._batch is not None or self._queue:
            gently = gently and self._queued <= _FEW
            if self._batch is None and isinstance(mark := self._queue[0], _Mark):
                self._queue.popleft()
                with suppress(Exception):
                    mark.reached()
                continue
            if written % _LOOK_AFTER == 0:
                self._let_go_of_what_is_gone()
            file, room = self._file_for_writing()
            if self._batch is None:
                self._batch = self._next_batch(room, gently)
            file.append(self._batch.lines)
            self._known.note(self._batch.lasting)
            self._batch = None
            self._in_trouble = False
            written += 1
            if gently and self._queue:
                self._hurry.wait(_REST)

    def _next_batch(self, room: int, gently: bool) -> _Batch:
        """What fits into that many bytes (one event at least), up to the next mark."""
        most = _GENTLE_BATCH if gently else _BATCH if self._queued < self._queue_events / 4 else _LARGE_BATCH
        items, count, lasting = self._taken(most)
        # In few steps of Python: the servers' thread waits for this one meanwhile, and the other way round.
        lines, last = encode_all(items), last_of(items[-1])
        if len(lines) > room:
            end = lines.rfind(b"\n", 0, room) + 1 or lines.index(b"\n") + 1
            lines = lines[:end]
            count = lines.count(b"\n")
            events = [*each_alone(items)]
            self._queue.extendleft(reversed(events[count:]))
            last = events[count - 1]
            lasting = [event for event in events[:count] if not isinstance(event, Message)]
        self._last_seq = last.seq
        return _Batch(lines, count, first_of(items[0]).time, lasting)

    def _taken(self, most: int) -> tuple[list[AnyEvent | Broadcast], int, list[AnyEvent]]:
        """About that many events out of the queue, up to the next mark; their number; those that last."""
        queue, items, lasting = self._queue, list[AnyEvent | Broadcast](), list[AnyEvent]()
        count = size = 0
        while queue and count < most and size < _BATCH_BYTES:
            item = queue.popleft()
            if isinstance(item, Message):  # nearly all of them are
                size += item.size
            elif type(item) is Broadcast:
                self._more_taken += len(item) - 1
                count += len(item) - 1
                size += len(item) * item.message.size
            elif isinstance(item, _Mark):
                queue.appendleft(item)
                break
            else:
                if isinstance(item, _Gap):
                    item = self._told(item, after=items[-1] if items else None)
                lasting.append(item)
            items.append(item)
            count += 1
        return items, count, lasting

    def _told(self, gap: _Gap, after: AnyEvent | Broadcast | None) -> Dropped:
        """The event for a gap. It has the ``seq`` of the last event before it."""
        with self._gap_lock:
            count = gap.count
        seq = self._last_seq if after is None else last_of(after).seq
        now = datetime.fromtimestamp(self._now(), UTC)
        why = "the journal's file could not be written fast enough, or not at all"
        return Dropped(seq=seq, time=now, count=count, reason=why)

    def _let_go_of_what_is_gone(self) -> None:
        """Somebody may have moved or deleted the file: then a new one is begun."""
        if self._file is not None and self._file.is_gone():
            self._file.close()
            self._file = None

    def _file_for_writing(self) -> tuple[File, int]:
        """The file, opened or rotated as needed, and how many bytes it may still take."""
        file = self._file
        if file is not None and file.has_news and file.size >= self._max_bytes:
            self._rotate()
            file.close()
            file = self._file = None
        if file is None:
            file = File(self.path)
            try:
                file.append(b"".join(encode(event) for event in self._known.again()))
            except OSError:
                file.close()
                raise
            file.has_news = False
            self._file = file
        return file, self._max_bytes - file.size

    def _rotate(self) -> None:
        for number in range(self._keep, 0, -1):
            older = rotated(self.path, number - 1) if number > 1 else self.path
            try:
                os.replace(older, rotated(self.path, number))
            except FileNotFoundError:
                continue
        if self._keep <= 0:
            self.path.unlink(missing_ok=True)
