"""Folders of any size, listed without holding up anybody: they are read, sorted and sent piece by piece."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from playground.servers.ftp.filesystem import NAMES_AT_ONCE, Names, in_order, pieces_of
from playground.servers.ftp.stock import Lines
from playground.servers.ftp.talk import Talk

LISTINGS = frozenset({"LIST", "NLST", "MLSD", "STAT"})
"""The commands that list a folder."""


class Listings(Talk):
    """A conversation in which folders are listed."""

    def gather(self, folder: str, then: Callable[[], object]) -> None:
        """Read a folder's names, and then go on. Only this connection waits for it.

        What cannot be read is not told here: ``then`` will meet the same obstacle.
        """
        files, cause, command = self.fs, self.cause, self.command
        pieces = pieces_of(folder)
        found: list[list[str]] = []

        def read_on() -> bool:
            """One more piece; False when that was all."""
            try:
                piece = next(pieces, [])
            except OSError:
                found.clear()
                return False
            found.append(in_order(piece))
            return len(piece) == NAMES_AT_ONCE

        def finish() -> None:
            if self.fs is not files:  # it was told to forget meanwhile
                self.respond("530 Log in with USER and PASS first.")
                return
            files.gathered = (folder, Names(found)) if found else None
            then()

        def later() -> None:
            if self._closed:
                return
            if read_on():
                self.ioloop.call_later(0, later, _errback=self.handle_error)
                return
            with self.answering(cause, command):
                finish()
            self.go_on()

        if read_on():
            self.wait()
            # pyftpdlib's own call_later would keep each of these until the connection ends.
            self.ioloop.call_later(0, later, _errback=self.handle_error)
        else:
            finish()

    @override
    def ftp_NLST(self, path: str) -> str | None:
        """The names alone. pyftpdlib would send those of a folder as one text."""
        names = self.fs.take(path)
        if names is None:
            done: str | None = super().ftp_NLST(path)
            return done
        lines = (f"{name}\r\n".encode(self.encoding, self.unicode_errors) for name in names)
        self.push_dtp_data(Lines(lines), isproducer=True, cmd="NLST")
        return path
