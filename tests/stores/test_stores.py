"""All stores through the same conformance, and what is particular to each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from time import time
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.endpoints import HostnameEndpoint

from playground.stores.memory import MemoryStore
from playground.stores.redis import Address, RedisStore, endpoint_of, parse_address
from playground.stores.sqlite import SqliteStore
from playground.stores.store import Store, StoreDown
from tests.reactor import the_reactor
from tests.stores.conformance import PATIENCE, Kind, check_store
from tests.stores.redis_server import redis_server

reactor = the_reactor()


@ensureDeferred
async def test_memory():
    def memory() -> Store:
        return MemoryStore(time)

    await check_store(Kind(memory, lambda: MemoryStore(time, room=100_000), nullcontext), reactor)


@ensureDeferred
async def test_sqlite(tmp_path: Path):
    file = tmp_path / "kept.sqlite"

    def in_file(pages: int = 0) -> Store:
        return SqliteStore(file, reactor, time, patience=PATIENCE, pages=pages)

    @contextmanager
    def table_is_gone() -> Iterator[None]:
        with closing(sqlite3.connect(file)) as foreign, foreign:
            foreign.execute("ALTER TABLE kept RENAME TO elsewhere")
        yield
        with closing(sqlite3.connect(file)) as foreign, foreign:
            foreign.execute("ALTER TABLE elsewhere RENAME TO kept")

    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(file, isolation_level=None)) as foreign:
            foreign.execute("BEGIN EXCLUSIVE")
            yield
            foreign.execute("ROLLBACK")

    await check_store(Kind(in_file, lambda: in_file(64), nullcontext, table_is_gone, locked), reactor)


@ensureDeferred
async def test_redis(tmp_path: Path):
    with redis_server(tmp_path) as server:

        def client() -> Store:
            return RedisStore(parse_address(server.url), reactor, time, patience=PATIENCE)

        @contextmanager
        def little_room() -> Iterator[None]:
            used = int(server.ask("INFO", "memory").partition(b"used_memory:")[2].split(b"\r")[0])
            server.ask("CONFIG", "SET", "maxmemory", str(used + 300_000))
            yield

        @contextmanager
        def stopped() -> Iterator[None]:
            server.stop()
            yield
            server.start()

        @contextmanager
        def hanging() -> Iterator[None]:
            server.hang()
            yield
            server.go_on()

        await check_store(Kind(client, client, little_room, stopped, hanging), reactor)


def test_the_one_private_name_of_the_redis_library_is_what_it_was():
    """``endpoint_of`` uses it: the library has no public way to give its endpoint a deadline."""
    endpoint: Any = endpoint_of(Address("redis.example", 7000, 0, None, None), 1.5)
    assert isinstance(endpoint, HostnameEndpoint)
    assert (endpoint._hostText, endpoint._port, endpoint._timeout) == ("redis.example", 7000, 1.5)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as foreign:
        foreign.execute("CREATE TABLE precious (it TEXT)")
    with pytest.raises(StoreDown, match="not made by this program"):
        SqliteStore(tmp_path / "kept.sqlite", reactor, time)


@pytest.mark.parametrize("text", ["redis://", "http://a", "redis://a/b", "redis:///1"])
def test_no_address(text: str):
    with pytest.raises(ValueError):
        parse_address(text)


def test_an_address():
    assert parse_address("redis://ada:s%20e@db:7000/3") == ("db", 7000, 3, "ada", "s e")
