"""What there is to see of the game at one moment, and how ``look`` and ``who`` tell it."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from playground.servers.game import words
from playground.servers.game.cave import Cave
from playground.servers.game.game import Game
from playground.servers.game.saved import Saved, cave_of


class SeatSeen(NamedTuple):
    """One seat."""

    name: str
    present: bool
    ready: bool
    chest: int
    pocket: int


class Scene(NamedTuple):
    """Seats and table, without who sits where and with which token."""

    table: str
    seats: list[SeatSeen]
    cave: Cave | None
    cave_number: int
    oil_until: float | None
    """When the oil is burnt, in seconds since 1970; None while none burns."""


def scene_of(game: Game) -> Scene:
    """The game as it is now. It is to be told at once: its cave goes on."""
    seats = [SeatSeen(s.name, s.present, s.ready, s.chest, game.carried_by(s)) for s in game.seats]
    return Scene(game.state, seats, game.cave, game.cave_number, game.oil_until)


def scene_saved(saved: Saved, present: Container[str]) -> Scene:
    """The game as it was ``saved``, with those ``present`` who were there then."""
    cave = None if saved.cave is None else cave_of(saved.cave)
    pockets = {} if cave is None else cave.pockets
    seats = [
        SeatSeen(s.name, s.name in present, s.ready, s.chest, pockets.get(s.name, 0)) for s in saved.seats
    ]
    return Scene(saved.table, seats, cave, saved.cave_number, saved.oil_until)


def looked_at(scene: Scene, now: float) -> list[str]:
    """``look``, at ``now`` (seconds since 1970): the cave, or who has what in the chest."""
    cave = scene.cave
    if cave is None:
        lines = [words.nothing_open(scene.table, {seat.name: seat.chest for seat in scene.seats})]
        lazy = [seat.name for seat in scene.seats if seat.present and not seat.ready]
        if lazy and scene.table == "lobby":
            lines.append(words.not_ready(lazy))
        return lines
    left = None if scene.oil_until is None else scene.oil_until - now
    lines = [
        words.cave_seen(scene.cave_number, cave.depth, cave.floor, cave.dangers),
        words.people_seen(cave.pockets, left),
    ]
    if len(cave.pockets) > 1 and cave.undecided:
        lines.append(
            words.not_chosen(cave.undecided, [seat.name for seat in scene.seats if not seat.present])
        )
    return lines


def seats_told(scene: Scene, now: float) -> list[str]:
    """``who``: a line for each seat."""
    lines = [
        words.sits_here(seat.name, seat.present, seat.chest, seat.pocket, seat.ready) for seat in scene.seats
    ]
    return lines or [words.NOBODY]
