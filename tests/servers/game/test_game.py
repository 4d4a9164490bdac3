"""Lantern on real sockets: playing, coming back, being forgotten."""

from __future__ import annotations

import json

import pytest_twisted

from tests.servers.game.conftest import House
from tests.servers.game.players import seated, states_of, token_in


@pytest_twisted.ensureDeferred
async def test_two_players_go_through_a_cave(house: House):
    served = await house(seed=3)
    ada, _ = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    await ada.until("* bob sits down\n")
    ada.say("ready\n")
    await bob.until("* ada is ready (1/2)\n")
    bob.say("ready\n")
    for person in (ada, bob):
        await person.until("? go deeper or go home? (12s of oil)  you carry 0\n")
        person.say("go\n")
    first = [line for line in (await ada.until("you carry ")).splitlines() if line.startswith(b"> depth 1: ")]
    await bob.until(first[0] + b"\n")
    for person in (ada, bob):
        person.say("home\n")
    await bob.until("> cave 1 of 3 is over. Chests: ")
    await ada.until("> cave 2 of 3. The lamps are lit. Inside: ada and bob\n")
    for person in (ada, bob):
        person.say("quit\n")
        assert (await person.rest()).endswith(b"* goodbye\n")


@pytest_twisted.ensureDeferred
async def test_the_seed_fixes_the_deck(house: House):
    told = []
    for _ in range(2):
        served = await house(seed="cave-7")
        ada, _token = await seated(served, "ada")
        ada.say("ready\ngo\ngo\ngo\n").end()
        told.append(await ada.rest())
    assert told[0] == told[1]
    assert b"> depth 3: " in told[0]


@pytest_twisted.ensureDeferred
async def test_a_killed_client_comes_back_to_its_seat(house: House):
    served = await house()
    ada, token = await seated(served, "ada")
    bob, _ = await seated(served, "bob")
    ada.abort()
    await bob.until("* ada has gone quiet. Their seat is kept for 60s\n")
    ada = await served.connect()
    ada.say(f"resume {token}\n")
    back = await ada.until("You carry 0; chest 0\n")
    assert b"* welcome back ada. New token: " in back
    await bob.until("* ada is back\n")

    everything = repr(served.journal.ring)
    assert token not in everything
    assert token_in(back) not in everything
    closed, again = served.events(["conn:game-1", "event:connection.close"][1], "conn:game-1"), served
    assert again is served
    (closing,) = closed
    assert closing.forgot == {"dialogue": "seated", "seat": "ada"}
    kept = {part.name: part for part in closing.kept}
    assert kept["game/ada"].remembers["seat"] == "away"
    assert 59 < kept["game/ada"].expires_in <= 60
    ada.hang_up()
    bob.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_newest_connection_with_the_token_wins(house: House):
    served = await house()
    old, token = await seated(served, "ada")
    new = await served.connect()
    new.say(f"resume {token}\n")
    await new.until("* welcome back ada. ")
    assert (await old.rest()).endswith(b"you go on there, this one is closed\n")
    (closing,) = await served.happens("conn:game-1", "event:connection.close")
    assert closing.reason == "takeover"
    assert closing.forgot == {}
    new.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_journal_reads_said_changed_answered(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    story = []
    for event in served.events():
        kind = type(event).__name__
        if kind == "State":
            story.append(f"= {event.where} {event.machine} {event.before} -> {event.after}")
        elif kind in ("Received", "Sent"):
            story.append(f"{'C' if kind == 'Received' else 'S'}: {event.data[:20].rstrip()}")
        else:
            story.append(kind)
    assert story == [
        "ConnectionOpen",
        "S: * Lantern. Say: name",
        "C: name ada",
        "= connection dialogue greeting -> seated",
        "SessionStart",
        "= session None None -> None",
        "= shared None None -> None",
        "S: * welcome ada. Your",
    ]
    assert states_of(served, "game/table")[-1].changed == {"table": (None, "lobby"), "players": (None, 1)}
    ada.hang_up()
    await served.happens("event:connection.close")
    away = states_of(served, "game/ada")[-1]
    assert (away.machine, away.input, away.before, away.after) == (
        "seat",
        "connection_lost",
        "present",
        "away",
    )
    assert away.changed == {"seat": ("present", "away")}


@pytest_twisted.ensureDeferred
async def test_state_answers_what_the_journal_says(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say("state\n")
    answer = json.loads(await ada.line())
    assert answer["connection"] == {"dialogue": "seated", "seat": "ada"}
    assert answer["carried"] == {}
    for where in ("session", "shared"):
        ((name, remembers),) = answer[where].items()
        assert remembers == states_of(served, name)[-1].remembers
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_the_oil_burns_on_the_real_clock_and_grace_ends(house: House):
    served = await house(solo_oil=0.05, oil=0.05, pause=0.01, grace=0.05)
    ada, _ = await seated(served, "ada")
    ada.say("ready\n")
    await ada.until("> the oil is burnt. ada follows the light\n")
    ada.abort()
    (ended,) = await served.happens("event:session.end")
    assert (ended.session, ended.reason) == ("game/ada", "expired")
    assert states_of(served, "game/table")[-1].after == "lobby"


@pytest_twisted.ensureDeferred
async def test_forget_really_forgets(house: House):
    served = await house()
    ada, token = await seated(served, "ada")
    (gone,) = served.playground.forget("connection")
    assert gone.forgot == {"dialogue": "seated", "seat": "ada"}
    await ada.until("* who you are was forgotten")
    ada.say(f"resume {token}\n")
    await ada.until("* welcome back ada")
    (gone,) = served.playground.forget("session")
    assert gone.session == "game/ada"
    assert [event.reason for event in served.events("event:session.end")] == ["forgotten"]
    await ada.until("* your seat was forgotten")
    ada.say("name ada\nready\n")
    await ada.until("? go deeper")
    (gone,) = served.playground.forget("shared")
    assert gone.shared == "game/table"
    await ada.until("* the game was forgotten")
    ada.say("state\n")
    await ada.until('"table": "lobby"')
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_forget_of_everything_tells_what_was_there_when_it_was_asked(house: House):
    """A seat is away by its turn, because the connections went first; and the table of nobody is gone."""
    served = await house()
    ada, _ = await seated(served, "ada")
    gone = served.playground.forget("connection", "session", "shared")
    assert [(event.conn or event.session or event.shared, event.forgot) for event in gone] == [
        ("game-1", {"dialogue": "seated", "seat": "ada"}),
        ("game/ada", {"name": "ada", "seat": "present", "pocket": 0, "chest": 0, "ready": False}),
        ("game/table", {"table": "lobby", "players": 1}),
    ]
    assert served.events("event:forgotten") == gone
    ada.hang_up()


@pytest_twisted.ensureDeferred
async def test_when_the_playground_closes_it_says_so_and_leaves_no_timer(house: House):
    served = await house()
    ada, _ = await seated(served, "ada")
    ada.say("ready\n")
    await ada.until("? go deeper")
    await ada.line()
    await served.stop()
    assert await ada.rest() == b"* the playground closes\n"


@pytest_twisted.ensureDeferred
async def test_forty_people_hear_each_other(house: House):
    served = await house()
    people = [(await seated(served, f"player-{number}"))[0] for number in range(40)]
    people[0].say("say hello\n")
    for person in people:
        await person.until("* player-0: hello\n")
    for person in people:
        person.say("ready\n")
    for person in people:
        await person.until("? go deeper or go home? (12s of oil)  you carry 0\n")
        person.hang_up()
