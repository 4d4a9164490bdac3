"""Nobody waits long because somebody else, or very many, want something at the same time."""

from __future__ import annotations

import socket
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from playground.servers.game import GameServer
from playground.servers.game.limits import GameLimits
from playground.servers.game.protocol import LINES_A_TURN
from playground.servers.game.shell import GREETED_A_TURN
from playground.testing import Served, serve
from tests.reactor import the_reactor
from tests.servers.game.players import GREETING, seated


async def most_a_turn(served: Served, words: str, count: int) -> int:
    """How many such events there were in one turn of the reactor, at most, until there are ``count``."""
    seen = [len(served.events(words))]
    while seen[-1] < count:
        await deferLater(the_reactor(), 0)
        seen.append(len(served.events(words)))
    return max(after - before for before, after in pairwise(seen))


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest_twisted.ensureDeferred
async def test_many_lines_of_one_player_leave_others_their_turn(tmp_path: Path, store: str):
    limits = GameLimits(hello=0.02, lines_per_second=0)
    served = await serve(GameServer(limits), the_reactor(), state_dir=tmp_path, game_store=store)
    ada, _ = await seated(served, "ada")
    ada.say("say hello\n" * 20 + "ready\n" + "say hello\n" * 40)  # a save is under way in the middle of it
    assert 0 < await most_a_turn(served, "event:received", 62) <= LINES_A_TURN
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_many_who_say_much_take_turns_too():
    served = await serve(GameServer(GameLimits(hello=0.02, lines_per_second=0)), the_reactor())
    crowd = [(await seated(served, f"p-{number}"))[0] for number in range(4)]
    for one in crowd:
        one.say("help\n" * 25)
    await served.happens("event:received", "/help/", count=LINES_A_TURN * len(crowd))
    assert 0 < await most_a_turn(served, "event:received", 4 * 26) <= LINES_A_TURN
    for one in crowd:
        one.hang_up()
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_a_crowd_is_greeted_a_few_at_a_time():
    served = await serve(GameServer(GameLimits(hello=0.1)), the_reactor())
    crowd = [socket.socket() for _ in range(100)]
    for one in crowd:
        one.connect((served.host, served.port))
    assert 0 < await most_a_turn(served, "event:sent", len(crowd)) <= GREETED_A_TURN
    for one in crowd:
        assert await deferToThread(one.recv, 1000) == GREETING
        one.close()
    await served.stop()
