from __future__ import annotations

from playground.servers.http.states import TABLE, Input, State


def test_every_state_has_a_row():
    assert set(TABLE) == set(State)


def test_every_state_can_be_reached_from_idle():
    seen: set[State] = set()
    ahead = [State.IDLE]
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead += TABLE[state].values()
    assert seen == set(State)


def test_a_socket_may_be_lost_in_any_state():
    for state in State:
        if state is not State.CLOSED:
            assert TABLE[state][Input.LOST] is State.CLOSED


def test_nothing_happens_after_the_end():
    assert not TABLE[State.CLOSED]


def test_every_input_is_used():
    assert {what for row in TABLE.values() for what in row} == set(Input)


def test_nothing_is_answered_once_it_must_close():
    assert Input.REQUEST not in TABLE[State.MUST_CLOSE]
    assert Input.ANSWERED not in TABLE[State.MUST_CLOSE]
