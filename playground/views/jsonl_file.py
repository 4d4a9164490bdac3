"""One file of the journal, and what heads it so that it can be read without those before it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from playground.journal.events import (
    AnyEvent,
    ConnectionClose,
    ConnectionOpen,
    JournalOpen,
    SessionEnd,
    State,
)

_write = os.write


class Known:
    """What the files written so far have said of things that still live: it heads the next file."""

    def __init__(self) -> None:
        self._opening: JournalOpen | None = None
        self._open: dict[str, ConnectionOpen] = {}
        self._states: dict[tuple[str, str], State] = {}

    def note(self, written: Iterable[AnyEvent]) -> None:
        """These have been written, beside messages, on which nothing later builds."""
        for event in written:
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


class File:
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
        """No more will be written."""
        os.close(self._fd)
