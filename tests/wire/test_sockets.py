"""Observed connections on real sockets: half-close, resets, slow readers, stopping, IPv6, Unix sockets."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from typing_extensions import override

from playground.testing import Talk
from playground.wire.listening import LET_IN_A_TURN, BadEndpoint
from tests.reactor import the_reactor
from tests.wire.wired import Generous, Repeater, Serve, Stock, StockEcho, told

MUCH = b"".join(b"%059d\n" % number for number in range(50_001))
"""3,000,060 bytes."""


# -- half-close -------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [Repeater, StockEcho])
@pytest_twisted.ensureDeferred
async def test_three_megabytes_and_a_closed_half_are_answered_to_the_last_byte(house: Serve, build: Any):
    served = await house(build)
    ada = await served.connect()
    ada.say(MUCH).end()
    assert await ada.rest(seconds=60) == MUCH
    (closed,) = await served.happens("event:connection.close")
    assert (closed.reason, closed.received_bytes, closed.sent_bytes) == ("client", len(MUCH), len(MUCH))


@pytest_twisted.ensureDeferred
async def test_one_long_answer_and_a_closed_half(house: Serve):
    served = await house(Generous)
    ada = await served.connect()
    ada.say("abc\n").end()
    assert await ada.rest() == b"abc" * 1_000_000


@pytest_twisted.ensureDeferred
async def test_a_timer_is_waited_for_after_the_half_is_closed(house: Serve):
    served = await house()
    ada = await served.connect()
    ada.say("later\n").end()
    assert await ada.rest() == b"now\n"


# -- many at once -----------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_a_crowd_at_the_door_is_let_in_a_few_at_a_time(house: Serve):
    """Else whoever is in waits until all of them are."""
    served = await house()
    crowd = [socket.socket() for _ in range(200)]
    for one in crowd:  # the kernel lets them knock while the reactor waits for this very function
        one.connect((served.host, served.port))
    there = [0]
    while there[-1] < len(crowd):
        await deferLater(the_reactor(), 0)
        there.append(len(served.playground.connections))
    turns = [after - before for before, after in pairwise(there)]
    assert max(turns) <= LET_IN_A_TURN
    for one in crowd:
        one.close()
    await served.happens("event:connection.close", count=len(crowd))


# -- the journal ------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [Repeater, Stock])
@pytest_twisted.ensureDeferred
async def test_one_byte_at_a_time_makes_the_same_events(house: Serve, build: Any):
    served = await house(build)
    talk = b"hello\r\nworld\nlast\nhalf"
    stories: list[Any] = []
    for size in (len(talk), 1):
        ada = await served.connect()
        for start in range(0, len(talk), size):
            ada.say(talk[start : start + size])
            await deferLater(served.playground.reactor, 0)  # so that it is a packet of its own
        heard = await ada.end().rest()
        conn = f"conn:repeat-{len(stories) + 1}"
        await served.happens(conn, "event:connection.close")
        stories.append((heard, [told(event) for event in served.events(conn)]))
    assert stories[0] == stories[1]


@pytest_twisted.ensureDeferred
async def test_addresses_are_those_of_the_sockets(house: Serve):
    served = await house()
    ada = await served.connect()
    ada.say("hello\n")
    await ada.line()
    (opened,) = served.events("event:connection.open")
    here = cast("Any", ada.transport).getHost()
    assert (opened.client_address, opened.client_port) == ("127.0.0.1", here.port)
    assert (opened.server_address, opened.server_port) == (served.host, served.port)
    assert (opened.transport, opened.tls) == ("tcp", False)
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_reset_is_a_lost_connection(house: Serve):
    served = await house()
    ada = await served.connect()
    ada.say("hello\n")
    await ada.line()
    ada.abort()
    (closed,) = await served.happens("event:connection.close")
    assert (closed.reason, closed.forgot) == ("lost", {"lines": 1})


# -- limits -----------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_one_too_many_hears_so_and_a_place_that_is_free_is_free(house: Serve):
    served = await house(connections_per_address=2)
    ada, bob = await served.connect(), await served.connect()
    extra = await served.connect()
    assert await extra.rest() == b"* too-many\n"
    assert [event.limit for event in served.events("event:limit")] == ["repeat.connections_per_address"]
    ada.hang_up()
    await served.happens("conn:repeat-1", "event:connection.close")
    carol = await served.connect()
    carol.say("hello\n")
    assert await carol.line() == b"hello\n"
    for talk in (bob, carol):
        talk.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_floods_hears_the_farewell_however_much_is_on_its_way(house: Serve):
    served = await house(flood_per_second=1, flood_burst=3)
    eve, ada = await served.connect(), await served.connect()
    eve.say(MUCH)
    assert (await eve.rest()).endswith(b"* flood\n")
    ada.say("hello\n")
    assert await ada.line() == b"hello\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_line_without_end_is_told_so(house: Serve):
    served = await house()
    eve = await served.connect()
    eve.say(b"x" * 3_000_000)
    assert (await eve.rest()) == b"! a line may have 1024 bytes; goodbye\n"
    (limit,) = served.events("event:limit")
    assert (limit.limit, limit.value) == ("repeat.line", 1024)


@pytest_twisted.ensureDeferred
async def test_silence_is_ended(house: Serve):
    served = await house(idle=0.1)
    ada = await served.connect()
    assert await ada.rest() == b"* idle\n"


@pytest_twisted.ensureDeferred
async def test_who_does_not_read_is_given_up_and_nobody_waits_for_it(house: Serve):
    served = await house(Generous, clogged=0.3)
    eve, ada = await served.connect(), await served.connect()
    eve.stop_reading()
    eve.say("abc\nabc\nabc\nabc\nabc\nabc\n")
    await served.happens("conn:repeat-1", "event:sent")
    ada.say("abc\n")
    assert len(await ada.until("abc" * 1_000_000)) == 3_000_000
    (closed,) = await served.happens("conn:repeat-1", "event:connection.close")
    assert closed.reason == "clogged"
    assert [event.limit for event in served.events("conn:repeat-1", "event:limit")] == ["repeat.clogged"]
    eve.abort()
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_closing_on_a_slow_reader_loses_nothing(house: Serve):
    class Last(Generous):
        @override
        def line_received(self, line: str) -> None:
            super().line_received(line)
            self.wire.loseConnection()

    served = await house(Last)

    def read_slowly() -> int:
        heard = 0
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(10)
            client.connect((served.host, served.port))
            client.sendall(b"abc\n")
            while piece := client.recv(8192):
                heard += len(piece)
        return heard

    heard = deferToThread(read_slowly)
    _ = heard.addTimeout(30, served.playground.reactor)
    assert await heard == 3_000_000
    (closed,) = await served.happens("event:connection.close")
    assert (closed.reason, closed.sent_bytes) == ("server", 3_000_000)


# -- stopping ---------------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_stopping_says_goodbye_to_everybody(house: Serve):
    served = await house()
    ada, bob = await served.connect(), await served.connect()
    ada.say("hello\n")
    await ada.line()
    await served.stop()
    assert await ada.rest() == b"* shutdown\n"
    assert await bob.rest() == b"* shutdown\n"
    assert [event.reason for event in served.events("event:connection.close")] == ["shutdown"] * 2


@pytest_twisted.ensureDeferred
async def test_stopping_waits_two_seconds_for_who_does_not_listen(house: Serve):
    served = await house(Generous)
    eve = await served.connect()
    eve.stop_reading()
    eve.say("abc\n" * 6)
    await served.happens("event:sent")
    reactor = served.playground.reactor
    began = reactor.seconds()
    await served.stop()
    assert reactor.seconds() - began < 2.5
    (closed,) = served.events("event:connection.close")
    assert closed.reason == "shutdown"
    await served.stop()  # once more is nothing more
    eve.abort()


# -- other sockets ----------------------------------------------------------------------------


@pytest_twisted.ensureDeferred
async def test_ipv6(house: Serve):
    served = await house(endpoint=r"tcp:0:interface=\:\:1")
    assert served.host == "::1"
    ada = await served.connect()
    ada.say("hello\n")
    assert await ada.line() == b"hello\n"
    assert served.events("event:connection.open")[0].client_address == "::1"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_unix_socket(house: Serve, tmp_path: Path):
    served = await house(endpoint=f"unix:{tmp_path}/repeat:lockfile=0")
    assert (served.host, served.port) == (f"{tmp_path}/repeat", 0)
    reactor = served.playground.reactor
    ada = await connectProtocol(UNIXClientEndpoint(reactor, f"{tmp_path}/repeat"), Talk(reactor))
    ada.say("hello\n").end()
    assert await ada.rest() == b"hello\n"
    (opened,) = served.events("event:connection.open")
    assert (opened.transport, opened.client_address, opened.server_address) == ("unix", "unix", served.host)


@pytest.mark.parametrize(
    "endpoint",
    [
        "nonsense:1",
        "tcp:http",
        "tcp",
        "tcp:1:2:3:4:5",
        "ssl:0:privateKey=/nowhere.pem",
        "unix:/no/where",
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_endpoint_that_cannot_be_used_says_why(house: Serve, endpoint: str):
    with pytest.raises((BadEndpoint, CannotListenError)) as error:
        await house(endpoint=endpoint)
    assert endpoint.partition(":")[0] in str(error.value) or "/no/where" in str(error.value)
