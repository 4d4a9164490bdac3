"""What the players were promised, held against what a dead server left behind.

No I/O: lines that players read come in, and a saved game; a verdict comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from playground.servers.game.cards import GEMS, Vein
from playground.servers.game.cave import CAVES
from playground.servers.game.saved import Saved, cave_of

_CAVE_OPENS = re.compile(r"> cave (\d) of \d\. The lamps are lit")
_DEPTH = re.compile(r"> depth (\d+): ")
_CAVE_OVER = re.compile(r"> cave \d of \d is over")


class Moment(NamedTuple):
    """How far the table is. A later moment is greater."""

    cave: int
    """The cave that is open or will be next, counted through all games, from 1."""
    step: int
    """Its step, from 1; 0 while it is not open yet."""


class Move(NamedTuple):
    """Something that the server has said it had taken."""

    player: str
    word: str
    """``name``, ``ready``, ``go`` or ``home``."""
    at: Moment


@dataclass
class Clock:
    """Tells the moment from what one player reads."""

    caves: int = 0
    """Caves that were opened so far."""
    step: int = 0
    """The step of the newest; 0 while none is open."""

    @property
    def moment(self) -> Moment:
        """Where the table is, as far as this player has heard."""
        return Moment(self.caves, self.step) if self.step else Moment(self.caves + 1, 0)

    def hears(self, line: str) -> None:
        """The next line."""
        if opens := _CAVE_OPENS.match(line):
            self.caves, self.step = self._newest(int(opens[1]), self.caves + 1), 1
        elif depth := _DEPTH.match(line):
            self.step = int(depth[1]) + 1  # each step that anybody sees turns one card
        elif _CAVE_OVER.match(line):
            self.step = 0

    def is_told(self, number: int, step: int) -> None:
        """The server's own word: the cave's ``number`` within its game, and the step; 0 and 0 for none."""
        if number:
            self.caves = self._newest(number, self.caves)
        self.step = step

    def _newest(self, number: int, at_least: int) -> int:
        """How many caves there were, when the newest is number so-and-so of its game."""
        return at_least + (number - at_least) % CAVES


@dataclass(frozen=True)
class Verdict:
    """After one kill."""

    acknowledged: int
    """Moves that the server had taken since the kill before."""
    lost: tuple[Move, ...]
    """Those of them that nobody knows any more."""
    seats: int
    """Seats that were found."""
    gems: Gems | None
    """None where nothing was saved."""

    @property
    def found(self) -> int:
        """Moves that outlived the process."""
        return self.acknowledged - len(self.lost)


@dataclass(frozen=True)
class Gems:
    """Where the gems of one game are."""

    dealt: tuple[int, ...]
    """As many as this there must be. In the lobby the last game may never have been played."""
    deck: int
    floor: int
    pockets: int
    chests: int
    buried: int

    @classmethod
    def of(cls, saved: Saved) -> Gems:
        """Counted card by card, and not believed."""
        cave = None if saved.cave is None else cave_of(saved.cave)
        return cls(
            dealt=(saved.cave_number * GEMS,) if saved.cave_number else (0, CAVES * GEMS),
            deck=sum(card.gems for card in cave.deck if isinstance(card, Vein)) if cave else 0,
            floor=cave.floor if cave else 0,
            pockets=sum(cave.pockets.values()) if cave else 0,
            chests=sum(seat.chest for seat in saved.seats),
            buried=saved.buried + (cave.buried if cave else 0),
        )

    @property
    def conserved(self) -> bool:
        """Whether none was invented or lost."""
        return self.deck + self.floor + self.pockets + self.chests + self.buried in self.dealt

    def __str__(self) -> str:
        return (
            f"deck {self.deck}, floor {self.floor}, pockets {self.pockets}, "
            f"chests {self.chests}, buried {self.buried}"
        )


@dataclass
class Referee:
    """Keeps every acknowledged move until a kill has put it to the test."""

    moves: list[Move] = field(default_factory=list)

    def acknowledged(self, move: Move) -> None:
        """The server says that it has taken this."""
        self.moves.append(move)

    def examine(self, saved: Saved | None) -> Verdict:
        """The process is dead, and ``saved`` is what its store holds; None if that is nothing."""
        lost = tuple(move for move in self.moves if saved is None or not _is_in(move, saved))
        verdict = Verdict(
            len(self.moves),
            lost,
            0 if saved is None else len(saved.seats),
            None if saved is None else Gems.of(saved),
        )
        self.moves = []
        return verdict


def _is_in(move: Move, saved: Saved) -> bool:
    seat = next((seat for seat in saved.seats if seat.name == move.player), None)
    if seat is None:
        return False
    at = moment_of(saved)
    if move.word in ("go", "home"):
        chosen = saved.cave.choices.get(move.player) if saved.cave else None
        return at > move.at or (at == move.at and chosen == move.word)
    return move.word == "name" or at > move.at or seat.ready


def moment_of(saved: Saved) -> Moment:
    """How far the table of a saved game is."""
    return Moment(saved.decks, saved.steps) if saved.cave is not None else Moment(saved.decks + 1, 0)
