"""The files of one visitor, without the ways in which pyftpdlib's default lets a client harm others."""

from __future__ import annotations

import os
import re
import stat
from typing import IO, Any

from typing_extensions import override

from playground.servers.ftp.stock import AbstractedFS, FilesystemError

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Files(AbstractedFS):
    """A visitor's files, seen below a root."""

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
    def listdir(self, path: str) -> list[str]:
        """The names in a directory, but none that would look like two lines or like an escape sequence."""
        return [name for name in os.listdir(path) if not _UNPRINTABLE.search(name)]

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
