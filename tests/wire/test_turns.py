"""The canary for the private names of Twisted's epoll reactor, and what ours does when a protocol fails."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from twisted.internet.error import ConnectionLost
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


def cut_off(client: socket.socket) -> None:
    """Close it without a goodbye."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


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


@pytest.mark.expects_failure
def test_a_protocol_that_fails_at_what_is_said_loses_its_own_connection_alone(reactor: Any) -> None:
    reasons: list[Failure] = []

    class Fails(Protocol):
        @override
        def dataReceived(self, data: bytes) -> None:
            raise RuntimeError("not this")

        @override
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            reasons.append(reason)

    broken, whole = serve(reactor, Fails), serve(reactor, Echo)
    broken.sendall(b"this")
    whole.sendall(b"still here")
    turn_until(reactor, lambda: heard(whole) == b"still here")
    assert [str(reason.value) for reason in reasons] == ["not this"]
    assert broken.recv(10) == b""
    broken.close()
    whole.close()


def test_a_connection_that_is_reset_in_the_turn_in_which_it_was_to_be_read_is_lost(reactor: Any) -> None:
    transports: list[Any] = []
    reasons: list[type[BaseException] | None] = []

    class CutsOffTheOther(Protocol):
        @override
        def connectionMade(self) -> None:
            transports.append(self.transport)

        @override
        def dataReceived(self, data: bytes) -> None:
            cut_off(second)
            transports[1].socket.recv(100)  # what it had said is read: there is nothing but the end to come

        @override
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            reasons.append(reason.type)

    first = serve(reactor, CutsOffTheOther)
    turn_until(reactor, lambda: len(transports) == 1)
    second = serve(reactor, CutsOffTheOther)
    turn_until(reactor, lambda: len(transports) == 2)
    first.sendall(b"cut the other one off")
    second.sendall(b"which has something to say")
    turn_until(reactor, lambda: reasons)
    assert reasons == [ConnectionLost]
    first.close()


@pytest.mark.parametrize("end", [cut_off, socket.socket.close])
def test_many_who_end_at_once_hold_up_nobody(reactor: Any, end: Callable[[socket.socket], None]) -> None:
    lost: list[int] = []

    class Counting(Echo):
        @override
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            lost.append(1)

    made = Factory.forProtocol(Counting)
    port = reactor.listenTCP(0, made, backlog=100, interface="127.0.0.1")
    crowd = [socket.create_connection(("127.0.0.1", port.getHost().port), 10) for _ in range(90)]
    for one in crowd:
        one.sendall(b"hello")
    waiting = set(crowd)

    def all_have_heard() -> bool:
        waiting.difference_update([one for one in waiting if heard(one)])
        return not waiting

    turn_until(reactor, all_have_heard)
    *leaving, whole = crowd
    for one in leaving:
        end(one)
    whole.sendall(b"still here")
    a_turn, before = [], 0
    while len(lost) < len(leaving):
        reactor.iterate(0.1)
        a_turn.append(len(lost) - before)
        before = len(lost)
        assert a_turn[-1], "a turn in which nothing was done"
    assert max(a_turn) <= turns.HUNG_UP_A_TURN
    assert heard(whole) == b"still here"
    whole.close()
