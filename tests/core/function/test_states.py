"""The table of an environment's states."""

from __future__ import annotations

from playground.servers.function.states import TABLE, Input, State


def test_every_state_is_reached_and_every_input_means_something():
    assert set(TABLE) == set(State)
    assert {after for row in TABLE.values() for after in row.values()} == set(State) - {State.STARTING}
    assert {what for row in TABLE.values() for what in row} == set(Input)


def test_every_state_but_the_last_can_be_left_at_once():
    for state in set(State) - {State.ENDED}:
        assert {Input.EXIT, Input.FORGOTTEN, Input.SHUTDOWN} <= set(TABLE[state])
    assert not TABLE[State.ENDED]
