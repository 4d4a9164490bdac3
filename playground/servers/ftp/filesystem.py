"""The files of one visitor, without the ways in which pyftpdlib's default lets a client harm others."""

from __future__ import annotations

import heapq
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

from typing_extensions import override

from playground.servers.ftp.stock import AbstractedFS, FilesystemError

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


NAMES_AT_ONCE = 500
"""Names of a folder that are read and sorted before everybody else has their turn."""


def pieces_of(folder: str) -> Iterator[list[str]]:
    """The names in a folder as the disk has them, so many at once. Raises ``OSError``."""
    with os.scandir(folder) as entries:
        while piece := [entry.name for entry in islice(entries, NAMES_AT_ONCE)]:
            yield piece


def in_order(names: Iterable[str]) -> list[str]:
    """Sorted, and without those that would look like two lines or like an escape sequence."""
    return sorted(name for name in names if not _UNPRINTABLE.search(name))


class Names:
    """The names in a folder, in order. Stands where pyftpdlib has a list, which it sorts."""

    def __init__(self, pieces: Sequence[Sequence[str]]) -> None:
        """Of pieces that are in order, each by itself."""
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        return heapq.merge(*self._pieces)

    def sort(self) -> None:
        """They are in order."""


class Files(AbstractedFS):
    """A visitor's files, seen below a root."""

    gathered: tuple[str, Names] | None = None
    """A folder whose names were read already, for the command that asks for them next."""

    def take(self, path: str) -> Names | None:
        """The names of that folder, if it is the one that was read already."""
        gathered, self.gathered = self.gathered, None
        return gathered[1] if gathered is not None and gathered[0] == path else None

    @override
    def chdir(self, path: str) -> None:
        """Change this connection's directory. The process stays where it is."""
        if not os.path.isdir(path):
            os.stat(path)  # raises the error that says why
            raise NotADirectoryError(20, os.strerror(20))
        if not os.access(path, os.X_OK):
            raise PermissionError(13, os.strerror(13))
        self.cwd = self.fs2ftp(path)

    @override
    def open(self, filename: str, mode: str) -> IO[Any]:
        """Open a regular file. A pipe or a device would make every connection wait."""

        def opener(path: str, flags: int) -> int:
            return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)

        file = open(filename, mode, opener=opener)  # noqa: SIM115  # the transfer closes it
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise FilesystemError("Not a regular file")
        return file

    @override
    def mkstemp(self, suffix: str = "", prefix: str = "", dir: str = "", mode: str = "wb") -> IO[Any]:
        """Make a file with a name that is not taken, for STOU. It is as readable as any other file."""
        for number in range(1, 1000):
            try:
                return self.open(os.path.join(dir, f"{prefix}{number}{suffix}"), mode.replace("w", "x"))
            except FileExistsError:
                continue
        raise FilesystemError("No usable unique file name found")

    @override
    def listdir(self, path: str) -> list[str] | Names:
        """The names in a folder, in order."""
        names = self.take(path)
        return in_order(os.listdir(path)) if names is None else names

    @override
    def format_mlsx(
        self, basedir: str, listing: Iterable[str], perms: str, facts: Iterable[str], ignore_err: bool = True
    ) -> Iterator[bytes]:
        """The facts of each name, as clients read them.

        pyftpdlib writes a mode as Python does (``0o644``), which a client in C reads as 0: lftp's ``mirror``
        then makes files that nobody may open. It also tells two permissions that are its own; RFC 3659 7.5.5
        has a closed list.
        """
        standard = "".join(letter for letter in perms if letter not in "MT")
        for line in super().format_mlsx(basedir, listing, standard, facts, ignore_err):
            told, space, name = line.partition(b" ")
            yield told.replace(b"unix.mode=0o", b"unix.mode=0") + space + name

    @override
    def get_user_by_uid(self, uid: int) -> str:
        """Names of local users are nobody's business, and looking one up may block."""
        return "ftp"

    @override
    def get_group_by_gid(self, gid: int) -> str:
        """As :meth:`get_user_by_uid`."""
        return "ftp"

    def shown(self, path: str) -> str:
        """A real path as the client knows it, without looking at the disk."""
        below = os.path.relpath(path, self.root)
        return "/" if below == "." else f"/{below}"
