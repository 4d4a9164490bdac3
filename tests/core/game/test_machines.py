"""Every pair of state and input was decided on purpose. This is the reviewed table."""

from __future__ import annotations

import inspect
from itertools import product
from typing import Any

import pytest
from automat import NoTransition

from playground.servers.game import dialogue, seats, table
from playground.servers.game.dialogue import ALWAYS, MEANS, DialogueInputs, Talk, dialogue_machine
from playground.servers.game.effects import Effect
from playground.servers.game.limits import GameLimits
from playground.servers.game.seats import Seat, SeatInputs, seat_machine
from playground.servers.game.table import Orders, TableInputs, table_machine
from playground.wire.machines import state_of

# Each line: state, input, next state. What is not listed cannot happen: the core never gives that input.

DIALOGUE = """
    greeting     name             seated
    greeting     watch            watching
    greeting     resume           seated
    greeting     bad_token        greeting
    greeting     third_bad_token  closed
    greeting     other_protocol   closed
    greeting     unnamed          closed
    greeting     flood            closed
    greeting     end_of_input     half-closed
    greeting     quit             closed
    greeting     idle             closed
    greeting     line_too_long    closed
    greeting     clogged          closed
    greeting     aborted          closed
    watching     sit              seated
    watching     forgotten        greeting
    watching     flood            closed
    watching     end_of_input     half-closed
    watching     quit             closed
    watching     idle             closed
    watching     line_too_long    closed
    watching     clogged          closed
    watching     aborted          closed
    seated       leave            greeting
    seated       forgotten        greeting
    seated       flood            muted
    seated       taken_over       closed
    seated       end_of_input     half-closed
    seated       quit             closed
    seated       idle             closed
    seated       line_too_long    closed
    seated       clogged          closed
    seated       aborted          closed
    muted        calm             seated
    muted        forgotten        greeting
    muted        flood            closed
    muted        taken_over       closed
    muted        end_of_input     half-closed
    muted        quit             closed
    muted        idle             closed
    muted        line_too_long    closed
    muted        clogged          closed
    muted        aborted          closed
    half-closed  taken_over       closed
    half-closed  flushed          closed
    half-closed  clogged          closed
    half-closed  aborted          closed
"""

SEAT = """
    present  connection_lost       away
    present  connection_forgotten  away
    present  takeover              present
    present  leave                 gone
    present  quit                  gone
    present  forgotten             gone
    away     resume                present
    away     grace_over            gone
    away     forgotten             gone
"""

TABLE = """
    lobby      all_ready        choosing
    lobby      forgotten        lobby
    choosing   all_decided      resolving
    choosing   oil_out          resolving
    choosing   all_away         paused
    choosing   last_seat_gone   lobby
    choosing   forgotten        lobby
    resolving  somebody_inside  choosing
    resolving  nobody_inside    between
    resolving  last_cave        lobby
    between    pause_over       choosing
    between    last_seat_gone   lobby
    between    forgotten        lobby
    paused     one_is_back      choosing
    paused     last_seat_gone   lobby
    paused     forgotten        lobby
"""


def a_talk() -> Talk:
    return Talk("game-1", "192.0.2.1", GameLimits(), [])


def a_seat() -> Seat:
    return Seat("ada", 60.0, [], "game-1", "token")


def states(module: Any) -> list[Any]:
    return [value for value in vars(module).values() if type(value).__name__ == "TypedState"]


@pytest.mark.parametrize(
    ("reviewed", "module", "inputs", "make", "core"),
    [
        (DIALOGUE, dialogue, DialogueInputs, dialogue_machine, a_talk),
        (SEAT, seats, SeatInputs, seat_machine, a_seat),
        (TABLE, table, TableInputs, table_machine, Orders),
    ],
    ids=["dialogue", "seat", "table"],
)
def test_each_pair_is_as_reviewed(reviewed: str, module: Any, inputs: Any, make: Any, core: Any):
    names = [name for name, _ in inspect.getmembers(inputs, inspect.isfunction) if not name.startswith("_")]
    found = set()
    for state, name in product({state.name: state for state in states(module)}.values(), names):
        machine = make(core(), state)
        try:
            getattr(machine, name)()
        except NoTransition:
            assert state_of(machine) == state.name
        else:
            found.add((state.name, name, state_of(machine)))
    assert found == {tuple(line.split()) for line in reviewed.strip().splitlines()}


def test_words_mean_something_where_the_machine_takes_them():
    for state in states(dialogue):
        for word in ("name", "resume", "watch", "sit", "leave"):
            machine = dialogue_machine(a_talk(), state)
            try:
                getattr(machine, word)()
                taken = True
            except NoTransition:
                taken = False
            assert taken == (word in MEANS.get(state.name, ())), f"{word} while {state.name}"
    assert not ALWAYS & set().union(*MEANS.values())


def test_a_machine_shows_no_token():
    effects: list[Effect] = []
    seat = Seat("ada", 60.0, effects, "game-1", "very-secret")
    assert "very-secret" not in repr(seat)
    assert "very-secret" not in repr(seat.machine)
