"""What every store has to bear: one function, done to all three, each of them real."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import monotonic, time
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor as typed_too_narrowly  # noqa: TID251
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import deferLater

from playground.stores.memory import MemoryStore
from playground.stores.redis import Address, RedisStore, endpoint_of, parse_address
from playground.stores.sqlite import SqliteStore
from playground.stores.store import Store, StoreDown, StoreFull
from tests.stores.redis_server import RedisServer, redis_server

reactor: Any = typed_too_narrowly
PATIENCE = 1.0
Make = Callable[[], Store]


async def check_store(make: Make) -> None:
    """Keeping, expiry, concurrent updates and a restart."""
    store = make()
    await store.clear()
    soon, later = time() + 0.3, time() + 60
    assert await store.get("a") is None
    assert await store.put("a", b"one \x00\xff", version=0, expires_at=later)
    assert not await store.put("a", b"two", version=0, expires_at=later)
    kept = await store.get("a")
    assert kept is not None
    assert kept[:2] == (b"one \x00\xff", 1)
    assert abs(kept.expires_at - later) < 0.01
    assert await store.put("a", b"two", version=1, expires_at=later)
    assert not await store.put("a", b"three", version=1, expires_at=later)
    assert await store.put("b", b"", version=0, expires_at=soon)
    assert set(await store.everything()) == {"a", "b"}
    await deferLater(reactor, soon - time() + 0.05)
    assert await store.get("b") is None
    assert set(await store.everything()) == {"a"}
    assert await store.put("b", b"again", version=0, expires_at=later)
    assert await store.delete("b")
    assert not await store.delete("b")

    await store.put("n", b"0", version=0, expires_at=later)
    await gatherResults([Deferred.fromCoroutine(_one_more(store)) for _ in range(20)])
    counted = await store.get("n")
    assert counted is not None
    assert counted[:2] == (b"20", 21)

    await store.close()
    store = make()
    try:
        survivors = await store.everything()
        assert set(survivors) == ({"a", "n"} if store.survives else set())
        for key in ("one:a", "one:b", "two:a", "one"):
            assert await store.put(key, b"", version=0, expires_at=later)
        assert set(await store.everything("one:")) == {"one:a", "one:b"}
        await store.clear("one:")
        assert set(await store.everything()) >= {"two:a", "one"}
        assert not await store.everything("one:")
        await store.clear()
        assert not await store.everything()
    finally:
        await store.close()


async def _one_more(store: Store) -> None:
    while True:
        kept = await store.get("n")
        assert kept is not None
        body = b"%d" % (int(kept.body) + 1)
        if await store.put("n", body, version=kept.version, expires_at=kept.expires_at):
            return


@asynccontextmanager
async def opened(make: Make) -> AsyncIterator[Store]:
    store = make()
    try:
        yield store
    finally:
        await store.close()


def memory() -> Store:
    return MemoryStore(time)


def in_file(path: Path, **more: Any) -> Make:
    return lambda: SqliteStore(path / "kept.sqlite", reactor, time, patience=PATIENCE, **more)


def at(server: RedisServer) -> Make:
    return lambda: RedisStore(parse_address(server.url), reactor, time, patience=PATIENCE)


@pytest.fixture
def redis(tmp_path: Path):
    with redis_server(tmp_path) as server:
        yield server


@ensureDeferred
async def test_memory():
    await check_store(memory)


@ensureDeferred
async def test_sqlite(tmp_path: Path):
    await check_store(in_file(tmp_path))


@ensureDeferred
async def test_redis(redis: RedisServer):
    await check_store(at(redis))


async def fill(store: Store) -> int:
    """Put until it is full; returns how many found room."""
    for number in range(10_000):
        try:
            await store.put(f"k{number}", b"x" * 10_000, version=0, expires_at=time() + 60)
        except StoreFull:
            return number
    raise AssertionError("it is never full")


async def fills_up_and_goes_on(make: Make) -> None:
    async with opened(make) as store:
        room = await fill(store)
        assert room > 5
        assert len(await store.everything()) == room
        assert await store.delete("k0")
        assert await store.delete("k1")
        assert await store.put("new", b"x" * 1000, version=0, expires_at=time() + 60)


@ensureDeferred
async def test_full_memory():
    await fills_up_and_goes_on(lambda: MemoryStore(time, room=100_000))


@ensureDeferred
async def test_full_sqlite(tmp_path: Path):
    await fills_up_and_goes_on(in_file(tmp_path, pages=64))


@ensureDeferred
async def test_full_redis(redis: RedisServer):
    used = int(redis.ask("INFO", "memory").partition(b"used_memory:")[2].split(b"\r")[0])
    redis.ask("CONFIG", "SET", "maxmemory", str(used + 300_000))
    async with opened(at(redis)) as store:
        assert await fill(store) > 5
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        assert await store.put("new", b"x", version=0, expires_at=time() + 60)


@ensureDeferred
async def test_slow_sqlite_ends_within_its_deadline_and_comes_back(tmp_path: Path):
    async with opened(in_file(tmp_path)) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
        with closing(sqlite3.connect(tmp_path / "kept.sqlite", isolation_level=None)) as foreign:
            foreign.execute("BEGIN EXCLUSIVE")
            turns: list[float] = []
            _ = deferLater(reactor, 0.1, lambda: turns.append(monotonic()))
            began = monotonic()
            with pytest.raises(StoreDown):
                await store.put("a", b"2", version=1, expires_at=time() + 60)
            assert monotonic() - began < PATIENCE + 1.5
            assert turns, "the reactor went on meanwhile"
            foreign.execute("ROLLBACK")
        assert await store.put("b", b"2", version=0, expires_at=time() + 60)


@ensureDeferred
async def test_slow_redis_ends_within_its_deadline_and_comes_back(redis: RedisServer):
    async with opened(at(redis)) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
        redis.hang()
        began = monotonic()
        with pytest.raises(StoreDown):
            await store.get("a")
        assert monotonic() - began < PATIENCE + 1.5
        redis.go_on()
        await until_it_is_back(store)
        kept = await store.get("a")
        assert kept is not None


@ensureDeferred
async def test_stopped_redis_ends_within_its_deadline_and_loses_nothing(redis: RedisServer):
    async with opened(at(redis)) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
        redis.stop()
        began = monotonic()
        with pytest.raises(StoreDown):
            await store.get("a")
        assert monotonic() - began < PATIENCE + 1.5
        redis.start()
        began = monotonic()
        await until_it_is_back(store)
        assert monotonic() - began < 3
        kept = await store.get("a")
        assert kept is not None
        assert kept.body == b"1"


async def until_it_is_back(store: Store) -> None:
    end = monotonic() + 10
    while True:
        try:
            await store.get("a")
        except StoreDown:
            assert monotonic() < end
            await deferLater(reactor, 0.02)  # one that fails at once must not keep the reactor to itself
        else:
            return


def test_the_one_private_name_of_the_redis_library_is_what_it_was():
    """``endpoint_of`` uses it: the library has no public way to give its endpoint a deadline."""
    endpoint: Any = endpoint_of(Address("redis.example", 7000, 0, None, None), 1.5)
    assert isinstance(endpoint, HostnameEndpoint)
    assert (endpoint._hostText, endpoint._port, endpoint._timeout) == ("redis.example", 7000, 1.5)


@ensureDeferred
async def test_a_sqlite_that_is_gone_says_so_and_is_back_when_it_is(tmp_path: Path):
    async with opened(in_file(tmp_path)) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
        with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as foreign, foreign:
            foreign.execute("ALTER TABLE kept RENAME TO elsewhere")
        for ask in (
            lambda: store.get("a"),
            lambda: store.put("a", b"2", version=1, expires_at=time() + 60),
            lambda: store.delete("a"),
            store.everything,
            store.clear,
        ):
            with pytest.raises(StoreDown, match="SQLite store cannot do it"):
                await ask()
        with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as foreign, foreign:
            foreign.execute("ALTER TABLE elsewhere RENAME TO kept")
        kept = await store.get("a")
        assert kept is not None
        assert kept[:2] == (b"1", 1)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as foreign:
        foreign.execute("CREATE TABLE precious (it TEXT)")
    with pytest.raises(StoreDown, match="not made by this program"):
        in_file(tmp_path)()


@pytest.mark.parametrize("text", ["redis://", "http://a", "redis://a/b", "redis:///1"])
def test_no_address(text: str):
    with pytest.raises(ValueError):
        parse_address(text)


def test_an_address():
    assert parse_address("redis://ada:s%20e@db:7000/3") == ("db", 7000, 3, "ada", "s e")
