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
    """The table. How many have decided is known to all, but not who wants what."""
    cave = game.cave
    return {
        "table": game.state,
        "players": len(game.seats),
        "cave": game.cave_number,
        "step": game.steps,
        "depth": cave.depth if cave else 0,
        "floor": cave.floor if cave else 0,
        "dangers": list(cave.dangers) if cave else [],
        "inside": list(cave.pockets) if cave else [],
        "decided": len(cave.choices) if cave else 0,
        "oil_until": None if game.oil_until is None else round(game.oil_until, 3),
    }


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
