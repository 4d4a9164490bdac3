"""Who may come in: the accounts, those who are logged in, and the tokens that were given away."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from playground.servers.http.denylist import Denylist
from playground.servers.http.limits import SWITCHED_OFF, HttpLimits
from playground.servers.http.router import Asker
from playground.servers.http.sessions import Sessions
from playground.servers.http.tokens import BadToken, Claims, Tokens
from playground.stores.accounts import Accounts
from playground.stores.memory import MemoryStore
from playground.stores.store import Store, StoreDown, StoreFull
from playground.wire.memory import Subject

log = Logger()


class Doorman:
    """One for each server. ``now`` is seconds since 1970, ``random`` a :class:`random.Random` that nobody can
    foresee, ``key`` what signs the tokens.
    """

    def __init__(
        self,
        accounts: Accounts,
        store: Store,
        limits: HttpLimits,
        *,
        now: Callable[[], float],
        random: Any,
        key: bytes,
    ) -> None:
        self.accounts = accounts
        self.sessions = Sessions(
            store,
            now,
            random,
            idle=limits.session_seconds or float(SWITCHED_OFF),
            longest=limits.login_seconds,
            most=limits.sessions,
        )
        self.denylist = Denylist(store, now, most=limits.denied_tokens) if limits.token_denylist else None
        self._tokens = Tokens(key, now, random, seconds=limits.token_seconds, longest=limits.login_seconds)
        self._ready = False

    async def tokens(self) -> Tokens:
        """What makes and checks tokens. Its library is loaded the first time, beside the reactor."""
        if not self._ready:
            await self.accounts.run(lambda: import_module("jwt"))
            self._ready = True
        return self._tokens

    async def admit(self, token: str) -> Claims:
        """What a token says whose bearer may come in. Raises :class:`BadToken`."""
        claims = (await self.tokens()).read(token)
        if self.accounts.get(claims.user) is None:
            raise BadToken("token-account", "There is no such account any more.", "RFC 8725 3.8")
        if self.denylist is not None and await self.denylist.denies(claims):
            raise BadToken("token-denied", "This token was logged out.", "RFC 7519 4.1.7")
        return claims

    def load(self, then: Callable[[], object]) -> None:
        """Read what the store has kept from before; ``then`` is called when it is known."""
        _ = Deferred.fromCoroutine(self._load(then)).addErrback(_told)

    async def _load(self, then: Callable[[], object]) -> None:
        await self.sessions.load()
        if self.denylist is not None:
            await self.denylist.load()
        then()

    def denied(self) -> tuple[Subject, ...]:
        """What the denylist holds, where there is one."""
        return self.denylist.subjects() if self.denylist is not None else ()

    def subjects_of(self, ident: str) -> tuple[Subject, ...]:
        """The session with that id, if there is one."""
        subject = self.sessions.subject_of(ident)
        return (subject,) if subject is not None else ()

    def forget_denied(self) -> None:
        """Refuse no token any more that was logged out."""
        if self.denylist is not None:
            self.denylist.forget()

    def close(self) -> Deferred[None]:
        """Let go of the store."""
        return self.sessions.store.close()


def doorman_of(asker: Asker) -> Doorman:
    """The one of the server that is asked."""
    return cast("Doorman", asker.doorman)


def nobody_comes_in(now: Callable[[], float], random: Any, limits: HttpLimits) -> Doorman:
    """One without accounts, which keeps nothing anywhere: for a site of its own in a test."""
    return Doorman(Accounts(), MemoryStore(now), limits, now=now, random=random, key=b"\0" * 32)


def _told(failure: Failure) -> None:
    """A store that is down at the start is waited for; until then it shows nobody from before."""
    failure.trap(StoreDown, StoreFull)
    log.warn("who was logged in before is not known yet: {why}", why=failure.getErrorMessage())
