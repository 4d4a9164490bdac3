"""The journal's file: written in batches by a thread of its own, rotated by size, never in a server's way.

``put`` costs the servers an append to a queue. Everything that can be slow or can fail (encoding, the disk)
happens in the thread. When the disk is full or the folder unwritable, the servers go on: events wait in the
bounded queue, those that find no room are counted, and once writing works again a ``dropped`` event tells how
many are missing.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    Dropped,
    JournalOpen,
    Partial,
    Received,
    Sent,
    SessionEnd,
    State,
)
from playground.views.jsonl import encode, encode_lines, rotated

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
"""With no more to do, it takes a hundred at a time and then rests a millisecond: nobody is to notice it."""
_BATCH_BYTES: Final = 4 * 1024 * 1024
_MESSAGES: Final = frozenset({Received, Sent, Partial})
_write = os.write


class _Mark:
    """Stands in the queue behind the events that must be on disk before ``reached`` is called."""

    def __init__(self, reached: Callable[[], None]) -> None:
        self.reached = reached


class _Gap:
    """Stands in the queue where events found no room."""

    count = 0


class _Batch(NamedTuple):
    """Events that are written next, and their lines."""

    events: list[AnyEvent]
    lines: bytes


class _Known:
    """What the files written so far have said of things that still live: it heads the next file."""

    def __init__(self) -> None:
        self._opening: JournalOpen | None = None
        self._open: dict[str, ConnectionOpen] = {}
        self._states: dict[tuple[str, str], State] = {}

    def note(self, events: Sequence[AnyEvent]) -> None:
        """These have been written."""
        for event in events:
            if type(event) not in _MESSAGES:
                self._note(event)

    def _note(self, event: AnyEvent) -> None:
        match event:
            case State():
                name = event.session or event.shared or event.conn or ""
                if event.remembers:
                    self._states[event.where, name] = event
                else:
                    self._states.pop((event.where, name), None)
            case ConnectionOpen(conn=str(conn)):
                self._open[conn] = event
            case ConnectionClose(conn=str(conn)):
                self._open.pop(conn, None)
                self._states.pop(("connection", conn), None)
            case SessionEnd():
                self._states.pop(("session", event.session), None)
            case JournalOpen():
                self._opening = event

    def again(self) -> Iterator[AnyEvent]:
        """Everything that a file needs to stand alone."""
        if self._opening is not None:
            yield msgspec.structs.replace(self._opening, again=True)
        for opened in self._open.values():
            yield msgspec.structs.replace(opened, again=True)
        for state in self._states.values():
            yield msgspec.structs.replace(
                state, again=True, changed={}, machine=None, input=None, before=None, after=None, cause=None
            )


class JsonlWriter:
    """A sink of the journal that writes ``path``.

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
        self._queue: deque[AnyEvent | _Mark | _Gap] = deque()
        self._gap_lock = threading.Lock()
        self._resting = True
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = False
        self._in_trouble = False
        self._batch: _Batch | None = None
        self._known = _Known()
        self._last_seq = 0
        self._file: _File | None = None
        self._thread = threading.Thread(target=self._run, name="journal writer", daemon=True)
        self._thread.start()

    # Called by the servers' thread.

    def put(self, event: AnyEvent) -> None:
        """Take one event. Returns at once, never raises."""
        if len(self._queue) >= self._queue_events or self._closing:
            self._lose()
            return
        self._queue.append(event)
        if self._resting:  # set before the thread's last look into the queue, so no event is overlooked
            self._resting = False
            self._wake.set()

    def put_all(self, events: Sequence[AnyEvent]) -> None:
        """Take many at once."""
        if len(self._queue) + len(events) > self._queue_events or self._closing:
            for event in events:
                self.put(event)
            return
        self._queue.extend(events)
        if self._resting:
            self._resting = False
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Events that are not in the file yet."""
        batch = self._batch
        return len(self._queue) + (len(batch.events) if batch is not None else 0)

    def lag(self) -> float:
        """Seconds since the oldest event happened that is not in the file yet; 0 where all are."""
        batch = self._batch
        if batch is not None:
            return max(0.0, self._now() - batch.events[0].time.timestamp())
        with suppress(IndexError):  # the writer may take it at this moment
            oldest = self._queue[0]
            if not isinstance(oldest, _Mark | _Gap):
                return max(0.0, self._now() - oldest.time.timestamp())
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
        gently = True
        while self._batch is not None or self._queue:
            gently = gently and len(self._queue) <= _FEW
            if self._batch is None and isinstance(mark := self._queue[0], _Mark):
                self._queue.popleft()
                with suppress(Exception):
                    mark.reached()
                continue
            file, room = self._file_for_writing()
            if self._batch is None:
                self._batch = self._next_batch(room, gently)
            file.append(self._batch.lines)
            self._known.note(self._batch.events)
            self._batch = None
            self._in_trouble = False
            if gently and self._queue:
                self._hurry.wait(0.001)

    def _next_batch(self, room: int, gently: bool) -> _Batch:
        """What fits into that many bytes (one event at least), up to the next mark."""
        queue, events, size = self._queue, list[AnyEvent](), 0
        most = 100 if gently else _BATCH if len(queue) < self._queue_events / 4 else _LARGE_BATCH
        while queue and len(events) < most and size < _BATCH_BYTES:
            item = queue.popleft()
            if type(item) in _MESSAGES:  # nearly all of them are
                events.append(item)  # type: ignore[arg-type]
                size += item.size  # type: ignore[union-attr]
                continue
            if isinstance(item, _Mark):
                queue.appendleft(item)
                break
            if events:
                self._last_seq = events[-1].seq
            events.append(self._told(item) if isinstance(item, _Gap) else item)
        # In one call, and outside of Python: the servers' thread waits for this one, and the other way round.
        lines = encode_lines(events)
        if len(lines) > room:
            end = lines.rfind(b"\n", 0, room) + 1 or lines.index(b"\n") + 1
            lines = lines[:end]
            fitting = lines.count(b"\n")
            queue.extendleft(reversed(events[fitting:]))
            events = events[:fitting]
        self._last_seq = events[-1].seq
        return _Batch(events, lines)

    def _told(self, gap: _Gap) -> Dropped:
        """The event for a gap. It has the ``seq`` of the last event before it."""
        with self._gap_lock:
            count = gap.count
        now = datetime.fromtimestamp(self._now(), UTC)
        why = "the journal's file could not be written fast enough, or not at all"
        return Dropped(seq=self._last_seq, time=now, count=count, reason=why)

    def _file_for_writing(self) -> tuple[_File, int]:
        """The file, opened or rotated as needed, and how many bytes it may still take."""
        file = self._file
        if file is not None and file.is_gone():
            file.close()
            file = self._file = None
        if file is not None and file.has_news and file.size >= self._max_bytes:
            self._rotate()
            file.close()
            file = self._file = None
        if file is None:
            file = _File(self.path)
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


class _File:
    """One file that only ever ends in a whole line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._path = path
        self._fd = os.open(path, flags, 0o600)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._fd)
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        os.fchmod(self._fd, 0o600)
        self._identity = (status.st_dev, status.st_ino)
        self.size = status.st_size
        if self.size and os.pread(self._fd, 1, self.size - 1) != b"\n":  # torn by a former process
            self.append(b"\n")
        self.has_news = self.size > 0
        """Whether more than the restated head stands in it: a file of heads alone is not rotated."""

    def is_gone(self) -> bool:
        """Whether somebody has moved or deleted it under us."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return True
        return (status.st_dev, status.st_ino) != self._identity

    def append(self, data: bytes) -> None:
        """All of ``data`` or nothing. Raises :class:`OSError`."""
        view = memoryview(data)
        try:
            while view:
                view = view[_write(self._fd, view) :]
        except OSError:
            try:
                os.ftruncate(self._fd, self.size)
            except OSError:  # then a torn line stays, which readers pass over
                self.size = os.fstat(self._fd).st_size
            raise
        self.size += len(data)
        self.has_news = True

    def close(self) -> None:
        os.close(self._fd)
