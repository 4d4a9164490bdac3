"""Passwords as hashes, and the one thread that makes and checks them: a hash takes its time on purpose."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")


class Cost(NamedTuple):
    """What a hash of Argon2id costs whoever makes one. RFC 9106 3.1."""

    passes: int = 2
    kibibytes: int = 19_456
    lanes: int = 1


DEAR = Cost()
"""What OWASP recommends for Argon2id: 19 MiB and two passes, some 20 ms here. One lane is one thread."""

CHEAP = Cost(passes=1, kibibytes=8)
"""For tests that are not about hashing."""


class Overloaded(Exception):
    """So many passwords wait to be checked that this one is not. Its text is one line for a person."""


class Hasher:
    """Argon2id. Its methods take their time: see :class:`HashingThread`."""

    def __init__(self, cost: Cost = DEAR) -> None:
        self._cost = cost
        self._made: PasswordHasher | None = None

    @property
    def _hasher(self) -> PasswordHasher:
        if self._made is None:
            from argon2 import PasswordHasher  # here: a start at which nobody logs in need not load it

            self._made = PasswordHasher(
                time_cost=self._cost.passes, memory_cost=self._cost.kibibytes, parallelism=self._cost.lanes
            )
        return self._made

    def hash(self, password: str) -> str:
        """The hash of a password, with its salt and cost."""
        return self._hasher.hash(_bytes(password))

    def fits(self, hashed: str, password: str) -> bool:
        """Whether a hash was made of that password."""
        from argon2.exceptions import VerifyMismatchError

        try:
            return self._hasher.verify(hashed, _bytes(password))
        except VerifyMismatchError:
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogateescape")  # FTP may bring bytes that are no UTF-8


class HashingThread:
    """Does one thing after the other in a thread of its own, so that the reactor never waits.

    The thread is begun with the first thing. At most ``most`` wait for their
    turn; one more fails with :class:`Overloaded`.
    """

    def __init__(self, reactor: Any, *, most: int) -> None:
        self._reactor = reactor
        self._most = most
        self._pool: ThreadPool | None = None
        self._waiting: deque[tuple[Deferred[Any], Callable[[], Any]]] = deque()
        self._busy = False
        self._closed = False

    def __call__(self, work: Callable[[], T]) -> Deferred[T]:
        """What ``work`` returns, once it is its turn."""
        if self._closed or (self._most and len(self._waiting) >= self._most):
            return fail(Overloaded("Too many people log in just now; try again in a few seconds."))
        done: Deferred[T] = Deferred()
        self._waiting.append((done, work))
        self._next()
        return done

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        if self._pool is None:
            self._pool = ThreadPool(minthreads=0, maxthreads=1, name="hashing")
            self._pool.start()
        done, work = self._waiting.popleft()
        result = deferToThreadPool(self._reactor, self._pool, work)
        _ = result.addBoth(self._did, done)

    def _did(self, result: Any, done: Deferred[Any]) -> None:
        self._busy = False
        self._next()
        (done.errback if isinstance(result, Failure) else done.callback)(result)

    def close(self) -> None:
        """End the thread, after what it is just doing. Who waits is told that it will not be done."""
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        for done, _ in waiting:
            done.errback(Overloaded("The playground stops."))
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


def at_once(work: Callable[[], T]) -> Deferred[T]:
    """Stands where a :class:`HashingThread` does in tests that have no threads."""
    return cast("Deferred[T]", execute(work))
