"""Seats: one per person. They outlive connections, and so do the gems in them.

Losing the socket is an input to the seat, never its end.
"""
# No "from __future__ import annotations": Automat reads the signatures of the inputs at run time.

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol

from automat import TypeMachineBuilder

from playground.servers.game import words
from playground.servers.game.effects import Alarm, Close, Effect, News, Rest, SubjectStep, Tell, Wake
from playground.wire.machines import Transition, state_of, trace

NAME = re.compile(r"[A-Za-z0-9-]{1,16}")


class SeatInputs(Protocol):
    """What can happen to a seat."""

    def connection_lost(self) -> None:
        """The socket is gone, whyever."""

    def connection_forgotten(self) -> None:
        """The socket is there, but the server was told to forget who is on it."""

    def resume(self) -> None:
        """Somebody brought the token, and nobody sat here."""

    def takeover(self) -> None:
        """Somebody brought the token while an older connection still sat here."""

    def grace_over(self) -> None:
        """Nobody came back in time."""

    def leave(self) -> None:
        """The person stands up but stays to talk."""

    def quit(self) -> None:
        """The person says goodbye; that is no drop."""

    def forgotten(self) -> None:
        """The server was told to forget all seats."""


@dataclass(eq=False)
class Seat:
    """One person's place. Who sits there shows a token, of which only the hash is kept."""

    name: str
    grace: float
    """Seconds that it is kept while nobody sits there."""
    effects: list[Effect] = field(repr=False)
    conn: str | None
    """The connection that sits here now."""
    key: str = field(repr=False)
    """The hash of the token: see :func:`key_of`."""
    used_key: str | None = field(default=None, repr=False)
    """The one of the newest resume: good until that connection says its first further line, lest a
    crash before the new one arrives locks the player out."""
    ready: bool = False
    chest: int = 0
    missed: int = 0
    """Steps that began since nobody sits here."""
    machine: SeatInputs = field(init=False, repr=False)
    state: str = field(init=False)
    """``present``, ``away`` or ``gone``."""

    def __post_init__(self) -> None:
        # A seat that comes out of a store has nobody on it.
        self.machine = seat_machine(self, away if self.conn is None else present)
        self.state = state_of(self.machine)
        trace(self.machine, "seat", self._stepped)

    def _stepped(self, step: Transition) -> None:
        self.state = step.after
        self.effects.append(SubjectStep("session", self.subject, step))

    @property
    def subject(self) -> str:
        """Its name in the journal."""
        return f"game/{self.name}"

    @property
    def present(self) -> bool:
        """True while a connection sits here."""
        return self.state == "present"


# -- what the seat wants done: behaviours do nothing but append to the list of effects ---------------


def _keep(inputs: SeatInputs, seat: Seat) -> None:
    seat.missed = 0
    seat.effects.append(News(words.gone_quiet(seat.name, seat.grace), but=seat.conn))
    seat.effects.append(Wake(Alarm("grace", seat.name), seat.grace))


def _welcome_back(inputs: SeatInputs, seat: Seat) -> None:
    seat.missed = 0
    seat.effects.append(Rest(Alarm("grace", seat.name)))
    seat.effects.append(News(words.is_back(seat.name), but=seat.conn))


def _send_older_away(inputs: SeatInputs, seat: Seat) -> None:
    if seat.conn is not None:
        seat.effects.append(Tell((seat.conn,), words.TAKEN_OVER))
        seat.effects.append(Close(seat.conn, "takeover"))


def _give_up(inputs: SeatInputs, seat: Seat) -> None:
    seat.effects.append(News(words.seat_given_up(seat.name, seat.grace)))


def _stand_up(inputs: SeatInputs, seat: Seat) -> None:
    seat.effects.append(News(words.has_left(seat.name), but=seat.conn))


def _clear(inputs: SeatInputs, seat: Seat) -> None:
    seat.effects.append(Rest(Alarm("grace", seat.name)))


# -- the machine -------------------------------------------------------------------------------------

_seat = TypeMachineBuilder(SeatInputs, Seat)
present = _seat.state("present")
away = _seat.state("away")
gone = _seat.state("gone")

present.upon(SeatInputs.connection_lost).to(away)(_keep)
present.upon(SeatInputs.connection_forgotten).to(away)(_keep)
present.upon(SeatInputs.takeover).to(present)(_send_older_away)
present.upon(SeatInputs.leave).to(gone)(_stand_up)
present.upon(SeatInputs.quit).to(gone)(_stand_up)
present.upon(SeatInputs.forgotten).to(gone)(_clear)
away.upon(SeatInputs.resume).to(present)(_welcome_back)
away.upon(SeatInputs.grace_over).to(gone)(_give_up)
away.upon(SeatInputs.forgotten).to(gone)(_clear)

seat_machine = _seat.build()


class Seats:
    """All seats, by name. ``tokens`` makes a new secret each time it is called."""

    def __init__(self, room: int, grace: float, tokens: Callable[[], str], effects: list[Effect]) -> None:
        self._room = room
        self._grace = grace
        self._tokens = tokens
        self._effects = effects
        self._by_name: dict[str, Seat] = {}

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Seat | None:
        """The seat of that name, in capitals or not."""
        return self._by_name.get(name.lower())

    def why_not(self, name: str) -> tuple[str, str] | None:
        """The rule that forbids a new seat of that name, and how to say so; None where none does."""
        if not NAME.fullmatch(name):
            return "bad-name", words.BAD_NAME
        if self.get(name) is not None:
            return "name-taken", words.name_taken(name)
        if len(self) >= self._room:
            return "table-full", words.table_full(self._room)
        return None

    def add(self, name: str, conn: str) -> tuple[Seat, str]:
        """A new seat with ``conn`` on it, and its token."""
        token = self._tokens()
        return self.put(name, conn, key_of(token)), token

    def put(self, name: str, conn: str | None, key: str) -> Seat:
        """A seat that had that ``key`` before, with ``conn`` on it or nobody."""
        seat = self._by_name[name.lower()] = Seat(name, self._grace, self._effects, conn, key)
        return seat

    def remove(self, seat: Seat) -> None:
        """The seat is gone."""
        self._by_name.pop(seat.name.lower(), None)

    def holder(self, token: str) -> Seat | None:
        """Whose token that is. Takes as long for a wrong one as for a right one."""
        said = key_of(token)
        found = None
        for seat in self:
            for valid in (seat.key, seat.used_key or seat.key):
                if compare_digest(said, valid):
                    found = seat
        return found

    def hand_over(self, seat: Seat, token: str, conn: str) -> str:
        """``conn`` brought ``token`` and sits here from now on; returns the new token that is dealt."""
        dealt = self._tokens()
        seat.used_key, seat.key = key_of(token), key_of(dealt)
        seat.conn = conn
        return dealt


def key_of(token: str) -> str:
    """What is kept of a token: its SHA-256. A token is too long to be guessed, so it needs no salt."""
    return sha256(token.encode()).hexdigest()
