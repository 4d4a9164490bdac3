"""The dialogue: one per connection, and it dies with it."""
# No "from __future__ import annotations": Automat reads the signatures of the inputs at run time.

from dataclasses import dataclass, field
from typing import Protocol

from automat import TypeMachineBuilder

from playground.journal.events import Snapshot
from playground.servers.game import words
from playground.servers.game.effects import (
    Alarm,
    Close,
    DialogueStep,
    Effect,
    Limit,
    Refuse,
    Rest,
    Tell,
    Wake,
)
from playground.servers.game.hearers import Hearers
from playground.servers.game.limits import GameLimits
from playground.servers.game.seats import Seat
from playground.wire.flood import Flood
from playground.wire.machines import Transition, trace

ALWAYS = frozenset({"help", "look", "who", "state", "quit"})
MEANS = {
    "greeting": frozenset({"name", "resume", "watch"}),
    "watching": frozenset({"sit"}),
    "seated": frozenset({"ready", "go", "home", "say", "leave"}),
}
"""Which words mean something in which state, beside those that always do."""

HEARING = ("watching", "seated", "muted")
"""The states in which the news are heard."""


class DialogueInputs(Protocol):
    """What can happen in a dialogue."""

    def name(self) -> None:
        """A new player has a seat."""

    def resume(self) -> None:
        """An old player has the seat back."""

    def bad_token(self) -> None:
        """A token that no seat has."""

    def third_bad_token(self) -> None:
        """That was one too many."""

    def watch(self) -> None:
        """Somebody wants to see the game only."""

    def sit(self) -> None:
        """A watcher has a seat."""

    def leave(self) -> None:
        """The player has left the seat."""

    def forgotten(self) -> None:
        """The server was told to forget who is on this connection, or the seat."""

    def flood(self) -> None:
        """More lines than anybody types."""

    def calm(self) -> None:
        """The time of silence is over."""

    def end_of_input(self) -> None:
        """The client has closed its half and still reads."""

    def flushed(self) -> None:
        """After that, everything was sent."""

    def quit(self) -> None:
        """The word."""

    def unnamed(self) -> None:
        """Nobody has said in time who it is."""

    def idle(self) -> None:
        """Nothing was said for too long."""

    def line_too_long(self) -> None:
        """A line without end."""

    def other_protocol(self) -> None:
        """A client that speaks HTTP or TLS."""

    def taken_over(self) -> None:
        """A newer connection brought the token of this one's seat."""

    def clogged(self) -> None:
        """The client does not read what it is sent."""

    def aborted(self) -> None:
        """The socket is gone."""


@dataclass(eq=False)
class Talk:
    """One connection's part of the conversation."""

    conn: str
    address: str
    limits: GameLimits = field(repr=False)
    effects: list[Effect] = field(repr=False)
    hearers: Hearers = field(default_factory=Hearers, repr=False)
    """All connections that hear the news, this one's included or not: a broadcast asks nobody else."""
    seat: Seat | None = None
    wrong_tokens: int = 0
    resumed: bool = False
    """True from a resume to the next line: the token that was used is still good."""
    lost_lines: int = 0
    """Lines not heard since it was muted."""
    lost: bool = False
    """True once the socket is gone."""
    machine: DialogueInputs = field(init=False, repr=False)
    pace: Flood = field(init=False, repr=False)
    state: str = "greeting"
    """``greeting``, ``watching``, ``seated``, ``muted``, ``half-closed`` or ``closed``."""
    _picture: Snapshot = field(default_factory=dict, repr=False)
    _pictured: tuple[str, Seat | None, int] = ("greeting", None, 0)
    """What :attr:`_picture` was made from."""

    def __post_init__(self) -> None:
        self.hear_all()
        self.machine = dialogue_machine(self)
        trace(self.machine, "dialogue", self._stepped)

    def _stepped(self, step: Transition) -> None:
        self.state = step.after
        if step.after in HEARING:
            self.hearers.add(self.conn)
        else:
            self.hearers.discard(self.conn)
        if step.before != step.after:
            self.effects.append(DialogueStep(self.conn, step))

    def hear_all(self) -> None:
        """However fast it spoke before, it is forgiven."""
        self.pace = Flood(self.limits.lines_per_second, self.limits.lines_at_once)
        self.lost_lines = 0

    def expect_a_name(self) -> None:
        """Who greets is not waited for without end."""
        if self.limits.greeting > 0:
            self.effects.append(Wake(Alarm("greeting", self.conn), self.limits.greeting))

    def too_fast(self, now: float) -> bool:
        """Count a line at ``now`` (seconds): true when it is one too many."""
        return self.pace.rate > 0 and self.pace.exceeded(now)

    def remembered(self) -> Snapshot:
        """What is held for this connection: nothing while it greets. The same object until it changes."""
        state = self.state
        made_from = (state, self.seat, self.wrong_tokens)
        if made_from == self._pictured or self.lost or state == "half-closed":
            return self._picture  # of a lost one: what dies with the socket, until the wire has said so
        self._pictured = made_from
        picture: dict[str, object] = {}
        if state not in ("greeting", "closed"):
            picture["dialogue"] = state
        if self.seat is not None:
            picture["seat"] = self.seat.name
        if self.wrong_tokens and state != "closed":
            picture["wrong_tokens"] = self.wrong_tokens
        if picture != self._picture:
            self._picture = picture
        return self._picture


# -- what the dialogue wants done: behaviours do nothing but append to the list of effects -----------


def _greet(inputs: DialogueInputs, talk: Talk) -> None:
    talk.expect_a_name()


def _named(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Rest(Alarm("greeting", talk.conn)))


def _give_up(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Limit(talk.conn, "greeting", talk.limits.greeting, "nobody said a name"))
    talk.effects.append(Tell((talk.conn,), words.GOODBYES["greeting"]))
    talk.effects.append(Close(talk.conn, "limit"))


def _say_no(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Refuse(talk.conn, "bad-token", words.BAD_TOKEN))


def _show_the_door(inputs: DialogueInputs, talk: Talk) -> None:
    most = talk.limits.tokens_per_connection
    talk.effects.append(Refuse(talk.conn, "bad-token", words.BAD_TOKENS))
    talk.effects.append(Limit(talk.conn, "tokens_per_connection", most, "too many wrong tokens"))
    talk.effects.append(Close(talk.conn, "limit"))


def _mute(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(
        Limit(talk.conn, "lines_per_second", talk.limits.lines_per_second, "more lines than one person types")
    )
    talk.effects.append(Refuse(talk.conn, "flood", words.muted(talk.limits.calm)))
    talk.effects.append(Wake(Alarm("calm", talk.conn), talk.limits.calm))


def _close_flood(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(
        Limit(talk.conn, "lines_per_second", talk.limits.lines_per_second, "more lines than one person types")
    )
    talk.effects.append(Tell((talk.conn,), words.GOODBYES["flood"]))
    talk.effects.append(Close(talk.conn, "flood"))


def _hear_again(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Tell((talk.conn,), words.CALM))


def _finish(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Rest(Alarm("calm", talk.conn)))
    talk.effects.append(Close(talk.conn, "client"))


def _part(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Tell((talk.conn,), words.GOODBYE))
    talk.effects.append(Close(talk.conn, "quit"))


def _cut_off(inputs: DialogueInputs, talk: Talk) -> None:
    talk.effects.append(Refuse(talk.conn, "line-too-long", words.too_long(talk.limits.line)))
    talk.effects.append(Limit(talk.conn, "line", talk.limits.line, "a line without end"))
    talk.effects.append(Close(talk.conn, "limit"))


# -- the machine -------------------------------------------------------------------------------------

_dialogue = TypeMachineBuilder(DialogueInputs, Talk)
greeting = _dialogue.state("greeting")
watching = _dialogue.state("watching")
seated = _dialogue.state("seated")
muted = _dialogue.state("muted")
half_closed = _dialogue.state("half-closed")
closed = _dialogue.state("closed")

greeting.upon(DialogueInputs.name).to(seated)(_named)
greeting.upon(DialogueInputs.watch).to(watching)(_named)
greeting.upon(DialogueInputs.resume).to(seated)(_named)
greeting.upon(DialogueInputs.unnamed).to(closed)(_give_up)
greeting.upon(DialogueInputs.bad_token).to(greeting)(_say_no)
greeting.upon(DialogueInputs.third_bad_token).to(closed)(_show_the_door)
greeting.upon(DialogueInputs.other_protocol).to(closed).returns(None)
watching.upon(DialogueInputs.sit).to(seated).returns(None)
seated.upon(DialogueInputs.leave).to(greeting)(_greet)
seated.upon(DialogueInputs.flood).to(muted)(_mute)
muted.upon(DialogueInputs.calm).to(seated)(_hear_again)
muted.upon(DialogueInputs.flood).to(closed)(_close_flood)
# Who has no seat has nothing to lose, and is not worth a timer.
greeting.upon(DialogueInputs.flood).to(closed)(_close_flood)
watching.upon(DialogueInputs.flood).to(closed)(_close_flood)

for _state in (watching, seated, muted):
    _state.upon(DialogueInputs.forgotten).to(greeting)(_greet)
for _state in (seated, muted, half_closed):
    _state.upon(DialogueInputs.taken_over).to(closed).returns(None)
for _state in (greeting, watching, seated, muted):
    _state.upon(DialogueInputs.end_of_input).to(half_closed)(_finish)
    _state.upon(DialogueInputs.quit).to(closed)(_part)
    _state.upon(DialogueInputs.line_too_long).to(closed)(_cut_off)
    _state.upon(DialogueInputs.idle).to(closed).returns(None)
    _state.upon(DialogueInputs.clogged).to(closed).returns(None)
    _state.upon(DialogueInputs.aborted).to(closed).returns(None)
half_closed.upon(DialogueInputs.flushed).to(closed).returns(None)
half_closed.upon(DialogueInputs.clogged).to(closed).returns(None)
half_closed.upon(DialogueInputs.aborted).to(closed).returns(None)

dialogue_machine = _dialogue.build()
