"""Read a journal while it is being written, across rotations and restarts of the program."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

from playground.journal.events import AnyEvent, JournalOpen
from playground.views.jsonl import LONGEST_LINE, Note, decode, parts

POLL: Final = 0.15
"""Seconds between two looks at the file. The writer itself is up to 0.1 s behind."""


def follow(
    path: Path,
    on_note: Note | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    wait: Callable[[float], object] = time.sleep,  # noqa: TID251 - a reader in its own process
    longest: int = LONGEST_LINE,
) -> Generator[tuple[bytes, AnyEvent] | None, None, None]:
    """Every line that stands in the journal, and then each new one as it comes.

    Yields None whenever there is nothing new, right before it waits, so that
    the caller can show what it holds back. Ends when ``stop()`` is true at the
    end of what there is. A file that does not exist yet is waited for.
    """
    with ExitStack() as stack:
        tail: _Tail | None = None
        first = True  # what this file states again has not been said before
        while True:
            if tail is None:
                start = next(iter(parts(path)), None)
                tail = _Tail.open(start, longest, stack) if start is not None else None
            if tail is not None:
                for line in tail.lines(on_note):
                    event = _event(line, on_note)
                    if isinstance(event, JournalOpen) and not event.again:
                        first = True
                    if event is not None and (first or not event.again):
                        yield line, event
                succeeding = tail.successor(path)
                following = _Tail.open(succeeding, longest, stack) if succeeding is not None else None
                if following is not None:
                    tail.close()
                    tail, first = following, False
                    continue
            yield None
            if stop():
                return
            wait(POLL)


def _event(line: bytes, on_note: Note | None) -> AnyEvent | None:
    try:
        return decode(line)
    except ValueError as error:
        if on_note is not None:
            on_note(f"a line is not an event; passed over ({error})")
        return None


class _Tail:
    """One open file and the beginning of a line whose end has not arrived."""

    def __init__(self, file: IO[bytes], longest: int) -> None:
        self._file = file
        self._longest = longest
        self._begun = b""
        self._skipping = False
        self.inode = os.fstat(file.fileno()).st_ino

    @classmethod
    def open(cls, path: Path, longest: int, stack: ExitStack) -> _Tail | None:
        try:
            return cls(stack.enter_context(open(path, "rb")), longest)
        except FileNotFoundError:
            return None

    def close(self) -> None:
        self._file.close()

    def lines(self, on_note: Note | None) -> Iterator[bytes]:
        """The whole lines that have been added since the last call."""
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
            self._begun = b""
            if on_note is not None:
                on_note("the file was cut short; it is read from its beginning")
        while piece := self._file.readline(self._longest + 1 - len(self._begun)):
            if self._skipping:
                self._skipping = not piece.endswith(b"\n")
                continue
            self._begun += piece
            if piece.endswith(b"\n"):
                line, self._begun = self._begun.strip(), b""
                if line:
                    yield line
            elif len(self._begun) > self._longest:
                self._begun, self._skipping = b"", True
                if on_note is not None:
                    on_note(f"a line is longer than {self._longest:,} bytes; passed over")

    def successor(self, path: Path) -> Path | None:
        """The file that continues this one, once this one is no longer the newest."""
        try:
            if os.stat(path).st_ino == self.inode:
                return None
        except FileNotFoundError:
            return None  # in the middle of a rotation, or the folder was emptied: wait
        if os.fstat(self._file.fileno()).st_size > self._file.tell():
            return None  # the rest was written between our last read and the rotation
        known = parts(path)
        for older, newer in pairwise(known):
            try:
                if os.stat(older).st_ino == self.inode:
                    return newer
            except FileNotFoundError:
                continue
        return known[0] if known else None  # it was put aside: a new run, or too many parts
