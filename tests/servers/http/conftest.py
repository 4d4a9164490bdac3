"""An HTTP server in memory: its clock is turned by hand, and no byte crosses a socket."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from playground.journal.journal import Journal
from playground.journal.query import parse_filter
from playground.servers import Playground
from playground.servers.http import HttpLimits, HttpServer
from playground.stores.accounts import Accounts

NOON = 1_795_521_600.0


class Client:
    """One connection to the server, from the client's side."""

    def __init__(self, desk: Desk, observed: Any) -> None:
        self.desk = desk
        self.observed = observed
        self.transport: Any = StringTransport(lenient=True)
        self.closed = False
        observed.makeConnection(self.transport)
        self.watch()

    def say(self, *pieces: bytes) -> Client:
        for piece in pieces:
            if not self.closed:
                self.observed.dataReceived(piece)
                self.watch()
        return self

    def end(self) -> Client:
        """Close our half."""
        self.observed.readConnectionLost()
        self.watch()
        return self

    def hang_up(self) -> None:
        self.closed = True
        self.observed.connectionLost(Failure(ConnectionDone()))

    def heard(self) -> bytes:
        """What the server has said since the last time."""
        data = bytes(self.transport.value())
        self.transport.clear()
        return data

    def statuses(self) -> list[int]:
        """The statuses of the answers heard since the last time."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", self.heard())]

    @property
    def reads_on(self) -> bool:
        """Whether the server takes more input."""
        return bool(self.transport.producerState == "producing")

    def clog(self) -> None:
        """We stop reading: the server's buffer is full."""
        self.transport.producer.pauseProducing()

    def unclog(self) -> None:
        """We have read everything."""
        self.transport.producer.resumeProducing()
        self.watch()

    def watch(self) -> None:
        """A transport with nothing left to send closes when it was told to."""
        if self.transport.disconnecting and not self.closed:
            self.hang_up()


class Desk:
    """A server, its journal and its clock."""

    def __init__(self, limits: HttpLimits) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.reactor.advance(NOON)
        self.journal = Journal(self.reactor.seconds, ring_events=100_000)
        self.server = HttpServer(limits)
        self.playground = Playground(
            self.server,
            reactor=self.reactor,
            journal=self.journal,
            accounts=Accounts(()),
            random=random.Random(1),
        )
        self.service = self.server.service(self.playground, "tcp:8080")
        self.service.startService()
        self.factory = self.reactor.tcpServers[0][1]
        self.factory.doStart()  # as a real port would
        self.clients: list[Client] = []
        self.trouble_expected = False

    def connect(self) -> Client:
        address = IPv4Address("TCP", "192.0.2.1", 5000 + len(self.clients))
        self.clients.append(Client(self, self.factory.buildProtocol(address)))
        return self.clients[-1]

    def wait(self, seconds: float, step: float = 0.0) -> None:
        """Let time pass, ``step`` seconds at a time."""
        step = step or seconds
        for _ in range(max(round(seconds / step), 1) if step else 1):
            self.reactor.advance(step)
            for client in self.clients:
                client.watch()

    def events(self, *words: str) -> list[Any]:
        keep = parse_filter(words)
        return [event for event in self.journal.ring if keep(event)]

    def story(self) -> list[tuple[str, str]]:
        """The journal as a transcript: kind of event, and what it says."""
        return [(str(event.__struct_config__.tag), _says(event)) for event in self.journal.ring]


def _says(event: Any) -> str:
    data = getattr(event, "data", None)
    if data is not None:
        return str(data).partition("\r\n")[0]
    return str(getattr(event, "rule", None) or getattr(event, "limit", None) or getattr(event, "reason", ""))


@pytest.fixture
def open_desk():
    """Makes a server with these limits."""
    desks: list[Desk] = []

    def make(**limits: Any) -> Desk:
        desks.append(Desk(replace(HttpLimits(), **limits)))
        return desks[-1]

    yield make
    for desk in desks:
        for client in desk.clients:
            if not client.closed:
                client.hang_up()
        desk.factory.doStop()
        timers = desk.reactor.getDelayedCalls()
        assert not timers, f"left behind: {timers}"
        assert desk.trouble_expected or not desk.events("event:trouble")


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
