"""The Runtime API against who is no client of AWS: any program on this machine can reach it."""

from __future__ import annotations

import json
from random import Random
from time import time
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol

from playground.journal.journal import Journal
from playground.servers import Playground
from playground.servers.function.environment import Environment, Run
from playground.servers.function.protocol import RuntimeFactory
from playground.servers.function.server import FunctionServer
from playground.servers.function.states import Input
from playground.stores.accounts import Accounts
from playground.testing import Talk
from playground.wire.listening import Listening
from tests.reactor import the_reactor
from tests.servers.function.conftest import House, Open

V = b"/2018-06-01/runtime"


async def stranger(house: House) -> Talk:
    """Connected with the port of an environment that is free."""
    told = await house.ask("tell")
    host, port = json.loads(told.content)["api"].split(":")
    reactor = house.playground.reactor
    talk: Talk = await connectProtocol(HostnameEndpoint(reactor, host, int(port)), Talk(reactor))
    return talk


@pytest.mark.parametrize(
    ("said", "status", "rule"),
    [
        (b"GET %b/invocation/next HTTP/1.1\r\n\r\n" % V, b"403 Forbidden", "stranger"),
        (b"hello\r\n\r\n", b"400 Bad Request", "request-line"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found", "not-found"),
        (b"POST %b/invocation/next HTTP/1.1\r\n\r\n" % V, b"404 Not Found", "not-found"),
        (b"POST %b/invocation/1/response HTTP/1.1\r\n\r\n" % V, b"403 Forbidden", "stranger"),
        (b"POST %b/init/error HTTP/1.1\r\n\r\n" % V, b"403 Forbidden", "stranger"),
        (
            b"POST %b/invocation/1/response HTTP/1.1\r\nContent-Length: +5\r\n\r\n" % V,
            b"400 Bad Request",
            "content-length",
        ),
        (
            b"POST %b/invocation/1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % V,
            b"411 Length Required",
            "length-missing",
        ),
    ],
)
@pytest.mark.parametrize("pieces", ["at once", "byte by byte"])
@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_told_and_changes_nothing(
    house: Open, said: bytes, status: bytes, rule: str, pieces: str
):
    desk = await house()
    eve = await stranger(desk)
    for piece in [said] if pieces == "at once" else [bytes([byte]) for byte in said]:
        eve.say(piece)
    assert (await eve.rest()).startswith(b"HTTP/1.1 " + status)
    assert [event.rule for event in desk.events("event:refused")] == [rule]
    assert (await desk.ask("tell")).start == "warm"


@pytest_twisted.ensureDeferred
async def test_a_strangers_body_is_not_waited_for(house: Open):
    desk = await house()
    eve = await stranger(desk)
    eve.say(b"POST %b/invocation/1/response HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n" % V)
    assert (await eve.rest()).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert (await desk.ask("tell")).start == "warm"


@pytest.fixture
def environment() -> Any:
    """An environment without a process: the test is AWS's client. Its functions cannot be found."""
    reactor = the_reactor()
    server = FunctionServer()
    playground = Playground(
        server, reactor=reactor, journal=Journal(time), accounts=Accounts(()), random=Random(1)
    )
    return Environment(playground, "count", 1, lambda: None)


async def client_of(environment: Environment) -> tuple[Talk, Listening]:
    playground = environment.playground
    port = playground.listen("tcp:0:interface=127.0.0.1", RuntimeFactory(environment))
    port.startService()
    host, number = await port.opened
    endpoint = HostnameEndpoint(playground.reactor, host, number)
    talk: Talk = await connectProtocol(endpoint, Talk(playground.reactor))
    return talk, port


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (b"GET %b/invocation/next HTTP/1.1\r\n\r\n" % V, "out-of-order"),
        (b"POST %b/invocation/r-2/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" % V, "request-id"),
        (b"POST %b/invocation/r-2/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" % V, "request-id"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_client_that_is_out_of_step_is_told(environment: Environment, said: bytes, rule: str):
    client, port = await client_of(environment)
    run = Run("r-1", b"{}", (), 0.0, "cold")
    environment.give(run)
    client.say(b"GET %b/invocation/next HTTP/1.1\r\n\r\n" % V)
    assert b"\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n" in await client.until("\r\n\r\n{}")
    client.say(said)
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 4")
    assert rule.encode() in answer
    environment.end(Input.SHUTDOWN)
    assert (await run.done).rule == "ended"
    await port.stopService()
