"""A store in Redis or Valkey, which several processes may share. Needs the extra ``[redis]``.

A call to a server that is down would wait for ever, so each one has a deadline.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple
from urllib.parse import unquote, urlsplit

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.python.failure import Failure
from typing_extensions import override

from playground.stores.store import PATIENCE, Kept, Store, StoreDown, StoreFull

PREFIX = "playground:"

AT_ONCE = 500
"""Keys that are asked for in one call."""

PUT = """
local kept = redis.call('GET', KEYS[1])
local version = '0'
if kept then version = string.match(kept, '^(%d+) ') end
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 1
"""
"""Compares and sets in one step: nobody comes between."""


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int
    database: int
    user: str | None
    password: str | None


def parse_address(text: str) -> Address:
    """``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]``. Raises ``ValueError`` for anything else."""
    parts = urlsplit(text)
    database = parts.path.strip("/") or "0"
    if parts.scheme != "redis" or not parts.hostname or not re.fullmatch("[0-9]{1,4}", database):
        raise ValueError("say redis://HOST:PORT/DATABASE")
    user, password = parts.username or None, parts.password
    return Address(
        parts.hostname, parts.port or 6379, int(database), user, unquote(password) if password else None
    )


def endpoint_of(address: Address, patience: float) -> Any:
    """Where the library connects to. The one private name of it that is used here: a test watches it."""
    import txredisapi

    return txredisapi._makeEndpoint(address.host, address.port, patience)


class RedisStore(Store):
    """The server at ``address``. Keys of this program begin with :data:`PREFIX`."""

    name: ClassVar[str] = "redis"
    survives: ClassVar[bool] = True

    def __init__(
        self, address: Address, reactor: Any, now: Callable[[], float], *, patience: float = PATIENCE
    ) -> None:
        import txredisapi  # here, because it is an extra, and because importing it installs a reactor

        self._refused = (txredisapi.ResponseError,)
        self._lost = (txredisapi.ConnectionError, txredisapi.RedisError)
        self._reactor = reactor
        self._now = now
        self._patience = patience
        self.address = address

        class Factory(txredisapi.RedisFactory):  # type: ignore[misc]  # it ships no types
            initialDelay = 0.05  # noqa: N815  # the library reads these names
            maxDelay = 0.5  # noqa: N815  # the same

        factory = Factory(
            f"{address.host}:{address.port}",
            address.database,
            1,
            isLazy=True,
            charset=None,
            password=address.password,
            username=address.user,
            convertNumbers=False,
            replyTimeout=patience,  # or one that hangs would keep its connection, and all calls with it
        )
        factory.startConnecting(endpoint_of(address, patience))
        self._redis = factory.handler

    def _call(self, ask: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = maybeDeferred(ask)
        _ = done.addTimeout(self._patience, self._reactor)
        return done.addErrback(self._explain)

    def _explain(self, failure: Failure) -> Any:
        where = f"The Redis store at {self.address.host}:{self.address.port}"
        if failure.check(TookTooLong, CancelledError):
            raise StoreDown(f"{where} did not answer within {self._patience:g} s.") from failure.value
        text = failure.getErrorMessage()
        if failure.check(*self._refused) and "OOM" in text:
            raise StoreFull(f"{where} has no more room.") from failure.value
        if failure.check(*self._lost, OSError):
            raise StoreDown(f"{where} cannot do it: {text}") from failure.value
        return failure

    @override
    def get(self, key: str) -> Deferred[Kept | None]:
        return self._call(lambda: self._redis.get(PREFIX + key).addCallback(self._read))

    def _read(self, value: bytes | None) -> Kept | None:
        if value is None:
            return None
        version, expires_at, body = value.split(b" ", 2)
        kept = Kept(body, int(version), float(expires_at))
        return kept if kept.expires_at > self._now() else None

    @override
    def put(self, key: str, body: bytes, *, version: int, expires_at: float) -> Deferred[bool]:
        value = b"%d %.3f %b" % (version + 1, expires_at, body)
        at = max(round(expires_at * 1000), 1)
        return self._call(
            lambda: self._redis.eval(PUT, [PREFIX + key], [str(version), value, str(at)]).addCallback(bool)
        )

    @override
    def delete(self, key: str) -> Deferred[bool]:
        return self._call(lambda: self._redis.delete(PREFIX + key).addCallback(bool))

    @override
    def everything(self, beginning: str = "") -> Deferred[Mapping[str, Kept]]:
        return self._call(lambda: Deferred.fromCoroutine(self._everything(beginning)))

    async def _everything(self, beginning: str) -> Mapping[str, Kept]:
        found: dict[str, Kept] = {}
        keys = await self._keys(beginning)
        for at in range(0, len(keys), AT_ONCE):
            some = keys[at : at + AT_ONCE]
            for key, value in zip(some, await self._redis.mget(some), strict=True):
                kept = self._read(value)
                if kept is not None:
                    found[key.decode().removeprefix(PREFIX)] = kept
        return found

    async def _keys(self, beginning: str) -> list[bytes]:
        cursor, keys = 0, set[bytes]()
        while True:
            at, some = await self._redis.scan(cursor, f"{PREFIX}{beginning}*", AT_ONCE)
            keys |= set(some)
            cursor = int(at)
            if not cursor:
                return list(keys)

    @override
    def clear(self, beginning: str = "") -> Deferred[None]:
        return self._call(lambda: Deferred.fromCoroutine(self._clear(beginning)))

    async def _clear(self, beginning: str) -> None:
        keys = await self._keys(beginning)
        if keys:
            await self._redis.delete(keys)

    @override
    def close(self) -> Deferred[None]:
        done: Deferred[None] = maybeDeferred(self._redis.disconnect)
        return done.addBoth(lambda _: None)
