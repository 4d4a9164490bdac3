"""The states of an environment: all of them, and every way between them; the docs have a picture of it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What an environment is doing."""

    STARTING = "starting"
    """Its process has not asked for work yet: a cold start is under way."""
    WORKING = "working"
    """It runs the function."""
    FREE = "free"
    """It waits, warm, and remembers whatever its function has left behind."""
    ENDED = "ended"
    """Its process is gone, or is being killed."""


class Input(StrEnum):
    """What can happen. Those that end it are also why its connection is closed, in the journal's word."""

    ASKS = "asks for work"
    GIVEN = "is given a run"
    ANSWERS = "answers"
    RAISES = "raises"
    EXIT = "exit"
    """The process ends by itself: a crash, or the function's own doing."""
    LIMIT = "limit"
    """It takes too long, or answers too much."""
    INIT_ERROR = "init-error"
    """The function cannot be imported."""
    TROUBLE = "trouble"
    """No process can be started."""
    IDLE = "idle"
    GAVE_WAY = "gave-way"
    """Its place is needed for another function."""
    FORGOTTEN = "forgotten"
    SHUTDOWN = "shutdown"


_ANY_TIME = {Input.EXIT: State.ENDED, Input.FORGOTTEN: State.ENDED, Input.SHUTDOWN: State.ENDED}

TABLE: dict[State, dict[Input, State]] = {
    State.STARTING: {
        Input.ASKS: State.WORKING,
        Input.INIT_ERROR: State.ENDED,
        Input.LIMIT: State.ENDED,
        Input.TROUBLE: State.ENDED,
        **_ANY_TIME,
    },
    State.WORKING: {
        Input.ANSWERS: State.FREE,
        Input.RAISES: State.FREE,
        Input.LIMIT: State.ENDED,
        **_ANY_TIME,
    },
    State.FREE: {
        Input.GIVEN: State.WORKING,
        Input.IDLE: State.ENDED,
        Input.GAVE_WAY: State.ENDED,
        **_ANY_TIME,
    },
    State.ENDED: {},
}
"""``TABLE[state][input]`` is the next state. What is not in it cannot happen: ``KeyError`` is our mistake."""
