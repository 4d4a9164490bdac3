"""What the game wants done. The core only lists these; a shell does them.

An input gives a list of effects, in order. Nothing of it happens before the
core has finished with the input, so a store can save in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from playground.wire.machines import Transition
from playground.wire.memory import SubjectWhere


@dataclass(frozen=True, slots=True)
class Tell:
    """Send one line to each of these connections, but not to the connection ``but``."""

    to: tuple[str, ...]
    text: str
    secret: str = field(default="", repr=False)
    """A token in ``text`` that the journal must not show."""
    but: str | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """Send one line to that connection that tells of nothing but what is saved: it waits for no save."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class News:
    """A line for everybody at the table and everybody who watches, but not for the connection ``but``."""

    text: str
    but: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Send these bytes as they are: an answer in another protocol."""

    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TellState:
    """Send that connection the four words: what is remembered where."""

    to: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Say no, to the person (unless ``silent``) and to the journal."""

    to: str
    rule: str
    text: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """Journal that a limit was hit. ``setting`` is the field of ``GameLimits``."""

    to: str
    setting: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close that connection when everything is sent."""

    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """A timer's name: there is one of each kind for each ``whose``, and setting it again replaces it."""

    kind: Literal["oil", "low", "pause", "grace", "calm", "greeting"]
    whose: str
    """A seat's name, a connection's id, or ``table``."""
    serial: int = 0
    """Tells it from an older one that was stopped too late. The core fills it in."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Bring ``alarm`` to the core in so many seconds."""

    alarm: Alarm
    seconds: float


@dataclass(frozen=True, slots=True)
class Rest:
    """That alarm is not wanted any more."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class DialogueStep:
    """The dialogue of that connection changed its state."""

    to: str
    step: Transition


@dataclass(frozen=True, slots=True)
class SubjectStep:
    """A seat or the table changed its state."""

    where: SubjectWhere
    name: str
    step: Transition


Effect = (
    Tell
    | Show
    | News
    | Answer
    | TellState
    | Refuse
    | Limit
    | Close
    | Wake
    | Rest
    | DialogueStep
    | SubjectStep
)
