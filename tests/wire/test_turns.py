"""The canary for the private names of Twisted's epoll reactor, and what ours does when a protocol fails."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

turns = pytest.importorskip("playground.wire.turns", reason="no epoll here", exc_type=ImportError)

TURNS = 100


class Echo(Protocol):
    @override
    def dataReceived(self, data: bytes) -> None:
        cast("Any", self.transport).write(data)


class NeverLetsGo(Echo):
    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        raise RuntimeError("it cannot be over")


@pytest.fixture
def reactor() -> Iterator[Any]:
    made = turns.QuickEpoll()
    yield made
    for left in made.removeAll():
        left.connectionLost(Failure(ConnectionError()))
    made._poller.close()


def serve(reactor: Any, protocol: type[Protocol]) -> socket.socket:
    """A client of a new server on that reactor."""
    port = reactor.listenTCP(0, Factory.forProtocol(protocol), interface="127.0.0.1")
    return socket.create_connection(("127.0.0.1", port.getHost().port), 10)


def turn_until(reactor: Any, done: Callable[[], object]) -> None:
    for _ in range(TURNS):
        if done():
            return
        reactor.iterate(0.1)
    pytest.fail(f"not within {TURNS} turns")


def heard(client: socket.socket) -> bytes:
    client.setblocking(False)
    try:
        return client.recv(100)
    except BlockingIOError:
        return b""


def test_what_arrives_is_handled(reactor: Any) -> None:
    client = serve(reactor, Echo)
    client.sendall(b"hello")
    turn_until(reactor, lambda: heard(client) == b"hello")
    client.close()


@pytest.mark.expects_failure
def test_a_protocol_that_fails_at_its_end_ends_no_other(reactor: Any) -> None:
    broken, whole = serve(reactor, NeverLetsGo), serve(reactor, Echo)
    broken.close()
    whole.sendall(b"still here")
    turn_until(reactor, lambda: heard(whole) == b"still here")
    whole.close()
