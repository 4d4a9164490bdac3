"""The part of the game that outlives the process: as bytes, and back.

Seats, pockets, chests, the table's phase, the oil, the deck. Connections and
who sits on which are not in it: after a restart every seat is away, and its
token brings its owner back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from playground.servers.game.cards import DANGERS, VEINS, Card, Danger, Vein
from playground.servers.game.cave import CAVES, Cave, Choice
from playground.servers.game.seats import NAME

if TYPE_CHECKING:
    from playground.servers.game.lantern import Lantern

VERSION = 1
"""Of this form. A change needs a step in :data:`UPGRADES`."""

UPGRADES: dict[int, Callable[[bytes], bytes]] = {}
"""``UPGRADES[n]`` makes bytes of version n + 1 out of bytes of version n."""

Phase = Literal["lobby", "choosing", "between", "paused"]


class Unusable(Exception):
    """Bytes that are no saved game."""


class SavedSeat(msgspec.Struct, forbid_unknown_fields=True):
    """One seat."""

    name: str
    key: str
    used_key: str | None
    ready: bool
    chest: int


class SavedCave(msgspec.Struct, forbid_unknown_fields=True):
    """The cave in play. A card is its number of gems or the name of its danger."""

    deck: list[int | str]
    pockets: dict[str, int]
    choices: dict[str, Choice]
    floor: int
    depth: int
    dangers: list[str]
    buried: int


class Saved(msgspec.Struct, forbid_unknown_fields=True):
    """Everything."""

    table: Phase
    seats: list[SavedSeat]
    cave: SavedCave | None
    cave_number: int
    steps: int
    oil_until: float | None
    """When the oil is burnt, in seconds since 1970."""
    oil_left: float
    dealt: int
    buried: int
    decks: int
    """Decks shuffled so far, so that one who knows the seed can go on from there."""


def taken(lantern: Lantern) -> bytes:
    """The game as it is now, between two inputs. The same game gives the same bytes."""
    game = lantern.game
    cave = game.cave
    return msgspec.json.encode(
        Saved(
            table=game.state,  # type: ignore[arg-type]  # it is not resolving between two inputs
            seats=[SavedSeat(s.name, s.key, s.used_key, s.ready, s.chest) for s in lantern.seats],
            cave=None if cave is None else _cave_taken(cave),
            cave_number=game.cave_number,
            steps=game.steps,
            oil_until=game.oil_until,
            oil_left=game.oil_left,
            dealt=game.dealt,
            buried=game.buried,
            decks=game.decks,
        )
    )


def _cave_taken(cave: Cave) -> SavedCave:
    return SavedCave(
        [card.gems if isinstance(card, Vein) else card.kind for card in cave.deck],
        cave.pockets,
        cave.choices,
        cave.floor,
        cave.depth,
        cave.dangers,
        cave.buried,
    )


def read(body: bytes) -> Saved:
    """What :func:`taken` wrote. Raises :class:`Unusable`."""
    try:
        saved = msgspec.json.decode(body, type=Saved)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unusable(str(error)) from error
    if why_not := next(_what_is_wrong(saved), None):
        raise Unusable(why_not)
    return saved


def cave_of(saved: SavedCave) -> Cave:
    """That cave, as it was."""
    deck: list[Card] = [Vein(card) if isinstance(card, int) else Danger(card) for card in saved.deck]
    return Cave(
        deck,
        dict(saved.pockets),
        dict(saved.choices),
        saved.floor,
        saved.depth,
        list(saved.dangers),
        saved.buried,
    )


def _what_is_wrong(saved: Saved) -> Iterator[str]:
    """Why that cannot be a game of ours: what was written by another hand must not break the rules."""
    cave, names = saved.cave, [seat.name for seat in saved.seats]
    if len({name.lower() for name in names}) < len(names) or not all(map(NAME.fullmatch, names)):
        yield "its names are no names"
    if (saved.table in ("choosing", "paused")) != (cave is not None):
        yield "a cave is open at the wrong time"
    if (saved.table == "choosing") != (saved.oil_until is not None):
        yield "oil burns at the wrong time"
    if saved.cave_number not in range(CAVES + 1):
        yield "there is no such cave"
    numbers = [saved.steps, saved.dealt, saved.buried, saved.decks, *(seat.chest for seat in saved.seats)]
    gems = saved.buried + sum(seat.chest for seat in saved.seats)
    if cave is not None:
        numbers += [cave.floor, cave.depth, cave.buried, *cave.pockets.values()]
        if not (set(cave.pockets) <= set(names) and set(cave.choices) <= set(cave.pockets)):
            yield "somebody is inside who has no seat"
        if not set(cave.deck) <= {*VEINS, *DANGERS}:
            yield "there is no such card"
        elif cave.pockets and not cave.deck:
            yield "the deck is empty"
        gems += cave_of(cave).gems
    if min(numbers) < 0 or gems != saved.dealt:
        yield "gems were invented or lost"
