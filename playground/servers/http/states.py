"""The states of one HTTP connection: all of them, and every way between them.

The pictures in the documentation are drawn from :data:`TABLE`. These states
are transport: where the conversation is. They are no memory of the client and
are never journaled as such.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where the conversation is."""

    IDLE = "idle"
    """No request is under way."""
    HEAD = "head"
    """A request's head has begun."""
    BODY = "body"
    """The head is complete, its body is awaited."""
    RESPONDING = "responding"
    """A whole request is being answered."""
    HALF_CLOSED = "half-closed"
    """The client sends no more, and what it has sent is still being answered."""
    MUST_CLOSE = "must-close"
    """The last answer is out; the connection closes when it is sent."""
    UPGRADED = "upgraded"
    """The connection is another protocol's now: a WebSocket's."""
    CLOSED = "closed"
    """The socket is gone."""


class Input(StrEnum):
    """What can happen."""

    BYTES = "first bytes"
    HEAD = "head, a body follows"
    REQUEST = "whole request"
    ANSWERED = "answered"
    ANSWERED_LAST = "answered, the last"
    UPGRADE = "upgrade"
    REFUSED = "refused"
    INPUT_ENDED = "client ended its half"
    GOODBYE = "server stops"
    FINISHED = "nothing left"
    LOST = "socket lost"


_LOST = {Input.LOST: State.CLOSED}

TABLE: dict[State, dict[Input, State]] = {
    State.IDLE: {
        Input.BYTES: State.HEAD,
        Input.INPUT_ENDED: State.HALF_CLOSED,
        Input.GOODBYE: State.MUST_CLOSE,
        **_LOST,
    },
    State.HEAD: {
        Input.HEAD: State.BODY,
        Input.REQUEST: State.RESPONDING,
        Input.REFUSED: State.MUST_CLOSE,
        Input.INPUT_ENDED: State.HALF_CLOSED,
        Input.GOODBYE: State.MUST_CLOSE,
        **_LOST,
    },
    State.BODY: {
        Input.REQUEST: State.RESPONDING,
        Input.REFUSED: State.MUST_CLOSE,
        Input.INPUT_ENDED: State.HALF_CLOSED,
        **_LOST,
    },
    State.RESPONDING: {
        Input.ANSWERED: State.IDLE,
        Input.ANSWERED_LAST: State.MUST_CLOSE,
        Input.UPGRADE: State.UPGRADED,
        Input.INPUT_ENDED: State.HALF_CLOSED,
        **_LOST,
    },
    State.HALF_CLOSED: {
        Input.BYTES: State.HALF_CLOSED,
        Input.HEAD: State.HALF_CLOSED,
        Input.REQUEST: State.HALF_CLOSED,
        Input.ANSWERED: State.HALF_CLOSED,
        Input.ANSWERED_LAST: State.MUST_CLOSE,
        Input.REFUSED: State.MUST_CLOSE,
        Input.UPGRADE: State.UPGRADED,
        Input.FINISHED: State.MUST_CLOSE,
        **_LOST,
    },
    State.MUST_CLOSE: {
        Input.INPUT_ENDED: State.MUST_CLOSE,
        **_LOST,
    },
    State.UPGRADED: {**_LOST},
    State.CLOSED: {},
}
"""``TABLE[state][input]`` is the next state. What is not in it cannot happen: ``KeyError`` is our mistake."""
