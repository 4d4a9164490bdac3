"""The people who may log in. One list for every server that asks for a password."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock

from playground.stores.guesses import Guesses
from playground.stores.hashing import CHEAP, Hasher, at_once


def _limit(default: float, why: str) -> Any:
    return field(default=default, metadata={"why": why})


@dataclass(frozen=True)
class LoginLimits:
    """What holds for logging in, over whichever protocol. ``--set login.guesses=3`` sets one; 0 is off."""

    guesses: int = _limit(5, "wrong passwords that one address may try for one name before it has to wait")
    guess_seconds: float = _limit(60.0, "after this all guesses are given back, one after the other")
    waiting: int = _limit(64, "passwords that wait to be checked: more would wait for over a second")


@dataclass(frozen=True)
class Account:
    """One person."""

    name: str
    password: str = field(repr=False)
    root: Path | None = None
    """The folder this account sees over FTP; None for the common one."""
    permissions: str | None = None
    """pyftpdlib's letters (``elradfmwMT``); None for what the server gives everybody."""
    quota: int | None = None
    """Bytes this account may store; None for no limit of its own."""


class TooManyGuesses(Exception):
    """That address has tried too many wrong passwords for that name. Its text is one line for a person."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Too many wrong passwords for that name from your address; try again in {seconds:.0f} s."
        )
        self.seconds = seconds
        """How long to wait."""


def network_of(address: str) -> str:
    """What guesses are counted by: of an IPv6 address the first half, for a guesser has all of the other."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return address
    return str(known.ipv4_mapped or IPv6Network((known, 64), strict=False))


class Accounts:
    """Looks people up and checks their passwords.

    ``run`` is a :class:`~playground.stores.hashing.HashingThread` (without one
    hashes are made at once and cheaply, which is for tests), ``now`` a clock in
    seconds.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        *,
        limits: LoginLimits | None = None,
        now: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], Any]], Deferred[Any]] = at_once,
        hasher: Hasher | None = None,
    ) -> None:
        self.limits = limits = limits or LoginLimits()
        self._accounts = {account.name: account for account in accounts}
        self.run = run
        """Does one thing in the thread beside the reactor."""
        self._hasher = hasher or Hasher(CHEAP)
        self._hashes: dict[str, str] = {}
        # One after the other for each pair: a class that logs in as one, all at once, is no guesser.
        self._turns: dict[tuple[str, str], DeferredLock] = {}
        self._guesses = Guesses(now, most=limits.guesses, seconds=limits.guess_seconds)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def get(self, name: str) -> Account | None:
        """The account of that name, or None."""
        return self._accounts.get(name)

    async def log_in(self, name: str, password: str, address: str) -> Account | None:
        """The account, if the password is right; None if it is not.

        The one way to check a password, for every server: ``address`` is the
        client's, without a port. Takes as long for a name that does not exist.
        Raises :class:`TooManyGuesses` or
        :class:`~playground.stores.hashing.Overloaded`; both texts may be told
        to the client. From a protocol that is no coroutine::

            Deferred.fromCoroutine(accounts.log_in(name, password, address))

        and, while it waits, handle nothing else of that connection; it may have
        gone when the answer comes.
        """
        pair = address, name
        turn = self._turns.setdefault(pair, DeferredLock())
        try:
            async with turn:
                return await self._try(name, password, address)
        finally:
            if not (turn.locked or turn.waiting):
                self._turns.pop(pair, None)

    async def _try(self, name: str, password: str, address: str) -> Account | None:
        address = network_of(address)
        wait = self._guesses.begin(address, name)
        if wait:
            raise TooManyGuesses(wait)
        try:
            right = await self.run(lambda: self._is_right(name, password))
        except Exception:
            self._guesses.undone(address, name)
            raise
        if not right:
            return None
        self._guesses.right(address, name)
        return self._accounts[name]

    def _is_right(self, name: str, password: str) -> bool:
        """Runs in the thread."""
        if not self._hashes:  # all at once, or a name's first check would take longer than those of no name
            hashes = {one.name: self._hasher.hash(one.password) for one in self}
            self._hashes = hashes | {"": self._hasher.hash("nobody")}
        account = self._accounts.get(name)
        fits = self._hasher.fits(self._hashes[name if account else ""], password)
        return fits and account is not None
