"""The waiter remembers your order while you are at the table, and brings it unasked."""

from __future__ import annotations

import pytest
import pytest_twisted

from playground.servers.waiter import Waiter
from playground.testing import Served, serve
from tests.reactor import the_reactor


@pytest_twisted.async_yield_fixture
async def cafe():
    reactor = the_reactor()
    served = await serve(Waiter(), reactor)
    yield served
    await served.stop()


@pytest_twisted.ensureDeferred
async def test_it_brings_what_was_ordered_unasked(cafe: Served):
    ada = await cafe.connect()
    assert await ada.line() == b"* Good evening. Say: order <dish> | the usual | bill\n"
    ada.say("order soup\n")
    assert await ada.line() == b"= soup, very well\n"
    assert await ada.line() == b"> your soup\n"
    ada.say("the usual\nbill\n")
    assert await ada.line() == b"= soup, very well\n"
    assert await ada.line() == b"= 10.00 for soup, soup\n"
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_it_does_not_know_who_comes_back(cafe: Served):
    ada = await cafe.connect()
    ada.say("order soup\n")
    await ada.until("very well\n")
    ada.abort()
    (closed,) = await cafe.happens("event:connection.close")
    assert closed.forgot == {"orders": ("soup",), "cooking": 1}

    ada = await cafe.connect()
    ada.say("the usual\n")
    await ada.until("? have we met?\n")
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_journal_reads_said_changed_answered(cafe: Served):
    ada = await cafe.connect()
    ada.say("order soup\n")
    await ada.until("very well\n")
    story = [type(event).__name__ for event in cafe.events("conn:waiter-1")]
    assert story == ["ConnectionOpen", "Sent", "Received", "State", "Sent"]
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_who_hangs_up_half_still_gets_the_soup(cafe: Served):
    ada = await cafe.connect()
    ada.say("order soup\n").end()
    assert (await ada.rest()).endswith(b"= soup, very well\n> your soup\n")


@pytest.mark.parametrize("wish", ["order", "order ", "pay", "order " + "x" * 41, "order \x1b[2J"])
@pytest_twisted.ensureDeferred
async def test_what_it_does_not_understand_is_refused_and_written_down(cafe: Served, wish: str):
    ada = await cafe.connect()
    await ada.line()
    ada.say(wish + "\n")
    assert await ada.line() == b"! I beg your pardon? Say: order <dish> | the usual | bill\n"
    assert [event.rule for event in cafe.events("event:refused")] == ["unknown-wish"]
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_forget_makes_it_ask_have_we_met(cafe: Served):
    ada = await cafe.connect()
    ada.say("order soup\n")
    await ada.until("very well\n")
    (went,) = cafe.playground.forget("connection")
    assert went.forgot == {"orders": ("soup",), "cooking": 1}
    ada.say("the usual\n")
    assert await ada.until("met?\n") == b"? have we met?\n"
    ada.hang_up()
