"""One cave: who is inside, what they carry, and what a step does to them.

No gem is invented or lost: :attr:`Cave.gems` plus what was banked is always
:data:`~playground.servers.game.cards.GEMS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from playground.servers.game.cards import Card, Danger, Vein, shared

Choice = Literal["go", "home"]

CAVES = 3
"""In one game."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did, for whoever tells it."""

    depth: int
    """Cards turned in this cave so far."""
    banked: dict[str, int]
    """Who went home, and with how many gems in all."""
    from_floor: int
    """Gems that each of those picked up on the way."""
    inside: tuple[str, ...]
    """Who went deeper, and so saw the card."""
    card: Card | None
    """None when everybody went home."""
    each: int
    """Gems of the vein for each of ``inside``."""
    floor: int
    """Gems on the floor afterwards."""
    dropped: dict[str, int] | None
    """What was dropped by whom, when the card was the second of a danger."""
    ahead: Card | None = None
    """The card that those who went home would have met, where nobody is left to meet it."""
    ahead_again: bool = False
    """Whether that would have been the second of a danger."""


@dataclass
class Cave:
    """A cave in play. ``deck`` is hidden, and so are ``choices`` until the step is made."""

    deck: list[Card] = field(repr=False)
    pockets: dict[str, int]
    """Gems carried by each who is inside."""
    choices: dict[str, Choice] = field(default_factory=dict, repr=False)
    floor: int = 0
    depth: int = 0
    dangers: list[str] = field(default_factory=list)
    """Seen so far, in that order."""
    buried: int = 0
    """Gems that nobody will find any more."""

    @classmethod
    def opened(cls, deck: list[Card], people: Iterable[str]) -> Cave:
        """A fresh cave with ``people`` at its mouth."""
        return cls(deck, dict.fromkeys(people, 0))

    @property
    def gems(self) -> int:
        """All gems that are still here: in the deck, on the floor, in pockets, buried."""
        hidden = sum(card.gems for card in self.deck if isinstance(card, Vein))
        return hidden + self.floor + sum(self.pockets.values()) + self.buried

    @property
    def undecided(self) -> list[str]:
        """Who is inside and has not chosen yet."""
        return [name for name in self.pockets if name not in self.choices]

    @property
    def all_have_chosen(self) -> bool:
        """Whether nobody is :attr:`undecided`. Nobody can choose who is not inside."""
        return len(self.choices) == len(self.pockets)

    def choose(self, name: str, choice: Choice) -> None:
        """``name``, who is inside, wants this. The last word counts."""
        if name not in self.pockets:
            raise ValueError(f"{name} is not inside")
        self.choices[name] = choice

    def leave(self, name: str) -> int:
        """``name`` is gone for good; what they carried, if anything, drops to the floor. Returns it."""
        self.choices.pop(name, None)
        dropped = self.pockets.pop(name, 0)
        self.floor += dropped
        return dropped

    def step(self) -> Step:
        """Make the step that was chosen. Silence follows the light."""
        going_home = [name for name in self.pockets if self.choices.get(name) == "home"]
        self.choices.clear()
        from_floor, left = shared(self.floor, len(going_home))
        banked = {name: self.pockets.pop(name) + from_floor for name in going_home}
        self.floor = left
        inside = tuple(self.pockets)
        each, dropped = 0, None
        if not inside:
            ahead = self.deck[-1] if self.deck and banked else None
            again = isinstance(ahead, Danger) and ahead.kind in self.dangers
            return Step(self.depth, banked, from_floor, inside, None, 0, left, None, ahead, again)
        card = self.deck.pop()
        self.depth += 1
        if isinstance(card, Vein):
            each, left = shared(card.gems, len(inside))
            self.floor += left
            for name in inside:
                self.pockets[name] += each
        else:
            dropped = self._meet(card)
        return Step(self.depth, banked, from_floor, inside, card, each, self.floor, dropped)

    def _meet(self, danger: Danger) -> dict[str, int] | None:
        known = danger.kind in self.dangers
        self.dangers.append(danger.kind)
        if not known:
            return None
        dropped = dict(self.pockets)
        self.buried += sum(dropped.values())
        self.pockets.clear()
        return dropped

    def close(self) -> int:
        """Nobody comes here again: all that is left is buried. Returns how much that is."""
        left = self.gems
        self.deck, self.floor, self.buried = [], 0, 0
        self.pockets.clear()
        self.choices.clear()
        return left
