"""A game on a free port, for tests that need a real socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest_twisted

from playground.servers.game import GameServer
from playground.servers.game.limits import GameLimits
from playground.testing import Served, serve
from tests.reactor import the_reactor

House = Callable[..., Awaitable[Served]]


@pytest_twisted.async_yield_fixture
async def house():
    """Makes servers: ``await house(seed=3, oil=0.5)``. They are stopped at the test's end."""
    reactor = the_reactor()
    opened: list[Served] = []

    async def open_house(seed: object = 3, **limits: Any) -> Served:
        server = GameServer(GameLimits(**{"hello": 0.02, **limits}))
        served = await serve(server, reactor, game_seed=seed)
        opened.append(served)
        return served

    yield open_house
    for served in opened:
        await served.stop()
