"""Servers on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_twisted
from twisted.internet.protocol import Protocol

from playground.testing import Served, serve
from playground.wire.limits import Limits
from tests.reactor import the_reactor
from tests.wire.wired import LOCALHOST, Repeater, Repeating, Serve


@pytest_twisted.async_yield_fixture
async def house() -> AsyncIterator[Serve]:
    """Starts servers, and stops them after the test."""
    reactor = the_reactor()
    open_houses: list[Served] = []

    async def open_house(
        build: type[Protocol] = Repeater, *, endpoint: str = LOCALHOST, **limits: Any
    ) -> Served:
        served = await serve(Repeating(Limits(**limits), build), reactor, endpoint=endpoint)
        open_houses.append(served)
        return served

    yield open_house
    for served in open_houses:
        await served.stop()
