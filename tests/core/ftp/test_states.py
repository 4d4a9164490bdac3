from __future__ import annotations

from playground.servers.ftp.memory import FRESH, Remembered, phase
from playground.servers.ftp.states import WAYS, State

MEMORIES = (
    FRESH,
    Remembered(user="ada"),
    Remembered(user="ada", authenticated=True, cwd="/"),
    Remembered(user="ada", authenticated=True, cwd="/", rename_from="/a.txt"),
    Remembered(user="ada", authenticated=True, cwd="/", rename_from="/a.txt", data="transfer:RETR"),
    Remembered(user="ada", authenticated=True, cwd="/", data="transfer:RETR", quit_pending=True),
)
"""One for each state."""


def test_each_state_stands_for_a_memory():
    assert [phase(memory) for memory in MEMORIES] == list(State)


def test_every_state_is_led_to_and_all_but_the_last_are_left():
    assert {way.after for way in WAYS} == set(State)
    assert {way.before for way in WAYS} == set(State) - {State.QUITTING}


def test_no_way_is_told_twice():
    ways = [(way.before, what, way.after) for way in WAYS for what in way.inputs]
    assert len(set(ways)) == len(ways)
