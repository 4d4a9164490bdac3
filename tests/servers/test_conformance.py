"""What every server has to bear, done to each of them; and that the check finds what it is there to find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

from playground.journal.events import Snapshot, Where
from playground.servers import Playground, Server
from playground.servers.catalogue import BUILT_IN, catalogue
from playground.testing import check_server
from playground.wire.ledger import Connection
from playground.wire.lines import LineProtocol
from playground.wire.listening import ListeningService
from tests.reactor import the_reactor

SAMPLES: dict[str, Sequence[bytes]] = {
    "http": [
        b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target
        for target in (
            b"/state?name=ada",
            b"/nowhere",
            b"/counter/connection",
            b"/counter/session",
            b"/counter/shared",
        )
    ],
    "ftp": [b"USER ada\r\n", b"PASS ada\r\n", b"CWD docs\r\n", b"SITE STATE\r\n", b"QUIT\r\n"],
    "game": [b"name ada\n", b"ready\n"],
    "waiter": [b"order soup\n", b"the usual\r\n", b"bill\n", b"pay\n"],
}


@pytest.mark.parametrize("name", BUILT_IN)
@pytest_twisted.ensureDeferred
async def test_a_built_in_server_bears_it(name: str, tmp_path: Path):
    reactor = the_reactor()
    await check_server(catalogue()[name](), reactor, sample=SAMPLES[name], state_dir=tmp_path)


# -- the check itself -------------------------------------------------------------------------


class Counting(LineProtocol):
    count = 0

    @override
    def line_received(self, line: str) -> None:
        self.count += 1
        self.send_line(f"{self.count} {line}")


class Honest(Server):
    """Counts lines."""

    name = "honest"
    endpoint = "tcp:4003"
    memory = frozenset({"connection"})
    protocol: type[Protocol] = Counting

    @override
    def service(self, playground: Playground, endpoint: str) -> ListeningService:
        self.playground = playground
        return playground.listen(endpoint, Factory.forProtocol(self.protocol))

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        count = getattr(conn.inner, "count", 0)
        return {"lines": count} if count else {}

    @override
    def forget(self, where: Where, /) -> None:
        for conn in self.playground.connections:
            conn.inner.count = 0


class ByPacket(Protocol):
    """Takes a packet for a message."""

    claims_messages = True
    transport: Any
    count = 0

    @override
    def dataReceived(self, data: bytes) -> None:
        self.count += 1
        self.transport.claim(len(data))
        self.transport.write(b"ok\n")


class PacketServer(Honest):
    protocol = ByPacket


class Deaf(Counting):
    """Answers late, and not at all to who has closed its half."""

    @override
    def line_received(self, line: str) -> None:
        self.count += 1
        self.wire.call_later(0.05, self.send_line, line)

    @override
    def input_ended(self) -> None:
        self.wire.abortConnection("client")


class DeafServer(Honest):
    protocol = Deaf


class Secretive(Honest):
    memory = frozenset()


class Boastful(Honest):
    memory = frozenset({"connection", "session"})


class Unforgetting(Honest):
    @override
    def forget(self, where: Where, /) -> None:
        """No."""


class HangingUp(Honest):
    @override
    def forget(self, where: Where, /) -> None:
        for conn in self.playground.connections:
            conn.inner.count = 0
            self.playground.ledger.release(conn)


class Leaking(Honest):
    timer: Any = None

    @override
    def remembered(self, conn: Connection, /) -> Snapshot:
        self.timer = self.timer or self.playground.call_later(600, str)
        return super().remembered(conn)


@pytest_twisted.ensureDeferred
async def test_an_honest_server_passes():
    reactor = the_reactor()
    await check_server(Honest, reactor, sample=[b"hello\n", b"world\r\n"])


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (PacketServer, "one byte at a time makes other events than all at once"),
        (DeafServer, "who closes its half at once is not told"),
        (Secretive, "says it remembers nothing, but it does: {'connection'}"),
        (Boastful, "says it remembers {'session'}, but nothing of the sample does that"),
        (Unforgetting, "forget connection was to drop"),
        (HangingUp, "forget connection"),
        (Leaking, "stopping leaves"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_found(server: type[Server], why: str):
    reactor = the_reactor()
    try:
        with pytest.raises(AssertionError, match=why):
            await check_server(server, reactor, sample=[b"hello\n", b"world\r\n"])
    finally:
        for timer in reactor.getDelayedCalls():
            timer.cancel()
