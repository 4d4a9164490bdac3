"""Lantern through a WebSocket: browser and netcat at one table, and a seat that goes between the two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest_twisted

from playground.servers.game import DOOR, GameServer
from playground.servers.game.limits import GameLimits
from playground.servers.http import HttpServer
from playground.testing import Served, Talk, serve
from playground.wire.frames import Opcode, close_content, frame
from tests.reactor import the_reactor
from tests.servers.game.players import GREETING, seated, states_of, token_in

HANDSHAKE = (
    f"GET {DOOR} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Houses(NamedTuple):
    """The game, and the HTTP server that lets browsers in."""

    game: Served
    site: Served

    async def browser(self) -> Talk:
        talk = await self.site.connect()
        talk.say(HANDSHAKE)
        assert b" 101 " in await talk.until("\r\n\r\n")
        assert await talk.until("| watch") == frame(Opcode.TEXT, GREETING.strip())
        return talk


def said(line: str) -> bytes:
    return frame(Opcode.TEXT, line.encode(), key=b"\x37\xfa\x21\x3d")


def news(line: str) -> bytes:
    return frame(Opcode.TEXT, line.encode())


@pytest_twisted.async_yield_fixture
async def houses() -> AsyncIterator[Houses]:
    reactor = the_reactor()
    game = await serve(GameServer(GameLimits(hello=0.02)), reactor, game_seed=3)
    site = await serve(HttpServer(), reactor, doors=game.server.doors())
    yield Houses(game, site)
    await site.stop()
    await game.stop()


@pytest_twisted.ensureDeferred
async def test_a_browser_and_netcat_play_at_one_table(houses: Houses):
    bob, _ = await seated(houses.game, "bob")
    ada = await houses.browser()
    ada.say(said("name ada"))
    await ada.until("Say: ready")
    assert await ada.until("bob") == news("* here already: bob")
    await bob.until("* ada sits down\n")
    bob.say("say Grüße\n")
    assert await ada.until("e") == news("* bob: Grüße")
    bob.say("ready\n")
    ada.say(said("ready\n"))  # with or without an end of line
    for person in (ada, bob):
        await person.until("? go deeper or go home? (12s of oil)  you carry 0")
    bob.say("go\n")
    ada.say(said("go"))
    await bob.until("> depth 1: ")
    await ada.until("> depth 1: ")
    ada.say(said("quit"))
    await ada.until("* goodbye")
    assert await ada.until(close_content(1000)) == frame(Opcode.CLOSE, close_content(1000))
    await bob.until("* ada has left the table\n")
    bob.hang_up()
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_a_seat_goes_from_the_browser_to_netcat_and_back(houses: Houses):
    ada = await houses.browser()
    ada.say(said("name ada"))
    token = token_in(await ada.until("Say: ready"))
    netcat = await houses.game.connect()
    netcat.say(f"resume {token}\n")
    token = token_in(await netcat.until("You carry 0; chest 0\n"))
    await ada.until("* a newer connection brought your token: you go on there, this one is closed")
    again = await houses.browser()
    again.say(said(f"resume {token}"))
    await again.until("You carry 0; chest 0")
    assert (await netcat.rest()).endswith(b"you go on there, this one is closed\n")
    again.abort()
    await houses.game.happens("conn:game-3", "event:connection.close")
    assert states_of(houses.game, "game/ada")[-1].remembers["seat"] == "away"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_journal_names_the_request_that_came_before(houses: Houses):
    ada = await houses.browser()
    ada.say(said("name ada"))
    token = token_in(await ada.until("Say: ready"))
    ada.hang_up()
    (closing,) = await houses.game.happens("event:connection.close")
    (opening,) = houses.game.events("event:connection.open")
    assert (opening.conn, opening.parent, opening.transport) == ("game-1", "http-1", "websocket")
    assert [event.data for event in houses.game.events("event:received")] == ["name ada\n"]
    assert closing.forgot == {"dialogue": "seated", "seat": "ada"}
    everything = repr(houses.game.journal.ring) + repr(houses.site.journal.ring)
    assert token not in everything


@pytest_twisted.ensureDeferred
async def test_who_asks_and_says_goodbye_in_one_packet_is_answered(houses: Houses):
    ada = await houses.browser()
    goodbye = close_content(1000)
    ada.say(said("who") + frame(Opcode.CLOSE, goodbye, key=b"\x37\xfa\x21\x3d"))
    heard = await ada.until(goodbye)
    assert heard.endswith(frame(Opcode.CLOSE, goodbye))
    answers = [event.data for event in houses.game.events("event:sent") if event.cause is not None]
    assert answers
    assert heard.startswith(news(answers[-1].strip()))
    ada.hang_up()
