"""What the world may see of seats and table: frozen, and without the deck, the choices or a token."""

from __future__ import annotations

from playground.journal.events import Json, Snapshot
from playground.servers.game.game import Game
from playground.servers.game.seats import Seat
from playground.wire.memory import NOTHING


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


class Pictures:
    """Keeps the newest picture of each subject, so that an unchanged one is the identical object."""

    def __init__(self) -> None:
        self._kept: dict[str, Snapshot] = {}

    def kept(self, name: str, picture: Snapshot) -> Snapshot:
        """``picture``, or the object that looked the same before."""
        if self._kept.get(name, NOTHING) != picture:
            self._kept[name] = picture
        return self._kept[name]

    def drop(self, name: str) -> None:
        """That subject is gone."""
        self._kept.pop(name, None)
