"""What the world may see of seats and table: frozen, and without the deck, the choices or a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from math import inf

from playground.journal.events import Json, Snapshot
from playground.servers.game.game import TABLE, Game
from playground.servers.game.seats import Seat, Seats
from playground.wire.memory import NOTHING, Subject

COUNTDOWN = 0.1
"""Seconds for which it is told that a seat is kept for so-and-so long, before that is counted anew."""


def of_seat(seat: Seat, pocket: int) -> dict[str, Json]:
    """One seat; ``pocket`` is what its owner carries in the cave."""
    return {
        "name": seat.name,
        "seat": seat.state,
        "pocket": pocket,
        "chest": seat.chest,
        "ready": seat.ready,
    }


def of_table(game: Game) -> dict[str, Json]:
    """The table: empty while nobody has sat down since it was laid.

    How many have decided is known to all, but not who wants what.
    """
    cave = game.cave
    if cave is None and not game.seats:
        return {}
    picture: dict[str, Json] = {"table": game.state, "players": len(game.seats)}
    if cave is not None:
        picture |= {
            "cave": game.cave_number,
            "step": game.steps,
            "depth": cave.depth,
            "floor": cave.floor,
            "dangers": list(cave.dangers),
            "inside": list(cave.pockets),
            "decided": len(cave.choices),
            "oil_until": None if game.oil_until is None else round(game.oil_until, 3),
        }
    return picture


class Touch(Enum):
    """What an input may have changed of all this."""

    NOTHING = auto()
    TABLE = auto()
    SEAT = auto()
    """Of whoever has said something, alone."""
    EVERYTHING = auto()


class Pictures:
    """The newest picture of each subject. What nobody has touched is the identical object.

    ``expires_in`` tells for how many seconds a seat is still kept, if somebody counts them.
    """

    def __init__(
        self,
        seats: Seats,
        game: Game,
        expires_in: Callable[[Seat], float | None],
        now: Callable[[], float],
    ) -> None:
        self._seats = seats
        self._game = game
        self._expires_in = expires_in
        self._now = now
        self._kept: dict[str, Snapshot] = {}
        self._of_seats: tuple[Subject, ...] | None = None
        self._of_all: tuple[Subject, ...] | None = None
        self._good_until = 0.0

    def touched(self, what: Touch, seat: Seat | None = None) -> None:
        """An input is done that may have changed ``what``; ``seat`` is that of whose input it was."""
        if what is Touch.EVERYTHING:
            self._of_seats = None
        elif what is Touch.SEAT and seat is not None and self._of_seats is not None:
            new = self.of_seat(seat)
            self._of_seats = tuple(new if known.name == new.name else known for known in self._of_seats)
        if what is not Touch.NOTHING:
            self._of_all = None

    def all(self) -> tuple[Subject, ...]:
        """Every seat and the table."""
        if self._now() >= self._good_until:
            self._of_seats = self._of_all = None
        if self._of_seats is None:
            self._of_seats = tuple(self.of_seat(seat) for seat in self._seats)
            counting = any(subject.expires_in is not None for subject in self._of_seats)
            self._good_until = self._now() + COUNTDOWN if counting else inf
            self._of_all = None
        if self._of_all is None:
            self._of_all = (*self._of_seats, *self.of_table())
        return self._of_all

    def of_seat(self, seat: Seat) -> Subject:
        """One seat, as everybody may see it."""
        picture = of_seat(seat, self._game.carried_by(seat))
        return Subject("session", seat.subject, self._newest(seat.subject, picture), self._expires_in(seat))

    def of_table(self) -> Iterator[Subject]:
        """The table without its secrets, once somebody has sat down at it."""
        if picture := of_table(self._game):
            yield Subject("shared", TABLE, self._newest(TABLE, picture))

    def drop(self, name: str) -> None:
        """That subject is gone."""
        self._kept.pop(name, None)

    def _newest(self, name: str, picture: Snapshot) -> Snapshot:
        """``picture``, or the object that looked the same before."""
        if self._kept.get(name, NOTHING) != picture:
            self._kept[name] = picture
        return self._kept[name]
