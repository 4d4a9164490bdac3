"""One snapshot in a SQLite file: replaced as a whole, and whatever was committed survives ``kill -9``.

Writing happens in a thread of its own, so the reactor never waits for a disk.
The file says which version of the snapshot's form it holds; an older one is
brought up to date when it is opened, after a copy of it was put aside.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.python.failure import Failure

MARK = 0x50504753
"""``application_id`` of the file, by which another program's is told apart."""

BUSY_SECONDS = 2.0
"""How long another process may lock the file before that is an error."""

Upgrade = Callable[[bytes], bytes]


class StoreError(Exception):
    """A store that cannot be used, or did not take a snapshot. Its text is one line for a person."""


class Snapshot(NamedTuple):
    """What was saved last."""

    taken_at: float
    """Seconds since 1970."""
    body: bytes


class SnapshotStore:
    """The file at ``path``. ``version`` is that of the bodies that the caller writes and understands;
    ``upgrades[n]`` makes one of version n + 1 out of one of version n.
    """

    def __init__(
        self,
        path: Path,
        reactor: Any,
        *,
        version: int = 1,
        upgrades: Mapping[int, Upgrade] | None = None,
        patience: float = 5.0,
    ) -> None:
        self.path = path
        self._reactor = reactor
        self._version = version
        self._upgrades = upgrades or {}
        self._patience = patience
        self._pool: ConnectionPool | None = None
        self._is_open = False

    def open(self) -> Snapshot | None:
        """What the file holds, or None where there is nothing yet.

        To be called once, before anything is served: it does wait for the
        disk. Raises :class:`StoreError`, and the file is as it was, when it is
        damaged, newer than this program, or somebody else's.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as file:
                found = self._examined(file)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path} cannot be used: {error}") from error
        self._is_open = True
        return found

    def save(self, body: bytes) -> Deferred[None]:
        """Replace the snapshot. Fires once it is on the disk; fails with :class:`StoreError` if it is not.

        After a deadline it fails as well, though the disk may take it yet: save again.
        """
        if not self._is_open:
            raise StoreError(f"{self.path} is not open")
        if self._pool is None:
            self._pool = self._writer()
        saving: Deferred[None] = self._pool.runWithConnection(_replace, self._reactor.seconds(), body)
        return saving.addTimeout(self._patience, self._reactor).addErrback(self._explain)

    def close(self) -> Deferred[None]:
        """Close the file, once what is being written is written."""
        pool, self._pool, self._is_open = self._pool, None, False
        if pool is not None:
            pool.close()
        return succeed(None)

    def _writer(self) -> ConnectionPool:
        return ConnectionPool(
            "sqlite3",
            str(self.path),
            timeout=BUSY_SECONDS,
            check_same_thread=False,  # closed by the reactor's thread
            cp_min=1,
            cp_max=1,
            cp_openfun=_durable,
            cp_reactor=self._reactor,
        )

    def _explain(self, failure: Failure) -> None:
        slow = failure.check(TookTooLong)
        why = f"the disk took more than {self._patience:g} s" if slow else failure.getErrorMessage()
        raise StoreError(f"{self.path} was not written: {why}") from failure.value

    # -- the file ----------------------------------------------------------------------------

    def _examined(self, file: sqlite3.Connection) -> Snapshot | None:
        mark, version = _number(file, "application_id"), _number(file, "user_version")
        if not mark and not version and not file.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._lay_out(file)
            return None
        if mark != MARK:
            raise StoreError(f"{self.path} was not made by this program")
        if version > self._version:
            raise StoreError(
                f"{self.path} was written by a newer version of this program ({version}, not {self._version})"
            )
        (health,) = file.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise StoreError(f"{self.path} is damaged: {health}")
        if version < self._version:
            self._bring_up_to_date(file, version)
        row = file.execute("SELECT taken_at, body FROM snapshot").fetchone()
        return None if row is None else Snapshot(float(row[0]), bytes(row[1]))

    def _lay_out(self, file: sqlite3.Connection) -> None:
        with file:
            file.execute("BEGIN IMMEDIATE")
            file.execute(
                "CREATE TABLE snapshot (one INTEGER PRIMARY KEY CHECK (one = 1),"
                " taken_at REAL NOT NULL, body BLOB NOT NULL) STRICT"
            )
            file.execute(f"PRAGMA application_id = {MARK}")
            file.execute(f"PRAGMA user_version = {self._version}")

    def _bring_up_to_date(self, file: sqlite3.Connection, version: int) -> None:
        aside = self.path.with_name(f"{self.path.name}.version-{version}")
        if not aside.exists():
            with closing(sqlite3.connect(aside)) as copy:
                file.backup(copy)
        with file:
            file.execute("BEGIN IMMEDIATE")
            for older in range(version, self._version):
                if older not in self._upgrades:
                    raise StoreError(f"{self.path} is of version {older}, which is too old for this program")
                for taken_at, body in file.execute("SELECT taken_at, body FROM snapshot").fetchall():
                    _replace_row(file, taken_at, self._upgrades[older](bytes(body)))
            file.execute(f"PRAGMA user_version = {self._version}")


def _number(file: sqlite3.Connection, pragma: str) -> int:
    return int(file.execute(f"PRAGMA {pragma}").fetchone()[0])


def _durable(file: sqlite3.Connection) -> None:
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = FULL")


def _replace(file: Any, taken_at: float, body: bytes) -> None:
    """Runs in the pool's thread; the pool commits."""
    _replace_row(file, taken_at, body)


def _replace_row(file: Any, taken_at: float, body: bytes) -> None:
    file.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?)", (taken_at, body))
