"""What an account has stored, so that it is not more than it may. Counting has an end, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


class Tally:
    """The bytes of all files below a root, against a quota. One for all uploads of an account.

    Nobody is told when files change, so they are counted when an upload begins
    and no other is under way. Everything else waits meanwhile: whoever has more
    than ``most`` files and folders (0: any number) is not counted, and may store nothing.
    """

    def __init__(self, root: Path, quota: int, most: int) -> None:
        self.quota = quota
        self.used = 0
        self.countable = True
        """False when there are too many files."""
        self._root = root
        self._most = most
        self._uploads = 0

    def ready(self) -> bool:
        """Whether anything may be stored. Counts what is there, unless an upload is under way."""
        if not self._uploads:
            self._count()
        return self.countable

    def begin(self) -> None:
        """An upload begins."""
        self.ready()
        self._uploads += 1

    def take(self, size: int) -> bool:
        """Whether so many bytes more may be stored; if so, they are."""
        if not self.countable or self.used + size > self.quota:
            return False
        self.used += size
        return True

    def end(self) -> None:
        """An upload is over."""
        self._uploads -= 1

    def _count(self) -> None:
        self.used, self.countable = 0, True
        entries = 0
        folders = [str(self._root)]
        while folders:
            for entry in _entries(folders.pop()):
                entries += 1
                if 0 < self._most < entries:
                    self.countable = False
                    return
                with suppress(OSError):  # it is gone again
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        self.used += entry.stat(follow_symlinks=False).st_size


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as found:  # one that cannot be read can hold nothing new
        yield from found
