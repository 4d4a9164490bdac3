"""One scripted player: lines in, lines out, no I/O. It outlives its connections and servers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from playground.lab.referee import Clock, Move, Referee
from playground.servers.game.saved import Saved

BOLDNESS = 0.8
"""How often a player goes deeper when asked."""

_WELCOME = re.compile(r"\* welcome \S+\. Your token is ([0-9a-f]+)\.")
_WELCOME_BACK = re.compile(r"\* welcome back \S+\. New token: ([0-9a-f]+)\.")

Phase = Literal["hung-up", "naming", "coming-back", "comparing", "seated"]


@dataclass
class Player:
    """Plays as fast as it is asked, and notes what it was promised."""

    name: str
    random: Random = field(repr=False)
    referee: Referee = field(repr=False)
    phase: Phase = "hung-up"
    token: str = field(default="", repr=False)
    clock: Clock = field(default_factory=Clock)
    saved: Saved | None = field(default=None, repr=False)
    """What the store held when the last server died."""
    came_back: bool = False
    """Whether the token still had its seat, the last time it was tried."""
    objections: list[str] = field(default_factory=list)
    """What a server said after its start that was not what its predecessor had saved."""
    _asked: bool = False
    _meant: str = ""

    def connected(self) -> list[str]:
        """There is a connection: what to say first."""
        self._asked, self._meant = False, ""
        self.phase = "coming-back" if self.token else "naming"
        return [f"resume {self.token}" if self.token else f"name {self.name}"]

    def hung_up(self, saved: Saved | None) -> None:
        """The server is dead, and this is what it left."""
        self.phase, self.saved, self.came_back = "hung-up", saved, False
        self.clock = Clock(caves=saved.decks if saved else 0)

    def hears(self, line: str) -> list[str]:
        """The next line; returns what to say to it."""
        self.clock.hears(line)
        if line.startswith(("* welcome ", "! no seat has that token")):
            return self._greeted(line)
        if line.startswith("= "):
            self.referee.acknowledged(Move(self.name, line[2:], self.clock.moment))
            self._object_unless(line[2:] in ("ready", self._meant), f"was told {line!r}")
        elif line.startswith("? go deeper or go home?"):
            return self._asked_to_choose()
        elif line == "* Say: ready, for another game":
            return ["ready"]
        elif line.startswith("{") and self.phase == "comparing":
            return self._compared(json.loads(line))
        elif line.startswith(f"> {self.name} goes home with "):
            self._object_unless(self._meant in ("home", ""), "went home and had not said so")
        return []

    def _greeted(self, line: str) -> list[str]:
        if welcome := _WELCOME.match(line):
            self.token, self.phase = welcome[1], "seated"
            self.referee.acknowledged(Move(self.name, "name", self.clock.moment))
            return []
        if back := _WELCOME_BACK.match(line):
            self.token, self.phase, self.came_back = back[1], "comparing", True
            return ["state"]  # in a line of its own: it says that the new token has arrived
        self.token = ""
        return self.connected()

    def _asked_to_choose(self) -> list[str]:
        self._asked = True
        if self.phase == "comparing":
            return []
        self._meant = "go" if self.random.random() < BOLDNESS else "home"
        return [self._meant]

    def _compared(self, four_words: dict[str, Any]) -> list[str]:
        """Whether the seat is as it was saved, and then on with the game."""
        table = four_words["shared"]["game/table"]
        seat = four_words["session"][f"game/{self.name}"]
        self.clock.is_told(table.get("cave", 0), table.get("step", 0))
        if self.saved is not None and (table.get("step", 0), table["table"]) == (
            self.saved.steps if self.saved.cave else 0,
            "lobby" if self.saved.table == "lobby" else "choosing",
        ):
            self._object(self.saved, seat)
        self.phase = "seated"
        if self._asked:
            return self._asked_to_choose()
        return ["ready"] if table["table"] == "lobby" and not seat["ready"] else []

    def _object(self, saved: Saved, seat: dict[str, Any]) -> None:
        was = next((one for one in saved.seats if one.name == self.name), None)
        carried = saved.cave.pockets.get(self.name, 0) if saved.cave else 0
        self._object_unless(was is not None, "has a seat that was not saved")
        if was is not None:
            self._object_unless(was.chest == seat["chest"], f"had {was.chest} and is told {seat['chest']}")
            self._object_unless(carried == seat["pocket"], f"carried {carried}, not {seat['pocket']}")
        if saved.cave is not None and self.name in saved.cave.pockets:
            chosen = saved.cave.choices.get(self.name)
            self._object_unless(self._asked == (chosen is None), f"had said {chosen}, asked: {self._asked}")
            self._meant = chosen or ""

    def _object_unless(self, true: bool, otherwise: str) -> None:
        if not true:
            self.objections.append(f"{self.name} {otherwise}")
