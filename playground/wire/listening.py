"""Listening on an endpoint with every connection observed, and stopping politely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IReactorCore
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from typing_extensions import override

from playground.wire.addresses import as_endpoint
from playground.wire.certificates import NEEDS_MORE, Identity, NoCertificate
from playground.wire.ledger import Ledger
from playground.wire.observed import Observed
from playground.wire.timers import Silence

BACKLOG = 1024
"""Connections that may knock before they are let in; those beyond wait a second and try again."""

LET_IN_A_TURN = 5
"""Connections that are let in before it is the turn of who is in. Twisted alone would take 20 more each time,
as long as more knock: 20 ms in which nobody else is answered. Measured with 10: 15 % more requests that each
have a connection of their own, but players beside attackers wait longer (p99 1.05 ms, not 0.96).
"""

GOODBYE_SECONDS = 2.0
"""How long connections may take to finish when the server stops."""


def with_backlog(endpoint: str) -> str:
    """``tcp:8080`` to ``tcp:8080:backlog=1024``, where nothing else was said."""
    kind = endpoint.partition(":")[0]
    if kind not in ("tcp", "tcp6", "unix") or ":backlog=" in endpoint:
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"


class BadEndpoint(Exception):
    """An endpoint string that cannot be used. Its text tells a person why."""


class ListeningService(Protocol):
    """An ``IService`` that can say when and where it listens."""

    @property
    def opened(self) -> Deferred[tuple[str, int]]:
        """Fires with (address, port); fails with ``CannotListenError`` or :class:`BadEndpoint`."""

    @property
    def secured(self) -> tuple[str, int] | None:
        """Where the same server listens with TLS from the first byte, once it does; None for nowhere."""

    @property
    def speaks_tls(self) -> bool:
        """Whether a client may begin TLS in the middle, as with FTP's AUTH."""

    def startService(self) -> None:
        """Begin to listen."""

    def stopService(self) -> Deferred[None] | None:
        """Stop, say goodbye, and wait for the connections to end."""


class ObservedFactory(Factory):
    """Wraps what another factory builds."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, ledger: Ledger, reactor: Any) -> None:
        self._factory = factory
        self._ledger = ledger
        self._reactor = reactor
        self.connections: set[Observed] = set()
        self._silence = Silence(reactor, ledger.server.options.idle, self.connections)
        self._callbacks = (self.connections.add, self._lost)  # one pair for all connections
        self._when_empty: list[Callable[[], None]] = []

    @override
    def doStart(self) -> None:
        super().doStart()
        self._factory.doStart()

    @override
    def doStop(self) -> None:
        super().doStop()
        self._factory.doStop()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Observed | None:
        inner = self._factory.buildProtocol(cast("IAddress", addr))
        if inner is None:
            return None
        return Observed(cast("Any", inner), self._ledger, self._reactor, *self._callbacks, self._silence)

    def _lost(self, observed: Observed) -> None:
        self.connections.discard(observed)
        if not self.connections:
            waiting, self._when_empty = self._when_empty, []
            for call in waiting:
                call()

    def when_empty(self) -> Deferred[None]:
        """Fires when no connection is left."""
        empty: Deferred[None] = Deferred()
        if self.connections:
            self._when_empty.append(lambda: empty.callback(None))
        else:
            empty.callback(None)
        return empty


def _let_in_few(port: Any) -> None:
    """Let ``port`` take few connections in each turn; when it took some it decides anew how many.

    A class of our own would not do: the reactor makes its ports itself, one kind for TCP and another for Unix
    sockets, each of them in two ways (systemd hands one over that listens already).
    """
    if not hasattr(port, "numberAccepts"):
        return
    let_in = port.doRead

    def let_few_in() -> object:
        port.numberAccepts = LET_IN_A_TURN
        return let_in()

    port.doRead = let_few_in


class Tls(NamedTuple):
    """What a server needs to speak TLS."""

    identity: Identity | None = None
    """The certificate of ``--tls``, if there is one."""
    alpn: tuple[bytes, ...] = ()
    """What a client may choose from, RFC 7301."""
    always: bool = False
    """Whether every endpoint is secured, not those alone that begin with ``ssl:`` or ``tls:``."""


class Listening(Service):
    """A server of observed connections on one Twisted endpoint string."""

    speaks_tls = False

    def __init__(
        self,
        endpoint: str,
        factory: IProtocolFactory,
        ledger: Ledger,
        reactor: Any,
        tls: Tls | None = None,
        besides: Listening | None = None,
        at_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls or Tls()
        self._reactor = reactor
        self.factory = ObservedFactory(factory, ledger, reactor)
        """Builds the connections, observed; a door builds its own with it too."""
        self._port: IListeningPort | None = None
        self._all = (self,) if besides is None else (self, besides)
        self._at_end = at_end
        self.opened: Deferred[tuple[str, int]] = Deferred()
        self.secured: tuple[str, int] | None = None
        """Where the other one, ``besides``, listens once both do: the same server, with TLS."""

    @override
    def startService(self) -> None:
        super().startService()
        all_open = gatherResults([one._open() for one in self._all], consumeErrors=True)
        _ = all_open.addCallbacks(self._all_listen, lambda failure: failure.value.subFailure).addCallbacks(
            self.opened.callback, self.opened.errback
        )

    def _all_listen(self, addresses: list[tuple[str, int]]) -> tuple[str, int]:
        own, *others = addresses
        self.secured = others[0] if others else None
        return own

    def _open(self) -> Deferred[tuple[str, int]]:
        try:
            where, factory = self._with_tls()
            endpoint = serverFromString(cast("IReactorCore", self._reactor), with_backlog(where))
        except Exception as error:  # each kind of endpoint raises what it likes, some come from plug-ins
            return fail(BadEndpoint(f"{self._endpoint!r} is no endpoint that can be used: {error}"))
        listening: Deferred[tuple[str, int]] = endpoint.listen(factory).addCallbacks(
            self._listens, self._refuse
        )
        return listening

    def _with_tls(self) -> tuple[str, IProtocolFactory]:
        """The endpoint as Twisted is told it, and what it serves there."""
        where, tls = self._endpoint, self._tls
        identity = tls.identity
        named = where.partition(":")[0] in ("ssl", "tls")
        if not (named or tls.always):
            return where, self.factory
        try:
            from playground.wire.over_tls import over_tls, tls_port
        except ImportError as error:
            raise NoCertificate(NEEDS_MORE) from error
        if named:
            where, own = tls_port(where)
            identity = own or identity
        if identity is None:
            raise NoCertificate("there is no certificate. Try: --tls auto")
        return where, over_tls(self.factory, identity, tls.alpn)

    def _refuse(self, failure: Failure) -> Failure:
        if failure.check(CannotListenError):
            return failure
        return Failure(BadEndpoint(f"{self._endpoint!r} cannot be listened on: {failure.getErrorMessage()}"))

    def _listens(self, port: IListeningPort) -> tuple[str, int]:
        self._port = port
        _let_in_few(port)
        address, number = as_endpoint(port.getHost())
        return address, number

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop_all())

    async def _stop_all(self) -> None:
        await gatherResults([Deferred.fromCoroutine(one._stop()) for one in self._all])
        if self._at_end is not None:
            await self._at_end()

    async def _stop(self) -> None:
        if self._port is not None:
            port, self._port = self._port, None
            await maybeDeferred(port.stopListening)
        for connection in list(self.factory.connections):
            connection.goodbye("shutdown")
        late = self._reactor.callLater(GOODBYE_SECONDS, self._abort_all)
        await self.factory.when_empty()
        if late.active():
            late.cancel()

    def _abort_all(self) -> None:
        for connection in list(self.factory.connections):
            connection.abortConnection("shutdown")
