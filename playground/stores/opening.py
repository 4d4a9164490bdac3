"""Which store a setting means, and opening it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playground.stores.memory import MemoryStore
from playground.stores.store import Store, StoreDown

FORMS = "memory, sqlite or redis://HOST:PORT/DATABASE"


class NoStore(ValueError):
    """A setting that means no store that can be had here. Its text is one line for a person."""


def check_store(text: str) -> None:
    """Raises :class:`NoStore` for what :func:`open_store` could not open."""
    if text in ("memory", "sqlite"):
        return
    if not text.startswith("redis:"):
        raise NoStore(f"is {FORMS}, not {text!r}.")
    from playground.stores.redis import parse_address

    try:
        parse_address(text)
    except ValueError as error:
        raise NoStore(f"is {FORMS}; this address is none.") from error
    from importlib.util import find_spec

    if find_spec("txredisapi") is None:
        raise NoStore("redis://... needs the extra [redis]. Try: pip install txredisapi")


def open_store(text: str, reactor: Any, now: Callable[[], float], file: Path | None) -> Store:
    """The store that ``text`` means; ``file`` is where SQLite's would be.

    ``now`` is seconds since 1970. Opening SQLite's waits for the disk, once.
    Raises :class:`~playground.stores.store.StoreDown` for a file that cannot be used;
    a Redis that cannot be reached is waited for, call by call.
    """
    if text == "sqlite":
        from playground.stores.sqlite import SqliteStore

        if file is None:
            raise StoreDown("There is no folder for SQLite's file.")
        return SqliteStore(file, reactor, now)
    if text.startswith("redis:"):
        from playground.stores.redis import RedisStore, parse_address

        return RedisStore(parse_address(text), reactor, now)
    return MemoryStore(now)


def without_password(text: str) -> str:
    """The setting without the password that may stand in it."""
    before, at, host = text.rpartition("@")
    scheme, _, person = before.partition("//")
    return f"{scheme}//{person.partition(':')[0]}:***@{host}" if at else text
