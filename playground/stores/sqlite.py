"""A store in a SQLite file. It is there after ``kill -9``.

Every statement runs in a thread of its own, so a foreign lock or a slow disk
never holds up the reactor.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.python.failure import Failure
from typing_extensions import override

from playground.stores.store import PATIENCE, Kept, Store, StoreDown, StoreFull

T = TypeVar("T")

MARK = 0x50504B53
"""``application_id`` of the file, by which another program's is told apart."""

SWEEP_EVERY = 100
"""Changes between two times that expired rows are thrown away."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, version INTEGER NOT NULL,"
    " expires_at REAL NOT NULL, body BLOB NOT NULL) STRICT"
)


class SqliteStore(Store):
    """The file at ``path``. ``pages`` bounds it, in pages of 4 KiB; 0 is no bound.

    Opening waits for the disk, once. Raises :class:`StoreDown` for a file that cannot be used.
    """

    name: ClassVar[str] = "sqlite"
    survives: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        reactor: Any,
        now: Callable[[], float],
        *,
        patience: float = PATIENCE,
        pages: int = 0,
    ) -> None:
        self.path = path
        self._reactor = reactor
        self._now = now
        self._patience = patience
        self._pages = pages
        self._changes = 0
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(path, timeout=patience)) as file, file:
                mark = int(file.execute("PRAGMA application_id").fetchone()[0])
                if mark != MARK and file.execute("SELECT 1 FROM sqlite_master").fetchone():
                    raise StoreDown(f"{path} was not made by this program.")
                file.execute(f"PRAGMA application_id = {MARK}")
                file.execute("PRAGMA journal_mode = WAL")
                file.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise StoreDown(f"{path} cannot be used: {error}.") from error
        self._pool: ConnectionPool | None = ConnectionPool(
            "sqlite3",
            str(path),
            timeout=patience * 0.9,  # the thread gives up before its caller does
            check_same_thread=False,  # closed by the reactor's thread
            cp_min=1,
            cp_max=1,
            cp_openfun=self._opened,
            cp_reactor=reactor,
            cp_noisy=False,
        )

    def _opened(self, file: sqlite3.Connection) -> None:
        file.execute("PRAGMA synchronous = NORMAL")
        if self._pages:
            file.execute(f"PRAGMA max_page_count = {self._pages}")

    def _run(self, work: Callable[[Any], T]) -> Deferred[T]:
        assert self._pool is not None, "the store is closed"
        done: Deferred[T] = self._pool.runInteraction(work)
        _ = done.addTimeout(self._patience, self._reactor)
        return done.addErrback(self._explain)

    def _explain(self, failure: Failure) -> Any:
        if failure.check(TookTooLong):
            raise StoreDown(
                f"The SQLite store did not answer within {self._patience:g} s."
            ) from failure.value
        if failure.check(sqlite3.Error):
            text = failure.getErrorMessage()
            kind = StoreFull if "full" in text else StoreDown
            raise kind(f"The SQLite store cannot do it: {text}.") from failure.value
        return failure

    @override
    def get(self, key: str) -> Deferred[Kept | None]:
        def work(file: Any) -> Kept | None:
            file.execute(
                "SELECT body, version, expires_at FROM kept WHERE key = ? AND expires_at > ?",
                (key, self._now()),
            )
            row = file.fetchone()
            return Kept(bytes(row[0]), int(row[1]), float(row[2])) if row else None

        return self._run(work)

    @override
    def put(self, key: str, body: bytes, *, version: int, expires_at: float) -> Deferred[bool]:
        self._changes += 1
        sweeps = self._changes % SWEEP_EVERY == 0

        def work(file: Any) -> bool:
            now = self._now()
            if sweeps:
                file.execute("DELETE FROM kept WHERE expires_at <= ?", (now,))
            else:
                file.execute("DELETE FROM kept WHERE expires_at <= ? AND key = ?", (now, key))
            if version:
                file.execute(
                    "UPDATE kept SET body = ?, version = version + 1, expires_at = ?"
                    " WHERE key = ? AND version = ?",
                    (body, expires_at, key, version),
                )
            else:
                file.execute("INSERT OR IGNORE INTO kept VALUES (?, 1, ?, ?)", (key, expires_at, body))
            return bool(file.rowcount)

        return self._run(work)

    @override
    def delete(self, key: str) -> Deferred[bool]:
        def work(file: Any) -> bool:
            file.execute("DELETE FROM kept WHERE key = ?", (key,))
            return bool(file.rowcount)

        return self._run(work)

    @override
    def everything(self, beginning: str = "") -> Deferred[Mapping[str, Kept]]:
        def work(file: Any) -> Mapping[str, Kept]:
            file.execute(
                "SELECT key, body, version, expires_at FROM kept"
                " WHERE expires_at > ? AND substr(key, 1, ?) = ?",
                (self._now(), len(beginning), beginning),
            )
            return {str(key): Kept(bytes(body), int(n), float(end)) for key, body, n, end in file.fetchall()}

        return self._run(work)

    @override
    def clear(self, beginning: str = "") -> Deferred[None]:
        def work(file: Any) -> None:
            file.execute("DELETE FROM kept WHERE substr(key, 1, ?) = ?", (len(beginning), beginning))

        return self._run(work)

    @override
    def close(self) -> Deferred[None]:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        return succeed(None)
