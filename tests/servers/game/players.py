"""What the tests of the game have in common."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playground.servers.game import GameServer
from playground.servers.game.limits import GameLimits
from playground.testing import Served, Talk, serve

GREETING = b"* Lantern. Say: name <you> | resume <token> | watch\n"


async def durable(folder: Path, reactor: Any) -> Served:
    """A game that is saved in ``folder``."""
    return await serve(
        GameServer(GameLimits(hello=0.02, save=5.0)), reactor, state_dir=folder, game_store="sqlite"
    )


async def seated(served: Served, name: str) -> tuple[Talk, str]:
    """Somebody with a seat, and the token of it."""
    talk = await served.connect()
    assert await talk.line() == GREETING
    talk.say(f"name {name}\n")
    return talk, token_in(await talk.until(f"* welcome {name}. Your token is ") + await talk.line())


def token_in(text: bytes) -> str:
    found = re.search(rb"\b[0-9a-f]{20}\b", text)
    assert found is not None
    return found[0].decode()


def states_of(served: Served, name: str) -> list[Any]:
    """The state events of one seat or of the table."""
    return [event for event in served.events("event:state") if name in (event.session, event.shared)]
