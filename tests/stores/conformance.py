"""What every store has to bear: one function, done to all of them, each of them real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from time import monotonic, time
from typing import Any, NamedTuple

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from playground.stores.store import Store, StoreDown, StoreFull

PATIENCE = 1.0
"""Seconds that the stores here are given."""
BUSY = 1.5
"""Seconds that a busy machine may add."""
Make = Callable[[], Store]
Trouble = Callable[[], AbstractContextManager[object]]
"""Makes trouble while the context is open, and ends it."""


class Kind(NamedTuple):
    """A kind of store, and how to get it into trouble."""

    make: Make
    small: Make
    """One with little room."""
    full: Trouble
    """Leaves little room, where ``small`` alone does not."""
    down: Trouble | None = None
    """It is not there; None where it is always there."""
    slow: Trouble | None = None
    """It does not answer; None where nothing can hold it up."""


async def check_store(kind: Kind, reactor: Any) -> None:
    """Keeping, expiry, concurrent updates, restart, down, slow, full."""
    await keeps(kind.make, reactor)
    await lets_one_of_many_win(kind.make)
    await is_there_after_a_restart(kind.make)
    for trouble in (kind.down, kind.slow):
        if trouble is not None:
            await says_so_in_time_and_loses_nothing(kind.make, trouble, reactor)
    with kind.full():
        await fills_up_and_goes_on(kind.small)


@asynccontextmanager
async def opened(make: Make) -> AsyncIterator[Store]:
    """One that is closed again."""
    store = make()
    try:
        yield store
    finally:
        await store.close()


async def keeps(make: Make, reactor: Any) -> None:
    """What is put is there, under its version, until it expires or is deleted."""
    async with opened(make) as store:
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
        for key in ("one:a", "one:b", "two:a", "one"):
            assert await store.put(key, b"", version=0, expires_at=later)
        assert set(await store.everything("one:")) == {"one:a", "one:b"}
        await store.clear("one:")
        assert set(await store.everything()) == {"a", "two:a", "one"}
        await store.clear()
        assert not await store.everything()


async def lets_one_of_many_win(make: Make) -> None:
    """Of changes made from the same version one is taken; nothing is overwritten unseen."""
    async with opened(make) as store:
        await store.put("n", b"0", version=0, expires_at=time() + 60)
        await gatherResults([Deferred.fromCoroutine(_one_more(store)) for _ in range(20)])
        counted = await store.get("n")
        assert counted is not None
        assert counted[:2] == (b"20", 21)
        await store.clear()


async def _one_more(store: Store) -> None:
    while True:
        kept = await store.get("n")
        assert kept is not None
        body = b"%d" % (int(kept.body) + 1)
        if await store.put("n", body, version=kept.version, expires_at=kept.expires_at):
            return


async def is_there_after_a_restart(make: Make) -> None:
    """Or not: the store says which."""
    async with opened(make) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
    async with opened(make) as store:
        assert set(await store.everything()) == ({"a"} if store.survives else set())
        await store.clear()


async def says_so_in_time_and_loses_nothing(make: Make, trouble: Trouble, reactor: Any) -> None:
    """Every call ends within the deadline, the reactor goes on, and all is well again afterwards."""
    async with opened(make) as store:
        await store.put("a", b"1", version=0, expires_at=time() + 60)
        with trouble():
            turns: list[float] = []
            _ = deferLater(reactor, 0.1, lambda: turns.append(monotonic()))
            began = monotonic()
            calls: list[Deferred[Any]] = [
                store.get("a"),
                store.put("a", b"2", version=1, expires_at=time() + 60),
                store.delete("b"),
                store.everything(),
                store.clear("b"),
            ]
            told = []
            for call in calls:
                try:
                    await call
                except StoreDown as error:
                    told.append(str(error))
            assert len(told) >= 2, "reading may still be possible, writing is not"
            assert not any("\n" in text for text in told)
            assert monotonic() - began < PATIENCE + BUSY
            while not turns:
                await deferLater(reactor, 0.05)
            assert turns[0] - began < PATIENCE, "the reactor went on"
        await until_it_is_back(store, reactor)
        kept = await store.get("a")
        assert kept is not None
        assert kept.body in (b"1", b"2")  # a call that has failed may have been obeyed
        assert await store.put("a", b"3", version=kept.version, expires_at=time() + 60)
        await store.clear()


async def until_it_is_back(store: Store, reactor: Any) -> None:
    """By itself, and soon."""
    end = monotonic() + 5
    while True:
        try:
            await store.get("a")
        except StoreDown:
            assert monotonic() < end
            await deferLater(reactor, 0.02)  # one that fails at once must not keep the reactor to itself
        else:
            return


async def fills_up_and_goes_on(make: Make) -> None:
    """A full store says so, keeps what it has, and has room again when something is deleted."""
    async with opened(make) as store:
        room = await _fill(store)
        assert room > 5
        assert len(await store.everything()) == room
        for number in range(room // 2):
            await store.delete(f"k{number}")
        assert await store.put("new", b"x" * 1000, version=0, expires_at=time() + 60)


async def _fill(store: Store) -> int:
    for number in range(10_000):
        try:
            await store.put(f"k{number}", b"x" * 10_000, version=0, expires_at=time() + 60)
        except StoreFull:
            return number
    pytest.fail("it is never full")
